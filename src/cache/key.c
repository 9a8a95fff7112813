/* SPDX-License-Identifier: BSD-2-Clause */
/* key.c - the keys of the two tables. */
#include "cache/key.h"

size_t key_due(int64_t due_s, struct slice name, char *ret)
{
	for (int i = 0; i < KEY_TIME; i++)
		ret[i] = (char)((uint64_t)due_s >> (56 - 8 * i));
	memcpy(ret + KEY_TIME, name.data, name.len);
	return KEY_TIME + name.len;
}

int64_t key_due_time(struct slice key)
{
	uint64_t due = 0;

	if (key.len < KEY_TIME)
		return -1;
	for (size_t i = 0; i < KEY_TIME; i++)
		due = due << 8 | (unsigned char)key.data[i];
	return (int64_t)due;
}

int key_compare(struct slice a, struct slice b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len ? memcmp(a.data, b.data, len) : 0;

	if (order)
		return order;
	return a.len < b.len ? -1 : a.len > b.len;
}
