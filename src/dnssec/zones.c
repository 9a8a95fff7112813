/* SPDX-License-Identifier: BSD-2-Clause */
/* zones.c - is a name in a signed zone?
 *
 * Each request starts at the top: the DS records of "example", then those of
 * "mail.example", and so on. As long as they are secure, or it is proven that
 * there is no zone cut, the zone is signed. If the name is an alias, the same is
 * done for its target. */
#include "dnssec/zones.h"

#include "dns/dns_reply.h"

#include <getdns/getdns.h>
#include <stdlib.h>

enum { KNOWN_MAX = 32 };

enum zones_state {
	ZONES_IDLE,  /* no request; leaves by zones_find() */
	ZONES_NEXT,  /* between two steps, or waiting for zones_on_timer() */
	ZONES_DS,    /* the DS question is out; leaves by zones_on_ds() */
	ZONES_CNAME, /* the CNAME question is out; leaves by zones_on_cname() */
};

struct known_zone {
	struct dns_name name;
	enum zone_step step; /* DOWN or UNSIGNED */
};

struct zones {
	uv_timer_t timer;
	struct secure_dns *dns;
	enum zones_state state;
	struct list requests; /* the first one is being handled */
	struct dns_name name; /* the first one's, then its CNAME's target */
	size_t labels;        /* so many labels of it are known to be signed */
	unsigned hops;        /* CNAMEs followed for this request */
	unsigned questions;
	struct secure_query *query;
	struct known_zone known[KNOWN_MAX];
	size_t known_count;
};

enum zone_step zones_judge(const struct dns_answer *ds, bool last)
{
	if (ds->bogus) /* only signed zones can be bogus */
		return ZONE_STEP_SIGNED;
	if (ds->hops > 0)
		return ZONE_STEP_ALIAS;
	/* If the name is an alias, its target may have made this fail. */
	if (ds->status == DNS_FAILED || ds->status == DNS_TIMEOUT)
		return last ? ZONE_STEP_ALIAS : ZONE_STEP_UNKNOWN;
	if (!ds->authenticated || ds->cut == DNS_CUT_UNSIGNED)
		return ZONE_STEP_UNSIGNED;
	return ds->status == DNS_NXDOMAIN ? ZONE_STEP_SIGNED : ZONE_STEP_DOWN;
}

/* -- from request to request ----------------------------------------------- */

static void zones_on_timer(uv_timer_t *timer);

static void begin_request(struct zones *zones)
{
	const struct zone_request *request;

	if (list_empty(&zones->requests)) {
		zones->state = ZONES_IDLE;
		return;
	}
	request = container_of(zones->requests.next, struct zone_request, node);
	zones->state = ZONES_NEXT;
	zones->name = request->name;
	zones->labels = 0;
	zones->hops = 0;
	uv_timer_start(&zones->timer, zones_on_timer, 0, 0);
}

/* The callback may free ZONES. */
static void end_request(struct zones *zones, enum zone_security security)
{
	struct zone_request *request =
	    container_of(zones->requests.next, struct zone_request, node);

	list_remove(&request->node);
	begin_request(zones);
	request->callback(request->arg, security);
}

/* -- steps ----------------------------------------------------------------- */

static const struct known_zone *find_known_zone(const struct zones *zones,
                                                const struct dns_name *name)
{
	for (size_t i = 0; i < zones->known_count; i++)
		if (dns_name_is(&zones->known[i].name, name))
			return &zones->known[i];
	return NULL;
}

static void remember_zone(struct zones *zones, const struct dns_name *name,
                          enum zone_step step)
{
	if (zones->known_count < KNOWN_MAX)
		zones->known[zones->known_count++] =
		    (struct known_zone){ *name, step };
}

static bool zones_ask(struct zones *zones, const struct dns_name *name,
                      uint16_t type, dns_callback *callback)
{
	if (zones->questions++ >= ZONES_QUESTIONS_MAX)
		return false;
	zones->state = type == GETDNS_RRTYPE_DS ? ZONES_DS : ZONES_CNAME;
	return secure_dns_ask(zones->dns, name, type, callback, zones,
	                      &zones->query) == MTS_OK;
}

static void zones_on_ds(void *arg, const struct dns_answer *answer);
static void zones_on_cname(void *arg, const struct dns_answer *answer);

/* Goes down as far as the answer is known, then asks for the next label. */
static void step_down(struct zones *zones)
{
	size_t all = dns_name_labels(&zones->name);

	while (zones->labels < all) {
		struct dns_name next =
		    dns_name_tail(&zones->name, zones->labels + 1);
		const struct known_zone *known = find_known_zone(zones, &next);

		if (zones->labels >= ZONES_LABELS_MAX) {
			end_request(zones, ZONE_UNKNOWN);
			return;
		}
		if (!known) {
			if (!zones_ask(zones, &next, GETDNS_RRTYPE_DS,
			               zones_on_ds))
				end_request(zones, ZONE_UNKNOWN);
			return;
		}
		if (known->step == ZONE_STEP_UNSIGNED) {
			end_request(zones, ZONE_UNSIGNED);
			return;
		}
		zones->labels++;
	}
	end_request(zones, ZONE_SIGNED);
}

static void zones_on_timer(uv_timer_t *timer)
{
	step_down(timer->data);
}

static void zones_on_ds(void *arg, const struct dns_answer *answer)
{
	struct zones *zones = arg;
	struct dns_name name = dns_name_tail(&zones->name, zones->labels + 1);

	zones->query = NULL;
	zones->state = ZONES_NEXT;
	switch (zones_judge(answer, name.len == zones->name.len)) {
	case ZONE_STEP_DOWN:
		remember_zone(zones, &name, ZONE_STEP_DOWN);
		step_down(zones);
		return;
	case ZONE_STEP_UNSIGNED:
		remember_zone(zones, &name, ZONE_STEP_UNSIGNED);
		end_request(zones, ZONE_UNSIGNED);
		return;
	case ZONE_STEP_SIGNED:
		end_request(zones, ZONE_SIGNED);
		return;
	case ZONE_STEP_ALIAS:
		if (zones_ask(zones, &zones->name, GETDNS_RRTYPE_CNAME,
		              zones_on_cname))
			return;
		break;
	case ZONE_STEP_UNKNOWN:
		break;
	}
	end_request(zones, ZONE_UNKNOWN);
}

static void zones_on_cname(void *arg, const struct dns_answer *answer)
{
	struct zones *zones = arg;

	zones->query = NULL;
	zones->state = ZONES_NEXT;
	if (answer->status != DNS_OK || ++zones->hops > DNS_HOPS_MAX ||
	    !dns_name_read((const uint8_t *)answer->texts[0].data,
	                   answer->texts[0].len, &zones->name)) {
		end_request(zones, ZONE_UNKNOWN);
		return;
	}
	if (!answer->authenticated) {
		end_request(zones, ZONE_UNSIGNED);
		return;
	}
	zones->labels = 0;
	step_down(zones);
}

/* -- the interface --------------------------------------------------------- */

void zones_find(struct zones *zones, struct zone_request *request,
                const struct dns_name *name, zones_callback *callback,
                void *arg)
{
	request->name = *name;
	request->callback = callback;
	request->arg = arg;
	list_append(&zones->requests, &request->node);
	if (zones->state == ZONES_IDLE)
		begin_request(zones);
}

int zones_new(struct secure_dns *dns, struct zones **ret)
{
	struct zones *zones = calloc(1, sizeof(*zones));

	if (!zones)
		return MTS_ENOMEM;
	zones->dns = dns;
	list_init(&zones->requests);
	uv_timer_init(secure_dns_loop(dns), &zones->timer);
	zones->timer.data = zones;
	*ret = zones;
	return MTS_OK;
}

static void zones_on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void zones_free(struct zones **zones)
{
	struct zones *z = *zones;

	if (!z)
		return;
	*zones = NULL;
	secure_query_cancel(&z->query);
	list_each_safe (node, &z->requests)
		list_remove(node);
	uv_close((uv_handle_t *)&z->timer, zones_on_closed);
}
