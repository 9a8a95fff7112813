/* SPDX-License-Identifier: BSD-2-Clause */
/* test_control_serve.c - the control socket, spoken to over a real one, with a
 * real cache and look-up service, and discoveries that end as the test says. */
#include "tests.h"

#include "cache/absent.h"
#include "cache/cache.h"
#include "serve/control.h"
#include "wire/control.h"

#include <ftw.h>
#include <jansson.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const int64_t NOW_S = 1700000000; /* 2023-11-14T22:13:20Z */

/* -- what the network would do ---------------------------------------------- */

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
	faked.callback = callback;
	faked.arg = arg;
	faked.running = true;
	faked.started++;
	*ret = (struct discovery *)&faked;
	return MTS_OK;
}

void discovery_cancel(struct discovery **discovery)
{
	*discovery = NULL;
}

const char *discover_outcome_text(enum discover_outcome outcome)
{
	return outcome == DISCOVER_POLICY         ? "policy"
	       : outcome == DISCOVER_NO_RECORD    ? "no_record"
	       : outcome == DISCOVER_FETCH_FAILED ? "fetch_failed"
	                                          : "other";
}

const char *fetch_cause_text(enum fetch_cause cause)
{
	return cause == FETCH_CERT_EXPIRED ? "cert_expired" : "other";
}

void fetcher_load(const struct fetcher *fetcher, size_t *running,
                  size_t *waiting)
{
	(void)fetcher;
	*running = 2;
	*waiting = 1;
}

const char *resolver_servers(const struct resolver *resolver)
{
	(void)resolver;
	return "127.0.0.1:53";
}

static struct policy a_policy(void)
{
	static const char mx[] = "mx1.example.org\0*.example.net";

	return (struct policy){ .mode = POLICY_ENFORCE,
		                .max_age_s = 86400,
		                .mx_count = 2,
		                .mx = slice_of(mx, sizeof(mx)) };
}

/* Ends the discovery under way. */
static void finish(enum discover_outcome outcome)
{
	static const struct discover_step steps[] = {
		{ "record", true, 12, "v=STSv1; id=b2;" },
		{ "tls", false, 34, "the certificate expired" },
	};
	struct policy policy = a_policy();
	struct discover_result result = {
		.outcome = outcome,
		.record = { .id = "b2" },
		.record_ttl_s = 300,
		.policy = &policy,
		.text = slice_str("version: STSv1\r\nmode: enforce\r\n"),
		.cause = FETCH_CERT_EXPIRED,
		.reason = "because",
		.steps = steps,
		.step_count = ARRAY_LEN(steps),
	};

	assert_true(faked.running);
	faked.running = false;
	faked.callback(faked.arg, &result);
}

/* -- the fixture ------------------------------------------------------------ */

static int64_t test_wall_s(void *arg)
{
	(void)arg;
	return NOW_S;
}

static uint64_t test_mono_ms(void *arg)
{
	(void)arg;
	return 1000000;
}

static const struct clock test_clock = { test_wall_s, test_mono_ms, NULL };

struct fixture {
	uv_loop_t loop;
	char directory[64];
	char address[96];
	struct cache *cache;
	struct absent *absent;
	struct lookups *lookups;
	struct control *control;
};

static void count_clients(void *arg, uint64_t *now, uint64_t *total)
{
	(void)arg;
	*now = 3;
	*total = 7;
}

static void open_cache(struct fixture *f)
{
	struct cache_options options = { .loop = &f->loop,
		                         .directory = f->directory,
		                         .max_size = 64 << 20,
		                         .clock = &test_clock };
	struct fault why;

	assert_int_equal(cache_open(&options, &f->cache, &why), MTS_OK);
	f->absent = absent_new(100);
	assert_non_null(f->absent);
}

static void open_lookups(struct fixture *f)
{
	struct lookups_options options = {
		.loop = &f->loop,
		.clock = &test_clock,
		.cache = f->cache,
		.absent = f->absent,
		.timeout_ms = 20000,
		.negative_min_ms = 60000,
		.negative_max_ms = 3600000,
		.retry_ms = 300000,
		.id_check_min_ms = 60000,
		.id_check_max_ms = 86400000,
	};
	struct fault why;

	assert_int_equal(lookups_new(&options, &f->lookups, &why), MTS_OK);
}

static void open_control(struct fixture *f)
{
	static const char *const listeners[] = { "socketmap unix:/sm" };
	struct control_options options = {
		.loop = &f->loop,
		.clock = &test_clock,
		.address = f->address,
		.version = "1.2.3",
		.config = "/etc/caf\xe9.yaml", /* no UTF-8 */
		.lookups = f->lookups,
		.cache = f->cache,
		.absent = f->absent,
		.listeners = listeners,
		.listener_count = 1,
		.count_clients = count_clients,
	};
	struct fault why;

	snprintf(f->address, sizeof(f->address), "unix:%s/ctl.sock",
	         f->directory);
	assert_int_equal(control_open(&options, &f->control, &why), MTS_OK);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	memset(&faked, 0, sizeof(faked));
	snprintf(f->directory, sizeof(f->directory), "/tmp/mtasts-test.XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	assert_int_equal(uv_loop_init(&f->loop), 0);
	open_cache(f);
	open_lookups(f);
	open_control(f);
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

	control_close(&f->control);
	lookups_close(&f->lookups);
	cache_close(&f->cache);
	absent_free(&f->absent);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	nftw(f->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static void put_policy(struct fixture *f, const char *name, int64_t fetched_s)
{
	struct cache_entry entry = {
		.policy = a_policy(),
		.id = "a1",
		.text = slice_str("version: STSv1\r\nmode: enforce\r\n"
		                  "note: caf\xc3\xa9\r\n"),
		.fetched_s = fetched_s,
		.checked_s = NOW_S,
		.used_s = NOW_S,
		.record_ttl_s = 300,
	};
	struct domain domain;

	assert_int_equal(domain_from_key(name, strlen(name), &domain, NULL),
	                 MTS_OK);
	assert_int_equal(cache_put(f->cache, &domain, &entry), MTS_OK);
}

static void put_absent(struct fixture *f, const char *name)
{
	struct absent_entry entry = {
		.cause = ABSENT_FETCH_FAILED,
		.until_ms = 1000000 + 5500,
		.retry_ms = 1000000 + 300000,
		.id = "a1",
		.reason = "it is down",
	};
	struct domain domain;

	assert_int_equal(domain_from_key(name, strlen(name), &domain, NULL),
	                 MTS_OK);
	assert_int_equal(absent_put(f->absent, &domain, &entry), MTS_OK);
}

/* -- a client --------------------------------------------------------------- */

struct client {
	int fd;
	size_t start, len; /* of what came and is not taken yet */
	bool closed;       /* by the other side */
	char in[1024 * 1024];
};

static int connect_to(struct fixture *f)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", f->address + 5);
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static struct client *new_client(struct fixture *f)
{
	struct client *client = malloc(sizeof(*client));

	assert_non_null(client);
	client->fd = connect_to(f);
	assert_true(client->fd >= 0);
	client->start = 0;
	client->len = 0;
	client->closed = false;
	return client;
}

static void end_client(struct client *client)
{
	close(client->fd);
	free(client);
}

static void send_text(struct client *client, const char *text)
{
	assert_int_equal(send(client->fd, text, strlen(text), MSG_NOSIGNAL),
	                 (ssize_t)strlen(text));
}

static void receive(struct client *client)
{
	size_t end = client->start + client->len;
	ssize_t n;

	if (end > sizeof(client->in) / 2) {
		memmove(client->in, client->in + client->start, client->len);
		client->start = 0;
		end = client->len;
	}
	n = recv(client->fd, client->in + end, sizeof(client->in) - end,
	         MSG_DONTWAIT);
	if (n == 0)
		client->closed = true;
	else if (n > 0)
		client->len += (size_t)n;
}

static void turn(struct fixture *f, int times)
{
	for (int i = 0; i < times; i++)
		uv_run(&f->loop, UV_RUN_NOWAIT);
}

/* The next object; NULL if the connection was closed instead. */
static json_t *next(struct fixture *f, struct client *client)
{
	const char *end = NULL;
	json_t *object;
	size_t used;

	for (int i = 0; i < 100000; i++) {
		end = memchr(client->in + client->start, '\n', client->len);
		if (end || client->closed)
			break;
		turn(f, 1);
		receive(client);
	}
	if (!end)
		return NULL;
	used = (size_t)(end - (client->in + client->start)) + 1;
	object = json_loadb(client->in + client->start, used, 0, NULL);
	assert_non_null(object);
	client->start += used;
	client->len -= used;
	return object;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "(none)";
}

static long long int_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

static bool is_true(const json_t *object, const char *key)
{
	assert_true(json_is_boolean(json_object_get(object, key)));
	return json_is_true(json_object_get(object, key));
}

/* Takes the end, which must be next, with this status. */
static void expect_end(struct fixture *f, struct client *client, int status)
{
	json_t *end = next(f, client);

	assert_non_null(end);
	assert_true(json_is_true(json_object_get(end, "end")));
	assert_int_equal(int_of(end, "status"), status);
	if (status == 2 || status == 3)
		assert_true(strlen(text_of(end, "error")) > 8);
	json_decref(end);
}

/* Asks one thing and returns the one item of the answer. */
static json_t *ask(struct fixture *f, const char *request, int status)
{
	struct client *client = new_client(f);
	json_t *item;

	send_text(client, request);
	item = next(f, client);
	assert_non_null(item);
	expect_end(f, client, status);
	end_client(client);
	return item;
}

/* Turns the loop until a discovery is under way. */
static void await_discovery(struct fixture *f)
{
	for (int i = 0; i < 100 && !faked.running; i++)
		turn(f, 1);
	assert_true(faked.running);
}

static uint64_t waiting(struct fixture *f)
{
	struct lookup_counts counts;

	lookups_get_counts(f->lookups, &counts);
	return counts.waiting;
}

/* -- status ----------------------------------------------------------------- */

static void test_status(void **state)
{
	struct fixture *f = *state;
	json_t *item;

	put_absent(f, "absent.example");
	item = ask(f, "status\n", 0);
	assert_true(is_true(item, "ok"));
	assert_string_equal(text_of(item, "version"), "1.2.3");
	assert_int_equal(int_of(item, "pid"), getpid());
	assert_string_equal(text_of(item, "config"), "/etc/caf?.yaml");
	assert_string_equal(text_of(item, "resolver"), "127.0.0.1:53");
	assert_int_equal(int_of(item, "absent"), 1);
	assert_int_equal(int_of(item, "uptime"), 0);
	assert_int_equal(int_of(json_object_get(item, "clients"), "now"), 3);
	assert_int_equal(int_of(json_object_get(item, "fetcher"), "running"),
	                 2);
	assert_int_equal(int_of(json_object_get(item, "lookups"), "hits"), 0);
	assert_int_equal(int_of(json_object_get(item, "cache"), "pending"), 0);
	assert_int_equal(json_array_size(json_object_get(item, "listeners")),
	                 1);
	json_decref(item);
}

/* -- lookup ----------------------------------------------------------------- */

static void test_lookup_cached(void **state)
{
	struct fixture *f = *state;
	json_t *item;

	put_policy(f, "example.org", NOW_S - 400);
	/* As a socketmap client's key: case, brackets and port don't count. */
	item = ask(f, "lookup [Example.ORG]:587\n", 0);
	assert_string_equal(text_of(item, "domain"), "example.org");
	assert_string_equal(text_of(item, "source"), "cached");
	assert_string_equal(text_of(item, "mode"), "enforce");
	assert_string_equal(text_of(item, "id"), "a1");
	assert_string_equal(text_of(item, "answer"),
	                    "OK secure match=mx1.example.org:.example.net "
	                    "servername=hostname");
	assert_int_equal(int_of(item, "max_age"), 86400);
	assert_int_equal(int_of(item, "expires_in"), 86000);
	assert_int_equal(json_array_size(json_object_get(item, "mx")), 2);
	assert_null(json_object_get(item, "verdict"));
	json_decref(item);
}

static void test_lookup_mx(void **state)
{
	static const struct {
		const char *mx;
		bool match;
		const char *verdict;
	} rows[] = {
		{ "MX1.example.org.", true,
		  "OK enforce match id=a1 expires=86400" },
		{ "a.example.net", true,
		  "OK enforce match id=a1 expires=86400" },
		{ "a.b.example.net", false,
		  "OK enforce mismatch id=a1 expires=86400" },
	};
	struct fixture *f = *state;

	put_policy(f, "example.org", NOW_S);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char request[100];
		json_t *item;

		snprintf(request, sizeof(request), "lookup example.org %s\n",
		         rows[i].mx);
		item = ask(f, request, 0);
		assert_int_equal(is_true(item, "match"), rows[i].match);
		assert_string_equal(text_of(item, "verdict"), rows[i].verdict);
		json_decref(item);
	}
}

static void test_lookup_waits(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);
	json_t *item;

	send_text(client, "lookup example.org\n");
	await_discovery(f);
	finish(DISCOVER_NO_RECORD);
	item = next(f, client);
	assert_string_equal(text_of(item, "source"), "discovered");
	assert_false(is_true(item, "has_policy"));
	assert_string_equal(text_of(item, "reason"), "because");
	assert_string_equal(text_of(item, "answer"), "NOTFOUND ");
	json_decref(item);
	expect_end(f, client, 1);
	end_client(client);
}

/* An MTA that asks with such a key is told "no policy", too. */
static void test_lookup_no_domain(void **state)
{
	struct fixture *f = *state;
	json_t *item = ask(f, "lookup [192.0.2.1]\n", 1);

	assert_string_equal(text_of(item, "source"), "no_domain");
	assert_string_equal(text_of(item, "answer"), "NOTFOUND ");
	json_decref(item);
	assert_int_equal(faked.started, 0);
}

/* -- explain ---------------------------------------------------------------- */

static void expect_step(struct fixture *f, struct client *client,
                        const char *name, bool ok, int ms)
{
	json_t *item = next(f, client);
	json_t *step = json_object_get(item, "step");

	assert_string_equal(text_of(step, "name"), name);
	assert_int_equal(is_true(step, "ok"), ok);
	assert_int_equal(int_of(step, "ms"), ms);
	assert_true(strlen(text_of(step, "detail")) > 8);
	json_decref(item);
}

/* RFC 8461 3.3: a cached policy stays in force when it can't be fetched. */
static void test_explain_cached(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);
	json_t *item;

	put_policy(f, "example.org", NOW_S);
	send_text(client, "explain example.org\n");
	item = next(f, client);
	assert_string_equal(text_of(json_object_get(item, "now"), "source"),
	                    "cached");
	assert_string_equal(text_of(json_object_get(item, "cached"), "id"),
	                    "a1");
	assert_true(json_is_null(json_object_get(item, "absent")));
	json_decref(item);
	await_discovery(f);
	finish(DISCOVER_FETCH_FAILED);
	expect_step(f, client, "record", true, 12);
	expect_step(f, client, "tls", false, 34);
	item = next(f, client);
	assert_string_equal(text_of(item, "outcome"), "fetch_failed");
	assert_string_equal(text_of(item, "cause"), "cert_expired");
	assert_true(is_true(item, "has_policy"));
	assert_non_null(strstr(text_of(item, "answer"), "OK secure"));
	assert_non_null(strstr(text_of(item, "hint"), "clock"));
	json_decref(item);
	expect_end(f, client, 1);
	end_client(client);
}

static void test_explain_absent(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);
	json_t *item, *absent;

	put_absent(f, "example.org");
	send_text(client, "explain example.org\n");
	item = next(f, client);
	assert_string_equal(text_of(json_object_get(item, "now"), "source"),
	                    "absent");
	assert_true(json_is_null(json_object_get(item, "cached")));
	absent = json_object_get(item, "absent");
	assert_string_equal(text_of(absent, "cause"), "fetch_failed");
	assert_string_equal(text_of(absent, "reason"), "it is down");
	assert_int_equal(int_of(absent, "ends_in"), 6);
	assert_int_equal(int_of(absent, "retry_in"), 300);
	json_decref(item);
	/* What is known to be absent does not stop an operator. */
	await_discovery(f);
	finish(DISCOVER_POLICY);
	expect_step(f, client, "record", true, 12);
	expect_step(f, client, "tls", false, 34);
	item = next(f, client);
	assert_string_equal(text_of(item, "outcome"), "policy");
	assert_string_equal(text_of(item, "id"), "b2");
	json_decref(item);
	expect_end(f, client, 0);
	end_client(client);
}

static void test_explain_unknown(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);
	json_t *item;

	send_text(client, "explain example.org\n");
	item = next(f, client);
	assert_true(json_is_null(json_object_get(item, "now")));
	json_decref(item);
	await_discovery(f);
	finish(DISCOVER_NO_RECORD);
	expect_step(f, client, "record", true, 12);
	expect_step(f, client, "tls", false, 34);
	item = next(f, client);
	assert_string_equal(text_of(item, "outcome"), "no_record");
	assert_string_equal(text_of(item, "answer"), "NOTFOUND ");
	json_decref(item);
	expect_end(f, client, 0); /* a proof is an answer */
	end_client(client);
}

/* -- list ------------------------------------------------------------------- */

/* Some 1.2 MB of JSON: more than a connection may hold. */
enum { MANY = 8000 };

static void put_many(struct fixture *f)
{
	struct cache_stats stats;
	char name[64];

	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "d%05d.example", i);
		put_policy(f, name, NOW_S);
	}
	/* A walk over what is pending is slow. */
	do {
		uv_run(&f->loop, UV_RUN_ONCE);
		cache_get_stats(f->cache, &stats);
	} while (stats.pending > 0);
}

/* Takes a list's items; how many, in order, each once. */
static size_t take_list(struct fixture *f, struct client *client, int status)
{
	char last[DOMAIN_MAX + 1] = "";
	size_t count = 0;

	for (;;) {
		json_t *item = next(f, client);

		assert_non_null(item);
		if (json_object_get(item, "end")) {
			assert_int_equal(int_of(item, "status"), status);
			json_decref(item);
			return count;
		}
		assert_true(strcmp(last, text_of(item, "domain")) < 0);
		assert_int_equal(int_of(item, "mx_count"), 2);
		snprintf(last, sizeof(last), "%s", text_of(item, "domain"));
		count++;
		json_decref(item);
	}
}

static void test_list(void **state)
{
	static const struct {
		const char *request;
		size_t count;
		int status;
	} rows[] = {
		{ "list\n", MANY, 0 },
		{ "list d0000?.example\n", 10, 0 },
		{ "list *99.EXAMPLE\n", MANY / 100, 0 },
		{ "list d07999.example\n", 1, 0 },
		{ "list nobody.*\n", 0, 1 },
	};
	struct fixture *f = *state;
	struct client *client = new_client(f);

	send_text(client, "list\n");
	assert_int_equal(take_list(f, client, 0), 0);
	put_many(f);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		send_text(client, rows[i].request);
		assert_int_equal(take_list(f, client, rows[i].status),
		                 rows[i].count);
	}
	end_client(client);
}

/* A peer that does not read makes us stop, not fill our memory. */
static void test_list_waits_for_reader(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);
	struct client *other = new_client(f);
	int small = 4096;

	setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	put_many(f);
	send_text(client, "list\n");
	turn(f, 2000);
	/* Others are served meanwhile. */
	send_text(other, "lookup d00000.example\n");
	json_decref(next(f, other));
	expect_end(f, other, 0);
	end_client(other);
	receive(client);
	/* What the socket holds, not the whole list. */
	assert_true(client->len < 300 * 1024);
	assert_int_equal(take_list(f, client, 0), MANY);
	end_client(client);
}

/* -- show ------------------------------------------------------------------- */

static void test_show(void **state)
{
	struct fixture *f = *state;
	json_t *item;

	put_policy(f, "example.org", NOW_S);
	item = ask(f, "show example.org\n", 0);
	assert_true(is_true(item, "live"));
	assert_int_equal(int_of(item, "fetched"), NOW_S);
	assert_string_equal(text_of(item, "fetched_iso"),
	                    "2023-11-14T22:13:20Z");
	assert_int_equal(int_of(item, "expires"), NOW_S + 86400);
	assert_string_equal(text_of(item, "expires_iso"),
	                    "2023-11-15T22:13:20Z");
	assert_true(json_is_null(json_object_get(item, "failed")));
	assert_true(json_is_null(json_object_get(item, "failed_iso")));
	assert_string_equal(text_of(item, "text"),
	                    "version: STSv1\r\nmode: enforce\r\n"
	                    "note: caf\xc3\xa9\r\n");
	json_decref(item);
	put_policy(f, "old.example", NOW_S - 86401);
	item = ask(f, "show old.example\n", 0);
	assert_false(is_true(item, "live"));
	assert_int_equal(int_of(item, "expires_in"), -1);
	json_decref(item);
}

/* -- requests that end at once ---------------------------------------------- */

static void test_bad_requests(void **state)
{
	static const struct {
		const char *request;
		int status;
	} rows[] = {
		{ "show nobody.example\n", 1 },
		{ "show [192.0.2.1]\n", 2 },
		{ "flush example.org [192.0.2.1]\n", 2 },
		{ "refresh 192.0.2.1\n", 2 },
		{ "flush --all example.org\n", 2 },
		{ "frobnicate\n", 2 },
		{ "lookup\n", 2 },
		{ "\n", 2 },
		{ "lookup \x01\n", 2 },
		{ "lookup \xff\n", 2 },
		{ "status\n", -1 }, /* the connection is still good */
	};
	struct fixture *f = *state;
	struct client *client = new_client(f);

	put_policy(f, "example.org", NOW_S);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		send_text(client, rows[i].request);
		if (rows[i].status < 0) {
			json_decref(next(f, client));
			expect_end(f, client, 0);
		} else {
			expect_end(f, client, rows[i].status);
		}
	}
	end_client(client);
	/* The flush with one bad domain has forgotten none. */
	json_decref(ask(f, "show example.org\n", 0));
}

static void test_too_long(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);
	size_t len = CONTROL_LINE_MAX + 1;
	char *line = malloc(len + 1);

	memset(line, 'x', len);
	line[len] = '\0';
	send_text(client, line);
	free(line);
	expect_end(f, client, 2);
	assert_null(next(f, client));
	end_client(client);
}

/* -- flush ------------------------------------------------------------------ */

static void test_flush(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);
	json_t *item;

	put_policy(f, "a.example", NOW_S);
	put_absent(f, "b.example");
	send_text(client, "flush a.example b.example c.example\n");
	item = next(f, client);
	assert_string_equal(text_of(item, "domain"), "a.example");
	assert_true(is_true(item, "policy"));
	assert_false(is_true(item, "absent"));
	json_decref(item);
	item = next(f, client);
	assert_false(is_true(item, "policy"));
	assert_true(is_true(item, "absent"));
	json_decref(item);
	item = next(f, client);
	assert_string_equal(text_of(item, "domain"), "c.example");
	assert_false(is_true(item, "policy"));
	assert_false(is_true(item, "absent"));
	json_decref(item);
	expect_end(f, client, 1); /* c.example was not known */
	send_text(client, "show a.example\n");
	expect_end(f, client, 1);
	assert_int_equal(absent_count(f->absent), 0);
	end_client(client);
}

static void test_flush_options(void **state)
{
	struct fixture *f = *state;
	struct cache_entry entry;
	json_t *item;

	put_policy(f, "a.example", NOW_S);
	put_absent(f, "b.example");
	item = ask(f, "flush --negative\n", 0);
	assert_int_equal(int_of(item, "absent"), 1);
	assert_null(json_object_get(item, "policies"));
	json_decref(item);
	assert_int_equal(absent_count(f->absent), 0);
	json_decref(ask(f, "show a.example\n", 0));
	put_absent(f, "b.example");
	item = ask(f, "flush --all\n", 0);
	assert_int_equal(int_of(item, "absent"), 1);
	json_decref(item);
	assert_int_equal(absent_count(f->absent), 0);
	assert_int_equal(
	    cache_get(f->cache, &(struct domain){ 9, "a.example" }, &entry),
	    MTS_ENOTFOUND);
}

/* -- refresh ---------------------------------------------------------------- */

static void expect_refreshed(struct fixture *f, struct client *client,
                             const char *domain, const char *outcome)
{
	json_t *item = next(f, client);

	assert_string_equal(text_of(item, "domain"), domain);
	assert_string_equal(text_of(item, "outcome"), outcome);
	assert_string_not_equal(text_of(item, "answer"), "(none)");
	json_decref(item);
}

static void test_refresh(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);

	send_text(client, "refresh a.example b.example\n");
	await_discovery(f);
	finish(DISCOVER_POLICY);
	expect_refreshed(f, client, "a.example", "policy");
	await_discovery(f);
	finish(DISCOVER_FETCH_FAILED);
	expect_refreshed(f, client, "b.example", "fetch_failed");
	expect_end(f, client, 1);
	json_decref(ask(f, "show a.example\n", 0));
	end_client(client);
}

/* -- connections ------------------------------------------------------------ */

/* Many requests in one packet, one in many, and no more after them. */
static void test_pipeline(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);

	put_policy(f, "a.example", NOW_S);
	send_text(client, "lookup a.example\nshow nobody.example\nlook");
	turn(f, 10);
	send_text(client, "up a.example\n");
	assert_int_equal(shutdown(client->fd, SHUT_WR), 0);
	json_decref(next(f, client));
	expect_end(f, client, 0);
	expect_end(f, client, 1);
	json_decref(next(f, client));
	expect_end(f, client, 0);
	assert_null(next(f, client));
	end_client(client);
}

static void test_half_closed_waits(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);

	send_text(client, "lookup a.example\n");
	shutdown(client->fd, SHUT_WR);
	await_discovery(f);
	turn(f, 10);
	finish(DISCOVER_POLICY);
	json_decref(next(f, client));
	expect_end(f, client, 0);
	end_client(client);
}

/* Its look-up is no longer waited for; the discovery goes on. */
static void test_peer_goes_away(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);

	send_text(client, "lookup a.example\n");
	await_discovery(f);
	assert_int_equal(waiting(f), 1);
	end_client(client);
	turn(f, 10);
	assert_int_equal(waiting(f), 0);
	finish(DISCOVER_POLICY);
	json_decref(ask(f, "show a.example\n", 0));
}

static void test_too_many(void **state)
{
	enum { MOST = 16 };
	struct fixture *f = *state;
	struct client *clients[MOST];
	struct client *one_more;

	for (size_t i = 0; i < MOST; i++)
		clients[i] = new_client(f);
	turn(f, 10);
	one_more = new_client(f);
	expect_end(f, one_more, 3);
	assert_null(next(f, one_more));
	end_client(one_more);
	for (size_t i = 0; i < MOST; i++)
		end_client(clients[i]);
	turn(f, 10);
	json_decref(ask(f, "status\n", 0));
}

/* teardown() sees to it that nothing is left. */
static void test_close_while_waiting(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);

	send_text(client, "explain a.example\n");
	await_discovery(f);
	control_close(&f->control);
	assert_int_equal(waiting(f), 0);
	turn(f, 10);
	end_client(client);
}

/* -- who may speak ---------------------------------------------------------- */

/* In a child that is nobody: 0 if it is let in no further than the door. */
static int try_as_nobody(struct fixture *f)
{
	char line[200] = "";
	int fd;

	if (setgid(65534) != 0 || setuid(65534) != 0)
		return 2;
	fd = connect_to(f);
	if (fd < 0)
		return 3;
	if (recv(fd, line, sizeof(line) - 1, 0) <= 0)
		return 4;
	return strstr(line, "permission denied") ? 0 : 1;
}

static void test_credentials(void **state)
{
	struct fixture *f = *state;
	int status = -1;
	pid_t pid, ended = 0;

	if (geteuid() != 0)
		skip();
	/* As if the system disregarded the socket's mode. */
	assert_int_equal(chmod(f->address + 5, 0666), 0);
	assert_int_equal(chmod(f->directory, 0755), 0);
	pid = fork();
	if (pid == 0)
		_exit(try_as_nobody(f));
	for (int i = 0; i < 500 && ended == 0; i++) {
		turn(f, 1);
		usleep(10000);
		ended = waitpid(pid, &status, WNOHANG);
	}
	if (ended == 0)
		kill(pid, SIGKILL);
	assert_int_equal(ended, pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_mode(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(stat(f->address + 5, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

/* -- memory ----------------------------------------------------------------- */

static size_t json_left; /* 0: all are granted; 1: the next one is not */

static void *json_malloc(size_t size)
{
	if (json_left > 0 && --json_left == 0)
		return NULL;
	return malloc(size);
}

/* Each allocation of Jansson's fails once: there is an answer in any case, and
 * the next connection is as good as ever. */
static void check_memory(struct fixture *f, const char *request, int status)
{
	for (size_t n = 1;; n++) {
		struct client *client = new_client(f);
		json_t *item;
		bool failed;

		send_text(client, request);
		json_left = n;
		/* Parses nothing before all is said. */
		for (int i = 0; i < 20; i++) {
			turn(f, 1);
			receive(client);
		}
		failed = json_left == 0;
		json_left = 0;
		if (!failed) {
			json_decref(next(f, client));
			expect_end(f, client, status);
			end_client(client);
			return;
		}
		while ((item = next(f, client)) &&
		       !json_object_get(item, "end"))
			json_decref(item);
		/* A text that could not be made may have become "?". */
		if (item && int_of(item, "status") == 3)
			assert_string_equal(text_of(item, "error"),
			                    "out of memory");
		assert_non_null(item);
		json_decref(item);
		end_client(client);
		assert_true(n < 1000);
	}
}

static void test_memory(void **state)
{
	struct fixture *f = *state;

	put_policy(f, "example.org", NOW_S);
	check_memory(f, "status\n", 0);
	check_memory(f, "lookup example.org mx1.example.org\n", 0);
	check_memory(f, "list\n", 0);
	check_memory(f, "show example.org\n", 0);
	check_memory(f, "lookup [192.0.2.1]\n", 1);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ROW(test_status),
		ROW(test_lookup_cached),
		ROW(test_lookup_mx),
		ROW(test_lookup_waits),
		ROW(test_lookup_no_domain),
		ROW(test_explain_cached),
		ROW(test_explain_absent),
		ROW(test_explain_unknown),
		ROW(test_list),
		ROW(test_list_waits_for_reader),
		ROW(test_show),
		ROW(test_bad_requests),
		ROW(test_too_long),
		ROW(test_flush),
		ROW(test_flush_options),
		ROW(test_refresh),
		ROW(test_pipeline),
		ROW(test_half_closed_waits),
		ROW(test_peer_goes_away),
		ROW(test_too_many),
		ROW(test_close_while_waiting),
		ROW(test_credentials),
		ROW(test_mode),
		ROW(test_memory),
	};

	json_set_alloc_funcs(json_malloc, free);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
