/* SPDX-License-Identifier: BSD-2-Clause */
/* findings.h - every finding that our tools can report: its id, severity, title,
 * cause and fix, one table row each.
 *
 * The ids are an interface: they never change their meaning. */
#ifndef FINDINGS_FINDINGS_H
#define FINDINGS_FINDINGS_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

/* In the order in which a sender takes these steps. The first SCORED_GROUPS count
 * for the score. */
enum group {
	GROUP_RECORD,
	GROUP_FETCH,
	GROUP_CERT,
	GROUP_SYNTAX,
	GROUP_MX,
	GROUP_CONSISTENCY,
	GROUP_REPORT,
	GROUP_EXPECTATION,
	GROUP_EXTRA,
};

enum { SCORED_GROUPS = GROUP_REPORT + 1, GROUPS = GROUP_EXTRA + 1 };

/* A group's name ("record", "fetch", ...), and its weight in the score: 0 if it
 * does not count. */
const char *group_text(enum group group);
unsigned group_weight(enum group group);

/* From the least severe to the most. */
enum severity {
	SEVERITY_INFO,
	SEVERITY_UNKNOWN, /* could not be determined from here */
	SEVERITY_WARNING, /* it works, with a risk */
	SEVERITY_CRITICAL,
};

/* "info", "unknown", "warning", "critical". */
const char *severity_text(enum severity severity);

/* clang-format off */
enum finding_id {
	/* record */
	FINDING_NOT_CONFIGURED, FINDING_MISSING_RECORD,
	FINDING_RECORD_MULTIPLE, FINDING_RECORD_SYNTAX, FINDING_ID_INVALID,
	FINDING_RECORD_UNRELATED, FINDING_RECORD_WRONG_PLACE,
	FINDING_DNS_ERROR, FINDING_RECORD_INCONSISTENT,
	/* fetch */
	FINDING_POLICY_FETCH_FAILED, FINDING_HTTP_STATUS, FINDING_REDIRECT,
	FINDING_BOT_BLOCKED, FINDING_TOO_LARGE, FINDING_CONTENT_TYPE,
	FINDING_SLOW, FINDING_HTTP_CLEARTEXT,
	/* cert */
	FINDING_CERT_INVALID, FINDING_CERT_EXPIRED, FINDING_CERT_SAN_MISMATCH,
	FINDING_CERT_UNTRUSTED, FINDING_CERT_CHAIN_INCOMPLETE, FINDING_TLS_OLD,
	FINDING_CERT_EXPIRING,
	/* syntax */
	FINDING_VERSION_INVALID, FINDING_MODE_INVALID, FINDING_MAX_AGE_INVALID,
	FINDING_MX_MISSING, FINDING_MX_INVALID, FINDING_BAD_LINE,
	FINDING_DUPLICATE_FIELD, FINDING_UNKNOWN_FIELD, FINDING_MODE_NONE,
	FINDING_MODE_TESTING, FINDING_PREMATURE_ENFORCE,
	FINDING_MAX_AGE_BELOW_DAY, FINDING_MAX_AGE_SHORT,
	/* mx */
	FINDING_MX_PARTIAL_MATCH, FINDING_MX_WILDCARD_MISSING,
	FINDING_MX_UNUSED, FINDING_MX_TOO_BROAD, FINDING_MX_NULL,
	FINDING_MX_IMPLICIT, FINDING_MX_NO_ADDRESS, FINDING_STARTTLS_MISSING,
	FINDING_MX_TLS_OLD, FINDING_MX_CERT_EXPIRED, FINDING_MX_CERT_UNTRUSTED,
	FINDING_MX_CERT_SAN, FINDING_MX_UNREACHABLE,
	/* consistency */
	FINDING_POLICY_ID_STALE, FINDING_ID_CHANGED_SAME_BODY,
	FINDING_BASELINE, FINDING_DELEGATION_SPLIT,
	/* report */
	FINDING_TLS_RPT_MISSING, FINDING_TLS_RPT_MULTIPLE,
	FINDING_TLS_RPT_SYNTAX, FINDING_RUA_SCHEME, FINDING_RUA_NO_MX,
	/* expectation */
	FINDING_MODE_UNEXPECTED,
	/* extra */
	FINDING_DANE_PRESENT, FINDING_DNSSEC_SIGNED,
	FINDINGS,
};
/* clang-format on */

struct finding_row {
	const char *name; /* the id as users see it: "not_configured" */
	enum group group;
	enum severity severity;
	/* SEVERITY applies in mode enforce only. In mode testing or without a
	 * policy the finding is a warning, in mode none it is info. */
	bool enforce;
	const char *title; /* at most 50 characters; people search for it */
	const char *cause; /* what it means, and why it matters */
	const char *fix;   /* how to fix it, in words that fit every case */
	const char *rfc;   /* "RFC 8461 3.1"; "" if no RFC applies */
};

/* The row of ID. */
const struct finding_row *finding_row(enum finding_id id);

/* Finds the id with this name. False: there is none. */
bool finding_by_name(struct slice name, enum finding_id *ret);

#endif
