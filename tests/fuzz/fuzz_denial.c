/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_denial.c - whatever a denial contains, the code never reads past its end. The
 * case of names makes no difference, nor do records of other types. Without records
 * there is no proof.
 *
 * The input is a name and a newline, and then records. A record is "n" (NSEC), "3"
 * (NSEC3) or another letter (another type), its owner and a newline, a byte with the
 * length of its data, and the data. The owner "@" is the name itself, and "#" is the
 * name's hash with the data's salt and iterations. */
#include "dns/dns_denial.h"

#include <getdns/getdns.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINE_MAX_LEN = 256, MESSAGE_MAX = 65535 };

struct input {
	const uint8_t *at;
	size_t left;
};

/* A message that consists of an authority section. */
struct message {
	uint8_t bytes[MESSAGE_MAX];
	size_t len;
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

static void hash_owner(const struct dns_name *name, const uint8_t *rdata,
                       size_t len, struct dns_name *ret)
{
	char label[NSEC3_LABEL + 1];

	if (len < 5 || rdata[4] > len - 5 ||
	    !nsec3_label(name, rdata + 5, rdata[4],
	                 (unsigned)rdata[2] << 8 | rdata[3], label))
		return;
	must(dns_name_parse(label, ret) == MTS_OK);
}

static void put(struct message *message, const void *data, size_t len)
{
	memcpy(message->bytes + message->len, data, len);
	message->len += len;
}

/* Returns false if there is no space left. */
static bool append(struct message *message, uint16_t type,
                   const struct dns_name *owner, const uint8_t *rdata,
                   uint8_t rdata_len)
{
	uint8_t fixed[10] = {
		0, (uint8_t)type, 0, GETDNS_RRCLASS_IN, 0, 0, 0, 60,
		0, rdata_len
	};

	if (sizeof(message->bytes) - message->len < 512 + sizeof(fixed))
		return false;
	put(message, owner->wire, owner->len);
	put(message, fixed, sizeof(fixed));
	put(message, rdata, rdata_len);
	if (++message->bytes[9] == 0)
		message->bytes[8]++;
	return true;
}

static enum dns_cut read_denial(const struct message *message,
                                const struct dns_name *name)
{
	struct dns_packet packet;

	must(dns_packet_open(
	    slice_of((const char *)message->bytes, message->len), &packet));
	must(packet.whole);
	return dns_denial_read(&packet, name);
}

/* Adds the next record to ALL, and also to OURS if it is part of a denial. */
static bool take_record(struct input *input, const struct dns_name *name,
                        struct message *all, struct message *ours)
{
	struct dns_name owner = *name;
	const uint8_t *rdata;
	uint8_t len;
	uint16_t type = GETDNS_RRTYPE_A;
	char line[LINE_MAX_LEN];

	if (!take_line(input, line) || !*line || input->left == 0 ||
	    input->at[0] >= input->left)
		return false;
	len = input->at[0];
	rdata = input->at + 1;
	input->at += 1 + (size_t)len;
	input->left -= 1 + (size_t)len;
	if (line[0] == 'n')
		type = GETDNS_RRTYPE_NSEC;
	else if (line[0] == '3')
		type = GETDNS_RRTYPE_NSEC3;
	if (line[1] == '#')
		hash_owner(name, rdata, len, &owner);
	else if (line[1] != '@' && dns_name_parse(line + 1, &owner) != MTS_OK)
		return false;
	if (type != GETDNS_RRTYPE_A && !append(ours, type, &owner, rdata, len))
		return false;
	return append(all, type, &owner, rdata, len);
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
	static struct message all, ours;
	struct input input = { data, size };
	struct dns_name name, other;
	char line[LINE_MAX_LEN];
	enum dns_cut cut;

	if (!take_line(&input, line) || dns_name_parse(line, &name) != MTS_OK)
		return 0;
	memset(all.bytes, 0, 12);
	memset(ours.bytes, 0, 12);
	all.len = ours.len = 12;
	must(read_denial(&all, &name) == DNS_CUT_UNKNOWN);
	while (take_record(&input, &name, &all, &ours))
		continue;
	cut = read_denial(&all, &name);
	must(cut == DNS_CUT_UNKNOWN || cut == DNS_CUT_NONE ||
	     cut == DNS_CUT_UNSIGNED);
	must(read_denial(&ours, &name) == cut);
	other = upper(&name);
	must(read_denial(&all, &other) == cut);
	return 0;
}
