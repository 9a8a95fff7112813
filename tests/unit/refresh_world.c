/* SPDX-License-Identifier: BSD-2-Clause */
/* refresh_world.c - months in milliseconds. */
#include "refresh_world.h"

#include "base/log.h"
#include "folder.h"
#include "save.h"

#include <unistd.h>

enum { WAKES_MAX = 10000 };

int64_t world_wall_s;
uint64_t world_mono_ms;

static struct world *the_world;

/* -- discoveries that end as the sites say --------------------------------- */

struct discovery {
	struct discovery *next;
	discover_callback *callback;
	void *arg;
	unsigned n;
	bool despite;
	char known_id[RECORD_ID_MAX + 1];
};

static struct discovery *discoveries, **discoveries_end = &discoveries;

int discovery_start(const struct discover_options *options,
                    const struct domain *domain, const char *known_id,
                    discover_callback *callback, void *arg,
                    struct discovery **ret)
{
	struct discovery *discovery = calloc(1, sizeof(*discovery));
	struct world *w = the_world;

	discovery->callback = callback;
	discovery->arg = arg;
	discovery->despite = options->despite_record;
	assert_int_equal(sscanf(domain->name, "d%u.example", &discovery->n), 1);
	snprintf(discovery->known_id, sizeof(discovery->known_id), "%s",
	         known_id ? known_id : "");
	*discoveries_end = discovery;
	discoveries_end = &discovery->next;
	w->sites[discovery->n].discoveries++;
	w->sites[discovery->n].despite = discovery->despite;
	if (w->order_count < SITES * 2)
		w->order[w->order_count++] = discovery->n;
	if (++w->running > w->running_max)
		w->running_max = w->running;
	*ret = discovery;
	return MTS_OK;
}

static void take_out(struct discovery *discovery)
{
	struct discovery **at = &discoveries;

	while (*at != discovery)
		at = &(*at)->next;
	*at = discovery->next;
	if (discoveries_end == &discovery->next)
		discoveries_end = at;
	the_world->running--;
}

void discovery_cancel(struct discovery **discovery)
{
	if (!*discovery)
		return;
	take_out(*discovery);
	free(*discovery);
	*discovery = NULL;
}

const char *discover_outcome_text(enum discover_outcome outcome)
{
	(void)outcome;
	return "faked";
}

void fetcher_load(const struct fetcher *fetcher, size_t *running,
                  size_t *waiting)
{
	(void)fetcher;
	*running = 0;
	*waiting = the_world->waiting;
}

static enum discover_outcome outcome_of(const struct discovery *discovery,
                                        struct site *site)
{
	if (site->record == DISCOVER_POLICY &&
	    strcmp(discovery->known_id, site->id) == 0)
		return DISCOVER_UNCHANGED;
	if (site->record != DISCOVER_POLICY && !discovery->despite)
		return site->record;
	site->fetches++;
	site->fetched_s = world_wall_s;
	return site->fetch == FETCH_OK && !site->step ? DISCOVER_POLICY
	                                              : DISCOVER_FETCH_FAILED;
}

static void end_discovery(struct discovery *discovery)
{
	static const char mx[] = "mx1.example.org";
	struct site *site = &the_world->sites[discovery->n];
	struct policy policy = { .mode = site->mode,
		                 .max_age_s = site->max_age_s,
		                 .mx_count = 1,
		                 .mx = slice_of(mx, sizeof(mx)) };
	struct discover_step step = { .name = site->step ? site->step : "" };
	struct discover_result result = {
		.outcome = outcome_of(discovery, site),
		.record_ttl_s = site->ttl_s,
		.text = slice_str(site->text),
		.cause = site->fetch,
		.reason = "because",
		.record_outcome = site->record,
		.record_reason = "no valid record",
		.steps = &step,
		.step_count = 1,
	};

	if (result.outcome == DISCOVER_POLICY)
		result.policy = &policy;
	if (site->record == DISCOVER_POLICY)
		snprintf(result.record.id, sizeof(result.record.id), "%s",
		         site->id);
	take_out(discovery);
	discovery->callback(discovery->arg, &result);
	free(discovery);
}

void world_settle(struct world *w)
{
	while (discoveries && !w->hang)
		end_discovery(discoveries);
}

/* -- clocks ---------------------------------------------------------------- */

static int64_t get_wall_s(void *arg)
{
	(void)arg;
	return world_wall_s;
}

static uint64_t get_mono_ms(void *arg)
{
	(void)arg;
	return world_mono_ms;
}

static uint64_t never_asleep(void)
{
	return 0;
}

static const struct clock world_clock = { get_wall_s, get_mono_ms, NULL };

static void advance(uint64_t ms)
{
	uint64_t before = world_mono_ms / 1000;

	world_mono_ms += ms;
	world_wall_s += (int64_t)(world_mono_ms / 1000 - before);
}

/* -- the fixture ----------------------------------------------------------- */

static void open_all(struct world *w)
{
	struct cache_options cache = { .loop = &w->loop,
		                       .directory = w->directory,
		                       .max_size = 64 << 20,
		                       .clock = &w->smooth_clock.clock };
	struct refresher_options refresher = { .loop = &w->loop,
		                               .clock = &w->smooth_clock.clock,
		                               .concurrency = CONCURRENCY };
	struct fault why;

	smooth_clock_init(&w->smooth_clock, &world_clock, never_asleep);
	assert_int_equal(cache_open(&cache, &w->cache, &why), MTS_OK);
	w->absent = absent_new(100);
	assert_non_null(w->absent);
	w->options.loop = &w->loop;
	w->options.clock = &w->smooth_clock.clock;
	w->options.cache = w->cache;
	w->options.absent = w->absent;
	assert_int_equal(lookups_new(&w->options, &w->lookups, &why), MTS_OK);
	refresher.cache = w->cache;
	refresher.lookups = w->lookups;
	assert_int_equal(refresher_new(&refresher, &w->refresher, &why),
	                 MTS_OK);
}

static void close_all(struct world *w)
{
	w->timeout_ms = 0;
	refresher_close(&w->refresher);
	lookups_close(&w->lookups);
	cache_close(&w->cache);
	absent_free(&w->absent);
	uv_run(&w->loop, UV_RUN_DEFAULT);
}

void world_restart(struct world *w)
{
	close_all(w);
	open_all(w);
}

static void catch_log(struct world *w)
{
	FILE *file = tmpfile();

	assert_non_null(file);
	w->log_fd = dup(fileno(file));
	fclose(file);
	w->stderr_fd = dup(STDERR_FILENO);
	dup2(w->log_fd, STDERR_FILENO);
}

int world_setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	the_world = w;
	world_wall_s = START_S;
	world_mono_ms = 1000000;
	w->options = (struct lookups_options){
		.timeout_ms = 20000,
		.negative_min_ms = MINUTE * 1000,
		.negative_max_ms = HOUR * 1000,
		.retry_ms = 5 * MINUTE * 1000,
		.id_check_min_ms = MINUTE * 1000,
		.id_check_max_ms = DAY * 1000,
		.refresh_ms = DAY * 1000,
		.refresh_min_ms = 5 * MINUTE * 1000,
		.unused_after_ms = 30 * UINT64_C(1000) * DAY,
	};
	for (size_t i = 0; i < SITES; i++)
		w->sites[i] = (struct site){ .id = "a1",
			                     .text = "version: STSv1\n",
			                     .ttl_s = 300,
			                     .mode = POLICY_ENFORCE,
			                     .max_age_s = 7 * DAY };
	snprintf(w->directory, sizeof(w->directory), "/tmp/mtasts-test.XXXXXX");
	assert_non_null(mkdtemp(w->directory));
	assert_int_equal(uv_loop_init(&w->loop), 0);
	catch_log(w);
	open_all(w);
	*state = w;
	return 0;
}

int world_teardown(void **state)
{
	struct world *w = *state;

	dup2(w->stderr_fd, STDERR_FILENO);
	close(w->stderr_fd);
	close(w->log_fd);
	close_all(w);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	folder_remove(w->directory);
	free(w);
	return 0;
}

/* -- time passes ----------------------------------------------------------- */

static void find_timer(uv_handle_t *handle, void *arg)
{
	uv_timer_t **ret = arg;

	if (handle->type == UV_TIMER && handle->data == the_world->refresher)
		*ret = (uv_timer_t *)handle;
}

/* When the refresher wants to wake, on the world's monotonic clock; UINT64_MAX:
 * it does not. The timer counts real time, of which next to none passes: so what
 * counts is what it said when it was set. */
static uint64_t wakes_ms(struct world *w, uv_timer_t **ret)
{
	uint64_t ms;

	*ret = NULL;
	uv_walk(&w->loop, find_timer, ret);
	assert_non_null(*ret);
	if (!uv_is_active((uv_handle_t *)*ret))
		return UINT64_MAX;
	if ((*ret)->timeout == w->timeout_ms)
		return w->wake_ms;
	ms = uv_timer_get_due_in(*ret);
	w->timeout_ms = (*ret)->timeout;
	w->wake_ms = world_mono_ms + (ms + 99) / 100 * 100;
	return w->wake_ms;
}

/* The timer's callback comes now. */
static void wake(struct world *w, uv_timer_t *timer)
{
	assert_true(++w->wakes < WAKES_MAX); /* or it loops forever */
	uv_timer_set_repeat(timer, 1);
	assert_int_equal(uv_timer_again(timer), 0);
	uv_timer_set_repeat(timer, 0);
	usleep(2000);
	uv_run(&w->loop, UV_RUN_NOWAIT);
}

void world_pass(struct world *w, int64_t seconds)
{
	uint64_t end_ms = world_mono_ms + (uint64_t)seconds * 1000;
	uv_timer_t *timer;
	uint64_t ms;

	for (;;) {
		world_settle(w);
		ms = wakes_ms(w, &timer);
		if (ms > end_ms)
			break;
		advance(ms - world_mono_ms);
		wake(w, timer);
	}
	advance(end_ms - world_mono_ms);
}

unsigned world_pass_asking(struct world *w, unsigned n, int64_t seconds,
                           int64_t step_s)
{
	unsigned good = 0;

	for (int64_t i = 0; i < seconds; i += step_s) {
		world_pass(w, step_s);
		good += world_ask(w, n);
	}
	return good;
}

/* -- asking ---------------------------------------------------------------- */

struct domain world_domain(unsigned n)
{
	struct domain domain;

	domain.len = (size_t)snprintf(domain.name, sizeof(domain.name),
	                              "d%u.example", n);
	return domain;
}

static void on_lookup(void *arg, const struct lookup_result *result)
{
	*(int *)arg = result->has_policy;
}

bool world_ask(struct world *w, unsigned n)
{
	struct domain domain = world_domain(n);
	struct lookup_result result;
	struct lookup_waiter waiter;
	int has = -1;

	save_to_disk(&w->loop, w->cache, &domain);
	if (lookups_try(w->lookups, &domain, &result) == MTS_OK) {
		has = result.has_policy;
		world_settle(w);
		return has;
	}
	assert_int_equal(
	    lookups_wait(w->lookups, &domain, 0, on_lookup, &has, &waiter),
	    MTS_OK);
	world_settle(w);
	uv_run(&w->loop, UV_RUN_NOWAIT); /* the waiter's timer goes */
	assert_int_not_equal(has, -1);
	return has;
}

bool world_get(struct world *w, unsigned n, struct cache_entry *ret)
{
	struct domain domain = world_domain(n);

	return cache_get(w->cache, &domain, ret) == MTS_OK;
}

unsigned world_logged(struct world *w, const char *text)
{
	ssize_t n = pread(w->log_fd, w->log, sizeof(w->log) - 1, 0);
	unsigned count = 0;

	assert_true(n >= 0);
	w->log[n] = '\0';
	for (const char *at = w->log; (at = strstr(at, text)); at++)
		count++;
	return count;
}
