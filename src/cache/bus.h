/* SPDX-License-Identifier: BSD-2-Clause */
/* bus.h - outlives pages of the file that the disk does not hand out.
 *
 * LMDB reads by mapped memory, where a read error, or a file that somebody cut
 * short, is no error code but a SIGBUS. The page is replaced by one of zeros,
 * and whoever reads goes on: LMDB takes such a page for a damaged one, and a
 * record with zeros in it has a wrong checksum. From then on the file counts as
 * broken: nothing is committed that may rest on those zeros, and store_mend()
 * looks at all of it. */
#ifndef CACHE_BUS_H
#define CACHE_BUS_H

#include "cache/tables.h"

#include <stdbool.h>

/* From now on bus_absorb() knows the map of the environment in which TXN reads;
 * one at a time. Does nothing if it can't tell where that lies. */
void bus_watch(MDB_txn *txn, const struct tables *tables);

/* Before the map goes. */
void bus_unwatch(void);

/* For the handler of SIGBUS, in whichever thread (async-signal-safe): true if
 * ADDRESS lies in the map, and can be read now. */
bool bus_absorb(const void *address);

/* Whether that has happened since bus_watch(). */
bool bus_was_hit(void);

#endif
