/* SPDX-License-Identifier: BSD-2-Clause */
/* control_hint.h - what the outcome of a look-up means for mail to the domain,
 * why, and what the operator can do.
 *
 * All texts are constants and parts of a sentence. The caller replaces the word
 * DOMAIN in them with the domain's name. */
#ifndef CONTROL_CONTROL_HINT_H
#define CONTROL_CONTROL_HINT_H

#include "lookup/ask.h"

struct control_case {
	const struct ask_result *result; /* of ask_refresh(), or ask_try() */
	const struct mx_hosts *hosts;    /* the domain's; NULL: not looked up */
};

/* How many of the MX hosts a policy covers. */
enum control_cover {
	CONTROL_COVER_UNKNOWN,  /* the MX look-up failed */
	CONTROL_COVER_NO_HOSTS, /* the domain has no MX hosts */
	CONTROL_COVER_NONE,
	CONTROL_COVER_SOME,
	CONTROL_COVER_ALL,
	CONTROL_COVER_NOT_ASKED, /* not looked up, or there is no policy */
};

enum control_cover control_cover(const struct control_case *it);

/* What happens to mail: "is delivered ...", "waits ...". */
const char *control_mail(const struct control_case *it);

/* Why Postfix gets the answer that it gets. */
const char *control_why(const struct ask_result *result);

/* Why the policy is in force though its last look-up failed; NULL: it did
 * not fail. */
const char *control_why_still(const struct ask_result *result);

/* What to do, and who has to do it. */
const char *control_hint(const struct control_case *it);

/* How to get the mail delivered until then; NULL: it is not held up. */
const char *control_hint_more(const struct control_case *it);

#endif
