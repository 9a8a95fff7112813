/* SPDX-License-Identifier: BSD-2-Clause */
/* privileged.h - what is done as root, before that is given up. */
#ifndef PROG_PRIVILEGED_H
#define PROG_PRIVILEGED_H

#include "conf/conf.h"
#include "serve/activation.h"

/* If this is root and CONF names a user: makes the folders that are missing and
 * gives them to him, binds all sockets into READY, and becomes him for good.
 * MTS_ENOTFOUND: there is no such user; bind_address()'s errors; MTS_ESYS. */
int privileged_start(const struct conf *conf, struct activation *ready,
                     struct fault *why);

#endif
