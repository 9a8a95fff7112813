/* SPDX-License-Identifier: BSD-2-Clause */
/* input.c - reads a domain as people type it, and suggests one when they type
 * something else. */
#include "check/input.h"

#include "base/address.h"

#include <stdio.h>

enum { SHOWN = 100 };

/* The offset of the first C in TEXT, or the length of TEXT. */
static size_t input_find(struct slice text, char c)
{
	const char *at = text.len ? memchr(text.data, c, text.len) : NULL;

	return at ? (size_t)(at - text.data) : text.len;
}

/* The part of TEXT that may be meant as the domain. */
static struct slice input_guess(struct slice text)
{
	size_t scheme = input_find(text, ':');

	if (scheme + 2 < text.len && text.data[scheme + 1] == '/')
		text = slice_skip(text, scheme + 3 <= text.len ? scheme + 3
		                                               : text.len);
	text.len = input_find(text, '/');
	if (input_find(text, '@') < text.len)
		text = slice_skip(text, input_find(text, '@') + 1);
	text.len = input_find(text, ':');
	if (slice_starts(text, "*."))
		text = slice_skip(text, 2);
	if (slice_starts(text, "_mta-sts."))
		text = slice_skip(text, strlen("_mta-sts."));
	return text;
}

static int input_reject(struct slice text, const char *what, struct fault *why)
{
	struct slice better = input_guess(text);
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

static bool input_is_address(struct slice text)
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
	if (input_is_address(text))
		return fault_set(why, MTS_ESYNTAX,
		                 "\"%.*s\" is an IP address: give a domain, as "
		                 "in \"example.com\"",
		                 text.len < SHOWN ? (int)text.len : SHOWN,
		                 text.data);
	if (memmem(text.data, text.len, "://", 3))
		return input_reject(text, "a URL", why);
	if (input_find(text, '@') < text.len)
		return input_reject(text, "a mail address", why);
	if (input_find(text, '/') < text.len)
		return input_reject(text, "a path", why);
	if (input_find(text, '*') < text.len)
		return input_reject(text, "a wildcard", why);
	if (input_find(text, '[') < text.len)
		return input_reject(text, "not a domain", why);
	if (input_find(text, ':') < text.len)
		return input_reject(text, "a domain with a port", why);
	status = domain_from_key(text.data, text.len, ret, &reason);
	if (status == MTS_ESYNTAX)
		return input_reject(text, "not a host name", why);
	if (status != MTS_OK)
		return fault_set(why, status, "%s", reason.text);
	return MTS_OK;
}
