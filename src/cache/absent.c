/* SPDX-License-Identifier: BSD-2-Clause */
/* absent.c - a bounded table, in memory, of domains without a usable policy. */
#include "cache/absent.h"

#include "base/recent.h"

#include <stdlib.h>

enum { REASON_MAX = 100 }; /* 50,000 of them have to fit in a few MiB */

struct absent {
	struct recent *items; /* struct item */
};

/* One domain. TEXT holds its name, id and reason, each with a NUL. */
struct item {
	struct recent_node node; /* the key is the name */
	uint64_t until_ms;
	uint64_t retry_ms;
	enum absent_cause cause;
	char text[];
};

struct absent *absent_new(size_t max)
{
	struct absent *absent = malloc(sizeof(*absent));

	if (!absent)
		return NULL;
	absent->items = recent_new(max);
	if (!absent->items) {
		free(absent);
		return NULL;
	}
	return absent;
}

void absent_free(struct absent **absent)
{
	if (!*absent)
		return;
	recent_free(&(*absent)->items);
	free(*absent);
	*absent = NULL;
}

static const char *absent_item_id(const struct item *item)
{
	return item->text + item->node.node.key_len + 1;
}

static const char *absent_item_reason(const struct item *item)
{
	const char *id = absent_item_id(item);

	return id + strlen(id) + 1;
}

int absent_get(struct absent *absent, const struct domain *domain,
               struct absent_entry *ret)
{
	struct recent_node *node =
	    recent_use(absent->items, domain->name, domain->len);
	struct item *item;

	if (!node)
		return MTS_ENOTFOUND;
	item = container_of(node, struct item, node);
	ret->cause = item->cause;
	ret->until_ms = item->until_ms;
	ret->retry_ms = item->retry_ms;
	/* absent_put() has cut it to size. */
	memcpy(ret->id, absent_item_id(item), strlen(absent_item_id(item)) + 1);
	ret->reason = absent_item_reason(item);
	return MTS_OK;
}

static char *append_text(char *to, const char *text, size_t len)
{
	memcpy(to, text, len);
	to[len] = '\0';
	return to + len + 1;
}

static struct item *absent_item_new(const struct domain *domain,
                                    const struct absent_entry *entry)
{
	const char *reason = entry->reason ? entry->reason : "";
	size_t reason_len = strnlen(reason, REASON_MAX);
	size_t id_len = strnlen(entry->id, RECORD_ID_MAX);
	struct item *item;
	char *p;

	item = malloc(sizeof(*item) + domain->len + id_len + reason_len + 3);
	if (!item)
		return NULL;
	item->until_ms = entry->until_ms;
	item->retry_ms = entry->retry_ms;
	item->cause = entry->cause;
	p = append_text(item->text, domain->name, domain->len);
	p = append_text(p, entry->id, id_len);
	append_text(p, reason, reason_len);
	item->node.node.key = item->text;
	item->node.node.key_len = domain->len;
	return item;
}

int absent_put(struct absent *absent, const struct domain *domain,
               const struct absent_entry *entry)
{
	struct item *item = absent_item_new(domain, entry);

	if (!item)
		return MTS_ENOMEM;
	/* Replace the old item last: ENTRY may borrow its reason from it. */
	recent_put(absent->items, &item->node);
	return MTS_OK;
}

void absent_remove(struct absent *absent, const struct domain *domain)
{
	(void)recent_remove(absent->items, domain->name, domain->len);
}

void absent_remove_all(struct absent *absent)
{
	recent_remove_all(absent->items);
}

size_t absent_count(const struct absent *absent)
{
	return recent_count(absent->items);
}

const char *absent_cause_text(enum absent_cause cause)
{
	switch (cause) {
	case ABSENT_NO_RECORD:
		return "no_record";
	case ABSENT_BAD_RECORD:
		return "bad_record";
	case ABSENT_DNS_FAILED:
		return "dns_failed";
	case ABSENT_FETCH_FAILED:
		return "fetch_failed";
	case ABSENT_ENDED:
		return "ended";
	case ABSENT_NO_MEMORY:
		return "no_memory";
	default:
		return "unknown";
	}
}
