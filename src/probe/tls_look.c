/* SPDX-License-Identifier: BSD-2-Clause */
/* tls_look.c - finds everything that is wrong with a server's certificates.
 *
 * Senders stop at the first fault, but a report should name them all. So a chain
 * that is not known to be good is verified separately from the connection, with a
 * callback that notes each fault and lets OpenSSL continue. */
#include "probe/tls_look.h"

#include "findings/safe.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
	CERTS_MAX = 10,  /* in a chain; more are not shown */
	NAMES_MAX = 200, /* in a certificate */
	NAME_TEXT = 300,
};

/* -- one certificate ------------------------------------------------------- */

/* The name as text: "CN = a, O = b". To be freed; NULL: out of memory. */
static char *cert_name_text(const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data = NULL;
	char *text = NULL;
	long len;

	if (!bio)
		return NULL;
	if (X509_NAME_print_ex(bio, name, 0,
	                       XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
		len = BIO_get_mem_data(bio, &data);
		if (len > NAME_TEXT)
			len = NAME_TEXT;
		text = safe_copy(slice_of(data, (size_t)len), false);
	}
	BIO_free(bio);
	return text;
}

static int64_t cert_time_s(const ASN1_TIME *time)
{
	struct tm tm;

	return ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static bool cert_take_names(struct cert_view *cert, const GENERAL_NAMES *names)
{
	int count = sk_GENERAL_NAME_num(names);

	if (count <= 0)
		return true;
	cert->names = calloc((size_t)count, sizeof(*cert->names));
	if (!cert->names)
		return false;
	for (int i = 0; i < count && cert->name_count < NAMES_MAX; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		struct slice text;

		if (name->type != GEN_DNS)
			continue;
		text = slice_of(
		    (const char *)ASN1_STRING_get0_data(name->d.dNSName),
		    (size_t)ASN1_STRING_length(name->d.dNSName));
		cert->names[cert->name_count] = safe_copy(text, false);
		if (!cert->names[cert->name_count])
			return false;
		cert->name_count++;
	}
	return true;
}

static bool cert_read(X509 *x509, struct cert_view *cert)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	GENERAL_NAMES *names =
	    X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
	bool good = cert_take_names(cert, names);

	GENERAL_NAMES_free(names);
	cert->subject = cert_name_text(X509_get_subject_name(x509));
	cert->issuer = cert_name_text(X509_get_issuer_name(x509));
	cert->not_before_s = cert_time_s(X509_get0_notBefore(x509));
	cert->not_after_s = cert_time_s(X509_get0_notAfter(x509));
	if (X509_digest(x509, EVP_sha256(), digest, &len) != 1 || len != 32)
		return false;
	for (size_t i = 0; i < len; i++)
		snprintf(&cert->sha256[2 * i], 3, "%02x", digest[i]);
	return good && cert->subject && cert->issuer;
}

static int chain_read(struct tls_view *view, const STACK_OF(X509) * chain)
{
	int count = sk_X509_num(chain);

	if (count > CERTS_MAX)
		count = CERTS_MAX;
	view->certs =
	    calloc(count > 0 ? (size_t)count : 1, sizeof(*view->certs));
	if (!view->certs)
		return MTS_ENOMEM;
	for (int i = 0; i < count; i++) {
		struct cert_view *cert = &view->certs[view->cert_count++];

		if (!cert_read(sk_X509_value(chain, i), cert))
			return MTS_ENOMEM;
	}
	return MTS_OK;
}

/* -- verification ---------------------------------------------------------- */

static int ctx_index = -1; /* where an X509_STORE_CTX holds our view */

static const char *look_date_text(const ASN1_TIME *time, char text[40])
{
	struct tm tm;

	if (ASN1_TIME_to_tm(time, &tm) != 1 ||
	    strftime(text, 40, "%Y-%m-%d %H:%M UTC", &tm) == 0)
		return "an unreadable date";
	return text;
}

__attribute__((format(printf, 3, 4))) static void look_note(
    struct tls_view *view, enum tls_fault fault, const char *format, ...)
{
	char *text = view->faults[fault];
	va_list ap;

	if (*text)
		return; /* the first fault of a kind is enough */
	va_start(ap, format);
	fault_vtext(text, sizeof(view->faults[fault]), format, ap);
	va_end(ap);
}

static void look_note_name(struct tls_view *view)
{
	const struct cert_view *cert = view->certs;
	char names[120] = "";
	size_t used = 0;

	for (size_t i = 0; i < cert->name_count && used < sizeof(names); i++)
		used +=
		    (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
		                     used ? ", " : "", cert->names[i]);
	if (used >= sizeof(names)) /* cut off */
		memcpy(names + sizeof(names) - 4, "...", 4);
	if (cert->name_count)
		look_note(view, TLS_FAULT_NAME, "it is for %s", names);
	else
		look_note(
		    view, TLS_FAULT_NAME,
		    "it has no DNS name in its subjectAltName (a common name "
		    "does not count)");
}

/* True if CERT says where its issuer's certificate can be downloaded. */
static bool cert_names_issuer(X509 *cert)
{
	AUTHORITY_INFO_ACCESS *info =
	    X509_get_ext_d2i(cert, NID_info_access, NULL, NULL);
	bool found = false;

	for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(info); i++)
		found |=
		    OBJ_obj2nid(sk_ACCESS_DESCRIPTION_value(info, i)->method) ==
		    NID_ad_ca_issuers;
	AUTHORITY_INFO_ACCESS_free(info);
	return found;
}

/* The issuer was not sent, and it is not a trusted root. */
static void look_note_no_issuer(struct tls_view *view, X509 *cert)
{
	if (cert && cert_names_issuer(cert))
		look_note(
		    view, TLS_FAULT_INCOMPLETE,
		    "the server did not send the certificate of its issuer");
	else
		look_note(view, TLS_FAULT_UNTRUSTED,
		          "it has no chain to a trusted root");
}

static void look_note_error(struct tls_view *view, X509 *cert, int error,
                            int depth)
{
	char date[40];

	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		look_note(view, TLS_FAULT_EXPIRED, "%s expired on %s",
		          depth ? "its issuer's" : "it",
		          look_date_text(X509_get0_notAfter(cert), date));
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		look_note(view, TLS_FAULT_EXPIRED, "%s is not valid before %s",
		          depth ? "its issuer's" : "it",
		          look_date_text(X509_get0_notBefore(cert), date));
		break;
	case X509_V_ERR_HOSTNAME_MISMATCH:
		look_note_name(view);
		break;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		look_note(view, TLS_FAULT_UNTRUSTED, "it is self-signed");
		break;
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		look_note(view, TLS_FAULT_UNTRUSTED,
		          "its chain leads to a root that is not trusted");
		break;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
		look_note_no_issuer(view, cert);
		break;
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		/* follows from the missing issuer */
		break;
	case X509_V_ERR_CERT_SIGNATURE_FAILURE: /* has a root's name but not its
	                                         * key */
	case X509_V_ERR_CERT_UNTRUSTED:
		look_note(view, TLS_FAULT_UNTRUSTED, "%s",
		          X509_verify_cert_error_string(error));
		break;
	default:
		look_note(view, TLS_FAULT_INVALID, "%s",
		          X509_verify_cert_error_string(error));
	}
}

static int look_on_verify(int good, X509_STORE_CTX *store)
{
	struct tls_view *view = X509_STORE_CTX_get_ex_data(store, ctx_index);

	if (!good && view)
		look_note_error(view, X509_STORE_CTX_get_current_cert(store),
		                X509_STORE_CTX_get_error(store),
		                X509_STORE_CTX_get_error_depth(store));
	return 1;
}

static int look_verify(struct tls_view *view, const struct ca_store *roots,
                       const char *host, STACK_OF(X509) * chain, int64_t now_s)
{
	X509_STORE_CTX *store = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;
	int status = MTS_ENOMEM;

	if (ctx_index < 0)
		ctx_index =
		    X509_STORE_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	if (!store || X509_STORE_CTX_init(store, ca_store_x509(roots),
	                                  sk_X509_value(chain, 0), chain) != 1)
		goto out;
	param = X509_STORE_CTX_get0_param(store);
	X509_STORE_CTX_set_default(store, "ssl_server");
	X509_VERIFY_PARAM_set_hostflags(
	    param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
		       X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	X509_VERIFY_PARAM_set_time(param, (time_t)now_s);
	if (X509_VERIFY_PARAM_set1_host(param, host, 0) != 1 ||
	    X509_STORE_CTX_set_ex_data(store, ctx_index, view) != 1)
		goto out;
	X509_STORE_CTX_set_verify_cb(store, look_on_verify);
	(void)X509_verify_cert(store);
	status = MTS_OK;
out:
	X509_STORE_CTX_free(store);
	ERR_clear_error();
	return status;
}

/* -- looking --------------------------------------------------------------- */

/* "SSLv3", "TLSv1", "TLSv1.1" */
static bool version_is_old(const char *version)
{
	return *version && strcmp(version, "TLSv1.2") != 0 &&
	       strcmp(version, "TLSv1.3") != 0;
}

/* Reads version and certificates, without verifying. */
static int look_read(STACK_OF(X509) * chain, const char *version,
                     struct tls_view **ret)
{
	struct tls_view *view = calloc(1, sizeof(*view));
	int status;

	if (!view)
		return MTS_ENOMEM;
	snprintf(view->version, sizeof(view->version), "%s", version);
	view->old = version_is_old(version);
	status = chain_read(view, chain);
	if (status != MTS_OK)
		tls_view_free(&view);
	else
		*ret = view;
	return status;
}

int tls_look(const struct ca_store *roots, const char *host,
             STACK_OF(X509) * chain, const char *version, int64_t now_s,
             struct tls_view **ret)
{
	struct tls_view *view = NULL;
	int status = look_read(chain, version, &view);

	if (status == MTS_OK && sk_X509_num(chain) > 0)
		status = look_verify(view, roots, host, chain, now_s);
	if (status != MTS_OK)
		tls_view_free(&view);
	else
		*ret = view;
	return status;
}

int tls_look_verified(STACK_OF(X509) * chain, const char *version,
                      struct tls_view **ret)
{
	int status = look_read(chain, version, ret);

	return status;
}
