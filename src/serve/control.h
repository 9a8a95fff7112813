/* SPDX-License-Identifier: BSD-2-Clause */
/* control.h - the operator's socket (wire/control.h tells its language).
 *
 * Only those may speak whom control_access.h lets in: the socket's mode is 0600
 * unless more are named, and each peer's credentials are checked besides. */
#ifndef SERVE_CONTROL_H
#define SERVE_CONTROL_H

#include "cache/absent.h"
#include "cache/cache.h"
#include "net/fetch.h"
#include "net/resolver.h"
#include "net/secure_dns.h"
#include "serve/ask.h"
#include "serve/refresher.h"
#include "wire/answer.h"

struct control;

/* All pointers are borrowed and outlive the service. */
struct control_options {
	uv_loop_t *loop;
	const struct clock *clock;
	const char *address; /* "unix:/path" */
	/* Who may speak besides root and our own user. */
	const char *const *users; /* USER_COUNT names */
	size_t user_count;
	const char *group;   /* a group's name, or NULL */
	const char *version; /* for status */
	const char *config;  /* the configuration file's path, "" if none */
	struct ask *ask;
	struct lookups *lookups;
	struct dane_walks *walks; /* NULL: DANE is off */
	struct mx_sets *mx_sets;
	struct secure_dns *dns; /* NULL: DANE is off */
	enum ask_dane dane;     /* for status */
	const struct words *words;
	struct refresher *refresher;
	struct cache *cache;
	struct absent *absent;
	struct resolver *resolver;
	struct fetcher *fetcher;
	struct answer_manner how; /* of our own maps */
	/* "socketmap unix:/run/...": the listeners, for status. */
	const char *const *listeners;
	size_t listener_count;
	/* Connections of MTAs now, and since the start; for status. */
	void (*count_clients)(void *arg, uint64_t *now, uint64_t *total);
	void *arg;
};

/* endpoint_listen()'s errors and control_access_new()'s. On MTS_OK *RET is the caller's:
 * control_close(). */
int control_open(const struct control_options *options, struct control **ret,
                 struct fault *why);

/* Drops every connection and closes. Takes NULL, leaves NULL. The loop must run
 * once more before it is closed. */
void control_close(struct control **control);

#endif
