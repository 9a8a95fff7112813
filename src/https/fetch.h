/* SPDX-License-Identifier: BSD-2-Clause */
/* fetch.h - fetches a policy over HTTPS (RFC 8461 3.3), with libcurl on a libuv
 * loop.
 *
 * What is accepted: TLS 1.2 or later; a certificate with the policy host as a
 * DNS-ID (never the CN; a wildcard only as the whole left-most label); status
 * 200; text/plain. There are no redirects, proxies, cookies, authentication or
 * HTTP caches, and no connection is used twice. Limits on size and time are
 * checked while the body arrives. All addresses are tried. */
#ifndef HTTPS_FETCH_H
#define HTTPS_FETCH_H

#include "base/address.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct fetcher;

struct fetcher_options {
	uv_loop_t *loop;
	const char *ca_file; /* PEM bundle; NULL or "": the system's */
	uint64_t
	    timeout_ms;    /* of one fetch; time in the queue does not count */
	uint64_t max_size; /* of the body, bytes; more is an error */
	uint64_t
	    concurrency; /* fetches that run and are not slow: those younger
	                       * than half a second (less, if they have no TLS
	                       * yet and many wait) */
	uint64_t
	    slow; /* fetches that have become slow; further ones still count
	                * towards CONCURRENCY. 0: four times CONCURRENCY. Each
	                * uses a descriptor and some 50 KiB */
	bool keep_chain; /* results have the certificates, for mtasts-check */
};

/* MTS_ESYS: the CA file can't be read; MTS_ESYNTAX: it holds no certificate, or
 * a damaged one; MTS_ENOMEM; MTS_ELIB. On MTS_OK *RET is the caller's:
 * fetcher_close(). */
int fetcher_new(const struct fetcher_options *options, struct fetcher **ret,
                struct fault *why);

/* Changing the options takes two steps. fetcher_prepare() reads the new CA
 * file; it has fetcher_new()'s errors. fetcher_settle() then either uses the
 * new options for whatever starts after it (USE), or drops them. LOOP and
 * KEEP_CHAIN don't change. */
int fetcher_prepare(struct fetcher *fetcher,
                    const struct fetcher_options *options, struct fault *why);
void fetcher_settle(struct fetcher *fetcher, bool use);

/* The CA certificates that policy hosts are verified against, for callers that
 * verify something else against them. Borrowed; fetcher_settle() and a changed
 * file change its content. */
struct ca_store;
const struct ca_store *fetcher_ca_store(const struct fetcher *fetcher);

/* Cancels all fetches (their callbacks do not come) and closes. Takes NULL,
 * leaves NULL. The loop must run once more before it is closed. */
void fetcher_close(struct fetcher **fetcher);

/* How a fetch ended. mtasts-ctl and the metrics show these. */
enum fetch_cause {
	FETCH_OK,
	FETCH_CONNECT,   /* refused, unreachable, cut off before TLS */
	FETCH_TIMEOUT,   /* the time limit was reached */
	FETCH_TLS,       /* no TLS 1.2 or later, or the handshake failed */
	FETCH_CERT_NAME, /* the policy host is no DNS-ID of the certificate */
	FETCH_CERT_EXPIRED,   /* or not yet valid */
	FETCH_CERT_UNTRUSTED, /* no chain to a trusted root */
	FETCH_CERT_INVALID,   /* any other fault of the certificate */
	FETCH_REDIRECT,       /* 3xx */
	FETCH_STATUS,         /* neither 200 nor 3xx */
	FETCH_TYPE,           /* not text/plain */
	FETCH_TOO_LARGE,      /* over max_size */
	FETCH_CUT,            /* the answer was cut off, or is not HTTP */
	FETCH_NO_MEMORY,
};

enum { FETCH_CAUSES = FETCH_NO_MEMORY + 1 };

/* "ok", "connect", "timeout", ... Users see these names. */
const char *fetch_cause_text(enum fetch_cause cause);

enum { FETCH_REASON = 240 }; /* bytes of a reason; longer ones are cut */

/* Valid only while the callback runs. Times are since the start of the
 * fetch. */
struct fetch_result {
	enum fetch_cause cause;
	long http_status;           /* 0: no answer came */
	struct slice body;          /* FETCH_OK: the body, else empty */
	const char *reason;         /* one line for a person, safe to print */
	char address[ADDRESS_TEXT]; /* that it connected to, "" if none */
	char tls[16];               /* "TLSv1.3", "" if none */
	uint64_t connect_ms;        /* TCP was connected; 0: not reached */
	uint64_t tls_ms;            /* the handshake was done; 0: not reached */
	uint64_t total_ms;
	bool verified;  /* the handshake found no fault in the certificates */
	bool challenge; /* the answer tests whether the client is a browser */
	/* With KEEP_CHAIN: STACK_OF(X509), the certificates as the server sent
	 * them, valid or not, its own first; NULL: none came. Borrowed. */
	struct stack_st_X509 *chain;
};

struct fetch;

typedef void fetch_callback(void *arg, const struct fetch_result *result);

/* Gets https://HOST/.well-known/mta-sts.txt from one of COUNT addresses. Host
 * and addresses are copied. HOST is the policy host and must have passed
 * domain_is_name(). MTS_ERANGE: COUNT is 0; MTS_ENOMEM: the fetch was not
 * started. Otherwise CALLBACK comes exactly once, never from inside this call,
 * unless fetch_cancel() comes first. It may close the fetcher. */
int fetcher_get(struct fetcher *fetcher, const char *host,
                const struct address *addresses, size_t count,
                fetch_callback *callback, void *arg, struct fetch **ret);

/* ARG is fetcher_get()'s. Called from the loop only; may cancel the fetch or
 * close the fetcher. */
typedef void fetch_want(void *arg);

/* For a caller that could find further addresses, at some cost. WANT is called
 * at most once: when the fetch has no TLS after half a second, or when all its
 * addresses have failed. From then on the fetch does not fail until
 * fetch_offer() has been called. Must be called right after fetcher_get(). */
void fetch_expect(struct fetch *fetch, fetch_want *want);

/* The answer to WANT: adds addresses. COUNT 0: there are no others. */
void fetch_offer(struct fetch *fetch, const struct address *addresses,
                 size_t count);

/* The callback will not come. Takes NULL, leaves NULL. */
void fetch_cancel(struct fetch **fetch);

struct fetcher_counts {
	uint64_t by_cause[FETCH_CAUSES]; /* fetches that ended */
};

/* Since the fetcher was made. */
void fetcher_get_counts(const struct fetcher *fetcher,
                        struct fetcher_counts *ret);

/* How many fetches run and how many wait in the queue. */
void fetcher_load(const struct fetcher *fetcher, size_t *running,
                  size_t *waiting);

#endif
