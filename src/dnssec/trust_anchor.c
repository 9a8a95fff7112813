/* SPDX-License-Identifier: BSD-2-Clause */
/* trust_anchor.c - finds and checks the file with the root's keys.
 *
 * libunbound accepts a file without any keys, and then takes every answer for
 * insecure. So the file is checked here first. */
#include "dnssec/trust_anchor.h"

#include <errno.h>
#include <getdns/getdns_extra.h>
#include <stdio.h>
#include <sys/stat.h>

enum { ANCHOR_FILE_MAX = 256 * 1024 };

const char *const trust_anchor_paths[] = {
	"/usr/share/dns/root.key", /* Debian: dns-root-data */
	"/usr/share/dnssec-trust-anchors/root.key",
	"/usr/share/dnssec-root/trusted-key.key", /* Alpine */
	"/etc/trusted-key.key",                   /* Arch */
	"/etc/unbound/root.key",                  /* Fedora, Gentoo */
	"/var/lib/unbound/root.key",              /* unbound-anchor(8) */
	"/var/unbound/db/root.key",               /* OpenBSD */
	"/usr/local/etc/unbound/root.key",        /* FreeBSD */
	NULL,
};

/* Rejects what is not a regular file: fopen() accepts a directory, and blocks on
 * a FIFO. */
static int open_anchor(const char *path, FILE **ret, struct fault *why)
{
	struct stat stat_buffer;
	int error = 0;

	if (stat(path, &stat_buffer) != 0)
		return fault_errno(why, errno, "trust anchor %s can't be read",
		                   path);
	if (!S_ISREG(stat_buffer.st_mode))
		return fault_set(why, MTS_ESYNTAX,
		                 "trust anchor %s is not a regular file", path);
	if (stat_buffer.st_size > ANCHOR_FILE_MAX)
		return fault_set(why, MTS_ERANGE,
		                 "trust anchor %s is larger than %d bytes",
		                 path, ANCHOR_FILE_MAX);
	*ret = fopen(path, "re");
	error = errno;
	if (!*ret)
		return fault_errno(why, error, "trust anchor %s can't be read",
		                   path);
	return MTS_OK;
}

static size_t count_anchors(const getdns_list *records)
{
	size_t length = 0;
	size_t count = 0;

	(void)getdns_list_get_length(records, &length);
	for (size_t i = 0; i < length; i++) {
		getdns_dict *record;
		uint32_t type;

		if (getdns_list_get_dict(records, i, &record) ||
		    getdns_dict_get_int(record, "type", &type))
			continue;
		count +=
		    type == GETDNS_RRTYPE_DS || type == GETDNS_RRTYPE_DNSKEY;
	}
	return count;
}

int trust_anchor_check(const char *path, struct fault *why)
{
	getdns_list *records = NULL;
	FILE *file = NULL;
	int status = open_anchor(path, &file, why);
	getdns_return_t rc;

	if (status != MTS_OK)
		return status;
	/* With an origin, getdns would read uninitialized memory. */
	rc = getdns_fp2rr_list(file, &records, NULL, 3600);
	if (rc)
		status = fault_set(
		    why,
		    rc == GETDNS_RETURN_MEMORY_ERROR ? MTS_ENOMEM : MTS_ELIB,
		    "trust anchor %s can't be read by getdns", path);
	else if (count_anchors(records) == 0)
		status = fault_set(why, MTS_ENOTFOUND,
		                   "trust anchor %s has no DS or DNSKEY record",
		                   path);
	getdns_list_destroy(records);
	fclose(file);
	return status;
}

int trust_anchor_find(const char *configured, const char *const *paths,
                      const char **ret, struct fault *why)
{
	int status = MTS_ENOTFOUND;

	*ret = configured;
	if (*configured)
		return trust_anchor_check(configured, why);
	for (; *paths; paths++) {
		status = trust_anchor_check(*paths, why);
		*ret = *paths;
		if (status == MTS_OK || status == MTS_ENOMEM)
			return status;
	}
	return fault_set(why, MTS_ENOTFOUND,
	                 "there is no trust anchor in any of the usual places: "
	                 "install the package that has it (dns-root-data), or "
	                 "set dns.trust_anchor");
}
