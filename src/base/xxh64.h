/* SPDX-License-Identifier: BSD-2-Clause */
/* xxh64.h - a fast checksum, the same on every machine. */
#ifndef BASE_XXH64_H
#define BASE_XXH64_H

#include <stddef.h>
#include <stdint.h>

/* XXH64 with seed 0: about 10 bytes a nanosecond. Detects damage by disks and
 * stray writes; it is no protection against an attacker. */
uint64_t xxh64(const void *data, size_t len);

#endif
