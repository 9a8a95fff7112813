/* SPDX-License-Identifier: BSD-2-Clause */
/* answer.h - writes the answer for each MTA, without the netstring around it.
 *
 * Pure: policies in, text out. The text controls an MTA, so of what the
 * publisher of a policy wrote only patterns that passed mx_pattern_is_valid()
 * get into it. */
#ifndef WIRE_ANSWER_H
#define WIRE_ANSWER_H

#include "base/buffer.h"
#include "sts/dane.h"
#include "sts/domain.h"
#include "sts/policy.h"
#include "wire/socketmap.h"

#include <stdint.h>

/* How long an answer may be. */
enum answer_limit {
	ANSWER_LIMIT_SOCKETMAP, /* SOCKETMAP_REPLY_MAX */
	ANSWER_LIMIT_TCP_TABLE, /* TCP_TABLE_MAX, encoded */
};

/* What the operator has configured beyond RFC 8461. */
struct answer_manner {
	bool enforce_testing; /* treat mode testing as enforce */
	bool tls12;           /* Postfix: no TLS before 1.2, by protocols= */
	bool no_servername;   /* Postfix before 3.4 does not know it */
	bool strict_mx;       /* Postfix: name MX hosts, not patterns */
};

/* What is known about a domain when the answer is written. */
struct answer_input {
	const struct domain *domain;
	const struct policy *policy; /* not expired; NULL: there is none */
	const char *id;              /* its record's id; only with a policy */
	int64_t expires_in_s;        /* only with a policy */
	struct slice mx; /* the MX host in question; map verdict only */
	struct answer_manner how;
	enum answer_limit limit;
	/* Maps postfix and postfix-tlsrpt only: what came of DANE, which wins
	 * over the policy. */
	enum dane_verdict dane;
	bool leave_dane; /* to the MTA's own configuration */
	/* With how.strict_mx: the domain's MX hosts, each with its NUL; NULL
	 * data: they are not known. */
	struct slice hosts;
	const char *why; /* DANE_SAYS_WAIT, or no hosts: the cause, one line */
};

/* Appends the reply of MAP (not MAP_UNKNOWN) to OUT; buffer_status(). OUT's
 * cap leaves room for SOCKETMAP_REPLY_MAX bytes.
 *
 * postfix, postfix-tlsrpt: "OK dane-only", "OK dane" or, with leave_dane,
 *   "NOTFOUND "; "TEMP reason" where DANE can't be known. Otherwise:
 * postfix: "OK secure match=... servername=hostname", or "NOTFOUND " without a
 *   policy and in the modes testing and none. With
 *   tls12 " protocols=>=TLSv1.2" follows. (TEMP where not even this fits.)
 *   With strict_mx match= has those of the hosts that the policy covers; TEMP
 *   if that is none, or if they are not known.
 * postfix-tlsrpt: the same with Postfix 3.10's attributes, or TEMP where they
 *   would not fit; policy_string is left out then first. It tells the
 *   publisher's mode, also with enforce_testing.
 * sts: as postfix, without protocols; TEMP where there are more than
 *   ANSWER_SENDMAIL_MAX bytes of names. (Sendmail sees to DANE itself.)
 * verdict: "OK enforce match id=... expires=SECONDS", "... mismatch ...", "OK
 *   testing match|mismatch ...", "OK none id=... expires=..."; "NOTFOUND "
 *   without a policy. */
int answer_write(struct buffer *out, enum socketmap_map map,
                 const struct answer_input *input);

/* Appends POLICY's fields as lines of a policy text (RFC 8461 3.2): what was
 * understood of it, for people; buffer_status(). */
int answer_write_policy(struct buffer *out, const struct policy *policy);

/* Sendmail 8.17's rules cut match= off behind 255 bytes, so that a host named
 * beyond never gets its mail. A reply of some 1,160 bytes or 440 tokens
 * (labels, dots, colons) it takes for none, and delivers unprotected. */
enum { ANSWER_SENDMAIL_MAX = 250 };

/* The whole answer "no policy". Postfix needs the blank. */
#define ANSWER_NOT_FOUND "NOTFOUND "

enum { ANSWER_REASON_MAX = 200 }; /* a longer reason is cut: MTAs log it */

/* Appends "TEMP REASON" or "PERM REASON"; REASON is made printable. */
int answer_write_temp(struct buffer *out, const char *reason);
int answer_write_perm(struct buffer *out, const char *reason);

/* What an answer means, in any protocol. For the counters. */
enum answer_kind {
	ANSWER_SECURE,    /* a policy is enforced */
	ANSWER_DANE_ONLY, /* not without DANE */
	ANSWER_DANE,
	ANSWER_TESTING,   /* map verdict, Exim: there is a policy on trial */
	ANSWER_MATCH,     /* map verdict: the policy names the MX host, ... */
	ANSWER_MISMATCH,  /* ... or does not, and is enforced */
	ANSWER_NONE,      /* nothing is required */
	ANSWER_TEMPORARY, /* the mail is deferred */
	ANSWER_PERMANENT, /* the question is invalid */
	ANSWER_KINDS,
};

/* The kind of a reply that this file or exim.h has written. */
enum answer_kind answer_kind_of(struct slice reply);

#endif
