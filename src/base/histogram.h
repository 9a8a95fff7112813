/* SPDX-License-Identifier: BSD-2-Clause */
/* histogram.h - counts durations, in milliseconds, by their length.
 *
 * A plain value; starts as zeroes. */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum { HISTOGRAM_BOUNDS = 13 };

/* From the time of a cached DNS answer to that of the longest discovery. Each
 * bound is the longest duration in its count. */
extern const uint64_t histogram_bounds_ms[HISTOGRAM_BOUNDS];

struct histogram {
	/* Not cumulative; the last count is of durations above all bounds. */
	uint64_t counts[HISTOGRAM_BOUNDS + 1];
	uint64_t sum_ms;
};

void histogram_add(struct histogram *histogram, uint64_t ms);

/* How many durations were added. */
uint64_t histogram_total(const struct histogram *histogram);

#endif
