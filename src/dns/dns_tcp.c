/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_tcp.c - asks DNS servers questions by TCP, with getdns.
 *
 * getdns 1.5 to 1.7 has faults that corrupt memory. These are bugs of the library,
 * which any silent or hostile server can trigger; this file avoids each of them:
 *
 * - Its time-outs read freed memory. So none of them ever fires: its timers are
 *   set too far ahead (getdns_uv.c), and our caller cancels.
 * - A question that is cancelled while it is being written leaves a pointer to
 *   itself in the connection. So each question has a context of its own, with one
 *   server, and is cancelled by destroying the context.
 * - When an answer is truncated, getdns reads the transport after the last one in
 *   its list, from memory that it never wrote. So its memory is zeroed.
 * - When no file descriptor is left, it queues the question internally, and
 *   cancelling then frees the queue twice. So we check for a descriptor first.
 * - A context must not be destroyed from inside its own callback. So the answer
 *   is copied, and handed on from the work queue.
 *
 * One question's life: QUEUED, OUT, READY; see enum tcp_state. */
#include "dns/dns_tcp.h"

#include "dns/getdns_uv.h"

#include <fcntl.h>
#include <getdns/getdns_extra.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	/* Without DNSSEC no EDNS is sent: by TCP it gains nothing, and a server
	 * that answers FORMERR to EDNS is asked again this way. */
	TCP_PAYLOAD_NO_EDNS = 512,
	TCP_PAYLOAD_EDNS = 1232,
};

/* Beyond getdns_uv.c's limit for timers, and far from an overflow. */
#define TCP_NO_TIMEOUT_MS ((uint64_t)1 << 40)

enum tcp_state {
	TCP_QUEUED, /* in dns_tcp.queued; leaves by tcp_start_next() */
	TCP_OUT,    /* has a context; leaves by tcp_on_response() or an error */
	TCP_READY,  /* in the work queue; ends with the callback */
};

struct dns_tcp {
	uv_loop_t *loop;
	struct work_queue *work_queue;
	struct work_item start; /* starts the first of QUEUED */
	struct list queued;     /* questions; first come, first served */
	struct list started;    /* questions that are OUT or READY */
	size_t started_count;   /* at most DNS_TCP_MAX */
	getdns_dict *dnssec;    /* getdns' extension that sets DO; or NULL */
};

struct dns_tcp_question {
	struct list node;           /* in the queue, or in the started */
	struct work_item work_item; /* READY: calls back */
	enum tcp_state state;
	struct dns_tcp *tcp;
	struct address server;
	in_port_t port;
	struct dns_name name;
	uint16_t type;
	bool dnssec;
	uint64_t started_ms; /* OUT, READY */
	struct getdns_uv adapter;
	getdns_context *context; /* OUT, READY; NULL: it could not be made */
	int status;              /* READY: what the callback gets, */
	char *message;           /* and a copy of the answer; or NULL */
	size_t message_len;
	dns_tcp_callback *callback;
	void *arg;
};

/* -- a getdns context ------------------------------------------------------ */

/* getdns' return codes are 0 or positive, and have one for memory. */
static int mts_from_getdns(getdns_return_t rc)
{
	if (rc == GETDNS_RETURN_GOOD)
		return MTS_OK;
	return rc == GETDNS_RETURN_MEMORY_ERROR ? MTS_ENOMEM : MTS_ELIB;
}

/* The list of one server; the caller destroys it. NULL: out of memory. */
static getdns_list *context_servers(const struct address *server,
                                    in_port_t port)
{
	bool v6 = server->family == AF_INET6;
	getdns_bindata type = { 4, (uint8_t *)(v6 ? "IPv6" : "IPv4") };
	getdns_bindata data = { v6 ? 16 : 4, (uint8_t *)&server->v6 };
	getdns_list *list = getdns_list_create();
	getdns_dict *dict = getdns_dict_create();

	if (!list || !dict ||
	    getdns_dict_set_bindata(dict, "address_type", &type) ||
	    getdns_dict_set_bindata(dict, "address_data", &data) ||
	    getdns_dict_set_int(dict, "port", port) ||
	    getdns_list_set_dict(list, 0, dict)) {
		getdns_list_destroy(list);
		list = NULL;
	}
	getdns_dict_destroy(dict);
	return list;
}

static getdns_return_t context_set(getdns_context *context,
                                   getdns_list *servers)
{
	getdns_namespace_t namespace = GETDNS_NAMESPACE_DNS;
	getdns_transport_list_t only = GETDNS_TRANSPORT_TCP;
	getdns_return_t rc;

	rc =
	    getdns_context_set_resolution_type(context, GETDNS_RESOLUTION_STUB);
	if (!rc)
		rc = getdns_context_set_namespaces(context, 1, &namespace);
	if (!rc)
		rc = getdns_context_set_dns_transport_list(context, 1, &only);
	if (!rc)
		rc = getdns_context_set_upstream_recursive_servers(context,
		                                                   servers);
	if (!rc)
		rc = getdns_context_set_append_name(context,
		                                    GETDNS_APPEND_NAME_NEVER);
	if (!rc)
		rc = getdns_context_set_edns_maximum_udp_payload_size(
		    context, TCP_PAYLOAD_NO_EDNS);
	if (!rc)
		rc = getdns_context_set_limit_outstanding_queries(context, 0);
	if (!rc)
		rc = getdns_context_set_timeout(context, TCP_NO_TIMEOUT_MS);
	return rc;
}

/* For getdns, which reads memory that it never wrote; see above. */
static void *context_zeroed(size_t size)
{
	return calloc(1, size);
}

/* On an error, too, question->context must be destroyed if it is not NULL. */
static int context_make(struct dns_tcp_question *question)
{
	struct dns_tcp *tcp = question->tcp;
	getdns_list *servers =
	    context_servers(&question->server, question->port);
	int status;

	if (!servers)
		return MTS_ENOMEM;
	status = mts_from_getdns(getdns_context_create_with_memory_functions(
	    &question->context, 0, context_zeroed, realloc, free));
	if (status == MTS_OK)
		status =
		    mts_from_getdns(context_set(question->context, servers));
	if (status == MTS_OK) {
		getdns_uv_init(&question->adapter, tcp->loop, tcp->work_queue);
		status =
		    getdns_uv_attach(&question->adapter, question->context);
	}
	getdns_list_destroy(servers);
	return status;
}

/* -- the queue ------------------------------------------------------------- */

static void tcp_kick(struct dns_tcp *tcp)
{
	if (!list_empty(&tcp->queued) && tcp->started_count < DNS_TCP_MAX)
		work_queue_add(tcp->work_queue, &tcp->start);
}

/* Takes the question out of the queue, or gives back its slot. */
static void tcp_leave(struct dns_tcp_question *question)
{
	list_remove(&question->node);
	if (question->context)
		getdns_context_destroy(question->context);
	question->context = NULL;
	if (question->state != TCP_QUEUED)
		question->tcp->started_count--;
	tcp_kick(question->tcp);
}

static void tcp_free(struct dns_tcp_question *question)
{
	work_item_cancel(&question->work_item);
	free(question->message);
	free(question);
}

/* The callback may close the dns_tcp, so everything is given back first. */
static void tcp_on_ready(struct work_item *work_item)
{
	struct dns_tcp_question *question =
	    container_of(work_item, struct dns_tcp_question, work_item);

	tcp_leave(question);
	question->callback(question->arg, question->status,
	                   slice_of(question->message, question->message_len));
	tcp_free(question);
}

static void tcp_make_ready(struct dns_tcp_question *question, int status)
{
	question->state = TCP_READY;
	question->status = status;
	work_queue_add(question->tcp->work_queue, &question->work_item);
}

/* -- questions ------------------------------------------------------------- */

static int tcp_copy(struct dns_tcp_question *question, getdns_dict *response)
{
	getdns_bindata *message;

	if (!response ||
	    getdns_dict_get_bindata(response, "/replies_full/0", &message))
		return MTS_ENOTFOUND;
	question->message =
	    slice_copy(slice_of((const char *)message->data, message->size));
	if (!question->message)
		return MTS_ENOMEM;
	question->message_len = message->size;
	return MTS_OK;
}

/* May come from inside getdns_general(). */
static void tcp_on_response(getdns_context *context,
                            getdns_callback_type_t type, getdns_dict *response,
                            void *arg, getdns_transaction_t id)
{
	struct dns_tcp_question *question = arg;

	(void)context;
	(void)id;
	if (type != GETDNS_CALLBACK_CANCEL)
		tcp_make_ready(question, tcp_copy(question, response));
	getdns_dict_destroy(response);
}

/* Copies an open descriptor: a socket would cost ten times as much. */
static bool tcp_has_descriptor(const uv_loop_t *loop)
{
	int fd = fcntl(uv_backend_fd(loop), F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

/* Not getdns' own validation, which would ask for the whole chain of trust: the
 * server validates, and its AD bit is the result. */
static bool tcp_make_dnssec(struct dns_tcp *tcp)
{
	getdns_dict *dnssec = tcp->dnssec;

	if (dnssec)
		return true;
	dnssec = getdns_dict_create();
	if (!dnssec ||
	    getdns_dict_set_int(dnssec, "/add_opt_parameters/do_bit", 1) ||
	    getdns_dict_set_int(dnssec,
	                        "/add_opt_parameters/maximum_udp_payload_size",
	                        TCP_PAYLOAD_EDNS)) {
		getdns_dict_destroy(dnssec);
		return false;
	}
	tcp->dnssec = dnssec;
	return true;
}

static int tcp_send(struct dns_tcp_question *question)
{
	struct dns_tcp *tcp = question->tcp;
	getdns_transaction_t id;
	char *text;
	int status;

	if (!tcp_has_descriptor(tcp->loop))
		return MTS_ESYS;
	if (question->dnssec && !tcp_make_dnssec(tcp))
		return MTS_ENOMEM;
	text = dns_name_format(&question->name);
	if (!text)
		return MTS_ENOMEM;
	status = context_make(question);
	if (status == MTS_OK)
		status = mts_from_getdns(
		    getdns_general(question->context, text, question->type,
		                   question->dnssec ? tcp->dnssec : NULL,
		                   question, &id, tcp_on_response));
	free(text);
	return status;
}

/* One at a time: it takes 0.7 ms to make a context. */
static void tcp_start_next(struct work_item *work_item)
{
	struct dns_tcp *tcp = container_of(work_item, struct dns_tcp, start);
	struct list *first = list_first(&tcp->queued);
	struct dns_tcp_question *question;
	int status;

	if (!first || tcp->started_count == DNS_TCP_MAX)
		return;
	question = container_of(first, struct dns_tcp_question, node);
	list_remove(&question->node);
	list_append(&tcp->started, &question->node);
	tcp->started_count++;
	question->state = TCP_OUT;
	question->started_ms = uv_now(tcp->loop);
	status = tcp_send(question);
	if (status != MTS_OK && question->state == TCP_OUT)
		tcp_make_ready(question, status);
	tcp_kick(tcp);
}

int dns_tcp_ask(struct dns_tcp *tcp, const struct address *server,
                in_port_t port, const struct dns_name *name, uint16_t type,
                bool dnssec, dns_tcp_callback *callback, void *arg,
                struct dns_tcp_question **ret)
{
	struct dns_tcp_question *question = calloc(1, sizeof(*question));

	if (!question)
		return MTS_ENOMEM;
	work_item_init(&question->work_item, tcp_on_ready);
	question->state = TCP_QUEUED;
	question->tcp = tcp;
	question->server = *server;
	question->port = port;
	question->name = *name;
	question->type = type;
	question->dnssec = dnssec;
	question->callback = callback;
	question->arg = arg;
	list_append(&tcp->queued, &question->node);
	tcp_kick(tcp);
	*ret = question;
	return MTS_OK;
}

uint64_t dns_tcp_out_ms(const struct dns_tcp_question *question)
{
	if (question->state == TCP_QUEUED)
		return 0;
	return uv_now(question->tcp->loop) - question->started_ms;
}

void dns_tcp_cancel(struct dns_tcp_question **question)
{
	struct dns_tcp_question *q = *question;

	if (!q)
		return;
	*question = NULL;
	tcp_leave(q);
	tcp_free(q);
}

/* -- the whole ------------------------------------------------------------- */

int dns_tcp_new(uv_loop_t *loop, struct dns_tcp **ret)
{
	struct dns_tcp *tcp = calloc(1, sizeof(*tcp));
	int status;

	if (!tcp)
		return MTS_ENOMEM;
	tcp->loop = loop;
	list_init(&tcp->queued);
	list_init(&tcp->started);
	work_item_init(&tcp->start, tcp_start_next);
	status = work_queue_ref(loop, &tcp->work_queue);
	if (status == MTS_OK)
		*ret = tcp;
	else
		free(tcp);
	return status;
}

static void tcp_cancel_all(struct list *questions)
{
	list_each_safe (node, questions) {
		struct dns_tcp_question *question =
		    container_of(node, struct dns_tcp_question, node);

		dns_tcp_cancel(&question);
	}
}

void dns_tcp_close(struct dns_tcp **tcp)
{
	struct dns_tcp *t = *tcp;

	if (!t)
		return;
	*tcp = NULL;
	tcp_cancel_all(&t->queued);
	tcp_cancel_all(&t->started);
	work_item_cancel(&t->start);
	work_queue_unref(&t->work_queue);
	getdns_dict_destroy(t->dnssec);
	free(t);
}
