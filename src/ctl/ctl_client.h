/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_client.h - mtasts-ctl's end of the control socket; blocking. */
#ifndef CTL_CTL_CLIENT_H
#define CTL_CTL_CLIENT_H

#include "base/slice.h"
#include "base/status.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct ctl_client;

/* Connects to ADDRESS, "unix:/path" or "/path". Waits for at most TIMEOUT_S for
 * each answer. MTS_ESYNTAX: no such address; MTS_ESYS; MTS_ENOMEM: WHY says
 * what to do. On MTS_OK *RET is the caller's: ctl_close(). */
int ctl_connect(const char *address, int timeout_s, struct ctl_client **ret,
                struct fault *why);

/* Sends LINE, a request without its newline. MTS_ESYS. */
int ctl_send(struct ctl_client *client, struct slice line, struct fault *why);

/* Waits until some of *BYTES can be sent, and takes that off it, or until an
 * answer has begun to come: then *ANSWERED is true. MTS_ETIMEOUT, MTS_ESYS. */
int ctl_send_some(struct ctl_client *client, struct slice *bytes,
                  bool *answered, struct fault *why);

/* Says that nothing more is sent. */
void ctl_send_end(struct ctl_client *client);

/* Waits for the next object. MTS_ETIMEOUT; MTS_ESYS: the connection broke;
 * MTS_ESYNTAX: what came is no JSON object; MTS_ENOMEM. On MTS_OK *RET is the
 * caller's: json_decref(). */
int ctl_next(struct ctl_client *client, json_t **ret, struct fault *why);

/* Whether ctl_next() has the next object at hand, and would not wait. */
bool ctl_is_next_here(const struct ctl_client *client);

/* Takes NULL, leaves NULL. */
void ctl_close(struct ctl_client **client);

/* -- sending a file -------------------------------------------------------- */

struct ctl_feed {
	int fd;           /* the file */
	const char *name; /* for messages */
	/* Receives each answer; returns false for the last one. */
	bool (*take)(void *arg, json_t *object);
	/* Called for a line that is longer than mtastsd accepts. */
	void (*refuse)(void *arg, uint64_t line);
};

/* Sends all lines and then the end, unless the last answer comes before that.
 * What ctl_next() returns; MTS_ENOTFOUND: the file can't be read, which the
 * daemon is not told: it takes this for an end in the middle. ARG is for FEED's
 * functions. */
int ctl_feed(struct ctl_client *client, const struct ctl_feed *feed, void *arg,
             struct fault *why);

#endif
