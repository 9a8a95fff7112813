/* SPDX-License-Identifier: BSD-2-Clause */
/* ask.c - what is an MTA to be told of this next hop?
 *
 * A waiter waits for one or both of two things, what MTA-STS says and what DANE
 * says, each of which has a time limit of its own; whichever comes first is
 * kept until the other one comes. */
#include "serve/ask.h"

#include "serve/kept.h"

#include <stdlib.h>
#include <string.h>

/* The id of a pinned policy, for map verdict: it has no TXT record. */
#define PINNED_ID "pinned"

struct ask {
	struct ask_options options;
};

struct ask_waiter {
	struct ask *ask;
	struct ask_question question;
	ask_callback *callback;
	void *arg;
	bool force;    /* whatever is known */
	bool walk_was; /* a walk was tried: there is no second */
	uint64_t deadline_ms;
	struct lookup_waiter *lookup; /* MTA-STS is out; NULL: it is not */
	struct dane_waiter *dane;     /* DANE is out; NULL: it is not */
	struct kept_lookup *sts;      /* it came first */
	struct kept_dane *walk;       /* it came first */
};

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

void ask_close(struct ask **ask)
{
	free(*ask);
	*ask = NULL;
}

const char *ask_source_text(const struct ask_result *result)
{
	if (result->word)
		return result->word->bypass ? "bypass" : "pinned";
	return lookup_source_text(result->sts.source);
}

/* -- the operator's word --------------------------------------------------- */

static bool take_word(struct ask *ask, const struct ask_question *question,
                      struct ask_result *ret)
{
	struct cache_entry *entry = &ret->sts.entry;

	ret->word = words_find(ask->options.words, &question->hop.domain);
	if (!ret->word)
		return false;
	ret->sts = (struct lookup_result){
		.source = LOOKUP_CACHED,
		.reason = "the configuration says so (domains: bypass)",
	};
	ret->sts_known = true;
	ret->dane = (struct dane_known){ .reason = "" };
	ret->dane_off = "the operator's word comes first";
	if (ret->word->bypass)
		return true;
	ret->sts.has_policy = true;
	ret->sts.reason = "";
	entry->policy = ret->word->policy;
	entry->fetched_s = clock_wall_s(ask->options.clock);
	memcpy(entry->id, PINNED_ID, sizeof(PINNED_ID));
	return true;
}

/* -- DANE ------------------------------------------------------------------ */

static bool is_enforced(const struct ask_question *question,
                        const struct lookup_result *sts)
{
	enum policy_mode mode =
	    sts->has_policy ? sts->entry.policy.mode : POLICY_NONE;

	return mode == POLICY_ENFORCE ||
	       (mode == POLICY_TESTING && question->enforce_testing);
}

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
	*ret_reach = dane_walks_reach(options->walks);
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

/* Looks at what is known of DANE, RET->sts being known; puts what follows into
 * RET. */
static enum dane_age look_at_dane(struct ask *ask,
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
	age = dane_walks_get(ask->options.walks, &question->hop,
	                     ret->sts.has_policy ? &ret->sts.entry : NULL,
	                     &ret->dane);
	if (reach == DANE_REACH_CUT_OFF)
		age = look_at_what_was(ret, age);
	ret->verdict = dane_decide(ret->dane.state, ret->enforced);
	return age;
}

/* It was not learnt in time, or that could not even be begun: it may apply, and
 * that is all there is to know. */
static void set_unlearnt(struct ask_result *ret, const char *reason)
{
	ret->dane =
	    (struct dane_known){ .state = DANE_UNKNOWABLE, .reason = reason };
	ret->verdict = dane_decide(DANE_UNKNOWABLE, ret->enforced);
}

/* -- at once --------------------------------------------------------------- */

bool ask_word(struct ask *ask, const struct ask_question *question,
              struct ask_result *ret)
{
	ret->walk = NULL;
	ret->verdict = DANE_SAYS_NOTHING;
	ret->leave_dane = ask->options.leave_dane;
	return take_word(ask, question, ret);
}

int ask_try(struct ask *ask, const struct ask_question *question,
            struct ask_result *ret)
{
	enum dane_age age;

	if (ask_word(ask, question, ret))
		return MTS_OK;
	ret->sts_known =
	    lookups_try(ask->options.lookups, &question->hop.domain,
	                &ret->sts) == MTS_OK;
	age = look_at_dane(ask, question, ret);
	if (age == DANE_OLD)
		dane_walks_learn(ask->options.walks, &question->hop);
	if (age == DANE_UNKNOWN)
		set_unlearnt(ret, "nothing is known yet");
	return ret->sts_known && age != DANE_UNKNOWN ? MTS_OK : MTS_EMORE;
}

enum dane_age ask_peek(struct ask *ask, const struct domain_hop *hop,
                       const struct cache_entry *entry, struct ask_result *ret)
{
	struct ask_question question = { .hop = *hop, .with_dane = true };

	*ret = (struct ask_result){ 0 };
	if (ask_word(ask, &question, ret))
		return DANE_FRESH;
	ret->sts.reason = "";
	ret->sts.has_policy = entry != NULL;
	if (entry)
		ret->sts.entry = *entry;
	return look_at_dane(ask, &question, ret);
}

/* -- waiting --------------------------------------------------------------- */

static void free_waiter(struct ask_waiter *waiter)
{
	lookup_waiter_cancel(&waiter->lookup);
	dane_waiter_cancel(&waiter->dane);
	free(waiter->sts);
	free(waiter->walk);
	free(waiter);
}

/* What the walk that just ended found, which the entry that STS has may not
 * know, and there may have been no room to store. But a failure takes nothing
 * away that still answers. */
static void take_walk(struct ask_result *ret, enum dane_age age)
{
	const struct dane_result *walk = ret->walk;

	if (ret->dane_off ||
	    (walk->state == DANE_UNKNOWABLE && age != DANE_UNKNOWN))
		return;
	ret->dane = (struct dane_known){ .state = walk->state,
		                         .ttl_s = walk->ttl_s,
		                         .reason = "" };
	if (walk->state == DANE_UNKNOWABLE)
		ret->dane.reason = walk->reason;
	ret->verdict = dane_decide(walk->state, ret->enforced);
}

/* Everything is there: tells. WALK is NULL if there was none, or if it did not
 * end in time. */
static void finish(struct ask_waiter *waiter, const struct lookup_result *sts,
                   const struct dane_result *walk)
{
	struct ask_result result = { .sts = *sts,
		                     .sts_known = true,
		                     .walk = walk };
	enum dane_age age =
	    look_at_dane(waiter->ask, &waiter->question, &result);

	if (walk)
		take_walk(&result, age);
	else if (age == DANE_UNKNOWN)
		set_unlearnt(&result, "it was not learnt in time");
	waiter->callback(waiter->arg, &result);
	free_waiter(waiter);
}

static void on_dane(void *arg, const struct dane_result *result)
{
	struct ask_waiter *waiter = arg;

	waiter->dane = NULL;
	if (waiter->sts)
		finish(waiter, &waiter->sts->result, result);
	else if (result) /* without memory, what was stored has to do */
		waiter->walk = kept_dane_new(result);
}

static int wait_for_dane(struct ask_waiter *waiter)
{
	uint64_t now_ms = clock_mono_ms(waiter->ask->options.clock);
	uint64_t left_ms =
	    waiter->deadline_ms > now_ms ? waiter->deadline_ms - now_ms : 1;

	waiter->walk_was = true;
	return dane_walks_wait(waiter->ask->options.walks,
	                       &waiter->question.hop, left_ms, on_dane, waiter,
	                       &waiter->dane);
}

/* Whether a walk is to be waited for, as far as STS tells (which may be what is
 * known before any answer). */
static bool wants_walk(struct ask_waiter *waiter,
                       const struct lookup_result *sts)
{
	struct ask_result result = { .sts = *sts };
	enum dane_age age =
	    look_at_dane(waiter->ask, &waiter->question, &result);

	return !waiter->walk_was && !result.dane_off &&
	       (waiter->force || age == DANE_UNKNOWN);
}

/* A walk that ended before the policy came could not lay its state beside it, on
 * disk. What RESULT borrows is good only until that is done. */
static void finish_and_keep(struct ask_waiter *waiter,
                            const struct lookup_result *result)
{
	struct dane_walks *walks = waiter->ask->options.walks;
	struct domain_hop hop = waiter->question.hop;
	struct kept_dane *walk = waiter->walk;
	bool keeps = walk && result->has_policy;

	waiter->walk = NULL;
	finish(waiter, result, walk ? &walk->result : NULL);
	if (keeps)
		dane_walks_keep(walks, &hop, &walk->result);
	free(walk);
}

static void on_lookup(void *arg, const struct lookup_result *result)
{
	struct ask_waiter *waiter = arg;

	waiter->lookup = NULL;
	/* Where DANE is looked at only for the sake of a policy, it is only now
	 * that a walk may have to begin. */
	if (wants_walk(waiter, result) && wait_for_dane(waiter) != MTS_OK)
		waiter->dane = NULL;
	if (waiter->dane) {
		waiter->sts = kept_lookup_new(result, waiter->force);
		if (waiter->sts)
			return;
	}
	finish_and_keep(waiter, result);
}

static int new_waiter(struct ask *ask, const struct ask_question *question,
                      uint64_t timeout_ms, ask_callback *callback, void *arg,
                      struct ask_waiter **ret)
{
	struct ask_waiter *waiter = calloc(1, sizeof(*waiter));

	if (!waiter)
		return MTS_ENOMEM;
	waiter->ask = ask;
	waiter->question = *question;
	waiter->callback = callback;
	waiter->arg = arg;
	waiter->deadline_ms = clock_mono_ms(ask->options.clock) + timeout_ms;
	*ret = waiter;
	return MTS_OK;
}

static int wait_for_sts(struct ask_waiter *waiter, uint64_t timeout_ms)
{
	struct lookups *lookups = waiter->ask->options.lookups;
	const struct domain *domain = &waiter->question.hop.domain;

	if (waiter->force)
		return lookups_refresh(lookups, domain, timeout_ms, on_lookup,
		                       waiter, &waiter->lookup);
	return lookups_wait(lookups, domain, timeout_ms, on_lookup, waiter,
	                    &waiter->lookup);
}

/* Starts what is wanted. If only one of both can be started, that is waited
 * for, and STS, or the lack of a walk, stands for the other. */
static int start(struct ask_waiter *waiter, const struct lookup_result *sts,
                 bool sts_known, uint64_t timeout_ms)
{
	int rc = sts_known ? MTS_OK : wait_for_sts(waiter, timeout_ms);
	int walk_rc = MTS_OK;

	if (wants_walk(waiter, sts))
		walk_rc = wait_for_dane(waiter);
	if (waiter->lookup)
		return MTS_OK;
	if (rc == MTS_OK && walk_rc == MTS_OK && !waiter->dane)
		return MTS_ENOTFOUND; /* there is nothing to wait for */
	if (!waiter->dane)
		return rc != MTS_OK ? rc : walk_rc;
	waiter->sts = kept_lookup_new(sts, false);
	return waiter->sts ? MTS_OK : MTS_ENOMEM;
}

int ask_wait(struct ask *ask, const struct ask_question *question,
             const struct ask_result *tried, ask_callback *callback, void *arg,
             struct ask_waiter **ret)
{
	uint64_t timeout_ms = ask->options.timeout_ms;
	struct ask_waiter *waiter;
	int rc;

	if (question->timeout_ms && question->timeout_ms < timeout_ms)
		timeout_ms = question->timeout_ms;
	rc = new_waiter(ask, question, timeout_ms, callback, arg, &waiter);
	if (rc != MTS_OK)
		return rc;
	rc = start(waiter, &tried->sts, tried->sts_known, timeout_ms);
	if (rc != MTS_OK)
		free_waiter(waiter);
	else
		*ret = waiter;
	return rc;
}

int ask_refresh(struct ask *ask, const struct ask_question *question,
                uint64_t timeout_ms, ask_callback *callback, void *arg,
                struct ask_waiter **ret)
{
	static const struct lookup_result nothing = { .reason = "" };
	struct ask_waiter *waiter;
	int rc = new_waiter(ask, question, timeout_ms, callback, arg, &waiter);

	if (rc != MTS_OK)
		return rc;
	waiter->force = true;
	rc = start(waiter, &nothing, false, timeout_ms);
	if (rc != MTS_OK)
		free_waiter(waiter);
	else
		*ret = waiter;
	return rc;
}

void ask_cancel(struct ask_waiter **waiter)
{
	if (!*waiter)
		return;
	free_waiter(*waiter);
	*waiter = NULL;
}
