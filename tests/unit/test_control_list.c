/* SPDX-License-Identifier: BSD-2-Clause */
/* test_control_list.c - which policies the control socket's list shows, and what
 * its export and import say. */
#include "control_world.h"

#include <sys/socket.h>

static void put(struct fixture *f, const char *name, enum policy_mode mode,
                uint32_t failures, int64_t fetched_s)
{
	static const char mx[] = "mx1.example.org";
	struct cache_entry entry = {
		.policy = { .mode = mode,
		            .max_age_s = 86400,
		            .mx_count = 1,
		            .mx = slice_of(mx, sizeof(mx)) },
		.id = "a1",
		.fetched_s = fetched_s,
		.failures = failures,
	};
	struct domain domain;

	assert_int_equal(domain_from_key(name, strlen(name), &domain, NULL),
	                 MTS_OK);
	assert_int_equal(cache_put(f->cache, &domain, &entry), MTS_OK);
}

static void put_some(struct fixture *f)
{
	put(f, "a.example", POLICY_ENFORCE, 0, NOW_S);
	put(f, "b.example", POLICY_ENFORCE, 3, NOW_S - 86000);
	put(f, "c.example", POLICY_TESTING, 1, NOW_S - 3600);
	put(f, "d.example", POLICY_NONE, 0, NOW_S - 90000); /* ended */
	put(f, "da.example", POLICY_NONE, 0, NOW_S);
	put(f, "db.example", POLICY_ENFORCE, 0, NOW_S);
}

/* The first labels of the domains that are shown. */
static void list(struct fixture *f, const char *request, int status,
                 char names[64])
{
	struct client *client = new_client(f);
	json_t *item;

	names[0] = '\0';
	send_text(client, request);
	while ((item = next_object(f, client)) &&
	       !json_object_get(item, "end")) {
		const char *name = text_of(item, "domain");

		snprintf(names + strlen(names), 64 - strlen(names), "%.*s ",
		         (int)strcspn(name, "."), name);
		json_decref(item);
	}
	assert_int_equal(int_of(item, "status"), status);
	json_decref(item);
	end_client(client);
}

static void test_filters(void **state)
{
	static const struct {
		const char *request, *names;
		int status;
	} rows[] = {
		{ "list\n", "a b c d da db ", 0 },
		{ "list --mode=enforce\n", "a b db ", 0 },
		{ "list --mode=testing\n", "c ", 0 },
		{ "list --failing\n", "b c ", 0 },
		{ "list --failing --mode=enforce\n", "b ", 0 },
		{ "list --failing --mode=none\n", "", 1 },
		{ "list --expiring=10m\n", "b d ", 0 },
		{ "list --expiring=400s\n", "d ", 0 }, /* b has 401 left */
		{ "list --expiring=401s\n", "b d ", 0 },
		{ "list --expiring=0s\n", "d ", 0 },
		{ "list d*\n", "d da db ", 0 },
		{ "list D*\n", "d da db ", 0 },
		{ "list d.example\n", "d ", 0 },
		{ "list --mode=none d*\n", "d da ", 0 },
		{ "list --limit=2\n", "a b ", 0 },
		{ "list --limit=2 --mode=enforce\n", "a b ", 0 },
		{ "list --limit=1 --mode=none d*\n", "d ", 0 },
		{ "list --limit=9 --names b*\n", "b ", 0 },
		{ "list e*\n", "", 1 },
		{ "list --names z*\n", "", 1 },
	};
	struct fixture *f = *state;
	char names[64];

	put_some(f);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		list(f, rows[i].request, rows[i].status, names);
		assert_string_equal(names, rows[i].names);
	}
}

static void test_items(void **state)
{
	struct fixture *f = *state;
	json_t *item;

	put_some(f);
	item = ask_one(f, "list b*\n", 0);
	assert_int_equal(int_of(item, "failures"), 3);
	assert_int_equal(int_of(item, "expires_in"), 400);
	json_decref(item);
	item = ask_one(f, "list --names b*\n", 0);
	assert_int_equal(json_object_size(item), 1);
	json_decref(item);
}

/* The filters of one list are not those of the next. */
static void test_one_after_the_other(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);

	put_some(f);
	send_text(client, "list --limit=1 --failing --names d*\nlist d.*\n");
	expect_end(f, client, 1);
	json_decref(next_object(f, client));
	expect_end(f, client, 0);
	end_client(client);
}

/* With no policy at all there is nothing wrong about none. */
static void test_empty(void **state)
{
	struct fixture *f = *state;
	char names[64];

	list(f, "list\n", 0, names);
	list(f, "list --names\n", 0, names);
	list(f, "list --failing\n", 1, names);
	assert_string_equal(names, "");
}

/* -- export and import ----------------------------------------------------- */

static void test_export(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);
	json_t *item;

	put_some(f);
	send_text(client, "export d*\nexport z*\n");
	item = next_object(f, client);
	assert_string_equal(text_of(item, "format"), "mtasts-policies");
	assert_string_equal(text_of(item, "program"), "mtastsd 1.2.3");
	assert_int_equal(int_of(item, "created"), NOW_S);
	json_decref(item);
	item = next_object(f, client); /* d.example has ended */
	assert_string_equal(text_of(item, "domain"), "da.example");
	assert_int_equal(int_of(item, "fetched"), NOW_S);
	json_decref(item);
	json_decref(next_object(f, client));
	item = next_object(f, client);
	assert_int_equal(int_of(item, "policies"), 2);
	json_decref(item);
	expect_end(f, client, 0);
	json_decref(next_object(f, client));
	json_decref(next_object(f, client));
	expect_end(f, client, 1);
	end_client(client);
}

#define HEADER "{\"format\":\"mtasts-policies\",\"version\":1}\n"

/* A line may come in pieces, and the last one without its newline. */
static void test_import(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);
	json_t *item;

	send_text(client, "import\n" HEADER "{\"domain\":\"a.exam");
	work_item_loop(f, 10);
	send_text(client, "ple\",\"id\":\"1\",\"fetched\":1699999999,"
	                  "\"max_age\":86400,\"mode\":\"none\",\"mx\":[]}\n"
	                  "\nstatus\n{\"policies\":2}");
	work_item_loop(f, 10);
	assert_int_equal(shutdown(client->fd, SHUT_WR), 0);
	item = next_object(f, client);
	assert_int_equal(int_of(item, "line"), 4);
	assert_non_null(strstr(text_of(item, "refused"), "no JSON object"));
	json_decref(item);
	item = next_object(f, client);
	assert_int_equal(int_of(item, "imported"), 1);
	assert_int_equal(int_of(item, "refused"), 1);
	assert_true(is_true(item, "complete"));
	json_decref(item);
	expect_end(f, client, 1);
	assert_null(next_object(f, client));
	end_client(client);
	json_decref(ask_one(f, "show a.example\n", 0));
}

/* A line without an end is not waited for. */
static void test_import_endless(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);
	char text[4097];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	send_text(client, "import\n" HEADER);
	for (int i = 0; i < 24 && !client->closed; i++) {
		if (send(client->fd, text, sizeof(text) - 1, MSG_NOSIGNAL) < 0)
			break;
		work_item_loop(f, 3);
	}
	expect_end(f, client, 2);
	assert_null(next_object(f, client));
	end_client(client);
}

/* control_teardown() checks that nothing is left. */
static void test_import_while_closing(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);

	send_text(client, "import\n" HEADER "{");
	work_item_loop(f, 10);
	control_close(&f->control);
	work_item_loop(f, 10);
	end_client(client);
}

/* -- many policies --------------------------------------------------------- */

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
		json_t *item = next_object(f, client);

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

static void test_many(void **state)
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
static void test_waits_for_reader(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);
	struct client *other = new_client(f);
	int small = 4096;

	setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	put_many(f);
	send_text(client, "list\n");
	work_item_loop(f, 2000);
	/* Others are served meanwhile. */
	send_text(other, "lookup d00000.example\n");
	json_decref(next_object(f, other));
	expect_end(f, other, 0);
	end_client(other);
	receive(client);
	/* What the socket holds, not the whole list. */
	assert_true(client->len < 300 * 1024);
	assert_int_equal(take_list(f, client, 0), MANY);
	end_client(client);
}

#define ROW(test)                                                              \
	cmocka_unit_test_setup_teardown(test, control_setup, control_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ROW(test_filters),
		ROW(test_items),
		ROW(test_one_after_the_other),
		ROW(test_empty),
		ROW(test_export),
		ROW(test_import),
		ROW(test_import_endless),
		ROW(test_import_while_closing),
		ROW(test_many),
		ROW(test_waits_for_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
