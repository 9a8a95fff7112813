/* SPDX-License-Identifier: BSD-2-Clause */
/* control_protocol.c - the protocol of the control socket. */
#include "wire/control_protocol.h"

#include "base/spell.h"
#include "base/text.h"
#include "wire/filter.h"

#include <stdio.h>

static const struct control_option list_options[] = {
	[CONTROL_LIST_MODE] = { "mode", "MODE",
	                        "only policies in this mode: enforce, testing "
	                        "or none" },
	[CONTROL_LIST_FAILING] = { "failing", NULL,
	                           "only policies whose last refresh failed" },
	[CONTROL_LIST_EXPIRING] = { "expiring", "SPAN",
	                            "only policies that expire within SPAN, "
	                            "such as 7d" },
	[CONTROL_LIST_LIMIT] = { "limit", "N", "at most N policies" },
	[CONTROL_LIST_NAMES] = { "names", NULL,
	                         "print only the domains, for scripts" },
	{ NULL, NULL, NULL },
};

static const struct control_option top_options[] = {
	[CONTROL_TOP_MINUTES] = { "minutes", "N",
	                          "count the last N minutes, at most 10; 5 by "
	                          "default" },
	[CONTROL_TOP_ROWS] = { "rows", "N",
	                       "show N domains of each kind, at most 64; by "
	                       "default 10, or on a terminal as many as fit" },
	[CONTROL_TOP_INTERVAL] = { "interval", "SECONDS",
	                           "update the screen every SECONDS, at most "
	                           "3600; 1 by default" },
	{ NULL, NULL, NULL },
};

static const struct control_option flush_options[] = {
	[CONTROL_FLUSH_ALL] = { "all", NULL, "forget everything" },
	[CONTROL_FLUSH_NEGATIVE] = { "negative", NULL,
	                             "forget that domains have no policy, and "
	                             "failed fetches" },
	{ NULL, NULL, NULL },
};

static const struct control_row commands[] = {
	[CONTROL_STATUS] = { "status", "", 0, 0,
	                     "the state of the daemon and what it does", NULL },
	[CONTROL_STATS] = { "stats", "", 0, 0, "all metrics for monitoring",
	                    NULL },
	[CONTROL_TOP] = { "top", "", 0, 0,
	                  "the busiest and the failing domains, live",
	                  top_options },
	[CONTROL_LOOKUP] = { "lookup", "DOMAIN [MX]", 1, 2,
	                     "the answer that an MTA would get", NULL },
	[CONTROL_EXPLAIN] = { "explain", "DOMAIN", 1, 1,
	                      "why mail to a domain waits, and what to do",
	                      NULL },
	[CONTROL_LIST] = { "list", "[PATTERN]", 0, 1,
	                   "the cached policies, one per line", list_options },
	[CONTROL_SHOW] = { "show", "DOMAIN", 1, 1,
	                   "everything cached for a domain", NULL },
	[CONTROL_REFRESH] = { "refresh", "DOMAIN...", 1, CONTROL_ARGS_MAX,
	                      "look up and fetch the policy now", NULL },
	[CONTROL_FLUSH] = { "flush", "DOMAIN...|--all|--negative", 0,
	                    CONTROL_ARGS_MAX, "forget some domains or all",
	                    flush_options },
	[CONTROL_EXPORT] = { "export", "[PATTERN]", 0, 1,
	                     "write the policies, for another daemon", NULL },
	[CONTROL_IMPORT] = { "import", "", 0, 0,
	                     "read policies that export wrote", NULL },
	[CONTROL_RELOAD] = { "reload", "", 0, 0, "read the configuration again",
	                     NULL },
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

const struct control_row *control_row(enum control_command command)
{
	return &commands[command];
}

const struct control_row *control_row_at(size_t index)
{
	return index < COMMANDS ? &commands[index] : NULL;
}

int control_find(struct slice name, enum control_command *ret)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (slice_is(name, commands[i].name)) {
			*ret = (enum control_command)i;
			return MTS_OK;
		}
	return MTS_ENOTFOUND;
}

/* Arguments get into logs and onto terminals, where C1 controls (U+0080 to
 * U+009F) act as C0 ones do. */
static bool is_control_character(uint32_t c)
{
	return c < ' ' || (c >= 0x7f && c < 0xa0);
}

/* True if LINE is UTF-8 without control characters. */
static bool is_printable_text(struct slice line)
{
	while (line.len) {
		uint32_t c = 0;
		size_t n = utf8_take(line, &c);

		if (n == 0 || is_control_character(c))
			return false;
		line = slice_skip(line, n);
	}
	return true;
}

/* Takes the next word off REST; an empty one at the end. */
static struct slice next_argument(struct slice *rest)
{
	const char *argument;
	size_t i = 0;
	size_t len = 0;

	while (i < rest->len && rest->data[i] == ' ')
		i++;
	while (i + len < rest->len && rest->data[i + len] != ' ')
		len++;
	argument = rest->len ? rest->data + i : NULL;
	*rest = slice_of(argument ? argument + len : NULL, rest->len - i - len);
	return slice_of(argument, len);
}

/* -- options --------------------------------------------------------------- */

static const struct control_option *option_at(const struct control_row *row,
                                              size_t i)
{
	return row->options && row->options[i].name ? &row->options[i] : NULL;
}

const char *control_usage(const struct control_row *row,
                          char text[CONTROL_USAGE_MAX])
{
	const struct control_option *option;
	size_t used;

	snprintf(text, CONTROL_USAGE_MAX, "%s", row->name);
	for (size_t i = 0; (option = option_at(row, i)); i++) {
		/* Some rows tell of it among their arguments. */
		if (strstr(row->args, option->name))
			continue;
		used = strlen(text);
		snprintf(text + used, CONTROL_USAGE_MAX - used, " [--%s%s%s]",
		         option->name, option->value ? " " : "",
		         option->value ? option->value : "");
	}
	used = strlen(text);
	snprintf(text + used, CONTROL_USAGE_MAX - used, "%s%s",
	         row->args[0] ? " " : "", row->args);
	return text;
}

static int usage(const struct control_row *row, struct fault *why)
{
	char text[CONTROL_USAGE_MAX];

	return fault_set(why, MTS_ESYNTAX, "usage: %s",
	                 control_usage(row, text));
}

/* True if WORD, without its "--", is OPTION: RET is then its value. */
static bool match_option(struct slice argument,
                         const struct control_option *option, struct slice *ret)
{
	size_t len = strlen(option->name);

	if (!slice_starts(argument, option->name))
		return false;
	*ret = slice_skip(argument, len);
	if (!option->value)
		return ret->len == 0;
	if (ret->len < 2 || ret->data[0] != '=')
		return false;
	*ret = slice_skip(*ret, 1);
	return true;
}

/* What begins with "--" can be no domain. */
static bool add_option(struct control_request *request, struct slice argument)
{
	const struct control_row *row = control_row(request->command);
	const struct control_option *option;
	struct slice value;

	argument = slice_skip(argument, 2);
	for (size_t i = 0; (option = option_at(row, i)); i++) {
		if (!match_option(argument, option, &value))
			continue;
		if (control_has(request, i))
			return false;
		request->options[i] = value;
		return true;
	}
	return false;
}

/* -- the options of top ---------------------------------------------------- */

/* A number from 1 to MOST; 0: TEXT is not one. */
static unsigned parse_up_to(struct slice text, unsigned most)
{
	unsigned number = 0;

	if (text.len == 0 || text.len > 4)
		return 0;
	for (size_t i = 0; i < text.len; i++) {
		if (!ascii_is_digit(text.data[i]))
			return 0;
		number = number * 10 + (unsigned)(text.data[i] - '0');
	}
	return number <= most ? number : 0;
}

int top_span_parse(const struct control_request *request, struct top_span *ret,
                   struct fault *why)
{
	const struct {
		enum control_top_option option;
		const char *name;
		unsigned most;
		unsigned *to;
	} numbers[] = {
		{ CONTROL_TOP_MINUTES, "minutes", TOP_SPAN_MINUTES_MAX,
		  &ret->minutes },
		{ CONTROL_TOP_ROWS, "rows", TOP_SPAN_ROWS_MAX, &ret->rows },
		{ CONTROL_TOP_INTERVAL, "interval", TOP_SPAN_INTERVAL_MAX_S,
		  &ret->interval_s },
	};

	*ret = (struct top_span){ .minutes = TOP_SPAN_MINUTES,
		                  .rows = TOP_SPAN_ROWS,
		                  .interval_s = 1 };
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (!control_has(request, numbers[i].option))
			continue;
		*numbers[i].to = parse_up_to(
		    request->options[numbers[i].option], numbers[i].most);
		if (*numbers[i].to == 0)
			return fault_set(why, MTS_ESYNTAX,
			                 "--%s: want a number from 1 to %u",
			                 numbers[i].name, numbers[i].most);
	}
	return MTS_OK;
}

/* -- requests -------------------------------------------------------------- */

/* Checks that concern one command only. */
static int check_request(const struct control_request *request,
                         struct fault *why)
{
	const struct control_row *row = control_row(request->command);
	size_t ways = 0;
	struct top_span span;
	struct filter filter;

	if (request->command == CONTROL_TOP)
		return top_span_parse(request, &span, why);
	if (request->command == CONTROL_LIST)
		return filter_parse(request, &filter, why);
	if (request->command != CONTROL_FLUSH)
		return MTS_OK;
	ways += request->argc > 0;
	ways += control_has(request, CONTROL_FLUSH_ALL);
	ways += control_has(request, CONTROL_FLUSH_NEGATIVE);
	return ways == 1 ? MTS_OK : usage(row, why);
}

static const char *command_name_at(size_t i)
{
	return i < COMMANDS ? commands[i].name : NULL;
}

static int unknown_command(struct slice name, struct fault *why)
{
	const char *meant = spell_guess(name, command_name_at);
	char names[200] = "";
	size_t used = 0;

	for (size_t i = 0; i < COMMANDS; i++) {
		int n = snprintf(names + used, sizeof(names) - used, "%s%s",
		                 i ? ", " : "", commands[i].name);

		if (n < 0 || (size_t)n >= sizeof(names) - used)
			break;
		used += (size_t)n;
	}
	return fault_set(why, MTS_ESYNTAX, "unknown command '%.*s'; %s%s%s",
	                 name.len > 64 ? 64 : (int)name.len, name.data,
	                 meant ? "did you mean " : "known: ",
	                 meant ? meant : names, meant ? "?" : "");
}

/* Where there may be as many as there is room for, usage says nothing of it. */
static int too_many(const struct control_row *row, struct fault *why)
{
	if (row->args_max < CONTROL_ARGS_MAX)
		return usage(row, why);
	return fault_set(why, MTS_ESYNTAX,
	                 "%s takes at most %d domains; pass fewer at a time, "
	                 "as xargs -n 200 does",
	                 row->name, CONTROL_ARGS_MAX);
}

static int add_argument(struct control_request *request, struct slice argument,
                        struct fault *why)
{
	const struct control_row *row = control_row(request->command);

	if (slice_starts(argument, "--"))
		return add_option(request, argument) ? MTS_OK : usage(row, why);
	if (request->argc == row->args_max)
		return too_many(row, why);
	request->argv[request->argc++] = argument;
	return MTS_OK;
}

int control_parse(struct slice line, struct control_request *ret,
                  struct fault *why)
{
	const struct control_row *row;
	struct slice rest = line;
	struct slice argument;

	if (line.len > CONTROL_LINE_MAX)
		return fault_set(why, MTS_ESYNTAX,
		                 "the request is longer than %d bytes",
		                 CONTROL_LINE_MAX);
	if (!is_printable_text(line))
		return fault_set(
		    why, MTS_ESYNTAX,
		    "the request contains control characters or is not UTF-8");
	argument = next_argument(&rest);
	if (argument.len == 0)
		return fault_set(why, MTS_ESYNTAX, "the request is empty");
	if (control_find(argument, &ret->command) != MTS_OK)
		return unknown_command(argument, why);
	memset(ret->options, 0, sizeof(ret->options));
	ret->argc = 0;
	while ((argument = next_argument(&rest)).len) {
		int rc = add_argument(ret, argument, why);

		if (rc != MTS_OK)
			return rc;
	}
	row = control_row(ret->command);
	if (ret->argc < row->args_min)
		return usage(row, why);
	return check_request(ret, why);
}
