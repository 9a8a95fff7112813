/* SPDX-License-Identifier: BSD-2-Clause */
/* ask.c - the answer for an MTA that asks about one next hop.
 *
 * First the rules that turn what is known into an answer; then ask_try(), which
 * applies them to what is in memory; then the waiter, a state machine for one
 * question whose answer has to be looked up. */
#include "lookup/ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The id of a pinned policy, for the map verdict: it has no TXT record. */
#define PINNED_ID "pinned"

enum { ASK_HOSTS_MIN_MS = 1000 }; /* MX hosts come last and get at least this */

struct ask {
	struct ask_options options;
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

/* -- the operator's override ----------------------------------------------- */

static bool is_enforced(const struct ask_question *question,
                        const struct lookup_result *sts)
{
	enum policy_mode mode =
	    sts->has_policy ? sts->entry.policy.mode : POLICY_NONE;

	return mode == POLICY_ENFORCE ||
	       (mode == POLICY_TESTING && question->enforce_testing);
}

bool ask_override(struct ask *ask, const struct ask_question *question,
                  struct ask_result *ret)
{
	struct cache_entry *entry = &ret->sts.entry;

	ret->dane_check = NULL;
	ret->verdict = DANE_SAYS_NOTHING;
	ret->leave_dane = ask->options.leave_dane;
	ret->strict_mx = false;
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
	ret->dane_off = "the operator's override comes first";
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

/* Why DANE is not considered; NULL if it is, and then RET_REACH is set. */
static const char *why_dane_off(const struct ask *ask,
                                const struct ask_question *question,
                                bool enforced, enum dane_reach *ret_reach)
{
	const struct ask_options *options = &ask->options;

	if (!question->with_dane)
		return "the MTA does DANE itself";
	if (options->dane == ASK_DANE_OFF)
		return "dane is off";
	if (options->dane == ASK_DANE_PRECEDENCE && !enforced)
		return "no policy is enforced (dane: precedence)";
	if (question->hop.port == 0)
		return "the service name of the port is not known";
	*ret_reach = dane_checks_reach(options->dane_checks);
	if (*ret_reach == DANE_REACH_OFF)
		return "the resolver delivers no DNSSEC data";
	return NULL;
}

/* Sets what is known of DANE, and what follows from it, in RET, whose sts is
 * set. */
static enum dane_age read_dane(struct ask *ask,
                               const struct ask_question *question,
                               struct ask_result *ret)
{
	enum dane_reach reach = DANE_REACH_OFF;
	enum dane_age age;

	ret->enforced = is_enforced(question, &ret->sts);
	ret->leave_dane = ask->options.leave_dane;
	ret->verdict = DANE_SAYS_NOTHING;
	ret->dane = (struct dane_known){ .reason = "" };
	ret->dane_off = why_dane_off(ask, question, ret->enforced, &reach);
	if (ret->dane_off)
		return DANE_FRESH;
	age = dane_table_get(ask->options.dane_table, &question->hop,
	                     ret->sts.has_policy ? &ret->sts.entry : NULL,
	                     &ret->dane);
	if (reach == DANE_REACH_CUT_OFF) {
		/* Nothing can be checked: use what was learnt while a resolver
		 * answered, whatever its age. */
		if (age == DANE_UNKNOWN || ret->dane.state == DANE_UNKNOWABLE) {
			ret->dane = (struct dane_known){ .reason = "" };
			ret->dane_off = "no resolver answers";
		}
		age = DANE_FRESH;
	}
	ret->verdict = dane_decide(ret->dane.state, ret->enforced);
	return age;
}

/* DANE may apply, and nothing else is known. */
static void set_dane_unknowable(struct ask_result *ret, const char *reason)
{
	ret->dane =
	    (struct dane_known){ .state = DANE_UNKNOWABLE, .reason = reason };
	ret->verdict = dane_decide(DANE_UNKNOWABLE, ret->enforced);
}

/* -- MX hosts -------------------------------------------------------------- */

/* Where a policy has a NUL behind each pattern, an answer has a colon between
 * two. */
static bool has_too_many_patterns(const struct ask_question *question,
                                  const struct lookup_result *sts)
{
	return question->patterns_max &&
	       sts->entry.policy.mx.len > question->patterns_max + 1;
}

/* Sets the MX hosts in RET, whose other members are set, if the answer is to
 * name them. MTS_EMORE: only a look-up can tell. */
static int read_hosts(struct ask *ask, const struct ask_question *question,
                      struct ask_result *ret)
{
	const struct domain *domain = &question->hop.domain;

	ret->strict_mx =
	    ret->enforced && ret->verdict == DANE_SAYS_NOTHING &&
	    (question->strict_mx || has_too_many_patterns(question, &ret->sts));
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

/* -- answers at once ------------------------------------------------------- */

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
	age = read_dane(ask, question, ret);
	if (age == DANE_OLD)
		dane_checks_refresh(ask->options.dane_checks, &question->hop);
	if (age == DANE_UNKNOWN)
		set_dane_unknowable(ret, "nothing is known yet");
	if (read_hosts(ask, question, ret) != MTS_OK)
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
	return read_dane(ask, &question, ret);
}

/* -- a question that waits ------------------------------------------------- */

/* Set by ask_start(), then only by ask_enter(). */
enum ask_state {
	ASK_BOTH, /* MTA-STS and DANE are being looked up; goes to ASK_DANE or
	              * ASK_STS when the first of them ends */
	ASK_STS,  /* only MTA-STS is; goes to ASK_DANE if it is its policy that
	              * makes a DANE check necessary, else to ASK_SETTLED */
	ASK_DANE, /* only DANE is; goes to ASK_SETTLED */
	ASK_SETTLED, /* both are known; goes to ASK_HOSTS at once if the answer is
	              * to name MX hosts that are not known, else answers */
	ASK_HOSTS, /* the MX hosts are being looked up; answers when that ends */
};

/* A copy of a discovery, without the policy, which the entry has. */
struct ask_discovery {
	struct discover_result result;
	char reason[FAULT_TEXT];
	char record_reason[FAULT_TEXT];
	struct discover_step steps[DISCOVER_STEPS_MAX];
};

/* What has come in. It is borrowed from the look-up that has just ended. If
 * something else still has to be waited for, own_pieces() makes copies. */
struct ask_pieces {
	struct lookup_result sts;
	bool sts_borrowed;
	bool has_dane; /* a check has ended in time */
	struct dane_result dane;
	bool dane_borrowed;
	/* The copies. */
	char *patterns;
	char sts_reason[FAULT_TEXT];
	struct ask_discovery *discovery; /* ask_refresh() only */
	char dane_reason[FAULT_TEXT];
	struct dane_step *dane_steps; /* ask_refresh() only */
};

struct ask_waiter {
	struct ask *ask;
	struct ask_question question;
	ask_callback *callback;
	void *arg;
	bool refresh;      /* look up everything, whatever is known */
	bool dane_checked; /* a check was started: there is no second one */
	uint64_t end_ms;   /* monotonic */
	enum ask_state state;
	struct lookup_waiter sts_wait;
	struct dane_waiter dane_wait;
	struct mx_waiter hosts_wait;
	struct ask_pieces pieces;
};

static void ask_waiter_free(struct ask_waiter *waiter)
{
	lookup_waiter_cancel(&waiter->sts_wait);
	dane_waiter_cancel(&waiter->dane_wait);
	mx_waiter_cancel(&waiter->hosts_wait);
	free(waiter->pieces.patterns);
	free(waiter->pieces.discovery);
	free(waiter->pieces.dane_steps);
	free(waiter);
}

/* -- its pieces ------------------------------------------------------------ */

static bool own_discovery(struct ask_pieces *pieces)
{
	const struct discover_result *from = pieces->sts.discovery;
	struct ask_discovery *to = malloc(sizeof(*to));

	if (!to)
		return false;
	pieces->discovery = to;
	to->result = *from;
	to->result.policy = NULL;
	to->result.text = slice_of("", 0);
	snprintf(to->reason, sizeof(to->reason), "%s", from->reason);
	to->result.reason = to->reason;
	snprintf(to->record_reason, sizeof(to->record_reason), "%s",
	         from->record_reason ? from->record_reason : "");
	to->result.record_reason = to->record_reason;
	if (from->step_count)
		memcpy(to->steps, from->steps,
		       from->step_count * sizeof(*from->steps));
	to->result.steps = to->steps;
	pieces->sts.discovery = &to->result;
	return true;
}

static bool own_sts(struct ask_pieces *pieces, bool with_discovery)
{
	struct lookup_result *sts = &pieces->sts;
	struct slice *mx = &sts->entry.policy.mx;

	if (sts->has_policy && mx->len) {
		pieces->patterns = malloc(mx->len);
		if (!pieces->patterns)
			return false;
		memcpy(pieces->patterns, mx->data, mx->len);
		*mx = slice_of(pieces->patterns, mx->len);
	}
	snprintf(pieces->sts_reason, sizeof(pieces->sts_reason), "%s",
	         sts->reason);
	sts->reason = pieces->sts_reason;
	if (with_discovery && sts->discovery)
		return own_discovery(pieces);
	sts->discovery = NULL;
	return true;
}

/* If there is no memory for the steps, they are left out. */
static void own_dane(struct ask_pieces *pieces, bool with_steps)
{
	struct dane_result *dane = &pieces->dane;
	size_t size = dane->step_count * sizeof(*dane->steps);

	snprintf(pieces->dane_reason, sizeof(pieces->dane_reason), "%s",
	         dane->reason);
	dane->reason = pieces->dane_reason;
	if (with_steps && size)
		pieces->dane_steps = malloc(size);
	if (pieces->dane_steps)
		memcpy(pieces->dane_steps, dane->steps, size);
	else
		dane->step_count = 0;
	dane->steps = pieces->dane_steps;
}

/* Copies the pieces that are still borrowed. False: no memory for it. */
static bool own_pieces(struct ask_waiter *waiter)
{
	struct ask_pieces *pieces = &waiter->pieces;

	if (pieces->dane_borrowed)
		own_dane(pieces, waiter->refresh);
	pieces->dane_borrowed = false;
	if (pieces->sts_borrowed && !own_sts(pieces, waiter->refresh))
		return false;
	pieces->sts_borrowed = false;
	return true;
}

static void take_sts(struct ask_waiter *waiter, const struct lookup_result *sts)
{
	waiter->pieces.sts = *sts;
	waiter->pieces.sts_borrowed = true;
}

/* What the check that has just ended found, which the entry in STS may not have
 * yet, and for which there may have been no memory. But a failure does not
 * replace a state that still answers. */
static void use_check(struct ask_result *ret, enum dane_age age)
{
	const struct dane_result *check = ret->dane_check;

	if (ret->dane_off ||
	    (check->state == DANE_UNKNOWABLE && age != DANE_UNKNOWN))
		return;
	ret->dane = (struct dane_known){ .state = check->state,
		                         .ttl_s = check->ttl_s,
		                         .reason = "" };
	if (check->state == DANE_UNKNOWABLE)
		ret->dane.reason = check->reason;
	ret->verdict = dane_decide(check->state, ret->enforced);
}

/* The answer, except for MX hosts. */
static struct ask_result put_together(struct ask_waiter *waiter)
{
	struct ask_pieces *pieces = &waiter->pieces;
	struct ask_result result = { .sts = pieces->sts, .sts_known = true };
	enum dane_age age = read_dane(waiter->ask, &waiter->question, &result);

	if (pieces->has_dane) {
		result.dane_check = &pieces->dane;
		use_check(&result, age);
	} else if (age == DANE_UNKNOWN) {
		set_dane_unknowable(&result, "it was not learnt in time");
	}
	return result;
}

/* -- its states ------------------------------------------------------------ */

static uint64_t ask_left_ms(const struct ask_waiter *waiter, uint64_t least_ms)
{
	uint64_t now_ms = clock_mono_ms(waiter->ask->options.clock);

	return waiter->end_ms > now_ms + least_ms ? waiter->end_ms - now_ms
	                                          : least_ms;
}

/* HOSTS is what a look-up found, or NULL if there was none. */
static void ask_answer(struct ask_waiter *waiter, const struct mx_hosts *hosts)
{
	struct ask_result result = put_together(waiter);

	(void)read_hosts(waiter->ask, &waiter->question, &result);
	if (hosts && result.strict_mx)
		result.hosts = *hosts;
	waiter->callback(waiter->arg, &result);
	ask_waiter_free(waiter);
}

static void ask_on_hosts(void *arg, const struct mx_hosts *hosts)
{
	ask_answer(arg, hosts);
}

/* Looks up the MX hosts. MTS_ENOTFOUND: the answer does not need that. */
static int ask_start_hosts(struct ask_waiter *waiter)
{
	const struct ask_question *question = &waiter->question;
	struct ask_result result = put_together(waiter);
	int rc = read_hosts(waiter->ask, question, &result);

	if (rc == MTS_OK &&
	    !(waiter->refresh && result.strict_mx && !question->hop.direct))
		return MTS_ENOTFOUND;
	if (!own_pieces(waiter))
		return MTS_ENOMEM;
	return mx_sets_wait(waiter->ask->options.mx_sets, &question->hop.domain,
	                    ask_left_ms(waiter, ASK_HOSTS_MIN_MS), ask_on_hosts,
	                    waiter, &waiter->hosts_wait);
}

/* Enters STATE, in which the waiter goes on to wait or answers. It answers as
 * well if there is no memory to wait any longer. */
static void ask_enter(struct ask_waiter *waiter, enum ask_state state)
{
	if (state == ASK_SETTLED && ask_start_hosts(waiter) == MTS_OK)
		state = ASK_HOSTS;
	waiter->state = state;
	if (state == ASK_SETTLED || !own_pieces(waiter))
		ask_answer(waiter, NULL);
}

/* RESULT is NULL if DANE was not learnt in time. */
static void ask_on_dane(void *arg, const struct dane_result *result)
{
	struct ask_waiter *waiter = arg;
	struct ask_pieces *pieces = &waiter->pieces;

	if (result) {
		pieces->dane = *result;
		pieces->has_dane = pieces->dane_borrowed = true;
	}
	ask_enter(waiter, waiter->state == ASK_BOTH ? ASK_STS : ASK_SETTLED);
}

static int start_dane(struct ask_waiter *waiter)
{
	waiter->dane_checked = true;
	return dane_checks_wait(waiter->ask->options.dane_checks,
	                        &waiter->question.hop, ask_left_ms(waiter, 1),
	                        ask_on_dane, waiter, &waiter->dane_wait);
}

/* Whether the answer needs a DANE check, judging by STS. */
static bool wants_dane_check(struct ask_waiter *waiter,
                             const struct lookup_result *sts)
{
	struct ask_result result = { .sts = *sts };
	enum dane_age age = read_dane(waiter->ask, &waiter->question, &result);

	return !waiter->dane_checked && !result.dane_off &&
	       (waiter->refresh || age == DANE_UNKNOWN);
}

static void ask_on_sts(void *arg, const struct lookup_result *result)
{
	struct ask_waiter *waiter = arg;
	struct ask_pieces *pieces = &waiter->pieces;
	bool dane_out = waiter->state == ASK_BOTH;

	take_sts(waiter, result);
	/* If DANE matters only where there is a policy, its check starts now. */
	if (wants_dane_check(waiter, result))
		dane_out = start_dane(waiter) == MTS_OK;
	/* A check that ended before the policy came could not store its state
	 * beside it on disk. Storing it may change what RESULT borrows. */
	if (pieces->has_dane && result->has_policy && own_pieces(waiter))
		dane_checks_store(waiter->ask->options.dane_checks,
		                  &waiter->question.hop, &pieces->dane);
	ask_enter(waiter, dane_out ? ASK_DANE : ASK_SETTLED);
}

static int start_sts(struct ask_waiter *waiter, uint64_t timeout_ms)
{
	struct lookups *lookups = waiter->ask->options.lookups;
	const struct domain *domain = &waiter->question.hop.domain;

	if (waiter->refresh)
		return lookups_refresh(lookups, domain, timeout_ms, ask_on_sts,
		                       waiter, &waiter->sts_wait);
	return lookups_wait(lookups, domain, timeout_ms, ask_on_sts, waiter,
	                    &waiter->sts_wait);
}

/* Starts the look-ups that the answer needs. If only one of MTA-STS and DANE can
 * be started, the waiter waits for that one; instead of the other it uses STS, or
 * that there was no check. MTS_ENOTFOUND: there is nothing to look up. */
static int ask_start(struct ask_waiter *waiter, const struct lookup_result *sts,
                     bool sts_known, uint64_t timeout_ms)
{
	bool sts_out = false, dane_out = false;
	int rc = MTS_OK, dane_rc = MTS_OK;

	if (!sts_known) {
		rc = start_sts(waiter, timeout_ms);
		sts_out = rc == MTS_OK;
	}
	if (wants_dane_check(waiter, sts)) {
		dane_rc = start_dane(waiter);
		dane_out = dane_rc == MTS_OK;
	}
	if (sts_out) {
		waiter->state = dane_out ? ASK_BOTH : ASK_STS;
		return MTS_OK;
	}
	take_sts(waiter, sts);
	waiter->state = dane_out ? ASK_DANE : ASK_HOSTS;
	if (dane_out)
		return own_pieces(waiter) ? MTS_OK : MTS_ENOMEM;
	if (rc != MTS_OK)
		return rc;
	return dane_rc != MTS_OK ? dane_rc : ask_start_hosts(waiter);
}

/* -- waiting --------------------------------------------------------------- */

static int ask_begin(struct ask *ask, const struct ask_question *question,
                     const struct ask_result *tried, uint64_t timeout_ms,
                     ask_callback *callback, void *arg, struct ask_waiter **ret)
{
	static const struct lookup_result nothing = { .reason = "" };
	struct ask_waiter *waiter = calloc(1, sizeof(*waiter));
	int rc;

	if (!waiter)
		return MTS_ENOMEM;
	waiter->ask = ask;
	waiter->question = *question;
	waiter->callback = callback;
	waiter->arg = arg;
	waiter->refresh = !tried;
	waiter->end_ms = clock_mono_ms(ask->options.clock) + timeout_ms;
	rc = ask_start(waiter, tried ? &tried->sts : &nothing,
	               tried && tried->sts_known, timeout_ms);
	if (rc != MTS_OK)
		ask_waiter_free(waiter);
	else
		*ret = waiter;
	return rc;
}

int ask_wait(struct ask *ask, const struct ask_question *question,
             const struct ask_result *tried, ask_callback *callback, void *arg,
             struct ask_waiter **ret)
{
	uint64_t timeout_ms = ask->options.timeout_ms;

	if (question->timeout_ms && question->timeout_ms < timeout_ms)
		timeout_ms = question->timeout_ms;
	return ask_begin(ask, question, tried, timeout_ms, callback, arg, ret);
}

int ask_refresh(struct ask *ask, const struct ask_question *question,
                uint64_t timeout_ms, ask_callback *callback, void *arg,
                struct ask_waiter **ret)
{
	return ask_begin(ask, question, NULL, timeout_ms, callback, arg, ret);
}

void ask_cancel(struct ask_waiter **waiter)
{
	if (!*waiter)
		return;
	ask_waiter_free(*waiter);
	*waiter = NULL;
}
