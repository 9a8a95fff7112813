/* SPDX-License-Identifier: BSD-2-Clause */
/* fake_dane.h - discover/dane_check.h and dnssec/secure_dns.h for tests: DANE
 * checks whose results the test chooses. */
#ifndef TESTS_FAKE_DANE_H
#define TESTS_FAKE_DANE_H

#include "discover/dane_check.h"

enum { FAKE_CHECKS_MAX = 16 };

/* One check. */
struct dane_check {
	struct domain_hop hop;
	dane_callback *callback;
	void *arg;
	bool running;
};

struct fake_dane {
	enum secure_dns_health health;
	bool no_memory; /* dane_start() fails */
	int started;
	int cancelled;
	struct dane_check checks[FAKE_CHECKS_MAX]; /* in order of start */
};

extern struct fake_dane fake_dane;

/* Forgets all checks; the resolver is good. */
void fake_dane_reset(void);

/* How many are under way. */
int fake_dane_running(void);

/* Ends the check that was started last and is under way, with two steps and the
 * reason "because". */
void fake_dane_finish(enum dane_state state, uint32_t ttl_s);

#endif
