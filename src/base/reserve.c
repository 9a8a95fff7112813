/* SPDX-License-Identifier: BSD-2-Clause */
/* reserve.c - memory set aside for a library that can't take a refusal. */
#include "base/reserve.h"

#include <stdint.h>

void *reserve_take(struct reserve *reserve, size_t size)
{
	union reserve_unit *head = &reserve->units[reserve->used];
	size_t left = reserve->count - reserve->used;
	size_t count;

	if (size > reserve->count * sizeof(*head))
		return NULL;
	if (size == 0)
		size = 1; /* so that its block lies within */
	count = 1 + (size + sizeof(*head) - 1) / sizeof(*head);
	if (count > left)
		return NULL;
	reserve->used += count;
	reserve->out++;
	head->size = size;
	return head + 1;
}

void reserve_give_back(struct reserve *reserve)
{
	if (--reserve->out == 0)
		reserve->used = 0;
}

bool reserve_has(const struct reserve *reserve, const void *memory)
{
	return (uintptr_t)memory - (uintptr_t)reserve->units <
	       reserve->count * sizeof(*reserve->units);
}

size_t reserve_size(const void *memory)
{
	return ((const union reserve_unit *)memory)[-1].size;
}
