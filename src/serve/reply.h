/* SPDX-License-Identifier: BSD-2-Clause */
/* reply.h - from a socketmap question to its reply.
 *
 * In two steps, as a look-up may have to wait in between. */
#ifndef SERVE_REPLY_H
#define SERVE_REPLY_H

#include "base/buffer.h"
#include "serve/ask.h"
#include "wire/socketmap.h"

/* A question that is understood, until it is answered. */
struct reply_question {
	enum socketmap_map map;
	struct ask_question ask;
	char mx[DOMAIN_MAX + 2]; /* map verdict: as asked, NUL-terminated */
};

/* Understands PAYLOAD, a request without its netstring. MTS_OK: RET is to be
 * looked up. Otherwise OUT, which was empty, has the reply already: PERM for
 * what is not understood, NOTFOUND for what is no domain, TEMP if memory is
 * short. */
int reply_understand(struct slice payload, struct reply_question *ret,
                     struct buffer *out);

/* Writes the reply to QUESTION into OUT, which is empty. If memory is short it
 * is TEMP; buffer_status() if not even that could be written. */
int reply_write(const struct reply_question *question,
                const struct ask_result *result, int64_t now_s,
                struct buffer *out);

#endif
