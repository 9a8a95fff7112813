/* SPDX-License-Identifier: BSD-2-Clause */
/* privileged.h - what mtastsd does as root before it becomes another user. */
#ifndef PROG_PRIVILEGED_H
#define PROG_PRIVILEGED_H

#include "conf/conf.h"
#include "serve/activation.h"

/* If this is root and CONF names a user: creates the missing folders and gives them to
 * that user, binds all sockets into READY, and becomes that user for good.
 * MTS_ENOTFOUND: there is no such user; bind_address()'s errors; MTS_ESYS. */
int privileged_start(const struct conf *conf, struct activation *ready,
                     struct fault *why);

#endif
