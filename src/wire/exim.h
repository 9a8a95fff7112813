/* SPDX-License-Identifier: BSD-2-Clause */
/* exim.h - parses the line that Exim's ${readsocket} sends, and writes the
 * answer.
 *
 * Pure codec: "exim DOMAIN" or "exim DOMAIN MX-HOST" in, one line out. */
#ifndef WIRE_EXIM_H
#define WIRE_EXIM_H

#include "base/buffer.h"
#include "base/status.h"
#include "sts/policy.h"

enum {
	EXIM_REQUEST_MAX = 1024, /* two names, a port, and room */
	/* A policy of dots and letters: four bytes of answer for two. */
	EXIM_REPLY_MAX = 4 * POLICY_MAX,
};

struct exim_request {
	struct slice domain; /* as sent, not empty */
	struct slice mx;     /* as sent; empty: none was named */
};

/* Splits LINE, which is without its newline. The slices lie within LINE.
 * MTS_ESYNTAX: it is not "exim" and one or two words with one blank between
 * each, or has a NUL. */
int exim_parse(struct slice line, struct exim_request *ret, struct fault *why);

/* Appends the line that answers for POLICY, a live one or NULL;
 * buffer_status(). OUT's cap leaves room for EXIM_REPLY_MAX bytes.
 * ENFORCE_TESTING takes the mode testing for enforce.
 *
 * "mode=enforce hosts=LIST": LIST is for ignore_target_hosts and takes out all
 *   hosts but those that the policy covers: "!^mx1[.]a[.]test$:!^[^.]+[.]b[.]
 *   test$:*". Regular expressions, since Exim compares plain names by address,
 *   and anchored at both ends, so that a line that was cut off shows.
 * "mode=testing", "mode=none" (also without a policy).
 * If an MX was named (MX is not empty): "mode=enforce mx=match", "mode=enforce
 *   mx=mismatch", "mode=testing mx=...", "mode=none". */
int exim_write(struct buffer *out, const struct policy *policy, struct slice mx,
               bool enforce_testing);

#define EXIM_NONE "mode=none\n"
/* A temporary error: Exim tries again later. */
#define EXIM_FAIL "mode=fail\n"

#endif
