/* SPDX-License-Identifier: BSD-2-Clause */
/* test_spell.c - guesses which name a misspelt one was meant to be. */
#include "tests.h"

#include "base/spell.h"

#include <stdint.h>

static const struct {
	const char *name, *word;
	size_t distance;
} distances[] = {
	{ "", "", 0 },
	{ "", "abc", 3 },
	{ "abc", "", 3 },
	{ "list", "list", 0 },
	{ "LIST", "list", 0 },
	{ "lst", "list", 1 },
	{ "liist", "list", 1 },
	{ "lest", "list", 1 },
	{ "lits", "list", 1 }, /* swapped */
	{ "ilst", "list", 1 },
	{ "ilts", "list", 2 },
	{ "tsil", "list", 3 },
	{ "check_config", "check-config", 0 },
	{ "max-size", "max_size", 0 },
	{ "0123456789012345678901234567890123456789", "x", 40 },
	{ "01234567890123456789012345678901234567890", "x", SIZE_MAX },
	{ "x", "01234567890123456789012345678901234567890", SIZE_MAX },
};

static void test_distance(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(distances); i++)
		assert_int_equal(spell_distance(slice_str(distances[i].name),
		                                distances[i].word),
		                 distances[i].distance);
}

static const char *word_at(size_t i)
{
	static const char *const words[] = { "status", "stats", "show",
		                             "check-config" };

	return i < ARRAY_LEN(words) ? words[i] : NULL;
}

static void test_guess(void **state)
{
	static const struct {
		const char *name, *word;
	} rows[] = {
		{ "statu", "status" }, /* the first of the nearest */
		{ "stat", "stats" },
		{ "shwo", "show" },
		{ "chekc-confg", "check-config" },
		{ "flush", NULL },
		{ "", NULL },
		{ "s", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *word =
		    spell_guess(slice_str(rows[i].name), word_at);

		if (rows[i].word)
			assert_string_equal(word, rows[i].word);
		else
			assert_null(word);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_distance),
		cmocka_unit_test(test_guess),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
