/* SPDX-License-Identifier: BSD-2-Clause */
/* getdns_memory.c - memory for getdns, which crashes where it is refused some.
 *
 * The reserve is handed out from its beginning to its end, and is whole again
 * when all of it has come back. That happens soon, since nothing new is asked
 * until then, and an answer's memory comes back when it has been read. Pages
 * that were never used cost nothing. */
#include "net/getdns_memory.h"

#include "base/shortage.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* An answer takes some 20 KiB while it is read; each question that is out, of 512
 * at most and of these only those by TCP, keeps some 1 KiB. */
enum { RESERVE_BYTES = 1 << 20 };

/* Before each block, and as large as what any type is aligned to. */
union head {
	size_t size;
	max_align_t align;
};

static union head reserve[RESERVE_BYTES / sizeof(union head)];
static size_t used; /* of its elements */
static size_t out;  /* blocks */

static bool is_of_reserve(const void *memory)
{
	return (uintptr_t)memory - (uintptr_t)reserve < sizeof(reserve);
}

static void *take(size_t size)
{
	union head *head = &reserve[used];
	size_t count;

	shortage_note();
	if (size > sizeof(reserve))
		return NULL;
	count = 1 + (size + sizeof(*head) - 1) / sizeof(*head);
	if (count > sizeof(reserve) / sizeof(*reserve) - used)
		return NULL;
	used += count;
	out++;
	head->size = size;
	return head + 1;
}

/* getdns looks at memory that it never wrote to (stub.c); so it is zeroed. Not
 * calloc(), which the tests make fail: they are about our own errors. */
void *getdns_memory_get(size_t size)
{
	void *memory = reallocarray(NULL, 1, size);

	if (!memory)
		memory = take(size);
	return memory ? memset(memory, 0, size) : NULL;
}

void *getdns_memory_resize(void *old, size_t size)
{
	size_t old_size;
	void *memory;

	if (old && !is_of_reserve(old)) {
		memory = realloc(old, size);
		if (!memory && size)
			shortage_note();
		return memory;
	}
	memory = getdns_memory_get(size);
	if (!old || !memory)
		return memory;
	old_size = ((union head *)old)[-1].size;
	memcpy(memory, old, old_size < size ? old_size : size);
	getdns_memory_free(old);
	return memory;
}

void getdns_memory_free(void *memory)
{
	if (!is_of_reserve(memory))
		free(memory);
	else if (--out == 0)
		used = 0;
}

bool getdns_memory_is_left(void)
{
	return out == 0;
}
