/* SPDX-License-Identifier: BSD-2-Clause */
/* check_verbs.h - the verbs of mtasts-check, lint and explain, which need no
 * network. */
#ifndef PROG_CHECK_VERBS_H
#define PROG_CHECK_VERBS_H

#include "prog/check_cli.h"

/* Runs CLI's verb, which is not CHECK_VERB_CHECK, with its arguments. Returns the
 * exit status; errors go to standard error. */
int check_verb_run(const struct check_cli *cli);

#endif
