/* SPDX-License-Identifier: BSD-2-Clause */
/* spell.h - guesses which name a misspelt one was meant to be. */
#ifndef BASE_SPELL_H
#define BASE_SPELL_H

#include "base/slice.h"

#include <stddef.h>

/* How many letters have to be inserted, removed, changed or swapped with the
 * next one to turn NAME into KNOWN. Ignores case, and treats '-' and '_' as the
 * same. SIZE_MAX: one of them has over 40 letters. */
size_t spell_distance(struct slice name, const char *known);

/* How large the distance may be for a name of LEN letters. */
size_t spell_slips(size_t len);

/* The known name that NAME probably was meant to be; NULL: none is close.
 * KNOWN_AT returns the known names for I from 0, and then NULL. */
const char *spell_guess(struct slice name, const char *(*known_at)(size_t i));

#endif
