/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_udp.h - asks a DNS server questions by UDP, on a libuv loop.
 *
 * A question has a random id and a socket of its own, so a random port, too (RFC
 * 5452 9.1, 9.2). The socket is connected: only the server's address can answer,
 * and the kernel reports a closed port. Other machines cannot forge the answers of a server
 * on a loopback address: the kernel takes no packet from such an address from outside. So
 * up to 16 questions to it share a socket, which halves their cost. */
#ifndef DNS_DNS_UDP_H
#define DNS_DNS_UDP_H

#include "base/address.h"
#include "base/slice.h"
#include "base/status.h"
#include "base/work_queue.h"
#include "dns/dns_name.h"

#include <stdbool.h>
#include <uv.h>

enum {
	/* No IPv6 path cuts these into fragments (RFC 9715 3). */
	DNS_UDP_PAYLOAD = 1232,
};

struct dns_udp; /* one for each server */
struct dns_udp_question;

/* MTS_ENOMEM. On MTS_OK *RET is the caller's: dns_udp_close(). WORK_QUEUE must
 * live as long. */
int dns_udp_new(uv_loop_t *loop, struct work_queue *work_queue,
                const struct address *server, in_port_t port,
                struct dns_udp **ret);

/* Its questions must have ended before. Takes NULL, leaves NULL. The loop must run
 * once more before it is closed. */
void dns_udp_close(struct dns_udp **udp);

/* STATUS is MTS_OK and MESSAGE came with the question's id; it lives only while
 * the callback runs. Otherwise MESSAGE is empty: MTS_ENOTFOUND: the server cannot
 * be reached; MTS_ENOMEM: there was no memory for the answer. */
typedef void dns_udp_callback(void *arg, int status, struct slice message);

/* Asks for the TYPE records of NAME; DNSSEC: with the DO bit (RFC 3225). There is
 * no time limit: the caller cancels. An error return means "not asked":
 * MTS_ENOMEM; MTS_ESYS: no file descriptor is left; MTS_ELIB: the system has no
 * random numbers. Otherwise CALLBACK comes at most once, from the loop and never
 * from inside another call, so it may ask, cancel and close; unless
 * dns_udp_cancel() comes first. *RET is valid until then. */
int dns_udp_ask(struct dns_udp *udp, const struct dns_name *name, uint16_t type,
                bool dnssec, dns_udp_callback *callback, void *arg,
                struct dns_udp_question **ret);

/* The callback will not come. Takes NULL, leaves NULL. */
void dns_udp_cancel(struct dns_udp_question **question);

#endif
