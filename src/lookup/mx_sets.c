/* SPDX-License-Identifier: BSD-2-Clause */
/* mx_sets.c - which MX hosts domains have, for strict_mx.
 *
 * A job is one domain's look-up and everybody who waits for it. It lives in the
 * map from its start until the look-up ends, whether or not anybody still
 * waits. */
#include "lookup/mx_sets.h"

#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/recent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	JOBS_MAX = 16384,
	/* A TTL counts as this at least: the smtp(8) processes of one delivery
	 * ask more than once. */
	TTL_MIN_S = 5,
	TTL_MAX_S = 86400,
	/* What failed is not tried again for so long, */
	RETRY_S = 30,
	/* and what was known before goes on for so long. */
	GRACE_S = 3600,
	REASON_MAX = 100,
};

struct mx_sets {
	struct mx_sets_options options;
	struct recent *known; /* struct item */
	struct map *jobs;
};

/* What is known of one domain. Its name, the hosts' names and, with a NUL, the
 * reason lie behind it. */
struct item {
	struct recent_node node;
	bool known;
	bool failing;      /* looking it up anew has failed */
	uint64_t until_ms; /* it answers until then, */
	uint64_t grace_ms; /* and, if nothing newer can be had, until then */
	size_t names_len;
	char text[];
};

struct job {
	struct map_node node;
	struct mx_sets *sets;
	struct domain domain;
	struct mx_hosts_query *query;
	struct list waiters;
};

struct mx_waiter {
	struct list node; /* in its job's list, while it waits */
	mx_waiter_callback *callback;
	void *arg;
	uv_timer_t timer;
};

/* -- the service ----------------------------------------------------------- */

int mx_sets_new(const struct mx_sets_options *options, struct mx_sets **ret,
                struct fault *why)
{
	struct mx_sets *sets = calloc(1, sizeof(*sets));

	if (!sets)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	sets->options = *options;
	sets->known = recent_new(options->max);
	sets->jobs = map_new();
	if (sets->known && sets->jobs) {
		*ret = sets;
		return MTS_OK;
	}
	recent_free(&sets->known);
	map_free(&sets->jobs);
	free(sets);
	return fault_set(why, MTS_ENOMEM, "out of memory");
}

static void free_waiter_handle(uv_handle_t *handle)
{
	free(handle->data);
}

/* The waiter's memory goes when libuv gives the timer back. */
static void drop_waiter(struct mx_waiter *waiter)
{
	list_remove(&waiter->node);
	uv_close((uv_handle_t *)&waiter->timer, free_waiter_handle);
}

static void free_job(struct job *job)
{
	map_remove(job->sets->jobs, &job->node);
	mx_hosts_cancel(&job->query);
	free(job);
}

static void close_job(struct map_node *node, void *arg)
{
	struct job *job = container_of(node, struct job, node);

	(void)arg;
	list_each_safe (w, &job->waiters)
		drop_waiter(container_of(w, struct mx_waiter, node));
	free_job(job);
}

void mx_sets_close(struct mx_sets **sets)
{
	if (!*sets)
		return;
	map_each((*sets)->jobs, close_job, NULL);
	map_free(&(*sets)->jobs);
	recent_free(&(*sets)->known);
	free(*sets);
	*sets = NULL;
}

/* -- what is known --------------------------------------------------------- */

static struct item *find_item(struct mx_sets *sets, const struct domain *domain)
{
	struct recent_node *node =
	    recent_use(sets->known, domain->name, domain->len);

	return node ? container_of(node, struct item, node) : NULL;
}

static void tell(const struct item *item, struct mx_hosts *ret)
{
	const char *names = item->text + item->node.node.key_len;

	*ret = (struct mx_hosts){
		.known = item->known,
		.names = slice_of(names, item->names_len),
		.reason = names + item->names_len,
	};
}

int mx_sets_get(struct mx_sets *sets, const struct domain *domain,
                struct mx_hosts *ret)
{
	struct item *item = find_item(sets, domain);

	if (!item || clock_mono_ms(sets->options.clock) >= item->until_ms)
		return MTS_EMORE;
	tell(item, ret);
	return MTS_OK;
}

void mx_sets_forget(struct mx_sets *sets, const struct domain *domain)
{
	(void)recent_remove(sets->known, domain->name, domain->len);
}

void mx_sets_forget_all(struct mx_sets *sets)
{
	recent_remove_all(sets->known);
}

/* -- what was learnt ------------------------------------------------------- */

static uint32_t bounded_s(const struct mx_hosts *result)
{
	if (!result->known)
		return RETRY_S;
	if (result->ttl_s < TTL_MIN_S)
		return TTL_MIN_S;
	return result->ttl_s > TTL_MAX_S ? TTL_MAX_S : result->ttl_s;
}

/* Without memory the next who asks looks it up again. */
static void put_item(struct mx_sets *sets, const struct domain *domain,
                     const struct mx_hosts *result, uint64_t until_ms)
{
	struct slice names = result->known ? result->names : slice_of("", 0);
	size_t size = sizeof(struct item) + domain->len + names.len;
	struct item *item = malloc(size + REASON_MAX);
	char *to;

	if (!item)
		return;
	*item = (struct item){ .known = result->known,
		               .failing = !result->known,
		               .until_ms = until_ms,
		               .grace_ms = until_ms,
		               .names_len = names.len };
	if (result->known)
		item->grace_ms += (uint64_t)GRACE_S * 1000;
	to = item->text;
	memcpy(to, domain->name, domain->len);
	memcpy(to + domain->len, names.data, names.len);
	snprintf(to + domain->len + names.len, REASON_MAX, "%s",
	         result->reason);
	item->node.node.key = item->text;
	item->node.node.key_len = domain->len;
	recent_put(sets->known, &item->node);
}

/* A failure takes nothing away that still counts. */
static void remember(struct mx_sets *sets, const struct domain *domain,
                     const struct mx_hosts *result)
{
	uint64_t now_ms = clock_mono_ms(sets->options.clock);
	uint64_t until_ms = now_ms + (uint64_t)bounded_s(result) * 1000;
	struct item *item = find_item(sets, domain);

	if (!result->known && !(item && item->failing))
		log_info("mx_unknown domain=%s reason=\"%s\"", domain->name,
		         result->reason);
	if (result->known || !item || !item->known ||
	    now_ms >= item->grace_ms) {
		put_item(sets, domain, result, until_ms);
		return;
	}
	item->failing = true;
	item->until_ms = until_ms < item->grace_ms ? until_ms : item->grace_ms;
}

/* -- jobs ------------------------------------------------------------------ */

/* The job is over: tells every waiter what counts now. Each may cancel others,
 * so take them one at a time. */
static void end_job(struct job *job, const struct mx_hosts *result)
{
	struct mx_sets *sets = job->sets;
	struct domain domain = job->domain;
	struct list waiters;
	struct list *first;

	list_init(&waiters);
	list_take(&waiters, &job->waiters);
	free_job(job);
	while ((first = list_first(&waiters))) {
		struct mx_waiter *waiter =
		    container_of(first, struct mx_waiter, node);
		mx_waiter_callback *callback = waiter->callback;
		struct mx_hosts counts;
		void *arg = waiter->arg;

		drop_waiter(waiter);
		if (mx_sets_get(sets, &domain, &counts) != MTS_OK)
			counts = *result;
		callback(arg, &counts);
	}
}

static void on_hosts(void *arg, const struct mx_hosts *result)
{
	struct job *job = arg;

	job->query = NULL; /* it ended by itself */
	remember(job->sets, &job->domain, result);
	end_job(job, result);
}

static int start_job(struct mx_sets *sets, const struct domain *domain,
                     struct job **ret)
{
	struct job *job;
	int rc;

	if (map_count(sets->jobs) >= JOBS_MAX)
		return MTS_EFULL;
	job = calloc(1, sizeof(*job));
	if (!job)
		return MTS_ENOMEM;
	job->sets = sets;
	job->domain = *domain;
	list_init(&job->waiters);
	rc = mx_hosts_start(sets->options.resolver, domain, on_hosts, job,
	                    &job->query);
	if (rc != MTS_OK) {
		free(job);
		return rc;
	}
	job->node.key = job->domain.name;
	job->node.key_len = domain->len;
	map_insert(sets->jobs, &job->node);
	*ret = job;
	return MTS_OK;
}

/* -- waiting --------------------------------------------------------------- */

static void on_timeout(uv_timer_t *timer)
{
	struct mx_waiter *waiter = timer->data;
	struct mx_hosts result = { .names = slice_of("", 0),
		                   .reason = "no answer in time" };
	mx_waiter_callback *callback = waiter->callback;
	void *arg = waiter->arg;

	drop_waiter(waiter);
	callback(arg, &result);
}

int mx_sets_wait(struct mx_sets *sets, const struct domain *domain,
                 uint64_t timeout_ms, mx_waiter_callback *callback, void *arg,
                 struct mx_waiter **ret)
{
	struct map_node *node = map_find(sets->jobs, domain->name, domain->len);
	struct mx_waiter *waiter = malloc(sizeof(*waiter));
	struct job *job = NULL;
	int rc = waiter ? MTS_OK : MTS_ENOMEM;

	if (node)
		job = container_of(node, struct job, node);
	else if (waiter)
		rc = start_job(sets, domain, &job);
	if (rc != MTS_OK) {
		free(waiter);
		return rc;
	}
	waiter->callback = callback;
	waiter->arg = arg;
	uv_timer_init(sets->options.loop, &waiter->timer);
	waiter->timer.data = waiter;
	uv_timer_start(&waiter->timer, on_timeout, timeout_ms, 0);
	list_append(&job->waiters, &waiter->node);
	*ret = waiter;
	return MTS_OK;
}

void mx_waiter_cancel(struct mx_waiter **waiter)
{
	if (!*waiter)
		return;
	drop_waiter(*waiter);
	*waiter = NULL;
}
