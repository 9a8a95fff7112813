/* SPDX-License-Identifier: BSD-2-Clause */
/* getdns_memory.c - memory for getdns, which crashes where it is refused some.
 *
 * The reserve is whole again soon, since nothing new is asked until then, and an
 * answer's memory comes back when it has been read. */
#include "dns/getdns_memory.h"

#include "base/reserve.h"
#include "base/shortage.h"

#include <stdlib.h>
#include <string.h>

/* An answer takes some 20 KiB while it is read; each question that is out, of 512
 * at most and of these only those by TCP, keeps some 1 KiB. */
enum { RESERVE_BYTES = 1 << 20 };

static union reserve_unit units[RESERVE_BYTES / sizeof(union reserve_unit)];
static struct reserve reserve = RESERVE_OF(units);

/* getdns looks at memory that it never wrote to (stub.c); so it is zeroed. Not
 * calloc(), which the tests make fail: they are about our own errors. */
void *getdns_memory_get(size_t size)
{
	void *memory = reallocarray(NULL, 1, size);

	if (!memory) {
		shortage_note();
		memory = reserve_take(&reserve, size);
	}
	return memory ? memset(memory, 0, size) : NULL;
}

void *getdns_memory_resize(void *old, size_t size)
{
	size_t old_size;
	void *memory;

	if (old && !reserve_has(&reserve, old)) {
		memory = realloc(old, size);
		if (!memory && size)
			shortage_note();
		return memory;
	}
	memory = getdns_memory_get(size);
	if (!old || !memory)
		return memory;
	old_size = reserve_size(old);
	memcpy(memory, old, old_size < size ? old_size : size);
	getdns_memory_free(old);
	return memory;
}

void getdns_memory_free(void *memory)
{
	if (reserve_has(&reserve, memory))
		reserve_give_back(&reserve);
	else
		free(memory);
}

bool getdns_memory_is_left(void)
{
	return reserve.out == 0;
}
