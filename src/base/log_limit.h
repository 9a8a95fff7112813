/* SPDX-License-Identifier: BSD-2-Clause */
/* log_limit.h - keeps strangers from filling the log.
 *
 * Whoever publishes ten thousand domains can have each of them change or fail
 * as often as he likes. Of such an event so many lines are written in a minute,
 * then one that says so, and when it happens again later how many were left
 * out. */
#ifndef BASE_LOG_LIMIT_H
#define BASE_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

enum {
	LOG_LIMIT_LINES = 200, /* of one event, in */
	LOG_LIMIT_MS = 60 * 1000,
};

/* Of one event; zeroes to begin with. */
struct log_limit {
	uint64_t since_ms; /* when its minute began */
	unsigned lines;    /* in it */
	unsigned left_out;
};

/* Whether a line of EVENT is to be written now, NOW_MS being the monotonic
 * clock's time. */
bool log_limit_allows(struct log_limit *limit, const char *event,
                      uint64_t now_ms);

/* The same for a line that says all there is to say: one in LOG_LIMIT_MS, and the
 * others are not counted. *NEXT_MS is its own, 0 to begin with. */
bool log_limit_one(uint64_t *next_ms, uint64_t now_ms);

#endif
