/* SPDX-License-Identifier: BSD-2-Clause */
/* test_top.c - the most frequent names, in bounded memory. */
#include "tests.h"

#include "lookup/top.h"

static uint64_t now_ms;

static uint64_t test_mono_ms(void *arg)
{
	(void)arg;
	return now_ms;
}

static int64_t test_wall_s(void *arg)
{
	(void)arg;
	return 0;
}

static const struct clock test_clock = { test_wall_s, test_mono_ms, NULL };
static struct top_row rows[TOP_SLOTS];

static int setup(void **state)
{
	now_ms = 90 * 1000;
	*state = top_new(&test_clock);
	assert_non_null(*state);
	return 0;
}

static int teardown(void **state)
{
	struct top *top = *state;

	top_free(&top);
	assert_null(top);
	return 0;
}

static void note(struct top *top, const char *name, unsigned times)
{
	while (times-- > 0)
		top_note_lookup(top, slice_str(name));
}

static void expect(const struct top *top, unsigned minutes, size_t place,
                   const char *name, uint64_t count, uint64_t error)
{
	size_t n = top_list(top, TOP_LOOKUPS, minutes, rows, TOP_SLOTS);

	assert_true(place < n);
	assert_string_equal(rows[place].domain, name);
	assert_int_equal(rows[place].count, count);
	assert_int_equal(rows[place].error, error);
	assert_null(rows[place].cause);
}

static void test_highest_count_comes_first(void **state)
{
	struct top *top = *state;

	assert_int_equal(top_list(top, TOP_LOOKUPS, 10, rows, TOP_SLOTS), 0);
	note(top, "a.example", 3);
	note(top, "b.example", 5);
	note(top, "c.example", 1);
	note(top, "a.example", 1);
	assert_int_equal(top_list(top, TOP_LOOKUPS, 10, rows, TOP_SLOTS), 3);
	expect(top, 10, 0, "b.example", 5, 0);
	expect(top, 10, 1, "a.example", 4, 0);
	expect(top, 10, 2, "c.example", 1, 0);
	assert_int_equal(top_total(top, TOP_LOOKUPS, 10), 10);
	assert_int_equal(top_list(top, TOP_LOOKUPS, 10, rows, 2), 2);
	assert_int_equal(top_list(top, TOP_FAILURES, 10, rows, TOP_SLOTS), 0);
}

/* One domain may fail in several ways. */
static void test_failures_count_by_cause(void **state)
{
	static const char dns[] = "dns", certificate[] = "certificate";
	struct top *top = *state;

	top_note_failure(top, slice_str("a.example"), dns);
	top_note_failure(top, slice_str("a.example"), certificate);
	top_note_failure(top, slice_str("a.example"), certificate);
	assert_int_equal(top_list(top, TOP_FAILURES, 10, rows, TOP_SLOTS), 2);
	assert_string_equal(rows[0].domain, "a.example");
	assert_ptr_equal(rows[0].cause, certificate);
	assert_int_equal(rows[0].count, 2);
	assert_ptr_equal(rows[1].cause, dns);
	assert_int_equal(top_total(top, TOP_FAILURES, 10), 3);
	assert_int_equal(top_total(top, TOP_LOOKUPS, 10), 0);
}

/* Minutes are added up as far back as is asked for, and later forgotten. */
static void test_minutes_are_added_up(void **state)
{
	struct top *top = *state;

	for (unsigned minute = 0; minute < 25; minute++) {
		note(top, "a.example", 1);
		note(top, minute % 2 ? "odd.example" : "even.example", 2);
		now_ms += 60 * 1000;
	}
	now_ms -= 60 * 1000; /* the last minute is not over */
	expect(top, 1, 0, "even.example", 2, 0);
	expect(top, 1, 1, "a.example", 1, 0);
	assert_int_equal(top_list(top, TOP_LOOKUPS, 1, rows, TOP_SLOTS), 2);
	expect(top, 10, 2, "odd.example", 10, 0);
	assert_int_equal(top_total(top, TOP_LOOKUPS, 10), 30);
	/* Asking for more minutes than there are gives all of them. */
	assert_int_equal(top_total(top, TOP_LOOKUPS, 1000), 30);
	now_ms += 9 * 60 * 1000;
	assert_int_equal(top_total(top, TOP_LOOKUPS, 10), 3);
	now_ms += 60 * 1000;
	assert_int_equal(top_list(top, TOP_LOOKUPS, 10, rows, TOP_SLOTS), 0);
}

/* Whatever is asked for: frequent names are found, and a count is never too low,
 * nor too high by more than its error. */
static void test_frequent_names_survive_a_flood(void **state)
{
	struct top *top = *state;
	const unsigned total = 200000;
	bool found = false;
	size_t n;

	for (unsigned i = 0; i < total; i++) {
		char name[40];

		snprintf(name, sizeof(name), "x%u.example",
		         (i * 2654435761u) % 100003u);
		note(top, i % 20 == 0 ? "busy.example" : name, 1);
	}
	n = top_list(top, TOP_LOOKUPS, 10, rows, TOP_SLOTS);
	assert_int_equal(n, TOP_SLOTS);
	assert_string_equal(rows[0].domain, "busy.example");
	for (size_t i = 0; i < n; i++) {
		uint64_t least = rows[i].count - rows[i].error;

		assert_true(rows[i].error <= rows[i].count);
		assert_true(rows[i].error <= total / TOP_SLOTS);
		if (strcmp(rows[i].domain, "busy.example") == 0) {
			found = true;
			assert_true(rows[i].count >= total / 20);
			assert_true(least <= total / 20);
		} else {
			assert_true(least <= 3);
		}
	}
	assert_true(found);
	assert_int_equal(top_total(top, TOP_LOOKUPS, 10), total);
}

/* A name that was dropped in one of the minutes may still have counted there. */
static void test_flood_over_several_minutes(void **state)
{
	struct top *top = *state;

	note(top, "old.example", 7);
	now_ms += 60 * 1000;
	for (unsigned i = 0; i < 6400; i++) {
		char name[40];

		snprintf(name, sizeof(name), "x%u.example", i);
		note(top, name, 1);
	}
	(void)top_list(top, TOP_LOOKUPS, 10, rows, TOP_SLOTS);
	expect(top, 10, 0, "old.example", 107, 100);
}

static void test_longest_name(void **state)
{
	char name[DOMAIN_MAX + 2];
	struct top *top = *state;

	memset(name, 'a', sizeof(name));
	top_note_lookup(top, slice_of(name, DOMAIN_MAX));
	top_note_lookup(top, slice_of(name, DOMAIN_MAX + 1)); /* not a domain */
	top_note_lookup(top, slice_of(name, 1));
	assert_int_equal(top_list(top, TOP_LOOKUPS, 1, rows, TOP_SLOTS), 2);
	assert_int_equal(strlen(rows[0].domain) + strlen(rows[1].domain),
	                 DOMAIN_MAX + 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_highest_count_comes_first),
		TEST(test_failures_count_by_cause),
		TEST(test_minutes_are_added_up),
		TEST(test_frequent_names_survive_a_flood),
		TEST(test_flood_over_several_minutes),
		TEST(test_longest_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
