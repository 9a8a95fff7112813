/* SPDX-License-Identifier: BSD-2-Clause */
/* curl_memory.c - memory for libcurl, which crashes where it is refused some.
 *
 * The reserve is blocks of one size, since some of them may be in use for long.
 * Larger ones libcurl does without. Pages that were never used cost nothing. */
#include "https/curl_memory.h"

#include "base/shortage.h"

#include <curl/curl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
	BLOCK_BYTES = 1024,
	BLOCKS = 1024,
	BLOCKS_LEFT = BLOCKS / 2, /* for the requests that are under way */
};

union block {
	union block *next; /* of those that came back */
	char bytes[BLOCK_BYTES];
	max_align_t align;
};

static union block reserve[BLOCKS];
static union block *returned;
static size_t fresh; /* those from here on were never used */
static size_t out;

static bool is_of_reserve(const void *memory)
{
	return (uintptr_t)memory - (uintptr_t)reserve < sizeof(reserve);
}

static void *take(size_t size)
{
	union block *block = returned;

	shortage_note();
	if (size > sizeof(*block) || out == BLOCKS)
		return NULL;
	if (block)
		returned = block->next;
	else
		block = &reserve[fresh++];
	out++;
	return block;
}

static void give_back(void *memory)
{
	union block *block = memory;

	block->next = returned;
	returned = block;
	out--;
}

static void *on_malloc(size_t size)
{
	void *memory = malloc(size);

	if (!memory)
		memory = take(size);
	return memory;
}

static void *on_calloc(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (memory || (size && count > SIZE_MAX / size))
		return memory;
	memory = take(count * size);
	return memory ? memset(memory, 0, count * size) : NULL;
}

static void on_free(void *memory)
{
	if (is_of_reserve(memory))
		give_back(memory);
	else
		free(memory);
}

/* What came from the system is not moved to the reserve: how much there is to be
 * copied only the system knows. */
static void *on_realloc(void *old, size_t size)
{
	void *memory;

	if (!old)
		return on_malloc(size);
	if (!is_of_reserve(old)) {
		memory = realloc(old, size);
		if (!memory && size)
			shortage_note();
		return memory;
	}
	if (size <= BLOCK_BYTES)
		return old;
	memory = malloc(size);
	if (!memory) {
		shortage_note();
		return NULL;
	}
	memcpy(memory, old, BLOCK_BYTES);
	give_back(old);
	return memory;
}

static char *on_strdup(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = on_malloc(size);

	return copy ? memcpy(copy, text, size) : NULL;
}

bool curl_memory_init(void)
{
	return curl_global_init_mem(CURL_GLOBAL_DEFAULT, on_malloc, on_free,
	                            on_realloc, on_strdup,
	                            on_calloc) == CURLE_OK;
}

bool curl_memory_is_left(void)
{
	return out <= BLOCKS - BLOCKS_LEFT;
}
