/* SPDX-License-Identifier: BSD-2-Clause */
/* control_world.h - a control service for tests, with a real cache and look-up
 * service behind it, a clock that stands still, and discoveries that end as the
 * test says; and clients of its socket. */
#ifndef TESTS_CONTROL_WORLD_H
#define TESTS_CONTROL_WORLD_H

#include "tests.h"

#include "cache/absent.h"
#include "cache/cache.h"
#include "control/control.h"
#include "fake_dane.h"
#include "fake_discovery.h"
#include "fake_mx.h"

#include <jansson.h>

/* What the clock says: 2023-11-14T22:13:20Z. */
#define NOW_S ((int64_t)1700000000)

struct fixture {
	uv_loop_t loop;
	char directory[64];
	char address[96];
	struct cache *cache;
	struct absent *absent;
	struct lookups *lookups;
	struct dane_table *dane_table;
	struct dane_checks *dane_checks;
	struct mx_sets *mx_sets;
	struct overrides *overrides; /* empty; the test may add to it */
	struct ask *ask;
	struct refresher *refresher;
	struct top *top;
	struct metrics_sources sources;
	struct control *control;
	struct control_reload reload; /* what is to come of one */
	unsigned reloads;
	char reloaded_by[128];
};

struct client {
	int fd;
	size_t start, len; /* of what came and is not taken yet */
	bool closed;       /* by the other side */
	char in[1024 * 1024];
};

/* Whether name servers are silent, and how often they were tested. */
struct faked_resolver {
	bool silent;
	unsigned tests;
};
extern struct faked_resolver faked_resolver;

/* Ends the discovery under way, with id "b2", reason "because" and two steps. */
void finish(enum discover_outcome outcome);

/* teardown() checks that the loop is left with nothing. */
int control_setup(void **state);
int control_teardown(void **state);

/* Puts a policy (enforce, id "a1", a day, two patterns) into the cache. */
void put_policy(struct fixture *f, const char *name, int64_t fetched_s);

/* Waits until it is on disk: before, a hit would. */
void save_policy(struct fixture *f, const char *name);

/* Has a failed fetch known for 5.5 s more, and barred for 300 s. */
void put_absent(struct fixture *f, const char *name);

/* Connects to the control socket; -1 if that can't be done. */
int connect_to(struct fixture *f);

struct client *new_client(struct fixture *f);
void end_client(struct client *client);
void send_text(struct client *client, const char *text);

/* Takes what has come, without waiting. */
void receive(struct client *client);

void work_item_loop(struct fixture *f, int times);

/* The next object; NULL if the connection was closed instead. The caller's:
 * json_decref(). */
json_t *next_object(struct fixture *f, struct client *client);

const char *text_of(const json_t *object, const char *key);
long long int_of(const json_t *object, const char *key);
bool is_true(const json_t *object, const char *key);

/* Takes the end, which must be next, with this status. */
void expect_end(struct fixture *f, struct client *client, int status);

/* Asks one thing and returns the one item of the answer. */
json_t *ask_one(struct fixture *f, const char *request, int status);

/* Turns the loop until a discovery is under way. */
void await_discovery(struct fixture *f);

/* How many wait for a discovery. */
uint64_t waiting(struct fixture *f);

#endif
