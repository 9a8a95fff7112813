/* SPDX-License-Identifier: BSD-2-Clause */
/* check_verbs.c - mtasts-check lint FILE, and mtasts-check explain ID. */
#include "prog/check_verbs.h"

#include "base/spell.h"
#include "check/judge.h"
#include "findings/score.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Writes OUT, unless STATUS says that rendering failed, and frees it. Returns the
 * exit status. */
static int verb_finish(struct buffer *out, int status, int exit_status)
{
	if (status == MTS_OK)
		fwrite(out->data, 1, out->len, stdout);
	else
		check_cli_complain("%s", mts_status_text(status));
	buffer_free(out);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		check_cli_complain("can't write to standard output");
		status = MTS_ESYS;
	}
	return status == MTS_OK ? exit_status : CHECK_EXIT_UNKNOWN;
}

/* -- lint ------------------------------------------------------------------ */

/* One byte more than a policy may have, so that the parser notices. */
enum { TEXT_MAX = POLICY_MAX + 1 };

/* Reads the whole text, to be freed. NULL: an error was printed. */
static char *lint_read_text(const char *name, size_t *ret_len)
{
	bool is_stdin = strcmp(name, "-") == 0;
	FILE *file = is_stdin ? stdin : fopen(name, "rb");
	char *text = malloc(TEXT_MAX);
	bool bad = !file || !text;

	errno = text ? errno : ENOMEM;
	if (!bad) {
		*ret_len = fread(text, 1, TEXT_MAX, file);
		bad = ferror(file);
	}
	if (bad) {
		check_cli_complain("can't read %s: %s",
		                   is_stdin ? "standard input" : name,
		                   strerror(errno));
		free(text);
		text = NULL;
	}
	if (file && !is_stdin)
		fclose(file);
	return text;
}

static int verb_lint(const struct check_cli *cli)
{
	static const struct domain no_domain;
	const char *name = cli->args[0];
	struct render render = { .options = &cli->render };
	struct buffer out;
	struct report *report;
	size_t len = 0;
	char *text = lint_read_text(name, &len);
	int status, exit_status;

	if (!text)
		return CHECK_EXIT_UNKNOWN;
	buffer_init(&out, RENDER_MAX);
	report = report_new(&no_domain);
	if (!report) {
		free(text);
		return verb_finish(&out, MTS_ENOMEM, CHECK_EXIT_UNKNOWN);
	}
	report->policy.text = slice_of(text, len); /* now owned by the report */
	judge_policy_text(report, cli->check.expect);
	judge_drop_hidden(report, &cli->check);
	score_text(report);
	exit_status = report->exit_status;
	status = report->status;
	if (status == MTS_OK)
		status = cli->renderer->lint(
		    &out, &render,
		    strcmp(name, "-") == 0 ? "standard input" : name, report);
	report_free(&report);
	return verb_finish(&out, status, exit_status);
}

/* -- explain --------------------------------------------------------------- */

static const char *explain_id_at(size_t i)
{
	return i < FINDINGS ? finding_row((enum finding_id)i)->name : NULL;
}

static int explain_no_finding(const char *name)
{
	const char *guess = spell_guess(slice_str(name), explain_id_at);

	return check_cli_usage("explain: there is no finding \"%s\"%s%s%s; "
	                       "'mtasts-check explain' lists all",
	                       name, guess ? ": did you mean " : "",
	                       guess ? guess : "", guess ? "?" : "");
}

static int verb_explain(const struct check_cli *cli)
{
	enum finding_id *ids = calloc(cli->arg_count + 1, sizeof(*ids));
	struct render render = { .options = &cli->render };
	struct buffer out;
	int status = -1;

	buffer_init(&out, RENDER_MAX);
	if (!ids)
		return verb_finish(&out, MTS_ENOMEM, CHECK_EXIT_UNKNOWN);
	for (size_t i = 0; i < cli->arg_count && status < 0; i++)
		if (!finding_by_name(slice_str(cli->args[i]), &ids[i]))
			status = explain_no_finding(cli->args[i]);
	if (status < 0)
		status = verb_finish(
		    &out,
		    cli->renderer->explain(&out, &render, ids, cli->arg_count),
		    CHECK_EXIT_OK);
	free(ids);
	return status;
}

int check_verb_run(const struct check_cli *cli)
{
	return cli->verb == CHECK_VERB_LINT ? verb_lint(cli)
	                                    : verb_explain(cli);
}
