/* SPDX-License-Identifier: BSD-2-Clause */
/* control.h - the operator's socket (wire/control_protocol.h describes its
 * language).
 *
 * Only the users that control_access.h allows can use it: the socket's mode is
 * 0600 unless the configuration names more users, and each peer's credentials
 * are checked as well. */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include "cache/absent.h"
#include "cache/cache.h"
#include "dns/resolver.h"
#include "dnssec/secure_dns.h"
#include "https/fetch.h"
#include "lookup/ask.h"
#include "lookup/refresher.h"
#include "stats/metrics.h"
#include "wire/answer.h"

struct control;

/* The result of a reload of the configuration. */
struct control_reload {
	int64_t when_s;     /* 0: there was none yet */
	struct fault fault; /* status MTS_OK: it took effect */
	size_t restarts;    /* changed options that need a restart, */
	char options[200];  /* by name: "cache.directory, user" */
};

/* All pointers are borrowed and must outlive the service. */
/* Connections of MTAs, for status. */
struct control_clients {
	uint64_t now;
	uint64_t most;    /* the limit */
	uint64_t total;   /* since the start */
	uint64_t refused; /* since the start, because of MOST */
};

struct control_options {
	uv_loop_t *loop;
	const struct clock *clock;
	const char *address; /* "unix:/path"; "": no socket */
	/* Who may use the socket besides root and our own user. */
	const char *const *users; /* USER_COUNT names */
	size_t user_count;
	const char *group; /* a group's name, or NULL */
	struct activation
	    *ready;          /* sockets that are bound already; may be NULL */
	const char *version; /* for status */
	const char *config;  /* the configuration file's path, "" if none */
	struct ask *ask;
	struct lookups *lookups;
	struct dane_table *dane_table;   /* NULL: DANE is off */
	struct dane_checks *dane_checks; /* NULL: DANE is off */
	struct mx_sets *mx_sets;
	struct secure_dns *dns; /* NULL: DANE is off */
	enum ask_dane dane;     /* for status */
	const struct overrides *overrides;
	struct refresher *refresher;
	struct cache *cache;
	struct absent *absent;
	struct resolver *resolver;
	struct fetcher *fetcher;
	struct answer_manner how;              /* of our own maps */
	const struct metrics_sources *sources; /* stats */
	const struct top *top;                 /* top */
	/* "socketmap unix:/run/...": the listeners, for status. */
	const char *const *listeners;
	size_t listener_count;
	void (*count_clients)(void *arg, struct control_clients *ret);
	/* Reloads the configuration on behalf of WHO. The result is valid
	 * until the next reload. These options may change during the call. */
	const struct control_reload *(*reload)(void *arg, const char *who);
	const struct control_reload *last_reload;
	void *arg;
};

/* endpoint_listen()'s errors and control_access_new()'s. On MTS_OK *RET is the
 * caller's: control_close(). */
int control_open(const struct control_options *options, struct control **ret,
                 struct fault *why);

/* Prepares new OPTIONS (with the same loop and clock), which are borrowed
 * until control_settle(): opens another socket if the address has changed.
 * Errors as in control_open(). control_settle() then puts them in force or
 * drops them. Connections stay open. */
int control_prepare(struct control *control,
                    const struct control_options *options, struct fault *why);
void control_settle(struct control *control, bool good);

/* Drops every connection and closes the socket. Takes NULL, leaves NULL. The
 * loop must run once more before it is closed. */
void control_close(struct control **control);

#endif
