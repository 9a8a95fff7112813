/* SPDX-License-Identifier: BSD-2-Clause */
/* test_dane_check.c - from a next hop to its DANE state (RFC 7672 2).
 *
 * This file has its own dnssec/secure_dns.h, which gives the answers that a row
 * lists. */
#include "tests.h"

#include "alloc.h"

#include "discover/dane_check.h"
#include "discover/dane_rules.h"
#include "dnssec/zones.h"

#include <getdns/getdns.h>
#include <stdio.h>

/* -- look-ups with a row's answers ----------------------------------------- */

/* One answer per line: NAME TYPE HOW [>TARGET]... [RECORD|RECORD...]. HOW is one
 * of S I (records, secure or insecure), S0 I0 (no records), SX IX (no such name),
 * SU (DS: an unsigned delegation), B (bogus), F (SERVFAIL), T (time-out), H (no
 * answer, ever). >TARGET: through a CNAME. The default is S0; for DS, secure. */
struct secure_dns {
	uv_loop_t loop;
	const char *answers;
	unsigned asked;
	unsigned fail_at; /* the question that is refused; 0: none */
	char log[8192];   /* "NAME TYPE;" */
};

struct secure_query {
	uv_timer_t timer;
	struct secure_dns *dns;
	char name[DNS_NAME_WIRE + 1];
	const char *type;
	dns_callback *callback;
	void *arg;
};

uv_loop_t *secure_dns_loop(const struct secure_dns *dns)
{
	return (uv_loop_t *)&dns->loop;
}

uint64_t secure_dns_timeout_ms(const struct secure_dns *dns)
{
	(void)dns;
	return 1000;
}

static void free_query(uv_handle_t *handle)
{
	free(handle->data);
}

void secure_query_cancel(struct secure_query **query)
{
	if (*query)
		uv_close((uv_handle_t *)&(*query)->timer, free_query);
	*query = NULL;
}

struct said {
	struct dns_answer answer;
	struct slice texts[50];
	char bytes[50][300];
	struct dns_name end;
};

static size_t put_mx(char *to, const char *text)
{
	struct dns_name name;
	char host[300];
	unsigned preference;

	assert_int_equal(sscanf(text, "%u %299s", &preference, host), 2);
	name = (struct dns_name){ .len = 1 }; /* "." */
	if (strcmp(host, ".") != 0)
		assert_int_equal(dns_name_parse(host, &name), MTS_OK);
	to[0] = (char)(preference >> 8);
	to[1] = (char)preference;
	memcpy(to + 2, name.wire, name.len);
	return 2 + name.len;
}

/* "3 1 1 32": the last number is the length of the data. */
static size_t put_tlsa(char *to, const char *text)
{
	unsigned usage, selector, matching, len;

	assert_int_equal(
	    sscanf(text, "%u %u %u %u", &usage, &selector, &matching, &len), 4);
	to[0] = (char)usage;
	to[1] = (char)selector;
	to[2] = (char)matching;
	memset(to + 3, 7, len);
	return 3 + len;
}

static size_t put(char *to, const char *type, const char *text)
{
	struct dns_name name;

	if (strcmp(type, "MX") == 0)
		return put_mx(to, text);
	if (strcmp(type, "TLSA") == 0)
		return put_tlsa(to, text);
	if (strcmp(type, "CNAME") == 0) {
		assert_int_equal(dns_name_parse(text, &name), MTS_OK);
		memcpy(to, name.wire, name.len);
		return name.len;
	}
	to[0] = 1;
	return 1;
}

static void say_how(struct said *said, const char *how)
{
	struct dns_answer *a = &said->answer;

	a->authenticated = *how == 'S';
	a->bogus = *how == 'B';
	a->status = *how == 'B' || *how == 'F'       ? DNS_FAILED
	            : *how == 'T'                    ? DNS_TIMEOUT
	            : how[1] == '0' || how[1] == 'U' ? DNS_NODATA
	            : how[1] == 'X'                  ? DNS_NXDOMAIN
	                                             : DNS_OK;
	a->cut = how[1] == 'U' ? DNS_CUT_UNSIGNED : DNS_CUT_NONE;
	a->reason = a->bogus ? "bogus: signature" : "SERVFAIL";
	a->ttl_s =
	    how[strcspn(how, "=")] ? (uint32_t)atoi(strchr(how, '=') + 1) : 300;
	a->end = a->status == DNS_FAILED || a->status == DNS_TIMEOUT
	             ? NULL
	             : &said->end;
}

static void say(struct said *said, const char *name, const char *type,
                const char *rest)
{
	char how[16];
	int used = 0;
	char record[300];

	memset(said, 0, sizeof(*said));
	assert_true(dns_name_parse(name, &said->end) == MTS_OK);
	assert_int_equal(sscanf(rest, "%15s %n", how, &used), 1);
	rest += used;
	while (*rest == '>') {
		assert_int_equal(sscanf(rest, ">%299s %n", record, &used), 1);
		assert_int_equal(dns_name_parse(record, &said->end), MTS_OK);
		said->answer.hops++;
		rest += used;
	}
	say_how(said, how);
	while (said->answer.status == DNS_OK && *rest && *rest != '\n') {
		size_t n = strcspn(rest, "|\n");
		size_t i = said->answer.count++;

		snprintf(record, sizeof(record), "%.*s", (int)n, rest);
		said->texts[i] =
		    slice_of(said->bytes[i], put(said->bytes[i], type, record));
		rest += n + (rest[n] == '|');
	}
	said->answer.texts = said->texts;
}

static void on_query(uv_timer_t *timer)
{
	struct secure_query *query = timer->data;
	static struct said said;
	const char *line = query->dns->answers;
	char name[300], type[16];
	int used = 0;

	while (*line &&
	       (sscanf(line, "%299s %15s %n", name, type, &used) != 2 ||
	        strcmp(name, query->name) || strcmp(type, query->type)))
		line += strcspn(line, "\n") + (line[strcspn(line, "\n")] != 0);
	if (*line && line[used] == 'H')
		return;
	say(&said, query->name, query->type,
	    *line                            ? line + used
	    : strcmp(query->type, "DS") == 0 ? "S x"
	                                     : "S0");
	secure_query_cancel(&query);
	query = timer->data;
	query->callback(query->arg, &said.answer);
}

static const char *type_text(uint16_t type)
{
	return type == GETDNS_RRTYPE_MX      ? "MX"
	       : type == GETDNS_RRTYPE_A     ? "A"
	       : type == GETDNS_RRTYPE_AAAA  ? "AAAA"
	       : type == GETDNS_RRTYPE_CNAME ? "CNAME"
	       : type == GETDNS_RRTYPE_DS    ? "DS"
	                                     : "TLSA";
}

int secure_dns_ask(struct secure_dns *dns, const struct dns_name *name,
                   uint16_t type, dns_callback *callback, void *arg,
                   struct secure_query **ret)
{
	struct secure_query *query;
	size_t used = strlen(dns->log);

	if (++dns->asked == dns->fail_at)
		return MTS_EFULL;
	query = calloc(1, sizeof(*query));
	if (!query)
		return MTS_ENOMEM;
	query->dns = dns;
	query->type = type_text(type);
	dns_name_show(name, query->name);
	query->callback = callback;
	query->arg = arg;
	uv_timer_init(&dns->loop, &query->timer);
	query->timer.data = query;
	uv_timer_start(&query->timer, on_query, 0, 0);
	snprintf(dns->log + used, sizeof(dns->log) - used, "%s %s;",
	         query->name, query->type);
	*ret = query;
	return MTS_OK;
}

/* -- checks ---------------------------------------------------------------- */

static struct {
	unsigned calls;
	enum dane_state state;
	uint32_t ttl_s;
	char reason[300];
	size_t step_count;
	char steps[DANE_STEPS_MAX][500];
} got;

static void on_result(void *arg, const struct dane_result *result)
{
	struct dane_check **check = arg;

	if (check)
		*check = NULL;
	got.calls++;
	got.state = result->state;
	got.ttl_s = result->ttl_s;
	got.step_count = result->step_count;
	assert_true(result->step_count <= DANE_STEPS_MAX);
	for (size_t i = 0; i < result->step_count; i++)
		snprintf(got.steps[i], sizeof(got.steps[i]), "%s %s %s",
		         result->steps[i].ok ? "+" : "-", result->steps[i].name,
		         result->steps[i].text);
	snprintf(got.reason, sizeof(got.reason), "%s", result->reason);
}

static int run_check(struct secure_dns *dns, const char *hop, uint16_t port,
                     const char *answers)
{
	struct domain_hop h = { .port = port };
	struct dane_check *w = NULL;
	size_t len = strlen(hop);
	int status;

	memset(&got, 0, sizeof(got));
	dns->answers = answers;
	h.direct = *hop == '[';
	snprintf(h.domain.name, sizeof(h.domain.name), "%.*s",
	         (int)(h.direct ? len - 2 : len), h.direct ? hop + 1 : hop);
	h.domain.len = strlen(h.domain.name);
	status = dane_start(dns, &h, on_result, NULL, &w);
	assert_int_equal(got.calls, 0);
	uv_run(&dns->loop, UV_RUN_DEFAULT);
	assert_int_equal(got.calls, status == MTS_OK);
	return status;
}

#define OK_HOST(name) name " A S x\n_25._tcp." name " TLSA S 3 1 1 32\n"
#define NO_HOST(name) name " A S x\n_25._tcp." name " TLSA SX\n"

#define DEEP     "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.example"
#define LABEL_60 "x12345678901234567890123456789012345678901234567890123456789"
#define LONG     LABEL_60 "." LABEL_60 "." LABEL_60 "." LABEL_60 ".example"

static const struct row {
	const char *what;
	const char *hop;
	const char *answers;
	enum dane_state state;
	const char *asked;     /* must have been; or NULL */
	const char *not_asked; /* must not have been; or NULL */
	uint16_t port;         /* 0: 25 */
} rows[] = {
	/* The MX records: 2.2.1. */
	{ "all", "x.example",
	  "x.example MX S 10 a.example|20 b.example\n" OK_HOST("a.example")
	      OK_HOST("b.example"),
	  DANE_ALL, "x.example MX;", "DS;", 0 },
	{ "some", "x.example",
	  "x.example MX S 10 a.example|20 b.example\n" OK_HOST("a.example")
	      NO_HOST("b.example"),
	  DANE_SOME, NULL, "DS;", 0 },
	{ "none, proven", "x.example",
	  "x.example MX S 10 a.example\n" NO_HOST("a.example"), DANE_NONE, NULL,
	  "DS;", 0 },
	{ "MAY elect to use DANE TLS, even with MX hosts obtained via an "
	  "insecure MX RRset",
	  "x.example", "x.example MX I 10 a.example\n" OK_HOST("a.example"),
	  DANE_INSECURE_MX, NULL, NULL, 0 },
	{ "insecure MX, no TLSA", "x.example",
	  "x.example MX I 10 a.example\n" NO_HOST("a.example"), DANE_NONE, NULL,
	  NULL, 0 },
	{ "insecure MX, a host that fails: no zone is checked", "x.example",
	  "x.example MX I 10 a.example\na.example A T\na.example AAAA T\n",
	  DANE_NONE, NULL, "DS;", 0 },
	{ "insecure MX, TLSA records that fail", "x.example",
	  "x.example MX I 10 a.example\na.example A S >b.example x\n"
	  "_25._tcp.b.example TLSA T\n_25._tcp.a.example TLSA S 3 1 1 32\n",
	  DANE_INSECURE_MX, NULL, "DS;", 0 },
	{ "insecure MX, TLSA records that are unusable", "x.example",
	  "x.example MX I 10 a.example\na.example A S x\n"
	  "_25._tcp.a.example TLSA S 1 1 1 32\n",
	  DANE_INSECURE_MX, NULL, NULL, 0 },
	{ "insecure MX, a host that is bogus", "x.example",
	  "x.example MX I 10 a.example\na.example A B\n", DANE_NONE, NULL, NULL,
	  0 },
	{ "the domain's name is implicitly also its sole SMTP server name",
	  "x.example", "x.example MX S0\n" OK_HOST("x.example"), DANE_ALL,
	  "_25._tcp.x.example TLSA;", NULL, 0 },
	{ "an insecure denial of MX", "x.example",
	  "x.example MX I0\n" OK_HOST("x.example"), DANE_INSECURE_MX, NULL,
	  NULL, 0 },
	{ "RFC 7505: null MX", "x.example",
	  "x.example MX S 0 .\n" OK_HOST("x.example"), DANE_NONE, NULL, " A;",
	  0 },
	{ "RFC 7505 3: a null MX beside others is none", "x.example",
	  "x.example MX S 0 .|10 a.example\n" OK_HOST("a.example"), DANE_ALL,
	  NULL, ". A;", 0 },
	{ "NXDOMAIN", "x.example", "x.example MX SX\n" OK_HOST("x.example"),
	  DANE_NONE, NULL, "TLSA;", 0 },
	{ "the same host twice", "x.example",
	  "x.example MX S 10 a.example|20 A.EXAMPLE\n" OK_HOST("a.example"),
	  DANE_ALL, NULL, "A.EXAMPLE", 0 },
	{ "a host that is not subject to MX resolution", "[x.example]",
	  "x.example MX S 10 a.example\n" OK_HOST("x.example"), DANE_ALL, NULL,
	  "MX;", 0 },
	{ "the client MUST use the appropriate number", "x.example",
	  "x.example MX S 10 a.example\na.example A S x\n"
	  "_587._tcp.a.example TLSA S 3 1 1 32\n",
	  DANE_ALL, "_587._tcp.a.example TLSA;", "_25.", 587 },
	/* Look-up errors: 2.1.2. */
	{ "a bogus response is encountered during MX resolution", "x.example",
	  "x.example MX B\n", DANE_UNKNOWABLE, NULL, "DS;", 0 },
	{ "MX fails in a signed zone", "x.example", "x.example MX F\n",
	  DANE_UNKNOWABLE, "x.example DS;", NULL, 0 },
	{ "MX times out in a signed zone", "x.example", "x.example MX T\n",
	  DANE_UNKNOWABLE, NULL, NULL, 0 },
	{ "MX fails in an unsigned zone", "x.example",
	  "x.example MX F\nx.example DS SU\n", DANE_NONE, NULL, NULL, 0 },
	{ "MX fails below an opted-out delegation", "x.example",
	  "x.example MX T\nx.example DS I0\n", DANE_NONE, NULL, NULL, 0 },
	{ "MX fails below an unsigned one", "x.y.example",
	  "x.y.example MX T\ny.example DS SU\n", DANE_NONE, NULL,
	  "x.y.example DS;", 0 },
	{ "MX fails, no zone cut but the signed one above", "x.y.example",
	  "x.y.example MX T\nx.y.example DS S0\n", DANE_UNKNOWABLE, NULL, NULL,
	  0 },
	{ "MX fails, and so does DS", "x.example",
	  "x.example MX T\nexample DS T\n", DANE_UNKNOWABLE, NULL, "CNAME;",
	  0 },
	{ "MX fails, DS is bogus: only signed zones can be", "x.example",
	  "x.example MX F\nx.example DS B\nx.example CNAME I y.org\n",
	  DANE_UNKNOWABLE, NULL, "CNAME;", 0 },
	{ "MX fails, below what does not exist", "x.y.example",
	  "x.y.example MX F\ny.example DS SX\nx.y.example DS SU\n",
	  DANE_UNKNOWABLE, NULL, "x.y.example DS;", 0 },
	{ "MX fails, with more labels than are checked", DEEP,
	  DEEP " MX F\n" DEEP " DS SU\n", DANE_UNKNOWABLE, NULL, DEEP " DS;",
	  0 },
	{ "MX fails: an alias into an unsigned zone", "x.example",
	  "x.example MX F\nx.example DS F\nx.example CNAME S y.org\n"
	  "y.org DS SU\n",
	  DANE_NONE, NULL, NULL, 0 },
	{ "MX fails: an alias below an unsigned zone", "x.example",
	  "x.example MX F\nx.example DS F\nx.example CNAME S y.org\n"
	  "org DS SU\n",
	  DANE_NONE, NULL, "y.org DS;", 0 },
	{ "MX fails: an alias into a signed zone", "x.example",
	  "x.example MX F\nx.example DS I0 >y.org\n"
	  "x.example CNAME S y.org\n",
	  DANE_UNKNOWABLE, "y.org DS;", NULL, 0 },
	{ "MX fails: an alias in an unsigned zone", "x.example",
	  "x.example MX F\nx.example DS F\nx.example CNAME I y.org\n",
	  DANE_NONE, NULL, NULL, 0 },
	{ "MX fails: a loop of aliases", "x.example",
	  "x.example MX F\nx.example DS F\nx.example CNAME S x.example\n",
	  DANE_UNKNOWABLE, NULL, NULL, 0 },
	{ "delivery may proceed via any remaining MX hosts", "x.example",
	  "x.example MX S 10 a.example|20 b.example\na.example A T\n"
	  "a.example AAAA T\n" OK_HOST("b.example"),
	  DANE_ALL, NULL, NULL, 0 },
	{ "the same without DANE", "x.example",
	  "x.example MX S 10 a.example|20 b.example\na.example A T\n"
	  "a.example AAAA T\n" NO_HOST("b.example"),
	  DANE_NONE, NULL, NULL, 0 },
	{ "no other host remains", "x.example",
	  "x.example MX S 10 a.example\na.example A T\na.example AAAA T\n",
	  DANE_UNKNOWABLE, NULL, NULL, 0 },
	{ "a broken unsigned zone never delays mail", "x.example",
	  "x.example MX S 10 a.org\na.org A T\na.org AAAA T\na.org DS SU\n",
	  DANE_NONE, NULL, "TLSA;", 0 },
	{ "two hosts in such a zone: it is checked once", "x.example",
	  "x.example MX S 10 a.org|20 b.org\na.org A T\na.org AAAA T\n"
	  "b.org A T\nb.org AAAA T\norg DS SU\n",
	  DANE_NONE, NULL, "b.org DS;", 0 },
	{ "addresses fail, and whether it is signed is unknown", "x.example",
	  "x.example MX S 10 a.org\na.org A F\na.org AAAA F\norg DS T\n",
	  DANE_UNKNOWABLE, NULL, NULL, 0 },
	{ "all lookup errors are treated the same way: bogus addresses",
	  "x.example",
	  "x.example MX S 10 a.example|20 b.example\na.example A B\n"
	  "a.example AAAA B\n" NO_HOST("b.example"),
	  DANE_NONE, NULL, "_25._tcp.a.example", 0 },
	{ "bogus addresses, another host has TLSA", "x.example",
	  "x.example MX S 10 a.example|20 b.example\na.example A B\n"
	  "a.example AAAA B\n" OK_HOST("b.example"),
	  DANE_ALL, NULL, "_25._tcp.a.example", 0 },
	{ "bogus addresses, no other host remains", "x.example",
	  "x.example MX S 10 a.example\na.example A B\na.example AAAA B\n",
	  DANE_UNKNOWABLE, NULL, "_25._tcp.a.example", 0 },
	{ "one family is bogus, the other has none", "x.example",
	  "x.example MX S 10 a.example\na.example A B\n", DANE_UNKNOWABLE, NULL,
	  "DS;", 0 },
	{ "the same the other way round", "x.example",
	  "x.example MX S 10 a.example\na.example AAAA B\n", DANE_UNKNOWABLE,
	  NULL, "DS;", 0 },
	{ "the TLSA look-up fails", "x.example",
	  "x.example MX S 10 a.example\na.example A S x\n"
	  "_25._tcp.a.example TLSA F\n",
	  DANE_UNKNOWABLE, NULL, NULL, 0 },
	{ "the TLSA look-up is bogus", "x.example",
	  "x.example MX S 10 a.example\na.example A S x\n"
	  "_25._tcp.a.example TLSA B\n",
	  DANE_UNKNOWABLE, NULL, "DS;", 0 },
	{ "it fails, and whether it is signed is unknown", "x.example",
	  "x.example MX S 10 a.example\na.example A S x\n"
	  "_25._tcp.a.example TLSA F\nexample DS T\n",
	  DANE_UNKNOWABLE, NULL, NULL, 0 },
	{ "it fails below an unsigned delegation", "x.example",
	  "x.example MX S 10 a.example\na.example A S x\n"
	  "_25._tcp.a.example TLSA F\n_tcp.a.example DS SU\n",
	  DANE_NONE, NULL, NULL, 0 },
	{ "treat that server as unreachable", "x.example",
	  "x.example MX S 10 a.example|20 b.example\na.example A S x\n"
	  "_25._tcp.a.example TLSA F\n" OK_HOST("b.example"),
	  DANE_ALL, NULL, NULL, 0 },
	{ "one host fails, the other has none", "x.example",
	  "x.example MX S 10 a.example|20 b.example\na.example A S x\n"
	  "_25._tcp.a.example TLSA T\n" NO_HOST("b.example"),
	  DANE_UNKNOWABLE, NULL, NULL, 0 },
	{ "one host fails, the other's are unusable: MTA-STS would send to "
	  "the first",
	  "x.example",
	  "x.example MX S 10 a.example|20 b.example\na.example A S x\n"
	  "_25._tcp.a.example TLSA T\nb.example A S x\n"
	  "_25._tcp.b.example TLSA S 1 1 1 32\n",
	  DANE_UNKNOWABLE, NULL, NULL, 0 },
	{ "no addresses of one host, the other's records are unusable",
	  "x.example",
	  "x.example MX S 10 a.example|20 b.example\na.example A T\n"
	  "a.example AAAA T\nb.example A S x\n"
	  "_25._tcp.b.example TLSA S 1 1 1 32\n",
	  DANE_UNUSABLE, NULL, NULL, 0 },
	/* Addresses: 2.2.2. */
	{ "if no address records are found, the destination is unreachable",
	  "x.example",
	  "x.example MX S 10 a.example|20 b.example\n" OK_HOST("b.example"),
	  DANE_ALL, NULL, "_25._tcp.a.example", 0 },
	{ "no host is reachable", "x.example", "x.example MX S 10 a.example\n",
	  DANE_NONE, NULL, "TLSA;", 0 },
	{ "insecure: SHOULD NOT proceed to search for any TLSA records",
	  "x.example",
	  "x.example MX S 10 a.org\na.org A I x\n"
	  "_25._tcp.a.org TLSA S 3 1 1 32\n",
	  DANE_NONE, NULL, "TLSA;", 0 },
	{ "AAAA only", "x.example",
	  "x.example MX S 10 a.example\na.example AAAA S x\n"
	  "_25._tcp.a.example TLSA S 3 1 1 32\n",
	  DANE_ALL, NULL, NULL, 0 },
	{ "AAAA only, insecure", "x.example",
	  "x.example MX S 10 a.org\na.org AAAA I x\n"
	  "_25._tcp.a.org TLSA S 3 1 1 32\n",
	  DANE_NONE, NULL, "TLSA;", 0 },
	{ "AAAA is secure where A is not", "x.example",
	  "x.example MX S 10 a.example\na.example A I x\n"
	  "a.example AAAA S x\n_25._tcp.a.example TLSA S 3 1 1 32\n",
	  DANE_ALL, NULL, NULL, 0 },
	{ "A that fails, and no AAAA", "x.example",
	  "x.example MX S 10 a.example\na.example A F\n", DANE_UNKNOWABLE, NULL,
	  NULL, 0 },
	{ "A, and AAAA that fails", "x.example",
	  "x.example MX S 10 a.example\na.example AAAA F\n" OK_HOST(
	      "a.example"),
	  DANE_ALL, NULL, "DS;", 0 },
	{ "no A, and AAAA that fails", "x.example",
	  "x.example MX S 10 a.example\na.example AAAA F\n", DANE_UNKNOWABLE,
	  NULL, NULL, 0 },
	/* Aliases: 2.2.2 and 2.2.3. */
	{ "Secure CNAME: the fully expanded name", "x.example",
	  "x.example MX S 10 a.example\na.example A S >b.example x\n"
	  "_25._tcp.b.example TLSA S 3 1 1 32\n",
	  DANE_ALL, NULL, "_25._tcp.a.example", 0 },
	{ "and, failing that, the initial name itself", "x.example",
	  "x.example MX S 10 a.example\na.example A S >b.example x\n"
	  "_25._tcp.a.example TLSA S 3 1 1 32\n",
	  DANE_ALL, "_25._tcp.b.example TLSA;", NULL, 0 },
	{ "Intermediate names ... are never candidates", "x.example",
	  "x.example MX S 10 a.example\n"
	  "a.example A S >m.example >b.example x\n"
	  "_25._tcp.m.example TLSA S 3 1 1 32\n",
	  DANE_NONE, "_25._tcp.a.example TLSA;", "_25._tcp.m.example", 0 },
	{ "the first candidate's look-up fails", "x.example",
	  "x.example MX S 10 a.example\na.example A S >b.example x\n"
	  "_25._tcp.b.example TLSA F\n"
	  "_25._tcp.a.example TLSA S 3 1 1 32\n",
	  DANE_UNKNOWABLE, NULL, "_25._tcp.a.example", 0 },
	{ "insecure TLSA: the next candidate is tried", "x.example",
	  "x.example MX S 10 a.example\na.example A S >b.example x\n"
	  "_25._tcp.b.example TLSA I 3 1 1 32\n"
	  "_25._tcp.a.example TLSA S 3 1 1 32\n",
	  DANE_ALL, NULL, NULL, 0 },
	{ "insecure TLSA, and no other candidate", "x.example",
	  "x.example MX S 10 a.example\na.example A S x\n"
	  "_25._tcp.a.example TLSA I 3 1 1 32\n",
	  DANE_NONE, NULL, NULL, 0 },
	{ "it fails below an unsigned delegation: the next candidate",
	  "x.example",
	  "x.example MX S 10 a.example\na.example A S >b.org x\n"
	  "_25._tcp.b.org TLSA F\n_tcp.b.org DS SU\n"
	  "_25._tcp.a.example TLSA S 3 1 1 32\n",
	  DANE_ALL, NULL, NULL, 0 },
	{ "a name that leaves no room for labels of the form _<port>._tcp",
	  "x.example", "x.example MX S 10 " LONG "\n" LONG " A S x\n",
	  DANE_NONE, NULL, "TLSA;", 0 },
	{ "an alias of such a name", "x.example",
	  "x.example MX S 10 a.example\na.example A S >" LONG " x\n"
	  "_25._tcp.a.example TLSA S 3 1 1 32\n",
	  DANE_ALL, NULL, NULL, 0 },
	{ "Insecure CNAME: the original input domain", "x.example",
	  "x.example MX S 10 a.example\na.example A I >b.org x\n"
	  "a.example CNAME S b.org\n_25._tcp.a.example TLSA S 3 1 1 32\n",
	  DANE_ALL, NULL, "_25._tcp.b.org", 0 },
	{ "if the initial CNAME response is also insecure, DANE TLS does not "
	  "apply",
	  "x.example",
	  "x.example MX S 10 a.org\na.org A I >b.org x\n"
	  "a.org CNAME I b.org\n_25._tcp.a.org TLSA S 3 1 1 32\n",
	  DANE_NONE, NULL, "TLSA;", 0 },
	{ "Insecure CNAME, whose look-up fails", "x.example",
	  "x.example MX S 10 a.example\na.example A I >b.org x\n"
	  "a.example CNAME F\n",
	  DANE_UNKNOWABLE, NULL, NULL, 0 },
	{ "Insecure CNAME, which is bogus by itself", "x.example",
	  "x.example MX S 10 a.example\na.example A I >b.org x\n"
	  "a.example CNAME B\n",
	  DANE_UNKNOWABLE, NULL, "DS;", 0 },
	{ "the same in an unsigned zone", "x.example",
	  "x.example MX S 10 a.org\na.org A I >b.org x\na.org CNAME F\n"
	  "a.org DS SU\n",
	  DANE_NONE, NULL, NULL, 0 },
	/* TLSA records: 2.2, 3.1. */
	{ "a secure non-empty RRset where all the records are unusable",
	  "x.example",
	  "x.example MX S 10 a.example\na.example A S x\n"
	  "_25._tcp.a.example TLSA S 1 1 1 32|3 1 1 31\n",
	  DANE_UNUSABLE, NULL, NULL, 0 },
	{ "at least one usable record", "x.example",
	  "x.example MX S 10 a.example\na.example A S x\n"
	  "_25._tcp.a.example TLSA S 1 1 1 32|2 0 1 32\n",
	  DANE_ALL, NULL, NULL, 0 },
	{ "usable and unusable hosts", "x.example",
	  "x.example MX S 10 a.example|20 b.example\na.example A S x\n"
	  "_25._tcp.a.example TLSA S 1 1 1 32\n" OK_HOST("b.example"),
	  DANE_SOME, NULL, NULL, 0 },
	{ "unusable, and none", "x.example",
	  "x.example MX S 10 a.example|20 b.example\na.example A S x\n"
	  "_25._tcp.a.example TLSA S 1 1 1 32\n" NO_HOST("b.example"),
	  DANE_UNUSABLE, NULL, NULL, 0 },
};

static void open_dns(struct secure_dns *dns)
{
	memset(dns, 0, sizeof(*dns));
	assert_int_equal(uv_loop_init(&dns->loop), 0);
}

static void close_dns(struct secure_dns *dns)
{
	uv_run(&dns->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&dns->loop), 0);
}

static void test_every_row_has_its_state(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *row = &rows[i];
		struct secure_dns dns;

		open_dns(&dns);
		run_check(&dns, row->hop, row->port ? row->port : 25,
		          row->answers);
		if (got.state != row->state ||
		    (row->asked && !strstr(dns.log, row->asked)) ||
		    (row->not_asked && strstr(dns.log, row->not_asked)))
			fail_msg("%s: %s (%s); asked %s", row->what,
			         dane_state_text(got.state), got.reason,
			         dns.log);
		assert_true(got.ttl_s == 300 || got.ttl_s == 60);
		if (got.state == DANE_UNKNOWABLE)
			assert_int_equal(got.ttl_s, 60);
		close_dns(&dns);
	}
}

/* A state is valid as long as every answer that it rests on. */
static void test_ttl_is_the_lowest_of_what_the_state_rests_on(void **state)
{
	static const struct {
		const char *what, *answers;
		uint32_t ttl_s;
	} ttl_rows[] = {
		{ "the MX records",
		  "x.example MX S=100 10 a.org\na.org A I x\n", 100 },
		{ "that there are none", "x.example MX S0=110\n", 110 },
		{ "that there is no such domain", "x.example MX SX=110\n",
		  110 },
		{ "secure addresses",
		  "x.example MX S 10 a.org\na.org A S=120 x\n", 120 },
		{ "insecure addresses: they may be signed tomorrow",
		  "x.example MX S 10 a.org\na.org A I=130 x\n", 130 },
		{ "AAAA, where those count",
		  "x.example MX S 10 a.org\na.org AAAA I=140 x\n", 140 },
		{ "an alias to where nothing is signed",
		  "x.example MX S 10 a.org\na.org A I >b.org x\n"
		  "a.org CNAME I=150 b.org\n",
		  150 },
		{ "its target's insecure addresses",
		  "x.example MX S 10 a.org\na.org A I=160 >b.org x\n"
		  "a.org CNAME S b.org\n",
		  160 },
		{ "TLSA records",
		  "x.example MX S 10 a.org\na.org A S x\n"
		  "_25._tcp.a.org TLSA S=170 3 1 1 32\n",
		  170 },
		{ "that there are none of these",
		  "x.example MX S 10 a.org\na.org A S x\n"
		  "_25._tcp.a.org TLSA S0=180\n",
		  180 },
		{ "no address", "x.example MX S 10 a.org\na.org A S0=190\n",
		  190 },
		{ "nor of the other family",
		  "x.example MX S 10 a.org\na.org AAAA S0=195\n", 195 },
		{ "a failure that does not change the state",
		  "x.example MX S 10 a.org|20 b.org\na.org A S x\n"
		  "_25._tcp.a.org TLSA F\n" OK_HOST("b.org"),
		  60 },
		{ "a zone that is broken, and not signed",
		  "x.example MX F\nexample DS SU\n", 60 },
		{ "never less", "x.example MX S=1 10 a.org\na.org A I x\n",
		  30 },
		{ "never more",
		  "x.example MX S=999999 10 a.org\na.org A I=999999 x\n",
		  86400 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ttl_rows) / sizeof(*ttl_rows); i++) {
		struct secure_dns dns;

		open_dns(&dns);
		run_check(&dns, "x.example", 25, ttl_rows[i].answers);
		if (got.ttl_s != ttl_rows[i].ttl_s)
			fail_msg("%s: %u", ttl_rows[i].what,
			         (unsigned)got.ttl_s);
		close_dns(&dns);
	}
}

/* This holds however many hosts a hostile domain names, and in whatever zones. */
static void test_number_of_questions_is_limited(void **state)
{
	struct secure_dns dns;
	char answers[8000];
	size_t used;

	(void)state;
	open_dns(&dns);
	used = (size_t)snprintf(answers, sizeof(answers), "x.example MX S ");
	for (int i = 0; i < 45; i++)
		used += (size_t)snprintf(answers + used, sizeof(answers) - used,
		                         "%s%d h%d.a%d.b%d.c.d.e.example",
		                         i ? "|" : "", 1000 - i, i, i, i);
	for (int i = 0; i < 45; i++)
		used += (size_t)snprintf(answers + used, sizeof(answers) - used,
		                         "\nh%d.a%d.b%d.c.d.e.example A F\n"
		                         "h%d.a%d.b%d.c.d.e.example AAAA F",
		                         i, i, i, i, i, i);
	run_check(&dns, "x.example", 25, answers);
	assert_int_equal(got.state, DANE_UNKNOWABLE);
	assert_int_equal(got.step_count, 1 + DANE_HOSTS_MAX);
	assert_non_null(strstr(dns.log, "h44.")); /* the most preferred */
	assert_null(strstr(dns.log, "h12."));
	assert_non_null(strstr(dns.log, "h13."));
	/* One MX, two per host; what is known about zones is not asked
	 * again. */
	assert_in_range(dns.asked, 1 + 64 + 4, 1 + 64 + ZONES_QUESTIONS_MAX);
	close_dns(&dns);
}

/* Hosts beyond the limit may have no TLSA records, so the state is never ALL. */
static void test_hosts_beyond_the_limit_are_not_taken_for_usable(void **state)
{
	struct secure_dns dns;
	char answers[8000];
	size_t used;

	(void)state;
	open_dns(&dns);
	used = (size_t)snprintf(answers, sizeof(answers), "x.example MX S ");
	for (int i = 0; i < DANE_HOSTS_MAX + 1; i++)
		used += (size_t)snprintf(answers + used, sizeof(answers) - used,
		                         "%s10 h%d.example", i ? "|" : "", i);
	for (int i = 0; i < DANE_HOSTS_MAX; i++)
		used += (size_t)snprintf(answers + used, sizeof(answers) - used,
		                         "\nh%d.example A S x\n"
		                         "_25._tcp.h%d.example TLSA S 3 1 1 32",
		                         i, i);
	run_check(&dns, "x.example", 25, answers);
	assert_int_equal(got.state, DANE_SOME);
	close_dns(&dns);
}

static const char busy[] =
    "x.example MX S 10 a.example|20 b.example|30 c.example\n"
    "a.example A I >b.org x\na.example CNAME F\n"
    "b.example A S >c.example x\n_25._tcp.c.example TLSA F\n"
    "c.example A T\nc.example AAAA T\n";

/* Whichever question is refused, there is a result, and mail waits. */
static void test_question_that_cannot_be_asked_is_unknowable(void **state)
{
	(void)state;
	for (unsigned at = 1; at < 40; at++) {
		struct secure_dns dns;

		open_dns(&dns);
		dns.fail_at = at;
		if (run_check(&dns, "x.example", 25, busy) == MTS_OK) {
			assert_int_equal(got.state, DANE_UNKNOWABLE);
			assert_int_equal(got.ttl_s, 60);
		} else {
			assert_int_equal(at, 1);
		}
		close_dns(&dns);
	}
}

static void test_failed_allocation_is_unknowable(void **state)
{
	size_t most = 1;

	(void)state;
	for (size_t at = 1; at <= most; at++) {
		struct secure_dns dns;

		open_dns(&dns);
		alloc_fail_at(at);
		if (run_check(&dns, "x.example", 25, busy) == MTS_OK) {
			assert_int_equal(got.state, DANE_UNKNOWABLE);
			assert_int_equal(got.ttl_s, 60);
		}
		most = at == 1 ? 64 : most;
		alloc_fail_at(0);
		close_dns(&dns);
	}
}

static void test_cancel_at_every_moment(void **state)
{
	(void)state;
	for (int rounds = 0; rounds < 30; rounds++) {
		struct secure_dns dns;
		struct domain_hop hop = { .port = 25 };
		struct dane_check *w = NULL;

		open_dns(&dns);
		memset(&got, 0, sizeof(got));
		dns.answers = busy;
		snprintf(hop.domain.name, sizeof(hop.domain.name), "x.example");
		assert_int_equal(dane_start(&dns, &hop, on_result, &w, &w),
		                 MTS_OK);
		for (int i = 0; i < rounds; i++)
			uv_run(&dns.loop, UV_RUN_NOWAIT);
		dane_cancel(&w);
		assert_null(w);
		close_dns(&dns);
		assert_true(got.calls <= 1);
	}
}

static void note_if_active(uv_handle_t *handle, void *arg)
{
	uv_timer_t **ret = arg;

	if (handle->type != UV_TIMER || !uv_is_active(handle))
		return;
	if (!*ret || uv_timer_get_due_in((uv_timer_t *)handle) >
	                 uv_timer_get_due_in(*ret))
		*ret = (uv_timer_t *)handle;
}

/* The timer that limits the check: questions are answered at once or never. */
static uv_timer_t *limit_of_check(struct secure_dns *dns)
{
	uv_timer_t *timer = NULL;

	uv_walk(&dns->loop, note_if_active, &timer);
	assert_non_null(timer);
	return timer;
}

/* A caller that waits lookup.timeout (by default four times dns.timeout) still gets
 * the result of a check that ran out of time. */
static void test_check_ends_before_its_callers_give_up(void **state)
{
	struct domain_hop hop = { .port = 25 };
	struct dane_check *w = NULL;
	struct secure_dns dns;

	(void)state;
	open_dns(&dns);
	dns.answers = busy;
	snprintf(hop.domain.name, sizeof(hop.domain.name), "x.example");
	assert_int_equal(dane_start(&dns, &hop, on_result, &w, &w), MTS_OK);
	assert_in_range(uv_timer_get_due_in(limit_of_check(&dns)), 1,
	                4 * secure_dns_timeout_ms(&dns) - 200);
	dane_cancel(&w);
	close_dns(&dns);
}

/* Time runs out while a question is open. The answers that came count; the result
 * is valid for a minute only. */
static void test_answers_in_time_count_when_time_runs_out(void **state)
{
	static const struct {
		const char *what, *answers;
		enum dane_state state;
	} time_rows[] = {
		{ "MX", "x.example MX H\n", DANE_UNKNOWABLE },
		{ "what is signed", "x.example MX F\nexample DS H\n",
		  DANE_UNKNOWABLE },
		{ "addresses of the only host",
		  "x.example MX S 10 a.example\na.example AAAA H\n",
		  DANE_UNKNOWABLE },
		{ "addresses of one host",
		  "x.example MX S 10 a.example|20 b.example\n"
		  "a.example A H\n" OK_HOST("b.example"),
		  DANE_ALL },
		{ "the same without DANE",
		  "x.example MX S 10 a.example|20 b.example\n"
		  "a.example A H\n" NO_HOST("b.example"),
		  DANE_NONE },
		{ "whether that host's zone is signed",
		  "x.example MX S 10 a.example|20 b.example\na.example A F\n"
		  "a.example AAAA F\nexample DS H\n" NO_HOST("b.example"),
		  DANE_NONE },
		{ "the TLSA records of one host",
		  "x.example MX S 10 a.example|20 b.example\na.example A S x\n"
		  "_25._tcp.a.example TLSA H\n" NO_HOST("b.example"),
		  DANE_UNKNOWABLE },
		{ "whether these are signed",
		  "x.example MX S 10 a.example|20 b.example\na.example A S x\n"
		  "_25._tcp.a.example TLSA F\nexample DS H\n" NO_HOST(
		      "b.example"),
		  DANE_UNKNOWABLE },
		{ "the second candidate's",
		  "x.example MX S 10 a.example\na.example A S >b.example x\n"
		  "_25._tcp.a.example TLSA H\n",
		  DANE_UNKNOWABLE },
		{ "an alias",
		  "x.example MX S 10 a.example\na.example A I >b.org x\n"
		  "a.example CNAME H\n",
		  DANE_UNKNOWABLE },
		{ "behind insecure MX records",
		  "x.example MX I 10 a.example\na.example A S x\n"
		  "_25._tcp.a.example TLSA H\n",
		  DANE_NONE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(time_rows); i++) {
		struct domain_hop hop = { .port = 25 };
		struct dane_check *w = NULL;
		uv_timer_t *limit;
		struct secure_dns dns;

		open_dns(&dns);
		memset(&got, 0, sizeof(got));
		dns.answers = time_rows[i].answers;
		snprintf(hop.domain.name, sizeof(hop.domain.name), "x.example");
		assert_int_equal(dane_start(&dns, &hop, on_result, &w, &w),
		                 MTS_OK);
		for (int k = 0; k < 50; k++)
			uv_run(&dns.loop, UV_RUN_NOWAIT);
		assert_int_equal(got.calls, 0);
		limit = limit_of_check(&dns);
		uv_timer_start(limit, limit->timer_cb, 0, 0);
		uv_run(&dns.loop, UV_RUN_DEFAULT);
		assert_int_equal(got.calls, 1);
		if (got.state != time_rows[i].state || got.ttl_s != 60)
			fail_msg("%s: %s (%s), %u s", time_rows[i].what,
			         dane_state_text(got.state), got.reason,
			         (unsigned)got.ttl_s);
		close_dns(&dns);
	}
}

/* -- the rules ------------------------------------------------------------- */

static void test_usable_tlsa_records(void **state)
{
	static const struct {
		uint8_t usage, selector, matching;
		size_t len;
		bool usable;
	} table[] = {
		{ 3, 1, 1, 32, true },  /* RECOMMENDED */
		{ 2, 0, 1, 32, true },  /* "as a second choice" */
		{ 3, 0, 0, 1, true },   /* Full(0): any data */
		{ 3, 0, 0, 0, false },  /* but some */
		{ 3, 1, 2, 64, true },  /* SHA2-512 */
		{ 0, 0, 1, 32, false }, /* 3.1.3: PKIX-TA */
		{ 1, 1, 1, 32, false }, /* 3.1.3: PKIX-EE */
		{ 4, 1, 1, 32, false }, { 255, 1, 1, 32, false },
		{ 3, 2, 1, 32, false }, { 3, 1, 3, 32, false },
		{ 3, 1, 1, 31, false }, { 3, 1, 1, 33, false },
		{ 3, 1, 2, 32, false }, { 3, 1, 1, 0, false },
	};
	char bytes[80] = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		bytes[0] = (char)table[i].usage;
		bytes[1] = (char)table[i].selector;
		bytes[2] = (char)table[i].matching;
		if (dane_tlsa_is_usable(slice_of(bytes, 3 + table[i].len)) !=
		    table[i].usable)
			fail_msg("row %zu", i);
	}
	for (size_t len = 0; len < 3; len++)
		assert_false(dane_tlsa_is_usable(slice_of(bytes, len)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row_has_its_state),
		cmocka_unit_test(test_number_of_questions_is_limited),
		cmocka_unit_test(
		    test_ttl_is_the_lowest_of_what_the_state_rests_on),
		cmocka_unit_test(
		    test_hosts_beyond_the_limit_are_not_taken_for_usable),
		cmocka_unit_test(
		    test_question_that_cannot_be_asked_is_unknowable),
		cmocka_unit_test(test_failed_allocation_is_unknowable),
		cmocka_unit_test(test_cancel_at_every_moment),
		cmocka_unit_test(test_check_ends_before_its_callers_give_up),
		cmocka_unit_test(test_usable_tlsa_records),
		cmocka_unit_test(test_answers_in_time_count_when_time_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
