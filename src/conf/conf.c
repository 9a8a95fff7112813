/* SPDX-License-Identifier: BSD-2-Clause */
/* conf.c - creates, frees and compares configurations, and reads the file. */
#include "conf/conf.h"

#include "conf/load.h"
#include "conf/schema.h"
#include "conf/value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1024 * 1024 }; /* a larger file is no configuration */

static void free_entry(struct conf_listen *entry)
{
	free(entry->address);
	free(entry->owner);
	free(entry->group);
	free(entry->map);
}

void conf_clear_listen(struct conf *conf)
{
	for (size_t i = 0; i < conf->listen_count; i++)
		free_entry(&conf->listen[i]);
	free(conf->listen);
	conf->listen = NULL;
	conf->listen_count = 0;
}

void conf_clear_maps(struct conf *conf)
{
	for (size_t i = 0; i < conf->map_count; i++)
		free(conf->maps[i].name);
	free(conf->maps);
	conf->maps = NULL;
	conf->map_count = 0;
}

/* Whether OPTION belongs to the entries of LIST; with NULL, to none. */
static bool is_of_list(const struct conf_option *option, const char *list)
{
	static const char *const lists[] = { "listen", "maps" };

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (schema_is_child(option, schema_find(lists[i])))
			return list && strcmp(list, lists[i]) == 0;
	return !list;
}

/* Sets the options at BASE to their defaults: those of an entry of LIST, or
 * with NULL all others. Lists and sections have no default. */
static int set_option_defaults(const char *list, void *base)
{
	const struct conf_option *option;
	int status = MTS_OK;

	for (size_t i = 0; status == MTS_OK && (option = schema_at(i)); i++)
		if (is_of_list(option, list) && option->fallback &&
		    option->type != CONF_SECTION &&
		    option->type != CONF_LISTENERS &&
		    option->type != CONF_SERVERS &&
		    option->type != CONF_NAMES && option->type != CONF_DOMAINS)
			status = value_set_default(option, base, NULL);
	return status;
}

struct conf_listen *conf_add_listen(struct conf *conf)
{
	struct conf_listen entry = { .protocol = CONF_SOCKETMAP };
	struct conf_listen *more;

	if (set_option_defaults("listen", &entry) != MTS_OK)
		goto fail;
	more = realloc(conf->listen, (conf->listen_count + 1) * sizeof(*more));
	if (!more)
		goto fail;
	conf->listen = more;
	more[conf->listen_count] = entry;
	return &more[conf->listen_count++];
fail:
	free_entry(&entry);
	return NULL;
}

struct conf_map *conf_add_map(struct conf *conf)
{
	struct conf_map entry = { 0 };
	struct conf_map *more;

	if (set_option_defaults("maps", &entry) != MTS_OK)
		return NULL;
	more = realloc(conf->maps, (conf->map_count + 1) * sizeof(*more));
	if (!more)
		return NULL;
	conf->maps = more;
	more[conf->map_count] = entry;
	return &more[conf->map_count++];
}

const char *conf_protocol_text(enum conf_protocol protocol)
{
	switch (protocol) {
	case CONF_SOCKETMAP:
		break;
	case CONF_TCP_TABLE:
		return "tcp_table";
	case CONF_EXIM:
		return "exim";
	}
	return "socketmap";
}

struct conf *conf_new(void)
{
	struct conf *conf = calloc(1, sizeof(*conf));

	if (!conf)
		return NULL;
	conf->domains = overrides_new();
	if (!conf->domains || set_option_defaults(NULL, conf) != MTS_OK ||
	    !conf_add_listen(conf))
		conf_free(&conf);
	return conf;
}

static void free_list(char **items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(items[i]);
	free(items);
}

void conf_free(struct conf **conf)
{
	struct conf *old = *conf;

	if (!old)
		return;
	conf_clear_listen(old);
	conf_clear_maps(old);
	free(old->control);
	free(old->stats);
	free(old->cache.directory);
	free_list(old->control_users, old->control_user_count);
	free(old->control_group);
	free_list(old->dns.servers, old->dns.server_count);
	free(old->dns.trust_anchor);
	free(old->fetch.ca_file);
	free(old->user);
	overrides_free(&old->domains);
	free(old);
	*conf = NULL;
}

/* -- options that need a restart ------------------------------------------- */

static bool option_differs(const struct conf_option *option,
                           const struct conf *a, const struct conf *b)
{
	const char *at_a = (const char *)a + option->offset;
	const char *at_b = (const char *)b + option->offset;

	switch (option->type) {
	case CONF_UNIX:
	case CONF_PATH:
	case CONF_NAME:
		return !text_same(*(char *const *)(const void *)at_a,
		                  *(char *const *)(const void *)at_b);
	case CONF_COUNT:
	case CONF_SIZE:
	case CONF_DURATION:
		return memcmp(at_a, at_b, sizeof(uint64_t)) != 0;
	case CONF_SECTION:
	case CONF_LISTENERS:
	case CONF_MAPS:
	case CONF_SERVERS:
	case CONF_NAMES:
	case CONF_DOMAINS:
	case CONF_BOOL:
	case CONF_CHOICE:
	case CONF_MODE:
	case CONF_ADDRESS:
		break;
	}
	return false; /* none of these needs a restart: test_conf_docs.c */
}

size_t conf_list_restart(const struct conf *a, const struct conf *b, char *text,
                         size_t size)
{
	const struct conf_option *option;
	size_t count = 0;
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; (option = schema_at(i)); i++) {
		int n;

		if (!option->restart || !option_differs(option, a, b))
			continue;
		n = snprintf(text + used, size - used, "%s%s",
		             count ? ", " : "", option->path);
		count++;
		if (n > 0 && (size_t)n < size - used)
			used += (size_t)n;
	}
	return count;
}

/* -- the file -------------------------------------------------------------- */

int conf_parse(const char *text, size_t len, const char *name,
               struct conf **ret, struct fault *why)
{
	struct conf *conf;
	int status;

	if (len > FILE_MAX)
		return fault_set(
		    why, MTS_ERANGE,
		    "%s: is longer than 1 MiB, which is too long for "
		    "a configuration",
		    name);
	conf = conf_new();
	if (!conf)
		return fault_set(why, MTS_ENOMEM, "%s: out of memory", name);
	status = load_yaml(text, len, name, conf, why);
	if (status == MTS_OK)
		*ret = conf;
	else
		conf_free(&conf);
	return status;
}

static int fail_to_open(const char *path, int error, struct fault *why)
{
	const char *fix = "";

	if (error == ENOENT)
		fix = "; copy the sample mtastsd.yaml there, or name another "
		      "file with -c";
	else if (error == EACCES)
		fix = "; let the user mtastsd runs as read it";
	return fault_set(why, error == ENOMEM ? MTS_ENOMEM : MTS_ESYS,
	                 "%s: cannot be opened: %s%s", path, strerror(error),
	                 fix);
}

int conf_load(const char *path, struct conf **ret, struct fault *why)
{
	FILE *file = fopen(path, "rbe");
	char *text = NULL;
	size_t len;
	int status;

	if (!file)
		return fail_to_open(path, errno, why);
	text =
	    malloc(FILE_MAX + 1); /* one more byte shows that it is too long */
	if (!text) {
		status = fault_set(why, MTS_ENOMEM, "%s: out of memory", path);
		goto out;
	}
	errno = 0;
	len = fread(text, 1, FILE_MAX + 1, file);
	if (ferror(file)) /* a directory can be opened, but not read */
		status = fault_errno(why, errno, "%s: cannot be read", path);
	else
		status = conf_parse(text, len, path, ret, why);
out:
	free(text);
	fclose(file);
	return status;
}
