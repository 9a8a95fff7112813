/* SPDX-License-Identifier: BSD-2-Clause */
/* cachebox.c - a cache in a folder of its own, on a loop of its own. */
#include "cachebox.h"
#include "tests.h"

#include <dirent.h>
#include <unistd.h>

#define MX "mx1.example\0*.example.net\0"

static int64_t wall_s(void *arg)
{
	return ((struct cachebox *)arg)->now_s;
}

static uint64_t mono_ms(void *arg)
{
	return (uint64_t)((struct cachebox *)arg)->now_s * 1000;
}

void box_make(struct cachebox *box)
{
	memset(box, 0, sizeof(*box));
	snprintf(box->dir, sizeof(box->dir), "/tmp/mtasts-cache-XXXXXX");
	assert_non_null(mkdtemp(box->dir));
	snprintf(box->file, sizeof(box->file), "%s/policies.mdb", box->dir);
	box->max_size = 64 << 20;
	box->now_s = 1600000000;
	box->clock = (struct clock){ wall_s, mono_ms, box };
	assert_int_equal(uv_loop_init(&box->loop), 0);
}

int box_try(struct cachebox *box, struct fault *why)
{
	struct cache_options options = {
		.loop = &box->loop,
		.directory = box->dir,
		.max_size = box->max_size,
		.clock = &box->clock,
	};

	return cache_open(&options, &box->cache, why);
}

void box_open(struct cachebox *box)
{
	struct fault why = { 0 };

	if (box_try(box, &why) != MTS_OK)
		fail_msg("cache_open: %s", why.text);
}

void box_close(struct cachebox *box)
{
	cache_close(&box->cache);
	uv_run(&box->loop, UV_RUN_DEFAULT);
}

static void remove_files(const char *dir)
{
	DIR *open = opendir(dir);
	struct dirent *file;
	char path[400];

	while (open && (file = readdir(open))) {
		snprintf(path, sizeof(path), "%s/%s", dir, file->d_name);
		if (unlink(path) != 0)
			rmdir(path);
	}
	if (open)
		closedir(open);
	rmdir(dir);
}

void box_free(struct cachebox *box)
{
	box_close(box);
	assert_int_equal(uv_loop_close(&box->loop), 0);
	remove_files(box->dir);
}

/* uv_stop() in a timer's callback lets the iteration finish, which closes the
 * timer that is on the stack. */
static void on_timer(uv_timer_t *timer)
{
	uv_close((uv_handle_t *)timer, NULL);
	uv_stop(timer->loop);
}

void box_run(struct cachebox *box, uint64_t ms)
{
	uv_timer_t timer;

	uv_timer_init(&box->loop, &timer);
	uv_update_time(&box->loop);
	uv_timer_start(&timer, on_timer, ms, 0);
	uv_run(&box->loop, UV_RUN_DEFAULT);
}

void box_sync(struct cachebox *box)
{
	for (int i = 0; i < 1000 && box_stats(box).pending; i++)
		box_run(box, 5);
	assert_int_equal(box_stats(box).pending, 0);
}

struct domain box_domain(unsigned n)
{
	struct domain domain;

	domain.len = (size_t)snprintf(domain.name, sizeof(domain.name),
	                              "d%06u.example", n);
	return domain;
}

struct cache_entry box_entry(unsigned n)
{
	struct cache_entry entry = {
		.policy = { .mode = POLICY_ENFORCE,
		            .max_age_s = 86400,
		            .mx_count = 2,
		            .mx = slice_of(MX, sizeof(MX) - 1) },
		.id = "20160831085700Z",
		.text_hash = 0x0123456789abcdef,
		.fetched_s = 1600000000,
		.checked_s = 1600000000,
		.used_s = 1600000000,
		.record_ttl_s = n,
	};

	return entry;
}

int box_put(struct cachebox *box, unsigned n, unsigned mark)
{
	struct domain domain = box_domain(n);
	struct cache_entry entry = box_entry(mark);

	return cache_put(box->cache, &domain, &entry);
}

int64_t box_get(struct cachebox *box, unsigned n)
{
	struct domain domain = box_domain(n);
	struct cache_entry entry;
	int rc = cache_get(box->cache, &domain, &entry);

	if (rc == MTS_OK)
		return entry.record_ttl_s;
	return rc == MTS_ENOTFOUND ? -1 : -2;
}

unsigned box_files(const struct cachebox *box, const char *prefix)
{
	DIR *open = opendir(box->dir);
	struct dirent *file;
	unsigned count = 0;

	assert_non_null(open);
	while ((file = readdir(open)))
		count += strncmp(file->d_name, prefix, strlen(prefix)) == 0;
	closedir(open);
	return count;
}

struct cache_stats box_stats(struct cachebox *box)
{
	struct cache_stats stats;

	cache_get_stats(box->cache, &stats);
	return stats;
}
