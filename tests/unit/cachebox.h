/* SPDX-License-Identifier: BSD-2-Clause */
/* cachebox.h - a cache in a folder of its own, on a loop of its own. */
#ifndef TESTS_CACHEBOX_H
#define TESTS_CACHEBOX_H

#include "cache/cache.h"

struct cachebox {
	char dir[64];
	char file[80]; /* policies.mdb */
	uint64_t max_size;
	int64_t now_s; /* what the clock says */
	struct clock clock;
	uv_loop_t loop;
	struct cache *cache;
};

/* Makes folder and loop; opens nothing. */
void box_make(struct cachebox *box);

/* Opens the cache; fails the test if that fails. */
void box_open(struct cachebox *box);
int box_try(struct cachebox *box, struct fault *why);
void box_close(struct cachebox *box);

/* Closes the cache, the loop (which must be empty) and removes the folder. */
void box_free(struct cachebox *box);

/* Runs the loop for MS, or until nothing is pending (5 s at most). */
void box_run(struct cachebox *box, uint64_t ms);
void box_sync(struct cachebox *box);

/* "dNNNNNN.example", which sorts like N. */
struct domain box_domain(unsigned n);

/* An entry whose record_ttl_s is N. */
struct cache_entry box_entry(unsigned n);

int box_put(struct cachebox *box, unsigned n, unsigned mark);

/* The mark of domain N; -1: not found; -2: damaged. */
int64_t box_get(struct cachebox *box, unsigned n);

/* Files in the folder whose names begin with PREFIX. */
unsigned box_files(const struct cachebox *box, const char *prefix);

struct cache_stats box_stats(struct cachebox *box);

#endif
