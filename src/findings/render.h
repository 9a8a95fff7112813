/* SPDX-License-Identifier: BSD-2-Clause */
/* render.h - shows reports: one struct renderer for each output format.
 *
 * HOW TO ADD A FORMAT: write render_NAME.c with a struct renderer, declare it
 * below, add it to renderers[] in render.c, which makes it --NAME, and add the
 * file to Makefile.inc. begin() is called once, then report() for each domain in
 * the order in which they are shown, then end() once. Each appends to OUT, which
 * the caller writes to standard output and empties after each call, and returns
 * MTS_OK, MTS_ENOMEM or MTS_ERANGE. What a renderer must remember between calls
 * is in struct render.
 *
 * SECURITY: texts in a report that are marked raw are untrusted; see report.h. */
#ifndef FINDINGS_RENDER_H
#define FINDINGS_RENDER_H

#include "base/buffer.h"
#include "findings/report.h"

enum {
	/* The size limit for one rendered report: a policy has up to 64 KiB,
	 * and may be shown twice, escaped. */
	RENDER_MAX = 4 * 1024 * 1024,
	RENDER_WIDTH = 80,
};

struct render_options {
	bool color;    /* escape sequences of ECMA-48 */
	bool utf8;     /* else plain ASCII */
	bool verbose;  /* -v: certificates, connections, how the score is
	                * calculated */
	bool show_rua; /* do not mask the local parts of mail addresses */
	bool several;  /* there may be more than one domain */
	size_t width;  /* columns */
};

struct render {
	const struct render_options *options;
	size_t count;    /* reports shown before this one */
	int exit_status; /* the worst of all, including this one */
	/* How many reports have each exit status, including this one. */
	size_t counts[CHECK_EXIT_UNKNOWN + 1];
	/* With --watch: when this round began, in seconds since 1970. 0: there
	 * is only one round. */
	int64_t round_s;
	/* Text that a renderer keeps for end(). Empty at first; the caller
	 * frees it. */
	struct buffer *later;
};

/* Functions that a format does not have are NULL. */
struct renderer {
	const char *name;  /* "text", "json", "jsonl", "html", "nagios" */
	bool as_they_come; /* reports may be shown in any order */
	int (*begin)(struct buffer *out, const struct render *render);
	int (*end)(struct buffer *out, const struct render *render);
	int (*report)(struct buffer *out, const struct render *render,
	              const struct report *report);
	/* Shows the findings about a policy text read from NAME. */
	int (*lint)(struct buffer *out, const struct render *render,
	            const char *name, const struct report *report);
	/* Explains COUNT findings. COUNT 0: lists all findings. */
	int (*explain)(struct buffer *out, const struct render *render,
	               const enum finding_id *ids, size_t count);
};

extern const struct renderer renderer_text;
extern const struct renderer renderer_json;
extern const struct renderer renderer_jsonl;
extern const struct renderer renderer_html;
extern const struct renderer renderer_nagios;

/* Finds a renderer by name. NULL: there is none. */
const struct renderer *renderer_find(const char *name);

/* For people: "enforced", "opted out (mode none)", ... */
const char *render_state(enum state state);

/* Writes "mode enforce, max_age 604800 s, 2 mx" to TEXT, and returns it. */
enum { RENDER_POLICY = 80 };
const char *render_policy(const struct policy *policy,
                          char text[RENDER_POLICY]);

/* The worst fault of a mail host's addresses, in a few words. NULL: there is no
 * fault, or they were not called. HOST may be NULL. */
const char *render_host_fault(const struct mx_host *host);

/* The TLS view to show for a host: a bad one if there is any. NULL: no TLS was
 * seen. HOST may be NULL. */
const struct tls_view *render_host_view(const struct mx_host *host);

/* One connection that was tried. */
struct render_connection {
	const char *host;
	const char *address;
	const char *error; /* safe; "": none */
	uint64_t ms;
	const struct tls_view *view; /* NULL: no TLS was seen */
};

/* Calls PUT for the connection to the policy host, then for each to a mail host,
 * in the order of the MX rows. */
void render_connections(const struct report *report,
                        void (*put)(void *arg,
                                    const struct render_connection *connection),
                        void *arg);

/* Makes a rua safe to show. The local part of a mailto: becomes "***", unless
 * SHOW. To be freed; NULL: out of memory. */
char *render_rua(const char *rua, bool show);

/* The same for a whole TLSRPT record. */
char *render_tls_rpt(const char *text, bool show);

#endif
