/* SPDX-License-Identifier: BSD-2-Clause */
/* walk_mx.c - a walk's branch to the mail hosts: MX records, then the hosts,
 * which the prober calls. */
#include "check/walk_internal.h"

#include "dns/dns_mx.h"

#include <getdns/getdns.h>
#include <stdio.h>
#include <stdlib.h>

/* -- hosts ----------------------------------------------------------------- */

static void on_host(void *arg, struct mx_host *host)
{
	struct mx_wish *wish = arg;
	struct walk *walk = wish->walk;

	walk->report->mx[wish->row].host = host;
	walk->report->timing.mx_ms = walk_ms(walk);
	walk->waiting -= !wish->wish.first;
	walk_end_step(walk);
}

static void ask_host(struct walk *walk, size_t row)
{
	struct mx_wish *wish = &walk->wishes[row];
	struct mx_row *mx = &walk->report->mx[row];

	wish->walk = walk;
	wish->row = row;
	wish->wish.callback = on_host;
	wish->wish.arg = wish;
	if (prober_ask(walk->prober, mx->name, &wish->wish, &mx->host) !=
	    MTS_OK)
		walk_no_memory(walk);
	else if (!mx->host) {
		walk_begin_step(walk);
		walk->waiting += !wish->wish.first;
	}
}

/* The most preferred ones: no domain makes us call hosts without end. */
static void ask_hosts(struct walk *walk)
{
	struct report *report = walk->report;
	size_t count =
	    report->mx_count < MX_CALLED_MAX ? report->mx_count : MX_CALLED_MAX;

	walk->wishes = calloc(count ? count : 1, sizeof(*walk->wishes));
	if (!walk->wishes) {
		walk_no_memory(walk);
		return;
	}
	for (size_t i = 0; i < count; i++)
		ask_host(walk, i);
}

/* -- MX records ------------------------------------------------------------ */

/* False: it is broken. */
static bool read_row(struct slice rdata, struct mx_row *row)
{
	char text[DNS_NAME_WIRE + 1];
	struct dns_mx mx;

	if (!dns_mx_read(rdata, &mx))
		return false;
	row->preference = mx.preference;
	dns_name_show(&mx.name, text);
	snprintf(row->name, sizeof(row->name), "%.*s", DOMAIN_MAX, text);
	for (char *p = row->name; *p; p++)
		*p = ascii_lower(*p);
	return true;
}

static int compare_rows(const void *a, const void *b)
{
	const struct mx_row *x = a;
	const struct mx_row *y = b;

	if (x->preference != y->preference)
		return x->preference < y->preference ? -1 : 1;
	return strcmp(x->name, y->name);
}

static bool is_known(const struct report *report, const char *name)
{
	for (size_t i = 0; i < report->mx_count; i++)
		if (strcmp(report->mx[i].name, name) == 0)
			return true;
	return false;
}

static bool make_room(struct walk *walk, size_t count)
{
	walk->report->mx = calloc(count ? count : 1, sizeof(struct mx_row));
	if (!walk->report->mx)
		walk_no_memory(walk);
	return walk->report->mx != NULL;
}

static void read_rows(struct walk *walk, const struct dns_answer *answer)
{
	struct report *report = walk->report;
	size_t count = answer->count;

	walk->facts.mx_more = count > MX_ROWS_MAX;
	if (walk->facts.mx_more)
		count = MX_ROWS_MAX;
	if (!make_room(walk, count))
		return;
	for (size_t i = 0; i < count; i++) {
		struct mx_row row = { .preference = 0 };

		if (!read_row(answer->texts[i], &row))
			continue;
		if (strcmp(row.name, ".") == 0) /* RFC 7505 */
			walk->facts.mx_null = true;
		else if (!is_known(report, row.name))
			report->mx[report->mx_count++] = row;
	}
	/* A null MX stands alone; beside others it is just a bad one. */
	if (report->mx_count)
		walk->facts.mx_null = false;
	qsort(report->mx, report->mx_count, sizeof(*report->mx), compare_rows);
}

/* RFC 5321 5.1: "treated as if it was associated with an implicit MX RR, with a
 * preference of 0, pointing to that host". */
static void make_implicit(struct walk *walk)
{
	struct report *report = walk->report;

	if (!make_room(walk, 1))
		return;
	walk->facts.mx_implicit = true;
	report->mx_count = 1;
	snprintf(report->mx[0].name, sizeof(report->mx[0].name), "%s",
	         report->domain.name);
}

static void on_mx(void *arg, const struct dns_answer *answer)
{
	struct walk *walk = arg;
	struct dns_facts *facts = &walk->facts.mx;

	walk->mx = NULL;
	walk->report->has_mx = answer->status == DNS_OK ||
	                       answer->status == DNS_NODATA ||
	                       answer->status == DNS_NXDOMAIN;
	walk->report->timing.mx_ms = walk_ms(walk);
	if (answer->status == DNS_OK)
		read_rows(walk, answer);
	else if (answer->status == DNS_NODATA)
		make_implicit(walk);
	ask_hosts(walk);
	walk_take(walk, facts, answer);
}

static void on_mx_secure(void *arg, const struct dns_answer *answer)
{
	struct walk *walk = arg;

	walk->mx_secure = NULL;
	walk->facts.mx_secure =
	    answer->status == DNS_OK && answer->authenticated;
	walk_end_step(walk);
}

void walk_mx_start(struct walk *walk)
{
	struct secure_dns *dns = check_dnssec(walk->options);
	struct dns_name name;

	walk_ask(walk, "", GETDNS_RRTYPE_MX, on_mx, &walk->mx);
	if (dns && dns_name_parse(walk->report->domain.name, &name) == MTS_OK &&
	    secure_dns_ask(dns, &name, GETDNS_RRTYPE_MX, on_mx_secure, walk,
	                   &walk->mx_secure) == MTS_OK)
		walk_begin_step(walk);
}

void walk_mx_stop(struct walk *walk)
{
	dns_query_cancel(&walk->mx);
	secure_query_cancel(&walk->mx_secure);
	for (size_t i = 0;
	     walk->wishes && i < walk->report->mx_count && i < MX_CALLED_MAX;
	     i++)
		prober_forget(&walk->wishes[i].wish);
}
