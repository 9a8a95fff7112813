/* SPDX-License-Identifier: BSD-2-Clause */
/* alloc.h - an allocator that fails when a test wants it to.
 *
 * Link with $(FAILING_ALLOC) and alloc.c. Only calls from our own objects are
 * seen, not those from within shared libraries. */
#ifndef TESTS_ALLOC_H
#define TESTS_ALLOC_H

#include <stddef.h>

/* From now on the Nth allocation (from 1) of this thread fails, once; 0: none
 * does. */
void alloc_fail_at(size_t n);

/* The same, and all that follow. */
void alloc_fail_from(size_t n);

/* This thread's allocations since the last of these. */
size_t alloc_count(void);

#endif
