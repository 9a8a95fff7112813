/* SPDX-License-Identifier: BSD-2-Clause */
/* loader_internal.h - YAML events, one by one: what the files load*.c share. */
#ifndef CONF_LOADER_INTERNAL_H
#define CONF_LOADER_INTERNAL_H

#include "base/slice.h"
#include "conf/conf.h"
#include "conf/schema.h"

#include <yaml.h>

struct loader {
	yaml_parser_t parser;
	yaml_event_t event; /* the current one; all zero before the first */
	struct slice text;
	const char *name; /* of the file, for messages */
	struct conf *conf;
	struct fault *why;
	/* The line of each option by row, 0: not yet. An entry of "listen:"
	 * starts its own rows anew. */
	unsigned lines[CONF_OPTIONS_MAX];
};

/* Moves on to the next event. Like all here that can fail: what is wrong is in
 * the loader's fault, with file and line. */
int loader_next(struct loader *loader);

/* The current event's line. */
unsigned loader_line(const struct loader *loader);

/* A fault at the current event, of OPTION (NULL: none in particular);
 * MTS_ESYNTAX. */
int loader_refuse(const struct loader *loader, const char *option,
                  const char *text);

bool loader_is_scalar(const struct loader *loader);

/* Nothing after the colon, or YAML's words for it. */
bool loader_is_null(const struct loader *loader);

/* The current scalar's text; good until loader_next(). */
struct slice loader_scalar(const struct loader *loader);

/* Reads the value of "domains:", which begins with the current event, into the
 * loader's conf. */
int load_domains(struct loader *loader);

/* The same for "listen:" and for "maps:", OPTION being the row. */
int load_listeners(struct loader *loader, const struct conf_option *option);
int load_maps(struct loader *loader, const struct conf_option *option);

/* Reads the options within PARENT (NULL: at the top), up to the mapping's end,
 * which the current event begins; their values go to BASE. */
int loader_read_mapping(struct loader *loader, const struct conf_option *parent,
                        void *base);

/* For the next entry of the list PARENT: none of its options has been seen. */
void loader_forget_lines(struct loader *loader,
                         const struct conf_option *parent);

/* Memory is short: MTS_ENOMEM. */
int loader_no_memory(const struct loader *loader);

/* OPTION has more WHAT ("entries") than its max; MTS_ESYNTAX. */
int loader_refuse_number(const struct loader *loader,
                         const struct conf_option *option, const char *what);

#endif
