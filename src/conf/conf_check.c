/* SPDX-License-Identifier: BSD-2-Clause */
/* conf_check.c - checks addresses and paths, and options that depend on each
 * other. */
#include "conf/conf_check.h"

#include "base/slice.h"
#include "conf/schema.h"
#include "conf/value.h"
#include "sts/domain.h"
#include "wire/socketmap.h"

#include <arpa/inet.h>
#include <strings.h>
#include <sys/un.h>

enum { UNIX_PATH_MAX = sizeof(((struct sockaddr_un *)0)->sun_path) - 1 };

/* For messages; a longer one is cut. */
#define QUOTED "'%.80s'"

int check_path(const char *text, struct fault *why)
{
	if (text[0] != '/')
		return fault_set(why, MTS_ESYNTAX,
		                 QUOTED
		                 " is not an absolute path; write one that "
		                 "begins with /",
		                 text);
	return MTS_OK;
}

int check_unix(const char *text, struct fault *why)
{
	size_t len;

	if (strncmp(text, "unix:/", 6) != 0)
		return fault_set(why, MTS_ESYNTAX,
		                 QUOTED
		                 " is not a unix socket; write unix: and "
		                 "an absolute path, as in "
		                 "unix:/run/mtasts/name.sock",
		                 text);
	len = strlen(text + 5);
	if (len > UNIX_PATH_MAX)
		return fault_set(why, MTS_ERANGE,
		                 "the path has %zu bytes; a unix socket's has "
		                 "%d at most",
		                 len, (int)UNIX_PATH_MAX);
	return MTS_OK;
}

static bool is_host_name(struct slice host)
{
	if (host.len > DOMAIN_MAX || !ascii_is_alnum(host.data[0]))
		return false;
	for (size_t i = 0; i < host.len; i++)
		if (!ascii_is_alnum(host.data[i]) && host.data[i] != '-' &&
		    host.data[i] != '.')
			return false;
	return true;
}

static bool read_ip(int family, struct slice text, unsigned char address[16])
{
	char copy[INET6_ADDRSTRLEN];

	if (text.len == 0 || text.len >= sizeof(copy))
		return false;
	memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	return inet_pton(family, copy, address) == 1;
}

static bool is_ip(int family, struct slice text)
{
	unsigned char address[16];

	return read_ip(family, text, address);
}

/* A text of digits and dots only was meant as an address: "127.0.0.256" is not
 * accepted as a host name. */
static bool is_host(struct slice host)
{
	bool letters = false;

	if (host.len == 0)
		return false;
	if (host.data[0] == '[')
		return host.len > 2 && host.data[host.len - 1] == ']' &&
		       is_ip(AF_INET6, slice_of(host.data + 1, host.len - 2));
	for (size_t i = 0; i < host.len; i++)
		if (!ascii_is_digit(host.data[i]) && host.data[i] != '.')
			letters = true;
	return letters ? is_host_name(host) : is_ip(AF_INET, host);
}

static bool is_port_number(const char *text)
{
	return text[0] != '0' && slice_port(slice_str(text)) != 0;
}

static int check_inet(const char *text, struct fault *why)
{
	const char *colon = strrchr(text, ':');
	struct slice host;

	if (is_ip(AF_INET6, slice_str(text)))
		return fault_set(why, MTS_ESYNTAX,
		                 "an IPv6 address needs brackets and a port, "
		                 "as in inet:[::1]:8461");
	if (!colon || text[strlen(text) - 1] == ']')
		return fault_set(why, MTS_ESYNTAX,
		                 "'inet:%.80s' has no port; write "
		                 "inet:host:port, as in inet:127.0.0.1:8461",
		                 text);
	host = slice_of(text, (size_t)(colon - text));
	if (host.len == 0)
		return fault_set(why, MTS_ESYNTAX,
		                 "'inet:%.80s' has no host; for every address "
		                 "of this machine write inet:0.0.0.0%.6s or "
		                 "inet:[::]%.6s",
		                 text, colon, colon);
	if (!is_host(host))
		return fault_set(why, MTS_ESYNTAX,
		                 "'%.*s' is neither a host name nor an "
		                 "address; IPv6 addresses go in brackets",
		                 host.len > 80 ? 80 : (int)host.len, host.data);
	if (!is_port_number(colon + 1))
		return fault_set(why, MTS_ERANGE,
		                 QUOTED " is not a port; write a number from 1 "
		                        "to 65535",
		                 colon + 1);
	return MTS_OK;
}

int check_address(const char *text, struct fault *why)
{
	if (strncmp(text, "inet:", 5) == 0)
		return check_inet(text + 5, why);
	if (strncmp(text, "unix:", 5) == 0)
		return check_unix(text, why);
	return fault_set(why, MTS_ESYNTAX,
	                 QUOTED " is not an address; write unix:/path or "
	                        "inet:host:port",
	                 text);
}

int check_name(const char *text, struct fault *why)
{
	if (strpbrk(text, " \t:/"))
		return fault_set(why, MTS_ESYNTAX,
		                 QUOTED " is not a name; remove blanks, ':' "
		                        "and '/'",
		                 text);
	return MTS_OK;
}

int check_server(const char *text, struct fault *why)
{
	struct slice all = slice_str(text);
	const char *colon = strrchr(text, ':');
	struct slice host = slice_of(text, colon ? (size_t)(colon - text) : 0);

	if (is_ip(AF_INET, all) || is_ip(AF_INET6, all))
		return MTS_OK;
	if (colon && is_port_number(colon + 1) &&
	    (is_ip(AF_INET, host) || (text[0] == '[' && is_host(host))))
		return MTS_OK;
	return fault_set(why, MTS_ESYNTAX,
	                 QUOTED
	                 " is not a name server; write an address, as in "
	                 "192.0.2.1, 192.0.2.1:5353 or [2001:db8::1]:53",
	                 text);
}

/* -- options that depend on each other ------------------------------------- */

/* Pairs of options; the first must not be more than the second. */
static const struct {
	const char *min;
	const char *max;
} bounds[] = {
	{ "lookup.negative_min", "lookup.negative_max" },
	{ "refresh.id_check_min", "refresh.id_check_max" },
};

static uint64_t number_of(const struct conf *conf,
                          const struct conf_option *option)
{
	uint64_t number;

	memcpy(&number, (const char *)conf + option->offset, sizeof(number));
	return number;
}

/* Blames the option that is in the file; if both are, the later one. */
static int refuse_bounds(const struct conf *conf, const struct conf_option *min,
                         const struct conf_option *max, const unsigned *lines,
                         const char *name, struct fault *why)
{
	unsigned min_line = lines[schema_index(min)];
	unsigned max_line = lines[schema_index(max)];
	char low[VALUE_TEXT_MAX];
	char high[VALUE_TEXT_MAX];

	value_text(min, number_of(conf, min), low);
	value_text(max, number_of(conf, max), high);
	if (min_line > max_line)
		return fault_set(why, MTS_ERANGE,
		                 "%s:%u: %s: %s is more than %s, which is %s",
		                 name, min_line, min->path, low, max->path,
		                 high);
	return fault_set(why, MTS_ERANGE,
	                 "%s:%u: %s: %s is less than %s, which is %s", name,
	                 max_line, max->path, high, min->path, low);
}

static int check_bounds(const struct conf *conf, const unsigned *lines,
                        const char *name, struct fault *why)
{
	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		const struct conf_option *min = schema_find(bounds[i].min);
		const struct conf_option *max = schema_find(bounds[i].max);

		if (number_of(conf, min) > number_of(conf, max))
			return refuse_bounds(conf, min, max, lines, name, why);
	}
	return MTS_OK;
}

/* Reads HOST, an address (IPv6 in brackets), into BYTES and returns its length
 * in bytes; 0: HOST is a name. HOST has passed is_host(). */
static size_t address_bytes(struct slice host, unsigned char bytes[16])
{
	if (host.data[0] == '[') {
		host = slice_of(host.data + 1, host.len - 2);
		return read_ip(AF_INET6, host, bytes) ? 16 : 0;
	}
	return read_ip(AF_INET, host, bytes) ? 4 : 0;
}

/* Whether listening on both hosts, at the same port, would conflict: 0.0.0.0
 * and [::] stand for all addresses of their family. */
static bool same_host(struct slice a, struct slice b)
{
	static const unsigned char any[16];
	unsigned char a_bytes[16];
	unsigned char b_bytes[16];
	size_t len = address_bytes(a, a_bytes);

	if (address_bytes(b, b_bytes) != len)
		return false;
	if (len == 0)
		return a.len == b.len &&
		       strncasecmp(a.data, b.data, a.len) == 0;
	return memcmp(a_bytes, b_bytes, len) == 0 ||
	       memcmp(a_bytes, any, len) == 0 || memcmp(b_bytes, any, len) == 0;
}

static const char *next_in_path(const char *path)
{
	return path + (*path == '/' ? strspn(path, "/") : 1);
}

/* "a//b" is "a/b". */
static bool same_path(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a = next_in_path(a);
		b = next_in_path(b);
	}
	return *a == *b;
}

/* A and B have passed check_address(), or are "". */
static bool same_listen_address(const char *a, const char *b)
{
	const char *a_port = strrchr(a, ':');
	const char *b_port = strrchr(b, ':');

	if (strncmp(a, "inet:", 5) != 0 || strncmp(b, "inet:", 5) != 0)
		return same_path(a, b);
	return strcmp(a_port, b_port) == 0 &&
	       same_host(slice_of(a + 5, (size_t)(a_port - a - 5)),
	                 slice_of(b + 5, (size_t)(b_port - b - 5)));
}

static int refuse_address(const struct conf_listen *entry, const char *other,
                          const char *name, struct fault *why)
{
	return fault_set(why, MTS_ESYNTAX,
	                 "%s:%u: listen.%s: %.120s is also the address of %s",
	                 name, entry->line, conf_protocol_text(entry->protocol),
	                 entry->address, other);
}

static int check_addresses(const struct conf *conf, const char *name,
                           struct fault *why)
{
	if (conf->stats[0] && same_listen_address(conf->stats, conf->control))
		return fault_set(why, MTS_ESYNTAX,
		                 "%s: stats: %.120s is also the address of "
		                 "control",
		                 name, conf->stats);
	for (size_t i = 0; i < conf->listen_count; i++) {
		const struct conf_listen *entry = &conf->listen[i];

		if (same_listen_address(entry->address, conf->control))
			return refuse_address(entry, "control", name, why);
		if (same_listen_address(entry->address, conf->stats))
			return refuse_address(entry, "stats", name, why);
		for (size_t k = 0; k < i; k++)
			if (same_listen_address(entry->address,
			                        conf->listen[k].address))
				return fault_set(
				    why, MTS_ESYNTAX,
				    "%s:%u: listen.%s: %.120s is "
				    "listened on already, by line %u",
				    name, entry->line,
				    conf_protocol_text(entry->protocol),
				    entry->address, conf->listen[k].line);
	}
	return MTS_OK;
}

/* Whether there is such a map, built-in or in "maps:". */
static bool has_map(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->map_count; i++)
		if (strcmp(conf->maps[i].name, name) == 0)
			return true;
	return socketmap_find_map(slice_str(name)) != MAP_UNKNOWN;
}

static int check_maps(const struct conf *conf, const char *name,
                      struct fault *why)
{
	for (size_t i = 0; i < conf->listen_count; i++) {
		const struct conf_listen *entry = &conf->listen[i];

		if (!has_map(conf, entry->map))
			return fault_set(why, MTS_ESYNTAX,
			                 "%s:%u: listen.map: there is no map "
			                 "'%.80s'; write postfix, "
			                 "postfix-tlsrpt or verdict, or add it "
			                 "to maps:",
			                 name, entry->line, entry->map);
	}
	return MTS_OK;
}

/* Blames the option that is later in the file. */
static int check_dane(const struct conf *conf, const unsigned *lines,
                      const char *name, struct fault *why)
{
	unsigned dane = lines[schema_index(schema_find("dane"))];
	unsigned dnssec = lines[schema_index(schema_find("dns.dnssec"))];

	if (conf->dane != CONF_DANE_ON || conf->dns.dnssec != CONF_DNSSEC_OFF)
		return MTS_OK;
	if (dane > dnssec)
		return fault_set(
		    why, MTS_ESYNTAX,
		    "%s:%u: dane: 'on' takes DNSSEC, and "
		    "dns.dnssec is off; write auto, or dns.dnssec: "
		    "auto",
		    name, dane);
	return fault_set(why, MTS_ESYNTAX,
	                 "%s:%u: dns.dnssec: 'off' leaves nothing to look at "
	                 "for dane: on; write auto, or dane: off",
	                 name, dnssec);
}

int check_together(const struct conf *conf, const unsigned *lines,
                   const char *name, struct fault *why)
{
	int status = check_bounds(conf, lines, name, why);

	if (status == MTS_OK)
		status = check_dane(conf, lines, name, why);
	if (status == MTS_OK)
		status = check_addresses(conf, name, why);
	return status == MTS_OK ? check_maps(conf, name, why) : status;
}
