/* SPDX-License-Identifier: BSD-2-Clause */
/* alloc.c - an allocator that fails when a test wants it to. */
#include "alloc.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t max);

/* Each thread has its own, so that a test's servers are not affected. */
static _Thread_local size_t fail_at;
static _Thread_local bool fail_on;
static _Thread_local size_t seen;

void alloc_fail_at(size_t n)
{
	fail_at = n;
	fail_on = false;
	seen = 0;
}

void alloc_fail_from(size_t n)
{
	alloc_fail_at(n);
	fail_on = true;
}

size_t alloc_count(void)
{
	return seen;
}

static bool fails(void)
{
	return ++seen == fail_at || (fail_on && seen > fail_at);
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}

char *__wrap_strndup(const char *text, size_t max)
{
	size_t len = strnlen(text, max);
	char *copy = __wrap_malloc(len + 1);

	if (!copy)
		return NULL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

char *__wrap_strdup(const char *text)
{
	return __wrap_strndup(text, strlen(text));
}
