/* SPDX-License-Identifier: BSD-2-Clause */
/* field.h - fields "name=value" between semicolons, which the TXT records of
 * MTA-STS (RFC 8461 3.1) and TLSRPT (RFC 8460 3) are made of. */
#ifndef STS_FIELD_H
#define STS_FIELD_H

#include "base/slice.h"
#include "base/status.h"

/* What is left to read, and where that is, for the fault's text. */
struct field_reader {
	const char *record; /* what the record is called there */
	const char *start;
	struct slice rest;
	struct fault *why;
};

/* How many bytes at the front of TEXT are what IS says. */
static inline size_t field_span(struct slice text, bool (*is)(char c))
{
	size_t n = 0;

	while (n < text.len && is(text.data[n]))
		n++;
	return n;
}

/* A letter, a digit, or one of "_-.". */
bool field_is_name_char(char c);

/* MTS_ESYNTAX, with what is wrong at the front of what is left. */
int field_fail(struct field_reader *r, const char *what);

/* Takes a field's name and the '=' behind it. MTS_ESYNTAX. */
int field_read_name(struct field_reader *r, struct slice *ret);

/* Takes the value of sts-id, or of an extension of either record: characters
 * that are visible, but for ';' and '='. MTS_ESYNTAX: there are none. */
int field_read_value(struct field_reader *r, struct slice *ret);

#endif
