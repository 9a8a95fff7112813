/* SPDX-License-Identifier: BSD-2-Clause */
/* prober.h - calls MX hosts: each of them once, however many domains name it.
 *
 * What was found out is kept for as long as there is room, so that a batch of
 * domains at one provider calls it once. No more than a few calls to one network
 * (IPv4 /24, IPv6 /48) are under way at a time. */
#ifndef PROBE_PROBER_H
#define PROBE_PROBER_H

#include "base/list.h"
#include "findings/report.h"
#include "probe/probe_options.h"

enum {
	PROBER_KEPT_MAX = 1024,  /* hosts that are remembered */
	PROBER_CALLS_MAX = 128,  /* under way at once; a descriptor each */
	PROBER_NETWORK_MAX = 16, /* of them, to one network */
	PROBER_FAMILY_MAX = 4,   /* addresses of a host, of each family */
	SMTP_PORT_25 = 25,
};

struct prober;

/* OPTIONS outlives it. MTS_ENOMEM, MTS_ELIB. On MTS_OK *RET is the caller's:
 * prober_close(). */
int prober_new(const struct probe_options *options, struct prober **ret);

/* Nobody waits any more. Takes NULL, leaves NULL. The loop must run once more.
 */
void prober_close(struct prober **prober);

/* HOST is a reference of the callback's: mx_host_unref(). */
typedef void prober_callback(void *arg, struct mx_host *host);

/* Who waits for a host; lives in whoever asks. */
struct prober_wish {
	struct list node; /* in the host's, or in none */
	bool first;       /* nobody had asked for the host before */
	prober_callback *callback;
	void *arg;
};

/* Asks for the host NAME, in lower case and without final dot. What is known
 * already is in *RET, a reference of the caller's, and there is no callback.
 * Otherwise *RET is NULL and WISH's callback comes once, from the loop, unless
 * prober_forget() comes first; whether it was the first one is said at once.
 * MTS_ENOMEM: neither. */
int prober_ask(struct prober *prober, const char *name,
               struct prober_wish *wish, struct mx_host **ret);

void prober_forget(struct prober_wish *wish);

#endif
