/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_feed.h - gives mtastsd the lines of a file, and takes its answers
 * meanwhile: neither side ever waits for the other with its hands full. */
#ifndef CTL_CTL_FEED_H
#define CTL_CTL_FEED_H

#include "ctl/ctl_client.h"

#include <stdbool.h>
#include <stdint.h>

struct ctl_feed {
	int fd;           /* the file */
	const char *name; /* for messages */
	/* Is told of each answer; false: it is the last one. */
	bool (*take)(void *arg, json_t *object);
	/* Is told that a line is longer than mtastsd takes. */
	void (*refuse)(void *arg, uint64_t line);
};

/* Sends all lines and then the end, unless the last answer comes before that.
 * What ctl_next() returns; MTS_ENOTFOUND: the file can't be read, which the
 * daemon is not told: it takes this for an end in the middle. ARG is for FEED's
 * functions. */
int ctl_feed(struct ctl_client *client, const struct ctl_feed *feed, void *arg,
             struct fault *why);

#endif
