/* SPDX-License-Identifier: BSD-2-Clause */
/* attempt.h - one HTTPS request for a policy by libcurl, and its result.
 *
 * A fetch makes one attempt, or several if an address gives no answer. */
#ifndef HTTPS_ATTEMPT_H
#define HTTPS_ATTEMPT_H

#include "https/ca_store.h"
#include "https/curl_uv.h"
#include "https/fetch.h"

#include <stdbool.h>

struct attempt;

enum { ATTEMPT_ADDRESSES = 2 }; /* IPv6 and IPv4 */

/* All pointers have to outlive the attempt, except ADDRESSES. */
struct attempt_options {
	struct curl_uv *curl;
	const struct ca_store *ca_store; /* may be NULL with CLEARTEXT */
	const char *host;
	const struct address *addresses; /* to one of them it connects */
	size_t count;    /* 1 to ATTEMPT_ADDRESSES, one of each family */
	bool keep_chain; /* as in struct fetcher_options */
	bool cleartext;  /* HTTP to port 80, for mtasts-check */
	int *socket; /* already connected; set to -1 once libcurl owns it. NULL:
	              * libcurl connects itself */
	bool more;   /* other addresses can be tried if this attempt fails */
	uint64_t timeout_ms; /* not 0 */
	uint64_t max_size;   /* of the body, bytes */
	uint64_t since_ns;   /* start of the fetch, by uv_hrtime() */
};

/* The attempt has ended. RESULT lives until attempt_free(); its total_ms is
 * left to the fetch. Called from the loop only; may free the attempt. */
typedef void attempt_callback(void *arg, const struct fetch_result *result);

/* Starts a request. MTS_ENOMEM, MTS_ELIB: it was not started. On MTS_OK *RET is
 * the caller's: attempt_free(). CALLBACK comes exactly once, never from inside
 * this call, unless the attempt is freed first. */
int attempt_start(const struct attempt_options *options,
                  attempt_callback *callback, void *arg, struct attempt **ret);

/* Stops the request if it still runs. Takes NULL, leaves NULL. */
void attempt_free(struct attempt **attempt);

/* Whether TCP is connected, and whether the TLS handshake is done. */
bool attempt_is_connected(const struct attempt *attempt);
bool attempt_has_tls(const struct attempt *attempt);

#endif
