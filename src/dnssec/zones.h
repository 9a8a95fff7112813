/* SPDX-License-Identifier: BSD-2-Clause */
/* zones.h - does a name lie in a signed zone?
 *
 * Asked when a look-up has failed: in a zone that is not signed there is nothing
 * that DANE could be built on, so that its faults need not hold mail back. The
 * DS records of the name's ancestors are looked up, from the top down. */
#ifndef DNSSEC_ZONES_H
#define DNSSEC_ZONES_H

#include "base/list.h"
#include "dnssec/secure_dns.h"

enum {
	ZONES_LABELS_MAX = 16,     /* deeper names are not looked into */
	ZONES_QUESTIONS_MAX = 160, /* in all */
};

enum zone_security {
	ZONE_SIGNED,
	ZONE_UNSIGNED, /* proven: an unsigned delegation on the way */
	ZONE_UNKNOWN,  /* it can't be learnt */
};

/* Remembers what it has learnt; answers one question after the other. */
struct zones;

typedef void zones_callback(void *arg, enum zone_security security);

/* The caller's, until the callback comes. */
struct zones_wish {
	struct list node;
	struct dns_name name;
	zones_callback *callback;
	void *arg;
};

/* MTS_ENOMEM. On MTS_OK *RET is the caller's: zones_free(). */
int zones_new(struct secure_dns *dns, struct zones **ret);

/* The callbacks will not come. Takes NULL, leaves NULL. The loop must run once
 * more. */
void zones_free(struct zones **zones);

/* Finds out whether the records of NAME, at the end of its CNAMEs, lie in a
 * signed zone. CALLBACK comes exactly once, never from inside the call, unless
 * zones_free() comes first. */
void zones_find(struct zones *zones, struct zones_wish *wish,
                const struct dns_name *name, zones_callback *callback,
                void *arg);

/* What the answer to the DS question for a name says of the names below it;
 * LAST: it is the name in question itself. Pure. */
enum zone_step {
	ZONE_STEP_DOWN,     /* a signed zone goes on here, or begins here */
	ZONE_STEP_UNSIGNED, /* an unsigned one begins here */
	ZONE_STEP_SIGNED,   /* there is nothing below, and that is signed */
	ZONE_STEP_ALIAS,    /* perhaps a CNAME: only that question can tell */
	ZONE_STEP_UNKNOWN,
};
enum zone_step zones_judge(const struct dns_answer *ds, bool last);

#endif
