/* SPDX-License-Identifier: BSD-2-Clause */
/* control_json.c - policies, absences, DANE states and steps as JSON
 * objects. */
#include "control/control_json.h"

#include "base/clock.h"
#include "base/json_text.h"
#include "sts/verdict.h"

#include <stdio.h>
#include <stdlib.h>

/* -- objects --------------------------------------------------------------- */

void control_put(json_t **object, const char *key, json_t *value)
{
	/* Always takes VALUE; fails if either is NULL. */
	if (json_object_set_new(*object, key, value) == 0)
		return;
	json_decref(*object);
	*object = NULL;
}

void control_put_text(json_t **object, const char *key, const char *text)
{
	control_put_slice(object, key, slice_str(text));
}

/* TEXT with '?' for each byte that is not ASCII. */
static json_t *ascii_string(struct slice text)
{
	char *copy = malloc(text.len + 1);
	json_t *value;

	if (!copy)
		return NULL;
	for (size_t i = 0; i < text.len; i++) {
		copy[i] = text.data[i];
		if (copy[i] & 0x80)
			copy[i] = '?';
	}
	value = json_stringn(copy, text.len);
	free(copy);
	return value;
}

void control_put_slice(json_t **object, const char *key, struct slice text)
{
	json_t *value = json_stringn(text.len ? text.data : "", text.len);

	/* Jansson rejects invalid UTF-8, with the same result as if memory
	 * were short. */
	if (!value)
		value = ascii_string(text);
	control_put(object, key, value);
}

void control_put_bool(json_t **object, const char *key, bool value)
{
	control_put(object, key, json_boolean(value));
}

void control_put_int(json_t **object, const char *key, int64_t value)
{
	control_put(object, key, json_integer((json_int_t)value));
}

void control_put_count(json_t **object, const char *key, uint64_t value)
{
	control_put(
	    object, key,
	    json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value));
}

void control_put_time(json_t **object, const char *key, int64_t time_s)
{
	if (time_s)
		control_put_int(object, key, time_s);
	else
		control_put(object, key, json_null());
}

/* "2024-02-29T12:34:56Z", or null. */
static json_t *iso_time(int64_t time_s)
{
	char text[CLOCK_ISO];

	if (!time_s || !*clock_iso(time_s, text))
		return json_null();
	return json_string(text);
}

static void put_both_times(json_t **object, const char *key, int64_t time_s)
{
	char iso_key[32];

	snprintf(iso_key, sizeof(iso_key), "%s_iso", key);
	control_put_time(object, key, time_s);
	control_put(object, iso_key, iso_time(time_s));
}

int control_json_write(struct buffer *out, json_t **object)
{
	size_t len = out->len;
	int rc = json_text_put(out, *object, JSON_COMPACT);

	*object = NULL;
	if (rc == MTS_OK)
		rc = buffer_put(out, "\n", 1);
	if (rc != MTS_OK)
		buffer_truncate(out, len);
	return rc;
}

/* -- what they are about --------------------------------------------------- */

static int64_t expires_s(const struct cache_entry *entry)
{
	return entry->fetched_s + (int64_t)entry->policy.max_age_s;
}

void control_put_policy(json_t **object, const struct cache_entry *entry,
                        int64_t now_s)
{
	control_put_text(object, "mode", policy_mode_text(entry->policy.mode));
	control_put_text(object, "id", entry->id);
	control_put_int(object, "max_age", entry->policy.max_age_s);
	control_put_time(object, "fetched", entry->fetched_s);
	control_put_time(object, "expires", expires_s(entry));
	control_put_int(object, "expires_in", expires_s(entry) - now_s);
}

void control_put_mx(json_t **object, const struct policy *policy)
{
	json_t *array = json_array();
	size_t offset = 0;
	const char *mx;

	while ((mx = policy_next_mx(policy, &offset)) != NULL) {
		if (json_array_append_new(array, json_string(mx)) < 0) {
			json_decref(array);
			array = NULL;
			break;
		}
	}
	control_put(object, "mx", array);
}

/* The times of the id check, the fetch, and its failures. A policy that has
 * expired or is left to expire has no next time. */
static void put_clocks(json_t **object, const struct cache_entry *entry,
                       const struct schedule_rules *rules, int64_t now_s)
{
	enum schedule_step step = schedule_due(rules, entry, now_s);
	bool failing = entry->failures > 0;
	int64_t next_s = entry->next_refresh_s;

	if (step != SCHEDULE_REFRESH || next_s >= schedule_end_s(entry))
		next_s = 0;
	put_both_times(object, "checked", entry->checked_s);
	control_put_count(object, "record_ttl", entry->record_ttl_s);
	put_both_times(
	    object, "next_check",
	    step == SCHEDULE_REMOVE ? 0 : schedule_id_check_s(rules, entry));
	put_both_times(object, "next_refresh", next_s);
	control_put_bool(object, "unused",
	                 schedule_is_unused(rules, entry, now_s));
	control_put_count(object, "failures", entry->failures);
	put_both_times(object, "failed", failing ? entry->failed_s : 0);
	if (failing)
		control_put_text(object, "failed_cause",
		                 refresh_cause_text(refresh_last_cause(entry)));
	else
		control_put(object, "failed_cause", json_null());
}

void control_put_entry(json_t **object, const struct cache_entry *entry,
                       const struct schedule_rules *rules, int64_t now_s)
{
	control_put_policy(object, entry, now_s);
	control_put_mx(object, &entry->policy);
	control_put_bool(
	    object, "live",
	    verdict_is_live(entry->policy.max_age_s, entry->fetched_s, now_s));
	put_both_times(object, "fetched", entry->fetched_s);
	put_both_times(object, "expires", expires_s(entry));
	put_both_times(object, "used", entry->used_s);
	put_clocks(object, entry, rules, now_s);
}

json_t *control_json_list_item(const char *domain,
                               const struct cache_entry *entry, int64_t now_s)
{
	json_t *item = json_object();

	control_put_text(&item, "domain", domain);
	control_put_policy(&item, entry, now_s);
	control_put_time(&item, "used", entry->used_s);
	control_put_count(&item, "mx_count", entry->policy.mx_count);
	control_put_count(&item, "failures", entry->failures);
	return item;
}

/* Whole seconds from NOW to UNTIL, rounded up, so that only the past is 0. */
static uint64_t seconds_left(uint64_t until_ms, uint64_t now_ms)
{
	return until_ms > now_ms ? (until_ms - now_ms + 999) / 1000 : 0;
}

json_t *control_json_absent(const struct absent_entry *entry, uint64_t now_ms)
{
	uint64_t ends_in_s = seconds_left(entry->until_ms, now_ms);
	uint64_t retry_in_s = seconds_left(entry->retry_ms, now_ms);
	json_t *object;

	if (!ends_in_s && !retry_in_s)
		return json_null();
	object = json_object();
	control_put_text(&object, "cause", absent_cause_text(entry->cause));
	control_put_text(&object, "reason", entry->reason);
	control_put_count(&object, "ends_in", ends_in_s);
	if (entry->id[0]) {
		control_put_text(&object, "id", entry->id);
		control_put_count(&object, "retry_in", retry_in_s);
	}
	return object;
}

json_t *control_json_step(const struct discover_step *step)
{
	json_t *object = json_object();

	control_put_text(&object, "name", step->name);
	control_put_bool(&object, "ok", step->ok);
	control_put_count(&object, "ms", step->ms);
	control_put_text(&object, "detail", step->text);
	return object;
}

/* -- DANE ------------------------------------------------------------------ */

static const char *verdict_text(const struct ask_result *result)
{
	switch (result->verdict) {
	case DANE_SAYS_DANE:
		return "dane";
	case DANE_SAYS_ONLY:
		return "dane-only";
	case DANE_SAYS_WAIT:
		return "wait";
	case DANE_SAYS_NOTHING:
		break;
	}
	return "nothing";
}

static int64_t ends_in_s(const struct dane_known *known)
{
	return (int64_t)known->ttl_s - (int64_t)known->age_s;
}

json_t *control_json_dane(const struct domain_hop *hop,
                          const struct ask_result *result)
{
	const struct dane_known *known = &result->dane;
	json_t *object = json_object();

	control_put_text(&object, "state", dane_state_text(known->state));
	control_put_bool(&object, "direct", hop->direct);
	control_put_count(&object, "port", hop->port);
	if (result->dane_off) {
		control_put_text(&object, "off", result->dane_off);
		return object;
	}
	if (known->state != DANE_NOT_KNOWN) {
		control_put_count(&object, "ttl", known->ttl_s);
		control_put_count(&object, "age", known->age_s);
		control_put_int(&object, "ends_in", ends_in_s(known));
	}
	if (known->reason[0])
		control_put_text(&object, "reason", known->reason);
	control_put_text(&object, "verdict", verdict_text(result));
	return object;
}

json_t *control_json_dane_step(const struct dane_step *step)
{
	json_t *object = json_object();

	control_put_text(&object, "name", step->name);
	control_put_bool(&object, "ok", step->ok);
	control_put_text(&object, "detail", step->text);
	return object;
}
