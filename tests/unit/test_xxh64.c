/* SPDX-License-Identifier: BSD-2-Clause */
/* test_xxh64.c - the checksum is the one that others compute. */
#include "tests.h"

#include "base/xxh64.h"

/* XXH64's published values, seed 0. */
static const struct {
	const char *text;
	uint64_t sum;
} sums[] = {
	{ "", 0xef46db3751d8e999u },
	{ "a", 0xd24ec4f1a98c6e5bu },
	{ "abc", 0x44bc2cf5ad770999u },
	{ "Nobody inspects the spammish repetition", 0xfbcea83c8a378bf1u },
};

static void test_checksum(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sums); i++)
		assert_true(xxh64(sums[i].text, strlen(sums[i].text)) ==
		            sums[i].sum);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checksum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
