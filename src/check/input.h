/* SPDX-License-Identifier: BSD-2-Clause */
/* input.h - what people give as a domain.
 *
 * Pure. */
#ifndef CHECK_INPUT_H
#define CHECK_INPUT_H

#include "sts/domain.h"

/* Reads TEXT as a domain: case and a final dot don't count, U-labels become
 * A-labels. MTS_ESYNTAX: it is none (a URL, an address, a wildcard, ...); WHY
 * says what it is and how to say it better. MTS_ENOMEM. */
int input_domain(struct slice text, struct domain *ret, struct fault *why);

#endif
