/* SPDX-License-Identifier: BSD-2-Clause */
/* attempt.h - one HTTPS request for a policy, by libcurl, and what came of it.
 *
 * A fetch is one attempt, or several if an address leads nowhere. */
#ifndef HTTPS_ATTEMPT_H
#define HTTPS_ATTEMPT_H

#include "https/fetch_http.h"
#include "https/fetch_tls.h"

#include <curl/curl.h>
#include <stdbool.h>

struct attempt {
	CURL *easy;
	struct curl_slist *resolve;
	struct fetch_tls tls;
	struct fetch_http http;
	const struct address *addresses;
	size_t count;
	in_port_t port;
	int *socket;
	uint64_t since_ns;
	uint64_t shortages;          /* shortage_count() before it */
	char error[CURL_ERROR_SIZE]; /* libcurl's words */
	char reason[FETCH_REASON];
};

/* What to ask; all of it outlives the attempt. */
struct attempt_options {
	const struct trust *trust;
	const char *host;
	const struct address *addresses; /* to one of which it connects */
	size_t count;
	bool keep_chain; /* as struct fetcher_options' */
	bool cleartext;  /* by HTTP at port 80, for mtasts-check */
	int *socket; /* that is connected already; set to -1 when it is taken
	              * over. NULL: none is */
	bool more;   /* there are others, for another attempt */
	uint64_t timeout_ms;
	uint64_t max_size;
	uint64_t since_ns; /* the fetch began, by uv_hrtime() */
	void *private;     /* CURLOPT_PRIVATE */
};

/* MTS_ENOMEM, MTS_ELIB. On MTS_OK *RET is the caller's: attempt_free(); its
 * easy handle is ready to be run. */
int attempt_new(const struct attempt_options *options, struct attempt **ret);

/* The easy handle is in no multi. Takes NULL, leaves NULL. */
void attempt_free(struct attempt **attempt);

/* The attempt ended with CODE: says in RET what that means. The slices and the
 * text live as long as the attempt; total_ms is left to the caller. */
void attempt_judge(struct attempt *attempt, CURLcode code,
                   struct fetch_result *ret);

#endif
