/* SPDX-License-Identifier: BSD-2-Clause */
/* test_ask.c - what an MTA is told, of the operator's word, MTA-STS and DANE
 * together: with a real cache and real look-ups, a clock that the test turns,
 * and discoveries and walks that end as the test says. */
#include "save.h"
#include "tests.h"

#include "base/steady.h"
#include "fake_dane.h"
#include "serve/reply.h"

#include <ftw.h>

enum { MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400 };

#define SECURE "OK secure match=mx1.example.org servername=hostname"
#define WAIT   "(it waits)"

/* -- discoveries that the test ends ---------------------------------------- */

static struct {
	discover_callback *callback;
	void *arg;
	bool running;
	int started;
} faked;

int discovery_start(const struct discover_options *options,
                    const struct domain *domain, const char *known_id,
                    discover_callback *callback, void *arg,
                    struct discovery **ret)
{
	(void)options;
	(void)domain;
	(void)known_id;
	assert_false(faked.running);
	faked.callback = callback;
	faked.arg = arg;
	faked.running = true;
	faked.started++;
	*ret = (struct discovery *)&faked;
	return MTS_OK;
}

void discovery_cancel(struct discovery **discovery)
{
	if (*discovery)
		faked.running = false;
	*discovery = NULL;
}

const char *discover_outcome_text(enum discover_outcome outcome)
{
	(void)outcome;
	return "faked";
}

static void finish(enum discover_outcome outcome, struct policy *policy)
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

	assert_true(faked.running);
	faked.running = false;
	faked.callback(faked.arg, &result);
}

/* -- the fixture ----------------------------------------------------------- */

static int64_t wall_s;
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

struct fixture {
	uv_loop_t loop;
	char directory[64];
	struct steady steady; /* as in the daemon */
	struct cache *cache;
	struct absent *absent;
	struct lookups *lookups;
	struct dane_states *states;
	struct dane_walks *walks;
	struct words *words;
	struct ask *ask;
	struct maps *maps;
	struct reply_question question; /* the last one */
	struct ask_waiter *waiter;      /* the last one */
	struct buffer out;
	char text[600]; /* the last answer */
	int called;
	size_t dane_steps, sts_steps; /* of the last callback */
};

static const struct answer_manner plain;
static const struct map_entry strict = { .name = "strict",
	                                 .kind = MAP_POSTFIX,
	                                 .how = { .enforce_testing = true } };

static uint64_t never_asleep(void)
{
	return 0;
}

static void pass(uint64_t seconds)
{
	wall_s += (int64_t)seconds;
	mono_ms += seconds * 1000;
}

static void open_cache(struct fixture *f)
{
	struct cache_options options = { .loop = &f->loop,
		                         .directory = f->directory,
		                         .max_size = 1 << 20,
		                         .clock = &f->steady.clock };
	struct fault why;

	assert_int_equal(cache_open(&options, &f->cache, &why), MTS_OK);
	f->absent = absent_new(100);
	assert_non_null(f->absent);
}

static void open_lookups(struct fixture *f)
{
	struct lookups_options options = {
		.loop = &f->loop,
		.clock = &f->steady.clock,
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

static void open_ask(struct fixture *f, enum ask_dane dane, bool leave_dane,
                     uint64_t timeout_ms)
{
	struct dane_walks_options walks = { .loop = &f->loop,
		                            .clock = &f->steady.clock,
		                            .cache = f->cache,
		                            .states = f->states,
		                            .always = dane == ASK_DANE_ON };
	struct ask_options options = { .clock = &f->steady.clock,
		                       .lookups = f->lookups,
		                       .words = f->words,
		                       .dane = dane,
		                       .leave_dane = leave_dane,
		                       .timeout_ms = timeout_ms };
	struct fault why;

	if (f->ask)
		ask_close(&f->ask);
	dane_walks_close(&f->walks);
	if (dane != ASK_DANE_OFF)
		assert_int_equal(dane_walks_new(&walks, &f->walks, &why),
		                 MTS_OK);
	options.walks = f->walks;
	assert_int_equal(ask_new(&options, &f->ask, &why), MTS_OK);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	memset(&faked, 0, sizeof(faked));
	fake_dane_reset();
	wall_s = 1700000000;
	mono_ms = 1000000;
	snprintf(f->directory, sizeof(f->directory), "/tmp/mtasts-test.XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	assert_int_equal(uv_loop_init(&f->loop), 0);
	buffer_init(&f->out, SOCKETMAP_REPLY_MAX);
	steady_init(&f->steady, &test_clock, never_asleep);
	open_cache(f);
	open_lookups(f);
	f->states = dane_states_new(100);
	f->words = words_new();
	f->maps = maps_new(&plain, &strict, 1);
	assert_true(f->states && f->words && f->maps);
	open_ask(f, ASK_DANE_AUTO, false, 20000);
	*state = f;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type,
                      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	ask_cancel(&f->waiter);
	ask_close(&f->ask);
	dane_walks_close(&f->walks);
	lookups_close(&f->lookups);
	cache_close(&f->cache);
	absent_free(&f->absent);
	dane_states_free(&f->states);
	words_free(&f->words);
	maps_free(&f->maps);
	buffer_free(&f->out);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	nftw(f->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

/* -- asking ---------------------------------------------------------------- */

static void write_answer(struct fixture *f, const struct ask_result *result)
{
	buffer_clear(&f->out);
	assert_int_equal(reply_write(&f->question, result, wall_s, &f->out),
	                 MTS_OK);
	snprintf(f->text, sizeof(f->text), "%.*s", (int)f->out.len,
	         f->out.data);
}

static void on_answer(void *arg, const struct ask_result *result)
{
	struct fixture *f = arg;

	f->called++;
	f->waiter = NULL;
	f->dane_steps = result->walk ? result->walk->step_count : 0;
	f->sts_steps =
	    result->sts.discovery ? result->sts.discovery->step_count : 0;
	write_answer(f, result);
}

/* Asks as a server does: what is told at once, or WAIT. */
static struct domain domain_of(const char *name)
{
	struct domain domain;

	assert_int_equal(domain_from_key(name, strlen(name), &domain, NULL),
	                 MTS_OK);
	return domain;
}

static const char *say(struct fixture *f, const char *request)
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

#define assert_says(f, request, answer)                                        \
	assert_string_equal(say(f, request), answer)

static struct policy a_policy(enum policy_mode mode)
{
	static const char mx[] = "mx1.example.org";

	return (struct policy){ .mode = mode,
		                .max_age_s = 30 * DAY_S,
		                .mx_count = 1,
		                .mx = slice_of(mx, sizeof(mx)) };
}

static void have_policy(struct fixture *f, enum policy_mode mode)
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

static void have_no_policy(struct fixture *f)
{
	struct domain domain = domain_of("example.org");
	struct absent_entry entry = { .cause = ABSENT_NO_RECORD,
		                      .until_ms = UINT64_MAX,
		                      .reason = "none" };

	assert_int_equal(absent_put(f->absent, &domain, &entry), MTS_OK);
}

/* What is on disk, or about to be. */
static struct cache_entry record(struct fixture *f)
{
	struct domain domain = domain_of("example.org");
	struct cache_entry entry = { 0 };

	assert_int_equal(cache_get(f->cache, &domain, &entry), MTS_OK);
	return entry;
}

/* -- the decision ---------------------------------------------------------- */

/* RFC 8461 2: "senders who implement MTA-STS validation MUST NOT allow MTA-STS
 * Policy validation to override a failing DANE validation". RFC 7672 2.2 tells
 * what to do without a policy. */
static const struct {
	enum dane_state state;
	const char *enforced;
	const char *without;
} table[] = {
	{ DANE_ALL, "OK dane-only", "OK dane-only" },
	{ DANE_SOME, "OK dane-only", "OK dane" },
	{ DANE_UNUSABLE, SECURE, "OK dane" },
	{ DANE_INSECURE_MX, SECURE, "OK dane" },
	{ DANE_NONE, SECURE, "NOTFOUND " },
	{ DANE_UNKNOWABLE, "TEMP ", "TEMP " },
};

static void check_row(struct fixture *f, size_t row, const char *answer)
{
	struct domain_hop hop = { .domain = domain_of("example.org"),
		                  .port = 25 };

	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(table[row].state, MINUTE_S);
	assert_int_equal(f->called, 1);
	if (strncmp(f->text, answer, strlen(answer)) != 0)
		fail_msg("%s for %s", f->text,
		         dane_state_text(table[row].state));
	/* And what is known now is told at once. */
	(void)say(f, "postfix example.org");
	assert_memory_equal(f->text, answer, strlen(answer));
	(void)say(f, "QUERY example.org");
	assert_memory_equal(f->text, answer, strlen(answer));
	(void)say(f, "QUERYwithTLSRPT example.org");
	assert_memory_equal(f->text, answer, strlen(answer));
	assert_int_equal(f->called, 1);
	assert_int_equal(faked.started, 0);
	(void)dane_walks_forget(f->walks, &hop);
	f->called = 0;
}

static void test_enforced(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		have_policy(f, POLICY_ENFORCE);
		check_row(f, i, table[i].enforced);
	}
}

static void test_without(void **state)
{
	struct fixture *f = *state;

	have_no_policy(f);
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		check_row(f, i, table[i].without);
}

/* Only a policy that is enforced counts as one. */
static void test_testing_and_none(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		have_policy(f, i % 2 ? POLICY_TESTING : POLICY_NONE);
		check_row(f, i, table[i].without);
	}
}

/* But the operator may have a map of his own in which testing counts. */
static void test_enforced_testing(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		have_policy(f, POLICY_TESTING);
		check_row(f, i, table[i].without);
		have_policy(f, POLICY_TESTING);
		assert_says(f, "strict example.org", WAIT);
		fake_dane_finish(table[i].state, MINUTE_S);
		assert_memory_equal(f->text, table[i].enforced,
		                    strlen(table[i].enforced));
		(void)say(f, "strict example.org");
		assert_memory_equal(f->text, table[i].enforced,
		                    strlen(table[i].enforced));
		have_policy(f, POLICY_TESTING);
		f->called = 0;
	}
}

static void test_answer_none(void **state)
{
	struct fixture *f = *state;

	open_ask(f, ASK_DANE_AUTO, true, 20000);
	have_policy(f, POLICY_ENFORCE);
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_ALL, MINUTE_S);
	assert_says(f, "postfix example.org", "NOTFOUND ");
	assert_says(f, "postfix-tlsrpt example.org", "NOTFOUND ");
	/* What main.cf can't know either still waits. */
	have_no_policy(f);
	assert_says(f, "postfix [example.org]", WAIT);
	fake_dane_finish(DANE_UNKNOWABLE, MINUTE_S);
	assert_memory_equal(say(f, "postfix [example.org]"), "TEMP ", 5);
}

/* Sendmail sees to DANE itself, and knows no "dane"; map verdict is about
 * MTA-STS. */
static void test_other_maps(void **state)
{
	struct fixture *f = *state;

	have_policy(f, POLICY_ENFORCE);
	assert_says(f, "sts example.org", SECURE);
	assert_says(f, "verdict example.org mx1.example.org",
	            "OK enforce match id=a1 expires=2592000");
	assert_int_equal(fake_dane.started, 0);
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_ALL, MINUTE_S);
	assert_says(f, "postfix example.org", "OK dane-only");
	assert_says(f, "sts example.org", SECURE);
	assert_says(f, "verdict example.org mx1.example.org",
	            "OK enforce match id=a1 expires=2592000");
}

static void test_temp_says_why(void **state)
{
	struct fixture *f = *state;

	have_no_policy(f);
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_UNKNOWABLE, MINUTE_S);
	assert_string_equal(f->text, "TEMP DANE may apply to example.org and "
	                             "can't be looked up: because");
	assert_says(f, "postfix example.org",
	            "TEMP DANE may apply to example.org and can't be looked "
	            "up: because");
}

/* -- hops ------------------------------------------------------------------ */

static void test_hops_have_their_own_state(void **state)
{
	static const struct {
		const char *request;
		bool direct;
		uint16_t port;
	} rows[] = {
		{ "postfix example.org", false, 25 },
		{ "postfix [example.org]", true, 25 },
		{ "postfix example.org:587", false, 587 },
		{ "postfix [example.org]:submission", true, 587 },
	};
	struct fixture *f = *state;

	have_policy(f, POLICY_ENFORCE);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_says(f, rows[i].request, WAIT);
		assert_int_equal(fake_dane.walks[i].hop.direct, rows[i].direct);
		assert_int_equal(fake_dane.walks[i].hop.port, rows[i].port);
		fake_dane_finish(i % 2 ? DANE_ALL : DANE_NONE, MINUTE_S);
	}
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_says(f, rows[i].request,
		            i % 2 ? "OK dane-only" : SECURE);
	/* Other ways to write the same. */
	assert_says(f, "postfix Example.ORG.:25", SECURE);
	assert_says(f, "postfix [example.org]:smtp", "OK dane-only");
	/* A port that can't be known has no TLSA records that could be. */
	assert_says(f, "postfix example.org:nosuchservice", SECURE);
	assert_int_equal(fake_dane.started, (int)ARRAY_LEN(rows));
}

/* -- for how long ---------------------------------------------------------- */

static void test_one_walk_for_all(void **state)
{
	struct fixture *f = *state;

	have_no_policy(f);
	for (int i = 0; i < 10; i++)
		assert_says(f, "postfix example.org", WAIT);
	assert_int_equal(fake_dane.started, 1);
	fake_dane_finish(DANE_NONE, 300);
	assert_int_equal(f->called, 10);
	assert_string_equal(f->text, "NOTFOUND ");
}

/* Past its TTL it still answers while it is learnt anew in the background. */
static void check_ttl(struct fixture *f, const char *none)
{
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_NONE, 300);
	pass(300);
	assert_says(f, "postfix example.org", none);
	assert_int_equal(fake_dane.started, 1);
	pass(1);
	assert_says(f, "postfix example.org", none);
	assert_says(f, "postfix example.org", none);
	assert_int_equal(fake_dane.started, 2);
	/* "a DANE change is seen within its TTL" */
	fake_dane_finish(DANE_ALL, 300);
	assert_says(f, "postfix example.org", "OK dane-only");
	/* For at most an hour. */
	pass(300 + HOUR_S);
	assert_says(f, "postfix example.org", "OK dane-only");
	assert_int_equal(fake_dane.started, 3);
	fake_dane_finish(DANE_ALL, 300);
	pass(301 + HOUR_S);
	assert_says(f, "postfix example.org", WAIT);
	assert_int_equal(fake_dane.started, 4);
	f->called = 0;
	fake_dane_finish(DANE_NONE, 300);
	assert_int_equal(f->called, 1);
	assert_string_equal(f->text, none);
}

static void test_ttl_on_disk(void **state)
{
	struct fixture *f = *state;

	have_policy(f, POLICY_ENFORCE);
	check_ttl(f, SECURE);
	assert_int_equal(record(f).dane_state, DANE_NONE);
	assert_int_equal(record(f).dane_ttl_s, 300);
	assert_int_equal(record(f).dane_learnt_s, wall_s);
	assert_int_equal(dane_states_count(f->states), 0);
}

static void test_ttl_in_memory(void **state)
{
	struct fixture *f = *state;

	have_no_policy(f);
	check_ttl(f, "NOTFOUND ");
	assert_int_equal(dane_states_count(f->states), 1);
}

/* A failure is not repeated at once, and does not take away what was learnt
 * before that is over. */
static void check_failure(struct fixture *f)
{
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_ALL, 300);
	pass(301);
	assert_says(f, "postfix example.org", "OK dane-only");
	fake_dane_finish(DANE_UNKNOWABLE, 60);
	pass(59);
	assert_says(f, "postfix example.org", "OK dane-only");
	assert_int_equal(fake_dane.started, 2);
	pass(1);
	assert_says(f, "postfix example.org", "OK dane-only");
	assert_int_equal(fake_dane.started, 3);
	fake_dane_finish(DANE_UNKNOWABLE, 60);
	pass(HOUR_S);
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_UNKNOWABLE, 60);
	assert_memory_equal(f->text, "TEMP ", 5);
	pass(59);
	assert_memory_equal(say(f, "postfix example.org"), "TEMP ", 5);
	assert_int_equal(fake_dane.started, 4);
	pass(1);
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_ALL, 300);
	assert_string_equal(f->text, "OK dane-only");
}

static void test_failure_on_disk(void **state)
{
	struct fixture *f = *state;

	have_policy(f, POLICY_ENFORCE);
	check_failure(f);
}

static void test_failure_in_memory(void **state)
{
	struct fixture *f = *state;

	have_no_policy(f);
	check_failure(f);
}

/* A TTL of a second would mean a walk a second. */
static void test_ttl_is_bounded(void **state)
{
	struct fixture *f = *state;

	have_no_policy(f);
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_NONE, 0);
	pass(30);
	assert_says(f, "postfix example.org", "NOTFOUND ");
	assert_int_equal(fake_dane.started, 1);
	pass(1);
	assert_says(f, "postfix example.org", "NOTFOUND ");
	fake_dane_finish(DANE_NONE, UINT32_MAX);
	pass(DAY_S + 1);
	assert_says(f, "postfix example.org", "NOTFOUND ");
	assert_int_equal(fake_dane.started, 3);
}

/* A hot domain with a tiny TTL: what is the same is not written each time. */
static void test_same_state_is_not_written_at_once(void **state)
{
	struct fixture *f = *state;
	int64_t learnt_s;

	have_policy(f, POLICY_ENFORCE);
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_NONE, 1);
	learnt_s = record(f).dane_learnt_s;
	pass(31);
	assert_says(f, "postfix example.org", SECURE);
	fake_dane_finish(DANE_NONE, 1);
	assert_int_equal(record(f).dane_learnt_s, learnt_s);
	pass(30);
	assert_says(f, "postfix example.org", SECURE); /* from memory, fresh */
	assert_int_equal(fake_dane.started, 2);
	pass(1);
	assert_says(f, "postfix example.org", SECURE);
	fake_dane_finish(DANE_NONE, 1);
	assert_int_equal(record(f).dane_learnt_s, learnt_s + 62);
	/* A change is. */
	pass(31);
	assert_says(f, "postfix example.org", SECURE);
	fake_dane_finish(DANE_ALL, 1);
	assert_int_equal(record(f).dane_learnt_s, learnt_s + 93);
	assert_says(f, "postfix example.org", "OK dane-only");
}

/* The wall clock may jump, either way: no state is lost at once, none lives for
 * ever. */
static void check_jump(struct fixture *f, int64_t jump_s, bool on_disk)
{
	struct domain_hop hop = { .domain = domain_of("example.org"),
		                  .port = 25 };
	int started = fake_dane.started;

	if (on_disk)
		have_policy(f, POLICY_ENFORCE);
	else
		have_no_policy(f);
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_ALL, 300);
	assert_int_equal(dane_states_count(f->states), on_disk ? 0 : 1);
	wall_s += jump_s;
	assert_says(f, "postfix example.org", "OK dane-only");
	assert_int_equal(fake_dane.started, started + 1);
	pass(2 * HOUR_S); /* which makes up for a part of the jump */
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_ALL, 300);
	(void)dane_walks_forget(f->walks, &hop);
}

static void test_clock_jumps(void **state)
{
	struct fixture *f = *state;

	check_jump(f, 5 * HOUR_S, true);
	check_jump(f, -5 * HOUR_S, true);
	assert_int_equal(cache_remove_all(f->cache), MTS_OK);
	check_jump(f, 400 * (int64_t)DAY_S, false);
	check_jump(f, -400 * (int64_t)DAY_S, false);
}

/* Puts a state on disk that was learnt AHEAD_S from now. */
static void have_state(struct fixture *f, unsigned state, int64_t ahead_s)
{
	struct domain domain = domain_of("example.org");
	struct cache_entry entry = record(f);

	entry.dane_state = (uint8_t)state;
	entry.dane_ttl_s = 300;
	entry.dane_learnt_s = wall_s + ahead_s;
	assert_int_equal(cache_put(f->cache, &domain, &entry), MTS_OK);
}

/* What a process whose clock was ahead has left on disk. */
static void test_state_from_the_future(void **state)
{
	struct fixture *f = *state;

	have_policy(f, POLICY_ENFORCE);
	have_state(f, DANE_ALL, 100 * DAY_S);
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_NONE, 300);
	/* A small step does no harm. */
	have_state(f, DANE_ALL, 100);
	assert_says(f, "postfix example.org", "OK dane-only");
	/* A number that no version knows is none. */
	have_state(f, 200, 0);
	assert_says(f, "postfix example.org", WAIT);
}

/* -- both at once ---------------------------------------------------------- */

/* Nothing is known: both are looked up side by side, whichever ends first. */
static void test_both_unknown(void **state)
{
	struct fixture *f = *state;
	struct policy policy = a_policy(POLICY_ENFORCE);

	assert_says(f, "postfix example.org", WAIT);
	assert_true(faked.running);
	assert_int_equal(fake_dane_running(), 1);
	finish(DISCOVER_POLICY, &policy);
	assert_int_equal(f->called, 0);
	fake_dane_finish(DANE_SOME, 300);
	assert_int_equal(f->called, 1);
	assert_string_equal(f->text, "OK dane-only");
	assert_says(f, "postfix example.org", "OK dane-only");

	assert_says(f, "postfix [example.org]:465", WAIT);
	fake_dane_finish(DANE_SOME, 300);
	assert_int_equal(f->called, 2);
}

static void test_dane_comes_first(void **state)
{
	struct fixture *f = *state;
	struct policy policy = a_policy(POLICY_ENFORCE);

	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_SOME, 300);
	assert_int_equal(f->called, 0);
	finish(DISCOVER_POLICY, &policy);
	assert_int_equal(f->called, 1);
	assert_string_equal(f->text, "OK dane-only");
	/* It was learnt before there was a policy to lie beside; now it does,
	 * and a restart finds it. */
	assert_int_equal(record(f).dane_state, DANE_SOME);
	assert_says(f, "postfix example.org", "OK dane-only");
	assert_int_equal(fake_dane.started, 1);
}

/* A policy that is gone when it is told, max_age being 0, counts once. */
static void test_policy_is_kept_for_the_answer(void **state)
{
	struct fixture *f = *state;
	struct policy policy = a_policy(POLICY_ENFORCE);

	policy.max_age_s = 0;
	assert_says(f, "postfix example.org", WAIT);
	finish(DISCOVER_POLICY, &policy);
	memset(&policy, 0, sizeof(policy));
	pass(5);
	fake_dane_finish(DANE_NONE, 300);
	assert_string_equal(f->text, SECURE);
}

static void test_time_out(void **state)
{
	struct fixture *f = *state;

	open_ask(f, ASK_DANE_AUTO, false, 1);
	have_no_policy(f);
	assert_says(f, "postfix example.org", WAIT);
	while (f->called == 0)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_string_equal(f->text,
	                    "TEMP DANE may apply to example.org and can't be "
	                    "looked up: it was not learnt in time");
	/* The walk goes on for the next. */
	fake_dane_finish(DANE_NONE, 300);
	assert_says(f, "postfix example.org", "NOTFOUND ");
	assert_int_equal(fake_dane.started, 1);
}

static void test_walk_that_cannot_start(void **state)
{
	struct fixture *f = *state;
	struct policy policy = a_policy(POLICY_ENFORCE);

	fake_dane.no_memory = true;
	have_no_policy(f);
	assert_memory_equal(say(f, "postfix example.org"), "TEMP ", 5);
	assert_int_equal(f->called, 0);
	/* MTA-STS is waited for all the same. */
	absent_remove_all(f->absent);
	assert_says(f, "postfix example.org", WAIT);
	finish(DISCOVER_POLICY, &policy);
	assert_int_equal(f->called, 1);
	assert_memory_equal(f->text, "TEMP ", 5);
}

static void test_cancel(void **state)
{
	struct fixture *f = *state;
	struct policy policy = a_policy(POLICY_ENFORCE);

	assert_says(f, "postfix example.org", WAIT);
	ask_cancel(&f->waiter);
	assert_null(f->waiter);
	ask_cancel(&f->waiter);
	assert_says(f, "postfix example.org", WAIT);
	finish(DISCOVER_POLICY, &policy);
	ask_cancel(&f->waiter); /* with a policy kept */
	fake_dane_finish(DANE_NONE, 300);
	assert_int_equal(f->called, 0);
	assert_says(f, "postfix [example.org]", WAIT);
	/* Closed while somebody waits: he is not called. */
	ask_cancel(&f->waiter);
	open_ask(f, ASK_DANE_AUTO, false, 20000);
	assert_int_equal(fake_dane.cancelled, 1);
}

static void test_refresh(void **state)
{
	struct fixture *f = *state;
	struct policy policy = a_policy(POLICY_ENFORCE);

	have_policy(f, POLICY_ENFORCE);
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_ALL, 300);
	for (int i = 0; i < 2; i++) { /* whichever comes first */
		assert_int_equal(ask_refresh(f->ask, &f->question.ask, 20000,
		                             on_answer, f, &f->waiter),
		                 MTS_OK);
		f->called = 0;
		if (i)
			fake_dane_finish(DANE_NONE, 300);
		finish(DISCOVER_POLICY, &policy);
		if (!i)
			fake_dane_finish(DANE_NONE, 300);
		assert_int_equal(f->called, 1);
		assert_string_equal(f->text, SECURE);
		assert_int_equal(f->dane_steps, 2);
		assert_int_equal(f->sts_steps, 1);
	}
}

/* -- where it is looked ---------------------------------------------------- */

/* "a resolver that strips signatures must not stop anybody's mail" */
static void test_auto(void **state)
{
	static const enum secure_dns_health healths[] = { SECURE_DNS_STRIPPED,
		                                          SECURE_DNS_FAILING,
		                                          SECURE_DNS_NONE };
	struct fixture *f = *state;

	have_policy(f, POLICY_ENFORCE);
	for (size_t i = 0; i < ARRAY_LEN(healths); i++) {
		fake_dane.health = healths[i];
		assert_says(f, "postfix example.org", SECURE);
	}
	assert_int_equal(fake_dane.started, 0);
	/* And what was learnt before counts no more: Postfix asks the same
	 * resolver. */
	fake_dane.health = SECURE_DNS_GOOD;
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_ALL, 300);
	assert_says(f, "postfix example.org", "OK dane-only");
	fake_dane.health = SECURE_DNS_STRIPPED;
	assert_says(f, "postfix example.org", SECURE);
	/* A walk that failed since the resolver broke says nothing. */
	fake_dane.health = SECURE_DNS_GOOD;
	assert_says(f, "postfix [example.org]", WAIT);
	fake_dane.health = SECURE_DNS_FAILING;
	fake_dane_finish(DANE_UNKNOWABLE, 60);
	assert_string_equal(f->text, SECURE);
	fake_dane.health = SECURE_DNS_GOOD;
	assert_says(f, "postfix [example.org]", WAIT);
}

/* A restart while DNS is dead takes nothing away, and stops nobody's mail. */
static void test_dead(void **state)
{
	struct fixture *f = *state;

	have_policy(f, POLICY_ENFORCE);
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_ALL, 300);
	fake_dane.health = SECURE_DNS_DEAD;
	assert_says(f, "postfix example.org", "OK dane-only");
	assert_says(f, "postfix [example.org]", SECURE);
	pass(300 + 3601); /* an hour past its TTL */
	assert_says(f, "postfix example.org", SECURE);
	assert_int_equal(fake_dane.started, 1);
}

/* A hit on what is not on disk yet waits for that, and not for DNS: what lies
 * beside the policy counts. If nothing can be waited for, memory has to do. */
static void test_not_on_disk_yet(void **state)
{
	struct domain domain = domain_of("example.org");
	struct fixture *f = *state;
	struct cache_entry entry;
	struct ask_result tried;

	have_policy(f, POLICY_ENFORCE);
	assert_int_equal(cache_get(f->cache, &domain, &entry), MTS_OK);
	entry.dane_state = DANE_NONE;
	entry.dane_learnt_s = wall_s;
	entry.dane_ttl_s = 300;
	assert_int_equal(cache_put(f->cache, &domain, &entry), MTS_OK);
	assert_false(cache_is_saved(f->cache, &domain));
	assert_int_equal(reply_understand(f->maps,
	                                  slice_str("postfix example.org"),
	                                  &f->question, &f->out),
	                 MTS_OK);
	assert_int_equal(ask_try(f->ask, &f->question.ask, &tried), MTS_EMORE);
	write_answer(f, &tried);
	assert_string_equal(f->text, SECURE);
	assert_int_equal(ask_wait(f->ask, &f->question.ask, &tried, on_answer,
	                          f, &f->waiter),
	                 MTS_OK);
	save_to_disk(&f->loop, f->cache, &domain);
	assert_int_equal(f->called, 1);
	assert_string_equal(f->text, SECURE);
	assert_int_equal(fake_dane.started, 0);
}

static void await(struct fixture *f, int calls)
{
	for (int i = 0; i < 1000 && f->called < calls; i++)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(f->called, calls);
}

/* The first test is still under way. */
static void test_untested(void **state)
{
	struct fixture *f = *state;

	fake_dane.health = SECURE_DNS_UNTESTED;
	have_policy(f, POLICY_ENFORCE);
	assert_says(f, "postfix example.org", WAIT);
	assert_says(f, "postfix [example.org]", WAIT);
	uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(fake_dane.started, 0);
	fake_dane.health = SECURE_DNS_STRIPPED;
	await(f, 2);
	assert_string_equal(f->text, SECURE);

	fake_dane.health = SECURE_DNS_UNTESTED;
	assert_says(f, "postfix example.org", WAIT);
	fake_dane.health = SECURE_DNS_GOOD;
	for (int i = 0; i < 1000 && fake_dane.started == 0; i++)
		uv_run(&f->loop, UV_RUN_ONCE);
	fake_dane_finish(DANE_ALL, 300);
	assert_int_equal(f->called, 3);
	assert_string_equal(f->text, "OK dane-only");
}

static void test_on(void **state)
{
	struct fixture *f = *state;

	open_ask(f, ASK_DANE_ON, false, 20000);
	fake_dane.health = SECURE_DNS_STRIPPED;
	have_policy(f, POLICY_ENFORCE);
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_UNKNOWABLE, 60);
	assert_memory_equal(f->text, "TEMP ", 5);
	assert_memory_equal(say(f, "postfix example.org"), "TEMP ", 5);
}

/* Only where a policy is enforced. */
static void test_precedence(void **state)
{
	struct fixture *f = *state;
	struct policy policy = a_policy(POLICY_ENFORCE);

	open_ask(f, ASK_DANE_PRECEDENCE, false, 20000);
	have_no_policy(f);
	assert_says(f, "postfix example.org", "NOTFOUND ");
	absent_remove_all(f->absent);
	have_policy(f, POLICY_TESTING);
	assert_says(f, "postfix example.org", "NOTFOUND ");
	assert_int_equal(fake_dane.started, 0);
	have_policy(f, POLICY_ENFORCE);
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_ALL, 300);
	assert_string_equal(f->text, "OK dane-only");

	/* Nothing is known of it: the walk begins when there is a policy. */
	assert_says(f, "postfix example.net", WAIT);
	assert_int_equal(fake_dane_running(), 0);
	finish(DISCOVER_POLICY, &policy);
	assert_int_equal(fake_dane_running(), 1);
	fake_dane_finish(DANE_NONE, 300);
	assert_int_equal(f->called, 2);
	assert_string_equal(f->text, SECURE);
	assert_says(f, "postfix example.com", WAIT);
	finish(DISCOVER_NO_RECORD, NULL);
	assert_int_equal(f->called, 3);
	assert_string_equal(f->text, "NOTFOUND ");
	assert_int_equal(fake_dane_running(), 0);
}

static void test_off(void **state)
{
	struct fixture *f = *state;

	open_ask(f, ASK_DANE_OFF, false, 20000);
	have_policy(f, POLICY_ENFORCE);
	assert_says(f, "postfix example.org", SECURE);
	assert_int_equal(fake_dane.started, 0);
}

/* -- the operator's word --------------------------------------------------- */

static void test_bypass(void **state)
{
	struct domain domain = domain_of("example.org");
	struct fixture *f = *state;

	have_policy(f, POLICY_ENFORCE);
	assert_int_equal(words_add_bypass(f->words, &domain, 7), MTS_OK);
	assert_says(f, "postfix example.org", "NOTFOUND ");
	assert_says(f, "postfix [example.org]:587", "NOTFOUND ");
	assert_says(f, "postfix-tlsrpt example.org", "NOTFOUND ");
	assert_says(f, "sts example.org", "NOTFOUND ");
	assert_says(f, "verdict example.org mx1.example.org", "NOTFOUND ");
	assert_int_equal(fake_dane.started + faked.started, 0);
	/* Its subdomains are other domains (RFC 8461 3.4). */
	assert_says(f, "postfix sub.example.org", WAIT);
}

static void test_pinned(void **state)
{
	static const char mx[] =
	    "MX9.example.net\0*.example.net\0mx9.example.net";
	struct domain domain = domain_of("example.org");
	struct fixture *f = *state;

	have_no_policy(f);
	assert_int_equal(words_add_policy(f->words, &domain, 7, POLICY_ENFORCE,
	                                  slice_of(mx, sizeof(mx))),
	                 MTS_OK);
	assert_says(f, "postfix example.org",
	            "OK secure match=mx9.example.net:.example.net "
	            "servername=hostname");
	assert_says(f, "sts [example.org]:25",
	            "OK secure match=mx9.example.net:.example.net "
	            "servername=hostname");
	assert_says(f, "postfix-tlsrpt example.org",
	            "OK secure match=mx9.example.net:.example.net "
	            "servername=hostname policy_type=sts "
	            "policy_domain=example.org "
	            "mx_host_pattern=mx9.example.net "
	            "mx_host_pattern=*.example.net "
	            "{ policy_string = version: STSv1 } "
	            "{ policy_string = mode: enforce } "
	            "{ policy_string = mx: mx9.example.net } "
	            "{ policy_string = mx: *.example.net } "
	            "{ policy_string = max_age: 31557600 }");
	assert_says(f, "verdict example.org a.example.net",
	            "OK enforce match id=pinned expires=31557600");
	assert_says(f, "verdict example.org a.b.example.net",
	            "OK enforce mismatch id=pinned expires=31557600");
	assert_int_equal(fake_dane.started + faked.started, 0);
	pass(40000000); /* it has no end */
	assert_says(f, "verdict example.org a.example.net",
	            "OK enforce match id=pinned expires=31557600");
}

/* A policy of his own that binds nobody. */
static void test_pinned_modes(void **state)
{
	static const char mx[] = "mx9.example.net";
	struct domain testing = domain_of("testing.example");
	struct domain none = domain_of("none.example");
	struct fixture *f = *state;

	assert_int_equal(words_add_policy(f->words, &testing, 1, POLICY_TESTING,
	                                  slice_of(mx, sizeof(mx))),
	                 MTS_OK);
	assert_int_equal(
	    words_add_policy(f->words, &none, 2, POLICY_NONE, slice_of("", 0)),
	    MTS_OK);
	assert_says(f, "postfix testing.example", "NOTFOUND ");
	assert_says(f, "verdict testing.example mx9.example.net",
	            "OK testing match id=pinned expires=31557600");
	assert_says(f, "postfix none.example", "NOTFOUND ");
	assert_says(f, "verdict none.example mx9.example.net",
	            "OK none id=pinned expires=31557600");
	assert_int_equal(fake_dane.started + faked.started, 0);
}

static void test_words(void **state)
{
	struct fixture *f = *state;
	struct domain domain = domain_of("example.org");

	assert_int_equal(words_add_policy(f->words, &domain, 1, POLICY_ENFORCE,
	                                  slice_of("", 0)),
	                 MTS_ERANGE);
	assert_null(words_find(f->words, &domain));
	assert_int_equal(words_add_bypass(f->words, &domain, 3), MTS_OK);
	assert_int_equal(words_add_bypass(f->words, &domain, 4), MTS_EBUSY);
	assert_int_equal(words_find(f->words, &domain)->line, 3);
	assert_int_equal(words_count(f->words), 1);
	assert_null(words_find(NULL, &domain));
	assert_int_equal(words_count(NULL), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_enforced),
		TEST(test_without),
		TEST(test_testing_and_none),
		TEST(test_enforced_testing),
		TEST(test_answer_none),
		TEST(test_other_maps),
		TEST(test_temp_says_why),
		TEST(test_hops_have_their_own_state),
		TEST(test_one_walk_for_all),
		TEST(test_ttl_on_disk),
		TEST(test_ttl_in_memory),
		TEST(test_failure_on_disk),
		TEST(test_failure_in_memory),
		TEST(test_ttl_is_bounded),
		TEST(test_same_state_is_not_written_at_once),
		TEST(test_clock_jumps),
		TEST(test_state_from_the_future),
		TEST(test_both_unknown),
		TEST(test_dane_comes_first),
		TEST(test_policy_is_kept_for_the_answer),
		TEST(test_time_out),
		TEST(test_walk_that_cannot_start),
		TEST(test_cancel),
		TEST(test_refresh),
		TEST(test_auto),
		TEST(test_dead),
		TEST(test_not_on_disk_yet),
		TEST(test_untested),
		TEST(test_on),
		TEST(test_precedence),
		TEST(test_off),
		TEST(test_bypass),
		TEST(test_pinned),
		TEST(test_pinned_modes),
		TEST(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
