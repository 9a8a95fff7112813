/* SPDX-License-Identifier: BSD-2-Clause */
/* tlsrpt.c - reads the record that says where TLS reports go.
 *
 * The grammar (RFC 8460 3):
 *
 *     tlsrpt-record = tlsrpt-version 1*(field-delim tlsrpt-field) [field-delim]
 *     field-delim   = *WSP ";" *WSP
 *     tlsrpt-field  = tlsrpt-rua / tlsrpt-extension
 *     tlsrpt-rua    = %s"rua=" tlsrpt-uri *(*WSP "," *WSP tlsrpt-uri)
 *
 * A rua holds blanks and "=", which the value of an extension may not. */
#include "sts/tlsrpt.h"

#define TLSRPT_VERSION "v=TLSRPTv1"

enum { TLSRPT_NAME_MAX = 32 }; /* one character, then *31 */

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
	return fault_set(r->why, MTS_ESYNTAX,
	                 "TLSRPT record, character %zu: %s",
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

/* Of RFC 3986, but for ',' '!' and ';', which "MUST be encoded". */
static bool is_uri_char(char c)
{
	return ascii_is_alnum(c) || (c && strchr("-._~:/?#[]@$&'()*+=%", c));
}

static size_t span(struct slice s, bool (*is)(char c))
{
	size_t n = 0;

	while (n < s.len && is(s.data[n]))
		n++;
	return n;
}

/* True if blanks and then C come next; they are passed. */
static bool take(struct reader *r, char c)
{
	size_t blanks = span(r->rest, ascii_is_wsp);

	if (blanks == r->rest.len || r->rest.data[blanks] != c)
		return false;
	advance(r, blanks + 1);
	advance(r, span(r->rest, ascii_is_wsp));
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

static bool is_encoded_well(struct slice uri)
{
	for (size_t i = 0; i < uri.len; i++)
		if (uri.data[i] == '%' &&
		    (i + 2 >= uri.len || !is_hex(uri.data[i + 1]) ||
		     !is_hex(uri.data[i + 2])))
			return false;
	return true;
}

static int read_uri(struct reader *r, struct tlsrpt *ret)
{
	struct slice uri = slice_of(r->rest.data, span(r->rest, is_uri_char));
	size_t scheme = span(uri, is_scheme_char);

	if (scheme == 0 || ascii_is_digit(uri.data[0]) ||
	    !ascii_is_alnum(uri.data[0]) || scheme == uri.len ||
	    uri.data[scheme] != ':')
		return fail_here(r, "a URI expected, as in "
		                    "\"mailto:reports@example.com\"");
	if (scheme + 1 == uri.len)
		return fail_here(r, "a URI with nothing after its scheme");
	if (!is_encoded_well(uri))
		return fail_here(r, "a '%' in a URI that encodes nothing");
	advance(r, uri.len);
	if (r->rest.len && *r->rest.data == '!')
		return fail_here(r, "'!' in a URI has to be encoded as %21");
	if (ret->rua_count < TLSRPT_RUA_MAX)
		ret->rua[ret->rua_count++] = uri;
	return MTS_OK;
}

static int read_rua(struct reader *r, struct tlsrpt *ret)
{
	int rc;

	do
		rc = read_uri(r, ret);
	while (rc == MTS_OK && take(r, ','));
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
	domain.len = span(domain, is_name_char);
	return domain;
}

/* -- the record ------------------------------------------------------------ */

static int read_extension(struct reader *r)
{
	size_t n = span(r->rest, is_value_char);

	if (n == 0)
		return fail_here(r, "a value expected right after '='");
	advance(r, n);
	return MTS_OK;
}

/* HAS_RUA: one came before; of a field that comes twice the first counts. */
static int read_field(struct reader *r, struct tlsrpt *ret, bool *has_rua)
{
	struct tlsrpt again = { .rua_count = 0 };
	size_t n = span(r->rest, is_name_char);
	struct slice name = slice_of(r->rest.data, n);
	bool is_rua = slice_is(name, "rua");
	bool first = is_rua && !*has_rua;

	if (n == 0 || !ascii_is_alnum(r->rest.data[0]))
		return fail_here(r,
		                 "a field's name expected (letter or digit)");
	if (n > TLSRPT_NAME_MAX)
		return fail_here(r, "a field's name is over 32 characters");
	advance(r, n);
	if (r->rest.len == 0 || r->rest.data[0] != '=')
		return fail_here(r, "'=' expected right after the name");
	advance(r, 1);
	if (!is_rua)
		return read_extension(r);
	*has_rua = true;
	return read_rua(r, first ? ret : &again);
}

int tlsrpt_parse(struct slice text, struct tlsrpt *ret, struct fault *why)
{
	struct reader r = { text.data, text, why };
	struct tlsrpt record = { .rua_count = 0 };
	bool has_rua = false;
	int rc;

	if (!slice_starts(text, TLSRPT_VERSION))
		return fault_set(why, MTS_ESYNTAX,
		                 "TLSRPT record: it does not begin with "
		                 "\"" TLSRPT_VERSION "\"");
	advance(&r, strlen(TLSRPT_VERSION));
	do {
		if (!take(&r, ';'))
			return fail_here(&r, "';' expected");
		if (r.rest.len == 0)
			break; /* the delimiter that may end the record */
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
