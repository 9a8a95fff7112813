/* SPDX-License-Identifier: BSD-2-Clause */
/* ask_world.h - answers for an MTA from overrides, MTA-STS and DANE together:
 * with a real cache and real look-ups, a clock that the test sets, and discoveries
 * and DANE checks (fake_dane.h) whose results the test chooses. */
#ifndef TESTS_ASK_WORLD_H
#define TESTS_ASK_WORLD_H

#include "tests.h"

#include "base/clock.h"
#include "fake_dane.h"
#include "fake_discovery.h"
#include "fake_mx.h"
#include "serve/reply.h"

enum { MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400 };

#define SECURE "OK secure match=mx1.example.org servername=hostname"
#define WAIT   "(it waits)"

/* Ends the discovery that is under way, with one step, the id "a1" and the reason
 * "because". */
void finish(enum discover_outcome outcome, struct policy *policy);

extern int64_t wall_s; /* the wall clock */

/* Sets both clocks forward. */
void pass(uint64_t seconds);

struct fixture {
	uv_loop_t loop;
	char directory[64];
	struct smooth_clock smooth_clock; /* as in the daemon */
	struct cache *cache;
	struct absent *absent;
	struct lookups *lookups;
	struct dane_table *dane_table;
	struct dane_checks *dane_checks;
	struct mx_sets *mx_sets;
	struct overrides *overrides;
	struct ask *ask;
	struct maps *maps;
	struct reply_question question; /* the last one */
	struct ask_waiter *waiter;      /* the last one */
	struct buffer out;
	char text[600]; /* the last answer */
	int called;
	size_t dane_steps, sts_steps; /* of the last callback */
};

/* For cmocka: a fixture as under "dane: auto", with nothing known. */
int ask_setup(void **state);
int ask_teardown(void **state);

/* Closes ask and the DANE checks and opens them again. */
void open_ask(struct fixture *f, enum ask_dane dane, bool leave_dane,
              uint64_t timeout_ms);

struct domain domain_of(const char *name);

/* Asks REQUEST, "MAP KEY", as a server does. Returns the answer if it comes at
 * once, or WAIT; then on_answer() gets it. */
const char *say(struct fixture *f, const char *request);

#define assert_says(f, request, answer)                                        \
	assert_string_equal(say(f, request), answer)

/* Writes the answer to the last question to the fixture's text. */
void write_answer(struct fixture *f, const struct ask_result *result);

/* ask_wait()'s callback; ARG is the fixture. */
void on_answer(void *arg, const struct ask_result *result);

/* With the one MX host mx1.example.org, for 30 days. */
struct policy a_policy(enum policy_mode mode);

/* Puts such a policy of example.org into the cache, fetched now; or that there
 * is none. */
void have_policy(struct fixture *f, enum policy_mode mode);
void have_no_policy(struct fixture *f);

/* What is cached of example.org, on disk or about to be. */
struct cache_entry record(struct fixture *f);

#endif
