/* SPDX-License-Identifier: BSD-2-Clause */
/* check_cli.h - the command line of mtasts-check. */
#ifndef PROG_CHECK_CLI_H
#define PROG_CHECK_CLI_H

#include "check/check_options.h"
#include "findings/render.h"

#include <getopt.h>

enum { CONNECTS_MAX = 64 };

/* What to do: the first argument, if it is a verb. */
enum check_verb { CHECK_VERB_CHECK, CHECK_VERB_LINT, CHECK_VERB_EXPLAIN };

struct check_cli {
	enum check_verb verb;
	struct check_options check; /* as far as the arguments set it */
	struct render_options render;
	const struct renderer *renderer;
	size_t jobs;
	unsigned watch_s; /* 0: check only once */
	const char *file; /* -f; "-": standard input; NULL: none */
	const char *state;
	const char *reports;
	const char *resolver; /* NULL: as in resolv.conf */
	const char *ca_file;
	struct probe_connect connects[CONNECTS_MAX];
	char **args; /* the arguments after the options and the verb */
	size_t arg_count;
};

/* All long options, up to one without a name. For the test of the manual. */
const struct option *check_cli_options(void);

/* Parses the arguments. Returns an exit status, or -1 to continue. */
int check_cli_parse(int argc, char **argv, struct check_cli *ret);

/* Prints an error to standard error, and returns CHECK_EXIT_UNKNOWN. */
int check_cli_complain(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* The same for wrong usage: also refers to --help. */
int check_cli_usage(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

#endif
