/* SPDX-License-Identifier: BSD-2-Clause */
/* socketmap.c - parses socketmap requests of Postfix and Sendmail
 * (socketmap_table(5)). */
#include "wire/socketmap.h"

static const struct {
	const char *name;
	enum socketmap_map map;
} maps[] = {
	{ "postfix", MAP_POSTFIX },
	{ "postfix-tlsrpt", MAP_POSTFIX_TLSRPT },
	{ "sts", MAP_STS },
	{ "verdict", MAP_VERDICT },
	/* The names that another daemon uses, for those who migrate. */
	{ "QUERY", MAP_POSTFIX },
	{ "QUERYwithTLSRPT", MAP_POSTFIX_TLSRPT },
};

int socketmap_parse(struct slice payload, struct socketmap_request *ret,
                    struct fault *why)
{
	const char *blank = NULL;

	if (payload.len == 0)
		return fault_set(why, MTS_ESYNTAX, "an empty request");
	/* Code that treats the key as a string would stop at a NUL. */
	if (memchr(payload.data, '\0', payload.len))
		return fault_set(why, MTS_ESYNTAX, "a NUL in the request");
	blank = memchr(payload.data, ' ', payload.len);
	if (!blank)
		return fault_set(why, MTS_ESYNTAX,
		                 "no blank between map and key");
	if (blank == payload.data)
		return fault_set(why, MTS_ESYNTAX, "an empty map name");
	ret->map = slice_of(payload.data, (size_t)(blank - payload.data));
	ret->key = slice_of(blank + 1, payload.len - ret->map.len - 1);
	return MTS_OK;
}

enum socketmap_map socketmap_find_map(struct slice name)
{
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		if (slice_is(name, maps[i].name))
			return maps[i].map;
	return MAP_UNKNOWN;
}

const char *socketmap_map_name(size_t index)
{
	return index < sizeof(maps) / sizeof(maps[0]) ? maps[index].name : NULL;
}

int socketmap_split_verdict(struct slice key, struct slice *ret_domain,
                            struct slice *ret_mx)
{
	const char *blank = key.len ? memchr(key.data, ' ', key.len) : NULL;
	struct slice domain;
	struct slice mx;

	if (!blank)
		return MTS_ESYNTAX;
	domain = slice_of(key.data, (size_t)(blank - key.data));
	mx = slice_of(blank + 1, key.len - domain.len - 1);
	if (domain.len == 0 || mx.len == 0 || memchr(mx.data, ' ', mx.len))
		return MTS_ESYNTAX;
	*ret_domain = domain;
	*ret_mx = mx;
	return MTS_OK;
}
