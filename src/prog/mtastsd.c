/* SPDX-License-Identifier: BSD-2-Clause */
/* mtastsd.c - the daemon's main: options, the background, signals, and the loop.
 *
 * Exit status: 0 after SIGTERM or SIGINT; 1 if it can't start or continue; 2 for a
 * usage error. */
#include "base/log.h"
#include "cache/cache.h"
#include "conf/conf.h"
#include "config.h"
#include "dnssec/trust_anchor.h"
#include "https/ca_store.h"
#include "prog/daemon.h"
#include "prog/notify.h"
#include "prog/preflight.h"
#include "prog/privileged.h"
#include "prog/standard.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
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
	int ready_fd; /* background: for background_tell_ready(); else -1 */
	int pid_fd;   /* foreground: the open pid file; -1: none */
	struct daemon_options options;
};

static void print_help(void)
{
	printf("usage: mtastsd [-fd] [-c FILE] [-p FILE]\n"
	       "       mtastsd -t [-c FILE]\n"
	       "\n"
	       "Tells mail servers which TLS protection MTA-STS (RFC 8461) "
	       "and DANE (RFC 7672)\nrequire for the domains they deliver "
	       "to.\n"
	       "\n"
	       "  -c, --config FILE   read FILE (default: %s)\n"
	       "  -f, --foreground    stay in the foreground\n"
	       "  -d, --debug         log at level debug\n"
	       "  -p, --pid-file FILE write the process ID to FILE when "
	       "ready\n"
	       "  -t, --test          check the configuration and exit\n"
	       "  -V, --version       print the version and exit\n"
	       "  -h, --help          print this and exit\n"
	       "\n"
	       "Exit status: 0 stopped by a signal, 1 can't start or "
	       "continue, 2 usage error.\n"
	       "See mtastsd(8), mtastsd.yaml(5) and mtasts-ctl(1).\n",
	       CONF_DEFAULT_FILE);
}

static int fail_usage(void)
{
	fputs("Try 'mtastsd --help'.\n", stderr);
	return EXIT_USAGE;
}

/* Returns an exit status, or -1: continue. */
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
			return fail_usage();
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "mtastsd: unexpected argument '%s'\n", argv[optind]);
	return fail_usage();
}

/* -- signals --------------------------------------------------------------- */

static void on_end_signal(uv_signal_t *handle, int signum)
{
	struct run *run = handle->data;

	if (!run->daemon)
		return; /* a second one, while we are stopping */
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

/* HOW: SIG_BLOCK until we can reload, then SIG_UNBLOCK. A SIGHUP during startup, from
 * a log rotation, say, is handled once startup completes. It would otherwise kill
 * us, and systemd takes that for a clean stop. An inherited signal mask must not
 * block it either. */
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
		/* They do not keep the loop running. */
		uv_unref((uv_handle_t *)&run->signals[i]);
	}
	mask_reload(SIG_UNBLOCK);
}

/* At the very end. libuv restores the default actions, so a second SIGTERM would kill
 * us and turn a clean stop into a failure. It is blocked until we exit. */
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

/* Writes one line to standard error, unless that would block. Async-signal-safe. */
static void write_fatal_line(int signum)
{
	static const struct {
		int number;
		const char *text;
	} rows[] = {
		{ SIGBUS, "mtastsd: killed by SIGBUS\n" },
		{ SIGSEGV, "mtastsd: killed by SIGSEGV\n" },
		{ SIGILL, "mtastsd: killed by SIGILL\n" },
		{ SIGFPE, "mtastsd: killed by SIGFPE\n" },
		{ SIGABRT, "mtastsd: aborted by a library or an assertion\n" },
	};
	struct pollfd to = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&to, 1, 0) != 1)
		return;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].number == signum &&
		    write(STDERR_FILENO, rows[i].text, strlen(rows[i].text)) <
		        0)
			return;
}

/* A damaged page of the cache can kill us while we read it, a page that the disk
 * can't deliver does so by SIGBUS, and a library may abort when it is out of memory.
 * Mark the cache, so that the next start checks the whole file before it trusts it,
 * and die with the same signal. */
static void on_fatal_signal(int signum)
{
	cache_mark_suspect();
	write_fatal_line(signum);
	signal(signum, SIG_DFL);
	raise(signum);
}

static void set_signals(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction fatal = { .sa_handler = on_fatal_signal };

	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGBUS, &fatal, NULL);
	sigaction(SIGSEGV, &fatal, NULL);
	sigaction(SIGILL, &fatal, NULL);
	sigaction(SIGFPE, &fatal, NULL);
	sigaction(SIGABRT, &fatal, NULL);
}

/* -- the background -------------------------------------------------------- */

/* Opens the pid file, and leaves its content until the new number is written. Does
 * not follow a symbolic link that another user put there. -1: see errno. */
static int pid_file_open(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
}

/* Closes FD. */
static void pid_file_write(int fd, pid_t pid)
{
	if (ftruncate(fd, 0) != 0 || dprintf(fd, "%ld\n", (long)pid) < 0)
		log_warning("pid_file reason=\"%s\"", strerror(errno));
	close(fd);
}

static void pid_file_write_path(const char *path, pid_t pid)
{
	int fd = pid_file_open(path);

	if (fd >= 0)
		pid_file_write(fd, pid);
	else
		log_warning("pid_file reason=\"%s: %s\"", path,
		            strerror(errno));
}

/* In the parent: waits until the daemon is ready or has ended. Returns the exit
 * status. */
static int background_wait(int fd, pid_t pid, const char *pid_file)
{
	char byte;
	ssize_t n;
	int status;

	do {
		n = read(fd, &byte, 1);
	} while (n < 0 && errno == EINTR);
	if (n == 1) {
		if (pid_file)
			pid_file_write_path(pid_file, pid);
		return EXIT_SUCCESS;
	}
	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status))
		return WEXITSTATUS(status);
	return EXIT_FAILURE;
}

/* Forks. Returns the exit status in the parent, which waits until the daemon is
 * ready or has ended, and then writes PID_FILE (NULL: none); -1 in the child, where
 * *RET_FD is for background_tell_ready(). */
static int background_detach(const char *pid_file, int *ret_fd)
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
		return background_wait(fds[0], pid, pid_file);
	}
	close(fds[0]);
	setsid();
	if (chdir("/") != 0)
		log_debug("chdir_failed");
	*ret_fd = fds[1];
	return -1;
}

/* Tells the parent through FD, which is closed, and closes standard input, output and
 * error: the process that started us may wait for that. */
static void background_tell_ready(int fd)
{
	int null;

	if (write(fd, "", 1) != 1)
		log_debug("parent_gone");
	close(fd);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return;
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	close(null);
}

/* -- running --------------------------------------------------------------- */

/* Each client and each fetch needs a descriptor, and the soft limit is often low. */
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

static void announce_ready(struct run *run)
{
	const struct daemon_options *options = &run->options;

	daemon_log_ready(run->daemon);
	notify_ready(daemon_listener_count(run->daemon), NULL);
	notify_watch(&run->loop);
	if (run->pid_fd >= 0)
		pid_file_write(run->pid_fd, getpid());
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

/* Starts libuv's thread pool now. libuv would start it when the first policy is
 * written, and abort if the system refuses a thread; here that is an error with a
 * message. One thread is enough: only the cache uses the pool, to write one batch at
 * a time. */
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
	/* The pool's thread inherits this mask: the main thread handles the
	 * signals, and blocks them in unwatch_signals(). */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	if (rc == 0)
		rc = uv_queue_work(loop, &work, no_pool_work, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
		return fault_set(why, MTS_ESYS,
		                 "can't start a thread: %s: raise the limit "
		                 "of processes (ulimit -u, TasksMax=) or of "
		                 "memory",
		                 uv_strerror(rc));
	return MTS_OK;
}

/* Afterwards the daemon answers. */
static int run_open(struct run *run, struct fault *why)
{
	int rc = privileged_start(run->options.conf, run->options.ready, why);

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
	if (run_open(run, &why) == MTS_OK) {
		watch_signals(run);
		announce_ready(run);
		status = EXIT_SUCCESS;
	} else {
		log_error("start_failed reason=\"%s\"", why.text);
	}
	/* Until it is told to stop; after a failure, until what was opened is
	 * closed. */
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

/* Returns PATH as an absolute path, in ABSOLUTE if necessary: in the background the
 * working directory is "/", and a reload must find the file. NULL stays NULL. */
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
static int run_with_pid_file(struct run *run, const char *pid_file)
{
	int status;

	if (pid_file && run->ready_fd < 0) {
		run->pid_fd = pid_file_open(pid_file);
		if (run->pid_fd < 0) {
			log_error("start_failed reason=\"%s: %s\"", pid_file,
			          strerror(errno));
			return EXIT_FAILURE;
		}
	}
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		log_error("start_failed reason=\"libcurl can't be set up\"");
		return EXIT_FAILURE;
	}
	status = run_daemon(run);
	curl_global_cleanup();
	/* If root created it in a folder we can't write to, it stays. */
	if (pid_file && status == EXIT_SUCCESS)
		unlink(pid_file);
	return status;
}

static int run_configured(const struct options *options,
                          const struct conf *conf)
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
		status = run_with_pid_file(&run, pid_file);
	activation_free(&run.options.ready);
	return status;
}

/* For -t: also reads the files, as the start does. */
static int check_configuration(const struct conf *conf, const char *path,
                               struct fault *why)
{
	struct ca_store *store = NULL;
	struct fault what;
	int rc = preflight_check(conf, path, why);

	if (rc != MTS_OK)
		return rc;
	rc = ca_store_new(conf->fetch.ca_file, &store, &what);
	ca_store_free(&store);
	if (rc == MTS_OK && preflight_needs_trust_anchor(conf) &&
	    conf->dane != CONF_DANE_OFF && *conf->dns.trust_anchor)
		rc = trust_anchor_check(conf->dns.trust_anchor, &what);
	return rc == MTS_OK ? MTS_OK
	                    : fault_set(why, rc, "%s: %s", path, what.text);
}

static int run_options(int argc, char **argv)
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
		rc = check_configuration(conf, options.config, &why);
	if (rc != MTS_OK) {
		fprintf(stderr, "mtastsd: %s\n", why.text);
		status = EXIT_FAILURE;
	} else if (options.test) {
		printf("%s: ok\n", options.config);
		status = EXIT_SUCCESS;
	} else {
		status = run_configured(&options, conf);
	}
	conf_free(&conf);
	return status;
}

int main(int argc, char **argv)
{
	int status;

	standard_fill();
	status = run_options(argc, argv);
	return standard_finish("mtastsd", status, EXIT_FAILURE);
}
