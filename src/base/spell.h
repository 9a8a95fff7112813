/* SPDX-License-Identifier: BSD-2-Clause */
/* spell.h - what somebody who misspelt a name may have meant. */
#ifndef BASE_SPELL_H
#define BASE_SPELL_H

#include "base/slice.h"

#include <stddef.h>

/* How many letters have to be put in, left out, changed or swapped with the next
 * one to make WORD of NAME. Case does not count, nor which of '-' and '_' it is.
 * SIZE_MAX if one of them has over 40 letters. */
size_t spell_distance(struct slice name, const char *word);

/* How many such slips of the pen a name of LEN letters may have. */
size_t spell_slips(size_t len);

/* The word that NAME may be meant for, of those that WORD_AT has from index 0 up
 * to a NULL; NULL: none. */
const char *spell_guess(struct slice name, const char *(*word_at)(size_t i));

#endif
