/* SPDX-License-Identifier: BSD-2-Clause */
/* answer.c - the verdict, written for each MTA.
 *
 * SECURITY: a blank, a comma, a colon or a brace within a pattern would let the
 * publisher of a policy set attributes of his own in Postfix. Patterns were
 * checked when the policy was parsed; put_pattern() looks once more, as they
 * have been on disk since. */
#include "wire/answer.h"

#include "sts/mx.h"
#include "sts/verdict.h"
#include "wire/number.h"

#include <stdio.h>

enum {
	/* Sendmail 8.17 delivers unprotected when a reply has more than some
	 * 1,160 bytes or 440 tokens, and defers above 1,030: keep well off. */
	SENDMAIL_BYTES_MAX = 900,
	SENDMAIL_TOKENS_MAX = 400,
};

static const char not_found[] = "NOTFOUND "; /* the blank belongs to it */

static int put_reason(struct buffer *out, const char *word, const char *reason)
{
	char text[ANSWER_REASON_MAX + 1];

	if (snprintf(text, sizeof(text), "%s", reason) < 0)
		text[0] = '\0';
	fault_scrub(text);
	buffer_puts(out, word);
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

/* The next pattern that may be shown to an MTA; an empty slice at the end. */
static struct slice next_pattern(const struct policy *policy, size_t *offset)
{
	const char *text;

	while ((text = policy_next_mx(policy, offset))) {
		struct slice pattern = slice_str(text);

		if (mx_pattern_is_valid(pattern))
			return pattern;
	}
	return slice_of(NULL, 0);
}

/* Appends BEFORE, each pattern and AFTER, for every pattern. */
static void put_patterns(struct buffer *out, const struct policy *policy,
                         const char *before, const char *after)
{
	size_t offset = 0;
	struct slice pattern;

	while ((pattern = next_pattern(policy, &offset)).len) {
		buffer_puts(out, before);
		buffer_put_slice(out, pattern);
		buffer_puts(out, after);
	}
}

/* In match= a leading dot stands for what RFC 8461 writes "*." (Postfix takes
 * it for any number of labels; 3.10.5's mx_host_pattern closes that). Returns
 * false if there was no pattern to put. */
static bool put_match(struct buffer *out, const struct policy *policy)
{
	size_t offset = 0;
	struct slice pattern;
	bool any = false;

	while ((pattern = next_pattern(policy, &offset)).len) {
		if (pattern.data[0] == '*')
			pattern = slice_of(pattern.data + 1, pattern.len - 1);
		if (any)
			buffer_put(out, ":", 1);
		buffer_put_slice(out, pattern);
		any = true;
	}
	return any;
}

static bool fits(const struct buffer *out, size_t start)
{
	return buffer_status(out) == MTS_OK &&
	       out->len - start <= SOCKETMAP_REPLY_MAX;
}

/* Cuts OUT back to LEN bytes, unless memory is what failed. */
static int cut(struct buffer *out, size_t len)
{
	if (buffer_status(out) != MTS_ENOMEM)
		buffer_truncate(out, len);
	return buffer_status(out);
}

/* Only enforce binds an MTA; a policy without a usable pattern is none. */
static int write_secure(struct buffer *out, const struct answer_input *input)
{
	size_t start = out->len;

	if (!input->policy || input->policy->mode != POLICY_ENFORCE)
		return buffer_put(out, not_found, sizeof(not_found) - 1);
	buffer_puts(out, "OK secure match=");
	if (!put_match(out, input->policy)) {
		cut(out, start);
		return buffer_put(out, not_found, sizeof(not_found) - 1);
	}
	buffer_puts(out, " servername=hostname");
	if (fits(out, start))
		return MTS_OK;
	cut(out, start);
	return answer_write_temp(out, "the policy is too long for a reply");
}

/* The policy's fields, re-written: what else the publisher wrote stays out. */
static void put_policy_strings(struct buffer *out, const struct policy *policy)
{
	buffer_puts(out, " { policy_string = version: STSv1 }"
	                 " { policy_string = mode: ");
	buffer_puts(out, policy_mode_text(policy->mode));
	buffer_puts(out, " }");
	put_patterns(out, policy, " { policy_string = mx: ", " }");
	buffer_puts(out, " { policy_string = max_age: ");
	number_put(out, policy->max_age_s);
	buffer_puts(out, " }");
}

static int write_tlsrpt(struct buffer *out, const struct answer_input *input)
{
	size_t start = out->len;
	size_t good;
	int status = write_secure(out, input);

	if (status != MTS_OK || out->data[start] != 'O')
		return status;
	good = out->len;
	buffer_puts(out, " policy_type=sts policy_domain=");
	buffer_put(out, input->domain->name, input->domain->len);
	put_patterns(out, input->policy, " mx_host_pattern=", "");
	if (!fits(out, start))
		return cut(out, good);
	good = out->len;
	put_policy_strings(out, input->policy);
	return fits(out, start) ? MTS_OK : cut(out, good);
}

/* As Sendmail counts: a dot and a colon are a token each, and so is what lies
 * between them. */
static size_t count_tokens(struct slice text)
{
	size_t tokens = 0;
	bool inside = false;

	for (size_t i = 0; i < text.len; i++) {
		bool point = text.data[i] == '.' || text.data[i] == ':';
		bool word = !point && text.data[i] != ' ';

		if (point || (word && !inside))
			tokens++;
		inside = word;
	}
	return tokens;
}

static int write_sendmail(struct buffer *out, const struct answer_input *input)
{
	size_t start = out->len;
	size_t bytes;
	size_t tokens;
	char reason[ANSWER_REASON_MAX];
	int status = write_secure(out, input);

	if (status != MTS_OK)
		return status;
	bytes = out->len - start;
	tokens = count_tokens(slice_of(out->data + start, bytes));
	if (bytes <= SENDMAIL_BYTES_MAX && tokens <= SENDMAIL_TOKENS_MAX)
		return MTS_OK;
	buffer_truncate(out, start);
	if (snprintf(reason, sizeof(reason),
	             "the policy is too long for Sendmail: %zu bytes, %zu "
	             "tokens; it takes %d and %d",
	             bytes, tokens, SENDMAIL_BYTES_MAX,
	             SENDMAIL_TOKENS_MAX) < 0)
		reason[0] = '\0';
	return answer_write_temp(out, reason);
}

static int write_verdict(struct buffer *out, const struct answer_input *input)
{
	const struct policy *policy = input->policy;

	if (!policy)
		return buffer_put(out, not_found, sizeof(not_found) - 1);
	buffer_puts(out, "OK ");
	buffer_puts(out, policy_mode_text(policy->mode));
	if (policy->mode != POLICY_NONE)
		buffer_puts(out, verdict_mx_matches(policy, input->mx)
		                     ? " match"
		                     : " mismatch");
	buffer_puts(out, " id=");
	buffer_puts(out, input->id);
	buffer_puts(out, " expires=");
	return number_put(
	    out, input->expires_in_s > 0 ? (uint64_t)input->expires_in_s : 0);
}

int answer_write(struct buffer *out, enum socketmap_map map,
                 const struct answer_input *input)
{
	switch (map) {
	case MAP_POSTFIX:
		return write_secure(out, input);
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
