/* SPDX-License-Identifier: BSD-2-Clause */
/* shortage.h - whether memory is short here.
 *
 * What OpenSSL and libcurl are refused comes out of them as an error of the
 * network, or as time that is over: "unsupported", "no TLS in time". So what they
 * are refused is counted, and who sees a failure can look whether anything was
 * refused meanwhile: then it may be for that, and nobody else is to be blamed. */
#ifndef BASE_SHORTAGE_H
#define BASE_SHORTAGE_H

#include <stdbool.h>
#include <stdint.h>

/* How often memory was refused, since the start; by any thread. */
uint64_t shortage_count(void);

/* Memory was refused to somebody. By any thread. */
void shortage_note(void);

/* The same if a megabyte can't be had now: of what some libraries are refused nobody
 * tells. */
void shortage_look(void);

/* Whether a line of the log may say now that a look-up was refused memory: one a
 * minute may. NOW_MS is the monotonic clock's. On the loop's thread. */
bool shortage_may_warn(uint64_t now_ms);

#endif
