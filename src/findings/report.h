/* SPDX-License-Identifier: BSD-2-Clause */
/* report.h - what was found out about one domain: plain values for whoever shows
 * them.
 *
 * Every text in it is safe to show but for what is marked raw: it is UTF-8
 * without control characters, which a renderer still escapes as its own format
 * demands. A raw one was written by a stranger and goes through
 * text_put_safe(), or its like, first. */
#ifndef FINDINGS_REPORT_H
#define FINDINGS_REPORT_H

#include "base/address.h"
#include "findings/findings.h"
#include "findings/tls_view.h"
#include "sts/domain.h"
#include "sts/policy.h"
#include "sts/record.h"

enum state {
	STATE_UNKNOWN, /* the record could not be looked up from here */
	STATE_NOT_CONFIGURED,
	STATE_BROKEN, /* a sender finds no usable policy, or refuses a live MX */
	STATE_OPTED_OUT,
	STATE_TESTING,
	STATE_ENFORCED,
};

/* "unknown", "not_configured", "broken", ...: the interface. */
const char *state_text(enum state state);

struct finding {
	enum finding_id id;
	enum severity severity;
	char *detail; /* what was seen; one line */
	char *fix;    /* the mend of this very case, which may be several
	               * lines; NULL: finding_row()->fix says all */
};

enum answer { ANSWER_UNKNOWN, ANSWER_NO, ANSWER_YES };

/* -- MX hosts -------------------------------------------------------------- */

/* How far a connection to port 25 got. */
enum reach {
	REACH_NOT_TRIED,  /* --no-smtp, too many, or out of time */
	REACH_FAILED,     /* no connection, or no SMTP: ERROR says why */
	REACH_PLAIN,      /* SMTP, and no STARTTLS offered or taken */
	REACH_TLS_FAILED, /* STARTTLS, and no hand-shake: ERROR */
	REACH_TLS,        /* VIEW is what was seen of TLS */
};

struct mx_address {
	struct address address;
	enum reach reach;
	char error[160];       /* safe; "" if all went well */
	uint64_t ms;           /* the probe took */
	struct tls_view *view; /* REACH_TLS, and REACH_TLS_FAILED if
	                        * anything was seen; else NULL */
};

/* What was found out about a host; shared by all the domains that name it. */
struct mx_host {
	unsigned references;
	char name[DOMAIN_MAX + 1];
	bool dns_failed;  /* its addresses can't be looked up */
	bool cut_short;   /* it has more addresses than were probed */
	size_t special;   /* private addresses, which were left out */
	char reason[160]; /* why there are none; safe */
	enum answer dane; /* it has usable, secure TLSA records */
	size_t count;
	struct mx_address *addresses;
};

struct mx_row {
	char name[DOMAIN_MAX + 1]; /* lower case, no final dot */
	uint16_t preference;
	enum answer matched;  /* by a pattern; UNKNOWN: there is no policy */
	struct mx_host *host; /* NULL: nothing was found out */
};

/* -- the report ------------------------------------------------------------ */

struct report_record {
	char *text; /* raw: the record, or what stands in its place; NULL:
	             * none */
	char id[RECORD_ID_MAX + 1]; /* "": not known */
};

struct report_policy {
	struct slice text;     /* raw: the body as served; data is NULL: none */
	char sha256[65];       /* of it, in hex */
	struct policy *policy; /* NULL: the text is no policy */
	char address[ADDRESS_TEXT]; /* it came from */
	struct tls_view *view;      /* of the policy host; NULL: none seen */
};

struct report_tls_rpt {
	char *text; /* raw; NULL: none */
	char **rua; /* raw, in the order of the record */
	size_t rua_count;
};

struct report_timing {
	uint64_t record_ms, policy_ms, mx_ms, tls_rpt_ms;
	uint64_t total_ms;
};

/* One line of the arithmetic. */
struct score_line {
	enum group group;
	unsigned weight;
	unsigned points; /* in halves: 0 to 2 * weight */
	bool counted;    /* false: it could not be learnt, and is left out */
};

struct report {
	int status; /* MTS_OK, or MTS_ENOMEM: something is missing */
	struct domain domain;
	int64_t time_s; /* seconds since 1970 */
	enum state state;
	int score;     /* 0 to 100; -1: there is none */
	int score_cap; /* 100 if nothing held it down */
	struct score_line lines[SCORED_GROUPS];
	int exit_status; /* 0 to 3: CHECK_EXIT_* */
	struct report_record record;
	struct report_policy policy;
	struct report_tls_rpt tls_rpt;
	bool has_mx;       /* the MX look-up gave an answer */
	struct mx_row *mx; /* in order of preference */
	size_t mx_count;
	struct finding *findings; /* sorted, the most severe first */
	size_t finding_count;
	char *suggested_record; /* to paste; NULL: what there is, is good */
	char *suggested_policy; /* the same; lines end with LF */
	struct report_timing timing;
};

enum {
	CHECK_EXIT_OK,
	CHECK_EXIT_WARNING,
	CHECK_EXIT_CRITICAL,
	CHECK_EXIT_UNKNOWN, /* usage, too */
};

/* NULL: memory is short. The caller's: report_free(), which takes NULL and
 * leaves NULL. */
struct report *report_new(const struct domain *domain);
void report_free(struct report **report);

/* Adds a finding with the severity of its row, or with SEVERITY. The text is
 * made safe. What memory is short for shows in report->status. The finding that
 * is returned is good until the next is added; NULL: there is none. */
struct finding *report_add(struct report *report, enum finding_id id,
                           const char *format, ...)
    __attribute__((format(printf, 3, 4)));
struct finding *report_add_as(struct report *report, enum finding_id id,
                              enum severity severity, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Says how to mend it, in this very case. Lines are kept; FINDING may be
 * NULL. */
void report_fix(struct report *report, struct finding *finding,
                const char *format, ...) __attribute__((format(printf, 3, 4)));

/* How FINDING is mended: in this very case, where that was said. */
const char *finding_fix(const struct finding *finding);

/* The first finding of this kind, or NULL. */
const struct finding *report_find(const struct report *report,
                                  enum finding_id id);

/* Gives a reference back. Takes NULL, leaves NULL. */
void mx_host_unref(struct mx_host **host);

#endif
