/* SPDX-License-Identifier: BSD-2-Clause */
/* ns_query.c - asks given name servers directly. Each server gets a resolver of its
 * own, which knows only this server. */
#include "probe/ns_query.h"

#include "base/list.h"
#include "base/map.h"

#include <stdlib.h>

struct ns_pool {
	uv_loop_t *loop;
	uint64_t timeout_ms;
	struct map *servers; /* by address */
	struct list idle;    /* servers without a query, least recently used
	                      * first */
	size_t idle_count;
};

struct pool_server {
	struct map_node node;
	struct list link; /* in the pool's idle list, or in none */
	struct ns_pool *pool;
	struct resolver *resolver;
	size_t queries; /* under way */
	char key[ADDRESS_TEXT];
};

struct ns_query {
	struct pool_server *server;
	struct dns_query *query;
	dns_callback *callback;
	void *arg;
};

/* -- servers --------------------------------------------------------------- */

static void pool_server_free(struct pool_server *server)
{
	struct ns_pool *pool = server->pool;

	if (!list_empty(&server->link))
		pool->idle_count--;
	list_remove(&server->link);
	map_remove(pool->servers, &server->node);
	resolver_close(&server->resolver);
	free(server);
}

static void pool_server_take(struct pool_server *server)
{
	if (!list_empty(&server->link))
		server->pool->idle_count--;
	list_remove(&server->link);
	server->queries++;
}

static void pool_server_release(struct pool_server *server)
{
	struct ns_pool *pool = server->pool;

	if (--server->queries > 0)
		return;
	list_append(&pool->idle, &server->link);
	if (pool->idle_count++ < NS_POOL_IDLE_MAX)
		return;
	pool_server_free(
	    container_of(list_first(&pool->idle), struct pool_server, link));
}

static int pool_server_new(struct ns_pool *pool, const char *key,
                           struct pool_server **ret)
{
	struct resolver_options options = {
		.loop = pool->loop,
		.servers = &key,
		.server_count = 1,
		.timeout_ms = pool->timeout_ms,
	};
	struct pool_server *server = calloc(1, sizeof(*server));
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
	server->pool = pool;
	memcpy(server->key, key, strlen(key) + 1);
	server->node.key = server->key;
	server->node.key_len = strlen(server->key);
	map_insert(pool->servers, &server->node);
	*ret = server;
	return MTS_OK;
}

static int ns_pool_find_server(struct ns_pool *pool,
                               const struct address *address,
                               struct pool_server **ret)
{
	char key[ADDRESS_TEXT];
	struct map_node *node;

	address_text(address, key);
	node = map_find(pool->servers, key, strlen(key));
	if (!node)
		return pool_server_new(pool, key, ret);
	*ret = container_of(node, struct pool_server, node);
	return MTS_OK;
}

/* -- queries --------------------------------------------------------------- */

/* pool_server_release() comes last: it may close the resolver. */
static void ns_query_on_answer(void *arg, const struct dns_answer *answer)
{
	struct ns_query *query = arg;
	struct pool_server *server = query->server;
	dns_callback *callback = query->callback;
	void *callback_arg = query->arg;

	free(query);
	callback(callback_arg, answer);
	pool_server_release(server);
}

int ns_query_start(struct ns_pool *pool, const struct address *address,
                   const struct dns_name *name, uint16_t type,
                   dns_callback *callback, void *arg, struct ns_query **ret)
{
	struct ns_query *query = calloc(1, sizeof(*query));
	int status;

	if (!query)
		return MTS_ENOMEM;
	query->callback = callback;
	query->arg = arg;
	status = ns_pool_find_server(pool, address, &query->server);
	if (status != MTS_OK) {
		free(query);
		return status;
	}
	pool_server_take(query->server);
	status = resolver_ask(query->server->resolver, name, type, false,
	                      ns_query_on_answer, query, &query->query);
	if (status != MTS_OK) {
		pool_server_release(query->server);
		free(query);
		return status;
	}
	*ret = query;
	return MTS_OK;
}

void ns_query_cancel(struct ns_query **query)
{
	struct ns_query *q = *query;

	if (!q)
		return;
	*query = NULL;
	dns_query_cancel(&q->query);
	pool_server_release(q->server);
	free(q);
}

/* -- the pool -------------------------------------------------------------- */

int ns_pool_new(uv_loop_t *loop, uint64_t timeout_ms, struct ns_pool **ret)
{
	struct ns_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return MTS_ENOMEM;
	pool->loop = loop;
	pool->timeout_ms = timeout_ms;
	list_init(&pool->idle);
	pool->servers = map_new();
	if (!pool->servers) {
		free(pool);
		return MTS_ENOMEM;
	}
	*ret = pool;
	return MTS_OK;
}

void ns_pool_close(struct ns_pool **pool)
{
	struct ns_pool *p = *pool;

	if (!p)
		return;
	*pool = NULL;
	list_each_safe (node, &p->idle)
		pool_server_free(container_of(node, struct pool_server, link));
	map_free(&p->servers);
	free(p);
}
