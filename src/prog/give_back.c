/* SPDX-License-Identifier: BSD-2-Clause */
/* give_back.c - returns freed memory to the system. */
#include "prog/give_back.h"

#include "config.h"

#include <stdbool.h>
#include <stdlib.h>
#ifdef HAVE_MALLOC_TRIM
#include <malloc.h>
#endif

struct give_back {
	uv_timer_t timer; /* active if the loop has had work */
	uint64_t interval_ms;
	bool own; /* this iteration only ran our own timer */
};

static void give_back_on_closed(uv_handle_t *timer)
{
	free(timer->data);
}

static void give_back_on_timer(uv_timer_t *timer)
{
	struct give_back *give_back = timer->data;

#ifdef HAVE_MALLOC_TRIM
	malloc_trim(0);
#endif
	give_back->own = true;
}

int give_back_open(uv_loop_t *loop, uint64_t interval_ms,
                   struct give_back **ret)
{
	struct give_back *give_back = calloc(1, sizeof(*give_back));

	if (!give_back)
		return MTS_ENOMEM;
	give_back->interval_ms = interval_ms;
	uv_timer_init(loop, &give_back->timer);
	uv_unref((uv_handle_t *)&give_back->timer);
	give_back->timer.data = give_back;
	*ret = give_back;
	return MTS_OK;
}

void give_back_close(struct give_back **give_back)
{
	if (*give_back)
		uv_close((uv_handle_t *)&(*give_back)->timer,
		         give_back_on_closed);
	*give_back = NULL;
}

void give_back_tick(struct give_back *give_back)
{
	if (give_back->own)
		give_back->own = false;
	else if (!uv_is_active((uv_handle_t *)&give_back->timer))
		uv_timer_start(&give_back->timer, give_back_on_timer,
		               give_back->interval_ms, 0);
}
