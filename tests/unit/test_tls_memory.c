/* SPDX-License-Identifier: BSD-2-Clause */
/* test_tls_memory.c - memory that is refused to OpenSSL in its first hand-shake
 * spoils that one, and none after it.
 *
 * What OpenSSL sets up when it is first used it may take for impossible, for
 * good, when there is no memory at that time. So each try is made by a process
 * that has done nothing but tls_lib_open(), and the server is another one. */
#include "tests.h"

#include "https/tls_lib.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	STEP = 13, /* of some 3,000 allocations; what was lost was 17 long */
	TRIES_MAX = 10000,
	CERT_MAX = 2048,
};

/* -- OpenSSL's memory ------------------------------------------------------ */

/* How many come before those that are refused, and how many these are. */
static size_t before_refusals = SIZE_MAX, refusals;

static bool is_refused(void)
{
	if (before_refusals > 0) {
		before_refusals--;
		return false;
	}
	if (refusals == 0)
		return false;
	refusals--;
	return true;
}

static void *on_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return is_refused() ? NULL : malloc(size);
}

static void *on_realloc(void *old, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return is_refused() ? NULL : realloc(old, size);
}

static void on_free(void *memory, const char *file, int line)
{
	(void)file;
	(void)line;
	free(memory);
}

/* -- the server, in a process of its own ----------------------------------- */

static struct sockaddr_un address = { .sun_family = AF_UNIX };
static socklen_t address_len;
static pid_t server_pid;
static unsigned char cert[CERT_MAX]; /* the server's; it signed it itself */
static size_t cert_len;

static EVP_PKEY *make_key(int type)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(type, NULL);
	EVP_PKEY *key = NULL;
	int rc;

	assert_int_equal(EVP_PKEY_keygen_init(context), 1);
	rc = type == EVP_PKEY_EC
	         ? EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context,
	                                                  NID_X9_62_prime256v1)
	         : EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048);
	assert_int_equal(rc, 1);
	assert_int_equal(EVP_PKEY_keygen(context, &key), 1);
	EVP_PKEY_CTX_free(context);
	return key;
}

static SSL_CTX *make_server(int type, int version)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = make_key(type);
	X509 *own = X509_new();
	unsigned char *at = cert;

	assert_int_equal(X509_set_version(own, 2), 1);
	X509_gmtime_adj(X509_getm_notBefore(own), -1);
	X509_gmtime_adj(X509_getm_notAfter(own), 10000);
	assert_int_equal(X509_set_pubkey(own, key), 1);
	assert_true(X509_sign(own, key, EVP_sha256()) > 0);
	cert_len = (size_t)i2d_X509(own, NULL);
	assert_true(cert_len <= sizeof(cert));
	(void)i2d_X509(own, &at);
	assert_int_equal(SSL_CTX_use_certificate(context, own), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(context, key), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(context, version), 1);
	X509_free(own);
	EVP_PKEY_free(key);
	return context;
}

/* Until it is killed. */
static void serve(int type, int version, int listener, int tell)
{
	SSL_CTX *context = make_server(type, version);

	if (write(tell, cert, cert_len) != (ssize_t)cert_len)
		_exit(1);
	close(tell);
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		SSL *tls = SSL_new(context);

		SSL_set_fd(tls, fd);
		(void)SSL_accept(tls);
		SSL_free(tls);
		close(fd);
	}
}

static void start_server(int type, int version)
{
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	int ends[2];
	ssize_t n;

	/* A name that the system chooses. */
	address_len = sizeof(address.sun_family);
	assert_int_equal(
	    bind(listener, (struct sockaddr *)&address, address_len), 0);
	address_len = sizeof(address);
	assert_int_equal(
	    getsockname(listener, (struct sockaddr *)&address, &address_len),
	    0);
	assert_int_equal(listen(listener, 64), 0);
	assert_int_equal(pipe(ends), 0);
	server_pid = fork();
	if (server_pid == 0)
		serve(type, version, listener, ends[1]);
	assert_true(server_pid > 0);
	close(listener);
	close(ends[1]);
	n = read(ends[0], cert, sizeof(cert));
	assert_true(n > 0);
	cert_len = (size_t)n;
	close(ends[0]);
}

static void stop_server(void)
{
	kill(server_pid, SIGKILL);
	assert_int_equal(waitpid(server_pid, NULL, 0), server_pid);
}

/* -- the client ------------------------------------------------------------ */

static SSL *new_client(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	const unsigned char *at = cert;
	X509 *root = d2i_X509(NULL, &at, (long)cert_len);
	SSL *client = NULL;

	if (context && root &&
	    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), root) == 1) {
		SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
		client = SSL_new(context);
	}
	X509_free(root);
	SSL_CTX_free(context);
	return client;
}

static bool shake_hands(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	void *usual = tls_lib_enter();
	SSL *client = NULL;
	bool good;

	if (connect(fd, (struct sockaddr *)&address, address_len) == 0)
		client = new_client();
	good =
	    client && SSL_set_fd(client, fd) == 1 && SSL_connect(client) == 1;
	SSL_free(client);
	ERR_clear_error();
	tls_lib_leave(usual);
	close(fd);
	return good;
}

enum outcome {
	REFUSED, /* the first hand-shake failed */
	ENOUGH,  /* it did not: there were not that many allocations */
	SPOILT,  /* the second one failed, or all is over */
};

static enum outcome try(size_t before, size_t count)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		bool first;

		before_refusals = before;
		refusals = count;
		first = shake_hands() && refusals == count;
		refusals = 0;
		_exit(!shake_hands() ? SPOILT : first ? ENOUGH : REFUSED);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? (enum outcome)WEXITSTATUS(status) : SPOILT;
}

static void first_hand_shake(int type, int version)
{
	static const size_t counts[] = { 1, 10, SIZE_MAX };
	size_t tries = 0;
	size_t spoilt = 0;

	start_server(type, version);
	tls_lib_open();
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		enum outcome outcome = REFUSED;

		for (size_t at = 0; outcome != ENOUGH; at += STEP) {
			outcome = try(at, counts[i]);
			spoilt += outcome == SPOILT;
			assert_true(tries++ < TRIES_MAX);
		}
	}
	tls_lib_close();
	stop_server();
	assert_true(tries > ARRAY_LEN(counts) * 100);
	assert_int_equal(spoilt, 0);
}

static void ec(void **state)
{
	(void)state;
	first_hand_shake(EVP_PKEY_EC, TLS1_3_VERSION);
}

static void rsa(void **state)
{
	(void)state;
	first_hand_shake(EVP_PKEY_RSA, TLS1_3_VERSION);
}

static void tls_1_2(void **state)
{
	(void)state;
	first_hand_shake(EVP_PKEY_RSA, TLS1_2_VERSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ec),
		cmocka_unit_test(rsa),
		cmocka_unit_test(tls_1_2),
	};

#if OPENSSL_VERSION_NUMBER < 0x30000000L
	return 77; /* keeps no such stores */
#endif
	signal(SIGPIPE, SIG_IGN);
	if (CRYPTO_set_mem_functions(on_malloc, on_realloc, on_free) != 1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
