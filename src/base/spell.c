/* SPDX-License-Identifier: BSD-2-Clause */
/* spell.c - guesses which name a misspelt one was meant to be. */
#include "base/spell.h"

#include <stdint.h>

enum { SPELL_MAX = 40 }; /* longer names get no guess */

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static char folded(char c)
{
	return c == '-' ? '_' : ascii_lower(c);
}

/* Computes one row of the matrix from the two above it: the row of the letter
 * C, which comes after BEFORE. */
static void next_row(size_t *row, const size_t *above, const size_t *top,
                     const char *known, char before, char c)
{
	for (size_t k = 0; known[k]; k++) {
		char w = folded(known[k]);
		size_t change = above[k] + (c != w);

		row[k + 1] = smaller(smaller(row[k], above[k + 1]) + 1, change);
		if (k > 0 && c == folded(known[k - 1]) && before == w)
			row[k + 1] = smaller(row[k + 1], top[k - 1] + 1);
	}
}

size_t spell_distance(struct slice name, const char *known)
{
	size_t rows[3][SPELL_MAX + 1] = { 0 };
	size_t len = strlen(known);
	char before = '\0';

	if (name.len > SPELL_MAX || len > SPELL_MAX)
		return SIZE_MAX;
	for (size_t k = 0; k <= len; k++)
		rows[0][k] = k;
	for (size_t i = 0; i < name.len; i++) {
		char c = folded(name.data[i]);
		size_t *row = rows[(i + 1) % 3];

		row[0] = i + 1;
		next_row(row, rows[i % 3], rows[(i + 2) % 3], known, before, c);
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

const char *spell_guess(struct slice name, const char *(*known_at)(size_t i))
{
	size_t nearest = spell_slips(name.len) + 1;
	const char *best = NULL;
	const char *known;

	for (size_t i = 0; (known = known_at(i)); i++) {
		size_t far = spell_distance(name, known);

		if (far >= nearest)
			continue;
		best = known;
		nearest = far;
	}
	return best;
}
