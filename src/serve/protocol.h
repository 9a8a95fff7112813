/* SPDX-License-Identifier: BSD-2-Clause */
/* protocol.h - the languages in which MTAs ask: what the server, which is one
 * for all of them, leaves to each.
 *
 * socketmap: wire/socketmap.h in wire/netstring.h
 * tcp_table: wire/tcp_table.h
 * exim: wire/exim.h; one question a connection, and its answer in time for
 *   Exim, which waits 5 s */
#ifndef SERVE_PROTOCOL_H
#define SERVE_PROTOCOL_H

#include "serve/reply.h"

/* What a listener knows besides its language. Borrowed. */
struct protocol_context {
	const struct maps *maps;
	const struct map_entry *map; /* tcp_table: the one that is asked */
	struct answer_manner how;    /* exim */
};

/* In the order in which they are counted. */
enum protocol_kind {
	PROTOCOL_SOCKETMAP,
	PROTOCOL_TCP_TABLE,
	PROTOCOL_EXIM,
	PROTOCOL_KINDS,
};

struct protocol {
	enum protocol_kind kind;
	bool once; /* one answer, and then the end */
	/* Looks for one request at the start of INPUT. MTS_OK: *RET is within
	 * INPUT, and takes up *USED bytes; MTS_EMORE; else it can become
	 * none. */
	int (*cut)(struct slice input, struct slice *ret, size_t *used);
	/* Understands it: reply_understand()'s contract. */
	int (*understand)(const struct protocol_context *context,
	                  struct slice request, struct reply_question *ret,
	                  struct buffer *out);
	/* Writes the reply: reply_write()'s contract. */
	int (*write)(const struct reply_question *question,
	             const struct ask_result *result, int64_t now_s,
	             struct buffer *out);
	/* Appends REPLY as it goes over the wire; buffer_status(). */
	int (*frame)(struct buffer *out, struct slice reply);
};

extern const struct protocol protocol_socketmap;
extern const struct protocol protocol_tcp_table;
extern const struct protocol protocol_exim;

enum {
	/* Of a reply, of whatever protocol, before and after frame(). */
	PROTOCOL_REPLY_MAX = 256 * 1024,
	PROTOCOL_FRAMED_MAX = PROTOCOL_REPLY_MAX + 16,
};

#endif
