/* SPDX-License-Identifier: BSD-2-Clause */
/* check_batch.c - checks any number of domains, a limited number at a time. */
#include "check/check_batch.h"

#include <stdlib.h>

/* The batch holds at most this many domains for each one that may run: those
 * that wait for others' mail hosts, and those that are done but wait for an
 * earlier one to be shown. */
enum { WINDOW_FACTOR = 4 };

/* One domain in the batch. */
struct entry {
	struct list node; /* in the batch's entries, as they were added */
	struct check_batch *batch;
	struct domain_check *check; /* NULL: done */
	bool waits;                 /* for others' mail hosts: does not count as
	                        * running */
	struct report *report;      /* NULL: not done */
};

struct check_batch {
	struct check_batch_options options;
	struct prober *prober;
	struct ns_pool *name_servers;
	struct list entries;
	size_t count;   /* of entries */
	size_t running; /* entries under way that do not just wait */
};

bool check_batch_wants_more(const struct check_batch *batch)
{
	return batch->running < batch->options.jobs &&
	       batch->count < WINDOW_FACTOR * batch->options.jobs;
}

bool check_batch_is_idle(const struct check_batch *batch)
{
	return batch->count == 0;
}

static void entry_free(struct entry *entry)
{
	domain_check_cancel(&entry->check);
	report_free(&entry->report);
	list_remove(&entry->node);
	entry->batch->count--;
	free(entry);
}

static void entry_hand_over(struct entry *entry)
{
	const struct check_batch_options *options = &entry->batch->options;
	struct report *report = entry->report;

	entry->report = NULL;
	entry_free(entry);
	options->done(options->arg, report);
}

/* Hands over finished entries from the front, up to the first unfinished one. */
static void batch_hand_over_in_order(struct check_batch *batch)
{
	list_each_safe (node, &batch->entries) {
		struct entry *entry = container_of(node, struct entry, node);

		if (entry->check)
			break;
		entry_hand_over(entry);
	}
}

static void entry_on_done(void *arg, struct report *report)
{
	struct entry *entry = arg;
	struct check_batch *batch = entry->batch;

	entry->check = NULL;
	entry->report = report;
	batch->running -= !entry->waits;
	if (batch->options.as_they_come)
		entry_hand_over(entry);
	else
		batch_hand_over_in_order(batch);
	batch->options.want(batch->options.arg);
}

/* Lets another domain run meanwhile. Otherwise a batch of domains at one provider
 * would stop until the provider's hosts have answered. */
static void entry_on_waits(void *arg)
{
	struct entry *entry = arg;
	struct check_batch *batch = entry->batch;

	entry->waits = true;
	batch->running--;
	batch->options.want(batch->options.arg);
}

int check_batch_add(struct check_batch *batch, const struct domain *domain)
{
	struct domain_check_owner owner = { .done = entry_on_done,
		                            .waits = entry_on_waits };
	struct entry *entry;

	if (!check_batch_wants_more(batch))
		return MTS_EFULL;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return MTS_ENOMEM;
	entry->batch = batch;
	owner.arg = entry;
	if (domain_check_start(batch->options.check, batch->prober,
	                       batch->name_servers, domain, &owner,
	                       &entry->check) != MTS_OK) {
		free(entry);
		return MTS_ENOMEM;
	}
	list_append(&batch->entries, &entry->node);
	batch->count++;
	batch->running++;
	return MTS_OK;
}

int check_batch_new(const struct check_batch_options *options,
                    struct check_batch **ret)
{
	const struct probe_options *probe = &options->check->probe;
	struct check_batch *batch = calloc(1, sizeof(*batch));
	int status;

	if (!batch)
		return MTS_ENOMEM;
	batch->options = *options;
	if (batch->options.jobs == 0)
		batch->options.jobs = 1;
	list_init(&batch->entries);
	status = prober_new(probe, &batch->prober);
	if (status == MTS_OK)
		status =
		    ns_pool_new(resolver_loop(probe->resolver),
		                probe->dns_timeout_ms, &batch->name_servers);
	if (status != MTS_OK)
		check_batch_close(&batch);
	else
		*ret = batch;
	return status;
}

void check_batch_close(struct check_batch **batch)
{
	struct check_batch *b = *batch;

	if (!b)
		return;
	*batch = NULL;
	list_each_safe (node, &b->entries)
		entry_free(container_of(node, struct entry, node));
	prober_close(&b->prober);
	ns_pool_close(&b->name_servers);
	free(b);
}
