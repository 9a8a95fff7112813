/* SPDX-License-Identifier: BSD-2-Clause */
/* walk_zone.c - a walk's branch to the name servers of the zone that the record
 * is in: each of them is asked for the record, past all caches.
 *
 * The zone is the first name, from that of the record (or of its alias) up,
 * which has NS records. */
#include "check/walk_internal.h"

#include <getdns/getdns.h>

enum { ZONE_LABELS_MIN = 2 }; /* nobody's record is in a top-level zone */

/* -- one server ------------------------------------------------------------ */

static void on_server_txt(void *arg, const struct dns_answer *answer)
{
	struct server_walk *server = arg;
	struct walk *walk = server->walk;

	server->txt = NULL;
	walk_take(walk, &walk->facts.servers[server->at].answer, answer);
}

static void ask_server(struct server_walk *server,
                       const struct address *address)
{
	struct walk *walk = server->walk;
	struct dns_name name;

	if (dns_name_parse(walk->facts.record.end, &name) == MTS_OK &&
	    direct_ask(walk->direct, address, &name, GETDNS_RRTYPE_TXT,
	               on_server_txt, server, &server->txt) == MTS_OK)
		walk_begin_step(walk);
}

static void on_server_a(void *arg, const struct dns_answer *answer)
{
	struct server_walk *server = arg;
	struct walk *walk = server->walk;
	struct server_facts *facts = &walk->facts.servers[server->at];

	server->a = NULL;
	for (size_t i = 0; i < answer->count && answer->status == DNS_OK; i++) {
		if (!walk->options->allow_private &&
		    address_is_special(&answer->addresses[i]))
			continue;
		address_text(&answer->addresses[i], facts->address);
		ask_server(server, &answer->addresses[i]);
		break;
	}
	walk_end_step(walk);
}

/* -- the zone -------------------------------------------------------------- */

static void take_server(struct walk *walk, struct slice rdata)
{
	size_t at = walk->facts.server_count;
	struct server_walk *server = &walk->servers[at];
	struct dns_name name;
	uint16_t type =
	    walk->options->ipv4 ? GETDNS_RRTYPE_A : GETDNS_RRTYPE_AAAA;

	if (at == SERVERS_ASKED_MAX ||
	    !dns_name_read((const uint8_t *)rdata.data, rdata.len, &name))
		return;
	dns_name_show(&name, walk->facts.servers[at].name);
	server->walk = walk;
	server->at = at;
	if (resolver_ask(walk->options->resolver, &name, type, false,
	                 on_server_a, server, &server->a) != MTS_OK)
		return;
	walk->facts.server_count++;
	walk_begin_step(walk);
}

static void ask_zone(struct walk *walk);

static void on_ns(void *arg, const struct dns_answer *answer)
{
	struct walk *walk = arg;
	size_t labels = dns_name_labels(&walk->zone);

	walk->ns = NULL;
	if (answer->status == DNS_OK && answer->hops == 0) {
		for (size_t i = 0; i < answer->count; i++)
			take_server(walk, answer->texts[i]);
	} else if (labels > ZONE_LABELS_MIN && answer->status != DNS_FAILED &&
	           answer->status != DNS_TIMEOUT) {
		walk->zone = dns_name_tail(&walk->zone, labels - 1);
		ask_zone(walk);
	}
	walk_end_step(walk);
}

static void ask_zone(struct walk *walk)
{
	if (resolver_ask(walk->options->resolver, &walk->zone, GETDNS_RRTYPE_NS,
	                 false, on_ns, walk, &walk->ns) == MTS_OK)
		walk_begin_step(walk);
}

void walk_zone_start(struct walk *walk)
{
	if (dns_name_parse(walk->facts.record.end, &walk->zone) == MTS_OK)
		ask_zone(walk);
}

void walk_zone_stop(struct walk *walk)
{
	dns_query_cancel(&walk->ns);
	for (size_t i = 0; i < SERVERS_ASKED_MAX; i++) {
		dns_query_cancel(&walk->servers[i].a);
		direct_cancel(&walk->servers[i].txt);
	}
}
