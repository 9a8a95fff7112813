/* SPDX-License-Identifier: BSD-2-Clause */
/* certs.c - a private CA, and a certificate a name, made in memory. */
#include "certs.h"

#include "bench.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

enum { DAY_S = 24 * 60 * 60, SERIAL_BYTES = 16 };

static void want(int ok, const char *what)
{
	if (!ok)
		bench_die("openssl: %s failed", what);
}

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	want(extension != NULL && X509_add_ext(cert, extension, -1), value);
	X509_EXTENSION_free(extension);
}

static void set_serial(X509 *cert)
{
	unsigned char bytes[SERIAL_BYTES];
	BIGNUM *number;

	want(RAND_bytes(bytes, sizeof(bytes)), "RAND_bytes");
	bytes[0] &= 0x7f; /* RFC 5280 4.1.2.2: positive */
	number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	want(number != NULL && BN_to_ASN1_INTEGER(
				   number, X509_get_serialNumber(cert)) != NULL,
	     "serial");
	BN_free(number);
}

/* Everything but the extensions and the signature. ISSUER NULL: itself. */
static X509 *cert_new(EVP_PKEY *key, X509 *issuer, const char *name)
{
	X509 *cert = X509_new();
	X509_NAME *subject = cert ? X509_get_subject_name(cert) : NULL;

	want(subject != NULL, "X509_new");
	want(X509_set_version(cert, X509_VERSION_3), "version");
	set_serial(cert);
	X509_gmtime_adj(X509_getm_notBefore(cert), -DAY_S);
	X509_gmtime_adj(X509_getm_notAfter(cert), 30 * DAY_S);
	want(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
	                                (const unsigned char *)name, -1, -1, 0),
	     name);
	want(X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer)
	                                       : subject),
	     "issuer");
	want(X509_set_pubkey(cert, key), "public key");
	return cert;
}

X509 *certs_make(const struct certs *certs, const char *name)
{
	X509 *cert = cert_new(certs->key, certs->ca, name);
	char *names;

	if (asprintf(&names, "DNS:%s", name) < 0)
		bench_die("out of memory");
	add_extension(cert, certs->ca, NID_basic_constraints, "CA:FALSE");
	add_extension(cert, certs->ca, NID_key_usage,
	              "critical,digitalSignature");
	add_extension(cert, certs->ca, NID_ext_key_usage, "serverAuth");
	add_extension(cert, certs->ca, NID_authority_key_identifier, "keyid");
	add_extension(cert, certs->ca, NID_subject_alt_name, names);
	free(names);
	want(X509_sign(cert, certs->key, EVP_sha256()), "X509_sign");
	return cert;
}

void certs_start(struct certs *certs, const char *path)
{
	FILE *file = fopen(path, "w");

	if (!file)
		bench_die_errno(path);
	certs->key = EVP_EC_gen("P-256");
	want(certs->key != NULL, "EVP_EC_gen");
	certs->ca = cert_new(certs->key, NULL, "mtasts bench CA");
	add_extension(certs->ca, certs->ca, NID_basic_constraints,
	              "critical,CA:TRUE");
	add_extension(certs->ca, certs->ca, NID_key_usage,
	              "critical,keyCertSign");
	add_extension(certs->ca, certs->ca, NID_subject_key_identifier, "hash");
	want(X509_sign(certs->ca, certs->key, EVP_sha256()), "X509_sign");
	want(PEM_write_X509(file, certs->ca), path);
	if (fclose(file) != 0)
		bench_die_errno(path);
}
