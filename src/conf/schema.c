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
	UNIX_MAX = 112,  /* "unix:" and 107 bytes; check.c tells it better */
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
	  .help = "Where MTAs ask.",
	  .more =
	      "A list; each entry is one socket. Where Postfix runs smtp(8) "
	      "chrooted, as Debian does, a unix socket must lie below "
	      "/var/spool/postfix, or the map be written with proxy: in "
	      "front, or inet be used." },
	{ .path = "listen.socketmap",
	  .type = CONF_ADDRESS,
	  .offset = ENTRY(address),
	  .min = 1,
	  .max = TEXT_MAX,
	  .fallback = "unix:/run/mtasts/socketmap.sock",
	  .help = "The address of a socketmap listener, for Postfix and "
	          "Sendmail.",
	  .more = "Either unix:/path or inet:host:port, with an IPv6 address "
	          "in brackets." },
	{ .path = "listen.mode",
	  .type = CONF_MODE,
	  .offset = ENTRY(mode),
	  .max = 0777,
	  .fallback = "0660",
	  .help = "The permissions of a unix socket, in octal.",
	  .more = "Whoever may write to it may ask." },
	{ .path = "listen.owner",
	  .type = CONF_NAME,
	  .offset = ENTRY(owner),
	  .max = NAME_MAX_,
	  .fallback = "\"\"",
	  .help = "The user a unix socket is given to.",
	  .more = "Empty: the one mtastsd runs as." },
	{ .path = "listen.group",
	  .type = CONF_NAME,
	  .offset = ENTRY(group),
	  .max = NAME_MAX_,
	  .fallback = "\"\"",
	  .help = "The group a unix socket is given to.",
	  .more = "Empty: the one mtastsd runs as." },
	{ .path = "listen.tcp_table",
	  .type = CONF_ADDRESS,
	  .offset = ENTRY(address),
	  .min = 1,
	  .max = TEXT_MAX,
	  .example = "inet:127.0.0.1:8462",
	  .help = "The address of a tcp_table listener, for Postfix's tcp: "
	          "maps.",
	  .more = "Prefer socketmap: a reply has 4096 bytes at most here, "
	          "and a policy that is too long for it makes mail wait." },
	{ .path = "listen.map",
	  .type = CONF_NAME,
	  .offset = ENTRY(map),
	  .min = 1,
	  .max = NAME_MAX_,
	  .fallback = "postfix",
	  .help = "The map that a tcp_table listener answers for.",
	  .more = "The protocol has no map names." },
	{ .path = "listen.exim",
	  .type = CONF_ADDRESS,
	  .offset = ENTRY(address),
	  .min = 1,
	  .max = TEXT_MAX,
	  .example = "unix:/run/mtasts/exim.sock",
	  .help = "The address of a listener for Exim's ${readsocket}.",
	  .more = "Exim asks as root when it delivers, and as its own user "
	          "when it verifies recipients." },
	{ .path = "control",
	  .type = CONF_UNIX,
	  .offset = IN(control),
	  .max = UNIX_MAX,
	  .fallback = "unix:/run/mtasts/control.sock",
	  .help = "The unix socket that mtasts-ctl talks to.",
	  .more = "Only root, the user mtastsd runs as, and those that "
	          "control_users and control_group name may: its file has "
	          "mode 0600 if there are none, and who connects is looked at "
	          "in any case. Empty: none." },
	{ .path = "control_users",
	  .type = CONF_NAMES,
	  .offset = IN(control_users),
	  .max = 64,
	  .fallback = "[]",
	  .help = "Further users who may use mtasts-ctl.",
	  .more = "A list of their names. They can make the daemon forget "
	          "policies. If there are any, the socket's file has mode "
	          "0666, and all others are refused as they connect." },
	{ .path = "control_group",
	  .type = CONF_NAME,
	  .offset = IN(control_group),
	  .max = NAME_MAX_,
	  .fallback = "\"\"",
	  .help = "A group whose members may use mtasts-ctl.",
	  .more = "The socket is given to it, with mode 0660. Empty: none." },
	{ .path = "stats",
	  .type = CONF_ADDRESS,
	  .offset = IN(stats),
	  .max = TEXT_MAX,
	  .fallback = "unix:/run/mtasts/stats.sock",
	  .help = "The address for monitoring, which speaks HTTP.",
	  .more = "Either unix:/path or inet:host:port, as in "
	          "inet:127.0.0.1:9461. It serves /metrics for Prometheus, "
	          "/stats.json and /healthz, and names no domain: whoever gets "
	          "there may look. Empty: none." },
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
	  .help = "The folder of the cache.",
	  .more = "One mtastsd at a time can use it." },
	{ .path = "cache.max_size",
	  .type = CONF_SIZE,
	  .offset = IN(cache.max_size),
	  .min = MIB,
	  .max = TIB,
	  .fallback = "1GiB",
	  .restart = true,
	  .help = "What the cache may grow to.",
	  .more = "Address space is set aside for all of it, memory and disk "
	          "only for what is stored. When it is nearly full, policies "
	          "that have ended make room first, then those of mode none, "
	          "of testing, and of enforce, each not used for longest "
	          "first." },
	{ .path = "cache.unused_after",
	  .type = CONF_DURATION,
	  .offset = IN(cache.unused_after_ms),
	  .min = DAY,
	  .max = 366 * DAY,
	  .fallback = "30d",
	  .help = "How long a policy is kept up to date that nobody asks for.",
	  .more = "Then it is not fetched afresh any more, and goes when its "
	          "max_age is over; it is in force until then." },
	{ .path = "dns",
	  .type = CONF_SECTION,
	  .help = "How names are looked up.",
	  .more = "" },
	{ .path = "dns.servers",
	  .type = CONF_SERVERS,
	  .offset = IN(dns.servers),
	  .max = 8, /* the resolver takes no more */
	  .fallback = "[]",
	  .help = "The name servers to ask.",
	  .more = "A list of addresses; a port can follow an IPv4 address or "
	          "an IPv6 address in brackets. Empty: those of "
	          "/etc/resolv.conf." },
	{ .path = "dns.dnssec",
	  .type = CONF_CHOICE,
	  .offset = IN(dns.dnssec),
	  .fallback = "auto",
	  .choices = dnssec,
	  .help = "How DNS answers are authenticated, for DANE.",
	  .more = "With validate signatures are checked here, from the trust "
	          "anchor down. With trust-ad the name servers' word is taken, "
	          "their AD bit: the way to them must be safe. With auto it is "
	          "taken from name servers on loopback addresses, if they do "
	          "validate, and signatures are checked here otherwise." },
	{ .path = "dns.trust_anchor",
	  .type = CONF_PATH,
	  .offset = IN(dns.trust_anchor),
	  .max = TEXT_MAX,
	  .fallback = "\"\"",
	  .help = "The file with the root's DNSSEC keys.",
	  .more = "DS or DNSKEY records as in a zone file; it is never fetched "
	          "or written. Empty: the system's, as the package "
	          "dns-root-data brings it." },
	{ .path = "dns.timeout",
	  .type = CONF_DURATION,
	  .offset = IN(dns.timeout_ms),
	  .min = SECOND,
	  .max = MINUTE,
	  .fallback = "5s",
	  .help = "How long one DNS question may take.",
	  .more = "" },
	{ .path = "fetch",
	  .type = CONF_SECTION,
	  .help = "How policies are fetched.",
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
	  .help = "How long the fetch of one policy may take.",
	  .more = "RFC 8461 section 3.3 suggests one minute." },
	{ .path = "fetch.max_size",
	  .type = CONF_SIZE,
	  .offset = IN(fetch.max_size),
	  .min = KIB,
	  .max = POLICY_MAX, /* the parser takes no more */
	  .fallback = "64KiB",
	  .help = "How large a policy may be.",
	  .more = "RFC 8461 section 3.3 suggests 64 kilobytes." },
	{ .path = "fetch.concurrency",
	  .type = CONF_COUNT,
	  .offset = IN(fetch.concurrency),
	  .min = 1,
	  .max = 1024,
	  .fallback = "64",
	  .help = "How many fetches may be under way at once.",
	  .more = "Further ones wait for their turn. Those that take longer "
	          "than half a second make room for others and are counted "
	          "apart, four to sixteen times as many, as there are file "
	          "descriptors." },
	{ .path = "fetch.retry",
	  .type = CONF_DURATION,
	  .offset = IN(fetch.retry_ms),
	  .min = 5 * MINUTE, /* 3.3: "five minutes or longer" */
	  .max = DAY,
	  .fallback = "5m",
	  .help = "How long a failed fetch is not repeated.",
	  .more = "That is for the same domain and the same id; RFC 8461 "
	          "section 3.3 asks for five minutes or longer." },
	{ .path = "fetch.allow_private_addresses",
	  .type = CONF_BOOL,
	  .offset = IN(fetch.allow_private_addresses),
	  .fallback = "false",
	  .help = "Whether a policy host may have a private address.",
	  .more =
	      "Anybody can publish a record whose policy host is a machine "
	      "of your own network: leave this off unless your own domains' "
	      "policies are served from there." },
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
	  .help = "How long an MTA waits when nothing is known of a domain.",
	  .more = "Then it is told that there is no policy, or to wait if DANE "
	          "may apply, and the look-up goes on for the next who asks. "
	          "Three times dns.timeout is enough to find out that a domain "
	          "whose name servers do not answer is not signed; with less, "
	          "its first message waits in vain. "
	          "Postfix itself gives up, and defers the mail, after 100 "
	          "seconds." },
	{ .path = "lookup.negative_min",
	  .type = CONF_DURATION,
	  .offset = IN(lookup.negative_min_ms),
	  .min = SECOND,
	  .max = DAY,
	  .fallback = "1m",
	  .help = "How long it is remembered at least that there is no record.",
	  .more = "The zone's SOA record says how long, between this and "
	          "negative_max." },
	{ .path = "lookup.negative_max",
	  .type = CONF_DURATION,
	  .offset = IN(lookup.negative_max_ms),
	  .min = SECOND,
	  .max = DAY,
	  .fallback = "1h",
	  .help = "How long it is remembered at most that there is no record.",
	  .more = "" },
	{ .path = "refresh",
	  .type = CONF_SECTION,
	  .help = "How cached policies are kept up to date.",
	  .more = "" },
	{ .path = "refresh.interval",
	  .type = CONF_DURATION,
	  .offset = IN(refresh.interval_ms),
	  .min = MINUTE,
	  .max = 30 * DAY,
	  .fallback = "1d",
	  .help = "How often each policy is fetched afresh.",
	  .more = "Up to a tenth sooner, so that not all are fetched at once; "
	          "and when half of a policy's max_age is over, if that is "
	          "sooner. After a failure it is tried again after 5 minutes, "
	          "10, 20 and so on up to 6 hours. RFC 8461 section 3.3 "
	          "suggests once a day." },
	{ .path = "refresh.min_interval",
	  .type = CONF_DURATION,
	  .offset = IN(refresh.min_interval_ms),
	  .min = SECOND,
	  .max = DAY,
	  .fallback = "5m",
	  .help = "How often a policy is fetched at most.",
	  .more = "A policy whose max_age is less ends and is not fetched "
	          "again before this is over, unless its record has a new id; "
	          "until then its domain has none." },
	{ .path = "refresh.id_check_min",
	  .type = CONF_DURATION,
	  .offset = IN(refresh.id_check_min_ms),
	  .min = SECOND,
	  .max = 7 * DAY,
	  .fallback = "1m",
	  .help = "How long the id of a policy in use is trusted at least.",
	  .more = "Then its record is asked for again, in the background. The "
	          "record's time to live says how long, between this and "
	          "id_check_max." },
	{ .path = "refresh.id_check_max",
	  .type = CONF_DURATION,
	  .offset = IN(refresh.id_check_max_ms),
	  .min = SECOND,
	  .max = 7 * DAY,
	  .fallback = "1d",
	  .help = "How long the id of a policy in use is trusted at most.",
	  .more = "" },
	{ .path = "dane",
	  .type = CONF_CHOICE,
	  .offset = IN(dane),
	  .fallback = "auto",
	  .choices = dane_modes,
	  .help = "Where it is looked whether DANE applies, which comes before "
	          "MTA-STS.",
	  .more = "With auto that is done for every next hop where the "
	          "resolver hands out DNSSEC data; with on, whatever the "
	          "resolver does: behind one that strips signatures much mail "
	          "then waits; with precedence as with auto, but only where a "
	          "policy is enforced." },
	{ .path = "dane_answer",
	  .type = CONF_CHOICE,
	  .offset = IN(dane_answer),
	  .fallback = "dane-only",
	  .choices = dane_answers,
	  .help = "What Postfix is told where DANE applies.",
	  .more = "With dane-only it is told dane-only or dane, which needs "
	          "smtp_dns_support_level = dnssec in main.cf; with none it is "
	          "told nothing, and main.cf has to ask for DANE. That DANE "
	          "can't be looked up it is told either way." },
	{ .path = "testing",
	  .type = CONF_CHOICE,
	  .offset = IN(testing),
	  .fallback = "report",
	  .choices = testing_modes,
	  .help = "What policies in mode testing are taken for.",
	  .more =
	      "With report they bind nobody, as RFC 8461 section 5 has it; "
	      "with enforce they count as if they were in mode enforce: "
	      "mail that fails them waits. For the maps that mtastsd has by "
	      "itself and for exim." },
	{ .path = "protocols",
	  .type = CONF_BOOL,
	  .offset = IN(protocols),
	  .fallback = "false",
	  .help = "Whether Postfix is told protocols=>=TLSv1.2 with a policy.",
	  .more =
	      "The defaults of Postfix 3.7 still allow TLS 1.0, which RFC "
	      "8461 section 7.2 leaves out; a Postfix before 3.6 does not "
	      "know the sign >= and defers the mail. For the maps that mtastsd "
	      "has by itself." },
	{ .path = "servername",
	  .type = CONF_BOOL,
	  .offset = IN(servername),
	  .fallback = "true",
	  .help = "Whether Postfix is told servername=hostname with a policy.",
	  .more = "RFC 8461 section 7.1 wants the host's name in the TLS "
	          "hand-shake; a Postfix before 3.4 does not know how and "
	          "defers the mail. For the maps that mtastsd has by itself." },
	{ .path = "strict_mx",
	  .type = CONF_BOOL,
	  .offset = IN(strict_mx),
	  .fallback = "false",
	  .help = "Whether Postfix is told MX hosts in place of a policy's "
	          "patterns.",
	  .more =
	      "Those of the domain's MX hosts that its policy covers; if it "
	      "covers none, or they can't be looked up, mail waits. A Postfix "
	      "before 3.10.5 by itself takes a wildcard for any number of "
	      "labels, and goes to hosts that no policy lists. It costs a "
	      "question to DNS for each domain and time to live. For the maps "
	      "postfix and postfix-tlsrpt that mtastsd has by itself." },
	{ .path = "maps",
	  .type = CONF_MAPS,
	  .offset = IN(maps),
	  .max = 64,
	  .help = "Maps of the operator's own.",
	  .more = "A list; each entry is one that MTAs can ask besides those "
	          "that mtastsd has by itself, or in place of the one that has "
	          "its name." },
	{ .path = "maps.name",
	  .type = CONF_NAME,
	  .offset = MAP(name),
	  .min = 1,
	  .max = NAME_MAX_,
	  .example = "strict",
	  .help = "The name that MTAs ask it by.",
	  .more = "" },
	{ .path = "maps.like",
	  .type = CONF_CHOICE,
	  .offset = MAP(like),
	  .fallback = "postfix",
	  .choices = likes,
	  .help = "The map whose answers it gives.",
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
	  .help = "The operator's own word on domains, which comes before any "
	          "look-up.",
	  .more = "Behind each domain stands either bypass, and it goes "
	          "without MTA-STS and DANE, or a policy, as in { mode: "
	          "enforce, mx: [mx1.example.org, \"*.example.net\"] }." },
	{ .path = "limits",
	  .type = CONF_SECTION,
	  .help = "What clients may take.",
	  .more = "" },
	{ .path = "limits.clients",
	  .type = CONF_COUNT,
	  .offset = IN(limits.clients),
	  .min = 1,
	  .max = 65536,
	  .fallback = "1024",
	  .help = "How many connections of MTAs may be open at once.",
	  .more = "All listeners together; each smtp(8) process of Postfix "
	          "keeps one." },
	{ .path = "log",
	  .type = CONF_SECTION,
	  .help = "What is logged, and where.",
	  .more = "" },
	{ .path = "log.level",
	  .type = CONF_CHOICE,
	  .offset = IN(log.level),
	  .fallback = "info",
	  .choices = levels,
	  .help = "How much is logged.",
	  .more = "Look-ups are logged one by one at debug only." },
	{ .path = "log.target",
	  .type = CONF_CHOICE,
	  .offset = IN(log.target),
	  .fallback = "stderr",
	  .choices = targets,
	  .help = "Where log lines go.",
	  .more = "With syslog the facility is mail. In the background it is "
	          "always syslog." },
	{ .path = "user",
	  .type = CONF_NAME,
	  .offset = IN(user),
	  .max = NAME_MAX_,
	  .fallback = "\"\"",
	  .restart = true,
	  .help = "The user that mtastsd becomes when it is started as root.",
	  .more = "Sockets are opened before, and folders made that are "
	          "missing; then root's privileges are given up for good. "
	          "Empty: none; a service manager may start it as the right "
	          "user." },
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

/* What stands after the last dot. */
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

/* The one option of this name or path in another place. */
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
