/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_packet.h - DNS messages as they go over the wire (RFC 1035 4): writes
 * questions and reads answers.
 *
 * Pure. Whatever an answer contains, nothing outside its bytes is read. */
#ifndef DNS_DNS_PACKET_H
#define DNS_DNS_PACKET_H

#include "base/slice.h"
#include "dns/dns_name.h"

#include <arpa/nameser.h>

enum {
	DNS_HEADER = 12,
	DNS_QUESTION_MAX = DNS_HEADER + DNS_NAME_WIRE + 4 + 11, /* with OPT */

	/* In a header's flags: */
	DNS_PACKET_QR = 0x8000,
	DNS_PACKET_AA = 0x0400,
	DNS_PACKET_TC = 0x0200,
	DNS_PACKET_RD = 0x0100,
	DNS_PACKET_RA = 0x0080,
	DNS_PACKET_AD = 0x0020,
	DNS_PACKET_RCODE = 0x000f,
};

/* Writes a question for the TYPE records of NAME to TO, and returns its length. RD
 * is set, and an OPT record says that we accept PAYLOAD bytes by UDP (RFC 6891).
 * DNSSEC: with the DO bit (RFC 3225). */
size_t dns_question_put(uint8_t to[DNS_QUESTION_MAX], uint16_t id,
                        const struct dns_name *name, uint16_t type,
                        uint16_t payload, bool dnssec);

enum dns_packet_section {
	DNS_SECTION_ANSWER,
	DNS_SECTION_AUTHORITY,
};

/* An open message. It borrows its bytes. */
struct dns_packet {
	const uint8_t *bytes;
	size_t len;
	uint16_t id;
	uint16_t flags;
	bool asks; /* there is one question, of class IN: NAME and TYPE */
	struct dns_name name;
	uint16_t type;
	bool whole; /* all records that the header promises are there, and
	             * nothing else; otherwise none can be read */
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
	size_t rdata;     /* its data: the offset in the message, */
	size_t rdata_len; /* and the length */
};

/* The position in a section; all 0 at its start. */
struct dns_cursor {
	int seen;
	ns_msg message; /* the C library's own position */
};

/* Reads the next record of SECTION. False: there is none. */
bool dns_packet_next(const struct dns_packet *packet,
                     enum dns_packet_section section, struct dns_cursor *cursor,
                     struct dns_rr *ret);

/* Reads the name at offset AT, compressed or not. *RET_END is the offset after it;
 * RET_END may be NULL. False: there is no complete name. */
bool dns_packet_name(const struct dns_packet *packet, size_t at,
                     size_t *ret_end, struct dns_name *ret);

/* RR's data as it is in the message; names in it may be compressed. */
struct slice dns_packet_rdata(const struct dns_packet *packet,
                              const struct dns_rr *rr);

#endif
