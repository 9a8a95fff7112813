/* SPDX-License-Identifier: BSD-2-Clause */
/* test_dns_denial.c - what a proof that a name has no DS says about its zone. */
#include "tests.h"

#include "dns/dns_denial.h"

#include <getdns/getdns_extra.h>

static struct dns_name name_of(const char *text)
{
	struct dns_name name;

	assert_int_equal(dns_name_parse(text, &name), MTS_OK);
	return name;
}

/* Returns a message with ZONE's records as its authority section, which is valid
 * until the next call. */
static struct dns_packet denial_of(const char *zone)
{
	static uint8_t bytes[4096];
	size_t len = sizeof(bytes);
	getdns_list *records = NULL;
	getdns_dict *message = getdns_dict_create();
	FILE *file = fmemopen((void *)zone, strlen(zone), "r");
	struct dns_packet packet;

	assert_true(message && file);
	assert_int_equal(getdns_fp2rr_list(file, &records, NULL, 60),
	                 GETDNS_RETURN_GOOD);
	fclose(file);
	assert_int_equal(getdns_dict_set_list(message, "authority", records),
	                 GETDNS_RETURN_GOOD);
	assert_int_equal(getdns_msg_dict2wire_buf(message, bytes, &len),
	                 GETDNS_RETURN_GOOD);
	getdns_list_destroy(records);
	getdns_dict_destroy(message);
	assert_true(dns_packet_open(slice_of((char *)bytes, len), &packet));
	assert_true(packet.whole);
	return packet;
}

static void test_types_in_a_bit_map(void **state)
{
	/* RFC 4034 4.3: A, MX, RRSIG, NSEC and TYPE1234. */
	static const uint8_t map[] = {
		0x00, 0x06, 0x40, 0x01, 0x00, 0x00, 0x00, 0x03, 0x04, 0x1b,
		0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
		0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
		0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x20,
	};
	static const uint16_t set[] = { 1, 15, 46, 47, 1234 };
	size_t found = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(set); i++)
		assert_true(dns_bitmap_has(map, sizeof(map), set[i]));
	for (unsigned type = 0; type < 65536; type++)
		found += dns_bitmap_has(map, sizeof(map), (uint16_t)type);
	assert_int_equal(found, ARRAY_LEN(set));
	/* Truncated at any byte: no more types, and nothing is read beyond. */
	for (size_t len = 0; len < sizeof(map); len++) {
		uint8_t *copy = malloc(len + 1);

		assert_non_null(copy);
		memcpy(copy, map, len);
		assert_false(dns_bitmap_has(copy, len, 1234));
		free(copy);
	}
}

static void test_nsec3_hashes(void **state)
{
	/* RFC 5155 appendix A. */
	static const uint8_t salt[] = { 0xaa, 0xbb, 0xcc, 0xdd };
	static const char *const rows[][2] = {
		{ "example", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom" },
		{ "a.example", "35mthgpgcu1qg68fab165klnsnk3dpvl" },
		{ "Ns1.EXAMPLE", "2t7b4g4vsa5smi47k61mv5bv1a22bojr" },
	};
	char label[NSEC3_LABEL + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct dns_name name = name_of(rows[i][0]);

		assert_true(nsec3_label(&name, salt, 4, 12, label));
		assert_string_equal(label, rows[i][1]);
		/* A hostile number of them. */
		assert_false(nsec3_label(&name, salt, 4, 65535, label));
	}
}

static void test_zone_cut_in_a_denial(void **state)
{
	static const struct {
		const char *what;
		const char *zone; /* of the authority section */
		const char *name;
		enum dns_cut cut;
	} rows[] = {
		{ "NS without DS", "a.example. 60 IN NSEC b.example. NS NSEC\n",
		  "a.example", DNS_CUT_UNSIGNED },
		{ "the case of names does not matter",
		  "A.Example. 60 IN NSEC b.example. NS NSEC\n", "a.example",
		  DNS_CUT_UNSIGNED },
		{ "no NS", "a.example. 60 IN NSEC b.example. A NSEC\n",
		  "a.example", DNS_CUT_NONE },
		{ "the child's apex says nothing",
		  "a.example. 60 IN NSEC b.example. NS SOA NSEC\n", "a.example",
		  DNS_CUT_UNKNOWN },
		{ "an empty non-terminal: the record of another name",
		  "example. 60 IN NSEC x.a.example. NS SOA NSEC\n", "a.example",
		  DNS_CUT_NONE },
		{ "the delegation of another name",
		  "b.example. 60 IN NSEC c.example. NS NSEC\n", "a.example",
		  DNS_CUT_NONE },
		{ "no proof", "example. 60 IN NS ns.example.\n", "a.example",
		  DNS_CUT_UNKNOWN },
		{ "NSEC3, NS without DS",
		  "35mthgpgcu1qg68fab165klnsnk3dpvl.example. 60 IN NSEC3 1 1 "
		  "12 aabbccdd b4um86eghhds6nea196smvmlo4ors995 NS\n",
		  "a.example", DNS_CUT_UNSIGNED },
		{ "NSEC3, no NS",
		  "35mthgpgcu1qg68fab165klnsnk3dpvl.example. 60 IN NSEC3 1 1 "
		  "12 aabbccdd b4um86eghhds6nea196smvmlo4ors995 A RRSIG\n",
		  "a.example", DNS_CUT_NONE },
		{ "NSEC3 of another name",
		  "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. 60 IN NSEC3 1 1 "
		  "12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr NS\n",
		  "a.example", DNS_CUT_NONE },
		{ "NSEC3, an unknown algorithm",
		  "35mthgpgcu1qg68fab165klnsnk3dpvl.example. 60 IN NSEC3 9 1 "
		  "12 aabbccdd b4um86eghhds6nea196smvmlo4ors995 NS\n",
		  "a.example", DNS_CUT_UNKNOWN },
		{ "NSEC3, too many iterations",
		  "35mthgpgcu1qg68fab165klnsnk3dpvl.example. 60 IN NSEC3 1 1 "
		  "60000 aabbccdd b4um86eghhds6nea196smvmlo4ors995 NS\n",
		  "a.example", DNS_CUT_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct dns_name name = name_of(rows[i].name);
		struct dns_packet packet = denial_of(rows[i].zone);

		if (dns_denial_read(&packet, &name) != rows[i].cut)
			fail_msg("%s", rows[i].what);
	}
}

static void test_labels_of_a_name(void **state)
{
	struct dns_name a = name_of("mx.Mail.example");
	struct dns_name b = name_of("mail.EXAMPLE");
	struct dns_name made;
	char text[DNS_NAME_WIRE + 1];

	(void)state;
	assert_true(dns_name_is_within(&a, &b));
	assert_false(dns_name_is_within(&b, &a));
	assert_int_equal(dns_name_labels(&a), 3);
	made = dns_name_tail(&a, 2);
	assert_true(dns_name_is(&made, &b));
	made = dns_name_tail(&a, 9);
	assert_true(dns_name_is(&made, &a));
	assert_true(dns_name_prepend("_25._tcp", &b, &made));
	assert_string_equal(dns_name_show(&made, text),
	                    "_25._tcp.mail.EXAMPLE");
	made.len = DNS_NAME_WIRE - 8;
	assert_false(dns_name_prepend("_25._tcp", &made, &a));
	/* Truncated; compressed. */
	assert_false(dns_name_read((const uint8_t *)"\3abc", 4, &made));
	assert_false(dns_name_read((const uint8_t *)"\1a\xc0\x0c", 4, &made));
	assert_true(dns_name_read((const uint8_t *)"\3a\"\n\0", 5, &made));
	assert_string_equal(dns_name_show(&made, text), "a??");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types_in_a_bit_map),
		cmocka_unit_test(test_nsec3_hashes),
		cmocka_unit_test(test_zone_cut_in_a_denial),
		cmocka_unit_test(test_labels_of_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
