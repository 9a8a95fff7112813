/* SPDX-License-Identifier: BSD-2-Clause */
/* test_fetch.c - fetches from HTTPS servers, good and bad (RFC 8461 3.3). */
#include "tests.h"

#include "alloc.h"
#include "https_server.h"
#include "netns.h"

#include "https/fetch.h"
#include "https/fetch_http.h"

#include <openssl/ssl.h>
#include <unistd.h>

#define HOST   "mta-sts.example.com"
#define POLICY "version: STSv1\r\nmode: none\r\nmax_age: 1\r\n"
#define PLAIN  "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"
#define GOOD   PLAIN POLICY

enum {
	MAX_SIZE = 65536,
	HANG_MS =
	    9000, /* what is over after one second does not take so long */
};

static char ca_path[] = "/tmp/test_fetch_ca.XXXXXX";
static char other_path[] = "/tmp/test_fetch_other.XXXXXX";
static struct test_ca *ca;
static struct test_ca *other_ca;

/* -- one fetch ------------------------------------------------------------- */

static struct {
	unsigned calls;
	enum fetch_cause cause;
	bool verified;
	long http_status;
	char reason[300];
	char address[ADDRESS_TEXT];
	char tls[16];
	size_t body_len;
	char body[200]; /* its start */
	uint64_t connect_ms, tls_ms, total_ms;
} got;

static void on_result(void *arg, const struct fetch_result *result)
{
	struct fetch **fetch = arg;

	if (fetch)
		*fetch = NULL;
	got.calls++;
	got.cause = result->cause;
	got.verified = result->verified;
	got.http_status = result->http_status;
	assert_non_null(result->reason);
	snprintf(got.reason, sizeof(got.reason), "%s", result->reason);
	snprintf(got.address, sizeof(got.address), "%s", result->address);
	snprintf(got.tls, sizeof(got.tls), "%s", result->tls);
	got.body_len = result->body.len;
	snprintf(got.body, sizeof(got.body), "%.*s",
	         result->body.len < 199 ? (int)result->body.len : 199,
	         result->body.data ? result->body.data : "");
	got.connect_ms = result->connect_ms;
	got.tls_ms = result->tls_ms;
	got.total_ms = result->total_ms;
}

struct world {
	uv_loop_t loop;
	struct fetcher *fetcher;
};

static void open_world(struct world *w, uint64_t timeout_ms,
                       uint64_t concurrency)
{
	struct fetcher_options options = { .loop = &w->loop,
		                           .ca_file = ca_path,
		                           .timeout_ms = timeout_ms,
		                           .max_size = MAX_SIZE,
		                           .concurrency = concurrency };
	struct fault why = { .text = "" };

	memset(&got, 0, sizeof(got));
	assert_int_equal(uv_loop_init(&w->loop), 0);
	assert_int_equal(fetcher_new(&options, &w->fetcher, &why), MTS_OK);
}

static void close_world(struct world *w)
{
	fetcher_close(&w->fetcher);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w->loop), 0);
}

/* ADDRESSES with blanks between. */
static size_t parse_addresses(const char *text, struct address *ret)
{
	char one[ADDRESS_TEXT];
	size_t count = 0;
	in_port_t port;
	int used;

	while (sscanf(text, "%45s%n", one, &used) == 1) {
		assert_int_equal(
		    address_parse_server(one, &ret[count++], &port, NULL),
		    MTS_OK);
		text += used;
	}
	return count;
}

static void get(struct world *w, const char *host, const char *addresses,
                struct fetch **fetch)
{
	struct address list[8];
	struct fetch *ignored;
	size_t count = parse_addresses(addresses, list);

	assert_int_equal(fetcher_get(w->fetcher, host, list, count, on_result,
	                             fetch, fetch ? fetch : &ignored),
	                 MTS_OK);
}

/* The whole of it: a server, one fetch from it. */
static void fetch_once(const struct https_script *script, const char *host,
                       uint64_t timeout_ms)
{
	struct https_server *server = https_server_start("127.0.0.1", script);
	struct world w;

	open_world(&w, timeout_ms, 4);
	get(&w, host, "127.0.0.1", NULL);
	assert_int_equal(got.calls, 0);
	uv_run(&w.loop, UV_RUN_DEFAULT);
	assert_int_equal(got.calls, 1);
	close_world(&w);
	https_server_stop(server);
}

/* -- the request ----------------------------------------------------------- */

static void test_good(void **state)
{
	struct https_script script = { .cert = { .ca = ca, .san = "DNS:" HOST },
		                       .response = GOOD };
	struct https_server *server = https_server_start("127.0.0.1", &script);
	const char *request = https_server_request(server);
	struct world w;

	(void)state;
	open_world(&w, 5000, 4);
	get(&w, HOST, "127.0.0.1", NULL);
	uv_run(&w.loop, UV_RUN_DEFAULT);
	assert_int_equal(got.cause, FETCH_OK);
	assert_string_equal(got.body, POLICY);
	assert_int_equal(got.http_status, 200);
	assert_string_equal(got.address, "127.0.0.1");
	assert_string_equal(got.tls, "TLSv1.3");
	assert_true(got.connect_ms > 0 && got.tls_ms >= got.connect_ms);
	assert_true(got.total_ms >= got.tls_ms - 1);
	/* 3.3: exactly this URL, and no more said than is needed. */
	assert_ptr_equal(
	    strstr(request, "GET /.well-known/mta-sts.txt HTTP/1.1\r\n"),
	    request);
	assert_non_null(strstr(request, "\r\nHost: " HOST "\r\n"));
	assert_non_null(strstr(request, "\r\nUser-Agent: mtasts/"));
	assert_null(strstr(request, "Cookie"));
	assert_null(strstr(request, "Authorization"));
	assert_null(strstr(request, "Accept-Encoding"));
	close_world(&w);
	https_server_stop(server);
}

/* -- certificates, one a row ----------------------------------------------- */

static const struct {
	const char *about;
	const char *host;
	struct test_cert cert; /* ca is set by the test */
	int issuer;            /* 0: the CA, 1: self-signed, 2: another CA */
	enum fetch_cause cause;
	const char *reason;
} certs[] = {
	{ "valid for the DNS-ID, no CN",
	  HOST,
	  { .san = "DNS:" HOST },
	  0,
	  FETCH_OK,
	  "" },
	{ "case does not count",
	  HOST,
	  { .san = "DNS:MTA-STS.Example.COM" },
	  0,
	  FETCH_OK,
	  "" },
	{ "one of several",
	  HOST,
	  { .cn = "www.example.com",
	    .san = "DNS:www.example.com,IP:127.0.0.1,DNS:" HOST },
	  0,
	  FETCH_OK,
	  "" },
	{ "'*' as the complete left-most label",
	  HOST,
	  { .san = "DNS:*.example.com" },
	  0,
	  FETCH_OK,
	  "" },
	{ "... for one label only",
	  "mta-sts.a.example.com",
	  { .san = "DNS:*.example.com" },
	  0,
	  FETCH_CERT_NAME,
	  "certificate is for *.example.com, not mta-sts.a.example.com" },
	{ "... left-most only",
	  HOST,
	  { .san = "DNS:mta-sts.*.com" },
	  0,
	  FETCH_CERT_NAME,
	  "" },
	{ "... complete only",
	  HOST,
	  { .san = "DNS:mta-*.example.com" },
	  0,
	  FETCH_CERT_NAME,
	  "" },
	{ "... complete only",
	  HOST,
	  { .san = "DNS:*-sts.example.com" },
	  0,
	  FETCH_CERT_NAME,
	  "" },
	{ "the parent domain",
	  HOST,
	  { .san = "DNS:example.com" },
	  0,
	  FETCH_CERT_NAME,
	  "certificate is for example.com, not " HOST },
	{ "a subdomain pattern",
	  HOST,
	  { .san = "DNS:.example.com" },
	  0,
	  FETCH_CERT_NAME,
	  "" },
	{ "many others",
	  HOST,
	  { .san = "DNS:a.example,DNS:b.example,DNS:c.example,DNS:d.example" },
	  0,
	  FETCH_CERT_NAME,
	  "a.example, b.example, c.example, ..." },
	{ "DNS-ID only: a CN does not count",
	  HOST,
	  { .cn = HOST },
	  0,
	  FETCH_CERT_NAME,
	  "no DNS name in its subjectAltName" },
	{ "... beside other kinds of names either",
	  HOST,
	  { .cn = HOST, .san = "IP:127.0.0.1,email:a@example.com" },
	  0,
	  FETCH_CERT_NAME,
	  "no DNS name in its subjectAltName" },
	{ "... beside other DNS names either",
	  HOST,
	  { .cn = HOST, .san = "DNS:www.example.com" },
	  0,
	  FETCH_CERT_NAME,
	  "certificate is for www.example.com" },
	{ "non-expired",
	  HOST,
	  { .san = "DNS:" HOST, .from_days = -20, .to_days = -1 },
	  0,
	  FETCH_CERT_EXPIRED,
	  "certificate expired on 20" },
	{ "valid by now",
	  HOST,
	  { .san = "DNS:" HOST, .from_days = 1, .to_days = 20 },
	  0,
	  FETCH_CERT_EXPIRED,
	  "certificate is not valid before 20" },
	{ "chains to a root: self-signed",
	  HOST,
	  { .cn = "x", .san = "DNS:" HOST },
	  1,
	  FETCH_CERT_UNTRUSTED,
	  "certificate is self-signed" },
	{ "chains to a root: another CA's",
	  HOST,
	  { .san = "DNS:" HOST },
	  2,
	  FETCH_CERT_UNTRUSTED,
	  "no chain to a trusted root" },
	{ "for a server",
	  HOST,
	  { .san = "DNS:" HOST, .eku = "clientAuth" },
	  0,
	  FETCH_CERT_INVALID,
	  "certificate is invalid" },
};

static void test_certificates(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(certs); i++) {
		struct https_script script = { .cert = certs[i].cert,
			                       .response = GOOD };

		script.cert.ca = certs[i].issuer == 0   ? ca
		                 : certs[i].issuer == 1 ? NULL
		                                        : other_ca;
		fetch_once(&script, certs[i].host, 5000);
		if (got.cause != certs[i].cause ||
		    !strstr(got.reason, certs[i].reason))
			fail_msg("%s: %s (%s)", certs[i].about,
			         fetch_cause_text(got.cause), got.reason);
		assert_true(got.verified == (certs[i].cause == FETCH_OK));
		if (got.cause != FETCH_OK) {
			assert_int_equal(got.body_len, 0);
			assert_int_equal(got.http_status, 0);
		}
	}
}

/* -- connections ----------------------------------------------------------- */

static const struct {
	const char *about;
	enum https_mode mode;
	enum fetch_cause cause;
	const char *reason;
} connections[] = {
	{ "closed at once", HTTPS_CLOSE, FETCH_CONNECT, "cut off" },
	{ "no TLS", HTTPS_GARBAGE, FETCH_TLS, "TLS handshake failed" },
	{ "TLS 1.1", HTTPS_TLS11, FETCH_TLS, "TLS 1.2 or later is required" },
	{ "silent", HTTPS_SILENT, FETCH_TIMEOUT, "no TLS handshake in time" },
	{ "silent after the request", HTTPS_HANG, FETCH_TIMEOUT,
	  "no complete answer in time" },
};

static void test_connections(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(connections); i++) {
		struct https_script script = {
			.mode = connections[i].mode,
			.cert = { .ca = ca, .san = "DNS:" HOST },
		};

		fetch_once(&script, HOST, 2000);
		if (got.cause != connections[i].cause ||
		    !strstr(got.reason, connections[i].reason))
			fail_msg("%s: %s (%s)", connections[i].about,
			         fetch_cause_text(got.cause), got.reason);
		/* A good certificate is one, whatever comes after it. */
		assert_true(got.verified ==
		            (connections[i].mode == HTTPS_HANG));
		if (got.cause == FETCH_TIMEOUT)
			assert_in_range(got.total_ms, 1900, HANG_MS);
	}
}

/* Header and body arrive in two records at once, and nothing follows: both must be
 * read without another event. */
static void test_two_records(void **state)
{
	static const char header[] = "HTTP/1.1 200 OK\r\n"
				     "Content-Type: text/plain\r\n"
				     "Content-Length: 40\r\n\r\n";
	static const char both[] = "HTTP/1.1 200 OK\r\n"
				   "Content-Type: text/plain\r\n"
				   "Content-Length: 40\r\n\r\n" POLICY;
	struct https_script script = {
		.mode = HTTPS_HANG,
		.cert = { .ca = ca, .san = "DNS:" HOST },
		.response = both,
		.first = sizeof(header) - 1,
	};

	(void)state;
	assert_int_equal(sizeof(POLICY) - 1, 40);
	fetch_once(&script, HOST, 5000);
	assert_int_equal(got.cause, FETCH_OK);
}

static void test_refused(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, 5000, 4);
	get(&w, HOST, "127.0.0.1 ::1", NULL);
	uv_run(&w.loop, UV_RUN_DEFAULT);
	assert_int_equal(got.cause, FETCH_CONNECT);
	assert_non_null(strstr(got.reason, "Connection refused"));
	assert_string_equal(got.address, "");
	assert_int_equal(got.connect_ms, 0);
	close_world(&w);
}

/* All addresses are tried: after one that refuses, closes the connection, talks
 * SMTP, stays silent or has a bad certificate, the next one is used. */
static void test_addresses(void **state)
{
	struct https_script good = { .cert = { .ca = ca, .san = "DNS:" HOST },
		                     .response = GOOD };
	struct https_script bad[] = {
		{ .mode = HTTPS_CLOSE, .cert = good.cert },
		{ .mode = HTTPS_GARBAGE, .cert = good.cert },
		{ .mode = HTTPS_SILENT, .cert = good.cert },
		{ .cert = { .ca = ca, .san = "DNS:other.example" },
		  .response = GOOD },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct https_server *second =
		    https_server_start("127.0.0.2", &good);
		struct https_server *first =
		    https_server_start("127.0.0.1", &bad[i]);
		struct world w;

		open_world(&w, 4000, 4);
		get(&w, HOST, "127.0.0.3 127.0.0.1 127.0.0.2", NULL);
		uv_run(&w.loop, UV_RUN_DEFAULT);
		if (got.cause != FETCH_OK)
			fail_msg("%zu: %s", i, got.reason);
		assert_string_equal(got.address, "127.0.0.2");
		assert_int_equal(https_server_count(first), 1);
		https_server_stop(second);
		/* The result that got furthest is reported. */
		get(&w, HOST, "127.0.0.1 127.0.0.2", NULL);
		uv_run(&w.loop, UV_RUN_DEFAULT);
		assert_int_not_equal(got.cause, FETCH_OK);
		assert_string_equal(got.address, "127.0.0.1");
		close_world(&w);
		https_server_stop(first);
	}
}

static void test_ipv6(void **state)
{
	struct https_script good = { .cert = { .ca = ca, .san = "DNS:" HOST },
		                     .response = GOOD };
	struct https_server *server = https_server_start("::1", &good);
	struct world w;

	(void)state;
	open_world(&w, 5000, 4);
	get(&w, HOST, "127.0.0.1 ::1", NULL);
	uv_run(&w.loop, UV_RUN_DEFAULT);
	assert_int_equal(got.cause, FETCH_OK);
	assert_string_equal(got.address, "::1");
	close_world(&w);
	https_server_stop(server);
}

/* A proxy in the environment is ignored. */
static void test_no_proxy(void **state)
{
	struct https_script good = { .cert = { .ca = ca, .san = "DNS:" HOST },
		                     .response = GOOD };

	(void)state;
	setenv("https_proxy", "http://127.0.0.9:3128", 1);
	setenv("ALL_PROXY", "http://127.0.0.9:3128", 1);
	fetch_once(&good, HOST, 5000);
	unsetenv("https_proxy");
	unsetenv("ALL_PROXY");
	assert_int_equal(got.cause, FETCH_OK);
}

/* -- answers, one a row ---------------------------------------------------- */

#define STATUS(line, headers)                                                  \
	"HTTP/1.1 " line "\r\nContent-Type: text/plain\r\n" headers "\r\n"     \
	"no policy"
#define TYPE(type) "HTTP/1.1 200 OK\r\n" type "\r\n" POLICY

static const struct {
	const char *response;
	enum fetch_cause cause;
	const char *reason;
} answers[] = {
	{ GOOD, FETCH_OK, "" },
	{ "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nx", FETCH_OK,
	  "" },
	{ "HTTP/1.1 200\r\nContent-Type: text/plain\r\n\r\nx", FETCH_OK, "" },
	{ PLAIN, FETCH_OK, "" }, /* empty: no policy, but that is not ours */
	{ "HTTP/1.1 100 Continue\r\n\r\n" GOOD, FETCH_OK, "" },
	{ "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" GOOD, FETCH_OK, "" },
	{ "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
	  "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
	  FETCH_OK, "" },
	/* "HTTP 3xx redirects MUST NOT be followed" */
	{ STATUS("301 Moved", "Location: https://" HOST "/x\r\n"),
	  FETCH_REDIRECT,
	  "redirect (301): a policy must be served at the exact URL" },
	{ STATUS("302 Found", "Location: /.well-known/mta-sts.txt\r\n"),
	  FETCH_REDIRECT, "302" },
	{ STATUS("304 Not Modified", ""), FETCH_REDIRECT, "304" },
	{ STATUS("308 Permanent", ""), FETCH_REDIRECT, "308" },
	/* "only valid if the HTTP response code is 200 (OK)" */
	{ STATUS("201 Created", ""), FETCH_STATUS, "HTTP status 201 instead" },
	{ STATUS("204 No Content", ""), FETCH_STATUS, "204" },
	{ STATUS("2000 OK", ""), FETCH_CUT, "not HTTP" },
	{ STATUS("200OK", ""), FETCH_CUT, "not HTTP" },
	{ STATUS("020 OK", ""), FETCH_CUT, "not HTTP" },
	{ STATUS("206 Partial", ""), FETCH_STATUS, "206" },
	{ STATUS("401 Unauthorized", "WWW-Authenticate: Basic\r\n"),
	  FETCH_STATUS, "401" },
	{ STATUS("404 Not Found", ""), FETCH_STATUS, "404" },
	{ STATUS("404 Not Found", "Content-Length: 99999999\r\n"), FETCH_STATUS,
	  "404" },
	{ STATUS("500 Oops", ""), FETCH_STATUS, "500" },
	/* text/plain, with any parameters */
	{ TYPE("Content-Type: text/plain; charset=utf-8\r\n"), FETCH_OK, "" },
	{ TYPE("content-type:TEXT/Plain;a=b;c\r\n"), FETCH_OK, "" },
	{ TYPE("Content-Type: \t text/plain \t ; x\r\n"), FETCH_OK, "" },
	{ TYPE("Content-Type: text/html\r\n"), FETCH_TYPE,
	  "media type is text/html, not text/plain" },
	{ TYPE("Content-Type: text/plainer\r\n"), FETCH_TYPE, "" },
	{ TYPE("Content-Type: text\r\n"), FETCH_TYPE, "" },
	{ TYPE("Content-Type: text/html; text/plain\r\n"), FETCH_TYPE, "" },
	{ TYPE("Content-Type:\r\n"), FETCH_TYPE, "" },
	{ TYPE(""), FETCH_TYPE, "no media type is given" },
	{ TYPE("Content-Type: text/plain\r\nContent-Type: text/html\r\n"),
	  FETCH_TYPE, "text/html" },
	{ "HTTP/1.1 103 Hints\r\nContent-Type: text/plain\r\n\r\n"
	  "HTTP/1.1 200 OK\r\n\r\nx",
	  FETCH_TYPE, "no media type" },
	{ TYPE("Content-Type: text/plain\r\nContent-Encoding: identity\r\n"),
	  FETCH_OK, "" },
	{ TYPE("Content-Type: text/plain\r\nContent-Encoding: gzip\r\n"),
	  FETCH_TYPE, "content encoding is gzip" },
	/* broken */
	{ "", FETCH_CUT, "closed without an answer" },
	{ "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n", FETCH_CUT, "" },
	{ "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
	  "Content-Length: 100\r\n\r\nshort",
	  FETCH_CUT, "cut off" },
	{ "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
	  "Transfer-Encoding: chunked\r\n\r\n5\r\nab",
	  FETCH_CUT, "cut off" },
	{ "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
	  "Transfer-Encoding: chunked\r\n\r\nnonsense\r\n",
	  FETCH_CUT, "" },
	{ POLICY, FETCH_CUT, "not HTTP" },
	{ "SSH-2.0-OpenSSH_9.2\r\n", FETCH_CUT, "not HTTP" },
	{ "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
	  "Content-Length: 65537\r\n\r\n",
	  FETCH_TOO_LARGE, "larger than 65536 bytes" },
};

static void test_http(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct https_script script = {
			.cert = { .ca = ca, .san = "DNS:" HOST },
			.response = answers[i].response,
		};

		fetch_once(&script, HOST, 5000);
		if (got.cause != answers[i].cause ||
		    !strstr(got.reason, answers[i].reason))
			fail_msg("row %zu: %s (%s): %s", i,
			         fetch_cause_text(got.cause), got.reason,
			         answers[i].response);
		if (got.cause != FETCH_OK)
			assert_int_equal(got.body_len, 0);
	}
}

/* A response of HEAD, then FILL bytes 'x' cut into lines by EVERY bytes (0: no
 * lines). */
static void fetch_large(const char *head, size_t fill, size_t every)
{
	size_t len = strlen(head);
	char *response = malloc(len + fill);
	struct https_script script = {
		.cert = { .ca = ca, .san = "DNS:" HOST },
		.response = response,
		.len = len + fill,
	};

	assert_non_null(response);
	memcpy(response, head, len);
	for (size_t i = 0; i < fill; i++)
		response[len + i] = every && i % every == every - 1   ? '\n'
		                    : every && i % every == every / 2 ? ':'
		                                                      : 'x';
	fetch_once(&script, HOST, 5000);
	free(response);
}

static void test_size(void **state)
{
	(void)state;
	fetch_large(PLAIN, MAX_SIZE, 0);
	assert_int_equal(got.cause, FETCH_OK);
	assert_int_equal(got.body_len, MAX_SIZE);
	fetch_large(PLAIN, MAX_SIZE + 1, 0);
	assert_int_equal(got.cause, FETCH_TOO_LARGE);
	assert_string_equal(got.reason, "larger than 65536 bytes");
	assert_int_equal(got.body_len, 0);
	/* A header that never ends, in lines that libcurl would take. */
	fetch_large("HTTP/1.1 200 OK\r\n", 4 << 20, 80);
	assert_int_equal(got.cause, FETCH_TOO_LARGE);
	assert_non_null(strstr(got.reason, "HTTP header is larger"));
	/* 1xx answers that never end. */
	fetch_large("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n",
	            1 << 20, 80);
	assert_int_equal(got.cause, FETCH_TOO_LARGE);
}

/* -- cancelling and closing ------------------------------------------------ */

static void test_cancel(void **state)
{
	static const enum https_mode modes[] = { HTTPS_ANSWER, HTTPS_SILENT,
		                                 HTTPS_HANG };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		struct https_script script = {
			.mode = modes[i],
			.cert = { .ca = ca, .san = "DNS:" HOST },
			.response = modes[i] == HTTPS_ANSWER ? GOOD : NULL,
		};
		struct https_server *server =
		    https_server_start("127.0.0.1", &script);

		for (int rounds = 0; rounds < 24; rounds++) {
			struct fetch *fetch = NULL;
			struct world w;

			open_world(&w, 2000, 2);
			get(&w, HOST, "127.0.0.1", &fetch);
			for (int k = 0; k < 3; k++) /* one of them waits */
				get(&w, HOST, "127.0.0.1", NULL);
			for (int k = 0; k < rounds; k++) {
				uv_run(&w.loop, UV_RUN_NOWAIT);
				usleep(500);
			}
			fetch_cancel(&fetch);
			assert_null(fetch);
			fetch_cancel(&fetch);
			close_world(&w);
			assert_true(got.calls <= 4);
		}
		https_server_stop(server);
	}
}

struct meddler {
	struct world *w;
	struct fetch *other;
	bool closes;
};

static void on_meddle(void *arg, const struct fetch_result *result)
{
	struct meddler *meddler = arg;

	assert_int_equal(result->cause, FETCH_OK);
	fetch_cancel(&meddler->other);
	if (meddler->closes)
		fetcher_close(&meddler->w->fetcher);
	else
		get(meddler->w, HOST, "127.0.0.1", NULL);
	assert_true(slice_is(result->body, POLICY));
}

static void test_meddling(void **state)
{
	struct https_script script = { .cert = { .ca = ca, .san = "DNS:" HOST },
		                       .response = GOOD };
	struct https_server *server = https_server_start("127.0.0.1", &script);

	(void)state;
	for (int closes = 0; closes < 2; closes++) {
		struct meddler meddler = { .closes = closes };
		struct address address;
		struct fetch *fetch;
		struct world w;

		open_world(&w, 5000, 2);
		meddler.w = &w;
		parse_addresses("127.0.0.1", &address);
		assert_int_equal(fetcher_get(w.fetcher, HOST, &address, 1,
		                             on_meddle, &meddler, &fetch),
		                 MTS_OK);
		get(&w, HOST, "127.0.0.2", &meddler.other);
		meddler.other = NULL; /* refused by now, or soon */
		uv_run(&w.loop, UV_RUN_DEFAULT);
		close_world(&w);
	}
	https_server_stop(server);
}

/* -- many ------------------------------------------------------------------ */

/* Silent hosts do not hold up a good one. */
static void test_silent_hosts(void **state)
{
	struct https_script silent = {
		.mode = HTTPS_SILENT, .cert = { .ca = ca, .san = "DNS:" HOST }
	};
	struct https_script good = { .cert = { .ca = ca, .san = "DNS:" HOST },
		                     .response = GOOD };
	struct https_server *first = https_server_start("127.0.0.1", &silent);
	struct https_server *second = https_server_start("127.0.0.2", &good);
	size_t running, waiting;
	struct world w;

	(void)state;
	open_world(&w, 60000, 4);
	for (int i = 0; i < 8; i++)
		get(&w, HOST, "127.0.0.1", NULL);
	do { /* one starts in each turn */
		uv_run(&w.loop, UV_RUN_NOWAIT);
		fetcher_load(w.fetcher, &running, &waiting);
	} while (running < 4);
	assert_int_equal(waiting, 4);
	get(&w, HOST, "127.0.0.2", NULL);
	while (got.calls == 0)
		uv_run(&w.loop, UV_RUN_ONCE);
	assert_int_equal(got.cause, FETCH_OK); /* and no silent one's end */
	close_world(&w);
	https_server_stop(first);
	https_server_stop(second);
}

/* -- CA certificates ------------------------------------------------------- */

static void copy_file(const char *from, const char *to)
{
	char text[8192];
	FILE *in = fopen(from, "r");
	FILE *out = fopen(to, "w");
	size_t len;

	assert_true(in && out);
	len = fread(text, 1, sizeof(text), in);
	assert_int_equal(fwrite(text, 1, len, out), len);
	fclose(in);
	fclose(out);
}

static struct fetcher *fetcher_with(uv_loop_t *loop, const char *file,
                                    int status, struct fault *why)
{
	struct fetcher_options options = { .loop = loop,
		                           .ca_file = file,
		                           .timeout_ms = 5000,
		                           .max_size = MAX_SIZE,
		                           .concurrency = 4 };
	struct fetcher *fetcher = NULL;

	assert_int_equal(fetcher_new(&options, &fetcher, why), status);
	return fetcher;
}

/* The bundle is read only once: it is removed after the start, and fetches still
 * work. */
static void test_ca_is_read_once(void **state)
{
	struct https_script good = { .cert = { .ca = ca, .san = "DNS:" HOST },
		                     .response = GOOD };
	struct https_server *server = https_server_start("127.0.0.1", &good);
	char path[] = "/tmp/test_fetch_once.XXXXXX";
	struct fault why;
	struct world w;

	(void)state;
	open_world(&w, 5000, 4);
	fetcher_close(&w.fetcher);
	close(mkstemp(path));
	copy_file(ca_path, path);
	w.fetcher = fetcher_with(&w.loop, path, MTS_OK, &why);
	assert_int_equal(unlink(path), 0);
	for (unsigned i = 1; i <= 20; i++) {
		get(&w, HOST, "127.0.0.1", NULL);
		uv_run(&w.loop, UV_RUN_DEFAULT);
		assert_int_equal(got.calls, i);
		assert_int_equal(got.cause, FETCH_OK);
	}
	close_world(&w);
	https_server_stop(server);
}

static void test_ca_changes(void **state)
{
	struct https_script good = { .cert = { .ca = ca, .san = "DNS:" HOST },
		                     .response = GOOD };
	struct https_server *server = https_server_start("127.0.0.1", &good);
	char path[] = "/tmp/test_fetch_change.XXXXXX";
	struct fault why;
	struct world w;

	(void)state;
	open_world(&w, 5000, 4);
	fetcher_close(&w.fetcher);
	close(mkstemp(path));
	copy_file(other_path, path);
	w.fetcher = fetcher_with(&w.loop, path, MTS_OK, &why);
	copy_file(ca_path, path);
	get(&w, HOST, "127.0.0.1", NULL);
	uv_run(&w.loop, UV_RUN_DEFAULT);
	assert_int_equal(got.cause, FETCH_OK);
	close_world(&w);
	https_server_stop(server);
	unlink(path);
}

static enum fetch_cause cause_now(struct world *w)
{
	get(w, HOST, "127.0.0.1", NULL);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	return got.cause;
}

/* Other options: from one CA to another, after fetches that libcurl could have
 * kept something of; and not when they are dropped. */
static void test_other_options(void **state)
{
	struct https_script good = { .cert = { .ca = ca, .san = "DNS:" HOST },
		                     .response = GOOD };
	struct https_server *server = https_server_start("127.0.0.1", &good);
	struct fetcher_options options = { .ca_file = other_path,
		                           .timeout_ms = 5000,
		                           .max_size = MAX_SIZE,
		                           .concurrency = 1 };
	struct fault why;
	struct world w;

	(void)state;
	open_world(&w, 5000, 4);
	options.loop = &w.loop;
	assert_int_equal(cause_now(&w), FETCH_OK);
	assert_int_equal(fetcher_prepare(w.fetcher, &options, &why), MTS_OK);
	fetcher_settle(w.fetcher, false);
	assert_int_equal(cause_now(&w), FETCH_OK);
	assert_int_equal(fetcher_prepare(w.fetcher, &options, &why), MTS_OK);
	fetcher_settle(w.fetcher, true);
	assert_int_equal(cause_now(&w), FETCH_CERT_UNTRUSTED);
	options.ca_file = "/nonexistent/ca.pem";
	assert_int_equal(fetcher_prepare(w.fetcher, &options, &why), MTS_ESYS);
	fetcher_settle(w.fetcher, false);
	assert_int_equal(cause_now(&w), FETCH_CERT_UNTRUSTED);
	options.ca_file = ca_path;
	options.max_size = 10;
	assert_int_equal(fetcher_prepare(w.fetcher, &options, &why), MTS_OK);
	fetcher_settle(w.fetcher, true);
	assert_int_equal(cause_now(&w), FETCH_TOO_LARGE);
	close_world(&w);
	https_server_stop(server);
}

static void test_bad_ca(void **state)
{
	char path[] = "/tmp/test_fetch_bad.XXXXXX";
	struct fault why;
	uv_loop_t loop;
	FILE *file;

	(void)state;
	uv_loop_init(&loop);
	assert_null(fetcher_with(&loop, "/nonexistent/ca.pem", MTS_ESYS, &why));
	assert_non_null(strstr(why.text, "/nonexistent/ca.pem can't be read"));
	assert_null(fetcher_with(&loop, "/tmp", MTS_ESYS, &why));
	close(mkstemp(path));
	assert_null(fetcher_with(&loop, path, MTS_ESYNTAX, &why));
	assert_non_null(strstr(why.text, "holds no PEM certificate"));
	copy_file(ca_path, path);
	file = fopen(path, "a");
	fputs("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
	      file);
	fclose(file);
	assert_null(fetcher_with(&loop, path, MTS_ESYNTAX, &why));
	assert_non_null(strstr(why.text, "is damaged"));
	unlink(path);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

/* The nth allocation fails: no fetcher, no fetch, or one that ends badly. */
static void test_no_memory(void **state)
{
	struct https_script good = { .cert = { .ca = ca, .san = "DNS:" HOST },
		                     .response = GOOD };
	struct https_server *server = https_server_start("127.0.0.1", &good);
	struct address address;
	size_t n = 0;
	bool failed;

	(void)state;
	parse_addresses("127.0.0.1", &address);
	do {
		struct fetcher_options options = { .ca_file = ca_path,
			                           .timeout_ms = 5000,
			                           .max_size = MAX_SIZE,
			                           .concurrency = 1 };
		struct fetch *fetch = NULL;
		struct fault why;
		struct world w;
		int status;

		memset(&got, 0, sizeof(got));
		uv_loop_init(&w.loop);
		options.loop = &w.loop;
		w.fetcher = NULL;
		alloc_fail_at(++n);
		status = fetcher_new(&options, &w.fetcher, &why);
		if (status == MTS_OK)
			status = fetcher_get(w.fetcher, HOST, &address, 1,
			                     on_result, NULL, &fetch);
		if (status == MTS_OK)
			uv_run(&w.loop, UV_RUN_DEFAULT);
		failed = alloc_count() >= n;
		alloc_fail_at(0);
		assert_true(status == MTS_OK || status == MTS_ENOMEM);
		assert_int_equal(got.calls, status == MTS_OK);
		if (!failed)
			assert_int_equal(got.cause, FETCH_OK);
		close_world(&w);
	} while (failed);
	assert_true(n > 5);
	https_server_stop(server);
}

/* A system whose openssl.cnf allows TLS 1.0: before OpenSSL is first used. */
static void allow_old_tls(void)
{
	static const char text[] = "openssl_conf = init\n"
				   "[init]\nssl_conf = ssl\n"
				   "[ssl]\nsystem_default = all\n"
				   "[all]\nMinProtocol = TLSv1\n"
				   "CipherString = DEFAULT:@SECLEVEL=0\n";
	char path[] = "/tmp/test_fetch_conf.XXXXXX";
	int fd = mkstemp(path);

	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	setenv("OPENSSL_CONF", path, 1);
	assert_int_equal(OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, NULL), 1);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_certificates),
		cmocka_unit_test(test_connections),
		cmocka_unit_test(test_two_records),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_no_proxy),
		cmocka_unit_test(test_http),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_meddling),
		cmocka_unit_test(test_silent_hosts),
		cmocka_unit_test(test_ca_is_read_once),
		cmocka_unit_test(test_ca_changes),
		cmocka_unit_test(test_other_options),
		cmocka_unit_test(test_bad_ca),
		cmocka_unit_test(test_no_memory),
	};
	int failed;

	if (!netns_enter())
		return netns_skip();
	allow_old_tls();
	close(mkstemp(ca_path));
	close(mkstemp(other_path));
	ca = test_ca_new(ca_path);
	other_ca = test_ca_new(other_path);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	test_ca_free(ca);
	test_ca_free(other_ca);
	unlink(ca_path);
	unlink(other_path);
	return failed;
}
