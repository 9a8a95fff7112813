/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_policy.c - an accepted policy keeps the promises of its struct, and stays the
 * same when it is written out and parsed again. */
#include "base/buffer.h"
#include "sts/mx.h"
#include "sts/policy.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int good)
{
	if (!good)
		abort();
}

struct notes {
	struct slice text; /* the whole */
	unsigned line;     /* of the latest note */
	unsigned lines;    /* in the text */
	size_t count;
};

static void on_note(void *arg, enum policy_note note, unsigned line,
                    struct slice text)
{
	struct notes *notes = arg;

	must(note <= POLICY_NOTE_REPEATED_MX);
	must(line > notes->line && line <= notes->lines);
	must(text.data >= notes->text.data &&
	     text.data + text.len <= notes->text.data + notes->text.len);
	must(!text.len || !memchr(text.data, '\n', text.len));
	notes->line = line;
	notes->count++;
}

static unsigned count_lines(struct slice text)
{
	unsigned n = 1;

	for (size_t i = 0; i < text.len; i++)
		n += text.data[i] == '\n';
	return n;
}

static void check_patterns(const struct policy *policy)
{
	size_t offset = 0;
	uint32_t n = 0;
	const char *pattern;

	for (; (pattern = policy_next_mx(policy, &offset)); n++) {
		struct slice s = slice_str(pattern);

		must(mx_pattern_is_valid(s));
		for (size_t i = 0; i < s.len; i++)
			must(ascii_lower(s.data[i]) == s.data[i]);
		if (pattern[0] != '*')
			must(mx_pattern_matches(pattern, s));
	}
	must(n == policy->mx_count && offset == policy->mx.len);
}

static void write_out(const struct policy *policy, const char *eol,
                      struct buffer *to)
{
	size_t offset = 0;
	const char *pattern;

	buffer_printf(to, "version: STSv1%s", eol);
	buffer_printf(to, "mode: %s%s", policy_mode_text(policy->mode), eol);
	buffer_printf(to, "max_age: %u%s", (unsigned)policy->max_age_s, eol);
	while ((pattern = policy_next_mx(policy, &offset)))
		buffer_printf(to, "mx: %s%s", pattern, eol);
}

static void check_again(const struct policy *policy, const char *eol)
{
	struct notes notes = { .count = 0 };
	struct policy_observer observer = { .note = on_note, .arg = &notes };
	struct policy *again = NULL;
	struct buffer text;

	buffer_init(&text, POLICY_MAX);
	write_out(policy, eol, &text);
	/* Each "mx:a" grows by a space, so the text may no longer fit. */
	if (buffer_status(&text) != MTS_OK)
		goto out;
	must(policy_parse(buffer_slice(&text), &observer, &again, NULL) ==
	     MTS_OK);
	must(notes.count == 0);
	must(again->mode == policy->mode);
	must(again->max_age_s == policy->max_age_s);
	must(again->mx_count == policy->mx_count);
	must(again->mx.len == policy->mx.len);
	must(memcmp(again->mx.data, policy->mx.data, policy->mx.len) == 0);
	policy_free(&again);
out:
	buffer_free(&text);
}

static void ignore_note(void *arg, enum policy_note note, unsigned line,
                        struct slice text)
{
	(void)arg;
	(void)note;
	(void)line;
	(void)text;
}

struct faults {
	unsigned count;
	char first[FAULT_TEXT];
};

static void on_fault(void *arg, enum policy_fault fault, unsigned line,
                     struct slice text, const char *why)
{
	struct faults *faults = arg;

	must(fault <= POLICY_FAULT_MX && *why);
	must((line == 0) == (text.len == 0) || text.len == 0);
	if (faults->count++ == 0)
		snprintf(faults->first, sizeof(faults->first), "%s", why);
}

/* A caller that asks for all faults gets the same verdict. */
static void check_all_faults(struct slice text, int rc, const char *why)
{
	struct faults faults = { .count = 0 };
	struct policy_observer observer = { .note = ignore_note,
		                            .fault = on_fault,
		                            .arg = &faults };
	struct policy *policy = NULL;
	struct fault first = { 0 };

	must(policy_parse(text, &observer, &policy, &first) == rc);
	must((policy != NULL) == (rc == MTS_OK));
	must((faults.count > 0) == (rc == MTS_ESYNTAX));
	if (rc != MTS_OK)
		must(strcmp(first.text, why) == 0);
	if (rc == MTS_ESYNTAX)
		must(strcmp(faults.first, why) == 0);
	policy_free(&policy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of((const char *)data, size);
	struct notes notes = { text, 0, count_lines(text), 0 };
	struct policy_observer observer = { .note = on_note, .arg = &notes };
	struct policy *policy = NULL;
	struct fault why = { 0 };
	int rc = policy_parse(text, &observer, &policy, &why);

	check_all_faults(text, rc, why.text);
	if (rc != MTS_OK) {
		must(!policy && why.status == rc && why.text[0]);
		must(rc == (size > POLICY_MAX ? MTS_ERANGE : MTS_ESYNTAX));
		return 0;
	}
	must(policy->max_age_s <= POLICY_MAX_AGE_MAX);
	must(policy->mx_count || policy->mode == POLICY_NONE);
	must(!memchr(text.data, '\0', text.len));
	check_patterns(policy);
	check_again(policy, "\n");
	check_again(policy, "\r\n");
	policy_free(&policy);
	return 0;
}
