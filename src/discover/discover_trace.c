/* SPDX-License-Identifier: BSD-2-Clause */
/* discover_trace.c - the lines that a walk leaves, for a person to read. */
#include "discover/discover_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

char *discover_say(char *to, size_t size, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	if (vsnprintf(to, size, format, ap) < 0)
		*to = '\0';
	va_end(ap);
	return to;
}

void discover_add_line(struct discovery *d, const char *name, bool ok,
                       uint64_t ms, const char *text)
{
	struct discover_step *step;

	if (d->result.step_count == DISCOVER_STEPS_MAX)
		return;
	step = &d->steps[d->result.step_count++];
	step->name = name;
	step->ok = ok;
	step->ms = ms;
	discover_say(step->text, sizeof(step->text), "%s", text);
	fault_scrub(step->text);
}

void discover_add_step(struct discovery *d, const char *name, bool ok,
                       const char *text)
{
	uint64_t now_ms = clock_mono_ms(d->options.clock);

	discover_add_line(d, name, ok, now_ms - d->step_ms, text);
	d->step_ms = now_ms;
}

void discover_on_note(void *arg, enum policy_note note, unsigned line,
                      struct slice text)
{
	struct discover_notes *notes = arg;
	size_t room = sizeof(notes->text) - notes->used;
	int n;

	if (note != POLICY_NOTE_BAD_MX)
		return;
	n = snprintf(notes->text + notes->used, room,
	             "; line %u left out: %.*s", line,
	             text.len < 60 ? (int)text.len : 60, text.data);
	if (n > 0 && (size_t)n < room)
		notes->used += (size_t)n;
	else
		notes->text[notes->used] = '\0'; /* whole or not at all */
}

void discover_append(char *text, size_t size, const char *item)
{
	size_t used = strlen(text);

	if (used + strlen(item) + 3 <= size)
		discover_say(text + used, size - used, "%s%s", used ? ", " : "",
		             item);
}

void discover_list_addresses(const struct discovery *d, char *text, size_t size)
{
	char address[ADDRESS_TEXT];

	*text = '\0';
	for (size_t i = 0; i < d->address_count; i++)
		discover_append(text, size,
		                address_text(&d->addresses[i], address));
}

void discover_trace_fetch(struct discovery *d,
                          const struct fetch_result *result)
{
	bool ok = result->cause == FETCH_OK;
	char text[sizeof(d->steps->text)];
	uint64_t tls_ms = result->tls_ms;
	uint64_t tls_took_ms = tls_ms - result->connect_ms;

	if (!result->connect_ms) {
		discover_add_line(d, "connect", false, result->total_ms,
		                  result->reason);
		return;
	}
	discover_say(text, sizeof(text), "%s port 443", result->address);
	discover_add_line(d, "connect", true, result->connect_ms, text);
	if (!tls_ms) {
		discover_add_line(d, "tls", false,
		                  result->total_ms - result->connect_ms,
		                  result->reason);
		return;
	}
	discover_say(text, sizeof(text), "%s, certificate good for mta-sts.%s",
	             result->tls, d->domain.name);
	discover_add_line(d, "tls", true, tls_took_ms, text);
	discover_say(text, sizeof(text), "status %ld, %zu bytes",
	             result->http_status, result->body.len);
	discover_add_line(d, "http", ok, result->total_ms - tls_ms,
	                  ok ? text : result->reason);
}

void discover_trace_policy(struct discovery *d, const struct policy *policy,
                           const struct discover_notes *notes)
{
	char text[sizeof(d->steps->text)];

	discover_say(text, sizeof(text), "mode %s, max_age %u s, %u mx%s",
	             policy_mode_text(policy->mode),
	             (unsigned)policy->max_age_s, (unsigned)policy->mx_count,
	             notes->text);
	discover_add_step(d, "policy", true, text);
}
