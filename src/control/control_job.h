/* SPDX-License-Identifier: BSD-2-Clause */
/* control_job.h - one command of the control socket, from its line to its end.
 *
 * A connection (control.c) has one job, which works off one command after the
 * other. What a command has to say goes to the connection's buffer in small
 * pieces, each by one step, and the next step comes when the peer has taken the
 * last piece: so a slow peer costs us no memory. A command that needs the
 * network waits for a look-up in between. */
#ifndef CONTROL_CONTROL_JOB_H
#define CONTROL_CONTROL_JOB_H

#include "base/buffer.h"
#include "control/control.h"
#include "control/control_json.h"
#include "wire/filter.h"

/* What all connections share. */
struct control_context {
	struct control_options options;
	uint64_t started_ms;
};

enum control_job_state {
	CONTROL_JOB_IDLE,    /* no command; leaves by control_job_start() */
	CONTROL_JOB_READY,   /* has more to say; leaves by control_job_step() */
	CONTROL_JOB_WAITING, /* a look-up is out; leaves by its callback */
	/* Takes lines that are no commands: control_import_line() for each, and
	 * control_import_eof(). The connection is to be closed afterwards: what
	 * follows is no command either. */
	CONTROL_JOB_READING,
	CONTROL_JOB_FAILED, /* memory was short: the connection is to be closed */
};

/* What an import has come to. */
struct control_import {
	uint64_t line; /* the last one, from 1 */
	uint64_t imported, older, ended, refused;
	unsigned room; /* lines before somebody looks at the disk again */
	bool begun;    /* the first line was good */
	bool complete; /* the last one has come */
};

struct control_job {
	/* Set by the connection, once. */
	const struct control_context *context;
	const char *who; /* the peer, for the log: "user=anna uid=1000 pid=7" */
	struct buffer *out; /* where the lines go */
	/* A callback has changed the state, or put something to OUT. */
	void (*wake)(void *arg);
	void *arg;

	/* The job's own. */
	enum control_job_state state;
	char *line; /* what REQUEST points into; each word ends with a NUL */
	struct control_request request;
	size_t next;          /* the next argument to work on */
	bool missing;         /* something was not found */
	uint64_t found;       /* list: how many were shown */
	struct filter filter; /* list */
	bool over;            /* list: nothing more can match */
	struct domain domain;
	struct ask_question question; /* lookup, explain, refresh */
	char after[DOMAIN_MAX + 1];   /* list: where it goes on */
	struct ask_waiter *waiter;
	struct mx_waiter mx_waiter; /* explain */
	struct control_import import;
};

/* Begins the command in LINE (without its newline), which is copied. A line
 * that is no good is answered at once, and the job stays idle. */
void control_job_start(struct control_job *job, struct slice line);

/* Says the next piece, and changes the state. Only if READY. It may say nothing
 * and still be READY. */
void control_job_step(struct control_job *job);

/* Ends the command, if there is one, without a word. */
void control_job_cancel(struct control_job *job);

/* -- for the commands ------------------------------------------------------ */

/* Ends the command because memory is short. */
void control_job_fail(struct control_job *job);

/* Says *ITEM and drops it; NULL makes the job fail. True if that went well. */
bool control_job_say(struct control_job *job, json_t **item);

/* Says how the command ended, which it then has; ERROR may be NULL. */
void control_job_end(struct control_job *job, enum control_end end,
                     const char *error);

/* The argument, NUL-terminated; NULL if there are no more than I. */
const char *control_job_arg(const struct control_job *job, size_t i);

/* Argument I as a next hop in RET; otherwise the command ends as
 * CONTROL_END_BAD. */
bool control_job_hop_arg(struct control_job *job, size_t i,
                         struct domain_hop *ret);

/* The same without how mail gets there. */
bool control_job_domain_arg(struct control_job *job, size_t i,
                            struct domain *ret);

/* Checks that all arguments are domains; otherwise as above. */
bool control_job_check_domains(struct control_job *job);

int64_t control_job_now_s(const struct control_job *job);

/* The steps of these commands. */
void control_job_lookup(struct control_job *job);
void control_job_explain(struct control_job *job);
void control_job_refresh(struct control_job *job);
void control_job_list(struct control_job *job);
void control_job_stats(struct control_job *job);
void control_job_top(struct control_job *job);
void control_job_show(struct control_job *job);
void control_job_export(struct control_job *job);
void control_job_import(struct control_job *job);

/* READING: a line, without its newline. MTS_EBUSY: not now; it is to be given
 * again, after a while. Otherwise MTS_OK, whatever it said. */
int control_import_line(struct control_job *job, struct slice text);

/* READING: there are no more lines. */
void control_import_eof(struct control_job *job);

/* The peer has gone in mid-import. */
void control_import_break(struct control_job *job);

/* -- control_reload.c ------------------------------------------------------ */

void control_job_reload(struct control_job *job);

/* Null if there was none yet; NULL: no memory. */
json_t *control_last_reload(const struct control_options *options);

#endif
