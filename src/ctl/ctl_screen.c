/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_screen.c - takes over the whole screen of a terminal for a while. */
#include "ctl/ctl_screen.h"

#include "base/buffer.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* The other screen, without a cursor; and back. */
#define TAKE "\033[?1049h\033[?25l"
#define GIVE "\033[?25h\033[?1049l"
#define HOME "\033[H"
/* Clears the rest of the line, and of the screen. */
#define CLEAR_LINE   "\033[K"
#define CLEAR_SCREEN "\033[J"

enum {
	COLUMNS_DEFAULT = 80,
	LINES_DEFAULT = 24,
	FRAME_MAX = 256 * 1024,
};

static struct termios before;
static bool has_before; /* standard input is a terminal, too */
static volatile sig_atomic_t ended;
static volatile sig_atomic_t stopped;
static volatile sig_atomic_t changed;

static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

bool ctl_screen_is_possible(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term && *term &&
	       strcmp(term, "dumb") != 0;
}

static bool write_terminal(const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

/* -- the terminal ---------------------------------------------------------- */

/* Keys come one by one, and are not shown. */
static void take_terminal(void)
{
	struct termios now;

	has_before = tcgetattr(STDIN_FILENO, &before) == 0;
	if (has_before) {
		now = before;
		now.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		now.c_cc[VMIN] = 1;
		now.c_cc[VTIME] = 0;
		tcsetattr(STDIN_FILENO, TCSADRAIN, &now);
	}
	(void)write_terminal(TAKE, sizeof(TAKE) - 1);
}

static void give_terminal(void)
{
	if (has_before)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	(void)write_terminal(GIVE, sizeof(GIVE) - 1);
}

static void screen_on_end(int number)
{
	ended = number;
}

static void screen_on_stop(int number)
{
	stopped = number;
}

static void screen_on_resize(int number)
{
	changed = number;
}

/* Without SA_RESTART: they end the wait. */
static void catch_signal(int number, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler };

	sigaction(number, &action, NULL);
}

void ctl_screen_open(void)
{
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		catch_signal(ends[i], screen_on_end);
	catch_signal(SIGTSTP, screen_on_stop);
	catch_signal(SIGWINCH, screen_on_resize);
	take_terminal();
}

void ctl_screen_close(void)
{
	give_terminal();
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		catch_signal(ends[i], SIG_DFL);
	catch_signal(SIGTSTP, SIG_DFL);
	catch_signal(SIGWINCH, SIG_DFL);
}

/* ^Z: the shell gets its terminal, and we go on when it says so. */
static void suspend_screen(void)
{
	stopped = 0;
	give_terminal();
	raise(SIGSTOP);
	take_terminal();
	changed = 1;
}

void ctl_screen_size(size_t *columns, size_t *lines)
{
	struct winsize size = { 0 };

	(void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	*columns = size.ws_col ? size.ws_col : COLUMNS_DEFAULT;
	*lines = size.ws_row ? size.ws_row : LINES_DEFAULT;
}

/* -- showing --------------------------------------------------------------- */

/* Takes the next line, without its newline, off REST. */
static struct slice next_screen_line(struct slice *rest)
{
	const char *end = memchr(rest->data, '\n', rest->len);
	size_t len = end ? (size_t)(end - rest->data) : rest->len;
	size_t used = end ? len + 1 : len;
	struct slice line = slice_of(rest->data, len);

	*rest = slice_skip(*rest, used);
	return line;
}

bool ctl_screen_show(struct slice text, size_t columns, size_t lines)
{
	struct buffer frame;
	bool good;

	buffer_init(&frame, FRAME_MAX);
	buffer_puts(&frame, HOME);
	for (size_t n = 0; n < lines && text.len > 0; n++) {
		struct slice line = next_screen_line(&text);

		if (line.len > columns)
			line.len = columns;
		if (n > 0)
			buffer_puts(&frame, "\r\n");
		buffer_put_slice(&frame, line);
		if (line.len < columns)
			buffer_puts(&frame, CLEAR_LINE);
	}
	buffer_puts(&frame, CLEAR_SCREEN);
	good =
	    buffer_status(&frame) == 0 && write_terminal(frame.data, frame.len);
	buffer_free(&frame);
	return good;
}

/* -- waiting --------------------------------------------------------------- */

static uint64_t screen_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* False: the key, or that there are no more, means the end. */
static bool take_key(void)
{
	char key = 'q';
	ssize_t n = read(STDIN_FILENO, &key, 1);

	if (n < 0 && errno == EINTR)
		return true;
	return n == 1 && key != 'q' && key != 'Q' && key != 4 /* ^D */;
}

/* Waits for a key if standard input is a terminal. */
static bool wait_once(int ms)
{
	struct pollfd pollfd = { .fd = has_before ? STDIN_FILENO : -1,
		                 .events = POLLIN };

	if (poll(&pollfd, 1, ms) <= 0)
		return true;
	return take_key();
}

bool ctl_screen_wait(uint64_t ms)
{
	uint64_t end_ms = screen_now_ms() + ms;
	uint64_t at_ms;

	changed = 0;
	while (!ended && !changed && (at_ms = screen_now_ms()) < end_ms) {
		if (stopped)
			suspend_screen();
		else if (!wait_once((int)(end_ms - at_ms)))
			return false;
	}
	return !ended;
}
