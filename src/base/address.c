/* SPDX-License-Identifier: BSD-2-Clause */
/* address.c - IP addresses as text, and which ones a policy host must not have.
 *
 * The tables follow IANA's IPv4 and IPv6 Special-Purpose Address Registries
 * (RFC 6890). They list a block as a whole even if the registry calls a few
 * anycast addresses in it reachable: no policy is served from there. */
#include "base/address.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

/* The first BITS bits of PREFIX. */
struct range4 {
	uint32_t prefix;
	unsigned bits;
};

struct range6 {
	uint8_t prefix[16];
	unsigned bits;
};

static const struct range4 special4[] = {
	{ 0x00000000, 8 },  /* 0.0.0.0/8: this network (RFC 791 3.2) */
	{ 0x0a000000, 8 },  /* 10.0.0.0/8: private (RFC 1918) */
	{ 0x64400000, 10 }, /* 100.64.0.0/10: shared (RFC 6598) */
	{ 0x7f000000, 8 },  /* 127.0.0.0/8: loopback (RFC 1122 3.2.1.3) */
	{ 0xa9fe0000, 16 }, /* 169.254.0.0/16: link-local (RFC 3927) */
	{ 0xac100000, 12 }, /* 172.16.0.0/12: private (RFC 1918) */
	{ 0xc0000000, 24 }, /* 192.0.0.0/24: IETF protocols (RFC 6890 2.1) */
	{ 0xc0000200, 24 }, /* 192.0.2.0/24: documentation (RFC 5737) */
	{ 0xc0586300, 24 }, /* 192.88.99.0/24: 6to4 relays (RFC 7526) */
	{ 0xc0a80000, 16 }, /* 192.168.0.0/16: private (RFC 1918) */
	{ 0xc6120000, 15 }, /* 198.18.0.0/15: benchmarks (RFC 2544) */
	{ 0xc6336400, 24 }, /* 198.51.100.0/24: documentation (RFC 5737) */
	{ 0xcb007100, 24 }, /* 203.0.113.0/24: documentation (RFC 5737) */
	{ 0xe0000000, 4 },  /* 224.0.0.0/4: multicast (RFC 5771) */
	{ 0xf0000000, 4 },  /* 240.0.0.0/4: reserved, and broadcast */
};

/* Within 2000::/3; everything outside is special, see is_special6(). */
static const struct range6 special6[] = {
	{ { 0x20, 0x01, 0x00 }, 23 }, /* 2001::/23: IETF protocols (RFC 2928),
	                               * but not Teredo, see below */
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, /* 2001:db8::/32: documentation */
	{ { 0x3f, 0xff, 0x00 }, 20 }, /* 3fff::/20: documentation (RFC 9637) */
};

static const struct range6 global_unicast = { { 0x20 }, 3 }; /* RFC 4291 2.4 */

/* IPv6 addresses that contain an IPv4 address: at byte AT, with each bit
 * inverted if FLIPPED. */
static const struct {
	struct range6 range;
	unsigned at;
	bool flipped;
} embedded[] = {
	{ { { [10] = 0xff, [11] = 0xff }, 96 }, 12, false }, /* ::ffff:0:0/96:
	                                              * mapped (RFC 4291) */
	{ { { 0x00, 0x64, 0xff, 0x9b }, 96 }, 12, false },   /* 64:ff9b::/96:
	                                              * NAT64 (RFC 6052) */
	{ { { 0x20, 0x02 }, 16 }, 2, false }, /* 2002::/16: 6to4 (RFC 3056) */
	{ { { 0x20, 0x01, 0x00, 0x00 }, 32 }, 12, true }, /* 2001::/32: Teredo,
	                                              * the client (RFC 4380) */
};

static bool in_range4(uint32_t address, const struct range4 *range)
{
	return ((address ^ range->prefix) >> (32 - range->bits)) == 0;
}

static bool in_range6(const uint8_t *address, const struct range6 *range)
{
	unsigned whole = range->bits / 8;
	unsigned rest = range->bits % 8;

	if (memcmp(address, range->prefix, whole) != 0)
		return false;
	return rest == 0 ||
	       ((address[whole] ^ range->prefix[whole]) >> (8 - rest)) == 0;
}

static bool is_special4(uint32_t address)
{
	for (size_t i = 0; i < sizeof(special4) / sizeof(*special4); i++)
		if (in_range4(address, &special4[i]))
			return true;
	return false;
}

static uint32_t read_v4(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
	       (uint32_t)bytes[2] << 8 | bytes[3];
}

static bool is_special6(const uint8_t *address)
{
	for (size_t i = 0; i < sizeof(embedded) / sizeof(*embedded); i++) {
		uint32_t v4 = read_v4(address + embedded[i].at);

		if (in_range6(address, &embedded[i].range))
			return is_special4(embedded[i].flipped ? ~v4 : v4);
	}
	/* Loopback, unique local, link-local, multicast, and everything that
	 * IANA has not assigned. */
	if (!in_range6(address, &global_unicast))
		return true;
	for (size_t i = 0; i < sizeof(special6) / sizeof(*special6); i++)
		if (in_range6(address, &special6[i]))
			return true;
	return false;
}

bool address_is_special(const struct address *address)
{
	if (address->family == AF_INET)
		return is_special4(ntohl(address->v4.s_addr));
	if (address->family == AF_INET6)
		return is_special6(address->v6.s6_addr);
	return true;
}

const char *address_text(const struct address *address, char text[ADDRESS_TEXT])
{
	const void *bytes = address->family == AF_INET6
	                        ? (const void *)&address->v6
	                        : (const void *)&address->v4;

	if (!inet_ntop(address->family, bytes, text, ADDRESS_TEXT))
		text[0] = '\0';
	return text;
}

bool address_parse(struct slice text, int family, struct address *ret)
{
	char copy[ADDRESS_TEXT];

	if (text.len == 0 || text.len >= sizeof(copy))
		return false;
	memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	*ret = (struct address){ .family = family };
	return inet_pton(family, copy,
	                 family == AF_INET6 ? (void *)&ret->v6
	                                    : (void *)&ret->v4) == 1;
}

void address_socket(const struct address *address, in_port_t port,
                    struct sockaddr_storage *ret)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	ret->ss_family = (sa_family_t)address->family;
	if (address->family == AF_INET) {
		in->sin_port = htons(port);
		in->sin_addr = address->v4;
	} else {
		in6->sin6_port = htons(port);
		in6->sin6_addr = address->v6;
	}
}

static bool parse_server_port(const char *text, in_port_t *ret)
{
	*ret = slice_port(slice_str(text));
	return *ret != 0;
}

static bool parse_server(const char *text, struct address *ret, in_port_t *port)
{
	const char *colon = strchr(text, ':');
	const char *end;

	*port = ADDRESS_DNS_PORT;
	if (*text == '[') {
		end = strchr(text, ']');
		return end &&
		       address_parse(
			   slice_of(text + 1, (size_t)(end - text - 1)),
			   AF_INET6, ret) &&
		       (!end[1] ||
		        (end[1] == ':' && parse_server_port(end + 2, port)));
	}
	if (!colon)
		return address_parse(slice_str(text), AF_INET, ret);
	if (strchr(colon + 1, ':'))
		return address_parse(slice_str(text), AF_INET6, ret);
	return address_parse(slice_of(text, (size_t)(colon - text)), AF_INET,
	                     ret) &&
	       parse_server_port(colon + 1, port);
}

bool address_is_loopback(const struct address *address)
{
	if (address->family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&address->v6);
	return ntohl(address->v4.s_addr) >> 24 == 127;
}

int address_parse_server(const char *text, struct address *ret,
                         in_port_t *ret_port, struct fault *why)
{
	struct address address;
	in_port_t port;

	if (parse_server(text, &address, &port)) {
		*ret = address;
		*ret_port = port;
		return MTS_OK;
	}
	if (strchr(text, '%'))
		return fault_set(why, MTS_ESYNTAX,
		                 "\"%s\": an IPv6 address with a zone (\"%%\") "
		                 "can't be used here",
		                 text);
	return fault_set(why, MTS_ESYNTAX,
	                 "\"%s\" is not a server: write ADDRESS, IPV4:PORT or "
	                 "[IPV6]:PORT",
	                 text);
}
