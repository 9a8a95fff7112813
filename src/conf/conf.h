/* SPDX-License-Identifier: BSD-2-Clause */
/* conf.h - mtastsd's configuration: YAML in, checked values out.
 *
 * One table row an option (schema.c: path, type, range, default, help) drives
 * the loader, the sample file's check and the manual's. Modules never see this
 * struct: prog/ hands each one its own small options. */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include "base/log.h"
#include "base/status.h"
#include "sts/override.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum conf_dnssec {
	CONF_DNSSEC_AUTO,
	CONF_DNSSEC_VALIDATE,
	CONF_DNSSEC_TRUST_AD,
	CONF_DNSSEC_OFF,
};

enum conf_protocol { CONF_SOCKETMAP, CONF_TCP_TABLE, CONF_EXIM };

/* One entry of "listen:". */
struct conf_listen {
	enum conf_protocol protocol;
	char *address; /* "unix:/path" or "inet:host:port", checked */
	mode_t mode;   /* unix: of the socket file; 0660 by default */
	char *owner;   /* unix: a user's name, or NULL: ours */
	char *group;   /* unix: a group's name, or NULL: ours */
	char *map;     /* tcp_table: the map that is asked; never NULL */
	unsigned line; /* in the file, for messages */
};

/* In the order of the choices in schema.c. */
enum conf_dane {
	CONF_DANE_AUTO,
	CONF_DANE_ON,
	CONF_DANE_PRECEDENCE,
	CONF_DANE_OFF
};
enum conf_dane_answer { CONF_DANE_ANSWER_ONLY, CONF_DANE_ANSWER_NONE };

/* In the order of the choices in schema.c. */
enum conf_testing { CONF_TESTING_REPORT, CONF_TESTING_ENFORCE };
enum conf_like {
	CONF_LIKE_POSTFIX,
	CONF_LIKE_POSTFIX_TLSRPT,
	CONF_LIKE_STS,
	CONF_LIKE_VERDICT,
};

/* One entry of "maps:". */
struct conf_map {
	char *name; /* never NULL once it is loaded */
	enum conf_like like;
	enum conf_testing testing;
	bool protocols;
	bool servername;
	bool strict_mx;
	unsigned line; /* in the file, for messages */
};

struct conf {
	struct conf_listen *listen; /* LISTEN_COUNT of them */
	size_t listen_count;
	char *control; /* "unix:/path"; "" is none */
	char **control_users;
	size_t control_user_count;
	char *control_group; /* NULL: none */
	char *stats;         /* "unix:/path" or "inet:host:port"; "" is none */
	struct {
		char *directory;
		uint64_t max_size; /* bytes */
		uint64_t unused_after_ms;
	} cache;
	struct {
		char **servers; /* "192.0.2.1", "192.0.2.1:5353", "[::1]:53" */
		size_t server_count; /* 0: those of /etc/resolv.conf */
		enum conf_dnssec dnssec;
		char *trust_anchor; /* "": the system's */
		uint64_t timeout_ms;
	} dns;
	struct {
		char *ca_file; /* "": the system's */
		uint64_t timeout_ms;
		uint64_t max_size; /* bytes */
		uint64_t concurrency;
		uint64_t retry_ms;
		bool allow_private_addresses;
	} fetch;
	struct {
		uint64_t timeout_ms;
		uint64_t negative_min_ms;
		uint64_t negative_max_ms;
	} lookup;
	struct {
		uint64_t interval_ms;
		uint64_t min_interval_ms;
		uint64_t id_check_min_ms;
		uint64_t id_check_max_ms;
	} refresh;
	enum conf_dane dane;
	enum conf_dane_answer dane_answer;
	enum conf_testing testing; /* of our own maps, and of exim */
	bool protocols;            /* of our own maps */
	bool servername;           /* of our own maps */
	bool strict_mx;            /* of our own maps */
	struct conf_map *maps;     /* the operator's; MAP_COUNT of them */
	size_t map_count;
	struct overrides *domains; /* the operator's own; never NULL */
	struct {
		uint64_t clients; /* connections, all listeners together */
	} limits;
	struct {
		enum log_level level;
		enum log_target target;
	} log;
	char *user; /* to switch to if started as root; NULL: none */
};

/* The configuration file of mtastsd and mtasts-ctl, unless -c names another. */
#define CONF_DEFAULT_FILE MTS_SYSCONFDIR "/mtasts/mtastsd.yaml"

/* Reads PATH. On MTS_OK *RET is the caller's: conf_free(). MTS_ESYNTAX (bad
 * YAML, an unknown option, a bad value), MTS_ERANGE: WHY reads "FILE:LINE:
 * option: what is wrong and what would be right". MTS_ESYS: the file can't be
 * read. MTS_ENOMEM. */
int conf_load(const char *path, struct conf **ret, struct fault *why);

/* The same from memory; messages show NAME as the file. */
int conf_parse(const char *text, size_t len, const char *name,
               struct conf **ret, struct fault *why);

/* Every option at its default; NULL: out of memory. */
struct conf *conf_new(void);

/* "socketmap", "tcp_table", "exim". */
const char *conf_protocol_text(enum conf_protocol protocol);

/* Compares the options of A and B that only a restart can change. Writes the
 * paths of those that differ to TEXT, cut off at SIZE: "cache.directory, user".
 * Returns how many differ. */
size_t conf_list_restart(const struct conf *a, const struct conf *b, char *text,
                         size_t size);

/* Takes NULL, leaves NULL. */
void conf_free(struct conf **conf);

#endif
