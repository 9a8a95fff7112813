/* SPDX-License-Identifier: BSD-2-Clause */
/* server_set.c - the DNS servers to ask: reads the configured ones or those of
 * resolv.conf, and puts them in order. */
#include "dns/server_set.h"

#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* -- a set ----------------------------------------------------------------- */

static int set_add(struct server_set *set, const struct server_source *source,
                   const struct resolver_server *at)
{
	struct name_server *server = &set->servers[set->count];
	char text[ADDRESS_TEXT];

	server->at = *at;
	snprintf(server->text, sizeof(server->text),
	         at->address.family == AF_INET6 ? "[%s]:%u" : "%s:%u",
	         address_text(&at->address, text), (unsigned)at->port);
	if (dns_udp_new(source->loop, source->work_queue, &at->address,
	                at->port, &server->udp) != MTS_OK)
		return MTS_ENOMEM;
	set->count++;
	return MTS_OK;
}

/* The one reference is the caller's. NULL: out of memory. */
static struct server_set *set_new(const struct server_source *source,
                                  const struct resolver_server *servers,
                                  size_t count)
{
	struct server_set *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	set->references = 1;
	for (size_t i = 0; set && i < count; i++)
		if (set_add(set, source, &servers[i]) != MTS_OK)
			server_set_unref(&set);
	return set;
}

void server_set_unref(struct server_set **set)
{
	struct server_set *s = *set;

	if (!s)
		return;
	*set = NULL;
	if (--s->references > 0)
		return;
	for (size_t i = 0; i < s->count; i++)
		dns_udp_close(&s->servers[i].udp);
	free(s);
}

void server_set_order(const struct server_set *set, uint64_t now_ms,
                      unsigned order[RESOLVER_SERVERS_MAX])
{
	size_t n = 0;

	for (unsigned i = 0; i < set->count; i++)
		if (set->servers[i].avoid_until_ms <= now_ms)
			order[n++] = i;
	for (unsigned i = 0; i < set->count; i++)
		if (set->servers[i].avoid_until_ms > now_ms)
			order[n++] = i;
}

/* -- resolv.conf ----------------------------------------------------------- */

/* Takes the next field off LINE. */
static struct slice resolv_conf_take_field(struct slice *line)
{
	size_t from = 0;
	size_t to;
	struct slice field;

	while (from < line->len && ascii_is_wsp(line->data[from]))
		from++;
	to = from;
	while (to < line->len && !ascii_is_wsp(line->data[to]) &&
	       line->data[to] != '\r')
		to++;
	field = slice_of(line->data + from, to - from);
	*line = slice_skip(*line, to);
	return field;
}

static bool resolv_conf_parse_address(struct slice field, struct address *ret)
{
	return address_parse(field, AF_INET, ret) ||
	       address_parse(field, AF_INET6, ret);
}

size_t resolv_conf_parse(struct slice text,
                         struct address servers[RESOLVER_SERVERS_MAX])
{
	size_t count = 0;
	size_t at = 0;

	while (at < text.len && count < RESOLVER_SERVERS_MAX) {
		const char *start = text.data + at;
		const char *end = memchr(start, '\n', text.len - at);
		size_t len = end ? (size_t)(end - start) : text.len - at;
		struct slice line = slice_of(start, len);

		if (slice_is(resolv_conf_take_field(&line), "nameserver") &&
		    resolv_conf_parse_address(resolv_conf_take_field(&line),
		                              &servers[count]))
			count++;
		at += len + 1;
	}
	return count;
}

/* The first bytes of the file, at most RESOLV_CONF_MAX. 0 or an errno. */
static int resolv_conf_load(int fd, char *text, size_t *ret_len)
{
	size_t len = 0;

	while (len < RESOLV_CONF_MAX) {
		ssize_t n = read(fd, text + len, RESOLV_CONF_MAX - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	*ret_len = len;
	return 0;
}

/* MTS_ESYS: the file cannot be read; MTS_ENOTFOUND: it names no server;
 * MTS_ENOMEM. WHY says what to do. */
static int resolv_conf_read(const char *path,
                            struct address servers[RESOLVER_SERVERS_MAX],
                            size_t *ret_count, struct fault *why)
{
	char *text = malloc(RESOLV_CONF_MAX);
	int fd = -1;
	int status = MTS_OK;
	size_t len = 0;
	int error;

	if (!text)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	error = fd < 0 ? errno : resolv_conf_load(fd, text, &len);
	if (error) {
		status = fault_errno(why, error, "%s cannot be read", path);
		goto out;
	}
	*ret_count = resolv_conf_parse(slice_of(text, len), servers);
	if (*ret_count == 0)
		status = fault_set(why, MTS_ENOTFOUND,
		                   "%s names no server: add a line "
		                   "\"nameserver ADDRESS\", or set dns.servers",
		                   path);
out:
	if (fd >= 0)
		close(fd);
	free(text);
	return status;
}

/* -- where the set comes from ---------------------------------------------- */

static void source_write_text(struct server_source *source)
{
	size_t used = 0;

	source->text[0] = '\0';
	for (size_t i = 0; i < source->set->count; i++) {
		int n = snprintf(source->text + used,
		                 sizeof(source->text) - used, "%s%s",
		                 i ? ", " : "", source->set->servers[i].text);

		if (n > 0 && (size_t)n < sizeof(source->text) - used)
			used += (size_t)n;
	}
}

static int source_use(struct server_source *source,
                      const struct resolver_server *servers, size_t count,
                      struct fault *why)
{
	struct server_set *set = set_new(source, servers, count);

	if (!set)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	server_set_unref(&source->set);
	source->set = set;
	source_write_text(source);
	return MTS_OK;
}

static int source_use_configured(struct server_source *source,
                                 const char *const *texts, size_t count,
                                 struct fault *why)
{
	struct resolver_server servers[RESOLVER_SERVERS_MAX];
	int status = MTS_OK;

	if (count > RESOLVER_SERVERS_MAX)
		return fault_set(why, MTS_ERANGE, "more than %d DNS servers",
		                 RESOLVER_SERVERS_MAX);
	for (size_t i = 0; i < count && status == MTS_OK; i++)
		status = address_parse_server(texts[i], &servers[i].address,
		                              &servers[i].port, why);
	return status == MTS_OK ? source_use(source, servers, count, why)
	                        : status;
}

static int source_use_resolv_conf(struct server_source *source,
                                  struct fault *why)
{
	struct address found[RESOLVER_SERVERS_MAX];
	struct resolver_server servers[RESOLVER_SERVERS_MAX];
	size_t count = 0;
	int status = resolv_conf_read(source->resolv_conf, found, &count, why);

	if (status != MTS_OK)
		return status;
	for (size_t i = 0; i < count; i++)
		servers[i] =
		    (struct resolver_server){ found[i], ADDRESS_DNS_PORT };
	return source_use(source, servers, count, why);
}

int server_source_init(struct server_source *source, uv_loop_t *loop,
                       struct work_queue *work_queue,
                       const char *const *servers, size_t count,
                       const char *resolv_conf, struct fault *why)
{
	*source =
	    (struct server_source){ .loop = loop, .work_queue = work_queue };
	if (count)
		return source_use_configured(source, servers, count, why);
	source->resolv_conf = strdup(resolv_conf);
	if (!source->resolv_conf)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	source->checked_ms = uv_now(loop);
	/* Before the file is read, so that a change in between is noticed. */
	(void)stat(source->resolv_conf, &source->stat);
	return source_use_resolv_conf(source, why);
}

void server_source_close(struct server_source *source)
{
	server_set_unref(&source->set);
	free(source->resolv_conf);
	source->resolv_conf = NULL;
}

static void source_read_again(struct server_source *source)
{
	struct fault why;

	if (source_use_resolv_conf(source, &why) == MTS_OK) {
		log_info("dns_servers servers=\"%s\" from=\"%s\"", source->text,
		         source->resolv_conf);
		source->warned = false;
	} else if (!source->warned) {
		log_warning("dns_servers servers=\"%s\" kept=yes reason=\"%s\"",
		            source->text, why.text);
		source->warned = true;
	}
}

void server_source_update(struct server_source *source)
{
	uint64_t now_ms = uv_now(source->loop);
	struct stat now;

	if (!source->resolv_conf ||
	    now_ms - source->checked_ms < RESOLV_CONF_REREAD_MS)
		return;
	source->checked_ms = now_ms;
	if (stat(source->resolv_conf, &now) != 0)
		now = (struct stat){ .st_ino = 0 };
	if (!file_has_changed(&now, &source->stat))
		return;
	source->stat = now;
	source_read_again(source);
}

struct server_set *server_source_get(struct server_source *source)
{
	server_source_update(source);
	source->set->references++;
	return source->set;
}
