/* SPDX-License-Identifier: BSD-2-Clause */
/* conf_check.h - addresses and paths, and options that must fit each other.
 *
 * Pure: nothing is opened, bound or looked up. On MTS_ESYNTAX or MTS_ERANGE WHY
 * says what is wrong and what would be right. */
#ifndef CONF_CONF_CHECK_H
#define CONF_CONF_CHECK_H

#include "conf/conf.h"

/* "unix:/path" or "inet:host:port". */
int check_address(const char *text, struct fault *why);

/* "unix:/path". */
int check_unix(const char *text, struct fault *why);

/* An absolute path. */
int check_path(const char *text, struct fault *why);

/* The name of a user, a group or a map, as far as it can be told from its
 * letters. */
int check_name(const char *text, struct fault *why);

/* "ADDRESS", "IPV4:PORT" or "[IPV6]:PORT". */
int check_server(const char *text, struct fault *why);

/* Options that must fit each other. LINES tells by row (schema_index()) in
 * which line of the file an option stood, 0: none; WHY names file NAME, line
 * and option. */
int check_together(const struct conf *conf, const unsigned *lines,
                   const char *name, struct fault *why);

#endif
