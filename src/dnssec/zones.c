/* SPDX-License-Identifier: BSD-2-Clause */
/* zones.c - does a name lie in a signed zone?
 *
 * Each wish begins at the top. DS of "example", of "mail.example", and so on: as
 * long as these are secure, or it is proven that there is no zone cut, the zone
 * is signed. A name that is an alias has no zone cut; where its target lies is
 * found out in the same way. */
#include "dnssec/zones.h"

#include "dns/dns_reply.h"

#include <getdns/getdns.h>
#include <stdlib.h>

enum { MEMO_MAX = 32 };

enum zones_state {
	ZONES_IDLE,  /* no wish */
	ZONES_NEXT,  /* the timer will take the next step */
	ZONES_DS,    /* the DS question is out */
	ZONES_CNAME, /* the CNAME question is out */
};

struct memo {
	struct dns_name name;
	enum zone_step step; /* DOWN or UNSIGNED */
};

struct zones {
	uv_timer_t timer;
	struct secure_dns *dns;
	enum zones_state state;
	struct list wishes;   /* the first one is being looked into */
	struct dns_name name; /* the first one's, then its CNAME's */
	size_t labels;        /* how deep it has got: a signed zone so far */
	unsigned hops;
	unsigned questions;
	struct secure_query *query;
	struct memo memo[MEMO_MAX];
	size_t memo_count;
};

enum zone_step zones_judge(const struct dns_answer *ds, bool last)
{
	if (ds->bogus) /* only what is signed can be bogus */
		return ZONE_STEP_SIGNED;
	if (ds->hops > 0)
		return ZONE_STEP_ALIAS;
	/* The DS question for an alias fails with its target. */
	if (ds->status == DNS_FAILED || ds->status == DNS_TIMEOUT)
		return last ? ZONE_STEP_ALIAS : ZONE_STEP_UNKNOWN;
	if (!ds->authenticated || ds->cut == DNS_CUT_UNSIGNED)
		return ZONE_STEP_UNSIGNED;
	return ds->status == DNS_NXDOMAIN ? ZONE_STEP_SIGNED : ZONE_STEP_DOWN;
}

/* -- the end of a wish ----------------------------------------------------- */

static void on_timer(uv_timer_t *timer);

static void begin(struct zones *zones)
{
	const struct zones_wish *wish;

	if (list_empty(&zones->wishes)) {
		zones->state = ZONES_IDLE;
		return;
	}
	wish = container_of(zones->wishes.next, struct zones_wish, node);
	zones->state = ZONES_NEXT;
	zones->name = wish->name;
	zones->labels = 0;
	zones->hops = 0;
	uv_timer_start(&zones->timer, on_timer, 0, 0);
}

/* The callback may free us. */
static void finish(struct zones *zones, enum zone_security security)
{
	struct zones_wish *wish =
	    container_of(zones->wishes.next, struct zones_wish, node);

	list_remove(&wish->node);
	begin(zones);
	wish->callback(wish->arg, security);
}

/* -- steps ----------------------------------------------------------------- */

static const struct memo *recall(const struct zones *zones,
                                 const struct dns_name *name)
{
	for (size_t i = 0; i < zones->memo_count; i++)
		if (dns_name_is(&zones->memo[i].name, name))
			return &zones->memo[i];
	return NULL;
}

static void remember(struct zones *zones, const struct dns_name *name,
                     enum zone_step step)
{
	if (zones->memo_count < MEMO_MAX)
		zones->memo[zones->memo_count++] = (struct memo){ *name, step };
}

static bool ask(struct zones *zones, const struct dns_name *name, uint16_t type,
                dns_callback *callback)
{
	if (zones->questions++ >= ZONES_QUESTIONS_MAX)
		return false;
	zones->state = type == GETDNS_RRTYPE_DS ? ZONES_DS : ZONES_CNAME;
	return secure_dns_ask(zones->dns, name, type, callback, zones,
	                      &zones->query) == MTS_OK;
}

static void on_ds(void *arg, const struct dns_answer *answer);
static void on_cname(void *arg, const struct dns_answer *answer);

/* Goes down as far as is known, and asks. */
static void step_down(struct zones *zones)
{
	size_t all = dns_name_labels(&zones->name);

	while (zones->labels < all) {
		struct dns_name next =
		    dns_name_tail(&zones->name, zones->labels + 1);
		const struct memo *memo = recall(zones, &next);

		if (zones->labels >= ZONES_LABELS_MAX) {
			finish(zones, ZONE_UNKNOWN);
			return;
		}
		if (!memo) {
			if (!ask(zones, &next, GETDNS_RRTYPE_DS, on_ds))
				finish(zones, ZONE_UNKNOWN);
			return;
		}
		if (memo->step == ZONE_STEP_UNSIGNED) {
			finish(zones, ZONE_UNSIGNED);
			return;
		}
		zones->labels++;
	}
	finish(zones, ZONE_SIGNED);
}

static void on_timer(uv_timer_t *timer)
{
	step_down(timer->data);
}

static void on_ds(void *arg, const struct dns_answer *answer)
{
	struct zones *zones = arg;
	struct dns_name name = dns_name_tail(&zones->name, zones->labels + 1);

	zones->query = NULL;
	zones->state = ZONES_NEXT;
	switch (zones_judge(answer, name.len == zones->name.len)) {
	case ZONE_STEP_DOWN:
		remember(zones, &name, ZONE_STEP_DOWN);
		step_down(zones);
		return;
	case ZONE_STEP_UNSIGNED:
		remember(zones, &name, ZONE_STEP_UNSIGNED);
		finish(zones, ZONE_UNSIGNED);
		return;
	case ZONE_STEP_SIGNED:
		finish(zones, ZONE_SIGNED);
		return;
	case ZONE_STEP_ALIAS:
		if (ask(zones, &zones->name, GETDNS_RRTYPE_CNAME, on_cname))
			return;
		break;
	case ZONE_STEP_UNKNOWN:
		break;
	}
	finish(zones, ZONE_UNKNOWN);
}

static void on_cname(void *arg, const struct dns_answer *answer)
{
	struct zones *zones = arg;

	zones->query = NULL;
	zones->state = ZONES_NEXT;
	if (answer->status != DNS_OK || ++zones->hops > DNS_HOPS_MAX ||
	    !dns_name_read((const uint8_t *)answer->texts[0].data,
	                   answer->texts[0].len, &zones->name)) {
		finish(zones, ZONE_UNKNOWN);
		return;
	}
	if (!answer->authenticated) {
		finish(zones, ZONE_UNSIGNED);
		return;
	}
	zones->labels = 0;
	step_down(zones);
}

/* -- outside --------------------------------------------------------------- */

void zones_find(struct zones *zones, struct zones_wish *wish,
                const struct dns_name *name, zones_callback *callback,
                void *arg)
{
	wish->name = *name;
	wish->callback = callback;
	wish->arg = arg;
	list_append(&zones->wishes, &wish->node);
	if (zones->state == ZONES_IDLE)
		begin(zones);
}

int zones_new(struct secure_dns *dns, struct zones **ret)
{
	struct zones *zones = calloc(1, sizeof(*zones));

	if (!zones)
		return MTS_ENOMEM;
	zones->dns = dns;
	list_init(&zones->wishes);
	uv_timer_init(secure_dns_loop(dns), &zones->timer);
	zones->timer.data = zones;
	*ret = zones;
	return MTS_OK;
}

static void on_closed(uv_handle_t *handle)
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
	list_each_safe (node, &z->wishes)
		list_remove(node);
	uv_close((uv_handle_t *)&z->timer, on_closed);
}
