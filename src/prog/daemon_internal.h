/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon_internal.h - the inside of the daemon, for the files that put it together
 * and nobody else. */
#ifndef PROG_DAEMON_INTERNAL_H
#define PROG_DAEMON_INTERNAL_H

#include "base/clock.h"
#include "cache/cache.h"
#include "control/control.h"
#include "dns/resolver.h"
#include "dnssec/secure_dns.h"
#include "https/fetch.h"
#include "lookup/ask.h"
#include "lookup/dane_checks.h"
#include "lookup/lookup.h"
#include "lookup/mx_sets.h"
#include "lookup/refresher.h"
#include "prog/daemon.h"
#include "prog/give_back.h"
#include "prog/listening.h"
#include "serve/server.h"
#include "stats/stats.h"

struct daemon {
	struct daemon_options options;
	const struct conf *conf;          /* that is in force */
	struct conf *reloaded;            /* the same, if a reload brought it */
	struct control_reload last;       /* reload */
	struct smooth_clock smooth_clock; /* the clock of everything below */
	struct give_back *give_back;
	uv_prepare_t *work_item; /* tells these two of each turn of the loop */
	struct cache *cache;
	struct absent *absent;
	struct resolver *resolver;
	struct secure_dns *secure_dns; /* NULL: dane was off ever since */
	struct fetcher *fetcher;
	struct lookups *lookups;
	struct dane_states *dane_states;
	struct dane_checks *walks; /* NULL: dane was off ever since */
	struct mx_sets *mx_sets;
	struct ask *ask;
	struct refresher *refresher;
	struct listening listening;
	struct server *server;
	struct control *control;
	struct top *top;
	int64_t started_s;
	struct metrics_sources sources; /* of all these, for monitoring */
	struct stats *stats;
};

/* -- settings.c: which options of CONF go where ---------------------------- */

struct resolver_options settings_resolver(const struct daemon *daemon,
                                          const struct conf *conf);
struct secure_dns_options settings_secure_dns(const struct daemon *daemon,
                                              const struct conf *conf);
struct fetcher_options settings_fetcher(const struct daemon *daemon,
                                        const struct conf *conf);
struct lookups_options settings_lookups(const struct daemon *daemon,
                                        const struct conf *conf);
struct dane_checks_options settings_walks(const struct daemon *daemon,
                                          const struct conf *conf);
struct ask_options settings_ask(const struct daemon *daemon,
                                const struct conf *conf);
struct stats_options settings_stats(const struct daemon *daemon,
                                    const struct conf *conf);

/* Whom to ask for what is measured. */
struct metrics_sources settings_sources(const struct daemon *daemon,
                                        const struct conf *conf);
struct control_options settings_control(struct daemon *daemon,
                                        const struct conf *conf,
                                        const struct listening *listening);

/* -- daemon.c -------------------------------------------------------------- */

/* Opens what DANE takes, if CONF wants it and it is not there yet. */
int daemon_open_dane(struct daemon *daemon, const struct conf *conf,
                     struct fault *why);
void daemon_close_dane(struct daemon *daemon);

#endif
