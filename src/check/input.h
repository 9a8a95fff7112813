/* SPDX-License-Identifier: BSD-2-Clause */
/* input.h - reads a domain as people type it.
 *
 * Pure. */
#ifndef CHECK_INPUT_H
#define CHECK_INPUT_H

#include "sts/domain.h"

/* Reads TEXT as a domain: case and a final dot do not count, and U-labels become
 * A-labels. MTS_ESYNTAX: it is not a domain but a URL, an address, a wildcard or
 * the like; WHY says what it is and suggests a domain. MTS_ENOMEM. */
int input_domain(struct slice text, struct domain *ret, struct fault *why);

#endif
