/* SPDX-License-Identifier: BSD-2-Clause */
/* policy.c - parses the text that a policy host serves.
 *
 * The grammar (3.2):
 *
 *     sts-policy-record = sts-policy-field *WSP
 *                         *(sts-policy-term sts-policy-field *WSP)
 *                         [sts-policy-term]
 *     sts-policy-term   = LF / CRLF
 *     a field           = name ":" *WSP value
 *
 * We accept more than that: blank lines are skipped, since published policies
 * have them, and an invalid MX pattern is skipped, and the others count. Both
 * are noted.
 *
 * A body is up to 64 KiB from a stranger, or up to 16,384 fields. The names and
 * patterns seen so far are in a map, so that a hostile body can't make us
 * compare each with each. */
#include "sts/policy.h"

#include "base/map.h"
#include "base/text.h"
#include "sts/mx.h"

#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
	POLICY_NAME_MAX = 32,           /* 3.2: one character, then *31 */
	POLICY_MAX_AGE_DIGITS_MAX = 10, /* 3.2: 1*10(DIGIT) */
	POLICY_FIELD_MIN = 4,           /* the shortest line: "a:b" and LF */
};

struct parser {
	const struct policy_observer *observer; /* may be NULL */
	struct fault *why;
	unsigned line;     /* the current line, from 1 */
	struct slice text; /* the current line, without its end */
	/* The patterns, and the names with their ':', which no pattern
	 * contains. */
	struct map *seen;
	struct map_node *nodes; /* one for each member of seen */
	size_t node_count;
	char *patterns; /* as in struct policy; never moves: seen's keys */
	size_t patterns_len;
	struct policy policy;   /* what is known so far, without mx */
	enum policy_fault kind; /* of a fault found at this point */
	/* If the observer gets all faults: the latest, which WHY points to, the
	 * first, and the status of the first. */
	struct fault latest, first;
	int status;
};

struct field {
	struct slice name;
	struct slice key; /* the name and the ':' */
	struct slice value;
};

static void parser_note(const struct parser *p, enum policy_note what)
{
	if (p->observer)
		p->observer->note(p->observer->arg, what, p->line, p->text);
}

/* The text breaks a rule, with STATUS; p->why says how. Returns MTS_OK if
 * parsing goes on, because the observer wants all faults. */
static int parser_fault(struct parser *p, int status)
{
	const struct policy_observer *observer = p->observer;

	if (!observer || !observer->fault)
		return status;
	if (p->status == MTS_OK) {
		p->status = status;
		p->first = p->latest;
	}
	observer->fault(observer->arg, p->kind, p->line, p->text,
	                p->latest.text);
	return MTS_OK;
}

/* Adds KEY to those seen; false: it is there already. KEY must not move. */
static bool parser_add_seen(struct parser *p, struct slice key)
{
	struct map_node *node;

	if (map_find(p->seen, key.data, key.len))
		return false;
	node = &p->nodes[p->node_count++];
	node->key = key.data;
	node->key_len = key.len;
	map_insert(p->seen, node);
	return true;
}

/* -- characters ------------------------------------------------------------ */

/* CTL of RFC 5234 */
static bool is_ctl(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

/* The length of the character that S begins with, if sts-policy-ext-value may
 * contain it: visible ASCII, a space, UTF8-2, UTF8-3 or UTF8-4. Otherwise 0. */
static size_t value_char_len(struct slice s)
{
	uint32_t c = 0;
	size_t len = utf8_take(s, &c);

	return c >= ' ' && c != 0x7f ? len : 0;
}

static int fail_at_byte(struct parser *p, char c)
{
	if (is_ctl(c))
		return fault_set(
		    p->why, MTS_ESYNTAX,
		    "policy, line %u: a control character (0x%02x)", p->line,
		    (unsigned)(unsigned char)c);
	return fault_set(p->why, MTS_ESYNTAX,
	                 "policy, line %u: a byte that is not UTF-8 (0x%02x)",
	                 p->line, (unsigned)(unsigned char)c);
}

/* Checks for sts-policy-ext-value, which every other value is, too. VALUE has
 * no blanks around it. */
static int check_value(struct parser *p, struct slice value)
{
	if (value.len == 0)
		return fault_set(p->why, MTS_ESYNTAX,
		                 "policy, line %u: no value after ':'",
		                 p->line);
	while (value.len) {
		size_t n = value_char_len(value);

		if (n == 0)
			return fail_at_byte(p, value.data[0]);
		value.data += n;
		value.len -= n;
	}
	return MTS_OK;
}

/* -- the fields ------------------------------------------------------------ */

static int take_version(struct parser *p, struct slice value)
{
	if (slice_is(value, "STSv1"))
		return MTS_OK;
	return fault_set(p->why, MTS_ESYNTAX,
	                 "policy, line %u: the version \"%.*s\" is not "
	                 "\"STSv1\"",
	                 p->line, (int)value.len, value.data);
}

static int take_mode(struct parser *p, struct slice value)
{
	static const enum policy_mode modes[] = { POLICY_NONE, POLICY_TESTING,
		                                  POLICY_ENFORCE };

	for (size_t i = 0; i < COUNT(modes); i++) {
		if (!slice_is(value, policy_mode_text(modes[i])))
			continue;
		p->policy.mode = modes[i];
		return MTS_OK;
	}
	return fault_set(p->why, MTS_ESYNTAX,
	                 "policy, line %u: the mode \"%.*s\" is not "
	                 "\"enforce\", \"testing\" or \"none\"",
	                 p->line, (int)value.len, value.data);
}

static int take_max_age(struct parser *p, struct slice value)
{
	uint64_t max_age_s = 0;
	size_t i = 0;

	while (i < value.len && i < POLICY_MAX_AGE_DIGITS_MAX &&
	       ascii_is_digit(value.data[i]))
		max_age_s = max_age_s * 10 + (uint64_t)(value.data[i++] - '0');
	if (i != value.len)
		return fault_set(p->why, MTS_ESYNTAX,
		                 "policy, line %u: max_age \"%.*s\" is not 1 "
		                 "to 10 digits",
		                 p->line, (int)value.len, value.data);
	if (max_age_s > POLICY_MAX_AGE_MAX)
		return fault_set(p->why, MTS_ESYNTAX,
		                 "policy, line %u: max_age %.*s is over %d",
		                 p->line, (int)value.len, value.data,
		                 POLICY_MAX_AGE_MAX);
	p->policy.max_age_s = (uint32_t)max_age_s;
	return MTS_OK;
}

static void take_mx(struct parser *p, struct slice value)
{
	char *pattern = p->patterns + p->patterns_len;

	if (!mx_pattern_is_valid(value)) {
		parser_note(p, POLICY_NOTE_BAD_MX);
		return;
	}
	for (size_t i = 0; i < value.len; i++)
		pattern[i] = ascii_lower(value.data[i]);
	pattern[value.len] = '\0';
	if (!parser_add_seen(p, slice_of(pattern, value.len))) {
		parser_note(p, POLICY_NOTE_REPEATED_MX);
		return;
	}
	p->patterns_len += value.len + 1;
	p->policy.mx_count++;
}

static int take_field(struct parser *p, const struct field *field)
{
	if (slice_is(field->name, "mx")) {
		take_mx(p, field->value);
		return MTS_OK;
	}
	/* 3.2: "all entries except for the first SHALL be ignored" */
	if (!parser_add_seen(p, field->key)) {
		parser_note(p, POLICY_NOTE_DUPLICATE);
		return MTS_OK;
	}
	if (slice_is(field->name, "version")) {
		p->kind = POLICY_FAULT_VERSION;
		return take_version(p, field->value);
	}
	if (slice_is(field->name, "mode")) {
		p->kind = POLICY_FAULT_MODE;
		return take_mode(p, field->value);
	}
	if (slice_is(field->name, "max_age")) {
		p->kind = POLICY_FAULT_MAX_AGE;
		return take_max_age(p, field->value);
	}
	parser_note(p, POLICY_NOTE_UNKNOWN);
	return MTS_OK;
}

/* -- lines ----------------------------------------------------------------- */

static size_t name_len(struct slice line)
{
	size_t n = 0;

	while (n < line.len &&
	       (ascii_is_alnum(line.data[n]) ||
	        (n && (line.data[n] == '_' || line.data[n] == '-' ||
	               line.data[n] == '.'))))
		n++;
	return n;
}

/* LINE has a name of N characters, and no ':' after it. */
static int fail_at_name(struct parser *p, struct slice line, size_t n)
{
	const char *what = "it is not \"key: value\"";

	if (slice_starts(line, "\xef\xbb\xbf"))
		what = "it begins with a byte order mark";
	else if (n < line.len && ascii_is_wsp(line.data[n]))
		what = n ? "a blank before ':'" : "a blank before the key";
	else if (n < line.len && is_ctl(line.data[n]))
		return fail_at_byte(p, line.data[n]);
	return fault_set(p->why, MTS_ESYNTAX, "policy, line %u: %s", p->line,
	                 what);
}

static int parser_split_line(struct parser *p, struct slice line,
                             struct field *ret)
{
	size_t n = name_len(line);

	if (n == 0 || n == line.len || line.data[n] != ':')
		return fail_at_name(p, line, n);
	if (n > POLICY_NAME_MAX)
		return fault_set(p->why, MTS_ESYNTAX,
		                 "policy, line %u: a key over %d characters",
		                 p->line, POLICY_NAME_MAX);
	ret->name = slice_of(line.data, n);
	ret->key = slice_of(line.data, ++n);
	while (n < line.len && ascii_is_wsp(line.data[n]))
		n++;
	ret->value = slice_skip(line, n);
	return check_value(p, ret->value);
}

static int parser_read_line(struct parser *p)
{
	struct slice line = p->text;
	struct field field = { 0 };
	int rc;

	while (line.len && ascii_is_wsp(line.data[line.len - 1]))
		line.len--;
	if (line.len == 0) {
		parser_note(p, POLICY_NOTE_BLANK_LINE);
		return MTS_OK;
	}
	rc = parser_split_line(p, line, &field);
	return rc == MTS_OK ? take_field(p, &field) : rc;
}

/* Removes the first line from REST and returns it without its end. A CR without
 * an LF stays in the line, where it is an invalid control character. */
static struct slice policy_take_line(struct slice *rest)
{
	const char *end = memchr(rest->data, '\n', rest->len);
	struct slice line = *rest;

	if (!end) {
		*rest = slice_of(NULL, 0);
		return line;
	}
	line.len = (size_t)(end - line.data);
	*rest = slice_of(end + 1, rest->len - line.len - 1);
	if (line.len && line.data[line.len - 1] == '\r')
		line.len--;
	return line;
}

static int parser_read_lines(struct parser *p, struct slice rest)
{
	int rc = MTS_OK;

	while (rc == MTS_OK && rest.len) {
		p->line++;
		p->text = policy_take_line(&rest);
		p->kind = POLICY_FAULT_LINE;
		rc = parser_read_line(p);
		if (rc != MTS_OK)
			rc = parser_fault(p, rc);
	}
	return rc;
}

/* -- the whole text -------------------------------------------------------- */

/* 3.2: version, mode and max_age are "required once". */
static int check_complete(struct parser *p)
{
	static const struct {
		const char *key;
		enum policy_fault kind;
	} required[] = { { "version:", POLICY_FAULT_VERSION },
		         { "mode:", POLICY_FAULT_MODE },
		         { "max_age:", POLICY_FAULT_MAX_AGE } };
	int rc = MTS_OK;

	p->line = 0;
	p->text = slice_of("", 0);
	for (size_t i = 0; i < COUNT(required) && rc == MTS_OK; i++) {
		p->kind = required[i].kind;
		if (!map_find(p->seen, required[i].key,
		              strlen(required[i].key)))
			rc = parser_fault(
			    p, fault_set(p->why, MTS_ESYNTAX,
			                 "policy: it has no \"%s\" line (in "
			                 "lower case)",
			                 required[i].key));
	}
	p->kind = POLICY_FAULT_MX;
	if (rc == MTS_OK && p->policy.mx_count == 0 &&
	    p->policy.mode != POLICY_NONE)
		rc = parser_fault(
		    p, fault_set(p->why, MTS_ESYNTAX,
		                 "policy: it has no usable \"mx:\" line, and "
		                 "its mode is not \"none\""));
	return rc;
}

/* Makes the policy: one block of memory, the struct and the patterns. */
static struct policy *make_policy(const struct parser *p)
{
	struct policy *policy = malloc(sizeof(*policy) + p->patterns_len);
	char *patterns;

	if (!policy)
		return NULL;
	patterns = (char *)(policy + 1);
	memcpy(patterns, p->patterns, p->patterns_len);
	*policy = p->policy;
	policy->mx = slice_of(patterns, p->patterns_len);
	return policy;
}

static bool parser_init(struct parser *p, size_t len)
{
	p->seen = map_new();
	/* The last line may lack its LF. */
	p->nodes = malloc((len / POLICY_FIELD_MIN + 1) * sizeof(*p->nodes));
	/* A pattern and its NUL take less than "mx:" and the pattern. */
	p->patterns = malloc(len + 1);
	return p->seen && p->nodes && p->patterns;
}

static void parser_clear(struct parser *p)
{
	free(p->patterns);
	free(p->nodes);
	map_free(&p->seen);
}

int policy_parse(struct slice text, const struct policy_observer *observer,
                 struct policy **ret, struct fault *why)
{
	struct parser p = { .observer = observer, .why = why };
	struct policy *policy;
	int rc;

	if (observer && observer->fault)
		p.why = &p.latest;
	if (text.len > POLICY_MAX)
		return fault_set(why, MTS_ERANGE, "policy: it is over %d bytes",
		                 POLICY_MAX);
	if (!parser_init(&p, text.len)) {
		rc = fault_set(why, MTS_ENOMEM, "out of memory");
		goto out;
	}
	rc = parser_read_lines(&p, text);
	if (rc == MTS_OK)
		rc = check_complete(&p);
	if (p.status != MTS_OK)
		rc = fault_set(why, p.status, "%s", p.first.text);
	if (rc != MTS_OK)
		goto out;
	policy = make_policy(&p);
	if (policy)
		*ret = policy;
	else
		rc = fault_set(why, MTS_ENOMEM, "out of memory");
out:
	parser_clear(&p);
	return rc;
}

void policy_free(struct policy **policy)
{
	free(*policy);
	*policy = NULL;
}

const char *policy_mode_text(enum policy_mode mode)
{
	switch (mode) {
	case POLICY_TESTING:
		return "testing";
	case POLICY_ENFORCE:
		return "enforce";
	case POLICY_NONE:
	default:
		return "none";
	}
}

const char *policy_next_mx(const struct policy *policy, size_t *offset)
{
	const char *pattern;

	if (*offset >= policy->mx.len)
		return NULL;
	pattern = policy->mx.data + *offset;
	*offset += strlen(pattern) + 1;
	return pattern;
}
