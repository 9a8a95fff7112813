/* SPDX-License-Identifier: BSD-2-Clause */
/* smtp_reply.h - replies of an SMTP server (RFC 5321 4.2), as they come in.
 *
 * Pure. */
#ifndef PROBE_SMTP_REPLY_H
#define PROBE_SMTP_REPLY_H

#include "base/slice.h"
#include "base/status.h"

enum {
	/* 4.5.3.1.5: a line has 512 bytes. What is longer is no mail server. */
	SMTP_LINE_MAX = 2048,
	SMTP_LINES_MAX = 200, /* of one reply */
	SMTP_TEXT = 120,
};

struct smtp_reply {
	unsigned code; /* 220 and so on; 0: none yet */
	unsigned lines;
	bool starttls;        /* a line names the extension (RFC 3207 4) */
	char text[SMTP_TEXT]; /* the first line; not safe to show */
};

/* Takes lines off the front of INPUT, until the reply is whole. MTS_OK: it is;
 * MTS_EMORE: more is needed; MTS_ESYNTAX: that is no SMTP. *USED: bytes that
 * were taken, in any case. REPLY is all zero at first. */
int smtp_reply_take(struct smtp_reply *reply, struct slice input,
                    size_t *ret_used);

#endif
