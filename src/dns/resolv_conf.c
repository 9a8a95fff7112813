/* SPDX-License-Identifier: BSD-2-Clause */
/* resolv_conf.c - the name servers that /etc/resolv.conf lists. */
#include "dns/resolv_conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* Takes the next word off LINE. */
static struct slice take_word(struct slice *line)
{
	size_t from = 0;
	size_t to;
	struct slice word;

	while (from < line->len && ascii_is_wsp(line->data[from]))
		from++;
	to = from;
	while (to < line->len && !ascii_is_wsp(line->data[to]) &&
	       line->data[to] != '\r')
		to++;
	word = slice_of(line->data + from, to - from);
	*line = slice_skip(*line, to);
	return word;
}

static bool parse_address(struct slice word, struct address *ret)
{
	return address_parse(word, AF_INET, ret) ||
	       address_parse(word, AF_INET6, ret);
}

size_t resolv_conf_parse(struct slice text,
                         struct address servers[RESOLV_CONF_SERVERS])
{
	size_t count = 0;
	size_t at = 0;

	while (at < text.len && count < RESOLV_CONF_SERVERS) {
		const char *start = text.data + at;
		const char *end = memchr(start, '\n', text.len - at);
		size_t len = end ? (size_t)(end - start) : text.len - at;
		struct slice line = slice_of(start, len);

		if (slice_is(take_word(&line), "nameserver") &&
		    parse_address(take_word(&line), &servers[count]))
			count++;
		at += len + 1;
	}
	return count;
}

/* The first bytes of the file, at most RESOLV_CONF_MAX. */
static int read_file(int fd, char *text, size_t *ret_len)
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

int resolv_conf_read(const char *path,
                     struct address servers[RESOLV_CONF_SERVERS],
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
	error = fd < 0 ? errno : read_file(fd, text, &len);
	if (error) {
		status = fault_errno(why, error, "%s can't be read", path);
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
