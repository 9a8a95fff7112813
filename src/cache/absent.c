/* SPDX-License-Identifier: BSD-2-Clause */
/* absent.c - domains known to have no usable policy, in memory, bounded.
 *
 * A hash table for the look-up and a list in order of use for making room. */
#include "cache/absent.h"

#include "base/list.h"
#include "base/map.h"

#include <stdlib.h>

enum { REASON_MAX = 100 }; /* 50,000 of them have to fit in a few MiB */

struct absent {
	struct map *map;
	struct list used; /* struct item; the one used longest ago first */
	size_t max;
};

/* One domain. Its strings lie behind it: name, id, reason, each with a NUL. */
struct item {
	struct map_node node; /* the key is the name */
	struct list link;
	uint64_t until_ms;
	uint64_t retry_ms;
	enum absent_cause cause;
	char text[];
};

struct absent *absent_new(size_t max)
{
	struct absent *absent = calloc(1, sizeof(*absent));

	if (!absent)
		return NULL;
	absent->map = map_new();
	if (!absent->map) {
		free(absent);
		return NULL;
	}
	list_init(&absent->used);
	absent->max = max;
	return absent;
}

void absent_free(struct absent **absent)
{
	if (!*absent)
		return;
	absent_remove_all(*absent);
	map_free(&(*absent)->map);
	free(*absent);
	*absent = NULL;
}

static struct item *find(const struct absent *absent,
                         const struct domain *domain)
{
	struct map_node *node =
	    map_find(absent->map, domain->name, domain->len);

	return node ? container_of(node, struct item, node) : NULL;
}

static void drop(struct absent *absent, struct item *item)
{
	map_remove(absent->map, &item->node);
	list_remove(&item->link);
	free(item);
}

static const char *item_id(const struct item *item)
{
	return item->text + item->node.key_len + 1;
}

static const char *item_reason(const struct item *item)
{
	const char *id = item_id(item);

	return id + strlen(id) + 1;
}

int absent_get(struct absent *absent, const struct domain *domain,
               struct absent_entry *ret)
{
	struct item *item = find(absent, domain);

	if (!item)
		return MTS_ENOTFOUND;
	list_remove(&item->link);
	list_append(&absent->used, &item->link);
	ret->cause = item->cause;
	ret->until_ms = item->until_ms;
	ret->retry_ms = item->retry_ms;
	/* Cut to size when it was put. */
	memcpy(ret->id, item_id(item), strlen(item_id(item)) + 1);
	ret->reason = item_reason(item);
	return MTS_OK;
}

static char *put_text(char *to, const char *text, size_t len)
{
	memcpy(to, text, len);
	to[len] = '\0';
	return to + len + 1;
}

static struct item *item_new(const struct domain *domain,
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
	p = put_text(item->text, domain->name, domain->len);
	p = put_text(p, entry->id, id_len);
	put_text(p, reason, reason_len);
	item->node.key = item->text;
	item->node.key_len = domain->len;
	return item;
}

static void make_room(struct absent *absent)
{
	struct list *oldest = list_first(&absent->used);

	if (oldest && absent_count(absent) >= absent->max)
		drop(absent, container_of(oldest, struct item, link));
}

int absent_put(struct absent *absent, const struct domain *domain,
               const struct absent_entry *entry)
{
	struct item *item = item_new(domain, entry);

	if (!item)
		return MTS_ENOMEM;
	/* Only now: ENTRY may borrow its reason from what goes here. */
	absent_remove(absent, domain);
	make_room(absent);
	map_insert(absent->map, &item->node);
	list_append(&absent->used, &item->link);
	return MTS_OK;
}

void absent_remove(struct absent *absent, const struct domain *domain)
{
	struct item *item = find(absent, domain);

	if (item)
		drop(absent, item);
}

void absent_remove_all(struct absent *absent)
{
	list_each_safe (link, &absent->used)
		drop(absent, container_of(link, struct item, link));
}

size_t absent_count(const struct absent *absent)
{
	return map_count(absent->map);
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
	default:
		return "unknown";
	}
}
