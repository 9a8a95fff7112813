/* SPDX-License-Identifier: BSD-2-Clause */
/* resolv_conf.h - the name servers in /etc/resolv.conf (resolv.conf(5)).
 *
 * Only "nameserver" lines count: names are asked for as they stand, so "search"
 * and "ndots" have no meaning here, and times are our own. */
#ifndef DNS_RESOLV_CONF_H
#define DNS_RESOLV_CONF_H

#include "base/address.h"
#include "base/slice.h"

enum {
	RESOLV_CONF_SERVERS = 8,     /* more are passed over; glibc takes 3 */
	RESOLV_CONF_MAX = 64 * 1024, /* bytes that are read of the file */
};

/* Finds the servers in TEXT, in order, and returns how many. Those with a zone
 * ("%eth0") and what is no address are passed over. */
size_t resolv_conf_parse(struct slice text,
                         struct address servers[RESOLV_CONF_SERVERS]);

/* The same for a file. MTS_ESYS: it can't be read; MTS_ENOTFOUND: it names no
 * server. WHY says how to mend it. */
int resolv_conf_read(const char *path,
                     struct address servers[RESOLV_CONF_SERVERS],
                     size_t *ret_count, struct fault *why);

#endif
