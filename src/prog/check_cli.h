/* SPDX-License-Identifier: BSD-2-Clause */
/* check_cli.h - the command line of mtasts-check. */
#ifndef PROG_CHECK_CLI_H
#define PROG_CHECK_CLI_H

#include "check/check_options.h"
#include "findings/render.h"

#include <getopt.h>

enum { CONNECTS_MAX = 64 };

/* The word before the others, if it is one of these. */
enum check_verb { CHECK_VERB_CHECK, CHECK_VERB_LINT, CHECK_VERB_EXPLAIN };

struct check_cli {
	enum check_verb verb;
	struct check_options check;   /* what the line says of it */
	struct render_options render; /* the same */
	const struct renderer *renderer;
	size_t jobs;
	unsigned watch_s; /* 0: once */
	const char *file; /* -f; "-": standard input; NULL: none */
	const char *state;
	const char *reports;
	const char *resolver; /* NULL: resolv.conf's */
	const char *ca_file;
	struct probe_connect connects[CONNECTS_MAX];
	char **args; /* what follows the options and the verb */
	size_t arg_count;
};

/* The long options, up to one without a name; the test of the manual compares. */
const struct option *check_cli_options(void);

/* Reads the line. Returns an exit status, or -1 to go on. */
int check_cli_parse(int argc, char **argv, struct check_cli *ret);

/* Says on standard error what does not go, and returns CHECK_EXIT_UNKNOWN. */
int check_cli_complain(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* The same where the line is wrong: it tells of --help. */
int check_cli_usage(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

#endif
