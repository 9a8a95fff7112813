/* SPDX-License-Identifier: BSD-2-Clause */
/* attempt.c - one HTTPS request for a policy, by libcurl, and what came of it.
 *
 * libcurl is given the addresses and looks nothing up; and it is told to leave
 * alone all that may come from the environment or from an earlier request:
 * proxies, netrc, cookies, sessions, connections (RFC 8461 3.3). */
#include "https/attempt.h"

#include "base/shortage.h"
#include "config.h"
#include "https/curl_memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	/* For TCP and TLS together. Where further addresses can be tried, a
	 * silent one shall not use up lookup.timeout. */
	ATTEMPT_CONNECT_MS = 10 * 1000,
	ATTEMPT_CONNECT_MORE_MS = 3 * 1000,
	HTTPS_PORT = 443,
	HTTP_PORT = 80,
	RESOLVE_MAX = 16 * 1024, /* bytes of addresses in text */
};

/* -- libcurl's callbacks --------------------------------------------------- */

static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
	struct attempt *attempt = arg;
	size_t len = size * count;

	return fetch_http_header(&attempt->http, slice_of(data, len)) ? len : 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
	struct attempt *attempt = arg;
	size_t len = size * count;

	/* 0 would mean success for an empty piece. */
	return fetch_http_body(&attempt->http, slice_of(data, len))
	           ? len
	           : CURL_WRITEFUNC_ERROR;
}

static CURLcode on_ssl_ctx(CURL *easy, void *context, void *arg)
{
	struct attempt *attempt = arg;

	(void)easy;
	if (fetch_tls_prepare(&attempt->tls, context) == MTS_OK)
		return CURLE_OK;
	shortage_note(); /* nothing else can fail there */
	return CURLE_ABORTED_BY_CALLBACK;
}

static bool is_address(const struct address *address, in_port_t port,
                       const struct sockaddr *socket)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)socket;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)socket;

	if (socket->sa_family != address->family)
		return false;
	if (address->family == AF_INET)
		return in->sin_addr.s_addr == address->v4.s_addr &&
		       in->sin_port == htons(port);
	return memcmp(&in6->sin6_addr, &address->v6, 16) == 0 &&
	       in6->sin6_port == htons(port);
}

static curl_socket_t take_socket(int *from)
{
	curl_socket_t socket = *from < 0 ? CURL_SOCKET_BAD : *from;

	*from = -1;
	return socket;
}

/* Whatever libcurl has been led to think, it connects to what was checked. */
static curl_socket_t on_open(void *arg, curlsocktype purpose,
                             struct curl_sockaddr *address)
{
	const struct attempt *attempt = arg;

	(void)purpose;
	for (size_t i = 0; i < attempt->count; i++)
		if (is_address(&attempt->addresses[i], attempt->port,
		               &address->addr))
			return attempt->socket
			           ? take_socket(attempt->socket)
			           : socket(address->family,
			                    address->socktype | SOCK_CLOEXEC,
			                    address->protocol);
	return CURL_SOCKET_BAD;
}

static int on_opened(void *arg, curl_socket_t socket, curlsocktype purpose)
{
	const struct attempt *attempt = arg;

	(void)socket;
	(void)purpose;
	return attempt->socket ? CURL_SOCKOPT_ALREADY_CONNECTED
	                       : CURL_SOCKOPT_OK;
}

/* -- setting up ------------------------------------------------------------ */

/* "+HOST:443:ADDRESS,[ADDRESS]": the plus makes the entry age, so that the
 * multi's host cache does not keep one for every domain ever seen. */
static int set_resolve(struct attempt *attempt, const char *host)
{
	struct buffer text;
	char address[ADDRESS_TEXT];
	int status;

	buffer_init(&text, RESOLVE_MAX);
	buffer_printf(&text, "+%s:%u:", host, (unsigned)attempt->port);
	for (size_t i = 0; i < attempt->count; i++) {
		bool v6 = attempt->addresses[i].family == AF_INET6;

		buffer_printf(&text, v6 ? "%s[%s]" : "%s%s", i ? "," : "",
		              address_text(&attempt->addresses[i], address));
	}
	status = buffer_put(&text, "", 1);
	if (status == MTS_OK) {
		attempt->resolve = curl_slist_append(NULL, text.data);
		status = attempt->resolve ? MTS_OK : MTS_ENOMEM;
	}
	buffer_free(&text);
	return status;
}

/* A silent address must leave time for another attempt. */
static long connect_ms(bool more, long timeout_ms)
{
	long most = more ? ATTEMPT_CONNECT_MORE_MS : ATTEMPT_CONNECT_MS;
	long share = more ? timeout_ms / 2 : timeout_ms;

	return share < most ? share : most;
}

#define SET(option, value)                                                     \
	(rc = rc ? rc : curl_easy_setopt(easy, option, value))

static CURLcode set_request(struct attempt *attempt, const char *url,
                            const struct attempt_options *options)
{
	CURL *easy = attempt->easy;
	long timeout_ms = (long)options->timeout_ms;
	CURLcode rc = CURLE_OK;

	SET(CURLOPT_URL, url);
	SET(CURLOPT_PROTOCOLS_STR, options->cleartext ? "http" : "https");
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_HTTP09_ALLOWED, 0L);
	SET(CURLOPT_USERAGENT, PACKAGE "/" VERSION);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_HTTPAUTH, (long)CURLAUTH_NONE);
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOPROXY, "*");
	SET(CURLOPT_RESOLVE, attempt->resolve);
	SET(CURLOPT_DNS_CACHE_TIMEOUT, 1L);
	SET(CURLOPT_FRESH_CONNECT, 1L);
	SET(CURLOPT_FORBID_REUSE, 1L);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_TCP_NODELAY, 1L);
	SET(CURLOPT_TIMEOUT_MS, timeout_ms);
	SET(CURLOPT_CONNECTTIMEOUT_MS, connect_ms(options->more, timeout_ms));
	/* Its timer runs even if there is no second address to try: after a
	 * stall libcurl would serve all whose timer is over in one call. */
	if (options->count == 1)
		SET(CURLOPT_HAPPY_EYEBALLS_TIMEOUT_MS, timeout_ms);
	SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)options->max_size);
	return rc;
}

static CURLcode set_tls(struct attempt *attempt)
{
	CURL *easy = attempt->easy;
	CURLcode rc = CURLE_OK;

	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	/* openssl.cnf may allow less. */
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	/* 3.3: "chain to a root CA". */
	SET(CURLOPT_SSL_OPTIONS, (long)CURLSSLOPT_NO_PARTIALCHAIN);
	SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
	/* The certificates come from trust.c, in on_ssl_ctx. */
	SET(CURLOPT_CAINFO, NULL);
	SET(CURLOPT_CAPATH, NULL);
#if LIBCURL_VERSION_NUM >= 0x075700 /* 7.87.0 */
	/* Or the first ones that it sees are used for a day, whatever we give
	 * it then. */
	SET(CURLOPT_CA_CACHE_TIMEOUT, 0L);
#endif
	SET(CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx);
	SET(CURLOPT_SSL_CTX_DATA, attempt);
	return rc;
}

static CURLcode set_callbacks(struct attempt *attempt, void *private)
{
	CURL *easy = attempt->easy;
	CURLcode rc = CURLE_OK;

	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, attempt);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, attempt);
	SET(CURLOPT_OPENSOCKETFUNCTION, on_open);
	SET(CURLOPT_OPENSOCKETDATA, attempt);
	SET(CURLOPT_SOCKOPTFUNCTION, on_opened);
	SET(CURLOPT_SOCKOPTDATA, attempt);
	SET(CURLOPT_ERRORBUFFER, attempt->error);
	SET(CURLOPT_PRIVATE, private);
	return rc;
}

#undef SET

static int mts_from_curl(CURLcode rc)
{
	if (rc == CURLE_OK)
		return MTS_OK;
	return rc == CURLE_OUT_OF_MEMORY ? MTS_ENOMEM : MTS_ELIB;
}

static int set_up(struct attempt *attempt,
                  const struct attempt_options *options)
{
	char url[320]; /* a name has at most 253 bytes */
	int status;

	snprintf(url, sizeof(url), "%s://%s/.well-known/mta-sts.txt",
	         options->cleartext ? "http" : "https", options->host);
	attempt->easy = curl_easy_init();
	if (!attempt->easy)
		return MTS_ENOMEM;
	status = set_resolve(attempt, options->host);
	if (status == MTS_OK)
		status = mts_from_curl(set_request(attempt, url, options));
	if (status == MTS_OK)
		status = mts_from_curl(set_tls(attempt));
	if (status == MTS_OK)
		status =
		    mts_from_curl(set_callbacks(attempt, options->private));
	return status;
}

int attempt_new(const struct attempt_options *options, struct attempt **ret)
{
	struct attempt *attempt =
	    curl_memory_is_left() ? calloc(1, sizeof(*attempt)) : NULL;
	int status;

	if (!attempt)
		return MTS_ENOMEM;
	attempt->addresses = options->addresses;
	attempt->count = options->count;
	attempt->port = options->cleartext ? HTTP_PORT : HTTPS_PORT;
	attempt->socket = options->socket;
	attempt->since_ns = options->since_ns;
	attempt->shortages = shortage_count();
	attempt->tls.keep_chain = options->keep_chain;
	attempt->tls.trust = options->trust;
	attempt->tls.host = options->host;
	fetch_http_init(&attempt->http, options->max_size);
	status = set_up(attempt, options);
	if (status != MTS_OK)
		attempt_free(&attempt);
	else
		*ret = attempt;
	return status;
}

void attempt_free(struct attempt **attempt)
{
	struct attempt *a = *attempt;

	if (!a)
		return;
	*attempt = NULL;
	/* First, since closing a connection may still call back. */
	if (a->easy)
		curl_easy_cleanup(a->easy);
	curl_slist_free_all(a->resolve);
	sk_X509_pop_free(a->tls.chain, X509_free);
	fetch_http_free(&a->http);
	free(a);
}

/* -- what came of it ------------------------------------------------------- */

__attribute__((format(printf, 4, 5))) static void set_cause(
    struct attempt *attempt, struct fetch_result *result,
    enum fetch_cause cause, const char *format, ...)
{
	va_list ap;

	result->cause = cause;
	va_start(ap, format);
	fault_vtext(attempt->reason, sizeof(attempt->reason), format, ap);
	va_end(ap);
	result->reason = attempt->reason;
}

static void judge_connect(struct attempt *attempt, struct fetch_result *result)
{
	long error = 0;

	(void)curl_easy_getinfo(attempt->easy, CURLINFO_OS_ERRNO, &error);
	set_cause(attempt, result, FETCH_CONNECT,
	          "no connection to port %u: %s", (unsigned)attempt->port,
	          error ? strerror((int)error) : "every address failed");
}

static void judge_timeout(struct attempt *attempt, struct fetch_result *result)
{
	const char *what = "the answer did not come, or not whole, in time";

	if (!result->connect_ms)
		what = "no connection to port 443 in time";
	else if (!result->tls_ms)
		what = "connected, but no TLS hand-shake in time";
	set_cause(attempt, result, FETCH_TIMEOUT, "%s", what);
}

/* OpenSSL's words are the last part of libcurl's: "error:0A00010B:SSL
 * routines::wrong version number". */
static void judge_tls(struct attempt *attempt, struct fetch_result *result)
{
	const char *words = strstr(attempt->error, "error:");
	const char *last = words;

	if (!words || strstr(words, "unexpected eof")) {
		set_cause(attempt, result, FETCH_CONNECT,
		          "connection was cut off in the TLS hand-shake");
		return;
	}
	for (const char *p = words; *p; p++)
		if (*p == ':')
			last = p + 1;
	set_cause(attempt, result, FETCH_TLS,
	          "TLS hand-shake failed: %s (TLS 1.2 or later is needed)",
	          last);
}

static void judge_failure(struct attempt *attempt, CURLcode code,
                          struct fetch_result *result)
{
	const char *words =
	    *attempt->error ? attempt->error : curl_easy_strerror(code);

	if (code == CURLE_OUT_OF_MEMORY)
		set_cause(attempt, result, FETCH_NO_MEMORY, "out of memory");
	else if (code == CURLE_OPERATION_TIMEDOUT)
		judge_timeout(attempt, result);
	else if (code == CURLE_FILESIZE_EXCEEDED)
		set_cause(attempt, result, FETCH_TOO_LARGE,
		          "larger than %zu bytes", attempt->http.body.cap);
	else if (code == CURLE_PEER_FAILED_VERIFICATION)
		set_cause(attempt, result, FETCH_CERT_INVALID,
		          "certificate is no good: %s", words);
	else if (result->tls_ms && code == CURLE_GOT_NOTHING)
		set_cause(attempt, result, FETCH_CUT,
		          "connection was closed without an answer");
	else if (result->tls_ms && attempt->http.status == 0 &&
	         code != CURLE_RECV_ERROR && code != CURLE_SEND_ERROR)
		set_cause(attempt, result, FETCH_CUT,
		          "the answer is no HTTP: %s", words);
	else if (result->tls_ms)
		set_cause(attempt, result, FETCH_CUT,
		          "the answer was cut off: %s", words);
	else if (result->connect_ms)
		judge_tls(attempt, result);
	else
		judge_connect(attempt, result);
}

/* 0 means that it was not reached, so a millisecond is the least. */
static uint64_t since_ms(const struct attempt *attempt, uint64_t time_ns)
{
	return time_ns ? (time_ns - attempt->since_ns) / 1000000 + 1 : 0;
}

static void note_progress(const struct attempt *attempt,
                          struct fetch_result *result)
{
	const char *address = NULL;

	result->http_status = attempt->http.status;
	result->challenge = attempt->http.challenge;
	result->chain = attempt->tls.chain;
	result->verified = attempt->tls.verified;
	result->connect_ms = since_ms(attempt, attempt->tls.connected_ns);
	result->tls_ms = since_ms(attempt, attempt->tls.done_ns);
	if (result->connect_ms &&
	    curl_easy_getinfo(attempt->easy, CURLINFO_PRIMARY_IP, &address) ==
	        CURLE_OK &&
	    address)
		snprintf(result->address, sizeof(result->address), "%s",
		         address);
	snprintf(result->tls, sizeof(result->tls), "%s", attempt->tls.version);
}

void attempt_judge(struct attempt *attempt, CURLcode code,
                   struct fetch_result *ret)
{
	struct fetch_http *http = &attempt->http;

	*ret = (struct fetch_result){ .cause = FETCH_OK, .reason = "fetched" };
	note_progress(attempt, ret);
	/* libcurl reads Content-Length before the header is over. */
	if (code == CURLE_FILESIZE_EXCEEDED && http->cause == FETCH_OK)
		(void)fetch_http_header(http, slice_str("\r\n"));
	/* Whatever made libcurl stop, what was seen first is the cause. */
	if (code != CURLE_OK && http->cause == FETCH_OK &&
	    shortage_count() != attempt->shortages)
		set_cause(attempt, ret, FETCH_NO_MEMORY, "out of memory");
	else if (code != CURLE_OK && attempt->tls.cause != FETCH_OK)
		set_cause(attempt, ret, attempt->tls.cause, "%s",
		          attempt->tls.reason);
	else if (http->cause != FETCH_OK)
		set_cause(attempt, ret, http->cause, "%s", http->reason);
	else if (code != CURLE_OK)
		judge_failure(attempt, code, ret);
	else if (!http->in_body && http->status == 200)
		set_cause(attempt, ret, FETCH_CUT,
		          "the answer was cut off in its header");
	else if (!http->in_body) /* 101, or cut off */
		set_cause(attempt, ret, FETCH_STATUS,
		          "HTTP status %ld instead of 200", http->status);
	else if (!http->has_end && !attempt->tls.closed)
		/* RFC 9112 8: whoever sits on the path may have cut it. */
		set_cause(attempt, ret, FETCH_CUT,
		          "the answer was cut off, or has no end: neither a "
		          "length nor TLS's close_notify");
	else
		ret->body = buffer_slice(&http->body);
}
