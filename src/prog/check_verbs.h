/* SPDX-License-Identifier: BSD-2-Clause */
/* check_verbs.h - what mtasts-check does without the network: lint and
 * explain. */
#ifndef PROG_CHECK_VERBS_H
#define PROG_CHECK_VERBS_H

#include "prog/check_cli.h"

/* Does what CLI's verb says, which is not CHECK_VERB_CHECK, with its arguments.
 * Returns the exit status; complaints go to standard error. */
int check_verb_run(const struct check_cli *cli);

#endif
