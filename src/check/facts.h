/* SPDX-License-Identifier: BSD-2-Clause */
/* facts.h - what was gathered about a domain, before it is judged.
 *
 * domain_check.c fills it in, and the judges read it. What goes straight into the
 * report (MX rows, the policy, certificates) is not in here. */
#ifndef CHECK_FACTS_H
#define CHECK_FACTS_H

#include "check/check_options.h"
#include "discover/discover.h"
#include "findings/report.h"

enum {
	SERVERS_ASKED_MAX = 8, /* name servers of a zone */
	POLICY_ADDRESSES_MAX = 16,
	MX_ROWS_MAX = 200,  /* MX records; more are ignored */
	MX_CALLED_MAX = 32, /* hosts that are called; others are only matched
	                     * against the policy */
	RUA_DOMAINS_MAX = 4,
	NAME_MAX_TEXT = sizeof("_mta-sts.") + DOMAIN_MAX,
};

/* A copy of a DNS answer. */
struct dns_facts {
	bool over; /* the answer has come; else the rest is not set */
	enum dns_status status;
	unsigned hops;               /* CNAMEs followed, */
	char end[DNS_NAME_WIRE + 1]; /* and the name they led to */
	char reason[160];
	uint64_t ms;
	size_t count; /* of TXT records, as received */
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
	bool old_tls; /* the host supports TLS, but only below 1.2 */
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
	struct dns_facts apex; /* the TXT records of the domain itself; looked
	                        * up only if there is no record */
	size_t server_count;
	struct server_facts servers[SERVERS_ASKED_MAX];
	struct dns_facts host_a, host_aaaa; /* of the policy host */
	size_t address_count;
	struct address addresses[POLICY_ADDRESSES_MAX];
	char special[120]; /* its private addresses, which are not used */
	struct fetch_facts fetch;
	bool cleartext; /* the policy is served on port 80 too */
	struct dns_facts mx;
	bool mx_secure;   /* the MX records are signed with DNSSEC */
	bool mx_null;     /* RFC 7505 */
	bool mx_implicit; /* the only row is the domain itself (RFC 5321
	                   * 5.1) */
	struct dns_facts tls_rpt;
	size_t rua_count;
	struct rua_facts ruas[RUA_DOMAINS_MAX];
};

/* Copies ANSWER. MTS_ENOMEM: everything but its texts. */
int dns_facts_take(struct dns_facts *facts, const struct dns_answer *answer,
                   uint64_t ms);
void dns_facts_clear(struct dns_facts *facts);
void facts_clear(struct facts *facts);

/* True if DNS gave an answer, even if it is that there are no such records. */
static inline bool dns_facts_known(const struct dns_facts *facts)
{
	return facts->over && facts->status != DNS_FAILED &&
	       facts->status != DNS_TIMEOUT;
}

#endif
