/* SPDX-License-Identifier: BSD-2-Clause */
/* dane.c - decides between DANE and MTA-STS. */
#include "sts/dane.h"

const char *dane_state_text(enum dane_state state)
{
	switch (state) {
	case DANE_NOT_KNOWN:
		return "not_known";
	case DANE_NONE:
		return "none";
	case DANE_ALL:
		return "all";
	case DANE_SOME:
		return "some";
	case DANE_UNUSABLE:
		return "unusable";
	case DANE_INSECURE_MX:
		return "insecure_mx";
	case DANE_UNKNOWABLE:
		return "unknowable";
	}
	return "unknown";
}

enum dane_verdict dane_decide(enum dane_state state, bool enforced)
{
	switch (state) {
	case DANE_ALL:
		return DANE_SAYS_ONLY;
	case DANE_SOME:
		/* With "dane", mail to the hosts without TLSA records could go
		 * in the clear, which the policy forbids. */
		return enforced ? DANE_SAYS_ONLY : DANE_SAYS_DANE;
	case DANE_UNUSABLE:
	case DANE_INSECURE_MX:
		/* In neither case does DANE authenticate the host, as the
		 * policy demands. */
		return enforced ? DANE_SAYS_NOTHING : DANE_SAYS_DANE;
	case DANE_UNKNOWABLE:
		return DANE_SAYS_WAIT;
	case DANE_NOT_KNOWN:
	case DANE_NONE:
		return DANE_SAYS_NOTHING;
	}
	return DANE_SAYS_NOTHING;
}
