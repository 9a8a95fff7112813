/* SPDX-License-Identifier: BSD-2-Clause */
/* check_cli.c - the command line of mtasts-check. */
#include "prog/check_cli.h"

#include "base/spell.h"
#include "config.h"
#include "findings/report.h"

#include <langinfo.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	JOBS_DEFAULT = 16,
	JOBS_MAX = 256,
	TIMEOUT_S = 10,
	TIMEOUT_MAX_S = 600,
	DNS_TIMEOUT_S = 5,
	WATCH_MAX_S = 31 * 24 * 60 * 60,
	COLUMNS_MIN = 40,
	OPT_FORMAT = 256, /* --json and so on: the name is the renderer's */
	OPT_JOBS,
	OPT_STATE,
	OPT_EXPECT,
	OPT_ONLY,
	OPT_SKIP,
	OPT_NO_SMTP,
	OPT_RESOLVER,
	OPT_CA_FILE,
	OPT_CONNECT,
	OPT_TIMEOUT,
	OPT_MIN_SCORE,
	OPT_WATCH,
	OPT_SHOW_RUA,
	OPT_COLOR,
	OPT_REPORTS,
	OPT_ALLOW_PRIVATE,
	OPT_ASCII,
};

static const char help_text[] =
    "usage: mtasts-check [OPTION...] DOMAIN...\n"
    "       mtasts-check lint [--json] FILE|-\n"
    "       mtasts-check explain [--json] [ID...]\n"
    "\n"
    "Checks the MTA-STS (RFC 8461) set-up of domains as senders see it, and "
    "says\n"
    "how to fix it. lint checks a policy file without using the network. "
    "explain\n"
    "describes findings, or lists them all.\n"
    "\n"
    "What is checked:\n"
    "  -f, --file FILE         also read domains from FILE, one per line (-: "
    "stdin)\n"
    "      --jobs N            check N domains at once (16)\n"
    "      --no-smtp           do not call the mail hosts\n"
    "  -4, -6                  use IPv4 or IPv6 only\n"
    "      --resolver ADDRESS  query this DNS server, and trust its AD bit\n"
    "      --ca-file FILE      trust these CA certificates (PEM)\n"
    "      --connect HOST:ADDRESS  connect to HOST at ADDRESS, not as DNS "
    "says\n"
    "      --allow-private     connect to private addresses too\n"
    "      --timeout SECONDS   time limit for each connection (10)\n"
    "\n"
    "What is expected:\n"
    "      --expect MODE       the mode must be MODE: enforce, testing or "
    "none\n"
    "      --state FILE        compare with earlier runs, and record this one\n"
    "      --reports PATH      read TLS reports (a JSON file or a folder)\n"
    "      --only ID[,ID...]   show only these findings\n"
    "      --skip ID[,ID...]   do not show these findings\n"
    "      --min-score N       a lower score is critical\n"
    "\n"
    "What is shown:\n"
    "      --json, --jsonl     JSON; or one line per domain, when it is done\n"
    "      --html              an HTML page\n"
    "      --nagios            one line for Nagios and similar programs\n"
    "      --color WHEN        auto, always or never\n"
    "      --ascii             ASCII characters only\n"
    "      --show-rua          show the mail addresses for TLS reports\n"
    "  -v, --verbose           also certificates, timing, and how the score "
    "is\n"
    "                          calculated\n"
    "      --watch SECONDS     check again after each pause\n"
    "  -V, --version           print the version and exit\n"
    "  -h, --help              print this and exit\n"
    "\n"
    "Exit status: 0 ok, testing or not configured; 1 warning; 2 critical;\n"
    "3 wrong usage, or no result. See mtasts-check(1).\n";

static const struct option long_options[] = {
	{ "file", required_argument, NULL, 'f' },
	{ "json", no_argument, NULL, OPT_FORMAT },
	{ "jsonl", no_argument, NULL, OPT_FORMAT },
	{ "html", no_argument, NULL, OPT_FORMAT },
	{ "nagios", no_argument, NULL, OPT_FORMAT },
	{ "jobs", required_argument, NULL, OPT_JOBS },
	{ "state", required_argument, NULL, OPT_STATE },
	{ "reports", required_argument, NULL, OPT_REPORTS },
	{ "expect", required_argument, NULL, OPT_EXPECT },
	{ "only", required_argument, NULL, OPT_ONLY },
	{ "skip", required_argument, NULL, OPT_SKIP },
	{ "no-smtp", no_argument, NULL, OPT_NO_SMTP },
	{ "resolver", required_argument, NULL, OPT_RESOLVER },
	{ "ca-file", required_argument, NULL, OPT_CA_FILE },
	{ "connect", required_argument, NULL, OPT_CONNECT },
	{ "allow-private", no_argument, NULL, OPT_ALLOW_PRIVATE },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "min-score", required_argument, NULL, OPT_MIN_SCORE },
	{ "watch", required_argument, NULL, OPT_WATCH },
	{ "show-rua", no_argument, NULL, OPT_SHOW_RUA },
	{ "color", required_argument, NULL, OPT_COLOR },
	{ "colour", required_argument, NULL, OPT_COLOR },
	{ "ascii", no_argument, NULL, OPT_ASCII },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

const struct option *check_cli_options(void)
{
	return long_options;
}

__attribute__((format(printf, 1, 0))) static void cli_complain(
    const char *format, va_list ap)
{
	fputs("mtasts-check: ", stderr);
	vfprintf(stderr, format, ap);
	fputs("\n", stderr);
}

int check_cli_complain(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	cli_complain(format, ap);
	va_end(ap);
	return CHECK_EXIT_UNKNOWN;
}

static int cli_refer_to_help(void)
{
	fputs("Try 'mtasts-check --help'.\n", stderr);
	return CHECK_EXIT_UNKNOWN;
}

int check_cli_usage(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	cli_complain(format, ap);
	va_end(ap);
	return cli_refer_to_help();
}

/* -- values ---------------------------------------------------------------- */

static bool cli_parse_number(const char *text, unsigned long most,
                             unsigned long *ret)
{
	char *end = NULL;

	if (!ascii_is_digit(*text))
		return false;
	*ret = strtoul(text, &end, 10);
	return *end == '\0' && *ret <= most;
}

static int cli_take_number(const char *name, unsigned long least,
                           unsigned long most, unsigned long *ret)
{
	if (cli_parse_number(optarg, most, ret) && *ret >= least)
		return -1;
	return check_cli_usage("--%s: \"%s\" is not a number from %lu to %lu",
	                       name, optarg, least, most);
}

static int cli_take_expect(struct check_cli *cli)
{
	static const char *const names[] = {
		[EXPECT_NONE] = "none",
		[EXPECT_TESTING] = "testing",
		[EXPECT_ENFORCE] = "enforce",
	};

	for (size_t i = EXPECT_NONE; i <= EXPECT_ENFORCE; i++) {
		if (strcmp(optarg, names[i]) != 0)
			continue;
		cli->check.expect = (enum check_expect)i;
		return -1;
	}
	return check_cli_usage("--expect: \"%s\" is not enforce, testing or "
	                       "none",
	                       optarg);
}

/* The default: see no-color.org. */
static bool cli_wants_color(void)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no_color && *no_color) &&
	       !(term && strcmp(term, "dumb") == 0);
}

static int cli_take_color(struct check_cli *cli)
{
	if (strcmp(optarg, "always") == 0) {
		cli->render.color = true;
	} else if (strcmp(optarg, "never") == 0) {
		cli->render.color = false;
	} else if (strcmp(optarg, "auto") == 0) {
		cli->render.color = cli_wants_color();
	} else {
		return check_cli_usage("--color: \"%s\" is not auto, always "
		                       "or never",
		                       optarg);
	}
	return -1;
}

/* Takes ids separated by commas. */
static int cli_take_ids(struct check_cli *cli, const char *name, bool shown)
{
	const char *rest = optarg;
	enum finding_id id;

	if (*rest == '\0')
		return check_cli_usage("--%s: no finding given", name);
	while (*rest) {
		size_t len = strcspn(rest, ",");

		if (!finding_by_name(slice_of(rest, len), &id))
			return check_cli_usage(
			    "--%s: there is no finding \"%.*s\"", name,
			    (int)len, rest);
		cli->check.shown[id] = shown;
		rest += len + (rest[len] == ',');
	}
	return -1;
}

/* Takes HOST:ADDRESS; an IPv6 address may have brackets. */
static int cli_take_connect(struct check_cli *cli)
{
	size_t at = cli->check.probe.connect_count;
	struct probe_connect *connect = &cli->connects[at];
	const char *colon = strchr(optarg, ':');
	struct domain host;
	struct slice text;
	struct fault why = { 0 };

	if (at == CONNECTS_MAX)
		return check_cli_usage("--connect: given more than %d times",
		                       CONNECTS_MAX);
	if (!colon || domain_from_key(optarg, (size_t)(colon - optarg), &host,
	                              &why) != MTS_OK)
		return check_cli_usage("--connect: \"%s\" is not HOST:ADDRESS",
		                       optarg);
	text = slice_str(colon + 1);
	if (text.len > 2 && text.data[0] == '[' &&
	    text.data[text.len - 1] == ']')
		text = slice_of(text.data + 1, text.len - 2);
	if (!address_parse(text, AF_INET, &connect->address) &&
	    !address_parse(text, AF_INET6, &connect->address))
		return check_cli_usage("--connect: \"%s\" is not an IP address",
		                       colon + 1);
	snprintf(connect->host, sizeof(connect->host), "%s", host.name);
	cli->check.probe.connect_count++;
	return -1;
}

/* -- options --------------------------------------------------------------- */

/* Options that take a number. */
static int cli_take_number_option(struct check_cli *cli, int c)
{
	unsigned long n = 0;
	int status;

	switch (c) {
	case OPT_JOBS:
		status = cli_take_number("jobs", 1, JOBS_MAX, &n);
		cli->jobs = n;
		return status;
	case OPT_TIMEOUT:
		status = cli_take_number("timeout", 1, TIMEOUT_MAX_S, &n);
		cli->check.probe.timeout_ms = n * 1000;
		return status;
	case OPT_MIN_SCORE:
		status = cli_take_number("min-score", 0, 100, &n);
		cli->check.min_score = (unsigned)n;
		return status;
	default:
		status = cli_take_number("watch", 1, WATCH_MAX_S, &n);
		cli->watch_s = (unsigned)n;
		return status;
	}
}

static int cli_take_flag(struct check_cli *cli, int c)
{
	switch (c) {
	case '4':
		cli->check.probe.ipv6 = false;
		return -1;
	case '6':
		cli->check.probe.ipv4 = false;
		return -1;
	case 'v':
		cli->render.verbose = true;
		return -1;
	case OPT_NO_SMTP:
		cli->check.probe.smtp = false;
		return -1;
	case OPT_SHOW_RUA:
		cli->render.show_rua = true;
		return -1;
	case OPT_ALLOW_PRIVATE:
		cli->check.probe.allow_private = true;
		return -1;
	case OPT_ASCII:
		cli->render.utf8 = false;
		return -1;
	case 'V':
		printf("mtasts-check %s\n", PACKAGE_VERSION);
		return CHECK_EXIT_OK;
	case 'h':
		fputs(help_text, stdout);
		return CHECK_EXIT_OK;
	default:
		return cli_refer_to_help();
	}
}

/* The first --only hides all other findings. */
static int cli_take_only(struct check_cli *cli, bool *only)
{
	if (!*only)
		for (size_t i = 0; i < FINDINGS; i++)
			cli->check.shown[i] = false;
	*only = true;
	return cli_take_ids(cli, "only", true);
}

static int cli_take_option(struct check_cli *cli, int c, const char *name,
                           bool *only)
{
	switch (c) {
	case 'f':
		cli->file = optarg;
		return -1;
	case OPT_FORMAT:
		cli->renderer = renderer_find(name);
		return -1;
	case OPT_STATE:
		cli->state = optarg;
		return -1;
	case OPT_REPORTS:
		cli->reports = optarg;
		return -1;
	case OPT_RESOLVER:
		cli->resolver = optarg;
		return -1;
	case OPT_CA_FILE:
		cli->ca_file = optarg;
		return -1;
	case OPT_EXPECT:
		return cli_take_expect(cli);
	case OPT_COLOR:
		return cli_take_color(cli);
	case OPT_ONLY:
		return cli_take_only(cli, only);
	case OPT_SKIP:
		return cli_take_ids(cli, "skip", false);
	case OPT_CONNECT:
		return cli_take_connect(cli);
	case OPT_JOBS:
	case OPT_TIMEOUT:
	case OPT_MIN_SCORE:
	case OPT_WATCH:
		return cli_take_number_option(cli, c);
	default:
		return cli_take_flag(cli, c);
	}
}

/* -- the command line ------------------------------------------------------ */

static size_t cli_find_width(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 &&
	    size.ws_col >= COLUMNS_MIN && size.ws_col < RENDER_WIDTH)
		return size.ws_col;
	return RENDER_WIDTH;
}

static void cli_set_defaults(struct check_cli *cli)
{
	*cli = (struct check_cli){ .jobs = JOBS_DEFAULT };
	cli->check.probe.ipv4 = cli->check.probe.ipv6 = true;
	cli->check.probe.smtp = true;
	cli->check.probe.timeout_ms = (uint64_t)TIMEOUT_S * 1000;
	cli->check.probe.dns_timeout_ms = (uint64_t)DNS_TIMEOUT_S * 1000;
	for (size_t i = 0; i < FINDINGS; i++)
		cli->check.shown[i] = true;
	cli->check.probe.connects = cli->connects;
	cli->renderer = &renderer_text;
	cli->render.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	cli->render.color = cli_wants_color();
	cli->render.width = cli_find_width();
}

static const struct {
	const char *name;
	enum check_verb verb;
} verbs[] = {
	{ "lint", CHECK_VERB_LINT },
	{ "explain", CHECK_VERB_EXPLAIN },
};

enum { VERBS = sizeof(verbs) / sizeof(*verbs) };

static const char *cli_verb_at(size_t i)
{
	return i < VERBS ? verbs[i].name : NULL;
}

/* An argument without a dot may be a misspelt verb: no domain that receives mail has
 * only one label. */
static int cli_take_verb(struct check_cli *cli)
{
	const char *name = cli->arg_count > 0 ? cli->args[0] : ".";
	const char *guess;

	for (size_t i = 0; i < VERBS; i++) {
		if (strcmp(name, verbs[i].name) != 0)
			continue;
		cli->verb = verbs[i].verb;
		cli->args++;
		cli->arg_count--;
		return -1;
	}
	guess = strchr(name, '.') ? NULL
	                          : spell_guess(slice_str(name), cli_verb_at);
	return guess ? check_cli_usage(
			   "\"%s\": did you mean %s? (For a domain of "
			   "that name, write \"%s.\")",
			   name, guess, name)
	             : -1;
}

/* An option that was given but has no effect without a domain, or NULL. */
static const char *cli_find_useless(const struct check_cli *cli)
{
	const struct {
		bool given;
		const char *name;
	} rows[] = {
		{ cli->file, "file" },
		{ cli->watch_s, "watch" },
		{ cli->state, "state" },
		{ cli->reports, "reports" },
		{ cli->check.min_score, "min-score" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].given)
			return rows[i].name;
	return NULL;
}

static int cli_check_verb(const struct check_cli *cli)
{
	const char *other = cli_find_useless(cli);

	if (other)
		return check_cli_usage("--%s needs a domain", other);
	if (cli->verb == CHECK_VERB_LINT && cli->arg_count != 1)
		return check_cli_usage("lint takes one file, or - for "
		                       "standard input");
	if (!(cli->verb == CHECK_VERB_LINT ? (bool)cli->renderer->lint
	                                   : (bool)cli->renderer->explain))
		return check_cli_usage("--%s needs a domain",
		                       cli->renderer->name);
	return -1;
}

static int cli_check(struct check_cli *cli)
{
	if (cli->verb != CHECK_VERB_CHECK)
		return cli_check_verb(cli);
	if (!cli->check.probe.ipv4 && !cli->check.probe.ipv6)
		return check_cli_usage("-4 and -6 exclude each other");
	if (cli->arg_count == 0 && !cli->file)
		return check_cli_usage("no domain given");
	if (cli->watch_s && cli->file && strcmp(cli->file, "-") == 0)
		return check_cli_usage("--watch cannot read standard input "
		                       "again");
	if (cli->watch_s && strcmp(cli->renderer->name, "html") == 0)
		return check_cli_usage("--watch does not work with --html: "
		                       "use --html from cron");
	return -1;
}

int check_cli_parse(int argc, char **argv, struct check_cli *ret)
{
	bool only = false;
	int status = -1;
	int at = -1;
	int c;

	cli_set_defaults(ret);
	while (status < 0 && (c = getopt_long(argc, argv, "46f:vVh",
	                                      long_options, &at)) != -1) {
		status = cli_take_option(
		    ret, c, at >= 0 ? long_options[at].name : "", &only);
		at = -1;
	}
	if (status >= 0)
		return status;
	ret->args = argv + optind;
	ret->arg_count = (size_t)(argc - optind);
	status = cli_take_verb(ret);
	if (status >= 0)
		return status;
	ret->render.several = ret->arg_count + (ret->file ? 2 : 0) > 1;
	return cli_check(ret);
}
