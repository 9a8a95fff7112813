/* SPDX-License-Identifier: BSD-2-Clause */
/* fake_mx.c - look-ups of MX hosts that end as the test says. */
#include "tests.h"

#include "fake_mx.h"

struct fake_mx fake_mx;

void fake_mx_reset(void)
{
	memset(&fake_mx, 0, sizeof(fake_mx));
}

void fake_mx_finish(const char *names, size_t len, uint32_t ttl_s)
{
	struct mx_hosts result = { .known = names != NULL,
		                   .ttl_s = ttl_s,
		                   .names = slice_of(names, len),
		                   .reason = names ? "" : "because" };

	assert_true(fake_mx.running);
	fake_mx.running = false;
	fake_mx.callback(fake_mx.arg, &result);
}

int mx_hosts_start(struct resolver *resolver, const struct domain *domain,
                   mx_hosts_callback *callback, void *arg,
                   struct mx_hosts_query **ret)
{
	(void)resolver;
	if (fake_mx.no_memory)
		return MTS_ENOMEM;
	assert_false(fake_mx.running);
	fake_mx.started++;
	fake_mx.running = true;
	fake_mx.domain = *domain;
	fake_mx.callback = callback;
	fake_mx.arg = arg;
	/* Any pointer that is not NULL. */
	*ret = (struct mx_hosts_query *)(void *)&fake_mx;
	return MTS_OK;
}

void mx_hosts_cancel(struct mx_hosts_query **query)
{
	if (*query) {
		fake_mx.cancelled++;
		fake_mx.running = false;
	}
	*query = NULL;
}
