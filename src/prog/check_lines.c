/* SPDX-License-Identifier: BSD-2-Clause */
/* check_lines.c - reads a file of domains line by line.
 *
 * The file may be a pipe that stays silent for hours while connections are under
 * way, so it is read on libuv's thread pool, one piece at a time. */
#include "prog/check_lines.h"

#include "base/buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { PIECE = 16 * 1024, LINE_MAX_BYTES = 4096 };

struct check_lines {
	uv_loop_t *loop;
	uv_fs_t request;
	int fd;
	bool reading;
	bool at_end;
	bool skipping; /* the line is too long: skip the rest of it */
	int error;     /* an errno value, or 0 */
	char *name;
	char piece[PIECE];
	struct buffer text; /* read but not yet returned */
	size_t taken;       /* bytes of TEXT that the last line uses */
	unsigned long number;
	check_lines_callback *callback;
	void *arg;
};

int check_lines_open(uv_loop_t *loop, const char *file,
                     check_lines_callback *callback, void *arg,
                     struct check_lines **ret, struct fault *why)
{
	struct check_lines *lines = calloc(1, sizeof(*lines));

	if (lines)
		lines->name = strdup(file);
	if (!lines || !lines->name) {
		free(lines);
		return fault_set(why, MTS_ENOMEM, "out of memory");
	}
	buffer_init(&lines->text, LINE_MAX_BYTES + 2 * PIECE);
	lines->loop = loop;
	lines->callback = callback;
	lines->arg = arg;
	lines->request.data = lines;
	lines->fd = strcmp(file, "-") == 0 ? STDIN_FILENO
	                                   : open(file, O_RDONLY | O_CLOEXEC);
	if (lines->fd < 0) {
		int error = errno;

		check_lines_close(&lines);
		return fault_errno(why, error, "%s can't be read", file);
	}
	*ret = lines;
	return MTS_OK;
}

void check_lines_close(struct check_lines **lines)
{
	struct check_lines *l = *lines;

	if (!l)
		return;
	*lines = NULL;
	if (l->fd > STDIN_FILENO)
		close(l->fd);
	buffer_free(&l->text);
	free(l->name);
	free(l);
}

static void lines_on_read(uv_fs_t *request)
{
	struct check_lines *lines = request->data;
	ssize_t len = request->result;

	uv_fs_req_cleanup(request);
	lines->reading = false;
	if (len < 0)
		lines->error = (int)-len;
	else if (len == 0)
		lines->at_end = true;
	else if (buffer_put(&lines->text, lines->piece, (size_t)len) != MTS_OK)
		lines->error = ENOMEM;
	lines->callback(lines->arg);
}

static int lines_read_more(struct check_lines *lines)
{
	uv_buf_t buf = uv_buf_init(lines->piece, sizeof(lines->piece));
	int rc;

	if (lines->reading)
		return MTS_EMORE;
	rc = uv_fs_read(lines->loop, &lines->request, lines->fd, &buf, 1, -1,
	                lines_on_read);
	if (rc != 0) {
		lines->error = -rc;
		return MTS_ESYS;
	}
	lines->reading = true;
	return MTS_EMORE;
}

/* The next line, even a blank one. */
static int lines_take(struct check_lines *lines, struct slice *ret)
{
	struct slice rest;
	const char *end;

	buffer_consume(&lines->text, lines->taken);
	lines->taken = 0;
	rest = buffer_slice(&lines->text);
	end = rest.len ? memchr(rest.data, '\n', rest.len) : NULL;
	if (!end && rest.len > LINE_MAX_BYTES) {
		lines->taken = rest.len;
		lines->skipping = true;
		return lines_take(lines, ret);
	}
	if (!end && !lines->at_end)
		return lines_read_more(lines);
	if (!end && rest.len == 0)
		return MTS_ENOTFOUND;
	lines->number++;
	lines->taken = end ? (size_t)(end - rest.data) + 1 : rest.len;
	*ret = slice_of(rest.data, end ? lines->taken - 1 : rest.len);
	if (!lines->skipping)
		return MTS_OK;
	lines->skipping = false;
	return MTS_ERANGE;
}

int check_lines_next(struct check_lines *lines, struct slice *ret_line,
                     unsigned long *ret_number, struct fault *why)
{
	struct slice line = slice_of(NULL, 0);
	int status;

	do {
		status = lines->error ? MTS_ESYS : lines_take(lines, &line);
		if (status != MTS_OK)
			break;
		line = slice_trim(line);
	} while (line.len == 0 || *line.data == '#');
	*ret_number = lines->number;
	if (status == MTS_OK)
		*ret_line = line;
	if (status == MTS_ESYS)
		return fault_errno(why, lines->error, "%s can't be read",
		                   lines->name);
	return status;
}
