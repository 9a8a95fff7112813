/* SPDX-License-Identifier: BSD-2-Clause */
/* netns.h - a network namespace with nothing but loopback in it. */
#ifndef TESTS_NETNS_H
#define TESTS_NETNS_H

#include <stdbool.h>

/* Moves this process into a new one, where ports 53 and 443 are free and the
 * Internet is out of reach. False: the system does not allow it. Before any
 * thread is started. */
bool netns_enter(void);

/* Says in TAP that the whole program is skipped; returns the exit status. */
int netns_skip(void);

#endif
