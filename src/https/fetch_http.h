/* SPDX-License-Identifier: BSD-2-Clause */
/* fetch_http.h - whether an HTTP answer carries a policy (RFC 8461 3.3).
 *
 * Pure: is given header lines and body as they come in, and says at the
 * earliest byte that there is no use in reading on. */
#ifndef HTTPS_FETCH_HTTP_H
#define HTTPS_FETCH_HTTP_H

#include "base/buffer.h"
#include "https/fetch.h"
#include "https/fetch_tls.h"

/* For all header lines of an answer, those of 1xx answers and trailers
 * included: libcurl caps a line, but not their number. */
enum { FETCH_HEADER_MAX = 64 * 1024 };

struct fetch_http {
	struct buffer body;
	size_t header_bytes;
	long status;   /* of the last status line, 0: none */
	bool has_type; /* a Content-Type came */
	bool
	    has_end; /* the body tells where it ends: by a length, or chunked */
	bool challenge; /* a test for browsers, not an answer */
	bool in_body;
	enum fetch_cause cause; /* FETCH_OK, or why it is no use */
	char reason[FETCH_REASON];
};

void fetch_http_init(struct fetch_http *http, size_t max_size);
void fetch_http_free(struct fetch_http *http);

/* A header line with its CR LF; the empty one ends the header. False: stop
 * reading; cause and reason say why. */
bool fetch_http_header(struct fetch_http *http, struct slice line);

/* A piece of the body. False: stop reading. */
bool fetch_http_body(struct fetch_http *http, struct slice piece);

#endif
