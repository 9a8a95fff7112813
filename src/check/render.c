/* SPDX-License-Identifier: BSD-2-Clause */
/* render.c - which forms there are, and what all of them share. */
#include "check/render.h"

#include "check/safe.h"

#include <stdlib.h>
#include <strings.h>

static const struct renderer *const renderers[] = {
	&renderer_text,
	&renderer_json,
	&renderer_jsonl,
};

const struct renderer *renderer_find(const char *name)
{
	for (size_t i = 0; i < sizeof(renderers) / sizeof(*renderers); i++)
		if (strcmp(renderers[i]->name, name) == 0)
			return renderers[i];
	return NULL;
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
