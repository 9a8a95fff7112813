/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_udp.h - asks a DNS server questions by UDP, on a libuv loop.
 *
 * A question has an id and a socket of its own, so a port of its own, both left to
 * chance (RFC 5452 9.1, 9.2); the socket is connected, so that others can't answer,
 * and a closed port is learnt of. A server on a loopback address can't be played by
 * anybody else: the kernel takes no packet from such an address from outside. So up to
 * 16 questions to it share a socket, which saves half of what they cost. */
#ifndef DNS_DNS_UDP_H
#define DNS_DNS_UDP_H

#include "base/address.h"
#include "base/slice.h"
#include "base/status.h"
#include "dns/dns_name.h"

#include <stdbool.h>
#include <uv.h>

enum {
	/* No IPv6 path cuts these into fragments (RFC 9715 3). */
	DNS_UDP_PAYLOAD = 1232,
};

struct dns_udp; /* one a server */
struct dns_udp_question;

/* MTS_ENOMEM. On MTS_OK *RET is the caller's: dns_udp_close(). */
int dns_udp_new(uv_loop_t *loop, const struct address *server, in_port_t port,
                struct dns_udp **ret);

/* All its questions have ended. Takes NULL, leaves NULL. The loop must run once
 * more. */
void dns_udp_close(struct dns_udp **udp);

/* MESSAGE came, with the question's id, and lives only while the callback runs;
 * empty: the server can't be reached. */
typedef void dns_udp_callback(void *arg, struct slice message);

/* Asks for the TYPE records of NAME; DNSSEC: with the DO bit. An error return
 * means "not asked": MTS_ENOMEM; MTS_ESYS: no file descriptor is left;
 * MTS_ENOTFOUND: the server can't be reached; MTS_ELIB: there is no random
 * number. Otherwise CALLBACK comes at most once, from the loop or, if that finds
 * the server gone, from inside of this function for another question; it must not
 * ask or cancel others. Then, or by dns_udp_cancel(), *RET is no longer good. */
int dns_udp_ask(struct dns_udp *udp, const struct dns_name *name, uint16_t type,
                bool dnssec, dns_udp_callback *callback, void *arg,
                struct dns_udp_question **ret);

/* The callback will not come. Takes NULL, leaves NULL. */
void dns_udp_cancel(struct dns_udp_question **question);

#endif
