/* SPDX-License-Identifier: BSD-2-Clause */
/* histogram.c - counts durations by their length. */
#include "base/histogram.h"

const uint64_t histogram_bounds_ms[HISTOGRAM_BOUNDS] = {
	5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000,
};

void histogram_add(struct histogram *histogram, uint64_t ms)
{
	size_t i = 0;

	while (i < HISTOGRAM_BOUNDS && ms > histogram_bounds_ms[i])
		i++;
	histogram->counts[i]++;
	histogram->sum_ms += ms;
}

uint64_t histogram_total(const struct histogram *histogram)
{
	uint64_t total = 0;

	for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++)
		total += histogram->counts[i];
	return total;
}
