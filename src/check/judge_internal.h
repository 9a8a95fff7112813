/* SPDX-License-Identifier: BSD-2-Clause */
/* judge_internal.h - shared by judge*.c and suggest.c only. */
#ifndef CHECK_JUDGE_INTERNAL_H
#define CHECK_JUDGE_INTERNAL_H

#include "check/judge.h"
#include "findings/score.h"

/* What the judges read, and where their findings go. */
struct judging {
	struct report *report;
	const struct facts *facts;
	const struct check_options *options;
	struct score_facts score;
};

/* "IPv6 " if only IPv6 addresses are looked up; else "". */
static inline const char *judge_family(const struct check_options *options)
{
	if (options->probe.ipv4 && options->probe.ipv6)
		return "";
	return options->probe.ipv4 ? "IPv4 " : "IPv6 ";
}

/* judge_dns.c */
void judge_record(struct judging *j);
void judge_delegation(struct judging *j);
void judge_tls_rpt(struct judging *j);
void judge_dnssec(struct judging *j);

/* judge_hosts.c */
void judge_fetch(struct judging *j);
void judge_cert(struct judging *j);
void judge_mx(struct judging *j);

/* suggest.c: fills in the record and the policy to copy, where the present ones
 * need to change. */
void suggest(struct judging *j);

/* Makes a new id from the time: "20240229T123456". */
enum { SUGGEST_ID = 32 };
const char *suggest_id(int64_t time_s, char id[SUGGEST_ID]);

/* Makes a policy with MODE for the domain's MX hosts. To be freed; NULL: out of
 * memory. */
char *suggest_policy(const struct report *report, const char *mode,
                     uint32_t max_age_s);

/* If MX is a host of a known provider: the pattern that covers the provider's
 * hosts, without its "*." if it is part of MX, and the provider's name. Else
 * NULL. */
const char *provider_pattern(const char *mx, const char **ret_provider);

#endif
