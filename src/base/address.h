/* SPDX-License-Identifier: BSD-2-Clause */
/* address.h - IP addresses as text, and which ones a policy host must not have.
 *
 * Pure. */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include "base/slice.h"
#include "base/status.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

/* An IPv4 or IPv6 address without a port. */
struct address {
	int family; /* AF_INET or AF_INET6 */
	union {
		struct in_addr v4;
		struct in6_addr v6;
	};
};

enum {
	ADDRESS_TEXT = INET6_ADDRSTRLEN, /* with the NUL */
	ADDRESS_DNS_PORT = 53,
};

/* Reads TEXT as an address of FAMILY, AF_INET or AF_INET6; false: it is not
 * one. */
bool address_parse(struct slice text, int family, struct address *ret);

/* Writes ADDRESS into TEXT and returns it. */
const char *address_text(const struct address *address,
                         char text[ADDRESS_TEXT]);

/* Writes ADDRESS and PORT in the form that system calls take. */
void address_socket(const struct address *address, in_port_t port,
                    struct sockaddr_storage *ret);

/* True if ADDRESS is not reachable from the whole Internet: private, loopback,
 * link-local, multicast, documentation, and all others that IANA's
 * special-purpose registries (RFC 6890) call not globally reachable. An IPv4
 * address inside an IPv6 one (mapped, 6to4, NAT64, Teredo) counts as the IPv4
 * address. A publisher must not be able to send us to our own network. */
bool address_is_special(const struct address *address);

/* 127.0.0.0/8 or ::1. */
bool address_is_loopback(const struct address *address);

/* Parses "ADDRESS", "IPV4:PORT" or "[IPV6]:PORT"; the default port is 53.
 * MTS_ESYNTAX with WHY. */
int address_parse_server(const char *text, struct address *ret,
                         in_port_t *ret_port, struct fault *why);

#endif
