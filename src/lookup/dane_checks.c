/* SPDX-License-Identifier: BSD-2-Clause */
/* dane_checks.c - how it is learnt whether DANE applies to a next hop.
 *
 * A job is one hop's walk and everybody who waits for it. It lives in the map
 * from the moment it is started until the walk ends, whether or not anybody
 * still waits. What the walk found is stored by dane_known.c before the waiters
 * are called. */
#include "lookup/dane_checks.h"

#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/shortage.h"

#include <stdlib.h>

enum {
	/* Walks under way, those that nobody waits for included. */
	JOBS_MAX = 16384,
	/* How often it is looked whether the resolver's test has ended. */
	TEST_PAUSE_MS = 50,
};

struct dane_checks {
	struct dane_checks_options options;
	struct dane_rules rules;
	struct map *jobs;
	struct list untested; /* jobs in state JOB_UNTESTED */
	uv_timer_t *timer;    /* runs while there are any */
	struct dane_counts counts;
};

enum job_state {
	JOB_UNTESTED, /* it is not known yet whether there is DNSSEC data to be
	               * had; leaves by on_test */
	JOB_WALKING,  /* leaves by on_walk */
};

struct job {
	struct map_node node;
	struct dane_checks *walks;
	struct domain_hop hop;
	char key[DOMAIN_HOP_KEY];
	enum job_state state;
	struct list untested; /* UNTESTED: in the service's list */
	struct dane_check *walk;
	struct list waiters;
};

struct dane_waiter {
	struct list node; /* in its job's list, while it waits */
	struct dane_checks *walks;
	dane_waiter_callback *callback;
	void *arg;
	uv_timer_t timer;
};

/* -- the service ----------------------------------------------------------- */

int dane_checks_new(const struct dane_checks_options *options,
                    struct dane_checks **ret, struct fault *why)
{
	struct dane_checks *walks = calloc(1, sizeof(*walks));

	if (!walks)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	walks->jobs = map_new();
	walks->timer = malloc(sizeof(*walks->timer));
	if (!walks->jobs || !walks->timer) {
		map_free(&walks->jobs);
		free(walks->timer);
		free(walks);
		return fault_set(why, MTS_ENOMEM, "out of memory");
	}
	walks->options = *options;
	list_init(&walks->untested);
	uv_timer_init(options->loop, walks->timer);
	walks->timer->data = walks;
	walks->rules = (struct dane_rules){ .clock = options->clock,
		                            .cache = options->cache,
		                            .states = options->states };
	*ret = walks;
	return MTS_OK;
}

static void free_waiter_handle(uv_handle_t *handle)
{
	free(handle->data);
}

/* The waiter's memory goes when libuv gives the timer back. */
static void drop_waiter(struct dane_waiter *waiter)
{
	list_remove(&waiter->node);
	waiter->walks->counts.waiting--;
	uv_close((uv_handle_t *)&waiter->timer, free_waiter_handle);
}

static void free_job(struct job *job)
{
	map_remove(job->walks->jobs, &job->node);
	list_remove(&job->untested);
	job->walks->counts.under_way--;
	dane_cancel(&job->walk);
	free(job);
}

static void close_job(struct map_node *node, void *arg)
{
	struct job *job = container_of(node, struct job, node);

	(void)arg;
	list_each_safe (w, &job->waiters)
		drop_waiter(container_of(w, struct dane_waiter, node));
	free_job(job);
}

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

void dane_checks_close(struct dane_checks **walks)
{
	if (!*walks)
		return;
	map_each((*walks)->jobs, close_job, NULL);
	map_free(&(*walks)->jobs);
	uv_close((uv_handle_t *)(*walks)->timer, free_handle);
	free(*walks);
	*walks = NULL;
}

void dane_checks_set_always(struct dane_checks *walks, bool always)
{
	walks->options.always = always;
}

enum dane_reach dane_checks_reach(const struct dane_checks *walks)
{
	enum secure_dns_health health = secure_dns_health(walks->options.dns);

	if (walks->options.always || health == SECURE_DNS_GOOD ||
	    health == SECURE_DNS_UNTESTED)
		return DANE_REACH_ON;
	return health == SECURE_DNS_DEAD ? DANE_REACH_CUT_OFF : DANE_REACH_OFF;
}

void dane_checks_get_counts(const struct dane_checks *walks,
                            struct dane_counts *ret)
{
	*ret = walks->counts;
	ret->known = dane_states_count(walks->options.states);
}

/* -- what is known --------------------------------------------------------- */

enum dane_age dane_checks_get(struct dane_checks *walks,
                              const struct domain_hop *hop,
                              const struct cache_entry *entry,
                              struct dane_known *ret)
{
	return dane_known_get(&walks->rules, hop, entry, ret);
}

bool dane_checks_forget(struct dane_checks *walks, const struct domain_hop *hop)
{
	return dane_states_remove(walks->options.states, hop);
}

void dane_checks_forget_all(struct dane_checks *walks)
{
	dane_states_remove_all(walks->options.states);
}

/* Where the resolver is to blame for a failure, that is not the domain's
 * state. */
void dane_checks_keep(struct dane_checks *walks, const struct domain_hop *hop,
                      const struct dane_result *result)
{
	if (result->state != DANE_UNKNOWABLE ||
	    dane_checks_reach(walks) == DANE_REACH_ON)
		dane_known_put(&walks->rules, hop, result);
}

/* -- jobs ------------------------------------------------------------------ */

static struct job *find_job(struct dane_checks *walks,
                            const struct domain_hop *hop)
{
	char key[DOMAIN_HOP_KEY];
	size_t len = domain_hop_key(hop, key);
	struct map_node *node = map_find(walks->jobs, key, len);

	return node ? container_of(node, struct job, node) : NULL;
}

/* The job is over: tells every waiter. Each may cancel others, so take them one
 * at a time. */
static void end_job(struct job *job, const struct dane_result *result)
{
	struct list waiters;
	struct list *first;

	list_init(&waiters);
	list_take(&waiters, &job->waiters);
	free_job(job);
	while ((first = list_first(&waiters))) {
		struct dane_waiter *waiter =
		    container_of(first, struct dane_waiter, node);
		dane_waiter_callback *callback = waiter->callback;
		void *arg = waiter->arg;

		drop_waiter(waiter);
		callback(arg, result);
	}
}

static void on_walk(void *arg, const struct dane_result *result)
{
	struct job *job = arg;

	job->walk = NULL; /* it ended by itself */
	job->walks->counts.walks++;
	job->walks->counts.by_state[result->state]++;
	job->walks->counts.unknowable += result->state == DANE_UNKNOWABLE;
	if (result->short_of_memory &&
	    shortage_may_warn(clock_mono_ms(job->walks->rules.clock)))
		log_warning("memory_refused domain=%s reason=\"%s\"",
		            job->hop.domain.name, result->reason);
	if (result->state == DANE_UNKNOWABLE)
		top_note_failure(job->walks->options.top,
		                 domain_slice(&job->hop.domain),
		                 dane_state_text(result->state));
	dane_checks_keep(job->walks, &job->hop, result);
	end_job(job, result);
}

static int walk(struct job *job)
{
	job->state = JOB_WALKING;
	return dane_start(job->walks->options.dns, &job->hop, on_walk, job,
	                  &job->walk);
}

static bool is_untested(const struct dane_checks *walks)
{
	return !walks->options.always &&
	       secure_dns_health(walks->options.dns) == SECURE_DNS_UNTESTED;
}

/* Now it is known whether there is DNSSEC data: begin what waits for that. */
static void on_test(uv_timer_t *timer)
{
	struct dane_checks *walks = timer->data;

	if (is_untested(walks))
		return;
	uv_timer_stop(timer);
	/* Nobody joins the list any more, and none but this leaves it. */
	list_each_safe (node, &walks->untested) {
		struct job *job = container_of(node, struct job, untested);

		list_remove(&job->untested);
		if (dane_checks_reach(walks) != DANE_REACH_ON ||
		    walk(job) != MTS_OK)
			end_job(job, NULL);
	}
}

static int begin(struct job *job)
{
	struct dane_checks *walks = job->walks;

	if (!is_untested(walks))
		return walk(job);
	job->state = JOB_UNTESTED;
	list_append(&walks->untested, &job->untested);
	if (!uv_is_active((uv_handle_t *)walks->timer))
		uv_timer_start(walks->timer, on_test, TEST_PAUSE_MS,
		               TEST_PAUSE_MS);
	return MTS_OK;
}

static int start_job(struct dane_checks *walks, const struct domain_hop *hop,
                     struct job **ret)
{
	struct job *job;
	int rc;

	if (map_count(walks->jobs) >= JOBS_MAX)
		return MTS_EFULL;
	job = calloc(1, sizeof(*job));
	if (!job)
		return MTS_ENOMEM;
	job->walks = walks;
	job->hop = *hop;
	list_init(&job->waiters);
	list_init(&job->untested);
	rc = begin(job);
	if (rc != MTS_OK) {
		free(job);
		return rc;
	}
	job->node.key = job->key;
	job->node.key_len = domain_hop_key(hop, job->key);
	map_insert(walks->jobs, &job->node);
	walks->counts.under_way++;
	*ret = job;
	return MTS_OK;
}

void dane_checks_learn(struct dane_checks *walks, const struct domain_hop *hop)
{
	struct job *job;

	if (!find_job(walks, hop))
		(void)start_job(walks, hop, &job);
}

/* -- waiting --------------------------------------------------------------- */

static void on_waiter_timeout(uv_timer_t *timer)
{
	struct dane_waiter *waiter = timer->data;
	dane_waiter_callback *callback = waiter->callback;
	void *arg = waiter->arg;

	waiter->walks->counts.timed_out++;
	drop_waiter(waiter);
	callback(arg, NULL);
}

int dane_checks_wait(struct dane_checks *walks, const struct domain_hop *hop,
                     uint64_t timeout_ms, dane_waiter_callback *callback,
                     void *arg, struct dane_waiter **ret)
{
	struct job *job = find_job(walks, hop);
	struct dane_waiter *waiter;
	int rc = MTS_OK;

	if (job)
		walks->counts.joined++;
	else
		rc = start_job(walks, hop, &job);
	if (rc != MTS_OK)
		return rc;
	waiter = calloc(1, sizeof(*waiter));
	if (!waiter) /* without its waiter the walk goes on all the same */
		return MTS_ENOMEM;
	waiter->walks = walks;
	waiter->callback = callback;
	waiter->arg = arg;
	uv_timer_init(walks->options.loop, &waiter->timer);
	waiter->timer.data = waiter;
	uv_timer_start(&waiter->timer, on_waiter_timeout, timeout_ms, 0);
	list_append(&job->waiters, &waiter->node);
	walks->counts.waiting++;
	*ret = waiter;
	return MTS_OK;
}

void dane_waiter_cancel(struct dane_waiter **waiter)
{
	if (!*waiter)
		return;
	drop_waiter(*waiter);
	*waiter = NULL;
}
