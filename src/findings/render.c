/* SPDX-License-Identifier: BSD-2-Clause */
/* render.c - the list of output formats, and what they share. */
#include "findings/render.h"

#include "findings/safe.h"

#include <stdio.h>
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

const char *render_state(enum state state)
{
	static const char *const texts[] = {
		[STATE_UNKNOWN] = "unknown (could not be looked up)",
		[STATE_NOT_CONFIGURED] = "not configured",
		[STATE_BROKEN] = "broken",
		[STATE_OPTED_OUT] = "opted out (mode none)",
		[STATE_TESTING] = "testing",
		[STATE_ENFORCED] = "enforced",
	};

	return texts[state];
}

const char *render_policy(const struct policy *policy, char text[RENDER_POLICY])
{
	snprintf(text, RENDER_POLICY, "mode %s, max_age %u s, %u mx",
	         policy_mode_text(policy->mode), (unsigned)policy->max_age_s,
	         (unsigned)policy->mx_count);
	return text;
}

const char *render_host_fault(const struct mx_host *host)
{
	const char *fault = NULL;

	if (!host)
		return "not checked";
	if (host->count == 0)
		return host->dns_failed ? "addresses unknown" : "no address";
	for (size_t i = 0; i < host->count; i++) {
		const struct mx_address *address = &host->addresses[i];

		if (address->reach == REACH_PLAIN)
			return "no STARTTLS";
		if (address->reach == REACH_TLS_FAILED)
			return "TLS fails";
		if (address->reach == REACH_FAILED)
			fault = "unreachable";
	}
	return fault;
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

void render_connections(const struct report *report,
                        void (*put)(void *arg,
                                    const struct render_connection *connection),
                        void *arg)
{
	char name[sizeof("mta-sts.") + DOMAIN_MAX];
	char text[ADDRESS_TEXT];
	struct render_connection c = { .host = name,
		                       .address = report->policy.address,
		                       .error = "",
		                       .ms = report->timing.policy_ms,
		                       .view = report->policy.view };

	snprintf(name, sizeof(name), "mta-sts.%s", report->domain.name);
	if (*c.address)
		put(arg, &c);
	for (size_t i = 0; i < report->mx_count; i++) {
		const struct mx_host *host = report->mx[i].host;

		for (size_t k = 0; host && k < host->count; k++) {
			const struct mx_address *address = &host->addresses[k];

			c.host = host->name;
			c.address = address_text(&address->address, text);
			c.error = address->error;
			c.ms = address->ms;
			c.view = address->view;
			put(arg, &c);
		}
	}
}

/* If TEXT begins with "mailto:", returns the length of that, and in *RET_HIDDEN the
 * length of the local part, which is everything if there is no '@'. Else 0. */
static size_t render_mailto_len(const char *text, size_t *ret_hidden)
{
	static const char scheme[] = "mailto:";
	size_t len = strlen(scheme);
	const char *at;

	if (strncasecmp(text, scheme, len) != 0)
		return 0;
	*ret_hidden = strcspn(text + len, ", ;?\t");
	at = memrchr(text + len, '@', *ret_hidden);
	if (at)
		*ret_hidden = (size_t)(at - text) - len;
	return len;
}

/* Masks the local part of everything that is, or may have been meant as, a mail
 * address, in malformed records too. */
static void render_put_masked(struct buffer *out, const char *text)
{
	while (*text) {
		size_t hidden = 0;
		size_t len = render_mailto_len(text, &hidden);

		if (len == 0) {
			hidden = strcspn(text, "@ ,;:/?&=\t");
			if (hidden && text[hidden] != '@') {
				len = hidden;
				hidden = 0;
			}
		}
		if (len == 0 && hidden == 0)
			len = 1;
		buffer_put(out, text, len);
		buffer_puts(out, hidden ? "***" : "");
		text += len + hidden;
	}
}

char *render_tls_rpt(const char *text, bool show)
{
	struct buffer out;
	char *safe = NULL;

	if (show)
		return safe_copy(slice_str(text), false);
	buffer_init(&out, RENDER_MAX);
	render_put_masked(&out, text);
	if (buffer_status(&out) == MTS_OK)
		safe = safe_copy(buffer_slice(&out), false);
	buffer_free(&out);
	return safe;
}

char *render_rua(const char *rua, bool show)
{
	return render_tls_rpt(rua, show);
}
