/* SPDX-License-Identifier: BSD-2-Clause */
/* direct.c - asks name servers by their address: a resolver each, which has one
 * server. */
#include "check/direct.h"

#include "base/list.h"
#include "base/map.h"

#include <stdlib.h>

struct direct {
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
	struct direct *direct;
	struct resolver *resolver;
	size_t questions; /* that are out */
	char key[ADDRESS_TEXT];
};

struct direct_question {
	struct server *server;
	struct dns_query *query;
	dns_callback *callback;
	void *arg;
};

/* -- servers --------------------------------------------------------------- */

static void server_free(struct server *server)
{
	struct direct *direct = server->direct;

	if (!list_empty(&server->link))
		direct->idle_count--;
	list_remove(&server->link);
	map_remove(direct->servers, &server->node);
	resolver_close(&server->resolver);
	free(server);
}

static void take(struct server *server)
{
	if (!list_empty(&server->link))
		server->direct->idle_count--;
	list_remove(&server->link);
	server->questions++;
}

static void give_back(struct server *server)
{
	struct direct *direct = server->direct;

	if (--server->questions > 0)
		return;
	list_append(&direct->idle, &server->link);
	if (direct->idle_count++ < DIRECT_KEPT_MAX)
		return;
	server_free(
	    container_of(list_first(&direct->idle), struct server, link));
}

static int server_new(struct direct *direct, const char *key,
                      struct server **ret)
{
	struct resolver_options options = {
		.loop = direct->loop,
		.servers = &key,
		.server_count = 1,
		.timeout_ms = direct->timeout_ms,
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
	server->direct = direct;
	memcpy(server->key, key, strlen(key) + 1);
	server->node.key = server->key;
	server->node.key_len = strlen(server->key);
	map_insert(direct->servers, &server->node);
	*ret = server;
	return MTS_OK;
}

static int find_server(struct direct *direct, const struct address *address,
                       struct server **ret)
{
	char key[ADDRESS_TEXT];
	struct map_node *node;

	address_text(address, key);
	node = map_find(direct->servers, key, strlen(key));
	if (!node)
		return server_new(direct, key, ret);
	*ret = container_of(node, struct server, node);
	return MTS_OK;
}

/* -- questions ------------------------------------------------------------- */

/* The server may go, and its resolver with it, once it has been told. */
static void on_answer(void *arg, const struct dns_answer *answer)
{
	struct direct_question *question = arg;
	struct server *server = question->server;
	dns_callback *callback = question->callback;
	void *callback_arg = question->arg;

	free(question);
	callback(callback_arg, answer);
	give_back(server);
}

int direct_ask(struct direct *direct, const struct address *address,
               const struct dns_name *name, uint16_t type,
               dns_callback *callback, void *arg, struct direct_question **ret)
{
	struct direct_question *question = calloc(1, sizeof(*question));
	int status;

	if (!question)
		return MTS_ENOMEM;
	question->callback = callback;
	question->arg = arg;
	status = find_server(direct, address, &question->server);
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

void direct_cancel(struct direct_question **question)
{
	struct direct_question *q = *question;

	if (!q)
		return;
	*question = NULL;
	dns_query_cancel(&q->query);
	give_back(q->server);
	free(q);
}

/* -- all of them ----------------------------------------------------------- */

int direct_new(uv_loop_t *loop, uint64_t timeout_ms, struct direct **ret)
{
	struct direct *direct = calloc(1, sizeof(*direct));

	if (!direct)
		return MTS_ENOMEM;
	direct->loop = loop;
	direct->timeout_ms = timeout_ms;
	list_init(&direct->idle);
	direct->servers = map_new();
	if (!direct->servers) {
		free(direct);
		return MTS_ENOMEM;
	}
	*ret = direct;
	return MTS_OK;
}

void direct_close(struct direct **direct)
{
	struct direct *d = *direct;

	if (!d)
		return;
	*direct = NULL;
	list_each_safe (node, &d->idle)
		server_free(container_of(node, struct server, link));
	map_free(&d->servers);
	free(d);
}
