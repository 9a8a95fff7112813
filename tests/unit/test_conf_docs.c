/* SPDX-License-Identifier: BSD-2-Clause */
/* test_conf_docs.c - table, sample file and manual say the same. */
#include "tests.h"

#include "man_page.h"

#include "base/slice.h"
#include "conf/conf.h"
#include "conf/schema.h"
#include "conf/value.h"

enum { DOC_MAX = 64 * 1024, TEXT_SIZE = 4096 };

static char *read_doc(const char *name)
{
	const char *srcdir = getenv("srcdir");
	char path[4096];
	char *text = calloc(1, DOC_MAX);
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", srcdir ? srcdir : ".", name);
	file = fopen(path, "r");
	if (!file || !text)
		fail_msg("%s", path);
	assert_true(fread(text, 1, DOC_MAX - 1, file) > 0);
	fclose(file);
	return text;
}

static const char *last_name(const struct conf_option *option)
{
	const char *dot = strrchr(option->path, '.');

	return dot ? dot + 1 : option->path;
}

/* What is said of an option: its help, and which values are possible. */
static void describe(const struct conf_option *option, char *text)
{
	char min[VALUE_TEXT_MAX];
	char max[VALUE_TEXT_MAX];
	size_t used =
	    (size_t)snprintf(text, TEXT_SIZE, "%s%s%s", option->help,
	                     option->more[0] ? " " : "", option->more);

	if (option->type == CONF_COUNT || option->type == CONF_SIZE ||
	    option->type == CONF_DURATION)
		used += (size_t)snprintf(text + used, TEXT_SIZE - used,
		                         " Values: %s to %s.",
		                         value_text(option, option->min, min),
		                         value_text(option, option->max, max));
	if (option->type == CONF_BOOL)
		used += (size_t)snprintf(text + used, TEXT_SIZE - used,
		                         " Values: true or false.");
	for (size_t i = 0; option->choices && option->choices[i]; i++)
		used += (size_t)snprintf(text + used, TEXT_SIZE - used, "%s%s",
		                         i == 0                   ? " Values: "
		                         : option->choices[i + 1] ? ", "
		                                                  : " or ",
		                         option->choices[i]);
	if (option->choices)
		snprintf(text + used, TEXT_SIZE - used, ".");
}

/* -- etc/mtastsd.yaml ------------------------------------------------------ */

/* The line with which the sample would set OPTION. */
static void sample_line(const struct conf_option *option, char *text)
{
	const char *value =
	    option->fallback ? option->fallback : option->example;
	bool entry = schema_is_child(option, schema_find("listen")) ||
	             schema_is_child(option, schema_find("maps"));
	bool first = (entry && option->type == CONF_ADDRESS) ||
	             strcmp(option->path, "maps.name") == 0;
	const char *indent = first                       ? "  - "
	                     : entry                     ? "    "
	                     : strchr(option->path, '.') ? "  "
	                                                 : "";

	snprintf(text, TEXT_SIZE, "%s%s:%s%s", indent, last_name(option),
	         value ? " " : "", value ? value : "");
}

/* "#name: value" is an option, "# text" is not. */
static bool is_option_line(struct slice line)
{
	return line.len > 1 && line.data[0] == '#' &&
	       (line.data[1] != ' ' || (line.len > 2 && line.data[2] == ' '));
}

struct sample {
	char prose[TEXT_SIZE]; /* of the lines since the last blank one */
	char all[DOC_MAX];     /* every option, in force */
	size_t options;
};

static void append(char *to, size_t size, const char *link, struct slice text)
{
	size_t used = strlen(to);

	assert_true(used + strlen(link) + text.len < size);
	snprintf(to + used, size - used, "%s%.*s", used ? link : "",
	         (int)text.len, text.data);
}

static void check_sample_option(struct sample *sample, struct slice line)
{
	const struct conf_option *option = schema_at(sample->options++);
	char expected[TEXT_SIZE];

	assert_non_null(option);
	sample_line(option, expected);
	if (!slice_is(line, expected))
		fail_msg("the sample has '%.*s' for '%s'", (int)line.len,
		         line.data, expected);
	describe(option, expected);
	assert_string_equal(sample->prose, expected);
	append(sample->all, sizeof(sample->all), "\n", line);
}

static void check_sample_line(struct sample *sample, struct slice line)
{
	if (line.len == 0) {
		sample->prose[0] = '\0';
		return;
	}
	assert_int_equal(line.data[0], '#'); /* nothing is in force */
	if (is_option_line(line))
		check_sample_option(sample,
		                    slice_of(line.data + 1, line.len - 1));
	else if (line.len > 2)
		append(sample->prose, sizeof(sample->prose), " ",
		       slice_of(line.data + 2, line.len - 2));
}

static bool same_numbers(const struct conf *a, const struct conf *b)
{
	return memcmp(&a->lookup, &b->lookup, sizeof(a->lookup)) == 0 &&
	       memcmp(&a->refresh, &b->refresh, sizeof(a->refresh)) == 0 &&
	       memcmp(&a->limits, &b->limits, sizeof(a->limits)) == 0 &&
	       memcmp(&a->log, &b->log, sizeof(a->log)) == 0 &&
	       a->cache.max_size == b->cache.max_size && a->dane == b->dane &&
	       a->dane_answer == b->dane_answer &&
	       overrides_count(a->domains) == overrides_count(b->domains) &&
	       a->dns.timeout_ms == b->dns.timeout_ms &&
	       a->dns.server_count == b->dns.server_count &&
	       a->control_user_count == b->control_user_count &&
	       a->fetch.timeout_ms == b->fetch.timeout_ms &&
	       a->fetch.max_size == b->fetch.max_size &&
	       a->fetch.concurrency == b->fetch.concurrency &&
	       a->fetch.retry_ms == b->fetch.retry_ms &&
	       a->fetch.allow_private_addresses ==
	           b->fetch.allow_private_addresses;
}

static void assert_default(const char *text)
{
	struct conf *expected = conf_new();
	struct conf *conf = NULL;
	struct fault why;

	assert_non_null(expected);
	if (conf_parse(text, strlen(text), "F", &conf, &why) != MTS_OK)
		fail_msg("%s in: %s", why.text, text);
	assert_true(same_numbers(conf, expected));
	assert_true(conf->listen_count >= expected->listen_count);
	assert_string_equal(conf->listen[0].address,
	                    expected->listen[0].address);
	assert_int_equal(conf->listen[0].mode, expected->listen[0].mode);
	assert_null(conf->listen[0].owner);
	assert_null(conf->listen[0].group);
	assert_string_equal(conf->control, expected->control);
	assert_string_equal(conf->stats, expected->stats);
	assert_string_equal(conf->cache.directory, expected->cache.directory);
	assert_string_equal(conf->fetch.ca_file, expected->fetch.ca_file);
	conf_free(&conf);
	conf_free(&expected);
}

/* Every option has its line, in the table's order, with its default, under what
 * the table says of it; and the whole in force changes nothing. */
static void test_sample(void **state)
{
	struct sample *sample = calloc(1, sizeof(*sample));
	char *text = read_doc("etc/mtastsd.yaml");
	char *line = text;

	(void)state;
	assert_non_null(sample);
	assert_default(text);
	while (*line) {
		size_t len = strcspn(line, "\n");

		check_sample_line(sample, slice_of(line, len));
		line += len + (line[len] == '\n');
	}
	assert_null(schema_at(sample->options));
	assert_default(sample->all);
	free(text);
	free(sample);
}

/* Each option alone, under its section, changes nothing either. */
static void test_each_default(void **state)
{
	const struct conf_option *option;
	const struct conf_option *listen = schema_find("listen");
	char line[TEXT_SIZE];
	char text[3 * TEXT_SIZE];

	(void)state;
	for (size_t i = 0; (option = schema_at(i)); i++) {
		size_t section = strcspn(option->path, ".");

		if (option == listen || option->type == CONF_SECTION ||
		    option->type == CONF_MAPS || option->example)
			continue;
		sample_line(option, line);
		text[0] = '\0';
		if (option->path[section])
			snprintf(text, sizeof(text), "%.*s:", (int)section,
			         option->path);
		if (option == schema_find("listen.map"))
			continue; /* not for what is listened on by default */
		if (schema_is_child(option, listen) &&
		    option->type != CONF_ADDRESS)
			append(text, sizeof(text), "\n",
			       slice_str("  - socketmap: "
			                 "unix:/run/mtasts/socketmap.sock"));
		if (schema_is_child(option, schema_find("maps")))
			append(text, sizeof(text), "\n",
			       slice_str("  - name: strict"));
		append(text, sizeof(text), "\n", slice_str(line));
		assert_default(text);
	}
}

/* -- doc/man/mtastsd.yaml.5 ------------------------------------------------ */

/* The text lines of the block that begins at FROM, joined. */
static void join_block(const char *from, char *text)
{
	text[0] = '\0';
	while (*from && strncmp(from, ".It", 3) != 0 &&
	       strncmp(from, ".El", 3) != 0) {
		size_t len = strcspn(from, "\n");

		if (strncmp(from, ".Cm ", 4) == 0)
			append(text, TEXT_SIZE, " ",
			       slice_of(from + 4, len - 4));
		else if (from[0] != '.')
			append(text, TEXT_SIZE, " ", slice_of(from, len));
		from += len + (from[len] == '\n');
	}
}

static void test_manual(void **state)
{
	char *manual = man_page_read("mtastsd.yaml.5");
	char *at = strstr(manual, ".Sh OPTIONS");
	const struct conf_option *option;
	char item[TEXT_SIZE];
	char block[TEXT_SIZE];
	char expected[TEXT_SIZE];

	(void)state;
	assert_non_null(at);
	for (size_t i = 0; (option = schema_at(i)); i++) {
		size_t used;

		snprintf(item, sizeof(item), "\n.It Ic %s\n", option->path);
		at = strstr(at, item); /* in the table's order */
		if (!at)
			fail_msg("not in the manual, or not in its place: %s",
			         option->path);
		join_block(at + strlen(item), block);
		describe(option, expected);
		used = strlen(expected);
		if (option->fallback)
			snprintf(expected + used, TEXT_SIZE - used,
			         " Default: %s",
			         strcmp(option->fallback, "\"\"") == 0
			             ? "\\(dq\\(dq"
			             : option->fallback);
		assert_string_equal(block, expected);
	}
	/* And no others. */
	*strstr(at, "\n.Sh ") = '\0';
	assert_null(strstr(at + 1, "\n.It Ic "));
	free(manual);
}

/* The table of RELOADING has those that take a restart, in the table's order. */
static void test_restart_table(void **state)
{
	char *manual = man_page_read("mtastsd.yaml.5");
	const char *at = strstr(manual, ".Sh RELOADING");
	const struct conf_option *option;
	char item[TEXT_SIZE];

	(void)state;
	assert_non_null(at);
	at = strstr(at, "\n.Bl -column");
	assert_non_null(at);
	at = strchr(at + 1, '\n');
	for (size_t i = 0; (option = schema_at(i)); i++) {
		if (!option->restart)
			continue;
		snprintf(item, sizeof(item), "\n.It Ic %s Ta restart",
		         option->path);
		if (strncmp(at, item, strlen(item)) != 0)
			fail_msg("not in the manual, or not in its place: %s",
			         option->path);
		at += strlen(item);
	}
	assert_int_equal(strncmp(at, "\n.El", 4), 0);
	free(manual);
}

/* What differs in A and B, of the options that take a restart. */
static void check_restart(const char *a, const char *b, const char *expected)
{
	struct conf *conf_a = NULL;
	struct conf *conf_b = NULL;
	struct fault why;
	char text[200];
	size_t count;

	assert_int_equal(conf_parse(a, strlen(a), "A", &conf_a, &why), MTS_OK);
	assert_int_equal(conf_parse(b, strlen(b), "B", &conf_b, &why), MTS_OK);
	count = conf_list_restart(conf_a, conf_b, text, sizeof(text));
	assert_string_equal(text, expected);
	assert_int_equal(count == 0, expected[0] == '\0');
	conf_free(&conf_a);
	conf_free(&conf_b);
}

/* Each option that takes a restart can be compared; others don't count. */
static void test_restart(void **state)
{
	(void)state;
	check_restart("", "", "");
	check_restart("", "cache: { directory: /var/lib/mtasts }\n", "");
	check_restart("", "cache: { directory: /srv }\n", "cache.directory");
	check_restart("", "cache: { max_size: 2MiB }\n", "cache.max_size");
	check_restart("", "user: mtasts\n", "user");
	check_restart("user: mtasts\n", "user: \"\"\n", "user");
	check_restart("user: mtasts\n", "user: mtasts\n", "");
	check_restart("user: a\ncache: { directory: /a, max_size: 2MiB }\n",
	              "user: b\ncache: { directory: /b, max_size: 3MiB }\n",
	              "cache.directory, cache.max_size, user");
	check_restart("",
	              "log: { level: debug }\nlimits: { clients: 5 }\n"
	              "cache: { unused_after: 1d }\ndane: off\n"
	              "control: unix:/c\ndns: { servers: [127.0.0.1] }\n",
	              "");
}

/* -- the table itself ------------------------------------------------------ */

static void test_table(void **state)
{
	const struct conf_option *option;

	(void)state;
	for (size_t i = 0; (option = schema_at(i)); i++) {
		assert_true(i < CONF_OPTIONS_MAX);
		assert_int_equal(schema_index(option), i);
		assert_ptr_equal(schema_find(option->path), option);
		assert_true(option->min <= option->max);
		assert_non_null(option->help);
		assert_non_null(option->more);
		assert_true(option->help[strlen(option->help) - 1] == '.');
		assert_int_equal(option->fallback == NULL,
		                 option->type == CONF_SECTION ||
		                     option->type == CONF_LISTENERS ||
		                     option->type == CONF_MAPS ||
		                     option->example != NULL);
		assert_int_equal(option->choices != NULL,
		                 option->type == CONF_CHOICE);
	}
	assert_null(schema_find("nothing"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_sample),
		cmocka_unit_test(test_each_default),
		cmocka_unit_test(test_manual),
		cmocka_unit_test(test_restart_table),
		cmocka_unit_test(test_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
