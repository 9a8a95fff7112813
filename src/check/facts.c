/* SPDX-License-Identifier: BSD-2-Clause */
/* facts.c - copies DNS answers into the facts about a domain. */
#include "check/facts.h"

#include <stdio.h>
#include <stdlib.h>

static int facts_take_texts(struct dns_facts *facts,
                            const struct dns_answer *answer)
{
	size_t len = 0;
	char *to;

	for (size_t i = 0; i < answer->count; i++)
		len += answer->texts[i].len;
	facts->texts = calloc(answer->count, sizeof(*facts->texts));
	facts->bytes = malloc(len ? len : 1);
	if (!facts->texts || !facts->bytes)
		return MTS_ENOMEM;
	to = facts->bytes;
	for (size_t i = 0; i < answer->count; i++) {
		struct slice text = answer->texts[i];

		if (text.len)
			memcpy(to, text.data, text.len);
		facts->texts[i] = slice_of(to, text.len);
		to += text.len;
	}
	facts->count = answer->count;
	return MTS_OK;
}

int dns_facts_take(struct dns_facts *facts, const struct dns_answer *answer,
                   uint64_t ms)
{
	dns_facts_clear(facts);
	facts->over = true;
	facts->status = answer->status;
	facts->hops = answer->hops;
	facts->ms = ms;
	snprintf(facts->reason, sizeof(facts->reason), "%s", answer->reason);
	if (answer->end)
		dns_name_show(answer->end, facts->end);
	if (answer->status == DNS_OK && answer->texts && answer->count)
		return facts_take_texts(facts, answer);
	return MTS_OK;
}

void dns_facts_clear(struct dns_facts *facts)
{
	free(facts->texts);
	free(facts->bytes);
	*facts = (struct dns_facts){ .over = false };
}

void facts_clear(struct facts *facts)
{
	dns_facts_clear(&facts->record);
	dns_facts_clear(&facts->apex);
	dns_facts_clear(&facts->host_a);
	dns_facts_clear(&facts->host_aaaa);
	dns_facts_clear(&facts->mx);
	dns_facts_clear(&facts->tls_rpt);
	for (size_t i = 0; i < facts->server_count; i++)
		dns_facts_clear(&facts->servers[i].answer);
}
