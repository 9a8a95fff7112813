/* SPDX-License-Identifier: BSD-2-Clause */
/* getdns_memory.h - memory for getdns, which crashes where it is refused some.
 *
 * getdns 1.5 to 1.7 reads an answer into dictionaries that it takes to be there.
 * So what the system refuses comes out of a reserve that nobody else can use up,
 * and as long as any of it is out nobody asks anything new. For one thread. */
#ifndef DNS_GETDNS_MEMORY_H
#define DNS_GETDNS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* In place of malloc(), realloc() and free(). Zeroed. NULL: the reserve is used
 * up, too. */
void *getdns_memory_get(size_t size);

/* What came from the system is not moved to the reserve: NULL, as by realloc();
 * getdns looks for that. */
void *getdns_memory_resize(void *old, size_t size);

/* Takes NULL. */
void getdns_memory_free(void *memory);

/* True unless some of the reserve is out. */
bool getdns_memory_is_left(void);

#endif
