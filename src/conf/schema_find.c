/* SPDX-License-Identifier: BSD-2-Clause */
/* schema_find.c - finds the row of an option: by its path, by its place, or by
 * what the author of an unknown one may have meant. */
#include "conf/schema.h"

#include "base/spell.h"

#include <string.h>

const struct conf_option *schema_find(const char *path)
{
	for (size_t i = 0; schema_at(i); i++)
		if (strcmp(schema_at(i)->path, path) == 0)
			return schema_at(i);
	return NULL;
}

/* What stands after the last dot. */
static const char *last_name(const struct conf_option *option)
{
	const char *dot = strrchr(option->path, '.');

	return dot ? dot + 1 : option->path;
}

bool schema_is_child(const struct conf_option *option,
                     const struct conf_option *parent)
{
	const char *name = last_name(option);
	size_t len = parent ? strlen(parent->path) + 1 : 0;

	return (size_t)(name - option->path) == len &&
	       (!parent || strncmp(option->path, parent->path, len - 1) == 0);
}

const struct conf_option *schema_child(const struct conf_option *parent,
                                       struct slice name)
{
	for (size_t i = 0; schema_at(i); i++)
		if (schema_is_child(schema_at(i), parent) &&
		    slice_is(name, last_name(schema_at(i))))
			return schema_at(i);
	return NULL;
}

/* -- guesses --------------------------------------------------------------- */

static const struct conf_option *guess_spelling(
    const struct conf_option *parent, struct slice name)
{
	const struct conf_option *best = NULL;
	size_t nearest = spell_slips(name.len) + 1;

	for (size_t i = 0; schema_at(i); i++) {
		const struct conf_option *option = schema_at(i);
		size_t far = spell_distance(name, last_name(option));

		if (!schema_is_child(option, parent) || far >= nearest)
			continue;
		best = option;
		nearest = far;
	}
	return best;
}

/* The one option of this name or path in another place. */
static const struct conf_option *guess_place(struct slice name)
{
	const struct conf_option *found = NULL;

	for (size_t i = 0; schema_at(i); i++) {
		const struct conf_option *option = schema_at(i);

		if (slice_is(name, option->path))
			return option;
		if (!slice_is(name, last_name(option)))
			continue;
		if (found)
			return NULL;
		found = option;
	}
	return found;
}

const struct conf_option *schema_guess(const struct conf_option *parent,
                                       struct slice name)
{
	const struct conf_option *guess = guess_spelling(parent, name);

	return guess ? guess : guess_place(name);
}
