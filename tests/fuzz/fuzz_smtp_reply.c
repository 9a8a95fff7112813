/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_smtp_reply.c - a reply is parsed the same way however it is split, and no
 * byte after it is used. */
#include "probe/smtp_reply.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int good)
{
	if (!good)
		abort();
}

/* Parses TEXT with one more byte each time. Returns what smtp_reply_take() returns. */
static int take_slowly(struct slice text, struct smtp_reply *reply,
                       size_t *ret_used)
{
	size_t used = 0;
	size_t n;

	*ret_used = 0;
	for (size_t len = 0; len <= text.len; len++) {
		int rc = smtp_reply_take(
		    reply, slice_of(text.data + used, len - used), &n);

		must(n <= len - used);
		used += n;
		*ret_used = used;
		if (rc != MTS_EMORE)
			return rc;
	}
	return MTS_EMORE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of((const char *)data, size);
	struct smtp_reply whole = { .code = 0 };
	struct smtp_reply slow = { .code = 0 };
	size_t used, used_slowly;
	int rc = smtp_reply_take(&whole, text, &used);

	must(used <= size);
	must(rc == take_slowly(text, &slow, &used_slowly));
	if (rc != MTS_OK)
		return 0;
	must(used == used_slowly && text.data[used - 1] == '\n');
	must(whole.code >= 200 && whole.code <= 999);
	must(whole.code == slow.code && whole.lines == slow.lines &&
	     whole.starttls == slow.starttls);
	return 0;
}
