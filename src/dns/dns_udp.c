/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_udp.c - asks a DNS server questions by UDP. */
#include "dns/dns_udp.h"

#include "base/list.h"
#include "dns/dns_packet.h"

#include <stdlib.h>

/* With as few, no answer is lost as the socket's buffer is full. */
enum { SHARED_MAX = 16 };

struct dns_udp {
	uv_loop_t *loop;
	struct sockaddr_storage server;
	unsigned share;    /* questions that one socket may have out */
	struct list ports; /* that have room for one more */
};

/* A socket of ours. */
struct port {
	struct list node; /* in PORTS, or in none */
	uv_udp_t socket;
	struct dns_udp *udp;
	struct list questions;
	unsigned count; /* of these; 0: it is being closed */
	char message[DNS_UDP_PAYLOAD];
};

struct dns_udp_question {
	struct list node; /* in its port's */
	struct port *port;
	uint16_t id;
	dns_udp_callback *callback;
	void *arg;
};

/* -- sockets --------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* The descriptor goes at once, the memory with on_closed(). */
static void port_close(struct port *port)
{
	list_remove(&port->node);
	uv_close((uv_handle_t *)&port->socket, on_closed);
}

static struct dns_udp_question *find_question(const struct port *port,
                                              uint16_t id)
{
	list_each (node, &port->questions) {
		struct dns_udp_question *question =
		    container_of(node, struct dns_udp_question, node);

		if (question->id == id)
			return question;
	}
	return NULL;
}

/* A socket without a question goes; one that had no room has some again. */
static void remove_question(struct dns_udp_question *question)
{
	struct port *port = question->port;

	list_remove(&question->node);
	free(question);
	if (--port->count == 0)
		port_close(port);
	else if (list_empty(&port->node))
		list_append(&port->udp->ports, &port->node);
}

static void end_question(struct dns_udp_question *question,
                         struct slice message)
{
	dns_udp_callback *callback = question->callback;
	void *arg = question->arg;

	remove_question(question);
	callback(arg, message);
}

/* Nobody listens there, or there is no way. */
static void end_all(struct port *port)
{
	list_each_safe (node, &port->questions)
		end_question(container_of(node, struct dns_udp_question, node),
		             slice_of(NULL, 0));
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	struct port *port = handle->data;

	(void)size;
	*buf = uv_buf_init(port->message, sizeof(port->message));
}

/* What has no question's id was sent by somebody who guesses, or is late. */
static void on_message(uv_udp_t *socket, ssize_t len, const uv_buf_t *buf,
                       const struct sockaddr *from, unsigned flags)
{
	struct port *port = socket->data;
	const unsigned char *bytes = (const unsigned char *)port->message;
	struct dns_udp_question *question;

	(void)buf;
	(void)from;
	(void)flags; /* one that is cut off is seen to be */
	if (len < 0) {
		end_all(port);
		return;
	}
	if (len < DNS_HEADER)
		return;
	question = find_question(port, (uint16_t)(bytes[0] << 8 | bytes[1]));
	if (question)
		end_question(question, slice_of(port->message, (size_t)len));
}

static int mts_from_uv(int rc)
{
	switch (rc) {
	case 0:
		return MTS_OK;
	case UV_ENOMEM:
	case UV_ENOBUFS:
		return MTS_ENOMEM;
	case UV_EMFILE:
	case UV_ENFILE:
		return MTS_ESYS;
	default:
		return MTS_ENOTFOUND;
	}
}

static int port_open(struct dns_udp *udp, struct port **ret)
{
	struct port *port = calloc(1, sizeof(*port));
	int rc;

	if (!port)
		return MTS_ENOMEM;
	port->udp = udp;
	list_init(&port->node);
	list_init(&port->questions);
	uv_udp_init(udp->loop, &port->socket);
	port->socket.data = port;
	rc = uv_udp_connect(&port->socket,
	                    (const struct sockaddr *)&udp->server);
	if (rc == 0)
		rc = uv_udp_recv_start(&port->socket, on_alloc, on_message);
	if (rc != 0)
		port_close(port);
	else
		*ret = port;
	return mts_from_uv(rc);
}

static int find_port(struct dns_udp *udp, struct port **ret)
{
	struct list *first = list_first(&udp->ports);

	if (!first)
		return port_open(udp, ret);
	*ret = container_of(first, struct port, node);
	return MTS_OK;
}

/* -- questions ------------------------------------------------------------- */

static int draw_id(const struct port *port, uint16_t *ret)
{
	do {
		if (uv_random(NULL, NULL, ret, sizeof(*ret), 0, NULL) != 0)
			return MTS_ELIB;
	} while (find_question(port, *ret));
	return MTS_OK;
}

static void add_question(struct dns_udp_question *question)
{
	struct port *port = question->port;

	list_append(&port->questions, &question->node);
	port->count++;
	if (port->count >= port->udp->share)
		list_remove(&port->node);
	else if (list_empty(&port->node))
		list_append(&port->udp->ports, &port->node);
}

/* A refusal is what came of earlier questions, but stands for the server. */
static int send_question(struct dns_udp_question *question,
                         const struct dns_name *name, uint16_t type,
                         bool dnssec)
{
	uint8_t bytes[DNS_QUESTION_MAX];
	size_t len = dns_question_put(bytes, question->id, name, type,
	                              DNS_UDP_PAYLOAD, dnssec);
	uv_buf_t buf = uv_buf_init((char *)bytes, (unsigned)len);
	int sent = uv_udp_try_send(&question->port->socket, &buf, 1, NULL);

	return mts_from_uv(sent < 0 ? sent : 0);
}

int dns_udp_ask(struct dns_udp *udp, const struct dns_name *name, uint16_t type,
                bool dnssec, dns_udp_callback *callback, void *arg,
                struct dns_udp_question **ret)
{
	struct dns_udp_question *question = malloc(sizeof(*question));
	struct port *port = NULL;
	int status;

	if (!question)
		return MTS_ENOMEM;
	status = find_port(udp, &port);
	if (status != MTS_OK) {
		free(question);
		return status;
	}
	question->port = port;
	question->callback = callback;
	question->arg = arg;
	status = draw_id(port, &question->id);
	add_question(question);
	if (status == MTS_OK)
		status = send_question(question, name, type, dnssec);
	if (status == MTS_OK) {
		*ret = question;
		return MTS_OK;
	}
	remove_question(question);
	if (status == MTS_ENOTFOUND && port->count > 0)
		end_all(port);
	return status;
}

void dns_udp_cancel(struct dns_udp_question **question)
{
	if (!*question)
		return;
	remove_question(*question);
	*question = NULL;
}

/* -- a server -------------------------------------------------------------- */

int dns_udp_new(uv_loop_t *loop, const struct address *server, in_port_t port,
                struct dns_udp **ret)
{
	struct dns_udp *udp = calloc(1, sizeof(*udp));

	if (!udp)
		return MTS_ENOMEM;
	udp->loop = loop;
	udp->share = address_is_loopback(server) ? SHARED_MAX : 1;
	list_init(&udp->ports);
	address_socket(server, port, &udp->server);
	*ret = udp;
	return MTS_OK;
}

void dns_udp_close(struct dns_udp **udp)
{
	free(*udp);
	*udp = NULL;
}
