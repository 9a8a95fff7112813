/* SPDX-License-Identifier: BSD-2-Clause */
/* server_internal.h - what server*.c know of each other, and nobody else. */
#ifndef SERVE_SERVER_INTERNAL_H
#define SERVE_SERVER_INTERNAL_H

#include "base/list.h"
#include "base/work_queue.h"
#include "serve/listener.h"
#include "serve/server.h"

enum { SERVER_READ_SIZE = 64 * 1024 };

struct server {
	struct server_options options;
	const struct server_setup *next; /* between prepare and settle */
	uint64_t max_clients;
	struct list listeners;
	struct list fresh;   /* listeners that NEXT adds */
	struct list clients; /* who leaves, then the one idle for longest */
	struct server_counts counts;
	struct work_queue *work_queue;
	uint64_t full_warn_ms; /* no "too many clients" before this */
	uint64_t none_warn_ms; /* no "discovery not started" before this */
	struct buffer scratch; /* one reply, before it is framed */
	char read[SERVER_READ_SIZE];
};

enum client_state {
	CLIENT_ASKING,  /* it may send requests; leaves by a miss */
	CLIENT_WAITING, /* for its turn, then for a look-up; leaves with the
	                 * answer */
	CLIENT_ENDING,  /* it has its one answer; leaves when that is written */
	CLIENT_LEAVING, /* it has gone; leaves in its turn, or to make room */
	CLIENT_CLOSED,  /* libuv has the stream for closing */
};

struct client {
	struct list node;
	struct server *server;
	struct listener *listener;
	const struct protocol *protocol; /* the listener may change its own */
	uv_stream_t *stream;
	enum client_state state;
	uint64_t active_ms;    /* when it last sent something */
	struct buffer in;      /* read and not yet understood */
	struct buffer out;     /* replies gathered */
	struct buffer sending; /* what the socket did not take at once; libuv's
	                        * until on_written, empty otherwise */
	uv_write_t write;
	struct reply_question question; /* WAITING: what for */
	struct work_item work_item;     /* WAITING: a look-up begins in it;
	                                 * LEAVING: it is closed */
	struct ask_waiter *waiter;      /* WAITING: on what, after that */
};

/* Begins to serve who has connected to LISTENER. Without memory the stream is
 * dropped. */
void client_start(struct server *server, struct listener *listener,
                  uv_stream_t *stream);

/* Whether the next request may be answered: the one before is, and the client
 * has taken its replies. */
bool client_is_free(const struct client *client);

/* Closes the connection, whatever is under way; a second time does nothing. */
void client_drop(struct client *client);

/* True at most once a minute for each *NEXT_MS, which is 0 at first: what a
 * stranger can provoke must not fill the log. */
bool server_may_warn(const struct server *server, uint64_t *next_ms);

#endif
