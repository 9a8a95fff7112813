/* SPDX-License-Identifier: BSD-2-Clause */
/* pending.h - the changes that are not on disk yet.
 *
 * They come into `pending`; a batch of them moves to `writing`, which a worker
 * reads while it writes them, and so may the loop: what is put meanwhile hides
 * what is being written, and is lost by nobody. */
#ifndef CACHE_PENDING_H
#define CACHE_PENDING_H

#include "cache/change.h"

struct backlog {
	struct queue pending;
	struct queue writing;
	size_t bytes; /* of both */
};

/* MTS_ENOMEM: backlog_free() still is to be called. */
int backlog_init(struct backlog *backlog);

/* Of an empty one. */
void backlog_free(struct backlog *backlog);

size_t backlog_count(const struct backlog *backlog);

/* The newest change for NAME, or NULL. */
const struct change *backlog_find(const struct backlog *backlog,
                                  struct slice name);

/* The first change after AFTER that nothing newer hides and that is no removal,
 * by domain or by the key of the table "due"; NULL if there is none. */
const struct change *backlog_after(const struct backlog *backlog,
                                   enum store_table order, struct slice after);

/* Takes over CHANGE, in place of what is pending for its domain. MTS_EFULL: there
 * is too much. */
int backlog_add(struct backlog *backlog, struct change *change);

/* Moves what is pending longest to `writing`, which is empty; up to MAX. */
void backlog_take(struct backlog *backlog, size_t max);

/* What was being written is on disk, ... */
void backlog_drop(struct backlog *backlog);

/* ... or is not, and pending again, but for what was put anew. */
void backlog_give_back(struct backlog *backlog);

/* Lets go of all that is pending. */
void backlog_forget(struct backlog *backlog);

#endif
