/* SPDX-License-Identifier: BSD-2-Clause */
/* histogram.h - counts durations by how long they were, in milliseconds.
 *
 * A plain value; begins as zeroes. */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum { HISTOGRAM_BOUNDS = 13 };

/* From the time of a DNS answer at hand to the longest walk there is. Each is
 * the longest that its count holds. */
extern const uint64_t histogram_bounds_ms[HISTOGRAM_BOUNDS];

struct histogram {
	/* Not cumulative; the last is of what is longer than all bounds. */
	uint64_t counts[HISTOGRAM_BOUNDS + 1];
	uint64_t sum_ms;
};

void histogram_add(struct histogram *histogram, uint64_t ms);

/* How many were added. */
uint64_t histogram_total(const struct histogram *histogram);

#endif
