/* SPDX-License-Identifier: BSD-2-Clause */
/* reply.c - from a socketmap question to its reply. */
#include "serve/reply.h"

#include "base/log.h"
#include "wire/answer.h"

#include <stdio.h>

/* MTS_ESYNTAX with a reply in OUT, so that callers can return it. */
static int answered(int status)
{
	return status == MTS_OK ? MTS_ESYNTAX : status;
}

static int split_key(struct slice key, struct reply_question *ret,
                     struct slice *ret_domain, struct buffer *out)
{
	struct slice mx;

	*ret_domain = key;
	if (ret->map != MAP_VERDICT)
		return MTS_OK;
	if (socketmap_split_verdict(key, ret_domain, &mx) != MTS_OK)
		return answered(
		    answer_write_perm(out, "map verdict: want DOMAIN MX-HOST"));
	/* A longer name matches no pattern; cut, it does not either, since no
	 * pattern has more than DOMAIN_MAX bytes. */
	snprintf(ret->mx, sizeof(ret->mx), "%.*s",
	         (int)(mx.len < sizeof(ret->mx) ? mx.len : sizeof(ret->mx) - 1),
	         mx.data);
	return MTS_OK;
}

static int find_map(struct slice name, enum socketmap_map *ret,
                    struct buffer *out)
{
	char reason[200];

	*ret = socketmap_find_map(name);
	if (*ret != MAP_UNKNOWN)
		return MTS_OK;
	snprintf(reason, sizeof(reason), "unknown map %.*s; known are %s",
	         (int)(name.len < 40 ? name.len : 40), name.data,
	         socketmap_map_names());
	return answered(answer_write_perm(out, reason));
}

/* Sendmail sees to DANE itself, and takes "dane" for no policy; map verdict is
 * about MTA-STS. */
static bool wants_dane(enum socketmap_map map)
{
	return map == MAP_POSTFIX || map == MAP_POSTFIX_TLSRPT;
}

int reply_understand(struct slice payload, struct reply_question *ret,
                     struct buffer *out)
{
	struct socketmap_request request;
	struct slice name;
	struct fault why;
	int rc;

	if (socketmap_parse(payload, &request, &why) != MTS_OK)
		return answered(answer_write_perm(out, why.text));
	rc = find_map(request.map, &ret->map, out);
	if (rc == MTS_OK)
		rc = split_key(request.key, ret, &name, out);
	if (rc != MTS_OK)
		return rc;
	ret->ask.with_dane = wants_dane(ret->map);
	rc = domain_hop_from_key(name.data, name.len, &ret->ask.hop, NULL);
	if (rc == MTS_OK)
		return MTS_OK;
	/* No memory to tell what it is: mail waits rather than goes in
	 * clear. */
	if (rc == MTS_ENOMEM)
		return answered(answer_write_temp(out, "out of memory"));
	return answered(buffer_puts(out, ANSWER_NOT_FOUND));
}

int reply_write(const struct reply_question *question,
                const struct ask_result *result, int64_t now_s,
                struct buffer *out)
{
	const struct cache_entry *entry = &result->sts.entry;
	struct answer_input input = { .domain = &question->ask.hop.domain,
		                      .dane = result->verdict,
		                      .leave_dane = result->leave_dane,
		                      .why = result->dane.reason };

	if (result->sts.has_policy) {
		input.policy = &entry->policy;
		input.id = entry->id;
		input.expires_in_s =
		    entry->fetched_s + entry->policy.max_age_s - now_s;
	}
	if (question->map == MAP_VERDICT)
		input.mx = slice_str(question->mx);
	if (answer_write(out, question->map, &input) != MTS_OK) {
		buffer_clear(out);
		return answer_write_temp(out, "out of memory");
	}
	if (question->map == MAP_STS && out->len >= 4 &&
	    memcmp(out->data, "TEMP", 4) == 0)
		log_warning(
		    "answer_too_long domain=%s map=sts reason=\"Sendmail "
		    "would fail open on it: mail to this domain waits\"",
		    question->ask.hop.domain.name);
	return MTS_OK;
}
