/* SPDX-License-Identifier: BSD-2-Clause */
/* control_answer.h - what the control socket says of a look-up, as JSON. */
#ifndef CONTROL_CONTROL_ANSWER_H
#define CONTROL_CONTROL_ANSWER_H

#include "control/control_job.h"

enum {
	/* A walk for an operator may take longer than an MTA would wait, but
	 * must end, with what comes before it, before mtasts-ctl gives up, after
	 * 120 s. */
	CONTROL_WALK_MS = 100 * 1000,
};

/* -- for the commands that look something up ------------------------------- */

/* The question is asked as map postfix asks. */
void control_job_set_manner(struct control_job *job);

/* Takes argument 0 as the next hop. A key that names none is not the operator's
 * error: an MTA that asks with it is told that there is no policy, and so is
 * he. That ends the command as END, and returns false. */
bool control_job_take_hop(struct control_job *job, enum control_end end);

/* The domain of the question. */
const char *control_job_domain(const struct control_job *job);

/* Notes that a look-up is out, or that it could not be started: RC. */
void control_job_wait(struct control_job *job, int rc);

/* -- JSON ------------------------------------------------------------------ */

/* Puts all that a look-up tells. MX may be NULL. */
void control_put_result(json_t **item, struct control_job *job,
                        const struct ask_result *result, const char *mx);

/* Puts WORDS of control_hint.h under KEY, and MORE (may be NULL) behind them. */
void control_put_words(json_t **item, const char *key,
                       const struct control_job *job, const char *sentence,
                       const char *more);

/* True if the walk came to its end: a policy, or a proof that there is none. */
bool control_walk_is_good(const struct ask_result *result);

/* Puts how the walk ended. */
void control_put_outcome(json_t **item, const struct ask_result *result);

/* Puts the outcome where the operator's word stands: there is no walk. */
void control_put_word(json_t **item);

#endif
