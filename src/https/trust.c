/* SPDX-License-Identifier: BSD-2-Clause */
/* trust.c - the CA certificates that policy hosts are checked against.
 *
 * They are read once, into a store that all connections share. libcurl left to
 * itself reads the bundle for every connection, about 45 ms of the loop's time
 * each; its own cache has no way to see that the file has changed, and works
 * only under conditions that differ from release to release. */
#include "https/trust.h"

#include "base/file.h"
#include "base/log.h"
#include "https/tls_lib.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRUST_LOOK_MS = 60 * 1000 };

struct trust {
	char *file;
	X509_STORE *store;
	struct stat stat;
	uint64_t looked_ms;
	bool bad; /* the operator has been warned */
};

/* Where systems keep their bundle, if libcurl does not know. */
static const char *const places[] = {
	"/etc/ssl/certs/ca-certificates.crt", /* Debian, Arch, Alpine */
	"/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora, RHEL */
	"/etc/ssl/ca-bundle.pem",             /* SUSE */
	"/etc/ssl/cert.pem",                  /* the BSDs, macOS */
	"/usr/local/share/certs/ca-root-nss.crt",
};

static const char *system_file(void)
{
	const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

	if (info->cainfo && access(info->cainfo, R_OK) == 0)
		return info->cainfo;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (access(places[i], R_OK) == 0)
			return places[i];
	return NULL;
}

/* False: something in the list is no certificate that OpenSSL can hold. */
static bool add_all(X509_STORE *store, const STACK_OF(X509_INFO) * found,
                    int *ret_count)
{
	*ret_count = 0;
	for (int i = 0; i < sk_X509_INFO_num(found); i++) {
		const X509_INFO *info = sk_X509_INFO_value(found, i);

		if (!info->x509) /* a CRL, a key: not for us */
			continue;
		if (X509_STORE_add_cert(store, info->x509) != 1)
			return false;
		++*ret_count;
	}
	return true;
}

static int load_store(const char *file, BIO *bio, X509_STORE *store,
                      struct fault *why)
{
	STACK_OF(X509_INFO) * found;
	char reason[120] = "";
	int count = 0;
	bool good;

	ERR_clear_error();
	found = PEM_X509_INFO_read_bio(bio, NULL, NULL, NULL);
	good = found && add_all(store, found, &count);
	if (!good)
		ERR_error_string_n(ERR_get_error(), reason, sizeof(reason));
	sk_X509_INFO_pop_free(found, X509_INFO_free);
	ERR_clear_error();
	if (!good)
		return fault_set(why, MTS_ESYNTAX,
		                 "CA file %s is damaged (%s): put PEM "
		                 "certificates there, or set fetch.ca_file",
		                 file, reason);
	if (count == 0)
		return fault_set(why, MTS_ESYNTAX,
		                 "CA file %s holds no PEM certificate: set "
		                 "fetch.ca_file to one that does",
		                 file);
	return MTS_OK;
}

/* Opens FILE once, so that STAT is of what is read. */
static int open_file(const char *file, struct stat *stat, BIO **ret,
                     struct fault *why)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	int error = 0;
	FILE *stream;

	if (fd < 0 || fstat(fd, stat) != 0)
		error = errno;
	else if (!S_ISREG(stat->st_mode))
		error = S_ISDIR(stat->st_mode) ? EISDIR : EINVAL;
	if (error) {
		if (fd >= 0)
			close(fd);
		return fault_errno(why, error,
		                   "CA file %s can't be read (install "
		                   "ca-certificates or set fetch.ca_file)",
		                   file);
	}
	stream = fdopen(fd, "r");
	*ret = stream ? BIO_new_fp(stream, BIO_CLOSE) : NULL;
	if (*ret)
		return MTS_OK;
	if (stream)
		fclose(stream);
	else
		close(fd);
	return fault_set(why, MTS_ENOMEM, "out of memory");
}

static int load(struct trust *trust, struct fault *why)
{
	X509_STORE *store = NULL;
	BIO *bio = NULL;
	struct stat stat;
	void *before;
	int status = open_file(trust->file, &stat, &bio, why);

	if (status != MTS_OK)
		return status;
	before = tls_lib_enter();
	store = X509_STORE_new();
	status = store ? load_store(trust->file, bio, store, why)
	               : fault_set(why, MTS_ENOMEM, "out of memory");
	tls_lib_leave(before);
	BIO_free(bio);
	if (status != MTS_OK) {
		X509_STORE_free(store);
		return status;
	}
	X509_STORE_free(trust->store);
	trust->store = store;
	trust->stat = stat;
	return MTS_OK;
}

int trust_new(const char *file, struct trust **ret, struct fault *why)
{
	struct trust *trust;
	int status;

	if (!file || !*file)
		file = system_file();
	if (!file)
		return fault_set(why, MTS_ESYS,
		                 "no CA certificates found: install "
		                 "ca-certificates or set fetch.ca_file");
	trust = calloc(1, sizeof(*trust));
	if (trust)
		trust->file = strdup(file);
	if (!trust || !trust->file) {
		free(trust);
		return fault_set(why, MTS_ENOMEM, "out of memory");
	}
	status = load(trust, why);
	if (status != MTS_OK)
		trust_free(&trust);
	else
		*ret = trust;
	return status;
}

void trust_free(struct trust **trust)
{
	if (!*trust)
		return;
	X509_STORE_free((*trust)->store);
	free((*trust)->file);
	free(*trust);
	*trust = NULL;
}

void trust_replace(struct trust *trust, struct trust **next)
{
	struct trust before = *trust;

	if (!*next)
		return;
	*trust = **next;
	**next = before;
	trust_free(next);
}

void trust_refresh(struct trust *trust, uint64_t now_ms)
{
	struct stat now = { .st_ino = 0 };
	struct fault why;

	if (trust->looked_ms && now_ms - trust->looked_ms < TRUST_LOOK_MS)
		return;
	trust->looked_ms = now_ms;
	if (stat(trust->file, &now) == 0 &&
	    !file_has_changed(&now, &trust->stat))
		return;
	if (load(trust, &why) == MTS_OK) {
		log_info("ca_file file=\"%s\" read=again", trust->file);
		trust->bad = false;
	} else if (!trust->bad) {
		log_warning("ca_file file=\"%s\" kept=yes reason=\"%s\"",
		            trust->file, why.text);
		trust->bad = true;
	}
}

X509_STORE *trust_store(const struct trust *trust)
{
	return trust->store;
}

int trust_apply(const struct trust *trust, SSL_CTX *context)
{
	SSL_CTX_set1_cert_store(context, trust->store);
	return SSL_CTX_get_cert_store(context) == trust->store ? MTS_OK
	                                                       : MTS_ELIB;
}
