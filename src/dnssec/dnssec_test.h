/* SPDX-License-Identifier: BSD-2-Clause */
/* dnssec_test.h - does the resolver hand out DNSSEC data?
 *
 * The root is asked for: it is signed, and always there. If nothing secure comes
 * of that, it is asked for once more without DNSSEC, to tell a resolver that is
 * dead from one that keeps DNSSEC from us. */
#ifndef DNSSEC_DNSSEC_TEST_H
#define DNSSEC_DNSSEC_TEST_H

#include "dnssec/secure_dns.h"
#include "dnssec/validator.h"

enum { DNSSEC_TEST_REASON = 240 };

struct dnssec_test_result {
	enum secure_dns_health health; /* GOOD, STRIPPED or FAILING */
	bool dead; /* FAILING: questions without DNSSEC fail as well */
	char reason[DNSSEC_TEST_REASON];
};

/* What came of a question: the part of struct dns_answer that counts. */
struct dnssec_test_answer {
	enum dns_status status;
	bool authenticated;
	bool bogus;
	char reason[DNSSEC_TEST_REASON];
};

/* Pure: what SECURE, the question with DNSSEC, and PLAIN, the one without, make
 * together. VALIDATES: signatures were looked at here. */
void dnssec_test_judge(const struct dnssec_test_answer *secure,
                       const struct dnssec_test_answer *plain, bool validates,
                       struct dnssec_test_result *ret);

struct dnssec_test;

typedef void dnssec_test_callback(void *arg,
                                  const struct dnssec_test_result *result);

/* With VALIDATOR, which must outlive the test; NULL: by the resolver's AD bit.
 * Each of the two questions may take TIMEOUT_MS. MTS_ENOMEM, MTS_ELIB: not
 * started. Otherwise CALLBACK comes exactly once, from the loop and from inside
 * of nothing else, unless dnssec_test_cancel() comes first. */
int dnssec_test_start(struct resolver *resolver, struct validator *validator,
                      uint64_t timeout_ms, dnssec_test_callback *callback,
                      void *arg, struct dnssec_test **ret);

/* The callback will not come. Takes NULL, leaves NULL. */
void dnssec_test_cancel(struct dnssec_test **test);

#endif
