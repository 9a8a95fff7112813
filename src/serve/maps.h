/* SPDX-License-Identifier: BSD-2-Clause */
/* maps.h - the maps that MTAs ask, by name: ours, and the operator's. */
#ifndef SERVE_MAPS_H
#define SERVE_MAPS_H

#include "base/slice.h"
#include "wire/answer.h"

struct map_entry {
	const char *name;         /* borrowed */
	enum socketmap_map kind;  /* what its answers look like */
	struct answer_manner how; /* and what they do beyond that */
};

/* All maps there are. */
struct maps;

/* Our own maps, which answer in the manner HOW, and COUNT ones of the operator:
 * ENTRIES, whose names are borrowed and outlive the maps. One that is called as
 * one of ours takes its place. NULL: no memory. The caller's: maps_free(). */
struct maps *maps_new(const struct answer_manner *how,
                      const struct map_entry *entries, size_t count);

/* Takes NULL, leaves NULL. */
void maps_free(struct maps **maps);

/* Names count to the letter. NULL: there is no such map. Lives as long as
 * MAPS. */
const struct map_entry *maps_find(const struct maps *maps, struct slice name);

/* Writes "known are postfix, sts, ..." to TEXT, cut off at SIZE. */
void maps_names(const struct maps *maps, char *text, size_t size);

#endif
