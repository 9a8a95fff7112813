/* SPDX-License-Identifier: BSD-2-Clause */
/* tlsrpt.c - parses the TXT record that says where to send TLS reports.
 *
 * The grammar (RFC 8460 3):
 *
 *     tlsrpt-record = tlsrpt-version 1*(field-delim tlsrpt-field) [field-delim]
 *     field-delim   = *WSP ";" *WSP
 *     tlsrpt-field  = tlsrpt-rua / tlsrpt-extension
 *     tlsrpt-rua    = %s"rua=" tlsrpt-uri *(*WSP "," *WSP tlsrpt-uri)
 *
 * A rua may contain blanks and "="; the value of an extension may not. */
#include "sts/tlsrpt.h"

#include "sts/field.h"

#define TLSRPT_VERSION "v=TLSRPTv1"

/* A character of a URI (RFC 3986), except for ',' '!' and ';', which "MUST be
 * encoded". */
static bool is_uri_char(char c)
{
	return ascii_is_alnum(c) || (c && strchr("-._~:/?#[]@$&'()*+=%", c));
}

/* If C comes next, after any blanks: skips it and the blanks around it. */
static bool skip_delim(struct field_reader *r, char c)
{
	size_t blanks = field_span(r->rest, ascii_is_wsp);

	if (blanks == r->rest.len || r->rest.data[blanks] != c)
		return false;
	r->rest = slice_skip(r->rest, blanks + 1);
	r->rest = slice_skip(r->rest, field_span(r->rest, ascii_is_wsp));
	return true;
}

/* -- URIs ------------------------------------------------------------------ */

static bool is_scheme_char(char c)
{
	return ascii_is_alnum(c) || c == '+' || c == '-' || c == '.';
}

static bool is_hex(char c)
{
	char l = ascii_lower(c);

	return ascii_is_digit(c) || (l >= 'a' && l <= 'f');
}

static bool has_valid_encoding(struct slice uri)
{
	for (size_t i = 0; i < uri.len; i++)
		if (uri.data[i] == '%' &&
		    (i + 2 >= uri.len || !is_hex(uri.data[i + 1]) ||
		     !is_hex(uri.data[i + 2])))
			return false;
	return true;
}

static int read_uri(struct field_reader *r, struct tlsrpt *ret)
{
	struct slice uri =
	    slice_of(r->rest.data, field_span(r->rest, is_uri_char));
	size_t scheme = field_span(uri, is_scheme_char);

	if (scheme == 0 || ascii_is_digit(uri.data[0]) ||
	    !ascii_is_alnum(uri.data[0]) || scheme == uri.len ||
	    uri.data[scheme] != ':')
		return field_fail(r, "a URI expected, as in "
		                     "\"mailto:reports@example.com\"");
	if (scheme + 1 == uri.len)
		return field_fail(r, "a URI with nothing after its scheme");
	if (!has_valid_encoding(uri))
		return field_fail(r, "a '%' in a URI that encodes nothing");
	r->rest = slice_skip(r->rest, uri.len);
	if (r->rest.len && *r->rest.data == '!')
		return field_fail(r, "'!' in a URI has to be encoded as %21");
	if (ret->rua_count < TLSRPT_RUA_MAX)
		ret->rua[ret->rua_count++] = uri;
	return MTS_OK;
}

static int read_rua(struct field_reader *r, struct tlsrpt *ret)
{
	int rc;

	do
		rc = read_uri(r, ret);
	while (rc == MTS_OK && skip_delim(r, ','));
	return rc;
}

enum tlsrpt_scheme tlsrpt_scheme(struct slice rua)
{
	static const char *const schemes[] = { "mailto:", "https:" };

	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
		size_t n = 0;

		while (n < rua.len && schemes[i][n] &&
		       ascii_lower(rua.data[n]) == schemes[i][n])
			n++;
		if (!schemes[i][n])
			return (enum tlsrpt_scheme)i;
	}
	return TLSRPT_OTHER;
}

struct slice tlsrpt_mail_domain(struct slice rua)
{
	const char *query = rua.len ? memchr(rua.data, '?', rua.len) : NULL;
	size_t len = query ? (size_t)(query - rua.data) : rua.len;
	const char *at = len ? memrchr(rua.data, '@', len) : NULL;
	struct slice domain = slice_of("", 0);

	if (tlsrpt_scheme(rua) != TLSRPT_MAILTO || !at)
		return domain;
	domain = slice_of(at + 1, rua.len - (size_t)(at + 1 - rua.data));
	domain.len = field_span(domain, field_is_name_char);
	return domain;
}

/* -- the record ------------------------------------------------------------ */

/* *HAS_RUA: there was a rua before. If a field appears twice, the first counts.
 */
static int read_field(struct field_reader *r, struct tlsrpt *ret, bool *has_rua)
{
	struct tlsrpt again = { .rua_count = 0 };
	struct slice name, value;
	bool first = !*has_rua;
	int rc = field_read_name(r, &name);

	if (rc != MTS_OK)
		return rc;
	if (!slice_is(name, "rua"))
		return field_read_value(r, &value);
	*has_rua = true;
	return read_rua(r, first ? ret : &again);
}

int tlsrpt_parse(struct slice text, struct tlsrpt *ret, struct fault *why)
{
	struct field_reader r = { "TLSRPT", text.data, text, why };
	struct tlsrpt record = { .rua_count = 0 };
	bool has_rua = false;
	int rc;

	if (!slice_starts(text, TLSRPT_VERSION))
		return fault_set(why, MTS_ESYNTAX,
		                 "TLSRPT record: it does not begin with "
		                 "\"" TLSRPT_VERSION "\"");
	r.rest = slice_skip(text, strlen(TLSRPT_VERSION));
	do {
		if (!skip_delim(&r, ';'))
			return field_fail(&r, "';' expected");
		if (r.rest.len == 0)
			break; /* a delimiter may end the record */
		rc = read_field(&r, &record, &has_rua);
		if (rc != MTS_OK)
			return rc;
	} while (r.rest.len);
	if (!has_rua)
		return fault_set(why, MTS_ESYNTAX,
		                 "TLSRPT record: it has no \"rua\" field");
	*ret = record;
	return MTS_OK;
}
