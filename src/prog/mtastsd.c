/* SPDX-License-Identifier: BSD-2-Clause */
/* mtastsd.c - the daemon's main: options, signals, and the loop.
 *
 * Exit status: 0 ended as asked to; 1 it could not start or go on; 2 usage. */
#include "base/log.h"
#include "cache/cache.h"
#include "conf/conf.h"
#include "config.h"
#include "dnssec/trust_anchor.h"
#include "https/curl_memory.h"
#include "https/tls_memory.h"
#include "https/trust.h"
#include "prog/background.h"
#include "prog/conf_here.h"
#include "prog/daemon.h"
#include "prog/fd_budget.h"
#include "prog/notify.h"
#include "prog/privileged.h"
#include "prog/standard.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

enum { EXIT_USAGE = 2 };

struct options {
	const char *config;
	const char *pid_file; /* NULL: none */
	bool foreground;
	bool test;
	bool debug;
};

enum { SIGNALS = 3 }; /* that the loop watches for */

struct run {
	uv_loop_t loop;
	struct daemon *daemon;
	uv_signal_t signals[SIGNALS];
	int ready_fd; /* tells the parent that we are ready; -1: foreground */
	int pid_fd;   /* where our number goes then; -1: nowhere */
	struct daemon_options options;
};

static void print_help(void)
{
	printf("usage: mtastsd [-fd] [-c FILE] [-p FILE]\n"
	       "       mtastsd -t [-c FILE]\n"
	       "\n"
	       "Answers mail servers: what does MTA-STS (RFC 8461) demand for "
	       "a domain?\n"
	       "\n"
	       "  -c, --config FILE   read FILE (default: %s)\n"
	       "  -f, --foreground    stay in the foreground\n"
	       "  -d, --debug         log at level debug\n"
	       "  -p, --pid-file FILE write the process' number there when it "
	       "is ready\n"
	       "  -t, --test          check the configuration and exit\n"
	       "  -V, --version       print the version and exit\n"
	       "  -h, --help          print this and exit\n"
	       "\n"
	       "Exit status: 0 ended as asked to, 1 could not start or go on, "
	       "2 usage.\n"
	       "See mtastsd(8), mtastsd.yaml(5) and mtasts-ctl(1).\n",
	       CONF_DEFAULT_FILE);
}

static int refer_to_help(void)
{
	fputs("Try 'mtastsd --help'.\n", stderr);
	return EXIT_USAGE;
}

/* Returns an exit status, or -1 to go on. */
static int parse_options(int argc, char **argv, struct options *ret)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "foreground", no_argument, NULL, 'f' },
		{ "debug", no_argument, NULL, 'd' },
		{ "pid-file", required_argument, NULL, 'p' },
		{ "test", no_argument, NULL, 't' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*ret = (struct options){ .config = CONF_DEFAULT_FILE };
	while ((c = getopt_long(argc, argv, "c:dfp:tVh", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			ret->config = optarg;
			break;
		case 'f':
			ret->foreground = true;
			break;
		case 'd':
			ret->debug = true;
			break;
		case 'p':
			ret->pid_file = optarg;
			break;
		case 't':
			ret->test = true;
			break;
		case 'V':
			printf("mtastsd %s\n", PACKAGE_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			print_help();
			return EXIT_SUCCESS;
		default:
			return refer_to_help();
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "mtastsd: unexpected argument '%s'\n", argv[optind]);
	return refer_to_help();
}

/* -- signals --------------------------------------------------------------- */

static void on_end_signal(uv_signal_t *handle, int signum)
{
	struct run *run = handle->data;

	if (!run->daemon)
		return; /* a second one, while we are ending */
	log_info("stopping signal=%s", signum == SIGINT ? "INT" : "TERM");
	notify_stopping();
	daemon_close(&run->daemon);
}

static void on_reload_signal(uv_signal_t *handle, int signum)
{
	struct run *run = handle->data;

	(void)signum;
	if (run->daemon)
		daemon_reload(run->daemon, "signal=HUP");
}

/* HOW: SIG_BLOCK until we can reload, and SIG_UNBLOCK from then on. A SIGHUP that
 * comes in the midst of the start, as from a log rotation, is not to end us: for
 * systemd that would be an end as asked for. Nor may a mask that we inherited keep
 * it from us. */
static void mask_reload(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(how, &set, NULL);
}

static void watch_signals(struct run *run)
{
	static const struct {
		int number;
		uv_signal_cb callback;
	} rows[SIGNALS] = {
		{ SIGTERM, on_end_signal },
		{ SIGINT, on_end_signal },
		{ SIGHUP, on_reload_signal },
	};

	for (size_t i = 0; i < SIGNALS; i++) {
		uv_signal_init(&run->loop, &run->signals[i]);
		run->signals[i].data = run;
		uv_signal_start(&run->signals[i], rows[i].callback,
		                rows[i].number);
		/* They are no reason to go on. */
		uv_unref((uv_handle_t *)&run->signals[i]);
	}
	mask_reload(SIG_UNBLOCK);
}

/* At the very end. libuv gives the signals their default action back, and a
 * second SIGTERM must not make a failure of an orderly end: it waits until
 * there is nobody left to take it. */
static void unwatch_signals(struct run *run)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	for (size_t i = 0; i < SIGNALS; i++)
		uv_close((uv_handle_t *)&run->signals[i], NULL);
	uv_run(&run->loop, UV_RUN_DEFAULT);
}

/* A damaged page can kill us while we read it. Leave a note, so that the next
 * start looks at the whole file before it trusts it, and die as before. One that
 * the disk does not hand out does not. (A code above 0 is the kernel's: then
 * there is an address.) */
static void on_fatal_signal(int signum, siginfo_t *info, void *context)
{
	(void)context;
	if (signum == SIGBUS && info->si_code > 0 &&
	    cache_absorb_fault(info->si_addr))
		return;
	cache_mark_suspect();
	signal(signum, SIG_DFL);
	raise(signum);
}

static void set_signals(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction fatal = { .sa_sigaction = on_fatal_signal,
		                   .sa_flags = SA_SIGINFO };

	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGBUS, &fatal, NULL);
	sigaction(SIGSEGV, &fatal, NULL);
}

/* -- the process ----------------------------------------------------------- */

/* Each client and each fetch takes a descriptor, and service managers hand out
 * few unless asked. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
	    limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		log_debug("file_limit_not_raised");
}

/* -- running --------------------------------------------------------------- */

static void tell_ready(struct run *run)
{
	const struct daemon_options *options = &run->options;

	daemon_log_ready(run->daemon);
	notify_ready(daemon_listener_count(run->daemon), NULL);
	notify_watch(&run->loop);
	if (run->pid_fd >= 0)
		background_write_pid(run->pid_fd, getpid());
	if (run->ready_fd < 0)
		return;
	daemon_open_log(options->conf, options->debug, options->background);
	background_tell_ready(run->ready_fd);
}

static void no_thread_work(void *arg)
{
	(void)arg;
}

static void no_pool_work(uv_work_t *work)
{
	(void)work;
}

/* libuv starts its pool when the first policy is to be written, and aborts if
 * the system then has no thread to give. Better now, and with a word. One is
 * enough: the cache writes one batch at a time, and nobody else uses the pool. */
static int start_pool(uv_loop_t *loop, struct fault *why)
{
	static uv_work_t work;
	sigset_t all, before;
	uv_thread_t thread;
	int rc = setenv("UV_THREADPOOL_SIZE", "1", 1) == 0 ? 0 : UV_ENOMEM;

	if (rc == 0)
		rc = uv_thread_create(&thread, no_thread_work, NULL);
	if (rc == 0)
		rc = uv_thread_join(&thread);
	/* Signals are the main thread's, which may block them: see
	 * unwatch_signals(). The pool's thread gets its mask from here. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	if (rc == 0)
		rc = uv_queue_work(loop, &work, no_pool_work, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
		return fault_set(why, MTS_ESYS,
		                 "can't start a thread: %s: raise the limits "
		                 "of processes (ulimit -u, TasksMax=) or "
		                 "memory",
		                 uv_strerror(rc));
	return MTS_OK;
}

/* Everything up to the point from where it answers. */
static int open_all(struct run *run, struct fault *why)
{
	int rc = privileged_start(run->options.conf, run->options.ready, why);

	fd_budget_make_room(run->options.conf, &run->loop);
	if (rc == MTS_OK)
		rc = start_pool(&run->loop, why);
	return rc == MTS_OK ? daemon_open(&run->options, &run->daemon, why)
	                    : rc;
}

static int run_daemon(struct run *run)
{
	struct fault why;
	int status = EXIT_FAILURE;

	if (uv_loop_init(&run->loop) != 0) {
		log_error("start_failed reason=\"no event loop\"");
		return EXIT_FAILURE;
	}
	run->options.loop = &run->loop;
	set_signals();
	if (open_all(run, &why) == MTS_OK) {
		watch_signals(run);
		tell_ready(run);
		status = EXIT_SUCCESS;
	} else {
		log_error("start_failed reason=\"%s\"", why.text);
	}
	/* After a failure: until what was opened is closed. */
	uv_run(&run->loop, UV_RUN_DEFAULT);
	notify_unwatch();
	if (status == EXIT_SUCCESS)
		unwatch_signals(run);
	if (uv_loop_close(&run->loop) != 0)
		log_debug("loop_not_empty");
	if (status == EXIT_SUCCESS)
		log_info("stopped");
	return status;
}

/* Writes PATH to ABSOLUTE, and returns that: the background's folder is another
 * one, and a reload must find the file. Takes NULL for none. */
static const char *absolute_path(const char *path, char absolute[PATH_MAX])
{
	char folder[PATH_MAX];
	int len;

	if (!path || path[0] == '/' || !getcwd(folder, sizeof(folder)))
		return path;
	len = snprintf(absolute, PATH_MAX, "%s/%s", folder, path);
	return len > 0 && len < PATH_MAX ? absolute : path;
}

/* In the child, or in the foreground. */
static int go(struct run *run, const char *pid_file)
{
	int status;

	if (pid_file && run->ready_fd < 0) {
		run->pid_fd = background_open_pid(pid_file);
		if (run->pid_fd < 0) {
			log_error("start_failed reason=\"%s: %s\"", pid_file,
			          strerror(errno));
			return EXIT_FAILURE;
		}
	}
	tls_memory_watch();
	if (!curl_memory_init()) {
		log_error("start_failed reason=\"libcurl can't be set up\"");
		return EXIT_FAILURE;
	}
	status = run_daemon(run);
	curl_global_cleanup();
	/* Whoever made it as root removes it, if we can't. */
	if (pid_file && status == EXIT_SUCCESS)
		unlink(pid_file);
	return status;
}

static int start(const struct options *options, const struct conf *conf)
{
	char config[PATH_MAX], pid[PATH_MAX];
	const char *pid_file = absolute_path(options->pid_file, pid);
	struct run run = {
		.ready_fd = -1,
		.pid_fd = -1,
		.options = {
			.conf = conf,
			.config_path = absolute_path(options->config, config),
			.debug = options->debug,
			.background = !options->foreground,
		},
	};
	struct fault why;
	int status = -1;

	mask_reload(SIG_BLOCK);
	daemon_open_log(conf, options->debug, false);
	raise_file_limit();
	if (activation_new(&run.options.ready, &why) != MTS_OK ||
	    notify_inherit(run.options.ready, &why) != MTS_OK) {
		log_error("start_failed reason=\"%s\"", why.text);
		status = EXIT_FAILURE;
	}
	if (status < 0 && !options->foreground)
		status = background_detach(pid_file, &run.ready_fd);
	if (status < 0)
		status = go(&run, pid_file);
	activation_free(&run.options.ready);
	return status;
}

/* Whether all that CONF names is there, and what is in its files: the start reads
 * them, and ends if they are no good. */
static int check_here(const struct conf *conf, const char *path,
                      struct fault *why)
{
	struct trust *trust = NULL;
	struct fault what;
	int rc = conf_here_check(conf, path, why);

	if (rc != MTS_OK)
		return rc;
	rc = trust_new(conf->fetch.ca_file, &trust, &what);
	trust_free(&trust);
	if (rc == MTS_OK && conf_here_validates(conf) &&
	    conf->dane != CONF_DANE_OFF && *conf->dns.trust_anchor)
		rc = trust_anchor_check(conf->dns.trust_anchor, &what);
	return rc == MTS_OK ? MTS_OK
	                    : fault_set(why, rc, "%s: %s", path, what.text);
}

static int run(int argc, char **argv)
{
	struct options options;
	struct conf *conf = NULL;
	struct fault why;
	int status = parse_options(argc, argv, &options);
	int rc;

	if (status >= 0)
		return status;
	rc = conf_load(options.config, &conf, &why);
	if (rc == MTS_OK && options.test)
		rc = check_here(conf, options.config, &why);
	if (rc != MTS_OK) {
		fprintf(stderr, "mtastsd: %s\n", why.text);
		status = EXIT_FAILURE;
	} else if (options.test) {
		printf("%s: ok\n", options.config);
		status = EXIT_SUCCESS;
	} else {
		status = start(&options, conf);
	}
	conf_free(&conf);
	return status;
}

int main(int argc, char **argv)
{
	int status;

	standard_fill();
	status = run(argc, argv);
	return standard_finish("mtastsd", status, EXIT_FAILURE);
}
