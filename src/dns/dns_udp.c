/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_udp.c - asks a DNS server questions by UDP.
 *
 * A question belongs to a port (a socket of ours) until its answer comes, then it
 * waits in the work queue: to read an answer and act on it takes longer than to
 * receive it. A port without questions is closed. */
#include "dns/dns_udp.h"

#include "base/list.h"
#include "dns/dns_packet.h"

#include <stdlib.h>

/* With so few questions, no answer is lost because the socket's buffer is full. */
enum { PORT_QUESTIONS_MAX = 16 };

struct dns_udp {
	uv_loop_t *loop;
	struct work_queue *work_queue;
	struct sockaddr_storage server;
	unsigned port_max; /* questions that one port may have out */
	struct list ports; /* those that can take one more */
};

/* A socket of ours. */
struct port {
	struct list node; /* in dns_udp.ports, or in none */
	uv_udp_t socket;
	struct dns_udp *udp;
	struct list questions;
	unsigned count; /* of QUESTIONS; 0: it is being closed */
	char message[DNS_UDP_PAYLOAD];
};

struct dns_udp_question {
	struct list node;           /* in its port's questions */
	struct work_item work_item; /* calls back */
	struct port *port;          /* NULL: answered, in the work queue */
	uint16_t id;
	int status;    /* answered: what the callback gets, */
	char *message; /* and a copy of the message; or NULL */
	size_t message_len;
	dns_udp_callback *callback;
	void *arg;
};

/* -- ports ----------------------------------------------------------------- */

static void port_on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* Closes the descriptor at once; port_on_closed() frees the memory. */
static void port_close(struct port *port)
{
	list_remove(&port->node);
	uv_close((uv_handle_t *)&port->socket, port_on_closed);
}

static struct dns_udp_question *port_find(const struct port *port, uint16_t id)
{
	list_each (node, &port->questions) {
		struct dns_udp_question *question =
		    container_of(node, struct dns_udp_question, node);

		if (question->id == id)
			return question;
	}
	return NULL;
}

static void port_add(struct port *port, struct dns_udp_question *question)
{
	question->port = port;
	list_append(&port->questions, &question->node);
	port->count++;
	if (port->count >= port->udp->port_max)
		list_remove(&port->node);
	else if (list_empty(&port->node))
		list_append(&port->udp->ports, &port->node);
}

/* Closes a port that has no question left; a port that was full can take one
 * again. */
static void port_remove(struct dns_udp_question *question)
{
	struct port *port = question->port;

	list_remove(&question->node);
	question->port = NULL;
	if (--port->count == 0)
		port_close(port);
	else if (list_empty(&port->node))
		list_append(&port->udp->ports, &port->node);
}

static void question_answer(struct dns_udp_question *question, int status,
                            struct slice message)
{
	struct work_queue *work_queue = question->port->udp->work_queue;

	port_remove(question);
	question->status = status;
	if (status == MTS_OK) {
		question->message = slice_copy(message);
		question->message_len = question->message ? message.len : 0;
		question->status = question->message ? MTS_OK : MTS_ENOMEM;
	}
	work_queue_add(work_queue, &question->work_item);
}

/* The server does not listen, or there is no route to it. */
static void port_fail(struct port *port)
{
	list_each_safe (node, &port->questions)
		question_answer(
		    container_of(node, struct dns_udp_question, node),
		    MTS_ENOTFOUND, slice_of(NULL, 0));
}

static void port_on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	struct port *port = handle->data;

	(void)size;
	*buf = uv_buf_init(port->message, sizeof(port->message));
}

/* A message with an unknown id is late, or a forger's guess. One that is too long
 * for the buffer is read as a truncated one. */
static void port_on_message(uv_udp_t *socket, ssize_t len, const uv_buf_t *buf,
                            const struct sockaddr *from, unsigned flags)
{
	struct port *port = socket->data;
	const unsigned char *bytes = (const unsigned char *)port->message;
	struct dns_udp_question *question;

	(void)buf;
	(void)from;
	(void)flags;
	if (len < 0) {
		port_fail(port);
		return;
	}
	if (len < DNS_HEADER)
		return;
	question = port_find(port, (uint16_t)(bytes[0] << 8 | bytes[1]));
	if (question)
		question_answer(question, MTS_OK,
		                slice_of(port->message, (size_t)len));
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

/* MTS_ENOTFOUND: the server cannot be reached from here. */
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
		rc = uv_udp_recv_start(&port->socket, port_on_alloc,
		                       port_on_message);
	if (rc != 0)
		port_close(port);
	else
		*ret = port;
	return mts_from_uv(rc);
}

static int port_get(struct dns_udp *udp, struct port **ret)
{
	struct list *first = list_first(&udp->ports);

	if (!first)
		return port_open(udp, ret);
	*ret = container_of(first, struct port, node);
	return MTS_OK;
}

/* -- questions ------------------------------------------------------------- */

static void question_free(struct dns_udp_question *question)
{
	work_item_cancel(&question->work_item);
	free(question->message);
	free(question);
}

static void question_call_back(struct work_item *work_item)
{
	struct dns_udp_question *question =
	    container_of(work_item, struct dns_udp_question, work_item);

	question->callback(question->arg, question->status,
	                   slice_of(question->message, question->message_len));
	question_free(question);
}

static int question_draw_id(const struct port *port, uint16_t *ret)
{
	do {
		if (uv_random(NULL, NULL, ret, sizeof(*ret), 0, NULL) != 0)
			return MTS_ELIB;
	} while (port_find(port, *ret));
	return MTS_OK;
}

/* MTS_ENOTFOUND: the kernel reports here what became of earlier questions, so it is
 * about the server. */
static int question_send(const struct dns_udp_question *question,
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

/* Sends the question from a port. On an error it belongs to no port, unless the
 * server cannot be reached: then all questions of its port have been answered. */
static int question_start(struct dns_udp *udp,
                          struct dns_udp_question *question,
                          const struct dns_name *name, uint16_t type,
                          bool dnssec)
{
	struct port *port = NULL;
	int status = port_get(udp, &port);

	if (status != MTS_OK)
		return status;
	status = question_draw_id(port, &question->id);
	port_add(port, question);
	if (status == MTS_OK)
		status = question_send(question, name, type, dnssec);
	if (status == MTS_ENOTFOUND)
		port_fail(port);
	else if (status != MTS_OK)
		port_remove(question);
	return status;
}

int dns_udp_ask(struct dns_udp *udp, const struct dns_name *name, uint16_t type,
                bool dnssec, dns_udp_callback *callback, void *arg,
                struct dns_udp_question **ret)
{
	struct dns_udp_question *question = calloc(1, sizeof(*question));
	int status;

	if (!question)
		return MTS_ENOMEM;
	list_init(&question->node);
	work_item_init(&question->work_item, question_call_back);
	question->callback = callback;
	question->arg = arg;
	status = question_start(udp, question, name, type, dnssec);
	if (status == MTS_ENOTFOUND) { /* the callback says so */
		question->status = status;
		work_queue_add(udp->work_queue, &question->work_item);
	} else if (status != MTS_OK) {
		question_free(question);
		return status;
	}
	*ret = question;
	return MTS_OK;
}

void dns_udp_cancel(struct dns_udp_question **question)
{
	struct dns_udp_question *q = *question;

	if (!q)
		return;
	*question = NULL;
	if (q->port)
		port_remove(q);
	question_free(q);
}

/* -- a server -------------------------------------------------------------- */

int dns_udp_new(uv_loop_t *loop, struct work_queue *work_queue,
                const struct address *server, in_port_t port,
                struct dns_udp **ret)
{
	struct dns_udp *udp = calloc(1, sizeof(*udp));

	if (!udp)
		return MTS_ENOMEM;
	udp->loop = loop;
	udp->work_queue = work_queue;
	udp->port_max = address_is_loopback(server) ? PORT_QUESTIONS_MAX : 1;
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
