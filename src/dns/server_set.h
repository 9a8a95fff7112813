/* SPDX-License-Identifier: BSD-2-Clause */
/* server_set.h - the DNS servers to ask, and which of them to ask first.
 *
 * The servers come from the configuration or from /etc/resolv.conf (resolv.conf(5)),
 * which is read again when it changes. Only its "nameserver" lines count: we ask for
 * names exactly as they are, so "search" and "ndots" mean nothing here, and the
 * time limits are our own. */
#ifndef DNS_SERVER_SET_H
#define DNS_SERVER_SET_H

#include "dns/dns_udp.h"
#include "dns/resolver.h"

#include <sys/stat.h>

enum {
	RESOLV_CONF_MAX = 64 * 1024,  /* bytes that are read of resolv.conf */
	RESOLV_CONF_REREAD_MS = 2000, /* it is checked no more often */
	/* For how long a server that kept silent is asked after the others. */
	SERVER_AVOID_MS = 30 * 1000,
	SERVER_TEXT = ADDRESS_TEXT + 9, /* brackets, colon, port */
	SERVERS_TEXT = RESOLVER_SERVERS_MAX * (SERVER_TEXT + 2),
};

struct name_server {
	struct resolver_server at;
	char text[SERVER_TEXT]; /* "127.0.0.1:53" or "[::1]:53" */
	struct dns_udp *udp;
	uint64_t avoid_until_ms;
};

/* A look-up keeps a reference to the set it began with, so its servers stay even if
 * resolv.conf changes. */
struct server_set {
	unsigned references;
	size_t count; /* 1 to RESOLVER_SERVERS_MAX */
	struct name_server servers[RESOLVER_SERVERS_MAX];
};

/* Gives a reference back; every question to the set's servers must have ended
 * before the last one. Takes NULL, leaves NULL. */
void server_set_unref(struct server_set **set);

/* Fills ORDER with the servers' indexes in the order to ask them: as listed, but
 * the silent ones last. */
void server_set_order(const struct server_set *set, uint64_t now_ms,
                      unsigned order[RESOLVER_SERVERS_MAX]);

/* Where the set comes from, and the one in use. */
struct server_source {
	uv_loop_t *loop;
	struct work_queue *work_queue;
	struct server_set *set;
	char *resolv_conf;       /* NULL: the servers are configured */
	struct stat stat;        /* of resolv_conf when it was read */
	uint64_t checked_ms;     /* when it was last checked */
	bool warned;             /* the operator knows that it is unusable */
	char text[SERVERS_TEXT]; /* "127.0.0.1:53, [::1]:53" */
};

/* COUNT servers for address_parse_server(); if COUNT is 0, those of RESOLV_CONF.
 * MTS_ESYNTAX: a server's address; MTS_ERANGE: more than RESOLVER_SERVERS_MAX;
 * MTS_ENOTFOUND: RESOLV_CONF names none; MTS_ESYS: it cannot be read; MTS_ENOMEM.
 * The caller calls server_source_close() in any case. */
int server_source_init(struct server_source *source, uv_loop_t *loop,
                       struct work_queue *work_queue,
                       const char *const *servers, size_t count,
                       const char *resolv_conf, struct fault *why);

void server_source_close(struct server_source *source);

/* Reads resolv.conf again if it has changed, as a DHCP client or a VPN changes it.
 * While it cannot be used, the servers stay as they are. */
void server_source_update(struct server_source *source);

/* The set for a new look-up, after an update; the reference is the caller's. */
struct server_set *server_source_get(struct server_source *source);

/* Finds the servers in TEXT, the content of a resolv.conf, in order, and returns
 * how many. More than RESOLVER_SERVERS_MAX (glibc takes 3), those with a zone
 * ("%eth0") and anything that is not an address are skipped. */
size_t resolv_conf_parse(struct slice text,
                         struct address servers[RESOLVER_SERVERS_MAX]);

#endif
