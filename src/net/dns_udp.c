/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_udp.c - asks one DNS server one question by UDP. */
#include "net/dns_udp.h"

#include "net/dns_packet.h"

#include <stdlib.h>

struct dns_udp {
	uv_udp_t socket;
	uint16_t id;
	dns_udp_callback *callback; /* NULL: cancelled, or called */
	void *arg;
	char message[DNS_UDP_PAYLOAD];
};

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* The descriptor goes at once, the memory with on_closed(). */
static void close_socket(struct dns_udp *udp)
{
	udp->callback = NULL;
	uv_close((uv_handle_t *)&udp->socket, on_closed);
}

void dns_udp_cancel(struct dns_udp **udp)
{
	if (!*udp)
		return;
	close_socket(*udp);
	*udp = NULL;
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	struct dns_udp *udp = handle->data;

	(void)size;
	*buf = uv_buf_init(udp->message, sizeof(udp->message));
}

static bool is_reply(const struct dns_udp *udp, ssize_t len)
{
	const unsigned char *bytes = (const unsigned char *)udp->message;

	return len >= 12 && (bytes[0] << 8 | bytes[1]) == udp->id;
}

/* What has another id was sent by somebody who guesses. */
static void on_message(uv_udp_t *socket, ssize_t len, const uv_buf_t *buf,
                       const struct sockaddr *from, unsigned flags)
{
	struct dns_udp *udp = socket->data;
	dns_udp_callback *callback = udp->callback;

	(void)buf;
	(void)from;
	(void)flags; /* one that is cut off is seen to be */
	if (len >= 0 && !is_reply(udp, len))
		return;
	close_socket(udp);
	callback(udp->arg, len < 0 ? slice_of(NULL, 0)
	                           : slice_of(udp->message, (size_t)len));
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

static int send_question(struct dns_udp *udp,
                         const struct dns_udp_question *question)
{
	uint8_t bytes[DNS_QUESTION_MAX];
	size_t len =
	    dns_question_put(bytes, udp->id, question->name, question->type,
	                     DNS_UDP_PAYLOAD, question->dnssec);
	uv_buf_t buf = uv_buf_init((char *)bytes, (unsigned)len);
	int sent = uv_udp_try_send(&udp->socket, &buf, 1, NULL);

	return mts_from_uv(sent < 0 ? sent : 0);
}

int dns_udp_ask(uv_loop_t *loop, const struct dns_udp_question *question,
                dns_udp_callback *callback, void *arg, struct dns_udp **ret)
{
	struct dns_udp *udp = malloc(sizeof(*udp));
	struct sockaddr_storage to;
	int status;

	if (!udp)
		return MTS_ENOMEM;
	if (uv_random(NULL, NULL, &udp->id, sizeof(udp->id), 0, NULL) != 0) {
		free(udp);
		return MTS_ELIB;
	}
	udp->callback = callback;
	udp->arg = arg;
	uv_udp_init(loop, &udp->socket);
	udp->socket.data = udp;
	address_socket(question->server, question->port, &to);
	status = mts_from_uv(
	    uv_udp_connect(&udp->socket, (const struct sockaddr *)&to));
	if (status == MTS_OK)
		status = send_question(udp, question);
	if (status == MTS_OK)
		status = mts_from_uv(
		    uv_udp_recv_start(&udp->socket, on_alloc, on_message));
	if (status != MTS_OK)
		close_socket(udp);
	else
		*ret = udp;
	return status;
}
