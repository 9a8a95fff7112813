/* SPDX-License-Identifier: BSD-2-Clause */
/* stats.c - the HTTP socket for monitoring.
 *
 * Each connection that endpoint.c accepts goes to libmicrohttpd, which watches
 * it with its own epoll descriptor; our loop watches that descriptor. Each
 * connection gets one answer and is closed.
 *
 * SECURITY: a client may be slow or silent, or send endless headers. Its cost
 * is bounded: CLIENTS_MAX connections of CLIENT_MEMORY bytes, none for longer
 * than CLIENT_MS; a new client replaces the oldest. Writing all metrics takes
 * about 0.2 ms, during which look-ups wait: after a few answers in a row, the
 * last one is sent again. */
#include "stats/stats.h"

#include "base/list.h"
#include "base/log.h"
#include "serve/endpoint.h"
#include "stats/stats_pages.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	CLIENTS_MAX = 32,
	CLIENT_MEMORY = 16 * 1024, /* for its headers; no more are taken */
	CLIENT_MS = 10 * 1000,     /* from its first byte to our last */
	CLIENT_MIN_MS = 500,       /* before a new client may replace it */
	/* libmicrohttpd still holds cut connections for a moment. */
	CONNECTIONS_MAX = 2 * CLIENTS_MAX,
};

struct stats {
	uv_loop_t *loop;
	struct endpoint *endpoint; /* NULL: none */
	/* Set between prepare and settle: the new endpoint, NULL if there is
	 * none. */
	struct endpoint *next;
	bool prepared, stays;
	struct MHD_Daemon *http; /* NULL: it was never needed */
	struct stats_pages pages;
	struct list clients; /* the oldest first */
	size_t count;
	uv_poll_t poll;
	uv_timer_t timer;
	size_t handles; /* not closed by libuv yet */
};

struct client {
	struct list node;
	struct stats *stats;
	int fd;
	bool cut; /* it has been shut down */
	uint64_t started_ms;
};

/* -- the loop -------------------------------------------------------------- */

static void stats_on_timer(uv_timer_t *timer);

static struct client *first_client(struct stats *stats)
{
	struct list *first = list_first(&stats->clients);

	return first ? container_of(first, struct client, node) : NULL;
}

/* When the timer must run next, in milliseconds from now; false: no timer is
 * needed. */
static bool next_ms(struct stats *stats, uint64_t *ret)
{
	const struct client *oldest = first_client(stats);
	MHD_UNSIGNED_LONG_LONG ms = 0;
	uint64_t end_ms;
	uint64_t now_ms = uv_now(stats->loop);

	if (!oldest)
		return false;
	end_ms = oldest->started_ms + CLIENT_MS;
	*ret = end_ms > now_ms ? end_ms - now_ms : 0;
	if (MHD_get_timeout(stats->http, &ms) == MHD_YES && ms < *ret)
		*ret = ms;
	return true;
}

/* Lets libmicrohttpd do what it can do now. */
static void run_http(struct stats *stats)
{
	uint64_t ms;

	MHD_run(stats->http);
	if (next_ms(stats, &ms))
		uv_timer_start(&stats->timer, stats_on_timer, ms, 0);
	else
		uv_timer_stop(&stats->timer);
}

/* libmicrohttpd then sees that the connection has ended. */
static void cut_client(struct client *client)
{
	if (client->cut)
		return;
	client->cut = true;
	client->stats->count--;
	list_remove(&client->node);
	shutdown(client->fd, SHUT_RDWR);
}

static void stats_on_timer(uv_timer_t *timer)
{
	struct stats *stats = timer->data;
	uint64_t now_ms = uv_now(stats->loop);
	struct client *oldest;

	while ((oldest = first_client(stats)) &&
	       now_ms - oldest->started_ms >= CLIENT_MS)
		cut_client(oldest);
	run_http(stats);
}

static void stats_on_event(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	run_http(poll->data);
}

/* -- clients coming and going ---------------------------------------------- */

/* libmicrohttpd calls this; *CONTEXT is ours, one for each connection. */
static void stats_on_notify(void *arg, struct MHD_Connection *connection,
                            void **context,
                            enum MHD_ConnectionNotificationCode what)
{
	struct stats *stats = arg;
	struct client *client = *context;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (client && !client->cut) {
			list_remove(&client->node);
			stats->count--;
		}
		free(client);
		*context = NULL;
		return;
	}
	client = calloc(1, sizeof(*client));
	*context = client;
	if (!client) /* it is closed by libmicrohttpd's own time-out */
		return;
	client->stats = stats;
	client->fd = MHD_get_connection_info(connection,
	                                     MHD_CONNECTION_INFO_CONNECTION_FD)
	                 ->connect_fd;
	client->started_ms = uv_now(stats->loop);
	list_append(&stats->clients, &client->node);
	stats->count++;
}

static bool drop_oldest_client(struct stats *stats)
{
	struct client *oldest = first_client(stats);

	if (stats->count < CLIENTS_MAX)
		return true;
	if (!oldest || uv_now(stats->loop) - oldest->started_ms < CLIENT_MIN_MS)
		return false;
	cut_client(oldest);
	return true;
}

static void stats_on_connection(void *arg, uv_stream_t *stream)
{
	struct stats *stats = arg;
	struct sockaddr unnamed = { .sa_family = AF_UNIX };
	int fd = -1;

	if (drop_oldest_client(stats) &&
	    uv_fileno((uv_handle_t *)stream, &fd) == 0)
		fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	else
		fd = -1;
	endpoint_drop_stream(stream);
	if (fd < 0)
		return;
	/* Takes over the descriptor even if it fails. */
	if (MHD_add_connection(stats->http, fd, &unnamed, sizeof(unnamed)) !=
	    MHD_YES)
		log_debug("stats_client_dropped");
	run_http(stats);
}

/* -- requests -------------------------------------------------------------- */

static enum MHD_Result stats_answer(struct MHD_Connection *connection,
                                    const struct stats_page *page)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
	    page->body.len, (void *)page->body.data, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result = MHD_NO;

	if (!response)
		return MHD_NO;
	if (MHD_add_response_header(response, "Content-Type", page->type) ==
	        MHD_YES &&
	    MHD_add_response_header(response, "Cache-Control", "no-store") ==
	        MHD_YES &&
	    MHD_add_response_header(response, "Connection", "close") ==
	        MHD_YES &&
	    (page->status != MHD_HTTP_METHOD_NOT_ALLOWED ||
	     MHD_add_response_header(response, "Allow", "GET, HEAD") ==
	         MHD_YES))
		result = MHD_queue_response(connection, page->status, response);
	MHD_destroy_response(response);
	return result;
}

/* MHD_NO closes the connection. */
static enum MHD_Result stats_on_request(void *arg,
                                        struct MHD_Connection *connection,
                                        const char *url, const char *method,
                                        const char *version, const char *upload,
                                        size_t *upload_len, void **context)
{
	struct stats *stats = arg;
	const char *accept =
	    MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Accept");
	struct stats_page page;

	(void)version;
	(void)upload;
	(void)upload_len;
	(void)context;
	if (stats_pages_get(&stats->pages, method, url, accept ? accept : "",
	                    &page) != MTS_OK)
		return MHD_NO;
	return stats_answer(connection, &page);
}

/* -- the service ----------------------------------------------------------- */

static int start_http(struct stats *stats, struct fault *why)
{
	const union MHD_DaemonInfo *info = NULL;

	stats->http = MHD_start_daemon(
	    MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL,
	    stats_on_request, stats, MHD_OPTION_CONNECTION_LIMIT,
	    (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	    (size_t)CLIENT_MEMORY, MHD_OPTION_CONNECTION_TIMEOUT,
	    (unsigned)(CLIENT_MS / 1000), MHD_OPTION_NOTIFY_CONNECTION,
	    stats_on_notify, stats, MHD_OPTION_END);
	if (stats->http)
		info =
		    MHD_get_daemon_info(stats->http, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info ||
	    uv_poll_init(stats->loop, &stats->poll, info->epoll_fd) != 0) {
		if (stats->http)
			MHD_stop_daemon(stats->http);
		stats->http = NULL;
		return fault_set(why, MTS_ELIB,
		                 "stats: libmicrohttpd can't be set up");
	}
	stats->handles++;
	stats->poll.data = stats;
	uv_poll_start(&stats->poll, UV_READABLE, stats_on_event);
	return MTS_OK;
}

/* Listens where OPTIONS say; *RET stays NULL if that is nowhere. */
static int start_listening(struct stats *stats,
                           const struct stats_options *options,
                           struct endpoint **ret, struct fault *why)
{
	struct endpoint_options endpoint = {
		.loop = stats->loop,
		.bind = { .address = options->address, .mode = STATS_MODE },
		.ready = options->ready,
	};
	int rc = MTS_OK;

	if (options->address[0] == '\0')
		return MTS_OK;
	if (!stats->http)
		rc = start_http(stats, why);
	if (rc != MTS_OK)
		return rc;
	return endpoint_listen(&endpoint, stats_on_connection, stats, ret, why);
}

int stats_open(const struct stats_options *options, struct stats **ret,
               struct fault *why)
{
	struct stats *stats = calloc(1, sizeof(*stats));
	int rc;

	if (!stats)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	stats->loop = options->loop;
	list_init(&stats->clients);
	stats_pages_init(&stats->pages, options->sources);
	uv_timer_init(stats->loop, &stats->timer);
	stats->timer.data = stats;
	stats->handles = 1;
	rc = start_listening(stats, options, &stats->endpoint, why);
	if (rc != MTS_OK)
		stats_close(&stats);
	else
		*ret = stats;
	return rc;
}

int stats_prepare(struct stats *stats, const struct stats_options *options,
                  struct fault *why)
{
	int rc = MTS_OK;

	stats->stays = stats->endpoint &&
	               endpoint_is_at(stats->endpoint, options->address);
	if (!stats->stays)
		rc = start_listening(stats, options, &stats->next, why);
	stats->prepared = rc == MTS_OK;
	return rc;
}

void stats_settle(struct stats *stats, bool good)
{
	struct endpoint *before = stats->endpoint;

	if (good && stats->prepared && !stats->stays) {
		stats->endpoint = stats->next;
		stats->next = before;
	}
	stats->prepared = false;
	endpoint_close(&stats->next);
}

static void stats_on_close(uv_handle_t *handle)
{
	struct stats *stats = handle->data;

	if (--stats->handles > 0)
		return;
	stats_pages_free(&stats->pages);
	free(stats);
}

void stats_close(struct stats **stats)
{
	struct stats *s = *stats;

	if (!s)
		return;
	*stats = NULL;
	stats_settle(s, false);
	endpoint_close(&s->endpoint);
	if (s->http) {
		/* Before its descriptor goes. */
		uv_close((uv_handle_t *)&s->poll, stats_on_close);
		MHD_stop_daemon(s->http);
	}
	uv_close((uv_handle_t *)&s->timer, stats_on_close);
}
