/* SPDX-License-Identifier: BSD-2-Clause */
/* json_text.c - writes jansson's values into a buffer. */
#include "base/json_text.h"

#include "base/status.h"

static int json_text_append(const char *data, size_t len, void *out)
{
	return buffer_put(out, data, len) == MTS_OK ? 0 : -1;
}

/* JSON_ENCODE_ANY: VALUE need not be an array or object. */
int json_text_put(struct buffer *out, json_t *value, size_t flags)
{
	int status = MTS_ENOMEM;

	if (value && json_dump_callback(value, json_text_append, out,
	                                flags | JSON_ENCODE_ANY) == 0)
		status = MTS_OK;
	else if (buffer_status(out) != MTS_OK)
		status = buffer_status(out);
	json_decref(value);
	return status;
}
