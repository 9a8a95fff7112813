/* SPDX-License-Identifier: BSD-2-Clause */
/* fetch.c - fetches in their order: which one runs, and which address it tries.
 *
 * A fetch waits until there is room, then runs. Room is for CONCURRENCY fetches
 * that are younger than FETCH_SLOW_MS; one that takes longer makes room for the
 * next and is counted among the slow ones, of which there may be many more. So hosts that accept a connection and say
 * nothing, each for a minute, do not keep the others waiting; and half of all
 * room is as much as one network gets (fair_line.h).
 *
 * Where an address leads to no HTTP answer, the remaining ones are tried,
 * within the time of the whole fetch; and its owner may know how to find
 * others. What got furthest is what is reported. */
#include "net/fetch.h"

#include "net/attempt.h"
#include "net/curl_uv.h"
#include "net/fair_line.h"
#include "net/turns.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	FETCH_SLOW_MS = 500,
	FETCH_SLOW_FACTOR = 4,
	FETCH_LOOK_MS = 10,       /* for more that are slow */
	FETCH_ADDRESSES_MAX = 64, /* more are left out */
};

struct fetcher {
	uv_loop_t *loop;
	struct turns *turns;
	struct turn room;     /* for one that waits */
	uv_timer_t timer;     /* the oldest young one will be slow */
	struct curl_uv *curl; /* NULL: closed */
	struct trust *trust;
	uint64_t timeout_ms;
	uint64_t max_size;
	size_t concurrency;
	size_t slow_max;
	struct fair_line *line; /* who of those that wait is next */
	struct list waiting;
	struct list again;
	struct list young; /* running, in the order of their young_ms */
	struct list slow;  /* running for longer than FETCH_SLOW_MS */
	struct list asking;
	size_t waiting_count, again_count;
	size_t young_count, slow_count, asking_count;
};

enum fetch_state {
	FETCH_WAITING, /* for room, in the line; leaves by on_room */
	FETCH_AGAIN,   /* to be the next to start, again; leaves by on_room */
	FETCH_YOUNG,   /* runs; leaves by on_done, or by on_timer when slow */
	FETCH_SLOW,    /* runs; leaves by on_done, fetch_offer */
	FETCH_ASKING,  /* out of addresses; leaves by fetch_offer */
	FETCH_ENDED,   /* in no list; the callback is running, or has */
};

struct fetch {
	struct list node;        /* in the list of its state */
	struct fair_place place; /* until it has ended */
	struct fetcher *fetcher;
	enum fetch_state state;
	char *host;
	struct address *addresses; /* those not yet tried in vain */
	size_t count;
	size_t trying;       /* of them, the first ones are being tried */
	uint64_t started_ms; /* 0: it has not */
	uint64_t young_ms;   /* since when it is young */
	fetch_want *want;    /* NULL: there are no others, or it was called */
	bool wanting;        /* it was, and nothing has been offered yet */
	struct attempt *attempt;
	struct fetch_result best; /* of the attempts that failed */
	char best_reason[FETCH_REASON];
	fetch_callback *callback;
	void *arg;
};

const char *fetch_cause_text(enum fetch_cause cause)
{
	static const char *const texts[] = {
		[FETCH_OK] = "ok",
		[FETCH_CONNECT] = "connect",
		[FETCH_TIMEOUT] = "timeout",
		[FETCH_TLS] = "tls",
		[FETCH_CERT_NAME] = "cert_name",
		[FETCH_CERT_EXPIRED] = "cert_expired",
		[FETCH_CERT_UNTRUSTED] = "cert_untrusted",
		[FETCH_CERT_INVALID] = "cert_invalid",
		[FETCH_REDIRECT] = "redirect",
		[FETCH_STATUS] = "status",
		[FETCH_TYPE] = "type",
		[FETCH_TOO_LARGE] = "too_large",
		[FETCH_CUT] = "cut",
		[FETCH_NO_MEMORY] = "no_memory",
	};

	return texts[cause];
}

/* Not the loop's cached time: that may be old when a fetch begins. */
static uint64_t now_ms(void)
{
	return uv_hrtime() / 1000000;
}

/* -- a fetch's states ------------------------------------------------------ */

/* Where fetches of STATE are; NULL: nowhere. */
static struct list *list_of(struct fetcher *fetcher, enum fetch_state state,
                            size_t **ret_count)
{
	switch (state) {
	case FETCH_WAITING:
		*ret_count = &fetcher->waiting_count;
		return &fetcher->waiting;
	case FETCH_AGAIN:
		*ret_count = &fetcher->again_count;
		return &fetcher->again;
	case FETCH_YOUNG:
		*ret_count = &fetcher->young_count;
		return &fetcher->young;
	case FETCH_SLOW:
		*ret_count = &fetcher->slow_count;
		return &fetcher->slow;
	case FETCH_ASKING:
		*ret_count = &fetcher->asking_count;
		return &fetcher->asking;
	case FETCH_ENDED:
		break;
	}
	return NULL;
}

static void set_state(struct fetch *fetch, enum fetch_state state)
{
	size_t *count;
	struct list *list = list_of(fetch->fetcher, fetch->state, &count);

	if (list) {
		list_remove(&fetch->node);
		--*count;
	}
	fetch->state = state;
	if (state == FETCH_ENDED)
		fair_line_leave(fetch->fetcher->line, &fetch->place);
	list = list_of(fetch->fetcher, state, &count);
	if (list) {
		list_append(list, &fetch->node);
		++*count;
	}
}

static void drop_attempt(struct fetch *fetch)
{
	if (!fetch->attempt)
		return;
	curl_uv_remove(fetch->fetcher->curl, fetch->attempt->easy);
	attempt_free(&fetch->attempt);
}

static void fetch_free(struct fetch *fetch)
{
	free(fetch->host);
	free(fetch->addresses);
	free(fetch);
}

/* -- attempts -------------------------------------------------------------- */

/* An attempt is given one address of each family: libcurl tries IPv4 when IPv6
 * has not connected at once (RFC 8305), but of two silent addresses of one
 * family it does not get to the second in time. */
static void choose(struct fetch *fetch)
{
	struct address first = fetch->addresses[0];

	fetch->trying = 1;
	for (size_t i = 1; i < fetch->count; i++) {
		struct address other = fetch->addresses[i];

		if (other.family == first.family)
			continue;
		fetch->addresses[i] = fetch->addresses[1];
		fetch->addresses[1] = other;
		fetch->trying = 2;
		return;
	}
}

static uint64_t left_ms(const struct fetch *fetch)
{
	uint64_t spent_ms = now_ms() - fetch->started_ms;
	uint64_t timeout_ms = fetch->fetcher->timeout_ms;

	return spent_ms < timeout_ms ? timeout_ms - spent_ms : 0;
}

static int start_attempt(struct fetch *fetch)
{
	struct fetcher *fetcher = fetch->fetcher;
	struct attempt_options options = {
		.trust = fetcher->trust,
		.host = fetch->host,
		.addresses = fetch->addresses,
		.timeout_ms = left_ms(fetch),
		.max_size = fetcher->max_size,
		.since_ns = fetch->started_ms * 1000000,
		.private = fetch,
	};
	int status;

	if (fetch->count == 0)
		return MTS_ERANGE;
	if (options.timeout_ms == 0) /* for libcurl that is no limit at all */
		return MTS_ETIMEOUT;
	choose(fetch);
	options.count = fetch->trying;
	options.more = fetch->count > fetch->trying;
	status = attempt_new(&options, &fetch->attempt);
	if (status == MTS_OK) {
		status = curl_uv_add(fetcher->curl, fetch->attempt->easy);
		if (status != MTS_OK)
			attempt_free(&fetch->attempt);
	}
	return status;
}

static void leave_out(struct fetch *fetch, size_t at, size_t n)
{
	fetch->count -= n;
	memmove(&fetch->addresses[at], &fetch->addresses[at + n],
	        (fetch->count - at) * sizeof(*fetch->addresses));
}

/* The address TEXT, or where none was reached all that were being tried. */
static void leave_out_tried(struct fetch *fetch, const char *text)
{
	char other[ADDRESS_TEXT];

	for (size_t i = 0; i < fetch->trying; i++) {
		address_text(&fetch->addresses[i], other);
		if (strcmp(other, text) == 0) {
			leave_out(fetch, i, 1);
			return;
		}
	}
	leave_out(fetch, 0, fetch->trying);
}

/* How far an attempt got. */
static int rank(const struct fetch_result *result)
{
	if (result->cause == FETCH_OK || result->http_status)
		return 4;
	if (result->tls_ms || (result->cause >= FETCH_CERT_NAME &&
	                       result->cause <= FETCH_CERT_INVALID))
		return 3;
	return result->connect_ms ? 2 : 1;
}

static void keep_best(struct fetch *fetch, const struct fetch_result *result)
{
	if (fetch->best.reason && rank(&fetch->best) >= rank(result))
		return;
	fetch->best = *result;
	/* The attempt, whose text it is, goes. */
	snprintf(fetch->best_reason, sizeof(fetch->best_reason), "%s",
	         result->reason);
	fetch->best.reason = fetch->best_reason;
}

/* Once. */
static void want_more(struct fetch *fetch)
{
	fetch_want *want = fetch->want;

	fetch->want = NULL;
	if (!want)
		return;
	fetch->wanting = true;
	want(fetch->arg);
}

static void kick(struct fetcher *fetcher);

/* Until its owner has found other addresses, or knows that there are none. */
static void wait_for_more(struct fetch *fetch)
{
	struct fetcher *fetcher = fetch->fetcher;

	drop_attempt(fetch);
	set_state(fetch, FETCH_ASKING);
	want_more(fetch);
	kick(fetcher);
}

/* After an address that gave no HTTP answer: true if another one is tried. */
static bool try_another(struct fetch *fetch, const struct fetch_result *result)
{
	if (result->http_status || result->cause == FETCH_OK ||
	    result->cause == FETCH_NO_MEMORY)
		return false;
	keep_best(fetch, result);
	leave_out_tried(fetch, result->address);
	if (left_ms(fetch) == 0)
		return false;
	if (fetch->count == 0 && (fetch->want || fetch->wanting)) {
		wait_for_more(fetch);
		return true;
	}
	if (fetch->count == 0)
		return false;
	drop_attempt(fetch);
	return start_attempt(fetch) == MTS_OK;
}

/* -- the end --------------------------------------------------------------- */

/* The callback may close the fetcher, which lives until its timer is closed. */
static void finish(struct fetch *fetch, struct fetch_result *result)
{
	struct fetcher *fetcher = fetch->fetcher;

	/* Not less than connect_ms and tls_ms, which are rounded up. */
	result->total_ms = now_ms() - fetch->started_ms + 1;
	set_state(fetch, FETCH_ENDED);
	if (fetch->attempt) /* its text and body are still needed */
		curl_uv_remove(fetcher->curl, fetch->attempt->easy);
	fetch->callback(fetch->arg, result);
	attempt_free(&fetch->attempt);
	fetch_free(fetch);
	if (fetcher->curl)
		kick(fetcher);
}

/* There is nothing left to try, or no memory to do so. */
static void give_up(struct fetch *fetch)
{
	struct fetch_result result = { .cause = FETCH_NO_MEMORY,
		                       .reason = "out of memory" };

	if (fetch->best.reason)
		result = fetch->best;
	finish(fetch, &result);
}

static void on_done(void *arg, CURL *easy, CURLcode code)
{
	struct fetch_result result;
	struct fetch *fetch = NULL;

	(void)arg;
	(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&fetch);
	attempt_judge(fetch->attempt, code, &result);
	if (try_another(fetch, &result))
		return;
	if (result.cause != FETCH_OK && fetch->best.reason &&
	    rank(&fetch->best) >= rank(&result))
		result = fetch->best;
	finish(fetch, &result);
}

/* -- waiting and room ------------------------------------------------------ */

/* For how long a fetch without TLS is young: when many wait, room is made the
 * sooner. */
static uint64_t silent_ms(const struct fetcher *fetcher)
{
	return FETCH_SLOW_MS * fetcher->concurrency /
	       (fetcher->concurrency + fetcher->waiting_count);
}

static void start(struct fetch *fetch)
{
	set_state(fetch, FETCH_YOUNG);
	fetch->young_ms = now_ms();
	if (!fetch->started_ms)
		fetch->started_ms = fetch->young_ms;
	trust_refresh(fetch->fetcher->trust, fetch->young_ms);
	kick(fetch->fetcher); /* and not after: it may be closed then */
	if (start_attempt(fetch) != MTS_OK)
		give_up(fetch);
}

static struct fetch *first_of(struct list *list)
{
	struct list *node = list_first(list);

	return node ? container_of(node, struct fetch, node) : NULL;
}

static bool is_slow(const struct fetch *fetch, uint64_t now)
{
	uint64_t age_ms = now - fetch->young_ms;

	return age_ms >= FETCH_SLOW_MS || (!fetch->attempt->tls.done_ns &&
	                                   age_ms >= silent_ms(fetch->fetcher));
}

/* Those who have been at it for long make room, and may know other ways. */
static void age(struct fetcher *fetcher, uint64_t now)
{
	list_each_safe (node, &fetcher->young) {
		struct fetch *fetch = container_of(node, struct fetch, node);

		if (fetcher->slow_count >= fetcher->slow_max)
			return;
		if (!is_slow(fetch, now))
			continue;
		set_state(fetch, FETCH_SLOW);
		if (!fetch->attempt->tls.done_ns)
			want_more(fetch);
	}
}

static bool has_room(const struct fetcher *fetcher)
{
	return (!list_empty(&fetcher->again) ||
	        fair_line_is_ready(fetcher->line)) &&
	       fetcher->young_count < fetcher->concurrency;
}

/* There is one. */
static struct fetch *next(struct fetcher *fetcher)
{
	struct fetch *fetch = first_of(&fetcher->again);

	return fetch ? fetch
	             : container_of(fair_line_take(fetcher->line), struct fetch,
	                            place);
}

static void on_room(struct turn *turn)
{
	struct fetcher *fetcher = container_of(turn, struct fetcher, room);

	if (has_room(fetcher)) /* it may be over at once, the fetcher closed */
		start(next(fetcher));
}

static void on_timer(uv_timer_t *timer)
{
	struct fetcher *fetcher = timer->data;

	age(fetcher, now_ms());
	kick(fetcher);
}

/* Something has changed. Fetches start from the loop, since callbacks never come
 * from inside a call. */
static void kick(struct fetcher *fetcher)
{
	const struct fetch *oldest = first_of(&fetcher->young);
	uint64_t age_ms = oldest ? now_ms() - oldest->young_ms : 0;
	uint64_t most_ms = silent_ms(fetcher);
	uint64_t left_ms = age_ms < most_ms ? most_ms - age_ms : FETCH_LOOK_MS;

	if (has_room(fetcher))
		turns_add_new(fetcher->turns, &fetcher->room);
	if (oldest && fetcher->slow_count < fetcher->slow_max)
		uv_timer_start(&fetcher->timer, on_timer, left_ms + 1, 0);
	else /* until one ends */
		uv_timer_stop(&fetcher->timer);
}

int fetcher_get(struct fetcher *fetcher, const char *host,
                const struct address *addresses, size_t count,
                fetch_callback *callback, void *arg, struct fetch **ret)
{
	struct fetch *fetch;

	if (count == 0)
		return MTS_ERANGE;
	if (count > FETCH_ADDRESSES_MAX)
		count = FETCH_ADDRESSES_MAX;
	fetch = calloc(1, sizeof(*fetch));
	if (!fetch)
		return MTS_ENOMEM;
	fetch->host = strdup(host);
	fetch->addresses = calloc(count, sizeof(*addresses));
	if (!fetch->host || !fetch->addresses ||
	    fair_line_add(fetcher->line, &fetch->place, &addresses[0], false) !=
	        MTS_OK) {
		fetch_free(fetch);
		return MTS_ENOMEM;
	}
	memcpy(fetch->addresses, addresses, count * sizeof(*addresses));
	fetch->count = count;
	fetch->fetcher = fetcher;
	fetch->callback = callback;
	fetch->arg = arg;
	list_init(&fetch->node);
	fetch->state = FETCH_ENDED; /* in no list yet */
	set_state(fetch, FETCH_WAITING);
	kick(fetcher);
	*ret = fetch;
	return MTS_OK;
}

void fetch_expect(struct fetch *fetch, fetch_want *want)
{
	fetch->want = want;
}

static void add_addresses(struct fetch *fetch, const struct address *addresses,
                          size_t count)
{
	size_t room = FETCH_ADDRESSES_MAX - fetch->count;
	struct address *all;

	if (count > room)
		count = room;
	if (count == 0)
		return;
	all =
	    reallocarray(fetch->addresses, fetch->count + count, sizeof(*all));
	if (!all)
		return; /* those that there are remain */
	memcpy(&all[fetch->count], addresses, count * sizeof(*all));
	fetch->count += count;
	fetch->addresses = all;
	if (fetch->attempt)
		fetch->attempt->addresses = all;
}

/* An attempt that has not even connected begins anew, with one address of each
 * family; it is the next in line. */
void fetch_offer(struct fetch *fetch, const struct address *addresses,
                 size_t count)
{
	struct fetcher *fetcher = fetch->fetcher;
	const struct attempt *attempt = fetch->attempt;
	size_t before = fetch->count;

	fetch->wanting = false;
	add_addresses(fetch, addresses, count);
	if (attempt && (attempt->tls.connected_ns || fetch->count == before))
		return;
	drop_attempt(fetch);
	set_state(fetch, FETCH_AGAIN);
	kick(fetcher);
}

void fetch_cancel(struct fetch **fetch)
{
	struct fetch *f = *fetch;

	if (!f)
		return;
	*fetch = NULL;
	set_state(f, FETCH_ENDED);
	drop_attempt(f);
	kick(f->fetcher);
	fetch_free(f);
}

void fetcher_load(const struct fetcher *fetcher, size_t *running,
                  size_t *waiting)
{
	*running = fetcher->young_count + fetcher->slow_count;
	*waiting = fetcher->waiting_count;
}

/* -- the fetcher ----------------------------------------------------------- */

static void cancel_all(struct list *list)
{
	list_each_safe (node, list) {
		struct fetch *fetch = container_of(node, struct fetch, node);

		fetch_cancel(&fetch);
	}
}

/* By now the last transfer is freed, even if the fetcher was closed in its
 * callback. */
static void on_closed(uv_handle_t *handle)
{
	curl_global_cleanup();
	free(handle->data);
}

int fetcher_new(const struct fetcher_options *options, struct fetcher **ret,
                struct fault *why)
{
	struct fetcher *fetcher = calloc(1, sizeof(*fetcher));
	int status;

	if (!fetcher)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	fetcher->loop = options->loop;
	fetcher->timeout_ms = options->timeout_ms;
	fetcher->max_size = options->max_size;
	fetcher->concurrency = options->concurrency ? options->concurrency : 1;
	fetcher->slow_max = options->slow
	                        ? options->slow
	                        : FETCH_SLOW_FACTOR * fetcher->concurrency;
	list_init(&fetcher->waiting);
	list_init(&fetcher->again);
	list_init(&fetcher->young);
	list_init(&fetcher->slow);
	list_init(&fetcher->asking);
	turn_init(&fetcher->room, on_room);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(fetcher);
		return fault_set(why, MTS_ELIB, "libcurl can't be set up");
	}
	status = trust_new(options->ca_file, &fetcher->trust, why);
	if (status != MTS_OK)
		goto fail;
	status = fetch_tls_init();
	if (status == MTS_OK)
		status = fair_line_new(
		    (fetcher->concurrency + fetcher->slow_max) / 2,
		    &fetcher->line);
	if (status == MTS_OK)
		status = turns_ref(options->loop, &fetcher->turns);
	if (status == MTS_OK)
		status = curl_uv_new(options->loop, on_done, fetcher,
		                     &fetcher->curl);
	if (status != MTS_OK) {
		fault_set(why, status, "libcurl can't be set up: %s",
		          mts_status_text(status));
		goto fail;
	}
	uv_timer_init(options->loop, &fetcher->timer);
	fetcher->timer.data = fetcher;
	*ret = fetcher;
	return MTS_OK;
fail:
	fair_line_free(&fetcher->line);
	turns_unref(&fetcher->turns);
	trust_free(&fetcher->trust);
	curl_global_cleanup();
	free(fetcher);
	return status;
}

void fetcher_close(struct fetcher **fetcher)
{
	struct fetcher *f = *fetcher;

	if (!f)
		return;
	*fetcher = NULL;
	cancel_all(&f->waiting);
	cancel_all(&f->again);
	cancel_all(&f->young);
	cancel_all(&f->slow);
	cancel_all(&f->asking);
	curl_uv_close(&f->curl);
	trust_free(&f->trust);
	fair_line_free(&f->line);
	turn_cancel(&f->room);
	turns_unref(&f->turns);
	uv_close((uv_handle_t *)&f->timer, on_closed);
}
