/* SPDX-License-Identifier: BSD-2-Clause */
/* override.h - the operator's overrides: a domain that is answered without any
 * look-up, either as if it had no policy, or with a policy from the
 * configuration.
 *
 * Pure: conf/ reads the configuration and adds the overrides. */
#ifndef STS_OVERRIDE_H
#define STS_OVERRIDE_H

#include "sts/domain.h"
#include "sts/policy.h"

#include <stdbool.h>

/* The override of one domain. */
struct override {
	unsigned line; /* of the configuration, for messages */
	bool bypass;   /* answer as if it had neither MTA-STS nor DANE */
	/* Unless bypass: the policy, which never expires. Its max_age is the
	 * longest that RFC 8461 3.2 allows. */
	struct policy policy;
};

struct overrides;

/* An empty set; NULL: out of memory. The caller's: overrides_free(), which
 * takes NULL and leaves NULL. */
struct overrides *overrides_new(void);
void overrides_free(struct overrides **overrides);

/* Adds a bypass of DOMAIN, from LINE. MTS_EBUSY: DOMAIN has an override
 * already; MTS_ENOMEM. */
int overrides_add_bypass(struct overrides *overrides,
                         const struct domain *domain, unsigned line);

/* Adds a policy of MODE for DOMAIN, from LINE. MX holds its patterns, each with
 * its NUL, checked by mx_pattern_is_valid(); they are copied in lower case,
 * without duplicates. MTS_ERANGE: enforce or testing without a pattern (3.2),
 * or over POLICY_MAX bytes of patterns. MTS_EBUSY, MTS_ENOMEM as above. */
int overrides_add_policy(struct overrides *overrides,
                         const struct domain *domain, unsigned line,
                         enum policy_mode mode, struct slice mx);

/* The override of DOMAIN, or NULL. It lives as long as OVERRIDES, which may be
 * NULL. */
const struct override *overrides_find(const struct overrides *overrides,
                                      const struct domain *domain);

size_t overrides_count(const struct overrides *overrides);

#endif
