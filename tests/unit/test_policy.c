/* SPDX-License-Identifier: BSD-2-Clause */
/* test_policy.c - RFC 8461 3.2: one row for each rule. */
#include "tests.h"

#include "alloc.h"
#include "sts/policy.h"

#include <time.h>

#define TEXT(literal)                                                          \
	{                                                                      \
		literal, sizeof(literal) - 1                                   \
	}

#define VERSION "version: STSv1\n"
#define MODE    "mode: enforce\n"
#define AGE     "max_age: 86400\n"
#define MX      "mx: mx.example\n"
#define ALL     VERSION MODE AGE MX

#define NAME32 "n234567890123456789012345678-_.2"

struct row {
	struct slice text;
	/* "MODE MAX_AGE PATTERN... /LINE:NOTE...", as written by describe() */
	const char *want;
	const char *why; /* or a part of the fault's text */
};

static const struct row good[] = {
	/* "An example policy is as below" */
	{ TEXT("version: STSv1\r\n"
	       "mode: enforce\r\n"
	       "mx: mail.example.com\r\n"
	       "mx: *.example.net\r\n"
	       "mx: backupmx.example.com\r\n"
	       "max_age: 604800\r\n"),
	  "enforce 604800 mail.example.com *.example.net backupmx.example.com",
	  NULL },

	/* sts-policy-term = LF / CRLF; [sts-policy-term] at the end */
	{ TEXT(ALL), "enforce 86400 mx.example", NULL },
	{ TEXT("version: STSv1\r\nmode: enforce\nmax_age: 1\r\nmx: a"),
	  "enforce 1 a", NULL },
	{ TEXT("mx: a\nversion: STSv1\nmode: none\nmax_age: 1"), "none 1 a",
	  NULL },

	/* *WSP after a field, and after ':' */
	{ TEXT("version: STSv1 \t \r\nmode:enforce\t\nmax_age:\t 1 \nmx:a "),
	  "enforce 1 a", NULL },

	/* blank lines are skipped */
	{ TEXT(VERSION "\n" MODE "\r\n" AGE " \t\r\n" MX "\n"),
	  "enforce 86400 mx.example /2:blank /4:blank /6:blank /8:blank",
	  NULL },
	{ TEXT("\n" ALL), "enforce 86400 mx.example /1:blank", NULL },
	{ TEXT(ALL "  "), "enforce 86400 mx.example /5:blank", NULL },

	/* sts-policy-mode-value = %s"testing" / %s"enforce" / %s"none" */
	{ TEXT(VERSION "mode: testing\n" AGE MX), "testing 86400 mx.example",
	  NULL },
	{ TEXT(VERSION "mode: none\n" AGE MX), "none 86400 mx.example", NULL },

	/* "required at least once, except when mode is "none"" */
	{ TEXT(VERSION "mode: none\n" AGE), "none 86400", NULL },
	{ TEXT(VERSION "mode: none\n" AGE "mx: -\n"), "none 86400 /4:bad",
	  NULL },

	/* sts-policy-max-age-value = 1*10(DIGIT), "maximum value of
	 * 31557600" */
	{ TEXT(VERSION MODE MX "max_age: 0"), "enforce 0 mx.example", NULL },
	{ TEXT(VERSION MODE MX "max_age: 31557600"),
	  "enforce 31557600 mx.example", NULL },
	{ TEXT(VERSION MODE MX "max_age: 0031557600"),
	  "enforce 31557600 mx.example", NULL },

	/* "If any non-repeated field -- i.e., all fields excepting "mx" -- is
	 * duplicated, all entries except for the first SHALL be ignored." */
	{ TEXT(ALL "version: STSv2\nmode: none\nmax_age: x\nmx: b\n"),
	  "enforce 86400 mx.example b /5:duplicate /6:duplicate /7:duplicate",
	  NULL },
	{ TEXT(ALL "x: 1\nx: 2\nX: 3\n"),
	  "enforce 86400 mx.example /5:unknown /6:duplicate /7:unknown", NULL },

	/* "unknown fields SHALL be ignored" */
	{ TEXT(ALL "a: b c  d\n"), "enforce 86400 mx.example /5:unknown",
	  NULL },
	{ TEXT(ALL "a: : \"\\~!\n"), "enforce 86400 mx.example /5:unknown",
	  NULL },
	{ TEXT(ALL NAME32 ": x\n"), "enforce 86400 mx.example /5:unknown",
	  NULL },
	{ TEXT(ALL "9: x\n"), "enforce 86400 mx.example /5:unknown", NULL },
	/* a pattern and a field's name may be the same */
	{ TEXT(ALL "mx.example: x\n"), "enforce 86400 mx.example /5:unknown",
	  NULL },
	{ TEXT(ALL "b: x\nmx: b"), "enforce 86400 mx.example b /5:unknown",
	  NULL },

	/* sts-policy-vchar = %x21-7E / UTF8-2 / UTF8-3 / UTF8-4: the first and
	 * the last of each line in RFC 3629 4 */
	{ TEXT(ALL "a: \xc2\x80 \xdf\xbf\n"
	           "b: \xe0\xa0\x80 \xe0\xbf\xbf \xe1\x80\x80 \xec\xbf\xbf\n"
	           "c: \xed\x80\x80 \xed\x9f\xbf \xee\x80\x80 \xef\xbf\xbf\n"
	           "d: \xf0\x90\x80\x80 \xf0\xbf\xbf\xbf \xf1\x80\x80\x80\n"
	           "e: \xf3\xbf\xbf\xbf \xf4\x80\x80\x80 \xf4\x8f\xbf\xbf\n"),
	  "enforce 86400 mx.example /5:unknown /6:unknown /7:unknown "
	  "/8:unknown /9:unknown",
	  NULL },

	/* an invalid pattern is skipped, the others count */
	{ TEXT(ALL "mx: *.*.example\nmx: *.b.example\n"),
	  "enforce 86400 mx.example *.b.example /5:bad", NULL },
	{ TEXT(ALL "mx: b\xc3\xbc.example\n"
	           "mx: b.example.\n"
	           "mx: a.example b.example\n"
	           "mx: a.example, b.example\n"
	           "mx: 192.0.2.1\n"
	           "mx: nexthop\n"
	           "mx: b_c.example\n"),
	  "enforce 86400 mx.example /5:bad /6:bad /7:bad /8:bad /9:bad "
	  "/10:bad /11:bad",
	  NULL },

	/* in lower case, without duplicates, in the order of the text */
	{ TEXT(VERSION MODE AGE "mx: B.Example\nmx: a.example\n"
	                        "mx: b.EXAMPLE\nmx: A.example\nmx: c\n"),
	  "enforce 86400 b.example a.example c /6:repeated /7:repeated", NULL },
};

static const struct row bad[] = {
	/* "required once" */
	{ TEXT(""), NULL, "no 'version:' line" },
	{ TEXT("\n\n"), NULL, "no 'version:' line" },
	{ TEXT(MODE AGE MX), NULL, "no 'version:' line" },
	{ TEXT(VERSION AGE MX), NULL, "no 'mode:' line" },
	{ TEXT(VERSION MODE MX), NULL, "no 'max_age:' line" },
	{ TEXT(VERSION MODE AGE), NULL, "no usable 'mx:' line" },
	{ TEXT(VERSION "mode: testing\n" AGE), NULL, "no usable 'mx:' line" },
	{ TEXT(VERSION MODE AGE "mx: *\n"), NULL, "no usable 'mx:' line" },

	/* %s: case matters */
	{ TEXT("Version: STSv1\n" MODE AGE MX), NULL, "no 'version:' line" },
	{ TEXT(VERSION "MODE: enforce\n" AGE MX), NULL, "no 'mode:' line" },
	{ TEXT(VERSION MODE "Max_Age: 1\n" MX), NULL, "no 'max_age:' line" },
	{ TEXT(VERSION MODE AGE "MX: a.example"), NULL, "no usable 'mx:'" },
	{ TEXT("version: stsv1\n" MODE AGE MX), NULL, "line 1: the version" },
	{ TEXT(VERSION "mode: Enforce\n" AGE MX), NULL, "line 2: the mode" },

	{ TEXT("version: STSv2\n" MODE AGE MX), NULL, "line 1: the version" },
	{ TEXT("version: STSv1;\n" MODE AGE MX), NULL, "line 1: the version" },
	{ TEXT(VERSION "mode: report\n" AGE MX), NULL, "line 2: the mode" },
	/* the first counts, also when a later one is better */
	{ TEXT(VERSION "mode: x\nmode: none\n" AGE), NULL, "line 2: the mode" },

	/* sts-policy-max-age-value = 1*10(DIGIT), "maximum value of
	 * 31557600" */
	{ TEXT(VERSION MODE MX "max_age: 31557601"), NULL, "over 31557600" },
	{ TEXT(VERSION MODE MX "max_age: 9999999999"), NULL, "over 31557600" },
	{ TEXT(VERSION MODE MX "max_age: 00031557600"), NULL, "1 to 10" },
	{ TEXT(VERSION MODE MX "max_age: 18446744073709551617"), NULL,
	  "1 to 10" },
	{ TEXT(VERSION MODE MX "max_age: -1"), NULL, "1 to 10" },
	{ TEXT(VERSION MODE MX "max_age: +1"), NULL, "1 to 10" },
	{ TEXT(VERSION MODE MX "max_age: 1.5"), NULL, "1 to 10" },
	{ TEXT(VERSION MODE MX "max_age: 1 2"), NULL, "1 to 10" },
	{ TEXT(VERSION MODE MX "max_age: 1d"), NULL, "1 to 10" },
	{ TEXT(VERSION MODE MX "max_age: 0x10"), NULL, "1 to 10" },

	/* a line that is not "key: value" */
	{ TEXT(ALL "x\n"), NULL, "line 5: it is not 'key: value'" },
	{ TEXT("<!DOCTYPE html>\n"), NULL, "line 1: it is not 'key: value'" },
	{ TEXT(ALL "# a comment\n"), NULL, "line 5: it is not 'key: value'" },
	{ TEXT(ALL ": x\n"), NULL, "line 5: it is not 'key: value'" },
	{ TEXT(ALL "_a: x\n"), NULL, "line 5: it is not 'key: value'" },
	{ TEXT(ALL "a+b: x\n"), NULL, "line 5: it is not 'key: value'" },
	{ TEXT(ALL "\xc3\xbc: x\n"), NULL, "line 5: it is not 'key: value'" },
	{ TEXT(ALL "a=b\n"), NULL, "line 5: it is not 'key: value'" },
	{ TEXT(ALL NAME32 "3: x\n"), NULL, "line 5: a key over 32" },
	/* no blanks before ':', nor before the key */
	{ TEXT(ALL "a : x\n"), NULL, "line 5: a blank before ':'" },
	{ TEXT(ALL "a\t: x\n"), NULL, "line 5: a blank before ':'" },
	{ TEXT(" " ALL), NULL, "line 1: a blank before the key" },
	{ TEXT(ALL "\tmx: folded\n"), NULL, "line 5: a blank before the key" },
	/* sts-policy-ext-value has at least one character */
	{ TEXT(ALL "a:\n"), NULL, "line 5: no value" },
	{ TEXT(ALL "a: \t\r\n"), NULL, "line 5: no value" },
	{ TEXT(ALL "mx:\n"), NULL, "line 5: no value" },
	{ TEXT(ALL "mode:\n"), NULL, "line 5: no value" },
	{ TEXT("\xef\xbb\xbf" ALL), NULL, "line 1: it begins with a byte" },

	/* "excluding CTLs": NUL, TAB within, CR alone, DEL */
	{ TEXT(ALL "a: b\0c\n"), NULL, "line 5: a control character (0x00)" },
	{ TEXT(ALL "\0"), NULL, "line 5: a control character (0x00)" },
	{ TEXT(ALL "a\0: b"), NULL, "line 5: a control character (0x00)" },
	{ TEXT(ALL "mx: b\0\n"), NULL, "line 5: a control character (0x00)" },
	{ TEXT(ALL "a: b\tc\n"), NULL, "line 5: a control character (0x09)" },
	{ TEXT(ALL "a: b\rc\n"), NULL, "line 5: a control character (0x0d)" },
	{ TEXT(ALL "a: b\r\r\n"), NULL, "line 5: a control character (0x0d)" },
	{ TEXT(ALL "a: b\r"), NULL, "line 5: a control character (0x0d)" },
	{ TEXT(ALL "\r"), NULL, "line 5: a control character (0x0d)" },
	{ TEXT("version: STSv1\rmode: none\rmax_age: 1\r"), NULL,
	  "line 1: a control character (0x0d)" },
	{ TEXT(ALL "a: b\x7f\n"), NULL, "line 5: a control character (0x7f)" },
	{ TEXT(ALL "a: \x1b[2J\n"), NULL,
	  "line 5: a control character (0x1b)" },
	{ TEXT(ALL "a: b\f\n"), NULL, "line 5: a control character (0x0c)" },
	/* ... even in a line that is ignored */
	{ TEXT(ALL "mode: \x01\n"), NULL,
	  "line 5: a control character (0x01)" },

	/* RFC 3629 4: just before and after each line, and cut off */
	{ TEXT(ALL "a: \x80\n"), NULL, "line 5: a byte that is not UTF-8" },
	{ TEXT(ALL "a: \xc0\x80\n"), NULL, "not UTF-8 (0xc0)" },
	{ TEXT(ALL "a: \xc1\xbf\n"), NULL, "not UTF-8 (0xc1)" },
	{ TEXT(ALL "a: \xc2\x7f\n"), NULL, "not UTF-8 (0xc2)" },
	{ TEXT(ALL "a: \xc2\xc0\n"), NULL, "not UTF-8 (0xc2)" },
	{ TEXT(ALL "a: \xc2\n"), NULL, "not UTF-8 (0xc2)" },
	{ TEXT(ALL "a: \xe0\x9f\xbf\n"), NULL, "not UTF-8 (0xe0)" },
	{ TEXT(ALL "a: \xe1\x80 \n"), NULL, "not UTF-8 (0xe1)" },
	{ TEXT(ALL "a: \xe1\x80"), NULL, "not UTF-8 (0xe1)" },
	{ TEXT(ALL "a: \xed\xa0\x80\n"), NULL, "not UTF-8 (0xed)" },
	{ TEXT(ALL "a: \xf0\x8f\xbf\xbf\n"), NULL, "not UTF-8 (0xf0)" },
	{ TEXT(ALL "a: \xf1\x80\x80\x7f\n"), NULL, "not UTF-8 (0xf1)" },
	{ TEXT(ALL "a: \xf4\x90\x80\x80\n"), NULL, "not UTF-8 (0xf4)" },
	{ TEXT(ALL "a: \xf5\x80\x80\x80\n"), NULL, "not UTF-8 (0xf5)" },
	{ TEXT(ALL "a: \xff\n"), NULL, "not UTF-8 (0xff)" },
	{ TEXT(ALL "mx: \xff\n"), NULL, "not UTF-8 (0xff)" },
};

static const char *const note_names[] = {
	[POLICY_NOTE_BLANK_LINE] = "blank",
	[POLICY_NOTE_DUPLICATE] = "duplicate",
	[POLICY_NOTE_UNKNOWN] = "unknown",
	[POLICY_NOTE_BAD_MX] = "bad",
	[POLICY_NOTE_REPEATED_MX] = "repeated",
};

static void add_note(void *arg, enum policy_note note, unsigned line,
                     struct slice text)
{
	char *notes = arg;
	size_t used = strlen(notes);

	assert_null(memchr(text.data ? text.data : "", '\n', text.len));
	snprintf(notes + used, 512 - used, " /%u:%s", line, note_names[note]);
}

static void describe(const struct policy *policy, const char *notes, char *ret)
{
	size_t used =
	    (size_t)snprintf(ret, 1024, "%s %u", policy_mode_text(policy->mode),
	                     (unsigned)policy->max_age_s);
	size_t offset = 0;
	unsigned n = 0;
	const char *pattern;

	for (; (pattern = policy_next_mx(policy, &offset)); n++)
		used +=
		    (size_t)snprintf(ret + used, 1024 - used, " %s", pattern);
	snprintf(ret + used, 1024 - used, "%s", notes);
	assert_int_equal(n, policy->mx_count);
	assert_int_equal(offset, policy->mx.len);
}

/* In a heap block of the exact size, so that a sanitizer sees an overrun; freed
 * at once, since a policy owns its patterns. */
static int parse(struct slice text, const struct policy_observer *observer,
                 struct policy **ret, struct fault *why)
{
	char *copy = malloc(text.len ? text.len : 1);
	int rc;

	assert_non_null(copy);
	memcpy(copy, text.data, text.len);
	rc = policy_parse(slice_of(copy, text.len), observer, ret, why);
	free(copy);
	return rc;
}

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		char notes[512] = "";
		char got[1024];
		struct policy_observer observer = { .note = add_note,
			                            .arg = notes };
		struct policy *policy = NULL;
		struct fault why = { 0 };

		if (parse(good[i].text, &observer, &policy, &why) != MTS_OK)
			fail_msg("\"%s\": %s", good[i].text.data, why.text);
		describe(policy, notes, got);
		assert_string_equal(got, good[i].want);
		policy_free(&policy);
		assert_null(policy);
		assert_int_equal(parse(good[i].text, NULL, &policy, NULL),
		                 MTS_OK);
		policy_free(&policy);
	}
	policy_free(&(struct policy *){ NULL });
}

static void test_bad(void **state)
{
	struct policy untouched;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct policy *policy = &untouched;
		struct fault why = { 0 };
		int rc = parse(bad[i].text, NULL, &policy, &why);

		if (rc != MTS_ESYNTAX || why.status != rc ||
		    policy != &untouched || !strstr(why.text, bad[i].why))
			fail_msg("\"%s\": %d, %s", bad[i].text.data, rc,
			         why.text);
		assert_int_equal(parse(bad[i].text, NULL, &policy, NULL), rc);
	}
}

static void test_no_memory(void **state)
{
	static const struct slice text = TEXT(ALL "mx: b\nx: y\n");
	struct policy untouched;
	struct policy *policy = &untouched;
	struct fault why = { 0 };
	size_t n = 0;
	int rc;

	(void)state;
	do {
		alloc_fail_at(++n);
		rc = policy_parse(text, NULL, &policy, &why);
		alloc_fail_at(0);
		if (rc != MTS_OK) {
			assert_int_equal(rc, MTS_ENOMEM);
			assert_int_equal(why.status, MTS_ENOMEM);
			assert_ptr_equal(policy, &untouched);
		}
	} while (rc != MTS_OK);
	/* the map and its table, the nodes, the patterns, the policy */
	assert_int_equal(n, 6);
	policy_free(&policy);
}

/* Appends lines of PREFIX, a short unique name and SUFFIX until TEXT is SIZE
 * long. Returns how many. */
static unsigned fill(char text[POLICY_MAX + 1], size_t size, const char *prefix,
                     const char *suffix)
{
	size_t used = strlen(text);
	unsigned lines = 0;

	for (; used + 16 < size; lines++) {
		int n = snprintf(text + used, size - used, "%s%c%c%c%s\n",
		                 prefix, (int)('a' + lines / 676 % 26),
		                 (int)('a' + lines / 26 % 26),
		                 (int)('a' + lines % 26), suffix);

		used += (size_t)n;
	}
	return lines;
}

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* The least CPU time of several runs. */
static double cost_ms(struct slice text, uint32_t mx_count)
{
	struct policy *policy = NULL;
	double best = 1e9;

	for (int i = 0; i < 5; i++) {
		double start = now_ms();

		assert_int_equal(policy_parse(text, NULL, &policy, NULL),
		                 MTS_OK);
		best = now_ms() - start < best ? now_ms() - start : best;
		assert_int_equal(policy->mx_count, mx_count);
		policy_free(&policy);
	}
	return best;
}

/* Sixteen times the lines may cost about sixteen times as much. If each were
 * compared with each, it would be 256 times: more than a second. */
static void check_growth(const char *prefix, const char *suffix, unsigned least,
                         bool are_mx)
{
	static char text[POLICY_MAX + 1];
	unsigned few, many;
	double cost_few_ms;

	snprintf(text, sizeof(text), "%s", ALL);
	few = fill(text, POLICY_MAX / 16, prefix, suffix);
	cost_few_ms = cost_ms(slice_str(text), are_mx ? few + 1 : 1);
	snprintf(text, sizeof(text), "%s", ALL);
	many = fill(text, POLICY_MAX, prefix, suffix);
	assert_true(many > least && many > 15 * few);
	assert_true(cost_ms(slice_str(text), are_mx ? many + 1 : 1) <
	            100 * cost_few_ms);
}

static void test_hostile(void **state)
{
	(void)state;
	check_growth("mx:", "", 9000, true);
	check_growth("", ":x", 10000, false);
}

static void test_size(void **state)
{
	static char text[POLICY_MAX + 1];
	struct policy *policy = NULL;
	struct fault why;

	(void)state;
	memset(text, ' ', sizeof(text));
	memcpy(text, ALL, strlen(ALL));
	assert_int_equal(parse(slice_of(text, POLICY_MAX), NULL, &policy, &why),
	                 MTS_OK);
	policy_free(&policy);
	assert_int_equal(
	    parse(slice_of(text, POLICY_MAX + 1), NULL, &policy, &why),
	    MTS_ERANGE);
	assert_non_null(strstr(why.text, "65536"));
	assert_null(policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),      cmocka_unit_test(test_bad),
		cmocka_unit_test(test_no_memory), cmocka_unit_test(test_size),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
