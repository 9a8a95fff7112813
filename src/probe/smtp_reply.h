/* SPDX-License-Identifier: BSD-2-Clause */
/* smtp_reply.h - parses the replies of an SMTP server (RFC 5321 4.2) as they come
 * in.
 *
 * Pure. */
#ifndef PROBE_SMTP_REPLY_H
#define PROBE_SMTP_REPLY_H

#include "base/slice.h"
#include "base/status.h"

enum {
	/* 4.5.3.1.5: a line has at most 512 bytes. A server that sends far
	 * longer ones is not a mail server. */
	SMTP_LINE_MAX = 2048,
	SMTP_LINES_MAX = 200, /* in one reply */
	SMTP_TEXT = 120,
};

struct smtp_reply {
	unsigned code; /* 220 and so on; 0: no line yet */
	unsigned lines;
	bool starttls;        /* a line offers STARTTLS (RFC 3207 4) */
	char text[SMTP_TEXT]; /* the first line; not safe to show */
};

/* Parses lines at the start of INPUT until the reply is complete. REPLY is all
 * zero before the first call. MTS_OK: the reply is complete; MTS_EMORE: more input
 * is needed; MTS_ESYNTAX: this is not SMTP. *RET_USED is always the number of
 * bytes that were used. */
int smtp_reply_take(struct smtp_reply *reply, struct slice input,
                    size_t *ret_used);

#endif
