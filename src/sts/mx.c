/* SPDX-License-Identifier: BSD-2-Clause */
/* mx.c - which MX patterns can be used, and what they match. */
#include "sts/mx.h"

#include "sts/domain.h"

/* Domain names ignore case (RFC 4343), in every locale. */
static bool same_name(struct slice a, struct slice b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (ascii_lower(a.data[i]) != ascii_lower(b.data[i]))
			return false;
	return true;
}

static bool is_wildcard(struct slice pattern)
{
	return slice_starts(pattern, "*.");
}

/* Postfix would take these in an answer for its own keywords: "hostname"
 * accepts any MX host that a forged DNS answer names. */
static bool is_postfix_keyword(struct slice pattern)
{
	return same_name(pattern, slice_str("hostname")) ||
	       same_name(pattern, slice_str("nexthop")) ||
	       same_name(pattern, slice_str("dot-nexthop"));
}

bool mx_pattern_is_valid(struct slice pattern)
{
	if (pattern.len > DOMAIN_MAX || is_postfix_keyword(pattern))
		return false;
	if (is_wildcard(pattern))
		pattern = slice_skip(pattern, 2);
	return domain_is_name(pattern.data, pattern.len);
}

bool mx_pattern_matches(const char *pattern, struct slice mx)
{
	struct slice want = slice_str(pattern);
	const char *dot;

	if (mx.len && mx.data[mx.len - 1] == '.')
		mx.len--;
	if (!is_wildcard(want))
		return same_name(want, mx);
	dot = mx.len ? memchr(mx.data, '.', mx.len) : NULL;
	/* An empty first label does not count. */
	if (!dot || dot == mx.data)
		return false;
	return same_name(slice_skip(want, 1),
	                 slice_skip(mx, (size_t)(dot - mx.data)));
}
