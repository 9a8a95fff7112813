/* SPDX-License-Identifier: BSD-2-Clause */
/* log.c - one line an event, to stderr, the journal or syslog. */
#include "base/log.h"

#include "base/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum { LOG_TEXT = 2048 }; /* a longer line is cut */

static struct {
	const char *name;
	enum log_target target;
	enum log_level level;
	bool journal; /* stderr is the journal: it has the time and the name */
} the_log = { "mtasts", LOG_TARGET_STDERR, LOG_LEVEL_INFO, false };

static const struct {
	int priority;
	const char *name;
} levels[] = {
	[LOG_LEVEL_ERROR] = { LOG_ERR, "error" },
	[LOG_LEVEL_WARNING] = { LOG_WARNING, "warning" },
	[LOG_LEVEL_INFO] = { LOG_INFO, "info" },
	[LOG_LEVEL_DEBUG] = { LOG_DEBUG, "debug" },
};

/* True if stderr is the journal. The variable alone does not say so: whatever a
 * service starts inherits it, a desktop's terminals and their shells included,
 * so it names the stream's device and inode for us to compare
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

void log_set_level(enum log_level level)
{
	the_log.level = level;
}

bool log_on(enum log_level level)
{
	return level <= the_log.level;
}

/* A newline in a value would forge a line of the log; an escape sequence would
 * reach the terminal of whoever reads it. */
static void scrub_controls(char *text)
{
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
}

static void write_stderr(enum log_level level, const char *text)
{
	char date[CLOCK_ISO];

	if (the_log.journal) {
		fprintf(stderr, "<%d>%s\n", levels[level].priority, text);
		return;
	}
	fprintf(stderr, "%s %s[%ld]: %s: %s\n", clock_iso(time(NULL), date),
	        the_log.name, (long)getpid(), levels[level].name, text);
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
	if (the_log.target == LOG_TARGET_SYSLOG)
		syslog(levels[level].priority, "%s", text);
	else
		write_stderr(level, text);
}
