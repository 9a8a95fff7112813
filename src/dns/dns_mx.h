/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_mx.h - what stands in an MX record.
 *
 * Pure. */
#ifndef DNS_DNS_MX_H
#define DNS_DNS_MX_H

#include "dns/dns_name.h"

struct dns_mx {
	uint16_t preference;
	struct dns_name name;
};

/* Reads the rdata of a struct dns_answer. False: it is broken. */
bool dns_mx_read(struct slice rdata, struct dns_mx *ret);

/* RFC 7505 3: "." says that there is no host. */
static inline bool dns_mx_is_null(const struct dns_mx *mx)
{
	return mx->name.len == 1;
}

#endif
