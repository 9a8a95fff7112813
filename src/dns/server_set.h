/* SPDX-License-Identifier: BSD-2-Clause */
/* server_set.h - the DNS servers to ask, and which of them to ask first.
 *
 * Counted: a look-up under way keeps the set it began with, even if
 * /etc/resolv.conf has changed since. */
#ifndef DNS_SERVER_SET_H
#define DNS_SERVER_SET_H

#include "dns/resolv_conf.h"
#include "dns/stub.h"

#include <sys/stat.h>

enum {
	SERVERS_MAX = RESOLV_CONF_SERVERS,
	/* For how long a server that kept silent is asked after the others. */
	SERVER_AVOID_MS = 30 * 1000,
	SERVERS_REREAD_MS = 2000, /* resolv_conf is looked at no more often */
	SERVERS_TEXT = SERVERS_MAX * (ADDRESS_TEXT + 11),
};

struct server_set {
	unsigned references;
	size_t count;
	struct stub_server *servers[SERVERS_MAX];
	uint64_t avoid_until_ms[SERVERS_MAX];
};

/* Gives a reference back. Takes NULL, leaves NULL. */
void server_set_unref(struct server_set **set);

/* Where the set comes from, and the one in use. */
struct server_source {
	uv_loop_t *loop;
	struct stub *stub;
	struct server_set *set;
	char *resolv_conf;       /* NULL: the servers are given */
	struct stat stat;        /* of resolv_conf when it was read */
	uint64_t looked_ms;      /* when it was last looked at */
	bool bad;                /* the operator has been warned */
	char text[SERVERS_TEXT]; /* "127.0.0.1:53, [::1]:53" */
};

/* COUNT servers for address_parse_server(), or if there is none those of
 * RESOLV_CONF. MTS_ESYNTAX, MTS_ERANGE, MTS_ENOTFOUND, MTS_ESYS, MTS_ENOMEM,
 * MTS_ELIB; to be closed in any case. */
int server_source_init(struct server_source *source, uv_loop_t *loop,
                       struct stub *stub, const char *const *servers,
                       size_t count, const char *resolv_conf,
                       struct fault *why);

void server_source_close(struct server_source *source);

/* The set for a new look-up, a reference of the caller's. A DHCP client or a
 * VPN changes resolv.conf under us: it is read again if it has changed. While
 * it can't be used, the servers stay as they are. */
struct server_set *server_source_get(struct server_source *source);

/* The order to ask in: as listed, but those that keep silent last. */
void server_set_order(const struct server_set *set, uint64_t now_ms,
                      unsigned order[SERVERS_MAX]);

#endif
