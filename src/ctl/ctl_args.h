/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_args.h - parses mtasts-ctl's command line by its table of commands. */
#ifndef CTL_CTL_ARGS_H
#define CTL_CTL_ARGS_H

#include "base/buffer.h"
#include "ctl/ctl_commands.h"

#include <stdbool.h>

enum { CTL_EXIT_USAGE = CONTROL_END_BAD };

struct ctl_args {
	bool json;
	const char *socket; /* NULL: not given */
	const char *config; /* NULL: not given */
	const struct control_row *command;
	/* The options of the command, each with its value or NULL. */
	struct {
		const struct control_option *option;
		const char *value;
	} given[CONTROL_OPTIONS_MAX];
	size_t given_count;
	char **args; /* what else there is */
	size_t arg_count;
	bool literal; /* they stood behind "--" */
};

/* Reads the command line. Returns an exit status if nothing is left to do,
 * or -1: RET is filled, but the number of arguments is not checked yet. */
int ctl_args_parse(int argc, char **argv, struct ctl_args *ret);

/* Reports an invalid command line on standard error; returns the exit
 * status. */
int ctl_usage(const char *text);
int ctl_command_usage(const struct control_row *row);

/* Whether an option of the command was given, and its value. */
bool ctl_args_has(const struct ctl_args *args, const char *name);

/* Appends the request that ARGS are to LINE. An exit status, or -1. */
int ctl_args_request(const struct ctl_args *args, struct buffer *line);

#endif
