/* SPDX-License-Identifier: BSD-2-Clause */
/* tls_rehearsal.c - a TLS hand-shake before the first one that counts. */
#include "https/tls_rehearsal.h"

#if OPENSSL_VERSION_NUMBER >= 0x30000000L

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>

enum { STEPS_MAX = 10 }; /* of either side; TLS 1.3 takes two */

/* Signed by itself. Its dates do not matter, as all is accepted. */
static X509 *make_certificate(OSSL_LIB_CTX *context, EVP_PKEY *key)
{
	X509 *cert = X509_new_ex(context, NULL);

	if (cert && X509_set_version(cert, X509_VERSION_3) == 1 &&
	    X509_gmtime_adj(X509_getm_notBefore(cert), 0) &&
	    X509_gmtime_adj(X509_getm_notAfter(cert), 60) &&
	    X509_set_pubkey(cert, key) == 1 &&
	    X509_sign(cert, key, EVP_sha256()) > 0)
		return cert;
	X509_free(cert);
	return NULL;
}

static int on_verify(int good, X509_STORE_CTX *store)
{
	(void)good;
	(void)store;
	return 1;
}

static bool prepare(SSL_CTX *client, SSL_CTX *server, EVP_PKEY *key, X509 *cert)
{
	SSL_CTX_set_verify(client, SSL_VERIFY_PEER, on_verify);
	return X509_STORE_add_cert(SSL_CTX_get_cert_store(client), cert) == 1 &&
	       SSL_CTX_use_certificate(server, cert) == 1 &&
	       SSL_CTX_use_PrivateKey(server, key) == 1;
}

/* The two ends of a wire, which become theirs. */
static bool connect_them(SSL *client, SSL *server)
{
	BIO *one, *other;

	if (BIO_new_bio_pair(&one, 0, &other, 0) != 1)
		return false;
	SSL_set_bio(client, one, one);
	SSL_set_bio(server, other, other);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	return true;
}

static void shake_hands(SSL *client, SSL *server)
{
	char byte = 0;

	for (int i = 0; i < STEPS_MAX && SSL_in_init(server); i++) {
		(void)SSL_do_handshake(client);
		(void)SSL_do_handshake(server);
	}
	/* A record in each direction. */
	(void)SSL_write(client, &byte, 1);
	(void)SSL_read(server, &byte, 1);
	(void)SSL_shutdown(server);
	(void)SSL_read(client, &byte, 1);
}

static void run(SSL_CTX *client_context, SSL_CTX *server_context)
{
	SSL *client = SSL_new(client_context);
	SSL *server = SSL_new(server_context);

	if (client && server && connect_them(client, server))
		shake_hands(client, server);
	SSL_free(client);
	SSL_free(server);
}

void tls_rehearse(OSSL_LIB_CTX *context)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(context, NULL, "EC", "P-256");
	X509 *cert = key ? make_certificate(context, key) : NULL;
	SSL_CTX *client = SSL_CTX_new_ex(context, NULL, TLS_client_method());
	SSL_CTX *server = SSL_CTX_new_ex(context, NULL, TLS_server_method());

	if (cert && client && server && prepare(client, server, key, cert))
		run(client, server);
	SSL_CTX_free(server);
	SSL_CTX_free(client);
	X509_free(cert);
	EVP_PKEY_free(key);
	ERR_clear_error();
}

#endif
