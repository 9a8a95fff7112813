/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_mx.c - what stands in an MX record. */
#include "dns/dns_mx.h"

bool dns_mx_read(struct slice rdata, struct dns_mx *ret)
{
	const uint8_t *bytes = (const uint8_t *)rdata.data;

	if (rdata.len < 3)
		return false;
	ret->preference = (uint16_t)(bytes[0] << 8 | bytes[1]);
	return dns_name_read(bytes + 2, rdata.len - 2, &ret->name);
}
