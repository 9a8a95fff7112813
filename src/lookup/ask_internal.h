/* SPDX-License-Identifier: BSD-2-Clause */
/* ask_internal.h - what ask.c and ask_wait.c know of each other. */
#ifndef LOOKUP_ASK_INTERNAL_H
#define LOOKUP_ASK_INTERNAL_H

#include "lookup/ask.h"

struct ask {
	struct ask_options options;
};

/* Looks at what is known of DANE, RET->sts being known; puts what follows into
 * RET. */
enum dane_age ask_look_at_dane(struct ask *ask,
                               const struct ask_question *question,
                               struct ask_result *ret);

/* DANE was not learnt in time, or that could not even be begun: it may apply,
 * and that is all there is to know. */
void ask_set_unlearnt(struct ask_result *ret, const char *reason);

/* Looks at what is known of the MX hosts if RET, which is whole but for that,
 * makes an answer that is to name them. MTS_EMORE: only a look-up can tell. */
int ask_look_at_hosts(struct ask *ask, const struct ask_question *question,
                      struct ask_result *ret);

#endif
