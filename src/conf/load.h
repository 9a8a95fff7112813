/* SPDX-License-Identifier: BSD-2-Clause */
/* load.h - reads the configuration file: YAML into a struct conf. */
#ifndef CONF_LOAD_H
#define CONF_LOAD_H

#include "conf/conf.h"

/* Appends an entry with default values to CONF's "listen:"; NULL: out of
 * memory. In conf.c, like the next three. */
struct conf_listen *conf_add_listen(struct conf *conf);

/* The same for "maps:". */
struct conf_map *conf_add_map(struct conf *conf);

/* Removes all entries. */
void conf_clear_listen(struct conf *conf);
void conf_clear_maps(struct conf *conf);

/* Reads LEN bytes of TEXT into CONF, which holds the defaults. On an error CONF
 * may be half changed, and is still good for conf_free(). */
int load_yaml(const char *text, size_t len, const char *name, struct conf *conf,
              struct fault *why);

#endif
