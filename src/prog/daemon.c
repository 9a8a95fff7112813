/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon.c - mtastsd's parts, put together: which options go where. */
#include "prog/daemon.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/steady.h"
#include "cache/absent.h"
#include "cache/cache.h"
#include "config.h"
#include "net/fetch.h"
#include "net/resolver.h"
#include "net/secure_dns.h"
#include "prog/shares.h"
#include "serve/ask.h"
#include "serve/control.h"
#include "serve/dane_walks.h"
#include "serve/lookup.h"
#include "serve/mx_sets.h"
#include "serve/refresher.h"
#include "serve/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct daemon {
	uv_loop_t *loop;
	const struct conf *conf;
	const char *config_path;
	struct steady steady; /* the clock of everything below */
	uv_prepare_t *turn;   /* tells it of each turn of the loop */
	struct cache *cache;
	struct absent *absent;
	struct resolver *resolver;
	struct secure_dns *secure_dns; /* NULL: dane is off */
	struct fetcher *fetcher;
	struct lookups *lookups;
	struct dane_states *dane_states;
	struct dane_walks *walks; /* NULL: dane is off */
	struct mx_sets *mx_sets;
	struct ask *ask;
	struct refresher *refresher;
	struct maps *maps;
	struct server *server;
	struct control *control;
	char **listeners; /* "socketmap unix:/..." for status */
	size_t listener_count;
};

/* -- one part each --------------------------------------------------------- */

static void on_turn(uv_prepare_t *turn)
{
	steady_turn(turn->data);
}

static int open_clock(struct daemon *daemon, struct fault *why)
{
	steady_init(&daemon->steady, &clock_system, clock_asleep_ms);
	daemon->turn = malloc(sizeof(*daemon->turn));
	if (!daemon->turn)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	uv_prepare_init(daemon->loop, daemon->turn);
	uv_unref((uv_handle_t *)daemon->turn);
	daemon->turn->data = &daemon->steady;
	uv_prepare_start(daemon->turn, on_turn);
	return MTS_OK;
}

static void on_turn_closed(uv_handle_t *turn)
{
	free(turn);
}

static int open_cache(struct daemon *daemon, struct fault *why)
{
	struct cache_options options = {
		.loop = daemon->loop,
		.directory = daemon->conf->cache.directory,
		.max_size = daemon->conf->cache.max_size,
		.clock = &daemon->steady.clock,
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
	const struct conf *conf = daemon->conf;
	struct resolver_options options = {
		.loop = daemon->loop,
		.servers = (const char *const *)conf->dns.servers,
		.server_count = conf->dns.server_count,
		.resolv_conf = "/etc/resolv.conf",
		.timeout_ms = conf->dns.timeout_ms,
		.questions_max = shares_of(conf).questions,
	};

	return resolver_new(&options, &daemon->resolver, why);
}

static int open_secure_dns(struct daemon *daemon, struct fault *why)
{
	static const enum secure_dns_mode modes[] = {
		[CONF_DNSSEC_AUTO] = SECURE_DNS_AUTO,
		[CONF_DNSSEC_VALIDATE] = SECURE_DNS_VALIDATE,
		[CONF_DNSSEC_TRUST_AD] = SECURE_DNS_TRUST_AD,
		[CONF_DNSSEC_OFF] = SECURE_DNS_OFF,
	};
	const struct conf *conf = daemon->conf;
	struct secure_dns_options options = {
		.loop = daemon->loop,
		.resolver = daemon->resolver,
		.mode = modes[conf->dns.dnssec],
		.trust_anchor = conf->dns.trust_anchor,
		.timeout_ms = conf->dns.timeout_ms,
		.clock = &clock_system,
	};

	if (conf->dane == CONF_DANE_OFF) /* nobody else asks */
		return MTS_OK;
	return secure_dns_new(&options, &daemon->secure_dns, why);
}

static int open_fetcher(struct daemon *daemon, struct fault *why)
{
	const struct conf *conf = daemon->conf;
	struct fetcher_options options = {
		.loop = daemon->loop,
		.ca_file = conf->fetch.ca_file,
		.timeout_ms = conf->fetch.timeout_ms,
		.max_size = conf->fetch.max_size,
		.concurrency = conf->fetch.concurrency,
		.slow = shares_of(conf).slow,
	};

	return fetcher_new(&options, &daemon->fetcher, why);
}

static int open_lookups(struct daemon *daemon, struct fault *why)
{
	const struct conf *conf = daemon->conf;
	struct lookups_options options = {
		.loop = daemon->loop,
		.clock = &daemon->steady.clock,
		.cache = daemon->cache,
		.absent = daemon->absent,
		.resolver = daemon->resolver,
		.fetcher = daemon->fetcher,
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

	return lookups_new(&options, &daemon->lookups, why);
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

static int open_walks(struct daemon *daemon, struct fault *why)
{
	const struct conf *conf = daemon->conf;
	struct dane_walks_options options = {
		.loop = daemon->loop,
		.clock = &daemon->steady.clock,
		.cache = daemon->cache,
		.always = conf->dane == CONF_DANE_ON,
	};

	if (conf->dane == CONF_DANE_OFF)
		return MTS_OK;
	daemon->dane_states = dane_states_new(DANE_STATES_MAX);
	if (!daemon->dane_states)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	options.states = daemon->dane_states;
	options.dns = daemon->secure_dns;
	return dane_walks_new(&options, &daemon->walks, why);
}

static int open_mx_sets(struct daemon *daemon, struct fault *why)
{
	struct mx_sets_options options = {
		.loop = daemon->loop,
		.clock = &daemon->steady.clock,
		.resolver = daemon->resolver,
		.max = MX_SETS_MAX,
	};

	return mx_sets_new(&options, &daemon->mx_sets, why);
}

static int open_ask(struct daemon *daemon, struct fault *why)
{
	const struct conf *conf = daemon->conf;
	struct ask_options options = {
		.clock = &daemon->steady.clock,
		.lookups = daemon->lookups,
		.walks = daemon->walks,
		.mx_sets = daemon->mx_sets,
		.words = words_count(conf->domains) ? conf->domains : NULL,
		.dane = dane_mode(conf),
		.leave_dane = conf->dane_answer == CONF_DANE_ANSWER_NONE,
		.timeout_ms = conf->lookup.timeout_ms,
	};

	return ask_new(&options, &daemon->ask, why);
}

static int open_refresher(struct daemon *daemon, struct fault *why)
{
	struct refresher_options options = {
		.loop = daemon->loop,
		.clock = &daemon->steady.clock,
		.cache = daemon->cache,
		.lookups = daemon->lookups,
		.fetcher = daemon->fetcher,
		.concurrency = daemon->conf->fetch.concurrency,
	};

	return refresher_new(&options, &daemon->refresher, why);
}

static int note_listener(struct daemon *daemon,
                         const struct conf_listen *listen, struct fault *why)
{
	const char *protocol = conf_protocol_text(listen->protocol);
	size_t size = strlen(protocol) + strlen(listen->address) + 2;
	char *text = malloc(size);

	if (!text)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	snprintf(text, size, "%s %s", protocol, listen->address);
	daemon->listeners[daemon->listener_count++] = text;
	return MTS_OK;
}

/* Of the maps that are not the operator's, and of exim. */
static struct answer_manner manner_of_ours(const struct conf *conf)
{
	return (struct answer_manner){
		.enforce_testing = conf->testing == CONF_TESTING_ENFORCE,
		.tls12 = conf->protocols,
		.no_servername = !conf->servername,
		.strict_mx = conf->strict_mx,
	};
}

/* Of one that is. */
static struct answer_manner manner_of_map(const struct conf_map *map)
{
	return (struct answer_manner){
		.enforce_testing = map->testing == CONF_TESTING_ENFORCE,
		.tls12 = map->protocols,
		.no_servername = !map->servername,
		.strict_mx = map->strict_mx,
	};
}

static int open_listener(struct daemon *daemon,
                         const struct conf_listen *listen, struct fault *why)
{
	static const struct protocol *const protocols[] = {
		[CONF_SOCKETMAP] = &protocol_socketmap,
		[CONF_TCP_TABLE] = &protocol_tcp_table,
		[CONF_EXIM] = &protocol_exim,
	};
	struct protocol_context context = {
		.maps = daemon->maps,
		.map = maps_find(daemon->maps, slice_str(listen->map)),
		.how = manner_of_ours(daemon->conf),
	};
	struct endpoint_options endpoint = {
		.loop = daemon->loop,
		.address = listen->address,
		.mode = listen->mode,
		.owner = listen->owner,
		.group = listen->group,
	};
	int rc = server_listen(daemon->server, protocols[listen->protocol],
	                       &context, &endpoint, why);

	return rc == MTS_OK ? note_listener(daemon, listen, why) : rc;
}

/* Our own maps, and the operator's. */
static int make_maps(struct daemon *daemon, struct fault *why)
{
	static const enum socketmap_map kinds[] = {
		[CONF_LIKE_POSTFIX] = MAP_POSTFIX,
		[CONF_LIKE_POSTFIX_TLSRPT] = MAP_POSTFIX_TLSRPT,
		[CONF_LIKE_STS] = MAP_STS,
		[CONF_LIKE_VERDICT] = MAP_VERDICT,
	};
	const struct conf *conf = daemon->conf;
	struct answer_manner how = manner_of_ours(conf);
	struct map_entry *own = calloc(conf->map_count + 1, sizeof(*own));

	for (size_t i = 0; own && i < conf->map_count; i++)
		own[i] = (struct map_entry){
			.name = conf->maps[i].name,
			.kind = kinds[conf->maps[i].like],
			.how = manner_of_map(&conf->maps[i]),
		};
	if (own)
		daemon->maps = maps_new(&how, own, conf->map_count);
	free(own);
	return daemon->maps ? MTS_OK
	                    : fault_set(why, MTS_ENOMEM, "out of memory");
}

static int open_listeners(struct daemon *daemon, struct fault *why)
{
	const struct conf *conf = daemon->conf;
	struct shares shares = shares_of(conf);
	struct server_options options = {
		.loop = daemon->loop,
		.clock = &daemon->steady.clock,
		.ask = daemon->ask,
		.max_clients = shares.clients,
	};
	int rc = server_new(&options, &daemon->server, why);

	if (shares.clients < conf->limits.clients)
		log_warning("few_descriptors limit=%llu clients=%llu "
		            "reason=\"so many clients are taken at most, to "
		            "leave some for look-ups: raise the limit (ulimit "
		            "-n, LimitNOFILE=)\"",
		            (unsigned long long)shares.limit,
		            (unsigned long long)shares.clients);
	if (rc != MTS_OK)
		return rc;
	rc = make_maps(daemon, why);
	if (rc != MTS_OK)
		return rc;
	daemon->listeners = calloc(conf->listen_count + 1, sizeof(char *));
	if (!daemon->listeners)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	for (size_t i = 0; i < conf->listen_count && rc == MTS_OK; i++)
		rc = open_listener(daemon, &conf->listen[i], why);
	return rc;
}

static void count_clients(void *arg, uint64_t *now, uint64_t *total)
{
	struct daemon *daemon = arg;
	struct server_counts counts;

	server_get_counts(daemon->server, &counts);
	*now = counts.clients;
	*total = counts.accepted;
}

static int open_control(struct daemon *daemon, struct fault *why)
{
	struct control_options options = {
		.loop = daemon->loop,
		.clock = &daemon->steady.clock,
		.address = daemon->conf->control,
		.users = (const char *const *)daemon->conf->control_users,
		.user_count = daemon->conf->control_user_count,
		.group = daemon->conf->control_group,
		.version = PACKAGE_VERSION,
		.config = daemon->config_path,
		.ask = daemon->ask,
		.lookups = daemon->lookups,
		.walks = daemon->walks,
		.mx_sets = daemon->mx_sets,
		.dns = daemon->secure_dns,
		.dane = dane_mode(daemon->conf),
		.words = daemon->conf->domains,
		.refresher = daemon->refresher,
		.cache = daemon->cache,
		.absent = daemon->absent,
		.resolver = daemon->resolver,
		.fetcher = daemon->fetcher,
		.listeners = (const char *const *)daemon->listeners,
		.listener_count = daemon->listener_count,
		.how = manner_of_ours(daemon->conf),
		.count_clients = count_clients,
		.arg = daemon,
	};

	if (daemon->conf->control[0] == '\0')
		return MTS_OK;
	return control_open(&options, &daemon->control, why);
}

/* -- the whole ------------------------------------------------------------- */

int daemon_open(uv_loop_t *loop, const struct conf *conf,
                const char *config_path, struct daemon **ret, struct fault *why)
{
	static int (*const parts[])(struct daemon *, struct fault *) = {
		open_clock,   open_cache,     open_resolver,  open_secure_dns,
		open_fetcher, open_lookups,   open_walks,     open_mx_sets,
		open_ask,     open_refresher, open_listeners, open_control,
	};
	struct daemon *daemon = calloc(1, sizeof(*daemon));
	int rc = MTS_OK;

	if (!daemon)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	daemon->loop = loop;
	daemon->conf = conf;
	daemon->config_path = config_path;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		rc = parts[i](daemon, why);
		if (rc != MTS_OK)
			break;
	}
	if (rc != MTS_OK)
		daemon_close(&daemon);
	else
		*ret = daemon;
	return rc;
}

void daemon_close(struct daemon **daemon)
{
	struct daemon *d = *daemon;

	if (!d)
		return;
	control_close(&d->control);
	server_close(&d->server);
	maps_free(&d->maps);
	ask_close(&d->ask);
	mx_sets_close(&d->mx_sets);
	dane_walks_close(&d->walks);
	dane_states_free(&d->dane_states);
	refresher_close(&d->refresher);
	lookups_close(&d->lookups);
	fetcher_close(&d->fetcher);
	secure_dns_close(&d->secure_dns);
	resolver_close(&d->resolver);
	cache_close(&d->cache);
	absent_free(&d->absent);
	if (d->turn)
		uv_close((uv_handle_t *)d->turn, on_turn_closed);
	for (size_t i = 0; i < d->listener_count; i++)
		free(d->listeners[i]);
	free(d->listeners);
	free(d);
	*daemon = NULL;
}

void daemon_log_ready(const struct daemon *daemon)
{
	struct cache_stats stats;

	for (size_t i = 0; i < daemon->listener_count; i++)
		log_info("listening on=\"%s\"", daemon->listeners[i]);
	cache_get_stats(daemon->cache, &stats);
	log_info("ready version=%s policies=%llu dns=\"%s\" control=%s",
	         PACKAGE_VERSION, (unsigned long long)stats.policies,
	         resolver_servers(daemon->resolver), daemon->conf->control);
}
