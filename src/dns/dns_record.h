/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_record.h - what stands in one DNS record.
 *
 * Pure: part of dns_reply.c. */
#ifndef DNS_DNS_RECORD_H
#define DNS_DNS_RECORD_H

#include "dns/dns_packet.h"
#include "dns/dns_reply.h"

/* How many bytes dns_record_take() needs at most for RR. */
size_t dns_record_size(const struct dns_rr *rr);

/* Appends the data of RR, which is PACKET's, to REPLY's addresses, or to its texts
 * and bytes, of which *USED are taken. There must be room. False: it is broken. */
bool dns_record_take(const struct dns_packet *packet, const struct dns_rr *rr,
                     struct dns_reply *reply, size_t *used);

#endif
