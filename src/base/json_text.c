/* SPDX-License-Identifier: BSD-2-Clause */
/* json_text.c - writes jansson's values into a buffer.
 *
 * As jansson would, but straight into the buffer: jansson calls back for each
 * token, and for each object keeps a table of those that it is in, by their
 * address in text; that takes four times as long. */
#include "base/json_text.h"

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	INDENT_MASK = 0x1f, /* of the flags, see JSON_INDENT() */
	REAL_TEXT = 64,
};

struct writer {
	struct buffer *out;
	unsigned indent; /* blanks a level; 0: all in one line */
	bool compact;    /* without blanks after ':' and ',' */
};

/* -- strings --------------------------------------------------------------- */

static const char *escape_of(unsigned char c)
{
	switch (c) {
	case '"':
		return "\\\"";
	case '\\':
		return "\\\\";
	case '\b':
		return "\\b";
	case '\f':
		return "\\f";
	case '\n':
		return "\\n";
	case '\r':
		return "\\r";
	case '\t':
		return "\\t";
	default:
		return NULL;
	}
}

static bool is_plain(unsigned char c)
{
	return c >= ' ' && c != '"' && c != '\\';
}

static void put_escaped(struct buffer *out, unsigned char c)
{
	const char *escape = escape_of(c);

	if (escape)
		buffer_puts(out, escape);
	else
		buffer_printf(out, "\\u%04X", (unsigned)c);
}

/* jansson sees to it that it is UTF-8. */
static void put_string(struct buffer *out, const char *text, size_t len)
{
	buffer_put(out, "\"", 1);
	while (len > 0) {
		size_t n = 0;

		while (n < len && is_plain((unsigned char)text[n]))
			n++;
		buffer_put(out, text, n);
		if (n < len)
			put_escaped(out, (unsigned char)text[n++]);
		text += n;
		len -= n;
	}
	buffer_put(out, "\"", 1);
}

/* -- values ---------------------------------------------------------------- */

/* Between values, and before and after them. */
static void put_break(const struct writer *w, unsigned depth, bool comma)
{
	if (comma)
		buffer_put(w->out, ",", 1);
	if (w->indent)
		buffer_put(w->out, "\n", 1);
	else if (comma && !w->compact)
		buffer_put(w->out, " ", 1);
	for (unsigned i = 0; i < depth * w->indent; i++)
		buffer_put(w->out, " ", 1);
}

static void put_value(const struct writer *w, json_t *value, unsigned depth);

static void put_array(const struct writer *w, json_t *array, unsigned depth)
{
	size_t count = json_array_size(array);

	buffer_put(w->out, "[", 1);
	for (size_t i = 0; i < count; i++) {
		put_break(w, depth + 1, i > 0);
		put_value(w, json_array_get(array, i), depth + 1);
	}
	if (count)
		put_break(w, depth, false);
	buffer_put(w->out, "]", 1);
}

static void put_object(const struct writer *w, json_t *object, unsigned depth)
{
	const char *key;
	json_t *value;
	bool any = false;

	buffer_put(w->out, "{", 1);
	json_object_foreach(object, key, value)
	{
		put_break(w, depth + 1, any);
		put_string(w->out, key, strlen(key));
		buffer_puts(w->out, w->compact ? ":" : ": ");
		put_value(w, value, depth + 1);
		any = true;
	}
	if (any)
		put_break(w, depth, false);
	buffer_put(w->out, "}", 1);
}

/* jansson knows how to write one so that it is read as the same; nothing comes of
 * it where memory is short. */
static void put_real(struct buffer *out, const json_t *real)
{
	char text[REAL_TEXT];
	size_t len = json_dumpb(real, text, sizeof(text), JSON_ENCODE_ANY);

	if (len == 0 || len > sizeof(text))
		out->status = MTS_ENOMEM;
	buffer_put(out, text, len);
}

static void put_value(const struct writer *w, json_t *value, unsigned depth)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		put_object(w, value, depth);
		break;
	case JSON_ARRAY:
		put_array(w, value, depth);
		break;
	case JSON_STRING:
		put_string(w->out, json_string_value(value),
		           json_string_length(value));
		break;
	case JSON_INTEGER:
		buffer_printf(w->out, "%" JSON_INTEGER_FORMAT,
		              json_integer_value(value));
		break;
	case JSON_REAL:
		put_real(w->out, value);
		break;
	case JSON_TRUE:
		buffer_puts(w->out, "true");
		break;
	case JSON_FALSE:
		buffer_puts(w->out, "false");
		break;
	case JSON_NULL:
		buffer_puts(w->out, "null");
		break;
	}
}

int json_text_put(struct buffer *out, json_t *value, size_t flags)
{
	struct writer writer = {
		.out = out,
		.indent = (unsigned)flags & INDENT_MASK,
		.compact = flags & JSON_COMPACT,
	};

	if (!value)
		return MTS_ENOMEM;
	put_value(&writer, value, 0);
	json_decref(value);
	return buffer_status(out);
}
