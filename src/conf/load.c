/* SPDX-License-Identifier: BSD-2-Clause */
/* load.c - reads the configuration file: YAML into a struct conf.
 *
 * libyaml's events are read one by one, and only what an option asks for is
 * accepted. So no tree is built, and a file can't nest deeper than the options
 * do. YAML features that a configuration does not need are rejected: anchors
 * and aliases (a few lines of them can expand to gigabytes), tags, merge keys,
 * further documents. */
#include "conf/load.h"

#include "base/buffer.h"
#include "base/slice.h"
#include "conf/conf_check.h"
#include "conf/schema.h"
#include "conf/value.h"
#include "sts/mx.h"

#include <stdio.h>
#include <yaml.h>

struct loader {
	yaml_parser_t parser;
	yaml_event_t event; /* the current one; all zero before the first */
	struct slice text;
	const char *name; /* of the file, for messages */
	struct conf *conf;
	struct fault *why;
	/* The line of each option, by schema_index(); 0: not seen yet. Each entry
	 * of a list clears those of its own options. */
	unsigned lines[CONF_OPTIONS_MAX];
};

/* -- events ---------------------------------------------------------------- */

static unsigned loader_line(const struct loader *loader)
{
	return (unsigned)loader->event.start_mark.line + 1;
}

/* A fault at the current event, of OPTION (NULL: none in particular). */
static int loader_refuse(const struct loader *loader, const char *option,
                         const char *text)
{
	return fault_set(loader->why, MTS_ESYNTAX, "%s:%u: %s%s%s",
	                 loader->name, loader_line(loader),
	                 option ? option : "", option ? ": " : "", text);
}

/* libyaml does not count lines in text that it can't decode. */
static unsigned line_at(struct slice text, size_t offset)
{
	unsigned line = 1;

	for (size_t i = 0; i < text.len && i < offset; i++)
		line += text.data[i] == '\n';
	return line;
}

static bool is_tab(const struct loader *loader)
{
	size_t at = loader->parser.problem_mark.index;

	/* The index counts characters, not bytes. So after non-ASCII characters a
	 * tab may be missed; then only the hint is missing. */
	return at < loader->text.len && loader->text.data[at] == '\t';
}

static int refuse_yaml(const struct loader *loader)
{
	const yaml_parser_t *parser = &loader->parser;
	const char *problem = parser->problem ? parser->problem : "bad syntax";

	if (parser->error == YAML_MEMORY_ERROR)
		return fault_set(loader->why, MTS_ENOMEM, "%s: out of memory",
		                 loader->name);
	if (parser->error == YAML_READER_ERROR)
		return fault_set(loader->why, MTS_ESYNTAX,
		                 "%s:%u: not plain UTF-8: %s", loader->name,
		                 line_at(loader->text, parser->problem_offset),
		                 problem);
	return fault_set(loader->why, MTS_ESYNTAX, "%s:%zu: not YAML: %s%s",
	                 loader->name, parser->problem_mark.line + 1, problem,
	                 is_tab(loader) ? "; indent with spaces, not tabs"
	                                : "");
}

static int refuse_extras(const struct loader *loader)
{
	const yaml_event_t *event = &loader->event;
	const yaml_char_t *anchor = NULL;
	const yaml_char_t *tag = NULL;

	if (event->type == YAML_ALIAS_EVENT)
		anchor = event->data.alias.anchor;
	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
	}
	if (event->type == YAML_MAPPING_START_EVENT) {
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
	}
	if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
	}
	if (anchor)
		return loader_refuse(
		    loader, NULL,
		    "YAML anchors and aliases are not accepted; write "
		    "the value out");
	if (tag)
		return loader_refuse(
		    loader, NULL,
		    "YAML tags are not accepted; write the plain value");
	return MTS_OK;
}

/* Moves on to the next event. */
static int loader_next(struct loader *loader)
{
	yaml_event_delete(&loader->event);
	if (!yaml_parser_parse(&loader->parser, &loader->event))
		return refuse_yaml(loader);
	return refuse_extras(loader);
}

static bool loader_is_scalar(const struct loader *loader)
{
	return loader->event.type == YAML_SCALAR_EVENT;
}

static struct slice loader_scalar(const struct loader *loader)
{
	return slice_of((const char *)loader->event.data.scalar.value,
	                loader->event.data.scalar.length);
}

/* No value after the colon, or YAML's "~" or "null". */
static bool loader_is_null(const struct loader *loader)
{
	return loader_is_scalar(loader) &&
	       loader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (loader_scalar(loader).len == 0 ||
	        slice_is(loader_scalar(loader), "~") ||
	        slice_is(loader_scalar(loader), "null"));
}

/* -- values ---------------------------------------------------------------- */

/* VALUE's text, with file, line and option in front. */
static int refuse_value(const struct loader *loader,
                        const struct conf_option *option,
                        const struct fault *value)
{
	return fault_set(loader->why, value->status, "%s:%u: %s: %s",
	                 loader->name, loader_line(loader), option->path,
	                 value->text);
}

static int read_value(struct loader *loader, const struct conf_option *option,
                      void *base)
{
	struct fault value;

	if (!loader_is_scalar(loader))
		return loader_refuse(
		    loader, option->path,
		    "has a list or options below it; write one "
		    "value after the colon");
	if (loader_is_null(loader))
		return loader_refuse(loader, option->path,
		                     "has no value; leave the line out for the "
		                     "default");
	if (value_set(option, base, loader_scalar(loader), &value) != MTS_OK)
		return refuse_value(loader, option, &value);
	return MTS_OK;
}

static int loader_no_memory(const struct loader *loader)
{
	return fault_set(loader->why, MTS_ENOMEM, "%s: out of memory",
	                 loader->name);
}

static int loader_refuse_number(const struct loader *loader,
                                const struct conf_option *option,
                                const char *what)
{
	return fault_set(loader->why, MTS_ESYNTAX,
	                 "%s:%u: %s: has too many %s; %llu at most are "
	                 "possible",
	                 loader->name, loader_line(loader), option->path, what,
	                 (unsigned long long)option->max);
}

/* A list of single values. */
static int read_list(struct loader *loader, const struct conf_option *option,
                     char ***items, size_t *count)
{
	bool servers = option->type == CONF_SERVERS;
	struct fault value;
	int status;

	if (loader->event.type != YAML_SEQUENCE_START_EVENT)
		return loader_refuse(
		    loader, option->path,
		    servers ? "is a list; write [192.0.2.1, 192.0.2.2], or [] "
			      "for none"
			    : "is a list; write [anna, otto], or [] for none");
	while ((status = loader_next(loader)) == MTS_OK &&
	       loader->event.type != YAML_SEQUENCE_END_EVENT) {
		if (!loader_is_scalar(loader))
			return loader_refuse(
			    loader, option->path,
			    servers ? "each item must be one address"
				    : "each item must be one name");
		if (*count == option->max)
			return loader_refuse_number(loader, option, "items");
		if (value_add_item(option->type, items, count,
		                   loader_scalar(loader), &value) != MTS_OK)
			return refuse_value(loader, option, &value);
	}
	return status;
}

static void loader_forget_lines(struct loader *loader,
                                const struct conf_option *parent)
{
	const struct conf_option *row;

	for (size_t i = 0; (row = schema_at(i)); i++)
		if (schema_is_child(row, parent))
			loader->lines[i] = 0;
}

static int loader_read_mapping(struct loader *loader,
                               const struct conf_option *parent, void *base);

/* -- listen ---------------------------------------------------------------- */

/* Sets the protocol of the entry, which must have exactly one address. */
static int find_listen_protocol(const struct loader *loader,
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

/* Rejects options that have no meaning for the entry's address and protocol. */
static int check_listen_entry(const struct loader *loader,
                              const struct conf_option *option,
                              struct conf_listen *entry)
{
	const struct conf_option *map = schema_find("listen.map");
	const struct conf_option *row;
	int status = find_listen_protocol(loader, option, entry);

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
static int read_listen_entry(struct loader *loader,
                             const struct conf_option *option)
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
	return check_listen_entry(loader, option, entry);
}

static int read_listeners(struct loader *loader,
                          const struct conf_option *option)
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
		status = read_listen_entry(loader, option);
		if (status != MTS_OK)
			return status;
	}
	if (status == MTS_OK && loader->conf->listen_count < option->min)
		return loader_refuse(
		    loader, option->path,
		    "is empty, so that no MTA could ask; leave it "
		    "out for the default");
	return status;
}

/* -- maps ------------------------------------------------------------------ */

static int check_map_name(const struct loader *loader,
                          const struct conf_map *entry)
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
			                 "%s:%u: maps.name: '%.80s' is already "
			                 "used, in line %u",
			                 loader->name, entry->line, entry->name,
			                 conf->maps[i].line);
	return MTS_OK;
}

/* Adds an entry with its defaults and reads it. */
static int read_map_entry(struct loader *loader,
                          const struct conf_option *option)
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
	return status == MTS_OK ? check_map_name(loader, entry) : status;
}

static int read_maps(struct loader *loader, const struct conf_option *option)
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
		status = read_map_entry(loader, option);
		if (status != MTS_OK)
			return status;
	}
	return status;
}

/* -- domains --------------------------------------------------------------- */

enum {
	QUOTE_MAX = 60, /* of a bad text in a message */
	ENTRY_NAME_SIZE = sizeof("domains.") + QUOTE_MAX + sizeof(".mode"),
};

/* One domain's entry, while it is read. */
struct domain_entry {
	struct domain domain;
	unsigned line;
	char option[ENTRY_NAME_SIZE]; /* "domains.example.org", for messages */
	bool has_mode, has_mx;
	enum policy_mode mode;
	struct buffer mx; /* patterns, each with a NUL */
};

static int quoted_len(struct slice text)
{
	return text.len > QUOTE_MAX ? QUOTE_MAX : (int)text.len;
}

static int refuse_in_entry(const struct loader *loader,
                           const struct domain_entry *entry, const char *below,
                           struct slice text, const char *what)
{
	return fault_set(loader->why, MTS_ESYNTAX, "%s:%u: %s%s: '%.*s' %s",
	                 loader->name, loader_line(loader), entry->option,
	                 below, quoted_len(text), text.data, what);
}

/* -- domains: a policy ----------------------------------------------------- */

static int read_domain_mode(struct loader *loader, struct domain_entry *entry)
{
	static const enum policy_mode modes[] = { POLICY_ENFORCE,
		                                  POLICY_TESTING, POLICY_NONE };
	struct slice text = slice_of("", 0);

	if (loader_is_scalar(loader))
		text = loader_scalar(loader);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (!slice_is(text, policy_mode_text(modes[i])))
			continue;
		entry->mode = modes[i];
		return MTS_OK;
	}
	return refuse_in_entry(loader, entry, ".mode", text,
	                       "is not known; write enforce, testing or none");
}

static int read_domain_pattern(struct loader *loader,
                               struct domain_entry *entry)
{
	struct slice text = slice_of("", 0);

	if (loader_is_scalar(loader))
		text = loader_scalar(loader);
	if (!mx_pattern_is_valid(text))
		return refuse_in_entry(
		    loader, entry, ".mx", text,
		    "is not an MX pattern; write a host name, or "
		    "\"*.\" and a domain for any one label");
	buffer_put_slice(&entry->mx, text);
	if (buffer_put(&entry->mx, "", 1) == MTS_ERANGE)
		return refuse_in_entry(
		    loader, entry, ".mx", text,
		    "is one pattern too many; 64 KiB of them "
		    "are taken");
	return buffer_status(&entry->mx) == MTS_OK ? MTS_OK
	                                           : loader_no_memory(loader);
}

static int read_domain_patterns(struct loader *loader,
                                struct domain_entry *entry)
{
	int status;

	if (loader->event.type != YAML_SEQUENCE_START_EVENT)
		return refuse_in_entry(loader, entry, ".mx",
		                       loader_is_scalar(loader)
		                           ? loader_scalar(loader)
		                           : slice_of("", 0),
		                       "is not a list; write [mx1.example.org, "
		                       "\"*.example.net\"]");
	while ((status = loader_next(loader)) == MTS_OK &&
	       loader->event.type != YAML_SEQUENCE_END_EVENT) {
		status = read_domain_pattern(loader, entry);
		if (status != MTS_OK)
			return status;
	}
	return status;
}

/* Reads a member of a policy: its name is the current event. */
static int read_policy_member(struct loader *loader, struct domain_entry *entry)
{
	struct slice name = slice_of("", 0);
	bool mode, mx;
	int status;

	if (loader_is_scalar(loader))
		name = loader_scalar(loader);
	mode = slice_is(name, "mode");
	mx = slice_is(name, "mx");
	if (!mode && !mx)
		return refuse_in_entry(
		    loader, entry, "", name,
		    "is not known here; a policy has mode and "
		    "mx");
	if ((mode && entry->has_mode) || (mx && entry->has_mx))
		return refuse_in_entry(loader, entry, "", name,
		                       "is given twice; leave one");
	entry->has_mode |= mode;
	entry->has_mx |= mx;
	status = loader_next(loader);
	if (status != MTS_OK)
		return status;
	return mode ? read_domain_mode(loader, entry)
	            : read_domain_patterns(loader, entry);
}

static int read_domain_policy(struct loader *loader, struct domain_entry *entry)
{
	int status;

	while ((status = loader_next(loader)) == MTS_OK &&
	       loader->event.type != YAML_MAPPING_END_EVENT) {
		status = read_policy_member(loader, entry);
		if (status != MTS_OK)
			return status;
	}
	if (status != MTS_OK)
		return status;
	if (!entry->has_mode)
		return loader_refuse(loader, entry->option,
		                     "the policy has no mode; write mode: "
		                     "enforce, testing or none");
	if (entry->mx.len == 0 && entry->mode != POLICY_NONE)
		return loader_refuse(loader, entry->option,
		                     "the policy names no host, so that no "
		                     "mail could go anywhere; write mx: and "
		                     "a list of patterns");
	return MTS_OK;
}

/* -- domains: an entry ----------------------------------------------------- */

static int refuse_second_entry(const struct loader *loader,
                               const struct domain_entry *entry)
{
	const struct override *first =
	    overrides_find(loader->conf->domains, &entry->domain);

	return fault_set(loader->why, MTS_ESYNTAX,
	                 "%s:%u: %s: is given twice, first in line %u; leave "
	                 "one",
	                 loader->name, entry->line, entry->option,
	                 first ? first->line : 0);
}

/* Reads the name of the domain, which is the current event. */
static int take_domain_name(struct loader *loader, struct domain_entry *entry)
{
	struct slice name = slice_of("", 0);
	struct fault why = { 0 };
	int status;

	if (loader_is_scalar(loader))
		name = loader_scalar(loader);
	entry->line = loader_line(loader);
	snprintf(entry->option, sizeof(entry->option), "domains.%.*s",
	         quoted_len(name), name.data);
	if (name.len && memchr(name.data, ':', name.len))
		return loader_refuse(loader, entry->option,
		                     "write the domain without a port; an "
		                     "entry applies to every port");
	if (name.len && name.data[0] == '[')
		return loader_refuse(loader, entry->option,
		                     "write the domain without brackets; an "
		                     "entry applies with brackets, too");
	status = domain_from_key(name.data, name.len, &entry->domain, &why);
	if (status == MTS_ENOMEM)
		return loader_no_memory(loader);
	if (status != MTS_OK)
		return loader_refuse(loader, entry->option, why.text);
	if (overrides_find(loader->conf->domains, &entry->domain))
		return refuse_second_entry(loader, entry);
	return MTS_OK;
}

static int read_domain_value(struct loader *loader, struct domain_entry *entry)
{
	struct overrides *overrides = loader->conf->domains;
	int status;

	if (loader_is_scalar(loader) &&
	    slice_is(loader_scalar(loader), "bypass")) {
		status = overrides_add_bypass(overrides, &entry->domain,
		                              entry->line);
	} else if (loader->event.type == YAML_MAPPING_START_EVENT) {
		status = read_domain_policy(loader, entry);
		if (status != MTS_OK)
			return status;
		status =
		    overrides_add_policy(overrides, &entry->domain, entry->line,
		                         entry->mode, buffer_slice(&entry->mx));
	} else {
		return loader_refuse(loader, entry->option,
		                     "neither bypass nor a policy; write one "
		                     "of them, a policy as { mode: enforce, "
		                     "mx: [mx1.example.org] }");
	}
	return status == MTS_OK ? MTS_OK : loader_no_memory(loader);
}

static int read_domain_entry(struct loader *loader)
{
	struct domain_entry entry = { .line = 0 };
	int status;

	buffer_init(&entry.mx, POLICY_MAX);
	status = take_domain_name(loader, &entry);
	if (status == MTS_OK)
		status = loader_next(loader);
	if (status == MTS_OK)
		status = read_domain_value(loader, &entry);
	buffer_free(&entry.mx);
	return status;
}

static int read_domain_entries(struct loader *loader)
{
	int status;

	/* All of its lines may be comments. */
	if (loader_is_null(loader))
		return MTS_OK;
	if (loader->event.type != YAML_MAPPING_START_EVENT)
		return loader_refuse(loader, "domains",
		                     "is a mapping; write each domain below "
		                     "it, as in example.org: bypass");
	while ((status = loader_next(loader)) == MTS_OK &&
	       loader->event.type != YAML_MAPPING_END_EVENT) {
		status = read_domain_entry(loader);
		if (status != MTS_OK)
			return status;
	}
	return status;
}

/* -- options --------------------------------------------------------------- */

static int read_section(struct loader *loader, const struct conf_option *option)
{
	/* All of its lines may be comments. */
	if (loader_is_null(loader))
		return MTS_OK;
	if (loader->event.type != YAML_MAPPING_START_EVENT)
		return loader_refuse(
		    loader, option->path,
		    "has options of its own; write them below it, "
		    "indented");
	return loader_read_mapping(loader, option, loader->conf);
}

static int read_option(struct loader *loader, const struct conf_option *option,
                       void *base)
{
	if (option->type == CONF_SECTION)
		return read_section(loader, option);
	if (option->type == CONF_LISTENERS)
		return read_listeners(loader, option);
	if (option->type == CONF_SERVERS)
		return read_list(loader, option, &loader->conf->dns.servers,
		                 &loader->conf->dns.server_count);
	if (option->type == CONF_NAMES)
		return read_list(loader, option, &loader->conf->control_users,
		                 &loader->conf->control_user_count);
	if (option->type == CONF_MAPS)
		return read_maps(loader, option);
	if (option->type == CONF_DOMAINS)
		return read_domain_entries(loader);
	return read_value(loader, option, base);
}

/* -- names ----------------------------------------------------------------- */

static int refuse_dotted(const struct loader *loader,
                         const struct conf_option *meant)
{
	const char *dot = strchr(meant->path, '.');

	return fault_set(loader->why, MTS_ESYNTAX,
	                 "%s:%u: %s: write two lines, %.*s: and, indented "
	                 "below it, %s:",
	                 loader->name, loader_line(loader), meant->path,
	                 (int)(dot - meant->path), meant->path, dot + 1);
}

/* The names of the options within PARENT, for a message. */
static void list_option_names(const struct conf_option *parent, char *names,
                              size_t size)
{
	const struct conf_option *option;
	size_t skip = parent ? strlen(parent->path) + 1 : 0;
	size_t used = 0;

	names[0] = '\0';
	for (size_t i = 0; (option = schema_at(i)); i++) {
		int n;

		if (!schema_is_child(option, parent))
			continue;
		n = snprintf(names + used, size - used, "%s%s",
		             used ? ", " : "", option->path + skip);
		if (n < 0 || (size_t)n >= size - used)
			return;
		used += (size_t)n;
	}
}

static int refuse_unknown(const struct loader *loader,
                          const struct conf_option *parent, struct slice name)
{
	const struct conf_option *guess = schema_guess(parent, name);
	char names[300];

	if (slice_is(name, "<<"))
		return loader_refuse(
		    loader, parent ? parent->path : NULL,
		    "YAML merge keys are not accepted; write the "
		    "options out");
	if (guess && strchr(guess->path, '.') && slice_is(name, guess->path))
		return refuse_dotted(loader, guess);
	list_option_names(parent, names, sizeof(names));
	return fault_set(
	    loader->why, MTS_ESYNTAX,
	    "%s:%u: %s%s%.*s: unknown option; %s %s%s", loader->name,
	    loader_line(loader), parent ? parent->path : "", parent ? "." : "",
	    name.len > 60 ? 60 : (int)name.len, name.data,
	    guess ? "did you mean" : "known here:", guess ? guess->path : names,
	    guess ? "?" : "");
}

/* The options within PARENT (NULL: at the top), up to the mapping's end. */
static int loader_read_mapping(struct loader *loader,
                               const struct conf_option *parent, void *base)
{
	const struct conf_option *option;
	unsigned *line;
	int status;

	while ((status = loader_next(loader)) == MTS_OK &&
	       loader->event.type != YAML_MAPPING_END_EVENT) {
		if (!loader_is_scalar(loader))
			return loader_refuse(
			    loader, parent ? parent->path : NULL,
			    "the name of an option is expected");
		option = schema_child(parent, loader_scalar(loader));
		if (!option)
			return refuse_unknown(loader, parent,
			                      loader_scalar(loader));
		line = &loader->lines[schema_index(option)];
		if (*line)
			return fault_set(loader->why, MTS_ESYNTAX,
			                 "%s:%u: %s: is given twice, first in "
			                 "line %u; leave one",
			                 loader->name, loader_line(loader),
			                 option->path, *line);
		*line = loader_line(loader);
		status = loader_next(loader);
		if (status == MTS_OK)
			status = read_option(loader, option, base);
		if (status != MTS_OK)
			return status;
	}
	return status;
}

/* -- the file -------------------------------------------------------------- */

static int read_document(struct loader *loader)
{
	int status = loader_next(loader);

	if (status != MTS_OK)
		return status;
	if (loader->event.type == YAML_MAPPING_START_EVENT)
		status = loader_read_mapping(loader, NULL, loader->conf);
	else if (!loader_is_null(loader))
		return loader_refuse(
		    loader, NULL, "options are expected, each as name: value");
	return status == MTS_OK ? loader_next(loader) : status;
}

static int read_stream(struct loader *loader)
{
	int status = loader_next(loader); /* the stream's start */

	if (status == MTS_OK)
		status = loader_next(loader);
	if (status == MTS_OK && loader->event.type != YAML_STREAM_END_EVENT) {
		status = read_document(loader);
		if (status == MTS_OK)
			status = loader_next(loader);
	}
	if (status == MTS_OK && loader->event.type != YAML_STREAM_END_EVENT)
		return loader_refuse(
		    loader, NULL,
		    "a second YAML document begins; only one is accepted");
	return status;
}

int load_yaml(const char *text, size_t len, const char *name, struct conf *conf,
              struct fault *why)
{
	struct loader loader = { .text = slice_of(text, len),
		                 .name = name,
		                 .conf = conf,
		                 .why = why };
	int status;

	if (!yaml_parser_initialize(&loader.parser))
		return fault_set(why, MTS_ENOMEM, "%s: out of memory", name);
	yaml_parser_set_encoding(&loader.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&loader.parser,
	                             (const unsigned char *)text, len);
	status = read_stream(&loader);
	if (status == MTS_OK)
		status = check_together(conf, loader.lines, name, why);
	yaml_event_delete(&loader.event);
	yaml_parser_delete(&loader.parser);
	return status;
}
