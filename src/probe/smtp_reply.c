/* SPDX-License-Identifier: BSD-2-Clause */
/* smtp_reply.c - parses the replies of an SMTP server as they come in. */
#include "probe/smtp_reply.h"

#include <stdio.h>
#include <strings.h>

/* Parses one line ("250-STARTTLS") without its LF. *MORE: another one follows. */
static int reply_take_line(struct smtp_reply *reply, struct slice line,
                           bool *more)
{
	unsigned code = 0;

	if (line.len && line.data[line.len - 1] == '\r')
		line.len--;
	if (line.len < 3)
		return MTS_ESYNTAX;
	for (size_t i = 0; i < 3; i++) {
		if (!ascii_is_digit(line.data[i]))
			return MTS_ESYNTAX;
		code = code * 10 + (unsigned)(line.data[i] - '0');
	}
	if (code < 200 ||
	    (line.len > 3 && line.data[3] != ' ' && line.data[3] != '-'))
		return MTS_ESYNTAX;
	*more = line.len > 3 && line.data[3] == '-';
	if (reply->lines++ == 0) {
		reply->code = code;
		snprintf(reply->text, sizeof(reply->text), "%.*s",
		         (int)line.len, line.data);
	} else if (code != reply->code || reply->lines > SMTP_LINES_MAX) {
		return MTS_ESYNTAX;
	}
	if (line.len == 12 && strncasecmp(line.data + 4, "STARTTLS", 8) == 0)
		reply->starttls = true;
	return MTS_OK;
}

int smtp_reply_take(struct smtp_reply *reply, struct slice input,
                    size_t *ret_used)
{
	size_t used = 0;
	bool more = true;
	int status = MTS_OK;

	while (status == MTS_OK && more) {
		struct slice rest = slice_skip(input, used);
		const char *end =
		    rest.len ? memchr(rest.data, '\n', rest.len) : NULL;
		size_t len = end ? (size_t)(end - rest.data) : rest.len;

		if (len > SMTP_LINE_MAX) {
			status = MTS_ESYNTAX;
		} else if (!end) {
			status = MTS_EMORE;
		} else {
			status = reply_take_line(
			    reply, slice_of(rest.data, len), &more);
			used += len + 1;
		}
	}
	*ret_used = used;
	return status;
}
