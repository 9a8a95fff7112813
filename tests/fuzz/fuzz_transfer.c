/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_transfer.c - a line that an import accepts holds a policy that could have been
 * fetched. If the policy is exported again, the line says the same. */
#include "sts/mx.h"
#include "wire/transfer.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_line(const struct transfer_line *line)
{
	size_t offset = 0;
	uint32_t count = 0;
	const char *mx;

	check(domain_is_name(line->domain.name, line->domain.len));
	check(line->id[0] && line->fetched_s > 0 && line->used_s >= 0);
	check(line->policy->max_age_s <= POLICY_MAX_AGE_MAX);
	while ((mx = policy_next_mx(line->policy, &offset))) {
		check(mx_pattern_is_valid(slice_str(mx)));
		count++;
	}
	check(count == line->policy->mx_count);
	check(count > 0 || line->policy->mode == POLICY_NONE);
}

static void check_same(const struct transfer_line *a,
                       const struct transfer_line *b)
{
	check(strcmp(a->domain.name, b->domain.name) == 0);
	check(strcmp(a->id, b->id) == 0);
	check(a->fetched_s == b->fetched_s && a->used_s == b->used_s);
	check(a->policy->mode == b->policy->mode);
	check(a->policy->max_age_s == b->policy->max_age_s);
	check(a->policy->mx.len == b->policy->mx.len);
	check(a->policy->mx.len == 0 ||
	      memcmp(a->policy->mx.data, b->policy->mx.data,
	             a->policy->mx.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct transfer_line line, again;
	struct fault why = { 0 };
	json_t *object;
	char *text;

	if (transfer_parse(slice_of((const char *)data, size), &line, &why) !=
	    MTS_OK) {
		check(why.text[0]);
		return 0;
	}
	if (line.kind != TRANSFER_POLICY)
		return 0;
	check_line(&line);
	object = transfer_policy(line.domain.name, line.id, line.policy,
	                         line.fetched_s, line.used_s);
	text = json_dumps(object, JSON_COMPACT);
	check(transfer_parse(slice_str(text), &again, &why) == MTS_OK);
	check_same(&line, &again);
	policy_free(&line.policy);
	policy_free(&again.policy);
	json_decref(object);
	free(text);
	return 0;
}
