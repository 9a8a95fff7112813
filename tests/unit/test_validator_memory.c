/* SPDX-License-Identifier: BSD-2-Clause */
/* test_validator_memory.c - one allocation that is refused on the thread of a
 * validator, or all from one on, while libunbound sets itself up and asks. */
#include "tests.h"

#include "dnssec/validator.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <uv.h>

enum { A = 1, NS = 2 };

/* glibc's own; a linker's --wrap does not reach into libraries. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static _Atomic long calls;        /* on other threads than the first */
static _Atomic long first, count; /* that are refused */

static bool is_refused(void)
{
	long call;

	if (count == 0 || syscall(SYS_gettid) == getpid())
		return false;
	call = calls++;
	if (call < first || call - first >= count)
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return is_refused() ? NULL : __libc_malloc(size);
}

void *calloc(size_t number, size_t size)
{
	return is_refused() ? NULL : __libc_calloc(number, size);
}

void *realloc(void *old, size_t size)
{
	return is_refused() ? NULL : __libc_realloc(old, size);
}

static unsigned good; /* answers */

static void on_answer(void *arg, const struct validator_reply *reply)
{
	good += reply->reply->kind == DNS_REPLY_RECORDS;
	uv_stop(arg);
}

static void ask(struct validator *validator, const char *text, uint16_t type,
                uv_loop_t *loop)
{
	struct validator_question *question;
	struct dns_name name;

	assert_int_equal(dns_name_parse(text, &name), MTS_OK);
	assert_int_equal(
	    validator_ask(validator, &name, type, on_answer, loop, &question),
	    MTS_OK);
}

static void on_time(uv_timer_t *timer)
{
	uv_stop(timer->loop);
}

/* Until the answer, or for a while. */
static void wait_for_answer(uv_loop_t *loop, uv_timer_t *timer, unsigned ms)
{
	uv_timer_start(timer, on_time, ms, 0);
	uv_run(loop, UV_RUN_DEFAULT);
	uv_timer_stop(timer);
}

static void run_once(const char *anchor)
{
	struct resolver_server server = { .port = 1 };
	struct validator_options options = { .servers = &server,
		                             .server_count = 1,
		                             .trust_anchor = anchor };
	struct validator *validator;
	struct fault why;
	uv_loop_t loop;
	uv_timer_t timer;

	assert_true(
	    address_parse(slice_str("127.0.0.1"), AF_INET, &server.address));
	uv_loop_init(&loop);
	uv_timer_init(&loop, &timer);
	options.loop = &loop;
	assert_int_equal(validator_new(&options, &validator, &why), MTS_OK);
	calls = 0;
	/* A server that nobody is, so these will not be answered soon. */
	for (int i = 0; i < 2; i++) {
		ask(validator, ".", NS, &loop);
		wait_for_answer(&loop, &timer, 10);
	}
	count = 0;
	good = 0;
	/* libunbound answers that by itself. */
	ask(validator, "localhost", A, &loop);
	while (!good)
		wait_for_answer(&loop, &timer, 10000);
	validator_close(&validator);
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void refuse_each(long how_many)
{
	char anchor[] = "/tmp/test_validator.XXXXXX";
	static const char key[] =
	    ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC6834"
	    "57104237C7F8EC8D\n";
	int fd = mkstemp(anchor);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, key, strlen(key)), strlen(key));
	close(fd);
	for (long i = 0; i < 480; i += 3) {
		first = i;
		count = how_many;
		run_once(anchor);
	}
	unlink(anchor);
}

static void test_one(void **state)
{
	(void)state;
	refuse_each(1);
}

static void test_all_from_one_on(void **state)
{
	(void)state;
	refuse_each(1000000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_all_from_one_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
