/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_record.c - what stands in one DNS record. */
#include "net/dns_record.h"

static struct slice raw_rdata(const getdns_dict *record)
{
	getdns_bindata *raw;

	if (getdns_dict_get_bindata(record, "/rdata/rdata_raw", &raw))
		return slice_of(NULL, 0);
	return slice_of((const char *)raw->data, raw->size);
}

size_t dns_record_size(const getdns_dict *record, uint16_t type)
{
	switch (type) {
	case GETDNS_RRTYPE_MX:
		return 2 + DNS_NAME_WIRE;
	case GETDNS_RRTYPE_CNAME:
	case GETDNS_RRTYPE_NS:
		return DNS_NAME_WIRE;
	default:
		return raw_rdata(record).len;
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

/* A name in rdata may be compressed; getdns has undone that. PREFIX bytes before
 * it are taken already. */
static bool take_name(struct dns_reply *reply, const getdns_dict *record,
                      const char *path, size_t prefix, size_t *used)
{
	char *to = reply->bytes + *used;
	getdns_bindata *data;
	struct dns_name name;

	if (getdns_dict_get_bindata(record, path, &data) ||
	    !dns_name_read(data->data, data->size, &name))
		return false;
	memcpy(to + prefix, name.wire, name.len);
	reply->texts[reply->count++] = slice_of(to, prefix + name.len);
	*used += prefix + name.len;
	return true;
}

static bool take_mx(struct dns_reply *reply, const getdns_dict *record,
                    size_t *used)
{
	uint32_t preference;

	if (getdns_dict_get_int(record, "/rdata/preference", &preference))
		return false;
	reply->bytes[*used] = (char)(preference >> 8);
	reply->bytes[*used + 1] = (char)preference;
	return take_name(reply, record, "/rdata/exchange", 2, used);
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

bool dns_record_take(const getdns_dict *record, uint16_t type,
                     struct dns_reply *reply, size_t *used)
{
	struct slice rdata = raw_rdata(record);

	if (!rdata.data)
		return false;
	switch (type) {
	case GETDNS_RRTYPE_TXT:
		return take_text(reply, rdata, used);
	case GETDNS_RRTYPE_A:
	case GETDNS_RRTYPE_AAAA:
		return take_address(reply, rdata, type);
	case GETDNS_RRTYPE_MX:
		return take_mx(reply, record, used);
	case GETDNS_RRTYPE_CNAME:
		return take_name(reply, record, "/rdata/cname", 0, used);
	case GETDNS_RRTYPE_NS:
		return take_name(reply, record, "/rdata/nsdname", 0, used);
	default:
		return take_rdata(reply, rdata, used);
	}
}
