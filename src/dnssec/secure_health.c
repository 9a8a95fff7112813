/* SPDX-License-Identifier: BSD-2-Clause */
/* secure_health.c - are authenticated answers to be had?
 *
 * A resolver that strips signatures makes every signed zone look forged, and
 * must not stop anybody's mail: so it is judged by the root, which is known to
 * be signed, and not by strangers' zones. Tests are begun when somebody asks and
 * one is due, so that an idle daemon sleeps. A test of a validator that has seen
 * the root's keys would only test its cache: so it gets one of its own. */
#include "base/log.h"
#include "base/shortage.h"
#include "dnssec/secure_internal.h"

#include <stdio.h>

enum {
	TEST_GOOD_MS = 60 * 60 * 1000, /* the next test after a good one */
	TEST_BAD_MS = 10 * 60 * 1000,
	TEST_SOON_MS = 30 * 1000, /* after the first failures, and while DNS is
	                           * dead altogether after it was good */
	/* The same if it never was good, as when a machine starts: until the
	 * test that sees DNS come up, mail goes without DANE. */
	TEST_DEAD_MS = 2 * 1000,
	/* After one for which there was no memory: it has told nothing. Until
	 * then what was known holds, and if that is nothing, who asks waits. */
	TEST_SHORT_MS = 1000,
	/* After the last test, if a look-up has failed since: that is most often
	 * its zone's fault, but a resolver that is no good any more must not
	 * hold all mail back until the hour is over. */
	TEST_DOUBT_MS = 60 * 1000,
	/* A packet may be lost, a resolver be started anew: what was good is
	 * given up after that many failures. Answers that come without
	 * signatures need no second look. */
	FAILURES_MAX = 3,
	/* Answers without AD in a row: where nine in ten domains are not signed
	 * that is a matter of a dozen of them, and a test is one question. */
	INSECURE_MANY = 32,
};

const char *secure_dns_health_text(enum secure_dns_health health)
{
	switch (health) {
	case SECURE_DNS_UNTESTED:
		return "untested";
	case SECURE_DNS_GOOD:
		return "good";
	case SECURE_DNS_STRIPPED:
		return "stripped";
	case SECURE_DNS_FAILING:
		return "failing";
	case SECURE_DNS_DEAD:
		return "dead";
	case SECURE_DNS_NONE:
		return "none";
	}
	return "unknown";
}

static void write_text(struct secure_dns *dns)
{
	struct secure_health *health = &dns->health;
	const char *state = secure_dns_health_text(health->state);

	if (health->state == SECURE_DNS_NONE)
		snprintf(health->text, sizeof(health->text), "%s: %s", state,
		         health->reason);
	else if (dns->validates)
		snprintf(health->text, sizeof(health->text),
		         "%s: validated with %s, by way of %s: %s", state,
		         dns->anchor, dns->servers, health->reason);
	else
		snprintf(health->text, sizeof(health->text),
		         "%s: the AD bit of %s: %s", state, dns->servers,
		         health->reason);
}

static void log_change(const struct secure_dns *dns)
{
	const struct secure_health *health = &dns->health;
	const char *state = secure_dns_health_text(health->state);
	const char *by = dns->validates ? "validation" : "ad";

	if (health->state == SECURE_DNS_GOOD)
		log_info("dnssec_available by=%s servers=\"%s\"", by,
		         dns->servers);
	else
		log_warning("dnssec_unavailable state=%s by=%s servers=\"%s\" "
		            "reason=\"%s\"",
		            state, by, dns->servers, health->reason);
}

static void set_state(struct secure_dns *dns, enum secure_dns_health state,
                      const char *reason)
{
	struct secure_health *health = &dns->health;
	bool changed = state != health->state;

	health->state = state;
	snprintf(health->reason, sizeof(health->reason), "%s", reason);
	fault_scrub(health->reason);
	write_text(dns);
	if (changed && state != SECURE_DNS_UNTESTED)
		log_change(dns);
}

void secure_health_none(struct secure_dns *dns, const char *reason)
{
	dns->health.due_ms = UINT64_MAX;
	if (dns->mode == SECURE_DNS_OFF)
		dns->health.state = SECURE_DNS_NONE; /* nothing to warn of */
	set_state(dns, SECURE_DNS_NONE, reason);
}

/* -- tests ----------------------------------------------------------------- */

static void stop(struct secure_health *health)
{
	dnssec_test_cancel(&health->test);
	validator_close(&health->fresh);
}

void secure_health_stop(struct secure_dns *dns)
{
	stop(&dns->health);
	dns->health.due_ms = UINT64_MAX;
}

static bool still_good(const struct secure_health *health,
                       const struct dnssec_test_result *result)
{
	return health->state == SECURE_DNS_GOOD &&
	       result->health == SECURE_DNS_FAILING &&
	       (result->dead || health->failures < FAILURES_MAX);
}

static uint64_t pause_ms(const struct secure_health *health,
                         const struct dnssec_test_result *result)
{
	if (result->health == SECURE_DNS_GOOD)
		return TEST_GOOD_MS;
	if (result->dead && health->state != SECURE_DNS_GOOD)
		return TEST_DEAD_MS;
	if (result->dead || health->failures < FAILURES_MAX)
		return TEST_SOON_MS;
	return TEST_BAD_MS;
}

/* Whether anything but the test's servers may be to blame. */
static bool was_short(const struct secure_health *health)
{
	shortage_look(); /* libunbound does not tell */
	return shortage_count() != health->shortages;
}

static void on_tested(void *arg, const struct dnssec_test_result *result)
{
	struct secure_dns *dns = arg;
	struct secure_health *health = &dns->health;

	health->test = NULL;
	stop(health);
	if (result->health != SECURE_DNS_GOOD && was_short(health)) {
		health->due_ms = clock_mono_ms(dns->clock) + TEST_SHORT_MS;
		return;
	}
	if (result->health == SECURE_DNS_STRIPPED && !dns->validates &&
	    dns->mode == SECURE_DNS_AUTO && dns->anchor &&
	    secure_dns_validate_instead(dns) == MTS_OK)
		return;
	health->failures =
	    result->health == SECURE_DNS_GOOD ? 0 : health->failures + 1;
	health->insecure = 0;
	health->tested_ms = clock_mono_ms(dns->clock);
	health->due_ms = health->tested_ms + pause_ms(health, result);
	if (!still_good(health, result))
		set_state(dns, result->dead ? SECURE_DNS_DEAD : result->health,
		          result->reason);
}

static void start_test(struct secure_dns *dns, struct validator *validator)
{
	struct secure_health *health = &dns->health;
	uint64_t now_ms = clock_mono_ms(dns->clock);
	int status;

	health->shortages = shortage_count();
	health->due_ms = now_ms + TEST_SOON_MS;
	status = dnssec_test_start(dns->resolver, validator, dns->timeout_ms,
	                           on_tested, dns, &health->test);
	if (status == MTS_ENOMEM)
		health->due_ms = now_ms + TEST_SHORT_MS;
	else if (status != MTS_OK && health->state == SECURE_DNS_UNTESTED)
		set_state(dns, SECURE_DNS_FAILING, mts_status_text(status));
}

void secure_health_begin(struct secure_dns *dns)
{
	stop(&dns->health);
	dns->health.failures = 0;
	set_state(dns, SECURE_DNS_UNTESTED, "the test is under way");
	start_test(dns, dns->validator);
}

void secure_health_doubt(struct secure_dns *dns)
{
	struct secure_health *health = &dns->health;
	uint64_t due_ms = health->tested_ms + TEST_DOUBT_MS;

	if (health->state == SECURE_DNS_GOOD && health->due_ms > due_ms)
		health->due_ms = due_ms;
}

void secure_health_note(struct secure_dns *dns, bool secure)
{
	struct secure_health *health = &dns->health;

	if (secure)
		health->insecure = 0;
	else if (!dns->validates && ++health->insecure >= INSECURE_MANY)
		secure_health_doubt(dns);
}

void secure_health_look(struct secure_dns *dns)
{
	struct secure_health *health = &dns->health;
	struct fault why;

	if (health->test || clock_mono_ms(dns->clock) < health->due_ms)
		return;
	stop(health);
	if (dns->validates &&
	    secure_dns_validator(dns, &health->fresh, &why) != MTS_OK) {
		health->due_ms = clock_mono_ms(dns->clock) + TEST_SOON_MS;
		return;
	}
	start_test(dns, health->fresh);
}
