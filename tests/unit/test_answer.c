/* SPDX-License-Identifier: BSD-2-Clause */
/* test_answer.c - what each MTA is told, to the letter: one byte too many makes
 * Postfix defer the mail, and Sendmail deliver it in the clear. */
#include "tests.h"

#include "alloc.h"
#include "wire/answer.h"

enum { OUT_MAX = SOCKETMAP_REPLY_MAX };

static const struct domain the_domain = { 11, "example.org" };

/* Patterns one after another, each with its NUL: sizeof counts the last. */
#define MX(list)                                                               \
	{                                                                      \
		(list), sizeof(list)                                           \
	}

static const struct policy plain = { POLICY_ENFORCE, 604800, 1,
	                             MX("mx1.example.org") };
static const struct policy mixed = { POLICY_ENFORCE, 86400, 3,
	                             MX("mx1.example.org\0*.example.net\0"
	                                "mx-2.example.com") };
static const struct policy testing = { POLICY_TESTING, 86400, 2,
	                               MX("mx1.example.org\0*.example.net") };
static const struct policy none = { POLICY_NONE, 86400, 0, { NULL, 0 } };
/* What parsing would never let through, as a damaged disk could bring it. */
static const struct policy hostile = {
	POLICY_ENFORCE, 86400, 14,
	MX("a } policy_failure=x\0hostname\0HostName\0nexthop\0dot-nexthop\0"
	   "a:b\0a,b\0\0*.*.example.org\0*.\0.example.org\0mx*.example.org\0"
	   "mx1.example.org\0*")
};
static const struct policy hopeless = { POLICY_ENFORCE, 86400, 1, MX("a b") };

static const struct {
	const char *name;
	enum socketmap_map map;
	const struct policy *policy;
	const char *mx;
	const char *reply;
} rows[] = {
	{ "postfix", MAP_POSTFIX, &plain, "",
	  "OK secure match=mx1.example.org servername=hostname" },
	{ "postfix, *. becomes a leading dot", MAP_POSTFIX, &mixed, "",
	  "OK secure match=mx1.example.org:.example.net:mx-2.example.com "
	  "servername=hostname" },
	/* RFC 8461 5: testing and none have no effect on delivery. */
	{ "postfix, testing", MAP_POSTFIX, &testing, "", "NOTFOUND " },
	{ "postfix, none", MAP_POSTFIX, &none, "", "NOTFOUND " },
	{ "postfix, no policy", MAP_POSTFIX, NULL, "", "NOTFOUND " },
	{ "postfix, bad patterns left out", MAP_POSTFIX, &hostile, "",
	  "OK secure match=mx1.example.org servername=hostname" },
	{ "postfix, no valid pattern", MAP_POSTFIX, &hopeless, "",
	  "NOTFOUND " },
	{ "tlsrpt", MAP_POSTFIX_TLSRPT, &mixed, "",
	  "OK secure match=mx1.example.org:.example.net:mx-2.example.com "
	  "servername=hostname policy_type=sts policy_domain=example.org "
	  "mx_host_pattern=mx1.example.org mx_host_pattern=*.example.net "
	  "mx_host_pattern=mx-2.example.com "
	  "{ policy_string = version: STSv1 } "
	  "{ policy_string = mode: enforce } "
	  "{ policy_string = mx: mx1.example.org } "
	  "{ policy_string = mx: *.example.net } "
	  "{ policy_string = mx: mx-2.example.com } "
	  "{ policy_string = max_age: 86400 }" },
	{ "tlsrpt, bad patterns left out", MAP_POSTFIX_TLSRPT, &hostile, "",
	  "OK secure match=mx1.example.org servername=hostname "
	  "policy_type=sts policy_domain=example.org "
	  "mx_host_pattern=mx1.example.org "
	  "{ policy_string = version: STSv1 } "
	  "{ policy_string = mode: enforce } "
	  "{ policy_string = mx: mx1.example.org } "
	  "{ policy_string = max_age: 86400 }" },
	{ "tlsrpt, testing", MAP_POSTFIX_TLSRPT, &testing, "", "NOTFOUND " },
	{ "tlsrpt, none", MAP_POSTFIX_TLSRPT, &none, "", "NOTFOUND " },
	{ "tlsrpt, no policy", MAP_POSTFIX_TLSRPT, NULL, "", "NOTFOUND " },
	{ "tlsrpt, no valid pattern", MAP_POSTFIX_TLSRPT, &hopeless, "",
	  "NOTFOUND " },
	{ "sts", MAP_STS, &mixed, "",
	  "OK secure match=mx1.example.org:.example.net:mx-2.example.com "
	  "servername=hostname" },
	{ "sts, testing", MAP_STS, &testing, "", "NOTFOUND " },
	{ "sts, none", MAP_STS, &none, "", "NOTFOUND " },
	{ "sts, no policy", MAP_STS, NULL, "", "NOTFOUND " },
	{ "verdict, match", MAP_VERDICT, &mixed, "mx1.example.org",
	  "OK enforce match id=20260701T1 expires=3600" },
	/* RFC 8461 4.1: one label for "*". */
	{ "verdict, wildcard", MAP_VERDICT, &mixed, "a.example.net",
	  "OK enforce match id=20260701T1 expires=3600" },
	{ "verdict, two labels", MAP_VERDICT, &mixed, "a.b.example.net",
	  "OK enforce mismatch id=20260701T1 expires=3600" },
	{ "verdict, testing", MAP_VERDICT, &testing, "MX1.Example.ORG.",
	  "OK testing match id=20260701T1 expires=3600" },
	{ "verdict, testing mismatch", MAP_VERDICT, &testing, "mx2.example.org",
	  "OK testing mismatch id=20260701T1 expires=3600" },
	{ "verdict, none", MAP_VERDICT, &none, "mx2.example.org",
	  "OK none id=20260701T1 expires=3600" },
	{ "verdict, no policy", MAP_VERDICT, NULL, "mx2.example.org",
	  "NOTFOUND " },
	{ "no map", MAP_UNKNOWN, &plain, "", "PERM unknown map" },
};

static struct answer_input input_of(const struct policy *policy, const char *mx)
{
	return (struct answer_input){ .domain = &the_domain,
		                      .policy = policy,
		                      .id = "20260701T1",
		                      .expires_in_s = 3600,
		                      .mx = slice_str(mx) };
}

static void assert_reply(const struct buffer *out, const char *reply)
{
	char *text = strndup(out->data, out->len);

	assert_int_equal(buffer_status(out), MTS_OK);
	assert_non_null(text);
	assert_string_equal(text, reply);
	free(text);
}

static void test_rows(void **state)
{
	struct buffer out;

	(void)state;
	buffer_init(&out, OUT_MAX);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct answer_input input =
		    input_of(rows[i].policy, rows[i].mx);

		buffer_clear(&out);
		assert_int_equal(answer_write(&out, rows[i].map, &input),
		                 MTS_OK);
		assert_reply(&out, rows[i].reply);
	}
	buffer_free(&out);
}

static bool contains(const struct buffer *out, const char *text)
{
	return memmem(out->data, out->len, text, strlen(text)) != NULL;
}

static const struct answer_manner enforce_testing = { .enforce_testing = true };
static const struct answer_manner tls12 = { .tls12 = true };
static const struct answer_manner old = { .no_servername = true };

static const struct {
	enum socketmap_map map;
	const struct answer_manner *how;
	const struct policy *policy;
	const char *reply;
} manner_rows[] = {
	{ MAP_POSTFIX, &enforce_testing, &testing,
	  "OK secure match=mx1.example.org:.example.net servername=hostname" },
	{ MAP_STS, &enforce_testing, &testing,
	  "OK secure match=mx1.example.org:.example.net servername=hostname" },
	{ MAP_VERDICT, &enforce_testing, &testing,
	  "OK enforce match id=20260701T1 expires=3600" },
	/* Reports tell what the publisher said. */
	{ MAP_POSTFIX_TLSRPT, &enforce_testing, &testing,
	  "OK secure match=mx1.example.org:.example.net servername=hostname "
	  "policy_type=sts policy_domain=example.org "
	  "mx_host_pattern=mx1.example.org mx_host_pattern=*.example.net "
	  "{ policy_string = version: STSv1 } "
	  "{ policy_string = mode: testing } "
	  "{ policy_string = mx: mx1.example.org } "
	  "{ policy_string = mx: *.example.net } "
	  "{ policy_string = max_age: 86400 }" },
	{ MAP_POSTFIX, &enforce_testing, &none, "NOTFOUND " },
	{ MAP_POSTFIX, &enforce_testing, NULL, "NOTFOUND " },
	{ MAP_POSTFIX, &tls12, &plain,
	  "OK secure match=mx1.example.org servername=hostname "
	  "protocols=>=TLSv1.2" },
	{ MAP_POSTFIX_TLSRPT, &tls12, &plain,
	  "OK secure match=mx1.example.org servername=hostname "
	  "protocols=>=TLSv1.2 policy_type=sts policy_domain=example.org "
	  "mx_host_pattern=mx1.example.org "
	  "{ policy_string = version: STSv1 } "
	  "{ policy_string = mode: enforce } "
	  "{ policy_string = mx: mx1.example.org } "
	  "{ policy_string = max_age: 604800 }" },
	{ MAP_POSTFIX, &old, &plain, "OK secure match=mx1.example.org" },
	{ MAP_STS, &old, &plain,
	  "OK secure match=mx1.example.org servername=hostname" },
	/* Sendmail defers everything on an attribute that it does not know. */
	{ MAP_STS, &tls12, &plain,
	  "OK secure match=mx1.example.org servername=hostname" },
	{ MAP_POSTFIX, &tls12, &testing, "NOTFOUND " },
	{ MAP_POSTFIX, &tls12, NULL, "NOTFOUND " },
};

static void test_manner(void **state)
{
	struct buffer out;

	(void)state;
	buffer_init(&out, OUT_MAX);
	for (size_t i = 0; i < ARRAY_LEN(manner_rows); i++) {
		struct answer_input input =
		    input_of(manner_rows[i].policy, "mx1.example.org");

		input.how = *manner_rows[i].how;
		buffer_clear(&out);
		assert_int_equal(answer_write(&out, manner_rows[i].map, &input),
		                 MTS_OK);
		assert_reply(&out, manner_rows[i].reply);
	}
	buffer_free(&out);
}

/* strict_mx: MX hosts instead of patterns, by 4.1 of the policy "mixed". */
static const struct {
	const char *name;
	struct slice hosts;
	const char
	    *reply; /* of map postfix, behind "OK secure match=", or all */
} host_rows[] = {
	{ "covered by a name, by a wildcard, in their order",
	  MX("a.example.net\0mx1.example.org"),
	  "a.example.net:mx1.example.org servername=hostname" },
	{ "one label for the star", MX("a.b.example.net\0mx1.example.org"),
	  "mx1.example.org servername=hostname" },
	{ "not covered", MX("mx9.example.org\0mx-2.example.com"),
	  "mx-2.example.com servername=hostname" },
	{ "none is", MX("mx9.example.org\0example.net"),
	  "TEMP no MX host of example.org is in its policy" },
	{ "there is none",
	  { "", 0 },
	  "TEMP no MX host of example.org is in its policy" },
	{ "not known",
	  { NULL, 0 },
	  "TEMP the MX hosts of example.org can't be looked up: because" },
	/* What would never get here. */
	{ "hostile",
	  MX("a:b.example.net\0*.example.net\0a b.example.net\0"
	     "mx1.example.org"),
	  "mx1.example.org servername=hostname" },
};

static void test_hosts(void **state)
{
	static const char ok[] = "OK secure match=";
	struct buffer out;

	(void)state;
	buffer_init(&out, OUT_MAX);
	for (size_t i = 0; i < ARRAY_LEN(host_rows); i++) {
		struct answer_input input = input_of(&mixed, "");
		const char *reply = host_rows[i].reply;
		char whole[200];

		input.how.strict_mx = true;
		input.hosts = host_rows[i].hosts;
		input.why = "because";
		snprintf(whole, sizeof(whole), "%s%s",
		         strncmp(reply, "TEMP", 4) == 0 ? "" : ok, reply);
		buffer_clear(&out);
		assert_int_equal(answer_write(&out, MAP_POSTFIX, &input),
		                 MTS_OK);
		assert_reply(&out, whole);
		/* 3.10 gets the patterns as well, in their own place. */
		buffer_clear(&out);
		assert_int_equal(answer_write(&out, MAP_POSTFIX_TLSRPT, &input),
		                 MTS_OK);
		assert_memory_equal(out.data, whole, strlen(whole));
		assert_int_equal(
		    strncmp(whole, ok, sizeof(ok) - 1) == 0,
		    contains(&out, " mx_host_pattern=*.example.net"));
		/* Without a policy there are no hosts in the answer. */
		input.policy = &testing;
		buffer_clear(&out);
		assert_int_equal(answer_write(&out, MAP_POSTFIX, &input),
		                 MTS_OK);
		assert_reply(&out, "NOTFOUND ");
	}
	buffer_free(&out);
}

/* Replies to requests that came in one packet follow each other. */
static void test_appends(void **state)
{
	struct answer_input input = input_of(&hopeless, "");
	struct buffer out;

	(void)state;
	buffer_init(&out, OUT_MAX);
	buffer_puts(&out, "before ");
	answer_write(&out, MAP_STS, &input);
	input.policy = NULL;
	answer_write(&out, MAP_POSTFIX_TLSRPT, &input);
	input.policy = &plain;
	answer_write(&out, MAP_POSTFIX, &input);
	assert_reply(&out, "before NOTFOUND NOTFOUND OK secure "
	                   "match=mx1.example.org servername=hostname");
	buffer_free(&out);
}

/* Lengths around Postfix's limit for a reply; CAP is OUT's. */
/* Whatever a byte is, and wherever it stands in a pattern, it steers no MTA. */
static void test_every_byte(void **state)
{
	enum { LONGEST = 20 };
	struct buffer out;

	(void)state;
	buffer_init(&out, SOCKETMAP_REPLY_MAX);
	for (size_t len = 1; len <= LONGEST; len++) {
		for (size_t i = 0; i < len * 255; i++) {
			char mx[LONGEST + 1] = { 0 };
			struct policy policy = plain;
			struct answer_input input = input_of(&policy, "");
			char c = (char)(i % 255 + 1);
			bool good = ascii_is_alnum(c) || c == '-' ||
			            (c == '.' && i >= 255);

			memset(mx, 'x', len);
			mx[i / 255] = c;
			policy.mx = slice_of(mx, len + 1);
			buffer_clear(&out);
			assert_int_equal(
			    answer_write(&out, MAP_POSTFIX, &input), MTS_OK);
			if (good != contains(&out, "OK secure match=") ||
			    (good && !contains(&out, mx)))
				fail_msg("\"%s\": %.*s", mx, (int)out.len,
				         out.data);
		}
	}
	buffer_free(&out);
}

static void test_expired_is_zero(void **state)
{
	struct answer_input input = input_of(&none, "");
	struct buffer out;

	(void)state;
	buffer_init(&out, OUT_MAX);
	input.expires_in_s = -5;
	answer_write(&out, MAP_VERDICT, &input);
	assert_reply(&out, "OK none id=20260701T1 expires=0");
	buffer_clear(&out);
	input.expires_in_s = POLICY_MAX_AGE_MAX;
	answer_write(&out, MAP_VERDICT, &input);
	assert_reply(&out, "OK none id=20260701T1 expires=31557600");
	buffer_free(&out);
}

/* A policy of COUNT patterns of LEN bytes each, "m0000001-xxx.example". */
static struct policy many(size_t count, size_t len)
{
	char *mx = malloc(count * (len + 1));

	assert_non_null(mx);
	assert_true(len > 17);
	for (size_t i = 0; i < count; i++) {
		char *at = mx + i * (len + 1);

		memset(at, 'x', len);
		at[0] = 'm';
		for (size_t n = i, k = 7; k > 0; k--, n /= 10)
			at[k] = (char)('0' + n % 10);
		at[8] = '-';
		memcpy(at + len - 8, ".example", 9);
	}
	return (struct policy){ POLICY_ENFORCE,
		                86400,
		                (uint32_t)count,
		                { mx, count * (len + 1) } };
}

static const struct {
	size_t count, len, cap;
	bool secure, patterns, strings;
} long_rows[] = {
	{ 100, 60, OUT_MAX, true, true, true },
	{ 700, 30, OUT_MAX, true, true, true },   /* 22k, 33k, 39k */
	{ 1100, 30, OUT_MAX, true, true, false }, /* 34k, 52k, 61k */
	{ 1200, 30, OUT_MAX, true, true, false },
	{ 1400, 30, OUT_MAX, false, false, false },
	{ 3100, 30, OUT_MAX, false, false, false },
	{ 3300, 30, OUT_MAX, false, false, false },
	/* The same where the buffer would have room for more. */
	{ 1100, 30, 1 << 20, true, true, false },
	{ 2000, 30, 1 << 20, false, false, false },
	{ 3300, 30, 1 << 20, false, false, false },
};

static void test_long_policies(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(long_rows); i++) {
		struct policy policy =
		    many(long_rows[i].count, long_rows[i].len);
		struct answer_input input = input_of(&policy, "");
		struct buffer out;

		buffer_init(&out, long_rows[i].cap);
		assert_int_equal(answer_write(&out, MAP_POSTFIX_TLSRPT, &input),
		                 MTS_OK);
		assert_true(out.len <= SOCKETMAP_REPLY_MAX);
		assert_int_equal(contains(&out, "OK secure match="),
		                 long_rows[i].secure);
		assert_int_equal(contains(&out, " mx_host_pattern="),
		                 long_rows[i].patterns);
		assert_int_equal(contains(&out, " policy_type=sts"),
		                 long_rows[i].patterns);
		assert_int_equal(contains(&out, "policy_string"),
		                 long_rows[i].strings);
		if (!long_rows[i].secure)
			assert_reply(&out,
			             "TEMP the policy is too long for a reply");
		buffer_free(&out);
		free((char *)(uintptr_t)policy.mx.data);
	}
}

/* Sendmail 8.17 fails open on a long reply: TEMP must come before. */
static const struct {
	size_t count, len;
	const char *reply; /* NULL: the policy */
} sendmail_rows[] = {
	{ 4, 61, NULL }, /* 4 * 61 + 3 = 247 bytes */
	{ 5, 49, NULL }, /* 249 */
	{ 1, 250, NULL },
	{ 1, 251,
	  "TEMP the policy is too long for Sendmail: 251 bytes of names; it "
	  "takes 250" },
	{ 5, 60,
	  "TEMP the policy is too long for Sendmail: 304 bytes of names; it "
	  "takes 250" },
};

static void test_sendmail_length(void **state)
{
	struct buffer out;

	(void)state;
	buffer_init(&out, OUT_MAX);
	for (size_t i = 0; i < ARRAY_LEN(sendmail_rows); i++) {
		struct policy policy =
		    many(sendmail_rows[i].count, sendmail_rows[i].len);
		struct answer_input input = input_of(&policy, "");

		buffer_clear(&out);
		assert_int_equal(answer_write(&out, MAP_STS, &input), MTS_OK);
		if (sendmail_rows[i].reply)
			assert_reply(&out, sendmail_rows[i].reply);
		else
			assert_true(contains(&out, "OK secure match=m0000000"));
		free((char *)(uintptr_t)policy.mx.data);
	}
	buffer_free(&out);
}

/* MX hosts in place of the patterns make it short enough. */
static void test_sendmail_hosts(void **state)
{
	struct policy policy = many(5, 60);
	struct answer_input input = input_of(&policy, "");
	char reply[200];
	struct buffer out;

	(void)state;
	buffer_init(&out, OUT_MAX);
	input.how.strict_mx = true;
	input.hosts = slice_of(policy.mx.data, 61);
	snprintf(reply, sizeof(reply), "OK secure match=%s servername=hostname",
	         policy.mx.data);
	assert_int_equal(answer_write(&out, MAP_STS, &input), MTS_OK);
	assert_reply(&out, reply);
	input.hosts = policy.mx;
	buffer_clear(&out);
	assert_int_equal(answer_write(&out, MAP_STS, &input), MTS_OK);
	assert_true(contains(&out, "TEMP the policy is too long for Sendmail"));
	input.hosts = slice_of("", 0);
	buffer_clear(&out);
	assert_int_equal(answer_write(&out, MAP_STS, &input), MTS_OK);
	assert_reply(&out, "TEMP no MX host of example.org is in its policy");
	buffer_free(&out);
	free((char *)(uintptr_t)policy.mx.data);
}

/* RFC 8461 2: what DANE says comes first, in the maps of an MTA that is told
 * of it. */
static void test_dane(void **state)
{
	static const struct {
		enum socketmap_map map;
		enum dane_verdict dane;
		bool leave;
		const char *reply;
	} dane_rows[] = {
		{ MAP_POSTFIX, DANE_SAYS_ONLY, false, "OK dane-only" },
		{ MAP_POSTFIX, DANE_SAYS_DANE, false, "OK dane" },
		{ MAP_POSTFIX_TLSRPT, DANE_SAYS_ONLY, false, "OK dane-only" },
		{ MAP_POSTFIX_TLSRPT, DANE_SAYS_DANE, false, "OK dane" },
		{ MAP_POSTFIX, DANE_SAYS_ONLY, true, "NOTFOUND " },
		{ MAP_POSTFIX_TLSRPT, DANE_SAYS_DANE, true, "NOTFOUND " },
		{ MAP_POSTFIX, DANE_SAYS_WAIT, false,
		  "TEMP DANE may apply to example.org and can't be looked up: "
		  "'bogus'?" },
		{ MAP_POSTFIX, DANE_SAYS_WAIT, true,
		  "TEMP DANE may apply to example.org and can't be looked up: "
		  "'bogus'?" },
		{ MAP_STS, DANE_SAYS_ONLY, false, "NOTFOUND " },
		{ MAP_VERDICT, DANE_SAYS_WAIT, false,
		  "OK none id=a1 expires=86400" },
	};
	struct domain domain = { 11, "example.org" };
	struct buffer out;

	(void)state;
	buffer_init(&out, OUT_MAX);
	for (size_t i = 0; i < ARRAY_LEN(dane_rows); i++) {
		struct answer_input input = input_of(&none, "");

		input.domain = &domain;
		input.id = "a1";
		input.expires_in_s = 86400;
		input.dane = dane_rows[i].dane;
		input.leave_dane = dane_rows[i].leave;
		input.why = "\"bogus\"\n";
		buffer_clear(&out);
		assert_int_equal(answer_write(&out, dane_rows[i].map, &input),
		                 MTS_OK);
		assert_reply(&out, dane_rows[i].reply);
	}
	buffer_free(&out);
}

static void test_reasons(void **state)
{
	struct buffer out;
	char big[2000];

	(void)state;
	buffer_init(&out, OUT_MAX);
	answer_write_temp(&out, "DNS gave no answer");
	assert_reply(&out, "TEMP DNS gave no answer");
	buffer_clear(&out);
	answer_write_perm(&out, "unknown map; \"known\" are\n\x1b[31m\xff a");
	assert_reply(&out, "PERM unknown map; 'known' are??[31m? a");
	buffer_clear(&out);
	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	answer_write_perm(&out, big);
	assert_int_equal(out.len, 5 + ANSWER_REASON_MAX);
	buffer_free(&out);
}

static void test_without_memory(void **state)
{
	static const enum socketmap_map maps[] = { MAP_POSTFIX,
		                                   MAP_POSTFIX_TLSRPT, MAP_STS,
		                                   MAP_VERDICT };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(maps); i++) {
		struct policy policy = many(10, 60);
		struct answer_input input = input_of(&policy, "");
		int status = MTS_ENOMEM;

		for (size_t n = 1; status != MTS_OK; n++) {
			struct buffer out;

			buffer_init(&out, OUT_MAX);
			alloc_fail_at(n);
			status = answer_write(&out, maps[i], &input);
			alloc_fail_at(0);
			if (status != MTS_OK)
				assert_int_equal(status, MTS_ENOMEM);
			buffer_free(&out);
			assert_true(n < 20);
		}
		free((char *)(uintptr_t)policy.mx.data);
	}
}

/* -- kinds ----------------------------------------------------------------- */

static const struct {
	const char *reply;
	enum answer_kind kind;
} kind_rows[] = {
	{ "OK secure match=mx1.example servername=hostname", ANSWER_SECURE },
	{ "OK dane-only", ANSWER_DANE_ONLY },
	{ "OK dane", ANSWER_DANE },
	{ "NOTFOUND ", ANSWER_NONE },
	{ "OK enforce match id=1 expires=2", ANSWER_MATCH },
	{ "OK enforce mismatch id=1 expires=2", ANSWER_MISMATCH },
	{ "OK testing match id=1 expires=2", ANSWER_TESTING },
	{ "OK none id=1 expires=2", ANSWER_NONE },
	{ "mode=enforce hosts=*", ANSWER_SECURE },
	{ "mode=testing\n", ANSWER_TESTING },
	{ "mode=none\n", ANSWER_NONE },
	{ "mode=fail\n", ANSWER_TEMPORARY },
	{ "TEMP DANE may apply", ANSWER_TEMPORARY },
	{ "PERM unknown map", ANSWER_PERMANENT },
	{ "", ANSWER_PERMANENT },
};

static void test_kinds(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kind_rows); i++)
		assert_int_equal(answer_kind_of(slice_str(kind_rows[i].reply)),
		                 kind_rows[i].kind);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_manner),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_appends),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_expired_is_zero),
		cmocka_unit_test(test_long_policies),
		cmocka_unit_test(test_sendmail_length),
		cmocka_unit_test(test_sendmail_hosts),
		cmocka_unit_test(test_dane),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
