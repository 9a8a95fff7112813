/* SPDX-License-Identifier: BSD-2-Clause */
/* server_set.c - the DNS servers to ask, and which of them to ask first. */
#include "dns/server_set.h"

#include "base/file.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

struct server_address {
	struct address address;
	in_port_t port;
};

/* One reference, the caller's. COUNT is 1 to SERVERS_MAX. */
static int set_new(struct stub *stub, const struct server_address *addresses,
                   size_t count, struct server_set **ret, struct fault *why)
{
	struct server_set *set = calloc(1, sizeof(*set));
	int status = MTS_OK;

	if (!set)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	set->references = 1;
	while (set->count < count && status == MTS_OK) {
		const struct server_address *from = &addresses[set->count];

		status = stub_server_new(stub, &from->address, from->port,
		                         &set->servers[set->count]);
		if (status == MTS_OK)
			set->count++;
	}
	if (status != MTS_OK) {
		server_set_unref(&set);
		return fault_set(why, status, "out of memory");
	}
	*ret = set;
	return MTS_OK;
}

void server_set_unref(struct server_set **set)
{
	struct server_set *s = *set;

	if (!s)
		return;
	*set = NULL;
	if (--s->references > 0)
		return;
	for (size_t i = 0; i < s->count; i++)
		stub_server_free(&s->servers[i]);
	free(s);
}

void server_set_order(const struct server_set *set, uint64_t now_ms,
                      unsigned order[SERVERS_MAX])
{
	size_t n = 0;

	for (unsigned i = 0; i < set->count; i++)
		if (set->avoid_until_ms[i] <= now_ms)
			order[n++] = i;
	for (unsigned i = 0; i < set->count; i++)
		if (set->avoid_until_ms[i] > now_ms)
			order[n++] = i;
}

/* -- where the set comes from ---------------------------------------------- */

static void write_text(struct server_source *source)
{
	size_t used = 0;

	source->text[0] = '\0';
	for (size_t i = 0; i < source->set->count; i++) {
		const char *text = stub_server_text(source->set->servers[i]);
		int n =
		    snprintf(source->text + used, sizeof(source->text) - used,
		             "%s%s", i ? ", " : "", text);

		if (n > 0 && (size_t)n < sizeof(source->text) - used)
			used += (size_t)n;
	}
}

static int use(struct server_source *source,
               const struct server_address *addresses, size_t count,
               struct fault *why)
{
	struct server_set *set = NULL;
	int status = set_new(source->stub, addresses, count, &set, why);

	if (!set)
		return status;
	server_set_unref(&source->set);
	source->set = set;
	write_text(source);
	return MTS_OK;
}

static int use_given(struct server_source *source, const char *const *servers,
                     size_t count, struct fault *why)
{
	struct server_address addresses[SERVERS_MAX];
	int status = MTS_OK;

	if (count > SERVERS_MAX)
		return fault_set(why, MTS_ERANGE, "more than %d DNS servers",
		                 SERVERS_MAX);
	for (size_t i = 0; i < count && status == MTS_OK; i++)
		status = address_parse_server(servers[i], &addresses[i].address,
		                              &addresses[i].port, why);
	return status == MTS_OK ? use(source, addresses, count, why) : status;
}

static int use_resolv_conf(struct server_source *source, struct fault *why)
{
	struct address found[RESOLV_CONF_SERVERS];
	struct server_address addresses[SERVERS_MAX];
	size_t count = 0;
	int status = resolv_conf_read(source->resolv_conf, found, &count, why);

	if (status != MTS_OK)
		return status;
	for (size_t i = 0; i < count; i++)
		addresses[i] =
		    (struct server_address){ found[i], ADDRESS_DNS_PORT };
	return use(source, addresses, count, why);
}

int server_source_init(struct server_source *source, uv_loop_t *loop,
                       struct stub *stub, const char *const *servers,
                       size_t count, const char *resolv_conf, struct fault *why)
{
	*source = (struct server_source){ .loop = loop, .stub = stub };
	if (count)
		return use_given(source, servers, count, why);
	source->resolv_conf = strdup(resolv_conf);
	if (!source->resolv_conf)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	source->looked_ms = uv_now(loop);
	/* Before it is read, so that a change between is seen later. */
	(void)stat(source->resolv_conf, &source->stat);
	return use_resolv_conf(source, why);
}

void server_source_close(struct server_source *source)
{
	server_set_unref(&source->set);
	free(source->resolv_conf);
	source->resolv_conf = NULL;
}

static void look(struct server_source *source)
{
	uint64_t now_ms = uv_now(source->loop);
	struct stat now;
	struct fault why;

	if (!source->resolv_conf ||
	    now_ms - source->looked_ms < SERVERS_REREAD_MS)
		return;
	source->looked_ms = now_ms;
	if (stat(source->resolv_conf, &now) != 0)
		now = (struct stat){ .st_ino = 0 };
	if (!file_has_changed(&now, &source->stat))
		return;
	source->stat = now;
	if (use_resolv_conf(source, &why) == MTS_OK) {
		log_info("dns_servers servers=\"%s\" from=\"%s\"", source->text,
		         source->resolv_conf);
		source->bad = false;
	} else if (!source->bad) {
		log_warning("dns_servers servers=\"%s\" kept=yes reason=\"%s\"",
		            source->text, why.text);
		source->bad = true;
	}
}

struct server_set *server_source_get(struct server_source *source)
{
	look(source);
	source->set->references++;
	return source->set;
}
