/* SPDX-License-Identifier: BSD-2-Clause */
/* server_client.c - one client: an MTA's connection.
 *
 * A client is read into the server's one read buffer and what is whole is
 * answered from there; only what is left over, a part of a request or those
 * after one that waits, is kept in the client's own buffer. While a client
 * waits for a discovery, or for room to write to, it is not read: it can make
 * us keep no more than one packet and one reply. */
#include "serve/server_internal.h"

#include "base/log.h"

#include <stdlib.h>

enum {
	REQUEST_MAX = 16 * 1024, /* no protocol has longer ones */
	/* What is left over of one packet: at most all of it. */
	IN_MAX = SERVER_READ_SIZE + REQUEST_MAX,
	/* Replies are gathered up to this before they are written. */
	OUT_HIGH = 64 * 1024,
	OUT_MAX = OUT_HIGH + PROTOCOL_FRAMED_MAX,
};

static void go_on(struct client *client);

bool client_is_free(const struct client *client)
{
	return client->state == CLIENT_ASKING && client->sending.len == 0;
}

/* -- a client's end -------------------------------------------------------- */

static void on_client_closed(uv_handle_t *handle)
{
	struct client *client = handle->data;

	buffer_free(&client->in);
	buffer_free(&client->out);
	buffer_free(&client->sending);
	free(client);
	free(handle);
}

void client_drop(struct client *client)
{
	if (client->state == CLIENT_CLOSED)
		return;
	client->state = CLIENT_CLOSED;
	work_item_cancel(&client->work_item);
	ask_cancel(&client->waiter);
	list_remove(&client->node);
	client->server->counts.clients--;
	listener_leave(client->listener);
	uv_close((uv_handle_t *)client->stream, on_client_closed);
}

static void drop_nonsense(struct client *client, const char *reason)
{
	log_debug("client_dropped reason=\"%s\"", reason);
	client->server->counts.dropped++;
	client_drop(client);
}

/* -- writing --------------------------------------------------------------- */

static void on_written(uv_write_t *write, int status)
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
		go_on(client);
}

/* Hands what is left of OUT to libuv; from there it goes by itself. */
static void send_rest(struct client *client)
{
	struct buffer empty = client->sending;
	uv_buf_t buf;

	client->sending = client->out;
	client->out = empty;
	buf = uv_buf_init(client->sending.data, (unsigned)client->sending.len);
	client->write.data = client;
	if (uv_write(&client->write, client->stream, &buf, 1, on_written) != 0)
		client_drop(client);
}

/* Writes what is gathered, unless something is still on its way. */
static void flush(struct client *client)
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
		send_rest(client);
}

/* The reply in the scratch buffer, to a question about MAP. */
static void put_reply(struct client *client, enum socketmap_map map)
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

static void write_result(struct client *client,
                         const struct reply_question *question,
                         const struct ask_result *result)
{
	struct server *server = client->server;

	buffer_clear(&server->scratch);
	if (client->protocol->write(question, result,
	                            clock_wall_s(server->options.clock),
	                            &server->scratch) != MTS_OK)
		client_drop(client);
	else
		put_reply(client, question->map);
}

static void on_answer(void *arg, const struct ask_result *result)
{
	struct client *client = arg;

	client->waiter = NULL;
	client->state = CLIENT_ASKING;
	write_result(client, &client->question, result);
	if (client->state != CLIENT_CLOSED)
		go_on(client);
}

/* If the look-up can't even be started, the policy can't be had, and that is "no
 * policy" (RFC 8461 3.3), and what TRIED says of DANE. */
static void wait_for_lookup(struct client *client,
                            const struct ask_result *tried)
{
	struct server *server = client->server;
	const struct ask_question *question = &client->question.ask;
	int rc = ask_wait(server->options.ask, question, tried, on_answer,
	                  client, &client->waiter);

	if (rc == MTS_OK)
		return;
	if (server_may_warn(server, &server->none_warn_ms))
		log_warning("discovery_not_started domain=%s reason=\"%s\"",
		            question->hop.domain.name, mts_status_text(rc));
	on_answer(client, tried);
}

/* What was not known may be by now. */
static void on_turn(struct work_item *work_item)
{
	struct client *client =
	    container_of(work_item, struct client, work_item);
	struct ask_result result;

	if (ask_try(client->server->options.ask, &client->question.ask,
	            &result) == MTS_OK)
		on_answer(client, &result);
	else
		wait_for_lookup(client, &result);
}

/* To begin a look-up takes longer than to answer a hit. If thousands want one at
 * once, hits come between them. */
static void wait_for_turn(struct client *client,
                          const struct reply_question *question,
                          const struct ask_result *tried)
{
	client->question = *question;
	client->question.ask.again = tried->sts_known;
	client->state = CLIENT_WAITING;
	work_queue_add_new(client->server->work_queue, &client->work_item);
}

static void answer(struct client *client, struct slice request)
{
	const struct listener *listener = client->listener;
	struct server *server = client->server;
	struct reply_question question;
	struct ask_result result;

	server->counts.requests++;
	buffer_clear(&server->scratch);
	question.map = MAP_UNKNOWN;
	if (client->protocol->understand(&listener->context, request, &question,
	                                 &server->scratch) != MTS_OK) {
		if (buffer_status(&server->scratch) != MTS_OK)
			client_drop(client);
		else
			put_reply(client, question.map);
		return;
	}
	top_note_lookup(server->options.top,
	                domain_slice(&question.ask.hop.domain));
	if (ask_try(server->options.ask, &question.ask, &result) == MTS_OK)
		write_result(client, &question, &result);
	else
		wait_for_turn(client, &question, &result);
}

/* Answers what is whole in INPUT, in order, until the client has to wait, and
 * writes the replies. Returns how many bytes are done with. */
static size_t answer_all(struct client *client, struct slice input)
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
			drop_nonsense(client, rc == MTS_ERANGE
			                          ? "request is too long"
			                          : "not a request");
			break;
		}
		done += used;
		answer(client, request);
		if (client->state != CLIENT_CLOSED &&
		    client->out.len >= OUT_HIGH)
			flush(client);
	}
	if (client->state != CLIENT_CLOSED)
		flush(client);
	if (client->state == CLIENT_ENDING && client->sending.len == 0)
		client_drop(client);
	return done;
}

/* -- reading --------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct client *client = handle->data;

	(void)suggested;
	*buf = uv_buf_init(client->server->read, SERVER_READ_SIZE);
}

static void note_activity(struct client *client)
{
	struct server *server = client->server;

	client->active_ms = uv_now(server->options.loop);
	list_remove(&client->node);
	list_append(&server->clients, &client->node);
}

static void on_turn_to_go(struct work_item *work_item)
{
	client_drop(container_of(work_item, struct client, work_item));
}

/* Whether at its end or by an error, nobody asks any more. To close takes longer
 * than to answer: if a mail server with thousands of connections ends, others'
 * questions come between them. */
static void leave(struct client *client)
{
	struct server *server = client->server;

	uv_read_stop(client->stream);
	client->state = CLIENT_LEAVING;
	list_remove(&client->node);
	list_prepend(&server->clients, &client->node);
	work_item_cancel(&client->work_item);
	work_item_init(&client->work_item, on_turn_to_go);
	work_queue_add(server->work_queue, &client->work_item);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct client *client = stream->data;
	struct slice input;
	size_t done;

	if (n == 0)
		return;
	if (n < 0) {
		leave(client);
		return;
	}
	note_activity(client);
	input = slice_of(buf->base, (size_t)n);
	if (client->in.len > 0) {
		if (buffer_put_slice(&client->in, input) != MTS_OK) {
			client_drop(client);
			return;
		}
		input = buffer_slice(&client->in);
	}
	done = answer_all(client, input);
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

/* Goes on after a wait, or begins: first with what was read before, then from
 * the socket. */
static void go_on(struct client *client)
{
	size_t done = answer_all(client, buffer_slice(&client->in));
	int rc;

	if (client->state == CLIENT_CLOSED)
		return;
	buffer_consume(&client->in, done);
	/* Most clients send one request at a time: give the memory back. */
	if (client->in.len == 0)
		buffer_free(&client->in);
	if (!client_is_free(client))
		return;
	rc = uv_read_start(client->stream, on_alloc, on_read);
	if (rc != 0 && rc != UV_EALREADY)
		client_drop(client);
}

/* -- the beginning --------------------------------------------------------- */

void client_start(struct server *server, struct listener *listener,
                  uv_stream_t *stream)
{
	struct client *client = calloc(1, sizeof(*client));

	if (!client) {
		endpoint_drop_stream(stream);
		return;
	}
	client->server = server;
	client->listener = listener;
	client->protocol = listener->protocol;
	listener->clients++;
	client->stream = stream;
	client->state = CLIENT_ASKING;
	client->active_ms = uv_now(server->options.loop);
	work_item_init(&client->work_item, on_turn);
	buffer_init(&client->in, IN_MAX);
	buffer_init(&client->out, OUT_MAX);
	buffer_init(&client->sending, OUT_MAX);
	stream->data = client;
	list_append(&server->clients, &client->node);
	server->counts.clients++;
	server->counts.accepted++;
	go_on(client);
}
