/* SPDX-License-Identifier: BSD-2-Clause */
/* stub.c - asks one DNS server one question, by getdns on a libuv loop.
 *
 * getdns 1.5 to 1.7 must be held with care:
 *
 * - Its time-outs read freed memory, and it neither repeats a question nor
 *   turns to the next server in good time. So each context has one server, no
 *   time-out that ever fires, and questions are cancelled from outside.
 * - After an answer that was cut off, it hands the TCP connection's descriptor,
 *   which all questions share, to the one question, and closes it when that is
 *   cancelled; and a question cancelled while it is being written leaves a
 *   pointer to it in the connection. So it is never asked to go from UDP to TCP
 *   itself, and every question by TCP gets a context of its own (0.7 ms and
 *   some 300 KB, for the few answers over 1,232 bytes).
 * - When an answer is cut off it looks at the transport after the last one in
 *   the list, in memory that it never wrote to. So it gets zeroed memory.
 * - Memory that it is refused it uses all the same. So there is a reserve, and
 *   nothing is asked while that is in use.
 * - The source of its random numbers (libbsd, where libc has none) ends the process
 *   when there is no memory for the first one. So that is drawn at the start.
 * - When no file descriptor is left it queues the question, and cancelling that
 *   one frees what is queued. So a descriptor is seen to be there first.
 * - A context must not be destroyed from inside its callback. So replies are
 *   handed on in a turn of their own; the callback may then do as it likes. */
#include "net/stub.h"

#include "base/list.h"
#include "net/getdns_memory.h"
#include "net/getdns_uv.h"

#include <fcntl.h>
#include <getdns/getdns_extra.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	/* No IPv6 path cuts these into fragments (RFC 9715 3). */
	STUB_UDP_PAYLOAD = 1232,
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
	struct turns *turns;
	getdns_dict *dnssec; /* what sets the DO bit of a question; or NULL */
};

struct stub_server {
	struct stub *stub;
	struct address address;
	in_port_t port;
	char text[STUB_SERVER_TEXT];
	struct getdns_uv adapter;
	getdns_context *udp;
	struct list questions; /* of all that are asked or ready */
};

enum question_state {
	QUESTION_ASKED, /* getdns has it; leaves by on_response, stub_cancel */
	QUESTION_READY, /* its turn is to come; leaves by on_turn, stub_cancel */
};

struct stub_question {
	struct list node; /* in the server's questions */
	struct turn turn; /* to hand on its reply */
	struct stub_server *server;
	enum question_state state;
	enum stub_transport transport;
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

static getdns_return_t set_up(getdns_context *context, getdns_list *servers,
                              enum stub_transport transport)
{
	getdns_namespace_t namespace = GETDNS_NAMESPACE_DNS;
	getdns_transport_list_t only =
	    transport == STUB_UDP ? GETDNS_TRANSPORT_UDP : GETDNS_TRANSPORT_TCP;
	uint16_t payload =
	    transport == STUB_UDP ? STUB_UDP_PAYLOAD : STUB_TCP_PAYLOAD;
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
		rc = getdns_context_set_edns_maximum_udp_payload_size(context,
		                                                      payload);
	if (!rc)
		rc = getdns_context_set_limit_outstanding_queries(context, 0);
	if (!rc)
		rc = getdns_context_set_timeout(context, STUB_NO_TIMEOUT_MS);
	return rc;
}

static int context_new(const struct stub_server *server,
                       enum stub_transport transport, struct getdns_uv *adapter,
                       getdns_context **ret)
{
	getdns_list *servers = list_of_one(server);
	getdns_context *context = NULL;
	int status = MTS_ENOMEM;

	if (!servers)
		return MTS_ENOMEM;
	status = mts_from_getdns(getdns_context_create_with_memory_functions(
	    &context, 0, getdns_memory_get, getdns_memory_resize,
	    getdns_memory_free));
	if (status == MTS_OK)
		status = mts_from_getdns(set_up(context, servers, transport));
	if (status == MTS_OK) {
		getdns_uv_init(adapter, server->stub->loop, server->stub->turns,
		               &server->address, server->port);
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
	turn_cancel(&question->turn);
	if (question->tcp)
		getdns_context_destroy(question->tcp);
	dns_reply_clear(&question->reply);
	free(question);
}

/* The callback may free the question's server and close the stub. */
static void on_turn(struct turn *turn)
{
	struct stub_question *question =
	    container_of(turn, struct stub_question, turn);

	list_remove(&question->node);
	question->callback(question->arg, &question->reply);
	question_free(question);
}

/* May come from inside getdns_general(). */
static void on_response(getdns_context *context, getdns_callback_type_t type,
                        getdns_dict *response, void *arg,
                        getdns_transaction_t id)
{
	struct stub_question *question = arg;

	(void)context;
	(void)id;
	if (type == GETDNS_CALLBACK_CANCEL)
		return;
	/* Out of memory is a reason like others, and stands in the reply. */
	(void)dns_reply_read(response, &question->name, question->type,
	                     question->transport == STUB_UDP, &question->reply);
	getdns_dict_destroy(response);
	question->state = QUESTION_READY;
	turns_add(question->server->stub->turns, &question->turn);
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
	                        STUB_UDP_PAYLOAD)) {
		getdns_dict_destroy(dnssec);
		return false;
	}
	stub->dnssec = dnssec;
	return true;
}

static int question_new(struct stub_server *server,
                        enum stub_transport transport,
                        const struct dns_name *name, uint16_t type,
                        struct stub_question **ret)
{
	struct stub_question *question = calloc(1, sizeof(*question));
	int status = MTS_OK;

	if (!question)
		return MTS_ENOMEM;
	list_init(&question->node);
	turn_init(&question->turn, on_turn);
	question->server = server;
	question->state = QUESTION_ASKED;
	question->transport = transport;
	question->name = *name;
	question->type = type;
	if (transport == STUB_TCP)
		status = context_new(server, STUB_TCP, &question->adapter,
		                     &question->tcp);
	if (status != MTS_OK)
		question_free(question);
	else
		*ret = question;
	return status;
}

int stub_ask(struct stub_server *server, enum stub_transport transport,
             const struct dns_name *name, uint16_t type, bool dnssec,
             stub_callback *callback, void *arg, struct stub_question **ret)
{
	struct stub_question *question;
	char *text;
	int status;

	if (!descriptor_is_left(server->stub->loop))
		return MTS_ESYS;
	if (!getdns_memory_is_left())
		return MTS_ENOMEM;
	if (dnssec && !make_dnssec(server->stub))
		return MTS_ENOMEM;
	text = dns_name_format(name);
	if (!text)
		return MTS_ENOMEM;
	status = question_new(server, transport, name, type, &question);
	if (status != MTS_OK)
		goto out;
	question->callback = callback;
	question->arg = arg;
	status = mts_from_getdns(
	    getdns_general(question->tcp ? question->tcp : server->udp, text,
	                   type, dnssec ? server->stub->dnssec : NULL, question,
	                   &question->id, on_response));
	if (status != MTS_OK) {
		question_free(question);
		goto out;
	}
	list_append(&server->questions, &question->node);
	*ret = question;
out:
	free(text);
	return status;
}

void stub_cancel(struct stub_question **question)
{
	struct stub_question *q = *question;

	if (!q)
		return;
	*question = NULL;
	/* A context of its own is destroyed with all that is in it. */
	if (q->state == QUESTION_ASKED && !q->tcp)
		(void)getdns_cancel_callback(q->server->udp, q->id);
	question_free(q);
}

/* -- servers --------------------------------------------------------------- */

int stub_server_new(struct stub *stub, const struct address *address,
                    in_port_t port, struct stub_server **ret, struct fault *why)
{
	struct stub_server *server = calloc(1, sizeof(*server));
	char text[ADDRESS_TEXT];
	int status;

	if (!server)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	list_init(&server->questions);
	server->stub = stub;
	server->address = *address;
	server->port = port;
	snprintf(server->text, sizeof(server->text),
	         address->family == AF_INET6 ? "[%s]:%u" : "%s:%u",
	         address_text(address, text), (unsigned)port);
	status = context_new(server, STUB_UDP, &server->adapter, &server->udp);
	if (status != MTS_OK) {
		free(server);
		return fault_set(why, status,
		                 "getdns can't be set up for server %s: %s",
		                 text, mts_status_text(status));
	}
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
	getdns_context_destroy(s->udp);
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

/* A question takes a random number, but to port 0 nothing can be sent: it is over
 * at once. */
static int draw_random(void)
{
	struct stub_server nowhere = { .address = { .family = AF_INET } };
	getdns_context *context = NULL;
	getdns_list *servers;
	getdns_dict *response = NULL;
	int status;

	nowhere.address.v4.s_addr = htonl(INADDR_LOOPBACK);
	servers = list_of_one(&nowhere);
	if (!servers)
		return MTS_ENOMEM;
	status = mts_from_getdns(getdns_context_create_with_memory_functions(
	    &context, 0, getdns_memory_get, getdns_memory_resize,
	    getdns_memory_free));
	if (status == MTS_OK)
		status = mts_from_getdns(set_up(context, servers, STUB_UDP));
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
	return status;
}

int stub_new(uv_loop_t *loop, struct stub **ret)
{
	struct stub *stub = calloc(1, sizeof(*stub));

	if (!stub)
		return MTS_ENOMEM;
	stub->loop = loop;
	if (draw_random() != MTS_OK ||
	    turns_ref(loop, &stub->turns) != MTS_OK) {
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
	turns_unref(&(*stub)->turns);
	free(*stub);
	*stub = NULL;
}
