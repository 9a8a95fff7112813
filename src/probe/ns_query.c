/* SPDX-License-Identifier: BSD-2-Clause */
/* ns_query.c - asks name servers by their address: a resolver each, which has one
 * server. */
#include "probe/ns_query.h"

#include "base/list.h"
#include "base/map.h"

#include <stdlib.h>

struct ns_pool {
	uv_loop_t *loop;
	uint64_t timeout_ms;
	struct map *servers; /* by address */
	struct list idle;    /* of them, the one that was asked longest ago
	                      * first */
	size_t idle_count;
};

struct server {
	struct map_node node;
	struct list link; /* in the idle ones, or in none */
	struct ns_pool *ns_pool;
	struct resolver *resolver;
	size_t questions; /* that are out */
	char key[ADDRESS_TEXT];
};

struct ns_query {
	struct server *server;
	struct dns_query *query;
	dns_callback *callback;
	void *arg;
};

/* -- servers --------------------------------------------------------------- */

static void server_free(struct server *server)
{
	struct ns_pool *ns_pool = server->ns_pool;

	if (!list_empty(&server->link))
		ns_pool->idle_count--;
	list_remove(&server->link);
	map_remove(ns_pool->servers, &server->node);
	resolver_close(&server->resolver);
	free(server);
}

static void take(struct server *server)
{
	if (!list_empty(&server->link))
		server->ns_pool->idle_count--;
	list_remove(&server->link);
	server->questions++;
}

static void give_back(struct server *server)
{
	struct ns_pool *ns_pool = server->ns_pool;

	if (--server->questions > 0)
		return;
	list_append(&ns_pool->idle, &server->link);
	if (ns_pool->idle_count++ < NS_POOL_IDLE_MAX)
		return;
	server_free(
	    container_of(list_first(&ns_pool->idle), struct server, link));
}

static int server_new(struct ns_pool *ns_pool, const char *key,
                      struct server **ret)
{
	struct resolver_options options = {
		.loop = ns_pool->loop,
		.servers = &key,
		.server_count = 1,
		.timeout_ms = ns_pool->timeout_ms,
	};
	struct server *server = calloc(1, sizeof(*server));
	struct fault why = { 0 };
	int status;

	if (!server)
		return MTS_ENOMEM;
	status = resolver_new(&options, &server->resolver, &why);
	if (status != MTS_OK) {
		free(server);
		return status;
	}
	list_init(&server->link);
	server->ns_pool = ns_pool;
	memcpy(server->key, key, strlen(key) + 1);
	server->node.key = server->key;
	server->node.key_len = strlen(server->key);
	map_insert(ns_pool->servers, &server->node);
	*ret = server;
	return MTS_OK;
}

static int find_server(struct ns_pool *ns_pool, const struct address *address,
                       struct server **ret)
{
	char key[ADDRESS_TEXT];
	struct map_node *node;

	address_text(address, key);
	node = map_find(ns_pool->servers, key, strlen(key));
	if (!node)
		return server_new(ns_pool, key, ret);
	*ret = container_of(node, struct server, node);
	return MTS_OK;
}

/* -- questions ------------------------------------------------------------- */

/* The server may go, and its resolver with it, once it has been told. */
static void on_answer(void *arg, const struct dns_answer *answer)
{
	struct ns_query *question = arg;
	struct server *server = question->server;
	dns_callback *callback = question->callback;
	void *callback_arg = question->arg;

	free(question);
	callback(callback_arg, answer);
	give_back(server);
}

int ns_query_start(struct ns_pool *ns_pool, const struct address *address,
                   const struct dns_name *name, uint16_t type,
                   dns_callback *callback, void *arg, struct ns_query **ret)
{
	struct ns_query *question = calloc(1, sizeof(*question));
	int status;

	if (!question)
		return MTS_ENOMEM;
	question->callback = callback;
	question->arg = arg;
	status = find_server(ns_pool, address, &question->server);
	if (status != MTS_OK) {
		free(question);
		return status;
	}
	take(question->server);
	status = resolver_ask(question->server->resolver, name, type, false,
	                      on_answer, question, &question->query);
	if (status != MTS_OK) {
		give_back(question->server);
		free(question);
		return status;
	}
	*ret = question;
	return MTS_OK;
}

void ns_query_cancel(struct ns_query **question)
{
	struct ns_query *q = *question;

	if (!q)
		return;
	*question = NULL;
	dns_query_cancel(&q->query);
	give_back(q->server);
	free(q);
}

/* -- all of them ----------------------------------------------------------- */

int ns_pool_new(uv_loop_t *loop, uint64_t timeout_ms, struct ns_pool **ret)
{
	struct ns_pool *ns_pool = calloc(1, sizeof(*ns_pool));

	if (!ns_pool)
		return MTS_ENOMEM;
	ns_pool->loop = loop;
	ns_pool->timeout_ms = timeout_ms;
	list_init(&ns_pool->idle);
	ns_pool->servers = map_new();
	if (!ns_pool->servers) {
		free(ns_pool);
		return MTS_ENOMEM;
	}
	*ret = ns_pool;
	return MTS_OK;
}

void ns_pool_close(struct ns_pool **ns_pool)
{
	struct ns_pool *d = *ns_pool;

	if (!d)
		return;
	*ns_pool = NULL;
	list_each_safe (node, &d->idle)
		server_free(container_of(node, struct server, link));
	map_free(&d->servers);
	free(d);
}
