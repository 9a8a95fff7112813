/* SPDX-License-Identifier: BSD-2-Clause */
/* bench_https.c - serves policy hosts for many domains as cheaply as possible.
 *
 *	bench_https ADDRESS DOMAIN FIRST:LAST CA-FILE
 *
 * Serves an MTA-STS policy for each DOMAIN (with a run of '#' for the number)
 * at https://mta-sts.DOMAIN/, whatever the path. It stands where a thousand
 * servers stand in life, but shares the machine with what is measured: so one
 * thread, certificates made at start, no session tickets, no files, and of HTTP
 * only what a GET needs. Writes its CA to CA-FILE before it listens. */
#include "bench.h"

#include "certs.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS_MAX = 128, REQUEST_MAX = 8192, RESPONSE_MAX = 1024 };

struct host {
	char *domain; /* "dom0000001.example" */
	X509 *cert;
};

struct site {
	struct range range;
	struct host *hosts;
	size_t prefix; /* bytes of a server name before its number */
	struct certs certs;
	SSL_CTX *ctx;
};

struct visit {
	SSL *ssl;
	const struct host *host; /* whom it asked for: set in the handshake */
	bool shaken;
	size_t len;
	char request[REQUEST_MAX];
};

static const struct host *find(const struct site *site, const char *name)
{
	uint64_t number;

	if (!name || strlen(name) <= site->prefix)
		return NULL;
	number = strtoull(name + site->prefix, NULL, 10);
	if (number < site->range.first || number > site->range.last)
		return NULL;
	return &site->hosts[number - site->range.first];
}

/* In the handshake, once the server name is known. 0 ends it with an alert. */
static int on_hello(SSL *ssl, void *arg)
{
	const struct site *site = arg;
	struct visit *visit = SSL_get_app_data(ssl);

	visit->host =
	    find(site, SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
	return visit->host && SSL_use_cert_and_key(ssl, visit->host->cert,
	                                           site->certs.key, NULL, 1);
}

static void visit_free(struct visit *visit)
{
	int fd = SSL_get_fd(visit->ssl);

	SSL_free(visit->ssl);
	close(fd);
	free(visit);
}

static void accept_all(const struct site *site, int epoll, int listener)
{
	int fd;

	while ((fd = bench_accept(listener)) >= 0) {
		struct visit *visit = calloc(1, sizeof(*visit));
		SSL *ssl = SSL_new(site->ctx);

		if (!visit || !ssl || !SSL_set_fd(ssl, fd))
			bench_die("out of memory");
		visit->ssl = ssl;
		SSL_set_app_data(ssl, visit);
		SSL_set_accept_state(ssl);
		bench_watch(epoll, fd, visit);
	}
}

/* A response fits any socket buffer, so a write that would block is a fault
 * of this program, not a case. */
static void respond(struct visit *visit)
{
	const char *domain = visit->host->domain;
	char body[RESPONSE_MAX / 2];
	char response[RESPONSE_MAX];
	int len;

	len = snprintf(body, sizeof(body),
	               "version: STSv1\nmode: enforce\nmx: mail.%s\n"
	               "mx: *.%s\nmax_age: 604800\n",
	               domain, domain);
	len = snprintf(response, sizeof(response),
	               "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
	               "Content-Length: %d\r\nConnection: close\r\n\r\n%s",
	               len, body);
	if (SSL_write(visit->ssl, response, len) != len)
		bench_die("SSL_write failed");
	SSL_shutdown(visit->ssl);
	/* The client closes; our close comes when we see that. */
}

static bool blocked(const struct visit *visit, int rc)
{
	int error = SSL_get_error(visit->ssl, rc);

	return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

/* False: it is over. */
static bool proceed(struct visit *visit)
{
	int n;

	ERR_clear_error();
	if (!visit->shaken) {
		n = SSL_do_handshake(visit->ssl);
		if (n != 1)
			return blocked(visit, n);
		visit->shaken = true;
	}
	n = SSL_read(visit->ssl, visit->request + visit->len,
	             (int)(REQUEST_MAX - 1 - visit->len));
	if (n <= 0)
		return blocked(visit, n);
	visit->len += (size_t)n;
	if (strstr(visit->request, "\r\n\r\n")) {
		respond(visit);
		visit->len = 0;
		memset(visit->request, 0, sizeof(visit->request));
	}
	return visit->len < REQUEST_MAX - 1;
}

static void serve(const struct site *site, int listener)
{
	struct epoll_event events[EVENTS_MAX];
	int epoll = bench_epoll();

	bench_watch(epoll, listener, NULL);
	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS_MAX, -1);

		for (int i = 0; i < n; i++) {
			struct visit *visit = events[i].data.ptr;

			if (!visit)
				accept_all(site, epoll, listener);
			else if (!proceed(visit))
				visit_free(visit);
		}
	}
}

static void make_hosts(struct site *site, const char *domain)
{
	uint64_t count = range_count(site->range);
	struct pattern pattern = pattern_make(domain);
	char *name;

	site->prefix =
	    strlen("mta-sts.") + (size_t)(pattern.digits - pattern.text);
	site->hosts = calloc(count, sizeof(*site->hosts));
	for (uint64_t i = 0; site->hosts && i < count; i++) {
		pattern_set(&pattern, site->range.first + i);
		site->hosts[i].domain = strdup(pattern.text);
		if (asprintf(&name, "mta-sts.%s", pattern.text) < 0)
			bench_die("out of memory");
		site->hosts[i].cert = certs_make(&site->certs, name);
		free(name);
	}
	free(pattern.text);
}

static void make_ctx(struct site *site)
{
	site->ctx = SSL_CTX_new(TLS_server_method());
	if (!site->ctx)
		bench_die("SSL_CTX_new failed");
	SSL_CTX_set_num_tickets(site->ctx, 0);
	SSL_CTX_set_options(site->ctx, SSL_OP_NO_TICKET);
	SSL_CTX_set_session_cache_mode(site->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_cert_cb(site->ctx, on_hello, site);
}

int main(int argc, char **argv)
{
	struct site site = { 0 };

	if (argc != 5)
		bench_die("usage: bench_https ADDRESS DOMAIN FIRST:LAST "
		          "CA-FILE");
	signal(SIGPIPE, SIG_IGN);
	site.range = range_parse(argv[3]);
	certs_start(&site.certs, argv[4]);
	make_hosts(&site, argv[2]);
	make_ctx(&site);
	serve(&site, bench_listen(argv[1]));
}
