/* SPDX-License-Identifier: BSD-2-Clause */
/* https_server.h - an HTTPS server whose behaviour a test chooses.
 *
 * A thread with blocking OpenSSL, so that it shares nothing with what it tests. */
#ifndef TESTS_HTTPS_SERVER_H
#define TESTS_HTTPS_SERVER_H

#include <stddef.h>

/* -- certificates ---------------------------------------------------------- */

struct test_ca;

/* A private root, with its certificate in FILE. */
struct test_ca *test_ca_new(const char *file);
void test_ca_free(struct test_ca *ca);

struct test_cert {
	const struct test_ca *ca; /* NULL: self-signed */
	const char *cn;           /* NULL: none */
	const char *san;          /* "DNS:a,DNS:b,IP:127.0.0.1"; NULL: none */
	const char *eku;          /* NULL: "serverAuth" */
	int from_days, to_days;   /* from now; 0 and 0: good today */
};

/* -- the server ------------------------------------------------------------ */

enum https_mode {
	HTTPS_ANSWER,  /* read the request, send the response, close */
	HTTPS_HANG,    /* the same, but do not close */
	HTTPS_CLOSE,   /* accept and close */
	HTTPS_SILENT,  /* accept and say nothing */
	HTTPS_GARBAGE, /* accept and talk SMTP */
	HTTPS_TLS11,   /* TLS 1.1 at most */
};

struct https_script {
	enum https_mode mode;
	struct test_cert cert;
	const char *response; /* as it goes over the wire */
	size_t len;           /* 0: strlen() */
	size_t first;         /* bytes of it in the first TLS record; 0: all */
};

struct https_server;

/* On port 443 of ADDRESS, IPv4 or IPv6. */
struct https_server *https_server_start(const char *address,
                                        const struct https_script *script);
void https_server_stop(struct https_server *server);

/* Connections so far, and the last request. After https_server_stop() of no
 * use. */
unsigned https_server_count(const struct https_server *server);
const char *https_server_request(const struct https_server *server);

#endif
