/* SPDX-License-Identifier: BSD-2-Clause */
/* test_conf.c - good configurations, and what they come to. */
#include "tests.h"

#include "alloc.h"
#include "base/buffer.h"
#include "conf/conf.h"
#include "conf/schema.h"
#include "conf/value.h"

#include <unistd.h>

static struct conf *parse(const char *text)
{
	struct conf *conf = NULL;
	struct fault why = { 0 };

	if (conf_parse(text, strlen(text), "F", &conf, &why) != MTS_OK)
		fail_msg("%s", why.text);
	return conf;
}

/* The number that the option PATH came to, whatever it is kept as. */
static uint64_t number_at(const void *base, const struct conf_option *option)
{
	const char *at = (const char *)base + option->offset;
	uint64_t number = 0;
	unsigned override = 0;
	bool on = false;
	mode_t mode = 0;

	if (option->type == CONF_BOOL) {
		memcpy(&on, at, sizeof(on));
		return on;
	}
	if (option->type == CONF_CHOICE) {
		memcpy(&override, at, sizeof(override));
		return override;
	}
	if (option->type == CONF_MODE) {
		memcpy(&mode, at, sizeof(mode));
		return mode;
	}
	memcpy(&number, at, sizeof(number));
	return number;
}

static const struct {
	const char *text;
	const char *path;
	uint64_t number;
} number_rows[] = {
	{ "dns: { timeout: 1s }", "dns.timeout", 1000 },
	{ "dns: { timeout: 1500ms }", "dns.timeout", 1500 },
	{ "dns: { timeout: 1m }", "dns.timeout", 60000 },
	{ "dns: { timeout: '2s' }", "dns.timeout", 2000 },
	{ "dns: { timeout: \"2s\" }", "dns.timeout", 2000 },
	{ "dns: { timeout: 007s }", "dns.timeout", 7000 },
	{ "fetch: { retry: 12h }", "fetch.retry", 43200000 },
	{ "fetch: { retry: 1d }", "fetch.retry", 86400000 },
	{ "fetch: { retry: 5m }", "fetch.retry", 300000 }, /* 3.3 */
	{ "fetch: { timeout: 5m }", "fetch.timeout", 300000 },
	{ "fetch: { max_size: 1024 }", "fetch.max_size", 1024 },
	{ "fetch: { max_size: 1KiB }", "fetch.max_size", 1024 },
	{ "fetch: { max_size: 64KiB }", "fetch.max_size", 65536 },
	{ "fetch: { concurrency: 1024 }", "fetch.concurrency", 1024 },
	{ "fetch: { allow_private_addresses: true }",
	  "fetch.allow_private_addresses", 1 },
	{ "fetch: { allow_private_addresses: yes }",
	  "fetch.allow_private_addresses", 1 },
	{ "fetch: { allow_private_addresses: no }",
	  "fetch.allow_private_addresses", 0 },
	{ "cache: { max_size: 1TiB }", "cache.max_size", 1099511627776 },
	{ "cache: { max_size: 2GiB }", "cache.max_size", 2147483648 },
	{ "lookup: { timeout: 90s }", "lookup.timeout", 90000 },
	{ "lookup: { negative_min: 1h }", "lookup.negative_min", 3600000 },
	{ "lookup: { negative_max: 1m }", "lookup.negative_max", 60000 },
	{ "refresh: { id_check_max: 7d }", "refresh.id_check_max", 604800000 },
	{ "limits: { clients: 65536 }", "limits.clients", 65536 },
	{ "log: { level: error }", "log.level", LOG_LEVEL_ERROR },
	{ "log: { level: warning }", "log.level", LOG_LEVEL_WARNING },
	{ "log: { level: debug }", "log.level", LOG_LEVEL_DEBUG },
	{ "log: { target: syslog }", "log.target", LOG_TARGET_SYSLOG },
};

static void test_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(number_rows); i++) {
		struct conf *conf = parse(number_rows[i].text);
		const struct conf_option *option =
		    schema_find(number_rows[i].path);

		assert_non_null(option);
		assert_int_equal(number_at(conf, option),
		                 number_rows[i].number);
		conf_free(&conf);
	}
}

static void assert_defaults(const struct conf *conf)
{
	assert_int_equal(conf->listen_count, 1);
	assert_int_equal(conf->listen[0].protocol, CONF_SOCKETMAP);
	assert_string_equal(conf->listen[0].address,
	                    "unix:/run/mtasts/socketmap.sock");
	assert_int_equal(conf->listen[0].mode, 0660);
	assert_null(conf->listen[0].owner);
	assert_null(conf->listen[0].group);
	assert_string_equal(conf->control, "unix:/run/mtasts/control.sock");
	assert_int_equal(conf->control_user_count, 0);
	assert_null(conf->control_group);
	assert_string_equal(conf->stats, "unix:/run/mtasts/stats.sock");
	assert_string_equal(conf->cache.directory, "/var/lib/mtasts");
	assert_int_equal(conf->cache.max_size, 1 << 30);
	assert_int_equal(conf->dns.server_count, 0);
	assert_int_equal(conf->dns.timeout_ms, 5000);
	assert_string_equal(conf->fetch.ca_file, "");
	assert_int_equal(conf->fetch.timeout_ms, 60000);
	assert_int_equal(conf->fetch.max_size, 64 * 1024);
	assert_int_equal(conf->fetch.concurrency, 64);
	assert_int_equal(conf->fetch.retry_ms, 300000);
	assert_false(conf->fetch.allow_private_addresses);
	assert_int_equal(conf->lookup.timeout_ms, 20000);
	assert_int_equal(conf->lookup.negative_min_ms, 60000);
	assert_int_equal(conf->lookup.negative_max_ms, 3600000);
	assert_int_equal(conf->refresh.id_check_min_ms, 60000);
	assert_int_equal(conf->refresh.id_check_max_ms, 86400000);
	assert_int_equal(conf->limits.clients, 1024);
	assert_int_equal(conf->log.level, LOG_LEVEL_INFO);
	assert_int_equal(conf->log.target, LOG_TARGET_STDERR);
}

/* Files that say nothing. */
static const char *const empty[] = {
	"",
	"\n",
	"# nothing\n",
	"---\n",
	"--- ~\n",
	"{}",
	"null\n",
	"cache:\n",
	"cache: {}",
	"lookup: ~\n",
	"---\n...",
	"\xef\xbb\xbf",
	"\xef\xbb\xbflookup:\n",
	"%YAML 1.1\n---\ndns:\n",
	"cache:\n  # a comment\ndns:\n",
};

static void test_defaults(void **state)
{
	struct conf *conf = conf_new();

	(void)state;
	assert_non_null(conf);
	assert_defaults(conf);
	conf_free(&conf);
	assert_null(conf);
	conf_free(&conf);
	for (size_t i = 0; i < ARRAY_LEN(empty); i++) {
		conf = parse(empty[i]);
		assert_defaults(conf);
		conf_free(&conf);
	}
}

/* Entries come instead of the default one. */
static void test_maps(void **state)
{
	struct conf *conf = parse("testing: enforce\n"
	                          "protocols: true\n"
	                          "maps:\n"
	                          "  - name: plain\n"
	                          "  - name: strict\n"
	                          "    like: postfix-tlsrpt\n"
	                          "    testing: enforce\n"
	                          "    protocols: yes\n"
	                          "    servername: no\n"
	                          "    strict_mx: yes\n"
	                          "listen:\n"
	                          "  - tcp_table: inet:a:1\n"
	                          "    map: strict\n");

	(void)state;
	assert_int_equal(conf->testing, CONF_TESTING_ENFORCE);
	assert_true(conf->protocols);
	assert_int_equal(conf->map_count, 2);
	assert_string_equal(conf->maps[0].name, "plain");
	assert_int_equal(conf->maps[0].like, CONF_LIKE_POSTFIX);
	assert_int_equal(conf->maps[0].testing, CONF_TESTING_REPORT);
	assert_false(conf->maps[0].protocols);
	assert_true(conf->servername && conf->maps[0].servername);
	assert_false(conf->maps[1].servername);
	assert_false(conf->strict_mx || conf->maps[0].strict_mx);
	assert_true(conf->maps[1].strict_mx);
	assert_int_equal(conf->maps[0].line, 4);
	assert_string_equal(conf->maps[1].name, "strict");
	assert_int_equal(conf->maps[1].like, CONF_LIKE_POSTFIX_TLSRPT);
	assert_int_equal(conf->maps[1].testing, CONF_TESTING_ENFORCE);
	assert_true(conf->maps[1].protocols);
	assert_string_equal(conf->listen[0].map, "strict");
	conf_free(&conf);
}

static void test_listen(void **state)
{
	struct conf *conf = parse("listen:\n"
	                          "  - socketmap: unix:/a b/c\n"
	                          "    mode: 0600\n"
	                          "    owner: mail\n"
	                          "    group: postfix\n"
	                          "\n"
	                          "  - { mode: 666, socketmap: unix:/A }\n"
	                          "  - socketmap: inet:[::1]:8461\n"
	                          "  - socketmap: inet:localhost:65535\n"
	                          "  - socketmap: 'unix:/q'\n"
	                          "    owner: ''\n"
	                          "  - tcp_table: inet:localhost:8462\n"
	                          "    map: postfix-tlsrpt\n"
	                          "  - { mode: 0600, exim: unix:/exim }\n");

	(void)state;
	assert_int_equal(conf->listen_count, 7);
	assert_string_equal(conf->listen[0].address, "unix:/a b/c");
	assert_int_equal(conf->listen[0].mode, 0600);
	assert_string_equal(conf->listen[0].owner, "mail");
	assert_string_equal(conf->listen[0].group, "postfix");
	assert_int_equal(conf->listen[0].line, 2);
	assert_string_equal(conf->listen[1].address, "unix:/A");
	assert_int_equal(conf->listen[1].mode, 0666); /* as chmod reads it */
	assert_null(conf->listen[1].owner);
	assert_int_equal(conf->listen[1].line, 7);
	assert_string_equal(conf->listen[2].address, "inet:[::1]:8461");
	assert_int_equal(conf->listen[2].mode, 0660);
	assert_string_equal(conf->listen[3].address, "inet:localhost:65535");
	assert_null(conf->listen[4].owner);
	assert_int_equal(conf->listen[4].protocol, CONF_SOCKETMAP);
	assert_string_equal(conf->listen[4].map, "postfix");
	assert_int_equal(conf->listen[5].protocol, CONF_TCP_TABLE);
	assert_string_equal(conf->listen[5].address, "inet:localhost:8462");
	assert_string_equal(conf->listen[5].map, "postfix-tlsrpt");
	assert_int_equal(conf->listen[6].protocol, CONF_EXIM);
	assert_string_equal(conf->listen[6].address, "unix:/exim");
	assert_int_equal(conf->listen[6].mode, 0600);
	conf_free(&conf);
}

static const char *const good_addresses[] = {
	"inet:127.0.0.1:8461",
	"inet:0.0.0.0:1",
	"inet:[::]:8461",
	"inet:[fe80::1]:8461",
	"inet:mail.example:25",
	"inet:a-b:1",
	"unix:/a",
};

static void test_good_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good_addresses); i++) {
		char text[100];
		struct conf *conf;

		snprintf(text, sizeof(text), "listen: [ { socketmap: '%s' } ]",
		         good_addresses[i]);
		conf = parse(text);
		assert_string_equal(conf->listen[0].address, good_addresses[i]);
		conf_free(&conf);
	}
}

/* All of which can be listened on side by side. */
static void test_addresses_apart(void **state)
{
	static const char *const apart[] = {
		"inet:0.0.0.0:1",   "inet:0.0.0.0:2",   "inet:[::]:1",
		"inet:127.0.0.1:3", "inet:127.0.0.2:3", "inet:[::1]:3",
		"inet:[::2]:3",     "inet:mail.test:4", "inet:mail.tes:4",
		"inet:localhost:5", "unix:/a/b",        "unix:/a/B",
		"unix:/a/b/c",      "unix:/ab",
	};
	struct buffer text;
	struct conf *conf;

	(void)state;
	buffer_init(&text, 4096);
	buffer_printf(&text, "listen:\n");
	for (size_t i = 0; i < ARRAY_LEN(apart); i++)
		buffer_printf(&text, "- socketmap: '%s'\n", apart[i]);
	buffer_put(&text, "", 1);
	conf = parse(text.data);
	assert_int_equal(conf->listen_count, ARRAY_LEN(apart));
	conf_free(&conf);
	buffer_free(&text);
}

static void test_longest_unix_path(void **state)
{
	char text[200] = "control: unix:/";
	struct conf *conf;
	struct fault why;

	(void)state;
	memset(text + strlen(text), 'x', 106); /* 107 with the slash */
	conf = parse(text);
	assert_int_equal(strlen(conf->control), 5 + 107);
	conf_free(&conf);
	text[strlen(text)] = 'x';
	assert_int_equal(conf_parse(text, strlen(text), "F", &conf, &why),
	                 MTS_ERANGE);
	assert_string_equal(why.text, "F:1: control: the path has 108 bytes; a "
	                              "unix socket's has 107 at most");
}

static void test_texts(void **state)
{
	struct conf *conf = parse("control: ''\n"
	                          "stats: ''\n"
	                          "control_users: [anna, otto]\n"
	                          "control_group: staff\n"
	                          "cache: { directory: /srv/m\xc3\xbc }\n"
	                          "fetch:\n"
	                          "  ca_file: /etc/ssl/ca.pem\n"
	                          "dns:\n"
	                          "  servers: [192.0.2.1, '192.0.2.1:5353', "
	                          "'::1', '[::1]:53']\n");

	(void)state;
	assert_string_equal(conf->control, "");
	assert_string_equal(conf->stats, "");
	assert_int_equal(conf->control_user_count, 2);
	assert_string_equal(conf->control_users[0], "anna");
	assert_string_equal(conf->control_users[1], "otto");
	assert_string_equal(conf->control_group, "staff");
	assert_string_equal(conf->cache.directory, "/srv/m\xc3\xbc");
	assert_string_equal(conf->fetch.ca_file, "/etc/ssl/ca.pem");
	assert_int_equal(conf->dns.server_count, 4);
	assert_string_equal(conf->dns.servers[0], "192.0.2.1");
	assert_string_equal(conf->dns.servers[1], "192.0.2.1:5353");
	assert_string_equal(conf->dns.servers[2], "::1");
	assert_string_equal(conf->dns.servers[3], "[::1]:53");
	conf_free(&conf);
}

/* Numbers are written so that they are read the same. */
static void test_value_text(void **state)
{
	static const struct {
		const char *path;
		uint64_t number;
		const char *text;
	} rows[] = {
		{ "dns.timeout", 0, "0" },
		{ "dns.timeout", 1, "1ms" },
		{ "dns.timeout", 90000, "90s" },
		{ "dns.timeout", 60000, "1m" },
		{ "dns.timeout", 7200000, "2h" },
		{ "dns.timeout", 172800000, "2d" },
		{ "cache.max_size", 1025, "1025" },
		{ "cache.max_size", 1024, "1KiB" },
		{ "cache.max_size", UINT64_C(1) << 41, "2TiB" },
		{ "limits.clients", 7, "7" },
		{ "listen.mode", 0640, "0640" },
		{ "log.level", 1, "warning" },
		{ "fetch.allow_private_addresses", 1, "true" },
	};
	char text[VALUE_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(
		    value_text(schema_find(rows[i].path), rows[i].number, text),
		    rows[i].text);
}

/* -- files ----------------------------------------------------------------- */

static void write_file(const char *path, const char *text, size_t times)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	for (size_t i = 0; i < times; i++)
		assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void append_byte(const char *path)
{
	FILE *file = fopen(path, "a");

	assert_non_null(file);
	assert_int_equal(fputc('#', file), '#');
	assert_int_equal(fclose(file), 0);
}

static void test_load(void **state)
{
	char path[] = "/tmp/test_conf.XXXXXX";
	char expected[200];
	struct conf *conf = NULL;
	struct fault why;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	write_file(path, "log: { level: debug }\n", 1);
	assert_int_equal(conf_load(path, &conf, &why), MTS_OK);
	assert_int_equal(conf->log.level, LOG_LEVEL_DEBUG);
	conf_free(&conf);
	write_file(path, "\nlog: { level: all }\n", 1);
	assert_int_equal(conf_load(path, &conf, &why), MTS_ESYNTAX);
	snprintf(expected, sizeof(expected),
	         "%s:2: log.level: 'all' is not known; write error, warning, "
	         "info or debug",
	         path);
	assert_string_equal(why.text, expected);
	/* 1 MiB is good, more is not. */
	write_file(path, "###############\n", 65536);
	assert_int_equal(conf_load(path, &conf, &why), MTS_OK);
	conf_free(&conf);
	append_byte(path);
	assert_int_equal(conf_load(path, &conf, &why), MTS_ERANGE);
	assert_non_null(strstr(why.text, ": is longer than 1 MiB"));
	unlink(path);
	assert_int_equal(conf_load(path, &conf, &why), MTS_ESYS);
	snprintf(expected, sizeof(expected),
	         "%s: cannot be opened: No such file or directory; copy the "
	         "sample mtastsd.yaml there, or name another file with -c",
	         path);
	assert_string_equal(why.text, expected);
	assert_int_equal(conf_load("/", &conf, &why), MTS_ESYS);
	assert_string_equal(why.text, "/: cannot be read: Is a directory");
	assert_null(conf);
}

/* -- without memory -------------------------------------------------------- */

static void test_without_memory(void **state)
{
	static const char text[] = "listen:\n"
				   "  - socketmap: unix:/a\n"
				   "    owner: mail\n"
				   "    group: mail\n"
				   "  - socketmap: unix:/b\n"
				   "control: ''\n"
				   "dns: { servers: [192.0.2.1, '::1'] }\n"
				   "cache: { directory: /x }\n"
				   "domains:\n"
				   "  a.example: bypass\n"
				   "  b.example: { mode: none, mx: [a, b] }\n";
	struct conf *const untouched = (struct conf *)(uintptr_t)&text;
	int status = MTS_ENOMEM;
	size_t n;

	(void)state;
	for (n = 1; status != MTS_OK; n++) {
		struct conf *conf = untouched;
		struct fault why = { 0 };

		alloc_fail_at(n);
		status = conf_parse(text, sizeof(text) - 1, "F", &conf, &why);
		alloc_fail_at(0);
		if (status == MTS_OK) {
			conf_free(&conf);
			break;
		}
		assert_int_equal(status, MTS_ENOMEM);
		assert_non_null(strstr(why.text, "out of memory"));
		assert_ptr_equal(conf, untouched);
	}
	assert_true(n > 15);
}

static void test_new_without_memory(void **state)
{
	struct conf *conf = NULL;
	size_t n = 0;

	(void)state;
	while (!conf) {
		alloc_fail_at(++n);
		conf = conf_new();
		alloc_fail_at(0);
	}
	assert_true(n > 4);
	conf_free(&conf);
}

/* -- the operator's own word on domains ------------------------------------ */

static const struct override *find_word(const struct conf *conf,
                                        const char *name)
{
	struct domain domain;

	assert_int_equal(domain_from_key(name, strlen(name), &domain, NULL),
	                 MTS_OK);
	return overrides_find(conf->domains, &domain);
}

static void test_domains(void **state)
{
	static const char text[] =
	    "dane: precedence\n"
	    "dane_answer: none\n"
	    "domains:\n"
	    "  Example.ORG.: bypass\n"
	    "  b\xc3\xbc\x63her.example: bypass\n"
	    "  partner.example:\n"
	    "    mode: enforce\n"
	    "    mx: [MX1.partner.example, \"*.example.net\",\n"
	    "         mx1.partner.example]\n"
	    "  off.example: { mode: none }\n";
	const struct override *override;
	struct conf *conf = NULL;
	struct fault why;
	size_t offset = 0;

	(void)state;
	if (conf_parse(text, sizeof(text) - 1, "F", &conf, &why) != MTS_OK)
		fail_msg("%s", why.text);
	assert_int_equal(conf->dane, CONF_DANE_PRECEDENCE);
	assert_int_equal(conf->dane_answer, CONF_DANE_ANSWER_NONE);
	assert_int_equal(overrides_count(conf->domains), 4);
	assert_true(find_word(conf, "example.org")->bypass);
	assert_true(find_word(conf, "xn--bcher-kva.example")->bypass);
	assert_null(find_word(conf, "sub.example.org"));
	override = find_word(conf, "partner.example");
	assert_false(override->bypass);
	assert_int_equal(override->line, 6);
	assert_int_equal(override->policy.mode, POLICY_ENFORCE);
	assert_int_equal(override->policy.max_age_s, POLICY_MAX_AGE_MAX);
	assert_int_equal(override->policy.mx_count, 2);
	assert_string_equal(policy_next_mx(&override->policy, &offset),
	                    "mx1.partner.example");
	assert_string_equal(policy_next_mx(&override->policy, &offset),
	                    "*.example.net");
	assert_null(policy_next_mx(&override->policy, &offset));
	override = find_word(conf, "off.example");
	assert_int_equal(override->policy.mode, POLICY_NONE);
	assert_int_equal(override->policy.mx_count, 0);
	conf_free(&conf);
}

/* All of its lines may be comments. */
static void test_no_domains(void **state)
{
	static const char *const texts[] = { "domains:\n", "domains: {}\n",
		                             "domains: ~\n", "" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct conf *conf = NULL;
		struct fault why;

		assert_int_equal(
		    conf_parse(texts[i], strlen(texts[i]), "F", &conf, &why),
		    MTS_OK);
		assert_int_equal(overrides_count(conf->domains), 0);
		assert_int_equal(conf->dane, CONF_DANE_AUTO);
		assert_int_equal(conf->dane_answer, CONF_DANE_ANSWER_ONLY);
		conf_free(&conf);
	}
}

/* Thousands of entries are fine. */
static void test_many_domains(void **state)
{
	enum { MANY = 10000 };
	struct buffer text;
	struct conf *conf = NULL;
	struct fault why;

	(void)state;
	buffer_init(&text, 1 << 20);
	buffer_puts(&text, "domains:\n");
	for (int i = 0; i < MANY; i++)
		buffer_printf(&text,
		              " d%d.example: { mode: enforce, mx: "
		              "[mx%d.example] }\n",
		              i, i);
	assert_int_equal(buffer_status(&text), MTS_OK);
	assert_int_equal(conf_parse(text.data, text.len, "F", &conf, &why),
	                 MTS_OK);
	assert_int_equal(overrides_count(conf->domains), MANY);
	assert_int_equal(find_word(conf, "d9999.example")->line, MANY + 1);
	conf_free(&conf);
	buffer_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_domains),
		cmocka_unit_test(test_no_domains),
		cmocka_unit_test(test_many_domains),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_listen),
		cmocka_unit_test(test_maps),
		cmocka_unit_test(test_good_addresses),
		cmocka_unit_test(test_addresses_apart),
		cmocka_unit_test(test_longest_unix_path),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_value_text),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_without_memory),
		cmocka_unit_test(test_new_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
