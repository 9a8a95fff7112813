/* SPDX-License-Identifier: BSD-2-Clause */
/* fetch_http.h - decides whether an HTTP answer carries a policy (RFC 8461
 * 3.3).
 *
 * Pure: it gets header lines and body as they arrive, and reports as early as
 * possible that the rest need not be read. */
#ifndef HTTPS_FETCH_HTTP_H
#define HTTPS_FETCH_HTTP_H

#include "base/buffer.h"
#include "https/fetch.h"

/* Bytes of all header lines of an answer, including 1xx answers and trailers.
 * libcurl limits the length of a line, but not the number of lines. */
enum { FETCH_HEADER_MAX = 64 * 1024 };

/* An answer, as far as it has been read. Members are for reading. */
struct fetch_http {
	struct buffer body;
	size_t header_bytes;
	long status;    /* of the last status line; 0: none has come */
	bool has_type;  /* there is a Content-Type */
	bool has_end;   /* the length is known: Content-Length, or chunked */
	bool challenge; /* it tests whether the client is a browser */
	bool in_body;   /* the header is complete, and acceptable */
	enum fetch_cause cause; /* FETCH_OK, or why the answer is rejected */
	char reason[FETCH_REASON];
};

/* MAX_SIZE: of the body, in bytes. */
void fetch_http_init(struct fetch_http *http, size_t max_size);
void fetch_http_free(struct fetch_http *http);

/* Takes a header line with its CR LF; the empty line ends the header. False:
 * the answer is rejected, stop reading; cause and reason say why. */
bool fetch_http_header(struct fetch_http *http, struct slice line);

/* Takes a piece of the body. False: as above. */
bool fetch_http_body(struct fetch_http *http, struct slice piece);

#endif
