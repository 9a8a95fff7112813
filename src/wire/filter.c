/* SPDX-License-Identifier: BSD-2-Clause */
/* filter.c - which policies the control socket's list shows.
 *
 * Domains are sorted. For a pattern that begins with plain letters, such as
 * "ex*", the list starts and ends at the matching range, instead of reading a
 * million policies. */
#include "wire/filter.h"

#include <fnmatch.h>

/* -- reading --------------------------------------------------------------- */

static int parse_mode(struct slice text, struct filter *ret, struct fault *why)
{
	static const enum policy_mode modes[] = { POLICY_NONE, POLICY_TESTING,
		                                  POLICY_ENFORCE };

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (!slice_is(text, policy_mode_text(modes[i])))
			continue;
		ret->has_mode = true;
		ret->mode = modes[i];
		return MTS_OK;
	}
	return fault_set(why, MTS_ESYNTAX,
	                 "--mode: want enforce, testing or none");
}

/* Takes the digits that REST begins with, nine at most, which any use of the
 * number can stand. */
static bool take_digits(struct slice *rest, uint64_t *ret)
{
	size_t i = 0;

	*ret = 0;
	for (; i < rest->len && ascii_is_digit(rest->data[i]); i++)
		*ret = *ret * 10 + (uint64_t)(rest->data[i] - '0');
	*rest = slice_skip(*rest, i);
	return i > 0 && i < 10;
}

static uint64_t unit_s(struct slice unit)
{
	static const struct {
		const char *name;
		uint64_t seconds;
	} units[] = { { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 } };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (slice_is(unit, units[i].name))
			return units[i].seconds;
	return 0;
}

static int parse_expiring(struct slice text, struct filter *ret,
                          struct fault *why)
{
	struct slice rest = text;
	uint64_t number;

	ret->has_end = true;
	if (take_digits(&rest, &number) && unit_s(rest)) {
		ret->end_in_s = number * unit_s(rest);
		return MTS_OK;
	}
	return fault_set(why, MTS_ESYNTAX,
	                 "--expiring: want a number and s, m, h or d, as in "
	                 "7d");
}

static int parse_limit(struct slice text, struct filter *ret, struct fault *why)
{
	struct slice rest = text;

	if (take_digits(&rest, &ret->limit) && rest.len == 0 && ret->limit > 0)
		return MTS_OK;
	return fault_set(why, MTS_ESYNTAX, "--limit: want a number above 0");
}

int filter_parse(const struct control_request *request, struct filter *ret,
                 struct fault *why)
{
	const struct slice *options = request->options;
	int rc = MTS_OK;

	*ret = (struct filter){
		.failing = control_has(request, CONTROL_LIST_FAILING),
		.names = control_has(request, CONTROL_LIST_NAMES),
	};
	if (control_has(request, CONTROL_LIST_MODE))
		rc = parse_mode(options[CONTROL_LIST_MODE], ret, why);
	if (rc == MTS_OK && control_has(request, CONTROL_LIST_EXPIRING))
		rc = parse_expiring(options[CONTROL_LIST_EXPIRING], ret, why);
	if (rc == MTS_OK && control_has(request, CONTROL_LIST_LIMIT))
		rc = parse_limit(options[CONTROL_LIST_LIMIT], ret, why);
	return rc;
}

/* -- matching -------------------------------------------------------------- */

bool filter_is_narrow(const struct filter *filter)
{
	return filter->pattern || filter->has_mode || filter->failing ||
	       filter->has_end;
}

bool filter_matches(const struct filter *filter, const struct filter_item *item)
{
	if (filter->has_mode && item->mode != filter->mode)
		return false;
	if (filter->failing && item->failures == 0)
		return false;
	if (filter->has_end && item->ends_in_s > (int64_t)filter->end_in_s)
		return false;
	return !filter->pattern ||
	       fnmatch(filter->pattern, item->domain, FNM_CASEFOLD) == 0;
}

/* -- the range of domains that can match ----------------------------------- */

/* Letters, digits, hyphens and dots stand for themselves. */
static size_t plain_len(const char *pattern)
{
	size_t i = 0;

	while (pattern && (ascii_is_alnum(pattern[i]) || pattern[i] == '-' ||
	                   pattern[i] == '.'))
		i++;
	return i;
}

void filter_start(const struct filter *filter, char *start, size_t size)
{
	size_t len = plain_len(filter->pattern);

	start[0] = '\0';
	if (len == 0 || len + 2 > size)
		return;
	for (size_t i = 0; i < len; i++)
		start[i] = ascii_lower(filter->pattern[i]);
	/* After all that begins with the letter before: no name has a byte as
	 * high as this one. */
	start[len - 1]--;
	start[len] = '\x7f';
	start[len + 1] = '\0';
}

bool filter_is_over(const struct filter *filter, const char *domain)
{
	size_t len = plain_len(filter->pattern);

	for (size_t i = 0; i < len; i++) {
		char c = ascii_lower(filter->pattern[i]);

		if (domain[i] != c)
			return domain[i] > c;
	}
	return false;
}
