/* SPDX-License-Identifier: BSD-2-Clause */
/* record.c - picks the one MTA-STS TXT record of a domain, and reads it.
 *
 * Pure: no DNS, no clock, no log. The caller passes every TXT record it got;
 * what does not begin with "v=STSv1;" is somebody else's and is passed over.
 *
 * The grammar (3.1):
 *
 *     sts-text-record = sts-version 1*(sts-field-delim sts-field)
 *                       [sts-field-delim]
 *     sts-field       = sts-id / sts-extension
 *     sts-field-delim = *WSP ";" *WSP
 *     sts-id          = %s"id=" 1*32(ALPHA / DIGIT)
 *     sts-extension   = sts-ext-name "=" sts-ext-value */
#include "sts/record.h"

#include <stdio.h>

#define RECORD_VERSION "v=STSv1"

enum { RECORD_NAME_MAX = 32 }; /* 3.1: one character, then *31 */

struct field {
	struct slice name;
	struct slice value;
};

/* What is left to read, and where that is, for the fault's text. */
struct reader {
	const char *start;
	struct slice rest;
	struct fault *why;
};

static void advance(struct reader *r, size_t n)
{
	r->rest.data += n;
	r->rest.len -= n;
}

static int fail_here(struct reader *r, const char *what)
{
	return fault_set(r->why, MTS_ESYNTAX, "TXT record, character %zu: %s",
	                 (size_t)(r->rest.data - r->start) + 1, what);
}

/* %x21-3A / %x3C / %x3E-7E: visible, but for ';' and '='. */
static bool is_value_char(char c)
{
	return c > ' ' && c <= '~' && c != ';' && c != '=';
}

static bool is_name_char(char c)
{
	return ascii_is_alnum(c) || c == '_' || c == '-' || c == '.';
}

static size_t span(struct slice s, bool (*is)(char c))
{
	size_t n = 0;

	while (n < s.len && is(s.data[n]))
		n++;
	return n;
}

/* sts-field-delim */
static int read_delim(struct reader *r)
{
	size_t blanks = span(r->rest, ascii_is_wsp);

	if (blanks == r->rest.len && blanks)
		return fail_here(r, "blanks at the end, with no ';' before");
	if (blanks == r->rest.len)
		return fail_here(r, "the record ends where ';' and \"id=...\" "
		                    "should follow");
	if (r->rest.data[blanks] != ';')
		return fail_here(r, "';' expected");
	advance(r, blanks + 1);
	advance(r, span(r->rest, ascii_is_wsp));
	return MTS_OK;
}

/* sts-extension, which is also the shape of sts-id. */
static int read_field(struct reader *r, struct field *ret)
{
	size_t n = span(r->rest, is_name_char);

	if (n == 0 || !ascii_is_alnum(r->rest.data[0]))
		return fail_here(r,
		                 "a field's name expected (letter or digit)");
	if (n > RECORD_NAME_MAX)
		return fail_here(r, "a field's name is over 32 characters");
	ret->name = slice_of(r->rest.data, n);
	advance(r, n);
	if (r->rest.len == 0 || r->rest.data[0] != '=')
		return fail_here(r, "'=' expected right after the name");
	advance(r, 1);
	n = span(r->rest, is_value_char);
	if (n == 0)
		return fail_here(r, "a value expected right after '='");
	ret->value = slice_of(r->rest.data, n);
	advance(r, n);
	return MTS_OK;
}

static int take_id(struct reader *r, struct slice id, struct sts_record *ret)
{
	if (id.len > RECORD_ID_MAX)
		return fault_set(r->why, MTS_ESYNTAX,
		                 "TXT record: the id is over 32 characters");
	if (span(id, ascii_is_alnum) != id.len)
		return fault_set(r->why, MTS_ESYNTAX,
		                 "TXT record: the id \"%.*s\" holds more than "
		                 "letters and digits",
		                 (int)id.len, id.data);
	snprintf(ret->id, sizeof(ret->id), "%.*s", (int)id.len, id.data);
	return MTS_OK;
}

int record_parse(struct slice text, struct sts_record *ret, struct fault *why)
{
	struct reader r = { text.data, text, why };
	struct sts_record record = { "" };
	struct field field = { slice_str(""), slice_str("") };
	int rc;

	if (!slice_starts(text, RECORD_VERSION))
		return fault_set(why, MTS_ESYNTAX,
		                 "TXT record: it does not begin with "
		                 "\"" RECORD_VERSION "\"");
	advance(&r, strlen(RECORD_VERSION));
	do {
		rc = read_delim(&r);
		if (rc != MTS_OK)
			return rc;
		if (r.rest.len == 0)
			break; /* the delimiter that may end the record */
		rc = read_field(&r, &field);
		/* 3.2: of a field that comes twice the first one counts. */
		if (rc == MTS_OK && !record.id[0] && slice_is(field.name, "id"))
			rc = take_id(&r, field.value, &record);
		if (rc != MTS_OK)
			return rc;
	} while (r.rest.len);
	if (!record.id[0])
		return fault_set(why, MTS_ESYNTAX,
		                 "TXT record: it has no \"id\" field");
	*ret = record;
	return MTS_OK;
}

int record_select(const struct slice *texts, size_t count,
                  struct sts_record *ret, struct fault *why)
{
	const struct slice *found = NULL;
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		if (!slice_starts(texts[i], RECORD_VERSION ";"))
			continue;
		found = &texts[i];
		n++;
	}
	if (n == 0)
		return fault_set(why, MTS_ENOTFOUND,
		                 "none of %zu TXT records begins with "
		                 "\"" RECORD_VERSION ";\"",
		                 count);
	if (n > 1)
		return fault_set(why, MTS_ESYNTAX,
		                 "%zu TXT records begin with \"" RECORD_VERSION
		                 ";\", and only one may",
		                 n);
	return record_parse(*found, ret, why);
}
