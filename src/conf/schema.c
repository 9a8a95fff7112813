/* SPDX-License-Identifier: BSD-2-Clause */
/* schema.c - the options, a row each. */
#include "conf/schema.h"

#include "base/spell.h"
#include "conf/conf.h"
#include "sts/policy.h"

#include <string.h>

#define KIB    UINT64_C(1024)
#define MIB    (KIB * 1024)
#define GIB    (MIB * 1024)
#define TIB    (GIB * 1024)
#define SECOND UINT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

enum {
	TEXT_MAX = 4095, /* a path's */
	UNIX_MAX =
	    112, /* "unix:" and 107 bytes; check_unix() explains it better */
	NAME_MAX_ = 255, /* a user's or group's */
};

/* In the order of the enums of base/log.h. */
static const char *const levels[] = { "error", "warning", "info", "debug",
	                              NULL };
static const char *const dnssec[] = { "auto", "validate", "trust-ad", "off",
	                              NULL };
static const char *const targets[] = { "stderr", "syslog", NULL };

/* In the order of the enums of conf.h. */
static const char *const dane_modes[] = { "auto", "on", "precedence", "off",
	                                  NULL };
static const char *const dane_answers[] = { "dane-only", "none", NULL };

static const char *const testing_modes[] = { "report", "enforce", NULL };
static const char *const likes[] = { "postfix", "postfix-tlsrpt", "sts",
	                             "verdict", NULL };

#define IN(member)    offsetof(struct conf, member)
#define ENTRY(member) offsetof(struct conf_listen, member)
#define MAP(member)   offsetof(struct conf_map, member)

static const struct conf_option options[] = {
	{ .path = "listen",
	  .type = CONF_LISTENERS,
	  .offset = IN(listen),
	  .min = 1,
	  .max = 64,
	  .help = "The sockets on which MTAs ask.",
	  .more = "A list; each entry is one socket. If Postfix runs smtp(8) "
	          "in a chroot, as Debian does, a unix socket must lie below "
	          "/var/spool/postfix; otherwise write the map with proxy: in "
	          "front of it, or use inet." },
	{ .path = "listen.socketmap",
	  .type = CONF_ADDRESS,
	  .offset = ENTRY(address),
	  .min = 1,
	  .max = TEXT_MAX,
	  .fallback = "unix:/run/mtasts/socketmap.sock",
	  .help = "The address of a socketmap listener, for Postfix and "
	          "Sendmail.",
	  .more = "Either unix:/path or inet:host:port; write an IPv6 address "
	          "in brackets." },
	{ .path = "listen.mode",
	  .type = CONF_MODE,
	  .offset = ENTRY(mode),
	  .max = 0777,
	  .fallback = "0660",
	  .help = "The permissions of a unix socket, in octal.",
	  .more = "Users who have write permission can query the socket." },
	{ .path = "listen.owner",
	  .type = CONF_NAME,
	  .offset = ENTRY(owner),
	  .max = NAME_MAX_,
	  .fallback = "\"\"",
	  .help = "The user who owns a unix socket.",
	  .more = "Empty: the user mtastsd runs as." },
	{ .path = "listen.group",
	  .type = CONF_NAME,
	  .offset = ENTRY(group),
	  .max = NAME_MAX_,
	  .fallback = "\"\"",
	  .help = "The group that owns a unix socket.",
	  .more = "Empty: the group mtastsd runs as." },
	{ .path = "listen.tcp_table",
	  .type = CONF_ADDRESS,
	  .offset = ENTRY(address),
	  .min = 1,
	  .max = TEXT_MAX,
	  .example = "inet:127.0.0.1:8462",
	  .help = "The address of a tcp_table listener, for Postfix's tcp: "
	          "maps.",
	  .more = "Prefer socketmap: here a reply has at most 4096 bytes, and "
	          "mail waits if a policy is too long for it." },
	{ .path = "listen.map",
	  .type = CONF_NAME,
	  .offset = ENTRY(map),
	  .min = 1,
	  .max = NAME_MAX_,
	  .fallback = "postfix",
	  .help = "The map that a tcp_table listener serves.",
	  .more = "The tcp_table protocol has no map names." },
	{ .path = "listen.exim",
	  .type = CONF_ADDRESS,
	  .offset = ENTRY(address),
	  .min = 1,
	  .max = TEXT_MAX,
	  .example = "unix:/run/mtasts/exim.sock",
	  .help = "The address of a listener for Exim's ${readsocket}.",
	  .more = "Exim queries it as root during delivery, and as its own "
	          "user when it verifies recipients." },
	{ .path = "control",
	  .type = CONF_UNIX,
	  .offset = IN(control),
	  .max = UNIX_MAX,
	  .fallback = "unix:/run/mtasts/control.sock",
	  .help = "The unix socket for mtasts-ctl.",
	  .more = "It accepts root, the user mtastsd runs as, and the users "
	          "in control_users and control_group; the user is checked at "
	          "each connection. The socket's file has mode 0600 if both "
	          "options are empty. Empty: no control socket." },
	{ .path = "control_users",
	  .type = CONF_NAMES,
	  .offset = IN(control_users),
	  .max = 64,
	  .fallback = "[]",
	  .help = "Additional users who can use mtasts-ctl.",
	  .more =
	      "A list of names. These users can make the daemon forget "
	      "policies. If the list is not empty, the socket's file has "
	      "mode 0666, and other users are rejected when they connect." },
	{ .path = "control_group",
	  .type = CONF_NAME,
	  .offset = IN(control_group),
	  .max = NAME_MAX_,
	  .fallback = "\"\"",
	  .help = "A group whose members can use mtasts-ctl.",
	  .more = "The socket's file belongs to this group and has mode 0660. "
	          "Empty: none." },
	{ .path = "stats",
	  .type = CONF_ADDRESS,
	  .offset = IN(stats),
	  .max = TEXT_MAX,
	  .fallback = "unix:/run/mtasts/stats.sock",
	  .help = "The address of the HTTP socket for monitoring.",
	  .more = "Either unix:/path or inet:host:port, as in "
	          "inet:127.0.0.1:9461. It serves /metrics for Prometheus, "
	          "/stats.json and /healthz. There is no access control, and "
	          "no domain is named. Empty: no such socket." },
	{ .path = "cache",
	  .type = CONF_SECTION,
	  .help = "The policies on disk.",
	  .more = "" },
	{ .path = "cache.directory",
	  .type = CONF_PATH,
	  .offset = IN(cache.directory),
	  .min = 1,
	  .max = TEXT_MAX,
	  .fallback = "/var/lib/mtasts",
	  .restart = true,
	  .help = "The directory of the cache.",
	  .more = "Only one mtastsd at a time can use it." },
	{ .path = "cache.max_size",
	  .type = CONF_SIZE,
	  .offset = IN(cache.max_size),
	  .min = MIB,
	  .max = TIB,
	  .fallback = "1GiB",
	  .restart = true,
	  .help = "The maximum size of the cache.",
	  .more = "Address space is reserved for all of it; memory and disk "
	          "are used only for what is stored. When the cache is nearly "
	          "full, policies are removed in this order: expired ones, "
	          "then those in mode none, in mode testing and in mode "
	          "enforce; within each, the least recently used first." },
	{ .path = "cache.unused_after",
	  .type = CONF_DURATION,
	  .offset = IN(cache.unused_after_ms),
	  .min = DAY,
	  .max = 366 * DAY,
	  .fallback = "30d",
	  .help = "How long a policy that is not used is kept up to date.",
	  .more = "After that it is no longer refreshed. It stays in force "
	          "until its max_age ends, and is then removed." },
	{ .path = "dns",
	  .type = CONF_SECTION,
	  .help = "DNS queries.",
	  .more = "" },
	{ .path = "dns.servers",
	  .type = CONF_SERVERS,
	  .offset = IN(dns.servers),
	  .max = 8, /* the resolver takes no more */
	  .fallback = "[]",
	  .help = "The name servers to use.",
	  .more = "A list of addresses; a port can follow an IPv4 address or "
	          "an IPv6 address in brackets. Empty: those in "
	          "/etc/resolv.conf." },
	{ .path = "dns.dnssec",
	  .type = CONF_CHOICE,
	  .offset = IN(dns.dnssec),
	  .fallback = "auto",
	  .choices = dnssec,
	  .help = "How DNS answers are authenticated, for DANE.",
	  .more = "With validate, mtastsd checks the signatures itself, "
	          "starting from the trust anchor. With trust-ad, it trusts "
	          "the AD bit of the name servers: the network path to them "
	          "must be safe. With auto, it trusts name servers on "
	          "loopback addresses if they validate, and checks the "
	          "signatures itself otherwise." },
	{ .path = "dns.trust_anchor",
	  .type = CONF_PATH,
	  .offset = IN(dns.trust_anchor),
	  .max = TEXT_MAX,
	  .fallback = "\"\"",
	  .help = "The file with the DNSSEC keys of the root zone.",
	  .more = "DS or DNSKEY records as in a zone file. The file is never "
	          "downloaded or changed. Empty: the system's file, which the "
	          "package dns-root-data installs." },
	{ .path = "dns.timeout",
	  .type = CONF_DURATION,
	  .offset = IN(dns.timeout_ms),
	  .min = SECOND,
	  .max = MINUTE,
	  .fallback = "5s",
	  .help = "The time limit of one DNS query.",
	  .more = "" },
	{ .path = "fetch",
	  .type = CONF_SECTION,
	  .help = "Fetching policies.",
	  .more = "" },
	{ .path = "fetch.ca_file",
	  .type = CONF_PATH,
	  .offset = IN(fetch.ca_file),
	  .max = TEXT_MAX,
	  .fallback = "\"\"",
	  .help = "The file of trusted root certificates, in PEM.",
	  .more = "Empty: the system's." },
	{ .path = "fetch.timeout",
	  .type = CONF_DURATION,
	  .offset = IN(fetch.timeout_ms),
	  .min = SECOND,
	  .max = 5 * MINUTE,
	  .fallback = "60s",
	  .help = "The time limit for fetching one policy.",
	  .more = "RFC 8461 section 3.3 suggests one minute." },
	{ .path = "fetch.max_size",
	  .type = CONF_SIZE,
	  .offset = IN(fetch.max_size),
	  .min = KIB,
	  .max = POLICY_MAX, /* the parser takes no more */
	  .fallback = "64KiB",
	  .help = "The maximum size of a policy.",
	  .more = "RFC 8461 section 3.3 suggests 64 kilobytes." },
	{ .path = "fetch.concurrency",
	  .type = CONF_COUNT,
	  .offset = IN(fetch.concurrency),
	  .min = 1,
	  .max = 1024,
	  .fallback = "64",
	  .help = "How many fetches can run at the same time.",
	  .more = "Further ones wait. Fetches that take longer than half a "
	          "second are counted separately: there can be four to "
	          "sixteen times as many, depending on the number of file "
	          "descriptors." },
	{ .path = "fetch.retry",
	  .type = CONF_DURATION,
	  .offset = IN(fetch.retry_ms),
	  .min = 5 * MINUTE, /* 3.3: "five minutes or longer" */
	  .max = DAY,
	  .fallback = "5m",
	  .help = "How long to wait after a failed fetch before trying again.",
	  .more = "This applies to the same domain and the same id. RFC 8461 "
	          "section 3.3 asks for five minutes or longer." },
	{ .path = "fetch.allow_private_addresses",
	  .type = CONF_BOOL,
	  .offset = IN(fetch.allow_private_addresses),
	  .fallback = "false",
	  .help = "Whether a policy host can have a private address.",
	  .more = "Anyone can publish a record whose policy host is a machine "
	          "in your own network. Leave this off unless the policies of "
	          "your own domains are served from there." },
	{ .path = "lookup",
	  .type = CONF_SECTION,
	  .help = "How long MTAs wait, and how long absence is remembered.",
	  .more = "" },
	{ .path = "lookup.timeout",
	  .type = CONF_DURATION,
	  .offset = IN(lookup.timeout_ms),
	  .min = SECOND,
	  .max = 90 * SECOND, /* Postfix defers the mail after 100 s */
	  .fallback = "20s",
	  .help = "How long an MTA waits if nothing is known about a domain.",
	  .more = "After that, the answer is that there is no policy, or, if "
	          "DANE may apply, a temporary error; the lookup continues "
	          "for later queries. If a domain's name servers do not "
	          "answer, it takes up to three times dns.timeout to find out "
	          "that the domain is not signed; with a shorter limit its "
	          "first message is deferred. Postfix itself gives up and "
	          "defers the mail after 100 seconds." },
	{ .path = "lookup.negative_min",
	  .type = CONF_DURATION,
	  .offset = IN(lookup.negative_min_ms),
	  .min = SECOND,
	  .max = DAY,
	  .fallback = "1m",
	  .help = "The minimum time to remember that a domain has no record.",
	  .more = "The zone's SOA record sets the time, between this and "
	          "negative_max." },
	{ .path = "lookup.negative_max",
	  .type = CONF_DURATION,
	  .offset = IN(lookup.negative_max_ms),
	  .min = SECOND,
	  .max = DAY,
	  .fallback = "1h",
	  .help = "The maximum time to remember that a domain has no record.",
	  .more = "" },
	{ .path = "refresh",
	  .type = CONF_SECTION,
	  .help = "Keeping cached policies up to date.",
	  .more = "" },
	{ .path = "refresh.interval",
	  .type = CONF_DURATION,
	  .offset = IN(refresh.interval_ms),
	  .min = MINUTE,
	  .max = 30 * DAY,
	  .fallback = "1d",
	  .help = "How often each policy is fetched again.",
	  .more = "It can be up to a tenth earlier, so that not all policies "
	          "are fetched at once. If half of a policy's max_age is "
	          "shorter, that is used instead. After a failure the next "
	          "attempts follow after 5 minutes, 10, 20 and so on, up to 6 "
	          "hours. RFC 8461 section 3.3 suggests once a day." },
	{ .path = "refresh.min_interval",
	  .type = CONF_DURATION,
	  .offset = IN(refresh.min_interval_ms),
	  .min = SECOND,
	  .max = DAY,
	  .fallback = "5m",
	  .help = "The minimum time between two fetches of a policy.",
	  .more = "A policy with a shorter max_age expires and is not fetched "
	          "again before this time has passed, unless its record has a "
	          "new id; until then the domain has no policy." },
	{ .path = "refresh.id_check_min",
	  .type = CONF_DURATION,
	  .offset = IN(refresh.id_check_min_ms),
	  .min = SECOND,
	  .max = 7 * DAY,
	  .fallback = "1m",
	  .help = "The minimum time before the record of a policy in use is "
	          "checked for a new id.",
	  .more = "The check runs in the background. The record's TTL sets "
	          "the time, between this and id_check_max." },
	{ .path = "refresh.id_check_max",
	  .type = CONF_DURATION,
	  .offset = IN(refresh.id_check_max_ms),
	  .min = SECOND,
	  .max = 7 * DAY,
	  .fallback = "1d",
	  .help = "The maximum time before the record of a policy in use is "
	          "checked for a new id.",
	  .more = "" },
	{ .path = "dane",
	  .type = CONF_CHOICE,
	  .offset = IN(dane),
	  .fallback = "auto",
	  .choices = dane_modes,
	  .help = "For which domains DANE is checked; it takes precedence "
	          "over MTA-STS.",
	  .more = "With auto, for every next hop if the resolver provides "
	          "DNSSEC data. With on, for every next hop in any case: "
	          "behind a resolver that strips signatures, much mail waits. "
	          "With precedence, as with auto, but only for domains with "
	          "an enforced policy." },
	{ .path = "dane_answer",
	  .type = CONF_CHOICE,
	  .offset = IN(dane_answer),
	  .fallback = "dane-only",
	  .choices = dane_answers,
	  .help = "The answer to Postfix if DANE applies.",
	  .more = "With dane-only, Postfix gets dane-only or dane, which "
	          "requires smtp_dns_support_level = dnssec in main.cf. With "
	          "none, it gets no policy, and main.cf has to enable DANE. "
	          "If DANE can't be checked, the answer is a temporary error "
	          "in both cases." },
	{ .path = "testing",
	  .type = CONF_CHOICE,
	  .offset = IN(testing),
	  .fallback = "report",
	  .choices = testing_modes,
	  .help = "How policies in mode testing are treated.",
	  .more = "With report they have no effect on delivery, as in RFC "
	          "8461 section 5. With enforce they are treated as if they "
	          "were in mode enforce: mail that fails them waits. This "
	          "applies to the built-in maps and to exim." },
	{ .path = "protocols",
	  .type = CONF_BOOL,
	  .offset = IN(protocols),
	  .fallback = "false",
	  .help = "Whether answers to Postfix contain protocols=>=TLSv1.2.",
	  .more = "The defaults of Postfix 3.7 still allow TLS 1.0, which RFC "
	          "8461 section 7.2 rules out. A Postfix before 3.6 does not "
	          "support the sign >= and defers the mail. This applies to "
	          "the built-in maps." },
	{ .path = "servername",
	  .type = CONF_BOOL,
	  .offset = IN(servername),
	  .fallback = "true",
	  .help = "Whether answers to Postfix contain servername=hostname.",
	  .more = "RFC 8461 section 7.1 requires the host's name in the TLS "
	          "handshake. A Postfix before 3.4 does not support it and "
	          "defers the mail. This applies to the built-in maps." },
	{ .path = "strict_mx",
	  .type = CONF_BOOL,
	  .offset = IN(strict_mx),
	  .fallback = "false",
	  .help = "Whether answers to Postfix contain MX hosts instead of a "
	          "policy's patterns.",
	  .more = "They contain those MX hosts of the domain that its policy "
	          "covers; if there are none, or the lookup fails, mail "
	          "waits. Without this, a Postfix before 3.10.5 lets a "
	          "wildcard match any number of labels, and delivers to hosts "
	          "that the policy does not list. It costs one DNS query per "
	          "domain and TTL. This applies to the built-in maps postfix "
	          "and postfix-tlsrpt." },
	{ .path = "maps",
	  .type = CONF_MAPS,
	  .offset = IN(maps),
	  .max = 64,
	  .help = "Your own maps.",
	  .more = "A list; each entry is a map in addition to the built-in "
	          "ones. An entry with the name of a built-in map replaces "
	          "it." },
	{ .path = "maps.name",
	  .type = CONF_NAME,
	  .offset = MAP(name),
	  .min = 1,
	  .max = NAME_MAX_,
	  .example = "strict",
	  .help = "The name of the map, which MTAs use.",
	  .more = "" },
	{ .path = "maps.like",
	  .type = CONF_CHOICE,
	  .offset = MAP(like),
	  .fallback = "postfix",
	  .choices = likes,
	  .help = "The built-in map whose answers it gives.",
	  .more = "" },
	{ .path = "maps.testing",
	  .type = CONF_CHOICE,
	  .offset = MAP(testing),
	  .fallback = "report",
	  .choices = testing_modes,
	  .help = "As testing, for this map.",
	  .more = "" },
	{ .path = "maps.protocols",
	  .type = CONF_BOOL,
	  .offset = MAP(protocols),
	  .fallback = "false",
	  .help = "As protocols, for this map.",
	  .more = "" },
	{ .path = "maps.servername",
	  .type = CONF_BOOL,
	  .offset = MAP(servername),
	  .fallback = "true",
	  .help = "As servername, for this map.",
	  .more = "" },
	{ .path = "maps.strict_mx",
	  .type = CONF_BOOL,
	  .offset = MAP(strict_mx),
	  .fallback = "false",
	  .help = "As strict_mx, for this map.",
	  .more = "" },
	{ .path = "domains",
	  .type = CONF_DOMAINS,
	  .offset = IN(domains),
	  .fallback = "{}",
	  .help = "Your own settings for domains, which are used without any "
	          "lookup.",
	  .more = "After each domain, write either bypass, which turns off "
	          "MTA-STS and DANE for it, or a policy, as in { mode: "
	          "enforce, mx: [mx1.example.org, \"*.example.net\"] }." },
	{ .path = "limits",
	  .type = CONF_SECTION,
	  .help = "Limits for clients.",
	  .more = "" },
	{ .path = "limits.clients",
	  .type = CONF_COUNT,
	  .offset = IN(limits.clients),
	  .min = 1,
	  .max = 65536,
	  .fallback = "1024",
	  .help = "How many connections from MTAs can be open at the same "
	          "time.",
	  .more = "This is the total of all listeners; each smtp(8) process "
	          "of Postfix keeps one connection." },
	{ .path = "log", .type = CONF_SECTION, .help = "Logging.", .more = "" },
	{ .path = "log.level",
	  .type = CONF_CHOICE,
	  .offset = IN(log.level),
	  .fallback = "info",
	  .choices = levels,
	  .help = "How much is logged.",
	  .more = "Single lookups are logged only at level debug." },
	{ .path = "log.target",
	  .type = CONF_CHOICE,
	  .offset = IN(log.target),
	  .fallback = "stderr",
	  .choices = targets,
	  .help = "Where log lines go.",
	  .more = "With syslog, the facility is mail. In the background, "
	          "syslog is always used." },
	{ .path = "user",
	  .type = CONF_NAME,
	  .offset = IN(user),
	  .max = NAME_MAX_,
	  .fallback = "\"\"",
	  .restart = true,
	  .help = "The user that mtastsd switches to if it is started as "
	          "root.",
	  .more = "Before that, sockets are opened and missing directories "
	          "are created; then root's privileges are dropped for good. "
	          "Empty: it does not switch; a service manager can start it "
	          "as the right user." },
};

enum { OPTIONS = sizeof(options) / sizeof(options[0]) };
_Static_assert((int)OPTIONS < (int)CONF_OPTIONS_MAX,
               "arrays by row are larger");

const struct conf_option *schema_at(size_t index)
{
	return index < OPTIONS ? &options[index] : NULL;
}

size_t schema_index(const struct conf_option *option)
{
	return (size_t)(option - options);
}

/* -- finding a row --------------------------------------------------------- */

const struct conf_option *schema_find(const char *path)
{
	for (size_t i = 0; schema_at(i); i++)
		if (strcmp(schema_at(i)->path, path) == 0)
			return schema_at(i);
	return NULL;
}

/* The part after the last dot. */
static const char *last_name(const struct conf_option *option)
{
	const char *dot = strrchr(option->path, '.');

	return dot ? dot + 1 : option->path;
}

bool schema_is_child(const struct conf_option *option,
                     const struct conf_option *parent)
{
	const char *name = last_name(option);
	size_t len = parent ? strlen(parent->path) + 1 : 0;

	return (size_t)(name - option->path) == len &&
	       (!parent || strncmp(option->path, parent->path, len - 1) == 0);
}

const struct conf_option *schema_child(const struct conf_option *parent,
                                       struct slice name)
{
	for (size_t i = 0; schema_at(i); i++)
		if (schema_is_child(schema_at(i), parent) &&
		    slice_is(name, last_name(schema_at(i))))
			return schema_at(i);
	return NULL;
}

/* -- guesses --------------------------------------------------------------- */

static const struct conf_option *guess_spelling(
    const struct conf_option *parent, struct slice name)
{
	const struct conf_option *best = NULL;
	size_t nearest = spell_slips(name.len) + 1;

	for (size_t i = 0; schema_at(i); i++) {
		const struct conf_option *option = schema_at(i);
		size_t far = spell_distance(name, last_name(option));

		if (!schema_is_child(option, parent) || far >= nearest)
			continue;
		best = option;
		nearest = far;
	}
	return best;
}

/* The only option of this name or path in another section. */
static const struct conf_option *guess_elsewhere(struct slice name)
{
	const struct conf_option *found = NULL;

	for (size_t i = 0; schema_at(i); i++) {
		const struct conf_option *option = schema_at(i);

		if (slice_is(name, option->path))
			return option;
		if (!slice_is(name, last_name(option)))
			continue;
		if (found)
			return NULL;
		found = option;
	}
	return found;
}

const struct conf_option *schema_guess(const struct conf_option *parent,
                                       struct slice name)
{
	const struct conf_option *guess = guess_spelling(parent, name);

	return guess ? guess : guess_elsewhere(name);
}
