/* SPDX-License-Identifier: BSD-2-Clause */
/* input.c - what people give as a domain. */
#include "check/input.h"

#include "base/address.h"

#include <stdio.h>

enum { SHOWN = 100 };

/* Where C stands in TEXT; its length if it does not. */
static size_t find(struct slice text, char c)
{
	const char *at = text.len ? memchr(text.data, c, text.len) : NULL;

	return at ? (size_t)(at - text.data) : text.len;
}

/* What the domain may be, of something that has more to it. */
static struct slice guess(struct slice text)
{
	size_t scheme = find(text, ':');

	if (scheme + 2 < text.len && text.data[scheme + 1] == '/')
		text = slice_skip(text, scheme + 3 <= text.len ? scheme + 3
		                                               : text.len);
	text.len = find(text, '/');
	if (find(text, '@') < text.len)
		text = slice_skip(text, find(text, '@') + 1);
	text.len = find(text, ':');
	if (slice_starts(text, "*."))
		text = slice_skip(text, 2);
	if (slice_starts(text, "_mta-sts."))
		text = slice_skip(text, strlen("_mta-sts."));
	return text;
}

static int refuse(struct slice text, const char *what, struct fault *why)
{
	struct slice better = guess(text);
	struct domain domain;
	struct fault ignored = { 0 };
	int len = text.len < SHOWN ? (int)text.len : SHOWN;

	if (domain_from_key(better.data, better.len, &domain, &ignored) !=
	    MTS_OK)
		return fault_set(why, MTS_ESYNTAX,
		                 "\"%.*s\" is %s: give a domain, as in "
		                 "\"example.com\"",
		                 len, text.data, what);
	return fault_set(why, MTS_ESYNTAX, "\"%.*s\" is %s: give \"%s\"", len,
	                 text.data, what, domain.name);
}

static bool is_address(struct slice text)
{
	struct address address;

	if (text.len >= 2 && text.data[0] == '[' &&
	    text.data[text.len - 1] == ']')
		text = slice_of(text.data + 1, text.len - 2);
	return address_parse(text, AF_INET, &address) ||
	       address_parse(text, AF_INET6, &address);
}

int input_domain(struct slice text, struct domain *ret, struct fault *why)
{
	struct fault reason = { 0 };
	int status;

	if (text.len == 0)
		return fault_set(why, MTS_ESYNTAX,
		                 "the domain is empty: give one, as in "
		                 "\"example.com\"");
	if (is_address(text))
		return fault_set(why, MTS_ESYNTAX,
		                 "\"%.*s\" is an IP address: give a domain, as "
		                 "in \"example.com\"",
		                 text.len < SHOWN ? (int)text.len : SHOWN,
		                 text.data);
	if (memmem(text.data, text.len, "://", 3))
		return refuse(text, "a URL", why);
	if (find(text, '@') < text.len)
		return refuse(text, "a mail address", why);
	if (find(text, '/') < text.len)
		return refuse(text, "a path", why);
	if (find(text, '*') < text.len)
		return refuse(text, "a wildcard", why);
	if (find(text, '[') < text.len)
		return refuse(text, "no domain", why);
	if (find(text, ':') < text.len)
		return refuse(text, "a domain with a port", why);
	status = domain_from_key(text.data, text.len, ret, &reason);
	if (status == MTS_ESYNTAX)
		return refuse(text, "no host name", why);
	if (status != MTS_OK)
		return fault_set(why, status, "%s", reason.text);
	return MTS_OK;
}
