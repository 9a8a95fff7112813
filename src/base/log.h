/* SPDX-License-Identifier: BSD-2-Clause */
/* log.h - the log for the operator: one line an event.
 *
 * A line is `event key=value key="value with blanks"`. The caller formats all
 * of it, as with printf(). A value that may contain blanks goes between double
 * quotes, and must come from fault_set() or fault_scrub(), which replace '"'.
 * Control characters are replaced here.
 *
 * To stderr each line is "DATE mtastsd[PID]: LEVEL: line", or "<N>line" if
 * stderr is the journal (JOURNAL_STREAM), where N is the syslog priority.
 *
 * Writing never blocks. If the reader has stopped reading, lines are lost, and
 * once it reads again, a line says how many. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level {
	LOG_LEVEL_ERROR,   /* the daemon can't do its work */
	LOG_LEVEL_WARNING, /* the operator should look into this */
	LOG_LEVEL_INFO,    /* start, stop, the operator's commands */
	LOG_LEVEL_DEBUG,   /* each look-up */
};

enum log_target { LOG_TARGET_STDERR, LOG_TARGET_SYSLOG };

/* NAME is the program's name in each line; it must outlive the log. May be
 * called again. Before the first call, lines of level info and above go to
 * stderr. */
void log_open(const char *name, enum log_target target, enum log_level level);

/* True if a line of LEVEL would be written. Lets callers skip the work of
 * preparing one. */
bool log_on(enum log_level level);

void log_line(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define log_error(...)   log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)                                                         \
	do {                                                                   \
		if (log_on(LOG_LEVEL_DEBUG))                                   \
			log_line(LOG_LEVEL_DEBUG, __VA_ARGS__);                \
	} while (0)

/* -- limits ---------------------------------------------------------------- *
 *
 * Someone who publishes ten thousand domains can make each of them change or
 * fail at will, and so fill the log. A limit allows one event LOG_LIMIT_LINES
 * lines a minute, then logs one line that says so. When the event happens again
 * in a later minute, a line says how many were left out. */

enum {
	LOG_LIMIT_LINES = 200, /* of one event, in LOG_LIMIT_MS */
	LOG_LIMIT_MS = 60 * 1000,
};

/* The limit of one event; starts as zeroes. */
struct log_limit {
	uint64_t since_ms; /* when the current minute began */
	unsigned lines;    /* written in that minute */
	unsigned left_out;
};

/* True if a line of EVENT may be written now. NOW_MS is the monotonic clock's
 * time. */
bool log_limit_allows(struct log_limit *limit, const char *event,
                      uint64_t now_ms);

/* For a line that says all there is to say: allows one every LOG_LIMIT_MS and
 * does not count the others. *NEXT_MS belongs to this line; starts at 0. */
bool log_limit_one(uint64_t *next_ms, uint64_t now_ms);

#endif
