/* SPDX-License-Identifier: BSD-2-Clause */
/* stub.h - asks one DNS server one question, on a libuv loop.
 *
 * Which server, how often and for how long is resolver.c's to decide. */
#ifndef DNS_STUB_H
#define DNS_STUB_H

#include "dns/dns_reply.h"

#include <uv.h>

struct stub;        /* one a resolver */
struct stub_server; /* one a server */
struct stub_question;

enum stub_transport { STUB_UDP, STUB_TCP };

/* MTS_ENOMEM. On MTS_OK *RET is the caller's: stub_close(). */
int stub_new(uv_loop_t *loop, struct stub **ret);

/* All its servers have been freed. Takes NULL, leaves NULL. The loop must run
 * once more. */
void stub_close(struct stub **stub);

/* MTS_ENOMEM. On MTS_OK *RET is the caller's: stub_server_free(). */
int stub_server_new(struct stub *stub, const struct address *address,
                    in_port_t port, struct stub_server **ret);

/* Cancels its questions. Takes NULL, leaves NULL. */
void stub_server_free(struct stub_server **server);

/* "127.0.0.1:53" or "[::1]:53". */
const char *stub_server_text(const struct stub_server *server);

void stub_server_address(const struct stub_server *server,
                         struct address *ret_address, in_port_t *ret_port);

/* REPLY lives only while the callback runs. */
typedef void stub_callback(void *arg, const struct dns_reply *reply);

/* Asks SERVER for the TYPE records of NAME; DNSSEC: with the DO bit (RFC 3225),
 * so that its reply says whether it is authenticated (RFC 6840 5.7) and a denial
 * comes with its proof. An error return means "not asked":
 * MTS_ENOMEM, MTS_ESYS (no file descriptor is left), MTS_ELIB. Otherwise
 * CALLBACK comes once, from the loop and from inside of nothing else, so it may
 * free the server; unless stub_cancel() comes first. There is no time-out. */
int stub_ask(struct stub_server *server, enum stub_transport transport,
             const struct dns_name *name, uint16_t type, bool dnssec,
             stub_callback *callback, void *arg, struct stub_question **ret);

/* The callback will not come. Takes NULL, leaves NULL. */
void stub_cancel(struct stub_question **question);

#endif
