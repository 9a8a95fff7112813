/* SPDX-License-Identifier: BSD-2-Clause */
/* test_fetch_queue.c - the order in which waiting requests run. */
#include "tests.h"

#include "alloc.h"

#include "https/fetch_queue.h"

enum { ENTRIES = 8 };

static struct address address_of(const char *text)
{
	struct address address;
	in_port_t port;

	assert_int_equal(address_parse_server(text, &address, &port, NULL),
	                 MTS_OK);
	return address;
}

struct row {
	const char *what;
	size_t network_limit;
	size_t slots;
	const char *steps; /* separated by blanks. "aN": entry a waits for
	                    * addresses[N]; "?x": x is taken next, "?-": none
	                    * is; "-x": x leaves */
};

static const char *const addresses[] = {
	"192.0.2.1",     "192.0.2.200",                        /* one /24 */
	"198.51.100.1",  "2001:db8:1:1::1", "2001:db8:1:2::1", /* one /48 */
	"2001:db8:2::1", "192.0.3.1", /* not the first one's /24 */
};

static const struct row rows[] = {
	{ "an empty queue", 2, 0, "?-" },
	{ "one network: first come, first served", 9, 0,
	  "a0 b0 c0 ?a ?b ?c ?-" },
	{ "networks are served round-robin", 9, 0,
	  "a0 b0 c2 d2 ?a ?c ?b ?d ?-" },
	{ "a /24 is one network", 9, 0, "a0 b1 c2 ?a ?c ?b" },
	{ "the next /24 is another", 9, 0, "a0 b0 c6 ?a ?c ?b" },
	{ "a /48 is one network", 9, 0, "a3 b4 c5 ?a ?c ?b" },
	{ "a network with nothing running comes first", 9, 0,
	  "a0 b0 ?a c2 ?c ?b" },
	{ "a limit of one", 1, 0, "a0 b0 ?a ?- c2 ?c ?- -a ?b ?-" },
	{ "a limit of two", 2, 0, "a0 b0 c0 ?a ?b ?- -b ?c ?-" },
	{ "an entry leaves while it waits", 9, 0, "a0 b0 c0 -b ?a ?c ?-" },
	{ "the only entry of a network leaves", 9, 0, "a0 b2 -a ?b ?-" },
	{ "a network keeps its position when an entry leaves", 9, 0,
	  "a0 b0 c2 -a ?b ?c" },
	{ "a network that has become empty starts from scratch", 1, 0,
	  "a0 ?a -a b0 ?b ?-" },
	{ "an entry that waits again is behind the others", 1, 0,
	  "a0 b2 ?a -a a0 ?b ?a" },
	{ "leaving twice is harmless", 1, 0, "-a a0 ?a -a -a ?-" },
	{ "the last of eight slots is reserved", 4, 8,
	  "a0 b0 c0 d0 e2 f2 g2 h2 ?a ?e ?b ?f ?c ?g ?d ?- -a ?h ?-" },
	{ "a network with nothing running gets the reserved slot", 4, 8,
	  "a0 b0 c0 d0 e2 f2 g2 ?a ?e ?b ?f ?c ?g ?d h5 ?h ?-" },
	{ "a limit of 0 counts as 1", 0, 0, "a0 b0 ?a ?- -a ?b" },
};

static void step(struct fetch_queue *queue, struct queue_entry *entries,
                 const char *at, const char *what)
{
	struct queue_entry *entry = &entries[at[0] - 'a'];
	struct queue_entry *next;
	struct address address;

	if (at[0] == '-') {
		fetch_queue_leave(queue, &entries[at[1] - 'a']);
		return;
	}
	if (at[0] != '?') {
		address = address_of(addresses[at[1] - '0']);
		assert_int_equal(fetch_queue_add(queue, entry, &address),
		                 MTS_OK);
		return;
	}
	if (fetch_queue_is_ready(queue) != (at[1] != '-'))
		fail_msg("%s: %s: ready?", what, at);
	next = fetch_queue_take(queue);
	if (next != (at[1] == '-' ? NULL : &entries[at[1] - 'a']))
		fail_msg("%s: %s: it was %c", what, at,
		         next ? (char)('a' + (next - entries)) : '-');
}

static void test_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct queue_entry entries[ENTRIES] = { { .network = NULL } };
		struct fetch_queue *queue = NULL;

		for (size_t k = 0; k < ENTRIES; k++)
			list_init(&entries[k].node);
		assert_int_equal(fetch_queue_new(rows[i].network_limit, &queue),
		                 MTS_OK);
		if (rows[i].slots)
			fetch_queue_set_limits(queue, rows[i].network_limit,
			                       rows[i].slots);
		for (const char *at = rows[i].steps; *at; at += at[2] ? 3 : 2)
			step(queue, entries, at, rows[i].what);
		for (size_t k = 0; k < ENTRIES; k++)
			fetch_queue_leave(queue, &entries[k]);
		fetch_queue_free(&queue);
		assert_null(queue);
		fetch_queue_free(&queue);
	}
}

static void test_out_of_memory(void **state)
{
	struct address address = address_of("192.0.2.1");
	struct queue_entry entry = { .network = NULL };
	struct fetch_queue *queue = NULL;
	size_t n = 0;
	int status;

	(void)state;
	list_init(&entry.node);
	do {
		alloc_fail_at(++n);
		status = fetch_queue_new(2, &queue);
		alloc_fail_at(0);
	} while (status == MTS_ENOMEM);
	assert_int_equal(status, MTS_OK);
	assert_true(n > 1);
	alloc_fail_at(1);
	assert_int_equal(fetch_queue_add(queue, &entry, &address), MTS_ENOMEM);
	alloc_fail_at(0);
	assert_false(fetch_queue_is_ready(queue));
	fetch_queue_leave(queue, &entry); /* it does not wait */
	fetch_queue_free(&queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
