/* SPDX-License-Identifier: BSD-2-Clause */
/* netns.h - a network namespace that has only the loopback interface. */
#ifndef TESTS_NETNS_H
#define TESTS_NETNS_H

#include <stdbool.h>

/* Moves this process into a new one, where ports 53 and 443 are free and the
 * Internet is out of reach. Call it before starting any thread. False: the system
 * does not allow it. */
bool netns_enter(void);

/* Reports in TAP that the whole program is skipped. Returns the exit status. */
int netns_skip(void);

#endif
