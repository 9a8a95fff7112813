/* SPDX-License-Identifier: BSD-2-Clause */
/* load.h - YAML into a struct conf. */
#ifndef CONF_LOAD_H
#define CONF_LOAD_H

#include "conf/conf.h"

/* An entry of "listen:" at the end of CONF's, with its defaults; NULL if memory
 * is short. In conf.c. */
struct conf_listen *conf_add_listen(struct conf *conf);

/* The same for "maps:". */
struct conf_map *conf_add_map(struct conf *conf);

/* Takes all entries out. */
void conf_clear_listen(struct conf *conf);
void conf_clear_maps(struct conf *conf);

/* Reads LEN bytes of TEXT into CONF, which holds the defaults. On an error CONF
 * may be half changed, and is still good for conf_free(). */
int load_yaml(const char *text, size_t len, const char *name, struct conf *conf,
              struct fault *why);

#endif
