/* SPDX-License-Identifier: BSD-2-Clause */
/* control.c - the operator's socket: listens, and decides who may connect.
 * control_peer.c serves the connections.
 *
 * SECURITY: a user of this socket can empty the cache. The socket's mode admits
 * root and our own user, and others only if the configuration names them. The
 * credentials of each peer are always checked. */
#include "control/control.h"

#include "base/log.h"
#include "base/user.h"
#include "control/control_access.h"
#include "control/control_peer.h"
#include "serve/endpoint.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	PEERS_MAX = 16,             /* operators, scripts, monitoring */
	REFUSED_LOG_MS = 10 * 1000, /* between two log lines on refused peers */
};

struct control {
	struct control_peers peers;
	struct endpoint *endpoint; /* NULL: none */
	struct control_access *access;
	/* Set between prepare and settle; no socket: the present one stays. */
	const struct control_options *next;
	struct endpoint *next_endpoint;
	struct control_access *next_access;
	uint64_t refused;    /* including the one in the last log line */
	uint64_t refused_ms; /* the time of that line */
};

/* -- peers coming ---------------------------------------------------------- */

/* Limited: any local user who can connect can cause refusals. */
static void log_refused_peer(struct control *control,
                             const struct control_who *peer)
{
	uint64_t now_ms = clock_mono_ms(control->peers.context.options.clock);
	char user[USER_NAME_MAX] = "";

	if (control->refused > 0 &&
	    now_ms - control->refused_ms < REFUSED_LOG_MS) {
		control->refused++;
		return;
	}
	if (peer->uid >= 0)
		user_name((uid_t)peer->uid, user);
	fault_scrub(user);
	log_warning(
	    "control_refused uid=%ld user=\"%s\" pid=%ld unlogged=%llu",
	    peer->uid, user, peer->pid,
	    (unsigned long long)(control->refused ? control->refused - 1 : 0));
	control->refused = 1;
	control->refused_ms = now_ms;
}

/* True if the peer may use the socket; WHO then describes it for the log. */
static bool may_speak(struct control *control, uv_stream_t *stream,
                      char who[CONTROL_WHO_MAX])
{
	struct control_who peer = { -1, -1 };
	char user[USER_NAME_MAX];
	int fd;

	if (uv_fileno((uv_handle_t *)stream, &fd) != 0 ||
	    !control_access_allows(control->access, fd, &peer)) {
		log_refused_peer(control, &peer);
		return false;
	}
	user_name((uid_t)peer.uid, user);
	snprintf(who, CONTROL_WHO_MAX, "user=%s uid=%ld pid=%ld", user,
	         peer.uid, peer.pid);
	return true;
}

static void refuse_peer(uv_stream_t *stream, const char *error)
{
	control_say_last(stream, error);
	endpoint_drop_stream(stream);
}

static void control_on_connection(void *arg, uv_stream_t *stream)
{
	struct control *control = arg;
	char who[CONTROL_WHO_MAX];

	if (!may_speak(control, stream, who)) {
		refuse_peer(
		    stream,
		    "permission denied: be root or the user that mtastsd "
		    "runs as, or be named by control_users or "
		    "control_group");
		return;
	}
	if (control->peers.count >= PEERS_MAX &&
	    !control_peers_drop_slowest(&control->peers)) {
		refuse_peer(stream, CONTROL_TOO_MANY);
		return;
	}
	if (control_peer_take(&control->peers, stream, who) != MTS_OK)
		refuse_peer(stream, "out of memory");
}

/* -- the service ----------------------------------------------------------- */

/* How to bind the socket. */
static struct bind_options binding(const struct control_options *options,
                                   const struct control_access *access)
{
	return (struct bind_options){ .address = options->address,
		                      .mode = control_access_mode(access),
		                      .group = options->group };
}

static int listen_for_peers(struct control *control,
                            const struct control_options *options,
                            const struct control_access *access,
                            struct endpoint **ret, struct fault *why)
{
	struct endpoint_options endpoint = {
		.loop = options->loop,
		.bind = binding(options, access),
		.ready = options->ready,
	};

	if (options->address[0] == '\0')
		return MTS_OK;
	return endpoint_listen(&endpoint, control_on_connection, control, ret,
	                       why);
}

int control_open(const struct control_options *options, struct control **ret,
                 struct fault *why)
{
	struct control *control = calloc(1, sizeof(*control));
	int rc;

	if (!control)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	control->peers.context.options = *options;
	control->peers.context.started_ms = clock_mono_ms(options->clock);
	list_init(&control->peers.list);
	rc = control_access_new(options->users, options->user_count,
	                        options->group, &control->access, why);
	if (rc == MTS_OK)
		rc = listen_for_peers(control, options, control->access,
		                      &control->endpoint, why);
	if (rc == MTS_OK) {
		*ret = control;
		return MTS_OK;
	}
	control_access_free(&control->access);
	free(control);
	return rc;
}

static bool listens_at(const struct control *control, const char *address)
{
	return control->endpoint && endpoint_is_at(control->endpoint, address);
}

static int prepare_socket(struct control *control,
                          const struct control_options *options,
                          struct fault *why)
{
	struct bind_options bind = binding(options, control->next_access);

	if (listens_at(control, options->address))
		return endpoint_change(control->endpoint, &bind, why);
	return listen_for_peers(control, options, control->next_access,
	                        &control->next_endpoint, why);
}

int control_prepare(struct control *control,
                    const struct control_options *options, struct fault *why)
{
	int rc = control_access_new(options->users, options->user_count,
	                            options->group, &control->next_access, why);

	if (rc == MTS_OK)
		rc = prepare_socket(control, options, why);
	if (rc == MTS_OK)
		control->next = options;
	else
		control_settle(control, false);
	return rc;
}

/* Swaps the present state and the prepared one; the caller frees the latter. */
static void take_next(struct control *control)
{
	const struct control_options *options = control->next;
	struct control_access *access = control->access;
	struct endpoint *endpoint = control->endpoint;
	struct bind_options bind = binding(options, control->next_access);

	control->access = control->next_access;
	control->next_access = access;
	if (listens_at(control, options->address)) {
		endpoint_settle(endpoint, &bind);
	} else {
		control->endpoint = control->next_endpoint;
		control->next_endpoint = endpoint;
	}
	control->peers.context.options = *options;
}

void control_settle(struct control *control, bool good)
{
	if (control->next && good)
		take_next(control);
	else if (control->endpoint)
		endpoint_settle(control->endpoint, NULL);
	control->next = NULL;
	control_access_free(&control->next_access);
	endpoint_close(&control->next_endpoint);
}

void control_close(struct control **control)
{
	struct control *c = *control;

	if (!c)
		return;
	control_settle(c, false);
	endpoint_close(&c->endpoint);
	control_peers_drop(&c->peers);
	control_access_free(&c->access);
	free(c);
	*control = NULL;
}
