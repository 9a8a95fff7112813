/* SPDX-License-Identifier: BSD-2-Clause */
/* render.h - how reports are shown: one struct renderer a form.
 *
 * HOW TO ADD A FORM: write render_NAME.c with a struct renderer, declare it
 * below, name it in renderers[] of render.c (which is what --NAME is looked up
 * in), and put the file into Makefile.inc. begin() comes once, then report()
 * for each domain, in the order in which they are to be shown, then end() once.
 * Each appends to OUT, which the caller empties to standard output after each
 * call, and returns MTS_OK, MTS_ENOMEM or MTS_ERANGE. What they must keep from
 * one call to the next is in the struct render.
 *
 * SECURITY: texts in a report that are marked raw come from strangers; see
 * report.h. */
#ifndef FINDINGS_RENDER_H
#define FINDINGS_RENDER_H

#include "base/buffer.h"
#include "findings/report.h"

enum {
	/* What one report may grow to: a policy is up to 64 KiB, and may be
	 * shown twice, escaped. */
	RENDER_MAX = 4 * 1024 * 1024,
	RENDER_WIDTH = 80,
};

struct render_options {
	bool color;    /* escape sequences of ECMA-48 */
	bool utf8;     /* else plain ASCII */
	bool verbose;  /* -v: certificates, timing, arithmetic */
	bool show_rua; /* the local part of a rua's mailto: too */
	bool several;  /* there is, or may be, more than one domain */
	size_t width;  /* columns */
};

struct render {
	const struct render_options *options;
	size_t count;    /* reports that were shown before */
	int exit_status; /* the worst of theirs and of this one */
	/* How many came to each exit status, this one included. */
	size_t tally[CHECK_EXIT_UNKNOWN + 1];
	/* --watch: when this round began, in seconds since 1970; 0: there is
	 * but one. */
	int64_t round_s;
	/* What a form keeps for its end: empty at first, and the caller's. */
	struct buffer *later;
};

/* What a form lacks is NULL. */
struct renderer {
	const char *name;  /* "text", "json", "jsonl", "html", "nagios" */
	bool as_they_come; /* the order does not matter */
	int (*begin)(struct buffer *out, const struct render *render);
	int (*end)(struct buffer *out, const struct render *render);
	int (*report)(struct buffer *out, const struct render *render,
	              const struct report *report);
	/* What was found in a policy's text that came from NAME. */
	int (*lint)(struct buffer *out, const struct render *render,
	            const char *name, const struct report *report);
	/* What the table says of COUNT findings; COUNT is 0: of all, in
	 * brief. */
	int (*explain)(struct buffer *out, const struct render *render,
	               const enum finding_id *ids, size_t count);
};

extern const struct renderer renderer_text;
extern const struct renderer renderer_json;
extern const struct renderer renderer_jsonl;
extern const struct renderer renderer_html;
extern const struct renderer renderer_nagios;

/* By its name, or NULL. */
const struct renderer *renderer_find(const char *name);

/* For a person: "enforced", "opted out (mode none)", ... A constant. */
const char *render_state_words(enum state state);

/* "mode enforce, max_age 604800 s, 2 mx"; TEXT. */
enum { RENDER_POLICY = 80 };
const char *render_policy_words(const struct policy *policy,
                                char text[RENDER_POLICY]);

/* What is worst of a mail host's addresses, in a few words; NULL: nothing, or
 * they were not called. HOST may be NULL. A constant. */
const char *render_host_words(const struct mx_host *host);

/* The TLS that tells most of it: what is bad before what is good. NULL: none was
 * seen. HOST may be NULL. */
const struct tls_view *render_host_view(const struct mx_host *host);

/* One connection that was made. */
struct render_connection {
	const char *host;
	const char *address;
	const char *error; /* safe; "": none */
	uint64_t ms;
	const struct tls_view *view; /* NULL: no TLS was seen */
};

/* Calls PUT for the connection to the policy host and then for those to mail
 * hosts, in the order of their rows. */
void render_connections(const struct report *report,
                        void (*put)(void *arg,
                                    const struct render_connection *connection),
                        void *arg);

/* For all forms: a rua as it may be shown, with "***" for the local part of a
 * mailto: unless SHOW. Safe; to be freed; NULL: memory is short. */
char *render_rua(const char *rua, bool show);

/* The same for a whole TLSRPT record. */
char *render_tls_rpt(const char *text, bool show);

#endif
