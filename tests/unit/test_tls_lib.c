/* SPDX-License-Identifier: BSD-2-Clause */
/* test_tls_lib.c - what is left out of OpenSSL is nothing that TLS or a
 * certificate needs, and OpenSSL is what it was before once it is over. */
#include "tests.h"

#include "alloc.h"

#include "net/tls_lib.h"

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
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
		cmocka_unit_test(as_before),
		cmocka_unit_test(other_providers),
		cmocka_unit_test(no_memory),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
