/* SPDX-License-Identifier: BSD-2-Clause */
/* ask.c - what is an MTA to be told of this next hop, as far as it is known?
 *
 * What has to be waited for is in ask_wait.c. */
#include "lookup/ask_internal.h"

#include <stdlib.h>
#include <string.h>

/* The id of a pinned policy, for map verdict: it has no TXT record. */
#define PINNED_ID "pinned"

int ask_new(const struct ask_options *options, struct ask **ret,
            struct fault *why)
{
	struct ask *ask = malloc(sizeof(*ask));

	if (!ask)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	ask->options = *options;
	*ret = ask;
	return MTS_OK;
}

void ask_set(struct ask *ask, const struct ask_options *options)
{
	ask->options = *options;
}

void ask_close(struct ask **ask)
{
	free(*ask);
	*ask = NULL;
}

const char *ask_source_text(const struct ask_result *result)
{
	if (result->override)
		return result->override->bypass ? "bypass" : "pinned";
	return lookup_source_text(result->sts.source);
}

/* -- the operator's word --------------------------------------------------- */

static bool is_enforced(const struct ask_question *question,
                        const struct lookup_result *sts)
{
	enum policy_mode mode =
	    sts->has_policy ? sts->entry.policy.mode : POLICY_NONE;

	return mode == POLICY_ENFORCE ||
	       (mode == POLICY_TESTING && question->enforce_testing);
}

static bool take_override(struct ask *ask, const struct ask_question *question,
                          struct ask_result *ret)
{
	struct cache_entry *entry = &ret->sts.entry;

	ret->override =
	    overrides_find(ask->options.overrides, &question->hop.domain);
	if (!ret->override)
		return false;
	ret->sts = (struct lookup_result){
		.source = LOOKUP_CACHED,
		.reason = "the configuration says so (domains: bypass)",
	};
	ret->sts_known = true;
	ret->enforced = false;
	ret->dane = (struct dane_known){ .reason = "" };
	ret->dane_off = "the operator's word comes first";
	if (ret->override->bypass)
		return true;
	ret->sts.has_policy = true;
	ret->sts.reason = "";
	entry->policy = ret->override->policy;
	entry->fetched_s = clock_wall_s(ask->options.clock);
	memcpy(entry->id, PINNED_ID, sizeof(PINNED_ID));
	ret->enforced = is_enforced(question, &ret->sts);
	return true;
}

/* -- DANE ------------------------------------------------------------------ */

/* Why DANE is not looked at; NULL if it is, and RET_REACH is set. */
static const char *dane_off(const struct ask *ask,
                            const struct ask_question *question, bool enforced,
                            enum dane_reach *ret_reach)
{
	const struct ask_options *options = &ask->options;

	if (!question->with_dane)
		return "the MTA sees to DANE itself";
	if (options->dane == ASK_DANE_OFF)
		return "dane is off";
	if (options->dane == ASK_DANE_PRECEDENCE && !enforced)
		return "no policy is enforced (dane: precedence)";
	if (question->hop.port == 0)
		return "the port's name is not known";
	*ret_reach = dane_checks_reach(options->walks);
	if (*ret_reach == DANE_REACH_OFF)
		return "the resolver hands out no DNSSEC data";
	return NULL;
}

/* Without a resolver that answers, what was learnt while there was one has to
 * do, whatever its AGE. */
static enum dane_age look_at_what_was(struct ask_result *ret, enum dane_age age)
{
	if (age == DANE_UNKNOWN || ret->dane.state == DANE_UNKNOWABLE) {
		ret->dane = (struct dane_known){ .reason = "" };
		ret->dane_off = "no resolver answers";
	}
	return DANE_FRESH;
}

enum dane_age ask_look_at_dane(struct ask *ask,
                               const struct ask_question *question,
                               struct ask_result *ret)
{
	enum dane_reach reach = DANE_REACH_OFF;
	enum dane_age age;

	ret->enforced = is_enforced(question, &ret->sts);
	ret->leave_dane = ask->options.leave_dane;
	ret->verdict = DANE_SAYS_NOTHING;
	ret->dane = (struct dane_known){ .reason = "" };
	ret->dane_off = dane_off(ask, question, ret->enforced, &reach);
	if (ret->dane_off)
		return DANE_FRESH;
	age = dane_checks_get(ask->options.walks, &question->hop,
	                      ret->sts.has_policy ? &ret->sts.entry : NULL,
	                      &ret->dane);
	if (reach == DANE_REACH_CUT_OFF)
		age = look_at_what_was(ret, age);
	ret->verdict = dane_decide(ret->dane.state, ret->enforced);
	return age;
}

void ask_set_unlearnt(struct ask_result *ret, const char *reason)
{
	ret->dane =
	    (struct dane_known){ .state = DANE_UNKNOWABLE, .reason = reason };
	ret->verdict = dane_decide(DANE_UNKNOWABLE, ret->enforced);
}

/* -- MX hosts -------------------------------------------------------------- */

/* A policy has its patterns with a NUL each where an answer has a colon. */
static bool is_too_long(const struct ask_question *question,
                        const struct lookup_result *sts)
{
	return question->patterns_max &&
	       sts->entry.policy.mx.len > question->patterns_max + 1;
}

int ask_look_at_hosts(struct ask *ask, const struct ask_question *question,
                      struct ask_result *ret)
{
	const struct domain *domain = &question->hop.domain;

	ret->strict_mx =
	    ret->enforced && ret->verdict == DANE_SAYS_NOTHING &&
	    (question->strict_mx || is_too_long(question, &ret->sts));
	ret->hosts = (struct mx_hosts){ .names = slice_of("", 0),
		                        .reason = "nothing is known yet" };
	if (!ret->strict_mx)
		return MTS_OK;
	if (!question->hop.direct)
		return mx_sets_get(ask->options.mx_sets, domain, &ret->hosts);
	/* Brackets: there is no MX look-up, the domain is the host. */
	ret->hosts.known = true;
	ret->hosts.names = slice_of(domain->name, domain->len + 1);
	ret->hosts.reason = "";
	return MTS_OK;
}

/* -- at once --------------------------------------------------------------- */

bool ask_override(struct ask *ask, const struct ask_question *question,
                  struct ask_result *ret)
{
	ret->walk = NULL;
	ret->verdict = DANE_SAYS_NOTHING;
	ret->leave_dane = ask->options.leave_dane;
	ret->strict_mx = false;
	return take_override(ask, question, ret);
}

int ask_try(struct ask *ask, const struct ask_question *question,
            struct ask_result *ret)
{
	struct lookups *lookups = ask->options.lookups;
	const struct domain *domain = &question->hop.domain;
	enum dane_age age;
	int rc;

	if (ask_override(ask, question, ret))
		return MTS_OK;
	rc = question->again ? lookups_try_again(lookups, domain, &ret->sts)
	                     : lookups_try(lookups, domain, &ret->sts);
	ret->sts_known = rc == MTS_OK;
	age = ask_look_at_dane(ask, question, ret);
	if (age == DANE_OLD)
		dane_checks_learn(ask->options.walks, &question->hop);
	if (age == DANE_UNKNOWN)
		ask_set_unlearnt(ret, "nothing is known yet");
	if (ask_look_at_hosts(ask, question, ret) != MTS_OK)
		return MTS_EMORE;
	return ret->sts_known && age != DANE_UNKNOWN ? MTS_OK : MTS_EMORE;
}

enum dane_age ask_peek(struct ask *ask, const struct domain_hop *hop,
                       const struct cache_entry *entry, struct ask_result *ret)
{
	struct ask_question question = { .hop = *hop, .with_dane = true };

	*ret = (struct ask_result){ 0 };
	if (ask_override(ask, &question, ret))
		return DANE_FRESH;
	ret->sts.reason = "";
	ret->sts.has_policy = entry != NULL;
	if (entry)
		ret->sts.entry = *entry;
	return ask_look_at_dane(ask, &question, ret);
}
