/* SPDX-License-Identifier: BSD-2-Clause */
/* fetch.c - fetches: their beginning and what their owners may do with them.
 *
 * fetch_room.c says which one runs, fetch_try.c which address it tries. */
#include "https/curl_memory.h"
#include "https/fetch_internal.h"
#include "https/tls_lib.h"

#include <stdlib.h>

enum {
	FETCH_SLOW_FACTOR = 4,
	FETCH_ADDRESSES_MAX = 64, /* more are left out */
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

void fetch_free(struct fetch *fetch)
{
	work_item_cancel(&fetch->asks);
	sk_X509_pop_free(fetch->best_chain, X509_free);
	free(fetch->host);
	free(fetch->addresses);
	free(fetch);
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
	work_item_init(&fetch->asks, fetch_on_asks);
	fetch->host = strdup(host);
	fetch->addresses = calloc(count, sizeof(*addresses));
	if (!fetch->host || !fetch->addresses ||
	    fetch_queue_add(fetcher->line, &fetch->place, &addresses[0],
	                    false) != MTS_OK) {
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
	fetch_set_state(fetch, FETCH_WAITING);
	fetch_kick(fetcher);
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
	fetch_drop_attempt(fetch);
	fetch_set_state(fetch, FETCH_AGAIN);
	fetch_kick(fetcher);
}

void fetch_cancel(struct fetch **fetch)
{
	struct fetch *f = *fetch;

	if (!f)
		return;
	*fetch = NULL;
	fetch_set_state(f, FETCH_ENDED);
	fetch_drop_attempt(f);
	fetch_kick(f->fetcher);
	fetch_free(f);
}

void fetcher_load(const struct fetcher *fetcher, size_t *running,
                  size_t *waiting)
{
	*running = fetcher->young_count + fetcher->slow_count;
	*waiting = fetcher->waiting_count;
}

void fetcher_get_counts(const struct fetcher *fetcher,
                        struct fetcher_counts *ret)
{
	*ret = fetcher->counts;
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
	tls_lib_close();
	free(handle->data);
}

static void set_limits(struct fetcher *fetcher,
                       const struct fetcher_options *options)
{
	fetcher->timeout_ms = options->timeout_ms;
	fetcher->max_size = options->max_size;
	fetcher->concurrency = options->concurrency ? options->concurrency : 1;
	fetcher->slow_max = options->slow
	                        ? options->slow
	                        : FETCH_SLOW_FACTOR * fetcher->concurrency;
}

/* Half of all that run is as much as one network gets. */
static void set_share(struct fetcher *fetcher)
{
	size_t most = fetcher->concurrency + fetcher->slow_max;

	fetch_queue_set_share(fetcher->line, most / 2, most);
}

int fetcher_prepare(struct fetcher *fetcher,
                    const struct fetcher_options *options, struct fault *why)
{
	fetcher->next = *options;
	return trust_new(options->ca_file, &fetcher->next_trust, why);
}

void fetcher_settle(struct fetcher *fetcher, bool good)
{
	if (!fetcher->next_trust)
		return;
	if (!good) {
		trust_free(&fetcher->next_trust);
		return;
	}
	trust_replace(fetcher->trust, &fetcher->next_trust);
	set_limits(fetcher, &fetcher->next);
	set_share(fetcher);
	fetch_kick(fetcher);
}

static void init_lists(struct fetcher *fetcher)
{
	list_init(&fetcher->waiting);
	list_init(&fetcher->again);
	list_init(&fetcher->young);
	list_init(&fetcher->slow);
	list_init(&fetcher->asking);
}

int fetcher_new(const struct fetcher_options *options, struct fetcher **ret,
                struct fault *why)
{
	struct fetcher *fetcher = calloc(1, sizeof(*fetcher));
	int status;

	if (!fetcher)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	fetcher->loop = options->loop;
	fetcher->keep_chain = options->keep_chain;
	set_limits(fetcher, options);
	init_lists(fetcher);
	work_item_init(&fetcher->room, fetch_on_room);
	if (!curl_memory_init()) {
		free(fetcher);
		return fault_set(why, MTS_ELIB, "libcurl can't be set up");
	}
	tls_lib_open();
	status = trust_new(options->ca_file, &fetcher->trust, why);
	if (status != MTS_OK)
		goto fail;
	status = fetch_tls_init();
	if (status == MTS_OK)
		status = fetch_queue_new(1, &fetcher->line);
	if (status == MTS_OK)
		status = work_queue_ref(options->loop, &fetcher->work_queue);
	if (status == MTS_OK)
		status = curl_uv_new(options->loop, fetch_on_done, fetcher,
		                     &fetcher->curl);
	if (status != MTS_OK) {
		fault_set(why, status, "libcurl can't be set up: %s",
		          mts_status_text(status));
		goto fail;
	}
	set_share(fetcher);
	uv_timer_init(options->loop, &fetcher->timer);
	fetcher->timer.data = fetcher;
	*ret = fetcher;
	return MTS_OK;
fail:
	fetch_queue_free(&fetcher->line);
	work_queue_unref(&fetcher->work_queue);
	trust_free(&fetcher->trust);
	tls_lib_close();
	curl_global_cleanup();
	free(fetcher);
	return status;
}

const struct trust *fetcher_trust(const struct fetcher *fetcher)
{
	return fetcher->trust;
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
	trust_free(&f->next_trust);
	fetch_queue_free(&f->line);
	work_item_cancel(&f->room);
	work_queue_unref(&f->work_queue);
	uv_close((uv_handle_t *)&f->timer, on_closed);
}
