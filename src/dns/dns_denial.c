/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_denial.c - is there a zone cut at a name, and is the zone below unsigned?
 *
 * A delegation has an NSEC or NSEC3 record of its own, whose list of types shows
 * what it is. Where a zone leaves out unsigned delegations (opt-out), the denial is
 * not secure and is never read here. So a denial without a record of the name's own
 * is about a name that is no delegation: an empty non-terminal, or a wildcard. */
#include "dns/dns_denial.h"

#include <openssl/evp.h>

enum {
	/* The most that validators accept (RFC 9276 3.2, and before it). */
	NSEC3_ITERATIONS_MAX = 500,
	NSEC3_SALT_MAX = 255, /* RFC 5155 3.2 */
	SHA1_LEN = 20,
	HASH_SHA1 = 1, /* RFC 5155 11 */
};

bool dns_bitmap_has(const uint8_t *map, size_t len, uint16_t type)
{
	size_t at = 0;

	while (len - at >= 2) {
		uint8_t window = map[at];
		size_t n = map[at + 1];
		size_t byte = (type & 0xff) / 8;

		at += 2;
		if (n == 0 || n > 32 || n > len - at)
			return false;
		if (window == type >> 8)
			return byte < n &&
			       (map[at + byte] & 0x80 >> (type & 7));
		at += n;
	}
	return false;
}

/* RFC 4648 7: base32 with the extended hex alphabet; 20 bytes give 32 characters. */
static void base32hex(const uint8_t bytes[SHA1_LEN], char ret[NSEC3_LABEL + 1])
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
	unsigned bits = 0;
	unsigned count = 0;
	size_t used = 0;

	for (size_t i = 0; i < SHA1_LEN; i++) {
		bits = (bits << 8 | bytes[i]) & 0xfff;
		for (count += 8; count >= 5; count -= 5)
			ret[used++] = digits[bits >> (count - 5) & 31];
	}
	ret[used] = '\0';
}

bool nsec3_label(const struct dns_name *name, const uint8_t *salt,
                 size_t salt_len, unsigned iterations,
                 char ret[NSEC3_LABEL + 1])
{
	uint8_t input[DNS_NAME_WIRE + NSEC3_SALT_MAX];
	uint8_t hash[EVP_MAX_MD_SIZE];
	size_t len = name->len;

	if (iterations > NSEC3_ITERATIONS_MAX || salt_len > NSEC3_SALT_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		input[i] = (uint8_t)ascii_lower((char)name->wire[i]);
	for (unsigned round = 0; round <= iterations; round++) {
		unsigned hash_len = 0;

		if (salt_len)
			memcpy(input + len, salt, salt_len);
		if (!EVP_Digest(input, len + salt_len, hash, &hash_len,
		                EVP_sha1(), NULL) ||
		    hash_len != SHA1_LEN)
			return false;
		memcpy(input, hash, SHA1_LEN);
		len = SHA1_LEN;
	}
	base32hex(hash, ret);
	return true;
}

/* What one record says about the name. */
enum denial {
	DENIAL_NONE,  /* nothing: it is no NSEC or NSEC3 */
	DENIAL_OTHER, /* it lists the types of another name */
	DENIAL_UNREADABLE,
	DENIAL_NO_CUT,
	DENIAL_UNSIGNED,
	DENIAL_CHILD, /* it is from the child's apex, not from the parent */
};

static enum denial read_types(const uint8_t *map, size_t len)
{
	if (!dns_bitmap_has(map, len, ns_t_ns))
		return DENIAL_NO_CUT;
	return dns_bitmap_has(map, len, ns_t_soa) ? DENIAL_CHILD
	                                          : DENIAL_UNSIGNED;
}

/* RFC 4034 4.1: next name, types. */
static enum denial read_nsec(const uint8_t *bytes, size_t len,
                             const struct dns_name *owner,
                             const struct dns_name *name)
{
	struct dns_name next;

	if (!dns_name_read(bytes, len, &next))
		return DENIAL_UNREADABLE;
	if (!dns_name_is(owner, name))
		return DENIAL_OTHER;
	return read_types(bytes + next.len, len - next.len);
}

static bool is_label(const struct dns_name *owner, const char *label)
{
	if (owner->wire[0] != NSEC3_LABEL)
		return false;
	for (size_t i = 0; i < NSEC3_LABEL; i++)
		if (ascii_lower((char)owner->wire[1 + i]) != label[i])
			return false;
	return true;
}

/* RFC 5155 3.2: algorithm, flags, iterations (2 bytes), length and salt, length and
 * next hash, types. */
static enum denial read_nsec3(const uint8_t *bytes, size_t len,
                              const struct dns_name *owner,
                              const struct dns_name *name)
{
	char label[NSEC3_LABEL + 1];
	size_t hash, types;

	if (len < 5 || bytes[0] != HASH_SHA1)
		return DENIAL_UNREADABLE;
	hash = 5 + (size_t)bytes[4];
	if (hash >= len)
		return DENIAL_UNREADABLE;
	types = hash + 1 + bytes[hash];
	if (types > len ||
	    !nsec3_label(name, bytes + 5, bytes[4],
	                 (unsigned)bytes[2] << 8 | bytes[3], label))
		return DENIAL_UNREADABLE;
	if (!is_label(owner, label))
		return DENIAL_OTHER;
	return read_types(bytes + types, len - types);
}

static enum denial denial_read_record(const struct dns_packet *packet,
                                      const struct dns_rr *rr,
                                      const struct dns_name *name)
{
	const uint8_t *rdata = packet->bytes + rr->rdata;

	switch (rr->type) {
	case ns_t_nsec:
		return read_nsec(rdata, rr->rdata_len, &rr->owner, name);
	case ns_t_nsec3:
		return read_nsec3(rdata, rr->rdata_len, &rr->owner, name);
	default:
		return DENIAL_NONE;
	}
}

enum dns_cut dns_denial_read(const struct dns_packet *packet,
                             const struct dns_name *name)
{
	struct dns_cursor cursor = { 0 };
	struct dns_rr rr;
	bool denied = false;

	while (dns_packet_next(packet, DNS_SECTION_AUTHORITY, &cursor, &rr)) {
		switch (denial_read_record(packet, &rr, name)) {
		case DENIAL_NO_CUT:
			return DNS_CUT_NONE;
		case DENIAL_UNSIGNED:
			return DNS_CUT_UNSIGNED;
		case DENIAL_UNREADABLE:
		case DENIAL_CHILD:
			return DNS_CUT_UNKNOWN;
		case DENIAL_OTHER:
			denied = true;
			break;
		case DENIAL_NONE:
			break;
		}
	}
	return denied ? DNS_CUT_NONE : DNS_CUT_UNKNOWN;
}
