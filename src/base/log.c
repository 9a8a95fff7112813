/* SPDX-License-Identifier: BSD-2-Clause */
/* log.c - one line an event, to stderr, the journal or syslog. */
#include "base/log.h"

#include "base/clock.h"

#include <paths.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum {
	LOG_TEXT = 2048, /* longer texts are cut */
	LOG_HEAD = 128,  /* for the date, name, pid and level */
};

static struct {
	const char *name;
	enum log_target target;
	enum log_level level;
	bool journal; /* stderr is the journal, which adds time and name */
	unsigned long long lost; /* lines that could not be written */
} the_log = { "mtasts", LOG_TARGET_STDERR, LOG_LEVEL_INFO, false, 0 };

static const struct {
	int priority;
	const char *name;
} levels[] = {
	[LOG_LEVEL_ERROR] = { LOG_ERR, "error" },
	[LOG_LEVEL_WARNING] = { LOG_WARNING, "warning" },
	[LOG_LEVEL_INFO] = { LOG_INFO, "info" },
	[LOG_LEVEL_DEBUG] = { LOG_DEBUG, "debug" },
};

/* True if stderr is the journal. It is not enough that the variable is set: all
 * programs that a service starts inherit it, even the shells in a desktop's
 * terminals. So it contains the stream's device and inode for us to compare
 * (systemd.exec(5)). */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	char own[64];

	if (!stream || fstat(STDERR_FILENO, &st) != 0)
		return false;
	snprintf(own, sizeof(own), "%llu:%llu", (unsigned long long)st.st_dev,
	         (unsigned long long)st.st_ino);
	return strcmp(stream, own) == 0;
}

void log_open(const char *name, enum log_target target, enum log_level level)
{
	if (the_log.target == LOG_TARGET_SYSLOG)
		closelog();
	the_log.name = name;
	the_log.target = target;
	the_log.level = level;
	the_log.journal = is_journal();
	if (target == LOG_TARGET_SYSLOG)
		openlog(name, LOG_PID | LOG_NDELAY, LOG_MAIL);
}

bool log_on(enum log_level level)
{
	return level <= the_log.level;
}

/* A newline in a value would forge a log line, and an escape sequence would
 * reach the terminal of the person who reads the log. */
static void scrub_controls(char *text)
{
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
}

/* -- writing without blocking ---------------------------------------------- *
 *
 * A reader that has stopped must not stop us. O_NONBLOCK is not an option: it
 * would affect every process that shares our stderr. So we write a line only if
 * stderr is writable: a pipe or socket that is takes at least 4 KiB. */

static bool is_writable(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };

	/* On any other error, the write will fail. */
	return poll(&poll_fd, 1, 0) != 0;
}

static bool write_stderr(enum log_level level, const char *text)
{
	char line[LOG_HEAD + LOG_TEXT];
	char date[CLOCK_ISO];
	int len;

	if (!is_writable(STDERR_FILENO))
		return false;
	if (the_log.journal)
		len = snprintf(line, sizeof(line), "<%d>%s\n",
		               levels[level].priority, text);
	else
		len = snprintf(line, sizeof(line), "%s %s[%ld]: %s: %s\n",
		               clock_iso(time(NULL), date), the_log.name,
		               (long)getpid(), levels[level].name, text);
	if (len < 0)
		return false;
	/* If this fails, there is no place to report it. */
	fwrite(line, 1, strlen(line), stderr);
	return true;
}

/* syslog(3) blocks until the other end reads. poll() says that a datagram
 * socket's queue is full only if the socket is connected. */
static bool syslog_would_wait(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX,
		                       .sun_path = _PATH_LOG };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool waits;

	if (fd < 0)
		return false;
	waits =
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    !is_writable(fd);
	close(fd);
	return waits;
}

static bool write_syslog(enum log_level level, const char *text)
{
	if (syslog_would_wait())
		return false;
	syslog(levels[level].priority, "%s", text);
	return true;
}

static bool write_line(enum log_level level, const char *text)
{
	return the_log.target == LOG_TARGET_SYSLOG ? write_syslog(level, text)
	                                           : write_stderr(level, text);
}

/* Before the next line, says how many were lost. */
static void log_lost(void)
{
	unsigned long long lost = the_log.lost;

	the_log.lost = 0;
	log_warning("log_blocked lines=%llu reason=\"these lines were lost, "
	            "because the log was not read\"",
	            lost);
	/* That line was lost, too. */
	if (the_log.lost > 0)
		the_log.lost = lost;
}

void log_line(enum log_level level, const char *format, ...)
{
	char text[LOG_TEXT];
	va_list ap;

	if (!log_on(level))
		return;
	va_start(ap, format);
	if (vsnprintf(text, sizeof(text), format, ap) < 0)
		text[0] = '\0';
	va_end(ap);
	scrub_controls(text);
	if (the_log.lost > 0)
		log_lost();
	if (the_log.lost > 0 || !write_line(level, text))
		the_log.lost++;
}

/* -- limits ---------------------------------------------------------------- */

bool log_limit_allows(struct log_limit *limit, const char *event,
                      uint64_t now_ms)
{
	if (limit->lines == 0 || now_ms - limit->since_ms >= LOG_LIMIT_MS) {
		if (limit->left_out > 0)
			log_warning("log_again event=%s left_out=%u", event,
			            limit->left_out);
		*limit = (struct log_limit){ .since_ms = now_ms };
	}
	if (limit->lines < LOG_LIMIT_LINES) {
		limit->lines++;
		return true;
	}
	if (limit->left_out++ == 0)
		log_warning(
		    "log_limited event=%s lines=%d reason=\"too many in "
		    "one minute: further ones are only counted\"",
		    event, (int)LOG_LIMIT_LINES);
	return false;
}

bool log_limit_one(uint64_t *next_ms, uint64_t now_ms)
{
	if (now_ms < *next_ms)
		return false;
	*next_ms = now_ms + LOG_LIMIT_MS;
	return true;
}
