/* SPDX-License-Identifier: BSD-2-Clause */
/* test_reply.c - how often a reply that makes Sendmail wait is logged. */
#include "tests.h"

#include "base/log.h"
#include "serve/reply.h"

#include <unistd.h>

static int64_t wall_s = 1700000000;
static uint64_t mono_ms = 5000;

static int64_t read_wall(void *arg)
{
	(void)arg;
	return wall_s;
}

static uint64_t read_mono(void *arg)
{
	(void)arg;
	return mono_ms;
}

static const struct clock test_clock = { .wall_s = read_wall,
	                                 .mono_ms = read_mono };

/* A policy with more names than Sendmail can read. */
static struct policy *long_policy(void)
{
	char text[8192] = "version: STSv1\nmode: enforce\nmax_age: 86400\n";
	struct policy *policy = NULL;
	size_t len = strlen(text);

	for (int i = 0; i < 60; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		                        "mx: mx%d.some-longer-name.test\n", i);
	assert_int_equal(policy_parse(slice_of(text, len), NULL, &policy, NULL),
	                 MTS_OK);
	return policy;
}

/* How many lines COUNT replies write to the log. */
static int lines_of(const struct reply_question *question,
                    const struct ask_result *result, int count)
{
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);
	struct buffer out;
	char line[1024];
	int lines = 0;

	assert_non_null(file);
	assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
	log_open("test", LOG_TARGET_STDERR, LOG_LEVEL_WARNING);
	for (int i = 0; i < count; i++) {
		buffer_init(&out, 64 * 1024);
		assert_int_equal(
		    reply_write(question, result, &test_clock, &out), MTS_OK);
		assert_true(slice_starts(buffer_slice(&out), "TEMP "));
		buffer_free(&out);
	}
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(file);
	while (fgets(line, sizeof(line), file))
		if (strstr(line, "sendmail_waits domain=long.example"))
			lines++;
	fclose(file);
	return lines;
}

/* The limit of lines a minute counts minutes of the monotonic clock: to set the wall
 * clock back or forward does not lift it. */
static void test_log_limit_ignores_the_wall_clock(void **state)
{
	struct reply_question question = { .map = MAP_STS };
	struct ask_result result = { .sts = { .has_policy = true } };
	struct policy *policy = long_policy();

	(void)state;
	result.sts.entry.policy = *policy;
	result.sts.entry.fetched_s = wall_s;
	assert_int_equal(
	    domain_from_key("long.example", 12, &question.ask.hop.domain, NULL),
	    MTS_OK);
	assert_int_equal(lines_of(&question, &result, LOG_LIMIT_LINES + 5),
	                 LOG_LIMIT_LINES);
	wall_s -= 3600;
	assert_int_equal(lines_of(&question, &result, 5), 0);
	wall_s += 2 * 3600;
	assert_int_equal(lines_of(&question, &result, 5), 0);
	mono_ms += LOG_LIMIT_MS;
	assert_int_equal(lines_of(&question, &result, 5), 5);
	policy_free(&policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_log_limit_ignores_the_wall_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
