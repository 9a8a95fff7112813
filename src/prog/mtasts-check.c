/* SPDX-License-Identifier: BSD-2-Clause */
/* mtasts-check.c - checks what a sender that obeys MTA-STS would find, and says
 * how to mend it.
 *
 * Exit status: 0 ok, testing or not configured; 1 warning; 2 critical; 3 usage,
 * or nothing could be learnt.
 *
 * SECURITY: almost all it shows was written by strangers; see check/report.h. */
#include "base/log.h"
#include "check/check_batch.h"
#include "check/drift.h"
#include "check/input.h"
#include "check/reports_seen.h"
#include "findings/score.h"
#include "probe/prober.h"
#include "prog/check_cli.h"
#include "prog/check_lines.h"
#include "prog/check_verbs.h"
#include "prog/standard.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
	EHLO_MAX = 256,
	/* A fetch that is slow gives its place to others. */
	SLOW_FACTOR = 4,
	/* Standard ones, the loop's, files; and calls to mail hosts. */
	DESCRIPTORS_OURS = 32 + PROBER_CALLS_MAX,
	/* A domain's look-ups, some by TCP, and its policy host. */
	DESCRIPTORS_EACH = 24,
};

/* What is checked with, from the first round to the last. */
struct session {
	struct check_cli cli;
	struct domain *domains; /* of the arguments */
	uv_loop_t loop;
	struct resolver *resolver;
	struct secure_dns *secure_dns;
	struct fetcher *fetcher;
	char ehlo[EHLO_MAX];
	/* One round: */
	struct check_batch *batch;
	struct check_lines *lines;
	size_t next; /* of the domains */
	struct render render;
	struct buffer out;
	struct buffer later; /* see struct render */
	bool ended;          /* no domains are left */
	bool deaf;           /* nobody takes what is written */
	int status;          /* exit status; the worst so far */
};

static void note(struct session *session, int status)
{
	session->status = score_worse(session->status, status);
}

/* -- output ---------------------------------------------------------------- */

static void write_out(struct session *session, int rc)
{
	struct buffer *out = &session->out;

	if (rc != MTS_OK)
		note(session, check_cli_complain("a report can't be shown: %s",
		                                 mts_status_text(rc)));
	if (out->len)
		fwrite(out->data, 1, out->len, stdout);
	buffer_clear(out);
	if ((fflush(stdout) != 0 || ferror(stdout)) && !session->deaf) {
		note(session,
		     check_cli_complain("can't write to standard output"));
		session->deaf = true;
		session->ended = true;
	}
}

static void on_report(void *arg, struct report *report)
{
	struct session *session = arg;
	const struct renderer *renderer = session->cli.renderer;

	note(session, report->exit_status);
	session->render.exit_status = session->status;
	session->render.tally[report->exit_status]++;
	write_out(session,
	          renderer->report(&session->out, &session->render, report));
	session->render.count++;
	report_free(&report);
}

/* -- input ----------------------------------------------------------------- */

static void add(struct session *session, const struct domain *domain)
{
	if (check_batch_add(session->batch, domain) != MTS_OK)
		note(session,
		     check_cli_complain("%s: out of memory", domain->name));
}

/* One line of the file. False: there is none, now or ever. */
static bool take_line(struct session *session)
{
	struct domain domain;
	struct slice line;
	unsigned long number;
	struct fault why = { 0 };
	int status = check_lines_next(session->lines, &line, &number, &why);

	if (status == MTS_EMORE)
		return false;
	if (status == MTS_ENOTFOUND || status == MTS_ESYS) {
		if (status == MTS_ESYS)
			note(session, check_cli_complain("%s", why.text));
		session->ended = true;
		return false;
	}
	if (status == MTS_OK)
		status = input_domain(line, &domain, &why);
	else
		fault_set(&why, status, "it is too long");
	if (status == MTS_OK)
		add(session, &domain);
	else
		note(session,
		     check_cli_complain("%s, line %lu: %s", session->cli.file,
		                        number, why.text));
	return true;
}

/* Hands on domains while there is room; ends the round when all is done. */
static void pump(void *arg)
{
	struct session *session = arg;

	while (!session->ended && check_batch_wants_more(session->batch)) {
		if (session->next < session->cli.arg_count)
			add(session, &session->domains[session->next++]);
		else if (!session->lines)
			session->ended = true;
		else if (!take_line(session))
			break;
	}
	if (session->ended && check_batch_is_idle(session->batch))
		check_batch_close(&session->batch);
}

static void on_line(void *arg)
{
	struct session *session = arg;

	if (session->batch)
		pump(session);
}

/* -- a round --------------------------------------------------------------- */

static int open_round(struct session *session, struct fault *why)
{
	struct check_batch_options options = {
		.check = &session->cli.check,
		.jobs = session->cli.jobs,
		.as_they_come = session->cli.renderer->as_they_come,
		.done = on_report,
		.want = pump,
		.arg = session,
	};
	int status = MTS_OK;

	session->next = 0;
	session->ended = false;
	buffer_clear(&session->later);
	session->render = (struct render){ .options = &session->cli.render,
		                           .later = &session->later };
	if (session->cli.watch_s)
		session->render.round_s = clock_wall_s(&clock_system);
	if (session->cli.file)
		status =
		    check_lines_open(&session->loop, session->cli.file, on_line,
		                     session, &session->lines, why);
	if (status != MTS_OK)
		return status;
	status = check_batch_new(&options, &session->batch);
	if (status != MTS_OK)
		fault_set(why, status, "%s", mts_status_text(status));
	return status;
}

/* Nothing was asked: nothing is in order. */
static void note_empty(struct session *session)
{
	const char *file = session->cli.file;

	if (session->render.count == 0 && !session->deaf &&
	    session->status == CHECK_EXIT_OK)
		note(session, check_cli_complain("no domain in %s",
		                                 strcmp(file, "-") == 0
		                                     ? "standard input"
		                                     : file));
}

static int run_round(struct session *session)
{
	const struct renderer *renderer = session->cli.renderer;
	struct fault why = { 0 };

	session->status = CHECK_EXIT_OK;
	if (open_round(session, &why) != MTS_OK) {
		check_lines_close(&session->lines);
		return check_cli_complain("%s", why.text);
	}
	if (renderer->begin)
		write_out(session,
		          renderer->begin(&session->out, &session->render));
	pump(session);
	while (session->batch)
		uv_run(&session->loop, UV_RUN_ONCE);
	(void)uv_run(&session->loop, UV_RUN_NOWAIT); /* what was closed */
	check_lines_close(&session->lines);
	if (session->cli.file)
		note_empty(session);
	session->render.exit_status = session->status;
	if (renderer->end)
		write_out(session,
		          renderer->end(&session->out, &session->render));
	if (session->cli.check.drift &&
	    drift_save(session->cli.check.drift, &why) != MTS_OK)
		note(session, check_cli_complain("%s", why.text));
	return session->status;
}

/* -- setting up ------------------------------------------------------------ */

static int read_domains(struct session *session)
{
	const struct check_cli *cli = &session->cli;
	struct fault why = { 0 };

	session->domains =
	    calloc(cli->arg_count ? cli->arg_count : 1, sizeof(struct domain));
	if (!session->domains)
		return check_cli_complain("out of memory");
	for (size_t i = 0; i < cli->arg_count; i++)
		if (input_domain(slice_str(cli->args[i]), &session->domains[i],
		                 &why) != MTS_OK)
			return check_cli_usage("%s", why.text);
	return -1;
}

/* The name we go by in EHLO (RFC 5321 4.1.1.1). */
static void find_ehlo(struct session *session)
{
	char name[EHLO_MAX] = "";

	if (gethostname(name, sizeof(name) - 1) != 0 || !strchr(name, '.') ||
	    !domain_is_name(name, strlen(name)))
		snprintf(name, sizeof(name), "localhost.localdomain");
	snprintf(session->ehlo, sizeof(session->ehlo), "%s", name);
}

static int open_dns(struct session *session, struct fault *why)
{
	const struct check_cli *cli = &session->cli;
	struct resolver_options resolver = {
		.loop = &session->loop,
		.servers = &cli->resolver,
		.server_count = cli->resolver ? 1 : 0,
		.resolv_conf = "/etc/resolv.conf",
		.timeout_ms = cli->check.probe.dns_timeout_ms,
	};
	struct secure_dns_options secure = {
		.loop = &session->loop,
		.mode = cli->resolver ? SECURE_DNS_TRUST_AD : SECURE_DNS_AUTO,
		.trust_anchor = "",
		.timeout_ms = cli->check.probe.dns_timeout_ms,
		.clock = &clock_system,
	};
	int status = resolver_new(&resolver, &session->resolver, why);

	if (status != MTS_OK)
		return status;
	secure.resolver = session->resolver;
	/* DNSSEC is not scored: what can't be looked at is left out. */
	if (secure_dns_new(&secure, &session->secure_dns, why) != MTS_OK)
		session->secure_dns = NULL;
	return MTS_OK;
}

static int open_all(struct session *session, struct fault *why)
{
	struct check_cli *cli = &session->cli;
	struct fetcher_options fetcher = {
		.loop = &session->loop,
		.ca_file = cli->ca_file,
		.timeout_ms = cli->check.probe.timeout_ms,
		.max_size = POLICY_MAX,
		.concurrency = cli->jobs,
		.slow = SLOW_FACTOR * cli->jobs,
		.keep_chain = true,
	};
	int status = open_dns(session, why);

	if (status == MTS_OK)
		status = fetcher_new(&fetcher, &session->fetcher, why);
	if (status == MTS_OK && cli->state)
		status = drift_open(cli->state, &cli->check.drift, why);
	if (status == MTS_OK && cli->reports)
		status = reports_seen_read(
		    cli->reports, (struct reports_seen **)&cli->check.reports,
		    why);
	find_ehlo(session);
	cli->check.probe.clock = &clock_system;
	cli->check.probe.resolver = session->resolver;
	cli->check.probe.secure_dns = session->secure_dns;
	cli->check.probe.fetcher = session->fetcher;
	cli->check.probe.ehlo = session->ehlo;
	return status;
}

static void close_all(struct session *session)
{
	fetcher_close(&session->fetcher);
	secure_dns_close(&session->secure_dns);
	resolver_close(&session->resolver);
	uv_run(&session->loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&session->loop);
	drift_free(&session->cli.check.drift);
	reports_seen_free((struct reports_seen **)&session->cli.check.reports);
	buffer_free(&session->out);
	buffer_free(&session->later);
	free(session->domains);
}

/* Each connection and question takes a descriptor: as many as may be had. Where
 * there are few, fewer domains at once: what can't be asked for want of them
 * would look like the domain's fault. */
static void fit_descriptors(struct check_cli *cli)
{
	struct rlimit limit;
	rlim_t room = 1;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	if (limit.rlim_cur != limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_max > DESCRIPTORS_OURS + DESCRIPTORS_EACH)
		room = (limit.rlim_max - DESCRIPTORS_OURS) / DESCRIPTORS_EACH;
	if (cli->jobs > room)
		cli->jobs = (size_t)room;
}

static int check(struct session *session)
{
	struct fault why = { 0 };
	int status;

	fit_descriptors(&session->cli);
	if (uv_loop_init(&session->loop) != 0)
		return check_cli_complain("out of memory");
	buffer_init(&session->out, RENDER_MAX);
	buffer_init(&session->later, RENDER_MAX);
	if (open_all(session, &why) != MTS_OK) {
		status = check_cli_complain("%s", why.text);
	} else {
		status = run_round(session);
		while (session->cli.watch_s && !session->deaf) {
			sleep(session->cli.watch_s);
			status = run_round(session);
		}
	}
	close_all(session);
	return status;
}

static int run(int argc, char **argv)
{
	static struct session session;
	int status;

	log_open("mtasts-check", LOG_TARGET_STDERR, LOG_LEVEL_ERROR);
	status = check_cli_parse(argc, argv, &session.cli);
	if (status < 0 && session.cli.verb != CHECK_VERB_CHECK)
		return check_verb_run(&session.cli);
	if (status < 0)
		status = read_domains(&session);
	if (status >= 0) {
		free(session.domains);
		return status;
	}
	return check(&session);
}

int main(int argc, char **argv)
{
	int status;

	standard_fill();
	setlocale(LC_CTYPE, "");
	(void)signal(SIGPIPE, SIG_IGN);
	status = run(argc, argv);
	return standard_finish("mtasts-check", status, CHECK_EXIT_UNKNOWN);
}
