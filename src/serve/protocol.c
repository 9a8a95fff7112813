/* SPDX-License-Identifier: BSD-2-Clause */
/* protocol.c - the protocols in which MTAs ask. */
#include "serve/protocol.h"

#include "wire/exim.h"
#include "wire/framing.h"
#include "wire/tcp_table.h"

_Static_assert((int)PROTOCOL_REPLY_MAX >= (int)SOCKETMAP_REPLY_MAX &&
                   (int)PROTOCOL_REPLY_MAX >= (int)EXIM_REPLY_MAX &&
                   (int)PROTOCOL_REPLY_MAX >= (int)TCP_TABLE_MAX,
               "a reply fits");

/* -- socketmap ------------------------------------------------------------- */

static int cut_socketmap(struct slice input, struct slice *ret, size_t *used)
{
	return netstring_parse(input, SOCKETMAP_REQUEST_MAX, ret, used);
}

static int understand_socketmap(const struct protocol_context *context,
                                struct slice request,
                                struct reply_question *ret, struct buffer *out)
{
	return reply_understand(context->maps, request, ret, out);
}

const struct protocol protocol_socketmap = {
	.kind = PROTOCOL_SOCKETMAP,
	.cut = cut_socketmap,
	.understand = understand_socketmap,
	.write = reply_write,
	.frame = netstring_put,
};

/* -- tcp_table ------------------------------------------------------------- */

static int cut_tcp_table(struct slice input, struct slice *ret, size_t *used)
{
	return line_parse(input, TCP_TABLE_MAX, ret, used);
}

static int understand_tcp_table(const struct protocol_context *context,
                                struct slice request,
                                struct reply_question *ret, struct buffer *out)
{
	return reply_understand_tcp(context->map, request, ret, out);
}

const struct protocol protocol_tcp_table = {
	.kind = PROTOCOL_TCP_TABLE,
	.cut = cut_tcp_table,
	.understand = understand_tcp_table,
	.write = reply_write, /* knows the limit of 4096 bytes */
	.frame = tcp_table_put,
};

/* -- exim ------------------------------------------------------------------ */

static int cut_exim(struct slice input, struct slice *ret, size_t *used)
{
	return line_parse(input, EXIM_REQUEST_MAX, ret, used);
}

static int understand_exim(const struct protocol_context *context,
                           struct slice request, struct reply_question *ret,
                           struct buffer *out)
{
	return reply_understand_exim(&context->how, request, ret, out);
}

const struct protocol protocol_exim = {
	.kind = PROTOCOL_EXIM,
	.once = true,
	.cut = cut_exim,
	.understand = understand_exim,
	.write = reply_write_exim,
	.frame = buffer_put_slice,
};
