/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_record.c - what stands in one DNS record. */
#include "dns/dns_record.h"

#include <getdns/getdns.h>

size_t dns_record_size(const struct dns_rr *rr)
{
	switch (rr->type) {
	case GETDNS_RRTYPE_MX:
		return 2 + DNS_NAME_WIRE;
	case GETDNS_RRTYPE_CNAME:
	case GETDNS_RRTYPE_NS:
		return DNS_NAME_WIRE;
	default:
		return rr->rdata_len;
	}
}

/* Appends the character-strings of RDATA to bytes, joined without anything
 * between them (RFC 8461 3.1 by way of RFC 7208 3.3). False: broken. */
static bool join_strings(struct slice rdata, char *to, size_t *ret_len)
{
	size_t at = 0;
	size_t len = 0;

	while (at < rdata.len) {
		size_t n = (unsigned char)rdata.data[at++];

		if (n > rdata.len - at)
			return false;
		memcpy(to + len, rdata.data + at, n);
		len += n;
		at += n;
	}
	*ret_len = len;
	return true;
}

static bool take_text(struct dns_reply *reply, struct slice rdata, size_t *used)
{
	size_t len;

	if (!join_strings(rdata, reply->bytes + *used, &len))
		return false;
	reply->texts[reply->count++] = slice_of(reply->bytes + *used, len);
	*used += len;
	return true;
}

/* A name that fills the rest of RR after PREFIX bytes, which are copied. It may be
 * compressed; here it is not. */
static bool take_name(struct dns_reply *reply, const struct dns_packet *packet,
                      const struct dns_rr *rr, size_t prefix, size_t *used)
{
	char *to = reply->bytes + *used;
	struct dns_name name;
	size_t end;

	if (rr->rdata_len < prefix ||
	    !dns_packet_name(packet, rr->rdata + prefix, &end, &name) ||
	    end != rr->rdata + rr->rdata_len)
		return false;
	memcpy(to, packet->bytes + rr->rdata, prefix);
	memcpy(to + prefix, name.wire, name.len);
	reply->texts[reply->count++] = slice_of(to, prefix + name.len);
	*used += prefix + name.len;
	return true;
}

static bool take_rdata(struct dns_reply *reply, struct slice rdata,
                       size_t *used)
{
	memcpy(reply->bytes + *used, rdata.data, rdata.len);
	reply->texts[reply->count++] =
	    slice_of(reply->bytes + *used, rdata.len);
	*used += rdata.len;
	return true;
}

static bool take_address(struct dns_reply *reply, struct slice rdata,
                         uint16_t type)
{
	struct address *address = &reply->addresses[reply->count];

	address->family = type == GETDNS_RRTYPE_A ? AF_INET : AF_INET6;
	if (rdata.len != (type == GETDNS_RRTYPE_A ? 4 : 16))
		return false;
	if (type == GETDNS_RRTYPE_A)
		memcpy(&address->v4, rdata.data, 4);
	else
		memcpy(&address->v6, rdata.data, 16);
	reply->count++;
	return true;
}

bool dns_record_take(const struct dns_packet *packet, const struct dns_rr *rr,
                     struct dns_reply *reply, size_t *used)
{
	struct slice rdata = dns_packet_rdata(packet, rr);

	switch (rr->type) {
	case GETDNS_RRTYPE_TXT:
		return take_text(reply, rdata, used);
	case GETDNS_RRTYPE_A:
	case GETDNS_RRTYPE_AAAA:
		return take_address(reply, rdata, rr->type);
	case GETDNS_RRTYPE_MX:
		return take_name(reply, packet, rr, 2, used);
	case GETDNS_RRTYPE_CNAME:
	case GETDNS_RRTYPE_NS:
		return take_name(reply, packet, rr, 0, used);
	default:
		return take_rdata(reply, rdata, used);
	}
}
