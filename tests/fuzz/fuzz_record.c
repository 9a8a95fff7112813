/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_record.c - an accepted record has an id that matches the ABNF, and stays the
 * same when fields are added. If it is there twice, no record is accepted.
 *
 * The input is first parsed as one record, then each of its lines is a record of the
 * same name. */
#include "sts/record.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXTS = 16 };

static void must(int good)
{
	if (!good)
		abort();
}

static void check_id(const char *id)
{
	size_t len = strlen(id);

	must(len >= 1 && len <= RECORD_ID_MAX);
	for (size_t i = 0; i < len; i++)
		must(ascii_is_alnum(id[i]));
}

static void must_read(const char *text, size_t len, const char *id)
{
	struct sts_record record;

	must(record_parse(slice_of(text, len), &record, NULL) == MTS_OK);
	must(strcmp(record.id, id) == 0);
}

/* TEXT with AFTER appended is the same record. */
static void extend(struct slice text, const char *after, const char *id)
{
	size_t len = text.len + strlen(after);
	char *longer = malloc(len);

	if (!longer)
		return;
	memcpy(longer, text.data, text.len);
	memcpy(longer + text.len, after, strlen(after));
	must_read(longer, len, id);
	free(longer);
}

static void check_one(struct slice text)
{
	char canonical[64];
	struct sts_record record;
	struct fault why = { 0 };
	int rc = record_parse(text, &record, &why);
	int n;

	if (rc != MTS_OK) {
		must(rc == MTS_ESYNTAX && why.status == rc && why.text[0]);
		return;
	}
	check_id(record.id);
	n = snprintf(canonical, sizeof(canonical), "v=STSv1; id=%s;",
	             record.id);
	must_read(canonical, (size_t)n, record.id);
	for (size_t i = 0; i < text.len; i++)
		must(ascii_is_wsp(text.data[i]) ||
		     (text.data[i] > ' ' && text.data[i] <= '~'));
	if (text.data[text.len - 1] != ';' &&
	    !ascii_is_wsp(text.data[text.len - 1])) {
		extend(text, ";", record.id);
		extend(text, "\t; x.-_=~ ; ", record.id);
	} else {
		extend(text, "id=other", record.id);
	}
}

static size_t split(struct slice text, struct slice *lines)
{
	size_t n = 0;

	while (text.len && n < TEXTS) {
		const char *end = memchr(text.data, '\n', text.len);
		size_t len = end ? (size_t)(end - text.data) : text.len;

		lines[n++] = slice_of(text.data, len);
		len += end != NULL;
		text = slice_of(text.data + len, text.len - len);
	}
	return n;
}

static void check_set(const struct slice *texts, size_t count)
{
	struct sts_record record;
	struct sts_record alone;
	struct fault why = { 0 };
	int rc = record_select(texts, count, &record, &why);
	size_t ours = 0;

	for (size_t i = 0; i < count; i++) {
		if (!slice_starts(texts[i], "v=STSv1;"))
			continue;
		ours++;
		if (rc != MTS_OK)
			continue;
		must(record_parse(texts[i], &alone, NULL) == MTS_OK);
		must(strcmp(alone.id, record.id) == 0);
	}
	must((rc == MTS_ENOTFOUND) == (ours == 0));
	must(rc != MTS_OK || ours == 1);
	must(rc == MTS_OK || (why.status == rc && why.text[0]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of((const char *)data, size);
	struct slice lines[TEXTS];

	check_one(text);
	check_set(&text, 1);
	check_set(lines, split(text, lines));
	return 0;
}
