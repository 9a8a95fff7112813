/* SPDX-License-Identifier: BSD-2-Clause */
/* preflight.h - whether the users, groups and files that a configuration names exist
 * on this machine: for mtastsd -t and mtasts-ctl check-config.
 *
 * Not checked: addresses, which a running daemon may have bound, and folders, which
 * mtastsd creates. */
#ifndef PROG_PREFLIGHT_H
#define PROG_PREFLIGHT_H

#include "conf/conf.h"

#include <stdbool.h>

/* CONF was read from PATH. MTS_ENOTFOUND: WHY reads "PATH: option: there is no
 * ...", with the line number for a listener's option. MTS_ESYS: a file can't be
 * read. */
int preflight_check(const struct conf *conf, const char *path,
                    struct fault *why);

/* False if DNSSEC is off, or if CONF trusts a resolver to validate. */
bool preflight_needs_trust_anchor(const struct conf *conf);

#endif
