/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_commands.c - the table of mtasts-ctl's commands, and its help. */
#include "ctl/ctl_commands.h"

#include "base/spell.h"
#include "conf/schema.h"
#include "ctl/ctl_text.h"

#include <stdio.h>

static const struct ctl_option options[] = {
	{ 's', "socket", "SOCKET", "the control socket" },
	{ 'c', "config", "FILE", "take the control socket from this file" },
	{ 'j', "json", NULL, "print one JSON document" },
	{ 'V', "version", NULL, "print the version and exit" },
	{ 'h', "help", NULL, "print this help, or a command's, and exit" },
};

enum { OPTIONS = sizeof(options) / sizeof(options[0]) };

/* Commands that this program handles itself, or partly. */
static const struct control_row locals[] = {
	{ "import", "FILE|-", 1, 1, "read policies that export wrote", NULL },
	{ "check-config", "[FILE]", 0, 1,
	  "check a configuration file of mtastsd", NULL },
};

enum { LOCALS = sizeof(locals) / sizeof(locals[0]) };

const struct ctl_option *ctl_option_at(size_t index)
{
	return index < OPTIONS ? &options[index] : NULL;
}

/* The one of this name, or NULL. */
static const struct control_row *find_local(const char *name)
{
	for (size_t i = 0; i < LOCALS; i++)
		if (strcmp(locals[i].name, name) == 0)
			return &locals[i];
	return NULL;
}

static bool is_remote(const char *name)
{
	enum control_command command;

	return control_find(slice_str(name), &command) == MTS_OK;
}

const struct control_row *ctl_command_at(size_t index)
{
	const struct control_row *row;
	const struct control_row *local;
	size_t n = 0;

	for (; (row = control_row_at(n)); n++) {
		local = find_local(row->name);
		if (n == index)
			return local ? local : row;
	}
	for (size_t i = 0; i < LOCALS; i++)
		if (!is_remote(locals[i].name) && n++ == index)
			return &locals[i];
	return NULL;
}

const struct control_row *ctl_command_find(const char *name)
{
	const struct control_row *row;

	for (size_t i = 0; (row = ctl_command_at(i)); i++)
		if (strcmp(row->name, name) == 0)
			return row;
	return NULL;
}

static const char *ctl_command_name(size_t index)
{
	const struct control_row *row = ctl_command_at(index);

	return row ? row->name : NULL;
}

const char *ctl_command_guess(const char *name)
{
	return spell_guess(slice_str(name), ctl_command_name);
}

/* -- help ------------------------------------------------------------------ */

enum { HELP_COLUMN = 26, HELP_WIDTH = 80 }; /* of options */

/* "  LEFT        HELP", with HELP broken where a terminal would. */
static void print_option(const char *left, const char *help)
{
	struct buffer out;

	buffer_init(&out, CONTROL_LINE_MAX);
	buffer_printf(&out, "  %-*s", HELP_COLUMN - 2, left);
	text_put_wrapped(&out, slice_str(help), HELP_COLUMN, HELP_WIDTH, false);
	printf("%.*s\n", (int)out.len, out.data ? out.data : "");
	buffer_free(&out);
}

static void print_options(void)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		const struct ctl_option *option = &options[i];
		char text[64];

		snprintf(text, sizeof(text), "-%c, --%s %s", option->letter,
		         option->name, option->value ? option->value : "");
		print_option(text, option->help);
	}
}

/* "list [OPTION...] [PATTERN]" */
static const char *short_usage(const struct control_row *row,
                               char text[CONTROL_USAGE_MAX])
{
	/* Where an option stands for an argument, the latter tell of it. */
	bool told = strchr(row->args, '-') != NULL;

	snprintf(text, CONTROL_USAGE_MAX, "%s%s%s%s", row->name,
	         row->options && !told ? " [OPTION...]" : "",
	         row->args[0] ? " " : "", row->args);
	return text;
}

void ctl_help(void)
{
	const struct control_row *row;

	printf("usage: mtasts-ctl [OPTION...] COMMAND [ARGUMENT...]\n"
	       "       mtasts-ctl COMMAND --help\n"
	       "\n"
	       "Queries and controls the running mtastsd.\n"
	       "\n");
	for (size_t i = 0; (row = ctl_command_at(i)); i++) {
		char text[CONTROL_USAGE_MAX];

		printf("  %-33s%s\n", short_usage(row, text), row->help);
	}
	printf("\n");
	print_options();
	printf("\n"
	       "The default control socket is %s.\n"
	       "Exit status: 0 done, 1 not found or no, 2 usage, 3 mtastsd "
	       "can't be reached.\n"
	       "See mtasts-ctl(1).\n",
	       schema_find("control")->fallback);
}

void ctl_command_help(const struct control_row *row)
{
	const struct control_option *option = row->options;
	char text[CONTROL_USAGE_MAX];

	printf("usage: mtasts-ctl %s\n\n%c%s.\n\n", short_usage(row, text),
	       row->help[0] - ('a' - 'A'), row->help + 1);
	for (; option && option->name; option++) {
		snprintf(text, sizeof(text), "    --%s %s", option->name,
		         option->value ? option->value : "");
		print_option(text, option->help);
	}
	print_options();
	printf("\nSee mtasts-ctl(1).\n");
}
