/* SPDX-License-Identifier: BSD-2-Clause */
/* mtastsd.c - the daemon's main: options, signals, and the loop.
 *
 * Exit status: 0 ended as asked to; 1 it could not start or go on; 2 usage. */
#include "base/log.h"
#include "cache/cache.h"
#include "conf/conf.h"
#include "config.h"
#include "prog/daemon.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

enum { EXIT_USAGE = 2 };

struct options {
	const char *config;
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
	enum log_level log_level;
};

static void print_help(void)
{
	printf("usage: mtastsd [-fd] [-c FILE]\n"
	       "       mtastsd -t [-c FILE]\n"
	       "\n"
	       "Answers mail servers: what does MTA-STS (RFC 8461) demand for "
	       "a domain?\n"
	       "\n"
	       "  -c, --config FILE   read FILE (default: %s)\n"
	       "  -f, --foreground    stay in the foreground\n"
	       "  -d, --debug         log at level debug\n"
	       "  -t, --test          check the configuration and exit\n"
	       "  -V, --version       print the version and exit\n"
	       "  -h, --help          print this and exit\n"
	       "\n"
	       "See mtastsd(8), mtastsd.yaml(5) and mtasts-ctl(1).\n",
	       CONF_DEFAULT_FILE);
}

/* Returns an exit status, or -1 to go on. */
static int parse_options(int argc, char **argv, struct options *ret)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "foreground", no_argument, NULL, 'f' },
		{ "debug", no_argument, NULL, 'd' },
		{ "test", no_argument, NULL, 't' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*ret = (struct options){ .config = CONF_DEFAULT_FILE };
	while ((c = getopt_long(argc, argv, "c:fdtVh", longs, NULL)) != -1) {
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
			fprintf(stderr, "Try 'mtastsd --help'.\n");
			return EXIT_USAGE;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr,
	        "mtastsd: unexpected argument '%s'\n"
	        "Try 'mtastsd --help'.\n",
	        argv[optind]);
	return EXIT_USAGE;
}

/* -- signals --------------------------------------------------------------- */

static void on_end_signal(uv_signal_t *handle, int signum)
{
	struct run *run = handle->data;

	if (!run->daemon)
		return; /* a second one, while we are ending */
	log_info("stopping signal=%s", signum == SIGINT ? "INT" : "TERM");
	daemon_close(&run->daemon);
}

static void on_reload_signal(uv_signal_t *handle, int signum)
{
	(void)handle;
	(void)signum;
	log_warning("reload_unsupported reason=\"restart to take in a new "
	            "configuration\"");
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

/* libuv aborts if it is handed descriptor 0, 1 or 2, and a log line must not go
 * into the cache: whoever starts us without them gets /dev/null there. */
static void fill_standard_files(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

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
	int null;

	daemon_log_ready(run->daemon);
	if (run->ready_fd < 0)
		return;
	if (write(run->ready_fd, "", 1) != 1)
		log_debug("parent_gone");
	close(run->ready_fd);
	/* Whoever started us may wait for these to be closed. */
	log_open("mtastsd", LOG_TARGET_SYSLOG, run->log_level);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return;
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	close(null);
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

static int run_daemon(const struct conf *conf, const char *config,
                      enum log_level level, int ready_fd)
{
	struct run run = { .ready_fd = ready_fd, .log_level = level };
	struct fault why;
	int status = EXIT_FAILURE;

	if (uv_loop_init(&run.loop) != 0) {
		log_error("start_failed reason=\"no event loop\"");
		return EXIT_FAILURE;
	}
	set_signals();
	if (start_pool(&run.loop, &why) == MTS_OK &&
	    daemon_open(&run.loop, conf, config, &run.daemon, &why) == MTS_OK) {
		watch_signals(&run);
		tell_ready(&run);
		status = EXIT_SUCCESS;
	} else {
		log_error("start_failed reason=\"%s\"", why.text);
	}
	/* After a failure: until what was opened is closed. */
	uv_run(&run.loop, UV_RUN_DEFAULT);
	if (status == EXIT_SUCCESS)
		unwatch_signals(&run);
	if (uv_loop_close(&run.loop) != 0)
		log_debug("loop_not_empty");
	if (status == EXIT_SUCCESS)
		log_info("stopped");
	return status;
}

/* -- the background -------------------------------------------------------- */

/* In the parent: waits until the daemon is ready or has ended. */
static int await_ready(int fd, pid_t pid)
{
	char byte;
	ssize_t n;
	int status;

	do {
		n = read(fd, &byte, 1);
	} while (n < 0 && errno == EINTR);
	if (n == 1)
		return EXIT_SUCCESS;
	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status))
		return WEXITSTATUS(status);
	return EXIT_FAILURE;
}

/* Goes into the background. Returns the parent's exit status, or -1 in the
 * child, where *RET_FD is to be told when it is ready. */
static int detach(int *ret_fd)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
		log_error("start_failed reason=\"can't go into the background: "
		          "%s\"",
		          strerror(errno));
		return EXIT_FAILURE;
	}
	if (pid > 0) {
		close(fds[1]);
		return await_ready(fds[0], pid);
	}
	close(fds[0]);
	setsid();
	if (chdir("/") != 0)
		log_debug("chdir_failed");
	*ret_fd = fds[1];
	return -1;
}

static int start(const struct options *options, const struct conf *conf)
{
	enum log_level level =
	    options->debug ? LOG_LEVEL_DEBUG : conf->log.level;
	int ready_fd = -1;
	int status;

	log_open("mtastsd", conf->log.target, level);
	raise_file_limit();
	if (!options->foreground) {
		status = detach(&ready_fd);
		if (status >= 0)
			return status;
	}
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
		log_error("start_failed reason=\"libcurl can't be set up\"");
		return EXIT_FAILURE;
	}
	status = run_daemon(conf, options->config, level, ready_fd);
	curl_global_cleanup();
	return status;
}

int main(int argc, char **argv)
{
	struct options options;
	struct conf *conf = NULL;
	struct fault why;
	int status;

	fill_standard_files();
	status = parse_options(argc, argv, &options);
	if (status >= 0)
		return status;
	if (conf_load(options.config, &conf, &why) != MTS_OK) {
		fprintf(stderr, "mtastsd: %s\n", why.text);
		return EXIT_FAILURE;
	}
	if (options.test) {
		printf("%s: ok\n", options.config);
		status = EXIT_SUCCESS;
	} else {
		status = start(&options, conf);
	}
	conf_free(&conf);
	return status;
}
