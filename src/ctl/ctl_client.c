/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_client.c - mtasts-ctl's end of the control socket; blocking. */
#include "ctl/ctl_client.h"

#include "base/buffer.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	READ_SIZE = 64 * 1024,
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
		                 "%s: nobody answers: is mtastsd running?",
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
	return fault_errno(why, error, "can't ask mtastsd");
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
		return fault_errno(why, errno, "can't ask mtastsd");
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
		return fault_errno(why, errno, "can't ask mtastsd");
	return MTS_OK;
}

void ctl_send_end(struct ctl_client *client)
{
	shutdown(client->fd, SHUT_WR);
}

static int read_more(struct ctl_client *client, struct fault *why)
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
	                 "mtastsd closed the connection in mid-answer: was it "
	                 "stopped?");
}

static int parse_line(struct slice line, json_t **ret, struct fault *why)
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
		                 "mtastsd's answer is no JSON object");
	}
	*ret = object;
	return MTS_OK;
}

/* The next whole line, if it is here. */
static bool take_line(struct ctl_client *client, struct slice *ret)
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

	while (!take_line(client, &line)) {
		rc = read_more(client, why);
		if (rc != MTS_OK)
			return rc;
	}
	return parse_line(line, ret, why);
}

bool ctl_is_next_here(const struct ctl_client *client)
{
	size_t left = client->in.len - client->used;

	return left > 0 && memchr(client->in.data + client->used, '\n', left);
}
