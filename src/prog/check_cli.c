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
	OPT_FORM = 256, /* --json and its like: the name is the form's */
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
    "Checks what a sender that obeys MTA-STS (RFC 8461) would find, and says\n"
    "how to mend it. lint checks a policy's text without the network; explain\n"
    "tells of findings, or lists them.\n"
    "\n"
    "What is checked:\n"
    "  -f, --file FILE         read domains from FILE too, one a line (-: "
    "stdin)\n"
    "      --jobs N            domains at once (16)\n"
    "      --no-smtp           do not call the mail hosts\n"
    "  -4, -6                  IPv4 or IPv6 only\n"
    "      --resolver ADDRESS  ask this DNS server, and believe its AD bit\n"
    "      --ca-file FILE      trust these CA certificates (PEM)\n"
    "      --connect HOST:ADDRESS  call HOST at ADDRESS, whatever DNS says\n"
    "      --allow-private     call private addresses as well\n"
    "      --timeout SECONDS   for each connection (10)\n"
    "\n"
    "What is expected:\n"
    "      --expect MODE       enforce, testing or none\n"
    "      --state FILE        compare with earlier runs, and remember this "
    "one\n"
    "      --reports PATH      TLS reports (JSON file, or a folder of them)\n"
    "      --only ID[,ID...]   tell of these findings only\n"
    "      --skip ID[,ID...]   do not tell of these\n"
    "      --min-score N       a lower score is critical\n"
    "\n"
    "What is shown:\n"
    "      --json, --jsonl     JSON; a line a domain, as they come\n"
    "      --html              a page for a browser\n"
    "      --nagios            a line for Nagios and its like\n"
    "      --color WHEN        auto, always or never\n"
    "      --ascii             no characters but ASCII's\n"
    "      --show-rua          show the addresses for reports in full\n"
    "  -v, --verbose           certificates, timing and the score's "
    "arithmetic\n"
    "      --watch SECONDS     check again and again\n"
    "  -V, --version           print the version and exit\n"
    "  -h, --help              print this and exit\n"
    "\n"
    "Exit status: 0 ok, testing or not configured; 1 warning; 2 critical;\n"
    "3 usage, or nothing could be learnt. See mtasts-check(1).\n";

static const struct option longs[] = {
	{ "file", required_argument, NULL, 'f' },
	{ "json", no_argument, NULL, OPT_FORM },
	{ "jsonl", no_argument, NULL, OPT_FORM },
	{ "html", no_argument, NULL, OPT_FORM },
	{ "nagios", no_argument, NULL, OPT_FORM },
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
	return longs;
}

__attribute__((format(printf, 1, 0))) static void complain(const char *format,
                                                           va_list ap)
{
	fputs("mtasts-check: ", stderr);
	vfprintf(stderr, format, ap);
	fputs("\n", stderr);
}

int check_cli_complain(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	complain(format, ap);
	va_end(ap);
	return CHECK_EXIT_UNKNOWN;
}

static int refer_to_help(void)
{
	fputs("Try 'mtasts-check --help'.\n", stderr);
	return CHECK_EXIT_UNKNOWN;
}

int check_cli_usage(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	complain(format, ap);
	va_end(ap);
	return refer_to_help();
}

/* -- values ---------------------------------------------------------------- */

static bool parse_number(const char *text, unsigned long most,
                         unsigned long *ret)
{
	char *end = NULL;

	if (!ascii_is_digit(*text))
		return false;
	*ret = strtoul(text, &end, 10);
	return *end == '\0' && *ret <= most;
}

static int take_number(const char *name, unsigned long least,
                       unsigned long most, unsigned long *ret)
{
	if (parse_number(optarg, most, ret) && *ret >= least)
		return -1;
	return check_cli_usage("--%s: \"%s\" is no number from %lu to %lu",
	                       name, optarg, least, most);
}

static int take_expect(struct check_cli *cli)
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
	return check_cli_usage("--expect: \"%s\" is none of enforce, testing, "
	                       "none",
	                       optarg);
}

/* Where nobody says whether: no-color.org, and terminals that know none. */
static bool wants_color(void)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no_color && *no_color) &&
	       !(term && strcmp(term, "dumb") == 0);
}

static int take_color(struct check_cli *cli)
{
	if (strcmp(optarg, "always") == 0) {
		cli->render.color = true;
	} else if (strcmp(optarg, "never") == 0) {
		cli->render.color = false;
	} else if (strcmp(optarg, "auto") == 0) {
		cli->render.color = wants_color();
	} else {
		return check_cli_usage("--color: \"%s\" is none of auto, "
		                       "always, never",
		                       optarg);
	}
	return -1;
}

/* Ids with commas between. */
static int take_ids(struct check_cli *cli, const char *name, bool shown)
{
	const char *rest = optarg;
	enum finding_id id;

	if (*rest == '\0')
		return check_cli_usage("--%s: no finding is named", name);
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

/* HOST:ADDRESS; an IPv6 address with or without brackets. */
static int take_connect(struct check_cli *cli)
{
	size_t at = cli->check.probe.connect_count;
	struct probe_connect *connect = &cli->connects[at];
	const char *colon = strchr(optarg, ':');
	struct domain host;
	struct slice text;
	struct fault why = { 0 };

	if (at == CONNECTS_MAX)
		return check_cli_usage("--connect: more than %d of them",
		                       CONNECTS_MAX);
	if (!colon || domain_from_key(optarg, (size_t)(colon - optarg), &host,
	                              &why) != MTS_OK)
		return check_cli_usage("--connect: \"%s\" is no HOST:ADDRESS",
		                       optarg);
	text = slice_str(colon + 1);
	if (text.len > 2 && text.data[0] == '[' &&
	    text.data[text.len - 1] == ']')
		text = slice_of(text.data + 1, text.len - 2);
	if (!address_parse(text, AF_INET, &connect->address) &&
	    !address_parse(text, AF_INET6, &connect->address))
		return check_cli_usage("--connect: \"%s\" is no IP address",
		                       colon + 1);
	snprintf(connect->host, sizeof(connect->host), "%s", host.name);
	cli->check.probe.connect_count++;
	return -1;
}

/* -- options --------------------------------------------------------------- */

/* Those that take a number. */
static int take_counted(struct check_cli *cli, int c)
{
	unsigned long n = 0;
	int status;

	switch (c) {
	case OPT_JOBS:
		status = take_number("jobs", 1, JOBS_MAX, &n);
		cli->jobs = n;
		return status;
	case OPT_TIMEOUT:
		status = take_number("timeout", 1, TIMEOUT_MAX_S, &n);
		cli->check.probe.timeout_ms = n * 1000;
		return status;
	case OPT_MIN_SCORE:
		status = take_number("min-score", 0, 100, &n);
		cli->check.min_score = (unsigned)n;
		return status;
	default:
		status = take_number("watch", 1, WATCH_MAX_S, &n);
		cli->watch_s = (unsigned)n;
		return status;
	}
}

static int take_flag(struct check_cli *cli, int c)
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
		return refer_to_help();
	}
}

/* The first --only takes all others away. */
static int take_only(struct check_cli *cli, bool *only)
{
	if (!*only)
		for (size_t i = 0; i < FINDINGS; i++)
			cli->check.shown[i] = false;
	*only = true;
	return take_ids(cli, "only", true);
}

static int take_option(struct check_cli *cli, int c, const char *name,
                       bool *only)
{
	switch (c) {
	case 'f':
		cli->file = optarg;
		return -1;
	case OPT_FORM:
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
		return take_expect(cli);
	case OPT_COLOR:
		return take_color(cli);
	case OPT_ONLY:
		return take_only(cli, only);
	case OPT_SKIP:
		return take_ids(cli, "skip", false);
	case OPT_CONNECT:
		return take_connect(cli);
	case OPT_JOBS:
	case OPT_TIMEOUT:
	case OPT_MIN_SCORE:
	case OPT_WATCH:
		return take_counted(cli, c);
	default:
		return take_flag(cli, c);
	}
}

/* -- the line -------------------------------------------------------------- */

static size_t find_width(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 &&
	    size.ws_col >= COLUMNS_MIN && size.ws_col < RENDER_WIDTH)
		return size.ws_col;
	return RENDER_WIDTH;
}

static void set_defaults(struct check_cli *cli)
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
	cli->render.color = wants_color();
	cli->render.width = find_width();
}

static const struct {
	const char *word;
	enum check_verb verb;
} verbs[] = {
	{ "lint", CHECK_VERB_LINT },
	{ "explain", CHECK_VERB_EXPLAIN },
};

enum { VERBS = sizeof(verbs) / sizeof(*verbs) };

static const char *verb_at(size_t i)
{
	return i < VERBS ? verbs[i].word : NULL;
}

/* No name of a domain that receives mail has a single label. */
static int take_verb(struct check_cli *cli)
{
	const char *word = cli->arg_count > 0 ? cli->args[0] : ".";
	const char *guess;

	for (size_t i = 0; i < VERBS; i++) {
		if (strcmp(word, verbs[i].word) != 0)
			continue;
		cli->verb = verbs[i].verb;
		cli->args++;
		cli->arg_count--;
		return -1;
	}
	guess =
	    strchr(word, '.') ? NULL : spell_guess(slice_str(word), verb_at);
	return guess ? check_cli_usage("\"%s\": did you mean %s? (A domain of "
	                               "that name: write \"%s.\")",
	                               word, guess, word)
	             : -1;
}

/* What is not heeded without a domain, though it is no setting of the network; NULL:
 * nothing of it was given. */
static const char *find_for_domains(const struct check_cli *cli)
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

static int check_verb_sense(const struct check_cli *cli)
{
	const char *other = find_for_domains(cli);

	if (other)
		return check_cli_usage("--%s is for domains", other);
	if (cli->verb == CHECK_VERB_LINT && cli->arg_count != 1)
		return check_cli_usage("lint takes one file, or - for "
		                       "standard input");
	if (!(cli->verb == CHECK_VERB_LINT ? (bool)cli->renderer->lint
	                                   : (bool)cli->renderer->explain))
		return check_cli_usage("--%s is for domains",
		                       cli->renderer->name);
	return -1;
}

static int check_sense(struct check_cli *cli)
{
	if (cli->verb != CHECK_VERB_CHECK)
		return check_verb_sense(cli);
	if (!cli->check.probe.ipv4 && !cli->check.probe.ipv6)
		return check_cli_usage("-4 and -6 exclude each other");
	if (cli->arg_count == 0 && !cli->file)
		return check_cli_usage("no domain given");
	if (cli->watch_s && cli->file && strcmp(cli->file, "-") == 0)
		return check_cli_usage("--watch can not read standard input "
		                       "again");
	if (cli->watch_s && strcmp(cli->renderer->name, "html") == 0)
		return check_cli_usage("--watch writes page after page, which "
		                       "is no page: use --html from cron");
	return -1;
}

int check_cli_parse(int argc, char **argv, struct check_cli *ret)
{
	bool only = false;
	int status = -1;
	int at = -1;
	int c;

	set_defaults(ret);
	while (status < 0 &&
	       (c = getopt_long(argc, argv, "46f:vVh", longs, &at)) != -1) {
		status =
		    take_option(ret, c, at >= 0 ? longs[at].name : "", &only);
		at = -1;
	}
	if (status >= 0)
		return status;
	ret->args = argv + optind;
	ret->arg_count = (size_t)(argc - optind);
	status = take_verb(ret);
	if (status >= 0)
		return status;
	ret->render.several = ret->arg_count + (ret->file ? 2 : 0) > 1;
	return check_sense(ret);
}
