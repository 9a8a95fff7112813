/* SPDX-License-Identifier: BSD-2-Clause */
/* render.c - which forms there are, and what all of them share. */
#include "check/render.h"

#include "check/safe.h"

#include <stdlib.h>
#include <strings.h>

static const struct renderer *const renderers[] = {
	&renderer_text, &renderer_json,   &renderer_jsonl,
	&renderer_html, &renderer_nagios,
};

const struct renderer *renderer_find(const char *name)
{
	for (size_t i = 0; i < sizeof(renderers) / sizeof(*renderers); i++)
		if (strcmp(renderers[i]->name, name) == 0)
			return renderers[i];
	return NULL;
}

const char *render_state_words(enum state state)
{
	static const char *const words[] = {
		[STATE_UNKNOWN] = "unknown (it could not be looked up)",
		[STATE_NOT_CONFIGURED] = "not configured",
		[STATE_BROKEN] = "broken",
		[STATE_OPTED_OUT] = "opted out (mode none)",
		[STATE_TESTING] = "testing",
		[STATE_ENFORCED] = "enforced",
	};

	return words[state];
}

const char *render_host_words(const struct mx_host *host)
{
	const char *words = NULL;

	if (!host)
		return "not looked at";
	if (host->count == 0)
		return host->dns_failed ? "addresses not known" : "no address";
	for (size_t i = 0; i < host->count; i++) {
		const struct mx_address *address = &host->addresses[i];

		if (address->reach == REACH_PLAIN)
			return "no STARTTLS";
		if (address->reach == REACH_TLS_FAILED)
			return "TLS fails";
		if (address->reach == REACH_FAILED)
			words = "not reached";
	}
	return words;
}

const struct tls_view *render_host_view(const struct mx_host *host)
{
	const struct tls_view *shown = NULL;

	for (size_t i = 0; host && i < host->count; i++) {
		const struct tls_view *view = host->addresses[i].view;

		if (view && (!shown || view->old || tls_view_is_bad(view)))
			shown = view;
	}
	return shown;
}

/* Up to where a URI goes on: a comma, a blank, a semicolon. */
static size_t uri_len(const char *text)
{
	return strcspn(text, ", ;\t");
}

char *render_tls_rpt(const char *text, bool show)
{
	static const char scheme[] = "mailto:";
	struct buffer out;
	char *safe = NULL;

	if (show)
		return safe_copy(slice_str(text), false);
	buffer_init(&out, RENDER_MAX);
	while (*text) {
		size_t len = uri_len(text);
		const char *at = memchr(text, '@', len);

		if (strncasecmp(text, scheme, strlen(scheme)) != 0) {
			buffer_put(&out, text++, 1);
			continue;
		}
		buffer_put(&out, text, strlen(scheme));
		buffer_puts(&out, "***");
		if (at)
			buffer_put(&out, at, (size_t)(text + len - at));
		text += len;
	}
	if (buffer_status(&out) == MTS_OK)
		safe = safe_copy(buffer_slice(&out), false);
	buffer_free(&out);
	return safe;
}

char *render_rua(const char *rua, bool show)
{
	return render_tls_rpt(rua, show);
}
