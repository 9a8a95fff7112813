/* SPDX-License-Identifier: BSD-2-Clause */
/* conf_check.h - checks addresses and paths, and options that depend on each
 * other.
 *
 * Pure: it opens, binds and resolves nothing. On MTS_ESYNTAX or MTS_ERANGE WHY
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

/* The name of a user, a group or a map. Only its characters are checked. */
int check_name(const char *text, struct fault *why);

/* "ADDRESS", "IPV4:PORT" or "[IPV6]:PORT". */
int check_server(const char *text, struct fault *why);

/* Checks options that depend on each other. LINES has the line of each option
 * in the file, by schema_index(), 0: it is not there. WHY contains the file
 * NAME, the line and the option. */
int check_together(const struct conf *conf, const unsigned *lines,
                   const char *name, struct fault *why);

#endif
