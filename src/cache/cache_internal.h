/* SPDX-License-Identifier: BSD-2-Clause */
/* cache_internal.h - the cache's state, for cache.c and its tests. */
#ifndef CACHE_CACHE_INTERNAL_H
#define CACHE_CACHE_INTERNAL_H

#include "cache/cache.h"
#include "cache/store.h"
#include "cache/writer.h"

struct cache {
	struct store *store;
	struct writer *writer;
	const struct clock *clock;
	uv_prepare_t prepare; /* active while a read transaction is */
};

#endif
