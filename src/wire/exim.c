/* SPDX-License-Identifier: BSD-2-Clause */
/* exim.c - parses the line that Exim's ${readsocket} sends, and writes the
 * answer.
 *
 * SECURITY: a pattern becomes part of a regular expression and of a host list.
 * Letters, digits and hyphens have no special meaning in either, and dots are
 * put in brackets. Patterns are checked when the policy is parsed, and again
 * here, because they have been on disk since. */
#include "wire/exim.h"

#include "sts/mx.h"
#include "sts/verdict.h"

/* Cuts the first word from TEXT, and the one blank behind it. */
static struct slice exim_next_field(struct slice *text)
{
	const char *blank =
	    text->len ? memchr(text->data, ' ', text->len) : NULL;
	struct slice field = *text;

	if (!blank) {
		*text = slice_of(text->data + text->len, 0);
		return field;
	}
	field.len = (size_t)(blank - text->data);
	*text = slice_of(blank + 1, text->len - field.len - 1);
	return field;
}

int exim_parse(struct slice line, struct exim_request *ret, struct fault *why)
{
	static const char want[] = "want exim DOMAIN or exim DOMAIN MX-HOST";
	struct exim_request request = { .mx = { "", 0 } };
	struct slice rest = line;

	if (line.len > 0 && memchr(line.data, '\0', line.len))
		return fault_set(why, MTS_ESYNTAX, "a NUL in the request");
	if (!slice_is(exim_next_field(&rest), "exim"))
		return fault_set(why, MTS_ESYNTAX, "%s", want);
	request.domain = exim_next_field(&rest);
	if (request.domain.len == 0)
		return fault_set(why, MTS_ESYNTAX, "%s", want);
	/* A blank behind the domain promises a host. */
	if (request.domain.data + request.domain.len < line.data + line.len) {
		request.mx = rest;
		if (rest.len == 0 || memchr(rest.data, ' ', rest.len))
			return fault_set(why, MTS_ESYNTAX, "%s", want);
	}
	*ret = request;
	return MTS_OK;
}

/* Appends "!^mx1[.]example$:" for PATTERN. */
static void put_exim_pattern(struct buffer *out, const char *pattern)
{
	const char *rest = pattern;

	buffer_puts(out, "!^");
	if (rest[0] == '*') {
		buffer_puts(out, "[^.]+");
		rest++;
	}
	for (; *rest; rest++) {
		if (*rest == '.')
			buffer_puts(out, "[.]");
		else
			buffer_put(out, rest, 1);
	}
	buffer_puts(out, "$:");
}

/* False if there was no pattern to put. */
static bool put_exim_hosts(struct buffer *out, const struct policy *policy)
{
	size_t offset = 0;
	const char *pattern;
	bool any = false;

	buffer_puts(out, " hosts=");
	while ((pattern = policy_next_mx(policy, &offset))) {
		if (!mx_pattern_is_valid(slice_str(pattern)))
			continue;
		put_exim_pattern(out, pattern);
		any = true;
	}
	buffer_puts(out, "*");
	return any;
}

static int write_mode(struct buffer *out, enum policy_mode mode)
{
	buffer_puts(out, "mode=");
	return buffer_puts(out, policy_mode_text(mode));
}

static int write_match(struct buffer *out, enum policy_mode mode,
                       const struct policy *policy, struct slice mx)
{
	write_mode(out, mode);
	if (mode != POLICY_NONE)
		buffer_puts(out, verdict_mx_matches(policy, mx)
		                     ? " mx=match"
		                     : " mx=mismatch");
	return buffer_puts(out, "\n");
}

int exim_write(struct buffer *out, const struct policy *policy, struct slice mx,
               bool enforce_testing)
{
	enum policy_mode mode = policy ? policy->mode : POLICY_NONE;
	size_t start = out->len;

	if (mode == POLICY_TESTING && enforce_testing)
		mode = POLICY_ENFORCE;
	if (policy && mx.len > 0)
		return write_match(out, mode, policy, mx);
	write_mode(out, mode);
	if (mode == POLICY_ENFORCE && !put_exim_hosts(out, policy) &&
	    buffer_status(out) == MTS_OK) {
		/* A policy without a usable pattern is none. */
		buffer_truncate(out, start);
		write_mode(out, POLICY_NONE);
	}
	return buffer_puts(out, "\n");
}
