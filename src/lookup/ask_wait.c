/* SPDX-License-Identifier: BSD-2-Clause */
/* ask_wait.c - waits for what an MTA is to be told.
 *
 * A waiter waits for one or both of two things, what MTA-STS says and what DANE
 * says, each of which has a time limit of its own; whichever comes first is
 * kept until the other one comes. If these make an answer that is to name MX
 * hosts, both are kept and those waited for. */
#include "lookup/ask_internal.h"

#include "lookup/kept.h"

#include <stdlib.h>

/* MX hosts get at least so long: they are waited for last. */
enum { HOSTS_MIN_MS = 1000 };

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
	struct mx_waiter *hosts;      /* MX hosts are out; NULL: they are not */
	struct kept_lookup *sts;      /* it came first */
	struct kept_dane *walk;       /* it came first */
};

static void free_waiter(struct ask_waiter *waiter)
{
	lookup_waiter_cancel(&waiter->lookup);
	dane_waiter_cancel(&waiter->dane);
	mx_waiter_cancel(&waiter->hosts);
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

/* What STS and WALK make; WALK is NULL if there was none, or if it did not end
 * in time. */
static struct ask_result put_together(struct ask_waiter *waiter,
                                      const struct lookup_result *sts,
                                      const struct dane_result *walk)
{
	struct ask_result result = { .sts = *sts,
		                     .sts_known = true,
		                     .walk = walk };
	enum dane_age age =
	    ask_look_at_dane(waiter->ask, &waiter->question, &result);

	if (walk)
		take_walk(&result, age);
	else if (age == DANE_UNKNOWN)
		ask_set_unlearnt(&result, "it was not learnt in time");
	return result;
}

static void tell(struct ask_waiter *waiter, const struct ask_result *result)
{
	waiter->callback(waiter->arg, result);
	free_waiter(waiter);
}

static uint64_t left_ms(const struct ask_waiter *waiter, uint64_t least_ms)
{
	uint64_t now_ms = clock_mono_ms(waiter->ask->options.clock);

	return waiter->deadline_ms > now_ms + least_ms
	           ? waiter->deadline_ms - now_ms
	           : least_ms;
}

/* -- MX hosts -------------------------------------------------------------- */

static void on_hosts(void *arg, const struct mx_hosts *hosts)
{
	struct ask_waiter *waiter = arg;
	struct ask_result result =
	    put_together(waiter, &waiter->sts->result,
	                 waiter->walk ? &waiter->walk->result : NULL);

	waiter->hosts = NULL;
	(void)ask_look_at_hosts(waiter->ask, &waiter->question, &result);
	if (result.strict_mx)
		result.hosts = *hosts;
	tell(waiter, &result);
}

/* True if RESULT, which is whole but for that, takes a look-up of MX hosts. */
static bool wants_hosts(struct ask_waiter *waiter, struct ask_result *result)
{
	const struct ask_question *question = &waiter->question;

	if (ask_look_at_hosts(waiter->ask, question, result) != MTS_OK)
		return true;
	return waiter->force && result->strict_mx && !question->hop.direct;
}

/* Keeps STS and WALK meanwhile. */
static int wait_for_hosts(struct ask_waiter *waiter,
                          const struct lookup_result *sts,
                          const struct dane_result *walk)
{
	if (!waiter->sts)
		waiter->sts = kept_lookup_new(sts, waiter->force);
	if (walk && !waiter->walk)
		waiter->walk = kept_dane_new(walk);
	if (!waiter->sts || (walk && !waiter->walk))
		return MTS_ENOMEM;
	return mx_sets_wait(
	    waiter->ask->options.mx_sets, &waiter->question.hop.domain,
	    left_ms(waiter, HOSTS_MIN_MS), on_hosts, waiter, &waiter->hosts);
}

/* -- MTA-STS and DANE ------------------------------------------------------ */

/* Both are there: tells, or waits for the rest. */
static void finish(struct ask_waiter *waiter, const struct lookup_result *sts,
                   const struct dane_result *walk)
{
	struct ask_result result = put_together(waiter, sts, walk);

	if (!wants_hosts(waiter, &result) ||
	    wait_for_hosts(waiter, sts, walk) != MTS_OK)
		tell(waiter, &result);
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
	waiter->walk_was = true;
	return dane_checks_wait(waiter->ask->options.walks,
	                        &waiter->question.hop, left_ms(waiter, 1),
	                        on_dane, waiter, &waiter->dane);
}

/* Whether a walk is to be waited for, as far as STS tells (which may be what is
 * known before any answer). */
static bool wants_walk(struct ask_waiter *waiter,
                       const struct lookup_result *sts)
{
	struct ask_result result = { .sts = *sts };
	enum dane_age age =
	    ask_look_at_dane(waiter->ask, &waiter->question, &result);

	return !waiter->walk_was && !result.dane_off &&
	       (waiter->force || age == DANE_UNKNOWN);
}

/* A walk that ended before the policy came could not lay its state beside it, on
 * disk. What RESULT borrows is good only until that is done. */
static void finish_and_keep(struct ask_waiter *waiter,
                            const struct lookup_result *result)
{
	struct dane_checks *walks = waiter->ask->options.walks;
	struct domain_hop hop = waiter->question.hop;
	struct kept_dane *walk = waiter->walk;
	bool keeps = walk && result->has_policy;

	waiter->walk = NULL;
	finish(waiter, result, walk ? &walk->result : NULL);
	if (keeps)
		dane_checks_keep(walks, &hop, &walk->result);
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

/* MTA-STS and DANE are known: only MX hosts can be what is wanted. */
static int start_hosts(struct ask_waiter *waiter,
                       const struct lookup_result *sts)
{
	struct ask_result result = put_together(waiter, sts, NULL);

	if (!wants_hosts(waiter, &result))
		return MTS_ENOTFOUND; /* there is nothing to wait for */
	return wait_for_hosts(waiter, sts, NULL);
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
		return start_hosts(waiter, sts);
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
