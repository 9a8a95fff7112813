/* SPDX-License-Identifier: BSD-2-Clause */
/* fetch_internal.h - what fetch.c, fetch_room.c and fetch_try.c know of fetches, and
 * nobody else. */
#ifndef HTTPS_FETCH_INTERNAL_H
#define HTTPS_FETCH_INTERNAL_H

#include "base/work_queue.h"
#include "https/attempt.h"
#include "https/curl_uv.h"
#include "https/fetch.h"
#include "https/fetch_queue.h"

struct fetcher {
	uv_loop_t *loop;
	struct work_queue *work_queue;
	struct work_item room; /* for one that waits */
	uv_timer_t timer;      /* the oldest young one will be slow */
	struct curl_uv *curl;  /* NULL: closed */
	struct trust *trust;
	struct trust *next_trust; /* between prepare and settle */
	struct fetcher_options next;
	uint64_t timeout_ms;
	bool keep_chain;
	uint64_t max_size;
	size_t concurrency;
	size_t slow_max;
	struct fetch_queue *line; /* who of those that wait is next */
	struct list waiting;
	struct list again;
	struct list young; /* running, in the order of their young_ms */
	struct list slow;  /* running for longer than FETCH_SLOW_MS */
	struct list asking;
	size_t waiting_count, again_count;
	size_t young_count, slow_count, asking_count;
	struct fetcher_counts counts;
};

enum fetch_state {
	FETCH_WAITING, /* for room, in the line; leaves by on_room */
	FETCH_AGAIN,   /* to be the next to start, again; leaves by on_room */
	FETCH_YOUNG, /* runs; leaves by fetch_on_done, or by on_timer when slow */
	FETCH_SLOW,   /* runs; leaves by fetch_on_done, fetch_offer */
	FETCH_ASKING, /* out of addresses; leaves by fetch_offer */
	FETCH_ENDED,  /* in no list; the callback is running, or has */
};

struct fetch {
	struct list node;        /* in the list of its state */
	struct fetch_slot place; /* until it has ended */
	struct fetcher *fetcher;
	enum fetch_state state;
	char *host;
	struct address *addresses; /* those not yet tried in vain */
	size_t count;
	size_t trying;         /* of them, the first ones are being tried */
	uint64_t started_ms;   /* 0: it has not */
	uint64_t young_ms;     /* since when it is young */
	fetch_want *want;      /* NULL: there are no others, or it was called */
	bool wanting;          /* it was, or soon is; nothing was offered yet */
	struct work_item asks; /* to call it */
	struct attempt *attempt;
	struct fetch_result best; /* of the attempts that failed */
	char best_reason[FETCH_REASON];
	STACK_OF(X509) * best_chain;
	fetch_callback *callback;
	void *arg;
};

/* Not the loop's cached time: that may be old when a fetch begins. */
uint64_t fetch_now_ms(void);

void fetch_free(struct fetch *fetch);

/* -- fetch_room.c: which one runs ------------------------------------------ */

/* The only one that changes the state. */
void fetch_set_state(struct fetch *fetch, enum fetch_state state);

/* Something has changed. Fetches start from the loop, since callbacks never come
 * from inside a call. */
void fetch_kick(struct fetcher *fetcher);

/* For the fetcher's ROOM: starts the next one, if there is room for it. */
void fetch_on_room(struct work_item *work_item);

/* Lets the owner look for other addresses; once, and not from inside of this,
 * since it may close the fetcher. */
void fetch_want_more(struct fetch *fetch);

/* For the fetch's ASKS. */
void fetch_on_asks(struct work_item *work_item);

/* -- fetch_try.c: which address it tries ----------------------------------- */

/* An attempt at the first of the addresses. MTS_ERANGE: there is none;
 * MTS_ETIMEOUT: the time is over; MTS_ENOMEM; MTS_ELIB. */
int fetch_try(struct fetch *fetch);

/* Ends the attempt under way, if there is one. */
void fetch_drop_attempt(struct fetch *fetch);

/* Ends the fetch: there is nothing left to try, or no memory to do so. Its
 * callback may close the fetcher. */
void fetch_give_up(struct fetch *fetch);

/* For curl_uv_new(): an attempt has ended. */
void fetch_on_done(void *arg, CURL *easy, CURLcode code);

#endif
