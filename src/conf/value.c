/* SPDX-License-Identifier: BSD-2-Clause */
/* value.c - converts an option's text to its value, and back. */
#include "conf/value.h"

#include "conf/conf.h"
#include "conf/conf_check.h"

#include <stdio.h>
#include <stdlib.h>

/* What a unit counts, in the type's own: milliseconds or bytes. Largest first,
 * for value_text(). */
struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit durations[] = {
	{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 },
	{ "s", 1000 },     { "ms", 1 },      { NULL, 0 },
};

static const struct unit sizes[] = {
	{ "TiB", UINT64_C(1) << 40 },
	{ "GiB", UINT64_C(1) << 30 },
	{ "MiB", UINT64_C(1) << 20 },
	{ "KiB", UINT64_C(1) << 10 },
	{ "", 1 },
	{ NULL, 0 },
};

enum { QUOTE_MAX = 60 }; /* of a bad value in a message */

/* For "%.*s". */
static int quote_len(struct slice text)
{
	return text.len > QUOTE_MAX ? QUOTE_MAX : (int)text.len;
}

/* Moves the digits at the start of TEXT to *RET. */
static int take_value_digits(struct slice *text, uint64_t *ret)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < text->len && ascii_is_digit(text->data[i]); i++) {
		uint64_t digit = (uint64_t)(text->data[i] - '0');

		if (n > (UINT64_MAX - digit) / 10)
			return MTS_ERANGE;
		n = n * 10 + digit;
	}
	if (i == 0)
		return MTS_ESYNTAX;
	*text = slice_skip(*text, i);
	*ret = n;
	return MTS_OK;
}

static int parse_units(struct slice text, const struct unit *units,
                       uint64_t *ret)
{
	uint64_t n = 0;
	int status = take_value_digits(&text, &n);

	if (status != MTS_OK)
		return status;
	/* 0 needs no unit. */
	if (n == 0 && text.len == 0) {
		*ret = 0;
		return MTS_OK;
	}
	for (; units->name; units++) {
		if (!slice_is(text, units->name))
			continue;
		if (n > UINT64_MAX / units->factor)
			return MTS_ERANGE;
		*ret = n * units->factor;
		return MTS_OK;
	}
	return MTS_ESYNTAX;
}

static int parse_octal(struct slice text, uint64_t *ret)
{
	uint64_t n = 0;

	if (text.len == 0 || text.len > 5)
		return MTS_ESYNTAX;
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '7')
			return MTS_ESYNTAX;
		n = n * 8 + (uint64_t)(text.data[i] - '0');
	}
	*ret = n;
	return MTS_OK;
}

static int parse_bool(struct slice text, uint64_t *ret)
{
	bool on = slice_is(text, "true") || slice_is(text, "yes");

	if (!on && !slice_is(text, "false") && !slice_is(text, "no"))
		return MTS_ESYNTAX;
	*ret = on;
	return MTS_OK;
}

static int parse_choice(struct slice text, const char *const *choices,
                        uint64_t *ret)
{
	for (size_t i = 0; choices[i]; i++)
		if (slice_is(text, choices[i])) {
			*ret = i;
			return MTS_OK;
		}
	return MTS_ESYNTAX;
}

static int parse_count(struct slice text, uint64_t *ret)
{
	int status = take_value_digits(&text, ret);

	return status == MTS_OK && text.len ? MTS_ESYNTAX : status;
}

static int parse_number_value(const struct conf_option *option,
                              struct slice text, uint64_t *ret)
{
	switch (option->type) {
	case CONF_BOOL:
		return parse_bool(text, ret);
	case CONF_COUNT:
		return parse_count(text, ret);
	case CONF_SIZE:
		return parse_units(text, sizes, ret);
	case CONF_DURATION:
		return parse_units(text, durations, ret);
	case CONF_CHOICE:
		return parse_choice(text, option->choices, ret);
	case CONF_MODE:
		return parse_octal(text, ret);
	case CONF_SECTION:
	case CONF_LISTENERS:
	case CONF_MAPS:
	case CONF_SERVERS:
	case CONF_NAMES:
	case CONF_DOMAINS:
	case CONF_ADDRESS:
	case CONF_UNIX:
	case CONF_PATH:
	case CONF_NAME:
		break;
	}
	return MTS_ESYNTAX;
}

/* -- what is wrong, and what would be right -------------------------------- */

static int refuse_choice(const struct conf_option *option, struct slice text,
                         struct fault *why)
{
	char choices[100] = "";
	size_t used = 0;

	for (size_t i = 0; option->choices[i]; i++) {
		const char *link = !i                       ? ""
		                   : option->choices[i + 1] ? ", "
		                                            : " or ";
		int n = snprintf(choices + used, sizeof(choices) - used, "%s%s",
		                 link, option->choices[i]);

		if (n < 0 || (size_t)n >= sizeof(choices) - used)
			break;
		used += (size_t)n;
	}
	return fault_set(why, MTS_ESYNTAX, "'%.*s' is not known; write %s",
	                 quote_len(text), text.data, choices);
}

static bool is_digits(struct slice text)
{
	uint64_t n;

	return parse_count(text, &n) != MTS_ESYNTAX;
}

static int refuse_duration(const struct conf_option *option, struct slice text,
                           struct fault *why)
{
	if (is_digits(text))
		return fault_set(why, MTS_ESYNTAX,
		                 "'%.*s' has no unit; write ms, s, m, h or d "
		                 "after the number, as in %s",
		                 quote_len(text), text.data, option->fallback);
	return fault_set(
	    why, MTS_ESYNTAX,
	    "'%.*s' is not a duration; write a number and ms, s, m, "
	    "h or d, as in %s",
	    quote_len(text), text.data, option->fallback);
}

static int refuse_syntax(const struct conf_option *option, struct slice text,
                         struct fault *why)
{
	if (option->type == CONF_CHOICE)
		return refuse_choice(option, text, why);
	if (option->type == CONF_DURATION)
		return refuse_duration(option, text, why);
	if (option->type == CONF_SIZE)
		return fault_set(
		    why, MTS_ESYNTAX,
		    "'%.*s' is not a size; write a number of bytes, "
		    "or a number and KiB, MiB, GiB or TiB, as in "
		    "%s",
		    quote_len(text), text.data, option->fallback);
	if (option->type == CONF_BOOL)
		return fault_set(why, MTS_ESYNTAX,
		                 "'%.*s' is neither true nor false",
		                 quote_len(text), text.data);
	if (option->type == CONF_MODE)
		return fault_set(
		    why, MTS_ESYNTAX,
		    "'%.*s' is not a file mode; write it in octal, "
		    "as in %s",
		    quote_len(text), text.data, option->fallback);
	return fault_set(why, MTS_ESYNTAX,
	                 "'%.*s' is not a number; write one, as in %s",
	                 quote_len(text), text.data, option->fallback);
}

static int refuse_range(const struct conf_option *option, struct slice text,
                        struct fault *why)
{
	char min[VALUE_TEXT_MAX];
	char max[VALUE_TEXT_MAX];

	return fault_set(
	    why, MTS_ERANGE, "%.*s is out of range; write %s to %s",
	    quote_len(text), text.data, value_text(option, option->min, min),
	    value_text(option, option->max, max));
}

/* -- numbers --------------------------------------------------------------- */

/* An enum and a mode_t can't be written through a pointer of another type. */
static void store_number(const struct conf_option *option, void *base,
                         uint64_t number)
{
	char *at = (char *)base + option->offset;
	unsigned choice = (unsigned)number;
	mode_t mode = (mode_t)number;
	bool on = number != 0;

	_Static_assert(sizeof(unsigned) == sizeof(enum log_level) &&
	                   sizeof(unsigned) == sizeof(enum log_target) &&
	                   sizeof(unsigned) == sizeof(enum conf_dane) &&
	                   sizeof(unsigned) == sizeof(enum conf_like) &&
	                   sizeof(unsigned) == sizeof(enum conf_testing) &&
	                   sizeof(unsigned) == sizeof(enum conf_dane_answer),
	               "an enum is kept as an unsigned");
	if (option->type == CONF_BOOL)
		memcpy(at, &on, sizeof(on));
	else if (option->type == CONF_CHOICE)
		memcpy(at, &choice, sizeof(choice));
	else if (option->type == CONF_MODE)
		memcpy(at, &mode, sizeof(mode));
	else
		memcpy(at, &number, sizeof(number));
}

static int set_number(const struct conf_option *option, void *base,
                      struct slice text, struct fault *why)
{
	uint64_t number = 0;
	int status = parse_number_value(option, text, &number);
	bool ranged = option->type != CONF_BOOL && option->type != CONF_CHOICE;

	if (status == MTS_ESYNTAX)
		return refuse_syntax(option, text, why);
	if (status != MTS_OK ||
	    (ranged && (number < option->min || number > option->max)))
		return refuse_range(option, text, why);
	store_number(option, base, number);
	return MTS_OK;
}

static const char *unit_text(const struct unit *units, uint64_t number,
                             char text[VALUE_TEXT_MAX])
{
	while (units[1].name && (number == 0 || number % units->factor))
		units++;
	snprintf(text, VALUE_TEXT_MAX, "%llu%s",
	         (unsigned long long)(number / units->factor),
	         number ? units->name : "");
	return text;
}

const char *value_text(const struct conf_option *option, uint64_t number,
                       char text[VALUE_TEXT_MAX])
{
	if (option->type == CONF_DURATION)
		return unit_text(durations, number, text);
	if (option->type == CONF_SIZE)
		return unit_text(sizes, number, text);
	if (option->type == CONF_CHOICE)
		snprintf(text, VALUE_TEXT_MAX, "%s", option->choices[number]);
	else if (option->type == CONF_BOOL)
		snprintf(text, VALUE_TEXT_MAX, "%s", number ? "true" : "false");
	else
		snprintf(text, VALUE_TEXT_MAX,
		         option->type == CONF_MODE ? "%04llo" : "%llu",
		         (unsigned long long)number);
	return text;
}

/* -- texts ----------------------------------------------------------------- */

static int check_text(const struct conf_option *option, const char *text,
                      struct fault *why)
{
	switch (option->type) {
	case CONF_ADDRESS:
		return check_address(text, why);
	case CONF_UNIX:
		return check_unix(text, why);
	case CONF_PATH:
		return check_path(text, why);
	case CONF_NAME:
	case CONF_NAMES:
		return check_name(text, why);
	case CONF_SERVERS:
		return check_server(text, why);
	case CONF_SECTION:
	case CONF_LISTENERS:
	case CONF_MAPS:
	case CONF_DOMAINS:
	case CONF_BOOL:
	case CONF_COUNT:
	case CONF_SIZE:
	case CONF_DURATION:
	case CONF_CHOICE:
	case CONF_MODE:
		break;
	}
	return fault_set(why, MTS_ESYNTAX, "a text is no value for this");
}

/* No path, name or address has control characters; a NUL would truncate it. */
static bool has_controls(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f)
			return true;
	return false;
}

/* A checked copy of TEXT; NULL if it is empty and OPTION is a name. */
static int copy_checked_text(const struct conf_option *option,
                             struct slice text, char **ret, struct fault *why)
{
	char *copy = NULL;
	int status = MTS_OK;

	if (text.len < option->min)
		return fault_set(why, MTS_ERANGE, "must not be empty");
	if (has_controls(text))
		return fault_set(why, MTS_ESYNTAX,
		                 "control characters are not allowed");
	if (text.len == 0 && option->type == CONF_NAME)
		goto out;
	copy = strndup(text.len ? text.data : "", text.len);
	if (!copy)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	if (text.len)
		status = check_text(option, copy, why);
	if (status == MTS_OK && text.len > option->max)
		status = fault_set(why, MTS_ERANGE,
		                   "has %zu bytes; %llu at most are possible",
		                   text.len, (unsigned long long)option->max);
out:
	if (status == MTS_OK)
		*ret = copy;
	else
		free(copy);
	return status;
}

static bool is_text_type(enum conf_type type)
{
	return type == CONF_ADDRESS || type == CONF_UNIX || type == CONF_PATH ||
	       type == CONF_NAME;
}

int value_set(const struct conf_option *option, void *base, struct slice text,
              struct fault *why)
{
	char **at;
	char *copy = NULL;
	int status;

	if (!is_text_type(option->type))
		return set_number(option, base, text, why);
	status = copy_checked_text(option, text, &copy, why);
	if (status != MTS_OK)
		return status;
	at = (char **)(void *)((char *)base + option->offset);
	free(*at);
	*at = copy;
	return MTS_OK;
}

int value_set_default(const struct conf_option *option, void *base,
                      struct fault *why)
{
	struct slice text = slice_str(option->fallback);

	if (slice_is(text, "\"\""))
		text = slice_str("");
	return value_set(option, base, text, why);
}

int value_add_item(enum conf_type type, char ***items, size_t *count,
                   struct slice text, struct fault *why)
{
	struct conf_option item = { .type = type, .min = 1, .max = 100 };
	char **more;
	char *copy = NULL;
	int status = copy_checked_text(&item, text, &copy, why);

	if (status != MTS_OK)
		return status;
	more = realloc(*items, (*count + 1) * sizeof(*more));
	if (!more) {
		free(copy);
		return fault_set(why, MTS_ENOMEM, "out of memory");
	}
	more[(*count)++] = copy;
	*items = more;
	return MTS_OK;
}
