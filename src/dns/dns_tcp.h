/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_tcp.h - asks DNS servers questions by TCP, on a libuv loop, with getdns.
 *
 * Only what UDP cannot answer is asked this way: answers over 1,232 bytes, and
 * servers that do not know EDNS. Each question needs a connection and a getdns
 * context, which takes several hundred KB. So at most DNS_TCP_MAX questions are out at a
 * time; the others wait in a queue, first come, first served. */
#ifndef DNS_DNS_TCP_H
#define DNS_DNS_TCP_H

#include "base/address.h"
#include "base/slice.h"
#include "base/status.h"
#include "base/work_queue.h"
#include "dns/dns_name.h"

#include <stdbool.h>
#include <uv.h>

enum { DNS_TCP_MAX = 16 };

struct dns_tcp; /* one for each resolver */
struct dns_tcp_question;

/* MTS_ENOMEM. On MTS_OK *RET is the caller's:
 * dns_tcp_close(). */
int dns_tcp_new(uv_loop_t *loop, struct dns_tcp **ret);

/* Cancels every question. Takes NULL, leaves NULL. The loop must run once more
 * before it is closed. */
void dns_tcp_close(struct dns_tcp **tcp);

/* STATUS is MTS_OK and MESSAGE is the server's answer, which lives only while the
 * callback runs. Otherwise MESSAGE is empty: MTS_ENOTFOUND: the server cannot be
 * reached, or it closed the connection; MTS_ESYS: no file descriptor was left;
 * MTS_ENOMEM; MTS_ELIB: getdns refused the question. */
typedef void dns_tcp_callback(void *arg, int status, struct slice message);

/* Asks SERVER for the TYPE records of NAME as soon as fewer than DNS_TCP_MAX
 * questions are out. DNSSEC: with the DO bit (RFC 3225). There is no time limit:
 * the caller cancels. An error return (MTS_ENOMEM) means "not asked". Otherwise
 * CALLBACK comes exactly once, from the loop and never from inside another call,
 * so it may ask, cancel and close; unless dns_tcp_cancel() comes first. *RET is
 * valid until then. */
int dns_tcp_ask(struct dns_tcp *tcp, const struct address *server,
                in_port_t port, const struct dns_name *name, uint16_t type,
                bool dnssec, dns_tcp_callback *callback, void *arg,
                struct dns_tcp_question **ret);

/* For how long QUESTION has been out, in milliseconds; 0 while it is queued, and
 * nothing has been sent. */
uint64_t dns_tcp_out_ms(const struct dns_tcp_question *question);

/* The callback will not come. Takes NULL, leaves NULL. */
void dns_tcp_cancel(struct dns_tcp_question **question);

#endif
