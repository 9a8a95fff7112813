/* SPDX-License-Identifier: BSD-2-Clause */
/* filter.h - which policies the control socket's list shows. */
#ifndef WIRE_FILTER_H
#define WIRE_FILTER_H

#include "sts/policy.h"
#include "wire/control_protocol.h"

#include <stdint.h>

/* A plain value. */
struct filter {
	const char *pattern; /* as in a shell; NULL: any domain */
	bool has_mode;
	enum policy_mode mode;
	bool failing; /* only those whose last refresh failed */
	bool has_end;
	uint64_t end_in_s; /* only those that have ended by then */
	uint64_t limit;    /* how many at most; 0: all */
	bool names;        /* only their domains are asked for */
};

/* Reads the options of REQUEST; the pattern, which a request does not end with
 * a NUL, is the caller's to set. MTS_ESYNTAX: WHY says which value is
 * invalid, and what is expected. */
int filter_parse(const struct control_request *request, struct filter *ret,
                 struct fault *why);

/* True if there may be policies that do not match. */
bool filter_is_narrow(const struct filter *filter);

/* What a filter looks at. */
struct filter_item {
	const char *domain;
	enum policy_mode mode;
	uint64_t failures;
	int64_t ends_in_s;
};

bool filter_matches(const struct filter *filter,
                    const struct filter_item *item);

/* Writes a name to PLACE, of SIZE bytes, before which in order of domain there
 * is nothing that FILTER's pattern could match; "" if it does not say. */
void filter_start(const struct filter *filter, char *start, size_t size);

/* True if neither DOMAIN nor what comes after it in order can match. */
bool filter_is_over(const struct filter *filter, const char *domain);

#endif
