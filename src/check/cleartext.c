/* SPDX-License-Identifier: BSD-2-Clause */
/* cleartext.c - is the policy served by HTTP at port 80, too?
 *
 * The same request as a fetch makes, under the same limits (net/attempt.h), but
 * without TLS. */
#include "check/cleartext.h"

#include "net/attempt.h"
#include "net/curl_uv.h"
#include "sts/policy.h"

#include <stdlib.h>

enum { ADDRESSES_MAX = 2 };

struct cleartext {
	struct curl_uv *curl;
	struct attempt *attempt;
	struct address addresses[ADDRESSES_MAX];
	char host[300];
	cleartext_callback *callback;
	void *arg;
};

void cleartext_cancel(struct cleartext **cleartext)
{
	struct cleartext *c = *cleartext;

	if (!c)
		return;
	*cleartext = NULL;
	if (c->attempt)
		curl_uv_remove(c->curl, c->attempt->easy);
	attempt_free(&c->attempt);
	curl_uv_close(&c->curl);
	free(c);
}

static void on_done(void *arg, CURL *easy, CURLcode code)
{
	struct cleartext *c = arg;
	cleartext_callback *callback = c->callback;
	void *callback_arg = c->arg;
	struct fetch_result result;
	bool served;

	(void)easy;
	attempt_judge(c->attempt, code, &result);
	/* A web server may answer anything with a page of its own. */
	served =
	    result.cause == FETCH_OK && slice_starts(result.body, "version:");
	cleartext_cancel(&c);
	callback(callback_arg, served);
}

int cleartext_start(uv_loop_t *loop, const char *host,
                    const struct address *addresses, size_t count,
                    uint64_t timeout_ms, cleartext_callback *callback,
                    void *arg, struct cleartext **ret)
{
	struct cleartext *c = calloc(1, sizeof(*c));
	struct attempt_options options = {
		.cleartext = true,
		.count = count < ADDRESSES_MAX ? count : ADDRESSES_MAX,
		.timeout_ms = timeout_ms,
		.max_size = POLICY_MAX,
		.since_ns = uv_hrtime(),
	};
	int status;

	if (!c)
		return MTS_ENOMEM;
	c->callback = callback;
	c->arg = arg;
	memcpy(c->addresses, addresses, options.count * sizeof(*c->addresses));
	strncpy(c->host, host, sizeof(c->host) - 1);
	options.host = c->host;
	options.addresses = c->addresses;
	status = curl_uv_new(loop, on_done, c, &c->curl);
	if (status == MTS_OK)
		status = attempt_new(&options, &c->attempt);
	if (status == MTS_OK) {
		status = curl_uv_add(c->curl, c->attempt->easy);
		if (status != MTS_OK)
			attempt_free(&c->attempt);
	}
	if (status != MTS_OK)
		cleartext_cancel(&c);
	else
		*ret = c;
	return status;
}
