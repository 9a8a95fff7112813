/* SPDX-License-Identifier: BSD-2-Clause */
/* check_batch.h - checks any number of domains, a limited number at a time.
 *
 * Memory stays bounded however many domains there are: for each domain that may
 * run, the batch takes in at most four. The others are done and wait for an
 * earlier domain to be shown, or wait for mail hosts that are already being
 * called for another domain. */
#ifndef CHECK_CHECK_BATCH_H
#define CHECK_CHECK_BATCH_H

#include "check/domain_check.h"

struct check_batch;

struct check_batch_options {
	const struct check_options *check; /* must outlive the batch */
	size_t jobs;       /* domains at once, not counting those that only
	                    * wait; 0 means 1 */
	bool as_they_come; /* else in the order in which they were added */
	/* A domain is done. REPORT belongs to the callback: report_free(). */
	void (*done)(void *arg, struct report *report);
	/* The batch may want more domains, or everything is done. Comes from
	 * the event loop, never from inside another call; may close the
	 * batch. */
	void (*want)(void *arg);
	void *arg;
};

/* MTS_ENOMEM, MTS_ELIB. On MTS_OK *RET is the caller's: check_batch_close(). */
int check_batch_new(const struct check_batch_options *options,
                    struct check_batch **ret);

/* Drops what is under way. Takes NULL, leaves NULL. The loop must run once more
 * afterwards. */
void check_batch_close(struct check_batch **batch);

/* True if check_batch_add() would take a domain. */
bool check_batch_wants_more(const struct check_batch *batch);

/* True if nothing is under way or waits to be shown. */
bool check_batch_is_idle(const struct check_batch *batch);

/* Starts to check DOMAIN. MTS_EFULL: the batch does not want more now;
 * MTS_ENOMEM. */
int check_batch_add(struct check_batch *batch, const struct domain *domain);

#endif
