/* SPDX-License-Identifier: BSD-2-Clause */
/* fetch_http.c - decides whether an HTTP answer carries a policy (RFC 8461
 * 3.3). */
#include "https/fetch_http.h"

#include <stdarg.h>

void fetch_http_init(struct fetch_http *http, size_t max_size)
{
	*http = (struct fetch_http){ .cause = FETCH_OK };
	buffer_init(&http->body, max_size);
}

void fetch_http_free(struct fetch_http *http)
{
	buffer_free(&http->body);
}

/* Always returns false, so that a check can return its result. */
__attribute__((format(printf, 3, 4))) static bool http_fail(
    struct fetch_http *http, enum fetch_cause cause, const char *format, ...)
{
	va_list ap;

	http->cause = cause;
	va_start(ap, format);
	fault_vtext(http->reason, sizeof(http->reason), format, ap);
	va_end(ap);
	return false;
}

/* -- parsing --------------------------------------------------------------- */

static bool is_token(struct slice text, const char *token)
{
	if (text.len != strlen(token))
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (ascii_lower(text.data[i]) != token[i])
			return false;
	return true;
}

/* Splits "Name: value". False: LINE has no colon. */
static bool split_header(struct slice line, struct slice *name,
                         struct slice *value)
{
	const char *colon = memchr(line.data, ':', line.len);
	size_t at;

	if (!colon)
		return false;
	at = (size_t)(colon - line.data);
	*name = slice_of(line.data, at);
	*value = slice_trim(slice_of(colon + 1, line.len - at - 1));
	return true;
}

/* The status of "HTTP/1.1 200 OK" or "HTTP/2 200"; 0: it is no status line. */
static long parse_status(struct slice line)
{
	size_t at = 0;

	while (at < line.len && line.data[at] != ' ')
		at++;
	if (line.len < at + 4 || !ascii_is_digit(line.data[at + 1]) ||
	    !ascii_is_digit(line.data[at + 2]) ||
	    !ascii_is_digit(line.data[at + 3]) ||
	    (line.len > at + 4 && line.data[at + 4] != ' '))
		return 0;
	return (line.data[at + 1] - '0') * 100L +
	       (line.data[at + 2] - '0') * 10L + (line.data[at + 3] - '0');
}

/* RFC 9112 6.3: the body says where it ends only if "chunked" is the last
 * transfer coding. */
static bool is_chunked(struct slice codings)
{
	size_t len = strlen("chunked");

	return codings.len >= len &&
	       is_token(slice_of(codings.data + codings.len - len, len),
	                "chunked");
}

/* 3.2: "The media type for this resource is "text/plain"", with any parameters.
 * RFC 9110 8.3.1: case does not matter. */
static bool is_text_plain(struct slice type)
{
	const char *semicolon =
	    memchr(type.data ? type.data : "", ';', type.len);

	if (semicolon)
		type.len = (size_t)(semicolon - type.data);
	return is_token(slice_trim(type), "text/plain");
}

/* -- the header ------------------------------------------------------------ */

static bool begin_answer(struct fetch_http *http, struct slice line)
{
	http->status = parse_status(line);
	http->has_type = false;
	http->has_end = false;
	if (http->status == 0)
		return http_fail(http, FETCH_CUT, "the answer is not HTTP");
	return true;
}

/* Header fields that bot protection services add to a challenge, which only a
 * browser can pass. */
static bool is_challenge(struct slice name)
{
	static const char *const names[] = { "cf-mitigated", "x-datadome",
		                             "x-amzn-waf-action",
		                             "sg-captcha" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (is_token(name, names[i]))
			return true;
	return false;
}

static bool check_field(struct fetch_http *http, struct slice line)
{
	struct slice name;
	struct slice value;

	if (!split_header(line, &name, &value))
		return true;
	http->challenge |= http->status != 200 && is_challenge(name);
	if (is_token(name, "content-type")) {
		http->has_type = true;
		if (http->status == 200 && !is_text_plain(value))
			return http_fail(http, FETCH_TYPE,
			                 "media type is %.*s, not text/plain",
			                 value.len < 80 ? (int)value.len : 80,
			                 value.data);
	}
	if (is_token(name, "content-length") ||
	    (is_token(name, "transfer-encoding") && is_chunked(value)))
		http->has_end = true;
	/* We sent no Accept-Encoding. */
	if (is_token(name, "content-encoding") && http->status == 200 &&
	    !is_token(value, "identity") && value.len)
		return http_fail(
		    http, FETCH_TYPE,
		    "content encoding is %.*s, which was not asked for",
		    value.len < 40 ? (int)value.len : 40, value.data);
	return true;
}

/* 3.3: "only valid if the HTTP response code is 200 (OK). HTTP 3xx redirects
 * MUST NOT be followed". */
static bool check_answer(struct fetch_http *http)
{
	if (http->status >= 100 && http->status < 200)
		return true; /* the final answer follows */
	if (http->status >= 300 && http->status < 400)
		return http_fail(
		    http, FETCH_REDIRECT,
		    "redirect (%ld): a policy must be served at the "
		    "exact URL",
		    http->status);
	if (http->status != 200)
		return http_fail(http, FETCH_STATUS,
		                 "HTTP status %ld instead of 200",
		                 http->status);
	if (!http->has_type)
		return http_fail(
		    http, FETCH_TYPE,
		    "no media type is given; text/plain is required");
	http->in_body = true;
	return true;
}

bool fetch_http_header(struct fetch_http *http, struct slice line)
{
	struct slice text = slice_trim(line);

	http->header_bytes += line.len;
	if (http->header_bytes > FETCH_HEADER_MAX)
		return http_fail(http, FETCH_TOO_LARGE,
		                 "HTTP header is larger than %d bytes",
		                 FETCH_HEADER_MAX);
	if (http->in_body) /* a trailer */
		return true;
	if (slice_starts(text, "HTTP/"))
		return begin_answer(http, text);
	return text.len ? check_field(http, text) : check_answer(http);
}

bool fetch_http_body(struct fetch_http *http, struct slice piece)
{
	switch (buffer_put_slice(&http->body, piece)) {
	case MTS_OK:
		return true;
	case MTS_ERANGE:
		return http_fail(http, FETCH_TOO_LARGE, "larger than %zu bytes",
		                 http->body.cap);
	default:
		return http_fail(http, FETCH_NO_MEMORY, "out of memory");
	}
}
