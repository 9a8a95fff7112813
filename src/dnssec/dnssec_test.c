/* SPDX-License-Identifier: BSD-2-Clause */
/* dnssec_test.c - does the resolver hand out DNSSEC data? */
#include "dnssec/dnssec_test.h"

#include <getdns/getdns.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum test_state {
	TEST_SECURE, /* the question with DNSSEC is out; leaves by its answer
	              * or the timer */
	TEST_PLAIN,  /* the one without is out; leaves by its answer */
	TEST_OVER,   /* the timer is to tell */
};

struct dnssec_test {
	enum test_state state;
	struct resolver *resolver;
	struct validator *validator; /* NULL: AD */
	uv_timer_t timer;
	struct validator_question *question;
	struct dns_query *query;
	struct dnssec_test_answer secure, plain;
	dnssec_test_callback *callback;
	void *arg;
};

static const struct dns_name root = { .len = 1 };

/* -- what it comes to ------------------------------------------------------ */

static bool answered(const struct dnssec_test_answer *answer)
{
	return answer->status == DNS_OK || answer->status == DNS_NODATA;
}

static void say(struct dnssec_test_result *ret, enum secure_dns_health health,
                const char *format, ...) __attribute__((format(printf, 3, 4)));

static void say(struct dnssec_test_result *ret, enum secure_dns_health health,
                const char *format, ...)
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
	*ret = (struct dnssec_test_result){ .dead = false };
	if (answered(secure) && secure->authenticated)
		say(ret, SECURE_DNS_GOOD, "the root is secure");
	else if (answered(secure) && !validates)
		say(ret, SECURE_DNS_STRIPPED,
		    "the resolver does not set the AD bit for the root: it "
		    "does not validate");
	else if (answered(secure))
		say(ret, SECURE_DNS_STRIPPED,
		    "the trust anchor is not for the root");
	else if (!answered(plain) && plain->status != DNS_NXDOMAIN) {
		say(ret, SECURE_DNS_FAILING,
		    "the resolver does not answer at all: %s", plain->reason);
		ret->dead = true;
	} else if (secure->bogus)
		say(ret, SECURE_DNS_STRIPPED,
		    "the root's signatures are missing or wrong (or the clock, "
		    "or the trust anchor, is): %s",
		    secure->reason);
	else
		say(ret, SECURE_DNS_FAILING,
		    "the resolver answers, but not questions with DNSSEC: %s",
		    secure->reason);
}

/* -- the two questions ----------------------------------------------------- */

static void free_test(uv_handle_t *handle)
{
	free(handle->data);
}

void dnssec_test_cancel(struct dnssec_test **test)
{
	struct dnssec_test *t = *test;

	if (!t)
		return;
	*test = NULL;
	validator_cancel(&t->question);
	dns_query_cancel(&t->query);
	uv_close((uv_handle_t *)&t->timer, free_test);
}

static void tell(uv_timer_t *timer)
{
	struct dnssec_test *test = timer->data;
	struct dnssec_test_result result;
	dnssec_test_callback *callback = test->callback;
	void *arg = test->arg;

	dnssec_test_judge(&test->secure, &test->plain, test->validator != NULL,
	                  &result);
	dnssec_test_cancel(&test);
	callback(arg, &result);
}

static void finish(struct dnssec_test *test)
{
	test->state = TEST_OVER;
	uv_timer_start(&test->timer, tell, 0, 0);
}

static void note(struct dnssec_test_answer *to, enum dns_status status,
                 const char *reason)
{
	to->status = status;
	snprintf(to->reason, sizeof(to->reason), "%s", reason);
}

static void on_plain(void *arg, const struct dns_answer *answer)
{
	struct dnssec_test *test = arg;

	test->query = NULL;
	note(&test->plain, answer->status, answer->reason);
	finish(test);
}

static void after_secure(struct dnssec_test *test)
{
	uv_timer_stop(&test->timer);
	if (answered(&test->secure)) {
		finish(test);
		return;
	}
	test->state = TEST_PLAIN;
	if (resolver_ask(test->resolver, &root, GETDNS_RRTYPE_NS, false,
	                 on_plain, test, &test->query) != MTS_OK) {
		note(&test->plain, DNS_FAILED, "out of memory");
		finish(test);
	}
}

static void on_ad(void *arg, const struct dns_answer *answer)
{
	struct dnssec_test *test = arg;

	test->query = NULL;
	note(&test->secure, answer->status, answer->reason);
	test->secure.authenticated = answer->authenticated;
	after_secure(test);
}

static void on_validated(void *arg, const struct validator_reply *reply)
{
	struct dnssec_test *test = arg;
	enum dns_reply_kind kind = reply->reply->kind;

	test->question = NULL;
	note(&test->secure,
	     kind == DNS_REPLY_RECORDS  ? DNS_OK
	     : kind == DNS_REPLY_NODATA ? DNS_NODATA
	                                : DNS_FAILED,
	     reply->reply->reason);
	test->secure.authenticated = reply->secure;
	test->secure.bogus = reply->bogus;
	after_secure(test);
}

static void on_timeout(uv_timer_t *timer)
{
	struct dnssec_test *test = timer->data;

	validator_cancel(&test->question);
	note(&test->secure, DNS_TIMEOUT, "no answer in time");
	after_secure(test);
}

int dnssec_test_start(struct resolver *resolver, struct validator *validator,
                      uint64_t timeout_ms, dnssec_test_callback *callback,
                      void *arg, struct dnssec_test **ret)
{
	struct dnssec_test *test = calloc(1, sizeof(*test));
	int status;

	if (!test)
		return MTS_ENOMEM;
	test->resolver = resolver;
	test->validator = validator;
	test->callback = callback;
	test->arg = arg;
	if (validator)
		status = validator_ask(validator, &root, GETDNS_RRTYPE_NS,
		                       on_validated, test, &test->question);
	else
		status = resolver_ask(resolver, &root, GETDNS_RRTYPE_NS, true,
		                      on_ad, test, &test->query);
	if (status != MTS_OK) {
		free(test);
		return status;
	}
	uv_timer_init(resolver_loop(resolver), &test->timer);
	test->timer.data = test;
	if (validator)
		uv_timer_start(&test->timer, on_timeout, timeout_ms, 0);
	*ret = test;
	return MTS_OK;
}
