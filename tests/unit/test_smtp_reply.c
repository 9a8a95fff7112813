/* SPDX-License-Identifier: BSD-2-Clause */
/* test_smtp_reply.c - replies of SMTP servers (RFC 5321 4.2), one rule per row. */
#include "tests.h"

#include "probe/smtp_reply.h"

static const struct {
	const char *text;
	int status;
	unsigned code;
	bool starttls;
	const char *left; /* after the reply */
} rows[] = {
	{ "220 mx.example ESMTP\r\n", MTS_OK, 220, false, "" },
	{ "220\r\n", MTS_OK, 220, false, "" },
	{ "220 \r\n", MTS_OK, 220, false, "" },
	{ "220 a\n", MTS_OK, 220, false, "" },
	{ "250-mx\r\n250-SIZE 1\r\n250 STARTTLS\r\n", MTS_OK, 250, true, "" },
	{ "250-mx\r\n250-starttls\r\n250 HELP\r\n", MTS_OK, 250, true, "" },
	/* RFC 3207 4: the keyword has no parameters */
	{ "250-mx\r\n250 STARTTLSX\r\n", MTS_OK, 250, false, "" },
	{ "250-mx\r\n250 XSTARTTLS\r\n", MTS_OK, 250, false, "" },
	{ "220 a\r\n250 b\r\n", MTS_OK, 220, false, "250 b\r\n" },
	{ "554 no\r\n", MTS_OK, 554, false, "" },
	{ "", MTS_EMORE, 0, false, "" },
	{ "220", MTS_EMORE, 0, false, "220" },
	{ "220-a\r\n", MTS_EMORE, 220, false, "" },
	{ "220-a\r\n220", MTS_EMORE, 220, false, "220" },
	/* "All replies ... the same code on each line" (4.2.1) */
	{ "220-a\r\n250 b\r\n", MTS_ESYNTAX, 220, false, NULL },
	{ "22 a\r\n", MTS_ESYNTAX, 0, false, NULL },
	{ "\r\n", MTS_ESYNTAX, 0, false, NULL },
	{ "2200 a\r\n", MTS_ESYNTAX, 0, false, NULL },
	{ "abc def\r\n", MTS_ESYNTAX, 0, false, NULL },
	{ "120 a\r\n", MTS_ESYNTAX, 0, false, NULL },
	{ "SSH-2.0-x\r\n", MTS_ESYNTAX, 0, false, NULL },
};

static void test_replies(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct smtp_reply reply = { .code = 0 };
		size_t used;
		int status =
		    smtp_reply_take(&reply, slice_str(rows[i].text), &used);

		if (status != rows[i].status || reply.code != rows[i].code ||
		    reply.starttls != rows[i].starttls ||
		    (rows[i].left &&
		     strcmp(rows[i].text + used, rows[i].left) != 0))
			fail_msg("\"%s\": %d, %u, used %zu", rows[i].text,
			         status, reply.code, used);
	}
}

static void test_endless_replies_are_rejected(void **state)
{
	static char line[SMTP_LINE_MAX + 2];
	struct smtp_reply reply = { .code = 0 };
	size_t used;
	int status = MTS_EMORE;

	(void)state;
	memset(line, 'x', sizeof(line));
	assert_int_equal(
	    smtp_reply_take(&reply, slice_of(line, sizeof(line)), &used),
	    MTS_ESYNTAX);
	reply = (struct smtp_reply){ .code = 0 };
	for (int i = 0; i < 10 * SMTP_LINES_MAX && status == MTS_EMORE; i++)
		status =
		    smtp_reply_take(&reply, slice_str("250-more\r\n"), &used);
	assert_int_equal(status, MTS_ESYNTAX);
	assert_int_equal(reply.lines, SMTP_LINES_MAX + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_endless_replies_are_rejected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
