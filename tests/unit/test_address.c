/* SPDX-License-Identifier: BSD-2-Clause */
/* test_address.c - addresses as text, and which ones are special. */
#include "tests.h"

#include "base/address.h"

#include <arpa/inet.h>

static struct address parse(const char *text)
{
	struct address address = { .family =
		                       strchr(text, ':') ? AF_INET6 : AF_INET };
	void *bytes = address.family == AF_INET6 ? (void *)&address.v6
	                                         : (void *)&address.v4;

	assert_int_equal(inet_pton(address.family, text, bytes), 1);
	return address;
}

/* The first and last address of each range, and their neighbours outside. */
static const struct {
	const char *text;
	bool special;
} specials[] = {
	/* 0.0.0.0/8, "this network" */
	{ "0.0.0.0", true },
	{ "0.255.255.255", true },
	{ "1.0.0.0", false },
	/* 10.0.0.0/8, private */
	{ "9.255.255.255", false },
	{ "10.0.0.0", true },
	{ "10.255.255.255", true },
	{ "11.0.0.0", false },
	/* 100.64.0.0/10, shared (carrier-grade NAT) */
	{ "100.63.255.255", false },
	{ "100.64.0.0", true },
	{ "100.127.255.255", true },
	{ "100.128.0.0", false },
	/* 127.0.0.0/8, loopback */
	{ "126.255.255.255", false },
	{ "127.0.0.0", true },
	{ "127.255.255.255", true },
	{ "128.0.0.0", false },
	/* 169.254.0.0/16, link-local (and cloud metadata) */
	{ "169.253.255.255", false },
	{ "169.254.0.0", true },
	{ "169.254.169.254", true },
	{ "169.254.255.255", true },
	{ "169.255.0.0", false },
	/* 172.16.0.0/12, private */
	{ "172.15.255.255", false },
	{ "172.16.0.0", true },
	{ "172.31.255.255", true },
	{ "172.32.0.0", false },
	/* 192.0.0.0/24, IETF protocols; 192.0.2.0/24, documentation */
	{ "191.255.255.255", false },
	{ "192.0.0.0", true },
	{ "192.0.0.255", true },
	{ "192.0.1.0", false },
	{ "192.0.2.0", true },
	{ "192.0.2.255", true },
	{ "192.0.3.0", false },
	/* 192.88.99.0/24, 6to4 relays */
	{ "192.88.98.255", false },
	{ "192.88.99.0", true },
	{ "192.88.99.255", true },
	{ "192.88.100.0", false },
	/* 192.168.0.0/16, private */
	{ "192.167.255.255", false },
	{ "192.168.0.0", true },
	{ "192.168.255.255", true },
	{ "192.169.0.0", false },
	/* 198.18.0.0/15, benchmarks */
	{ "198.17.255.255", false },
	{ "198.18.0.0", true },
	{ "198.19.255.255", true },
	{ "198.20.0.0", false },
	/* 198.51.100.0/24 and 203.0.113.0/24, documentation */
	{ "198.51.99.255", false },
	{ "198.51.100.0", true },
	{ "198.51.100.255", true },
	{ "198.51.101.0", false },
	{ "203.0.112.255", false },
	{ "203.0.113.0", true },
	{ "203.0.113.255", true },
	{ "203.0.114.0", false },
	/* 224.0.0.0/4, multicast; 240.0.0.0/4, reserved; broadcast */
	{ "223.255.255.255", false },
	{ "224.0.0.0", true },
	{ "239.255.255.255", true },
	{ "240.0.0.0", true },
	{ "255.255.255.255", true },
	/* Everything outside of 2000::/3: unspecified, loopback, discard,
	 * segment routing, unique local, link-local, site-local, multicast */
	{ "::", true },
	{ "::1", true },
	{ "::8.8.8.8", true },
	{ "64:ff9b:1::1", true },
	{ "100::1", true },
	{ "1fff:ffff::", true },
	{ "2000::", false },
	{ "3ffe::1", false },
	{ "4000::", true },
	{ "5f00::1", true },
	{ "fc00::", true },
	{ "fdff::1", true },
	{ "fe80::1", true },
	{ "fec0::1", true },
	{ "ff02::1", true },
	/* 2001::/23, IETF protocols; Teredo is its first /32 */
	{ "2001:1::", true },
	{ "2001:2::1", true },
	{ "2001:10::1", true },
	{ "2001:1ff:ffff::", true },
	{ "2001:200::", false },
	/* 2001:db8::/32 and 3fff::/20, documentation */
	{ "2001:db7:ffff::", false },
	{ "2001:db8::", true },
	{ "2001:db8:ffff::", true },
	{ "2001:db9::", false },
	{ "3fff::1", true },
	{ "3fff:fff::", true },
	{ "3fff:1000::", false },
	/* IPv4 within IPv6 counts as the IPv4 address: mapped, */
	{ "::ffff:127.0.0.1", true },
	{ "::ffff:8.8.8.8", false },
	/* NAT64, */
	{ "64:ff9b::10.0.0.1", true },
	{ "64:ff9b::8.8.8.8", false },
	/* 6to4, */
	{ "2002:0a00:0001::1", true },
	{ "2002:0808:0808::1", false },
	/* Teredo, the client's address with its bits flipped. */
	{ "2001:0:808:808:0:0:f5ff:fffe", true },  /* 10.0.0.1 */
	{ "2001:0:808:808:0:0:f7f7:f7f7", false }, /* 8.8.8.8 */
	/* Addresses in real use. */
	{ "8.8.8.8", false },
	{ "2a00:1450:4001:82b::200e", false },
};

static void test_special(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(specials); i++) {
		struct address address = parse(specials[i].text);

		if (address_is_special(&address) != specials[i].special)
			fail_msg("%s", specials[i].text);
	}
}

static void test_text(void **state)
{
	static const char *const texts[] = { "192.0.2.1", "2001:db8::1",
		                             "::ffff:1.2.3.4" };
	char text[ADDRESS_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct address address = parse(texts[i]);

		assert_string_equal(address_text(&address, text), texts[i]);
	}
}

static const struct {
	const char *text;
	const char *address; /* NULL: an error */
	in_port_t port;
} servers[] = {
	{ "127.0.0.1", "127.0.0.1", 53 },
	{ "127.0.0.1:5353", "127.0.0.1", 5353 },
	{ "127.0.0.1:65535", "127.0.0.1", 65535 },
	{ "::1", "::1", 53 },
	{ "[::1]", "::1", 53 },
	{ "[2001:db8::1]:5353", "2001:db8::1", 5353 },
	{ "", NULL, 0 },
	{ "localhost", NULL, 0 },
	{ "127.0.0.1:", NULL, 0 },
	{ "127.0.0.1:0", NULL, 0 },
	{ "127.0.0.1:65536", NULL, 0 },
	{ "127.0.0.1:53x", NULL, 0 },
	{ "127.0.0.1:000053", NULL, 0 },
	{ "[::1", NULL, 0 },
	{ "[::1]53", NULL, 0 },
	{ "[::1]:", NULL, 0 },
	{ "[127.0.0.1]", NULL, 0 },
	{ "fe80::1%eth0", NULL, 0 },
	{ "127.0.0.1.", NULL, 0 },
	{ "1111111111111111111111111111111111111111111111111111111", NULL, 0 },
};

static void test_server(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(servers); i++) {
		struct address address = { .family = -1 };
		in_port_t port = 0;
		struct fault why = { .text = "" };
		char text[ADDRESS_TEXT];
		int status = address_parse_server(servers[i].text, &address,
		                                  &port, &why);

		if (!servers[i].address) {
			assert_int_equal(status, MTS_ESYNTAX);
			assert_int_equal(address.family, -1);
			assert_string_not_equal(why.text, "");
			continue;
		}
		assert_int_equal(status, MTS_OK);
		assert_string_equal(address_text(&address, text),
		                    servers[i].address);
		assert_int_equal(port, servers[i].port);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_special),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
