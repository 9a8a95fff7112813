/* SPDX-License-Identifier: BSD-2-Clause */
/* fetch_tls.c - checks that a server's certificate is valid for the policy
 * host.
 *
 * RFC 8461 3.3: "Matching is performed only against the DNS-ID identifiers",
 * and the certificate "MAY contain the wildcard character '*' as the complete
 * left-most label". So OpenSSL gets the host name, must not use the CN and must
 * not accept partial wildcards. libcurl also checks the name, but it uses the
 * CN if the subjectAltName has no DNS name, so its check is not enough. */
#include "https/fetch_tls.h"

#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>

enum { NAMES_SHOWN = 3 }; /* of a certificate for another host */

/* Where an SSL_CTX keeps its struct fetch_tls. */
static int ctx_index = -1;

int fetch_tls_init(void)
{
	if (ctx_index < 0)
		ctx_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	return ctx_index < 0 ? MTS_ELIB : MTS_OK;
}

/* -- explaining a fault ---------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static void tls_fail(
    struct fetch_tls *tls, enum fetch_cause cause, const char *format, ...)
{
	va_list ap;

	tls->cause = cause;
	va_start(ap, format);
	fault_vtext(tls->reason, sizeof(tls->reason), format, ap);
	va_end(ap);
}

static const char *cert_date_text(const ASN1_TIME *time, char *text,
                                  size_t size)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(time, &tm) != 1 ||
	    strftime(text, size, "%Y-%m-%d %H:%M UTC", &tm) == 0)
		snprintf(text, size, "an unreadable date");
	return text;
}

/* Writes the first DNS names of CERT to TEXT: "a, b, c, ...". Returns the
 * number of all its DNS names. */
static int cert_dns_names(X509 *cert, char *text, size_t size)
{
	GENERAL_NAMES *names =
	    X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	size_t used = 0;
	int count = 0;

	text[0] = '\0';
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		int n;

		if (name->type != GEN_DNS || ++count > NAMES_SHOWN)
			continue;
		n = snprintf(
		    text + used, size - used, "%s%.*s", used ? ", " : "",
		    ASN1_STRING_length(name->d.dNSName),
		    (const char *)ASN1_STRING_get0_data(name->d.dNSName));
		if (n > 0 && (size_t)n < size - used)
			used += (size_t)n;
	}
	if (count > NAMES_SHOWN)
		snprintf(text + used, size - used, ", ...");
	GENERAL_NAMES_free(names);
	return count;
}

static void explain_name(struct fetch_tls *tls, X509 *cert)
{
	char names[FETCH_REASON];

	if (cert && cert_dns_names(cert, names, sizeof(names)) > 0)
		tls_fail(tls, FETCH_CERT_NAME,
		         "certificate is for %.*s, not %s", 120, names,
		         tls->host);
	else
		tls_fail(tls, FETCH_CERT_NAME,
		         "certificate has no DNS name in its subjectAltName; "
		         "%s is needed (a common name does not count)",
		         tls->host);
}

static void explain_date(struct fetch_tls *tls, X509 *cert, int error,
                         int depth)
{
	bool expired = error == X509_V_ERR_CERT_HAS_EXPIRED;
	const ASN1_TIME *time = NULL;
	char date[40];

	if (cert)
		time = expired ? X509_get0_notAfter(cert)
		               : X509_get0_notBefore(cert);
	tls_fail(tls, FETCH_CERT_EXPIRED, "%scertificate %s %s",
	         depth ? "issuer's " : "",
	         expired ? "expired on" : "is not valid before",
	         cert_date_text(time, date, sizeof(date)));
}

static void explain_error(struct fetch_tls *tls, X509 *cert, int error,
                          int depth)
{
	switch (error) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
		explain_name(tls, cert);
		break;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		explain_date(tls, cert, error, depth);
		break;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		tls_fail(tls, FETCH_CERT_UNTRUSTED,
		         "certificate is self-signed");
		break;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE: /* the name of a trusted root,
	                                         * but not its key */
	case X509_V_ERR_CERT_UNTRUSTED:
		tls_fail(tls, FETCH_CERT_UNTRUSTED,
		         "certificate has no chain to a trusted root (%s)",
		         X509_verify_cert_error_string(error));
		break;
	default:
		tls_fail(tls, FETCH_CERT_INVALID, "certificate is invalid: %s",
		         X509_verify_cert_error_string(error));
	}
}

/* -- OpenSSL's callbacks --------------------------------------------------- */

static struct fetch_tls *tls_of(const SSL *ssl)
{
	return SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), ctx_index);
}

/* Keeps what the server sent. It is called twice, since verification may fail
 * before the handshake is done. */
static void keep_chain(struct fetch_tls *tls, STACK_OF(X509) * chain)
{
	if (tls->keep_chain && chain && !tls->chain)
		tls->chain = X509_chain_up_ref(chain);
}

static void keep_version(struct fetch_tls *tls, const SSL *ssl)
{
	snprintf(tls->version, sizeof(tls->version), "%s",
	         SSL_get_version(ssl));
}

/* Records the first fault; leaves the verdict to OpenSSL. */
static int tls_on_verify(int good, X509_STORE_CTX *store)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(
	    store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct fetch_tls *tls = ssl ? tls_of(ssl) : NULL;

	if (!good && tls && tls->keep_chain) {
		keep_chain(tls, X509_STORE_CTX_get0_untrusted(store));
		keep_version(tls, ssl);
	}
	if (!good && tls && tls->cause == FETCH_OK)
		explain_error(tls, X509_STORE_CTX_get_current_cert(store),
		              X509_STORE_CTX_get_error(store),
		              X509_STORE_CTX_get_error_depth(store));
	return good;
}

/* During the handshake OpenSSL reads all that is there at once: without
 * read-ahead it takes two system calls for each record. Afterwards that must be
 * off, because libcurl waits for the socket and would not see what OpenSSL has
 * read ahead. If more than the handshake was read, a session ticket say,
 * OpenSSL returns it with the next record. */
static void end_read_ahead(const SSL *ssl)
{
	/* OpenSSL's callback type has a const that is not meant. */
	SSL_set_read_ahead((SSL *)ssl, 0);
}

static void tls_on_info(const SSL *ssl, int where, int ret)
{
	struct fetch_tls *tls = tls_of(ssl);

	if (!tls)
		return;
	if ((where & SSL_CB_HANDSHAKE_START) && !tls->connected_ns)
		tls->connected_ns = uv_hrtime();
	if ((where & SSL_CB_HANDSHAKE_DONE) && !tls->done_ns) {
		tls->done_ns = uv_hrtime();
		end_read_ahead(ssl);
		keep_version(tls, ssl);
		keep_chain(tls, SSL_get_peer_cert_chain(ssl));
		tls->verified = tls->cause == FETCH_OK &&
		                SSL_get_verify_result(ssl) == X509_V_OK;
	}
	if (where == SSL_CB_READ_ALERT && (ret & 0xff) == SSL_AD_CLOSE_NOTIFY)
		tls->closed = true;
}

int fetch_tls_prepare(struct fetch_tls *tls, SSL_CTX *context)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(context);

	if (SSL_CTX_set_ex_data(context, ctx_index, tls) != 1 ||
	    X509_VERIFY_PARAM_set1_host(param, tls->host, 0) != 1)
		return MTS_ENOMEM;
	X509_VERIFY_PARAM_set_hostflags(
	    param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
		       X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, tls_on_verify);
	SSL_CTX_set_info_callback(context, tls_on_info);
	SSL_CTX_set_read_ahead(context, 1);
	return ca_store_apply(tls->ca_store, context);
}
