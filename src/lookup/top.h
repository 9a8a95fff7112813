/* SPDX-License-Identifier: BSD-2-Clause */
/* top.h - which domains are asked for most, and which fail most, in the last
 * minutes.
 *
 * Memory is bounded whatever is asked: each minute keeps TOP_SLOTS names of each
 * kind, by the space-saving algorithm (Metwally, Agrawal, El Abbadi 2005). Who
 * has more than one in TOP_SLOTS of a minute's questions is sure to be among
 * them; a count may be too high, by as much as is told, but never too low. */
#ifndef LOOKUP_TOP_H
#define LOOKUP_TOP_H

#include "base/clock.h"
#include "base/slice.h"
#include "sts/domain.h"

#include <stddef.h>
#include <stdint.h>

enum {
	TOP_MINUTES = 10, /* the one that is not over among them */
	TOP_SLOTS = 64,
};

struct top;

/* CLOCK is borrowed. NULL: no memory (some 400 KiB, used as they fill). The
 * caller's: top_free(), which takes NULL and leaves NULL. */
struct top *top_new(const struct clock *clock);
void top_free(struct top **top);

/* An MTA asked for DOMAIN. Takes some 20 ns. TOP may be NULL, here and below:
 * nobody watches. */
void top_note_lookup(struct top *top, struct slice domain);

/* What was to be learnt of DOMAIN could not be, through CAUSE: a constant, one
 * pointer for each. */
void top_note_failure(struct top *top, struct slice domain, const char *cause);

struct top_row {
	char domain[DOMAIN_MAX + 1];
	const char *cause; /* of failures; else NULL */
	uint64_t count;
	uint64_t error; /* COUNT may be too high by that */
};

enum top_kind { TOP_LOOKUPS, TOP_FAILURES };

/* Writes the first rows of KIND over the last MINUTES (at most TOP_MINUTES) to
 * RET, which has room for ROOM, and returns how many there are. 0 if memory is
 * short. */
size_t top_list(const struct top *top, enum top_kind kind, unsigned minutes,
                struct top_row *ret, size_t room);

/* How much was noted of KIND over the same time, all names. */
uint64_t top_total(const struct top *top, enum top_kind kind, unsigned minutes);

#endif
