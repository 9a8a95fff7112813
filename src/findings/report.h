/* SPDX-License-Identifier: BSD-2-Clause */
/* report.h - everything that was found out about one domain, as plain values for
 * the renderers.
 *
 * SECURITY: each text in a report is safe, unless marked raw: it is UTF-8 without
 * control characters, and a renderer only has to escape it for its own format.
 * A raw text is untrusted and must go through safe_copy(), text_put_safe() or
 * the like first. */
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

/* "unknown", "not_configured", "broken", ...: part of the JSON interface. */
const char *state_text(enum state state);

struct finding {
	enum finding_id id;
	enum severity severity;
	char *detail; /* what was seen; one line */
	char *fix;    /* how to fix this case, possibly several lines; NULL:
	               * as finding_row()->fix says */
};

enum answer { ANSWER_UNKNOWN, ANSWER_NO, ANSWER_YES };

/* -- MX hosts -------------------------------------------------------------- */

/* How far a connection to port 25 got. */
enum reach {
	REACH_NOT_TRIED,  /* --no-smtp, too many hosts, or out of time */
	REACH_FAILED,     /* no connection, or no SMTP: see error */
	REACH_PLAIN,      /* SMTP, but STARTTLS not offered or refused */
	REACH_TLS_FAILED, /* STARTTLS, but the handshake failed: see error */
	REACH_TLS,        /* see view */
};

struct mx_address {
	struct address address;
	enum reach reach;
	char error[160];       /* safe; "" if all went well */
	uint64_t ms;           /* how long the probe took */
	struct tls_view *view; /* with REACH_TLS, and with REACH_TLS_FAILED if
	                        * there was anything to see; else NULL */
};

/* What was found out about a host; shared by all domains that name it. */
struct mx_host {
	unsigned references;
	char name[DOMAIN_MAX + 1];
	bool dns_failed;  /* its addresses could not be looked up */
	bool cut_short;   /* it has more addresses than were probed */
	size_t special;   /* private addresses, which were not probed */
	char reason[160]; /* why there are no addresses; safe */
	enum answer dane; /* it has usable, secure TLSA records */
	size_t count;
	struct mx_address *addresses;
};

struct mx_row {
	char name[DOMAIN_MAX + 1]; /* lower case, no final dot */
	uint16_t preference;
	enum answer matched;  /* by a pattern; UNKNOWN: no policy */
	struct mx_host *host; /* NULL: not probed */
};

/* -- the report ------------------------------------------------------------ */

struct report_record {
	char *text; /* raw: the record, valid or not; NULL: none */
	char id[RECORD_ID_MAX + 1]; /* "": there is no valid one */
};

struct report_policy {
	struct slice text;     /* raw: the body as served; data is NULL: none */
	char sha256[65];       /* of the text, in hex */
	struct policy *policy; /* NULL: the text is no valid policy */
	char address[ADDRESS_TEXT]; /* of the policy host */
	struct tls_view *view;      /* of the policy host; NULL: no TLS seen */
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

/* One group's part of the score. */
struct score_line {
	enum group group;
	unsigned weight;
	unsigned points; /* in halves: 0 to 2 * weight */
	bool counted;    /* false: no result could be had, so the group is left
	                  * out */
};

struct report {
	int status; /* MTS_OK, or MTS_ENOMEM: something is missing */
	struct domain domain;
	int64_t time_s; /* seconds since 1970 */
	enum state state;
	int score;     /* 0 to 100; -1: there is none */
	int score_cap; /* what the score is limited to; 100: no limit */
	struct score_line lines[SCORED_GROUPS];
	int exit_status; /* 0 to 3: CHECK_EXIT_* */
	struct report_record record;
	struct report_policy policy;
	struct report_tls_rpt tls_rpt;
	bool has_mx; /* the MX records were looked up; there may be none */
	struct mx_row *mx; /* in order of preference */
	size_t mx_count;
	struct finding *findings; /* sorted, the most severe first */
	size_t finding_count;
	char *suggested_record; /* to copy; NULL: nothing needs to change */
	char *suggested_policy; /* the same; lines end with LF */
	struct report_timing timing;
};

enum {
	CHECK_EXIT_OK,
	CHECK_EXIT_WARNING,
	CHECK_EXIT_CRITICAL,
	CHECK_EXIT_UNKNOWN, /* also: wrong usage */
};

/* The new report is the caller's: report_free(), which takes NULL and leaves
 * NULL. NULL: out of memory. */
struct report *report_new(const struct domain *domain);
void report_free(struct report **report);

/* Adds a finding with the severity of its table row, or with SEVERITY. FORMAT
 * gives its detail, which is made safe. The returned finding is valid until the
 * next one is added. NULL: there are too many already, or memory ran out, which
 * report->status shows. */
struct finding *report_add(struct report *report, enum finding_id id,
                           const char *format, ...)
    __attribute__((format(printf, 3, 4)));
struct finding *report_add_as(struct report *report, enum finding_id id,
                              enum severity severity, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Sets FINDING's own fix, which may have several lines. FINDING may be NULL. */
void report_fix(struct report *report, struct finding *finding,
                const char *format, ...) __attribute__((format(printf, 3, 4)));

/* FINDING's own fix, or else that of its table row. */
const char *finding_fix(const struct finding *finding);

/* The first finding of this kind, or NULL. */
const struct finding *report_find(const struct report *report,
                                  enum finding_id id);

/* Drops a reference. Takes NULL, leaves NULL. */
void mx_host_unref(struct mx_host **host);

#endif
