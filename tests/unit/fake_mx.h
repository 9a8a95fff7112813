/* SPDX-License-Identifier: BSD-2-Clause */
/* fake_mx.h - discover/mx_hosts.h for tests: look-ups that end as the test says.
 * Link with fake_mx.c instead of libdiscover.a. */
#ifndef TESTS_FAKE_MX_H
#define TESTS_FAKE_MX_H

#include "discover/mx_hosts.h"

struct fake_mx {
	bool no_memory; /* mx_hosts_start() fails */
	int started;
	int cancelled;
	bool running;
	struct domain domain; /* of the one that was started last, */
	mx_hosts_callback *callback;
	void *arg;
};

extern struct fake_mx fake_mx;

/* Forgets all look-ups. */
void fake_mx_reset(void);

/* Ends the look-up that was started last with NAMES, of LEN bytes, each with
 * its NUL. NULL: it fails, "because". */
void fake_mx_finish(const char *names, size_t len, uint32_t ttl_s);

/* The same with the names in a literal, with NUL bytes between. */
#define FAKE_MX_HOSTS(list, ttl_s) fake_mx_finish(list, sizeof(list), ttl_s)

#endif
