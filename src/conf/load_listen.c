/* SPDX-License-Identifier: BSD-2-Clause */
/* load_listen.c - reads "listen:", the sockets on which MTAs are answered. */
#include "conf/load.h"
#include "conf/loader_internal.h"

/* Finds out which protocol the entry is of: there is one address in it. */
static int find_protocol(const struct loader *loader,
                         const struct conf_option *option,
                         struct conf_listen *entry)
{
	static const struct {
		const char *path;
		enum conf_protocol protocol;
	} rows[] = {
		{ "listen.socketmap", CONF_SOCKETMAP },
		{ "listen.tcp_table", CONF_TCP_TABLE },
		{ "listen.exim", CONF_EXIM },
	};
	const char *found = NULL;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t row = schema_index(schema_find(rows[i].path));

		if (loader->lines[row] == 0)
			continue;
		if (found)
			return fault_set(loader->why, MTS_ESYNTAX,
			                 "%s:%u: %s: the entry has an address "
			                 "already, by %s; begin another one "
			                 "with a hyphen",
			                 loader->name, loader->lines[row],
			                 rows[i].path, found);
		found = rows[i].path;
		entry->protocol = rows[i].protocol;
	}
	if (found)
		return MTS_OK;
	return fault_set(loader->why, MTS_ESYNTAX,
	                 "%s:%u: %s: the entry has no address; write "
	                 "socketmap:, tcp_table: or exim: and unix:/path or "
	                 "inet:host:port",
	                 loader->name, entry->line, option->path);
}

/* Refuses what has no meaning for this entry's address and protocol. */
static int check_entry(const struct loader *loader,
                       const struct conf_option *option,
                       struct conf_listen *entry)
{
	const struct conf_option *map = schema_find("listen.map");
	const struct conf_option *row;
	int status = find_protocol(loader, option, entry);

	if (status != MTS_OK)
		return status;
	for (size_t i = 0; (row = schema_at(i)); i++) {
		if (loader->lines[i] == 0 || row->type == CONF_ADDRESS ||
		    !schema_is_child(row, option))
			continue;
		if (row == map && entry->protocol != CONF_TCP_TABLE)
			return fault_set(loader->why, MTS_ESYNTAX,
			                 "%s:%u: %s: is for tcp_table only; "
			                 "leave it out",
			                 loader->name, loader->lines[i],
			                 row->path);
		if (row != map && strncmp(entry->address, "inet:", 5) == 0)
			return fault_set(loader->why, MTS_ESYNTAX,
			                 "%s:%u: %s: is for unix sockets only; "
			                 "leave it out for %.80s",
			                 loader->name, loader->lines[i],
			                 row->path, entry->address);
	}
	return MTS_OK;
}

/* Adds an entry with its defaults and reads it. */
static int read_entry(struct loader *loader, const struct conf_option *option)
{
	struct conf_listen *entry = conf_add_listen(loader->conf);
	unsigned line = loader_line(loader);
	int status;

	if (!entry)
		return loader_no_memory(loader);
	entry->line = line;
	loader_forget_lines(loader, option);
	status = loader_read_mapping(loader, option, entry);
	if (status != MTS_OK)
		return status;
	return check_entry(loader, option, entry);
}

int load_listeners(struct loader *loader, const struct conf_option *option)
{
	int status;

	if (loader->event.type != YAML_SEQUENCE_START_EVENT)
		return loader_refuse(
		    loader, option->path,
		    "is a list; write each entry below it, as in - "
		    "socketmap: inet:127.0.0.1:8461");
	conf_clear_listen(loader->conf); /* the default */
	while ((status = loader_next(loader)) == MTS_OK &&
	       loader->event.type != YAML_SEQUENCE_END_EVENT) {
		if (loader->event.type != YAML_MAPPING_START_EVENT)
			return loader_refuse(
			    loader, option->path,
			    "an entry is a protocol and an address, "
			    "as in - socketmap: "
			    "inet:127.0.0.1:8461");
		if (loader->conf->listen_count == option->max)
			return loader_refuse_number(loader, option, "entries");
		status = read_entry(loader, option);
		if (status != MTS_OK)
			return status;
	}
	if (status == MTS_OK && loader->conf->listen_count < option->min)
		return loader_refuse(
		    loader, option->path,
		    "is empty, so that nobody could ask; leave it "
		    "out for the default");
	return status;
}
