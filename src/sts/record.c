/* SPDX-License-Identifier: BSD-2-Clause */
/* record.c - finds the one MTA-STS TXT record of a domain, and parses it.
 *
 * Pure: no DNS, no clock, no log. The caller passes every TXT record that it
 * got; those that do not begin with "v=STSv1;" serve other purposes and are
 * ignored.
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

#include "sts/field.h"

#include <stdio.h>

#define RECORD_VERSION "v=STSv1"

/* sts-field-delim */
static int read_delim(struct field_reader *r)
{
	size_t blanks = field_span(r->rest, ascii_is_wsp);

	if (blanks == r->rest.len && blanks)
		return field_fail(r, "blanks at the end, with no ';' before");
	if (blanks == r->rest.len)
		return field_fail(r, "the record ends where ';' and \"id=...\" "
		                     "should follow");
	if (r->rest.data[blanks] != ';')
		return field_fail(r, "';' expected");
	r->rest = slice_skip(r->rest, blanks + 1);
	r->rest = slice_skip(r->rest, field_span(r->rest, ascii_is_wsp));
	return MTS_OK;
}

static int take_id(struct field_reader *r, struct slice id,
                   struct sts_record *ret)
{
	if (id.len > RECORD_ID_MAX)
		return fault_set(r->why, MTS_ESYNTAX,
		                 "TXT record: the id is over 32 characters");
	if (field_span(id, ascii_is_alnum) != id.len)
		return fault_set(r->why, MTS_ESYNTAX,
		                 "TXT record: the id \"%.*s\" holds more than "
		                 "letters and digits",
		                 (int)id.len, id.data);
	snprintf(ret->id, sizeof(ret->id), "%.*s", (int)id.len, id.data);
	return MTS_OK;
}

int record_parse(struct slice text, struct sts_record *ret, struct fault *why)
{
	struct field_reader r = { "TXT", text.data, text, why };
	struct sts_record record = { "" };
	struct slice name, value;
	int rc;

	if (!slice_starts(text, RECORD_VERSION))
		return fault_set(why, MTS_ESYNTAX,
		                 "TXT record: it does not begin with "
		                 "\"" RECORD_VERSION "\"");
	r.rest = slice_skip(text, strlen(RECORD_VERSION));
	do {
		rc = read_delim(&r);
		if (rc != MTS_OK)
			return rc;
		if (r.rest.len == 0)
			break; /* a delimiter may end the record */
		rc = field_read_name(&r, &name);
		if (rc == MTS_OK)
			rc = field_read_value(&r, &value);
		/* 3.2: if a field appears twice, the first one counts. */
		if (rc == MTS_OK && !record.id[0] && slice_is(name, "id"))
			rc = take_id(&r, value, &record);
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
