/* SPDX-License-Identifier: BSD-2-Clause */
/* top.h - which domains were asked for most, and which failed most, in the last
 * minutes.
 *
 * Memory is bounded whatever is asked for: each minute has TOP_SLOTS names of
 * each kind, chosen by the space-saving algorithm (Metwally, Agrawal, El Abbadi
 * 2005). A name with more than 1/TOP_SLOTS of a minute's questions is certain to
 * be among them. A count may be too high, by no more than the error that goes
 * with it, but never too low. */
#ifndef LOOKUP_TOP_H
#define LOOKUP_TOP_H

#include "base/clock.h"
#include "base/slice.h"
#include "sts/domain.h"

#include <stddef.h>
#include <stdint.h>

enum {
	TOP_MINUTES = 10, /* including the current one */
	TOP_SLOTS = 64,
};

struct top;

/* CLOCK is borrowed. NULL: no memory (it takes some 400 KiB). The caller's:
 * top_free(), which takes NULL and leaves NULL. */
struct top *top_new(const struct clock *clock);
void top_free(struct top **top);

/* Counts a question of an MTA about DOMAIN. Takes some 20 ns. TOP may be NULL,
 * here and below: nothing is counted. */
void top_note_lookup(struct top *top, struct slice domain);

/* Counts a failed look-up of DOMAIN. CAUSE is a constant, always the same pointer
 * for the same cause. */
void top_note_failure(struct top *top, struct slice domain, const char *cause);

struct top_row {
	char domain[DOMAIN_MAX + 1];
	const char *cause; /* of failures; else NULL */
	uint64_t count;
	uint64_t error; /* COUNT may be too high by this */
};

enum top_kind { TOP_LOOKUPS, TOP_FAILURES };

/* Writes the highest rows of KIND in the last MINUTES (at most TOP_MINUTES) to
 * RET, at most MAX of them, and returns their number. 0 if there is no memory. */
size_t top_list(const struct top *top, enum top_kind kind, unsigned minutes,
                struct top_row *ret, size_t max);

/* How often KIND was counted in the same time, for all names. */
uint64_t top_total(const struct top *top, enum top_kind kind, unsigned minutes);

#endif
