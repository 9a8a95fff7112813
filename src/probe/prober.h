/* SPDX-License-Identifier: BSD-2-Clause */
/* prober.h - calls MX hosts, each of them only once however many domains name it.
 *
 * Results are remembered, so a batch of domains at one provider calls the
 * provider's hosts once. Only a few calls to the same network (IPv4 /24, IPv6
 * /48) run at a time, so that a batch does not look like an attack. */
#ifndef PROBE_PROBER_H
#define PROBE_PROBER_H

#include "findings/report.h"
#include "lookup/flight.h"
#include "probe/probe_options.h"

enum {
	PROBER_RESULTS_MAX = 1024, /* hosts that are remembered */
	PROBER_CALLS_MAX = 128,    /* at once; each takes a descriptor */
	PROBER_NETWORK_MAX = 16,   /* of these, to one network */
	PROBER_FAMILY_MAX = 4,     /* addresses of a host, of each family */
};

struct prober;

/* OPTIONS must outlive it. MTS_ENOMEM, MTS_ELIB. On MTS_OK *RET is the caller's:
 * prober_close(). */
int prober_new(const struct probe_options *options, struct prober **ret);

/* Must not be called while anyone waits. Takes NULL, leaves NULL. The loop must
 * run once more afterwards. */
void prober_close(struct prober **prober);

/* HOST is a reference that the callback owns: mx_host_unref(). */
typedef void prober_callback(void *arg, struct mx_host *host);

/* One asker that waits for a host. The asker owns it. */
struct prober_wish {
	struct flight_waiter waiter;
	bool first; /* the host was not under way before */
	prober_callback *callback;
	void *arg;
};

/* Asks for the host NAME, in lower case and without a final dot. If the result is
 * already known, *RET is a reference that the caller owns, and no callback comes.
 * Otherwise *RET is NULL, WISH's `first` is set, and its callback comes exactly
 * once, from the loop, unless prober_forget() comes first. MTS_ENOMEM:
 * neither. */
int prober_ask(struct prober *prober, const char *name,
               struct prober_wish *wish, struct mx_host **ret);

/* The callback will not come. Does nothing if WISH does not wait. */
void prober_forget(struct prober_wish *wish);

#endif
