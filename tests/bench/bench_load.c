/* SPDX-License-Identifier: BSD-2-Clause */
/* bench_load.c - the load: clients that ask as Postfix's processes do.
 *
 *	bench_load [-n CLIENTS] [-s SECONDS] [-k KEY] [-r FIRST:LAST] [-m MAP]
 *	           [-e PREFIX] [-q RATE] [-1] [-a] [-i] [-f] ADDRESS
 *
 * Each client has one connection and one question in flight; its next question
 * follows the reply. KEY holds a run of '#' where a number goes, uniformly
 * random over FIRST:LAST. Every reply must begin with PREFIX, or counts as an
 * error. With
 *
 *	-1	every number is asked once, in order, and the run ends with the
 *		last reply (or after SECONDS): for look-ups that are new to the
 *		server
 *	-a	each client asks once it is connected, before the next one
 *		connects, as processes do that have just begun. Without it the
 *		first asks when all are connected
 *	-q	all clients together ask RATE questions a second rather than
 *		as many as they can. A question that had to wait for the reply
 *		to the one before counts from when it was due
 *	-i	sleep when there is nothing to do. Without it the generator
 *		polls, so that waking it up costs the server nothing and the
 *		server is what limits the rate
 *	-f	every client is a process of its own that sleeps until its reply
 *		is there, as Postfix's smtp(8) processes are and do
 *
 * Prints one JSON object; times are in microseconds. */
#include "bench.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EVENTS_MAX = 128, REPLY_MAX = 4096, CLIENTS_MAX = 16384 };

/* Latencies, each within 1/64 of its value: a row of 64 for every power of
 * two, as the exponent and mantissa of a small floating-point number. */
enum { SUB_BITS = 6, SUB = 1 << SUB_BITS, BUCKETS = 60 * SUB };

struct client {
	int fd;
	bool waiting;      /* a question is out */
	uint64_t start_ns; /* when its latency began to count */
	uint64_t due_ns;   /* with a rate: when the next one is to go out */
	size_t len;        /* of the reply so far */
	char reply[REPLY_MAX];
	struct pattern question;
};

struct load {
	/* options */
	const char *prefix;
	size_t prefix_len;
	struct range range;
	uint64_t count; /* of clients */
	uint64_t seconds;
	uint64_t rate; /* 0: as fast as it goes */
	bool once;
	bool at_once;
	bool idle;
	/* state */
	struct client *clients;
	int epoll;
	uint64_t seed;
	uint64_t asked;
	uint64_t answered;
	uint64_t errors;
	uint64_t max_ns;
	uint64_t latencies[BUCKETS];
};

static size_t bucket_of(uint64_t ns)
{
	unsigned bits = 64u - (unsigned)__builtin_clzll(ns | 1);
	unsigned shift = bits > SUB_BITS + 1 ? bits - SUB_BITS - 1 : 0;
	size_t bucket = ((size_t)shift << SUB_BITS) + (size_t)(ns >> shift);

	return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

static uint64_t bucket_ns(size_t bucket)
{
	size_t shift = bucket < SUB ? 0 : (bucket >> SUB_BITS) - 1;

	return (uint64_t)(bucket - (shift << SUB_BITS)) << shift;
}

static double percentile_us(const struct load *load, double share)
{
	uint64_t want = (uint64_t)((double)load->answered * share);
	uint64_t seen = 0;

	for (size_t i = 0; i < BUCKETS; i++) {
		seen += load->latencies[i];
		if (seen > want)
			return (double)bucket_ns(i) / 1e3;
	}
	return (double)load->max_ns / 1e3;
}

/* xorshift64* (Marsaglia; Vigna): a few cycles, and even enough for keys. */
static uint64_t random_next(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return *seed * UINT64_C(2685821657736338717);
}

static uint64_t next_number(struct load *load)
{
	uint64_t count = range_count(load->range);

	if (load->once)
		return load->range.first + load->asked;
	return load->range.first + (random_next(&load->seed) >> 11) % count;
}

static void ask(struct load *load, struct client *client, uint64_t now_ns)
{
	const struct pattern *question = &client->question;
	/* It waited for the reply before it: that wait is the server's. */
	bool late = load->rate && client->start_ns > client->due_ns;

	if (load->once && load->asked == range_count(load->range))
		return;
	pattern_set(&client->question, next_number(load));
	load->asked++;
	client->waiting = true;
	client->len = 0;
	client->start_ns = late ? client->due_ns : now_ns;
	if (load->rate)
		client->due_ns += load->count * 1000000000u / load->rate;
	if (send(client->fd, question->text, question->len, MSG_NOSIGNAL) !=
	    (ssize_t)question->len)
		bench_die_errno("send");
}

/* True: the reply is complete, and *RET and *LEN its payload. */
static bool reply_take(struct client *client, const char **ret, size_t *len)
{
	size_t at = 0;
	size_t size = 0;

	while (at < client->len && client->reply[at] >= '0' &&
	       client->reply[at] <= '9' && size < REPLY_MAX)
		size = size * 10 + (size_t)(client->reply[at++] - '0');
	if (at == client->len)
		return false;
	if (at == 0 || client->reply[at] != ':')
		bench_die("a reply that is no netstring");
	at++;
	if (client->len < at + size + 1)
		return false;
	if (client->len > at + size + 1 || client->reply[at + size] != ',')
		bench_die("a reply that is not one netstring");
	*ret = client->reply + at;
	*len = size;
	return true;
}

static void check(struct load *load, const char *reply, size_t len)
{
	if (len >= load->prefix_len &&
	    memcmp(reply, load->prefix, load->prefix_len) == 0)
		return;
	if (load->errors++ == 0)
		fprintf(stderr, "want \"%s...\", got \"%.*s\"\n", load->prefix,
		        (int)len, reply);
}

static void count(struct load *load, struct client *client, uint64_t now_ns)
{
	uint64_t took_ns = now_ns - client->start_ns;

	load->answered++;
	load->latencies[bucket_of(took_ns)]++;
	if (took_ns > load->max_ns)
		load->max_ns = took_ns;
	client->waiting = false;
	client->start_ns = now_ns;
}

static void on_readable(struct load *load, struct client *client)
{
	ssize_t n = recv(client->fd, client->reply + client->len,
	                 REPLY_MAX - client->len, MSG_DONTWAIT);
	const char *reply;
	uint64_t now_ns;
	size_t len;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		bench_die("the server closed a connection");
	client->len += (size_t)n;
	if (!reply_take(client, &reply, &len))
		return;
	now_ns = bench_now_ns();
	count(load, client, now_ns);
	check(load, reply, len);
	if (!load->rate || client->due_ns <= now_ns)
		ask(load, client, now_ns);
}

static void ask_due(struct load *load, uint64_t now_ns)
{
	for (size_t i = 0; i < load->count; i++) {
		struct client *client = &load->clients[i];

		if (!client->waiting && client->due_ns <= now_ns)
			ask(load, client, now_ns);
	}
}

static bool ended(const struct load *load, uint64_t now_ns, uint64_t end_ns)
{
	return now_ns >= end_ns ||
	       (load->once && load->answered == range_count(load->range));
}

/* Returns the seconds that it took. */
static double run(struct load *load)
{
	uint64_t start_ns = bench_now_ns();
	uint64_t end_ns = start_ns + load->seconds * 1000000000u;
	struct epoll_event events[EVENTS_MAX];
	int wait_ms = !load->idle ? 0 : load->rate ? 1 : 100;
	uint64_t now_ns = start_ns;

	for (size_t i = 0; i < load->count; i++) {
		struct client *client = &load->clients[i];

		client->due_ns = start_ns;
		if (load->rate) /* spread evenly over the first round */
			client->due_ns += i * 1000000000u / load->rate;
		else if (!load->at_once)
			ask(load, client, now_ns);
	}
	while (!ended(load, now_ns, end_ns)) {
		int n = epoll_wait(load->epoll, events, EVENTS_MAX, wait_ms);

		for (int i = 0; i < n; i++)
			on_readable(load, events[i].data.ptr);
		now_ns = bench_now_ns();
		if (load->rate)
			ask_due(load, now_ns);
	}
	return (double)(now_ns - start_ns) / 1e9;
}

static void connect_all(struct load *load, const char *address, const char *map,
                        const char *key)
{
	size_t len = strlen(map) + 1 + strlen(key);
	char *question;

	load->epoll = bench_epoll();
	load->clients = calloc(load->count, sizeof(*load->clients));
	if (!load->clients ||
	    asprintf(&question, "%zu:%s %s,", len, map, key) < 0)
		bench_die("out of memory");
	for (size_t i = 0; i < load->count; i++) {
		struct client *client = &load->clients[i];

		client->question = pattern_make(question);
		client->fd = bench_connect(address);
		bench_watch(load->epoll, client->fd, client);
		if (load->at_once)
			ask(load, client, bench_now_ns());
	}
	free(question);
}

/* -- a process each --------------------------------------------------------- */

static void add(struct load *sum, const struct load *part)
{
	sum->answered += part->answered;
	sum->errors += part->errors;
	for (size_t i = 0; i < BUCKETS; i++)
		sum->latencies[i] += part->latencies[i];
	if (part->max_ns > sum->max_ns)
		sum->max_ns = part->max_ns;
}

/* Like run(), but for connect_all(), which each process does for itself. */
static double run_processes(struct load *load, const char *address,
                            const char *map, const char *key)
{
	struct load *parts =
	    mmap(NULL, load->count * sizeof(*parts), PROT_READ | PROT_WRITE,
	         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t start_ns = bench_now_ns();
	int status;

	if (parts == MAP_FAILED)
		bench_die("out of memory");
	for (size_t i = 0; i < load->count; i++) {
		pid_t pid = fork();

		if (pid < 0)
			bench_die_errno("fork");
		if (pid > 0)
			continue;
		parts[i] = *load;
		parts[i].count = 1;
		parts[i].idle = true;
		parts[i].seed = bench_now_ns() | 1;
		connect_all(&parts[i], address, map, key);
		(void)run(&parts[i]);
		_exit(0);
	}
	for (size_t i = 0; i < load->count; i++)
		if (wait(&status) < 0 || status != 0)
			bench_die("a client has failed");
	for (size_t i = 0; i < load->count; i++)
		add(load, &parts[i]);
	return (double)(bench_now_ns() - start_ns) / 1e9;
}

static void print(const struct load *load, double seconds)
{
	printf("{\"answered\": %llu, \"errors\": %llu, \"unanswered\": %llu, "
	       "\"seconds\": %.4f, \"rate\": %.1f, \"p50_us\": %.1f, "
	       "\"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f, "
	       "\"cpu_s\": %.3f}\n",
	       (unsigned long long)load->answered,
	       (unsigned long long)load->errors,
	       (unsigned long long)(load->once ? range_count(load->range) -
	                                             load->answered
	                                       : 0),
	       seconds, (double)load->answered / seconds,
	       percentile_us(load, 0.5), percentile_us(load, 0.99),
	       percentile_us(load, 0.999), (double)load->max_ns / 1e3,
	       bench_cpu_s());
}

static void usage(void)
{
	bench_die("usage: bench_load [-n CLIENTS] [-s SECONDS] [-k KEY] "
	          "[-r FIRST:LAST] [-m MAP]\n"
	          "                  [-e PREFIX] [-q RATE] [-1] [-a] [-i] [-f] "
	          "ADDRESS");
}

int main(int argc, char **argv)
{
	struct load load = { .prefix = "",
		             .range = { 0, 999 },
		             .count = 8,
		             .seconds = 2,
		             .seed = bench_now_ns() | 1 };
	const char *key = "dom#######.example";
	const char *map = "postfix";
	bool processes = false;
	double seconds;
	int option;

	while ((option = getopt(argc, argv, "n:s:k:r:m:e:q:1aif")) != -1) {
		switch (option) {
		case 'n':
			load.count = bench_number(optarg);
			break;
		case 's':
			load.seconds = bench_number(optarg);
			break;
		case 'k':
			key = optarg;
			break;
		case 'r':
			load.range = range_parse(optarg);
			break;
		case 'm':
			map = optarg;
			break;
		case 'e':
			load.prefix = optarg;
			break;
		case 'q':
			load.rate = bench_number(optarg);
			break;
		case '1':
			load.once = true;
			break;
		case 'a':
			load.at_once = true;
			break;
		case 'i':
			load.idle = true;
			break;
		case 'f':
			processes = true;
			break;
		default:
			usage();
		}
	}
	if (argc - optind != 1 || load.count < 1 || load.count > CLIENTS_MAX)
		usage();
	load.prefix_len = strlen(load.prefix);
	if ((processes && (load.rate || load.once)) ||
	    (load.at_once && load.rate))
		usage();
	if (processes) {
		seconds = run_processes(&load, argv[optind], map, key);
	} else {
		connect_all(&load, argv[optind], map, key);
		seconds = run(&load);
	}
	print(&load, seconds);
	return load.errors || (load.once && load.asked != load.answered);
}
