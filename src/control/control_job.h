/* SPDX-License-Identifier: BSD-2-Clause */
/* control_job.h - one command of the control socket, from its request to its
 * end.
 *
 * A connection (control_peer.c) has one job, which runs one command after
 * another. A command is a function that is called with the job and appends one
 * piece of its answer to the connection's buffer. It is called again when the
 * peer has read the previous piece, so a slow peer costs us no memory. A
 * command that needs the network starts a look-up; the job is WAITING until its
 * callback runs.
 *
 * The commands are in control_commands.c (status, stats, top, flush,
 * reload), control_lookup.c (lookup, refresh, explain), control_list.c
 * (list, show) and control_transfer.c (export, import). */
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
	CONTROL_JOB_IDLE,  /* no command; leaves by control_job_start() */
	CONTROL_JOB_READY, /* has more to write; leaves by control_job_step() */
	CONTROL_JOB_WAITING, /* a look-up is out; leaves by its callback */
	/* An import: the peer's lines are not requests but go to
	 * control_import_line(), and their end to control_import_eof(). The
	 * connection is closed afterwards. */
	CONTROL_JOB_READING,
	CONTROL_JOB_FAILED, /* out of memory: close the connection */
};

/* How far an import is. */
struct control_import {
	uint64_t line; /* the last one, from 1 */
	uint64_t imported, older, ended, refused;
	unsigned credit; /* lines to take before checking the disk again */
	bool begun;      /* the first line was right */
	bool complete;   /* the last line has come */
};

struct control_job {
	/* Set once, by the connection. */
	const struct control_context *context;
	const char *who; /* the peer, for the log: "user=anna uid=1000 pid=7" */
	struct buffer *out; /* receives the answer */
	/* Called after a callback has changed the state or added to OUT. */
	void (*wake)(void *arg);
	void *arg;

	/* Common to all commands; control_job.c resets them. */
	enum control_job_state state;
	char *line; /* REQUEST points into it; each word ends with a NUL */
	struct control_request request;
	size_t next;  /* the next argument to work on */
	bool missing; /* something was not found, or failed */

	/* What a command remembers between two steps. */
	struct {
		struct ask_question question;
		struct ask_waiter *waiter;  /* NULL: no look-up is out */
		struct mx_waiter mx_waiter; /* for the MX hosts; explain */
	} lookup;                           /* lookup, refresh, explain */
	struct {
		struct filter filter;
		char after[DOMAIN_MAX + 1]; /* the last domain looked at */
		uint64_t found;             /* policies written so far */
		bool over;                  /* nothing more can match */
	} list;                             /* list, export */
	struct control_import import;
};

/* -- for the connection ---------------------------------------------------- */

/* Begins the command in LINE (without its newline), which is copied. An invalid
 * line is answered at once, and the job stays idle. */
void control_job_start(struct control_job *job, struct slice line);

/* Writes the next piece and changes the state. Only if READY. It may write
 * nothing and still be READY. */
void control_job_step(struct control_job *job);

/* Ends the command, if there is one, without writing anything. */
void control_job_cancel(struct control_job *job);

/* READING: takes a line, without its newline. MTS_EBUSY: not now; give the same
 * line again after a while. Otherwise MTS_OK, whatever the line said. */
int control_import_line(struct control_job *job, struct slice text);

/* READING: there are no more lines. */
void control_import_eof(struct control_job *job);

/* -- for the commands ------------------------------------------------------ */

/* Fails the command because memory is short. */
void control_job_fail(struct control_job *job);

/* Writes *ITEM and drops it; NULL makes the job fail. True if it was
 * written. */
bool control_job_say(struct control_job *job, json_t **item);

/* Writes the end of the command; the job is then idle. ERROR may be NULL. */
void control_job_end(struct control_job *job, enum control_end end,
                     const char *error);

/* Argument I, NUL-terminated; NULL if there are not so many. */
const char *control_job_arg(const struct control_job *job, size_t i);

/* Argument I as a next hop in RET. False: it is not one, and the command has
 * ended as CONTROL_END_BAD. */
bool control_job_hop_arg(struct control_job *job, size_t i,
                         struct domain_hop *ret);

/* The same for each argument, before the command works on the first. */
bool control_job_check_domains(struct control_job *job);

int64_t control_job_now_s(const struct control_job *job);

/* The commands; each writes its next piece. */
void control_step_status(struct control_job *job);
void control_step_stats(struct control_job *job);
void control_step_top(struct control_job *job);
void control_step_lookup(struct control_job *job);
void control_step_explain(struct control_job *job);
void control_step_list(struct control_job *job);
void control_step_show(struct control_job *job);
void control_step_export(struct control_job *job);
void control_step_import(struct control_job *job);
void control_step_refresh(struct control_job *job);
void control_step_flush(struct control_job *job);
void control_step_reload(struct control_job *job);

/* The peer has gone before its import was over. */
void control_import_break(struct control_job *job);

#endif
