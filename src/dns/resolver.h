/* SPDX-License-Identifier: BSD-2-Clause */
/* resolver.h - DNS look-ups on a libuv loop: a stub resolver over a few servers.
 *
 * It asks one server after the other: the next one after a second without an
 * answer, or at once after SERVFAIL, REFUSED or a broken answer. It asks by UDP
 * first, and by TCP what does not fit into a datagram. A look-up's time limit
 * covers all of it. Everything runs on the loop's thread. */
#ifndef DNS_RESOLVER_H
#define DNS_RESOLVER_H

#include "base/address.h"
#include "base/slice.h"
#include "base/status.h"
#include "dns/dns_denial.h"
#include "dns/dns_name.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum { RESOLVER_SERVERS_MAX = 8 };

struct resolver_server {
	struct address address;
	in_port_t port;
};

struct resolver;

struct resolver_options {
	uv_loop_t *loop;
	const char *const *servers; /* for address_parse_server() */
	size_t server_count;        /* 0: the servers of resolv_conf */
	const char *resolv_conf; /* "/etc/resolv.conf"; read again if changed */
	uint64_t timeout_ms;     /* for one look-up, all servers and tries */
	size_t questions_max;    /* descriptors for questions; 0: any number */
};

/* MTS_ESYNTAX: a server's address; MTS_ERANGE: more than RESOLVER_SERVERS_MAX;
 * MTS_ENOTFOUND: resolv_conf names none; MTS_ESYS: it cannot be read; MTS_ENOMEM.
 * WHY says which. On MTS_OK *RET is the caller's: resolver_close(). */
int resolver_new(const struct resolver_options *options, struct resolver **ret,
                 struct fault *why);

/* Prepares other OPTIONS (of the same loop); resolver_new()'s errors.
 * resolver_settle() then applies them, or drops them unless GOOD. Look-ups under
 * way continue with the servers they began with. */
int resolver_prepare(struct resolver *resolver,
                     const struct resolver_options *options, struct fault *why);
void resolver_settle(struct resolver *resolver, bool good);

/* Cancels every look-up (their callbacks do not come) and closes. Takes NULL,
 * leaves NULL. The loop must run once more before it is closed. */
void resolver_close(struct resolver **resolver);

enum dns_status {
	DNS_OK,       /* there are records */
	DNS_NODATA,   /* the name exists, but has no such records */
	DNS_NXDOMAIN, /* the name does not exist */
	DNS_FAILED,   /* SERVFAIL, REFUSED, a broken answer, no server */
	DNS_TIMEOUT,  /* no answer in time */
};

enum { DNS_STATUSES = DNS_TIMEOUT + 1 }; /* how many there are */

/* "ok", "nodata", ... */
const char *dns_status_text(enum dns_status status);

/* Lives only while the callback runs. */
struct dns_answer {
	enum dns_status status;
	/* OK: the least TTL of the records and of the CNAMEs before them.
	 * NODATA, NXDOMAIN: how long that stays true (RFC 2308 5: the lesser of
	 * the SOA's TTL and minimum), 0 if no SOA came. Otherwise 0. */
	uint32_t ttl_s;
	size_t count;                    /* OK: of the records below */
	const struct slice *texts;       /* TXT: the strings of each, joined;
	                                  * other types: rdata, the name in an
	                                  * MX or NS uncompressed */
	const struct address *addresses; /* A, AAAA */
	const char *reason;              /* one line for a person, never NULL */
	/* Only resolver_ask() and secure_dns.h set these: */
	bool authenticated; /* all of it, including CNAMEs and absence */
	bool bogus;         /* FAILED: an answer came but is not authentic */
	unsigned hops;      /* CNAMEs that were followed, */
	const struct dns_name *end; /* and the name at their end; NULL unless
	                             * OK, NODATA, NXDOMAIN */
	enum dns_cut cut;           /* DS, NODATA: see dns_denial.h */
};

struct dns_query;

typedef void dns_callback(void *arg, const struct dns_answer *answer);

/* Look up NAME's TXT, A or AAAA records, and follow CNAMEs. An error return means
 * "not started": MTS_ESYNTAX: domain_is_name() does not accept NAME, without a
 * leading "_mta-sts." label; MTS_ENOMEM. Otherwise CALLBACK comes exactly once,
 * never from inside another call, unless dns_query_cancel() comes first. *RET is
 * valid until then. */
int resolver_txt(struct resolver *resolver, const char *name,
                 dns_callback *callback, void *arg, struct dns_query **ret);
int resolver_a(struct resolver *resolver, const char *name,
               dns_callback *callback, void *arg, struct dns_query **ret);
int resolver_aaaa(struct resolver *resolver, const char *name,
                  dns_callback *callback, void *arg, struct dns_query **ret);

/* Looks up the TYPE records of NAME, any name and any type. DNSSEC: sets the DO
 * bit, and `authenticated` if the server set the AD bit in every answer of the
 * chain of CNAMEs; without it `authenticated` is false. MTS_ENOMEM; otherwise as
 * above. */
int resolver_ask(struct resolver *resolver, const struct dns_name *name,
                 uint16_t type, bool dnssec, dns_callback *callback, void *arg,
                 struct dns_query **ret);

/* The callback will not come. Takes NULL, leaves NULL. */
void dns_query_cancel(struct dns_query **query);

/* The loop it was given. */
uv_loop_t *resolver_loop(const struct resolver *resolver);

/* The servers in use, for people: "127.0.0.1:53, [::1]:53". Valid until the loop
 * runs. */
const char *resolver_servers(const struct resolver *resolver);

/* Copies them to RET, after reading resolv_conf again if it has changed, and
 * returns how many. */
size_t resolver_get_servers(struct resolver *resolver,
                            struct resolver_server ret[RESOLVER_SERVERS_MAX]);

/* Between resolver_prepare() and resolver_settle(): the servers of the next
 * options. */
size_t resolver_next_servers(struct resolver *resolver,
                             struct resolver_server ret[RESOLVER_SERVERS_MAX]);
const char *resolver_next_text(const struct resolver *resolver);

struct resolver_counts {
	uint64_t by_status[DNS_STATUSES]; /* look-ups that ended */
};

/* Since resolver_new(). */
void resolver_get_counts(const struct resolver *resolver,
                         struct resolver_counts *ret);

/* True if no server gave a good answer in the last resolver_test(), or since. */
bool resolver_is_silent(const struct resolver *resolver);

/* Asks the servers for the root, unless a good answer came within the last half
 * minute. The caller is a reader of the result: there are no tests without one. */
void resolver_test(struct resolver *resolver);

/* Reads resolv_conf again if it has changed, so that resolver_servers() is up to
 * date. */
void resolver_look(struct resolver *resolver);

#endif
