/* SPDX-License-Identifier: BSD-2-Clause */
/* load_domains.c - reads "domains:", the operator's own word on domains. */
#include "base/buffer.h"
#include "conf/loader_internal.h"
#include "sts/mx.h"

#include <stdio.h>

enum {
	QUOTE_MAX = 60, /* of a bad text in a message */
	NAME_SIZE = sizeof("domains.") + QUOTE_MAX + sizeof(".mode"),
};

/* One domain's entry, while it is read. */
struct entry {
	struct domain domain;
	unsigned line;
	char option[NAME_SIZE]; /* "domains.example.org", for messages */
	bool has_mode, has_mx;
	enum policy_mode mode;
	struct buffer mx; /* patterns, each with a NUL */
};

static int quote_len(struct slice text)
{
	return text.len > QUOTE_MAX ? QUOTE_MAX : (int)text.len;
}

static int refuse_text(const struct loader *loader, const struct entry *entry,
                       const char *below, struct slice text, const char *what)
{
	return fault_set(loader->why, MTS_ESYNTAX, "%s:%u: %s%s: '%.*s' %s",
	                 loader->name, loader_line(loader), entry->option,
	                 below, quote_len(text), text.data, what);
}

/* -- a policy -------------------------------------------------------------- */

static int read_mode(struct loader *loader, struct entry *entry)
{
	static const enum policy_mode modes[] = { POLICY_ENFORCE,
		                                  POLICY_TESTING, POLICY_NONE };
	struct slice text = slice_of("", 0);

	if (loader_is_scalar(loader))
		text = loader_scalar(loader);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (!slice_is(text, policy_mode_text(modes[i])))
			continue;
		entry->mode = modes[i];
		return MTS_OK;
	}
	return refuse_text(loader, entry, ".mode", text,
	                   "is not known; write enforce, testing or none");
}

static int read_pattern(struct loader *loader, struct entry *entry)
{
	struct slice text = slice_of("", 0);

	if (loader_is_scalar(loader))
		text = loader_scalar(loader);
	if (!mx_pattern_is_valid(text))
		return refuse_text(loader, entry, ".mx", text,
		                   "is no MX pattern; write a host name, or "
		                   "\"*.\" and a domain for any one label");
	buffer_put_slice(&entry->mx, text);
	if (buffer_put(&entry->mx, "", 1) == MTS_ERANGE)
		return refuse_text(loader, entry, ".mx", text,
		                   "is one pattern too many; 64 KiB of them "
		                   "are taken");
	return buffer_status(&entry->mx) == MTS_OK ? MTS_OK
	                                           : loader_no_memory(loader);
}

static int read_patterns(struct loader *loader, struct entry *entry)
{
	int status;

	if (loader->event.type != YAML_SEQUENCE_START_EVENT)
		return refuse_text(loader, entry, ".mx",
		                   loader_is_scalar(loader)
		                       ? loader_scalar(loader)
		                       : slice_of("", 0),
		                   "is no list; write [mx1.example.org, "
		                   "\"*.example.net\"]");
	while ((status = loader_next(loader)) == MTS_OK &&
	       loader->event.type != YAML_SEQUENCE_END_EVENT) {
		status = read_pattern(loader, entry);
		if (status != MTS_OK)
			return status;
	}
	return status;
}

/* The member whose name is the current event, and its value. */
static int read_member(struct loader *loader, struct entry *entry)
{
	struct slice name = slice_of("", 0);
	bool mode, mx;
	int status;

	if (loader_is_scalar(loader))
		name = loader_scalar(loader);
	mode = slice_is(name, "mode");
	mx = slice_is(name, "mx");
	if (!mode && !mx)
		return refuse_text(loader, entry, "", name,
		                   "is not known here; a policy has mode and "
		                   "mx");
	if ((mode && entry->has_mode) || (mx && entry->has_mx))
		return refuse_text(loader, entry, "", name,
		                   "is there twice; leave one");
	entry->has_mode |= mode;
	entry->has_mx |= mx;
	status = loader_next(loader);
	if (status != MTS_OK)
		return status;
	return mode ? read_mode(loader, entry) : read_patterns(loader, entry);
}

static int read_policy(struct loader *loader, struct entry *entry)
{
	int status;

	while ((status = loader_next(loader)) == MTS_OK &&
	       loader->event.type != YAML_MAPPING_END_EVENT) {
		status = read_member(loader, entry);
		if (status != MTS_OK)
			return status;
	}
	if (status != MTS_OK)
		return status;
	if (!entry->has_mode)
		return loader_refuse(loader, entry->option,
		                     "the policy has no mode; write mode: "
		                     "enforce, testing or none");
	if (entry->mx.len == 0 && entry->mode != POLICY_NONE)
		return loader_refuse(loader, entry->option,
		                     "the policy names no host, so that no "
		                     "mail could go anywhere; write mx: and "
		                     "a list of patterns");
	return MTS_OK;
}

/* -- an entry -------------------------------------------------------------- */

static int refuse_twice(const struct loader *loader, const struct entry *entry)
{
	const struct override *first =
	    overrides_find(loader->conf->domains, &entry->domain);

	return fault_set(loader->why, MTS_ESYNTAX,
	                 "%s:%u: %s: is there twice, first in line %u; leave "
	                 "one",
	                 loader->name, entry->line, entry->option,
	                 first ? first->line : 0);
}

/* Takes the name of the domain, which is the current event. */
static int take_name(struct loader *loader, struct entry *entry)
{
	struct slice name = slice_of("", 0);
	struct fault why = { 0 };
	int status;

	if (loader_is_scalar(loader))
		name = loader_scalar(loader);
	entry->line = loader_line(loader);
	snprintf(entry->option, sizeof(entry->option), "domains.%.*s",
	         quote_len(name), name.data);
	if (name.len && memchr(name.data, ':', name.len))
		return loader_refuse(loader, entry->option,
		                     "write the domain without a port; what "
		                     "is said counts for every port");
	if (name.len && name.data[0] == '[')
		return loader_refuse(loader, entry->option,
		                     "write the domain without brackets; what "
		                     "is said counts with them too");
	status = domain_from_key(name.data, name.len, &entry->domain, &why);
	if (status == MTS_ENOMEM)
		return loader_no_memory(loader);
	if (status != MTS_OK)
		return loader_refuse(loader, entry->option, why.text);
	if (overrides_find(loader->conf->domains, &entry->domain))
		return refuse_twice(loader, entry);
	return MTS_OK;
}

static int read_word(struct loader *loader, struct entry *entry)
{
	struct overrides *overrides = loader->conf->domains;
	int status;

	if (loader_is_scalar(loader) &&
	    slice_is(loader_scalar(loader), "bypass")) {
		status = overrides_add_bypass(overrides, &entry->domain,
		                              entry->line);
	} else if (loader->event.type == YAML_MAPPING_START_EVENT) {
		status = read_policy(loader, entry);
		if (status != MTS_OK)
			return status;
		status =
		    overrides_add_policy(overrides, &entry->domain, entry->line,
		                         entry->mode, buffer_slice(&entry->mx));
	} else {
		return loader_refuse(loader, entry->option,
		                     "neither bypass nor a policy; write one "
		                     "of them, a policy as { mode: enforce, "
		                     "mx: [mx1.example.org] }");
	}
	return status == MTS_OK ? MTS_OK : loader_no_memory(loader);
}

static int read_entry(struct loader *loader)
{
	struct entry entry = { .line = 0 };
	int status;

	buffer_init(&entry.mx, POLICY_MAX);
	status = take_name(loader, &entry);
	if (status == MTS_OK)
		status = loader_next(loader);
	if (status == MTS_OK)
		status = read_word(loader, &entry);
	buffer_free(&entry.mx);
	return status;
}

int load_domains(struct loader *loader)
{
	int status;

	/* All of its lines may be comments. */
	if (loader_is_null(loader))
		return MTS_OK;
	if (loader->event.type != YAML_MAPPING_START_EVENT)
		return loader_refuse(loader, "domains",
		                     "is a mapping; write each domain below "
		                     "it, as in example.org: bypass");
	while ((status = loader_next(loader)) == MTS_OK &&
	       loader->event.type != YAML_MAPPING_END_EVENT) {
		status = read_entry(loader);
		if (status != MTS_OK)
			return status;
	}
	return status;
}
