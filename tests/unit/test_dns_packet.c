/* SPDX-License-Identifier: BSD-2-Clause */
/* test_dns_packet.c - DNS messages byte by byte: our questions, and everything that
 * may come back. */
#include "tests.h"

#include "dns/dns_packet.h"
#include "dns/dns_reply.h"

enum { TYPE_A = 1, TYPE_MX = 15, TYPE_TXT = 16 };

static struct dns_name name_of(const char *text)
{
	struct dns_name name;

	assert_int_equal(dns_name_parse(text, &name), MTS_OK);
	return name;
}

/* -- questions ------------------------------------------------------------- */

static void test_question_is_written(void **state)
{
	static const uint8_t plain[] = {
		0xbe, 0xef, 0x01, 0x00, 0,    1,   0, 0, 0,        0, 0,
		1,    1,    'x',  2,    'e',  'x', 0, 0, TYPE_TXT, 0, 1,
		0,    0,    41,   0x04, 0xd0, 0,   0, 0, 0,        0, 0,
	};
	struct dns_name name = name_of("x.ex");
	uint8_t bytes[DNS_QUESTION_MAX];
	size_t len =
	    dns_question_put(bytes, 0xbeef, &name, TYPE_TXT, 1232, false);

	(void)state;
	assert_int_equal(len, sizeof(plain));
	assert_memory_equal(bytes, plain, len);
	len = dns_question_put(bytes, 0xbeef, &name, TYPE_TXT, 1232, true);
	assert_int_equal(len, sizeof(plain));
	assert_int_equal(bytes[len - 4], 0x80); /* DO */
}

static void test_longest_question(void **state)
{
	uint8_t bytes[DNS_QUESTION_MAX];
	struct dns_name name = { .len = DNS_NAME_WIRE };

	(void)state;
	for (size_t at = 0; at < DNS_NAME_WIRE - 1; at += 2) {
		name.wire[at] = 1;
		name.wire[at + 1] = 'a';
	}
	assert_int_equal(dns_question_put(bytes, 1, &name, TYPE_A, 1232, true),
	                 sizeof(bytes));
}

/* -- names ----------------------------------------------------------------- */

/* The name at offset AT of BYTES, which stand for a message. */
static const struct {
	const char *about;
	const char *bytes;
	size_t len;
	size_t at;
	const char *text; /* NULL: it is malformed */
	size_t end;
} names[] = {
	{ "plain", "\1a\2bc\0", 6, 0, "a.bc", 6 },
	{ "the root", "\0", 1, 0, ".", 1 },
	{ "a pointer back", "\2bc\0\1a\xc0\0", 8, 4, "a.bc", 8 },
	{ "nothing but a pointer", "\2bc\0\xc0\0", 6, 4, "bc", 6 },
	{ "a pointer into a name", "\1a\2bc\0\xc0\2", 8, 6, "bc", 8 },
	{ "a pointer to a pointer", "\1c\0\1b\xc0\0\1a\xc0\3", 11, 7, "a.b.c",
	  11 },
	{ "a pointer to itself", "\xc0\0", 2, 0, NULL, 0 },
	{ "a loop of labels", "\1a\xc0\0", 4, 0, NULL, 0 },
	{ "a loop of two", "\xc0\2\xc0\0", 4, 2, NULL, 0 },
	{ "a pointer beyond the end", "\0\xc0\x20", 3, 1, NULL, 0 },
	{ "half a pointer", "\0\xc0", 2, 1, NULL, 0 },
	{ "half a label", "\3ab", 3, 0, NULL, 0 },
	{ "without an end", "\1a", 2, 0, NULL, 0 },
	{ "a label of 64 (RFC 6891 5: no longer in use)", "\x40\0", 2, 0, NULL,
	  0 },
	{ "a label of another kind", "\x80\0", 2, 0, NULL, 0 },
	{ "nothing", "", 0, 0, NULL, 0 },
};

static void test_names_are_read(void **state)
{
	char text[DNS_NAME_WIRE + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		uint8_t *copy = malloc(names[i].len + 1);
		struct dns_packet packet = { .bytes = copy,
			                     .len = names[i].len };
		struct dns_name name;
		size_t end = 0;
		bool good;

		assert_non_null(copy);
		memcpy(copy, names[i].bytes, names[i].len);
		good = dns_packet_name(&packet, names[i].at, &end, &name);
		if (good != (names[i].text != NULL))
			fail_msg("%s", names[i].about);
		if (good &&
		    (strcmp(dns_name_show(&name, text), names[i].text) != 0 ||
		     end != names[i].end))
			fail_msg("%s: %s to %zu", names[i].about, text, end);
		free(copy);
	}
}

/* Reads a name of STEPS labels, each followed by a pointer to the next one. */
static bool read_staircase(unsigned steps, struct dns_name *ret)
{
	uint8_t bytes[1024] = { 0 };
	struct dns_packet packet = { .bytes = bytes, .len = sizeof(bytes) };
	size_t at = 1; /* after the root */

	for (unsigned i = 0; i < steps; i++, at += 4) {
		size_t to = i ? at - 4 : 0;

		bytes[at] = 1;
		bytes[at + 1] = 'a';
		bytes[at + 2] = (uint8_t)(0xc0 | to >> 8);
		bytes[at + 3] = (uint8_t)to;
	}
	return dns_packet_name(&packet, at - 4, NULL, ret);
}

static void test_longest_name(void **state)
{
	struct dns_name name;

	(void)state;
	assert_true(read_staircase(127, &name));
	assert_int_equal(name.len, DNS_NAME_WIRE); /* RFC 1035 3.1 */
	assert_false(read_staircase(128, &name));
}

/* Pointers to pointers, without a label between them: reading them ends, with any
 * result. */
static void test_many_pointers_end(void **state)
{
	static uint8_t bytes[16384];
	struct dns_packet packet = { .bytes = bytes, .len = sizeof(bytes) };
	struct dns_name name;

	(void)state;
	for (size_t at = 2; at < sizeof(bytes); at += 2) {
		bytes[at] = (uint8_t)(0xc0 | (at - 2) >> 8);
		bytes[at + 1] = (uint8_t)(at - 2);
	}
	if (dns_packet_name(&packet, sizeof(bytes) - 2, NULL, &name))
		assert_int_equal(name.len, 1);
}

/* -- answers --------------------------------------------------------------- */

/* The answer to "x.ex TXT": a CNAME to y.ex, y's TXT, and ex's SOA. */
static const uint8_t answer[] = {
	0xbe, 0xef, 0x81, 0x80,     0,   1,   0, 2,        0, 1,
	0,    0,                                                 /* 0: header */
	1,    'x',  2,    'e',      'x', 0,   0, TYPE_TXT, 0, 1, /* 12 */
	0xc0, 12,   0,    5,        0,   1,   0, 0,        0, 60,
	0,    4,              /* 22 */
	1,    'y',  0xc0, 14, /* 34 */
	0xc0, 34,   0,    TYPE_TXT, 0,   1,   0, 0,        0, 50,
	0,    6,                              /* 38 */
	2,    'h',  'e',  2,        'l', 'o', /* 50 */
	0xc0, 14,   0,    6,        0,   1,   0, 0,        0, 40,
	0,    24, /* 56 */
	0xc0, 14,   0xc0, 14,       0,   0,   0, 1,        0, 0,
	0,    2, /* 68 */
	0,    0,    0,    3,        0,   0,   0, 4,        0, 0,
	0,    5, /* 80 */
};

static void test_records_are_found(void **state)
{
	struct dns_packet packet;
	struct dns_cursor cursor = { 0 };
	struct dns_name x = name_of("x.ex");
	struct dns_rr rr;

	(void)state;
	assert_true(dns_packet_open(
	    slice_of((const char *)answer, sizeof(answer)), &packet));
	assert_int_equal(packet.id, 0xbeef);
	assert_true(packet.asks && packet.whole);
	assert_int_equal(packet.type, TYPE_TXT);
	assert_true(dns_name_is(&packet.name, &x));
	assert_true(dns_packet_next(&packet, DNS_SECTION_ANSWER, &cursor, &rr));
	assert_int_equal(rr.type, 5);
	assert_int_equal(rr.ttl_s, 60);
	assert_true(dns_packet_next(&packet, DNS_SECTION_ANSWER, &cursor, &rr));
	assert_int_equal(dns_packet_rdata(&packet, &rr).len, 6);
	assert_false(
	    dns_packet_next(&packet, DNS_SECTION_ANSWER, &cursor, &rr));
	cursor = (struct dns_cursor){ 0 };
	assert_true(
	    dns_packet_next(&packet, DNS_SECTION_AUTHORITY, &cursor, &rr));
	assert_int_equal(rr.type, 6);
	assert_false(
	    dns_packet_next(&packet, DNS_SECTION_AUTHORITY, &cursor, &rr));
}

static void test_reply_is_read(void **state)
{
	struct dns_name x = name_of("X.ex");
	struct dns_reply reply;

	(void)state;
	assert_int_equal(
	    dns_reply_read(slice_of((const char *)answer, sizeof(answer)), &x,
	                   TYPE_TXT, true, &reply),
	    MTS_OK);
	assert_int_equal(reply.kind, DNS_REPLY_RECORDS);
	assert_int_equal(reply.count, 1);
	assert_int_equal(reply.hops, 1);
	assert_int_equal(reply.ttl_s, 50);
	assert_int_equal(reply.texts[0].len, 4);
	assert_memory_equal(reply.texts[0].data, "helo", 4);
	dns_reply_clear(&reply);
}

/* Truncated at any byte, a message by UDP is asked for again by TCP, and one by TCP
 * is bad. Nothing is read beyond its end. */
static void test_truncated_message(void **state)
{
	struct dns_name x = name_of("x.ex");

	(void)state;
	for (size_t len = 0; len < sizeof(answer); len++) {
		for (int udp = 0; udp < 2; udp++) {
			char *copy = malloc(len + 1);
			struct dns_reply reply;

			assert_non_null(copy);
			memcpy(copy, answer, len);
			assert_int_equal(dns_reply_read(slice_of(copy, len), &x,
			                                TYPE_TXT, udp, &reply),
			                 MTS_OK);
			assert_int_equal(reply.kind, udp && len >= 22
			                                 ? DNS_REPLY_TCP
			                                 : DNS_REPLY_BAD);
			dns_reply_clear(&reply);
			free(copy);
		}
	}
}

/* A message with bytes after its last record is bad. */
static void test_bytes_after_the_last_record(void **state)
{
	struct dns_name x = name_of("x.ex");
	char bytes[sizeof(answer) + 1] = { 0 };
	struct dns_reply reply;

	(void)state;
	memcpy(bytes, answer, sizeof(answer));
	assert_int_equal(dns_reply_read(slice_of(bytes, sizeof(bytes)), &x,
	                                TYPE_TXT, false, &reply),
	                 MTS_OK);
	assert_int_equal(reply.kind, DNS_REPLY_BAD);
	dns_reply_clear(&reply);
}

/* If a pointer in an owner's name leads nowhere, the whole answer is bad; that record
 * is not just left out. */
static void test_bad_pointer_in_an_owner(void **state)
{
	struct dns_name x = name_of("x.ex");
	uint8_t bytes[sizeof(answer)];
	struct dns_reply reply;

	(void)state;
	memcpy(bytes, answer, sizeof(answer));
	bytes[38] = 0xff;
	bytes[39] = 0xff;
	assert_int_equal(
	    dns_reply_read(slice_of((const char *)bytes, sizeof(bytes)), &x,
	                   TYPE_TXT, false, &reply),
	    MTS_OK);
	assert_int_equal(reply.kind, DNS_REPLY_BAD);
	dns_reply_clear(&reply);
}

/* Whatever one byte is changed to, reading stays within bounds and ends. */
static void test_any_byte_changed(void **state)
{
	struct dns_name x = name_of("x.ex");

	(void)state;
	for (size_t at = 0; at < sizeof(answer); at++) {
		for (unsigned byte = 0; byte < 256; byte++) {
			char *copy = malloc(sizeof(answer));
			struct dns_reply reply;

			assert_non_null(copy);
			memcpy(copy, answer, sizeof(answer));
			copy[at] = (char)byte;
			assert_int_equal(
			    dns_reply_read(slice_of(copy, sizeof(answer)), &x,
			                   TYPE_TXT, true, &reply),
			    MTS_OK);
			dns_reply_clear(&reply);
			free(copy);
		}
	}
}

/* An MX record with bytes after its name is malformed. */
static void test_malformed_mx(void **state)
{
	uint8_t bytes[] = {
		0xbe, 0xef, 0x81, 0x80,    0,   1, 0, 1,       0, 0,
		0,    0,                                             /* 0 */
		1,    'x',  2,    'e',     'x', 0, 0, TYPE_MX, 0, 1, /* 12 */
		0xc0, 12,   0,    TYPE_MX, 0,   1, 0, 0,       0, 60,
		0,    4,                      /* 22 */
		0,    10,   0xc0, 12,      0, /* 34 */
	};
	struct dns_name x = name_of("x.ex");
	struct dns_reply reply;

	(void)state;
	for (uint8_t len = 0; len <= 5; len++) {
		bytes[33] = len;
		assert_int_equal(
		    dns_reply_read(
			slice_of((const char *)bytes, sizeof(bytes) - 5 + len),
			&x, TYPE_MX, true, &reply),
		    MTS_OK);
		assert_int_equal(reply.kind,
		                 len == 4 ? DNS_REPLY_RECORDS : DNS_REPLY_BAD);
		if (len == 4) {
			assert_int_equal(reply.texts[0].len, 2 + x.len);
			assert_memory_equal(reply.texts[0].data, "\0\12", 2);
			assert_memory_equal(reply.texts[0].data + 2, x.wire,
			                    x.len);
		}
		dns_reply_clear(&reply);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_question_is_written),
		cmocka_unit_test(test_longest_question),
		cmocka_unit_test(test_names_are_read),
		cmocka_unit_test(test_longest_name),
		cmocka_unit_test(test_many_pointers_end),
		cmocka_unit_test(test_records_are_found),
		cmocka_unit_test(test_reply_is_read),
		cmocka_unit_test(test_truncated_message),
		cmocka_unit_test(test_bytes_after_the_last_record),
		cmocka_unit_test(test_bad_pointer_in_an_owner),
		cmocka_unit_test(test_any_byte_changed),
		cmocka_unit_test(test_malformed_mx),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
