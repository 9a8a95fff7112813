/* SPDX-License-Identifier: BSD-2-Clause */
/* bench.c - what the programs of "make bench" share. */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

void bench_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

void bench_die_errno(const char *what)
{
	bench_die("%s: %s", what, strerror(errno));
}

uint64_t bench_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

double bench_cpu_s(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
	       (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

uint64_t bench_number(const char *text)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end)
		bench_die("%s: not a number", text);
	return value;
}

union address {
	struct sockaddr any;
	struct sockaddr_un un;
	struct sockaddr_in in;
};

static socklen_t address_inet(const char *text, struct sockaddr_in *in)
{
	const char *colon = strrchr(text, ':');
	char host[INET_ADDRSTRLEN];

	if (!colon || (size_t)(colon - text) >= sizeof(host))
		bench_die("inet:%s: want inet:A.B.C.D:PORT", text);
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	in->sin_family = AF_INET;
	in->sin_port = htons((uint16_t)bench_number(colon + 1));
	if (inet_pton(AF_INET, host, &in->sin_addr) != 1)
		bench_die("%s: not an IPv4 address", host);
	return sizeof(*in);
}

static socklen_t address_unix(const char *path, struct sockaddr_un *un)
{
	if (strlen(path) >= sizeof(un->sun_path))
		bench_die("%s: path too long", path);
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, strlen(path) + 1);
	return sizeof(*un);
}

static socklen_t address_parse(const char *text, union address *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (strncmp(text, "unix:", 5) == 0)
		return address_unix(text + 5, &ret->un);
	if (strncmp(text, "inet:", 5) == 0)
		return address_inet(text + 5, &ret->in);
	bench_die("%s: want unix:PATH or inet:A.B.C.D:PORT", text);
}

static void set_option(int fd, int level, int name)
{
	int one = 1;

	if (setsockopt(fd, level, name, &one, sizeof(one)) < 0)
		bench_die_errno("setsockopt");
}

int bench_listen(const char *text)
{
	union address address;
	socklen_t len = address_parse(text, &address);
	int fd = socket(address.any.sa_family,
	                SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		bench_die_errno("socket");
	if (address.any.sa_family == AF_UNIX)
		unlink(address.un.sun_path);
	else
		set_option(fd, SOL_SOCKET, SO_REUSEADDR);
	if (bind(fd, &address.any, len) < 0 || listen(fd, BACKLOG) < 0)
		bench_die_errno(text);
	return fd;
}

int bench_connect(const char *text)
{
	union address address;
	socklen_t len = address_parse(text, &address);
	int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		bench_die_errno("socket");
	if (connect(fd, &address.any, len) < 0)
		bench_die_errno(text);
	if (address.any.sa_family == AF_INET)
		set_option(fd, IPPROTO_TCP, TCP_NODELAY);
	return fd;
}

int bench_accept(int listener)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	int fd = accept4(listener, (struct sockaddr *)&peer, &len,
	                 SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0 && peer.ss_family == AF_INET)
		set_option(fd, IPPROTO_TCP, TCP_NODELAY);
	return fd;
}

int bench_epoll(void)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0)
		bench_die_errno("epoll_create1");
	return fd;
}

void bench_watch(int epoll, int fd, void *ptr)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = ptr };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		bench_die_errno("epoll_ctl");
}

struct pattern pattern_make(const char *text)
{
	struct pattern pattern = { .text = strdup(text) };

	if (!pattern.text)
		bench_die("out of memory");
	pattern.len = strlen(text);
	pattern.digits = pattern.text + strcspn(text, "#");
	pattern.width = strspn(pattern.digits, "#");
	return pattern;
}

void pattern_set(struct pattern *pattern, uint64_t number)
{
	for (size_t i = pattern->width; i > 0; i--) {
		pattern->digits[i - 1] = (char)('0' + number % 10);
		number /= 10;
	}
}

struct range range_parse(const char *text)
{
	const char *colon = strchr(text, ':');
	struct range range;
	char *first;

	if (!colon)
		bench_die("%s: want FIRST:LAST", text);
	first = strndup(text, (size_t)(colon - text));
	if (!first)
		bench_die("out of memory");
	range.first = bench_number(first);
	range.last = bench_number(colon + 1);
	free(first);
	if (range.last < range.first)
		bench_die("%s: FIRST is over LAST", text);
	return range;
}
