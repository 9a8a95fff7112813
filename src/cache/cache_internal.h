/* SPDX-License-Identifier: BSD-2-Clause */
/* cache_internal.h - what cache.c and walk.c share. */
#ifndef CACHE_CACHE_INTERNAL_H
#define CACHE_CACHE_INTERNAL_H

#include "cache/cache.h"
#include "cache/store.h"
#include "cache/writer.h"

struct cache {
	struct store *store;
	struct writer *writer;
	const struct clock *clock;
	uv_prepare_t prepare; /* runs while a read transaction does */
};

/* Sees to it that a read transaction is running. MTS_E*. */
int cache_ready(struct cache *cache);

/* Logs and removes the record of DOMAIN; returns MTS_EDAMAGED. MTS_ENOTFOUND: it
 * could not be read; nothing is removed. */
int cache_drop_damaged(struct cache *cache, const struct domain *domain);

#endif
