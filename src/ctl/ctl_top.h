/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_top.h - the live screen of "mtasts-ctl top". */
#ifndef CTL_CTL_TOP_H
#define CTL_CTL_TOP_H

#include "base/status.h"
#include "wire/control_protocol.h"

/* Shows SPAN of the daemon at SOCKET anew every interval_s, until a person or a
 * signal ends that; ROWS: as many as it says, else as many as fit. A daemon that
 * can't be reached at first is MTS_ESYNTAX or MTS_ESYS, and WHY says why; later
 * that is shown, and it is tried again. MTS_ENOMEM. */
int ctl_top_run(const char *socket, const struct top_span *span, bool rows,
                struct fault *why);

#endif
