/* SPDX-License-Identifier: BSD-2-Clause */
/* batch.h - checks any number of domains, some at a time.
 *
 * Memory is bounded however many they are: no more are taken in than four for
 * each that is checked at once, which have been and wait for an earlier one to be
 * shown, or only wait for mail hosts that an earlier one asked for. */
#ifndef CHECK_BATCH_H
#define CHECK_BATCH_H

#include "check/walk.h"

struct batch;

struct batch_options {
	const struct check_options *check; /* outlives the batch */
	size_t jobs; /* domains at once, without those that only wait; 0: 1 */
	bool as_they_come; /* else in the order they were added */
	/* A domain is done. REPORT is the callback's: report_free(). */
	void (*done)(void *arg, struct report *report);
	/* There is room again, or all that were added are done. From the loop,
	 * from inside of nothing else; may close the batch. */
	void (*want)(void *arg);
	void *arg;
};

/* MTS_ENOMEM, MTS_ELIB. On MTS_OK *RET is the caller's: batch_close(). */
int batch_new(const struct batch_options *options, struct batch **ret);

/* What is under way is dropped. Takes NULL, leaves NULL. The loop must run once
 * more. */
void batch_close(struct batch **batch);

bool batch_has_room(const struct batch *batch);

/* Nothing is under way or waits to be shown. */
bool batch_is_idle(const struct batch *batch);

/* Takes DOMAIN in, if there is room. MTS_EFULL: there is not; MTS_ENOMEM. */
int batch_add(struct batch *batch, const struct domain *domain);

#endif
