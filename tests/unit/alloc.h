/* SPDX-License-Identifier: BSD-2-Clause */
/* alloc.h - an allocator that fails when a test wants it to.
 *
 * Link with $(FAILING_ALLOC) and alloc.c. Only calls from our own objects are
 * affected, not calls from within shared libraries. */
#ifndef TESTS_ALLOC_H
#define TESTS_ALLOC_H

#include <stddef.h>

/* Makes the Nth allocation of this thread from now on fail, once. N counts from 1;
 * 0 makes none fail. */
void alloc_fail_at(size_t n);

/* Makes the Nth allocation and all later ones fail. */
void alloc_fail_from(size_t n);

/* Returns the number of allocations of this thread since the last call of one of the
 * functions above. */
size_t alloc_count(void);

#endif
