/* SPDX-License-Identifier: BSD-2-Clause */
/* control_world.c - a control service for tests, and its clients. */
#include "control_world.h"

#include "man_page.h"

#include "config.h"
#include "folder.h"
#include "save.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* -- what the network would do --------------------------------------------- */

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

struct faked_resolver faked_resolver;

void resolver_test(struct resolver *resolver)
{
	(void)resolver;
	faked_resolver.tests++;
}

bool resolver_is_silent(const struct resolver *resolver)
{
	(void)resolver;
	return faked_resolver.silent;
}

void resolver_get_counts(const struct resolver *resolver,
                         struct resolver_counts *ret)
{
	(void)resolver;
	for (size_t i = 0; i < DNS_STATUSES; i++)
		ret->by_status[i] = 10 + i;
}

void fetcher_get_counts(const struct fetcher *fetcher,
                        struct fetcher_counts *ret)
{
	(void)fetcher;
	for (size_t i = 0; i < FETCH_CAUSES; i++)
		ret->by_cause[i] = 100 + i;
}

static struct policy a_policy(void)
{
	static const char mx[] = "mx1.example.org\0*.example.net";

	return (struct policy){ .mode = POLICY_ENFORCE,
		                .max_age_s = 86400,
		                .mx_count = 2,
		                .mx = slice_of(mx, sizeof(mx)) };
}

void finish(enum discover_outcome outcome)
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

	fake_discovery_end(&result);
}

/* -- the fixture ----------------------------------------------------------- */

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

static void count_clients(void *arg, struct control_clients *ret)
{
	(void)arg;
	*ret = (struct control_clients){
		.now = 3, .most = 9, .total = 7, .refused = 2
	};
}

/* Counts the times, and does as the test says. */
static const struct control_reload *reload(void *arg, const char *who)
{
	struct fixture *f = arg;

	f->reloads++;
	snprintf(f->reloaded_by, sizeof(f->reloaded_by), "%s", who);
	return &f->reload;
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
		.refresh_ms = 86400000,
		.refresh_min_ms = 300000,
		.unused_after_ms = 30 * UINT64_C(86400000),
	};
	struct refresher_options refresher = {
		.loop = &f->loop,
		.clock = &test_clock,
		.cache = f->cache,
		.concurrency = 64,
	};
	struct fault why;

	f->top = top_new(&test_clock);
	assert_non_null(f->top);
	options.top = f->top;
	assert_int_equal(lookups_new(&options, &f->lookups, &why), MTS_OK);
	refresher.lookups = f->lookups;
	assert_int_equal(refresher_new(&refresher, &f->refresher, &why),
	                 MTS_OK);
}

static void open_ask(struct fixture *f)
{
	struct dane_checks_options checks = { .loop = &f->loop };
	struct ask_options options = { .clock = &test_clock,
		                       .lookups = f->lookups,
		                       .dane = ASK_DANE_AUTO,
		                       .timeout_ms = 20000 };
	struct mx_sets_options mx_sets = { .loop = &f->loop,
		                           .clock = &test_clock,
		                           .max = 100 };
	struct fault why;

	fake_mx_reset();
	assert_int_equal(mx_sets_new(&mx_sets, &f->mx_sets, &why), MTS_OK);
	options.mx_sets = f->mx_sets;
	f->dane_table = dane_table_new(&test_clock, f->cache, 100);
	f->overrides = overrides_new();
	checks.table = f->dane_table;
	assert_int_equal(dane_checks_new(&checks, &f->dane_checks, &why),
	                 MTS_OK);
	options.dane_table = f->dane_table;
	options.dane_checks = f->dane_checks;
	options.overrides = f->overrides;
	assert_int_equal(ask_new(&options, &f->ask, &why), MTS_OK);
}

static void note_sources(struct fixture *f)
{
	faked_resolver = (struct faked_resolver){ 0 };
	f->sources = (struct metrics_sources){
		.clock = &test_clock,
		.lookups = f->lookups,
		.dane_checks = f->dane_checks,
		.dns = (struct secure_dns *)&fake_dane,
		.refresher = f->refresher,
		.cache = f->cache,
		.absent = f->absent,
		.resolver = (struct resolver *)f,
		.fetcher = (struct fetcher *)f,
		.started_s = NOW_S - 60,
	};
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
		.ask = f->ask,
		.lookups = f->lookups,
		.dane_table = f->dane_table,
		.dane_checks = f->dane_checks,
		.mx_sets = f->mx_sets,
		.dns = (struct secure_dns *)&fake_dane,
		.dane = ASK_DANE_AUTO,
		.overrides = f->overrides,
		.refresher = f->refresher,
		.cache = f->cache,
		.absent = f->absent,
		.listeners = listeners,
		.listener_count = 1,
		.sources = &f->sources,
		.top = f->top,
		.count_clients = count_clients,
		.reload = reload,
		.last_reload = &f->reload,
		.arg = f,
	};
	struct fault why;

	snprintf(f->address, sizeof(f->address), "unix:%s/ctl.sock",
	         f->directory);
	assert_int_equal(control_open(&options, &f->control, &why), MTS_OK);
}

int control_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	fake_discovery_reset();
	fake_dane_reset();
	/* Most tests are about MTA-STS. */
	fake_dane.health = SECURE_DNS_STRIPPED;
	snprintf(f->directory, sizeof(f->directory), "/tmp/mtasts-test.XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	assert_int_equal(uv_loop_init(&f->loop), 0);
	open_cache(f);
	open_lookups(f);
	open_ask(f);
	note_sources(f);
	open_control(f);
	*state = f;
	return 0;
}

int control_teardown(void **state)
{
	struct fixture *f = *state;

	control_close(&f->control);
	refresher_close(&f->refresher);
	ask_close(&f->ask);
	dane_checks_close(&f->dane_checks);
	mx_sets_close(&f->mx_sets);
	dane_table_free(&f->dane_table);
	overrides_free(&f->overrides);
	lookups_close(&f->lookups);
	cache_close(&f->cache);
	absent_free(&f->absent);
	top_free(&f->top);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	folder_remove(f->directory);
	free(f);
	return 0;
}

void put_policy(struct fixture *f, const char *name, int64_t fetched_s)
{
	struct cache_entry entry = {
		.policy = a_policy(),
		.id = "a1",
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

void save_policy(struct fixture *f, const char *name)
{
	struct domain domain;

	assert_int_equal(domain_from_key(name, strlen(name), &domain, NULL),
	                 MTS_OK);
	save_to_disk(&f->loop, f->cache, &domain);
}

void put_absent(struct fixture *f, const char *name)
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

/* -- a client -------------------------------------------------------------- */

int connect_to(struct fixture *f)
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

struct client *new_client(struct fixture *f)
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

void end_client(struct client *client)
{
	close(client->fd);
	free(client);
}

void send_text(struct client *client, const char *text)
{
	assert_int_equal(send(client->fd, text, strlen(text), MSG_NOSIGNAL),
	                 (ssize_t)strlen(text));
}

void receive(struct client *client)
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

void work_item_loop(struct fixture *f, int times)
{
	for (int i = 0; i < times; i++)
		uv_run(&f->loop, UV_RUN_NOWAIT);
}

/* The manual page of mtasts-ctl, and that of the metrics, which it refers to;
 * NULL outside the test suite. */
static char *read_manuals(void)
{
	char *ctl, *metrics, *both;
	size_t size;

	if (!getenv("srcdir"))
		return NULL;
	ctl = man_page_read("mtasts-ctl.1");
	metrics = man_page_read("mtasts-metrics.7");
	size = strlen(ctl) + strlen(metrics) + 1;
	both = malloc(size);
	assert_non_null(both);
	snprintf(both, size, "%s%s", ctl, metrics);
	free(ctl);
	free(metrics);
	return both;
}

/* True if a line of MANUAL with the macro Va has KEY among its words. */
static bool is_told(const char *manual, const char *key)
{
	size_t len = strlen(key);

	for (const char *line = manual; line; line = strchr(line, '\n')) {
		const char *end, *at = line;

		line += *line == '\n';
		end = strchr(line, '\n');
		if (strncmp(line, ".Va ", 4) != 0 &&
		    strncmp(line, ".It Va ", 7) != 0)
			continue;
		while ((at = strstr(at + 1, key)) && (!end || at < end)) {
			if (at[-1] == ' ' &&
			    (at[len] == ' ' || at[len] == '\n'))
				return true;
		}
	}
	return false;
}

static void check_told(const char *manual, const json_t *value)
{
	/* Jansson's iterators want no const. */
	json_t *object = (json_t *)(uintptr_t)value;
	static json_t *told; /* keys that were looked for already */
	const char *key;
	json_t *member;

	if (!told)
		told = json_object();
	json_object_foreach(object, key, member)
	{
		if (!json_object_get(told, key) && !is_told(manual, key) &&
		    strcmp(key, PACKAGE_VERSION) != 0)
			fail_msg("mtasts-ctl.1 does not tell of \"%s\"", key);
		json_object_set_new(told, key, json_true());
		check_told(manual, member);
	}
	for (size_t i = 0; i < json_array_size(value); i++)
		check_told(manual, json_array_get(value, i));
}

/* Every key that ever comes is in the manual. */
static void check_manual(const json_t *object)
{
	static char *manual;

	if (json_object_get(object, "end"))
		return;
	if (!manual)
		manual = read_manuals();
	if (manual)
		check_told(manual, object);
}

json_t *next_object(struct fixture *f, struct client *client)
{
	const char *end = NULL;
	json_t *object;
	size_t used;

	for (int i = 0; i < 100000; i++) {
		end = memchr(client->in + client->start, '\n', client->len);
		if (end || client->closed)
			break;
		work_item_loop(f, 1);
		receive(client);
	}
	if (!end)
		return NULL;
	used = (size_t)(end - (client->in + client->start)) + 1;
	object = json_loadb(client->in + client->start, used, 0, NULL);
	assert_non_null(object);
	check_manual(object);
	client->start += used;
	client->len -= used;
	return object;
}

const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "(none)";
}

long long int_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

bool is_true(const json_t *object, const char *key)
{
	assert_true(json_is_boolean(json_object_get(object, key)));
	return json_is_true(json_object_get(object, key));
}

void expect_end(struct fixture *f, struct client *client, int status)
{
	json_t *end = next_object(f, client);

	assert_non_null(end);
	assert_true(json_is_true(json_object_get(end, "end")));
	assert_int_equal(int_of(end, "status"), status);
	if (status == 2 || status == 3)
		assert_true(strlen(text_of(end, "error")) > 8);
	json_decref(end);
}

json_t *ask_one(struct fixture *f, const char *request, int status)
{
	struct client *client = new_client(f);
	json_t *item;

	send_text(client, request);
	item = next_object(f, client);
	assert_non_null(item);
	expect_end(f, client, status);
	end_client(client);
	return item;
}

void await_discovery(struct fixture *f)
{
	for (int i = 0; i < 100 && !faked.running; i++) {
		work_item_loop(f, 1);
		if (fake_mx.running) /* explain asks for them first */
			FAKE_MX_HOSTS("mx1.example.org\0mx.example.com", 300);
	}
	assert_true(faked.running);
}

uint64_t waiting(struct fixture *f)
{
	struct lookup_counts counts;

	lookups_get_counts(f->lookups, &counts);
	return counts.waiting;
}
