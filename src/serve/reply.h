/* SPDX-License-Identifier: BSD-2-Clause */
/* reply.h - from an MTA's question to its reply.
 *
 * In two steps, as a look-up may have to wait in between. */
#ifndef SERVE_REPLY_H
#define SERVE_REPLY_H

#include "base/buffer.h"
#include "lookup/ask.h"
#include "serve/maps.h"
#include "wire/answer.h"

/* A question that is understood, until it is answered. */
struct reply_question {
	enum socketmap_map map; /* of the Exim line: unknown */
	struct answer_manner how;
	enum answer_room room;
	struct ask_question ask;
	char mx[DOMAIN_MAX + 2]; /* map verdict, and the Exim line if it named
	                          * one: as asked, NUL-terminated; else "" */
};

/* Each understands one request: PAYLOAD, a socketmap's without its netstring;
 * LINE, without its newline. MTS_OK: RET is to be looked up. Otherwise OUT,
 * which was empty, has the reply already: PERM or TEMP for what is not
 * understood, NOTFOUND for what is no domain, TEMP if memory is short. */
int reply_understand(const struct maps *maps, struct slice payload,
                     struct reply_question *ret, struct buffer *out);

/* For tcp_table(5): MAP is what is asked; NULL: it is gone. */
int reply_understand_tcp(const struct map_entry *map, struct slice line,
                         struct reply_question *ret, struct buffer *out);

/* For Exim, in its own words: "mode=fail" for what is not understood or if
 * memory is short, "mode=none" for what is no domain. */
int reply_understand_exim(const struct answer_manner *how, struct slice line,
                          struct reply_question *ret, struct buffer *out);

/* Writes the reply to QUESTION into OUT, which is empty, as socketmap's. If
 * memory is short it is TEMP; buffer_status() if not even that could be
 * written. */
int reply_write(const struct reply_question *question,
                const struct ask_result *result, int64_t now_s,
                struct buffer *out);

/* The same in Exim's words. */
int reply_write_exim(const struct reply_question *question,
                     const struct ask_result *result, int64_t now_s,
                     struct buffer *out);

#endif
