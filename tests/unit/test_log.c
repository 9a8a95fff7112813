/* SPDX-License-Identifier: BSD-2-Clause */
/* test_log.c - what a line on stderr looks like, and what it never contains. */
#include "tests.h"

#include "base/log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Catches in RET what goes to stderr while LINE is written. */
static void capture(enum log_level level, const char *line, char *ret,
                    size_t size)
{
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);
	size_t len;

	assert_non_null(file);
	assert_true(saved >= 0);
	fflush(stderr);
	assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
	log_line(level, "%s", line);
	fflush(stderr);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	rewind(file);
	len = fread(ret, 1, size - 1, file);
	ret[len] = '\0';
	fclose(file);
}

static void test_levels(void **state)
{
	char out[256];

	(void)state;
	unsetenv("JOURNAL_STREAM");
	log_open("test", LOG_TARGET_STDERR, LOG_LEVEL_WARNING);
	assert_true(log_on(LOG_LEVEL_ERROR));
	assert_true(log_on(LOG_LEVEL_WARNING));
	assert_false(log_on(LOG_LEVEL_INFO));
	capture(LOG_LEVEL_INFO, "x", out, sizeof(out));
	assert_string_equal(out, "");
	log_open("test", LOG_TARGET_STDERR, LOG_LEVEL_DEBUG);
	assert_true(log_on(LOG_LEVEL_DEBUG));
	capture(LOG_LEVEL_DEBUG, "x", out, sizeof(out));
	assert_string_not_equal(out, "");
}

static void test_stderr(void **state)
{
	char want[128];
	char out[256];

	(void)state;
	unsetenv("JOURNAL_STREAM");
	log_open("test", LOG_TARGET_STDERR, LOG_LEVEL_INFO);
	capture(LOG_LEVEL_WARNING, "fetch domain=a.example", out, sizeof(out));
	snprintf(want, sizeof(want),
	         " test[%ld]: warning: fetch domain=a.example\n",
	         (long)getpid());
	/* "2018-09-01T00:00:00Z" comes before */
	assert_int_equal(strlen(out), 20 + strlen(want));
	assert_string_equal(out + 20, want);
	assert_int_equal(out[10], 'T');
	assert_int_equal(out[19], 'Z');
}

/* As systemd sets it for a service whose stderr is the journal. */
static void stderr_is_journal(void)
{
	char stream[64];
	struct stat st;

	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu",
	         (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
}

/* systemd.exec(5): processes inherit the variable even if their stderr is
 * something else. */
static void test_not_the_journal(void **state)
{
	char out[256];

	(void)state;
	setenv("JOURNAL_STREAM", "8:1", 1);
	log_open("test", LOG_TARGET_STDERR, LOG_LEVEL_INFO);
	capture(LOG_LEVEL_INFO, "start", out, sizeof(out));
	assert_non_null(strstr(out, "]: info: start\n"));
}

static void test_journal(void **state)
{
	char out[256];

	(void)state;
	stderr_is_journal();
	log_open("test", LOG_TARGET_STDERR, LOG_LEVEL_INFO);
	capture(LOG_LEVEL_ERROR, "stop", out, sizeof(out));
	assert_string_equal(out, "<3>stop\n");
	capture(LOG_LEVEL_INFO, "start", out, sizeof(out));
	assert_string_equal(out, "<6>start\n");
	/* a value can't forge a line or control a terminal; UTF-8 stays */
	capture(LOG_LEVEL_INFO, "a=1\n<0>b\x1b[2J\x7f \xc3\xbc", out,
	        sizeof(out));
	assert_string_equal(out, "<6>a=1?<0>b?[2J? \xc3\xbc\n");
}

/* Reads all that is in FD, which does not block. */
static size_t drain(int fd, char *ret, size_t size)
{
	size_t used = 0;
	ssize_t n;

	while (used + 1 < size &&
	       (n = read(fd, ret + used, size - 1 - used)) > 0)
		used += (size_t)n;
	ret[used] = '\0';
	return used;
}

/* If the log is not read, writing does not block, and the lost lines are
 * reported once. */
static void test_blocked(void **state)
{
	static char out[512 * 1024];
	int saved = dup(STDERR_FILENO);
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_true(fcntl(ends[0], F_SETFL, O_NONBLOCK) >= 0);
	assert_true(saved >= 0 && dup2(ends[1], STDERR_FILENO) >= 0);
	unsetenv("JOURNAL_STREAM");
	log_open("test", LOG_TARGET_STDERR, LOG_LEVEL_INFO);
	for (int i = 0; i < 20000; i++)
		log_info("line number=%d", i);
	drain(ends[0], out, sizeof(out));
	assert_non_null(strstr(out, "info: line number=0\n"));
	assert_null(strstr(out, "number=19999"));
	assert_null(strstr(out, "log_blocked"));
	log_info("again");
	log_info("again");
	drain(ends[0], out, sizeof(out));
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	close(ends[0]);
	close(ends[1]);
	assert_non_null(strstr(out, "warning: log_blocked lines="));
	assert_ptr_equal(strstr(out, "]: info: again\n"),
	                 strstr(strchr(out, '\n'), "]: info: again\n"));
	assert_null(strstr(strchr(out, '\n'), "log_blocked"));
}

static void test_cut(void **state)
{
	static char line[5000];
	static char out[6000];

	(void)state;
	stderr_is_journal();
	log_open("test", LOG_TARGET_STDERR, LOG_LEVEL_INFO);
	memset(line, 'x', sizeof(line) - 1);
	capture(LOG_LEVEL_INFO, line, out, sizeof(out));
	assert_int_equal(strlen(out), 3 + 2047 + 1);
	assert_int_equal(out[strlen(out) - 1], '\n');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_stderr),
		cmocka_unit_test(test_not_the_journal),
		cmocka_unit_test(test_journal),
		cmocka_unit_test(test_blocked),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
