/* SPDX-License-Identifier: BSD-2-Clause */
/* fake_discovery.h - discover/discover.h for tests: one discovery at a time, which
 * ends as the test says. Link with fake_discovery.c instead of libdiscover.a. */
#ifndef TESTS_FAKE_DISCOVERY_H
#define TESTS_FAKE_DISCOVERY_H

#include "discover/discover.h"

/* The last one that was started. */
struct fake_discovery {
	discover_callback *callback;
	void *arg;
	bool running;
	char known_id[RECORD_ID_MAX + 1]; /* "" if none was given */
	int started;                      /* in total */
	int cancelled;
};

extern struct fake_discovery faked;

/* Forgets all discoveries. */
void fake_discovery_reset(void);

/* Ends the running discovery. */
void fake_discovery_end(const struct discover_result *result);

#endif
