/* SPDX-License-Identifier: BSD-2-Clause */
/* ask_world.c - questions to lookup/ask.h, and what comes of them. */
#include "ask_world.h"

#include "folder.h"
#include "save.h"

/* -- discoveries that the test ends ---------------------------------------- */

void finish(enum discover_outcome outcome, struct policy *policy)
{
	static const struct discover_step steps[] = {
		{ "record", true, 12, "v=STSv1; id=a1;" },
	};
	struct discover_result result = {
		.outcome = outcome,
		.record = { .id = "a1" },
		.record_ttl_s = DAY_S,
		.policy = policy,
		.text = slice_str("version: STSv1\n"),
		.reason = "because",
		.steps = steps,
		.step_count = ARRAY_LEN(steps),
	};

	fake_discovery_end(&result);
}

/* -- the fixture ----------------------------------------------------------- */

int64_t wall_s;
static uint64_t mono_ms;

static int64_t test_wall_s(void *arg)
{
	(void)arg;
	return wall_s;
}

static uint64_t test_mono_ms(void *arg)
{
	(void)arg;
	return mono_ms;
}

static const struct clock test_clock = { test_wall_s, test_mono_ms, NULL };

static const struct answer_manner plain;
static const struct map_entry own[] = {
	{ .name = "strict",
	  .kind = MAP_POSTFIX,
	  .how = { .enforce_testing = true } },
	{ .name = "hosts", .kind = MAP_POSTFIX, .how = { .strict_mx = true } },
	{ .name = "hosts-sts", .kind = MAP_STS, .how = { .strict_mx = true } },
};

static uint64_t never_asleep(void)
{
	return 0;
}

void pass(uint64_t seconds)
{
	wall_s += (int64_t)seconds;
	mono_ms += seconds * 1000;
}

static void open_cache(struct fixture *f)
{
	struct cache_options options = { .loop = &f->loop,
		                         .directory = f->directory,
		                         .max_size = 1 << 20,
		                         .clock = &f->smooth_clock.clock };
	struct fault why;

	assert_int_equal(cache_open(&options, &f->cache, &why), MTS_OK);
	f->absent = absent_new(100);
	assert_non_null(f->absent);
}

static void open_lookups(struct fixture *f)
{
	struct lookups_options options = {
		.loop = &f->loop,
		.clock = &f->smooth_clock.clock,
		.cache = f->cache,
		.absent = f->absent,
		.timeout_ms = 20000,
		.negative_min_ms = 1000 * DAY_S,
		.negative_max_ms = 1000 * DAY_S,
		.retry_ms = 300000,
		.id_check_min_ms = 1000 * DAY_S,
		.id_check_max_ms = 1000 * DAY_S,
	};
	struct fault why;

	assert_int_equal(lookups_new(&options, &f->lookups, &why), MTS_OK);
}

static void open_mx_sets(struct fixture *f)
{
	struct mx_sets_options options = { .loop = &f->loop,
		                           .clock = &f->smooth_clock.clock,
		                           .max = 3 };
	struct fault why;

	assert_int_equal(mx_sets_new(&options, &f->mx_sets, &why), MTS_OK);
}

void open_ask(struct fixture *f, enum ask_dane dane, bool leave_dane,
              uint64_t timeout_ms)
{
	struct dane_checks_options checks = { .loop = &f->loop,
		                              .table = f->dane_table,
		                              .always = dane == ASK_DANE_ON };
	struct ask_options options = { .clock = &f->smooth_clock.clock,
		                       .lookups = f->lookups,
		                       .overrides = f->overrides,
		                       .dane = dane,
		                       .leave_dane = leave_dane,
		                       .timeout_ms = timeout_ms };
	struct fault why;

	if (f->ask)
		ask_close(&f->ask);
	dane_checks_close(&f->dane_checks);
	if (dane != ASK_DANE_OFF)
		assert_int_equal(
		    dane_checks_new(&checks, &f->dane_checks, &why), MTS_OK);
	options.dane_table = f->dane_table;
	options.dane_checks = f->dane_checks;
	options.mx_sets = f->mx_sets;
	assert_int_equal(ask_new(&options, &f->ask, &why), MTS_OK);
}

int ask_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	fake_discovery_reset();
	fake_dane_reset();
	fake_mx_reset();
	wall_s = 1700000000;
	mono_ms = 1000000;
	snprintf(f->directory, sizeof(f->directory), "/tmp/mtasts-test.XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	assert_int_equal(uv_loop_init(&f->loop), 0);
	buffer_init(&f->out, SOCKETMAP_REPLY_MAX);
	smooth_clock_init(&f->smooth_clock, &test_clock, never_asleep);
	open_cache(f);
	open_lookups(f);
	open_mx_sets(f);
	f->dane_table = dane_table_new(&f->smooth_clock.clock, f->cache, 100);
	f->overrides = overrides_new();
	f->maps = maps_new(&plain, own, ARRAY_LEN(own));
	assert_true(f->dane_table && f->overrides && f->maps);
	open_ask(f, ASK_DANE_AUTO, false, 20000);
	*state = f;
	return 0;
}

int ask_teardown(void **state)
{
	struct fixture *f = *state;

	ask_cancel(&f->waiter);
	ask_close(&f->ask);
	dane_checks_close(&f->dane_checks);
	mx_sets_close(&f->mx_sets);
	lookups_close(&f->lookups);
	cache_close(&f->cache);
	absent_free(&f->absent);
	dane_table_free(&f->dane_table);
	overrides_free(&f->overrides);
	maps_free(&f->maps);
	buffer_free(&f->out);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	folder_remove(f->directory);
	free(f);
	return 0;
}

/* -- asking ---------------------------------------------------------------- */

void write_answer(struct fixture *f, const struct ask_result *result)
{
	buffer_clear(&f->out);
	assert_int_equal(
	    reply_write(&f->question, result, &test_clock, &f->out), MTS_OK);
	snprintf(f->text, sizeof(f->text), "%.*s", (int)f->out.len,
	         f->out.data);
}

void on_answer(void *arg, const struct ask_result *result)
{
	struct fixture *f = arg;

	f->called++;
	f->waiter = NULL;
	f->dane_steps = result->dane_check ? result->dane_check->step_count : 0;
	f->sts_steps =
	    result->sts.discovery ? result->sts.discovery->step_count : 0;
	write_answer(f, result);
}

struct domain domain_of(const char *name)
{
	struct domain domain;

	assert_int_equal(domain_from_key(name, strlen(name), &domain, NULL),
	                 MTS_OK);
	return domain;
}

const char *say(struct fixture *f, const char *request)
{
	struct domain domain = domain_of("example.org");
	struct ask_result result;

	save_to_disk(&f->loop, f->cache, &domain);
	buffer_clear(&f->out);
	if (reply_understand(f->maps, slice_str(request), &f->question,
	                     &f->out) != MTS_OK) {
		snprintf(f->text, sizeof(f->text), "%.*s", (int)f->out.len,
		         f->out.data);
		return f->text;
	}
	if (ask_try(f->ask, &f->question.ask, &result) == MTS_OK ||
	    ask_wait(f->ask, &f->question.ask, &result, on_answer, f,
	             &f->waiter) != MTS_OK)
		write_answer(f, &result);
	else
		snprintf(f->text, sizeof(f->text), WAIT);
	return f->text;
}

struct policy a_policy(enum policy_mode mode)
{
	static const char mx[] = "mx1.example.org";

	return (struct policy){ .mode = mode,
		                .max_age_s = 30 * DAY_S,
		                .mx_count = 1,
		                .mx = slice_of(mx, sizeof(mx)) };
}

void have_policy(struct fixture *f, enum policy_mode mode)
{
	struct domain domain = domain_of("example.org");
	struct cache_entry entry = { .policy = a_policy(mode),
		                     .id = "a1",
		                     .fetched_s = wall_s,
		                     .checked_s = wall_s,
		                     .record_ttl_s = DAY_S,
		                     .used_s = wall_s };

	assert_int_equal(cache_put(f->cache, &domain, &entry), MTS_OK);
}

void have_no_policy(struct fixture *f)
{
	struct domain domain = domain_of("example.org");
	struct absent_entry entry = { .cause = ABSENT_NO_RECORD,
		                      .until_ms = UINT64_MAX,
		                      .reason = "none" };

	assert_int_equal(absent_put(f->absent, &domain, &entry), MTS_OK);
}

struct cache_entry record(struct fixture *f)
{
	struct domain domain = domain_of("example.org");
	struct cache_entry entry = { 0 };

	assert_int_equal(cache_get(f->cache, &domain, &entry), MTS_OK);
	return entry;
}
