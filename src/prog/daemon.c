/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon.c - mtastsd's modules: opened in order, reconfigured, closed.
 *
 * The first part translates the configuration into each module's options. The
 * second opens the modules, one after the other. The third is the reload: everything
 * that can fail (files are read, sockets opened) is prepared before anything is
 * changed; then it is put in force, which can't fail, or taken back. A reload
 * happens within one iteration of the loop, so no client sees it half done. */
#include "prog/daemon.h"

#include "base/clock.h"
#include "base/log.h"
#include "cache/absent.h"
#include "cache/cache.h"
#include "config.h"
#include "control/control.h"
#include "dns/resolver.h"
#include "dnssec/secure_dns.h"
#include "https/fetch.h"
#include "lookup/ask.h"
#include "lookup/dane_checks.h"
#include "lookup/lookup.h"
#include "lookup/mx_sets.h"
#include "lookup/refresher.h"
#include "prog/fd_budget.h"
#include "prog/give_back.h"
#include "prog/listening.h"
#include "prog/notify.h"
#include "serve/server.h"
#include "stats/stats.h"

#include <stdlib.h>

enum { GIVE_BACK_MS = 60 * 1000 };

struct daemon {
	struct daemon_options options;
	const struct conf *conf;          /* the one in force */
	struct conf *reloaded;            /* the same, if it came by a reload */
	struct control_reload last;       /* the result of the last reload */
	struct smooth_clock smooth_clock; /* the clock of everything below */
	struct give_back *give_back;
	uv_prepare_t *prepare; /* calls these two before the loop waits */
	struct cache *cache;
	struct absent *absent;
	struct resolver *resolver;
	struct secure_dns *secure_dns; /* NULL: dane was off so far */
	struct fetcher *fetcher;
	struct lookups *lookups;
	struct dane_table *dane_table;
	struct dane_checks *dane_checks; /* NULL: dane was off so far */
	struct mx_sets *mx_sets;
	struct ask *ask;
	struct refresher *refresher;
	struct listening listening;
	struct server *server;
	struct control *control;
	struct top *top;
	int64_t started_s;
	struct metrics_sources sources; /* what the metrics are read from */
	struct stats *stats;
};

/* -- the configuration, module by module ----------------------------------- */

static struct resolver_options settings_resolver(const struct daemon *daemon,
                                                 const struct conf *conf)
{
	return (struct resolver_options){
		.loop = daemon->options.loop,
		.servers = (const char *const *)conf->dns.servers,
		.server_count = conf->dns.server_count,
		.resolv_conf = "/etc/resolv.conf",
		.timeout_ms = conf->dns.timeout_ms,
		.questions_max = fd_budget_of(conf).questions,
	};
}

static struct secure_dns_options settings_secure_dns(
    const struct daemon *daemon, const struct conf *conf)
{
	static const enum secure_dns_mode modes[] = {
		[CONF_DNSSEC_AUTO] = SECURE_DNS_AUTO,
		[CONF_DNSSEC_VALIDATE] = SECURE_DNS_VALIDATE,
		[CONF_DNSSEC_TRUST_AD] = SECURE_DNS_TRUST_AD,
		[CONF_DNSSEC_OFF] = SECURE_DNS_OFF,
	};

	return (struct secure_dns_options){
		.loop = daemon->options.loop,
		.resolver = daemon->resolver,
		.mode = modes[conf->dns.dnssec],
		.trust_anchor = conf->dns.trust_anchor,
		.timeout_ms = conf->dns.timeout_ms,
		.clock = &clock_system,
	};
}

static struct fetcher_options settings_fetcher(const struct daemon *daemon,
                                               const struct conf *conf)
{
	return (struct fetcher_options){
		.loop = daemon->options.loop,
		.ca_file = conf->fetch.ca_file,
		.timeout_ms = conf->fetch.timeout_ms,
		.max_size = conf->fetch.max_size,
		.concurrency = conf->fetch.concurrency,
		.slow = fd_budget_of(conf).slow,
	};
}

static struct lookups_options settings_lookups(const struct daemon *daemon,
                                               const struct conf *conf)
{
	return (struct lookups_options){
		.loop = daemon->options.loop,
		.clock = &daemon->smooth_clock.clock,
		.cache = daemon->cache,
		.absent = daemon->absent,
		.resolver = daemon->resolver,
		.fetcher = daemon->fetcher,
		.top = daemon->top,
		.allow_private_addresses = conf->fetch.allow_private_addresses,
		.timeout_ms = conf->lookup.timeout_ms,
		.negative_min_ms = conf->lookup.negative_min_ms,
		.negative_max_ms = conf->lookup.negative_max_ms,
		.retry_ms = conf->fetch.retry_ms,
		.id_check_min_ms = conf->refresh.id_check_min_ms,
		.id_check_max_ms = conf->refresh.id_check_max_ms,
		.refresh_ms = conf->refresh.interval_ms,
		.refresh_min_ms = conf->refresh.min_interval_ms,
		.unused_after_ms = conf->cache.unused_after_ms,
	};
}

static enum ask_dane dane_mode(const struct conf *conf)
{
	switch (conf->dane) {
	case CONF_DANE_AUTO:
		return ASK_DANE_AUTO;
	case CONF_DANE_ON:
		return ASK_DANE_ON;
	case CONF_DANE_PRECEDENCE:
		return ASK_DANE_PRECEDENCE;
	case CONF_DANE_OFF:
		break;
	}
	return ASK_DANE_OFF;
}

static struct dane_checks_options settings_dane_checks(
    const struct daemon *daemon, const struct conf *conf)
{
	return (struct dane_checks_options){
		.loop = daemon->options.loop,
		.table = daemon->dane_table,
		.dns = daemon->secure_dns,
		.top = daemon->top,
		.always = conf->dane == CONF_DANE_ON,
	};
}

static struct ask_options settings_ask(const struct daemon *daemon,
                                       const struct conf *conf)
{
	return (struct ask_options){
		.clock = &daemon->smooth_clock.clock,
		.lookups = daemon->lookups,
		.dane_table = daemon->dane_table,
		.dane_checks = daemon->dane_checks,
		.mx_sets = daemon->mx_sets,
		.overrides =
		    overrides_count(conf->domains) ? conf->domains : NULL,
		.dane = dane_mode(conf),
		.leave_dane = conf->dane_answer == CONF_DANE_ANSWER_NONE,
		.timeout_ms = conf->lookup.timeout_ms,
	};
}

static struct stats_options settings_stats(const struct daemon *daemon,
                                           const struct conf *conf)
{
	return (struct stats_options){
		.loop = daemon->options.loop,
		.address = conf->stats,
		.ready = daemon->options.ready,
		.sources = &daemon->sources,
	};
}

static struct metrics_sources settings_sources(const struct daemon *daemon,
                                               const struct conf *conf)
{
	bool dane = conf->dane != CONF_DANE_OFF;

	return (struct metrics_sources){
		.clock = &daemon->smooth_clock.clock,
		.server = daemon->server,
		.lookups = daemon->lookups,
		.dane_checks = dane ? daemon->dane_checks : NULL,
		.dns = dane ? daemon->secure_dns : NULL,
		.refresher = daemon->refresher,
		.cache = daemon->cache,
		.absent = daemon->absent,
		.resolver = daemon->resolver,
		.fetcher = daemon->fetcher,
		.started_s = daemon->started_s,
	};
}

static void daemon_count_clients(void *arg, struct control_clients *ret)
{
	struct daemon *daemon = arg;
	struct server_counts counts;

	server_get_counts(daemon->server, &counts);
	*ret = (struct control_clients){ .now = counts.clients,
		                         .most = counts.max_clients,
		                         .total = counts.accepted,
		                         .refused = counts.refused };
}

static const struct control_reload *daemon_on_reload(void *arg, const char *who)
{
	return daemon_reload(arg, who);
}

static struct control_options settings_control(
    struct daemon *daemon, const struct conf *conf,
    const struct listening *listening)
{
	bool dane = conf->dane != CONF_DANE_OFF;

	return (struct control_options){
		.loop = daemon->options.loop,
		.clock = &daemon->smooth_clock.clock,
		.address = conf->control,
		.users = (const char *const *)conf->control_users,
		.user_count = conf->control_user_count,
		.group = conf->control_group,
		.ready = daemon->options.ready,
		.version = PACKAGE_VERSION,
		.config = daemon->options.config_path,
		.ask = daemon->ask,
		.lookups = daemon->lookups,
		.dane_table = dane ? daemon->dane_table : NULL,
		.dane_checks = dane ? daemon->dane_checks : NULL,
		.mx_sets = daemon->mx_sets,
		.dns = dane ? daemon->secure_dns : NULL,
		.dane = dane_mode(conf),
		.overrides = conf->domains,
		.refresher = daemon->refresher,
		.cache = daemon->cache,
		.absent = daemon->absent,
		.resolver = daemon->resolver,
		.fetcher = daemon->fetcher,
		.listeners = (const char *const *)listening->texts,
		.listener_count = listening->count,
		.how = listening_manner(conf),
		.sources = &daemon->sources,
		.top = daemon->top,
		.count_clients = daemon_count_clients,
		.reload = daemon_on_reload,
		.last_reload = &daemon->last,
		.arg = daemon,
	};
}

/* -- opening, module by module --------------------------------------------- */

/* Once in each iteration of the loop, before it waits for events. */
static void daemon_on_prepare(uv_prepare_t *prepare)
{
	struct daemon *daemon = prepare->data;

	smooth_clock_tick(&daemon->smooth_clock);
	give_back_tick(daemon->give_back);
}

static int open_clock(struct daemon *daemon, struct fault *why)
{
	smooth_clock_init(&daemon->smooth_clock, &clock_system,
	                  clock_asleep_ms);
	daemon->prepare = malloc(sizeof(*daemon->prepare));
	if (!daemon->prepare)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	uv_prepare_init(daemon->options.loop, daemon->prepare);
	uv_unref((uv_handle_t *)daemon->prepare);
	daemon->prepare->data = daemon;
	if (give_back_open(daemon->options.loop, GIVE_BACK_MS,
	                   &daemon->give_back) != MTS_OK)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	uv_prepare_start(daemon->prepare, daemon_on_prepare);
	return MTS_OK;
}

static void daemon_on_prepare_closed(uv_handle_t *prepare)
{
	free(prepare);
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

/* Opens what DANE needs, unless CONF turns DANE off or it is open already. Only DANE
 * asks for DNSSEC. */
static int daemon_open_dane(struct daemon *daemon, const struct conf *conf,
                            struct fault *why)
{
	struct secure_dns_options dns = settings_secure_dns(daemon, conf);
	struct dane_checks_options checks;
	int rc;

	if (conf->dane == CONF_DANE_OFF || daemon->dane_checks)
		return MTS_OK;
	rc = secure_dns_new(&dns, &daemon->secure_dns, why);
	if (rc != MTS_OK)
		return rc;
	daemon->dane_table = dane_table_new(&daemon->smooth_clock.clock,
	                                    daemon->cache, DANE_TABLE_MAX);
	if (!daemon->dane_table)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	checks = settings_dane_checks(daemon, conf);
	return dane_checks_new(&checks, &daemon->dane_checks, why);
}

static void daemon_close_dane(struct daemon *daemon)
{
	dane_checks_close(&daemon->dane_checks);
	dane_table_free(&daemon->dane_table);
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

/* -- open and close -------------------------------------------------------- */

int daemon_open(const struct daemon_options *options, struct daemon **ret,
                struct fault *why)
{
	static int (*const steps[])(struct daemon *, struct fault *) = {
		open_clock,   open_top,       open_cache,  open_resolver,
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
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		rc = steps[i](daemon, why);
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
	if (d->prepare)
		uv_close((uv_handle_t *)d->prepare, daemon_on_prepare_closed);
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

/* -- reload ---------------------------------------------------------------- */

/* The new configuration, and what was prepared from it. */
struct reload {
	struct conf *conf;
	struct listening listening;
	struct server_setup setup;
	struct control_options control;
	struct stats_options stats;
	bool new_dane; /* DANE was opened for it */
};

static int reload_prepare_dns(struct daemon *daemon, struct reload *reload,
                              struct fault *why)
{
	struct resolver_options options =
	    settings_resolver(daemon, reload->conf);

	return resolver_prepare(daemon->resolver, &options, why);
}

/* If DANE is turned off, what it needs stays open: it may be turned on again. */
static int reload_prepare_dane(struct daemon *daemon, struct reload *reload,
                               struct fault *why)
{
	struct secure_dns_options options =
	    settings_secure_dns(daemon, reload->conf);

	if (reload->conf->dane == CONF_DANE_OFF)
		return MTS_OK;
	if (daemon->secure_dns)
		return secure_dns_prepare(daemon->secure_dns, &options, why);
	reload->new_dane = true;
	return daemon_open_dane(daemon, reload->conf, why);
}

static int reload_prepare_fetcher(struct daemon *daemon, struct reload *reload,
                                  struct fault *why)
{
	struct fetcher_options options = settings_fetcher(daemon, reload->conf);

	return fetcher_prepare(daemon->fetcher, &options, why);
}

static int reload_prepare_server(struct daemon *daemon, struct reload *reload,
                                 struct fault *why)
{
	int rc = listening_open(reload->conf, &reload->listening, why);

	if (rc != MTS_OK)
		return rc;
	reload->setup = listening_setup(&reload->listening, reload->conf,
	                                daemon->options.ready);
	return server_prepare(daemon->server, &reload->setup, why);
}

static int reload_prepare_control(struct daemon *daemon, struct reload *reload,
                                  struct fault *why)
{
	reload->control =
	    settings_control(daemon, reload->conf, &reload->listening);
	return control_prepare(daemon->control, &reload->control, why);
}

static int reload_prepare_stats(struct daemon *daemon, struct reload *reload,
                                struct fault *why)
{
	reload->stats = settings_stats(daemon, reload->conf);
	return stats_prepare(daemon->stats, &reload->stats, why);
}

static int reload_prepare(struct daemon *daemon, struct reload *reload,
                          struct fault *why)
{
	static int (*const steps[])(struct daemon *, struct reload *,
	                            struct fault *) = {
		reload_prepare_dns,     reload_prepare_dane,
		reload_prepare_fetcher, reload_prepare_server,
		reload_prepare_control, reload_prepare_stats,
	};
	int rc = conf_load(daemon->options.config_path, &reload->conf, why);

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		if (rc == MTS_OK)
			rc = steps[i](daemon, reload, why);
	return rc;
}

/* The modules that need no preparation. */
static void reload_set_others(struct daemon *daemon, const struct conf *conf)
{
	struct lookups_options lookups = settings_lookups(daemon, conf);
	struct ask_options ask = settings_ask(daemon, conf);

	lookups_set(daemon->lookups, &lookups);
	ask_set(daemon->ask, &ask);
	if (daemon->dane_checks)
		dane_checks_set_always(daemon->dane_checks,
		                       conf->dane == CONF_DANE_ON);
	refresher_set_concurrency(daemon->refresher, conf->fetch.concurrency);
	daemon_open_log(conf, daemon->options.debug,
	                daemon->options.background);
}

/* GOOD: puts the prepared configuration in force. Otherwise takes it back.
 * Afterwards RELOAD holds what is not needed any more. */
static void reload_settle(struct daemon *daemon, struct reload *reload,
                          bool good)
{
	struct listening listening = daemon->listening;
	struct conf *reloaded = daemon->reloaded;

	resolver_settle(daemon->resolver, good);
	if (daemon->secure_dns)
		secure_dns_settle(daemon->secure_dns, good);
	fetcher_settle(daemon->fetcher, good);
	if (good)
		reload_set_others(daemon, reload->conf);
	server_settle(daemon->server, good);
	control_settle(daemon->control, good);
	stats_settle(daemon->stats, good);
	if (!good && reload->new_dane)
		daemon_close_dane(daemon);
	if (!good)
		return;
	daemon->conf = reload->conf;
	daemon->sources = settings_sources(daemon, daemon->conf);
	daemon->reloaded = reload->conf;
	daemon->listening = reload->listening;
	reload->conf = reloaded;
	reload->listening = listening;
}

static void reload_log_result(const struct daemon *daemon, const char *who)
{
	const struct control_reload *last = &daemon->last;

	if (last->fault.status != MTS_OK) {
		log_error("reload_refused %s reason=\"%s\"", who,
		          last->fault.text);
		return;
	}
	log_info("reloaded %s file=\"%s\" listeners=%zu", who,
	         daemon->options.config_path, daemon->listening.count);
	if (last->restarts)
		log_warning("restart_needed options=\"%s\" reason=\"they have "
		            "changed; only a restart puts them in force\"",
		            last->options);
}

const struct control_reload *daemon_reload(struct daemon *daemon,
                                           const char *who)
{
	struct control_reload *last = &daemon->last;
	struct reload reload = { .conf = NULL };
	int rc;

	notify_reloading();
	*last = (struct control_reload){
		.when_s = clock_wall_s(&clock_system),
	};
	rc = reload_prepare(daemon, &reload, &last->fault);
	last->fault.status = rc;
	reload_settle(daemon, &reload, rc == MTS_OK);
	if (rc == MTS_OK)
		last->restarts =
		    conf_list_restart(daemon->options.conf, daemon->conf,
		                      last->options, sizeof(last->options));
	listening_close(&reload.listening);
	conf_free(&reload.conf);
	reload_log_result(daemon, who);
	notify_ready(daemon->listening.count,
	             rc == MTS_OK ? NULL : last->fault.text);
	return last;
}
