/* SPDX-License-Identifier: BSD-2-Clause */
/* attempt.c - one HTTPS request for a policy by libcurl, and its result.
 *
 * libcurl gets the addresses and does no DNS queries. It must ignore whatever
 * comes from the environment or from an earlier request: proxies, netrc,
 * cookies, sessions, connections (RFC 8461 3.3). */
#include "https/attempt.h"

#include "base/list.h"
#include "config.h"
#include "https/fetch_http.h"
#include "https/fetch_tls.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	/* For TCP and TLS together. If further addresses can be tried, a silent
	 * one must not use up lookup.timeout. */
	ATTEMPT_CONNECT_MS = 10 * 1000,
	ATTEMPT_CONNECT_MORE_MS = 3 * 1000,
	HTTPS_PORT = 443,
	HTTP_PORT = 80,
	HOST_TEXT = 256, /* a name has at most 253 bytes */
};

struct attempt {
	struct curl_transfer transfer;
	struct curl_uv *curl; /* the transfer is in; NULL: in none */
	struct curl_slist *resolve;
	struct fetch_tls tls;
	struct fetch_http http;
	struct address addresses[ATTEMPT_ADDRESSES];
	size_t count;
	in_port_t port;
	int *socket;
	uint64_t since_ns;
	attempt_callback *callback;
	void *arg;
	char error[CURL_ERROR_SIZE]; /* libcurl's text */
	char reason[FETCH_REASON];
};

/* -- libcurl's callbacks --------------------------------------------------- */

static size_t attempt_on_header(char *data, size_t size, size_t count,
                                void *arg)
{
	struct attempt *attempt = arg;
	size_t len = size * count;

	return fetch_http_header(&attempt->http, slice_of(data, len)) ? len : 0;
}

static size_t attempt_on_body(char *data, size_t size, size_t count, void *arg)
{
	struct attempt *attempt = arg;
	size_t len = size * count;

	/* 0 would mean success if the piece is empty. */
	return fetch_http_body(&attempt->http, slice_of(data, len))
	           ? len
	           : CURL_WRITEFUNC_ERROR;
}

static CURLcode attempt_on_ssl_ctx(CURL *easy, void *context, void *arg)
{
	struct attempt *attempt = arg;

	(void)easy;
	return fetch_tls_prepare(&attempt->tls, context) == MTS_OK
	           ? CURLE_OK
	           : CURLE_OUT_OF_MEMORY;
}

static bool is_same_address(const struct address *address, in_port_t port,
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

/* Moves *FROM to libcurl. */
static curl_socket_t take_socket(int *from)
{
	curl_socket_t socket = *from < 0 ? CURL_SOCKET_BAD : *from;

	*from = -1;
	return socket;
}

/* libcurl may connect to the addresses that were checked, and to no other. */
static curl_socket_t attempt_on_open(void *arg, curlsocktype purpose,
                                     struct curl_sockaddr *address)
{
	const struct attempt *attempt = arg;

	(void)purpose;
	for (size_t i = 0; i < attempt->count; i++)
		if (is_same_address(&attempt->addresses[i], attempt->port,
		                    &address->addr))
			return attempt->socket
			           ? take_socket(attempt->socket)
			           : socket(address->family,
			                    address->socktype | SOCK_CLOEXEC,
			                    address->protocol);
	return CURL_SOCKET_BAD;
}

static int attempt_on_opened(void *arg, curl_socket_t socket,
                             curlsocktype purpose)
{
	const struct attempt *attempt = arg;

	(void)socket;
	(void)purpose;
	return attempt->socket ? CURL_SOCKOPT_ALREADY_CONNECTED
	                       : CURL_SOCKOPT_OK;
}

/* -- setting up ------------------------------------------------------------ */

/* "+HOST:443:ADDRESS,[ADDRESS]". The plus sign lets the entry expire; otherwise
 * libcurl would keep one for every policy host ever seen. */
static int set_resolve(struct attempt *attempt, const char *host)
{
	char text[HOST_TEXT + ATTEMPT_ADDRESSES * (ADDRESS_TEXT + 3) + 16];
	char address[ADDRESS_TEXT];
	int len = snprintf(text, sizeof(text), "+%s:%u:", host,
	                   (unsigned)attempt->port);

	for (size_t i = 0; i < attempt->count; i++) {
		bool v6 = attempt->addresses[i].family == AF_INET6;

		len += snprintf(text + len, sizeof(text) - (size_t)len,
		                v6 ? "%s[%s]" : "%s%s", i ? "," : "",
		                address_text(&attempt->addresses[i], address));
	}
	attempt->resolve = curl_slist_append(NULL, text);
	return attempt->resolve ? MTS_OK : MTS_ENOMEM;
}

/* A silent address must leave time for another attempt. */
static long connect_ms(bool more, long timeout_ms)
{
	long most = more ? ATTEMPT_CONNECT_MORE_MS : ATTEMPT_CONNECT_MS;
	long own_ms = more ? timeout_ms / 2 : timeout_ms;

	return own_ms < most ? own_ms : most;
}

#define SET(option, value)                                                     \
	(rc = rc ? rc : curl_easy_setopt(easy, option, value))

static CURLcode set_request(struct attempt *attempt, const char *url,
                            const struct attempt_options *options)
{
	CURL *easy = attempt->transfer.easy;
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
	/* libcurl starts this timer (200 ms) even if there is no second address,
	 * and after a stall it would serve all expired ones in one call. */
	if (options->count == 1)
		SET(CURLOPT_HAPPY_EYEBALLS_TIMEOUT_MS, timeout_ms);
	SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)options->max_size);
	return rc;
}

static CURLcode set_tls(struct attempt *attempt)
{
	CURL *easy = attempt->transfer.easy;
	CURLcode rc = CURLE_OK;

	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	/* openssl.cnf may allow older versions. */
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	/* 3.3: "chain to a root CA". */
	SET(CURLOPT_SSL_OPTIONS, (long)CURLSSLOPT_NO_PARTIALCHAIN);
	SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
	/* The certificates come from ca_store.c, in attempt_on_ssl_ctx(). */
	SET(CURLOPT_CAINFO, NULL);
	SET(CURLOPT_CAPATH, NULL);
#if LIBCURL_VERSION_NUM >= 0x075700 /* 7.87.0 */
	/* Otherwise libcurl keeps the first certificates for a day, whatever we
	 * set after that. */
	SET(CURLOPT_CA_CACHE_TIMEOUT, 0L);
#endif
	SET(CURLOPT_SSL_CTX_FUNCTION, attempt_on_ssl_ctx);
	SET(CURLOPT_SSL_CTX_DATA, attempt);
	return rc;
}

static CURLcode set_callbacks(struct attempt *attempt)
{
	CURL *easy = attempt->transfer.easy;
	CURLcode rc = CURLE_OK;

	SET(CURLOPT_HEADERFUNCTION, attempt_on_header);
	SET(CURLOPT_HEADERDATA, attempt);
	SET(CURLOPT_WRITEFUNCTION, attempt_on_body);
	SET(CURLOPT_WRITEDATA, attempt);
	SET(CURLOPT_OPENSOCKETFUNCTION, attempt_on_open);
	SET(CURLOPT_OPENSOCKETDATA, attempt);
	SET(CURLOPT_SOCKOPTFUNCTION, attempt_on_opened);
	SET(CURLOPT_SOCKOPTDATA, attempt);
	SET(CURLOPT_ERRORBUFFER, attempt->error);
	return rc;
}

#undef SET

static int mts_from_curl(CURLcode rc)
{
	if (rc == CURLE_OK)
		return MTS_OK;
	return rc == CURLE_OUT_OF_MEMORY ? MTS_ENOMEM : MTS_ELIB;
}

static int set_options(struct attempt *attempt,
                       const struct attempt_options *options)
{
	char url[HOST_TEXT + 64];
	CURLcode rc;
	int status = set_resolve(attempt, options->host);

	if (status != MTS_OK)
		return status;
	snprintf(url, sizeof(url), "%s://%s/.well-known/mta-sts.txt",
	         options->cleartext ? "http" : "https", options->host);
	rc = set_request(attempt, url, options);
	if (rc == CURLE_OK)
		rc = set_tls(attempt);
	if (rc == CURLE_OK)
		rc = set_callbacks(attempt);
	return mts_from_curl(rc);
}

/* -- the result ------------------------------------------------------------ */

__attribute__((format(printf, 4, 5))) static void attempt_fail(
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

	(void)curl_easy_getinfo(attempt->transfer.easy, CURLINFO_OS_ERRNO,
	                        &error);
	attempt_fail(attempt, result, FETCH_CONNECT,
	             "no connection to port %u: %s", (unsigned)attempt->port,
	             error ? strerror((int)error) : "every address failed");
}

static void judge_timeout(struct attempt *attempt, struct fetch_result *result)
{
	const char *what = "no complete answer in time";

	if (!result->connect_ms)
		what = "no connection to port 443 in time";
	else if (!result->tls_ms)
		what = "connected, but no TLS handshake in time";
	attempt_fail(attempt, result, FETCH_TIMEOUT, "%s", what);
}

/* libcurl's text ends with OpenSSL's: "error:0A00010B:SSL routines::wrong
 * version number". */
static void judge_tls(struct attempt *attempt, struct fetch_result *result)
{
	const char *text = strstr(attempt->error, "error:");
	const char *last = text;

	if (!text || strstr(text, "unexpected eof")) {
		attempt_fail(attempt, result, FETCH_CONNECT,
		             "connection was cut off during the TLS handshake");
		return;
	}
	for (const char *p = text; *p; p++)
		if (*p == ':')
			last = p + 1;
	attempt_fail(attempt, result, FETCH_TLS,
	             "TLS handshake failed: %s (TLS 1.2 or later is required)",
	             last);
}

static void judge_failure(struct attempt *attempt, CURLcode code,
                          struct fetch_result *result)
{
	const char *text =
	    *attempt->error ? attempt->error : curl_easy_strerror(code);

	if (code == CURLE_OUT_OF_MEMORY)
		attempt_fail(attempt, result, FETCH_NO_MEMORY, "out of memory");
	else if (code == CURLE_OPERATION_TIMEDOUT)
		judge_timeout(attempt, result);
	else if (code == CURLE_FILESIZE_EXCEEDED)
		attempt_fail(attempt, result, FETCH_TOO_LARGE,
		             "larger than %zu bytes", attempt->http.body.cap);
	else if (code == CURLE_PEER_FAILED_VERIFICATION)
		attempt_fail(attempt, result, FETCH_CERT_INVALID,
		             "certificate is invalid: %s", text);
	else if (result->tls_ms && code == CURLE_GOT_NOTHING)
		attempt_fail(attempt, result, FETCH_CUT,
		             "connection was closed without an answer");
	else if (result->tls_ms && attempt->http.status == 0 &&
	         code != CURLE_RECV_ERROR && code != CURLE_SEND_ERROR)
		attempt_fail(attempt, result, FETCH_CUT,
		             "the answer is not HTTP: %s", text);
	else if (result->tls_ms)
		attempt_fail(attempt, result, FETCH_CUT,
		             "the answer was cut off: %s", text);
	else if (result->connect_ms)
		judge_tls(attempt, result);
	else
		judge_connect(attempt, result);
}

/* Milliseconds since the start of the fetch, rounded up: 0 means "not
 * reached". */
static uint64_t since_ms(const struct attempt *attempt, uint64_t time_ns)
{
	return time_ns ? (time_ns - attempt->since_ns) / 1000000 + 1 : 0;
}

static void set_progress(const struct attempt *attempt,
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
	    curl_easy_getinfo(attempt->transfer.easy, CURLINFO_PRIMARY_IP,
	                      &address) == CURLE_OK &&
	    address)
		snprintf(result->address, sizeof(result->address), "%s",
		         address);
	snprintf(result->tls, sizeof(result->tls), "%s", attempt->tls.version);
}

static void judge(struct attempt *attempt, CURLcode code,
                  struct fetch_result *ret)
{
	struct fetch_http *http = &attempt->http;

	*ret = (struct fetch_result){ .cause = FETCH_OK, .reason = "fetched" };
	set_progress(attempt, ret);
	/* libcurl checks Content-Length before it has passed on the whole
	 * header; ends the header, so that a fault in it is found first. */
	if (code == CURLE_FILESIZE_EXCEEDED && http->cause == FETCH_OK)
		(void)fetch_http_header(http, slice_str("\r\n"));
	/* The first fault that was seen is the cause, not what libcurl says about
	 * the end of the transfer. */
	if (code != CURLE_OK && attempt->tls.cause != FETCH_OK)
		attempt_fail(attempt, ret, attempt->tls.cause, "%s",
		             attempt->tls.reason);
	else if (http->cause != FETCH_OK)
		attempt_fail(attempt, ret, http->cause, "%s", http->reason);
	else if (code != CURLE_OK)
		judge_failure(attempt, code, ret);
	else if (!http->in_body && http->status == 200)
		attempt_fail(attempt, ret, FETCH_CUT,
		             "the answer was cut off in its header");
	else if (!http->in_body) /* 101, or cut off */
		attempt_fail(attempt, ret, FETCH_STATUS,
		             "HTTP status %ld instead of 200", http->status);
	else if (!http->has_end && !attempt->tls.closed)
		/* RFC 9112 8: an attacker on the path may have cut it. */
		attempt_fail(
		    attempt, ret, FETCH_CUT,
		    "the answer may have been cut off: it has neither a "
		    "length nor TLS's close_notify");
	else
		ret->body = buffer_slice(&http->body);
}

/* -- start and end --------------------------------------------------------- */

static void attempt_on_done(struct curl_transfer *transfer, CURLcode code)
{
	struct attempt *attempt =
	    container_of(transfer, struct attempt, transfer);
	struct fetch_result result;

	judge(attempt, code, &result);
	/* The callback may close the curl_uv before it frees the attempt. */
	curl_uv_remove(attempt->curl, transfer);
	attempt->curl = NULL;
	attempt->callback(attempt->arg, &result);
}

int attempt_start(const struct attempt_options *options,
                  attempt_callback *callback, void *arg, struct attempt **ret)
{
	struct attempt *attempt = calloc(1, sizeof(*attempt));
	int status = MTS_ENOMEM;

	if (!attempt)
		return status;
	attempt->transfer.callback = attempt_on_done;
	attempt->count = options->count;
	memcpy(attempt->addresses, options->addresses,
	       options->count * sizeof(*options->addresses));
	attempt->port = options->cleartext ? HTTP_PORT : HTTPS_PORT;
	attempt->socket = options->socket;
	attempt->since_ns = options->since_ns;
	attempt->callback = callback;
	attempt->arg = arg;
	attempt->tls.ca_store = options->ca_store;
	attempt->tls.host = options->host;
	attempt->tls.keep_chain = options->keep_chain;
	fetch_http_init(&attempt->http, options->max_size);
	attempt->transfer.easy = curl_easy_init();
	if (attempt->transfer.easy)
		status = set_options(attempt, options);
	if (status == MTS_OK)
		status = curl_uv_add(options->curl, &attempt->transfer);
	if (status != MTS_OK) {
		attempt_free(&attempt);
		return status;
	}
	attempt->curl = options->curl;
	*ret = attempt;
	return MTS_OK;
}

void attempt_free(struct attempt **attempt)
{
	struct attempt *a = *attempt;

	if (!a)
		return;
	*attempt = NULL;
	if (a->curl)
		curl_uv_remove(a->curl, &a->transfer);
	/* This may close the connection, which still calls back. */
	if (a->transfer.easy)
		curl_easy_cleanup(a->transfer.easy);
	curl_slist_free_all(a->resolve);
	sk_X509_pop_free(a->tls.chain, X509_free);
	fetch_http_free(&a->http);
	free(a);
}

bool attempt_is_connected(const struct attempt *attempt)
{
	return attempt->tls.connected_ns != 0;
}

bool attempt_has_tls(const struct attempt *attempt)
{
	return attempt->tls.done_ns != 0;
}
