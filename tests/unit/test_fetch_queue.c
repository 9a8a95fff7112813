/* SPDX-License-Identifier: BSD-2-Clause */
/* test_fetch_queue.c - who of those that wait is next. */
#include "tests.h"

#include "alloc.h"

#include "https/fetch_queue.h"

enum { PLACES = 8 };

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
	size_t share;
	size_t most;
	const char *steps; /* blanks between. "aN": place a waits in lane N;
	                    * "AN": at its head; "?x": x is taken next, "?-":
	                    * nobody is; "-x": x leaves */
};

static const char *const lanes[] = {
	"192.0.2.1",     "192.0.2.200",                        /* one /24 */
	"198.51.100.1",  "2001:db8:1:1::1", "2001:db8:1:2::1", /* one /48 */
	"2001:db8:2::1", "192.0.3.1", /* not the first one's /24 */
};

static const struct row rows[] = {
	{ "nobody", 2, 0, "?-" },
	{ "as they came", 9, 0, "a0 b0 c0 ?a ?b ?c ?-" },
	{ "at the head", 9, 0, "a0 b0 C0 ?c ?a ?b" },
	{ "lanes take turns", 9, 0, "a0 b0 c2 d2 ?a ?c ?b ?d ?-" },
	{ "a /24 is one lane", 9, 0, "a0 b1 c2 ?a ?c ?b" },
	{ "its neighbour is another", 9, 0, "a0 b0 c6 ?a ?c ?b" },
	{ "a /48 is one lane", 9, 0, "a3 b4 c5 ?a ?c ?b" },
	{ "that nothing runs of comes first", 9, 0, "a0 b0 ?a c2 ?c ?b" },
	{ "no more than its share", 1, 0, "a0 b0 ?a ?- c2 ?c ?- -a ?b ?-" },
	{ "a share of two", 2, 0, "a0 b0 c0 ?a ?b ?- -b ?c ?-" },
	{ "who leaves while he waits", 9, 0, "a0 b0 c0 -b ?a ?c ?-" },
	{ "the last that waits leaves", 9, 0, "a0 b2 -a ?b ?-" },
	{ "it keeps its turn", 9, 0, "a0 b0 c2 -a ?b ?c" },
	{ "a lane that has ended begins anew", 1, 0, "a0 ?a -a b0 ?b ?-" },
	{ "waits again behind the others", 1, 0, "a0 b2 ?a -a a0 ?b ?a" },
	{ "one who neither waits nor runs leaves", 1, 0, "-a a0 ?a -a -a ?-" },
	{ "the last place is for others", 4, 8,
	  "a0 b0 c0 d0 e2 f2 g2 h2 ?a ?e ?b ?f ?c ?g ?d ?- -a ?h ?-" },
	{ "who comes from elsewhere has it", 4, 8,
	  "a0 b0 c0 d0 e2 f2 g2 ?a ?e ?b ?f ?c ?g ?d h5 ?h ?-" },
	{ "no share is one", 0, 0, "a0 b0 ?a ?- -a ?b" },
};

static void step(struct fetch_queue *line, struct fetch_slot *places,
                 const char *at, const char *what)
{
	struct fetch_slot *place = &places[(at[0] | 0x20) - 'a'];
	struct fetch_slot *next;
	struct address address;

	if (at[0] == '-') {
		fetch_queue_leave(line, &places[at[1] - 'a']);
		return;
	}
	if (at[0] != '?') {
		address = address_of(lanes[at[1] - '0']);
		assert_int_equal(
		    fetch_queue_add(line, place, &address, at[0] < 'a'),
		    MTS_OK);
		return;
	}
	if (fetch_queue_is_ready(line) != (at[1] != '-'))
		fail_msg("%s: %s: ready?", what, at);
	next = fetch_queue_take(line);
	if (next != (at[1] == '-' ? NULL : &places[at[1] - 'a']))
		fail_msg("%s: %s: it was %c", what, at,
		         next ? (char)('a' + (next - places)) : '-');
}

static void order(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fetch_slot places[PLACES] = { { .lane = NULL } };
		struct fetch_queue *line = NULL;

		for (size_t k = 0; k < PLACES; k++)
			list_init(&places[k].node);
		assert_int_equal(fetch_queue_new(rows[i].share, &line), MTS_OK);
		if (rows[i].most)
			fetch_queue_set_share(line, rows[i].share,
			                      rows[i].most);
		for (const char *at = rows[i].steps; *at; at += at[2] ? 3 : 2)
			step(line, places, at, rows[i].what);
		for (size_t k = 0; k < PLACES; k++)
			fetch_queue_leave(line, &places[k]);
		fetch_queue_free(&line);
		assert_null(line);
		fetch_queue_free(&line);
	}
}

static void no_memory(void **state)
{
	struct address address = address_of("192.0.2.1");
	struct fetch_slot place = { .lane = NULL };
	struct fetch_queue *line = NULL;
	size_t n = 0;
	int status;

	(void)state;
	list_init(&place.node);
	do {
		alloc_fail_at(++n);
		status = fetch_queue_new(2, &line);
		alloc_fail_at(0);
	} while (status == MTS_ENOMEM);
	assert_int_equal(status, MTS_OK);
	assert_true(n > 1);
	alloc_fail_at(1);
	assert_int_equal(fetch_queue_add(line, &place, &address, false),
	                 MTS_ENOMEM);
	alloc_fail_at(0);
	assert_false(fetch_queue_is_ready(line));
	fetch_queue_leave(line, &place); /* it does not wait */
	fetch_queue_free(&line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
