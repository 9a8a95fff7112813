/* SPDX-License-Identifier: BSD-2-Clause */
/* server.c - serves MTAs: their connections, from accept to close.
 *
 * A client is read into the server's one read buffer, and complete requests are
 * answered from there. Only what is left over (part of a request, or the requests
 * behind one that waits) is copied to the client's own buffer. While a client waits
 * for a look-up, or does not take its replies, it is not read: it can make us hold
 * no more than one packet and one reply.
 *
 * To start a look-up or to close a connection takes longer than to answer from
 * the cache. Both wait in the loop's work queue, so that thousands of them at once
 * do not delay the answers that are known. */
#include "serve/server.h"

#include "base/list.h"
#include "base/log.h"
#include "base/work_queue.h"
#include "serve/listeners.h"

#include <stdlib.h>

enum {
	READ_SIZE = 64 * 1024,
	REQUEST_MAX = 16 * 1024, /* no protocol has longer requests */
	/* What is left over of one packet: at most all of it. */
	IN_MAX = READ_SIZE + REQUEST_MAX,
	/* This much output is gathered before it is written. */
	OUT_HIGH = 64 * 1024,
	OUT_MAX = OUT_HIGH + PROTOCOL_FRAMED_MAX,
	/* Postfix keeps a connection for up to 100 s, and does not always ask
	 * again if it finds it closed. Only clients that have been idle for
	 * longer are closed in favor of new ones. */
	IDLE_MIN_MS = 100 * 1000,
};

struct server {
	struct server_options options;
	uint64_t max_clients;
	uint64_t next_max_clients; /* between prepare and settle */
	struct listeners *listeners;
	/* First those that are LEAVING, then by how long they have been
	 * idle. */
	struct list clients;
	struct server_counts counts;
	struct work_queue *work_queue;
	uint64_t full_warn_ms; /* log_limit_one()'s: too_many_clients */
	uint64_t none_warn_ms; /* discovery_not_started */
	struct buffer scratch; /* one reply, before it is framed */
	char read[READ_SIZE];
};

enum client_state {
	CLIENT_ASKING,  /* may send requests; leaves by a cache miss, or EOF */
	CLIENT_WAITING, /* in the work queue, then for a look-up; leaves with
	                 * the answer */
	CLIENT_ENDING,  /* has its only answer; leaves when that is written */
	CLIENT_LEAVING, /* sent EOF or failed; is closed from the work queue, or
	                 * earlier in favor of a new client */
	CLIENT_CLOSED,  /* libuv is closing the stream */
};

struct client {
	struct list node;
	struct server *server;
	struct listener *listener;
	const struct protocol *protocol;
	uv_stream_t *stream;
	enum client_state state;
	uint64_t active_ms;    /* when it last sent something */
	struct buffer in;      /* read, not yet processed */
	struct buffer out;     /* replies, not yet written */
	struct buffer sending; /* what the socket did not take at once: libuv's
	                        * until client_on_written(), else empty */
	uv_write_t write;
	struct reply_question question; /* WAITING: what was asked */
	struct work_item work_item;     /* WAITING: starts the look-up;
	                                 * LEAVING: closes the client */
	struct ask_waiter *waiter;      /* WAITING, once the look-up runs */
};

static void client_continue(struct client *client);

/* True if the next request may be answered: there is an answer to the one before,
 * and the client has taken its replies. */
static bool client_is_free(const struct client *client)
{
	return client->state == CLIENT_ASKING && client->sending.len == 0;
}

/* -- the end of a client --------------------------------------------------- */

static void client_on_closed(uv_handle_t *handle)
{
	struct client *client = handle->data;

	buffer_free(&client->in);
	buffer_free(&client->out);
	buffer_free(&client->sending);
	free(client);
	free(handle);
}

/* Closes the connection, whatever the client's state. */
static void client_drop(struct client *client)
{
	if (client->state == CLIENT_CLOSED)
		return;
	client->state = CLIENT_CLOSED;
	work_item_cancel(&client->work_item);
	ask_cancel(&client->waiter);
	list_remove(&client->node);
	client->server->counts.clients--;
	listener_leave(client->listener);
	uv_close((uv_handle_t *)client->stream, client_on_closed);
}

static void client_drop_for(struct client *client, const char *reason)
{
	log_debug("client_dropped reason=\"%s\"", reason);
	client->server->counts.dropped++;
	client_drop(client);
}

static void client_drop_queued(struct work_item *work_item)
{
	client_drop(container_of(work_item, struct client, work_item));
}

/* After EOF or an error. Queues the close, and puts the client where
 * server_has_capacity() finds it first. */
static void client_leave(struct client *client)
{
	struct server *server = client->server;

	uv_read_stop(client->stream);
	client->state = CLIENT_LEAVING;
	list_remove(&client->node);
	list_prepend(&server->clients, &client->node);
	work_item_cancel(&client->work_item);
	work_item_init(&client->work_item, client_drop_queued);
	work_queue_add(server->work_queue, &client->work_item);
}

/* -- writing --------------------------------------------------------------- */

static void client_on_written(uv_write_t *write, int status)
{
	struct client *client = write->data;

	if (client->state == CLIENT_CLOSED)
		return;
	if (status < 0) {
		client_drop(client);
		return;
	}
	buffer_clear(&client->sending);
	if (client->state == CLIENT_ENDING)
		client_drop(client);
	else
		client_continue(client);
}

/* Hands what is left of OUT to libuv. */
static void client_send_rest(struct client *client)
{
	struct buffer empty = client->sending;
	uv_buf_t buf;

	client->sending = client->out;
	client->out = empty;
	buf = uv_buf_init(client->sending.data, (unsigned)client->sending.len);
	client->write.data = client;
	if (uv_write(&client->write, client->stream, &buf, 1,
	             client_on_written) != 0)
		client_drop(client);
}

/* Writes the replies, unless earlier ones are still being sent. */
static void client_flush(struct client *client)
{
	uv_buf_t buf;
	int n;

	if (client->out.len == 0 || client->sending.len > 0)
		return;
	buf = uv_buf_init(client->out.data, (unsigned)client->out.len);
	n = uv_try_write(client->stream, &buf, 1);
	if (n < 0 && n != UV_EAGAIN) {
		client_drop(client);
		return;
	}
	if (n > 0)
		buffer_consume(&client->out, (size_t)n);
	if (client->out.len > 0)
		client_send_rest(client);
}

/* Adds the reply in the scratch buffer, to a question about MAP, to OUT. */
static void client_put_reply(struct client *client, enum socketmap_map map)
{
	const struct protocol *protocol = client->protocol;
	struct server *server = client->server;
	enum answer_kind kind = answer_kind_of(buffer_slice(&server->scratch));

	server->counts.answers[protocol->kind][map][kind]++;
	if (protocol->frame(&client->out, buffer_slice(&server->scratch)) !=
	    MTS_OK)
		client_drop(client);
	else if (protocol->once)
		client->state = CLIENT_ENDING;
}

/* -- answering ------------------------------------------------------------- */

static void client_put_result(struct client *client,
                              const struct reply_question *question,
                              const struct ask_result *result)
{
	struct server *server = client->server;

	buffer_clear(&server->scratch);
	if (client->protocol->write(question, result, server->options.clock,
	                            &server->scratch) != MTS_OK)
		client_drop(client);
	else
		client_put_reply(client, question->map);
}

static void client_on_answer(void *arg, const struct ask_result *result)
{
	struct client *client = arg;

	client->waiter = NULL;
	client->state = CLIENT_ASKING;
	client_put_result(client, &client->question, result);
	if (client->state != CLIENT_CLOSED)
		client_continue(client);
}

/* If the look-up can't even be started, there is no policy (RFC 8461 3.3), and the
 * answer is what TRIED says about DANE. */
static void client_wait_for_lookup(struct client *client,
                                   const struct ask_result *tried)
{
	struct server *server = client->server;
	const struct ask_question *question = &client->question.ask;
	int rc = ask_wait(server->options.ask, question, tried,
	                  client_on_answer, client, &client->waiter);

	if (rc == MTS_OK)
		return;
	if (log_limit_one(&server->none_warn_ms, uv_now(server->options.loop)))
		log_warning("discovery_not_started domain=%s reason=\"%s\"",
		            question->hop.domain.name, mts_status_text(rc));
	client_on_answer(client, tried);
}

/* The answer may have become known while the client was in the queue. */
static void client_ask_queued(struct work_item *work_item)
{
	struct client *client =
	    container_of(work_item, struct client, work_item);
	struct ask_result result;

	if (ask_try(client->server->options.ask, &client->question.ask,
	            &result) == MTS_OK)
		client_on_answer(client, &result);
	else
		client_wait_for_lookup(client, &result);
}

static void client_queue_lookup(struct client *client,
                                const struct reply_question *question,
                                const struct ask_result *tried)
{
	client->question = *question;
	client->question.ask.again = tried->sts_known;
	client->state = CLIENT_WAITING;
	work_queue_add_new(client->server->work_queue, &client->work_item);
}

static void client_answer(struct client *client, struct slice request)
{
	struct server *server = client->server;
	struct reply_question question;
	struct ask_result result;

	server->counts.requests++;
	buffer_clear(&server->scratch);
	question.map = MAP_UNKNOWN;
	if (client->protocol->understand(listener_context(client->listener),
	                                 request, &question,
	                                 &server->scratch) != MTS_OK) {
		if (buffer_status(&server->scratch) != MTS_OK)
			client_drop(client);
		else
			client_put_reply(client, question.map);
		return;
	}
	top_note_lookup(server->options.top,
	                domain_slice(&question.ask.hop.domain));
	if (ask_try(server->options.ask, &question.ask, &result) == MTS_OK)
		client_put_result(client, &question, &result);
	else
		client_queue_lookup(client, &question, &result);
}

/* Answers the complete requests in INPUT, in order, until one has to wait, and
 * writes the replies. Returns how many bytes it has processed. */
static size_t client_answer_all(struct client *client, struct slice input)
{
	size_t done = 0;

	while (client_is_free(client) && done < input.len) {
		struct slice request;
		size_t used;
		int rc = client->protocol->cut(slice_skip(input, done),
		                               &request, &used);

		if (rc == MTS_EMORE)
			break;
		if (rc != MTS_OK) {
			client_drop_for(client, rc == MTS_ERANGE
			                            ? "request is too long"
			                            : "not a request");
			break;
		}
		done += used;
		client_answer(client, request);
		if (client->state != CLIENT_CLOSED &&
		    client->out.len >= OUT_HIGH)
			client_flush(client);
	}
	if (client->state != CLIENT_CLOSED)
		client_flush(client);
	if (client->state == CLIENT_ENDING && client->sending.len == 0)
		client_drop(client);
	return done;
}

/* -- reading --------------------------------------------------------------- */

static void client_on_alloc(uv_handle_t *handle, size_t suggested,
                            uv_buf_t *buf)
{
	struct client *client = handle->data;

	(void)suggested;
	*buf = uv_buf_init(client->server->read, READ_SIZE);
}

static void client_note_activity(struct client *client)
{
	struct server *server = client->server;

	client->active_ms = uv_now(server->options.loop);
	list_remove(&client->node);
	list_append(&server->clients, &client->node);
}

static void client_on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct client *client = stream->data;
	struct slice input;
	size_t done;

	if (n == 0)
		return;
	if (n < 0) {
		client_leave(client);
		return;
	}
	client_note_activity(client);
	input = slice_of(buf->base, (size_t)n);
	if (client->in.len > 0) {
		if (buffer_put_slice(&client->in, input) != MTS_OK) {
			client_drop(client);
			return;
		}
		input = buffer_slice(&client->in);
	}
	done = client_answer_all(client, input);
	if (client->state == CLIENT_CLOSED)
		return;
	if (client->in.len > 0) {
		buffer_consume(&client->in, done);
	} else if (buffer_put(&client->in, input.data + done,
	                      input.len - done) != MTS_OK) {
		client_drop(client);
		return;
	}
	if (!client_is_free(client))
		uv_read_stop(client->stream);
}

/* Starts to serve the client, or continues after a wait: first with what was read
 * before, then from the socket. */
static void client_continue(struct client *client)
{
	size_t done = client_answer_all(client, buffer_slice(&client->in));
	int rc;

	if (client->state == CLIENT_CLOSED)
		return;
	buffer_consume(&client->in, done);
	/* Most clients send one request at a time: free the memory. */
	if (client->in.len == 0)
		buffer_free(&client->in);
	if (!client_is_free(client))
		return;
	rc = uv_read_start(client->stream, client_on_alloc, client_on_read);
	if (rc != 0 && rc != UV_EALREADY)
		client_drop(client);
}

/* -- new clients ----------------------------------------------------------- */

static void client_start(struct server *server, struct listener *listener,
                         uv_stream_t *stream)
{
	struct client *client = calloc(1, sizeof(*client));

	if (!client) {
		endpoint_drop_stream(stream);
		return;
	}
	client->server = server;
	client->listener = listener;
	client->protocol = listener_protocol(listener);
	listener_join(listener);
	client->stream = stream;
	client->state = CLIENT_ASKING;
	client->active_ms = uv_now(server->options.loop);
	work_item_init(&client->work_item, client_ask_queued);
	buffer_init(&client->in, IN_MAX);
	buffer_init(&client->out, OUT_MAX);
	buffer_init(&client->sending, OUT_MAX);
	stream->data = client;
	list_append(&server->clients, &client->node);
	server->counts.clients++;
	server->counts.accepted++;
	client_continue(client);
}

static void server_refuse_client(struct server *server, uv_stream_t *stream)
{
	endpoint_drop_stream(stream);
	server->counts.refused++;
	if (log_limit_one(&server->full_warn_ms, uv_now(server->options.loop)))
		log_warning("too_many_clients limit=%llu reason=\"connection "
		            "refused; see limits.clients\"",
		            (unsigned long long)server->max_clients);
}

/* Postfix would have closed the connection itself by now. */
static bool client_is_stale(const struct client *client)
{
	uint64_t now_ms = uv_now(client->server->options.loop);

	return client_is_free(client) &&
	       now_ms - client->active_ms >= IDLE_MIN_MS;
}

/* At the limit, closes a client that is leaving anyway, or else the one that has
 * been idle for longest. False: neither is there. */
static bool server_has_capacity(struct server *server)
{
	struct list *first;
	struct client *oldest;

	if (server->counts.clients < server->max_clients)
		return true;
	first = list_first(&server->clients);
	if (!first)
		return false;
	oldest = container_of(first, struct client, node);
	if (oldest->state != CLIENT_LEAVING && !client_is_stale(oldest))
		return false;
	client_drop(oldest);
	return true;
}

static void server_on_connection(void *arg, struct listener *listener,
                                 uv_stream_t *stream)
{
	struct server *server = arg;

	if (server_has_capacity(server))
		client_start(server, listener, stream);
	else
		server_refuse_client(server, stream);
}

/* -- the server ------------------------------------------------------------ */

int server_new(const struct server_options *options, struct server **ret,
               struct fault *why)
{
	struct server *server = calloc(1, sizeof(*server));

	if (!server)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	server->options = *options;
	list_init(&server->clients);
	buffer_init(&server->scratch, PROTOCOL_REPLY_MAX);
	server->listeners =
	    listeners_new(options->loop, server_on_connection, server);
	if (!server->listeners ||
	    work_queue_ref(options->loop, &server->work_queue) != MTS_OK) {
		listeners_free(&server->listeners);
		free(server);
		return fault_set(why, MTS_ENOMEM, "out of memory");
	}
	*ret = server;
	return MTS_OK;
}

int server_prepare(struct server *server, const struct server_setup *setup,
                   struct fault *why)
{
	int rc = listeners_prepare(server->listeners, setup, why);

	if (rc == MTS_OK)
		server->next_max_clients = setup->max_clients;
	return rc;
}

void server_settle(struct server *server, bool good)
{
	if (good)
		server->max_clients = server->next_max_clients;
	listeners_settle(server->listeners, good);
}

void server_close(struct server **server)
{
	struct server *s = *server;

	if (!s)
		return;
	/* The sockets first: clients that reconnect at once must not come back
	 * to us. */
	listeners_stop(s->listeners);
	list_each_safe (node, &s->clients)
		client_drop(container_of(node, struct client, node));
	listeners_free(&s->listeners);
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
