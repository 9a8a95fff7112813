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

/* A plain value. Whoever made it says how long MX lives: a policy from
 * policy_parse() owns it, one read from the cache borrows the cache's. */
struct policy {
	enum policy_mode mode;
	uint32_t max_age_s; /* 0 to POLICY_MAX_AGE_MAX */
	uint32_t mx_count; /* usable patterns; at least 1 unless mode is none */
	/* The usable patterns in the order of the text, each one checked by
	 * mx_pattern_is_valid(), in lower case, no two alike, each followed by
	 * a NUL; the last NUL is within the slice. */
	struct slice mx;
};

/* What a parser can notice besides errors; the text goes on being parsed. */
enum policy_note {
	POLICY_NOTE_BLANK_LINE,  /* empty, or blanks only; passed over */
	POLICY_NOTE_DUPLICATE,   /* any field but mx, again; passed over */
	POLICY_NOTE_UNKNOWN,     /* a field that 3.2 does not name; once each */
	POLICY_NOTE_BAD_MX,      /* a pattern that is left out */
	POLICY_NOTE_REPEATED_MX, /* the same pattern again; left out */
};

/* What can be wrong with a policy. */
enum policy_fault {
	POLICY_FAULT_LINE,    /* it is no "key: value" */
	POLICY_FAULT_VERSION, /* bad, or there is none (LINE 0); so are ... */
	POLICY_FAULT_MODE,
	POLICY_FAULT_MAX_AGE,
	POLICY_FAULT_MX, /* no usable pattern, though the mode needs one */
};

/* Is told of each note: LINE counts from 1, TEXT is the line without its end,
 * not made safe for printing. Notes come for a text that is then refused,
 * too. */
struct policy_observer {
	void (*note)(void *arg, enum policy_note note, unsigned line,
	             struct slice text);
	/* NULL: the first fault is the end, and is all that is of interest.
	 * Otherwise it is told of every one, with WHY in words, and the text
	 * goes on being parsed; what is returned is as without. LINE 0: of the
	 * whole. */
	void (*fault)(void *arg, enum policy_fault fault, unsigned line,
	              struct slice text, const char *why);
	void *arg;
};

/* Parses a policy body. On MTS_OK *RET is the caller's: policy_free(). On
 * MTS_ESYNTAX (3.2 broken), MTS_ERANGE (over POLICY_MAX bytes) or MTS_ENOMEM
 * WHY names the first fault, with its line, and *RET is untouched. OBSERVER may
 * be NULL. */
int policy_parse(struct slice text, const struct policy_observer *observer,
                 struct policy **ret, struct fault *why);

/* Takes NULL, leaves NULL. Only for what policy_parse() made. */
void policy_free(struct policy **policy);

/* "none", "testing", "enforce". */
const char *policy_mode_text(enum policy_mode mode);

/* Walks the patterns: the one at OFFSET, which starts at 0; moves OFFSET on.
 * NULL at the end. Each is NUL-terminated and lives as long as the policy. */
const char *policy_next_mx(const struct policy *policy, size_t *offset);

#endif
