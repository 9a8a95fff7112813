/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_netstring.c - a netstring that was read is written the same way. A shorter
 * input is either incomplete or rejected for the same reason. */
#include "base/status.h"
#include "wire/framing.h"

#include <stdint.h>
#include <stdlib.h>

enum { MAX = 10000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_rewritten(struct slice input, struct slice payload,
                            size_t used)
{
	struct buffer out;

	buffer_init(&out, MAX + 20);
	check(netstring_put(&out, payload) == MTS_OK);
	check(out.len == used && memcmp(out.data, input.data, used) == 0);
	buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice input = slice_of((const char *)data, size);
	struct slice payload;
	size_t used = 0;
	int whole = netstring_parse(input, MAX, &payload, &used);
	size_t most = whole == MTS_OK ? used : size;

	if (whole == MTS_OK)
		check_rewritten(input, payload, used);
	for (size_t n = 0; n < most && n < 32; n++) {
		int part = netstring_parse(slice_of(input.data, n), MAX,
		                           &payload, &used);

		check(part == MTS_EMORE || (part == whole && part != MTS_OK));
	}
	return 0;
}
