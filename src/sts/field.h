/* SPDX-License-Identifier: BSD-2-Clause */
/* field.h - reads the fields of the TXT records of MTA-STS (RFC 8461 3.1) and
 * TLSRPT (RFC 8460 3): "name=value", separated by semicolons. */
#ifndef STS_FIELD_H
#define STS_FIELD_H

#include "base/slice.h"
#include "base/status.h"

struct field_reader {
	const char *record; /* the record's name in the fault's text */
	const char *start;  /* of the record, to count characters from */
	struct slice rest;  /* what is left to read */
	struct fault *why;
};

/* How many bytes at the start of TEXT satisfy IS. */
static inline size_t field_span(struct slice text, bool (*is)(char c))
{
	size_t n = 0;

	while (n < text.len && is(text.data[n]))
		n++;
	return n;
}

/* A letter, a digit, or one of "_-.". */
bool field_is_name_char(char c);

/* Returns MTS_ESYNTAX; r->why says WHAT is wrong at the start of r->rest. */
int field_fail(struct field_reader *r, const char *what);

/* Reads a field's name and the '=' after it. MTS_ESYNTAX. */
int field_read_name(struct field_reader *r, struct slice *ret);

/* Reads the value of sts-id, or of an extension in either record: visible
 * characters without ';' and '='. MTS_ESYNTAX: there are none. */
int field_read_value(struct field_reader *r, struct slice *ret);

#endif
