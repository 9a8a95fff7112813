/* SPDX-License-Identifier: BSD-2-Clause */
/* validator_setup.c - how libunbound is set up. */
#include "base/shortage.h"
#include "dnssec/gmp_memory.h"
#include "dnssec/validator_internal.h"

#include <stdio.h>
#include <unbound-event.h>
#include <unbound.h>

int validator_status(int rc)
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
			return fault_set(why, validator_status(rc),
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
			return fault_set(why, validator_status(rc),
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
	return fault_set(why, validator_status(rc),
	                 "libunbound can't be set up with trust anchor %s: %s",
	                 options->trust_anchor, ub_strerror(rc));
}

static int set_up(struct ub_ctx *context,
                  const struct validator_options *options, struct fault *why)
{
	int rc = ub_ctx_debugout(context, NULL);
	int status;

	if (!rc)
		rc = ub_ctx_add_ta_file(context, options->trust_anchor);
	if (rc)
		return fault_set(why, validator_status(rc), "libunbound: %s",
		                 ub_strerror(rc));
	status = apply_settings(context, why);
	if (status == MTS_OK)
		status = add_servers(context, options, why);
	if (status == MTS_OK)
		status = finalize(context, options, why);
	return status;
}

int validator_context_new(const struct validator_options *options,
                          struct ub_event_base *base, struct ub_ctx **ret,
                          struct fault *why)
{
	struct ub_ctx *context;
	int status;

	gmp_memory_guard();
	context = ub_ctx_create_ub_event(base);
	if (!context) {
		shortage_look();
		return fault_set(why, MTS_ENOMEM,
		                 "libunbound: no memory or no descriptor is "
		                 "left");
	}
	status = set_up(context, options, why);
	if (status == MTS_OK)
		*ret = context;
	else
		ub_ctx_delete(context);
	return status;
}
