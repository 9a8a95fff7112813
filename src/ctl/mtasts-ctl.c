/* SPDX-License-Identifier: BSD-2-Clause */
/* mtasts-ctl.c - queries and controls the running daemon over its control
 * socket.
 *
 * Exit status: 0 done; 1 not found or failed; 2 usage; 3 the daemon can't be
 * reached.
 *
 * SECURITY: strangers wrote part of what the daemon sends. None of their
 * control characters reaches the terminal. */
#include "conf/conf.h"
#include "conf/schema.h"
#include "ctl/ctl_args.h"
#include "ctl/ctl_client.h"
#include "ctl/ctl_screen.h"
#include "ctl/ctl_top.h"
#include "ctl/ctl_view.h"
#include "prog/preflight.h"
#include "prog/standard.h"
#include "wire/control_protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum {
	EXIT_NO = CONTROL_END_NO,
	EXIT_UNREACHED = CONTROL_END_REFUSED,
	TIMEOUT_S = 10,
	LOOKUP_TIMEOUT_S = 120, /* mtastsd's longest look-up takes 100 s */
	OUT_HIGH = 64 * 1024,   /* bytes gathered before they are written */
	COLUMNS_DEFAULT = 80,
	COLUMNS_MAX = 1000,
};

static int complain(int status, const char *text)
{
	fprintf(stderr, "mtasts-ctl: %s\n", text);
	return status;
}

/* -- output ---------------------------------------------------------------- */

/* The width of the terminal; *CUT: a person reads, and long lines would
 * wrap. */
static size_t find_output_width(bool *cut)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	char *end = NULL;
	unsigned long n = columns ? strtoul(columns, &end, 10) : 0;

	*cut = true;
	if (n > 0 && n <= COLUMNS_MAX && !*end)
		return n;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	*cut = isatty(STDOUT_FILENO);
	return COLUMNS_DEFAULT;
}

static void init_view(struct view *view, enum control_command command)
{
	*view = (struct view){ .command = command };
	view->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	view->width = find_output_width(&view->cut);
	view->now_s = time(NULL);
	buffer_init(&view->out, VIEW_MAX);
}

/* Writes what the view has shown; an exit status, or -1. */
static int write_view(struct view *view)
{
	fwrite(view->out.data, 1, view->out.len, stdout);
	buffer_clear(&view->out);
	if (fflush(stdout) != 0 || ferror(stdout))
		return complain(EXIT_NO, "can't write to standard output");
	return -1;
}

/* -- asking ---------------------------------------------------------------- */

struct session {
	const struct ctl_args *args;
	struct slice line; /* the request */
	struct view view;
	const struct ctl_feed *feed; /* lines to follow it; NULL: none */
	uint64_t refused;            /* of those, here */
	int status;                  /* to exit with; -1: not known yet */
	char error[1024]; /* what the daemon says is wrong, "" if nothing */
};

static void set_error(struct session *session, int status, const char *text)
{
	session->status = status;
	snprintf(session->error, sizeof(session->error), "%s", text);
	fault_scrub(session->error);
}

static void take_end(struct session *session, const json_t *object)
{
	json_int_t status =
	    json_integer_value(json_object_get(object, "status"));
	const char *error = json_string_value(json_object_get(object, "error"));

	if (status < 0 || status > EXIT_UNREACHED)
		status = EXIT_UNREACHED;
	set_error(session, (int)status, error ? error : "");
}

/* Reports an invalid line of an import. */
static void show_refused(struct session *session, uint64_t line,
                         const char *reason)
{
	struct fault text;

	fault_set(&text, MTS_ESYNTAX, "%s:%llu: %s", session->feed->name,
	          (unsigned long long)line, reason);
	complain(EXIT_NO, text.text);
}

static void refuse_line(void *arg, uint64_t line)
{
	struct session *session = arg;

	session->refused++;
	show_refused(session, line, "the line is too long");
}

/* Handles an item of an import; true if nothing more is to be shown. */
static bool take_import(struct session *session, json_t *object)
{
	const char *reason =
	    json_string_value(json_object_get(object, "refused"));
	json_t *count = json_object_get(object, "refused");

	if (reason)
		show_refused(session,
		             (uint64_t)json_integer_value(
				 json_object_get(object, "line")),
		             reason);
	else
		json_integer_set(count, json_integer_value(count) +
		                            (json_int_t)session->refused);
	return reason != NULL;
}

static void take_item(struct session *session, json_t *object)
{
	struct view *view = &session->view;
	int rc;

	if (session->feed && take_import(session, object))
		return;
	/* An export is JSON anyway. */
	if (session->args->json && view->command != CONTROL_EXPORT)
		rc = view_json_item(view, object);
	else
		rc = view_text_item(view, object);
	if (rc != MTS_OK)
		set_error(session, EXIT_NO, mts_status_text(rc));
}

/* The callback of ctl_feed(); false: it was the last answer. */
static bool take_object(void *arg, json_t *object)
{
	struct session *session = arg;

	if (json_is_true(json_object_get(object, "end")))
		take_end(session, object);
	else
		take_item(session, object);
	return session->status < 0;
}

/* Output is written before we wait for more, and when there is much of it: a
 * list of a million domains is neither kept in memory nor written line by
 * line. */
static bool is_time_to_write(const struct session *session,
                             const struct ctl_client *client)
{
	return session->view.out.len >= OUT_HIGH ||
	       (session->view.out.len > 0 && !ctl_is_next_here(client));
}

static void ask_daemon(struct session *session, struct ctl_client *client)
{
	struct fault why = { 0 };
	json_t *object;
	int rc = ctl_send(client, session->line, &why);

	if (rc == MTS_OK && session->feed)
		rc = ctl_feed(client, session->feed, session, &why);
	while (rc == MTS_OK && session->status < 0) {
		rc = ctl_next(client, &object, &why);
		if (rc != MTS_OK)
			break;
		take_object(session, object);
		json_decref(object);
		if (session->status < 0 && is_time_to_write(session, client))
			session->status = write_view(&session->view);
	}
	if (rc != MTS_OK)
		set_error(session,
		          rc == MTS_ENOTFOUND ? EXIT_NO : EXIT_UNREACHED,
		          why.text);
	else if (session->status == 0 && session->refused > 0)
		session->status = EXIT_NO;
}

/* Shows the end. The session's status is the exit status. */
static int finish_session(struct session *session)
{
	const char *error = session->error[0] ? session->error : NULL;
	struct view *view = &session->view;
	int rc = MTS_OK;

	if (session->args->json && view->command != CONTROL_EXPORT)
		rc = view_json_end(view, session->status, &error);
	else
		view_text_end(view, session->status, &error);
	if (rc != MTS_OK)
		error = mts_status_text(rc);
	if (view->out.len > 0 && write_view(view) >= 0)
		session->status = EXIT_NO;
	if (error)
		complain(session->status, error);
	buffer_free(&view->out);
	json_decref(view->document);
	return session->status;
}

/* The control socket's address; the caller's: free(). */
static char *find_socket(const struct ctl_args *args, struct fault *why)
{
	struct conf *conf = NULL;
	char *socket = NULL;

	if (args->socket || !args->config)
		return strdup(args->socket ? args->socket
		                           : schema_find("control")->fallback);
	if (conf_load(args->config, &conf, why) != MTS_OK)
		return NULL;
	if (conf->control[0])
		socket = strdup(conf->control);
	else
		fault_set(why, MTS_ENOTFOUND,
		          "%s: it turns the control socket off", args->config);
	conf_free(&conf);
	return socket;
}

/* Fails the command before the daemon is asked. */
static int fail_command(const struct ctl_args *args,
                        enum control_command command, int status,
                        const char *text)
{
	struct session session = { .args = args };

	init_view(&session.view, command);
	set_error(&session, status, text);
	return finish_session(&session);
}

/* After so many seconds without an answer the daemon counts as hung. */
static int timeout_s(enum control_command command)
{
	switch (command) {
	case CONTROL_LOOKUP:
	case CONTROL_EXPLAIN:
	case CONTROL_REFRESH:
	case CONTROL_LIST: /* few of a million may match */
	case CONTROL_EXPORT:
	case CONTROL_IMPORT: /* the disk may be slow */
		return LOOKUP_TIMEOUT_S;
	case CONTROL_STATUS:
	case CONTROL_STATS:
	case CONTROL_TOP:
	case CONTROL_SHOW:
	case CONTROL_FLUSH:
	case CONTROL_RELOAD: /* it may look names up */
		break;
	}
	return TIMEOUT_S;
}

static int run_command(const struct ctl_args *args, struct slice line,
                       enum control_command command,
                       const struct ctl_feed *feed)
{
	struct session session = {
		.args = args, .line = line, .feed = feed, .status = -1
	};
	struct fault why = { .text = "out of memory" };
	struct ctl_client *client = NULL;
	char *socket = find_socket(args, &why);
	int rc = MTS_ENOMEM;

	init_view(&session.view, command);
	session.view.names = ctl_args_has(args, "names");
	if (socket)
		rc = ctl_connect(socket, timeout_s(command), &client, &why);
	if (rc == MTS_OK)
		ask_daemon(&session, client);
	else
		set_error(&session,
		          rc == MTS_ESYNTAX ? CTL_EXIT_USAGE : EXIT_UNREACHED,
		          why.text);
	ctl_close(&client);
	free(socket);
	return finish_session(&session);
}

/* -- top ------------------------------------------------------------------- */

/* On a terminal: a screen, until the user quits. */
static int run_top(const struct ctl_args *args,
                   const struct control_request *request)
{
	struct fault why = { .text = "out of memory" };
	char *socket = find_socket(args, &why);
	struct top_span span;
	int rc = MTS_ENOMEM;

	/* control_parse() has checked it. */
	(void)top_span_parse(request, &span, NULL);
	if (socket)
		rc = ctl_top_run(socket, &span, ctl_args_has(args, "rows"),
		                 &why);
	free(socket);
	if (rc == MTS_OK)
		return EXIT_SUCCESS;
	return complain(rc == MTS_ESYNTAX ? CTL_EXIT_USAGE : EXIT_UNREACHED,
	                why.text);
}

/* -- import ---------------------------------------------------------------- */

static int import(const struct ctl_args *args)
{
	struct ctl_feed feed = { .fd = STDIN_FILENO,
		                 .name = "standard input",
		                 .take = take_object,
		                 .refuse = refuse_line };
	struct fault why;
	int status;

	if (args->arg_count != 1)
		return ctl_command_usage(args->command);
	if (strcmp(args->args[0], "-") != 0) {
		feed.name = args->args[0];
		feed.fd = open(feed.name, O_RDONLY | O_CLOEXEC);
	}
	if (feed.fd < 0) {
		fault_errno(&why, errno, "%s", feed.name);
		return fail_command(args, CONTROL_IMPORT, EXIT_NO, why.text);
	}
	status = run_command(args, slice_str(args->command->name),
	                     CONTROL_IMPORT, &feed);
	close(feed.fd);
	return status;
}

/* -- check-config ---------------------------------------------------------- */

/* TEXT as a JSON string; null if it is not UTF-8, which a path may be. */
static json_t *json_text_or_null(const char *text)
{
	json_t *string = json_string(text);

	return string ? string : json_null();
}

static int show_check(const char *path, const struct fault *why, bool ok)
{
	struct buffer out;
	json_t *object = json_object();
	int rc = MTS_ENOMEM;

	buffer_init(&out, VIEW_MAX);
	if (json_object_set_new(object, "file", json_text_or_null(path)) == 0 &&
	    json_object_set_new(object, "ok", json_boolean(ok)) == 0 &&
	    (ok ||
	     json_object_set_new(object, "error", json_string(why->text)) == 0))
		rc = view_put_json(&out, object, JSON_INDENT(2));
	if (rc == MTS_OK)
		printf("%.*s\n", (int)out.len, out.data);
	json_decref(object);
	buffer_free(&out);
	return rc != MTS_OK || !ok ? EXIT_NO : EXIT_SUCCESS;
}

static int check_config(const struct ctl_args *args)
{
	const char *path = args->config ? args->config : CONF_DEFAULT_FILE;
	struct conf *conf = NULL;
	struct fault why = { 0 };
	bool ok;

	if (args->arg_count > 1)
		return ctl_command_usage(args->command);
	if (args->arg_count == 1)
		path = args->args[0];
	ok = conf_load(path, &conf, &why) == MTS_OK &&
	     preflight_check(conf, path, &why) == MTS_OK;
	conf_free(&conf);
	if (args->json)
		return show_check(path, &why, ok);
	if (!ok)
		return complain(EXIT_NO, why.text);
	printf("%s: ok\n", path);
	return EXIT_SUCCESS;
}

/* -- main ------------------------------------------------------------------ */

static int run_request(const struct ctl_args *args, struct slice line,
                       const struct control_request *request)
{
	if (request->command == CONTROL_TOP && !args->json &&
	    ctl_screen_is_possible())
		return run_top(args, request);
	return run_command(args, line, request->command, NULL);
}

static int run_ctl(const struct ctl_args *args)
{
	struct control_request request;
	struct fault why = { 0 };
	struct buffer line;
	int status;

	if (strcmp(args->command->name, "check-config") == 0)
		return check_config(args);
	if (strcmp(args->command->name, "import") == 0)
		return import(args);
	buffer_init(&line, CONTROL_LINE_MAX);
	status = ctl_args_request(args, &line);
	if (status < 0) {
		if (control_parse(buffer_slice(&line), &request, &why) ==
		    MTS_OK)
			status =
			    run_request(args, buffer_slice(&line), &request);
		else
			status = ctl_usage(why.text);
	}
	buffer_free(&line);
	return status;
}

int main(int argc, char **argv)
{
	struct ctl_args args;
	int status;

	standard_fill();
	setlocale(LC_CTYPE, "");
	status = ctl_args_parse(argc, argv, &args);
	if (status < 0)
		status = run_ctl(&args);
	return standard_finish("mtasts-ctl", status, EXIT_NO);
}
