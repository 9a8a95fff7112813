/* SPDX-License-Identifier: BSD-2-Clause */
/* stub.c - asks one DNS server one question: by UDP as dns_udp.c does, by TCP by
 * getdns.
 *
 * getdns 1.5 to 1.7 must be held with care:
 *
 * - Its time-outs read freed memory, and it neither repeats a question nor
 *   turns to the next server in good time. So each context has one server, no
 *   time-out that ever fires, and questions are cancelled from outside.
 * - A question cancelled while it is being written leaves a pointer to it in the
 *   connection. So every question gets a context of its own (0.7 ms and some
 *   300 KB, for the few answers over 1,232 bytes).
 * - When an answer is cut off it looks at the transport after the last one in
 *   the list, in memory that it never wrote to. So it gets zeroed memory.
 * - Memory that it is refused it uses all the same. So there is a reserve, and
 *   nothing is asked while that is in use.
 * - The source of its random numbers (libbsd, where libc has none) ends the process
 *   when there is no memory for the first one. So that is drawn at the start.
 * - When no file descriptor is left it queues the question, and cancelling that
 *   one frees what is queued. So a descriptor is seen to be there first.
 * - A context must not be destroyed from inside its callback. So replies are
 *   handed on in a turn of their own; the callback may then do as it likes.
 *
 * By UDP it takes some 140,000 instructions and 19 calls of the system for a
 * question, to turn a few bytes into a tree and to be looked after; so it is not
 * asked. */
#include "dns/stub.h"

#include "base/list.h"
#include "base/shortage.h"
#include "dns/dns_udp.h"
#include "dns/getdns_memory.h"
#include "dns/getdns_uv.h"

#include <fcntl.h>
#include <getdns/getdns_extra.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	/* By TCP no EDNS is sent: there is nothing to gain, and a server that
	 * answers FORMERR to EDNS is asked again this way. */
	STUB_TCP_PAYLOAD = 512,
	STUB_RANDOM_TIMEOUT_MS = 100, /* no system takes that long to say no */
	STUB_SERVER_TEXT = ADDRESS_TEXT + 9, /* brackets, colon, port */
};

/* Beyond getdns_uv.c's limit for timers, far from overflow. */
#define STUB_NO_TIMEOUT_MS ((uint64_t)1 << 40)

struct stub {
	uv_loop_t *loop;
	struct work_queue *work_queue;
	getdns_dict *dnssec; /* what sets the DO bit of a question; or NULL */
};

struct stub_server {
	struct stub *stub;
	struct address address;
	in_port_t port;
	char text[STUB_SERVER_TEXT];
	struct dns_udp *udp;
	struct list questions; /* of all that are asked or ready */
};

struct stub_question {
	struct list node;           /* in the server's questions */
	struct work_item work_item; /* to hand on its reply */
	struct stub_server *server;
	enum stub_transport transport;
	struct dns_udp_question *udp; /* UDP; NULL once it is ready */
	char *message;            /* UDP: what came, to be read in its turn */
	size_t message_len;       /* 0: nothing came, or: */
	bool refused;             /* there was no memory for it */
	struct getdns_uv adapter; /* TCP */
	getdns_context *tcp;      /* TCP: its own */
	getdns_transaction_t id;
	struct dns_name name;
	uint16_t type;
	struct dns_reply reply;
	stub_callback *callback;
	void *arg;
};

/* -- a getdns context for one server --------------------------------------- */

/* getdns' return codes are 0 or positive, and tell memory apart. */
static int mts_from_getdns(getdns_return_t rc)
{
	if (rc == GETDNS_RETURN_GOOD)
		return MTS_OK;
	return rc == GETDNS_RETURN_MEMORY_ERROR ? MTS_ENOMEM : MTS_ELIB;
}

/* A list of one server, to be destroyed. */
static getdns_list *list_of_one(const struct stub_server *server)
{
	bool v6 = server->address.family == AF_INET6;
	getdns_bindata type = { 4, (uint8_t *)(v6 ? "IPv6" : "IPv4") };
	getdns_bindata data = { v6 ? 16 : 4, (uint8_t *)&server->address.v6 };
	getdns_list *list = getdns_list_create();
	getdns_dict *dict = getdns_dict_create();

	if (!list || !dict ||
	    getdns_dict_set_bindata(dict, "address_type", &type) ||
	    getdns_dict_set_bindata(dict, "address_data", &data) ||
	    getdns_dict_set_int(dict, "port", server->port) ||
	    getdns_list_set_dict(list, 0, dict)) {
		getdns_list_destroy(list);
		list = NULL;
	}
	getdns_dict_destroy(dict);
	return list;
}

static getdns_return_t set_up(getdns_context *context, getdns_list *servers)
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
		    context, STUB_TCP_PAYLOAD);
	if (!rc)
		rc = getdns_context_set_limit_outstanding_queries(context, 0);
	if (!rc)
		rc = getdns_context_set_timeout(context, STUB_NO_TIMEOUT_MS);
	return rc;
}

/* With getdns_memory.c's memory. If there is a *RET it is to be destroyed, after an
 * error, too. */
static int context_make(getdns_list *servers, getdns_context **ret)
{
	int status;

	*ret = NULL;
	status = mts_from_getdns(getdns_context_create_with_memory_functions(
	    ret, 0, getdns_memory_get, getdns_memory_resize,
	    getdns_memory_free));
	if (status == MTS_OK)
		status = mts_from_getdns(set_up(*ret, servers));
	return status;
}

static int context_new(const struct stub_server *server,
                       struct getdns_uv *adapter, getdns_context **ret)
{
	getdns_list *servers = list_of_one(server);
	getdns_context *context;
	int status;

	if (!servers)
		return MTS_ENOMEM;
	status = context_make(servers, &context);
	if (status == MTS_OK) {
		getdns_uv_init(adapter, server->stub->loop,
		               server->stub->work_queue);
		status = getdns_uv_attach(adapter, context);
	}
	if (status != MTS_OK && context)
		getdns_context_destroy(context);
	else
		*ret = context;
	getdns_list_destroy(servers);
	return status;
}

/* -- handing replies on ---------------------------------------------------- */

static void question_free(struct stub_question *question)
{
	list_remove(&question->node);
	work_item_cancel(&question->work_item);
	dns_udp_cancel(&question->udp);
	free(question->message);
	if (question->tcp)
		getdns_context_destroy(question->tcp);
	dns_reply_clear(&question->reply);
	free(question);
}

static void read_message(struct stub_question *question, struct slice message)
{
	/* Out of memory is a reason like others, and stands in the reply. */
	if (message.len)
		(void)dns_reply_read(message, &question->name, question->type,
		                     question->transport == STUB_UDP,
		                     &question->reply);
	else
		dns_reply_bad(&question->reply, "it can't be reached");
}

/* The callback may free the question's server and close the stub. */
static void on_turn(struct work_item *work_item)
{
	struct stub_question *question =
	    container_of(work_item, struct stub_question, work_item);

	list_remove(&question->node);
	if (question->refused)
		dns_reply_bad(&question->reply, "out of memory");
	else if (question->transport == STUB_UDP)
		read_message(question, slice_of(question->message,
		                                question->message_len));
	question->callback(question->arg, &question->reply);
	question_free(question);
}

static void make_ready(struct stub_question *question)
{
	work_queue_add(question->server->stub->work_queue,
	               &question->work_item);
}

static void on_message(void *arg, struct slice message)
{
	struct stub_question *question = arg;

	question->udp = NULL;
	question->message = slice_copy(message);
	question->refused = !question->message;
	if (question->refused)
		shortage_note();
	else
		question->message_len = message.len;
	make_ready(question);
}

/* May come from inside getdns_general(). */
static void on_response(getdns_context *context, getdns_callback_type_t type,
                        getdns_dict *response, void *arg,
                        getdns_transaction_t id)
{
	struct stub_question *question = arg;
	getdns_bindata *message;

	(void)context;
	(void)id;
	if (type == GETDNS_CALLBACK_CANCEL)
		return;
	if (!response ||
	    getdns_dict_get_bindata(response, "/replies_full/0", &message))
		read_message(question, slice_of(NULL, 0));
	else
		read_message(question, slice_of((const char *)message->data,
		                                message->size));
	getdns_dict_destroy(response);
	make_ready(question);
}

/* -- questions ------------------------------------------------------------- */

/* By a copy of one that is open: a socket would cost ten times as much. */
static bool descriptor_is_left(const uv_loop_t *loop)
{
	int fd = fcntl(uv_backend_fd(loop), F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

/* Not getdns' own validation, which would ask for the whole chain: the server
 * is to validate, and is asked what came of it. */
static bool make_dnssec(struct stub *stub)
{
	getdns_dict *dnssec = stub->dnssec;

	if (dnssec)
		return true;
	dnssec = getdns_dict_create();
	if (!dnssec ||
	    getdns_dict_set_int(dnssec, "/add_opt_parameters/do_bit", 1) ||
	    getdns_dict_set_int(dnssec,
	                        "/add_opt_parameters/maximum_udp_payload_size",
	                        DNS_UDP_PAYLOAD)) {
		getdns_dict_destroy(dnssec);
		return false;
	}
	stub->dnssec = dnssec;
	return true;
}

static int ask_udp(struct stub_question *question, bool dnssec)
{
	int status =
	    dns_udp_ask(question->server->udp, &question->name, question->type,
	                dnssec, on_message, question, &question->udp);

	if (status != MTS_ENOTFOUND)
		return status;
	make_ready(question); /* to be told in its turn */
	return MTS_OK;
}

static int ask_tcp(struct stub_question *question, bool dnssec)
{
	struct stub *stub = question->server->stub;
	char *text;
	int status;

	if (!descriptor_is_left(stub->loop))
		return MTS_ESYS;
	if (!getdns_memory_is_left())
		return MTS_ENOMEM;
	if (dnssec && !make_dnssec(stub))
		return MTS_ENOMEM;
	text = dns_name_format(&question->name);
	if (!text)
		return MTS_ENOMEM;
	status =
	    context_new(question->server, &question->adapter, &question->tcp);
	if (status == MTS_OK)
		status = mts_from_getdns(
		    getdns_general(question->tcp, text, question->type,
		                   dnssec ? stub->dnssec : NULL, question,
		                   &question->id, on_response));
	free(text);
	return status;
}

int stub_ask(struct stub_server *server, enum stub_transport transport,
             const struct dns_name *name, uint16_t type, bool dnssec,
             stub_callback *callback, void *arg, struct stub_question **ret)
{
	struct stub_question *question = calloc(1, sizeof(*question));
	int status;

	if (!question)
		return MTS_ENOMEM;
	list_init(&question->node);
	work_item_init(&question->work_item, on_turn);
	question->server = server;
	question->transport = transport;
	question->name = *name;
	question->type = type;
	question->callback = callback;
	question->arg = arg;
	status = transport == STUB_UDP ? ask_udp(question, dnssec)
	                               : ask_tcp(question, dnssec);
	if (status != MTS_OK) {
		question_free(question);
		return status;
	}
	list_append(&server->questions, &question->node);
	*ret = question;
	return MTS_OK;
}

void stub_cancel(struct stub_question **question)
{
	struct stub_question *q = *question;

	if (!q)
		return;
	*question = NULL;
	/* getdns' context is destroyed with all that is in it. */
	question_free(q);
}

/* -- servers --------------------------------------------------------------- */

int stub_server_new(struct stub *stub, const struct address *address,
                    in_port_t port, struct stub_server **ret)
{
	struct stub_server *server = calloc(1, sizeof(*server));
	char text[ADDRESS_TEXT];

	if (!server)
		return MTS_ENOMEM;
	if (dns_udp_new(stub->loop, address, port, &server->udp) != MTS_OK) {
		free(server);
		return MTS_ENOMEM;
	}
	list_init(&server->questions);
	server->stub = stub;
	server->address = *address;
	server->port = port;
	snprintf(server->text, sizeof(server->text),
	         address->family == AF_INET6 ? "[%s]:%u" : "%s:%u",
	         address_text(address, text), (unsigned)port);
	*ret = server;
	return MTS_OK;
}

void stub_server_free(struct stub_server **server)
{
	struct stub_server *s = *server;

	if (!s)
		return;
	*server = NULL;
	list_each_safe (node, &s->questions) {
		struct stub_question *question =
		    container_of(node, struct stub_question, node);

		stub_cancel(&question);
	}
	dns_udp_close(&s->udp);
	free(s);
}

const char *stub_server_text(const struct stub_server *server)
{
	return server->text;
}

void stub_server_address(const struct stub_server *server,
                         struct address *ret_address, in_port_t *ret_port)
{
	*ret_address = server->address;
	*ret_port = server->port;
}

/* A question by UDP takes a random number, but to port 0 nothing can be sent: it is
 * over at once. */
static int draw_random(void)
{
	static bool drawn; /* once a process is enough */
	getdns_transport_list_t udp = GETDNS_TRANSPORT_UDP;
	struct stub_server nowhere = { .address = { .family = AF_INET } };
	getdns_context *context;
	getdns_list *servers;
	getdns_dict *response = NULL;
	int status;

	if (drawn)
		return MTS_OK;
	nowhere.address.v4.s_addr = htonl(INADDR_LOOPBACK);
	servers = list_of_one(&nowhere);
	if (!servers)
		return MTS_ENOMEM;
	status = context_make(servers, &context);
	if (status == MTS_OK)
		status = mts_from_getdns(
		    getdns_context_set_dns_transport_list(context, 1, &udp));
	if (status == MTS_OK)
		status = mts_from_getdns(getdns_context_set_timeout(
		    context, STUB_RANDOM_TIMEOUT_MS));
	if (status == MTS_OK)
		(void)getdns_general_sync(context, ".", GETDNS_RRTYPE_NS, NULL,
		                          &response);
	getdns_dict_destroy(response);
	if (context)
		getdns_context_destroy(context);
	getdns_list_destroy(servers);
	drawn = status == MTS_OK;
	return status;
}

int stub_new(uv_loop_t *loop, struct stub **ret)
{
	struct stub *stub = calloc(1, sizeof(*stub));

	if (!stub)
		return MTS_ENOMEM;
	stub->loop = loop;
	if (draw_random() != MTS_OK ||
	    work_queue_ref(loop, &stub->work_queue) != MTS_OK) {
		free(stub);
		return MTS_ENOMEM;
	}
	*ret = stub;
	return MTS_OK;
}

void stub_close(struct stub **stub)
{
	if (!*stub)
		return;
	getdns_dict_destroy((*stub)->dnssec);
	work_queue_unref(&(*stub)->work_queue);
	free(*stub);
	*stub = NULL;
}
