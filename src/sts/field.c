/* SPDX-License-Identifier: BSD-2-Clause */
/* field.c - reads the fields of TXT records. */
#include "sts/field.h"

enum { FIELD_NAME_MAX = 32 }; /* one character, then *31 */

bool field_is_name_char(char c)
{
	return ascii_is_alnum(c) || c == '_' || c == '-' || c == '.';
}

/* %x21-3A / %x3C / %x3E-7E */
static bool is_value_char(char c)
{
	return c > ' ' && c <= '~' && c != ';' && c != '=';
}

int field_fail(struct field_reader *r, const char *what)
{
	return fault_set(r->why, MTS_ESYNTAX, "%s record, character %zu: %s",
	                 r->record, (size_t)(r->rest.data - r->start) + 1,
	                 what);
}

int field_read_name(struct field_reader *r, struct slice *ret)
{
	size_t n = field_span(r->rest, field_is_name_char);

	if (n == 0 || !ascii_is_alnum(r->rest.data[0]))
		return field_fail(r,
		                  "a field's name expected (letter or digit)");
	if (n > FIELD_NAME_MAX)
		return field_fail(r, "a field's name is over 32 characters");
	*ret = slice_of(r->rest.data, n);
	r->rest = slice_skip(r->rest, n);
	if (r->rest.len == 0 || r->rest.data[0] != '=')
		return field_fail(r, "'=' expected right after the name");
	r->rest = slice_skip(r->rest, 1);
	return MTS_OK;
}

int field_read_value(struct field_reader *r, struct slice *ret)
{
	size_t n = field_span(r->rest, is_value_char);

	if (n == 0)
		return field_fail(r, "a value expected right after '='");
	*ret = slice_of(r->rest.data, n);
	r->rest = slice_skip(r->rest, n);
	return MTS_OK;
}
