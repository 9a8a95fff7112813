/* SPDX-License-Identifier: BSD-2-Clause */
/* reply.c - parses an MTA's question, and writes the reply. */
#include "serve/reply.h"

#include "base/log.h"
#include "wire/answer.h"
#include "wire/exim.h"
#include "wire/socketmap.h"
#include "wire/tcp_table.h"

#include <stdio.h>
#include <string.h>

static const char TEMP[] = "TEMP ";

enum { EXIM_TIMEOUT_MS = 4000 }; /* it gives up after 5 s */

/* STATUS is that of a reply just written to OUT. Returns what callers return to say that
 * the question has been answered: MTS_ESYNTAX, or the error. */
static int reply_given(int status)
{
	return status == MTS_OK ? MTS_ESYNTAX : status;
}

/* A name that is too long is cut: it still matches no pattern, because no pattern has
 * more than DOMAIN_MAX bytes. */
static void copy_mx(struct slice mx, struct reply_question *ret)
{
	size_t len = mx.len < sizeof(ret->mx) ? mx.len : sizeof(ret->mx) - 1;

	memcpy(ret->mx, mx.data, len);
	ret->mx[len] = '\0';
}

static int split_key(struct slice key, struct reply_question *ret,
                     struct slice *ret_domain, struct buffer *out)
{
	struct slice mx = { "", 0 };

	*ret_domain = key;
	if (ret->map == MAP_VERDICT &&
	    socketmap_split_verdict(key, ret_domain, &mx) != MTS_OK)
		return reply_given(answer_write_perm(
		    out, "map verdict: the key must be DOMAIN MX-HOST"));
	copy_mx(mx, ret);
	return MTS_OK;
}

/* Only these maps consider DANE. Sendmail does DANE itself, and takes the answer "dane"
 * for no policy; the map verdict is about MTA-STS only. */
static bool is_postfix(enum socketmap_map map)
{
	return map == MAP_POSTFIX || map == MAP_POSTFIX_TLSRPT;
}

/* Parses KEY, which an MTA asks MAP for. */
static int understand_key(const struct map_entry *map, struct slice key,
                          enum answer_limit limit, struct reply_question *ret,
                          struct buffer *out)
{
	struct slice name;
	int rc;

	ret->map = map->kind;
	ret->how = map->how;
	ret->limit = limit;
	rc = split_key(key, ret, &name, out);
	if (rc != MTS_OK)
		return rc;
	ret->ask = (struct ask_question){
		.with_dane = is_postfix(ret->map),
		.enforce_testing = map->how.enforce_testing,
		.strict_mx = map->how.strict_mx && is_postfix(ret->map),
		.patterns_max = ret->map == MAP_STS ? ANSWER_SENDMAIL_MAX : 0,
	};
	rc = domain_hop_from_key(name.data, name.len, &ret->ask.hop, NULL);
	if (rc == MTS_OK)
		return MTS_OK;
	/* It might have a policy: the mail waits. */
	if (rc == MTS_ENOMEM)
		return reply_given(answer_write_temp(out, "out of memory"));
	return reply_given(buffer_puts(out, ANSWER_NOT_FOUND));
}

static int refuse_map(const struct maps *maps, struct slice name,
                      struct buffer *out)
{
	char reason[200];
	char known[160];

	maps_names(maps, known, sizeof(known));
	snprintf(reason, sizeof(reason), "unknown map %.*s; %s",
	         (int)(name.len < 20 ? name.len : 20), name.data, known);
	return reply_given(answer_write_perm(out, reason));
}

int reply_understand(const struct maps *maps, struct slice payload,
                     struct reply_question *ret, struct buffer *out)
{
	struct socketmap_request request;
	const struct map_entry *map;
	struct fault why;

	if (socketmap_parse(payload, &request, &why) != MTS_OK)
		return reply_given(answer_write_perm(out, why.text));
	map = maps_find(maps, request.map);
	if (!map)
		return refuse_map(maps, request.map, out);
	return understand_key(map, request.key, ANSWER_LIMIT_SOCKETMAP, ret,
	                      out);
}

int reply_understand_tcp(const struct map_entry *map, struct slice line,
                         struct reply_question *ret, struct buffer *out)
{
	struct fault why;
	struct buffer key;
	int rc;

	buffer_init(&key, TCP_TABLE_MAX);
	/* PERM would look the same on the wire. */
	if (tcp_table_parse(line, &key, &why) != MTS_OK)
		rc = reply_given(answer_write_temp(out, why.text));
	else if (!map)
		rc = reply_given(answer_write_temp(
		    out,
		    "this listener's map is no longer in the configuration"));
	else
		rc = understand_key(map, buffer_slice(&key),
		                    ANSWER_LIMIT_TCP_TABLE, ret, out);
	buffer_free(&key);
	return rc;
}

int reply_understand_exim(const struct answer_manner *how, struct slice line,
                          struct reply_question *ret, struct buffer *out)
{
	struct exim_request request;
	int rc;

	if (exim_parse(line, &request, NULL) != MTS_OK)
		return reply_given(buffer_puts(out, EXIM_FAIL));
	ret->map = MAP_UNKNOWN;
	ret->how = *how;
	/* Without DANE: Exim does DANE itself. */
	ret->ask = (struct ask_question){
		.enforce_testing = how->enforce_testing,
		.timeout_ms = EXIM_TIMEOUT_MS,
	};
	copy_mx(request.mx, ret);
	rc = domain_hop_from_key(request.domain.data, request.domain.len,
	                         &ret->ask.hop, NULL);
	if (rc == MTS_OK)
		return MTS_OK;
	return reply_given(rc == MTS_ENOMEM ? buffer_puts(out, EXIM_FAIL)
	                                    : buffer_puts(out, EXIM_NONE));
}

static void log_sendmail_waits(const struct domain *domain,
                               const struct buffer *out,
                               const struct clock *clock)
{
	static struct log_limit limit;

	if (log_limit_allows(&limit, "sendmail_waits", clock_mono_ms(clock)))
		log_warning("sendmail_waits domain=%s reason=\"%.*s\"",
		            domain->name, (int)(out->len - strlen(TEMP)),
		            out->data + strlen(TEMP));
}

int reply_write(const struct reply_question *question,
                const struct ask_result *result, const struct clock *clock,
                struct buffer *out)
{
	const struct cache_entry *entry = &result->sts.entry;
	struct answer_input input = { .domain = &question->ask.hop.domain,
		                      .how = question->how,
		                      .limit = question->limit,
		                      .dane = result->verdict,
		                      .leave_dane = result->leave_dane,
		                      .why = result->dane.reason };

	if (result->sts.has_policy) {
		input.policy = &entry->policy;
		input.id = entry->id;
		input.expires_in_s = entry->fetched_s +
		                     entry->policy.max_age_s -
		                     clock_wall_s(clock);
	}
	input.how.strict_mx = result->strict_mx;
	if (result->strict_mx && result->hosts.known)
		input.hosts = result->hosts.names;
	else if (result->strict_mx)
		input.why = result->hosts.reason;
	if (question->map == MAP_VERDICT)
		input.mx = slice_str(question->mx);
	if (answer_write(out, question->map, &input) != MTS_OK) {
		buffer_clear(out);
		return answer_write_temp(out, "out of memory");
	}
	if (question->map == MAP_STS && slice_starts(buffer_slice(out), TEMP))
		log_sendmail_waits(&question->ask.hop.domain, out, clock);
	return MTS_OK;
}

int reply_write_exim(const struct reply_question *question,
                     const struct ask_result *result, const struct clock *clock,
                     struct buffer *out)
{
	const struct policy *policy =
	    result->sts.has_policy ? &result->sts.entry.policy : NULL;

	(void)clock;
	if (exim_write(out, policy, slice_str(question->mx),
	               question->how.enforce_testing) == MTS_OK)
		return MTS_OK;
	buffer_clear(out);
	return buffer_puts(out, EXIM_FAIL);
}
