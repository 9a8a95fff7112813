/* SPDX-License-Identifier: BSD-2-Clause */
/* control_hint.h - what an operator can do about a look-up's outcome. */
#ifndef SERVE_CONTROL_HINT_H
#define SERVE_CONTROL_HINT_H

#include "serve/ask.h"

/* One line for a person: what RESULT, of ask_refresh(), means for the mail, and
 * who can mend what is wrong. A constant. */
const char *control_hint(const struct ask_result *result);

/* One line: why Postfix is told what it is told. A constant. */
const char *control_why(const struct ask_result *result);

#endif
