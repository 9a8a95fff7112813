/* SPDX-License-Identifier: BSD-2-Clause */
/* test_absent.c - what is remembered of domains without a policy. */
#include "tests.h"

#include "alloc.h"
#include "cache/absent.h"

static struct domain domain_of(const char *name)
{
	struct domain domain = { .len = strlen(name) };

	snprintf(domain.name, sizeof(domain.name), "%s", name);
	return domain;
}

static struct domain numbered(unsigned n)
{
	char name[32];

	snprintf(name, sizeof(name), "d%u.example", n);
	return domain_of(name);
}

static struct absent *new_absent(size_t max)
{
	struct absent *absent = absent_new(max);

	assert_non_null(absent);
	return absent;
}

static void put(struct absent *absent, const char *name, const char *reason)
{
	struct domain domain = domain_of(name);
	struct absent_entry entry = { .cause = ABSENT_NO_RECORD,
		                      .until_ms = 5000,
		                      .reason = reason };

	assert_int_equal(absent_put(absent, &domain, &entry), MTS_OK);
}

static bool knows(struct absent *absent, const char *name)
{
	struct domain domain = domain_of(name);
	struct absent_entry entry;

	return absent_get(absent, &domain, &entry) == MTS_OK;
}

static void test_put_get(void **state)
{
	struct absent *absent = new_absent(10);
	struct domain domain = domain_of("example.com");
	struct absent_entry entry = { .cause = ABSENT_FETCH_FAILED,
		                      .until_ms = 1000,
		                      .retry_ms = 301000,
		                      .id = "20160831085700Z",
		                      .reason = "HTTP status 404" };
	struct absent_entry got;

	(void)state;
	assert_int_equal(absent_get(absent, &domain, &got), MTS_ENOTFOUND);
	assert_int_equal(absent_put(absent, &domain, &entry), MTS_OK);
	assert_int_equal(absent_get(absent, &domain, &got), MTS_OK);
	assert_int_equal(got.cause, ABSENT_FETCH_FAILED);
	assert_int_equal(got.until_ms, 1000);
	assert_int_equal(got.retry_ms, 301000);
	assert_string_equal(got.id, "20160831085700Z");
	assert_string_equal(got.reason, "HTTP status 404");
	assert_int_equal(absent_count(absent), 1);

	/* Again, with a reason that is borrowed from the old entry. */
	got.until_ms = 2000;
	got.id[0] = '\0';
	assert_int_equal(absent_put(absent, &domain, &got), MTS_OK);
	assert_int_equal(absent_count(absent), 1);
	assert_int_equal(absent_get(absent, &domain, &got), MTS_OK);
	assert_int_equal(got.until_ms, 2000);
	assert_string_equal(got.id, "");
	assert_string_equal(got.reason, "HTTP status 404");

	absent_remove(absent, &domain);
	absent_remove(absent, &domain);
	assert_int_equal(absent_get(absent, &domain, &got), MTS_ENOTFOUND);
	assert_int_equal(absent_count(absent), 0);
	absent_free(&absent);
	assert_null(absent);
	absent_free(&absent);
}

static void test_strings_are_bounded(void **state)
{
	struct absent *absent = new_absent(10);
	struct domain domain = domain_of("example.com");
	struct absent_entry entry = { .cause = ABSENT_NO_RECORD };
	struct absent_entry got;
	char reason[400];

	(void)state;
	assert_int_equal(absent_put(absent, &domain, &entry), MTS_OK);
	assert_int_equal(absent_get(absent, &domain, &got), MTS_OK);
	assert_string_equal(got.reason, "");

	memset(reason, 'x', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	entry.reason = reason;
	memset(entry.id, 'a', sizeof(entry.id)); /* no NUL */
	assert_int_equal(absent_put(absent, &domain, &entry), MTS_OK);
	assert_int_equal(absent_get(absent, &domain, &got), MTS_OK);
	assert_int_equal(strlen(got.reason), 100);
	assert_int_equal(strlen(got.id), RECORD_ID_MAX);
	absent_free(&absent);
}

static void test_oldest_makes_room(void **state)
{
	struct absent *absent = new_absent(3);

	(void)state;
	put(absent, "a.example", "1");
	put(absent, "b.example", "2");
	put(absent, "c.example", "3");
	assert_true(knows(absent, "a.example")); /* now b is the oldest */
	put(absent, "d.example", "4");
	assert_int_equal(absent_count(absent), 3);
	assert_false(knows(absent, "b.example"));
	assert_true(knows(absent, "a.example"));
	/* One that is known already takes no one's place. */
	put(absent, "c.example", "5");
	assert_int_equal(absent_count(absent), 3);
	assert_true(knows(absent, "d.example"));
	absent_remove_all(absent);
	assert_int_equal(absent_count(absent), 0);
	put(absent, "a.example", "6");
	assert_true(knows(absent, "a.example"));
	absent_free(&absent);
}

static void test_many(void **state)
{
	struct absent *absent = new_absent(ABSENT_MAX);
	struct absent_entry entry = { .cause = ABSENT_NO_RECORD,
		                      .reason = "NXDOMAIN" };

	(void)state;
	for (unsigned n = 0; n < 2 * ABSENT_MAX; n++) {
		struct domain domain = numbered(n);

		assert_int_equal(absent_put(absent, &domain, &entry), MTS_OK);
	}
	assert_int_equal(absent_count(absent), ABSENT_MAX);
	for (unsigned n = 0; n < 2 * ABSENT_MAX; n += 499) {
		struct domain domain = numbered(n);

		assert_int_equal(absent_get(absent, &domain, &entry),
		                 n < ABSENT_MAX ? MTS_ENOTFOUND : MTS_OK);
	}
	absent_free(&absent);
}

static void test_no_memory(void **state)
{
	struct domain domain = domain_of("example.com");
	struct absent_entry entry = { .reason = "x" };
	struct absent *absent;

	(void)state;
	for (size_t n = 1;; n++) {
		alloc_fail_at(n);
		absent = absent_new(3);
		alloc_fail_at(0);
		if (absent)
			break;
	}
	put(absent, "example.com", "before");
	alloc_fail_at(1);
	assert_int_equal(absent_put(absent, &domain, &entry), MTS_ENOMEM);
	alloc_fail_at(0);
	assert_int_equal(absent_get(absent, &domain, &entry), MTS_OK);
	assert_string_equal(entry.reason, "before");
	absent_free(&absent);
}

static void test_cause_text(void **state)
{
	(void)state;
	assert_string_equal(absent_cause_text(ABSENT_NO_RECORD), "no_record");
	assert_string_equal(absent_cause_text(ABSENT_BAD_RECORD), "bad_record");
	assert_string_equal(absent_cause_text(ABSENT_DNS_FAILED), "dns_failed");
	assert_string_equal(absent_cause_text(ABSENT_FETCH_FAILED),
	                    "fetch_failed");
	assert_string_equal(absent_cause_text(ABSENT_NO_MEMORY), "no_memory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_get),
		cmocka_unit_test(test_strings_are_bounded),
		cmocka_unit_test(test_oldest_makes_room),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_cause_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
