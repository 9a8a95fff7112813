/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_record.h - what stands in one DNS record.
 *
 * Pure: part of dns_reply.c. */
#ifndef NET_DNS_RECORD_H
#define NET_DNS_RECORD_H

#include "net/dns_reply.h"

/* How many bytes dns_record_take() needs at most for RECORD, of TYPE. */
size_t dns_record_size(const getdns_dict *record, uint16_t type);

/* Appends the data of RECORD, of TYPE, to REPLY's addresses, or to its texts and
 * bytes, of which *USED are taken. There must be room. False: it is broken. */
bool dns_record_take(const getdns_dict *record, uint16_t type,
                     struct dns_reply *reply, size_t *used);

#endif
