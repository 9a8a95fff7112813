/* SPDX-License-Identifier: BSD-2-Clause */
/* control_protocol.h - the protocol of the control socket.
 *
 * Pure codec. A request is one line, "COMMAND [--OPTION[=VALUE]]...
 * [ARGUMENT]...\n", words parted by single blanks or more, at most
 * CONTROL_LINE_MAX bytes. The daemon answers with JSON objects, one a line: any
 * number of items, then one object whose member "end" is true:
 *
 *   {"end": true, "status": 0}
 *   {"end": true, "status": 1, "error": "..."}
 *
 * The status is an enum control_end. Then the next request may come, unless the
 * status was 3.
 *
 * After "import" come the lines of an export (wire/transfer.h) and the end of
 * what the peer sends (shutdown(2), SHUT_WR); no further request. */
#ifndef WIRE_CONTROL_PROTOCOL_H
#define WIRE_CONTROL_PROTOCOL_H

#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>

enum {
	CONTROL_LINE_MAX = 64 * 1024, /* some 250 longest domains */
	CONTROL_ARGS_MAX = 1024,
	CONTROL_OPTIONS_MAX = 8, /* of one command */
};

/* How a request ended; also mtasts-ctl's exit status. */
enum control_end {
	CONTROL_END_DONE = 0,
	CONTROL_END_NO = 1,  /* not found, or no */
	CONTROL_END_BAD = 2, /* the request was invalid */
	/* Not served: the user has no permission, or the daemon is out of memory
	 * or has too many connections. */
	CONTROL_END_REFUSED = 3,
};

static inline enum control_end control_end_if(bool good)
{
	return good ? CONTROL_END_DONE : CONTROL_END_NO;
}

enum control_command {
	CONTROL_STATUS,
	CONTROL_STATS,
	CONTROL_TOP,
	CONTROL_LOOKUP,  /* DOMAIN [MX] */
	CONTROL_EXPLAIN, /* DOMAIN */
	CONTROL_LIST,    /* [PATTERN] */
	CONTROL_SHOW,    /* DOMAIN */
	CONTROL_REFRESH, /* DOMAIN... */
	CONTROL_FLUSH,   /* DOMAIN... | --all | --negative */
	CONTROL_EXPORT,  /* [PATTERN] */
	CONTROL_IMPORT,  /* and then the lines of an export, to the end */
	CONTROL_RELOAD,
};

/* In the order of the rows' options. */
enum control_list_option {
	CONTROL_LIST_MODE,
	CONTROL_LIST_FAILING,
	CONTROL_LIST_EXPIRING,
	CONTROL_LIST_LIMIT,
	CONTROL_LIST_NAMES,
};
enum control_top_option {
	CONTROL_TOP_MINUTES,
	CONTROL_TOP_ROWS,
	CONTROL_TOP_INTERVAL, /* mtasts-ctl's own */
};
enum control_flush_option { CONTROL_FLUSH_ALL, CONTROL_FLUSH_NEGATIVE };

/* One row an option of a command. */
struct control_option {
	const char *name;  /* "mode", which is given as --mode=VALUE */
	const char *value; /* for usage lines: "MODE"; NULL: it has none */
	const char *help;  /* one line */
};

/* One row a command: what both programs know of it. */
struct control_row {
	const char *name;
	const char *args; /* for usage lines: "DOMAIN [MX]" */
	size_t args_min;
	size_t args_max;
	const char *help; /* one line */
	/* Up to one without a name; NULL: none. */
	const struct control_option *options;
};

/* The row of COMMAND. */
const struct control_row *control_row(enum control_command command);

/* The command of this name; MTS_ENOTFOUND: there is none. */
int control_find(struct slice name, enum control_command *ret);

/* Walks the rows from index 0; NULL past the end. */
const struct control_row *control_row_at(size_t index);

enum { CONTROL_USAGE_MAX = 200 };

/* Writes how ROW's command is called, "list [--failing] [PATTERN]", to TEXT and
 * returns it. */
const char *control_usage(const struct control_row *row,
                          char text[CONTROL_USAGE_MAX]);

struct control_request {
	enum control_command command;
	/* By the row's options: what they were given, within the line. One
	 * without a value is empty; one that was not given has no data. */
	struct slice options[CONTROL_OPTIONS_MAX];
	size_t argc;
	struct slice argv[CONTROL_ARGS_MAX]; /* within the line */
};

static inline bool control_has(const struct control_request *request,
                               size_t option)
{
	return request->options[option].data != NULL;
}

/* Parses LINE, without its newline. MTS_ESYNTAX: an unknown command, a wrong
 * number of arguments, an option that the command does not have or that has a
 * bad value, or a byte that is not printable ASCII or UTF-8; WHY says what
 * would have been right. */
int control_parse(struct slice line, struct control_request *ret,
                  struct fault *why);

/* -- the options of top ---------------------------------------------------- */

enum {
	TOP_SPAN_MINUTES = 5,
	TOP_SPAN_MINUTES_MAX = 10,
	TOP_SPAN_ROWS = 10,
	TOP_SPAN_ROWS_MAX = 64,
	TOP_SPAN_INTERVAL_MAX_S = 3600,
};

struct top_span {
	unsigned minutes;
	unsigned rows; /* of each kind */
	unsigned interval_s;
};

/* Reads the options of REQUEST; the defaults where there are none. MTS_ESYNTAX:
 * WHY says which value is invalid, and what is expected. */
int top_span_parse(const struct control_request *request, struct top_span *ret,
                   struct fault *why);

#endif
