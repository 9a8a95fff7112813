/* SPDX-License-Identifier: BSD-2-Clause */
/* value.h - converts an option's text to its value, and back. */
#ifndef CONF_VALUE_H
#define CONF_VALUE_H

#include "base/status.h"
#include "conf/schema.h"

/* Checks TEXT as OPTION's value and stores it at BASE + OPTION's offset (BASE
 * is the struct conf, or the struct conf_listen); a text that was there is
 * freed. OPTION is neither a section nor a list. MTS_ESYNTAX, MTS_ERANGE: WHY
 * says what is wrong and what would be right, without naming file or option,
 * and nothing is stored. MTS_ENOMEM. */
int value_set(const struct conf_option *option, void *base, struct slice text,
              struct fault *why);

/* The same from the option's default. */
int value_set_default(const struct conf_option *option, void *base,
                      struct fault *why);

/* Checks TEXT as an item of a list of TYPE (CONF_SERVERS, CONF_NAMES) and
 * appends it to *ITEMS, which has *COUNT. Same errors. */
int value_add_item(enum conf_type type, char ***items, size_t *count,
                   struct slice text, struct fault *why);

enum { VALUE_TEXT_MAX = 32 };

/* Writes NUMBER as a value of OPTION would be written: "90s", "64KiB", "0660",
 * "info"; returns TEXT. Not for texts and lists. */
const char *value_text(const struct conf_option *option, uint64_t number,
                       char text[VALUE_TEXT_MAX]);

#endif
