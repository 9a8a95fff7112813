/* SPDX-License-Identifier: BSD-2-Clause */
/* load_maps.c - reads "maps:", the operator's own maps. */
#include "conf/load.h"
#include "conf/loader_internal.h"

static int check_name(const struct loader *loader, const struct conf_map *entry)
{
	const struct conf *conf = loader->conf;

	if (!entry->name)
		return fault_set(loader->why, MTS_ESYNTAX,
		                 "%s:%u: maps: the entry has no name; write "
		                 "name: and what MTAs ask it by",
		                 loader->name, entry->line);
	for (size_t i = 0; i + 1 < conf->map_count; i++)
		if (strcmp(conf->maps[i].name, entry->name) == 0)
			return fault_set(loader->why, MTS_ESYNTAX,
			                 "%s:%u: maps.name: '%.80s' is there "
			                 "already, in line %u",
			                 loader->name, entry->line, entry->name,
			                 conf->maps[i].line);
	return MTS_OK;
}

/* Adds an entry with its defaults and reads it. */
static int read_entry(struct loader *loader, const struct conf_option *option)
{
	struct conf_map *entry;
	int status;

	if (loader->event.type != YAML_MAPPING_START_EVENT)
		return loader_refuse(loader, option->path,
		                     "an entry has options of its own, as in - "
		                     "name: strict");
	if (loader->conf->map_count == option->max)
		return loader_refuse_number(loader, option, "entries");
	entry = conf_add_map(loader->conf);
	if (!entry)
		return loader_no_memory(loader);
	entry->line = loader_line(loader);
	loader_forget_lines(loader, option);
	status = loader_read_mapping(loader, option, entry);
	return status == MTS_OK ? check_name(loader, entry) : status;
}

int load_maps(struct loader *loader, const struct conf_option *option)
{
	int status;

	if (loader_is_null(loader)) /* all of its lines may be comments */
		return MTS_OK;
	if (loader->event.type != YAML_SEQUENCE_START_EVENT)
		return loader_refuse(loader, option->path,
		                     "is a list; write each entry below it, as "
		                     "in - name: strict");
	while ((status = loader_next(loader)) == MTS_OK &&
	       loader->event.type != YAML_SEQUENCE_END_EVENT) {
		status = read_entry(loader, option);
		if (status != MTS_OK)
			return status;
	}
	return status;
}
