/* SPDX-License-Identifier: BSD-2-Clause */
/* fetch_try.c - which address a fetch tries, and what is reported of it.
 *
 * Where an address leads to no HTTP answer, the remaining ones are tried,
 * within the time of the whole fetch; and its owner may know how to find
 * others. What got furthest is what is reported. */
#include "https/fetch_internal.h"

#include <stdio.h>

/* -- attempts -------------------------------------------------------------- */

void fetch_drop_attempt(struct fetch *fetch)
{
	if (!fetch->attempt)
		return;
	curl_uv_remove(fetch->fetcher->curl, fetch->attempt->easy);
	attempt_free(&fetch->attempt);
}

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
	uint64_t spent_ms = fetch_now_ms() - fetch->started_ms;
	uint64_t timeout_ms = fetch->fetcher->timeout_ms;

	return spent_ms < timeout_ms ? timeout_ms - spent_ms : 0;
}

int fetch_try(struct fetch *fetch)
{
	struct fetcher *fetcher = fetch->fetcher;
	struct attempt_options options = {
		.trust = fetcher->trust,
		.host = fetch->host,
		.addresses = fetch->addresses,
		.keep_chain = fetcher->keep_chain,
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
	sk_X509_pop_free(fetch->best_chain, X509_free);
	fetch->best_chain =
	    result->chain ? X509_chain_up_ref(result->chain) : NULL;
	fetch->best = *result;
	fetch->best.chain = fetch->best_chain;
	/* The attempt, whose text it is, goes. */
	snprintf(fetch->best_reason, sizeof(fetch->best_reason), "%s",
	         result->reason);
	fetch->best.reason = fetch->best_reason;
}

/* Until its owner has found other addresses, or knows that there are none. */
static void wait_for_more(struct fetch *fetch)
{
	struct fetcher *fetcher = fetch->fetcher;

	fetch_drop_attempt(fetch);
	fetch_set_state(fetch, FETCH_ASKING);
	fetch_want_more(fetch);
	fetch_kick(fetcher);
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
	fetch_drop_attempt(fetch);
	return fetch_try(fetch) == MTS_OK;
}

/* -- the end --------------------------------------------------------------- */

/* The callback may close the fetcher, which lives until its timer is closed. */
static void finish(struct fetch *fetch, struct fetch_result *result)
{
	struct fetcher *fetcher = fetch->fetcher;

	/* Not less than connect_ms and tls_ms, which are rounded up. */
	result->total_ms = fetch_now_ms() - fetch->started_ms + 1;
	fetch_set_state(fetch, FETCH_ENDED);
	if (fetch->attempt) /* its text and body are still needed */
		curl_uv_remove(fetcher->curl, fetch->attempt->easy);
	fetcher->counts.by_cause[result->cause]++;
	fetch->callback(fetch->arg, result);
	attempt_free(&fetch->attempt);
	fetch_free(fetch);
	if (fetcher->curl)
		fetch_kick(fetcher);
}

void fetch_give_up(struct fetch *fetch)
{
	struct fetch_result result = { .cause = FETCH_NO_MEMORY,
		                       .reason = "out of memory" };

	if (fetch->best.reason)
		result = fetch->best;
	finish(fetch, &result);
}

void fetch_on_done(void *arg, CURL *easy, CURLcode code)
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
