/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_conf.c - all values of an accepted configuration lie within their ranges. If
 * they are written to a file again, it parses to the same values. A rejected file
 * has a reason. */
#include "base/buffer.h"
#include "conf/conf.h"
#include "conf/schema.h"
#include "conf/value.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static uint64_t number_at(const void *base, const struct conf_option *option)
{
	const char *at = (const char *)base + option->offset;
	uint64_t number = 0;
	unsigned word = 0;
	bool on = false;

	if (option->type == CONF_BOOL) {
		memcpy(&on, at, sizeof(on));
		return on;
	}
	if (option->type == CONF_CHOICE || option->type == CONF_MODE) {
		memcpy(&word, at, sizeof(word));
		return word;
	}
	memcpy(&number, at, sizeof(number));
	return number;
}

/* A double-quoted scalar. */
static void put_text(struct buffer *out, const char *text)
{
	buffer_puts(out, "\"");
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			buffer_puts(out, "\\");
		buffer_put(out, text, 1);
	}
	buffer_puts(out, "\"\n");
}

static void put_value(struct buffer *out, const struct conf_option *option,
                      const void *base)
{
	char text[VALUE_TEXT_MAX];
	char *const *at =
	    (char *const *)(const void *)((const char *)base + option->offset);
	uint64_t number;

	if (option->type == CONF_ADDRESS || option->type == CONF_UNIX ||
	    option->type == CONF_PATH || option->type == CONF_NAME) {
		put_text(out, *at ? *at : "");
		return;
	}
	number = number_at(base, option);
	if (option->type != CONF_BOOL && option->type != CONF_CHOICE)
		check(number >= option->min && number <= option->max);
	buffer_puts(out, value_text(option, number, text));
	buffer_puts(out, "\n");
}

/* True if an entry of "listen:" may have OPTION. */
static bool belongs(const struct conf_option *option,
                    const struct conf_listen *entry)
{
	const char *name = strchr(option->path, '.') + 1;

	if (option->type == CONF_ADDRESS)
		return strcmp(name, conf_protocol_text(entry->protocol)) == 0;
	if (strcmp(name, "map") == 0)
		return entry->protocol == CONF_TCP_TABLE;
	return strncmp(entry->address, "unix:", 5) == 0;
}

static void put_listen(struct buffer *out, const struct conf *conf)
{
	const struct conf_option *listen = schema_find("listen");
	const struct conf_option *option;

	buffer_puts(out, "listen:\n");
	check(conf->listen_count > 0);
	for (size_t i = 0; i < conf->listen_count; i++) {
		buffer_puts(out, " -\n");
		for (size_t k = 0; (option = schema_at(k)); k++) {
			if (!schema_is_child(option, listen) ||
			    !belongs(option, &conf->listen[i]))
				continue;
			buffer_printf(out, "  %s: ", option->path + 7);
			put_value(out, option, &conf->listen[i]);
		}
	}
}

static void put_maps(struct buffer *out, const struct conf *conf)
{
	const struct conf_option *maps = schema_find("maps");
	const struct conf_option *option;

	buffer_puts(out, conf->map_count ? "\n" : "[]\n");
	for (size_t i = 0; i < conf->map_count; i++) {
		buffer_puts(out, " -\n");
		for (size_t k = 0; (option = schema_at(k)); k++) {
			if (!schema_is_child(option, maps))
				continue;
			buffer_printf(out, "  %s: ", option->path + 5);
			put_value(out, option, &conf->maps[i]);
		}
	}
}

static void put_list(struct buffer *out, char *const *items, size_t count)
{
	buffer_puts(out, "\n");
	for (size_t i = 0; i < count; i++) {
		buffer_puts(out, "  - ");
		put_text(out, items[i]);
	}
	if (count == 0)
		buffer_puts(out, "   []\n");
}

static void put_conf(struct buffer *out, const struct conf *conf)
{
	const struct conf_option *listen = schema_find("listen");
	const struct conf_option *maps = schema_find("maps");
	const struct conf_option *option;

	put_listen(out, conf);
	for (size_t i = 0; (option = schema_at(i)); i++) {
		const char *dot = strchr(option->path, '.');

		if (option == listen || schema_is_child(option, listen) ||
		    schema_is_child(option, maps))
			continue;
		buffer_printf(out, "%s%s: ", dot ? "  " : "",
		              dot ? dot + 1 : option->path);
		if (option->type == CONF_SECTION)
			buffer_puts(out, "\n");
		else if (option->type == CONF_MAPS)
			put_maps(out, conf);
		else if (option->type == CONF_SERVERS)
			put_list(out, conf->dns.servers,
			         conf->dns.server_count);
		else if (option->type == CONF_NAMES)
			put_list(out, conf->control_users,
			         conf->control_user_count);
		else if (option->type == CONF_DOMAINS)
			buffer_puts(out, "{}\n");
		else
			put_value(out, option, conf);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf *conf = NULL;
	struct conf *again = NULL;
	struct buffer first;
	struct buffer second;
	struct fault why = { 0 };

	buffer_init(&first, 1 << 20);
	buffer_init(&second, 1 << 20);
	if (conf_parse((const char *)data, size, "F", &conf, &why) != MTS_OK) {
		check(!conf && strncmp(why.text, "F:", 2) == 0);
		goto out;
	}
	put_conf(&first, conf);
	check(buffer_status(&first) == MTS_OK);
	check(conf_parse(first.data, first.len, "F", &again, &why) == MTS_OK);
	put_conf(&second, again);
	check(first.len == second.len &&
	      memcmp(first.data, second.data, first.len) == 0);
out:
	conf_free(&conf);
	conf_free(&again);
	buffer_free(&first);
	buffer_free(&second);
	return 0;
}
