/* SPDX-License-Identifier: BSD-2-Clause */
/* reply.h - parses an MTA's question, and writes the reply: two steps, because a
 * look-up may come in between. */
#ifndef SERVE_REPLY_H
#define SERVE_REPLY_H

#include "base/buffer.h"
#include "base/clock.h"
#include "lookup/ask.h"
#include "serve/maps.h"
#include "wire/answer.h"

/* A question that was parsed. */
struct reply_question {
	enum socketmap_map map; /* MAP_UNKNOWN: Exim */
	struct answer_manner how;
	enum answer_limit limit;
	struct ask_question ask;
	char mx[DOMAIN_MAX + 2]; /* the MX host that was named (map verdict,
	                          * Exim), NUL-terminated; else "" */
};

/* Each parses one request: PAYLOAD, without the netstring around it; LINE, without its
 * newline. MTS_OK: look up RET. Otherwise OUT, which was empty, holds the reply: PERM
 * or TEMP for an invalid request, NOTFOUND if the key is not a domain, TEMP if out of
 * memory. */
int reply_understand(const struct maps *maps, struct slice payload,
                     struct reply_question *ret, struct buffer *out);

/* For tcp_table(5). MAP is the listener's map; NULL: the configuration no longer has
 * it. */
int reply_understand_tcp(const struct map_entry *map, struct slice line,
                         struct reply_question *ret, struct buffer *out);

/* For Exim: the reply is "mode=fail" for an invalid request or if out of memory,
 * "mode=none" if the key is not a domain. */
int reply_understand_exim(const struct answer_manner *how, struct slice line,
                          struct reply_question *ret, struct buffer *out);

/* Writes the reply to QUESTION to OUT, which is empty, as socketmap has it. The reply is
 * TEMP if out of memory. Returns buffer_status(): not even that could be written. */
int reply_write(const struct reply_question *question,
                const struct ask_result *result, const struct clock *clock,
                struct buffer *out);

/* The same for Exim. */
int reply_write_exim(const struct reply_question *question,
                     const struct ask_result *result, const struct clock *clock,
                     struct buffer *out);

#endif
