/* SPDX-License-Identifier: BSD-2-Clause */
/* socketmap.h - parses socketmap requests of Postfix and Sendmail
 * (socketmap_table(5)): "MAP KEY" in a netstring. answer.h writes the replies.
 *
 * Pure codec. */
#ifndef WIRE_SOCKETMAP_H
#define WIRE_SOCKETMAP_H

#include "base/slice.h"
#include "base/status.h"

enum {
	SOCKETMAP_REQUEST_MAX = 10000, /* Postfix sends no more */
	SOCKETMAP_REPLY_MAX = 100000,  /* Postfix takes no more */
};

struct socketmap_request {
	struct slice map;
	struct slice key; /* as sent; may hold blanks and may be empty */
};

/* Splits PAYLOAD at its first blank. The slices lie within PAYLOAD.
 * MTS_ESYNTAX: no blank, an empty map name, or a NUL anywhere. */
int socketmap_parse(struct slice payload, struct socketmap_request *ret,
                    struct fault *why);

/* The maps that a listener serves. */
enum socketmap_map {
	MAP_UNKNOWN,
	MAP_POSTFIX,        /* also QUERY */
	MAP_POSTFIX_TLSRPT, /* also QUERYwithTLSRPT */
	MAP_STS,
	MAP_VERDICT,
};

enum { MAPS = MAP_VERDICT + 1 };

/* Names are case-sensitive. */
enum socketmap_map socketmap_find_map(struct slice name);

/* Walks the names, from index 0; NULL past the end. */
const char *socketmap_map_name(size_t index);

/* Splits the key of map verdict, "DOMAIN MX-HOST", at its one blank. The slices
 * lie within KEY and are not empty. MTS_ESYNTAX: it is not two words. */
int socketmap_split_verdict(struct slice key, struct slice *ret_domain,
                            struct slice *ret_mx);

#endif
