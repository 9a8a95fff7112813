/* SPDX-License-Identifier: BSD-2-Clause */
/* zones.h - is a name in a signed zone?
 *
 * This is asked after a look-up has failed. If the zone is not signed, DANE can't
 * apply there, so the failure need not delay mail. If it is signed, or unknown,
 * DANE might apply. To find out, the DS records of the name's ancestors are looked
 * up, from the top down. */
#ifndef DNSSEC_ZONES_H
#define DNSSEC_ZONES_H

#include "base/list.h"
#include "dnssec/secure_dns.h"

enum {
	ZONES_LABELS_MAX = 16, /* for names with more: ZONE_UNKNOWN */
	/* By one struct zones. After that all answers are ZONE_UNKNOWN. */
	ZONES_QUESTIONS_MAX = 160,
};

enum zone_security {
	ZONE_SIGNED,
	ZONE_UNSIGNED, /* proven: a delegation above the name is unsigned */
	ZONE_UNKNOWN,  /* a look-up failed, or a limit was reached */
};

/* Handles one request after the other and remembers what it has learned. */
struct zones;

typedef void zones_callback(void *arg, enum zone_security security);

/* Belongs to the caller, who keeps it in place until the callback, and reads and
 * writes nothing in it. */
struct zone_request {
	struct list node;
	struct dns_name name;
	zones_callback *callback;
	void *arg;
};

/* MTS_ENOMEM. On MTS_OK the caller owns *RET: zones_free(). */
int zones_new(struct secure_dns *dns, struct zones **ret);

/* No callback will be called. Accepts a pointer to NULL; sets *ZONES to NULL. The
 * loop must run once more before it is closed. */
void zones_free(struct zones **zones);

/* Finds out whether the records of NAME, after its CNAMEs, are in a signed zone.
 * CALLBACK is called exactly once, never from inside this call, unless
 * zones_free() is called first. */
void zones_find(struct zones *zones, struct zone_request *request,
                const struct dns_name *name, zones_callback *callback,
                void *arg);

/* Pure: what the answer to the DS question for a name says about the names below
 * it. LAST: this name is the one that was asked about. */
enum zone_step {
	ZONE_STEP_DOWN,     /* signed here: go on with the next label */
	ZONE_STEP_UNSIGNED, /* an unsigned zone begins here */
	ZONE_STEP_SIGNED,   /* signed, and there is nothing below */
	ZONE_STEP_ALIAS,    /* may be a CNAME: only a CNAME question can tell */
	ZONE_STEP_UNKNOWN,
};
enum zone_step zones_judge(const struct dns_answer *ds, bool last);

#endif
