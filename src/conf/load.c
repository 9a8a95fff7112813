/* SPDX-License-Identifier: BSD-2-Clause */
/* load.c - YAML into a struct conf.
 *
 * Reads libyaml's events one by one and takes only what a row asks for, so
 * there is no tree, and no file can nest deeper than the options do. What a
 * configuration has no use for is refused: anchors and aliases (a few lines of
 * them can stand for gigabytes), tags, merge keys, further documents. */
#include "conf/load.h"

#include "conf/conf_check.h"
#include "conf/loader_internal.h"
#include "conf/value.h"

#include <stdio.h>

/* -- events ---------------------------------------------------------------- */

unsigned loader_line(const struct loader *loader)
{
	return (unsigned)loader->event.start_mark.line + 1;
}

/* A fault at the current event, of OPTION (NULL: none in particular). */
int loader_refuse(const struct loader *loader, const char *option,
                  const char *text)
{
	return fault_set(loader->why, MTS_ESYNTAX, "%s:%u: %s%s%s",
	                 loader->name, loader_line(loader),
	                 option ? option : "", option ? ": " : "", text);
}

/* libyaml counts no lines in what it can't decode. */
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

	/* The index counts characters; a tab that follows others than ASCII is
	 * only missed as a hint. */
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
	                 is_tab(loader) ? "; indent with blanks, not tabs"
	                                : "");
}

static int refuse_luxury(const struct loader *loader)
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
		    "YAML anchors and aliases are not taken; write "
		    "the value out");
	if (tag)
		return loader_refuse(
		    loader, NULL,
		    "YAML tags are not taken; write the plain value");
	return MTS_OK;
}

/* Moves on to the next event. */
int loader_next(struct loader *loader)
{
	yaml_event_delete(&loader->event);
	if (!yaml_parser_parse(&loader->parser, &loader->event))
		return refuse_yaml(loader);
	return refuse_luxury(loader);
}

bool loader_is_scalar(const struct loader *loader)
{
	return loader->event.type == YAML_SCALAR_EVENT;
}

struct slice loader_scalar(const struct loader *loader)
{
	return slice_of((const char *)loader->event.data.scalar.value,
	                loader->event.data.scalar.length);
}

/* Nothing after the colon, or YAML's words for it. */
bool loader_is_null(const struct loader *loader)
{
	return loader_is_scalar(loader) &&
	       loader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (loader_scalar(loader).len == 0 ||
	        slice_is(loader_scalar(loader), "~") ||
	        slice_is(loader_scalar(loader), "null"));
}

/* -- values ---------------------------------------------------------------- */

/* Puts file, line and option before what VALUE says. */
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
		    "value behind the colon");
	if (loader_is_null(loader))
		return loader_refuse(loader, option->path,
		                     "has no value; leave the line out for the "
		                     "default");
	if (value_set(option, base, loader_scalar(loader), &value) != MTS_OK)
		return refuse_value(loader, option, &value);
	return MTS_OK;
}

int loader_no_memory(const struct loader *loader)
{
	return fault_set(loader->why, MTS_ENOMEM, "%s: out of memory",
	                 loader->name);
}

int loader_refuse_number(const struct loader *loader,
                         const struct conf_option *option, const char *what)
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

void loader_forget_lines(struct loader *loader,
                         const struct conf_option *parent)
{
	const struct conf_option *row;

	for (size_t i = 0; (row = schema_at(i)); i++)
		if (schema_is_child(row, parent))
			loader->lines[i] = 0;
}

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
		return load_listeners(loader, option);
	if (option->type == CONF_SERVERS)
		return read_list(loader, option, &loader->conf->dns.servers,
		                 &loader->conf->dns.server_count);
	if (option->type == CONF_NAMES)
		return read_list(loader, option, &loader->conf->control_users,
		                 &loader->conf->control_user_count);
	if (option->type == CONF_MAPS)
		return load_maps(loader, option);
	if (option->type == CONF_DOMAINS)
		return load_domains(loader);
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
static void list_names(const struct conf_option *parent, char *names,
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
		return loader_refuse(loader, parent ? parent->path : NULL,
		                     "YAML merge keys are not taken; write the "
		                     "options out");
	if (guess && strchr(guess->path, '.') && slice_is(name, guess->path))
		return refuse_dotted(loader, guess);
	list_names(parent, names, sizeof(names));
	return fault_set(
	    loader->why, MTS_ESYNTAX,
	    "%s:%u: %s%s%.*s: unknown option; %s %s%s", loader->name,
	    loader_line(loader), parent ? parent->path : "", parent ? "." : "",
	    name.len > 60 ? 60 : (int)name.len, name.data,
	    guess ? "did you mean" : "known here:", guess ? guess->path : names,
	    guess ? "?" : "");
}

/* The options within PARENT (NULL: at the top), up to the mapping's end. */
int loader_read_mapping(struct loader *loader, const struct conf_option *parent,
                        void *base)
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
			                 "%s:%u: %s: is there twice, first in "
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
		    "a second YAML document begins; one is taken");
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
