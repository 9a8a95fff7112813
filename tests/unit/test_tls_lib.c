/* SPDX-License-Identifier: BSD-2-Clause */
/* test_tls_lib.c - what is left out of OpenSSL is nothing that TLS or a
 * certificate needs, and OpenSSL is what it was before once it is over. */
#include "tests.h"

#include "alloc.h"

#include "https/tls_lib.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#if OPENSSL_VERSION_NUMBER >= 0x30000000L
#include <openssl/provider.h>
#endif

/* -- keys of certificates -------------------------------------------------- */

static EVP_PKEY *make_key(int type, int size)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(type, NULL);
	EVP_PKEY *key = NULL;

	assert_int_equal(EVP_PKEY_keygen_init(context), 1);
	if (type == EVP_PKEY_EC)
		assert_int_equal(
		    EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, size), 1);
	else if (size)
		assert_int_equal(
		    EVP_PKEY_CTX_set_rsa_keygen_bits(context, size), 1);
	assert_int_equal(EVP_PKEY_keygen(context, &key), 1);
	EVP_PKEY_CTX_free(context);
	return key;
}

/* A certificate with KEY, signed by it, as it goes over the wire. */
static int make_cert(EVP_PKEY *key, bool hashes, unsigned char **ret)
{
	X509 *cert = X509_new();
	int len;

	assert_int_equal(X509_set_version(cert, 2), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -1);
	X509_gmtime_adj(X509_getm_notAfter(cert), 1000);
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	assert_true(X509_sign(cert, key, hashes ? EVP_sha256() : NULL) > 0);
	len = i2d_X509(cert, ret);
	assert_true(len > 0);
	X509_free(cert);
	return len;
}

static void keys(void **state)
{
	static const struct {
		int type;
		int size; /* bits, or the curve; 0: there is but one */
		bool hashes;
	} rows[] = {
		{ EVP_PKEY_RSA, 2048, true },
		{ EVP_PKEY_RSA_PSS, 2048, true },
		{ EVP_PKEY_EC, NID_X9_62_prime256v1, true },
		{ EVP_PKEY_EC, NID_secp384r1, true },
		{ EVP_PKEY_EC, NID_secp521r1, true },
		{ EVP_PKEY_ED25519, 0, false },
		{ EVP_PKEY_ED448, 0, false },
	};

	(void)state;
	tls_lib_open();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		EVP_PKEY *key = make_key(rows[i].type, rows[i].size);
		unsigned char *wire = NULL;
		int len = make_cert(key, rows[i].hashes, &wire);
		const unsigned char *at = wire;
		void *before = tls_lib_enter();
		X509 *cert = d2i_X509(NULL, &at, len);

		if (!cert || !X509_get0_pubkey(cert) ||
		    X509_verify(cert, X509_get0_pubkey(cert)) != 1)
			fail_msg("row %zu", i);
		X509_free(cert);
		tls_lib_leave(before);
		OPENSSL_free(wire);
		EVP_PKEY_free(key);
	}
	tls_lib_close();
}

/* -- TLS ------------------------------------------------------------------- */

static SSL_CTX *new_context(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	assert_non_null(context);
	return context;
}

static void same_ciphers(void **state)
{
	SSL_CTX *whole = new_context();
	SSL_CTX *part;
	const STACK_OF(SSL_CIPHER) * wanted, *got;
	void *before;

	(void)state;
	tls_lib_open();
	before = tls_lib_enter();
	part = new_context();
	wanted = SSL_CTX_get_ciphers(whole);
	got = SSL_CTX_get_ciphers(part);
	assert_true(sk_SSL_CIPHER_num(wanted) > 10);
	assert_int_equal(sk_SSL_CIPHER_num(got), sk_SSL_CIPHER_num(wanted));
	for (int i = 0; i < sk_SSL_CIPHER_num(wanted); i++)
		assert_string_equal(
		    SSL_CIPHER_get_name(sk_SSL_CIPHER_value(got, i)),
		    SSL_CIPHER_get_name(sk_SSL_CIPHER_value(wanted, i)));
	SSL_CTX_free(part);
	tls_lib_leave(before);
	tls_lib_close();
	SSL_CTX_free(whole);
}

static void groups(void **state)
{
	static const struct {
		const char *name;
		bool there;
	} rows[] = {
		{ "X25519", true },
		{ "X448", true },
		{ "P-256", true },
		{ "P-384", true },
		{ "P-521", true },
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
		{ "ffdhe2048", true },
		{ "ffdhe8192", true },
		{ "sect163k1", false }, /* the saving */
#endif
	};
	SSL_CTX *context;
	void *before;

	(void)state;
	tls_lib_open();
	before = tls_lib_enter();
	context = new_context();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if ((SSL_CTX_set1_groups_list(context, rows[i].name) == 1) !=
		    rows[i].there)
			fail_msg("%s", rows[i].name);
	ERR_clear_error();
	SSL_CTX_free(context);
	tls_lib_leave(before);
	tls_lib_close();
}

/* Bytes go back and forth in memory. The server is OpenSSL as it comes. */
static bool shake_hands(SSL *client, SSL *server)
{
	for (unsigned i = 0; i < 10; i++) {
		void *before = tls_lib_enter();
		int done = SSL_do_handshake(client);

		tls_lib_leave(before);
		if (SSL_do_handshake(server) == 1 && done == 1)
			return true;
	}
	return false;
}

static SSL *new_side(SSL_CTX *context, BIO *in, BIO *out)
{
	SSL *ssl = SSL_new(context);

	assert_non_null(ssl);
	BIO_up_ref(in);
	BIO_up_ref(out);
	SSL_set_bio(ssl, in, out);
	return ssl;
}

static bool connects(SSL_CTX *client_context, SSL_CTX *server_context,
                     const char *cipher)
{
	BIO *up = BIO_new(BIO_s_mem());
	BIO *down = BIO_new(BIO_s_mem());
	void *before = tls_lib_enter();
	SSL *client = new_side(client_context, down, up);
	SSL *server;
	char got[6] = "";
	bool good;

	tls_lib_leave(before);
	server = new_side(server_context, up, down);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	good = shake_hands(client, server) &&
	       strcmp(SSL_get_cipher_name(client), cipher) == 0;
	before = tls_lib_enter();
	good = good && SSL_write(client, "hello", 5) == 5;
	tls_lib_leave(before);
	good =
	    good && SSL_read(server, got, 5) == 5 && strcmp(got, "hello") == 0;
	SSL_free(server);
	before = tls_lib_enter();
	SSL_free(client);
	tls_lib_leave(before);
	BIO_free(up);
	BIO_free(down);
	return good;
}

/* One of each kind: what keys, records and TLS 1.2's and 1.3's own KDF take. */
static void ciphers_work(void **state)
{
	static const struct {
		const char *name;
		bool tls13;
	} rows[] = {
		{ "TLS_AES_128_GCM_SHA256", true },
		{ "TLS_AES_256_GCM_SHA384", true },
		{ "TLS_CHACHA20_POLY1305_SHA256", true },
		{ "ECDHE-ECDSA-AES128-GCM-SHA256", false },
		{ "ECDHE-ECDSA-CHACHA20-POLY1305", false },
		{ "ECDHE-ECDSA-AES256-CCM8", false },
		{ "ECDHE-ECDSA-ARIA128-GCM-SHA256", false },
		{ "ECDHE-ECDSA-AES128-SHA", false },
		{ "ECDHE-ECDSA-AES256-SHA384", false },
		{ "ECDHE-ECDSA-CAMELLIA128-SHA256", false },
	};
	EVP_PKEY *key = make_key(EVP_PKEY_EC, NID_X9_62_prime256v1);
	unsigned char *wire = NULL;
	int len = make_cert(key, true, &wire);

	(void)state;
	tls_lib_open();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int version = rows[i].tls13 ? TLS1_3_VERSION : TLS1_2_VERSION;
		SSL_CTX *server = SSL_CTX_new(TLS_server_method());
		void *before = tls_lib_enter();
		SSL_CTX *client = new_context();

		assert_int_equal(
		    SSL_CTX_set_cipher_list(client, "ALL:@SECLEVEL=0"), 1);
		tls_lib_leave(before);
		SSL_CTX_set_security_level(server, 0);
		assert_int_equal(
		    SSL_CTX_use_certificate_ASN1(server, len, wire), 1);
		assert_int_equal(SSL_CTX_use_PrivateKey(server, key), 1);
		assert_int_equal(SSL_CTX_set_max_proto_version(server, version),
		                 1);
		assert_int_equal(
		    rows[i].tls13
			? SSL_CTX_set_ciphersuites(server, rows[i].name)
			: SSL_CTX_set_cipher_list(server, rows[i].name),
		    1);
		if (!connects(client, server, rows[i].name))
			fail_msg("%s", rows[i].name);
		before = tls_lib_enter();
		SSL_CTX_free(client);
		tls_lib_leave(before);
		SSL_CTX_free(server);
	}
	tls_lib_close();
	OPENSSL_free(wire);
	EVP_PKEY_free(key);
}

#if OPENSSL_VERSION_NUMBER >= 0x30000000L

/* The saving: OpenSSL copies the list of all that there is for each key. */
static void left_out(void **state)
{
	static const char *const ciphers[] = { "AES-128-XTS", "AES-256-WRAP",
		                               "ARIA-128-CFB8" };
	static const char *const keys[] = { "DHX", "HKDF", "SCRYPT" };
	void *before;

	(void)state;
	tls_lib_open();
	before = tls_lib_enter();
	for (size_t i = 0; i < ARRAY_LEN(ciphers); i++)
		assert_null(EVP_CIPHER_fetch(NULL, ciphers[i], NULL));
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		assert_null(EVP_KEYMGMT_fetch(NULL, keys[i], NULL));
	ERR_clear_error();
	tls_lib_leave(before);
	tls_lib_close();
}

#endif

/* -- the rest of the process ----------------------------------------------- */

#if OPENSSL_VERSION_NUMBER >= 0x30000000L

static void as_before(void **state)
{
	OSSL_LIB_CTX *usual = OSSL_LIB_CTX_set0_default(NULL);
	void *before;

	(void)state;
	tls_lib_open();
	tls_lib_open(); /* by a second fetcher */
	before = tls_lib_enter();
	assert_ptr_equal(before, usual);
	assert_ptr_not_equal(OSSL_LIB_CTX_set0_default(NULL), usual);
	tls_lib_leave(before);
	assert_ptr_equal(OSSL_LIB_CTX_set0_default(NULL), usual);
	tls_lib_close();
	assert_non_null(tls_lib_enter());
	tls_lib_leave(usual);
	tls_lib_close();
}

/* As openssl.cnf may ask for it. */
static void other_providers(void **state)
{
	OSSL_PROVIDER *whole = OSSL_PROVIDER_load(NULL, "default");
	OSSL_PROVIDER *other = OSSL_PROVIDER_load(NULL, "base");

	(void)state;
	assert_true(whole && other);
	tls_lib_open();
	assert_null(tls_lib_enter());
	tls_lib_leave(NULL);
	tls_lib_close();
	OSSL_PROVIDER_unload(other);
	tls_lib_open();
	assert_non_null(tls_lib_enter());
	tls_lib_leave(NULL);
	tls_lib_close();
	OSSL_PROVIDER_unload(whole);
}

static void no_memory(void **state)
{
	(void)state;
	alloc_fail_at(1);
	tls_lib_open();
	alloc_fail_at(0);
	assert_null(tls_lib_enter());
	tls_lib_leave(NULL);
	tls_lib_close();
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys),
		cmocka_unit_test(same_ciphers),
		cmocka_unit_test(groups),
		cmocka_unit_test(ciphers_work),
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
		cmocka_unit_test(left_out),
		cmocka_unit_test(as_before),
		cmocka_unit_test(other_providers),
		cmocka_unit_test(no_memory),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
