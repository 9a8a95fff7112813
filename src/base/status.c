/* SPDX-License-Identifier: BSD-2-Clause */
/* status.c - status codes as text, and reasons that are safe to print. */
#include "base/status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *mts_status_text(int status)
{
	switch (status) {
	case MTS_OK:
		return "done";
	case MTS_ENOMEM:
		return "out of memory";
	case MTS_ESYNTAX:
		return "syntax error";
	case MTS_ERANGE:
		return "out of range";
	case MTS_ENOTFOUND:
		return "not found";
	case MTS_ESYS:
		return "system error";
	case MTS_EDAMAGED:
		return "damaged";
	case MTS_EMORE:
		return "incomplete";
	case MTS_EBUSY:
		return "in use";
	case MTS_EFULL:
		return "full";
	case MTS_ETIMEOUT:
		return "timed out";
	case MTS_ELIB:
		return "library error";
	default:
		return "unknown status";
	}
}

void fault_scrub(char *text)
{
	for (char *p = text; *p; p++) {
		if (*p == '"')
			*p = '\'';
		else if (*p < 0x20 || *p > 0x7e)
			*p = '?';
	}
}

void fault_vtext(char *text, size_t size, const char *format, va_list ap)
{
	if (vsnprintf(text, size, format, ap) < 0)
		text[0] = '\0';
	fault_scrub(text);
}

int fault_set(struct fault *fault, int status, const char *format, ...)
{
	va_list ap;

	if (!fault)
		return status;
	fault->status = status;
	va_start(ap, format);
	fault_vtext(fault->text, sizeof(fault->text), format, ap);
	va_end(ap);
	return status;
}

int fault_errno(struct fault *fault, int error, const char *format, ...)
{
	int status = error == ENOMEM ? MTS_ENOMEM : MTS_ESYS;
	va_list ap;
	size_t used;

	if (!fault)
		return status;
	fault->status = status;
	va_start(ap, format);
	fault_vtext(fault->text, sizeof(fault->text), format, ap);
	va_end(ap);
	used = strlen(fault->text);
	snprintf(fault->text + used, sizeof(fault->text) - used, ": %s",
	         strerror(error));
	fault_scrub(fault->text);
	return status;
}
