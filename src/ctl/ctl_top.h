/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_top.h - the live screen of "mtasts-ctl top". */
#ifndef CTL_CTL_TOP_H
#define CTL_CTL_TOP_H

#include "base/status.h"
#include "wire/control_protocol.h"

/* Shows SPAN of the daemon at SOCKET, updated every interval_s, until the
 * user quits or a signal arrives. ROWS: show as many rows as SPAN says, else
 * as many as fit. If the daemon can't be reached at first: MTS_ESYNTAX or
 * MTS_ESYS, with WHY; later the screen says so, and the next update tries
 * again. MTS_ENOMEM. */
int ctl_top_run(const char *socket, const struct top_span *span, bool rows,
                struct fault *why);

#endif
