/* SPDX-License-Identifier: BSD-2-Clause */
/* lmdb_status.c - LMDB's codes in ours. */
#include "cache/store.h"

#include <errno.h>

int mts_from_lmdb(int rc)
{
	switch (rc) {
	case MDB_SUCCESS:
		return MTS_OK;
	case MDB_NOTFOUND:
		return MTS_ENOTFOUND;
	case ENOMEM:
		return MTS_ENOMEM;
	case MDB_MAP_FULL:
	case MDB_TXN_FULL:
	case ENOSPC:
	case EDQUOT:
		return MTS_EFULL;
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH:
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_CURSOR_FULL:
	case MDB_PAGE_FULL:
	case MDB_INCOMPATIBLE:
	case MDB_BAD_VALSIZE:
		return MTS_EDAMAGED;
	default:
		return rc > 0 ? MTS_ESYS : MTS_ELIB;
	}
}
