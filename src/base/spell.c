/* SPDX-License-Identifier: BSD-2-Clause */
/* spell.c - what somebody who misspelt a name may have meant. */
#include "base/spell.h"

#include <stdint.h>

enum { NAME_LEN_MAX = 40 }; /* of a name that a guess is made for */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static char folded(char c)
{
	return c == '-' ? '_' : ascii_lower(c);
}

/* One row of the matrix from the two above it. C is the letter it is for,
 * BEFORE the one before that. */
static void next_row(size_t *row, const size_t *above, const size_t *top,
                     const char *word, char before, char c)
{
	for (size_t k = 0; word[k]; k++) {
		char w = folded(word[k]);
		size_t change = above[k] + (c != w);

		row[k + 1] = least(least(row[k], above[k + 1]) + 1, change);
		if (k > 0 && c == folded(word[k - 1]) && before == w)
			row[k + 1] = least(row[k + 1], top[k - 1] + 1);
	}
}

size_t spell_distance(struct slice name, const char *word)
{
	size_t rows[3][NAME_LEN_MAX + 1] = { 0 };
	size_t len = strlen(word);
	char before = '\0';

	if (name.len > NAME_LEN_MAX || len > NAME_LEN_MAX)
		return SIZE_MAX;
	for (size_t k = 0; k <= len; k++)
		rows[0][k] = k;
	for (size_t i = 0; i < name.len; i++) {
		char c = folded(name.data[i]);
		size_t *row = rows[(i + 1) % 3];

		row[0] = i + 1;
		next_row(row, rows[i % 3], rows[(i + 2) % 3], word, before, c);
		before = c;
	}
	return rows[name.len % 3][len];
}

size_t spell_slips(size_t len)
{
	if (len <= 4)
		return 1;
	return len < 9 ? 2 : len / 3;
}

const char *spell_guess(struct slice name, const char *(*word_at)(size_t i))
{
	size_t nearest = spell_slips(name.len) + 1;
	const char *best = NULL;
	const char *word;

	for (size_t i = 0; (word = word_at(i)); i++) {
		size_t far = spell_distance(name, word);

		if (far >= nearest)
			continue;
		best = word;
		nearest = far;
	}
	return best;
}
