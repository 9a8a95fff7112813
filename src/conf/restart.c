/* SPDX-License-Identifier: BSD-2-Clause */
/* restart.c - options that a reload does not take in. */
#include "conf/conf.h"
#include "conf/schema.h"

#include <stdio.h>
#include <string.h>

static bool differs(const struct conf_option *option, const struct conf *a,
                    const struct conf *b)
{
	const char *at_a = (const char *)a + option->offset;
	const char *at_b = (const char *)b + option->offset;

	switch (option->type) {
	case CONF_UNIX:
	case CONF_PATH:
	case CONF_NAME:
		return !text_same(*(char *const *)(const void *)at_a,
		                  *(char *const *)(const void *)at_b);
	case CONF_COUNT:
	case CONF_SIZE:
	case CONF_DURATION:
		return memcmp(at_a, at_b, sizeof(uint64_t)) != 0;
	case CONF_SECTION:
	case CONF_LISTENERS:
	case CONF_MAPS:
	case CONF_SERVERS:
	case CONF_NAMES:
	case CONF_DOMAINS:
	case CONF_BOOL:
	case CONF_WORD:
	case CONF_MODE:
	case CONF_ADDRESS:
		break;
	}
	return false; /* none of these takes a restart: test_conf_docs.c */
}

size_t conf_list_restart(const struct conf *a, const struct conf *b, char *text,
                         size_t size)
{
	const struct conf_option *option;
	size_t count = 0;
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; (option = schema_at(i)); i++) {
		int n;

		if (!option->restart || !differs(option, a, b))
			continue;
		n = snprintf(text + used, size - used, "%s%s",
		             count ? ", " : "", option->path);
		count++;
		if (n > 0 && (size_t)n < size - used)
			used += (size_t)n;
	}
	return count;
}
