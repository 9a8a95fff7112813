/* SPDX-License-Identifier: BSD-2-Clause */
/* override.h - the operator's own word on domains: before any look-up, he says that
 * one goes without a policy, or gives it one.
 *
 * Pure: the words are put in by whoever reads a configuration. */
#ifndef STS_OVERRIDE_H
#define STS_OVERRIDE_H

#include "sts/domain.h"
#include "sts/policy.h"

#include <stdbool.h>

/* What is said of one domain. */
struct override {
	unsigned line; /* of the configuration, for messages */
	bool bypass;   /* neither MTA-STS nor DANE: as if it had neither */
	/* Otherwise: this policy, which never ends (max_age is the longest that
	 * RFC 8461 3.2 knows). */
	struct policy policy;
};

struct overrides;

/* None yet; NULL if memory is short. The caller's: overrides_free(), which takes
 * NULL and leaves NULL. */
struct overrides *overrides_new(void);
void overrides_free(struct overrides **overrides);

/* Says "bypass" of DOMAIN, in LINE. MTS_EBUSY: something is said of it already;
 * MTS_ENOMEM. */
int overrides_add_bypass(struct overrides *overrides,
                         const struct domain *domain, unsigned line);

/* Gives DOMAIN a policy of MODE with the patterns in MX, each one checked by
 * mx_pattern_is_valid() and ended by a NUL; MX is copied, in lower case, each
 * pattern once. MTS_ERANGE: enforce or testing without a pattern (3.2), or more
 * than POLICY_MAX bytes of them. MTS_EBUSY, MTS_ENOMEM as above. */
int overrides_add_policy(struct overrides *overrides,
                         const struct domain *domain, unsigned line,
                         enum policy_mode mode, struct slice mx);

/* What is said of DOMAIN, or NULL: nothing. It lives as long as WORDS, which
 * may be NULL. */
const struct override *overrides_find(const struct overrides *overrides,
                                      const struct domain *domain);

size_t overrides_count(const struct overrides *overrides);

#endif
