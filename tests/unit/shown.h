/* SPDX-License-Identifier: BSD-2-Clause */
/* shown.h - what a view of mtasts-ctl shows, for tests of it. */
#ifndef TESTS_SHOWN_H
#define TESTS_SHOWN_H

#include "tests.h"

#include "ctl/ctl_view.h"

/* Some of what a stranger might send. */
#define EVIL "\\u001b[31m\\u009b\\u202e\\u007f\\u00e9"

/* A terminal of 80 columns that knows UTF-8, in November 2023. */
extern struct view view;

int shown_setup(void **state);
int shown_teardown(void **state);

#define SHOWN_ROW(test)                                                        \
	cmocka_unit_test_setup_teardown(test, shown_setup, shown_teardown)

/* The JSON of TEXT; the caller's: json_decref(). */
json_t *parse(const char *text);

/* Show the item TEXT as text, and as JSON. */
void show(const char *text);
void show_json(const char *text);

/* All that was shown, with a NUL behind it. */
const char *shown(void);

/* TEXT is part of that. */
void expect_shown(const char *text);

#endif
