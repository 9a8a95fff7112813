/* SPDX-License-Identifier: BSD-2-Clause */
/* maps.h - the maps that MTAs can ask, by name: the built-in ones, and those of the
 * configuration. */
#ifndef SERVE_MAPS_H
#define SERVE_MAPS_H

#include "base/slice.h"
#include "wire/answer.h"

struct map_entry {
	const char *name;         /* borrowed */
	enum socketmap_map kind;  /* the format of its answers */
	struct answer_manner how; /* options of its answers */
};

struct maps;

/* The built-in maps, which answer as HOW says, and the COUNT maps of the configuration
 * in ENTRIES, whose names are borrowed and outlive the maps. An entry replaces the
 * built-in map of the same name. NULL: out of memory. The caller's: maps_free(). */
struct maps *maps_new(const struct answer_manner *how,
                      const struct map_entry *entries, size_t count);

/* Takes NULL, leaves NULL. */
void maps_free(struct maps **maps);

/* Names are case-sensitive. NULL: there is no such map. The result lives as long as
 * MAPS. */
const struct map_entry *maps_find(const struct maps *maps, struct slice name);

/* Writes "known are postfix, sts, ..." to TEXT, cut off at SIZE. */
void maps_names(const struct maps *maps, char *text, size_t size);

#endif
