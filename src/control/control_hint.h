/* SPDX-License-Identifier: BSD-2-Clause */
/* control_hint.h - what a look-up's outcome means for the mail, why, and what an
 * operator can do about it.
 *
 * All texts are constants, parts of a sentence; where one has the word DOMAIN,
 * the domain's name is to be put. */
#ifndef CONTROL_CONTROL_HINT_H
#define CONTROL_CONTROL_HINT_H

#include "lookup/ask.h"

struct control_case {
	const struct ask_result *result; /* of ask_refresh(), or ask_try() */
	const struct mx_hosts *hosts;    /* the domain's; NULL: not looked up */
};

/* How many of the MX hosts a policy names. */
enum control_cover {
	CONTROL_COVER_UNKNOWN,  /* they can't be looked up */
	CONTROL_COVER_NO_HOSTS, /* there are none */
	CONTROL_COVER_NONE,
	CONTROL_COVER_SOME,
	CONTROL_COVER_ALL,
	CONTROL_COVER_NOT_ASKED, /* or there is no policy */
};

enum control_cover control_cover(const struct control_case *it);

/* What becomes of mail: "goes ...", "waits ...". */
const char *control_mail(const struct control_case *it);

/* Why Postfix is told what it is told. */
const char *control_why(const struct ask_result *result);

/* Why the policy counts though something is wrong with it; NULL: nothing is. */
const char *control_why_still(const struct ask_result *result);

/* Who can mend what is wrong. */
const char *control_hint(const struct control_case *it);

/* What lets mail go before that; NULL: it does. */
const char *control_hint_more(const struct control_case *it);

#endif
