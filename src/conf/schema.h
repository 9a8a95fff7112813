/* SPDX-License-Identifier: BSD-2-Clause */
/* schema.h - the options, a row each.
 *
 * The loader, the defaults, the messages, and the tests that compare table,
 * sample file and manual all read these rows; there is no second list. */
#ifndef CONF_SCHEMA_H
#define CONF_SCHEMA_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What an option's value is, and what it is kept as. */
enum conf_type {
	CONF_SECTION,   /* further options; kept as nothing itself */
	CONF_LISTENERS, /* a list of entries; struct conf_listen[] */
	CONF_MAPS,      /* a list of entries; struct conf_map[] */
	CONF_SERVERS,   /* a list of name servers; char *[] */
	CONF_NAMES,     /* a list of users; char *[] */
	CONF_DOMAINS,   /* a mapping of domains; struct overrides * */
	CONF_BOOL,      /* bool */
	CONF_COUNT,     /* uint64_t */
	CONF_SIZE,      /* uint64_t, bytes */
	CONF_DURATION,  /* uint64_t, milliseconds */
	CONF_CHOICE,    /* an enum: the index of one of the words */
	CONF_MODE,      /* mode_t, written in octal */
	CONF_ADDRESS,   /* char *, "unix:/path" or "inet:host:port" */
	CONF_UNIX,      /* char *, "unix:/path" */
	CONF_PATH,      /* char *, an absolute path */
	CONF_NAME,      /* char *, a user or group; NULL if it is "" */
};

struct conf_option {
	const char *path; /* "fetch.timeout"; "listen.mode" is an entry's */
	enum conf_type type;
	bool restart;  /* a reload does not take it in */
	size_t offset; /* in struct conf; an entry's in struct conf_listen */
	/* Of the number; of texts their length in bytes, where 0 means that
	 * "" is good; of lists their length. */
	uint64_t min;
	uint64_t max;
	const char *fallback;       /* the default, as a file would say it */
	const char *example;        /* without a default: a good value */
	const char *const *choices; /* CONF_CHOICE: up to a NULL */
	const char *help;           /* one line */
	const char *more;           /* what else there is to know, or "" */
};

enum { CONF_OPTIONS_MAX = 64 }; /* there are fewer rows than this */

/* Walks the rows from index 0; NULL past the end. A section comes before what
 * is in it. */
const struct conf_option *schema_at(size_t index);

/* The row's index. */
size_t schema_index(const struct conf_option *option);

/* The row of this path, or NULL. */
const struct conf_option *schema_find(const char *path);

/* The row of the option NAME within PARENT (NULL: at the top), or NULL. */
const struct conf_option *schema_child(const struct conf_option *parent,
                                       struct slice name);

/* True if OPTION lies within PARENT (NULL: at the top). */
bool schema_is_child(const struct conf_option *option,
                     const struct conf_option *parent);

/* What the author of an unknown option NAME within PARENT may have meant: the
 * one there that is spelt nearly so, or the only one of that name elsewhere;
 * NULL: no idea. */
const struct conf_option *schema_guess(const struct conf_option *parent,
                                       struct slice name);

#endif
