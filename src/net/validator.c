/* SPDX-License-Identifier: BSD-2-Clause */
/* validator.c - DNSSEC validation by libunbound, on a thread of its own.
 *
 * Why not getdns, which asks by TCP: getdns validates on the thread that calls it,
 * our loop, and asks for the whole chain each time; it has no bound for the work
 * that a hostile zone makes (CVE-2023-50387, NSEC3 iterations); and a DNSKEY that
 * is not answered in time makes it read freed memory. libunbound has none of these
 * faults, caches keys, and says why an answer is bogus. getdns' DNSSEC extensions
 * must not be turned on.
 *
 * Held with care as well:
 *
 * - A cancelled question stays with libunbound until it is over, and would still
 *   take memory and sockets there: so it is not cancelled but forgotten, and
 *   counted until its answer comes.
 * - It reads no file but the anchor's, which it takes as good when it is empty:
 *   so that is looked into first (trust_anchor.c).
 * - It answers some names by itself (RFC 6303, RFC 6761). A private network's
 *   "test" and "home.arpa" are asked for like others.
 * - A server that keeps silent is left alone for up to two minutes, and probed
 *   less and less: here it is asked anew within seconds.
 * - Its callbacks come from inside ub_process(), where it must not be deleted:
 *   they only hand the answer on. */
#include "net/validator.h"

#include "base/list.h"
#include "base/shortage.h"
#include "net/gmp_memory.h"

#include <getdns/getdns_extra.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unbound.h>

struct validator {
	uv_poll_t poll;
	struct ub_ctx *context;
	struct list questions; /* all that libunbound has */
	size_t load;           /* how many these are */
	bool polls;
};

struct validator_question {
	struct list node; /* in the validator's questions */
	struct validator *validator;
	struct dns_name name;
	uint16_t type;
	validator_callback *callback; /* NULL: nobody waits any more */
	void *arg;
};

/* -- setting libunbound up ------------------------------------------------- */

static int mts_from_unbound(int rc)
{
	if (rc == UB_NOERROR)
		return MTS_OK;
	if (rc == UB_NOMEM)
		shortage_note();
	return rc == UB_NOMEM ? MTS_ENOMEM : MTS_ELIB;
}

static const struct {
	const char *name;
	const char *value;
	bool required; /* else: where the library knows it */
} settings[] = {
	{ "module-config:", "validator iterator", true },
	{ "use-syslog:", "no", true },
	{ "verbosity:", "0", true },
	{ "do-not-query-localhost:", "no", true },
	/* Memory: a megabyte and a half in all. */
	{ "msg-cache-size:", "512k", true },
	{ "rrset-cache-size:", "512k", true },
	{ "key-cache-size:", "384k", true },
	{ "neg-cache-size:", "64k", true },
	{ "infra-cache-numhosts:", "64", true },
	/* Sockets; 128 descriptors are set aside for what is no client. */
	{ "outgoing-range:", "48", true },
	{ "outgoing-num-tcp:", "8", true },
	{ "edns-buffer-size:", "1232", true },
	/* A server that was silent is asked again soon. */
	{ "infra-host-ttl:", "5", true },
	{ "infra-keep-probing:", "yes", false },
	/* What failed is tried again soon. */
	{ "val-bogus-ttl:", "10", true },
	{ "cache-max-ttl:", "86400", true },
	{ "cache-max-negative-ttl:", "3600", true },
	{ "harden-glue:", "yes", true },
	{ "harden-dnssec-stripped:", "yes", true },
	{ "harden-below-nxdomain:", "yes", true },
	/* A zone may be signed with one of its DS' algorithms only while it
	 * changes to another (RFC 6840 5.11). */
	{ "harden-algo-downgrade:", "no", true },
	/* Denials come with their proof; see dns_denial.h. */
	{ "minimal-responses:", "no", true },
	{ "aggressive-nsec:", "no", false },
	{ "prefetch:", "no", true },
	{ "prefetch-key:", "no", true },
	{ "serve-expired:", "no", true },
	{ "qname-minimisation:", "no", true },
	{ "trust-anchor-signaling:", "no", false },
	{ "root-key-sentinel:", "no", false },
	{ "val-log-level:", "2", false }, /* so that it says why */
};

static int apply_settings(struct ub_ctx *context, struct fault *why)
{
	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		int rc = ub_ctx_set_option(context, settings[i].name,
		                           settings[i].value);

		if (rc && (settings[i].required || rc == UB_NOMEM))
			return fault_set(why, mts_from_unbound(rc),
			                 "libunbound: %s %s: %s",
			                 settings[i].name, settings[i].value,
			                 ub_strerror(rc));
	}
	return MTS_OK;
}

static int add_servers(struct ub_ctx *context,
                       const struct validator_options *options,
                       struct fault *why)
{
	for (size_t i = 0; i < options->server_count; i++) {
		const struct resolver_server *server = &options->servers[i];
		char address[ADDRESS_TEXT];
		char text[ADDRESS_TEXT + 8];
		int rc;

		snprintf(text, sizeof(text), "%s@%u",
		         address_text(&server->address, address),
		         (unsigned)server->port);
		rc = ub_ctx_set_fwd(context, text);
		if (rc)
			return fault_set(why, mts_from_unbound(rc),
			                 "libunbound: server %s: %s", text,
			                 ub_strerror(rc));
	}
	return MTS_OK;
}

/* Removing a zone of its own makes libunbound read its configuration, and the
 * anchor file, now instead of with the first question. */
static int finalize(struct ub_ctx *context,
                    const struct validator_options *options, struct fault *why)
{
	static const char *const zones[] = { "test.", "home.arpa." };
	int rc = UB_NOERROR;

	for (size_t i = 0; i < 2 && !rc; i++)
		rc = ub_ctx_zone_remove(context, zones[i]);
	if (!rc)
		return MTS_OK;
	return fault_set(why, mts_from_unbound(rc),
	                 "libunbound can't be set up with trust anchor %s: %s",
	                 options->trust_anchor, ub_strerror(rc));
}

static int set_up(struct ub_ctx *context,
                  const struct validator_options *options, struct fault *why)
{
	int rc = ub_ctx_debugout(context, NULL);
	int status;

	if (!rc)
		rc = ub_ctx_async(context, 1);
	if (!rc)
		rc = ub_ctx_add_ta_file(context, options->trust_anchor);
	if (rc)
		return fault_set(why, mts_from_unbound(rc), "libunbound: %s",
		                 ub_strerror(rc));
	status = apply_settings(context, why);
	if (status == MTS_OK)
		status = add_servers(context, options, why);
	if (status == MTS_OK)
		status = finalize(context, options, why);
	return status;
}

/* -- answers --------------------------------------------------------------- */

static void read_packet(const struct validator_question *question,
                        const struct ub_result *result, struct dns_reply *reply)
{
	struct slice message =
	    slice_of(result->answer_packet, (size_t)result->answer_len);

	/* Out of memory is a reason like others, and stands in the reply. */
	(void)dns_reply_read(message, &question->name, question->type, false,
	                     reply);
	/* libunbound has followed it to its end. */
	if (reply->kind == DNS_REPLY_ALIAS)
		reply->kind = DNS_REPLY_NODATA;
}

static void read_result(const struct validator_question *question, int error,
                        const struct ub_result *result, struct dns_reply *reply)
{
	*reply = (struct dns_reply){ .kind = DNS_REPLY_BAD };
	(void)mts_from_unbound(error);
	if (error || !result)
		dns_reply_bad(reply, "libunbound: %s", ub_strerror(error));
	else if (result->bogus)
		dns_reply_bad(reply, "bogus: %s",
		              result->why_bogus ? result->why_bogus
		                                : "not authentic");
	else if (result->rcode == GETDNS_RCODE_SERVFAIL)
		dns_reply_bad(reply, "SERVFAIL, or no server answers");
	else if (!result->answer_packet || result->answer_len <= 0)
		dns_reply_bad(reply, "there is no answer");
	else
		read_packet(question, result, reply);
}

static void forget(struct validator_question *question)
{
	list_remove(&question->node);
	question->validator->load--;
	free(question);
}

static void on_result(void *arg, int error, struct ub_result *result)
{
	struct validator_question *question = arg;
	struct dns_reply reply;
	struct validator_reply out = { .reply = &reply };

	if (question->callback) {
		read_result(question, error, result, &reply);
		out.bogus = result && result->bogus;
		out.secure = result && result->secure && !result->bogus;
		question->callback(question->arg, &out);
		dns_reply_clear(&reply);
	}
	ub_resolve_free(result);
	forget(question);
}

static void on_readable(uv_poll_t *handle, int status, int events)
{
	struct validator *validator = handle->data;

	(void)status;
	(void)events;
	/* If its pipe is broken no answer comes, and time-outs end the
	 * questions. */
	(void)ub_process(validator->context);
}

/* -- questions ------------------------------------------------------------- */

/* The first question starts the thread: no signal is for it. */
static int ask_unbound(struct validator_question *question, const char *text)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	rc =
	    ub_resolve_async(question->validator->context, text, question->type,
	                     GETDNS_RRCLASS_IN, question, on_result, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return mts_from_unbound(rc);
}

int validator_ask(struct validator *validator, const struct dns_name *name,
                  uint16_t type, validator_callback *callback, void *arg,
                  struct validator_question **ret)
{
	struct validator_question *question = calloc(1, sizeof(*question));
	char *text = dns_name_format(name);
	int status = MTS_ENOMEM;

	if (!question || !text)
		goto out;
	question->validator = validator;
	question->name = *name;
	question->type = type;
	question->callback = callback;
	question->arg = arg;
	status = ask_unbound(question, text);
	if (status != MTS_OK)
		goto out;
	list_append(&validator->questions, &question->node);
	validator->load++;
	*ret = question;
	question = NULL;
out:
	free(text);
	free(question);
	return status;
}

void validator_cancel(struct validator_question **question)
{
	if (!*question)
		return;
	(*question)->callback = NULL;
	*question = NULL;
}

size_t validator_load(const struct validator *validator)
{
	return validator->load;
}

/* -- the validator --------------------------------------------------------- */

static int poll_context(struct validator *validator, uv_loop_t *loop)
{
	int fd = ub_fd(validator->context);

	if (fd < 0 || uv_poll_init(loop, &validator->poll, fd) != 0)
		return MTS_ELIB;
	validator->polls = true;
	validator->poll.data = validator;
	if (uv_poll_start(&validator->poll, UV_READABLE, on_readable) != 0)
		return MTS_ELIB;
	/* Questions have timers, which keep the loop alive. */
	uv_unref((uv_handle_t *)&validator->poll);
	return MTS_OK;
}

int validator_new(const struct validator_options *options,
                  struct validator **ret, struct fault *why)
{
	struct validator *validator = calloc(1, sizeof(*validator));
	int status = MTS_ENOMEM;

	if (!validator)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	list_init(&validator->questions);
	gmp_memory_guard();
	validator->context = ub_ctx_create();
	if (!validator->context) {
		fault_set(why, status,
		          "libunbound: no memory or no descriptor is left");
		goto out;
	}
	status = set_up(validator->context, options, why);
	if (status != MTS_OK)
		goto out;
	status = poll_context(validator, options->loop);
	if (status != MTS_OK)
		fault_set(why, status, "libunbound's pipe can't be polled");
out:
	if (status != MTS_OK)
		validator_close(&validator);
	else
		*ret = validator;
	return status;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void validator_close(struct validator **validator)
{
	struct validator *v = *validator;

	if (!v)
		return;
	*validator = NULL;
	/* The descriptor leaves the loop before it is closed. */
	if (v->polls)
		uv_close((uv_handle_t *)&v->poll, on_closed);
	ub_ctx_delete(v->context);
	list_each_safe (node, &v->questions)
		forget(container_of(node, struct validator_question, node));
	if (!v->polls)
		free(v);
}
