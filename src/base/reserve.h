/* SPDX-License-Identifier: BSD-2-Clause */
/* reserve.h - memory set aside for a library that can't take a refusal.
 *
 * It is handed out from its beginning to its end, and is whole again when all of
 * it has come back: for what is held for a short time. Pages that were never used
 * cost nothing. It has no lock. */
#ifndef BASE_RESERVE_H
#define BASE_RESERVE_H

#include <stdbool.h>
#include <stddef.h>

/* Before each block, and as large as what any type is aligned to. */
union reserve_unit {
	size_t size;
	max_align_t align;
};

struct reserve {
	union reserve_unit *units;
	size_t count;
	size_t used; /* units */
	size_t out;  /* blocks */
};

/* Of an array of units, for a static one. */
#define RESERVE_OF(array)                                                      \
	{                                                                      \
		.units = (array), .count = sizeof(array) / sizeof(*(array))    \
	}

/* SIZE bytes, not zeroed, aligned for any type; NULL: so much is not left. */
void *reserve_take(struct reserve *reserve, size_t size);

/* One of its blocks comes back. */
void reserve_give_back(struct reserve *reserve);

/* Whether MEMORY is one of its blocks; false for NULL. */
bool reserve_has(const struct reserve *reserve, const void *memory);

/* Bytes that were asked for. */
size_t reserve_size(const void *memory);

#endif
