/* SPDX-License-Identifier: BSD-2-Clause */
/* tests.h - what every unit test includes: cmocka and its prerequisites. */
#ifndef TESTS_TESTS_H
#define TESTS_TESTS_H

/* cmocka.h needs these first, in this order. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
