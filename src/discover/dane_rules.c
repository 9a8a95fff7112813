/* SPDX-License-Identifier: BSD-2-Clause */
/* dane_rules.c - the DANE state of a next hop from the states of its hosts (RFC
 * 7672). */
#include "discover/dane_rules.h"

enum {
	USAGE_DANE_TA = 2,
	USAGE_DANE_EE = 3,
	SELECTOR_MAX = 1, /* Cert(0), SPKI(1) */
	MATCHING_FULL = 0,
	MATCHING_SHA256 = 1,
	MATCHING_SHA512 = 2,
	SHA256_LEN = 32,
	SHA512_LEN = 64,
};

const char *dane_host_state_text(enum dane_host_state state)
{
	switch (state) {
	case DANE_HOST_UNREACHABLE:
		return "unreachable";
	case DANE_HOST_SILENT:
		return "silent";
	case DANE_HOST_NONE:
		return "none";
	case DANE_HOST_USABLE:
		return "usable";
	case DANE_HOST_UNUSABLE:
		return "unusable";
	case DANE_HOST_UNKNOWABLE:
		return "unknowable";
	}
	return "unknown";
}

bool dane_tlsa_is_usable(struct slice rdata)
{
	const uint8_t *bytes = (const uint8_t *)rdata.data;
	size_t len;

	if (rdata.len < 3)
		return false;
	len = rdata.len - 3;
	if (bytes[0] != USAGE_DANE_TA && bytes[0] != USAGE_DANE_EE)
		return false;
	if (bytes[1] > SELECTOR_MAX)
		return false;
	switch (bytes[2]) {
	case MATCHING_FULL:
		return len > 0;
	case MATCHING_SHA256:
		return len == SHA256_LEN;
	case MATCHING_SHA512:
		return len == SHA512_LEN;
	default:
		return false;
	}
}

enum { HOST_STATES = DANE_HOST_UNKNOWABLE + 1 };

/* 2.1.2: a host whose TLSA look-up fails counts as unreachable. If we answer "dane"
 * or "dane-only" because of another host, the MTA finds that out by itself. If we
 * answer neither, the MTA would deliver to this host without DANE. So an UNKNOWABLE
 * host decides the state only if no host is USABLE. A SILENT host decides it only
 * if there is no other: "delivery may proceed via any remaining MX hosts". */
static enum dane_state combine_secure(const size_t count[HOST_STATES], bool all)
{
	if (count[DANE_HOST_USABLE])
		return all && !count[DANE_HOST_NONE] &&
		               !count[DANE_HOST_UNUSABLE]
		           ? DANE_ALL
		           : DANE_SOME;
	if (count[DANE_HOST_UNKNOWABLE])
		return DANE_UNKNOWABLE;
	if (count[DANE_HOST_UNUSABLE])
		return DANE_UNUSABLE;
	if (count[DANE_HOST_SILENT] && !count[DANE_HOST_NONE])
		return DANE_UNKNOWABLE;
	return DANE_NONE;
}

/* 2.2.1: "the SMTP client MAY elect to use DANE TLS, even with MX hosts obtained
 * via an insecure MX RRset". An attacker who can forge the MX records has no need to
 * break TLSA look-ups. So a failed look-up does not delay mail here. */
static enum dane_state combine_insecure(const size_t count[HOST_STATES])
{
	return count[DANE_HOST_USABLE] || count[DANE_HOST_UNUSABLE]
	           ? DANE_INSECURE_MX
	           : DANE_NONE;
}

enum dane_state dane_combine(const enum dane_host_state *hosts, size_t count,
                             bool mx_secure, bool all)
{
	size_t counts[HOST_STATES] = { 0 };

	for (size_t i = 0; i < count; i++)
		counts[hosts[i]]++;
	return mx_secure ? combine_secure(counts, all)
	                 : combine_insecure(counts);
}
