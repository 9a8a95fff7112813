/* SPDX-License-Identifier: BSD-2-Clause */
/* bench_echo.c - a bare server: the cost of a question without a look-up.
 *
 *	bench_echo [-d NS] ADDRESS REPLY
 *
 * One thread, level-triggered epoll, one read and one write a question. It
 * answers each read with REPLY as a netstring, without a look at what was
 * asked: bench_load's clients are lock-step, so a read is a question. What a
 * real server does beyond this (parsing, the look-up, writing the answer, its
 * loop library) is what the ratio shows.
 *
 * -d makes each answer NS nanoseconds dearer: a server that is known to be
 * slower, to try the load generator with. */
#include "bench.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS_MAX = 128, READ_MAX = 16384 };

static void accept_all(int epoll, int listener)
{
	int fd;

	while ((fd = bench_accept(listener)) >= 0)
		bench_watch(epoll, fd, (void *)(intptr_t)fd);
}

static void delay(uint64_t ns)
{
	uint64_t end = bench_now_ns() + ns;

	while (bench_now_ns() < end)
		;
}

/* False: the client is gone. A client that lets a constant of a few bytes fill
 * its socket is not lock-step, and cut off. */
static bool answer(int fd, const char *reply, size_t len)
{
	char question[READ_MAX];
	ssize_t n = read(fd, question, sizeof(question));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	return n > 0 && send(fd, reply, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static void serve(int listener, const char *reply, size_t len, uint64_t ns)
{
	struct epoll_event events[EVENTS_MAX];
	int epoll = bench_epoll();

	bench_watch(epoll, listener, (void *)(intptr_t)listener);
	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS_MAX, -1);

		for (int i = 0; i < n; i++) {
			int fd = (int)(intptr_t)events[i].data.ptr;

			if (fd == listener) {
				accept_all(epoll, listener);
				continue;
			}
			if (ns)
				delay(ns);
			if (!answer(fd, reply, len))
				close(fd);
		}
	}
}

int main(int argc, char **argv)
{
	uint64_t ns = 0;
	char *reply;
	int len;
	int option;

	while ((option = getopt(argc, argv, "d:")) != -1) {
		if (option != 'd')
			return 2;
		ns = bench_number(optarg);
	}
	if (argc - optind != 2)
		bench_die("usage: bench_echo [-d NS] ADDRESS REPLY");
	len = asprintf(&reply, "%zu:%s,", strlen(argv[optind + 1]),
	               argv[optind + 1]);
	if (len < 0)
		bench_die("out of memory");
	serve(bench_listen(argv[optind]), reply, (size_t)len, ns);
}
