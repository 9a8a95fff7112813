/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_line.c - the line protocols. Whatever bytes the question and the policy
 * contain, the answer is a single, unambiguous line. */
#include "base/status.h"
#include "wire/exim.h"
#include "wire/framing.h"
#include "wire/tcp_table.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* Part of a line is reported as incomplete; a complete line lies within the input. */
static void check_line(struct slice input)
{
	struct slice line;
	size_t used = 0;
	int rc = line_parse(input, TCP_TABLE_MAX, &line, &used);

	check(rc != MTS_EMORE || input.len < TCP_TABLE_MAX);
	if (rc != MTS_OK)
		return;
	check(used <= input.len && used <= TCP_TABLE_MAX);
	check(line.data == input.data && line.len < used);
	check(input.data[used - 1] == '\n');
	check(!line.len || !memchr(line.data, '\n', line.len));
	check(line_parse(slice_of(input.data, used - 1), TCP_TABLE_MAX, &line,
	                 &used) == MTS_EMORE);
}

/* A key that is encoded as data decodes to the same key. */
static void check_tcp_table(struct slice line)
{
	struct buffer key;
	struct buffer reply;
	struct buffer again;

	buffer_init(&key, TCP_TABLE_MAX);
	buffer_init(&reply, TCP_TABLE_MAX + 16);
	buffer_init(&again, TCP_TABLE_MAX);
	if (tcp_table_parse(line, &key, NULL) != MTS_OK || key.len == 0)
		goto out;
	buffer_puts(&reply, "OK ");
	buffer_put_slice(&reply, buffer_slice(&key));
	if (!tcp_table_fits(buffer_slice(&reply)))
		goto out;
	check(tcp_table_put(&again, buffer_slice(&reply)) == MTS_OK);
	check(again.len <= TCP_TABLE_MAX && again.data[again.len - 1] == '\n');
	for (size_t i = 4; i + 1 < again.len; i++)
		check(again.data[i] > 0x20 && again.data[i] < 0x7f);
	memcpy(again.data, "get ", 4);
	buffer_clear(&reply);
	check(tcp_table_parse(slice_of(again.data, again.len - 1), &reply,
	                      NULL) == MTS_OK);
	check(reply.len == key.len && !memcmp(reply.data, key.data, key.len));
out:
	buffer_free(&key);
	buffer_free(&reply);
	buffer_free(&again);
}

static void check_exim_request(struct slice line)
{
	struct exim_request request;

	if (exim_parse(line, &request, NULL) != MTS_OK)
		return;
	check(request.domain.len > 0 &&
	      !memchr(request.domain.data, ' ', request.domain.len));
	check(5 + request.domain.len + (request.mx.len ? 1 : 0) +
	          request.mx.len ==
	      line.len);
}

/* TEXT stands for a damaged policy: any bytes between NULs. The items of the
 * list are "!^...$" of letters, digits, hyphens and brackets, and a last "*". */
static void check_hosts(const char *text, size_t size)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-[]";
	const struct policy policy = { POLICY_ENFORCE, 86400, 1,
		                       slice_of(text, size) };
	struct buffer out;
	const char *at;

	buffer_init(&out, 8 * size + EXIM_REPLY_MAX);
	check(exim_write(&out, &policy, slice_str(""), false) == MTS_OK);
	buffer_put(&out, "", 1);
	at = out.data;
	if (strcmp(at, "mode=none\n") == 0)
		goto out;
	check(strncmp(at, "mode=enforce hosts=", 19) == 0);
	for (at += 19; *at != '*';) {
		check(strncmp(at, "!^", 2) == 0);
		at += 2;
		if (strncmp(at, "[^.]+[.]", 8) == 0)
			at += 8;
		for (; *at != '$'; at++)
			check(*at &&
			      (strchr(good, *at) ||
			       (*at == '.' && at[-1] == '[' && at[1] == ']')));
		check(strncmp(at, "$:", 2) == 0);
		at += 2;
	}
	check(strcmp(at, "*\n") == 0);
out:
	buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice input = slice_of((const char *)data, size);
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	check_line(input);
	check_tcp_table(input);
	check_exim_request(input);
	check_hosts(text, size + 1);
	free(text);
	return 0;
}
