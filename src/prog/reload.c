/* SPDX-License-Identifier: BSD-2-Clause */
/* reload.c - takes in another configuration, or leaves all as it is.
 *
 * Everything that can fail is prepared before anything is changed: files are
 * read, sockets opened. Then it is settled, which can't fail; or what was
 * prepared is dropped. All that happens in one turn of the loop, so that nobody
 * sees anything in between. */
#include "base/clock.h"
#include "base/log.h"
#include "prog/daemon_internal.h"
#include "prog/notify.h"

/* What is prepared. */
struct change {
	struct conf *conf;
	struct listening listening;
	struct server_setup setup;
	struct control_options control;
	struct stats_options stats;
	bool new_dane; /* it was off ever since */
};

/* -- preparing ------------------------------------------------------------- */

static int prepare_dns(struct daemon *daemon, struct change *change,
                       struct fault *why)
{
	struct resolver_options options =
	    settings_resolver(daemon, change->conf);

	return resolver_prepare(daemon->resolver, &options, why);
}

/* That DANE is off takes no preparation, and it may come back. */
static int prepare_dane(struct daemon *daemon, struct change *change,
                        struct fault *why)
{
	struct secure_dns_options options =
	    settings_secure_dns(daemon, change->conf);

	if (change->conf->dane == CONF_DANE_OFF)
		return MTS_OK;
	if (daemon->secure_dns)
		return secure_dns_prepare(daemon->secure_dns, &options, why);
	change->new_dane = true;
	return daemon_open_dane(daemon, change->conf, why);
}

static int prepare_fetcher(struct daemon *daemon, struct change *change,
                           struct fault *why)
{
	struct fetcher_options options = settings_fetcher(daemon, change->conf);

	return fetcher_prepare(daemon->fetcher, &options, why);
}

static int prepare_server(struct daemon *daemon, struct change *change,
                          struct fault *why)
{
	int rc = listening_open(change->conf, &change->listening, why);

	if (rc != MTS_OK)
		return rc;
	change->setup = listening_setup(&change->listening, change->conf,
	                                daemon->options.ready);
	return server_prepare(daemon->server, &change->setup, why);
}

static int prepare_control(struct daemon *daemon, struct change *change,
                           struct fault *why)
{
	change->control =
	    settings_control(daemon, change->conf, &change->listening);
	return control_prepare(daemon->control, &change->control, why);
}

static int prepare_stats(struct daemon *daemon, struct change *change,
                         struct fault *why)
{
	change->stats = settings_stats(daemon, change->conf);
	return stats_prepare(daemon->stats, &change->stats, why);
}

static int prepare(struct daemon *daemon, struct change *change,
                   struct fault *why)
{
	static int (*const parts[])(struct daemon *, struct change *,
	                            struct fault *) = {
		prepare_dns,    prepare_dane,    prepare_fetcher,
		prepare_server, prepare_control, prepare_stats,
	};
	int rc = conf_load(daemon->options.config_path, &change->conf, why);

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (rc == MTS_OK)
			rc = parts[i](daemon, change, why);
	return rc;
}

/* -- settling -------------------------------------------------------------- */

/* Those that need no preparation. */
static void set_rest(struct daemon *daemon, const struct conf *conf)
{
	struct lookups_options lookups = settings_lookups(daemon, conf);
	struct ask_options ask = settings_ask(daemon, conf);

	lookups_set(daemon->lookups, &lookups);
	ask_set(daemon->ask, &ask);
	if (daemon->walks)
		dane_checks_set_always(daemon->walks,
		                       conf->dane == CONF_DANE_ON);
	refresher_set_concurrency(daemon->refresher, conf->fetch.concurrency);
	daemon_open_log(conf, daemon->options.debug,
	                daemon->options.background);
}

/* What is not needed any more is in CHANGE afterwards. */
static void settle(struct daemon *daemon, struct change *change, bool good)
{
	struct listening listening = daemon->listening;
	struct conf *reloaded = daemon->reloaded;

	resolver_settle(daemon->resolver, good);
	if (daemon->secure_dns)
		secure_dns_settle(daemon->secure_dns, good);
	fetcher_settle(daemon->fetcher, good);
	if (good)
		set_rest(daemon, change->conf);
	server_settle(daemon->server, good);
	control_settle(daemon->control, good);
	stats_settle(daemon->stats, good);
	if (!good && change->new_dane)
		daemon_close_dane(daemon);
	if (!good)
		return;
	daemon->conf = change->conf;
	daemon->sources = settings_sources(daemon, daemon->conf);
	daemon->reloaded = change->conf;
	daemon->listening = change->listening;
	change->conf = reloaded;
	change->listening = listening;
}

/* -- the whole ------------------------------------------------------------- */

static void log_result(const struct daemon *daemon, const char *who)
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
		            "changed, and a reload does not take them in\"",
		            last->options);
}

const struct control_reload *daemon_reload(struct daemon *daemon,
                                           const char *who)
{
	struct control_reload *last = &daemon->last;
	struct change change = { .conf = NULL };
	int rc;

	notify_reloading();
	*last = (struct control_reload){
		.when_s = clock_wall_s(&clock_system),
	};
	rc = prepare(daemon, &change, &last->fault);
	last->fault.status = rc;
	settle(daemon, &change, rc == MTS_OK);
	if (rc == MTS_OK)
		last->restarts =
		    conf_list_restart(daemon->options.conf, daemon->conf,
		                      last->options, sizeof(last->options));
	listening_close(&change.listening);
	conf_free(&change.conf);
	log_result(daemon, who);
	notify_ready(daemon->listening.count,
	             rc == MTS_OK ? NULL : last->fault.text);
	return last;
}
