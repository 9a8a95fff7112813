/* SPDX-License-Identifier: BSD-2-Clause */
/* policy.h - the policy that a policy host serves (RFC 8461 3.2).
 *
 * Pure: no HTTP, no clock. */
#ifndef STS_POLICY_H
#define STS_POLICY_H

#include "base/slice.h"
#include "base/status.h"

#include <stdint.h>

enum {
	POLICY_MAX = 64 * 1024,        /* 3.3: suggested maximum, bytes */
	POLICY_MAX_AGE_MAX = 31557600, /* 3.2: a year, seconds */
};

enum policy_mode { POLICY_NONE, POLICY_TESTING, POLICY_ENFORCE };

/* A plain value. Where it comes from decides how long MX lives: a policy from
 * policy_parse() owns it; one from the cache borrows it. */
struct policy {
	enum policy_mode mode;
	uint32_t max_age_s; /* 0 to POLICY_MAX_AGE_MAX */
	uint32_t mx_count; /* usable patterns; at least 1 unless mode is none */
	/* The usable patterns in the order of the text, without duplicates:
	 * each checked by mx_pattern_is_valid(), in lower case, followed by
	 * a NUL. The slice includes the last NUL. */
	struct slice mx;
};

/* What the parser may notice besides faults. It goes on parsing. */
enum policy_note {
	POLICY_NOTE_BLANK_LINE,  /* empty, or only blanks; skipped */
	POLICY_NOTE_DUPLICATE,   /* a field other than mx, again; skipped */
	POLICY_NOTE_UNKNOWN,     /* a field that 3.2 does not define */
	POLICY_NOTE_BAD_MX,      /* an invalid pattern; skipped */
	POLICY_NOTE_REPEATED_MX, /* the same pattern again; skipped */
};

/* What can be wrong with a policy. */
enum policy_fault {
	POLICY_FAULT_LINE,    /* a line is not "key: value" */
	POLICY_FAULT_VERSION, /* invalid, or missing (LINE 0); so with ... */
	POLICY_FAULT_MODE,
	POLICY_FAULT_MAX_AGE,
	POLICY_FAULT_MX, /* no usable pattern, though the mode needs one */
};

/* Receives notes and faults. LINE counts from 1; TEXT is the line without its
 * end, not made safe for printing. Notes also come for a text that is rejected
 * in the end. */
struct policy_observer {
	void (*note)(void *arg, enum policy_note note, unsigned line,
	             struct slice text);
	/* NULL: policy_parse() stops at the first fault. Otherwise it goes on
	 * and reports every fault here, with WHY as text; it still returns the
	 * first. LINE 0: the fault is in no single line. */
	void (*fault)(void *arg, enum policy_fault fault, unsigned line,
	              struct slice text, const char *why);
	void *arg;
};

/* Parses a policy body. On MTS_OK the caller owns *RET: policy_free(). On
 * MTS_ESYNTAX (it breaks 3.2), MTS_ERANGE (over POLICY_MAX bytes) or
 * MTS_ENOMEM, WHY names the first fault and its line, and *RET is unchanged.
 * OBSERVER may be NULL. */
int policy_parse(struct slice text, const struct policy_observer *observer,
                 struct policy **ret, struct fault *why);

/* Takes NULL, leaves NULL. Only for policies from policy_parse(). */
void policy_free(struct policy **policy);

/* "none", "testing", "enforce". */
const char *policy_mode_text(enum policy_mode mode);

/* Iterates over the patterns: returns the one at *OFFSET, which starts at 0,
 * and advances *OFFSET; NULL at the end. Patterns are NUL-terminated and live
 * as long as the policy. */
const char *policy_next_mx(const struct policy *policy, size_t *offset);

#endif
