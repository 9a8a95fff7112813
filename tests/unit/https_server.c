/* SPDX-License-Identifier: BSD-2-Clause */
/* https_server.c - an HTTPS server whose behaviour a test chooses. */
#include "tests.h"

#include "https_server.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

enum { KEPT = 256, DAY_S = 24 * 3600 };

struct test_ca {
	X509 *cert;
	EVP_PKEY *key;
};

struct https_server {
	struct https_script script;
	pthread_t thread;
	int listener;
	int stop[2];
	SSL_CTX *context;
	atomic_uint count;
	char request[4096];
	int kept[KEPT]; /* connections that are left open */
	SSL *kept_ssl[KEPT];
	size_t kept_count;
};

/* -- certificates ---------------------------------------------------------- */

static EVP_PKEY *make_key(void)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
	EVP_PKEY *key = NULL;

	assert_true(context && EVP_PKEY_keygen_init(context) == 1 &&
	            EVP_PKEY_CTX_set_ec_paramgen_curve_nid(
			context, NID_X9_62_prime256v1) == 1 &&
	            EVP_PKEY_keygen(context, &key) == 1);
	EVP_PKEY_CTX_free(context);
	return key;
}

static void extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX context;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(cert, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

static X509 *make_cert(EVP_PKEY *key, const char *cn, int from_days,
                       int to_days)
{
	static long serial = 1;
	X509 *cert = X509_new();
	X509_NAME *name;

	assert_non_null(cert);
	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
	X509_gmtime_adj(X509_getm_notBefore(cert), (long)from_days * DAY_S);
	X509_gmtime_adj(X509_getm_notAfter(cert), (long)to_days * DAY_S);
	X509_set_pubkey(cert, key);
	name = X509_get_subject_name(cert);
	if (cn)
		X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
		                           (const unsigned char *)cn, -1, -1,
		                           0);
	return cert;
}

struct test_ca *test_ca_new(const char *path)
{
	struct test_ca *ca = calloc(1, sizeof(*ca));
	FILE *file = fopen(path, "w");

	assert_non_null(ca);
	assert_non_null(file);
	ca->key = make_key();
	ca->cert = make_cert(ca->key, "Test Root", -10, 3650);
	X509_set_issuer_name(ca->cert, X509_get_subject_name(ca->cert));
	extend(ca->cert, ca->cert, NID_basic_constraints, "critical,CA:TRUE");
	extend(ca->cert, ca->cert, NID_key_usage, "critical,keyCertSign");
	extend(ca->cert, ca->cert, NID_subject_key_identifier, "hash");
	assert_true(X509_sign(ca->cert, ca->key, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_X509(file, ca->cert), 1);
	fclose(file);
	return ca;
}

void test_ca_free(struct test_ca *ca)
{
	X509_free(ca->cert);
	EVP_PKEY_free(ca->key);
	free(ca);
}

static void use_cert(SSL_CTX *context, const struct test_cert *spec)
{
	EVP_PKEY *key = make_key();
	X509 *cert =
	    make_cert(key, spec->cn, spec->to_days ? spec->from_days : -1,
	              spec->to_days ? spec->to_days : 30);
	X509 *issuer = spec->ca ? spec->ca->cert : cert;

	X509_set_issuer_name(cert, X509_get_subject_name(issuer));
	if (spec->san)
		extend(cert, issuer, NID_subject_alt_name, spec->san);
	extend(cert, issuer, NID_ext_key_usage,
	       spec->eku ? spec->eku : "serverAuth");
	assert_true(
	    X509_sign(cert, spec->ca ? spec->ca->key : key, EVP_sha256()) > 0);
	assert_int_equal(SSL_CTX_use_certificate(context, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(context, key), 1);
	X509_free(cert);
	EVP_PKEY_free(key);
}

/* -- connections ----------------------------------------------------------- */

static void keep(struct https_server *server, int fd, SSL *ssl)
{
	if (server->kept_count == KEPT) {
		SSL_free(ssl);
		close(fd);
		return;
	}
	server->kept_ssl[server->kept_count] = ssl;
	server->kept[server->kept_count++] = fd;
}

static bool read_request(struct https_server *server, SSL *ssl)
{
	size_t len = 0;

	while (len < sizeof(server->request) - 1) {
		int n = SSL_read(ssl, server->request + len,
		                 (int)(sizeof(server->request) - 1 - len));

		if (n <= 0)
			return false;
		len += (size_t)n;
		server->request[len] = '\0';
		if (strstr(server->request, "\r\n\r\n"))
			return true;
	}
	return false;
}

/* Two records arrive at once: the system holds back what is not a full packet
 * (TCP_CORK). */
static void respond(const struct https_script *script, size_t len, int fd,
                    SSL *ssl)
{
	size_t first = script->first ? script->first : len;
	int hold = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_CORK, &hold, sizeof(hold));
	(void)SSL_write(ssl, script->response, (int)first);
	if (len > first)
		(void)SSL_write(ssl, script->response + first,
		                (int)(len - first));
	hold = 0;
	setsockopt(fd, IPPROTO_TCP, TCP_CORK, &hold, sizeof(hold));
}

static void answer(struct https_server *server, int fd)
{
	const struct https_script *script = &server->script;
	size_t len = script->len        ? script->len
	             : script->response ? strlen(script->response)
	                                : 0;
	SSL *ssl = SSL_new(server->context);

	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1 && read_request(server, ssl)) {
		if (len)
			respond(script, len, fd, ssl);
		if (script->mode == HTTPS_HANG) {
			keep(server, fd, ssl);
			return;
		}
		SSL_shutdown(ssl);
	}
	ERR_clear_error();
	SSL_free(ssl);
	close(fd);
}

static void serve(struct https_server *server, int fd)
{
	static const char smtp[] = "220 mail.example ESMTP\r\n";
	struct timeval limit = { .tv_sec = 5 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	atomic_fetch_add(&server->count, 1);
	switch (server->script.mode) {
	case HTTPS_CLOSE:
		close(fd);
		return;
	case HTTPS_GARBAGE:
		(void)!write(fd, smtp, sizeof(smtp) - 1);
		keep(server, fd, NULL);
		return;
	case HTTPS_SILENT:
		keep(server, fd, NULL);
		return;
	case HTTPS_ANSWER:
	case HTTPS_HANG:
	case HTTPS_TLS11:
		answer(server, fd);
		return;
	}
}

static void *run(void *arg)
{
	struct https_server *server = arg;
	struct pollfd fds[2] = { { .fd = server->listener, .events = POLLIN },
		                 { .fd = server->stop[0], .events = POLLIN } };

	for (;;) {
		int fd;

		if (poll(fds, 2, -1) <= 0)
			continue;
		if (fds[1].revents)
			return NULL;
		fd = accept(server->listener, NULL, NULL);
		if (fd >= 0)
			serve(server, fd);
	}
}

/* -- the server ------------------------------------------------------------ */

static int listen_at(const char *address)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		                  .sin_port = htons(443) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		                    .sin6_port = htons(443) };
	bool v6 = strchr(address, ':') != NULL;
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(
	    inet_pton(v6 ? AF_INET6 : AF_INET, address,
	              v6 ? (void *)&in6.sin6_addr : (void *)&in.sin_addr),
	    1);
	assert_int_equal(
	    bind(fd, v6 ? (struct sockaddr *)&in6 : (struct sockaddr *)&in,
	         v6 ? sizeof(in6) : sizeof(in)),
	    0);
	assert_int_equal(listen(fd, 256), 0);
	return fd;
}

struct https_server *https_server_start(const char *address,
                                        const struct https_script *script)
{
	struct https_server *server = calloc(1, sizeof(*server));

	assert_non_null(server);
	signal(SIGPIPE, SIG_IGN);
	server->script = *script;
	server->context = SSL_CTX_new(TLS_server_method());
	assert_non_null(server->context);
	use_cert(server->context, &script->cert);
	if (script->mode == HTTPS_TLS11) {
		SSL_CTX_set_security_level(server->context, 0);
		SSL_CTX_set_min_proto_version(server->context, TLS1_VERSION);
		SSL_CTX_set_max_proto_version(server->context, TLS1_1_VERSION);
	}
	server->listener = listen_at(address);
	assert_int_equal(pipe(server->stop), 0);
	assert_int_equal(pthread_create(&server->thread, NULL, run, server), 0);
	return server;
}

void https_server_stop(struct https_server *server)
{
	assert_int_equal(write(server->stop[1], "", 1), 1);
	assert_int_equal(pthread_join(server->thread, NULL), 0);
	for (size_t i = 0; i < server->kept_count; i++) {
		SSL_free(server->kept_ssl[i]);
		close(server->kept[i]);
	}
	close(server->listener);
	close(server->stop[0]);
	close(server->stop[1]);
	SSL_CTX_free(server->context);
	free(server);
}

unsigned https_server_count(const struct https_server *server)
{
	return atomic_load(&((struct https_server *)server)->count);
}

const char *https_server_request(const struct https_server *server)
{
	return server->request;
}
