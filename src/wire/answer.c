/* SPDX-License-Identifier: BSD-2-Clause */
/* answer.c - writes the answer for each MTA.
 *
 * SECURITY: with a blank, a comma, a colon or a brace in a pattern, the
 * publisher of a policy could set Postfix attributes. Patterns are checked when
 * the policy is parsed. Since then they have been on disk, so
 * put_safe_pattern() checks them again and skips invalid ones. */
#include "wire/answer.h"

#include "sts/verdict.h"
#include "wire/tcp_table.h"

#include <stdio.h>
#include <strings.h>

static int put_reason(struct buffer *out, const char *prefix,
                      const char *reason)
{
	char text[ANSWER_REASON_MAX + 1];

	if (snprintf(text, sizeof(text), "%s", reason) < 0)
		text[0] = '\0';
	fault_scrub(text);
	buffer_puts(out, prefix);
	return buffer_puts(out, text);
}

int answer_write_temp(struct buffer *out, const char *reason)
{
	return put_reason(out, "TEMP ", reason);
}

int answer_write_perm(struct buffer *out, const char *reason)
{
	return put_reason(out, "PERM ", reason);
}

/* -- patterns ---------------------------------------------------------------
 *
 * Each writer first reserves the most it can need, then copies. */

/* Appends TEXT; the bytes must have been reserved. */
static inline void append_reserved(struct buffer *out, const char *text,
                                   size_t len)
{
	memcpy(out->data + out->len, text, len);
	out->len += len;
}

#define PUT(out, literal) append_reserved(out, literal, sizeof(literal) - 1)

/* A letter, a digit, a hyphen or a dot. None of them separates attributes. */
static inline bool is_plain_char(char c)
{
	return ascii_is_alnum(c) || c == '-' || c == '.';
}

static bool is_keyword(const char *text, size_t len)
{
	return (len == 7 && strncasecmp(text, "nexthop", len) == 0) ||
	       (len == 8 && strncasecmp(text, "hostname", len) == 0) ||
	       (len == 11 && strncasecmp(text, "dot-nexthop", len) == 0);
}

/* Appends PATTERN, without the '*' of "*." unless STAR. Appends nothing and
 * returns false if it could set attributes of an MTA: the part of
 * mx_pattern_is_valid() that costs nothing while copying. */
static bool put_safe_pattern(struct buffer *out, const char *pattern, bool star)
{
	bool wildcard = pattern[0] == '*' && pattern[1] == '.' && pattern[2];
	const char *rest = pattern + (wildcard ? 1 : 0);
	char *to = out->data + out->len;
	size_t len = 0;

	if (pattern[0] == '.')
		return false;
	if (wildcard && star)
		*to++ = '*';
	for (; rest[len]; len++) {
		if (!is_plain_char(rest[len]))
			return false;
		to[len] = rest[len];
	}
	if (len == 0 || is_keyword(rest, len))
		return false;
	out->len = (size_t)(to + len - out->data);
	return true;
}

/* Appends BEFORE, the pattern and AFTER, for each pattern. */
static void put_patterns(struct buffer *out, const struct policy *policy,
                         struct slice before, struct slice after)
{
	size_t offset = 0;
	const char *pattern;

	while ((pattern = policy_next_mx(policy, &offset))) {
		size_t start = out->len;

		if (buffer_reserve(out, before.len + strlen(pattern) +
		                            after.len) != MTS_OK)
			return;
		append_reserved(out, before.data, before.len);
		if (put_safe_pattern(out, pattern, true))
			append_reserved(out, after.data, after.len);
		else
			out->len = start;
	}
}

/* In match= a leading dot stands for RFC 8461's "*.". (Postfix lets it match
 * any number of labels; mx_host_pattern of 3.10.5 prevents that.) False: there
 * was no valid pattern. */
static bool put_match(struct buffer *out, const struct policy *policy)
{
	size_t start = out->len;
	size_t offset = 0;
	const char *pattern;

	while ((pattern = policy_next_mx(policy, &offset)))
		if (put_safe_pattern(out, pattern, false))
			PUT(out, ":");
	if (out->len == start)
		return false;
	out->len--; /* the last colon */
	return true;
}

/* The same of the MX hosts that the policy covers (RFC 8461 4.1), instead of
 * its patterns. What is no host name never gets here (discover/mx_hosts.h), and
 * could not steer an MTA. */
static bool put_matching_hosts(struct buffer *out,
                               const struct answer_input *input)
{
	struct slice hosts = input->hosts;
	size_t start = out->len;

	if (buffer_reserve(out, hosts.len) != MTS_OK)
		return false;
	for (size_t at = 0; at < hosts.len; at += strlen(hosts.data + at) + 1) {
		const char *host = hosts.data + at;

		if (host[0] != '*' &&
		    verdict_mx_matches(input->policy, slice_str(host)) &&
		    put_safe_pattern(out, host, false))
			PUT(out, ":");
	}
	if (out->len == start)
		return false;
	out->len--; /* the last colon */
	return true;
}

/* The policy's fields, re-written: what else the publisher wrote stays out.
 * Each line gets BEFORE, or BEFORE_MX if it is an mx, and AFTER. */
static void put_policy_lines(struct buffer *out, const struct policy *policy,
                             const char *before, const char *before_mx,
                             const char *after)
{
	buffer_puts(out, before);
	buffer_puts(out, "version: STSv1");
	buffer_puts(out, after);
	buffer_puts(out, before);
	buffer_puts(out, "mode: ");
	buffer_puts(out, policy_mode_text(policy->mode));
	buffer_puts(out, after);
	put_patterns(out, policy, slice_str(before_mx), slice_str(after));
	buffer_puts(out, before);
	buffer_puts(out, "max_age: ");
	buffer_put_number(out, policy->max_age_s);
	buffer_puts(out, after);
}

int answer_write_policy(struct buffer *out, const struct policy *policy)
{
	put_policy_lines(out, policy, "", "mx: ", "\n");
	return buffer_status(out);
}

/* -- Postfix --------------------------------------------------------------- */

static bool fits(const struct buffer *out, size_t start,
                 enum answer_limit limit)
{
	struct slice reply;

	if (buffer_status(out) != MTS_OK)
		return false;
	reply = slice_of(out->data + start, out->len - start);
	if (limit == ANSWER_LIMIT_TCP_TABLE)
		return tcp_table_fits(reply);
	return reply.len <= SOCKETMAP_REPLY_MAX;
}

/* Truncates OUT to LEN bytes, unless it is out of memory. */
static int cut_back(struct buffer *out, size_t len)
{
	if (buffer_status(out) != MTS_ENOMEM)
		buffer_truncate(out, len);
	return buffer_status(out);
}

static int write_not_found(struct buffer *out)
{
	return buffer_puts(out, ANSWER_NOT_FOUND);
}

/* The mode that applies. */
static enum policy_mode mode_of(const struct answer_input *input)
{
	if (!input->policy)
		return POLICY_NONE;
	if (input->policy->mode == POLICY_TESTING && input->how.enforce_testing)
		return POLICY_ENFORCE;
	return input->policy->mode;
}

static int write_too_long(struct buffer *out)
{
	return answer_write_temp(out, "the policy is too long for a reply");
}

/* No MX host is allowed, or they are unknown: the mail is deferred. */
static int write_no_host(struct buffer *out, const struct answer_input *input)
{
	char reason[ANSWER_REASON_MAX + 1];
	const char *name = input->domain->name;
	int n;

	if (input->hosts.data)
		n = snprintf(reason, sizeof(reason),
		             "no MX host of %s is in its policy", name);
	else
		n = snprintf(reason, sizeof(reason),
		             "the MX hosts of %s can't be looked up: %s", name,
		             input->why);
	if (n < 0)
		reason[0] = '\0';
	return answer_write_temp(out, reason);
}

/* Appends the value of match=. False: there is none. */
static bool put_match_names(struct buffer *out,
                            const struct answer_input *input)
{
	if (input->how.strict_mx)
		return put_matching_hosts(out, input);
	return put_match(out, input->policy);
}

/* Only mode enforce binds an MTA. A policy without a valid pattern counts as
 * none. */
static int write_secure(struct buffer *out, const struct answer_input *input)
{
	static const char frame[] = "OK secure match= servername=hostname";
	const struct policy *policy = input->policy;
	size_t start = out->len;

	if (mode_of(input) != POLICY_ENFORCE)
		return write_not_found(out);
	if (buffer_reserve(out, sizeof(frame) + policy->mx.len) == MTS_OK) {
		PUT(out, "OK secure match=");
		if (!put_match_names(out, input)) {
			if (cut_back(out, start) != MTS_OK)
				return buffer_status(out);
			return input->how.strict_mx ? write_no_host(out, input)
			                            : write_not_found(out);
		}
		if (!input->how.no_servername)
			buffer_puts(out, " servername=hostname");
	}
	if (fits(out, start, input->limit))
		return MTS_OK;
	cut_back(out, start);
	return write_too_long(out);
}

static bool is_secure(const struct buffer *out, size_t start)
{
	return out->data[start] == 'O';
}

static int write_postfix(struct buffer *out, const struct answer_input *input)
{
	size_t start = out->len;
	int status = write_secure(out, input);

	if (status != MTS_OK || !input->how.tls12 || !is_secure(out, start))
		return status;
	buffer_puts(out, " protocols=>=TLSv1.2");
	if (fits(out, start, input->limit))
		return MTS_OK;
	cut_back(out, start);
	return write_too_long(out);
}

/* The attributes of Postfix 3.10 that make it strict. */
static void put_attributes(struct buffer *out, const struct answer_input *input)
{
	buffer_puts(out, " policy_type=sts policy_domain=");
	buffer_put(out, input->domain->name, input->domain->len);
	put_patterns(out, input->policy, slice_str(" mx_host_pattern="),
	             slice_str(""));
}

static void put_policy_strings(struct buffer *out, const struct policy *policy)
{
	put_policy_lines(out, policy, " { policy_string = ",
	                 " { policy_string = mx: ", " }");
}

static int write_tlsrpt(struct buffer *out, const struct answer_input *input)
{
	size_t start = out->len;
	size_t good;
	int status = write_postfix(out, input);

	if (status != MTS_OK || !is_secure(out, start))
		return status;
	put_attributes(out, input);
	/* Without them Postfix would silently be less strict. */
	if (!fits(out, start, input->limit)) {
		cut_back(out, start);
		return write_too_long(out);
	}
	good = out->len;
	put_policy_strings(out, input->policy);
	return fits(out, start, input->limit) ? MTS_OK : cut_back(out, good);
}

/* -- DANE, which Postfix handles itself -------------------------------------
 *
 * RFC 8461 2: MTA-STS must not override a failing DANE validation. */

static int write_dane(struct buffer *out, const struct answer_input *input)
{
	char reason[ANSWER_REASON_MAX + 1];

	if (input->dane == DANE_SAYS_WAIT) {
		if (snprintf(reason, sizeof(reason),
		             "DANE may apply to %s and can't be looked up: %s",
		             input->domain->name, input->why) < 0)
			reason[0] = '\0';
		return answer_write_temp(out, reason);
	}
	if (input->leave_dane)
		return write_not_found(out);
	return buffer_puts(out, input->dane == DANE_SAYS_ONLY ? "OK dane-only"
	                                                      : "OK dane");
}

/* -- Sendmail -------------------------------------------------------------- */

static int write_sendmail(struct buffer *out, const struct answer_input *input)
{
	static const char around[] = "OK secure match= servername=hostname";
	size_t start = out->len;
	char reason[ANSWER_REASON_MAX];
	struct answer_input with = *input;
	size_t names;
	int status;

	with.how.no_servername =
	    false; /* without it, Sendmail defers all mail */
	status = write_secure(out, &with);
	if (status != MTS_OK || !is_secure(out, start))
		return status;
	names = out->len - start - (sizeof(around) - 1);
	if (names <= ANSWER_SENDMAIL_MAX)
		return MTS_OK;
	buffer_truncate(out, start);
	if (snprintf(reason, sizeof(reason),
	             "the policy is too long for Sendmail: %zu bytes of names; "
	             "it takes %d",
	             names, ANSWER_SENDMAIL_MAX) < 0)
		reason[0] = '\0';
	return answer_write_temp(out, reason);
}

/* -- any MTA --------------------------------------------------------------- */

static int write_verdict(struct buffer *out, const struct answer_input *input)
{
	const struct policy *policy = input->policy;

	if (!policy)
		return write_not_found(out);
	buffer_puts(out, "OK ");
	buffer_puts(out, policy_mode_text(mode_of(input)));
	if (policy->mode != POLICY_NONE)
		buffer_puts(out, verdict_mx_matches(policy, input->mx)
		                     ? " match"
		                     : " mismatch");
	buffer_puts(out, " id=");
	buffer_puts(out, input->id);
	buffer_puts(out, " expires=");
	return buffer_put_number(
	    out, input->expires_in_s > 0 ? (uint64_t)input->expires_in_s : 0);
}

int answer_write(struct buffer *out, enum socketmap_map map,
                 const struct answer_input *input)
{
	if (input->dane != DANE_SAYS_NOTHING &&
	    (map == MAP_POSTFIX || map == MAP_POSTFIX_TLSRPT))
		return write_dane(out, input);
	switch (map) {
	case MAP_POSTFIX:
		return write_postfix(out, input);
	case MAP_POSTFIX_TLSRPT:
		return write_tlsrpt(out, input);
	case MAP_STS:
		return write_sendmail(out, input);
	case MAP_VERDICT:
		return write_verdict(out, input);
	case MAP_UNKNOWN:
		break;
	}
	return answer_write_perm(out, "unknown map");
}

/* -- what an answer means -------------------------------------------------- */

#define ROW(start, kind)                                                       \
	{                                                                      \
		start, sizeof(start) - 1, kind                                 \
	}

enum answer_kind answer_kind_of(struct slice reply)
{
	static const struct {
		const char *start;
		size_t len;
		enum answer_kind kind;
	} rows[] = {
		/* The longer first. */
		ROW("OK secure", ANSWER_SECURE),
		ROW("NOTFOUND", ANSWER_NONE),
		ROW("OK dane-only", ANSWER_DANE_ONLY),
		ROW("OK dane", ANSWER_DANE),
		ROW("mode=enforce", ANSWER_SECURE),
		ROW("mode=testing", ANSWER_TESTING),
		ROW("mode=none", ANSWER_NONE),
		ROW("OK enforce match", ANSWER_MATCH),
		ROW("OK enforce mismatch", ANSWER_MISMATCH),
		ROW("OK testing", ANSWER_TESTING),
		ROW("OK none", ANSWER_NONE),
		ROW("TEMP", ANSWER_TEMPORARY),
		ROW("mode=fail", ANSWER_TEMPORARY),
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (reply.len >= rows[i].len &&
		    memcmp(reply.data, rows[i].start, rows[i].len) == 0)
			return rows[i].kind;
	return ANSWER_PERMANENT;
}

#undef ROW
