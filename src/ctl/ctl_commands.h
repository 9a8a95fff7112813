/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_commands.h - the table of mtasts-ctl's commands, for its command line,
 * its help, and the tests of the manual and the completions. */
#ifndef CTL_CTL_COMMANDS_H
#define CTL_CTL_COMMANDS_H

#include "wire/control_protocol.h"

/* One row an option that any command takes. */
struct ctl_option {
	char letter;
	const char *name;
	const char *value; /* for help: "FILE"; NULL: it has none */
	const char *help;  /* one line */
};

/* The rows, from index 0; NULL past the end. */
const struct ctl_option *ctl_option_at(size_t index);

/* The same for the commands: those of the control socket, and those that this
 * program does by itself. */
const struct control_row *ctl_command_at(size_t index);

/* The command of this name, or NULL. */
const struct control_row *ctl_command_find(const char *name);

/* The command that NAME may be a misspelling of, or NULL. */
const char *ctl_command_guess(const char *name);

/* Print the help of the program, or of one command, to standard output. */
void ctl_help(void);
void ctl_command_help(const struct control_row *row);

#endif
