/* SPDX-License-Identifier: BSD-2-Clause */
/* fetch.c - the state machine of a fetch.
 *
 * Which fetch runs: a fetch waits in a queue, then runs. Up to CONCURRENCY
 * fetches run at a time. One that takes longer than FETCH_SLOW_MS becomes slow
 * and no longer counts towards these, so the next one starts: policy hosts that
 * accept connections and stay silent do not hold up the others. The number of
 * slow fetches is limited, too, and one network gets at most half of all
 * (fetch_queue.h).
 *
 * Which address it tries: libcurl gets one address of each family. If they give
 * no HTTP answer the next ones are tried, all within the time limit of the
 * fetch; then the caller may find others (fetch_expect()). The result of the
 * attempt that got furthest is reported. */
#include "https/fetch.h"

#include "base/work_queue.h"
#include "https/attempt.h"
#include "https/ca_store.h"
#include "https/curl_uv.h"
#include "https/fetch_queue.h"
#include "https/fetch_tls.h"

#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	FETCH_SLOW_MS = 500,
	FETCH_RECHECK_MS = 10, /* whether more fetches have become slow */
	FETCH_SLOW_FACTOR = 4, /* slow fetches, as a multiple of CONCURRENCY */
	FETCH_ADDRESSES_MAX = 64, /* of one fetch; further ones are ignored */
};

enum fetch_state {
	FETCH_QUEUED, /* in the fetch queue; leaves by fetcher_on_start */
	FETCH_RETRY,  /* has got new addresses, and is served before those that
	                * are queued; leaves by fetcher_on_start */
	FETCH_RUNNING, /* an attempt is running; leaves by fetch_on_attempt, or by
	                * mark_slow */
	FETCH_SLOW,    /* the same for longer than FETCH_SLOW_MS; leaves by
	                * fetch_on_attempt or fetch_offer */
	FETCH_ASKING, /* all addresses have failed, and the caller looks for others;
	                * leaves by fetch_offer */
	FETCH_ENDED, /* the callback is being called, or it was cancelled */
};

enum { FETCH_LISTS = FETCH_ENDED }; /* of each other state */

struct fetch_list {
	struct list fetches;
	size_t count;
};

struct fetcher {
	uv_loop_t *loop;
	struct curl_uv *curl; /* NULL: the fetcher is closed */
	struct ca_store *ca_store;
	uint64_t timeout_ms;
	uint64_t max_size;
	bool keep_chain;
	size_t concurrency;
	size_t slow_max;

	/* Between fetcher_prepare() and fetcher_settle(). */
	struct ca_store *next_ca_store;
	struct fetcher_options next;

	struct fetch_list lists[FETCH_LISTS]; /* by enum fetch_state */
	struct fetch_queue *queue;            /* the order of FETCH_QUEUED */
	struct work_queue *work_queue;
	struct work_item start_work; /* one more fetch may start */
	uv_timer_t timer; /* the first of FETCH_RUNNING becomes slow */
	struct fetcher_counts counts;
};

struct fetch {
	struct list node; /* in the list of its state */
	struct queue_entry entry;
	struct fetcher *fetcher;
	enum fetch_state state;
	char *host;
	struct address *addresses; /* that have not failed */
	size_t count;
	size_t trying; /* how many of them, from the first, the attempt got */
	uint64_t started_ms; /* the first attempt; 0: none has started */
	uint64_t running_ms; /* when it last came to FETCH_RUNNING */
	fetch_want *want;    /* NULL: no other addresses, or it was called */
	bool wanting;        /* fetch_offer() is still to come */
	struct work_item want_work; /* calls it */
	struct attempt *attempt;
	struct fetch_result
	    best; /* of the failed attempts; reason NULL: none */
	char best_reason[FETCH_REASON];
	STACK_OF(X509) * best_chain;
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

/* Not the loop's cached time, which may be old when a fetch starts. */
static uint64_t clock_ms(void)
{
	return uv_hrtime() / 1000000;
}

static void fetch_free(struct fetch *fetch)
{
	work_item_cancel(&fetch->want_work);
	sk_X509_pop_free(fetch->best_chain, X509_free);
	free(fetch->host);
	free(fetch->addresses);
	free(fetch);
}

/* The only function that changes the state. */
static void fetch_set_state(struct fetch *fetch, enum fetch_state state)
{
	struct fetch_list *lists = fetch->fetcher->lists;

	if (fetch->state != FETCH_ENDED) {
		list_remove(&fetch->node);
		lists[fetch->state].count--;
	}
	fetch->state = state;
	if (state != FETCH_ENDED) {
		list_append(&lists[state].fetches, &fetch->node);
		lists[state].count++;
	} else {
		fetch_queue_leave(fetch->fetcher->queue, &fetch->entry);
	}
}

static struct fetch *first_in(const struct fetcher *fetcher,
                              enum fetch_state state)
{
	struct list *node = list_first(&fetcher->lists[state].fetches);

	return node ? container_of(node, struct fetch, node) : NULL;
}

/* -- which fetch runs ------------------------------------------------------ */

static bool can_start(const struct fetcher *fetcher)
{
	return fetcher->lists[FETCH_RUNNING].count < fetcher->concurrency &&
	       (first_in(fetcher, FETCH_RETRY) ||
	        fetch_queue_is_ready(fetcher->queue));
}

static bool can_be_slow(const struct fetcher *fetcher)
{
	return fetcher->lists[FETCH_SLOW].count < fetcher->slow_max;
}

/* How long a fetch without TLS may run before it is slow. The more fetches
 * wait, the shorter. */
static uint64_t silent_ms(const struct fetcher *fetcher)
{
	return FETCH_SLOW_MS * fetcher->concurrency /
	       (fetcher->concurrency + fetcher->lists[FETCH_QUEUED].count);
}

static bool is_slow(const struct fetch *fetch, uint64_t now_ms)
{
	uint64_t age_ms = now_ms - fetch->running_ms;

	return age_ms >= FETCH_SLOW_MS || (!attempt_has_tls(fetch->attempt) &&
	                                   age_ms >= silent_ms(fetch->fetcher));
}

static void fetcher_on_timer(uv_timer_t *timer);

/* Whatever may allow a fetch to start calls this. It starts none itself, as
 * results must not come from inside of a call. */
static void fetcher_kick(struct fetcher *fetcher)
{
	const struct fetch *oldest = first_in(fetcher, FETCH_RUNNING);
	uint64_t limit_ms = silent_ms(fetcher);
	uint64_t age_ms;

	if (can_start(fetcher))
		work_queue_add_new(fetcher->work_queue, &fetcher->start_work);
	if (!oldest || !can_be_slow(fetcher)) {
		uv_timer_stop(&fetcher->timer);
		return;
	}
	age_ms = clock_ms() - oldest->running_ms;
	uv_timer_start(
	    &fetcher->timer, fetcher_on_timer,
	    (age_ms < limit_ms ? limit_ms - age_ms : FETCH_RECHECK_MS) + 1, 0);
}

/* The caller may look for other addresses. Not from here, since it may close
 * the fetcher. */
static void ask_for_addresses(struct fetch *fetch)
{
	if (!fetch->want)
		return;
	fetch->wanting = true;
	work_queue_add(fetch->fetcher->work_queue, &fetch->want_work);
}

static void fetch_on_want(struct work_item *work)
{
	struct fetch *fetch = container_of(work, struct fetch, want_work);
	fetch_want *want = fetch->want;

	fetch->want = NULL;
	want(fetch->arg); /* it may free the fetch */
}

static void mark_slow(struct fetcher *fetcher, uint64_t now_ms)
{
	list_each_safe (node, &fetcher->lists[FETCH_RUNNING].fetches) {
		struct fetch *fetch = container_of(node, struct fetch, node);

		if (!can_be_slow(fetcher))
			return;
		if (!is_slow(fetch, now_ms))
			continue;
		fetch_set_state(fetch, FETCH_SLOW);
		if (!attempt_has_tls(fetch->attempt))
			ask_for_addresses(fetch);
	}
}

static void fetcher_on_timer(uv_timer_t *timer)
{
	struct fetcher *fetcher = timer->data;

	mark_slow(fetcher, clock_ms());
	fetcher_kick(fetcher);
}

static void fetch_start(struct fetch *fetch);

static void fetcher_on_start(struct work_item *work)
{
	struct fetcher *fetcher =
	    container_of(work, struct fetcher, start_work);
	struct fetch *fetch;

	if (!can_start(fetcher))
		return;
	fetch = first_in(fetcher, FETCH_RETRY);
	if (!fetch)
		fetch = container_of(fetch_queue_take(fetcher->queue),
		                     struct fetch, entry);
	fetch_start(fetch); /* it may end at once, and close the fetcher */
}

/* -- which address it tries ------------------------------------------------ */

/* Puts the addresses to try first: one of each family. libcurl tries IPv4 if
 * IPv6 does not connect at once (RFC 8305); but of two silent addresses of one
 * family it would not reach the second one in time. */
static void choose_addresses(struct fetch *fetch)
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

static uint64_t time_left_ms(const struct fetch *fetch)
{
	uint64_t spent_ms = clock_ms() - fetch->started_ms;
	uint64_t timeout_ms = fetch->fetcher->timeout_ms;

	return spent_ms < timeout_ms ? timeout_ms - spent_ms : 0;
}

static void fetch_on_attempt(void *arg, const struct fetch_result *result);

/* False: no address or no time is left, or out of memory. */
static bool try_first_addresses(struct fetch *fetch)
{
	struct fetcher *fetcher = fetch->fetcher;
	struct attempt_options options = {
		.curl = fetcher->curl,
		.ca_store = fetcher->ca_store,
		.host = fetch->host,
		.addresses = fetch->addresses,
		.keep_chain = fetcher->keep_chain,
		.timeout_ms = time_left_ms(fetch),
		.max_size = fetcher->max_size,
		.since_ns = fetch->started_ms * 1000000,
	};

	/* To libcurl, a time limit of 0 means none. */
	if (fetch->count == 0 || options.timeout_ms == 0)
		return false;
	choose_addresses(fetch);
	options.count = fetch->trying;
	options.more = fetch->count > fetch->trying;
	return attempt_start(&options, fetch_on_attempt, fetch,
	                     &fetch->attempt) == MTS_OK;
}

static void remove_addresses(struct fetch *fetch, size_t at, size_t n)
{
	fetch->count -= n;
	memmove(&fetch->addresses[at], &fetch->addresses[at + n],
	        (fetch->count - at) * sizeof(*fetch->addresses));
}

/* Removes the address TEXT that the attempt connected to; if it connected to
 * none, all that it was given. */
static void remove_failed(struct fetch *fetch, const char *text)
{
	char other[ADDRESS_TEXT];

	for (size_t i = 0; i < fetch->trying; i++) {
		address_text(&fetch->addresses[i], other);
		if (strcmp(other, text) == 0) {
			remove_addresses(fetch, i, 1);
			return;
		}
	}
	remove_addresses(fetch, 0, fetch->trying);
}

/* How far an attempt got. */
static int progress(const struct fetch_result *result)
{
	if (result->cause == FETCH_OK || result->http_status)
		return 4;
	if (result->tls_ms || (result->cause >= FETCH_CERT_NAME &&
	                       result->cause <= FETCH_CERT_INVALID))
		return 3;
	return result->connect_ms ? 2 : 1;
}

static bool best_is_better(const struct fetch *fetch,
                           const struct fetch_result *result)
{
	return fetch->best.reason && progress(&fetch->best) >= progress(result);
}

/* Copies what belongs to the attempt, which is about to be freed. */
static void keep_if_best(struct fetch *fetch, const struct fetch_result *result)
{
	if (best_is_better(fetch, result))
		return;
	sk_X509_pop_free(fetch->best_chain, X509_free);
	fetch->best_chain =
	    result->chain ? X509_chain_up_ref(result->chain) : NULL;
	fetch->best = *result;
	fetch->best.chain = fetch->best_chain;
	snprintf(fetch->best_reason, sizeof(fetch->best_reason), "%s",
	         result->reason);
	fetch->best.reason = fetch->best_reason;
}

/* After an attempt that got no HTTP answer. True: the fetch goes on. */
static bool fetch_try_next(struct fetch *fetch,
                           const struct fetch_result *result)
{
	if (result->http_status || result->cause == FETCH_OK ||
	    result->cause == FETCH_NO_MEMORY)
		return false;
	keep_if_best(fetch, result);
	remove_failed(fetch, result->address);
	if (time_left_ms(fetch) == 0)
		return false;
	if (fetch->count > 0) {
		attempt_free(&fetch->attempt);
		return try_first_addresses(fetch);
	}
	if (!fetch->want && !fetch->wanting)
		return false;
	attempt_free(&fetch->attempt);
	fetch_set_state(fetch, FETCH_ASKING);
	ask_for_addresses(fetch);
	fetcher_kick(fetch->fetcher);
	return true;
}

/* -- the end --------------------------------------------------------------- */

/* The callback may close the fetcher, which lives on until its timer is
 * closed. */
static void fetch_end(struct fetch *fetch, struct fetch_result *result)
{
	struct fetcher *fetcher = fetch->fetcher;

	/* Rounded up, as connect_ms and tls_ms are. */
	result->total_ms = clock_ms() - fetch->started_ms + 1;
	fetch_set_state(fetch, FETCH_ENDED);
	fetcher->counts.by_cause[result->cause]++;
	fetch->callback(fetch->arg, result);
	attempt_free(&fetch->attempt); /* RESULT points into it */
	fetch_free(fetch);
	if (fetcher->curl)
		fetcher_kick(fetcher);
}

static void fetch_on_attempt(void *arg, const struct fetch_result *result)
{
	struct fetch *fetch = arg;
	struct fetch_result last = *result;

	if (fetch_try_next(fetch, result))
		return;
	if (last.cause != FETCH_OK && best_is_better(fetch, result))
		last = fetch->best;
	fetch_end(fetch, &last);
}

static void fetch_start(struct fetch *fetch)
{
	struct fetch_result failed = { .cause = FETCH_NO_MEMORY,
		                       .reason = "out of memory" };

	fetch_set_state(fetch, FETCH_RUNNING);
	fetch->running_ms = clock_ms();
	if (!fetch->started_ms)
		fetch->started_ms = fetch->running_ms;
	ca_store_refresh(fetch->fetcher->ca_store, fetch->running_ms);
	fetcher_kick(fetch->fetcher);
	if (try_first_addresses(fetch))
		return;
	if (fetch->best.reason)
		failed = fetch->best;
	fetch_end(fetch, &failed);
}

/* -- what callers do with a fetch ------------------------------------------ */

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
	work_item_init(&fetch->want_work, fetch_on_want);
	list_init(&fetch->node);
	list_init(&fetch->entry.node);
	fetch->host = strdup(host);
	fetch->addresses = calloc(count, sizeof(*addresses));
	if (!fetch->host || !fetch->addresses ||
	    fetch_queue_add(fetcher->queue, &fetch->entry, &addresses[0]) !=
	        MTS_OK) {
		fetch_free(fetch);
		return MTS_ENOMEM;
	}
	memcpy(fetch->addresses, addresses, count * sizeof(*addresses));
	fetch->count = count;
	fetch->fetcher = fetcher;
	fetch->callback = callback;
	fetch->arg = arg;
	fetch->state = FETCH_ENDED; /* in no list yet */
	fetch_set_state(fetch, FETCH_QUEUED);
	fetcher_kick(fetcher);
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
	size_t most = FETCH_ADDRESSES_MAX - fetch->count;
	struct address *all;

	if (count > most)
		count = most;
	if (count == 0)
		return;
	all =
	    reallocarray(fetch->addresses, fetch->count + count, sizeof(*all));
	if (!all)
		return; /* the fetch goes on with the ones it has */
	memcpy(&all[fetch->count], addresses, count * sizeof(*all));
	fetch->count += count;
	fetch->addresses = all;
}

/* An attempt that has not connected yet is dropped, and the fetch starts over
 * with one address of each family. */
void fetch_offer(struct fetch *fetch, const struct address *addresses,
                 size_t count)
{
	size_t before = fetch->count;

	fetch->wanting = false;
	add_addresses(fetch, addresses, count);
	if (fetch->attempt &&
	    (attempt_is_connected(fetch->attempt) || fetch->count == before))
		return;
	attempt_free(&fetch->attempt);
	fetch_set_state(fetch, FETCH_RETRY);
	fetcher_kick(fetch->fetcher);
}

void fetch_cancel(struct fetch **fetch)
{
	struct fetch *f = *fetch;

	if (!f)
		return;
	*fetch = NULL;
	fetch_set_state(f, FETCH_ENDED);
	attempt_free(&f->attempt);
	fetcher_kick(f->fetcher);
	fetch_free(f);
}

/* -- the fetcher ----------------------------------------------------------- */

void fetcher_load(const struct fetcher *fetcher, size_t *running,
                  size_t *waiting)
{
	*running = fetcher->lists[FETCH_RUNNING].count +
	           fetcher->lists[FETCH_SLOW].count;
	*waiting = fetcher->lists[FETCH_QUEUED].count;
}

void fetcher_get_counts(const struct fetcher *fetcher,
                        struct fetcher_counts *ret)
{
	*ret = fetcher->counts;
}

const struct ca_store *fetcher_ca_store(const struct fetcher *fetcher)
{
	return fetcher->ca_store;
}

/* One network gets at most half of all that may run. */
static void set_limits(struct fetcher *fetcher,
                       const struct fetcher_options *options)
{
	size_t all;

	fetcher->timeout_ms = options->timeout_ms;
	fetcher->max_size = options->max_size;
	fetcher->concurrency = options->concurrency ? options->concurrency : 1;
	fetcher->slow_max = options->slow
	                        ? options->slow
	                        : FETCH_SLOW_FACTOR * fetcher->concurrency;
	all = fetcher->concurrency + fetcher->slow_max;
	fetch_queue_set_limits(fetcher->queue, all / 2, all);
}

int fetcher_prepare(struct fetcher *fetcher,
                    const struct fetcher_options *options, struct fault *why)
{
	fetcher->next = *options;
	return ca_store_new(options->ca_file, &fetcher->next_ca_store, why);
}

void fetcher_settle(struct fetcher *fetcher, bool use)
{
	if (!fetcher->next_ca_store)
		return;
	if (!use) {
		ca_store_free(&fetcher->next_ca_store);
		return;
	}
	ca_store_replace(fetcher->ca_store, &fetcher->next_ca_store);
	set_limits(fetcher, &fetcher->next);
	fetcher_kick(fetcher);
}

/* Creates all members but the CA store and the timer. */
static int create_members(struct fetcher *fetcher)
{
	int status = fetch_tls_init();

	if (status == MTS_OK)
		status = fetch_queue_new(1, &fetcher->queue);
	if (status == MTS_OK)
		status = work_queue_ref(fetcher->loop, &fetcher->work_queue);
	if (status == MTS_OK)
		status = curl_uv_new(fetcher->loop, &fetcher->curl);
	return status;
}

int fetcher_new(const struct fetcher_options *options, struct fetcher **ret,
                struct fault *why)
{
	struct fetcher *fetcher = calloc(1, sizeof(*fetcher));
	int status;

	if (!fetcher)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(fetcher);
		return fault_set(why, MTS_ELIB, "libcurl can't be set up");
	}
	fetcher->loop = options->loop;
	fetcher->keep_chain = options->keep_chain;
	for (size_t i = 0; i < FETCH_LISTS; i++)
		list_init(&fetcher->lists[i].fetches);
	work_item_init(&fetcher->start_work, fetcher_on_start);
	status = ca_store_new(options->ca_file, &fetcher->ca_store, why);
	if (status == MTS_OK) {
		status = create_members(fetcher);
		if (status != MTS_OK)
			fault_set(why, status, "libcurl can't be set up: %s",
			          mts_status_text(status));
	}
	if (status != MTS_OK) {
		fetch_queue_free(&fetcher->queue);
		work_queue_unref(&fetcher->work_queue);
		ca_store_free(&fetcher->ca_store);
		curl_global_cleanup();
		free(fetcher);
		return status;
	}
	set_limits(fetcher, options);
	uv_timer_init(options->loop, &fetcher->timer);
	fetcher->timer.data = fetcher;
	*ret = fetcher;
	return MTS_OK;
}

/* By now the last attempt is freed, even if the fetcher was closed by a fetch's
 * callback. */
static void fetcher_on_closed(uv_handle_t *handle)
{
	curl_global_cleanup();
	free(handle->data);
}

void fetcher_close(struct fetcher **fetcher)
{
	struct fetcher *f = *fetcher;

	if (!f)
		return;
	*fetcher = NULL;
	for (size_t i = 0; i < FETCH_LISTS; i++)
		list_each_safe (node, &f->lists[i].fetches) {
			struct fetch *fetch =
			    container_of(node, struct fetch, node);

			fetch_cancel(&fetch);
		}
	curl_uv_close(&f->curl);
	ca_store_free(&f->ca_store);
	ca_store_free(&f->next_ca_store);
	fetch_queue_free(&f->queue);
	work_item_cancel(&f->start_work);
	work_queue_unref(&f->work_queue);
	uv_close((uv_handle_t *)&f->timer, fetcher_on_closed);
}
