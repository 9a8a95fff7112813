/* SPDX-License-Identifier: BSD-2-Clause */
/* batch.c - checks any number of domains, some at a time. */
#include "check/batch.h"

#include <stdlib.h>

/* Domains that wait, for an earlier one to be shown or for its mail hosts, at
 * most, for each that is under way. */
enum { WINDOW_FACTOR = 4 };

struct entry {
	struct list node; /* in the batch's entries, as they were added */
	struct batch *batch;
	struct walk *walk;     /* under way; NULL: done */
	bool waits;            /* for what others do: takes nobody's place */
	struct report *report; /* NULL: not done */
};

struct batch {
	struct batch_options options;
	struct prober *prober;
	struct direct *direct;
	struct list entries;
	size_t count;   /* of them */
	size_t running; /* of them, those under way that do not just wait */
};

bool batch_has_room(const struct batch *batch)
{
	return batch->running < batch->options.jobs &&
	       batch->count < WINDOW_FACTOR * batch->options.jobs;
}

bool batch_is_idle(const struct batch *batch)
{
	return batch->count == 0;
}

static void drop(struct entry *entry)
{
	walk_cancel(&entry->walk);
	report_free(&entry->report);
	list_remove(&entry->node);
	entry->batch->count--;
	free(entry);
}

static void show(struct entry *entry)
{
	const struct batch_options *options = &entry->batch->options;
	struct report *report = entry->report;

	entry->report = NULL;
	drop(entry);
	options->done(options->arg, report);
}

/* The first ones, as far as they are done. */
static void show_first(struct batch *batch)
{
	list_each_safe (node, &batch->entries) {
		struct entry *entry = container_of(node, struct entry, node);

		if (entry->walk)
			break;
		show(entry);
	}
}

static void on_walk(void *arg, struct report *report)
{
	struct entry *entry = arg;
	struct batch *batch = entry->batch;

	entry->walk = NULL;
	entry->report = report;
	batch->running -= !entry->waits;
	if (batch->options.as_they_come)
		show(entry);
	else
		show_first(batch);
	batch->options.want(batch->options.arg);
}

/* A batch at one provider would stand still until its hosts have answered. */
static void on_waits(void *arg)
{
	struct entry *entry = arg;
	struct batch *batch = entry->batch;

	entry->waits = true;
	batch->running--;
	batch->options.want(batch->options.arg);
}

int batch_add(struct batch *batch, const struct domain *domain)
{
	struct walk_owner owner = { .done = on_walk, .waits = on_waits };
	struct entry *entry;

	if (!batch_has_room(batch))
		return MTS_EFULL;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return MTS_ENOMEM;
	entry->batch = batch;
	owner.arg = entry;
	if (walk_start(batch->options.check, batch->prober, batch->direct,
	               domain, &owner, &entry->walk) != MTS_OK) {
		free(entry);
		return MTS_ENOMEM;
	}
	list_append(&batch->entries, &entry->node);
	batch->count++;
	batch->running++;
	return MTS_OK;
}

int batch_new(const struct batch_options *options, struct batch **ret)
{
	struct batch *batch = calloc(1, sizeof(*batch));
	int status;

	if (!batch)
		return MTS_ENOMEM;
	batch->options = *options;
	if (batch->options.jobs == 0)
		batch->options.jobs = 1;
	list_init(&batch->entries);
	status = prober_new(options->check, &batch->prober);
	if (status == MTS_OK)
		status =
		    direct_new(resolver_loop(options->check->resolver),
		               options->check->dns_timeout_ms, &batch->direct);
	if (status != MTS_OK)
		batch_close(&batch);
	else
		*ret = batch;
	return status;
}

void batch_close(struct batch **batch)
{
	struct batch *b = *batch;

	if (!b)
		return;
	*batch = NULL;
	list_each_safe (node, &b->entries)
		drop(container_of(node, struct entry, node));
	prober_close(&b->prober);
	direct_close(&b->direct);
	free(b);
}
