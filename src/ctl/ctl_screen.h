/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_screen.h - takes over the whole screen of a terminal for a while.
 *
 * With a handful of ECMA-48 and xterm sequences that every terminal of today
 * knows. One at a time, since it catches signals: an interrupt, a hang-up or
 * the like ends the screen, and a stop (^Z) gives the terminal back until
 * the process goes on. */
#ifndef CTL_CTL_SCREEN_H
#define CTL_CTL_SCREEN_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* True if standard output is a terminal that can do more than print. */
bool ctl_screen_is_possible(void);

/* Takes the terminal. */
void ctl_screen_open(void);

/* Gives it back, as it was. */
void ctl_screen_close(void);

/* What there is room for; 80 and 24 if the terminal does not say. */
void ctl_screen_size(size_t *columns, size_t *lines);

/* Shows TEXT, which has no controls but newlines, in place of what was there:
 * what does not fit is left out. False: the terminal is gone. */
bool ctl_screen_show(struct slice text, size_t columns, size_t lines);

/* Waits for MS, or until the size of the terminal changes. False: a person
 * wants no more (q), or a signal ends it. */
bool ctl_screen_wait(uint64_t ms);

#endif
