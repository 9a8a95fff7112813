/* SPDX-License-Identifier: BSD-2-Clause */
/* bench_curl.c - what bare libcurl makes of many policy hosts.
 *
 *	bench_curl [-p PARALLEL] [-a ADDRESS] DOMAIN FIRST:LAST CA-FILE
 *
 * Fetches https://mta-sts.DOMAIN/.well-known/mta-sts.txt for each number,
 * PARALLEL at a time, on one multi handle: the best that libcurl can do when
 * every URL is a host of its own, whose certificate is checked. So no
 * connection and no session is taken up again, easy handles are, and the CA
 * bundle is read once: libcurl keeps it (7.87 and later) only if CAPATH is
 * unset while CAINFO is set.
 *
 * Host names are resolved by libcurl, as it was built, through
 * /etc/resolv.conf; with -a they all are ADDRESS, at no cost at all.
 *
 * Waiting in curl_multi_poll() is about 7% faster here than an epoll of our own
 * with curl_multi_socket_action(), which a server with other work must use.
 *
 * Prints one JSON object. */
#include "bench.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PARALLEL_MAX = 1000, TIMEOUT_S = 60 };

struct fetches {
	struct range range;
	uint64_t parallel;
	const char *ca_file;
	const char *address; /* or NULL */
	struct pattern url;
	struct pattern resolve; /* "+mta-sts.DOMAIN:443:ADDRESS" */
	CURLM *multi;
	uint64_t started;
	uint64_t done;
	uint64_t failed;
	uint64_t bytes;
};

struct slot {
	CURL *easy;
	struct curl_slist *resolve;
};

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
	struct fetches *fetches = arg;

	(void)data;
	fetches->bytes += size * count;
	return size * count;
}

static void set_up(struct fetches *fetches, CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_CAINFO, fetches->ca_file);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
	                 (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, fetches);
}

static void start_next(struct fetches *fetches, struct slot *slot)
{
	uint64_t number = fetches->range.first + fetches->started;

	if (fetches->started == range_count(fetches->range))
		return;
	fetches->started++;
	pattern_set(&fetches->url, number);
	curl_easy_setopt(slot->easy, CURLOPT_URL, fetches->url.text);
	if (fetches->address) {
		pattern_set(&fetches->resolve, number);
		curl_slist_free_all(slot->resolve);
		slot->resolve = curl_slist_append(NULL, fetches->resolve.text);
		curl_easy_setopt(slot->easy, CURLOPT_RESOLVE, slot->resolve);
	}
	if (curl_multi_add_handle(fetches->multi, slot->easy) != CURLM_OK)
		bench_die("curl_multi_add_handle failed");
}

static void finish(struct fetches *fetches, const CURLMsg *message)
{
	CURL *easy = message->easy_handle;
	CURLcode result = message->data.result;
	struct slot *slot = NULL;
	long status = 0;

	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&slot);
	fetches->done++;
	if ((result != CURLE_OK || status != 200) && fetches->failed++ == 0)
		fprintf(stderr, "%s: %s, status %ld\n", fetches->url.text,
		        curl_easy_strerror(result), status);
	curl_multi_remove_handle(fetches->multi, easy);
	start_next(fetches, slot);
}

static void take_finished(struct fetches *fetches)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(fetches->multi, &left)))
		if (message->msg == CURLMSG_DONE)
			finish(fetches, message);
}

static void fetch_all(struct fetches *fetches)
{
	int running;

	while (fetches->done < range_count(fetches->range)) {
		curl_multi_poll(fetches->multi, NULL, 0, 1000, NULL);
		curl_multi_perform(fetches->multi, &running);
		take_finished(fetches);
	}
}

static void start(struct fetches *fetches, struct slot *slots)
{
	fetches->multi = curl_multi_init();
	if (!fetches->multi)
		bench_die("curl_multi_init failed");
	for (uint64_t i = 0; i < fetches->parallel; i++) {
		slots[i].easy = curl_easy_init();
		if (!slots[i].easy)
			bench_die("curl_easy_init failed");
		set_up(fetches, slots[i].easy);
		curl_easy_setopt(slots[i].easy, CURLOPT_PRIVATE, &slots[i]);
		start_next(fetches, &slots[i]);
	}
}

static void make_patterns(struct fetches *fetches, const char *domain)
{
	char *text;

	if (asprintf(&text, "https://mta-sts.%s/.well-known/mta-sts.txt",
	             domain) < 0)
		bench_die("out of memory");
	fetches->url = pattern_make(text);
	free(text);
	if (asprintf(&text, "+mta-sts.%s:443:%s", domain,
	             fetches->address ? fetches->address : "") < 0)
		bench_die("out of memory");
	fetches->resolve = pattern_make(text);
	free(text);
}

static void run(struct fetches *fetches)
{
	struct slot *slots = calloc(fetches->parallel, sizeof(*slots));
	uint64_t start_ns = bench_now_ns();
	double cpu_s = bench_cpu_s();
	double seconds;

	if (!slots)
		bench_die("out of memory");
	start(fetches, slots);
	fetch_all(fetches);
	seconds = (double)(bench_now_ns() - start_ns) / 1e9;
	printf("{\"fetched\": %llu, \"failed\": %llu, \"bytes\": %llu, "
	       "\"seconds\": %.4f, \"rate\": %.1f, \"cpu_s\": %.3f}\n",
	       (unsigned long long)(fetches->done - fetches->failed),
	       (unsigned long long)fetches->failed,
	       (unsigned long long)fetches->bytes, seconds,
	       (double)fetches->done / seconds, bench_cpu_s() - cpu_s);
}

int main(int argc, char **argv)
{
	struct fetches fetches = { .parallel = 50 };
	int option;

	while ((option = getopt(argc, argv, "p:a:")) != -1) {
		if (option == 'p')
			fetches.parallel = bench_number(optarg);
		else if (option == 'a')
			fetches.address = optarg;
		else
			return 2;
	}
	if (argc - optind != 3 || fetches.parallel < 1 ||
	    fetches.parallel > PARALLEL_MAX)
		bench_die("usage: bench_curl [-p PARALLEL] [-a ADDRESS] "
		          "DOMAIN FIRST:LAST CA-FILE");
	fetches.range = range_parse(argv[optind + 1]);
	fetches.ca_file = argv[optind + 2];
	curl_global_init(CURL_GLOBAL_DEFAULT);
	make_patterns(&fetches, argv[optind]);
	run(&fetches);
	return fetches.failed != 0;
}
