/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_server.h - a DNS server that answers as a test tells it to.
 *
 * It runs on the test's own loop, and does not keep it alive. */
#ifndef TESTS_DNS_SERVER_H
#define TESTS_DNS_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

enum { DNS_MESSAGE = 65535 };

enum { /* bits in the header's second 16 */
       DNS_QR = 0x8000,
       DNS_AA = 0x0400,
       DNS_TC = 0x0200,
       DNS_RD = 0x0100,
       DNS_RA = 0x0080,
       DNS_AD = 0x0020,
};

/* The question, and the answer that a script builds. */
struct dns_message {
	bool tcp;
	unsigned nth;   /* question to this server, from 0 */
	char name[256]; /* the question's, in lower case, no final dot */
	uint16_t type;
	uint16_t port;    /* UDP: the client's */
	bool edns;        /* it had an OPT record */
	bool dnssec;      /* with the DO bit */
	uint16_t payload; /* the OPT record's size */
	bool silent;      /* do not answer */
	uint8_t bytes[DNS_MESSAGE];
	size_t len;
};

struct dns_server;

/* Fills the message, which begins as a reply to the question with rcode 0 and no
 * records. */
typedef void dns_script(void *arg, struct dns_message *message);

/* PORT 0: any free port. */
struct dns_server *dns_server_start(uv_loop_t *loop, const char *address,
                                    uint16_t port, dns_script *script,
                                    void *arg);
void dns_server_stop(struct dns_server *server);

/* "127.0.0.1:4711" */
const char *dns_server_text(const struct dns_server *server);
unsigned dns_server_udp_count(const struct dns_server *server);
unsigned dns_server_tcp_count(const struct dns_server *server);

/* Sends the message's bytes, in addition to the script's answer. */
void dns_server_send(struct dns_server *server,
                     const struct dns_message *message);

/* The same, but from a port that is not the server's. */
void dns_server_spoof(struct dns_server *server,
                      const struct dns_message *message);

void dns_set_rcode(struct dns_message *message, unsigned rcode);
void dns_set_flags(struct dns_message *message, uint16_t flags);

enum dns_section { DNS_ANSWER = 6, DNS_AUTHORITY = 8 };

/* Adds records, one a line: "NAME TTL TYPE DATA". DATA of an MX may begin with the
 * preference; the default is 10. DATA of a TXT are strings separated by '|'; '~'
 * stands for a NUL byte, and '^' for an empty string. DATA of an SOA is the
 * minimum. */
void dns_add(struct dns_message *message, enum dns_section section,
             const char *lines);

#endif
