/* SPDX-License-Identifier: BSD-2-Clause */
/* control.c - the language of the control socket. */
#include "wire/control.h"

#include "base/utf8.h"

#include <stdio.h>

static const struct control_row rows[] = {
	[CONTROL_STATUS] = { "status", "", 0, 0,
	                     "what the daemon is doing and how it is" },
	[CONTROL_LOOKUP] = { "lookup", "DOMAIN [MX]", 1, 2,
	                     "the answer an MTA would get" },
	[CONTROL_EXPLAIN] = { "explain", "DOMAIN", 1, 1,
	                      "each step of the look-up, with its result" },
	[CONTROL_LIST] = { "list", "[PATTERN]", 0, 1,
	                   "the cached policies, one a line" },
	[CONTROL_SHOW] = { "show", "DOMAIN", 1, 1,
	                   "all that is cached for a domain" },
	[CONTROL_REFRESH] = { "refresh", "DOMAIN...", 1, CONTROL_ARGS_MAX,
	                      "look up the record and fetch the policy now" },
	[CONTROL_FLUSH] = { "flush", "DOMAIN...|--all|--negative", 1,
	                    CONTROL_ARGS_MAX,
	                    "forget domains, everything, or what is absent" },
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

const struct control_row *control_row(enum control_command command)
{
	return &rows[command];
}

const struct control_row *control_row_at(size_t index)
{
	return index < ROWS ? &rows[index] : NULL;
}

int control_find(struct slice name, enum control_command *ret)
{
	for (size_t i = 0; i < ROWS; i++)
		if (slice_is(name, rows[i].name)) {
			*ret = (enum control_command)i;
			return MTS_OK;
		}
	return MTS_ENOTFOUND;
}

/* Arguments get into logs and onto terminals, where C1 controls (U+0080 to
 * U+009F) act as C0 ones do. */
static bool is_control(uint32_t c)
{
	return c < ' ' || (c >= 0x7f && c < 0xa0);
}

/* True if LINE is UTF-8 without control characters. */
static bool is_text(struct slice line)
{
	while (line.len) {
		uint32_t c = 0;
		size_t n = utf8_take(line, &c);

		if (n == 0 || is_control(c))
			return false;
		line = slice_of(line.data + n, line.len - n);
	}
	return true;
}

/* Takes the next word off REST; an empty one at the end. */
static struct slice next_word(struct slice *rest)
{
	const char *word;
	size_t i = 0;
	size_t len = 0;

	while (i < rest->len && rest->data[i] == ' ')
		i++;
	while (i + len < rest->len && rest->data[i + len] != ' ')
		len++;
	word = rest->len ? rest->data + i : NULL;
	*rest = slice_of(word ? word + len : NULL, rest->len - i - len);
	return slice_of(word, len);
}

static int usage(const struct control_row *row, struct fault *why)
{
	return fault_set(why, MTS_ESYNTAX, "usage: %s%s%s", row->name,
	                 row->args[0] ? " " : "", row->args);
}

/* What begins with "--" can be no domain. Only flush has such words, and each
 * stands alone. */
static bool options_are_good(const struct control_request *request)
{
	for (size_t i = 0; i < request->argc; i++) {
		struct slice word = request->argv[i];

		if (!slice_starts(word, "--"))
			continue;
		if (request->command != CONTROL_FLUSH || request->argc != 1 ||
		    !(slice_is(word, "--all") || slice_is(word, "--negative")))
			return false;
	}
	return true;
}

static int unknown_command(struct slice name, struct fault *why)
{
	char names[128] = "";
	size_t used = 0;

	for (size_t i = 0; i < ROWS; i++) {
		int n = snprintf(names + used, sizeof(names) - used, "%s%s",
		                 i ? ", " : "", rows[i].name);

		if (n < 0 || (size_t)n >= sizeof(names) - used)
			break;
		used += (size_t)n;
	}
	return fault_set(why, MTS_ESYNTAX, "unknown command '%.*s'; known: %s",
	                 name.len > 64 ? 64 : (int)name.len, name.data, names);
}

int control_parse(struct slice line, struct control_request *ret,
                  struct fault *why)
{
	const struct control_row *row;
	struct slice rest = line;
	struct slice word;

	if (line.len > CONTROL_LINE_MAX)
		return fault_set(why, MTS_ESYNTAX,
		                 "the request is longer than %d bytes",
		                 CONTROL_LINE_MAX);
	if (!is_text(line))
		return fault_set(why, MTS_ESYNTAX,
		                 "the request holds control characters or is "
		                 "no UTF-8");
	word = next_word(&rest);
	if (word.len == 0)
		return fault_set(why, MTS_ESYNTAX, "the request is empty");
	if (control_find(word, &ret->command) != MTS_OK)
		return unknown_command(word, why);
	row = control_row(ret->command);
	ret->argc = 0;
	while ((word = next_word(&rest)).len) {
		if (ret->argc == row->args_max)
			return usage(row, why);
		ret->argv[ret->argc++] = word;
	}
	if (ret->argc < row->args_min || !options_are_good(ret))
		return usage(row, why);
	return MTS_OK;
}
