/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_socketmap.c - a question splits into the parts it was made of. Whatever bytes
 * it contains, a reply that quotes them is one printable line, and a policy that
 * contains them can't add an attribute to an answer. */
#include "base/status.h"
#include "wire/answer.h"
#include "wire/socketmap.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_request(struct slice payload)
{
	struct socketmap_request request;
	struct slice domain;
	struct slice mx;
	struct fault why;

	if (socketmap_parse(payload, &request, &why) != MTS_OK)
		return;
	check(request.map.len > 0 &&
	      !memchr(request.map.data, ' ', request.map.len));
	check(request.map.len + 1 + request.key.len == payload.len);
	check(request.key.data == request.map.data + request.map.len + 1);
	socketmap_find_map(request.map);
	if (socketmap_split_verdict(request.key, &domain, &mx) == MTS_OK)
		check(domain.len && mx.len &&
		      domain.len + 1 + mx.len == request.key.len);
}

static void check_reason(const char *text)
{
	struct buffer out;

	buffer_init(&out, SOCKETMAP_REPLY_MAX);
	check(answer_write_perm(&out, text) == MTS_OK);
	check(out.len <= 5 + ANSWER_REASON_MAX);
	for (size_t i = 0; i < out.len; i++)
		check(out.data[i] >= 0x20 && out.data[i] <= 0x7e);
	buffer_free(&out);
}

static size_t count(struct slice text, const char *what)
{
	size_t n = 0;

	for (size_t i = 0; i + strlen(what) <= text.len; i++)
		n += memcmp(text.data + i, what, strlen(what)) == 0;
	return n;
}

/* TEXT stands for a damaged policy: any bytes between NULs. */
static void check_patterns(const char *text, size_t size)
{
	static const struct domain domain = { 9, "a.example" };
	const struct policy policy = { POLICY_ENFORCE, 86400, 1,
		                       slice_of(text, size) };
	const struct answer_input input = { .domain = &domain,
		                            .policy = &policy,
		                            .id = "1" };
	struct buffer out;
	struct slice reply;
	size_t patterns;

	buffer_init(&out, SOCKETMAP_REPLY_MAX);
	check(answer_write(&out, MAP_POSTFIX_TLSRPT, &input) == MTS_OK);
	reply = buffer_slice(&out);
	check(reply.len <= SOCKETMAP_REPLY_MAX);
	patterns = count(reply, " mx_host_pattern=");
	if (count(reply, "policy_string")) {
		/* The "=" signs: three, plus one for each pattern and one for each string. */
		check(count(reply, "=") == 4 + patterns + 3 + patterns);
		check(count(reply, "{") == 3 + patterns);
		check(count(reply, "}") == 3 + patterns);
		check(count(reply, ":") == patterns - 1 + 3 + patterns);
	}
	buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	check_request(slice_of((const char *)data, size));
	check_reason(text);
	check_patterns(text, size + 1);
	free(text);
	return 0;
}
