/* SPDX-License-Identifier: BSD-2-Clause */
/* facts.h - what was gathered about a domain, before it is judged.
 *
 * domain_check.c fills it in, judge*.c read it. What goes straight into the report (MX
 * rows, policy, certificates) is not in here. */
#ifndef CHECK_FACTS_H
#define CHECK_FACTS_H

#include "check/check_options.h"
#include "discover/discover.h"
#include "findings/report.h"

enum {
	SERVERS_ASKED_MAX = 8, /* name servers of a zone */
	POLICY_ADDRESSES_MAX = 16,
	MX_ROWS_MAX = 200,  /* MX records; more are not looked at */
	MX_CALLED_MAX = 32, /* hosts; the others are only matched */
	RUA_DOMAINS_MAX = 4,
	NAME_MAX_TEXT = sizeof("_mta-sts.") + DOMAIN_MAX,
};

/* An answer, for when it is gone. */
struct dns_facts {
	bool over; /* it has come; else the rest is not known */
	enum dns_status status;
	unsigned hops;               /* CNAMEs, */
	char end[DNS_NAME_WIRE + 1]; /* and the name at their end */
	char reason[160];
	uint64_t ms;
	size_t count; /* TXT: records, raw */
	struct slice *texts;
	char *bytes;
};

struct server_facts {
	char name[DNS_NAME_WIRE + 1];
	char address[ADDRESS_TEXT];
	struct dns_facts answer;
};

struct fetch_facts {
	bool over;
	enum fetch_cause cause;
	long http_status;
	bool challenge;
	bool old_tls; /* the host speaks TLS, below 1.2 only */
	char reason[240];
	uint64_t ms;
};

struct rua_facts {
	char domain[DOMAIN_MAX + 1];
	bool over;
	enum dns_status status;
};

struct facts {
	struct dns_facts record;
	struct dns_facts apex; /* the TXT records of the domain itself; asked
	                        * only if there is no record */
	size_t server_count;
	struct server_facts servers[SERVERS_ASKED_MAX];
	struct dns_facts host_a, host_aaaa; /* of the policy host */
	size_t address_count;
	struct address addresses[POLICY_ADDRESSES_MAX];
	char special[120]; /* addresses that were left out */
	struct fetch_facts fetch;
	bool cleartext;
	struct dns_facts mx;
	bool mx_secure; /* by DNSSEC */
	bool mx_null;
	bool mx_implicit; /* the row is the domain itself (RFC 5321 5.1) */
	struct dns_facts tls_rpt;
	size_t rua_count;
	struct rua_facts ruas[RUA_DOMAINS_MAX];
};

/* Keeps ANSWER, with its texts. MTS_ENOMEM: but for those. */
int dns_facts_take(struct dns_facts *facts, const struct dns_answer *answer,
                   uint64_t ms);
void dns_facts_clear(struct dns_facts *facts);
void facts_clear(struct facts *facts);

/* DNS said that there are such records, or that there are none. */
static inline bool dns_facts_known(const struct dns_facts *facts)
{
	return facts->over && facts->status != DNS_FAILED &&
	       facts->status != DNS_TIMEOUT;
}

#endif
