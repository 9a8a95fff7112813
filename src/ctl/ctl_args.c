/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_args.c - parses mtasts-ctl's command line by its table of commands. */
#include "ctl/ctl_args.h"

#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	LONGS_MAX = 64, /* options of all commands, and one to end them */
	FIRST_OF_COMMANDS = 256, /* what getopt_long() returns for them */
};

/* The input of getopt_long(), and what it found. */
struct parser {
	struct option longs[LONGS_MAX];
	/* By what it returns less FIRST_OF_COMMANDS. */
	const struct control_option *of_commands[LONGS_MAX];
	size_t count, of_commands_count;
	char shorts[LONGS_MAX];
	bool help;
	struct {
		const char *name, *value;
	} given[CONTROL_OPTIONS_MAX];
	size_t given_count;
};

int ctl_usage(const char *text)
{
	fprintf(stderr, "mtasts-ctl: %s\nTry 'mtasts-ctl --help'.\n", text);
	return CTL_EXIT_USAGE;
}

int ctl_command_usage(const struct control_row *row)
{
	char text[CONTROL_USAGE_MAX];

	fprintf(stderr, "mtasts-ctl: usage: %s\nTry 'mtasts-ctl %s --help'.\n",
	        control_usage(row, text), row->name);
	return CTL_EXIT_USAGE;
}

/* -- the options there are ------------------------------------------------- */

static void add_long(struct parser *parser, const char *name, const char *value,
                     int code)
{
	parser->longs[parser->count++] =
	    (struct option){ name, value ? required_argument : no_argument,
		             NULL, code };
}

static void add_of_command(struct parser *parser,
                           const struct control_option *option)
{
	for (size_t i = 0; i < parser->count; i++)
		if (strcmp(parser->longs[i].name, option->name) == 0)
			return;
	if (parser->count + 1 == LONGS_MAX) /* a test would see it */
		return;
	add_long(parser, option->name, option->value,
	         FIRST_OF_COMMANDS + (int)parser->of_commands_count);
	parser->of_commands[parser->of_commands_count++] = option;
}

static void init_args_parser(struct parser *parser)
{
	const struct ctl_option *option;
	const struct control_row *row;
	size_t used = 0;

	memset(parser, 0, sizeof(*parser));
	for (size_t i = 0; (option = ctl_option_at(i)); i++) {
		add_long(parser, option->name, option->value, option->letter);
		parser->shorts[used++] = option->letter;
		if (option->value)
			parser->shorts[used++] = ':';
	}
	for (size_t i = 0; (row = ctl_command_at(i)); i++)
		for (const struct control_option *one = row->options;
		     one && one->name; one++)
			add_of_command(parser, one);
}

/* -- taking them ----------------------------------------------------------- */

static int take_of_command(struct parser *parser,
                           const struct control_option *option)
{
	if (parser->given_count == CONTROL_OPTIONS_MAX)
		return ctl_usage("too many options");
	parser->given[parser->given_count].name = option->name;
	parser->given[parser->given_count++].value = optarg;
	return -1;
}

/* Returns an exit status, or -1 to go on. */
static int take_ctl_option(struct parser *parser, struct ctl_args *ret, int c)
{
	switch (c) {
	case 'j':
		ret->json = true;
		return -1;
	case 's':
		ret->socket = optarg;
		return -1;
	case 'c':
		ret->config = optarg;
		return -1;
	case 'h':
		parser->help = true;
		return -1;
	case 'V':
		printf("mtasts-ctl %s\n", PACKAGE_VERSION);
		return EXIT_SUCCESS;
	default:
		break;
	}
	if (c >= FIRST_OF_COMMANDS)
		return take_of_command(
		    parser, parser->of_commands[c - FIRST_OF_COMMANDS]);
	fprintf(stderr, "Try 'mtasts-ctl --help'.\n");
	return CTL_EXIT_USAGE;
}

static int find_command(const char *name, struct ctl_args *ret)
{
	const char *meant;
	char text[200];

	ret->command = ctl_command_find(name);
	if (ret->command)
		return -1;
	meant = ctl_command_guess(name);
	snprintf(text, sizeof(text), "unknown command '%.64s'%s%s%s", name,
	         meant ? "; did you mean " : "", meant ? meant : "",
	         meant ? "?" : "");
	fault_scrub(text);
	return ctl_usage(text);
}

/* Gives the command the options that are its own. */
static int match_options(const struct parser *parser, struct ctl_args *ret)
{
	char text[200];

	for (size_t i = 0; i < parser->given_count; i++) {
		const struct control_option *option = ret->command->options;
		const char *name = parser->given[i].name;

		while (option && option->name &&
		       strcmp(option->name, name) != 0)
			option++;
		if (!option || !option->name) {
			snprintf(text, sizeof(text), "%s has no option --%s",
			         ret->command->name, name);
			return ctl_usage(text);
		}
		ret->given[ret->given_count].option = option;
		ret->given[ret->given_count++].value = parser->given[i].value;
	}
	return -1;
}

int ctl_args_parse(int argc, char **argv, struct ctl_args *ret)
{
	struct parser parser;
	int status = -1;
	int c;

	*ret = (struct ctl_args){ 0 };
	init_args_parser(&parser);
	/* Options may come before the command and after it. */
	while (status < 0 && (c = getopt_long(argc, argv, parser.shorts,
	                                      parser.longs, NULL)) != -1)
		status = take_ctl_option(&parser, ret, c);
	if (status >= 0)
		return status;
	if (optind == argc && !parser.help)
		return ctl_usage("no command given");
	if (optind < argc)
		status = find_command(argv[optind], ret);
	if (parser.help && status < 0) {
		if (ret->command)
			ctl_command_help(ret->command);
		else
			ctl_help();
		return EXIT_SUCCESS;
	}
	if (status >= 0)
		return status;
	ret->literal = strcmp(argv[optind - 1], "--") == 0;
	ret->args = argv + optind + 1;
	ret->arg_count = (size_t)(argc - optind - 1);
	return match_options(&parser, ret);
}

/* -- the request ----------------------------------------------------------- */

bool ctl_args_has(const struct ctl_args *args, const char *name)
{
	for (size_t i = 0; i < args->given_count; i++)
		if (strcmp(args->given[i].option->name, name) == 0)
			return true;
	return false;
}

/* An empty argument, or one with a blank in it, would change the meaning of
 * the request. */
static int check_argument(const char *argument)
{
	if (*argument && !strpbrk(argument, " \t\r\n"))
		return -1;
	return ctl_usage("an argument is empty or contains blanks");
}

int ctl_args_request(const struct ctl_args *args, struct buffer *line)
{
	char text[100];
	int status = -1;

	buffer_puts(line, args->command->name);
	for (size_t i = 0; i < args->given_count && status < 0; i++) {
		const char *value = args->given[i].value;

		buffer_printf(line, " --%s%s%s", args->given[i].option->name,
		              value ? "=" : "", value ? value : "");
		status = value ? check_argument(value) : -1;
	}
	for (size_t i = 0; i < args->arg_count && status < 0; i++) {
		buffer_printf(line, " %s", args->args[i]);
		status = check_argument(args->args[i]);
		/* In the request it would be taken for an option. */
		if (status < 0 && args->literal && args->args[i][0] == '-')
			status = ctl_usage("no options may follow --, and no "
			                   "domain begins with '-'");
	}
	if (status >= 0 || buffer_status(line) == MTS_OK)
		return status;
	snprintf(text, sizeof(text),
	         "the arguments have more than %d bytes; pass fewer at a time",
	         CONTROL_LINE_MAX);
	return ctl_usage(text);
}
