/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_feed.c - gives mtastsd the lines of a file. */
#include "ctl/ctl_feed.h"

#include "base/buffer.h"
#include "wire/transfer.h"

#include <errno.h>
#include <unistd.h>

enum { READ_SIZE = 64 * 1024 };

struct feeder {
	const struct ctl_feed *feed;
	void *arg;
	struct ctl_client *client;
	struct buffer in;    /* of the file */
	struct buffer out;   /* whole lines, to be sent */
	uint64_t line;       /* how many there were */
	bool skipping;       /* the rest of a line that is too long */
	bool ended, stopped; /* the file; the answers */
};

/* -- from the file --------------------------------------------------------- */

static int read_file(struct feeder *feeder, struct fault *why)
{
	ssize_t n;

	if (buffer_reserve(&feeder->in, READ_SIZE) != MTS_OK)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	do {
		n = read(feeder->feed->fd, feeder->in.data + feeder->in.len,
		         READ_SIZE);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		fault_errno(why, errno, "%s", feeder->feed->name);
		return MTS_ENOTFOUND;
	}
	feeder->in.len += (size_t)n;
	feeder->ended = n == 0;
	return MTS_OK;
}

/* Puts LINE where it will be sent from. In place of one that is too long goes an
 * empty one, which says nothing and is counted. */
static void put_line(struct feeder *feeder, struct slice line)
{
	feeder->line++;
	if (line.len <= TRANSFER_LINE_MAX && !feeder->skipping)
		buffer_put_slice(&feeder->out, line);
	else
		feeder->feed->refuse(feeder->arg, feeder->line);
	feeder->skipping = false;
	buffer_puts(&feeder->out, "\n");
}

/* Moves the whole lines on. */
static int move_lines(struct feeder *feeder, struct fault *why)
{
	struct buffer *in = &feeder->in;
	size_t used = 0;
	const char *end;

	while (used < in->len &&
	       (end = memchr(in->data + used, '\n', in->len - used))) {
		size_t len = (size_t)(end - (in->data + used));

		put_line(feeder, slice_of(in->data + used, len));
		used += len + 1;
	}
	buffer_consume(in, used);
	if (in->len > TRANSFER_LINE_MAX) {
		feeder->skipping = true;
		buffer_clear(in);
		/* No export begins so, and it may go on for ever. */
		feeder->ended |= feeder->line == 0;
	}
	if (feeder->ended && (in->len > 0 || feeder->skipping)) {
		put_line(feeder, buffer_slice(in));
		buffer_clear(in);
	}
	return buffer_status(&feeder->out) == MTS_OK
	           ? MTS_OK
	           : fault_set(why, MTS_ENOMEM, "out of memory");
}

/* -- to the daemon --------------------------------------------------------- */

/* Takes the answers that are here. */
static int take_answers(struct feeder *feeder, struct fault *why)
{
	json_t *object;

	do {
		int rc = ctl_next(feeder->client, &object, why);

		if (rc != MTS_OK)
			return rc;
		feeder->stopped = !feeder->feed->take(feeder->arg, object);
		json_decref(object);
	} while (!feeder->stopped && ctl_is_next_here(feeder->client));
	return MTS_OK;
}

static int send_lines(struct feeder *feeder, struct fault *why)
{
	size_t sent = 0;

	while (sent < feeder->out.len && !feeder->stopped) {
		struct slice rest =
		    slice_of(feeder->out.data + sent, feeder->out.len - sent);
		bool answered = false;
		int rc = ctl_send_some(feeder->client, &rest, &answered, why);

		if (rc == MTS_OK && answered)
			rc = take_answers(feeder, why);
		if (rc != MTS_OK)
			return rc;
		sent = feeder->out.len - rest.len;
	}
	buffer_clear(&feeder->out);
	return MTS_OK;
}

int ctl_feed(struct ctl_client *client, const struct ctl_feed *feed, void *arg,
             struct fault *why)
{
	struct feeder feeder = { .feed = feed, .arg = arg, .client = client };
	int rc = MTS_OK;

	buffer_init(&feeder.in, TRANSFER_LINE_MAX + 2 * READ_SIZE);
	buffer_init(&feeder.out, TRANSFER_LINE_MAX + 4 * READ_SIZE);
	while (rc == MTS_OK && !feeder.ended && !feeder.stopped) {
		rc = read_file(&feeder, why);
		if (rc == MTS_OK)
			rc = move_lines(&feeder, why);
		if (rc == MTS_OK)
			rc = send_lines(&feeder, why);
	}
	if (rc == MTS_OK && !feeder.stopped)
		ctl_send_end(client);
	buffer_free(&feeder.in);
	buffer_free(&feeder.out);
	return rc;
}
