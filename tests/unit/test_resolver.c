/* SPDX-License-Identifier: BSD-2-Clause */
/* test_resolver.c - look-ups at DNS servers that misbehave in every way. */
#include "tests.h"

#include "alloc.h"
#include "dns_server.h"
#include "netns.h"

#include "dns/dns_tcp.h"
#include "dns/server_set.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

enum { TYPE_A = 1, TYPE_TXT = 16, TYPE_AAAA = 28 };

/* -- a world of one loop, up to two servers, one resolver ------------------ */

struct world {
	uv_loop_t loop;
	struct dns_server *servers[2];
	struct resolver *resolver;
};

/* Copies of the last answer, and the number of answers. */
static struct {
	unsigned calls;
	enum dns_status status;
	uint32_t ttl_s;
	size_t count;
	char text[2048]; /* records separated by '/'; NUL bytes as '~' */
	char reason[400];
	uint64_t at_ms;
} got;

static uint64_t now_ms(void)
{
	return uv_hrtime() / 1000000;
}

static void put_texts(const struct dns_answer *answer)
{
	size_t used = 0;

	for (size_t i = 0; i < answer->count; i++) {
		struct slice text = answer->texts[i];

		if (i)
			got.text[used++] = '/';
		for (size_t k = 0; k < text.len; k++)
			got.text[used++] = text.data[k] ? text.data[k] : '~';
	}
	got.text[used] = '\0';
}

static void put_addresses(const struct dns_answer *answer)
{
	char text[ADDRESS_TEXT];

	for (size_t i = 0; i < answer->count; i++) {
		size_t used = strlen(got.text);

		snprintf(got.text + used, sizeof(got.text) - used, "%s%s",
		         i ? "/" : "",
		         address_text(&answer->addresses[i], text));
	}
}

static void on_answer(void *arg, const struct dns_answer *answer)
{
	struct dns_query **query = arg;

	if (query)
		*query = NULL;
	got.calls++;
	got.status = answer->status;
	got.ttl_s = answer->ttl_s;
	got.count = answer->count;
	got.at_ms = now_ms();
	got.text[0] = '\0';
	if (answer->texts)
		put_texts(answer);
	else
		put_addresses(answer);
	assert_non_null(answer->reason);
	snprintf(got.reason, sizeof(got.reason), "%s", answer->reason);
}

static void open_world(struct world *w, uint64_t timeout_ms, dns_script *first,
                       dns_script *second, void *arg)
{
	const char *texts[2];
	struct resolver_options options = { .loop = &w->loop,
		                            .servers = texts,
		                            .timeout_ms = timeout_ms };
	struct fault why;

	memset(&got, 0, sizeof(got));
	memset(w, 0, sizeof(*w));
	assert_int_equal(uv_loop_init(&w->loop), 0);
	w->servers[0] = dns_server_start(&w->loop, "127.0.0.1", 0, first, arg);
	if (second)
		w->servers[1] =
		    dns_server_start(&w->loop, "127.0.0.2", 0, second, arg);
	for (size_t i = 0; i < 2 && w->servers[i]; i++) {
		texts[i] = dns_server_text(w->servers[i]);
		options.server_count++;
	}
	assert_int_equal(resolver_new(&options, &w->resolver, &why), MTS_OK);
}

static void close_world(struct world *w)
{
	resolver_close(&w->resolver);
	for (size_t i = 0; i < 2; i++)
		if (w->servers[i])
			dns_server_stop(w->servers[i]);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w->loop), 0);
}

static struct dns_query *begin(struct world *w, const char *name, int type)
{
	struct dns_query *query = NULL;
	int status =
	    type == TYPE_TXT
		? resolver_txt(w->resolver, name, on_answer, NULL, &query)
	    : type == TYPE_A
		? resolver_a(w->resolver, name, on_answer, NULL, &query)
		: resolver_aaaa(w->resolver, name, on_answer, NULL, &query);

	assert_int_equal(status, MTS_OK);
	assert_non_null(query);
	return query;
}

/* Milliseconds until the answer. */
static uint64_t ask(struct world *w, const char *name, int type)
{
	uint64_t start_ms;
	unsigned calls = got.calls;

	uv_update_time(&w->loop);
	start_ms = now_ms();
	(void)begin(w, name, type);
	assert_int_equal(got.calls, calls); /* never from inside the call */
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(got.calls, calls + 1);
	return got.at_ms - start_ms;
}

/* -- what servers do ------------------------------------------------------- */

static void say_silent(void *arg, struct dns_message *m)
{
	(void)arg;
	m->silent = true;
}

static void say_hello(void *arg, struct dns_message *m)
{
	(void)arg;
	dns_add(m, DNS_ANSWER, "x.example 60 TXT hello");
}

static void say_lost_once(void *arg, struct dns_message *m)
{
	if (m->nth == 0)
		m->silent = true;
	else
		say_hello(arg, m);
}

static void say_servfail(void *arg, struct dns_message *m)
{
	(void)arg;
	dns_set_rcode(m, 2);
}

static void say_cut(void *arg, struct dns_message *m)
{
	(void)arg;
	if (m->tcp)
		dns_add(m, DNS_ANSWER, "x.example 60 TXT by tcp");
	else
		dns_set_flags(m, DNS_QR | DNS_RD | DNS_RA | DNS_TC);
}

static void say_always_cut(void *arg, struct dns_message *m)
{
	(void)arg;
	dns_set_flags(m, DNS_QR | DNS_RD | DNS_RA | DNS_TC);
}

static void say_cut_then_silent(void *arg, struct dns_message *m)
{
	(void)arg;
	if (m->tcp)
		m->silent = true;
	else
		dns_set_flags(m, DNS_QR | DNS_RD | DNS_RA | DNS_TC);
}

static void say_no_edns(void *arg, struct dns_message *m)
{
	if (m->edns)
		dns_set_rcode(m, 1);
	else
		say_hello(arg, m);
}

static void say_garbage(void *arg, struct dns_message *m)
{
	(void)arg;
	memset(m->bytes + 2, 0xff, 60);
	m->len = 62;
}

static void say_short(void *arg, struct dns_message *m)
{
	(void)arg;
	m->len = 5;
}

/* One record fewer than the header promises. */
static void say_half(void *arg, struct dns_message *m)
{
	say_hello(arg, m);
	m->bytes[7]++;
}

static void say_half_by_udp(void *arg, struct dns_message *m)
{
	if (m->tcp)
		say_hello(arg, m);
	else
		say_half(arg, m);
}

static void say_other_question(void *arg, struct dns_message *m)
{
	say_hello(arg, m);
	m->bytes[13] = 'y';
}

/* -- answers, one a row ---------------------------------------------------- */

struct row {
	const char *about;
	int type;
	unsigned rcode;
	const char *answer;
	const char *authority;
	enum dns_status status;
	uint32_t ttl_s;
	const char *text;
};

#define SOA "example 900 SOA 300"

static const struct row rows[] = {
	{ "one record", TYPE_TXT, 0, "x.example 60 TXT a", NULL, DNS_OK, 60,
	  "a" },
	{ "the least TTL", TYPE_TXT, 0,
	  "x.example 60 TXT a\nx.example 30 TXT b\nx.example 90 TXT c", NULL,
	  DNS_OK, 30, "a/b/c" },
	{ "RFC 8461 3.1: strings are joined without spaces", TYPE_TXT, 0,
	  "x.example 60 TXT v=STSv1;| id=|1;", NULL, DNS_OK, 60,
	  "v=STSv1; id=1;" },
	{ "any byte, including NUL", TYPE_TXT, 0, "x.example 60 TXT a~b|~|\xff",
	  NULL, DNS_OK, 60, "a~b~\xff" },
	{ "empty strings", TYPE_TXT, 0, "x.example 60 TXT ^|a|^", NULL, DNS_OK,
	  60, "a" },
	{ "the case of names does not matter", TYPE_TXT, 0,
	  "X.eXample 60 TXT a", NULL, DNS_OK, 60, "a" },
	{ "records of other names are ignored", TYPE_TXT, 0,
	  "x.example 60 TXT a\ny.example 5 TXT b\nx.example 6 A 192.0.2.1",
	  NULL, DNS_OK, 60, "a" },
	{ "a CNAME is followed, and its TTL counts", TYPE_TXT, 0,
	  "x.example 20 CNAME y.example\ny.example 60 TXT a", NULL, DNS_OK, 20,
	  "a" },
	{ "in any order", TYPE_TXT, 0,
	  "z.example 60 TXT a\ny.example 40 CNAME z.example\n"
	  "x.example 50 CNAME Y.example",
	  NULL, DNS_OK, 40, "a" },
	{ "a CNAME to the root zone's edge", TYPE_TXT, 0,
	  "x.example 20 CNAME y\ny 60 TXT a", NULL, DNS_OK, 20, "a" },
	{ "RFC 2181 8: a TTL with the top bit set is 0", TYPE_TXT, 0,
	  "x.example 2147483648 TXT a", NULL, DNS_OK, 0, "a" },
	{ "the greatest TTL", TYPE_TXT, 0, "x.example 2147483647 TXT a", NULL,
	  DNS_OK, 2147483647, "a" },
	{ "eight CNAMEs", TYPE_TXT, 0,
	  "x.example 9 CNAME a.example\na.example 9 CNAME b.example\n"
	  "b.example 9 CNAME c.example\nc.example 9 CNAME d.example\n"
	  "d.example 9 CNAME e.example\ne.example 9 CNAME f.example\n"
	  "f.example 9 CNAME g.example\ng.example 9 CNAME h.example\n"
	  "h.example 9 TXT a",
	  NULL, DNS_OK, 9, "a" },
	{ "nine", TYPE_TXT, 0,
	  "x.example 9 CNAME a.example\na.example 9 CNAME b.example\n"
	  "b.example 9 CNAME c.example\nc.example 9 CNAME d.example\n"
	  "d.example 9 CNAME e.example\ne.example 9 CNAME f.example\n"
	  "f.example 9 CNAME g.example\ng.example 9 CNAME h.example\n"
	  "h.example 9 CNAME i.example\ni.example 9 TXT a",
	  NULL, DNS_FAILED, 0, "" },
	{ "a loop", TYPE_TXT, 0,
	  "x.example 9 CNAME y.example\ny.example 9 CNAME x.example", NULL,
	  DNS_FAILED, 0, "" },
	{ "a loop of one", TYPE_TXT, 0, "x.example 9 CNAME x.example", NULL,
	  DNS_FAILED, 0, "" },
	{ "a broken TXT record", TYPE_TXT, 0, "x.example 60 BADTXT", NULL,
	  DNS_FAILED, 0, "" },
	{ "a broken A record", TYPE_A, 0, "x.example 60 BADA", NULL, DNS_FAILED,
	  0, "" },
	{ "addresses", TYPE_A, 0,
	  "x.example 60 A 192.0.2.1\nx.example 60 A 192.0.2.2", NULL, DNS_OK,
	  60, "192.0.2.1/192.0.2.2" },
	{ "IPv6", TYPE_AAAA, 0, "x.example 60 AAAA 2001:db8::1", NULL, DNS_OK,
	  60, "2001:db8::1" },
	{ "no data; RFC 2308 5: the SOA's minimum", TYPE_TXT, 0, NULL, SOA,
	  DNS_NODATA, 300, "" },
	{ "or its TTL, if that is less", TYPE_TXT, 0, NULL,
	  "example 100 SOA 300", DNS_NODATA, 100, "" },
	{ "the SOA of the root", TYPE_TXT, 3, NULL, ". 100 SOA 300",
	  DNS_NXDOMAIN, 100, "" },
	{ "the SOA of another zone", TYPE_TXT, 3, NULL, "ample 100 SOA 300",
	  DNS_NXDOMAIN, 0, "" },
	{ "no SOA: do not cache it", TYPE_TXT, 0, NULL, NULL, DNS_NODATA, 0,
	  "" },
	{ "no such name", TYPE_TXT, 3, NULL, SOA, DNS_NXDOMAIN, 300, "" },
	{ "no such name, behind a CNAME", TYPE_TXT, 3,
	  "x.example 20 CNAME y.example", SOA, DNS_NXDOMAIN, 20, "" },
	{ "no data, behind a CNAME", TYPE_TXT, 0,
	  "x.example 20 CNAME y.example", SOA, DNS_NODATA, 20, "" },
	{ "the rcode comes first", TYPE_TXT, 3, "x.example 20 TXT a", SOA,
	  DNS_NXDOMAIN, 300, "" },
	{ "SERVFAIL", TYPE_TXT, 2, NULL, NULL, DNS_FAILED, 0, "" },
	{ "REFUSED", TYPE_TXT, 5, NULL, NULL, DNS_FAILED, 0, "" },
	{ "some rcode", TYPE_TXT, 11, "x.example 20 TXT a", NULL, DNS_FAILED, 0,
	  "" },
};

static void say_row(void *arg, struct dns_message *m)
{
	const struct row *row = *(const struct row **)arg;

	dns_set_rcode(m, row->rcode);
	dns_add(m, DNS_ANSWER, row->answer);
	dns_add(m, DNS_AUTHORITY, row->authority);
}

static void test_answer_of_each_kind(void **state)
{
	const struct row *row;
	struct world w;

	(void)state;
	open_world(&w, 2000, say_row, NULL, (void *)&row);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		row = &rows[i];
		ask(&w, "x.example", row->type);
		if (got.status != row->status || got.ttl_s != row->ttl_s ||
		    strcmp(got.text, row->text) != 0)
			fail_msg("%s: %s, TTL %u, \"%s\" (%s)", row->about,
			         dns_status_text(got.status), got.ttl_s,
			         got.text, got.reason);
	}
	close_world(&w);
}

/* Each answer has one CNAME, and says nothing about its target. */
static void say_step_by_step(void *arg, struct dns_message *m)
{
	(void)arg;
	if (strcmp(m->name, "x.example") == 0)
		dns_add(m, DNS_ANSWER, "x.example 20 CNAME y.example");
	else if (strcmp(m->name, "y.example") == 0)
		dns_add(m, DNS_ANSWER, "y.example 30 CNAME z.example");
	else if (strcmp(m->name, "z.example") == 0)
		dns_add(m, DNS_ANSWER, "z.example 60 TXT end");
	else if (strcmp(m->name, "loop.example") == 0)
		dns_add(m, DNS_ANSWER, "loop.example 9 CNAME pool.example");
	else
		dns_add(m, DNS_ANSWER, "pool.example 9 CNAME loop.example");
}

static void test_cname_without_its_target_is_followed(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, 2000, say_step_by_step, NULL, NULL);
	ask(&w, "x.example", TYPE_TXT);
	assert_int_equal(got.status, DNS_OK);
	assert_string_equal(got.text, "end");
	assert_int_equal(got.ttl_s, 20);
	assert_int_equal(dns_server_udp_count(w.servers[0]), 3);
	ask(&w, "loop.example", TYPE_TXT);
	assert_int_equal(got.status, DNS_FAILED);
	assert_int_equal(dns_server_udp_count(w.servers[0]), 3 + 8);
	close_world(&w);
}

/* A delegation instead of an answer: the server does not recurse. */
static void say_referral(void *arg, struct dns_message *m)
{
	(void)arg;
	dns_set_flags(m, DNS_QR | DNS_RD);
}

static void test_referral_is_no_answer(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, 2000, say_referral, NULL, NULL);
	ask(&w, "x.example", TYPE_TXT);
	assert_int_equal(got.status, DNS_FAILED);
	close_world(&w);
}

/* -- servers that fail ----------------------------------------------------- */

/* What two servers do, the result, and how long that takes if the machine is not
 * busy with other things. */
static const struct {
	const char *about;
	dns_script *first, *second;
	enum dns_status status;
	uint64_t least_ms, most_ms;
	unsigned tcp; /* questions to the first by TCP */
	const char *reason;
} failures[] = {
	{ "good", say_hello, NULL, DNS_OK, 0, 500, 0, "found" },
	{ "a lost packet", say_lost_once, NULL, DNS_OK, 900, 1700, 0, "found" },
	{ "silence, then the other", say_silent, say_hello, DNS_OK, 900, 1700,
	  0, "found" },
	{ "silence", say_silent, NULL, DNS_TIMEOUT, 2400, 3200, 0,
	  "no answer within 2500 ms" },
	{ "silence of both", say_silent, say_silent, DNS_TIMEOUT, 2400, 3200, 0,
	  "and the other servers" },
	{ "SERVFAIL", say_servfail, NULL, DNS_FAILED, 0, 500, 0,
	  "it says SERVFAIL" },
	{ "SERVFAIL, then the other", say_servfail, say_hello, DNS_OK, 0, 500,
	  0, "found" },
	{ "SERVFAIL of both", say_servfail, say_servfail, DNS_FAILED, 0, 500, 0,
	  "it says SERVFAIL" },
	{ "SERVFAIL and silence", say_servfail, say_silent, DNS_TIMEOUT, 2400,
	  3200, 0, "SERVFAIL" },
	{ "truncated", say_cut, NULL, DNS_OK, 0, 500, 1, "found" },
	{ "truncated by TCP, too", say_always_cut, NULL, DNS_FAILED, 0, 500, 1,
	  "even by TCP" },
	{ "truncated, TCP silent, then the other", say_cut_then_silent,
	  say_hello, DNS_OK, 900, 1700, 1, "found" },
	{ "truncated, TCP silent: one question by TCP", say_cut_then_silent,
	  NULL, DNS_TIMEOUT, 2400, 3200, 1, "no answer" },
	{ "truncated, TCP silent for both", say_cut_then_silent,
	  say_cut_then_silent, DNS_TIMEOUT, 2400, 3200, 1, "no answer" },
	{ "truncated, TCP silent, then the other by TCP", say_cut_then_silent,
	  say_cut, DNS_OK, 900, 1700, 1, "found" },
	{ "no EDNS", say_no_edns, NULL, DNS_OK, 0, 500, 1, "found" },
	{ "garbage", say_garbage, NULL, DNS_FAILED, 0, 500, 1, "" },
	{ "garbage, then the other", say_garbage, say_hello, DNS_OK, 0, 500, 1,
	  "found" },
	{ "too short for DNS: ignored", say_short, say_hello, DNS_OK, 900, 1700,
	  0, "found" },
	{ "records are missing", say_half, NULL, DNS_FAILED, 0, 500, 1,
	  "truncated" },
	{ "records are missing by UDP", say_half_by_udp, NULL, DNS_OK, 0, 500,
	  1, "found" },
	{ "an answer to another question", say_other_question, NULL, DNS_FAILED,
	  0, 500, 0, "a different question" },
};

/* LAST: the result must be as the row says. */
static bool is_as_said(size_t i, bool last)
{
	struct world w;
	uint64_t ms;
	bool ok;

	open_world(&w, 2500, failures[i].first, failures[i].second, NULL);
	ms = ask(&w, "x.example", TYPE_TXT);
	ok = got.status == failures[i].status && ms >= failures[i].least_ms &&
	     ms <= failures[i].most_ms &&
	     dns_server_tcp_count(w.servers[0]) == failures[i].tcp &&
	     strstr(got.reason, failures[i].reason);
	if (!ok && last)
		fail_msg("%s: %s after %u ms, %u by TCP (%s)",
		         failures[i].about, dns_status_text(got.status),
		         (unsigned)ms, dns_server_tcp_count(w.servers[0]),
		         got.reason);
	close_world(&w);
	return ok;
}

/* If our code is slow, it is slow each time; a busy machine is not. */
static void test_failing_servers(void **state)
{
	enum { TRIES = 6 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(failures); i++)
		for (int try = 1; try <= TRIES; try++)
			if (is_as_said(i, try == TRIES))
				break;
}

/* The next look-up asks a silent server last. */
static void test_silent_server_is_avoided(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, 2500, say_silent, say_hello, NULL);
	assert_true(ask(&w, "x.example", TYPE_TXT) >= 900);
	ask(&w, "x.example", TYPE_TXT);
	assert_int_equal(got.status, DNS_OK);
	assert_int_equal(dns_server_udp_count(w.servers[0]), 1);
	close_world(&w);
}

/* The kernel reports a closed port, and the other server is asked at once. */
static void test_closed_port_is_noticed_at_once(void **state)
{
	const char *texts[2] = { "127.0.0.3:4", NULL };
	struct resolver_options options = { .servers = texts,
		                            .server_count = 1,
		                            .timeout_ms = 2500 };
	struct fault why;
	struct world w;

	(void)state;
	open_world(&w, 2500, say_hello, NULL, NULL);
	resolver_close(&w.resolver);
	options.loop = &w.loop;
	assert_int_equal(resolver_new(&options, &w.resolver, &why), MTS_OK);
	ask(&w, "x.example", TYPE_TXT);
	assert_int_equal(got.status,
	                 DNS_FAILED); /* without waiting for a time-out */
	assert_non_null(
	    strstr(got.reason, "127.0.0.3:4: it cannot be reached"));
	resolver_close(&w.resolver);
	texts[1] = dns_server_text(w.servers[0]);
	options.server_count = 2;
	assert_int_equal(resolver_new(&options, &w.resolver, &why), MTS_OK);
	ask(&w, "x.example", TYPE_TXT);
	assert_int_equal(got.status, DNS_OK);
	close_world(&w);
}

/* -- forged answers ------------------------------------------------ */

static void say_spoofed_first(void *arg, struct dns_message *m)
{
	struct world *w = arg;
	size_t len = m->len;

	dns_add(m, DNS_ANSWER, "x.example 60 TXT forged");
	dns_server_spoof(w->servers[0], m);
	m->len = len;
	m->bytes[7] = 0;
	say_hello(NULL, m);
}

static void test_answer_from_another_port_is_ignored(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, 2500, say_spoofed_first, NULL, &w);
	ask(&w, "x.example", TYPE_TXT);
	assert_string_equal(got.text, "hello");
	close_world(&w);
}

/* It comes from the server's own address and port, but has another id. */
static void say_wrong_id_first(void *arg, struct dns_message *m)
{
	struct world *w = arg;
	size_t len = m->len;

	dns_add(m, DNS_ANSWER, "x.example 60 TXT forged");
	m->bytes[1] ^= 1;
	dns_server_send(w->servers[0], m);
	m->bytes[1] ^= 1;
	m->len = len;
	m->bytes[7] = 0;
	say_hello(NULL, m);
}

static void test_answer_with_another_id_is_ignored(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, 2500, say_wrong_id_first, NULL, &w);
	ask(&w, "x.example", TYPE_TXT);
	assert_string_equal(got.text, "hello");
	close_world(&w);
}

struct guesses {
	uint16_t id, port;
	unsigned same_id, same_port; /* as the last question's */
};

static void say_and_count(void *arg, struct dns_message *m)
{
	struct guesses *guesses = arg;
	uint16_t id = (uint16_t)(m->bytes[0] << 8 | m->bytes[1]);

	guesses->same_id += id == guesses->id;
	guesses->same_port += m->port == guesses->port;
	guesses->id = id;
	guesses->port = m->port;
	say_hello(NULL, m);
}

/* RFC 5452 9.1, 9.2: a forger has to guess the id and the port. */
static void test_ids_and_ports_are_random(void **state)
{
	struct guesses guesses = { 0 };

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		struct world w;

		open_world(&w, 2500, say_and_count, NULL, &guesses);
		ask(&w, "x.example", TYPE_TXT);
		assert_int_equal(got.status, DNS_OK);
		close_world(&w);
	}
	assert_in_range(guesses.same_id, 0, 2);
	assert_in_range(guesses.same_port, 0, 2);
}

static void say_what_was_asked(void *arg, struct dns_message *m)
{
	struct dns_message *seen = arg;

	memcpy(seen, m, offsetof(struct dns_message, bytes));
	dns_add(m, DNS_ANSWER, "_mta-sts.x.example 60 TXT a");
}

static void test_question_as_the_server_sees_it(void **state)
{
	struct dns_message *seen = calloc(1, sizeof(*seen));
	struct world w;

	(void)state;
	assert_non_null(seen);
	open_world(&w, 2500, say_what_was_asked, NULL, seen);
	ask(&w, "_mta-sts.x.example", TYPE_TXT);
	assert_string_equal(seen->name, "_mta-sts.x.example");
	assert_int_equal(seen->type, TYPE_TXT);
	assert_true(seen->edns);
	assert_int_equal(seen->payload, 1232);
	assert_string_equal(got.text, "a");
	close_world(&w);
	free(seen);
}

/* -- cancelling and closing ------------------------------------------------ */

/* Cancels after ROUNDS rounds of the loop: before anything is sent, while a question
 * is out by UDP or by TCP, and after the end. */
static void cancel_after(dns_script *script, int rounds)
{
	struct dns_query *query = NULL;
	struct world w;

	open_world(&w, 2500, script, NULL, NULL);
	assert_int_equal(
	    resolver_txt(w.resolver, "x.example", on_answer, &query, &query),
	    MTS_OK);
	for (int i = 0; i < rounds; i++)
		uv_run(&w.loop, UV_RUN_NOWAIT);
	if (query)
		assert_int_equal(got.calls, 0);
	dns_query_cancel(&query);
	assert_null(query);
	dns_query_cancel(&query);
	if (rounds == 0)
		assert_int_equal(got.calls, 0);
	close_world(&w);
	assert_true(got.calls <= 1);
}

static void close_after(dns_script *script, int rounds)
{
	struct world w;

	open_world(&w, 2500, script, NULL, NULL);
	for (int i = 0; i < 10; i++)
		(void)begin(&w, "x.example", TYPE_TXT);
	for (int i = 0; i < rounds; i++)
		uv_run(&w.loop, UV_RUN_NOWAIT);
	close_world(&w);
	assert_true(rounds > 0 || got.calls == 0);
}

static void test_cancel_at_any_time(void **state)
{
	static dns_script *const scripts[] = { say_hello, say_silent, say_cut,
		                               say_cut_then_silent,
		                               say_servfail };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(scripts); i++)
		for (int rounds = 0; rounds < 16; rounds++) {
			cancel_after(scripts[i], rounds);
			close_after(scripts[i], rounds);
		}
}

/* A callback that cancels another look-up, and starts one or closes the resolver. */
struct interference {
	struct world *w;
	struct dns_query *other;
	bool closes;
};

static void on_interfere(void *arg, const struct dns_answer *answer)
{
	struct interference *interference = arg;

	assert_int_equal(answer->status, DNS_OK);
	assert_int_equal(answer->count, 1);
	dns_query_cancel(&interference->other);
	if (interference->closes)
		resolver_close(&interference->w->resolver);
	else
		(void)begin(interference->w, "x.example", TYPE_TXT);
	/* The answer is still valid. */
	assert_true(slice_is(answer->texts[0], "hello"));
}

static void test_callback_may_cancel_ask_and_close(void **state)
{
	(void)state;
	for (int closes = 0; closes < 2; closes++) {
		struct interference interference = { .closes = closes };
		struct dns_query *query;
		struct world w;

		open_world(&w, 2500, say_hello, NULL, NULL);
		interference.w = &w;
		assert_int_equal(resolver_txt(w.resolver, "x.example",
		                              on_interfere, &interference,
		                              &query),
		                 MTS_OK);
		interference.other = begin(&w, "x.example", TYPE_TXT);
		uv_run(&w.loop, UV_RUN_DEFAULT);
		assert_int_equal(got.calls, !closes);
		close_world(&w);
	}
}

/* -- many ------------------------------------------------------------------ */

static unsigned count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static void test_descriptors_are_closed(void **state)
{
	enum { AT_ONCE = 64, ROUNDS = 10 };
	struct world w;
	unsigned fds;

	(void)state;
	open_world(&w, 5000, say_hello, NULL, NULL);
	ask(&w, "x.example", TYPE_TXT);
	fds = count_fds();
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < AT_ONCE; i++)
			(void)begin(&w, "x.example", TYPE_TXT);
		uv_run(&w.loop, UV_RUN_DEFAULT);
	}
	assert_int_equal(got.calls, 1 + AT_ONCE * ROUNDS);
	assert_int_equal(count_fds(), fds);
	close_world(&w);
}

/* Twice as many as may be out by TCP, at a server that never answers by TCP: the
 * wait in the queue is part of the time limit, and the reason mentions it. */
static void test_wait_for_tcp_is_part_of_the_time_limit(void **state)
{
	enum { AT_ONCE = 2 * DNS_TCP_MAX };
	unsigned queued = 0;
	struct world w;

	(void)state;
	open_world(&w, 1500, say_cut_then_silent, NULL, NULL);
	for (int i = 0; i < AT_ONCE; i++)
		(void)begin(&w, "x.example", TYPE_TXT);
	while (uv_run(&w.loop, UV_RUN_ONCE)) {
		assert_true(dns_server_tcp_count(w.servers[0]) <= DNS_TCP_MAX);
		if (got.calls)
			assert_int_equal(got.status, DNS_TIMEOUT);
		queued += strstr(got.reason, "waiting for one of 16") != NULL;
	}
	assert_int_equal(got.calls, AT_ONCE);
	assert_true(queued > 0);
	close_world(&w);
}

static void say_cut_but_y(void *arg, struct dns_message *m)
{
	if (strcmp(m->name, "x.example") == 0)
		say_cut_then_silent(arg, m);
	else
		dns_add(m, DNS_ANSWER, "y.example 60 TXT quick");
}

/* Look-ups that are queued for TCP do not delay others. */
static void test_tcp_does_not_delay_udp(void **state)
{
	enum { AT_ONCE = 1000 };
	struct dns_query *queries[AT_ONCE];
	struct world w;

	(void)state;
	open_world(&w, 60000, say_cut_but_y, NULL, NULL);
	for (int i = 0; i < AT_ONCE; i++)
		queries[i] = begin(&w, "x.example", TYPE_TXT);
	(void)begin(&w, "y.example", TYPE_TXT);
	while (got.calls == 0)
		uv_run(&w.loop, UV_RUN_ONCE);
	assert_string_equal(got.text, "quick");
	for (int i = 0; i < AT_ONCE; i++)
		dns_query_cancel(&queries[i]);
	assert_int_equal(got.calls, 1);
	close_world(&w);
}

/* At first no descriptor is left; later there is. */
static void test_no_descriptor_is_left(void **state)
{
	struct rlimit old, none;
	struct dns_query *query;
	struct world w;

	(void)state;
	open_world(&w, 5000, say_hello, NULL, NULL);
	ask(&w, "x.example", TYPE_TXT);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	query = begin(&w, "x.example", TYPE_TXT);
	uv_run(&w.loop, UV_RUN_NOWAIT);
	dns_query_cancel(&query);
	(void)begin(&w, "x.example", TYPE_TXT);
	uv_run(&w.loop, UV_RUN_NOWAIT);
	assert_int_equal(got.calls, 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	uv_run(&w.loop, UV_RUN_DEFAULT);
	assert_int_equal(got.calls, 2);
	assert_int_equal(got.status, DNS_OK);
	close_world(&w);
}

/* If the nth allocation fails, the look-up fails or does not start. Nothing leaks,
 * and later look-ups work. */
static void test_each_allocation_fails(void **state)
{
	const char *texts[1];
	struct resolver_options options = { .servers = texts,
		                            .server_count = 1,
		                            .timeout_ms = 1200 };
	size_t n = 0;
	bool failed;

	(void)state;
	do {
		struct resolver *resolver = NULL;
		struct dns_query *query = NULL;
		struct fault why;
		struct world w;
		int status;

		open_world(&w, 1200, say_hello, NULL, NULL);
		texts[0] = dns_server_text(w.servers[0]);
		options.loop = &w.loop;
		alloc_fail_at(++n);
		status = resolver_new(&options, &resolver, &why);
		if (status == MTS_OK)
			status = resolver_txt(resolver, "x.example", on_answer,
			                      NULL, &query);
		if (status == MTS_OK)
			uv_run(&w.loop, UV_RUN_DEFAULT);
		failed = alloc_count() >= n;
		alloc_fail_at(0);
		assert_true(status == MTS_OK || status == MTS_ENOMEM);
		assert_int_equal(got.calls, status == MTS_OK);
		if (!failed)
			assert_int_equal(got.status, DNS_OK);
		resolver_close(&resolver);
		close_world(&w);
	} while (failed);
	assert_true(n > 5);
}

/* -- names ----------------------------------------------------------------- */

static const struct {
	const char *name;
	bool good;
} names[] = {
	{ "example", true },
	{ "a.example", true },
	{ "_mta-sts.a.example", true },
	{ "_mta-sts.a-b.example", true },
	{ "", false },
	{ "_mta-sts.", false },
	{ "_dmarc.a.example", false },
	{ "a._mta-sts.example", false },
	{ "a.example.", false },
	{ "a..example", false },
	{ "a b.example", false },
	{ "a\\.b.example", false },
	{ "192.0.2.1", false },
};

static void test_which_names_are_accepted(void **state)
{
	struct world w;
	char longest[300];

	(void)state;
	open_world(&w, 2500, say_silent, NULL, NULL);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct dns_query *query = NULL;
		int status = resolver_a(w.resolver, names[i].name, on_answer,
		                        NULL, &query);

		if (status != (names[i].good ? MTS_OK : MTS_ESYNTAX))
			fail_msg("%s", names[i].name);
		dns_query_cancel(&query);
	}
	/* "_mta-sts." is part of the 253 bytes. */
	snprintf(longest, sizeof(longest), "_mta-sts.");
	while (strlen(longest) < 250)
		memcpy(longest + strlen(longest), "abc.", 5);
	memcpy(longest + strlen(longest) - 1, "defghi", 7);
	assert_true(strlen(longest) > 253);
	assert_int_equal(resolver_a(w.resolver, longest, on_answer, NULL,
	                            &(struct dns_query *){ NULL }),
	                 MTS_ESYNTAX);
	close_world(&w);
}

/* -- resolv.conf ----------------------------------------------------------- */

static const struct {
	const char *text;
	const char *servers;
} confs[] = {
	{ "nameserver 192.0.2.1\n", "192.0.2.1" },
	{ "nameserver 192.0.2.1", "192.0.2.1" },
	{ "nameserver\t192.0.2.1 \r\nnameserver 2001:db8::1\r\n",
	  "192.0.2.1 2001:db8::1" },
	{ "# nameserver 192.0.2.1\n;nameserver 192.0.2.2\nsearch a.example\n"
	  "options ndots:2 edns0\nnameserver 192.0.2.3 # mine\n",
	  "192.0.2.3" },
	{ "nameserver fe80::1%eth0\nnameserver 192.0.2.1\n", "192.0.2.1" },
	{ "nameserver\nnameserver x\nnameservers 192.0.2.1\n", "" },
	{ "nameserver 1.0.0.1\nnameserver 1.0.0.2\nnameserver 1.0.0.3\n"
	  "nameserver 1.0.0.4\nnameserver 1.0.0.5\nnameserver 1.0.0.6\n"
	  "nameserver 1.0.0.7\nnameserver 1.0.0.8\nnameserver 1.0.0.9\n",
	  "1.0.0.1 1.0.0.2 1.0.0.3 1.0.0.4 1.0.0.5 1.0.0.6 1.0.0.7 1.0.0.8" },
	{ "", "" },
	{ "\n\n", "" },
};

static void test_resolv_conf_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(confs); i++) {
		struct address found[RESOLVER_SERVERS_MAX];
		size_t count =
		    resolv_conf_parse(slice_str(confs[i].text), found);
		char text[RESOLVER_SERVERS_MAX * (ADDRESS_TEXT + 1)] = "";
		char one[ADDRESS_TEXT];

		for (size_t k = 0; k < count; k++)
			snprintf(text + strlen(text),
			         sizeof(text) - strlen(text), "%s%s",
			         k ? " " : "", address_text(&found[k], one));
		assert_string_equal(text, confs[i].servers);
	}
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void wait_ms(uv_loop_t *loop, unsigned ms)
{
	usleep(ms * 1000);
	uv_update_time(loop);
}

static void say_second(void *arg, struct dns_message *m)
{
	(void)arg;
	dns_add(m, DNS_ANSWER, "x.example 60 TXT second");
}

static void test_resolv_conf_is_read_again(void **state)
{
	char path[] = "/tmp/test_resolver.XXXXXX";
	struct resolver_options options = { .resolv_conf = path,
		                            .timeout_ms = 2500 };
	struct dns_server *servers[2];
	struct fault why;
	struct world w;

	(void)state;
	close(mkstemp(path));
	open_world(&w, 2500, say_silent, NULL, NULL);
	resolver_close(&w.resolver);
	servers[0] =
	    dns_server_start(&w.loop, "127.0.0.1", 53, say_hello, NULL);
	servers[1] =
	    dns_server_start(&w.loop, "127.0.0.2", 53, say_second, NULL);
	options.loop = &w.loop;
	assert_int_equal(resolver_new(&options, &w.resolver, &why),
	                 MTS_ENOTFOUND);
	assert_null(w.resolver);
	write_file(path, "nameserver 127.0.0.1\n");
	assert_int_equal(resolver_new(&options, &w.resolver, &why), MTS_OK);
	assert_string_equal(resolver_servers(w.resolver), "127.0.0.1:53");
	ask(&w, "x.example", TYPE_TXT);
	assert_string_equal(got.text, "hello");
	write_file(path, "nameserver 127.0.0.2\nnameserver ::1\n");
	ask(&w, "x.example", TYPE_TXT); /* it is not read again so soon */
	assert_string_equal(got.text, "hello");
	wait_ms(&w.loop, 2100);
	ask(&w, "x.example", TYPE_TXT);
	assert_string_equal(got.text, "second");
	assert_string_equal(resolver_servers(w.resolver),
	                    "127.0.0.2:53, [::1]:53");
	/* An unusable file changes nothing. */
	write_file(path, "");
	wait_ms(&w.loop, 2100);
	ask(&w, "x.example", TYPE_TXT);
	assert_string_equal(got.text, "second");
	assert_int_equal(unlink(path), 0);
	wait_ms(&w.loop, 2100);
	ask(&w, "x.example", TYPE_TXT);
	assert_string_equal(got.text, "second");
	dns_server_stop(servers[0]);
	dns_server_stop(servers[1]);
	close_world(&w);
}

static void test_invalid_options(void **state)
{
	const char *servers[9] = { "nowhere" };
	struct resolver_options options = { .servers = servers,
		                            .server_count = 1,
		                            .resolv_conf = "/nonexistent/x",
		                            .timeout_ms = 1000 };
	struct resolver *resolver = NULL;
	struct fault why;
	uv_loop_t loop;

	(void)state;
	uv_loop_init(&loop);
	options.loop = &loop;
	assert_int_equal(resolver_new(&options, &resolver, &why), MTS_ESYNTAX);
	for (size_t i = 0; i < 9; i++)
		servers[i] = "127.0.0.1";
	options.server_count = 9;
	assert_int_equal(resolver_new(&options, &resolver, &why), MTS_ERANGE);
	options.server_count = 0;
	assert_int_equal(resolver_new(&options, &resolver, &why), MTS_ESYS);
	assert_non_null(strstr(why.text, "/nonexistent/x cannot be read"));
	assert_null(resolver);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer_of_each_kind),
		cmocka_unit_test(test_cname_without_its_target_is_followed),
		cmocka_unit_test(test_referral_is_no_answer),
		cmocka_unit_test(test_failing_servers),
		cmocka_unit_test(test_silent_server_is_avoided),
		cmocka_unit_test(test_closed_port_is_noticed_at_once),
		cmocka_unit_test(test_answer_from_another_port_is_ignored),
		cmocka_unit_test(test_answer_with_another_id_is_ignored),
		cmocka_unit_test(test_ids_and_ports_are_random),
		cmocka_unit_test(test_question_as_the_server_sees_it),
		cmocka_unit_test(test_cancel_at_any_time),
		cmocka_unit_test(test_callback_may_cancel_ask_and_close),
		cmocka_unit_test(test_descriptors_are_closed),
		cmocka_unit_test(test_wait_for_tcp_is_part_of_the_time_limit),
		cmocka_unit_test(test_tcp_does_not_delay_udp),
		cmocka_unit_test(test_no_descriptor_is_left),
		cmocka_unit_test(test_each_allocation_fails),
		cmocka_unit_test(test_which_names_are_accepted),
		cmocka_unit_test(test_resolv_conf_text),
		cmocka_unit_test(test_resolv_conf_is_read_again),
		cmocka_unit_test(test_invalid_options),
	};

	if (!netns_enter())
		return netns_skip();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
