/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_denial.c - whatever stands in a denial: it is read within its bounds, the
 * case of names does not matter, nor do records of other types, and without any
 * there is no proof.
 *
 * The input: a name and a newline; then records, each "n" (NSEC), "3" (NSEC3) or
 * another letter (some other type), its owner and a newline, a byte that says how
 * long its data is, the data. The owner "@" is the name itself, "#" the name's
 * hash with the data's salt and iterations. */
#include "net/dns_denial.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINE_MAX_LEN = 256 };

struct input {
	const uint8_t *at;
	size_t left;
};

static void must(bool holds)
{
	if (!holds)
		abort();
}

static bool take_line(struct input *input, char line[LINE_MAX_LEN])
{
	const uint8_t *end = memchr(input->at, '\n', input->left);
	size_t len = end ? (size_t)(end - input->at) : 0;

	if (!end || len >= LINE_MAX_LEN || memchr(input->at, '\0', len))
		return false;
	memcpy(line, input->at, len);
	line[len] = '\0';
	input->at += len + 1;
	input->left -= len + 1;
	return true;
}

static void hash_owner(const struct dns_name *name, const getdns_bindata *rdata,
                       struct dns_name *ret)
{
	char label[NSEC3_LABEL + 1];

	if (rdata->size < 5 || rdata->data[4] > rdata->size - 5 ||
	    !nsec3_label(name, rdata->data + 5, rdata->data[4],
	                 (unsigned)rdata->data[2] << 8 | rdata->data[3], label))
		return;
	must(dns_name_parse(label, ret) == MTS_OK);
}

static void append(getdns_list *list, uint32_t type,
                   const struct dns_name *owner, getdns_bindata *rdata)
{
	getdns_bindata name = { owner->len, (uint8_t *)owner->wire };
	getdns_dict *record = getdns_dict_create();
	size_t count;

	must(record && !getdns_list_get_length(list, &count) &&
	     !getdns_dict_set_int(record, "type", type) &&
	     !getdns_dict_set_bindata(record, "name", &name) &&
	     !getdns_dict_set_bindata(record, "/rdata/rdata_raw", rdata) &&
	     !getdns_list_set_dict(list, count, record));
	getdns_dict_destroy(record);
}

/* Adds the next record to ALL, and to OURS if it is of a denial. */
static bool take_record(struct input *input, const struct dns_name *name,
                        getdns_list *all, getdns_list *ours)
{
	struct dns_name owner = *name;
	getdns_bindata rdata;
	uint32_t type = GETDNS_RRTYPE_A;
	char line[LINE_MAX_LEN];

	if (!take_line(input, line) || !*line || input->left == 0 ||
	    input->at[0] >= input->left)
		return false;
	rdata.size = input->at[0];
	rdata.data = (uint8_t *)input->at + 1;
	input->at += 1 + rdata.size;
	input->left -= 1 + rdata.size;
	if (line[0] == 'n')
		type = GETDNS_RRTYPE_NSEC;
	else if (line[0] == '3')
		type = GETDNS_RRTYPE_NSEC3;
	if (line[1] == '#')
		hash_owner(name, &rdata, &owner);
	else if (line[1] != '@' && dns_name_parse(line + 1, &owner) != MTS_OK)
		return false;
	append(all, type, &owner, &rdata);
	if (type != GETDNS_RRTYPE_A)
		append(ours, type, &owner, &rdata);
	return true;
}

static struct dns_name upper(const struct dns_name *name)
{
	struct dns_name other = *name;

	for (size_t i = 0; i < other.len; i += other.wire[i] + 1u)
		for (size_t k = i + 1; k <= i + other.wire[i]; k++)
			if (other.wire[k] >= 'a' && other.wire[k] <= 'z')
				other.wire[k] =
				    (uint8_t)(other.wire[k] - 'a' + 'A');
	return other;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	getdns_list *all = getdns_list_create();
	getdns_list *ours = getdns_list_create();
	struct dns_name name, other;
	char line[LINE_MAX_LEN];
	enum dns_cut cut;

	must(all && ours);
	if (!take_line(&input, line) || dns_name_parse(line, &name) != MTS_OK)
		goto out;
	must(dns_denial_read(all, &name) == DNS_CUT_UNKNOWN);
	while (take_record(&input, &name, all, ours))
		continue;
	cut = dns_denial_read(all, &name);
	must(cut == DNS_CUT_UNKNOWN || cut == DNS_CUT_NONE ||
	     cut == DNS_CUT_UNSIGNED);
	must(dns_denial_read(ours, &name) == cut);
	other = upper(&name);
	must(dns_denial_read(all, &other) == cut);
out:
	getdns_list_destroy(all);
	getdns_list_destroy(ours);
	return 0;
}
