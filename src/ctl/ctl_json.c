/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_json.c - shows what mtastsd answers as one JSON document. */
#include "ctl/ctl_view.h"

/* Jansson escapes all controls but DEL. */
static int json_put_bytes(const char *data, size_t len, void *arg)
{
	struct buffer *out = arg;

	const char *del;

	while (len > 0 && (del = memchr(data, 0x7f, len))) {
		size_t before = (size_t)(del - data);

		buffer_put(out, data, before);
		buffer_puts(out, "\\u007f");
		data = del + 1;
		len -= before + 1;
	}
	buffer_put(out, data, len);
	return buffer_status(out) == MTS_OK ? 0 : -1;
}

int view_put_json(struct buffer *out, const json_t *value, size_t flags)
{
	if (json_dump_callback(value, json_put_bytes, out,
	                       flags | JSON_ENSURE_ASCII) == 0)
		return MTS_OK;
	return buffer_status(out) != MTS_OK ? buffer_status(out) : MTS_ENOMEM;
}

static bool is_array(enum control_command command)
{
	return command == CONTROL_LIST || command == CONTROL_REFRESH ||
	       command == CONTROL_FLUSH;
}

/* -- items ----------------------------------------------------------------- */

static int json_put_element(struct view *view, const json_t *item)
{
	buffer_puts(&view->out, view->items++ ? ",\n  " : "[\n  ");
	return view_put_json(&view->out, item, JSON_COMPACT);
}

/* Adds STEP to the array NAME of the document. */
static int json_add_step(struct view *view, const char *name, json_t *step)
{
	json_t *steps = json_object_get(view->document, name);

	if (!steps) {
		steps = json_array();
		if (json_object_set_new(view->document, name, steps) != 0)
			return MTS_ENOMEM;
	}
	return json_array_append(steps, step) == 0 ? MTS_OK : MTS_ENOMEM;
}

static int json_merge_item(struct view *view, json_t *item)
{
	json_t *step = json_object_get(item, "step");
	json_t *dane_step = json_object_get(item, "dane_step");

	if (!view->document)
		view->document = json_object();
	if (!view->document)
		return MTS_ENOMEM;
	if (step)
		return json_add_step(view, "steps", step);
	if (dane_step)
		return json_add_step(view, "dane_steps", dane_step);
	return json_object_update(view->document, item) == 0 ? MTS_OK
	                                                     : MTS_ENOMEM;
}

int view_json_item(struct view *view, json_t *item)
{
	return is_array(view->command) ? json_put_element(view, item)
	                               : json_merge_item(view, item);
}

/* -- the end --------------------------------------------------------------- */

/* Adds what went wrong to the document, which may not have begun. */
static int add_error(struct view *view, int status, const char **error)
{
	json_t *text = *error ? json_string(*error) : json_null();

	if (!view->document)
		view->document = json_object();
	if (json_object_set_new(view->document, "error", text) != 0 ||
	    json_object_set_new(view->document, "status",
	                        json_integer(status)) != 0)
		return MTS_ENOMEM;
	*error = NULL;
	return MTS_OK;
}

static int put_document(struct view *view)
{
	int rc = view_put_json(&view->out, view->document,
	                       JSON_INDENT(2) | JSON_PRESERVE_ORDER);

	buffer_puts(&view->out, "\n");
	json_decref(view->document);
	view->document = NULL;
	return rc != MTS_OK ? rc : buffer_status(&view->out);
}

int view_json_end(struct view *view, int status, const char **error)
{
	if (is_array(view->command) && view->items > 0)
		return buffer_puts(&view->out, "\n]\n");
	if (*error) {
		int rc = add_error(view, status, error);

		return rc != MTS_OK ? rc : put_document(view);
	}
	if (is_array(view->command))
		return buffer_puts(&view->out, "[]\n");
	if (!view->document)
		return buffer_puts(&view->out, "{}\n");
	return put_document(view);
}
