/* SPDX-License-Identifier: BSD-2-Clause */
/* control.c - the operator's socket: who is let in. control_peer.c serves them.
 *
 * SECURITY: whoever may speak here can empty the cache. The socket's mode lets
 * in our own user and root, and more only where the configuration names them;
 * the credentials of each peer are checked in any case. */
#include "serve/control.h"

#include "base/log.h"
#include "base/user.h"
#include "serve/control_access.h"
#include "serve/control_peer.h"
#include "serve/endpoint.h"

#include <stdlib.h>

enum {
	PEERS_MAX = 16,             /* operators, scripts, monitoring */
	REFUSED_LOG_MS = 10 * 1000, /* between two lines on refused peers */
};

struct control {
	struct control_peers peers;
	struct endpoint *endpoint;
	struct control_access *access;
	uint64_t refused;    /* since the last log line, and with it */
	uint64_t refused_ms; /* when that was written */
};

/* -- peers coming ---------------------------------------------------------- */

/* Whoever can connect can make us refuse him as often as he likes. */
static void log_refused(struct control *control, const struct control_who *peer)
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

/* True if the one at the other end may speak; USER is then his name. */
static bool may_speak(struct control *control, uv_stream_t *stream,
                      char user[USER_NAME_MAX])
{
	struct control_who peer = { -1, -1 };
	int fd;

	if (uv_fileno((uv_handle_t *)stream, &fd) != 0 ||
	    !control_access_allows(control->access, fd, &peer)) {
		log_refused(control, &peer);
		return false;
	}
	user_name((uid_t)peer.uid, user);
	return true;
}

static void refuse(uv_stream_t *stream, const char *error)
{
	control_say_last(stream, error);
	endpoint_drop_stream(stream);
}

static void on_connection(void *arg, uv_stream_t *stream)
{
	struct control *control = arg;
	char user[USER_NAME_MAX];

	if (!may_speak(control, stream, user)) {
		refuse(stream,
		       "permission denied: be root or the user that mtastsd "
		       "runs as, or be named by control_users or "
		       "control_group");
		return;
	}
	if (control->peers.count >= PEERS_MAX) {
		refuse(stream, "too many control connections");
		return;
	}
	if (control_peer_take(&control->peers, stream, user) != MTS_OK)
		refuse(stream, "out of memory");
}

/* -- the service ----------------------------------------------------------- */

static int listen_for_peers(struct control *control, struct fault *why)
{
	const struct control_options *options = &control->peers.context.options;
	struct endpoint_options endpoint = {
		.loop = options->loop,
		.address = options->address,
		.mode = control_access_mode(control->access),
		.group = options->group,
	};

	return endpoint_listen(&endpoint, on_connection, control,
	                       &control->endpoint, why);
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
		rc = listen_for_peers(control, why);
	if (rc == MTS_OK) {
		*ret = control;
		return MTS_OK;
	}
	control_access_free(&control->access);
	free(control);
	return rc;
}

void control_close(struct control **control)
{
	struct control *c = *control;

	if (!c)
		return;
	endpoint_close(&c->endpoint);
	control_peers_drop(&c->peers);
	control_access_free(&c->access);
	free(c);
	*control = NULL;
}
