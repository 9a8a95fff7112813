/* SPDX-License-Identifier: BSD-2-Clause */
/* tls_memory.c - notes what memory OpenSSL is refused. */
#include "https/tls_memory.h"

#include "base/shortage.h"

#include <openssl/crypto.h>
#include <stdlib.h>

static void *noted(void *memory)
{
	if (!memory)
		shortage_note();
	return memory;
}

static void *on_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return size ? noted(malloc(size)) : NULL;
}

static void *on_realloc(void *old, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	if (size)
		return noted(realloc(old, size));
	free(old);
	return NULL;
}

static void on_free(void *memory, const char *file, int line)
{
	(void)file;
	(void)line;
	free(memory);
}

void tls_memory_watch(void)
{
	(void)CRYPTO_set_mem_functions(on_malloc, on_realloc, on_free);
}
