/* SPDX-License-Identifier: BSD-2-Clause */
/* judge_internal.h - what judge*.c know of each other. */
#ifndef CHECK_JUDGE_INTERNAL_H
#define CHECK_JUDGE_INTERNAL_H

#include "check/judge.h"
#include "findings/score.h"

/* What a part of the verdict is made from, and where it goes. */
struct judging {
	struct report *report;
	const struct facts *facts;
	const struct check_options *options;
	struct score_facts score;
};

/* "IPv6 " where no other addresses are asked for; else "". */
static inline const char *judge_family(const struct check_options *options)
{
	if (options->probe.ipv4 && options->probe.ipv6)
		return "";
	return options->probe.ipv4 ? "IPv4 " : "IPv6 ";
}

/* Each in its file. */
void judge_record(struct judging *j);
void judge_fetch(struct judging *j);
void judge_cert(struct judging *j);
void judge_mx(struct judging *j);
void judge_consistency(struct judging *j);
void judge_tls_rpt(struct judging *j);
void judge_extra(struct judging *j);

/* The texts to paste: suggest.c. */
void suggest(struct judging *j);

/* A fresh id: the time, "20240229T123456". */
enum { SUGGEST_ID = 32 };
const char *suggest_id(int64_t time_s, char id[SUGGEST_ID]);

/* A policy that names the domain's MX hosts: of MODE; to be freed, or NULL. */
char *suggest_policy(const struct report *report, const char *mode,
                     uint32_t max_age_s);

/* The pattern for the hosts of a known provider that MX is one of, or NULL. */
const char *provider_pattern(const char *mx, const char **ret_provider);

#endif
