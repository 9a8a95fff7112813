/* SPDX-License-Identifier: BSD-2-Clause */
/* settings.c - which options of the configuration go where. */
#include "base/clock.h"
#include "config.h"
#include "prog/daemon_internal.h"
#include "prog/fd_budget.h"

struct resolver_options settings_resolver(const struct daemon *daemon,
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

struct secure_dns_options settings_secure_dns(const struct daemon *daemon,
                                              const struct conf *conf)
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

struct fetcher_options settings_fetcher(const struct daemon *daemon,
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

struct lookups_options settings_lookups(const struct daemon *daemon,
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

/* What the option's words stand for. */
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

struct dane_checks_options settings_walks(const struct daemon *daemon,
                                          const struct conf *conf)
{
	return (struct dane_checks_options){
		.loop = daemon->options.loop,
		.clock = &daemon->smooth_clock.clock,
		.cache = daemon->cache,
		.states = daemon->dane_states,
		.dns = daemon->secure_dns,
		.top = daemon->top,
		.always = conf->dane == CONF_DANE_ON,
	};
}

struct ask_options settings_ask(const struct daemon *daemon,
                                const struct conf *conf)
{
	return (struct ask_options){
		.clock = &daemon->smooth_clock.clock,
		.lookups = daemon->lookups,
		.walks = daemon->walks,
		.mx_sets = daemon->mx_sets,
		.overrides =
		    overrides_count(conf->domains) ? conf->domains : NULL,
		.dane = dane_mode(conf),
		.leave_dane = conf->dane_answer == CONF_DANE_ANSWER_NONE,
		.timeout_ms = conf->lookup.timeout_ms,
	};
}

struct stats_options settings_stats(const struct daemon *daemon,
                                    const struct conf *conf)
{
	return (struct stats_options){
		.loop = daemon->options.loop,
		.address = conf->stats,
		.ready = daemon->options.ready,
		.sources = &daemon->sources,
	};
}

struct metrics_sources settings_sources(const struct daemon *daemon,
                                        const struct conf *conf)
{
	bool dane = conf->dane != CONF_DANE_OFF;

	return (struct metrics_sources){
		.clock = &daemon->smooth_clock.clock,
		.server = daemon->server,
		.lookups = daemon->lookups,
		.walks = dane ? daemon->walks : NULL,
		.dns = dane ? daemon->secure_dns : NULL,
		.refresher = daemon->refresher,
		.cache = daemon->cache,
		.absent = daemon->absent,
		.resolver = daemon->resolver,
		.fetcher = daemon->fetcher,
		.started_s = daemon->started_s,
	};
}

static void count_clients(void *arg, struct control_clients *ret)
{
	struct daemon *daemon = arg;
	struct server_counts counts;

	server_get_counts(daemon->server, &counts);
	*ret = (struct control_clients){ .now = counts.clients,
		                         .most = counts.max_clients,
		                         .total = counts.accepted,
		                         .refused = counts.refused };
}

static const struct control_reload *reload(void *arg, const char *who)
{
	return daemon_reload(arg, who);
}

struct control_options settings_control(struct daemon *daemon,
                                        const struct conf *conf,
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
		.walks = dane ? daemon->walks : NULL,
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
		.count_clients = count_clients,
		.reload = reload,
		.last_reload = &daemon->last,
		.arg = daemon,
	};
}
