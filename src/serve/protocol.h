/* SPDX-License-Identifier: BSD-2-Clause */
/* protocol.h - the protocols in which MTAs ask. The server is the same for all; what
 * differs is in a struct protocol.
 *
 * socketmap: wire/socketmap.h in wire/framing.h
 * tcp_table: wire/tcp_table.h
 * exim: wire/exim.h; one question a connection, answered within the 5 s that Exim
 *   waits */
#ifndef SERVE_PROTOCOL_H
#define SERVE_PROTOCOL_H

#include "serve/reply.h"

/* What a listener knows besides its protocol. Borrowed. */
struct protocol_context {
	const struct maps *maps;
	const struct map_entry *map; /* tcp_table: the map of this listener */
	struct answer_manner how;    /* exim */
};

/* Also the order of the counters. */
enum protocol_kind {
	PROTOCOL_SOCKETMAP,
	PROTOCOL_TCP_TABLE,
	PROTOCOL_EXIM,
	PROTOCOL_KINDS,
};

struct protocol {
	enum protocol_kind kind;
	bool once; /* closes the connection after one answer */
	/* Looks for a request at the start of INPUT. MTS_OK: *RET is within
	 * INPUT, and the request takes up *USED bytes of it; MTS_EMORE: it is
	 * incomplete; other errors: this is no request. */
	int (*cut)(struct slice input, struct slice *ret, size_t *used);
	/* Parses it: reply_understand()'s contract. */
	int (*understand)(const struct protocol_context *context,
	                  struct slice request, struct reply_question *ret,
	                  struct buffer *out);
	/* Writes the reply: reply_write()'s contract. */
	int (*write)(const struct reply_question *question,
	             const struct ask_result *result, const struct clock *clock,
	             struct buffer *out);
	/* Appends REPLY in the protocol's framing. Returns
	 * buffer_status(). */
	int (*frame)(struct buffer *out, struct slice reply);
};

extern const struct protocol protocol_socketmap;
extern const struct protocol protocol_tcp_table;
extern const struct protocol protocol_exim;

enum {
	/* The largest reply of all protocols, before and after frame(). */
	PROTOCOL_REPLY_MAX = 256 * 1024,
	PROTOCOL_FRAMED_MAX = PROTOCOL_REPLY_MAX + 16,
};

#endif
