/* SPDX-License-Identifier: BSD-2-Clause */
/* shown.c - what a view of mtasts-ctl shows, for tests of it. */
#include "shown.h"

struct view view;

int shown_setup(void **state)
{
	(void)state;
	view = (struct view){
		.utf8 = true, .width = 80, .cut = true, .now_s = 1700000000
	};
	buffer_init(&view.out, VIEW_MAX);
	return 0;
}

int shown_teardown(void **state)
{
	(void)state;
	buffer_free(&view.out);
	json_decref(view.document);
	return 0;
}

json_t *parse(const char *text)
{
	json_t *item = json_loads(text, JSON_ALLOW_NUL, NULL);

	assert_non_null(item);
	return item;
}

void show(const char *text)
{
	json_t *item = parse(text);

	assert_int_equal(view_text_item(&view, item), MTS_OK);
	json_decref(item);
}

void show_json(const char *text)
{
	json_t *item = parse(text);

	assert_int_equal(view_json_item(&view, item), MTS_OK);
	json_decref(item);
}

const char *shown(void)
{
	buffer_put(&view.out, "", 1);
	assert_int_equal(buffer_status(&view.out), MTS_OK);
	return view.out.data;
}

void expect_shown(const char *text)
{
	assert_non_null(strstr(shown(), text));
	view.out.len--;
}
