/* SPDX-License-Identifier: BSD-2-Clause */
/* test_secure_dns.c - resolvers that validate, strip signatures, fail or stay
 * silent, and what secure_dns.c concludes. (tests/integration has real
 * signatures.) */
#include "tests.h"

#include "alloc.h"
#include "dns_server.h"
#include "netns.h"

#include "base/log.h"
#include "dnssec/secure_dns.h"
#include "dnssec/trust_anchor.h"

#include <getdns/getdns.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

/* The root's key of 2017 (RFC 7958): no test can sign with it. */
static const char anchor_ds[] =
    ". IN DS 20326 8 2 "
    "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n";

/* Valgrind is slow, and so are sanitizers on a loaded machine. */
static uint64_t timeout_ms(void)
{
	return getenv("MTS_VALGRIND") ? 4000 : 500;
}

/* -- a world --------------------------------------------------------------- */

struct world {
	uv_loop_t loop;
	struct dns_server *server;
	struct resolver *resolver;
	struct secure_dns *dns;
	struct clock clock;
	uint64_t now_ms;
	char anchor[64];
};

static uint64_t mono_ms(void *arg)
{
	return ((struct world *)arg)->now_ms;
}

static int64_t wall_s(void *arg)
{
	(void)arg;
	return 0;
}

static struct {
	unsigned calls;
	enum dns_status status;
	bool authenticated, bogus;
	size_t count;
	unsigned hops;
	char end[DNS_NAME_WIRE + 1];
	char reason[400];
} got;

static void on_answer(void *arg, const struct dns_answer *answer)
{
	(void)arg;
	got.calls++;
	got.status = answer->status;
	got.authenticated = answer->authenticated;
	got.bogus = answer->bogus;
	got.count = answer->count;
	got.hops = answer->hops;
	got.end[0] = '\0';
	if (answer->end)
		dns_name_show(answer->end, got.end);
	snprintf(got.reason, sizeof(got.reason), "%s", answer->reason);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void open_servers(struct world *w, dns_script *script)
{
	const char *text;
	struct resolver_options options = { .loop = &w->loop,
		                            .servers = &text,
		                            .server_count = 1,
		                            .timeout_ms = timeout_ms() };
	struct fault why;

	memset(&got, 0, sizeof(got));
	memset(w, 0, sizeof(*w));
	w->clock =
	    (struct clock){ .wall_s = wall_s, .mono_ms = mono_ms, .arg = w };
	assert_int_equal(uv_loop_init(&w->loop), 0);
	w->server = dns_server_start(&w->loop, "127.0.0.1", 0, script, w);
	text = dns_server_text(w->server);
	assert_int_equal(resolver_new(&options, &w->resolver, &why), MTS_OK);
	snprintf(w->anchor, sizeof(w->anchor), "/tmp/mts-anchor-%d",
	         (int)getpid());
	write_file(w->anchor, anchor_ds);
}

static int try_open(struct world *w, enum secure_dns_mode mode,
                    const char *anchor, struct fault *why)
{
	struct secure_dns_options options = { .loop = &w->loop,
		                              .resolver = w->resolver,
		                              .mode = mode,
		                              .trust_anchor = anchor,
		                              .timeout_ms = timeout_ms(),
		                              .clock = &w->clock };

	return secure_dns_new(&options, &w->dns, why);
}

static void open_world(struct world *w, enum secure_dns_mode mode,
                       dns_script *script)
{
	struct fault why;

	open_servers(w, script);
	assert_int_equal(try_open(w, mode, w->anchor, &why), MTS_OK);
}

static void close_world(struct world *w)
{
	secure_dns_close(&w->dns);
	assert_null(w->dns);
	resolver_close(&w->resolver);
	dns_server_stop(w->server);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	unlink(w->anchor);
}

static enum secure_dns_health test(struct world *w)
{
	(void)secure_dns_health(w->dns);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	return secure_dns_health(w->dns);
}

static struct secure_query *begin(struct world *w, const char *text,
                                  uint16_t type)
{
	struct secure_query *query = NULL;
	struct dns_name name;

	assert_int_equal(dns_name_parse(text, &name), MTS_OK);
	assert_int_equal(
	    secure_dns_ask(w->dns, &name, type, on_answer, NULL, &query),
	    MTS_OK);
	return query;
}

static void ask(struct world *w, const char *text, uint16_t type)
{
	unsigned calls = got.calls;

	(void)begin(w, text, type);
	assert_int_equal(got.calls, calls);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(got.calls, calls + 1);
}

/* -- resolvers ------------------------------------------------------------- */

static void answer_root(struct dns_message *m)
{
	if (m->type == GETDNS_RRTYPE_NS && m->name[0] == '\0')
		dns_add(m, DNS_ANSWER, ". 60 NS a.root-servers.example");
}

static void say_stripped(void *arg, struct dns_message *m)
{
	(void)arg;
	answer_root(m);
}

static void say_validated(void *arg, struct dns_message *m)
{
	(void)arg;
	answer_root(m);
	if (m->type == GETDNS_RRTYPE_MX)
		dns_add(m, DNS_ANSWER,
		        "x.example 60 CNAME y.example\n"
		        "y.example 60 MX a.example\ny.example 60 MX b.example");
	if (m->dnssec)
		dns_set_flags(m, DNS_QR | DNS_RD | DNS_RA | DNS_AD);
}

static void say_choked(void *arg, struct dns_message *m)
{
	(void)arg;
	if (m->dnssec)
		dns_set_rcode(m, 2);
	else
		answer_root(m);
}

static void say_nothing(void *arg, struct dns_message *m)
{
	(void)arg;
	m->silent = true;
}

static void say_nothing_to_dnssec(void *arg, struct dns_message *m)
{
	m->silent = m->dnssec;
	say_stripped(arg, m);
}

/* Like a middlebox that rejects EDNS. */
static void say_formerr(void *arg, struct dns_message *m)
{
	(void)arg;
	if (m->edns)
		dns_set_rcode(m, 1);
	else
		answer_root(m);
}

static void say_cut(void *arg, struct dns_message *m)
{
	if (m->tcp)
		say_validated(arg, m);
	else
		dns_set_flags(m, DNS_QR | DNS_RD | DNS_RA | DNS_TC);
}

/* An alias without its target; only the second of the two answers is secure. */
static void say_half_secure(void *arg, struct dns_message *m)
{
	(void)arg;
	answer_root(m);
	if (m->type != GETDNS_RRTYPE_MX)
		return;
	if (strcmp(m->name, "x.example") == 0) {
		dns_add(m, DNS_ANSWER, "x.example 60 CNAME y.example");
		return;
	}
	dns_add(m, DNS_ANSWER, "y.example 60 MX a.example");
	dns_set_flags(m, DNS_QR | DNS_RD | DNS_RA | DNS_AD);
}

/* -- tests ----------------------------------------------------------------- */

static void test_state_after_the_first_test(void **state)
{
	static const struct {
		const char *what;
		enum secure_dns_mode mode;
		dns_script *script;
		enum secure_dns_health health;
	} rows[] = {
		{ "AD", SECURE_DNS_TRUST_AD, say_validated, SECURE_DNS_GOOD },
		{ "AD of loopback", SECURE_DNS_AUTO, say_validated,
		  SECURE_DNS_GOOD },
		{ "AD by TCP", SECURE_DNS_TRUST_AD, say_cut, SECURE_DNS_GOOD },
		{ "no AD", SECURE_DNS_TRUST_AD, say_stripped,
		  SECURE_DNS_STRIPPED },
		{ "no AD, then no signatures", SECURE_DNS_AUTO, say_stripped,
		  SECURE_DNS_STRIPPED },
		{ "no signatures", SECURE_DNS_VALIDATE, say_stripped,
		  SECURE_DNS_STRIPPED },
		{ "SERVFAIL to DO", SECURE_DNS_TRUST_AD, say_choked,
		  SECURE_DNS_FAILING },
		{ "SERVFAIL to DO, validating", SECURE_DNS_VALIDATE, say_choked,
		  SECURE_DNS_FAILING },
		{ "silence to DO", SECURE_DNS_TRUST_AD, say_nothing_to_dnssec,
		  SECURE_DNS_FAILING },
		{ "silence", SECURE_DNS_TRUST_AD, say_nothing,
		  SECURE_DNS_DEAD },
		{ "silence, validating", SECURE_DNS_VALIDATE, say_nothing,
		  SECURE_DNS_DEAD },
		{ "no EDNS", SECURE_DNS_TRUST_AD, say_formerr,
		  SECURE_DNS_FAILING },
		{ "off", SECURE_DNS_OFF, say_validated, SECURE_DNS_NONE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		enum secure_dns_health health;
		struct world w;

		open_world(&w, rows[i].mode, rows[i].script);
		if (rows[i].mode != SECURE_DNS_OFF)
			assert_int_equal(secure_dns_health(w.dns),
			                 SECURE_DNS_UNTESTED);
		health = test(&w);
		if (health != rows[i].health)
			fail_msg("%s: %s", rows[i].what,
			         secure_dns_text(w.dns));
		close_world(&w);
	}
}

static void test_next_test_starts_only_when_due_and_asked_for(void **state)
{
	struct world w;
	unsigned count;

	(void)state;
	open_world(&w, SECURE_DNS_TRUST_AD, say_validated);
	assert_int_equal(test(&w), SECURE_DNS_GOOD);
	count = dns_server_udp_count(w.server);
	w.now_ms += 59 * 60 * 1000;
	assert_int_equal(test(&w), SECURE_DNS_GOOD);
	assert_int_equal(dns_server_udp_count(w.server), count);
	w.now_ms += 60 * 1000;
	assert_int_equal(uv_loop_alive(&w.loop), 0);
	assert_int_equal(test(&w), SECURE_DNS_GOOD);
	assert_int_equal(dns_server_udp_count(w.server), count + 1);
	close_world(&w);
}

static dns_script *now_says;

static void say_now(void *arg, struct dns_message *m)
{
	now_says(arg, m);
}

static void test_good_is_given_up_after_three_failures(void **state)
{
	struct world w;

	(void)state;
	now_says = say_validated;
	open_world(&w, SECURE_DNS_TRUST_AD, say_now);
	assert_int_equal(test(&w), SECURE_DNS_GOOD);
	/* Two failures in a row are not enough. */
	now_says = say_choked;
	w.now_ms += 3600 * 1000;
	assert_int_equal(test(&w), SECURE_DNS_GOOD);
	w.now_ms += 30 * 1000;
	assert_int_equal(test(&w), SECURE_DNS_GOOD);
	w.now_ms += 30 * 1000;
	assert_int_equal(test(&w), SECURE_DNS_FAILING);
	/* It works again; the next test, ten minutes later, sees it. */
	now_says = say_validated;
	w.now_ms += 9 * 60 * 1000;
	assert_int_equal(test(&w), SECURE_DNS_FAILING);
	w.now_ms += 60 * 1000;
	assert_int_equal(test(&w), SECURE_DNS_GOOD);
	/* DNS is dead for an hour and comes back: the state stays GOOD. */
	now_says = say_nothing;
	w.now_ms += 3600 * 1000;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(test(&w), SECURE_DNS_GOOD);
		w.now_ms += 12 * 60 * 1000;
	}
	now_says = say_validated;
	assert_int_equal(test(&w), SECURE_DNS_GOOD);
	/* Answers without AD count at once. */
	now_says = say_stripped;
	w.now_ms += 3600 * 1000;
	assert_int_equal(test(&w), SECURE_DNS_STRIPPED);
	close_world(&w);
}

static void say_one_choked(void *arg, struct dns_message *m)
{
	say_validated(arg, m);
	if (m->name[0])
		dns_set_rcode(m, 2);
}

/* But not more than one test a minute: some zone always fails. */
static void test_failed_lookup_brings_the_next_test_forward(void **state)
{
	struct world w;
	unsigned count;

	(void)state;
	now_says = say_one_choked;
	open_world(&w, SECURE_DNS_TRUST_AD, say_now);
	assert_int_equal(test(&w), SECURE_DNS_GOOD);
	w.now_ms += 20 * 1000;
	ask(&w, "x.example", GETDNS_RRTYPE_MX);
	assert_int_equal(got.status, DNS_FAILED);
	count = dns_server_udp_count(w.server);
	w.now_ms += 39 * 1000;
	assert_int_equal(test(&w), SECURE_DNS_GOOD);
	assert_int_equal(dns_server_udp_count(w.server), count);
	w.now_ms += 1000;
	assert_int_equal(test(&w), SECURE_DNS_GOOD);
	assert_int_equal(dns_server_udp_count(w.server), count + 1);
	/* The zone was to blame, and nothing has failed since. */
	w.now_ms += 59 * 60 * 1000;
	assert_int_equal(test(&w), SECURE_DNS_GOOD);
	assert_int_equal(dns_server_udp_count(w.server), count + 1);
	/* Now the resolver is to blame. */
	now_says = say_choked;
	ask(&w, "x.example", GETDNS_RRTYPE_MX);
	assert_int_equal(test(&w), SECURE_DNS_GOOD);
	w.now_ms += 30 * 1000;
	assert_int_equal(test(&w), SECURE_DNS_GOOD);
	w.now_ms += 30 * 1000;
	assert_int_equal(test(&w), SECURE_DNS_FAILING);
	close_world(&w);
}

/* When a resolver stops validating, its answers just lack the AD bit. Most zones
 * are not signed, so it takes many such answers in a row. */
static void test_many_insecure_answers_bring_the_next_test_forward(void **state)
{
	struct world w;
	unsigned count;

	(void)state;
	now_says = say_validated;
	open_world(&w, SECURE_DNS_TRUST_AD, say_now);
	assert_int_equal(test(&w), SECURE_DNS_GOOD);
	now_says = say_stripped;
	for (int i = 0; i < 31; i++)
		ask(&w, "x.example", GETDNS_RRTYPE_MX);
	now_says = say_validated;
	ask(&w, "x.example", GETDNS_RRTYPE_MX);
	assert_true(got.authenticated);
	now_says = say_stripped;
	for (int i = 0; i < 31; i++)
		ask(&w, "x.example", GETDNS_RRTYPE_MX);
	assert_false(got.authenticated);
	count = dns_server_udp_count(w.server);
	w.now_ms += 60 * 1000;
	assert_int_equal(test(&w), SECURE_DNS_GOOD);
	assert_int_equal(dns_server_udp_count(w.server), count);
	ask(&w, "x.example", GETDNS_RRTYPE_MX);
	assert_int_equal(test(&w), SECURE_DNS_STRIPPED);
	close_world(&w);
}

/* When a machine boots, its network may come up later. Until a test sees that, mail
 * goes without DANE. */
static void test_dns_that_comes_up_late_is_seen_soon(void **state)
{
	struct world w;

	(void)state;
	now_says = say_nothing;
	open_world(&w, SECURE_DNS_TRUST_AD, say_now);
	assert_int_equal(test(&w), SECURE_DNS_DEAD);
	now_says = say_validated;
	assert_int_equal(test(&w), SECURE_DNS_DEAD);
	w.now_ms += 2 * 1000;
	assert_int_equal(test(&w), SECURE_DNS_GOOD);
	close_world(&w);
}

static void say_and_count(void *arg, struct dns_message *m)
{
	++*(unsigned *)arg;
	say_stripped(arg, m);
}

/* resolv.conf is checked at most every two seconds. */
static void wait_for_reread(uv_loop_t *loop)
{
	usleep(2100 * 1000);
	uv_update_time(loop);
}

static void test_validator_follows_resolv_conf(void **state)
{
	char path[] = "/tmp/test_secure_dns.XXXXXX";
	struct resolver_options options = { .resolv_conf = path,
		                            .timeout_ms = timeout_ms() };
	unsigned asked[2] = { 0, 0 };
	struct dns_server *servers[2];
	struct fault why;
	struct world w;

	(void)state;
	close(mkstemp(path));
	write_file(path, "nameserver 127.0.0.1\n");
	open_servers(&w, say_nothing);
	resolver_close(&w.resolver);
	for (size_t i = 0; i < 2; i++)
		servers[i] =
		    dns_server_start(&w.loop, i ? "127.0.0.2" : "127.0.0.1", 53,
		                     say_and_count, &asked[i]);
	options.loop = &w.loop;
	assert_int_equal(resolver_new(&options, &w.resolver, &why), MTS_OK);
	assert_int_equal(try_open(&w, SECURE_DNS_VALIDATE, w.anchor, &why),
	                 MTS_OK);
	ask(&w, "x.example", GETDNS_RRTYPE_A);
	assert_true(asked[0] > 0);
	assert_int_equal(asked[1], 0);
	write_file(path, "nameserver 127.0.0.2\n");
	wait_for_reread(&w.loop);
	asked[0] = 0;
	ask(&w, "y.example", GETDNS_RRTYPE_A);
	assert_int_equal(asked[0], 0);
	assert_true(asked[1] > 0);
	/* The new servers get what was open when they changed. */
	write_file(path, "nameserver 127.0.0.1\n");
	(void)begin(&w, "z.example", GETDNS_RRTYPE_A);
	wait_for_reread(&w.loop);
	asked[1] = 0;
	(void)secure_dns_health(w.dns);
	uv_run(&w.loop, UV_RUN_DEFAULT);
	assert_int_equal(got.calls, 3);
	assert_true(asked[0] > 0);
	dns_server_stop(servers[0]);
	dns_server_stop(servers[1]);
	close_world(&w);
	unlink(path);
}

static void test_ad_bit_makes_an_answer_authenticated(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, SECURE_DNS_TRUST_AD, say_validated);
	ask(&w, "x.example", GETDNS_RRTYPE_MX);
	assert_int_equal(got.status, DNS_OK);
	assert_true(got.authenticated);
	assert_int_equal(got.count, 2);
	assert_int_equal(got.hops, 1);
	assert_string_equal(got.end, "y.example");
	ask(&w, "x.example", GETDNS_RRTYPE_TLSA);
	assert_int_equal(got.status, DNS_NODATA);
	assert_true(got.authenticated);
	close_world(&w);
	/* RFC 7672 2.1.3: "an insecure CNAME ... it and all subsequent results
	 * MUST be considered insecure". */
	open_world(&w, SECURE_DNS_TRUST_AD, say_half_secure);
	ask(&w, "x.example", GETDNS_RRTYPE_MX);
	assert_int_equal(got.status, DNS_OK);
	assert_int_equal(got.count, 1);
	assert_false(got.authenticated);
	close_world(&w);
}

static bool saw_dnssec;

static void say_and_note(void *arg, struct dns_message *m)
{
	saw_dnssec = saw_dnssec || m->dnssec;
	say_stripped(arg, m);
	dns_add(m, DNS_ANSWER, "x.example 60 TXT hello");
}

static void test_plain_lookups_do_not_ask_for_signatures(void **state)
{
	struct dns_query *query;
	struct world w;

	(void)state;
	saw_dnssec = false;
	open_world(&w, SECURE_DNS_OFF, say_and_note);
	assert_int_equal(
	    resolver_txt(w.resolver, "x.example", on_answer, NULL, &query),
	    MTS_OK);
	uv_run(&w.loop, UV_RUN_DEFAULT);
	assert_int_equal(got.status, DNS_OK);
	assert_false(got.authenticated);
	assert_false(saw_dnssec);
	close_world(&w);
}

static void test_failures_have_a_reason(void **state)
{
	static const struct {
		enum secure_dns_mode mode;
		dns_script *script;
		enum dns_status status;
	} rows[] = {
		{ SECURE_DNS_TRUST_AD, say_choked, DNS_FAILED },
		{ SECURE_DNS_TRUST_AD, say_nothing, DNS_TIMEOUT },
		{ SECURE_DNS_VALIDATE, say_nothing, DNS_TIMEOUT },
		{ SECURE_DNS_OFF, say_validated, DNS_FAILED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct world w;

		open_world(&w, rows[i].mode, rows[i].script);
		ask(&w, "x.example", GETDNS_RRTYPE_MX);
		assert_int_equal(got.status, rows[i].status);
		assert_false(got.authenticated);
		assert_true(got.reason[0]);
		close_world(&w);
	}
}

static void test_unsigned_answer_below_a_signed_root_is_bogus(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, SECURE_DNS_VALIDATE, say_validated);
	ask(&w, "x.example", GETDNS_RRTYPE_MX);
	assert_int_equal(got.status, DNS_FAILED);
	assert_true(got.bogus);
	assert_false(got.authenticated);
	assert_non_null(strstr(got.reason, "bogus"));
	close_world(&w);
}

static void test_queue_is_bounded_and_every_lookup_ends(void **state)
{
	static const enum secure_dns_mode modes[] = { SECURE_DNS_TRUST_AD,
		                                      SECURE_DNS_VALIDATE };

	(void)state;
	for (size_t m = 0; m < ARRAY_LEN(modes); m++) {
		struct secure_query *query;
		struct dns_name name;
		struct world w;
		char text[32];
		unsigned started = 0;
		int status = MTS_OK;

		open_world(&w, modes[m], say_nothing);
		for (unsigned i = 0; i < 10000 && status == MTS_OK; i++) {
			snprintf(text, sizeof(text), "x%u.example", i);
			assert_int_equal(dns_name_parse(text, &name), MTS_OK);
			status = secure_dns_ask(w.dns, &name, GETDNS_RRTYPE_MX,
			                        on_answer, NULL, &query);
			started += status == MTS_OK;
		}
		assert_int_equal(status, MTS_EFULL);
		assert_in_range(started, 1000, 5000);
		uv_run(&w.loop, UV_RUN_DEFAULT);
		assert_int_equal(got.calls, started);
		close_world(&w);
	}
}

/* With and without open questions. */
static void test_close_at_every_moment(void **state)
{
	static const enum secure_dns_mode modes[] = { SECURE_DNS_TRUST_AD,
		                                      SECURE_DNS_VALIDATE,
		                                      SECURE_DNS_AUTO };

	(void)state;
	for (int i = 0; i < 24; i++) {
		struct secure_query *query;
		struct world w;

		open_world(&w, modes[i % 3],
		           i % 2 ? say_validated : say_choked);
		for (int k = 0; k < 60; k++)
			query = begin(&w, "x.example", GETDNS_RRTYPE_MX);
		secure_query_cancel(&query);
		for (int k = 0; k < i; k++) {
			uv_run(&w.loop, UV_RUN_NOWAIT);
			usleep(500);
		}
		close_world(&w);
	}
}

static void test_failed_allocation_is_an_error(void **state)
{
	(void)state;
	for (int validate = 0; validate < 2; validate++)
		for (size_t at = 1; at < 25; at++) {
			struct fault why;
			struct world w;
			int status;

			open_servers(&w, say_validated);
			alloc_fail_at(at);
			status = try_open(&w,
			                  validate ? SECURE_DNS_VALIDATE
			                           : SECURE_DNS_TRUST_AD,
			                  w.anchor, &why);
			if (status == MTS_OK) {
				struct secure_query *query;
				struct dns_name name;

				assert_int_equal(
				    dns_name_parse("x.example", &name), MTS_OK);
				(void)secure_dns_ask(w.dns, &name,
				                     GETDNS_RRTYPE_MX,
				                     on_answer, NULL, &query);
			} else {
				assert_int_equal(status, MTS_ENOMEM);
			}
			uv_run(&w.loop, UV_RUN_DEFAULT);
			alloc_fail_at(0);
			close_world(&w);
		}
}

static void test_trust_anchor_files(void **state)
{
	static const struct {
		const char *text; /* NULL: there is no file */
		int status;
	} rows[] = {
		{ anchor_ds, MTS_OK },
		{ "; a comment\n\n. 3600 IN DS 20326 8 2 ( "
		  "E06D44B80B8F1D39A95C0B0D7C65D084\n"
		  " 58E880409BBC683457104237C7F8EC8D )\n",
		  MTS_OK },
		{ NULL, MTS_ESYS },
		{ "", MTS_ENOTFOUND },
		{ "; nothing\n", MTS_ENOTFOUND },
		{ "garbage\n", MTS_ENOTFOUND },
		{ "<?xml version=\"1.0\"?><TrustAnchor/>\n", MTS_ENOTFOUND },
		{ ". IN NS a.example.\n", MTS_ENOTFOUND },
		{ ". IN DS 20326 8 2 zz\n", MTS_ENOTFOUND },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fault why = { .text = "" };
		struct world w;
		int status;

		open_servers(&w, say_validated);
		if (rows[i].text)
			write_file(w.anchor, rows[i].text);
		else
			unlink(w.anchor);
		status = try_open(&w, SECURE_DNS_VALIDATE, w.anchor, &why);
		if (status != rows[i].status)
			fail_msg("row %zu: %d %s", i, status, why.text);
		if (status != MTS_OK)
			assert_non_null(strstr(why.text, w.anchor));
		close_world(&w);
	}
}

static void test_partly_invalid_trust_anchor_is_rejected(void **state)
{
	struct fault why;
	struct world w;
	char text[400];

	(void)state;
	open_servers(&w, say_validated);
	snprintf(text, sizeof(text), "%s. IN DS nonsense\n", anchor_ds);
	write_file(w.anchor, text);
	assert_int_not_equal(try_open(&w, SECURE_DNS_VALIDATE, w.anchor, &why),
	                     MTS_OK);
	assert_non_null(strstr(why.text, w.anchor));
	/* A directory. */
	assert_int_equal(try_open(&w, SECURE_DNS_AUTO, "/tmp", &why),
	                 MTS_ESYNTAX);
	close_world(&w);
}

static void test_system_trust_anchor_is_the_first_valid_file(void **state)
{
	static const char *none[] = { "/nonexistent/a", "/nonexistent/b",
		                      NULL };
	char path[64];
	const char *some[] = { "/nonexistent/a", path, NULL };
	const char *found;
	struct fault why;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/mts-anchor-file-%d", (int)getpid());
	assert_int_equal(trust_anchor_find("", none, &found, &why),
	                 MTS_ENOTFOUND);
	assert_non_null(strstr(why.text, "dns.trust_anchor"));
	write_file(path, anchor_ds);
	assert_int_equal(trust_anchor_find("", some, &found, &why), MTS_OK);
	assert_ptr_equal(found, path);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_state_after_the_first_test),
		cmocka_unit_test(
		    test_next_test_starts_only_when_due_and_asked_for),
		cmocka_unit_test(test_good_is_given_up_after_three_failures),
		cmocka_unit_test(
		    test_failed_lookup_brings_the_next_test_forward),
		cmocka_unit_test(
		    test_many_insecure_answers_bring_the_next_test_forward),
		cmocka_unit_test(test_dns_that_comes_up_late_is_seen_soon),
		cmocka_unit_test(test_validator_follows_resolv_conf),
		cmocka_unit_test(test_ad_bit_makes_an_answer_authenticated),
		cmocka_unit_test(test_plain_lookups_do_not_ask_for_signatures),
		cmocka_unit_test(test_failures_have_a_reason),
		cmocka_unit_test(
		    test_unsigned_answer_below_a_signed_root_is_bogus),
		cmocka_unit_test(test_queue_is_bounded_and_every_lookup_ends),
		cmocka_unit_test(test_close_at_every_moment),
		cmocka_unit_test(test_failed_allocation_is_an_error),
		cmocka_unit_test(test_trust_anchor_files),
		cmocka_unit_test(test_partly_invalid_trust_anchor_is_rejected),
		cmocka_unit_test(
		    test_system_trust_anchor_is_the_first_valid_file),
	};

	if (!netns_enter())
		return netns_skip();
	log_open("test", LOG_TARGET_STDERR, LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
