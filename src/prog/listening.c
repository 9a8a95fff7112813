/* SPDX-License-Identifier: BSD-2-Clause */
/* listening.c - the configuration's listeners and maps, as the server takes them. */
#include "prog/listening.h"

#include "base/log.h"
#include "prog/fd_budget.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DESCRIPTORS_LEAST = 32 }; /* without the listeners */

struct answer_manner listening_manner(const struct conf *conf)
{
	return (struct answer_manner){
		.enforce_testing = conf->testing == CONF_TESTING_ENFORCE,
		.tls12 = conf->protocols,
		.no_servername = !conf->servername,
		.strict_mx = conf->strict_mx,
	};
}

static struct answer_manner manner_of_map(const struct conf_map *map)
{
	return (struct answer_manner){
		.enforce_testing = map->testing == CONF_TESTING_ENFORCE,
		.tls12 = map->protocols,
		.no_servername = !map->servername,
		.strict_mx = map->strict_mx,
	};
}

/* The built-in maps, and those of the configuration. */
static struct maps *make_maps(const struct conf *conf)
{
	static const enum socketmap_map kinds[] = {
		[CONF_LIKE_POSTFIX] = MAP_POSTFIX,
		[CONF_LIKE_POSTFIX_TLSRPT] = MAP_POSTFIX_TLSRPT,
		[CONF_LIKE_STS] = MAP_STS,
		[CONF_LIKE_VERDICT] = MAP_VERDICT,
	};
	struct answer_manner how = listening_manner(conf);
	struct map_entry *own = calloc(conf->map_count + 1, sizeof(*own));
	struct maps *maps = NULL;

	for (size_t i = 0; own && i < conf->map_count; i++)
		own[i] = (struct map_entry){
			.name = conf->maps[i].name,
			.kind = kinds[conf->maps[i].like],
			.how = manner_of_map(&conf->maps[i]),
		};
	if (own)
		maps = maps_new(&how, own, conf->map_count);
	free(own);
	return maps;
}

static char *listen_text(const struct conf_listen *listen)
{
	const char *protocol = conf_protocol_text(listen->protocol);
	size_t size = strlen(protocol) + strlen(listen->address) + 2;
	char *text = malloc(size);

	if (text)
		snprintf(text, size, "%s %s", protocol, listen->address);
	return text;
}

static struct server_socket socket_of(const struct conf_listen *listen)
{
	static const struct protocol *const protocols[] = {
		[CONF_SOCKETMAP] = &protocol_socketmap,
		[CONF_TCP_TABLE] = &protocol_tcp_table,
		[CONF_EXIM] = &protocol_exim,
	};

	return (struct server_socket){
		.protocol = protocols[listen->protocol],
		.map = listen->map,
		.bind = { .address = listen->address,
		          .mode = listen->mode,
		          .owner = listen->owner,
		          .group = listen->group },
	};
}

int listening_open(const struct conf *conf, struct listening *ret,
                   struct fault *why)
{
	struct fd_budget fd_budget = fd_budget_of(conf);

	*ret = (struct listening){ .max_clients = fd_budget.clients };
	/* It would listen, and drop every client. */
	if (fd_budget.limit &&
	    fd_budget.limit < DESCRIPTORS_LEAST + conf->listen_count)
		return fault_set(why, MTS_ERANGE,
		                 "%llu file descriptors are not enough: at "
		                 "least %llu are needed (ulimit -n, "
		                 "LimitNOFILE=)",
		                 (unsigned long long)fd_budget.limit,
		                 (unsigned long long)DESCRIPTORS_LEAST +
		                     conf->listen_count);
	if (fd_budget.clients < conf->limits.clients)
		log_warning("few_descriptors limit=%llu clients=%llu "
		            "reason=\"no more clients are accepted, to leave "
		            "descriptors for look-ups: raise the limit (ulimit "
		            "-n, LimitNOFILE=)\"",
		            (unsigned long long)fd_budget.limit,
		            (unsigned long long)fd_budget.clients);
	ret->maps = make_maps(conf);
	ret->sockets = calloc(conf->listen_count + 1, sizeof(*ret->sockets));
	ret->texts = calloc(conf->listen_count + 1, sizeof(*ret->texts));
	if (!ret->maps || !ret->sockets || !ret->texts)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	for (size_t i = 0; i < conf->listen_count; i++) {
		ret->sockets[i] = socket_of(&conf->listen[i]);
		ret->texts[i] = listen_text(&conf->listen[i]);
		if (!ret->texts[i])
			return fault_set(why, MTS_ENOMEM, "out of memory");
		ret->count++;
	}
	return MTS_OK;
}

void listening_close(struct listening *listening)
{
	maps_free(&listening->maps);
	for (size_t i = 0; i < listening->count; i++)
		free(listening->texts[i]);
	free(listening->texts);
	free(listening->sockets);
	*listening = (struct listening){ .count = 0 };
}

struct server_setup listening_setup(const struct listening *listening,
                                    const struct conf *conf,
                                    struct activation *ready)
{
	return (struct server_setup){
		.sockets = listening->sockets,
		.socket_count = listening->count,
		.maps = listening->maps,
		.how = listening_manner(conf),
		.max_clients = listening->max_clients,
		.ready = ready,
	};
}
