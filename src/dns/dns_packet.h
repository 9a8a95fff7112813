/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_packet.h - DNS messages as they go over the wire (RFC 1035 4): writes
 * questions, reads answers.
 *
 * Pure. Whatever an answer holds, nothing outside of it is read. */
#ifndef DNS_DNS_PACKET_H
#define DNS_DNS_PACKET_H

#include "base/slice.h"
#include "dns/dns_name.h"

#include <arpa/nameser.h>

enum {
	DNS_HEADER = 12,
	DNS_QUESTION_MAX = DNS_HEADER + DNS_NAME_WIRE + 4 + 11, /* with OPT */

	/* Of a header's flags: */
	DNS_PACKET_QR = 0x8000,
	DNS_PACKET_AA = 0x0400,
	DNS_PACKET_TC = 0x0200,
	DNS_PACKET_RD = 0x0100,
	DNS_PACKET_RA = 0x0080,
	DNS_PACKET_AD = 0x0020,
	DNS_PACKET_RCODE = 0x000f,
};

/* Writes a question for the TYPE records of NAME into TO; how long it is. RD is
 * set, and an OPT record says that PAYLOAD bytes can be taken by UDP (RFC 6891);
 * DNSSEC: with the DO bit (RFC 3225). */
size_t dns_question_put(uint8_t to[DNS_QUESTION_MAX], uint16_t id,
                        const struct dns_name *name, uint16_t type,
                        uint16_t payload, bool dnssec);

enum dns_packet_section {
	DNS_SECTION_ANSWER,
	DNS_SECTION_AUTHORITY,
};

/* A message that was opened; borrows its bytes. */
struct dns_packet {
	const uint8_t *bytes;
	size_t len;
	uint16_t id;
	uint16_t flags;
	bool asks; /* there is one question, of class IN: */
	struct dns_name name;
	uint16_t type;
	bool whole; /* all records that the header promises are there, and
	             * nothing else; otherwise none can be had */
	ns_msg message;
};

/* Opens the message in BYTES. False: it has no header. */
bool dns_packet_open(struct slice bytes, struct dns_packet *ret);

/* One record. */
struct dns_rr {
	struct dns_name owner;
	uint16_t type;
	uint16_t class;
	uint32_t ttl_s;
	size_t rdata; /* where its data stands, */
	size_t rdata_len;
};

/* Going through a section: at its start all 0. */
struct dns_walk {
	int seen;
	ns_msg message; /* where the C library has got to */
};

/* The next record of SECTION. False: there is none. */
bool dns_packet_next(const struct dns_packet *packet,
                     enum dns_packet_section section, struct dns_walk *walk,
                     struct dns_rr *ret);

/* Reads the name at AT, compressed or not, and where it ends into *RET_END, which
 * may be NULL. False: there is no whole one. */
bool dns_packet_name(const struct dns_packet *packet, size_t at,
                     size_t *ret_end, struct dns_name *ret);

/* RR's data as it stands there; names in it may be compressed. */
struct slice dns_packet_rdata(const struct dns_packet *packet,
                              const struct dns_rr *rr);

#endif
