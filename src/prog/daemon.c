/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon.c - mtastsd's parts: opened one after the other, and closed. */
#include "prog/daemon.h"

#include "base/clock.h"
#include "base/log.h"
#include "cache/absent.h"
#include "config.h"
#include "prog/daemon_internal.h"

#include <stdlib.h>

enum { GIVE_BACK_MS = 60 * 1000 };

/* -- one part each --------------------------------------------------------- */

static void on_turn(uv_prepare_t *work_item)
{
	struct daemon *daemon = work_item->data;

	smooth_clock_tick(&daemon->smooth_clock);
	give_back_turn(daemon->give_back);
}

static int open_turn(struct daemon *daemon, struct fault *why)
{
	smooth_clock_init(&daemon->smooth_clock, &clock_system,
	                  clock_asleep_ms);
	daemon->work_item = malloc(sizeof(*daemon->work_item));
	if (!daemon->work_item)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	uv_prepare_init(daemon->options.loop, daemon->work_item);
	uv_unref((uv_handle_t *)daemon->work_item);
	daemon->work_item->data = daemon;
	if (give_back_open(daemon->options.loop, GIVE_BACK_MS,
	                   &daemon->give_back) != MTS_OK)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	uv_prepare_start(daemon->work_item, on_turn);
	return MTS_OK;
}

static void on_turn_closed(uv_handle_t *work_item)
{
	free(work_item);
}

static int open_top(struct daemon *daemon, struct fault *why)
{
	daemon->started_s = clock_wall_s(&clock_system);
	daemon->top = top_new(&daemon->smooth_clock.clock);
	return daemon->top ? MTS_OK
	                   : fault_set(why, MTS_ENOMEM, "out of memory");
}

static int open_cache(struct daemon *daemon, struct fault *why)
{
	struct cache_options options = {
		.loop = daemon->options.loop,
		.directory = daemon->conf->cache.directory,
		.max_size = daemon->conf->cache.max_size,
		.clock = &daemon->smooth_clock.clock,
	};
	int rc = cache_open(&options, &daemon->cache, why);

	if (rc != MTS_OK)
		return rc;
	daemon->absent = absent_new(ABSENT_MAX);
	if (!daemon->absent)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	return MTS_OK;
}

static int open_resolver(struct daemon *daemon, struct fault *why)
{
	struct resolver_options options =
	    settings_resolver(daemon, daemon->conf);

	return resolver_new(&options, &daemon->resolver, why);
}

static int open_fetcher(struct daemon *daemon, struct fault *why)
{
	struct fetcher_options options = settings_fetcher(daemon, daemon->conf);

	return fetcher_new(&options, &daemon->fetcher, why);
}

static int open_lookups(struct daemon *daemon, struct fault *why)
{
	struct lookups_options options = settings_lookups(daemon, daemon->conf);

	return lookups_new(&options, &daemon->lookups, why);
}

/* Nobody else asks for DNSSEC. */
int daemon_open_dane(struct daemon *daemon, const struct conf *conf,
                     struct fault *why)
{
	struct secure_dns_options dns = settings_secure_dns(daemon, conf);
	struct dane_checks_options walks;
	int rc;

	if (conf->dane == CONF_DANE_OFF || daemon->walks)
		return MTS_OK;
	rc = secure_dns_new(&dns, &daemon->secure_dns, why);
	if (rc != MTS_OK)
		return rc;
	daemon->dane_states = dane_states_new(DANE_STATES_MAX);
	if (!daemon->dane_states)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	walks = settings_walks(daemon, conf);
	return dane_checks_new(&walks, &daemon->walks, why);
}

void daemon_close_dane(struct daemon *daemon)
{
	dane_checks_close(&daemon->walks);
	dane_states_free(&daemon->dane_states);
	secure_dns_close(&daemon->secure_dns);
}

static int open_dane(struct daemon *daemon, struct fault *why)
{
	return daemon_open_dane(daemon, daemon->conf, why);
}

static int open_mx_sets(struct daemon *daemon, struct fault *why)
{
	struct mx_sets_options options = {
		.loop = daemon->options.loop,
		.clock = &daemon->smooth_clock.clock,
		.resolver = daemon->resolver,
		.max = MX_SETS_MAX,
	};

	return mx_sets_new(&options, &daemon->mx_sets, why);
}

static int open_ask(struct daemon *daemon, struct fault *why)
{
	struct ask_options options = settings_ask(daemon, daemon->conf);

	return ask_new(&options, &daemon->ask, why);
}

static int open_refresher(struct daemon *daemon, struct fault *why)
{
	struct refresher_options options = {
		.loop = daemon->options.loop,
		.clock = &daemon->smooth_clock.clock,
		.cache = daemon->cache,
		.lookups = daemon->lookups,
		.fetcher = daemon->fetcher,
		.concurrency = daemon->conf->fetch.concurrency,
	};

	return refresher_new(&options, &daemon->refresher, why);
}

static int open_server(struct daemon *daemon, struct fault *why)
{
	struct server_options options = {
		.loop = daemon->options.loop,
		.clock = &daemon->smooth_clock.clock,
		.ask = daemon->ask,
		.top = daemon->top,
	};
	struct server_setup setup;
	int rc = server_new(&options, &daemon->server, why);

	if (rc != MTS_OK)
		return rc;
	rc = listening_open(daemon->conf, &daemon->listening, why);
	if (rc != MTS_OK)
		return rc;
	setup = listening_setup(&daemon->listening, daemon->conf,
	                        daemon->options.ready);
	rc = server_prepare(daemon->server, &setup, why);
	server_settle(daemon->server, rc == MTS_OK);
	return rc;
}

static int open_control(struct daemon *daemon, struct fault *why)
{
	struct control_options options =
	    settings_control(daemon, daemon->conf, &daemon->listening);

	daemon->sources = settings_sources(daemon, daemon->conf);
	return control_open(&options, &daemon->control, why);
}

static int open_stats(struct daemon *daemon, struct fault *why)
{
	struct stats_options options = settings_stats(daemon, daemon->conf);

	return stats_open(&options, &daemon->stats, why);
}

/* -- the whole ------------------------------------------------------------- */

int daemon_open(const struct daemon_options *options, struct daemon **ret,
                struct fault *why)
{
	static int (*const parts[])(struct daemon *, struct fault *) = {
		open_turn,    open_top,       open_cache,  open_resolver,
		open_fetcher, open_lookups,   open_dane,   open_mx_sets,
		open_ask,     open_refresher, open_server, open_control,
		open_stats,
	};
	struct daemon *daemon = calloc(1, sizeof(*daemon));
	int rc = MTS_OK;

	if (!daemon)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	daemon->options = *options;
	daemon->conf = options->conf;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		rc = parts[i](daemon, why);
		if (rc != MTS_OK)
			break;
	}
	if (rc != MTS_OK)
		daemon_close(&daemon);
	else
		*ret = daemon;
	activation_close_unused(options->ready);
	return rc;
}

void daemon_close(struct daemon **daemon)
{
	struct daemon *d = *daemon;

	if (!d)
		return;
	stats_close(&d->stats);
	control_close(&d->control);
	server_close(&d->server);
	listening_close(&d->listening);
	ask_close(&d->ask);
	mx_sets_close(&d->mx_sets);
	refresher_close(&d->refresher);
	lookups_close(&d->lookups);
	daemon_close_dane(d);
	fetcher_close(&d->fetcher);
	resolver_close(&d->resolver);
	cache_close(&d->cache);
	absent_free(&d->absent);
	top_free(&d->top);
	if (d->work_item)
		uv_close((uv_handle_t *)d->work_item, on_turn_closed);
	give_back_close(&d->give_back);
	conf_free(&d->reloaded);
	free(d);
	*daemon = NULL;
}

void daemon_open_log(const struct conf *conf, bool debug, bool background)
{
	log_open("mtastsd", background ? LOG_TARGET_SYSLOG : conf->log.target,
	         debug ? LOG_LEVEL_DEBUG : conf->log.level);
}

size_t daemon_listener_count(const struct daemon *daemon)
{
	return daemon->listening.count;
}

void daemon_log_ready(const struct daemon *daemon)
{
	struct cache_stats stats;

	for (size_t i = 0; i < daemon->listening.count; i++)
		log_info("listening on=\"%s\"", daemon->listening.texts[i]);
	cache_get_stats(daemon->cache, &stats);
	log_info("ready version=%s policies=%llu dns=\"%s\" control=%s",
	         PACKAGE_VERSION, (unsigned long long)stats.policies,
	         resolver_servers(daemon->resolver), daemon->conf->control);
}
