/* SPDX-License-Identifier: BSD-2-Clause */
/* server.c - serves MTAs: where it listens, and who gets in.
 *
 * What happens on a connection is told in server_client.c. */
#include "serve/server_internal.h"

#include "base/log.h"

#include <stdlib.h>

enum {
	/* Postfix keeps connections for up to 100 s and does not always ask
	 * again on a closed one: only older ones may make room. */
	IDLE_MIN_MS = 100 * 1000,
};

/* -- clients coming -------------------------------------------------------- */

bool server_may_warn(const struct server *server, uint64_t *next_ms)
{
	return log_limit_one(next_ms, uv_now(server->options.loop));
}

static void log_refused(struct server *server)
{
	server->counts.refused++;
	if (!server_may_warn(server, &server->full_warn_ms))
		return;
	log_warning("too_many_clients limit=%llu reason=\"connection refused; "
	            "see limits.clients\"",
	            (unsigned long long)server->max_clients);
}

/* That Postfix would have gone by itself. */
static bool is_idle_for_long(const struct server *server,
                             const struct client *client)
{
	uint64_t now_ms = uv_now(server->options.loop);

	return client_is_free(client) &&
	       now_ms - client->active_ms >= IDLE_MIN_MS;
}

/* When all places are taken, one who has gone and waits for his turn to be closed
 * goes now; or else the client that has been silent for longest. */
static bool make_room(struct server *server)
{
	struct list *first;
	struct client *oldest;

	if (server->counts.clients < server->max_clients)
		return true;
	first = list_first(&server->clients);
	if (!first)
		return false;
	oldest = container_of(first, struct client, node);
	if (oldest->state != CLIENT_LEAVING &&
	    !is_idle_for_long(server, oldest))
		return false;
	client_drop(oldest);
	return true;
}

static void on_connection(void *arg, uv_stream_t *stream)
{
	struct listener *listener = arg;
	struct server *server = listener->arg;

	if (!make_room(server)) {
		log_refused(server);
		endpoint_drop_stream(stream);
		return;
	}
	client_start(server, listener, stream);
}

/* -- the server ------------------------------------------------------------ */

int server_new(const struct server_options *options, struct server **ret,
               struct fault *why)
{
	struct server *server = calloc(1, sizeof(*server));

	if (!server ||
	    work_queue_ref(options->loop, &server->work_queue) != MTS_OK) {
		free(server);
		return fault_set(why, MTS_ENOMEM, "out of memory");
	}
	server->options = *options;
	list_init(&server->listeners);
	list_init(&server->fresh);
	list_init(&server->clients);
	buffer_init(&server->scratch, PROTOCOL_REPLY_MAX);
	*ret = server;
	return MTS_OK;
}

int server_prepare(struct server *server, const struct server_setup *setup,
                   struct fault *why)
{
	struct listener_options options = {
		.loop = server->options.loop,
		.ready = setup->ready,
		.callback = on_connection,
		.arg = server,
	};
	int rc = MTS_OK;

	server->next = setup;
	listeners_match(&server->listeners, setup->sockets,
	                setup->socket_count);
	options.share_port = listeners_share(&server->listeners, true);
	for (size_t i = 0; i < setup->socket_count && rc == MTS_OK; i++)
		rc = listener_prepare(&server->listeners, &server->fresh,
		                      &options, &setup->sockets[i], why);
	listeners_share(&server->listeners, false);
	if (rc != MTS_OK)
		server_settle(server, false);
	return rc;
}

void server_settle(struct server *server, bool good)
{
	const struct server_setup *setup = server->next;

	if (!setup)
		return;
	server->next = NULL;
	if (good)
		server->max_clients = setup->max_clients;
	listeners_settle(&server->listeners, &server->fresh,
	                 good ? setup : NULL);
}

void server_close(struct server **server)
{
	struct server *s = *server;

	if (!s)
		return;
	server_settle(s, false);
	/* The sockets first: whoever connects anew when he finds himself closed
	 * must not come back to us. */
	listeners_close(&s->listeners);
	list_each_safe (node, &s->clients)
		client_drop(container_of(node, struct client, node));
	buffer_free(&s->scratch);
	work_queue_unref(&s->work_queue);
	free(s);
	*server = NULL;
}

void server_get_counts(const struct server *server, struct server_counts *ret)
{
	*ret = server->counts;
	ret->max_clients = server->max_clients;
}
