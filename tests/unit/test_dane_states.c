/* SPDX-License-Identifier: BSD-2-Clause */
/* test_dane_states.c - what is remembered of DANE for next hops. */
#include "tests.h"

#include "alloc.h"
#include "cache/dane_states.h"

static struct domain_hop hop_of(const char *key)
{
	struct domain_hop hop;

	assert_int_equal(domain_hop_from_key(key, strlen(key), &hop, NULL),
	                 MTS_OK);
	return hop;
}

static struct domain_hop numbered(unsigned n)
{
	char name[32];

	snprintf(name, sizeof(name), "d%u.example", n);
	return hop_of(name);
}

static struct dane_states *new_states(size_t max)
{
	struct dane_states *states = dane_states_new(max);

	assert_non_null(states);
	return states;
}

static bool knows(struct dane_states *states, const struct domain_hop *hop)
{
	struct dane_states_entry entry;

	return dane_states_get(states, hop, &entry) == MTS_OK;
}

static void put(struct dane_states *states, const struct domain_hop *hop)
{
	struct dane_states_entry entry = { .state = DANE_NONE };

	assert_int_equal(dane_states_put(states, hop, &entry), MTS_OK);
}

static void test_put_get(void **state)
{
	struct dane_states *states = new_states(10);
	struct domain_hop hop = hop_of("example.org");
	struct dane_states_entry entry = { .state = DANE_SOME,
		                           .ttl_s = 300,
		                           .learnt_ms = 1000,
		                           .barred_ms = 2000,
		                           .reason = "bogus" };
	struct dane_states_entry got;

	(void)state;
	assert_int_equal(dane_states_get(states, &hop, &got), MTS_ENOTFOUND);
	assert_int_equal(dane_states_put(states, &hop, &entry), MTS_OK);
	assert_int_equal(dane_states_get(states, &hop, &got), MTS_OK);
	assert_int_equal(got.state, DANE_SOME);
	assert_int_equal(got.ttl_s, 300);
	assert_int_equal(got.learnt_ms, 1000);
	assert_int_equal(got.barred_ms, 2000);
	assert_string_equal(got.reason, "bogus");
	/* Anew, with what is borrowed from the old one. */
	got.barred_ms = 3000;
	assert_int_equal(dane_states_put(states, &hop, &got), MTS_OK);
	assert_int_equal(dane_states_count(states), 1);
	assert_int_equal(dane_states_get(states, &hop, &got), MTS_OK);
	assert_string_equal(got.reason, "bogus");
	assert_true(dane_states_remove(states, &hop));
	assert_false(dane_states_remove(states, &hop));
	assert_int_equal(dane_states_count(states), 0);
	dane_states_free(&states);
	assert_null(states);
	dane_states_free(&states);
}

/* Each way to the domain has a state of its own. */
static void test_hops(void **state)
{
	static const char *const keys[] = {
		"example.org",       "[example.org]",   "example.org:587",
		"[example.org]:587", "example.org:281", /* 0x0119: one
		                                                * byte off 25 */
		"example.or"
	};
	struct dane_states *states = new_states(10);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		struct domain_hop hop = hop_of(keys[i]);

		assert_false(knows(states, &hop));
		put(states, &hop);
		assert_true(knows(states, &hop));
	}
	assert_int_equal(dane_states_count(states), ARRAY_LEN(keys));
	dane_states_free(&states);
}

/* When it is full, the one that was used longest ago makes room. */
static void test_room(void **state)
{
	struct dane_states *states = new_states(3);
	struct domain_hop hops[5];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(hops); i++)
		hops[i] = numbered(i);
	for (unsigned i = 0; i < 3; i++)
		put(states, &hops[i]);
	assert_true(knows(states, &hops[0])); /* used */
	put(states, &hops[3]);
	assert_int_equal(dane_states_count(states), 3);
	assert_true(knows(states, &hops[0]));
	assert_false(knows(states, &hops[1]));
	put(states, &hops[2]); /* anew: nobody has to go */
	assert_int_equal(dane_states_count(states), 3);
	assert_true(knows(states, &hops[0]) && knows(states, &hops[3]));
	dane_states_remove_all(states);
	assert_int_equal(dane_states_count(states), 0);
	put(states, &hops[4]);
	assert_true(knows(states, &hops[4]));
	dane_states_free(&states);
}

static void test_long_reason(void **state)
{
	struct dane_states *states = new_states(3);
	struct domain_hop hop = hop_of("example.org");
	char reason[1000];
	struct dane_states_entry entry = { .reason = reason };

	(void)state;
	memset(reason, 'x', sizeof(reason));
	reason[sizeof(reason) - 1] = '\0';
	assert_int_equal(dane_states_put(states, &hop, &entry), MTS_OK);
	assert_int_equal(dane_states_get(states, &hop, &entry), MTS_OK);
	assert_int_equal(strlen(entry.reason), 100);
	dane_states_free(&states);
}

static void test_without_memory(void **state)
{
	struct domain_hop hop = hop_of("example.org");
	struct dane_states_entry entry = { .state = DANE_ALL };
	struct dane_states *states = NULL;
	size_t n;

	(void)state;
	for (n = 0; !states; n++) {
		alloc_fail_at(n + 1);
		states = dane_states_new(3);
	}
	alloc_fail_at(0);
	assert_true(n > 2);
	put(states, &hop);
	alloc_fail_at(1);
	assert_int_equal(dane_states_put(states, &hop, &entry), MTS_ENOMEM);
	alloc_fail_at(0);
	/* What was known still is. */
	assert_int_equal(dane_states_get(states, &hop, &entry), MTS_OK);
	assert_int_equal(entry.state, DANE_NONE);
	dane_states_free(&states);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_get),
		cmocka_unit_test(test_hops),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_long_reason),
		cmocka_unit_test(test_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
