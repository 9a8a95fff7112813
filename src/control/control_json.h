/* SPDX-License-Identifier: BSD-2-Clause */
/* control_json.h - policies and look-ups as JSON, for the control socket.
 *
 * An object is built with puts and checked once, at the end: a put that fails
 * drops the object and leaves NULL, and further puts do nothing. Puts only fail
 * if memory is short, since invalid UTF-8 is replaced. */
#ifndef CONTROL_CONTROL_JSON_H
#define CONTROL_CONTROL_JSON_H

#include "base/buffer.h"
#include "cache/absent.h"
#include "cache/cache.h"
#include "discover/discover.h"
#include "lookup/ask.h"
#include "lookup/schedule.h"

#include <jansson.h>

/* Sets KEY of *OBJECT and takes VALUE, which may be NULL: a failure. */
void control_put(json_t **object, const char *key, json_t *value);

void control_put_text(json_t **object, const char *key, const char *text);
void control_put_slice(json_t **object, const char *key, struct slice text);
void control_put_bool(json_t **object, const char *key, bool value);
void control_put_int(json_t **object, const char *key, int64_t value);
void control_put_count(json_t **object, const char *key, uint64_t value);

/* Seconds since 1970; 0, "has not happened", becomes null. */
void control_put_time(json_t **object, const char *key, int64_t time_s);

/* Appends *OBJECT and a newline to OUT; drops *OBJECT and leaves NULL.
 * MTS_ENOMEM (also where *OBJECT is NULL) or MTS_ERANGE: OUT is as before. */
int control_json_write(struct buffer *out, json_t **object);

/* mode, id, max_age, fetched, expires, expires_in. */
void control_put_policy(json_t **object, const struct cache_entry *entry,
                        int64_t now_s);

/* "mx": the patterns. */
void control_put_mx(json_t **object, const struct policy *policy);

/* All of an entry except the text: control_put_policy(), mx, live, when it
 * is due by RULES, and each time twice, as KEY and KEY_iso. */
void control_put_entry(json_t **object, const struct cache_entry *entry,
                       const struct schedule_rules *rules, int64_t now_s);

/* One domain of a list. */
json_t *control_json_list_item(const char *domain,
                               const struct cache_entry *entry, int64_t now_s);

/* What is known to be absent; null if that has expired. */
json_t *control_json_absent(const struct absent_entry *entry, uint64_t now_ms);

/* One step of a policy discovery, and of a DANE check. */
json_t *control_json_step(const struct discover_step *step);
json_t *control_json_dane_step(const struct dane_step *step);

/* What is known of DANE for HOP and what follows from it. */
json_t *control_json_dane(const struct domain_hop *hop,
                          const struct ask_result *result);

#endif
