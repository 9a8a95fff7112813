/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_name.c - domain names in the wire format of DNS messages. */
#include "dns/dns_name.h"

#include <getdns/getdns_extra.h>
#include <stdlib.h>

enum { LABEL_MAX = 63 };

bool dns_name_read(const uint8_t *bytes, size_t len, struct dns_name *ret)
{
	size_t at = 0;

	while (at < len && at < DNS_NAME_WIRE && bytes[at]) {
		if (bytes[at] > LABEL_MAX)
			return false;
		at += 1 + (size_t)bytes[at];
	}
	if (at >= len || at >= DNS_NAME_WIRE)
		return false;
	ret->len = at + 1;
	memcpy(ret->wire, bytes, ret->len);
	return true;
}

int dns_name_parse(const char *text, struct dns_name *ret)
{
	getdns_bindata *data = NULL;
	getdns_return_t rc = getdns_convert_fqdn_to_dns_name(text, &data);
	bool good;

	if (rc == GETDNS_RETURN_MEMORY_ERROR)
		return MTS_ENOMEM;
	if (rc != GETDNS_RETURN_GOOD)
		return MTS_ESYNTAX;
	good = dns_name_read(data->data, data->size, ret);
	free(data->data);
	free(data);
	return good ? MTS_OK : MTS_ESYNTAX;
}

char *dns_name_format(const struct dns_name *name)
{
	getdns_bindata data = { name->len, (uint8_t *)name->wire };
	char *text = NULL;

	if (getdns_convert_dns_name_to_fqdn(&data, &text) != GETDNS_RETURN_GOOD)
		return NULL;
	return text;
}

/* Works for length octets, too: they are below 'A'. */
static bool same_bytes(const uint8_t *a, const uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (ascii_lower((char)a[i]) != ascii_lower((char)b[i]))
			return false;
	return true;
}

bool dns_name_is(const struct dns_name *a, const struct dns_name *b)
{
	return a->len == b->len && same_bytes(a->wire, b->wire, a->len);
}

bool dns_name_is_within(const struct dns_name *name,
                        const struct dns_name *zone)
{
	size_t at = 0;

	while (name->len - at > zone->len && name->wire[at])
		at += 1 + (size_t)name->wire[at];
	return name->len - at == zone->len &&
	       same_bytes(name->wire + at, zone->wire, zone->len);
}

size_t dns_name_labels(const struct dns_name *name)
{
	size_t count = 0;

	for (size_t at = 0; name->wire[at]; at += 1 + (size_t)name->wire[at])
		count++;
	return count;
}

struct dns_name dns_name_tail(const struct dns_name *name, size_t labels)
{
	size_t count = dns_name_labels(name);
	struct dns_name tail = { .len = 0 };
	size_t at = 0;

	while (count-- > labels)
		at += 1 + (size_t)name->wire[at];
	tail.len = name->len - at;
	memcpy(tail.wire, name->wire + at, tail.len);
	return tail;
}

bool dns_name_prepend(const char *prefix, const struct dns_name *name,
                      struct dns_name *ret)
{
	size_t len = strlen(prefix);
	size_t at = 0;

	if (len + 1 + name->len > DNS_NAME_WIRE)
		return false;
	while (*prefix) {
		size_t n = strcspn(prefix, ".");

		ret->wire[at++] = (uint8_t)n;
		memcpy(ret->wire + at, prefix, n);
		at += n;
		prefix += n + (prefix[n] == '.');
	}
	memcpy(ret->wire + at, name->wire, name->len);
	ret->len = at + name->len;
	return true;
}

const char *dns_name_show(const struct dns_name *name,
                          char text[DNS_NAME_WIRE + 1])
{
	size_t used = 0;

	for (size_t at = 0; name->wire[at];) {
		size_t n = name->wire[at++];

		if (used)
			text[used++] = '.';
		for (; n > 0; n--) {
			char c = (char)name->wire[at++];

			text[used++] =
			    ascii_is_alnum(c) || (c && strchr("-_*", c)) ? c
									 : '?';
		}
	}
	if (!used)
		text[used++] = '.';
	text[used] = '\0';
	return text;
}
