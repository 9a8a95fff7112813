/* SPDX-License-Identifier: BSD-2-Clause */
/* tls_view.c - what a server showed of its TLS. */
#include "findings/tls_view.h"

#include <stdlib.h>

static void cert_view_clear(struct cert_view *cert)
{
	free(cert->subject);
	free(cert->issuer);
	for (size_t i = 0; i < cert->name_count; i++)
		free(cert->names[i]);
	free(cert->names);
}

void tls_view_free(struct tls_view **view)
{
	struct tls_view *v = *view;

	if (!v)
		return;
	*view = NULL;
	for (size_t i = 0; i < v->cert_count; i++)
		cert_view_clear(&v->certs[i]);
	free(v->certs);
	free(v);
}

bool tls_view_is_bad(const struct tls_view *view)
{
	for (size_t i = 0; i < TLS_FAULTS; i++)
		if (view->faults[i][0])
			return true;
	return false;
}

int64_t tls_view_ends_s(const struct tls_view *view)
{
	return view && view->cert_count ? view->certs[0].not_after_s : 0;
}
