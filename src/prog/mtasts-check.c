/* SPDX-License-Identifier: BSD-2-Clause */
/* mtasts-check.c - checks the MTA-STS set-up of domains as senders see it, and says
 * how to fix it. This file wires the parts together: arguments, the batch, the
 * renderer.
 *
 * Exit status: 0 ok, testing or not configured; 1 warning; 2 critical; 3 wrong
 * usage, or no result.
 *
 * SECURITY: almost everything it shows is untrusted; see findings/report.h. */
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
	/* Slow fetches may be this many times as many as the fast ones. */
	SLOW_FACTOR = 4,
	/* Standard streams, the loop, files, and calls to mail hosts. */
	DESCRIPTORS_OURS = 32 + PROBER_CALLS_MAX,
	/* One domain's DNS queries, some by TCP, and its policy host. */
	DESCRIPTORS_EACH = 24,
};

/* Everything that lives from the first round to the last. */
struct session {
	struct check_cli cli;
	struct domain *domains; /* given as arguments */
	uv_loop_t loop;
	struct resolver *resolver;
	struct secure_dns *secure_dns;
	struct fetcher *fetcher;
	char ehlo[EHLO_MAX];
	/* One round: */
	struct check_batch *batch;
	struct check_lines *lines;
	size_t next; /* index in DOMAINS */
	struct render render;
	struct buffer out;
	struct buffer later; /* see struct render */
	bool ended;          /* there are no more domains to add */
	bool deaf;           /* standard output can't be written any more */
	int status;          /* exit status; the worst so far */
};

static void session_note(struct session *session, int status)
{
	session->status = score_worse(session->status, status);
}

/* -- output ---------------------------------------------------------------- */

static void session_write(struct session *session, int rc)
{
	struct buffer *out = &session->out;

	if (rc != MTS_OK)
		session_note(session,
		             check_cli_complain("can't show a report: %s",
		                                mts_status_text(rc)));
	if (out->len)
		fwrite(out->data, 1, out->len, stdout);
	buffer_clear(out);
	if ((fflush(stdout) != 0 || ferror(stdout)) && !session->deaf) {
		session_note(session, check_cli_complain(
					  "can't write to standard output"));
		session->deaf = true;
		session->ended = true;
	}
}

static void session_on_report(void *arg, struct report *report)
{
	struct session *session = arg;
	const struct renderer *renderer = session->cli.renderer;

	session_note(session, report->exit_status);
	session->render.exit_status = session->status;
	session->render.counts[report->exit_status]++;
	session_write(
	    session, renderer->report(&session->out, &session->render, report));
	session->render.count++;
	report_free(&report);
}

/* -- input ----------------------------------------------------------------- */

static void session_add(struct session *session, const struct domain *domain)
{
	if (check_batch_add(session->batch, domain) != MTS_OK)
		session_note(session, check_cli_complain("%s: out of memory",
		                                         domain->name));
}

/* Adds the domain in the next line. False: no line is there yet, or no more will
 * come. */
static bool session_take_line(struct session *session)
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
			session_note(session,
			             check_cli_complain("%s", why.text));
		session->ended = true;
		return false;
	}
	if (status == MTS_OK)
		status = input_domain(line, &domain, &why);
	else
		fault_set(&why, status, "the line is too long");
	if (status == MTS_OK)
		session_add(session, &domain);
	else
		session_note(session, check_cli_complain("%s, line %lu: %s",
		                                         session->cli.file,
		                                         number, why.text));
	return true;
}

/* Adds domains while the batch wants more; ends the round when all are done. */
static void session_add_domains(void *arg)
{
	struct session *session = arg;

	while (!session->ended && check_batch_wants_more(session->batch)) {
		if (session->next < session->cli.arg_count)
			session_add(session,
			            &session->domains[session->next++]);
		else if (!session->lines)
			session->ended = true;
		else if (!session_take_line(session))
			break;
	}
	if (session->ended && check_batch_is_idle(session->batch))
		check_batch_close(&session->batch);
}

static void session_on_line(void *arg)
{
	struct session *session = arg;

	if (session->batch)
		session_add_domains(session);
}

/* -- a round --------------------------------------------------------------- */

static int round_open(struct session *session, struct fault *why)
{
	struct check_batch_options options = {
		.check = &session->cli.check,
		.jobs = session->cli.jobs,
		.as_they_come = session->cli.renderer->as_they_come,
		.done = session_on_report,
		.want = session_add_domains,
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
		status = check_lines_open(&session->loop, session->cli.file,
		                          session_on_line, session,
		                          &session->lines, why);
	if (status != MTS_OK)
		return status;
	status = check_batch_new(&options, &session->batch);
	if (status != MTS_OK)
		fault_set(why, status, "%s", mts_status_text(status));
	return status;
}

/* A round without any domain is an error. */
static void round_note_empty(struct session *session)
{
	const char *file = session->cli.file;

	if (session->render.count == 0 && !session->deaf &&
	    session->status == CHECK_EXIT_OK)
		session_note(session, check_cli_complain("no domain in %s",
		                                         strcmp(file, "-") == 0
		                                             ? "standard input"
		                                             : file));
}

static int round_run(struct session *session)
{
	const struct renderer *renderer = session->cli.renderer;
	struct fault why = { 0 };

	session->status = CHECK_EXIT_OK;
	if (round_open(session, &why) != MTS_OK) {
		check_lines_close(&session->lines);
		return check_cli_complain("%s", why.text);
	}
	if (renderer->begin)
		session_write(session,
		              renderer->begin(&session->out, &session->render));
	session_add_domains(session);
	while (session->batch)
		uv_run(&session->loop, UV_RUN_ONCE);
	(void)uv_run(&session->loop, UV_RUN_NOWAIT); /* close callbacks */
	check_lines_close(&session->lines);
	if (session->cli.file)
		round_note_empty(session);
	session->render.exit_status = session->status;
	if (renderer->end)
		session_write(session,
		              renderer->end(&session->out, &session->render));
	if (session->cli.check.drift &&
	    drift_save(session->cli.check.drift, &why) != MTS_OK)
		session_note(session, check_cli_complain("%s", why.text));
	return session->status;
}

/* -- setting up ------------------------------------------------------------ */

static int session_read_domains(struct session *session)
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

/* Our own name in EHLO (RFC 5321 4.1.1.1). */
static void session_find_ehlo(struct session *session)
{
	char name[EHLO_MAX] = "";

	if (gethostname(name, sizeof(name) - 1) != 0 || !strchr(name, '.') ||
	    !domain_is_name(name, strlen(name)))
		snprintf(name, sizeof(name), "localhost.localdomain");
	snprintf(session->ehlo, sizeof(session->ehlo), "%s", name);
}

static int session_open_dns(struct session *session, struct fault *why)
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
	/* DNSSEC does not count for the score, so go on without it. */
	if (secure_dns_new(&secure, &session->secure_dns, why) != MTS_OK)
		session->secure_dns = NULL;
	return MTS_OK;
}

static int session_open(struct session *session, struct fault *why)
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
	int status = session_open_dns(session, why);

	if (status == MTS_OK)
		status = fetcher_new(&fetcher, &session->fetcher, why);
	if (status == MTS_OK && cli->state)
		status = drift_open(cli->state, &cli->check.drift, why);
	if (status == MTS_OK && cli->reports)
		status = reports_seen_read(
		    cli->reports, (struct reports_seen **)&cli->check.reports,
		    why);
	session_find_ehlo(session);
	cli->check.probe.clock = &clock_system;
	cli->check.probe.resolver = session->resolver;
	cli->check.probe.secure_dns = session->secure_dns;
	cli->check.probe.fetcher = session->fetcher;
	cli->check.probe.ehlo = session->ehlo;
	return status;
}

static void session_close(struct session *session)
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

/* Raises the limit on open files as far as allowed. If that is too low for so many
 * domains at once, checks fewer: a query that fails because we have no descriptor
 * left would look like the domain's fault. */
static void session_fit_descriptors(struct check_cli *cli)
{
	struct rlimit limit;
	rlim_t jobs = 1;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	if (limit.rlim_cur != limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_max > DESCRIPTORS_OURS + DESCRIPTORS_EACH)
		jobs = (limit.rlim_max - DESCRIPTORS_OURS) / DESCRIPTORS_EACH;
	if (cli->jobs > jobs)
		cli->jobs = (size_t)jobs;
}

static int check(struct session *session)
{
	struct fault why = { 0 };
	int status;

	session_fit_descriptors(&session->cli);
	if (uv_loop_init(&session->loop) != 0)
		return check_cli_complain("out of memory");
	buffer_init(&session->out, RENDER_MAX);
	buffer_init(&session->later, RENDER_MAX);
	if (session_open(session, &why) != MTS_OK) {
		status = check_cli_complain("%s", why.text);
	} else {
		status = round_run(session);
		while (session->cli.watch_s && !session->deaf) {
			sleep(session->cli.watch_s);
			status = round_run(session);
		}
	}
	session_close(session);
	return status;
}

static int mtasts_check_run(int argc, char **argv)
{
	static struct session session;
	int status;

	log_open("mtasts-check", LOG_TARGET_STDERR, LOG_LEVEL_ERROR);
	status = check_cli_parse(argc, argv, &session.cli);
	if (status < 0 && session.cli.verb != CHECK_VERB_CHECK)
		return check_verb_run(&session.cli);
	if (status < 0)
		status = session_read_domains(&session);
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
	status = mtasts_check_run(argc, argv);
	return standard_finish("mtasts-check", status, CHECK_EXIT_UNKNOWN);
}
