/* SPDX-License-Identifier: BSD-2-Clause */
/* tls_lib.c - OpenSSL without what a TLS client never uses.
 *
 * A library context of our own has one provider, which hands on what the default
 * provider offers, but for some of it. The provider's functions get its own
 * context, and so work as ever. */
#include "https/tls_lib.h"

#include "https/tls_rehearsal.h"

#include <openssl/crypto.h>

#if OPENSSL_VERSION_NUMBER >= 0x30000000L

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char provider_name[] = "mtasts";

/* Of the process: OpenSSL gives a provider no argument to find its own by. */
static struct {
	unsigned references;
	OSSL_PROVIDER *whole;  /* OpenSSL's default provider; NULL: unused */
	OSSL_PROVIDER *part;   /* what is left of it, in CONTEXT */
	OSSL_LIB_CTX *context; /* NULL: OpenSSL as it is */
} lib;

/* -- what is left out ------------------------------------------------------ */

struct part {
	int operation;
	const char *const *others; /* that TLS does not have, by the first of
	                            * their names; NULL: none, and the end */
	bool (*is_other)(const OSSL_ALGORITHM *algorithm); /* or NULL */
	OSSL_ALGORITHM *chosen;
};

static bool is_called(const OSSL_ALGORITHM *algorithm, const char *name)
{
	size_t len = strcspn(algorithm->algorithm_names, ":");

	return strlen(name) == len &&
	       strncmp(algorithm->algorithm_names, name, len) == 0;
}

static bool is_wanted(const struct part *part, const OSSL_ALGORITHM *algorithm)
{
	for (const char *const *name = part->others; name && *name; name++)
		if (is_called(algorithm, *name))
			return false;
	return !part->is_other || !part->is_other(algorithm);
}

/* Of a certificate only the key needs a decoder, in one format; and the
 * rehearsal's an encoder. */
static bool is_of_other_format(const OSSL_ALGORITHM *coder)
{
	const char *properties = coder->property_definition;

	return !properties || !strstr(properties, "put=der") ||
	       !strstr(properties, "structure=SubjectPublicKeyInfo");
}

/* TLS has CBC, and modes that authenticate; these, of whatever cipher, it has
 * not, nor keys of 192 bits. */
static bool is_of_other_mode(const OSSL_ALGORITHM *cipher)
{
	static const char *const modes[] = { "-CFB", "-CTR",  "-CTS", "-ECB",
		                             "-OCB", "-OFB",  "-SIV", "-WRAP",
		                             "-XTS", "-192-", NULL };

	for (const char *const *mode = modes; *mode; mode++)
		if (strstr(cipher->algorithm_names, *mode))
			return true;
	return false;
}

/* Keys that can't sign, or only where TLS has no name for it; DSA's no public CA
 * certifies, and OpenSSL offers no cipher for. */
static const char *const other_coders[] = { "DH",   "DHX", "DSA", "X25519",
	                                    "X448", "SM2", NULL };

/* Of these some are in TLS under other names (a KDF, a MAC). */
static const char *const other_keys[] = { "DHX",      "DSA",  "SM2",
	                                  "TLS1-PRF", "HKDF", "SIPHASH",
	                                  "POLY1305", "CMAC", "SCRYPT",
	                                  NULL };

static const char *const other_signatures[] = { "DSA",      "SM2",  "SIPHASH",
	                                        "POLY1305", "CMAC", NULL };

static const char *const other_digests[] = {
	"BLAKE2S-256",     "BLAKE2B-512", "SM3",          "RIPEMD-160",
	"SHAKE-128",       "SHAKE-256",   "SHA2-512/224", "KECCAK-KMAC-128",
	"KECCAK-KMAC-256", NULL
};

static const char *const other_macs[] = {
	"BLAKE2BMAC", "BLAKE2SMAC", "CMAC",     "GMAC", "KMAC-128",
	"KMAC-256",   "SIPHASH",    "POLY1305", NULL
};

static const char *const other_kdfs[] = {
	"SSKDF", "PBKDF2",       "PKCS12KDF", "SSHKDF",  "X963KDF",
	"KBKDF", "X942KDF-ASN1", "SCRYPT",    "KRB5KDF", NULL
};

/* What else OpenSSL has, or comes to have, is handed on. */
static struct part parts[] = {
	{ OSSL_OP_DECODER, other_coders, is_of_other_format, NULL },
	{ OSSL_OP_ENCODER, other_coders, is_of_other_format, NULL },
	{ OSSL_OP_CIPHER, NULL, is_of_other_mode, NULL },
	{ OSSL_OP_KEYMGMT, other_keys, NULL, NULL },
	{ OSSL_OP_SIGNATURE, other_signatures, NULL, NULL },
	{ OSSL_OP_DIGEST, other_digests, NULL, NULL },
	{ OSSL_OP_MAC, other_macs, NULL, NULL },
	{ OSSL_OP_KDF, other_kdfs, NULL, NULL },
};

enum { PARTS = sizeof(parts) / sizeof(*parts) };

static OSSL_ALGORITHM *choose(const struct part *part,
                              const OSSL_ALGORITHM *all)
{
	size_t count = 0;
	OSSL_ALGORITHM *chosen;

	while (all[count].algorithm_names)
		count++;
	chosen = calloc(count + 1, sizeof(*chosen));
	count = 0;
	for (; chosen && all->algorithm_names; all++)
		if (is_wanted(part, all))
			chosen[count++] = *all;
	return chosen; /* ends with one that has no name, as calloc() left it */
}

/* False: memory is short, or it is another OpenSSL than we know. */
static bool choose_all(void)
{
	for (size_t i = 0; i < PARTS; i++) {
		int no_cache = 0;
		const OSSL_ALGORITHM *all = OSSL_PROVIDER_query_operation(
		    lib.whole, parts[i].operation, &no_cache);

		if (!all || no_cache)
			return false;
		parts[i].chosen = choose(&parts[i], all);
		if (!parts[i].chosen)
			return false;
	}
	return true;
}

/* NULL: it is left as it is. */
static const OSSL_ALGORITHM *find_chosen(int operation)
{
	for (size_t i = 0; i < PARTS; i++)
		if (parts[i].operation == operation)
			return parts[i].chosen;
	return NULL;
}

/* -- the provider ---------------------------------------------------------- */

static const OSSL_ALGORITHM *on_query(void *context, int operation,
                                      int *no_cache)
{
	const OSSL_ALGORITHM *chosen = find_chosen(operation);

	(void)context;
	if (operation == OSSL_OP_STORE)
		return NULL;
	if (chosen) {
		*no_cache = 0;
		return chosen;
	}
	return OSSL_PROVIDER_query_operation(lib.whole, operation, no_cache);
}

static void on_unquery(void *context, int operation,
                       const OSSL_ALGORITHM *algorithms)
{
	(void)context;
	if (!find_chosen(operation))
		OSSL_PROVIDER_unquery_operation(lib.whole, operation,
		                                algorithms);
}

struct visit {
	OSSL_CALLBACK *callback;
	void *arg;
};

/* TLS 1.3 has no use for some forty old curves, and no client offers them. */
static int on_group(const OSSL_PARAM params[], void *arg)
{
	const struct visit *visit = arg;
	const OSSL_PARAM *most =
	    OSSL_PARAM_locate_const(params, OSSL_CAPABILITY_TLS_GROUP_MAX_TLS);
	int version = 0;

	if (most && OSSL_PARAM_get_int(most, &version) == 1 &&
	    version == TLS1_2_VERSION)
		return 1;
	return visit->callback(params, visit->arg);
}

static int on_capabilities(void *context, const char *capability,
                           OSSL_CALLBACK *callback, void *arg)
{
	struct visit visit = { callback, arg };

	(void)context;
	if (strcmp(capability, "TLS-GROUP") == 0)
		return OSSL_PROVIDER_get_capabilities(lib.whole, capability,
		                                      on_group, &visit);
	return OSSL_PROVIDER_get_capabilities(lib.whole, capability, callback,
	                                      arg);
}

static int on_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                   const OSSL_DISPATCH **out, void **context)
{
	static const OSSL_DISPATCH functions[] = {
		{ OSSL_FUNC_PROVIDER_QUERY_OPERATION,
		  (void (*)(void))on_query },
		{ OSSL_FUNC_PROVIDER_UNQUERY_OPERATION,
		  (void (*)(void))on_unquery },
		{ OSSL_FUNC_PROVIDER_GET_CAPABILITIES,
		  (void (*)(void))on_capabilities },
		{ 0, NULL },
	};

	(void)handle;
	(void)in;
	*out = functions;
	*context = OSSL_PROVIDER_get0_provider_ctx(lib.whole);
	return 1;
}

/* -- the library context --------------------------------------------------- */

static int on_provider(OSSL_PROVIDER *provider, void *arg)
{
	bool *plain = arg;

	if (strcmp(OSSL_PROVIDER_get0_name(provider), "default") != 0)
		*plain = false;
	return 1;
}

/* Whether the operator has left OpenSSL as it comes. */
static bool is_plain(void)
{
	bool plain = true;

	return OSSL_PROVIDER_do_all(NULL, on_provider, &plain) == 1 && plain &&
	       !EVP_default_properties_is_fips_enabled(NULL);
}

static void forget(void)
{
	if (lib.part)
		OSSL_PROVIDER_unload(lib.part);
	lib.part = NULL;
	OSSL_LIB_CTX_free(lib.context);
	lib.context = NULL;
	for (size_t i = 0; i < PARTS; i++) {
		free(parts[i].chosen);
		parts[i].chosen = NULL;
	}
	if (lib.whole)
		OSSL_PROVIDER_unload(lib.whole);
	lib.whole = NULL;
}

/* True: it is there. */
static bool make(void)
{
	if (!is_plain())
		return false;
	lib.whole = OSSL_PROVIDER_load(NULL, "default");
	if (!lib.whole)
		return false;
	if (!choose_all())
		return false;
	lib.context = OSSL_LIB_CTX_new();
	if (!lib.context ||
	    !OSSL_PROVIDER_add_builtin(lib.context, provider_name, on_init))
		return false;
	lib.part = OSSL_PROVIDER_load(lib.context, provider_name);
	return lib.part;
}

void tls_lib_open(void)
{
	if (lib.references++ > 0)
		return;
	if (!make())
		forget();
	tls_rehearse(lib.context);
}

void tls_lib_close(void)
{
	if (--lib.references == 0)
		forget();
}

void *tls_lib_enter(void)
{
	return lib.context ? OSSL_LIB_CTX_set0_default(lib.context) : NULL;
}

void tls_lib_leave(void *before)
{
	if (lib.context)
		OSSL_LIB_CTX_set0_default(before);
}

#else

void tls_lib_open(void)
{
}

void tls_lib_close(void)
{
}

void *tls_lib_enter(void)
{
	return NULL;
}

void tls_lib_leave(void *before)
{
	(void)before;
}

#endif
