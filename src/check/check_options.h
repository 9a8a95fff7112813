/* SPDX-License-Identifier: BSD-2-Clause */
/* check_options.h - how to check domains: how hosts are probed, what is expected
 * of the policy, and which findings are shown. */
#ifndef CHECK_CHECK_OPTIONS_H
#define CHECK_CHECK_OPTIONS_H

#include "findings/findings.h"
#include "probe/probe_options.h"

enum check_expect {
	EXPECT_NOTHING,
	EXPECT_NONE,
	EXPECT_TESTING,
	EXPECT_ENFORCE,
};

struct drift;
struct reports_seen;

/* Everything here must outlive the checks. */
struct check_options {
	struct probe_options probe;
	enum check_expect expect;
	unsigned min_score; /* a lower score is critical; 0: none is */
	/* False: this finding is dropped, as if it had never been made. */
	bool shown[FINDINGS];
	struct drift *drift;                /* NULL: no --state */
	const struct reports_seen *reports; /* NULL: no --reports */
};

#endif
