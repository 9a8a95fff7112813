/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_tlsrpt.c - the addresses of an accepted TLSRPT record lie within the record
 * and are URIs without characters that would end a URI. A record written from them
 * has the same addresses. */
#include "sts/tlsrpt.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int good)
{
	if (!good)
		abort();
}

static void check_rua(struct slice text, struct slice rua)
{
	struct slice domain = tlsrpt_mail_domain(rua);

	must(rua.data >= text.data && rua.len > 0 &&
	     rua.data + rua.len <= text.data + text.len);
	must(memchr(rua.data, ':', rua.len) != NULL);
	for (size_t i = 0; i < rua.len; i++)
		must(rua.data[i] > ' ' && rua.data[i] <= '~' &&
		     !strchr(",;!\"<>", rua.data[i]));
	must(domain.len <= rua.len);
	must(domain.len == 0 || tlsrpt_scheme(rua) == TLSRPT_MAILTO);
}

/* Writes the record in its simplest form from the parsed addresses. */
static void check_again(const struct tlsrpt *record)
{
	size_t room = 32;
	size_t used;
	struct tlsrpt again;
	char *text;

	for (size_t i = 0; i < record->rua_count; i++)
		room += record->rua[i].len + 1;
	text = malloc(room);
	if (!text)
		return;
	used = (size_t)snprintf(text, room, "v=TLSRPTv1; rua=");
	for (size_t i = 0; i < record->rua_count; i++)
		used += (size_t)snprintf(text + used, room - used, "%s%.*s",
		                         i ? "," : "", (int)record->rua[i].len,
		                         record->rua[i].data);
	must(tlsrpt_parse(slice_of(text, used), &again, NULL) == MTS_OK);
	must(again.rua_count == record->rua_count);
	for (size_t i = 0; i < again.rua_count; i++)
		must(again.rua[i].len == record->rua[i].len &&
		     memcmp(again.rua[i].data, record->rua[i].data,
		            again.rua[i].len) == 0);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of((const char *)data, size);
	struct tlsrpt record;
	struct fault why = { 0 };
	int rc = tlsrpt_parse(text, &record, &why);

	if (rc != MTS_OK) {
		must(rc == MTS_ESYNTAX && why.status == rc && why.text[0]);
		return 0;
	}
	must(record.rua_count > 0 && record.rua_count <= TLSRPT_RUA_MAX);
	for (size_t i = 0; i < record.rua_count; i++)
		check_rua(text, record.rua[i]);
	check_again(&record);
	return 0;
}
