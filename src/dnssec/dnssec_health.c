/* SPDX-License-Identifier: BSD-2-Clause */
/* dnssec_health.c - does DNSSEC work with the current name servers?
 *
 * A resolver that strips signatures makes every signed zone look forged. That must
 * not stop all mail. So the resolver is judged by its answers for the root, which
 * is known to be signed, and not by the zones of strangers.
 *
 * A validator that has cached the root's keys would only test its cache. So each
 * test after the first gets a new validator. */
#include "dnssec/dnssec_health.h"

#include "base/log.h"
#include "dns/server_set.h"

#include <getdns/getdns.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	TEST_GOOD_MS =
	    60 * 60 * 1000, /* until the next test after a good one */
	TEST_BAD_MS = 10 * 60 * 1000,
	/* After the first failures, and while no DNS works at all although
	 * DNSSEC worked before. */
	TEST_SOON_MS = 30 * 1000,
	/* While no DNS works and DNSSEC never did, as when a machine boots: mail
	 * goes without DANE until a test sees DNS come up. */
	TEST_DEAD_MS = 2 * 1000,
	/* If a test could not be started because memory is short. The state
	 * stays as it was. */
	TEST_RETRY_MS = 1000,
	/* After the last test, once a look-up has failed since. Most often its
	 * zone is to blame, but a resolver that stops working must not delay all
	 * mail for the rest of the hour. */
	TEST_DOUBT_MS = 60 * 1000,
	/* A packet may be lost, or a resolver may restart: GOOD is given up only
	 * after this many failed tests. Answers without signatures are no such
	 * accident and count at once. */
	FAILURES_MAX = 3,
	/* Insecure answers in a row. Nine in ten domains are not signed, so
	 * a dozen in a row is normal; and a test is only one question. */
	INSECURE_MAX = 32,
	HEALTH_TEXT = SERVERS_TEXT + DNSSEC_REASON + 200,
};

enum test_state {
	TEST_NONE,   /* no test is running */
	TEST_SECURE, /* the question with DNSSEC is out; leaves by
	              * health_on_validated(), health_on_ad() or the timer */
	TEST_PLAIN,  /* the question without is out; leaves by
	              * health_on_plain() */
	TEST_DONE,   /* leaves by health_on_done() */
};

struct dnssec_health {
	struct dnssec_health_options options;
	enum secure_dns_health state;
	uint64_t tested_ms; /* when the last test ended */
	uint64_t due_ms;    /* when the next one may start */
	unsigned failures;  /* failed tests in a row */
	unsigned insecure;  /* insecure answers in a row since the last test */
	char reason[DNSSEC_REASON];
	char text[HEALTH_TEXT];

	/* The current test. */
	enum test_state test;
	uv_timer_t timer;        /* its time limit, then its end */
	struct validator *fresh; /* for this test only; or NULL */
	bool validates;
	struct validator_question *question;
	struct dns_query *query;
	struct dnssec_test_answer secure, plain;
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

/* -- the state ------------------------------------------------------------- */

static void write_health_text(struct dnssec_health *health)
{
	const struct dnssec_method *method = health->options.method;
	const char *state = secure_dns_health_text(health->state);

	if (health->state == SECURE_DNS_NONE)
		snprintf(health->text, sizeof(health->text), "%s: %s", state,
		         health->reason);
	else if (method->validator)
		snprintf(health->text, sizeof(health->text),
		         "%s: validated with %s, through %s: %s", state,
		         method->trust_anchor, method->servers, health->reason);
	else
		snprintf(health->text, sizeof(health->text),
		         "%s: the AD bit of %s: %s", state, method->servers,
		         health->reason);
}

static void log_health(const struct dnssec_health *health)
{
	const struct dnssec_method *method = health->options.method;
	const char *by = method->validator ? "validation" : "ad";

	if (health->state == SECURE_DNS_GOOD)
		log_info("dnssec_available by=%s servers=\"%s\"", by,
		         method->servers);
	else
		log_warning("dnssec_unavailable state=%s by=%s servers=\"%s\" "
		            "reason=\"%s\"",
		            secure_dns_health_text(health->state), by,
		            method->servers, health->reason);
}

static void set_health(struct dnssec_health *health,
                       enum secure_dns_health state, const char *reason,
                       bool log)
{
	bool changed = state != health->state;

	health->state = state;
	snprintf(health->reason, sizeof(health->reason), "%s", reason);
	fault_scrub(health->reason);
	write_health_text(health);
	if (changed && log)
		log_health(health);
}

void dnssec_health_set_none(struct dnssec_health *health, const char *reason,
                            bool warn)
{
	health->due_ms = UINT64_MAX;
	set_health(health, SECURE_DNS_NONE, reason, warn);
}

const char *dnssec_health_reason(const struct dnssec_health *health)
{
	return health->reason;
}

const char *dnssec_health_describe(const struct dnssec_health *health)
{
	return health->text;
}

/* -- the verdict of one test ----------------------------------------------- */

static bool is_answered(const struct dnssec_test_answer *answer)
{
	return answer->status == DNS_OK || answer->status == DNS_NODATA;
}

static void set_result(struct dnssec_test_result *ret,
                       enum secure_dns_health health, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void set_result(struct dnssec_test_result *ret,
                       enum secure_dns_health health, const char *format, ...)
{
	va_list ap;

	ret->health = health;
	va_start(ap, format);
	fault_vtext(ret->reason, sizeof(ret->reason), format, ap);
	va_end(ap);
}

void dnssec_test_judge(const struct dnssec_test_answer *secure,
                       const struct dnssec_test_answer *plain, bool validates,
                       struct dnssec_test_result *ret)
{
	if (is_answered(secure) && secure->authenticated)
		set_result(ret, SECURE_DNS_GOOD, "the root is secure");
	else if (is_answered(secure) && !validates)
		set_result(ret, SECURE_DNS_STRIPPED,
		           "the resolver does not set the AD bit for the root: "
		           "it does not validate");
	else if (is_answered(secure))
		set_result(ret, SECURE_DNS_STRIPPED,
		           "the trust anchor is not for the root");
	else if (!is_answered(plain) && plain->status != DNS_NXDOMAIN)
		set_result(ret, SECURE_DNS_DEAD,
		           "the resolver does not answer at all: %s",
		           plain->reason);
	else if (secure->bogus)
		set_result(ret, SECURE_DNS_STRIPPED,
		           "the root's signatures are missing or wrong (or the "
		           "clock, or the trust anchor, is wrong): %s",
		           secure->reason);
	else
		set_result(ret, SECURE_DNS_FAILING,
		           "the resolver answers, but not queries with DNSSEC: "
		           "%s",
		           secure->reason);
}

/* True if GOOD is not to be given up yet. Must be called after ->failures has
 * been counted. */
static bool stays_good(const struct dnssec_health *health,
                       enum secure_dns_health result)
{
	return health->state == SECURE_DNS_GOOD &&
	       (result == SECURE_DNS_DEAD || (result == SECURE_DNS_FAILING &&
	                                      health->failures < FAILURES_MAX));
}

static uint64_t next_test_in_ms(const struct dnssec_health *health,
                                enum secure_dns_health result)
{
	if (result == SECURE_DNS_GOOD)
		return TEST_GOOD_MS;
	if (result == SECURE_DNS_DEAD && health->state != SECURE_DNS_GOOD)
		return TEST_DEAD_MS;
	if (result == SECURE_DNS_DEAD || health->failures < FAILURES_MAX)
		return TEST_SOON_MS;
	return TEST_BAD_MS;
}

static void apply_result(struct dnssec_health *health,
                         const struct dnssec_test_result *result)
{
	bool good = result->health == SECURE_DNS_GOOD;

	health->failures = good ? 0 : health->failures + 1;
	health->insecure = 0;
	health->tested_ms = clock_mono_ms(health->options.clock);
	health->due_ms =
	    health->tested_ms + next_test_in_ms(health, result->health);
	if (!stays_good(health, result->health))
		set_health(health, result->health, result->reason, true);
}

/* -- one test -------------------------------------------------------------- */

static const struct dns_name root = { .len = 1 };

static void end_test(struct dnssec_health *health)
{
	health->test = TEST_NONE;
	validator_cancel(&health->question);
	dns_query_cancel(&health->query);
	uv_timer_stop(&health->timer);
	validator_close(&health->fresh);
}

static void health_on_done(uv_timer_t *timer)
{
	struct dnssec_health *health = timer->data;
	const struct dnssec_health_options *options = &health->options;
	struct dnssec_test_result result;

	dnssec_test_judge(&health->secure, &health->plain, health->validates,
	                  &result);
	end_test(health);
	if (result.health == SECURE_DNS_STRIPPED && !health->validates &&
	    options->on_no_ad(options->arg))
		return;
	apply_result(health, &result);
}

/* A validator must not be closed in its own callback: so the timer goes on. */
static void finish_test(struct dnssec_health *health)
{
	health->test = TEST_DONE;
	uv_timer_start(&health->timer, health_on_done, 0, 0);
}

static void set_answer(struct dnssec_test_answer *to, enum dns_status status,
                       const char *reason)
{
	*to = (struct dnssec_test_answer){ .status = status };
	snprintf(to->reason, sizeof(to->reason), "%s", reason);
}

static void health_on_plain(void *arg, const struct dns_answer *answer)
{
	struct dnssec_health *health = arg;

	health->query = NULL;
	set_answer(&health->plain, answer->status, answer->reason);
	finish_test(health);
}

/* The answer with DNSSEC is known. */
static void continue_test(struct dnssec_health *health)
{
	uv_timer_stop(&health->timer);
	if (is_answered(&health->secure)) {
		finish_test(health);
		return;
	}
	health->test = TEST_PLAIN;
	if (resolver_ask(health->options.resolver, &root, GETDNS_RRTYPE_NS,
	                 false, health_on_plain, health,
	                 &health->query) != MTS_OK) {
		set_answer(&health->plain, DNS_FAILED, "out of memory");
		finish_test(health);
	}
}

static void health_on_ad(void *arg, const struct dns_answer *answer)
{
	struct dnssec_health *health = arg;

	health->query = NULL;
	set_answer(&health->secure, answer->status, answer->reason);
	health->secure.authenticated = answer->authenticated;
	continue_test(health);
}

static void health_on_validated(void *arg, const struct validator_reply *reply)
{
	struct dnssec_health *health = arg;
	enum dns_reply_kind kind = reply->reply->kind;

	health->question = NULL;
	set_answer(&health->secure,
	           kind == DNS_REPLY_RECORDS  ? DNS_OK
	           : kind == DNS_REPLY_NODATA ? DNS_NODATA
	                                      : DNS_FAILED,
	           reply->reply->reason);
	health->secure.authenticated = reply->secure;
	health->secure.bogus = reply->bogus;
	continue_test(health);
}

static void health_on_timeout(uv_timer_t *timer)
{
	struct dnssec_health *health = timer->data;

	validator_cancel(&health->question);
	set_answer(&health->secure, DNS_TIMEOUT, "no answer in time");
	continue_test(health);
}

/* VALIDATOR: NULL: by the AD bit. A validator has no time limit of its own. */
static int ask_root(struct dnssec_health *health, struct validator *validator)
{
	int status;

	if (!validator)
		return resolver_ask(health->options.resolver, &root,
		                    GETDNS_RRTYPE_NS, true, health_on_ad,
		                    health, &health->query);
	status = validator_ask(validator, &root, GETDNS_RRTYPE_NS,
	                       health_on_validated, health, &health->question);
	if (status == MTS_OK)
		uv_timer_start(&health->timer, health_on_timeout,
		               health->options.method->timeout_ms, 0);
	return status;
}

static void start_test(struct dnssec_health *health,
                       struct validator *validator)
{
	uint64_t now_ms = clock_mono_ms(health->options.clock);
	int status = ask_root(health, validator);

	health->due_ms = now_ms + TEST_SOON_MS;
	health->validates = validator != NULL;
	if (status == MTS_OK)
		health->test = TEST_SECURE;
	else if (status == MTS_ENOMEM)
		health->due_ms = now_ms + TEST_RETRY_MS;
	else if (health->state == SECURE_DNS_UNTESTED)
		set_health(health, SECURE_DNS_FAILING, mts_status_text(status),
		           true);
}

/* -- when to test ---------------------------------------------------------- */

void dnssec_health_stop(struct dnssec_health *health)
{
	end_test(health);
	health->due_ms = UINT64_MAX;
}

void dnssec_health_restart(struct dnssec_health *health)
{
	end_test(health);
	health->failures = 0;
	set_health(health, SECURE_DNS_UNTESTED, "the first test is running",
	           false);
	start_test(health, health->options.method->validator);
}

enum secure_dns_health dnssec_health_get(struct dnssec_health *health)
{
	const struct dnssec_health_options *options = &health->options;
	uint64_t now_ms = clock_mono_ms(options->clock);

	if (health->test != TEST_NONE || now_ms < health->due_ms)
		return health->state;
	end_test(health);
	if (options->method->validator &&
	    options->new_validator(options->arg, &health->fresh) != MTS_OK)
		health->due_ms = now_ms + TEST_SOON_MS;
	else
		start_test(health, health->fresh);
	return health->state;
}

static void doubt(struct dnssec_health *health)
{
	uint64_t due_ms = health->tested_ms + TEST_DOUBT_MS;

	if (health->state == SECURE_DNS_GOOD && health->due_ms > due_ms)
		health->due_ms = due_ms;
}

void dnssec_health_note(struct dnssec_health *health,
                        enum secure_dns_result result)
{
	bool suspicious =
	    result != SECURE_DNS_SECURE && result != SECURE_DNS_INSECURE;

	if (result == SECURE_DNS_SECURE)
		health->insecure = 0;
	if (result == SECURE_DNS_INSECURE && !health->options.method->validator)
		suspicious = ++health->insecure >= INSECURE_MAX;
	if (suspicious)
		doubt(health);
}

/* -- new and free ---------------------------------------------------------- */

int dnssec_health_new(const struct dnssec_health_options *options,
                      struct dnssec_health **ret)
{
	struct dnssec_health *health = calloc(1, sizeof(*health));

	if (!health)
		return MTS_ENOMEM;
	health->options = *options;
	health->due_ms = UINT64_MAX;
	uv_timer_init(resolver_loop(options->resolver), &health->timer);
	health->timer.data = health;
	*ret = health;
	return MTS_OK;
}

static void free_health(uv_handle_t *handle)
{
	free(handle->data);
}

void dnssec_health_free(struct dnssec_health **health)
{
	struct dnssec_health *h = *health;

	if (!h)
		return;
	*health = NULL;
	end_test(h);
	uv_close((uv_handle_t *)&h->timer, free_health);
}
