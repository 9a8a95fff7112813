/* SPDX-License-Identifier: BSD-2-Clause */
/* conf_here.h - whether what a configuration names is there on this machine: users,
 * groups and files. That is what -t and check-config can tell beyond the file
 * itself, without a daemon that tries. */
#ifndef PROG_CONF_HERE_H
#define PROG_CONF_HERE_H

#include "conf/conf.h"

#include <stdbool.h>

/* CONF was read from PATH. MTS_ENOTFOUND: WHY reads "PATH: option: what is not
 * there", with the line of a listener. MTS_ESYS: the same of a file that can't be
 * read. */
int conf_here_check(const struct conf *conf, const char *path,
                    struct fault *why);

/* Whether DNSSEC may be validated here, which takes a trust anchor; those who take
 * another's word need none. */
bool conf_here_validates(const struct conf *conf);

#endif
