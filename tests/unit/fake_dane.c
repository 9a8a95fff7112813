/* SPDX-License-Identifier: BSD-2-Clause */
/* fake_dane.c - walks that end as the test says. */
#include "tests.h"

#include "fake_dane.h"

struct fake_dane fake_dane;

void fake_dane_reset(void)
{
	memset(&fake_dane, 0, sizeof(fake_dane));
	fake_dane.health = SECURE_DNS_GOOD;
}

int fake_dane_running(void)
{
	int running = 0;

	for (int i = 0; i < fake_dane.started; i++)
		running += fake_dane.checks[i].running;
	return running;
}

void fake_dane_finish(enum dane_state state, uint32_t ttl_s)
{
	static const struct dane_step steps[] = {
		{ "mx", true, "2 hosts, secure" },
		{ "mx1.example.org", false, "no TLSA records" },
	};
	struct dane_result result = {
		.state = state,
		.ttl_s = ttl_s,
		.reason = "because",
		.steps = steps,
		.step_count = ARRAY_LEN(steps),
	};
	int i = fake_dane.started;

	while (i > 0 && !fake_dane.checks[i - 1].running)
		i--;
	assert_true(i > 0);
	fake_dane.checks[i - 1].running = false;
	fake_dane.checks[i - 1].callback(fake_dane.checks[i - 1].arg, &result);
}

int dane_start(struct secure_dns *dns, const struct domain_hop *hop,
               dane_callback *callback, void *arg, struct dane_check **ret)
{
	struct dane_check *check = &fake_dane.checks[fake_dane.started];

	(void)dns;
	if (fake_dane.no_memory)
		return MTS_ENOMEM;
	assert_true(fake_dane.started < FAKE_CHECKS_MAX);
	fake_dane.started++;
	*check = (struct dane_check){ *hop, callback, arg, true };
	*ret = check;
	return MTS_OK;
}

void dane_cancel(struct dane_check **check)
{
	if (*check) {
		fake_dane.cancelled++;
		(*check)->running = false;
	}
	*check = NULL;
}

enum secure_dns_health secure_dns_health(struct secure_dns *dns)
{
	(void)dns;
	return fake_dane.health;
}

const char *secure_dns_health_text(enum secure_dns_health health)
{
	return health == SECURE_DNS_GOOD ? "good" : "stripped";
}

const char *secure_dns_text(const struct secure_dns *dns)
{
	(void)dns;
	return "validated here";
}

void secure_dns_get_counts(const struct secure_dns *dns,
                           struct secure_dns_counts *ret)
{
	(void)dns;
	for (size_t i = 0; i < SECURE_DNS_RESULTS; i++)
		ret->by_result[i] = 1000 + i;
}
