/* SPDX-License-Identifier: BSD-2-Clause */
/* ca_store.c - the CA certificates that policy hosts are verified against.
 *
 * We read the bundle once, into an X509_STORE that all connections share. Left
 * to itself, libcurl reads the bundle for every connection, which blocks the
 * loop for about 45 ms each time. libcurl's own cache does not notice that the
 * file has changed, and the conditions under which it is used differ between
 * releases. */
#include "https/ca_store.h"

#include "base/file.h"
#include "base/log.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHECK_INTERVAL_MS = 60 * 1000 };

struct ca_store {
	char *file;
	X509_STORE *x509;
	struct stat stat; /* of the file, when it was read */
	uint64_t checked_ms;
	bool warned; /* the file has become invalid, and that was logged */
};

/* Where systems keep their bundle, if libcurl does not know. */
static const char *const system_files[] = {
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
	for (size_t i = 0; i < sizeof(system_files) / sizeof(*system_files);
	     i++)
		if (access(system_files[i], R_OK) == 0)
			return system_files[i];
	return NULL;
}

/* False: OpenSSL did not accept one of the certificates. */
static bool add_certificates(X509_STORE *store,
                             const STACK_OF(X509_INFO) * found, int *ret_count)
{
	*ret_count = 0;
	for (int i = 0; i < sk_X509_INFO_num(found); i++) {
		const X509_INFO *info = sk_X509_INFO_value(found, i);

		if (!info->x509) /* a CRL or a key: ignored */
			continue;
		if (X509_STORE_add_cert(store, info->x509) != 1)
			return false;
		++*ret_count;
	}
	return true;
}

static int read_bundle(const char *file, BIO *bio, X509_STORE *store,
                       struct fault *why)
{
	STACK_OF(X509_INFO) * found;
	char reason[120] = "";
	int count = 0;
	bool valid;

	ERR_clear_error();
	found = PEM_X509_INFO_read_bio(bio, NULL, NULL, NULL);
	valid = found && add_certificates(store, found, &count);
	if (!valid)
		ERR_error_string_n(ERR_get_error(), reason, sizeof(reason));
	sk_X509_INFO_pop_free(found, X509_INFO_free);
	ERR_clear_error();
	if (!valid)
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

/* *STAT is taken from the open file, so it describes what is read. */
static int open_bundle(const char *file, struct stat *stat, BIO **ret,
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

static int ca_store_load(struct ca_store *store, struct fault *why)
{
	X509_STORE *x509;
	BIO *bio = NULL;
	struct stat stat;
	int status = open_bundle(store->file, &stat, &bio, why);

	if (status != MTS_OK)
		return status;
	x509 = X509_STORE_new();
	status = x509 ? read_bundle(store->file, bio, x509, why)
	              : fault_set(why, MTS_ENOMEM, "out of memory");
	BIO_free(bio);
	if (status != MTS_OK) {
		X509_STORE_free(x509);
		return status;
	}
	X509_STORE_free(store->x509);
	store->x509 = x509;
	store->stat = stat;
	return MTS_OK;
}

int ca_store_new(const char *file, struct ca_store **ret, struct fault *why)
{
	struct ca_store *store;
	int status;

	if (!file || !*file)
		file = system_file();
	if (!file)
		return fault_set(why, MTS_ESYS,
		                 "no CA certificates found: install "
		                 "ca-certificates or set fetch.ca_file");
	store = calloc(1, sizeof(*store));
	if (store)
		store->file = strdup(file);
	if (!store || !store->file) {
		free(store);
		return fault_set(why, MTS_ENOMEM, "out of memory");
	}
	status = ca_store_load(store, why);
	if (status != MTS_OK)
		ca_store_free(&store);
	else
		*ret = store;
	return status;
}

void ca_store_free(struct ca_store **store)
{
	if (!*store)
		return;
	X509_STORE_free((*store)->x509);
	free((*store)->file);
	free(*store);
	*store = NULL;
}

void ca_store_replace(struct ca_store *store, struct ca_store **next)
{
	struct ca_store before = *store;

	if (!*next)
		return;
	*store = **next;
	**next = before;
	ca_store_free(next);
}

void ca_store_refresh(struct ca_store *store, uint64_t now_ms)
{
	struct stat now = { .st_ino = 0 };
	struct fault why;

	if (store->checked_ms && now_ms - store->checked_ms < CHECK_INTERVAL_MS)
		return;
	store->checked_ms = now_ms;
	if (stat(store->file, &now) == 0 &&
	    !file_has_changed(&now, &store->stat))
		return;
	if (ca_store_load(store, &why) == MTS_OK) {
		log_info("ca_file file=\"%s\" read=again", store->file);
		store->warned = false;
	} else if (!store->warned) {
		log_warning("ca_file file=\"%s\" kept=yes reason=\"%s\"",
		            store->file, why.text);
		store->warned = true;
	}
}

X509_STORE *ca_store_x509(const struct ca_store *store)
{
	return store->x509;
}

int ca_store_apply(const struct ca_store *store, SSL_CTX *context)
{
	SSL_CTX_set1_cert_store(context, store->x509);
	return SSL_CTX_get_cert_store(context) == store->x509 ? MTS_OK
	                                                      : MTS_ELIB;
}
