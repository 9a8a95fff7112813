/* SPDX-License-Identifier: BSD-2-Clause */
/* schema.h - the options, a row each.
 *
 * This is the only list of options: the loader, the defaults, the messages, and
 * the tests that compare the sample file and the manual with it all use it. */
#ifndef CONF_SCHEMA_H
#define CONF_SCHEMA_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The type of an option's value, and how it is stored. */
enum conf_type {
	CONF_SECTION,   /* has further options; nothing is stored */
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
	bool restart;  /* a change needs a restart */
	size_t offset; /* in struct conf; an entry's in struct conf_listen */
	/* Of a number; of the length of a text in bytes, where 0 means that ""
	 * is valid; of the number of items in a list. */
	uint64_t min;
	uint64_t max;
	const char *fallback; /* the default, as written in a file */
	const char *example;  /* for options without a default: a valid value */
	const char *const *choices; /* CONF_CHOICE: up to a NULL */
	const char *help;           /* one line */
	const char *more;           /* further sentences, or "" */
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

/* Guesses what the unknown option NAME within PARENT was meant to be: an option
 * there with a similar spelling, or the only option of this name elsewhere;
 * NULL: no guess. */
const struct conf_option *schema_guess(const struct conf_option *parent,
                                       struct slice name);

#endif
