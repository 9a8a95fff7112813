/* SPDX-License-Identifier: BSD-2-Clause */
/* gmp_memory.c - memory for GNU MP, which ends the process where it is refused some.
 *
 * GMP is libunbound's, not ours: it is looked for among what is loaded, so that a
 * libunbound without it needs none.
 *
 * What not even the reserve has is waited for. That takes a key such as only an
 * attacker makes; the thread that waits is the validator's, and the loop goes on. */
#include "dnssec/gmp_memory.h"

#include "base/reserve.h"
#include "base/shortage.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	RESERVE_BYTES = 1 << 20,
	PAUSE_MS = 10, /* before memory is asked for once more */
};

static union reserve_unit units[RESERVE_BYTES / sizeof(union reserve_unit)];
static struct reserve reserve = RESERVE_OF(units);
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *take(size_t size)
{
	void *memory;

	pthread_mutex_lock(&lock);
	memory = reserve_take(&reserve, size);
	pthread_mutex_unlock(&lock);
	return memory;
}

static void *on_allocate(size_t size)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };
	void *memory;

	while (!(memory = malloc(size))) {
		shortage_note();
		memory = take(size);
		if (memory)
			break;
		nanosleep(&pause, NULL);
	}
	return memory;
}

static void on_free(void *memory, size_t size)
{
	(void)size;
	if (!reserve_has(&reserve, memory)) {
		free(memory);
		return;
	}
	pthread_mutex_lock(&lock);
	reserve_give_back(&reserve);
	pthread_mutex_unlock(&lock);
}

static void *on_reallocate(void *old, size_t old_size, size_t size)
{
	void *memory = NULL;

	if (!reserve_has(&reserve, old))
		memory = realloc(old, size);
	if (memory)
		return memory;
	memory = on_allocate(size);
	memcpy(memory, old, old_size < size ? old_size : size);
	on_free(old, old_size);
	return memory;
}

void gmp_memory_guard(void)
{
	static bool guarded;
	/* mp_set_memory_functions() of gmp.h. */
	void (*set)(void *(*)(size_t), void *(*)(void *, size_t, size_t),
	            void (*)(void *, size_t));

	if (guarded)
		return;
	guarded = true;
	*(void **)&set = dlsym(RTLD_DEFAULT, "__gmp_set_memory_functions");
	if (set)
		set(on_allocate, on_reallocate, on_free);
}
