/* SPDX-License-Identifier: BSD-2-Clause */
/* log_limit.c - keeps strangers from filling the log. */
#include "base/log_limit.h"

#include "base/log.h"

bool log_limit_allows(struct log_limit *limit, const char *event,
                      uint64_t now_ms)
{
	if (limit->lines == 0 || now_ms - limit->since_ms >= LOG_LIMIT_MS) {
		if (limit->left_out > 0)
			log_warning("log_again event=%s left_out=%u", event,
			            limit->left_out);
		*limit = (struct log_limit){ .since_ms = now_ms };
	}
	if (limit->lines < LOG_LIMIT_LINES) {
		limit->lines++;
		return true;
	}
	if (limit->left_out++ == 0)
		log_warning("log_limited event=%s lines=%d reason=\"so many in "
		            "a minute: further ones are only counted\"",
		            event, (int)LOG_LIMIT_LINES);
	return false;
}

bool log_limit_one(uint64_t *next_ms, uint64_t now_ms)
{
	if (now_ms < *next_ms)
		return false;
	*next_ms = now_ms + LOG_LIMIT_MS;
	return true;
}
