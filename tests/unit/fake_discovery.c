/* SPDX-License-Identifier: BSD-2-Clause */
/* fake_discovery.c - discoveries that end as the test says. */
#include "fake_discovery.h"

#include "tests.h"

struct fake_discovery faked;

void fake_discovery_reset(void)
{
	memset(&faked, 0, sizeof(faked));
}

int discovery_start(const struct discover_options *options,
                    const struct domain *domain, const char *known_id,
                    discover_callback *callback, void *arg,
                    struct discovery **ret)
{
	(void)options;
	(void)domain;
	assert_false(faked.running);
	faked.callback = callback;
	faked.arg = arg;
	faked.running = true;
	snprintf(faked.known_id, sizeof(faked.known_id), "%s",
	         known_id ? known_id : "");
	faked.started++;
	*ret = (struct discovery *)&faked;
	return MTS_OK;
}

void discovery_cancel(struct discovery **discovery)
{
	if (*discovery) {
		faked.cancelled++;
		faked.running = false;
	}
	*discovery = NULL;
}

void fake_discovery_end(const struct discover_result *result)
{
	assert_true(faked.running);
	faked.running = false;
	faked.callback(faked.arg, result);
}

const char *discover_outcome_text(enum discover_outcome outcome)
{
	return outcome == DISCOVER_POLICY         ? "policy"
	       : outcome == DISCOVER_NO_RECORD    ? "no_record"
	       : outcome == DISCOVER_FETCH_FAILED ? "fetch_failed"
	       : outcome == DISCOVER_BAD_RECORD   ? "bad_record"
	       : outcome == DISCOVER_DNS_FAILED   ? "dns_failed"
	                                          : "other";
}
