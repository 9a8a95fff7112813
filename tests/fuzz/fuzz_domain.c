/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_domain.c - an accepted key gives a valid domain name, and every other
 * spelling of the key gives the same name. */
#include "base/slice.h"
#include "sts/domain.h"
#include "sts/mx.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int good)
{
	if (!good)
		abort();
}

static void same_as(const struct domain *domain, const char *before,
                    const char *after)
{
	char key[DOMAIN_MAX + 32];
	struct domain again;
	int n =
	    snprintf(key, sizeof(key), "%s%s%s", before, domain->name, after);

	must(domain_from_key(key, (size_t)n, &again, NULL) == MTS_OK);
	must(again.len == domain->len);
	must(memcmp(again.name, domain->name, domain->len + 1) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *key = (const char *)data;
	struct domain domain;
	struct fault why = { 0 };
	int rc = domain_from_key(key, size, &domain, &why);

	if (domain_is_name(key, size))
		must(rc == MTS_OK && domain.len == size);
	if (mx_pattern_is_valid(slice_of(key, size)))
		must(rc == MTS_OK || key[0] == '*');
	if (rc != MTS_OK) {
		must(rc == MTS_ESYNTAX && why.status == rc && why.text[0]);
		return 0;
	}
	must(strlen(domain.name) == domain.len);
	must(domain_is_name(domain.name, domain.len));
	same_as(&domain, "", "");
	same_as(&domain, "", ".");
	same_as(&domain, "[", "]");
	same_as(&domain, "", ":25");
	same_as(&domain, "[", ".]:submission");
	return 0;
}
