/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_udp.h - asks one DNS server one question by UDP, on a libuv loop.
 *
 * Each question has a socket of its own, so a port of its own, which the system
 * chooses at random, and an id (RFC 5452 9.2, 9.1); the socket is connected, so
 * that others can't answer, and a closed port is learnt of. */
#ifndef NET_DNS_UDP_H
#define NET_DNS_UDP_H

#include "base/slice.h"
#include "base/status.h"
#include "net/address.h"
#include "net/dns_name.h"

#include <stdbool.h>
#include <uv.h>

enum {
	/* No IPv6 path cuts these into fragments (RFC 9715 3). */
	DNS_UDP_PAYLOAD = 1232,
};

struct dns_udp;

/* MESSAGE came, with the question's id, and lives only while the callback runs;
 * empty: the server can't be reached. */
typedef void dns_udp_callback(void *arg, struct slice message);

struct dns_udp_question {
	const struct address *server;
	in_port_t port;
	const struct dns_name *name;
	uint16_t type;
	bool dnssec; /* with the DO bit */
};

/* An error return means "not asked": MTS_ENOMEM; MTS_ESYS: no file descriptor is
 * left; MTS_ENOTFOUND: the server can't be reached; MTS_ELIB: there is no random
 * number. Otherwise CALLBACK comes at most once, from the loop and from inside of
 * nothing else; then, or by dns_udp_cancel(), *RET is no longer good. The loop
 * must run once more before it is closed. */
int dns_udp_ask(uv_loop_t *loop, const struct dns_udp_question *question,
                dns_udp_callback *callback, void *arg, struct dns_udp **ret);

/* The callback will not come. Takes NULL, leaves NULL. */
void dns_udp_cancel(struct dns_udp **udp);

#endif
