/* SPDX-License-Identifier: BSD-2-Clause */
/* domain.c - turns the key of a look-up into a policy domain.
 *
 * Every cached look-up calls this, so an ASCII key is read once or twice and
 * needs no allocation; only other keys go through libidn2.
 *
 * Not done: the Punycode in a key's A-labels is not checked. RFC 5891 5.3 makes
 * that optional, and a malformed label simply does not exist in the DNS. */
#include "sts/domain.h"

#include "base/slice.h"

#include <idn2.h>
#include <strings.h>

/* A key, split. */
struct split_key {
	struct slice host;
	struct slice port; /* data is NULL if there is none */
};

static const char bad_character[] =
    "it holds more than letters, digits, hyphens and dots";

/* Says what is wrong with a label; NULL: nothing. */
static const char *label_flaw(const char *label, size_t len)
{
	if (len == 0)
		return "it has an empty label: a dot too many";
	if (len > DOMAIN_LABEL_MAX)
		return "it has a label over 63 characters";
	if (label[0] == '-')
		return "it has a label that begins with a hyphen";
	if (label[len - 1] == '-')
		return "it has a label that ends in a hyphen";
	return NULL;
}

/* Maps a byte of a name: letters to lower case; digits, hyphens and dots to
 * themselves; all others to 0. */
static const char lowered[256] = {
	['-'] = '-', ['.'] = '.', ['0'] = '0', ['1'] = '1', ['2'] = '2',
	['3'] = '3', ['4'] = '4', ['5'] = '5', ['6'] = '6', ['7'] = '7',
	['8'] = '8', ['9'] = '9', ['A'] = 'a', ['B'] = 'b', ['C'] = 'c',
	['D'] = 'd', ['E'] = 'e', ['F'] = 'f', ['G'] = 'g', ['H'] = 'h',
	['I'] = 'i', ['J'] = 'j', ['K'] = 'k', ['L'] = 'l', ['M'] = 'm',
	['N'] = 'n', ['O'] = 'o', ['P'] = 'p', ['Q'] = 'q', ['R'] = 'r',
	['S'] = 's', ['T'] = 't', ['U'] = 'u', ['V'] = 'v', ['W'] = 'w',
	['X'] = 'x', ['Y'] = 'y', ['Z'] = 'z', ['a'] = 'a', ['b'] = 'b',
	['c'] = 'c', ['d'] = 'd', ['e'] = 'e', ['f'] = 'f', ['g'] = 'g',
	['h'] = 'h', ['i'] = 'i', ['j'] = 'j', ['k'] = 'k', ['l'] = 'l',
	['m'] = 'm', ['n'] = 'n', ['o'] = 'o', ['p'] = 'p', ['q'] = 'q',
	['r'] = 'r', ['s'] = 's', ['t'] = 't', ['u'] = 'u', ['v'] = 'v',
	['w'] = 'w', ['x'] = 'x', ['y'] = 'y', ['z'] = 'z',
};

static bool is_all_digits(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len && ascii_is_digit(text[i]))
		i++;
	return i == len;
}

/* Says what is wrong with the labels of NAME; NULL: nothing. */
static const char *labels_flaw(const char *name, size_t len)
{
	const char *end = name + len;

	for (;;) {
		size_t left = (size_t)(end - name);
		const char *dot = memchr(name, '.', left);
		size_t label_len = dot ? (size_t)(dot - name) : left;
		const char *flaw = label_flaw(name, label_len);

		if (flaw)
			return flaw;
		/* RFC 3696 2: a top-level domain is never all digits. This also
		 * catches IPv4 addresses. */
		if (!dot)
			return is_all_digits(name, label_len)
			           ? "its last label is all digits, as in an "
			             "address"
			           : NULL;
		name = dot + 1;
	}
}

/* Copies NAME in lower case to TO (DOMAIN_MAX bytes), without a NUL. Says what
 * is wrong with it; NULL: it is a domain name. */
static const char *copy_name(struct slice name, char *to)
{
	if (name.len == 0)
		return "it is empty";
	if (name.len > DOMAIN_MAX)
		return "it is over 253 characters";
	for (size_t i = 0; i < name.len; i++) {
		to[i] = lowered[(unsigned char)name.data[i]];
		if (!to[i])
			return bad_character;
	}
	return labels_flaw(to, name.len);
}

bool domain_is_name(const char *name, size_t len)
{
	char lower[DOMAIN_MAX];

	return copy_name(slice_of(name, len), lower) == NULL;
}

static int domain_refuse(struct fault *why, const char *flaw)
{
	return fault_set(why, MTS_ESYNTAX, "not a domain name: %s", flaw);
}

static struct slice without_final_dot(struct slice name)
{
	if (name.len && name.data[name.len - 1] == '.')
		name.len--;
	return name;
}

static int from_ascii(struct slice name, struct domain *ret, struct fault *why)
{
	struct domain domain;
	const char *flaw;

	name = without_final_dot(name);
	/* Postfix asks for ".parent" after "not found" for the name itself. */
	if (name.len && name.data[0] == '.')
		return domain_refuse(why,
		                     "it begins with a dot, and a parent's "
		                     "policy does not apply (RFC 8461 3.4)");
	flaw = copy_name(name, domain.name);
	if (flaw)
		return domain_refuse(why, flaw);
	memcpy(ret->name, domain.name, name.len);
	ret->name[name.len] = '\0';
	ret->len = name.len;
	return MTS_OK;
}

/* libidn2 would reject or drop other ASCII characters, depending on its
 * version, and would stop at a NUL. */
static bool is_ascii_part_clean(struct slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];

		if (!((unsigned char)c & 0x80) && !ascii_is_alnum(c) &&
		    c != '-' && c != '.')
			return false;
	}
	return true;
}

/* UTS 46 also maps full stops of other scripts to dots, and full-width letters
 * and digits to ASCII. So the result is checked again. */
static int from_unicode(struct slice name, struct domain *ret,
                        struct fault *why)
{
	/* Not IDN2_USE_STD3_ASCII_RULES: with it, libidn2 2.3 drops what the
	 * rules forbid, which would turn one name into another. */
	int flags = IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT;
	uint8_t text[DOMAIN_KEY_MAX + 1];
	uint8_t *ascii = NULL;
	int rc;

	if (!is_ascii_part_clean(name))
		return domain_refuse(why, bad_character);
	memcpy(text, name.data, name.len);
	text[name.len] = '\0';
	rc = idn2_lookup_u8(text, &ascii, flags);
	if (rc == IDN2_MALLOC)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	if (rc != IDN2_OK)
		return domain_refuse(why, idn2_strerror(rc));
	rc = from_ascii(slice_str((const char *)ascii), ret, why);
	idn2_free(ascii);
	return rc;
}

static bool is_ascii(struct slice s)
{
	unsigned all = 0;

	for (size_t i = 0; i < s.len; i++)
		all |= (unsigned char)s.data[i];
	return all < 0x80;
}

static const char *find_char(struct slice s, char c)
{
	return s.len ? memchr(s.data, c, s.len) : NULL;
}

/* The part of S after POINT, a byte of S. */
static struct slice after(struct slice s, const char *point)
{
	return slice_of(point + 1, s.len - (size_t)(point + 1 - s.data));
}

/* "[HOST]" or "[HOST]:PORT" */
static int split_bracketed(struct slice key, struct split_key *ret,
                           struct fault *why)
{
	const char *end = find_char(key, ']');
	struct slice rest;

	if (!end)
		return domain_refuse(why, "']' is missing");
	ret->host = slice_of(key.data + 1, (size_t)(end - key.data) - 1);
	if (find_char(ret->host, ':'))
		return domain_refuse(why,
		                     "it is an address literal, which has no "
		                     "policy (RFC 8461 3.4)");
	rest = after(key, end);
	if (rest.len == 0)
		return MTS_OK;
	if (rest.data[0] != ':')
		return domain_refuse(why, "only a port may follow ']'");
	ret->port = after(rest, rest.data);
	return MTS_OK;
}

/* "HOST" or "HOST:PORT"; RET->host is the whole key so far. */
static int split_plain(struct slice key, struct split_key *ret,
                       struct fault *why)
{
	const char *colon = find_char(key, ':');

	if (!colon)
		return MTS_OK;
	ret->host.len = (size_t)(colon - key.data);
	ret->port = after(key, colon);
	if (find_char(ret->port, ':'))
		return domain_refuse(why,
		                     "it has more than one ':', as in an IPv6 "
		                     "address");
	return MTS_OK;
}

/* A number from 1 to 65535, or a service's name as in "[mx.example]:smtp". */
static bool is_port_or_service(struct slice port)
{
	if (slice_port(port))
		return true;
	/* A number out of range is not a name: its last label is all digits. */
	return !find_char(port, '.') && domain_is_name(port.data, port.len);
}

/* The port of a service; 0: it is not one for mail. */
static uint16_t service_port(struct slice name)
{
	static const struct {
		const char *name;
		uint16_t port;
	} services[] = {
		{ "smtp", SMTP_PORT },  { "submission", 587 },
		{ "submissions", 465 }, { "smtps", 465 },
		{ "lmtp", 24 },
	};

	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		size_t len = strlen(services[i].name);

		if (name.len == len &&
		    strncasecmp(name.data, services[i].name, len) == 0)
			return services[i].port;
	}
	return 0;
}

static uint16_t port_of(const struct split_key *split)
{
	uint16_t port;

	if (!split->port.data)
		return SMTP_PORT;
	port = slice_port(split->port);
	return port ? port : service_port(split->port);
}

static int from_key(struct slice key, struct split_key *split,
                    struct domain *ret, struct fault *why)
{
	int rc;

	*split = (struct split_key){ key, { NULL, 0 } };
	if (key.len == 0)
		return domain_refuse(why, "it is empty");
	if (key.len > DOMAIN_KEY_MAX)
		return domain_refuse(why, "it is over 1024 bytes");
	if (key.data[0] == '[')
		rc = split_bracketed(key, split, why);
	else
		rc = split_plain(key, split, why);
	if (rc != MTS_OK)
		return rc;
	if (split->port.data && !is_port_or_service(split->port))
		return domain_refuse(why, "what follows ':' is not a port");
	if (is_ascii(split->host))
		return from_ascii(split->host, ret, why);
	return from_unicode(split->host, ret, why);
}

int domain_from_key(const char *key, size_t len, struct domain *ret,
                    struct fault *why)
{
	struct split_key split;

	return from_key(slice_of(key, len), &split, ret, why);
}

int domain_hop_from_key(const char *key, size_t len, struct domain_hop *ret,
                        struct fault *why)
{
	struct split_key split;
	int rc = from_key(slice_of(key, len), &split, &ret->domain, why);

	if (rc != MTS_OK)
		return rc;
	ret->direct = key[0] == '[';
	ret->port = port_of(&split);
	return MTS_OK;
}

size_t domain_hop_key(const struct domain_hop *hop, char key[DOMAIN_HOP_KEY])
{
	size_t len = hop->domain.len;

	memcpy(key, hop->domain.name, len);
	key[len++] = hop->direct ? '1' : '0';
	key[len++] = (char)(hop->port >> 8);
	key[len++] = (char)(hop->port & 0xff);
	return len;
}
