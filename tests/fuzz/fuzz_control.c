/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_control.c - an accepted request stays the same when it is written out and
 * parsed again. */
#include "base/buffer.h"
#include "wire/control_protocol.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_same(const struct control_request *a,
                       const struct control_request *b)
{
	check(a->command == b->command && a->argc == b->argc);
	for (size_t i = 0; i < CONTROL_OPTIONS_MAX; i++)
		check(a->options[i].len == b->options[i].len &&
		      !a->options[i].data == !b->options[i].data);
	for (size_t i = 0; i < a->argc; i++)
		check(a->argv[i].len > 0 && a->argv[i].len == b->argv[i].len &&
		      memcmp(a->argv[i].data, b->argv[i].data,
		             a->argv[i].len) == 0);
}

static void put_option(struct buffer *line, const struct control_row *row,
                       size_t i, struct slice value)
{
	if (!value.data)
		return;
	buffer_printf(line, " --%s", row->options[i].name);
	if (row->options[i].value)
		buffer_puts(line, "=");
	buffer_put_slice(line, value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct control_request request;
	static struct control_request again;
	const struct control_row *row;
	struct buffer line;
	struct fault why;

	if (control_parse(slice_of((const char *)data, size), &request, &why) !=
	    MTS_OK) {
		check(why.status == MTS_ESYNTAX && why.text[0]);
		return 0;
	}
	row = control_row(request.command);
	check(request.argc >= row->args_min && request.argc <= row->args_max);
	buffer_init(&line, CONTROL_LINE_MAX);
	buffer_puts(&line, row->name);
	for (size_t i = 0; i < CONTROL_OPTIONS_MAX; i++)
		put_option(&line, row, i, request.options[i]);
	for (size_t i = 0; i < request.argc; i++) {
		buffer_puts(&line, " ");
		buffer_put_slice(&line, request.argv[i]);
	}
	check(control_parse(buffer_slice(&line), &again, &why) == MTS_OK);
	check_same(&request, &again);
	buffer_free(&line);
	return 0;
}
