/* SPDX-License-Identifier: BSD-2-Clause */
/* save.h - waits until the entries that a test put into a cache are on disk. Until
 * then hits have to wait. */
#ifndef TESTS_SAVE_H
#define TESTS_SAVE_H

#include "cache/cache.h"

static void save_on_tick(uv_timer_t *timer)
{
	(void)timer;
}

static inline void save_to_disk(uv_loop_t *loop, struct cache *cache,
                                const struct domain *domain)
{
	uv_timer_t tick; /* the cache's own handles keep no loop running */

	if (cache_is_saved(cache, domain))
		return;
	uv_timer_init(loop, &tick);
	uv_timer_start(&tick, save_on_tick, 1, 1);
	cache_hurry(cache);
	while (!cache_is_saved(cache, domain))
		uv_run(loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&tick, NULL);
	uv_run(loop, UV_RUN_NOWAIT);
}

#endif
