/* SPDX-License-Identifier: BSD-2-Clause */
/* maps.c - the maps that MTAs can ask, by name. */
#include "serve/maps.h"

#include <stdio.h>
#include <stdlib.h>

struct maps {
	size_t count;
	struct map_entry entries[]; /* those of the configuration first */
};

struct maps *maps_new(const struct answer_manner *how,
                      const struct map_entry *entries, size_t count)
{
	size_t total = count;
	struct maps *maps;
	const char *name;

	while (socketmap_map_name(total - count))
		total++;
	maps = calloc(1, sizeof(*maps) + total * sizeof(*entries));
	if (!maps)
		return NULL;
	for (size_t i = 0; i < count; i++)
		maps->entries[maps->count++] = entries[i];
	for (size_t i = 0; (name = socketmap_map_name(i)); i++)
		maps->entries[maps->count++] = (struct map_entry){
			.name = name,
			.kind = socketmap_find_map(slice_str(name)),
			.how = *how,
		};
	return maps;
}

void maps_free(struct maps **maps)
{
	free(*maps);
	*maps = NULL;
}

const struct map_entry *maps_find(const struct maps *maps, struct slice name)
{
	for (size_t i = 0; i < maps->count; i++)
		if (slice_is(name, maps->entries[i].name))
			return &maps->entries[i];
	return NULL;
}

void maps_names(const struct maps *maps, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < maps->count && used < size; i++) {
		int n =
		    snprintf(text + used, size - used, "%s%s",
		             i ? ", " : "known are ", maps->entries[i].name);

		if (n < 0)
			return;
		used += (size_t)n;
	}
}
