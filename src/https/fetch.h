/* SPDX-License-Identifier: BSD-2-Clause */
/* fetch.h - gets a policy by HTTPS (RFC 8461 3.3), by libcurl on a libuv loop.
 *
 * DNS-ID only (never the CN), a wildcard only as the whole left-most label,
 * TLS 1.2 or later, status 200 only, text/plain only, no redirect, no proxy, no
 * cookies, no authentication, no HTTP cache, no connection used twice. Size and
 * time limits hold while the body comes in. All addresses are tried. */
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
	const char *ca_file;  /* PEM bundle; NULL or "": the system's */
	uint64_t timeout_ms;  /* for one fetch, from its start (not its wait) */
	uint64_t max_size;    /* of the body, bytes; more is an error */
	uint64_t concurrency; /* fetches younger than half a second; or less,
	                       * if they have no TLS yet and many wait */
	bool keep_chain; /* results carry the certificates, for mtasts-check */
	uint64_t slow;   /* older ones; further ones wait. 0: four times as
	                * many. Each takes a descriptor and some 50 KiB */
};

/* MTS_ESYS: the CA file can't be read; MTS_ESYNTAX: it holds no certificate;
 * MTS_ENOMEM; MTS_ELIB. On MTS_OK *RET is the caller's: fetcher_close(). */
int fetcher_new(const struct fetcher_options *options, struct fetcher **ret,
                struct fault *why);

/* Prepares other OPTIONS (of the same loop): reads the CA file; fetcher_new()'s
 * errors. fetcher_settle() then puts them in force, for what is tried from then
 * on, or drops them. */
int fetcher_prepare(struct fetcher *fetcher,
                    const struct fetcher_options *options, struct fault *why);
void fetcher_settle(struct fetcher *fetcher, bool good);

/* The CA certificates that policy hosts are checked against, for what else is to
 * be checked by the same ones. Borrowed; fetcher_settle() and a changed file
 * change what is in it. */
struct trust;
const struct trust *fetcher_trust(const struct fetcher *fetcher);

/* Cancels every fetch (their callbacks do not come) and closes. Takes NULL,
 * leaves NULL. The loop must run once more before it is closed. */
void fetcher_close(struct fetcher **fetcher);

/* How a fetch ended: a fixed set, which mtasts-ctl shows. */
enum fetch_cause {
	FETCH_OK,
	FETCH_CONNECT,   /* refused, unreachable, cut off before TLS */
	FETCH_TIMEOUT,   /* the time was over */
	FETCH_TLS,       /* no TLS 1.2 or later, garbage, broken hand-shake */
	FETCH_CERT_NAME, /* no DNS-ID of the SAN is the policy host */
	FETCH_CERT_EXPIRED,   /* or not yet valid */
	FETCH_CERT_UNTRUSTED, /* no chain to a trusted root */
	FETCH_CERT_INVALID,   /* anything else about the certificate */
	FETCH_REDIRECT,       /* 3xx */
	FETCH_STATUS,         /* neither 200 nor 3xx */
	FETCH_TYPE,           /* not text/plain */
	FETCH_TOO_LARGE,      /* over max_size */
	FETCH_CUT,            /* cut off, or broken HTTP, in the answer */
	FETCH_NO_MEMORY,
};

enum { FETCH_CAUSES = FETCH_NO_MEMORY + 1 };

/* "ok", "connect", "timeout", ... */
const char *fetch_cause_text(enum fetch_cause cause);

/* Lives only while the callback runs. */
struct fetch_result {
	enum fetch_cause cause;
	long http_status;           /* 0: none came */
	struct slice body;          /* FETCH_OK: the body, else empty */
	const char *reason;         /* one line of plain words, safe to print */
	char address[ADDRESS_TEXT]; /* that was connected to, "" if none */
	char tls[16];               /* "TLSv1.3", "" if none */
	uint64_t connect_ms;        /* TCP, since the start; 0: not reached */
	uint64_t tls_ms; /* hand-shake done, since the start; 0: not reached */
	uint64_t total_ms;
	bool verified;  /* the hand-shake found no fault in the certificates */
	bool challenge; /* the header says that this is a test for browsers */
	/* With .keep_chain: STACK_OF(X509), what the server sent, its own
	 * certificate first, good or not; NULL: nothing came. Borrowed. */
	struct stack_st_X509 *chain;
};

struct fetch;

typedef void fetch_callback(void *arg, const struct fetch_result *result);

/* Gets https://HOST/.well-known/mta-sts.txt from one of the addresses, which
 * are copied. HOST is the policy host, checked by domain_is_name(). An error
 * return means "not started": MTS_ERANGE: COUNT is 0; MTS_ENOMEM. Otherwise
 * CALLBACK comes exactly once, never from inside the call, unless
 * fetch_cancel() comes first. */
int fetcher_get(struct fetcher *fetcher, const char *host,
                const struct address *addresses, size_t count,
                fetch_callback *callback, void *arg, struct fetch **ret);

/* Comes from the loop, from inside of nothing else. */
typedef void fetch_want(void *arg);

/* There may be further addresses, which cost something to find out: WANT is
 * called, at most once and with fetcher_get()'s ARG, when the fetch has no TLS
 * after half a second or has failed at all it was given. It then goes on
 * until fetch_offer() is called, whatever came of it. */
void fetch_expect(struct fetch *fetch, fetch_want *want);

/* Adds addresses, or tells that there are none. */
void fetch_offer(struct fetch *fetch, const struct address *addresses,
                 size_t count);

/* The callback will not come. Takes NULL, leaves NULL. */
void fetch_cancel(struct fetch **fetch);

struct fetcher_counts {
	uint64_t by_cause[FETCH_CAUSES]; /* fetches that ended */
};

/* Since the start. */
void fetcher_get_counts(const struct fetcher *fetcher,
                        struct fetcher_counts *ret);

/* How many are under way and how many wait. */
void fetcher_load(const struct fetcher *fetcher, size_t *running,
                  size_t *waiting);

#endif
