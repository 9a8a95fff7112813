/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_dns.c - whatever a DNS server sends, the code never reads past its end, and
 * the result is consistent.
 *
 * The input is two bytes, the type in our question, and then the message. The name in
 * our question is the message's own. */
#include "dns/dns_packet.h"
#include "dns/dns_reply.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void read_texts(const struct dns_reply *reply)
{
	size_t sum = 0;

	for (size_t i = 0; reply->texts && i < reply->count; i++)
		for (size_t k = 0; k < reply->texts[i].len; k++)
			sum += (unsigned char)reply->texts[i].data[k];
	must(sum < SIZE_MAX);
}

static void check(const struct dns_reply *reply, bool udp)
{
	must((reply->kind == DNS_REPLY_RECORDS) == (reply->count > 0) ||
	     reply->kind == DNS_REPLY_BAD || reply->kind == DNS_REPLY_TCP);
	must(reply->kind != DNS_REPLY_TCP || udp);
	must((reply->kind == DNS_REPLY_BAD) == (*reply->reason != '\0'));
	must(reply->hops <= DNS_HOPS_MAX || reply->kind == DNS_REPLY_BAD);
	must(reply->kind != DNS_REPLY_ALIAS || reply->hops > 0);
	if (reply->kind == DNS_REPLY_RECORDS)
		must(reply->ttl_s <= INT32_MAX);
	read_texts(reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_packet packet;
	struct dns_reply reply;
	struct slice message;
	uint16_t type;

	if (size < 2)
		return 0;
	type = (uint16_t)(data[0] << 8 | data[1]);
	message = slice_of((const char *)data + 2, size - 2);
	if (!dns_packet_open(message, &packet))
		return 0;
	if (!packet.asks)
		packet.name = (struct dns_name){ .len = 1 };
	for (int udp = 0; udp < 2; udp++) {
		must(dns_reply_read(message, &packet.name, type, udp, &reply) ==
		     MTS_OK);
		check(&reply, udp);
		dns_reply_clear(&reply);
	}
	return 0;
}
