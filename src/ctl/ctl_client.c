/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_client.c - mtasts-ctl's end of the control socket; blocking. */
#include "ctl/ctl_client.h"

#include "base/buffer.h"
#include "wire/transfer.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	READ_SIZE = 64 * 1024,
	FEED_READ_SIZE = 64 * 1024,
	LINE_MAX_BYTES = 4 * 1024 * 1024, /* mtastsd's lines are under 1 MiB */
};

struct ctl_client {
	int fd;
	int timeout_s;
	struct buffer in;
	size_t used; /* bytes of IN that were answered already */
};

/* -- connecting ------------------------------------------------------------ */

static int fill_address(const char *address, struct sockaddr_un *sun,
                        struct fault *why)
{
	const char *path = address;

	if (strncmp(path, "unix:", 5) == 0)
		path += 5;
	if (path[0] != '/')
		return fault_set(why, MTS_ESYNTAX,
		                 "%s: want unix:/PATH or /PATH", address);
	if (strlen(path) >= sizeof(sun->sun_path))
		return fault_set(why, MTS_ESYNTAX,
		                 "%s: the path has %zu bytes, a unix socket's "
		                 "at most %zu",
		                 path, strlen(path), sizeof(sun->sun_path) - 1);
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	memcpy(sun->sun_path, path, strlen(path));
	return MTS_OK;
}

static int connect_fault(const char *path, int error, struct fault *why)
{
	switch (error) {
	case ENOENT:
		return fault_set(why, MTS_ESYS,
		                 "%s: no such socket: is mtastsd running?",
		                 path);
	case ECONNREFUSED:
		return fault_set(why, MTS_ESYS,
		                 "%s: connection refused: is mtastsd running?",
		                 path);
	case EACCES:
	case EPERM:
		return fault_set(why, MTS_ESYS,
		                 "%s: permission denied: run as root or as "
		                 "mtastsd's user, or see control_users and "
		                 "control_group in mtastsd.yaml(5)",
		                 path);
	default:
		return fault_errno(why, error, "%s", path);
	}
}

static int set_timeout(int fd, int timeout_s)
{
	struct timeval timeout = { .tv_sec = timeout_s };

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout,
	               sizeof(timeout)) != 0)
		return -1;
	return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout,
	                  sizeof(timeout));
}

static int open_socket(const struct sockaddr_un *sun, int timeout_s,
                       int *ret_fd, struct fault *why)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc;

	if (fd < 0)
		return fault_errno(why, errno, "%s", sun->sun_path);
	if (set_timeout(fd, timeout_s) != 0 ||
	    connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) != 0) {
		rc = connect_fault(sun->sun_path, errno, why);
		close(fd);
		return rc;
	}
	*ret_fd = fd;
	return MTS_OK;
}

int ctl_connect(const char *address, int timeout_s, struct ctl_client **ret,
                struct fault *why)
{
	struct ctl_client *client;
	struct sockaddr_un sun;
	int fd = -1;
	int rc = fill_address(address, &sun, why);

	if (rc == MTS_OK)
		rc = open_socket(&sun, timeout_s, &fd, why);
	if (rc != MTS_OK)
		return rc;
	client = calloc(1, sizeof(*client));
	if (!client) {
		close(fd);
		return fault_set(why, MTS_ENOMEM, "out of memory");
	}
	client->fd = fd;
	client->timeout_s = timeout_s;
	buffer_init(&client->in, LINE_MAX_BYTES);
	*ret = client;
	return MTS_OK;
}

void ctl_close(struct ctl_client **client)
{
	if (!*client)
		return;
	close((*client)->fd);
	buffer_free(&(*client)->in);
	free(*client);
	*client = NULL;
}

/* -- talking --------------------------------------------------------------- */

static int send_all(int fd, struct slice bytes)
{
	while (bytes.len > 0) {
		ssize_t n = send(fd, bytes.data, bytes.len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		bytes = slice_skip(bytes, (size_t)n);
	}
	return 0;
}

int ctl_send(struct ctl_client *client, struct slice line, struct fault *why)
{
	int error = send_all(client->fd, line);

	if (error == 0)
		error = send_all(client->fd, slice_str("\n"));
	/* Who is refused gets an answer and the close before he has asked: the
	 * answer says more than this error does. */
	if (error == 0 || error == EPIPE || error == ECONNRESET)
		return MTS_OK;
	return fault_errno(why, error, "can't send to mtastsd");
}

static int timed_out(const struct ctl_client *client, struct fault *why)
{
	return fault_set(why, MTS_ETIMEOUT,
	                 "mtastsd has not answered within %d s",
	                 client->timeout_s);
}

int ctl_send_some(struct ctl_client *client, struct slice *bytes,
                  bool *answered, struct fault *why)
{
	struct pollfd pollfd = { .fd = client->fd, .events = POLLIN | POLLOUT };
	ssize_t n;
	int ready;

	do {
		ready = poll(&pollfd, 1, client->timeout_s * 1000);
	} while (ready < 0 && errno == EINTR);
	if (ready < 0)
		return fault_errno(why, errno, "can't send to mtastsd");
	if (ready == 0)
		return timed_out(client, why);
	/* What it says comes first, and so does that it has gone. */
	*answered = (pollfd.revents & ~POLLOUT) != 0;
	if (*answered)
		return MTS_OK;
	n = send(client->fd, bytes->data, bytes->len,
	         MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n >= 0)
		*bytes = slice_skip(*bytes, (size_t)n);
	else if (errno == EPIPE || errno == ECONNRESET)
		*answered = true;
	else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
		return fault_errno(why, errno, "can't send to mtastsd");
	return MTS_OK;
}

void ctl_send_end(struct ctl_client *client)
{
	shutdown(client->fd, SHUT_WR);
}

static int read_answer_bytes(struct ctl_client *client, struct fault *why)
{
	ssize_t n;

	buffer_consume(&client->in, client->used);
	client->used = 0;
	if (buffer_reserve(&client->in, READ_SIZE) != MTS_OK)
		return fault_set(why, buffer_status(&client->in),
		                 "the answer takes too much memory");
	do {
		n = recv(client->fd, client->in.data + client->in.len,
		         READ_SIZE, 0);
	} while (n < 0 && errno == EINTR);
	if (n > 0) {
		client->in.len += (size_t)n;
		return MTS_OK;
	}
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return timed_out(client, why);
	if (n < 0 && errno != ECONNRESET)
		return fault_errno(why, errno, "can't read the answer");
	return fault_set(why, MTS_ESYS,
	                 "mtastsd closed the connection before the end of the "
	                 "answer: was it stopped?");
}

static int parse_answer(struct slice line, json_t **ret, struct fault *why)
{
	json_error_t error;
	json_t *object =
	    json_loadb(line.data, line.len, JSON_REJECT_DUPLICATES, &error);

	if (!object)
		return fault_set(why, MTS_ESYNTAX, "mtastsd's answer: %s",
		                 error.text);
	if (!json_is_object(object)) {
		json_decref(object);
		return fault_set(why, MTS_ESYNTAX,
		                 "mtastsd's answer is not a JSON object");
	}
	*ret = object;
	return MTS_OK;
}

/* The next whole line, if it is here. */
static bool take_answer_line(struct ctl_client *client, struct slice *ret)
{
	size_t left = client->in.len - client->used;
	const char *start;
	const char *end;

	if (left == 0)
		return false;
	start = client->in.data + client->used;
	end = memchr(start, '\n', left);
	if (!end)
		return false;
	*ret = slice_of(start, (size_t)(end - start));
	client->used += ret->len + 1;
	return true;
}

int ctl_next(struct ctl_client *client, json_t **ret, struct fault *why)
{
	struct slice line;
	int rc;

	while (!take_answer_line(client, &line)) {
		rc = read_answer_bytes(client, why);
		if (rc != MTS_OK)
			return rc;
	}
	return parse_answer(line, ret, why);
}

bool ctl_is_next_here(const struct ctl_client *client)
{
	size_t left = client->in.len - client->used;

	return left > 0 && memchr(client->in.data + client->used, '\n', left);
}

/* -- sending a file
 * --------------------------------------------------------- */

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

static int feed_read_file(struct feeder *feeder, struct fault *why)
{
	ssize_t n;

	if (buffer_reserve(&feeder->in, FEED_READ_SIZE) != MTS_OK)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	do {
		n = read(feeder->feed->fd, feeder->in.data + feeder->in.len,
		         FEED_READ_SIZE);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		fault_errno(why, errno, "%s", feeder->feed->name);
		return MTS_ENOTFOUND;
	}
	feeder->in.len += (size_t)n;
	feeder->ended = n == 0;
	return MTS_OK;
}

/* Puts LINE where it will be sent from. In place of one that is too long
 * goes an empty one, which says nothing and is counted. */
static void feed_put_line(struct feeder *feeder, struct slice line)
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
static int feed_move_lines(struct feeder *feeder, struct fault *why)
{
	struct buffer *in = &feeder->in;
	size_t used = 0;
	const char *end;

	while (used < in->len &&
	       (end = memchr(in->data + used, '\n', in->len - used))) {
		size_t len = (size_t)(end - (in->data + used));

		feed_put_line(feeder, slice_of(in->data + used, len));
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
		feed_put_line(feeder, buffer_slice(in));
		buffer_clear(in);
	}
	return buffer_status(&feeder->out) == MTS_OK
	           ? MTS_OK
	           : fault_set(why, MTS_ENOMEM, "out of memory");
}

/* -- to the daemon --------------------------------------------------------- */

/* Takes the answers that are here. */
static int feed_take_answers(struct feeder *feeder, struct fault *why)
{
	json_t *object = NULL;

	do {
		int rc = ctl_next(feeder->client, &object, why);

		if (rc != MTS_OK)
			return rc;
		feeder->stopped = !feeder->feed->take(feeder->arg, object);
		json_decref(object);
	} while (!feeder->stopped && ctl_is_next_here(feeder->client));
	return MTS_OK;
}

static int feed_send_lines(struct feeder *feeder, struct fault *why)
{
	size_t sent = 0;

	while (sent < feeder->out.len && !feeder->stopped) {
		struct slice rest =
		    slice_of(feeder->out.data + sent, feeder->out.len - sent);
		bool answered = false;
		int rc = ctl_send_some(feeder->client, &rest, &answered, why);

		if (rc == MTS_OK && answered)
			rc = feed_take_answers(feeder, why);
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

	buffer_init(&feeder.in, TRANSFER_LINE_MAX + 2 * FEED_READ_SIZE);
	buffer_init(&feeder.out, TRANSFER_LINE_MAX + 4 * FEED_READ_SIZE);
	while (rc == MTS_OK && !feeder.ended && !feeder.stopped) {
		rc = feed_read_file(&feeder, why);
		if (rc == MTS_OK)
			rc = feed_move_lines(&feeder, why);
		if (rc == MTS_OK)
			rc = feed_send_lines(&feeder, why);
	}
	if (rc == MTS_OK && !feeder.stopped)
		ctl_send_end(client);
	buffer_free(&feeder.in);
	buffer_free(&feeder.out);
	return rc;
}
