/* SPDX-License-Identifier: BSD-2-Clause */
/* bench.h - what the programs of "make bench" share.
 *
 * It uses nothing from src/: a reference must not be made of what it measures. These
 * programs end at the first error, since a figure measured after an error is worth
 * nothing. */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

/* Says why on stderr and ends the process with status 1. */
_Noreturn void bench_die(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* The same, and adds what errno says. */
_Noreturn void bench_die_errno(const char *what);

/* CLOCK_MONOTONIC. */
uint64_t bench_now_ns(void);

/* The processor time that this process has used, all its threads. */
double bench_cpu_s(void);

/* A decimal number and nothing else, or the end. */
uint64_t bench_number(const char *text);

/* ADDRESS is "unix:PATH" or "inet:A.B.C.D:PORT", as in mtastsd.yaml. Both
 * return a non-blocking descriptor; bench_connect() an established one. */
int bench_listen(const char *address);
int bench_connect(const char *address);
int bench_accept(int listener);

/* An epoll instance, and FD's being watched for reading in it, with PTR. */
int bench_epoll(void);
void bench_watch(int epoll, int fd, void *ptr);

/* Text with a number in it: a run of '#' stands for as many digits, so that
 * every text made from a pattern is of the same length. */
struct pattern {
	char *text; /* the digits are written into it: pattern_set() */
	size_t len;
	char *digits; /* within text */
	size_t width; /* 0: a constant */
};

/* The caller's: free(pattern.text). */
struct pattern pattern_make(const char *text);
void pattern_set(struct pattern *pattern, uint64_t number);

/* "FIRST:LAST", both included. */
struct range {
	uint64_t first;
	uint64_t last;
};

struct range range_parse(const char *text);
static inline uint64_t range_count(struct range range)
{
	return range.last - range.first + 1;
}

#endif
