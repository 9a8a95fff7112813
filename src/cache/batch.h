/* SPDX-License-Identifier: BSD-2-Clause */
/* batch.h - writes changes to disk: what the worker does. */
#ifndef CACHE_BATCH_H
#define CACHE_BATCH_H

#include "cache/change.h"
#include "cache/store.h"

#include <stdbool.h>
#include <stdint.h>

struct batch_result {
	int rc; /* LMDB's; if it is not 0, some may be on disk all the same */
	struct evicted evicted; /* to make room */
	uint64_t too_large;     /* changes that found no room in any way */
	bool more;              /* the file is still beyond its limit */
};

/* Writes the changes of QUEUE, which stay in it: in one transaction, in several
 * if the file is nearly full. NOW_S tells what has expired. An empty QUEUE only
 * brings the file back to its limit. In whichever thread. */
void batch_write(struct store *store, const struct queue *queue, int64_t now_s,
                 struct batch_result *ret);

#endif
