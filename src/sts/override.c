/* SPDX-License-Identifier: BSD-2-Clause */
/* override.c - the operator's overrides of single domains. */
#include "sts/override.h"

#include "base/list.h"
#include "base/map.h"

#include <stdlib.h>

struct overrides {
	struct map *map;
};

/* One domain. TEXT holds its name and then its patterns. */
struct item {
	struct map_node node; /* the key is the name */
	struct override override;
	char text[];
};

struct overrides *overrides_new(void)
{
	struct overrides *overrides = malloc(sizeof(*overrides));

	if (!overrides)
		return NULL;
	overrides->map = map_new();
	if (!overrides->map) {
		free(overrides);
		return NULL;
	}
	return overrides;
}

static void item_free(struct map_node *node, void *arg)
{
	(void)arg;
	free(container_of(node, struct item, node));
}

void overrides_free(struct overrides **overrides)
{
	if (!*overrides)
		return;
	map_each((*overrides)->map, item_free, NULL);
	map_free(&(*overrides)->map);
	free(*overrides);
	*overrides = NULL;
}

/* Adds an item for DOMAIN, with MORE bytes after its name. */
static int overrides_add(struct overrides *overrides,
                         const struct domain *domain, unsigned line,
                         size_t more, struct item **ret)
{
	struct item *item;

	if (overrides_find(overrides, domain))
		return MTS_EBUSY;
	item = calloc(1, sizeof(*item) + domain->len + 1 + more);
	if (!item)
		return MTS_ENOMEM;
	memcpy(item->text, domain->name, domain->len);
	item->override.line = line;
	item->node.key = item->text;
	item->node.key_len = domain->len;
	map_insert(overrides->map, &item->node);
	*ret = item;
	return MTS_OK;
}

int overrides_add_bypass(struct overrides *overrides,
                         const struct domain *domain, unsigned line)
{
	struct item *item;
	int rc = overrides_add(overrides, domain, line, 0, &item);

	if (rc == MTS_OK)
		item->override.bypass = true;
	return rc;
}

static bool has_pattern(const struct policy *policy, const char *pattern)
{
	size_t offset = 0;
	const char *mx;

	while ((mx = policy_next_mx(policy, &offset)))
		if (strcmp(mx, pattern) == 0)
			return true;
	return false;
}

/* Appends PATTERN to POLICY, whose patterns are at TO, unless it is there
 * already. */
static void policy_add_pattern(struct policy *policy, char *to,
                               const char *pattern)
{
	char *start = to + policy->mx.len;
	size_t len = strlen(pattern);

	for (size_t i = 0; i <= len; i++)
		start[i] = ascii_lower(pattern[i]);
	if (has_pattern(policy, start))
		return;
	policy->mx.len += len + 1;
	policy->mx_count++;
}

int overrides_add_policy(struct overrides *overrides,
                         const struct domain *domain, unsigned line,
                         enum policy_mode mode, struct slice mx)
{
	struct item *item;
	char *to;
	int rc;

	if (mx.len > POLICY_MAX || (mx.len == 0 && mode != POLICY_NONE))
		return MTS_ERANGE;
	rc = overrides_add(overrides, domain, line, mx.len, &item);
	if (rc != MTS_OK)
		return rc;
	to = item->text + domain->len + 1;
	item->override.policy =
	    (struct policy){ .mode = mode,
		             .max_age_s = POLICY_MAX_AGE_MAX,
		             .mx = slice_of(to, 0) };
	for (size_t i = 0; i < mx.len; i += strlen(mx.data + i) + 1)
		policy_add_pattern(&item->override.policy, to, mx.data + i);
	return MTS_OK;
}

const struct override *overrides_find(const struct overrides *overrides,
                                      const struct domain *domain)
{
	struct map_node *node;

	if (!overrides)
		return NULL;
	node = map_find(overrides->map, domain->name, domain->len);
	return node ? &container_of(node, struct item, node)->override : NULL;
}

size_t overrides_count(const struct overrides *overrides)
{
	return overrides ? map_count(overrides->map) : 0;
}
