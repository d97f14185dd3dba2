/* SPDX-License-Identifier: ISC
 *
 * The check table: one row per check of the catalogue.  `mxwatch explain` and doc/checks.md
 * are printed from it, eval takes ids and references from it.
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

struct check {
	const char *id;
	const char *title;     /* a few words, for the report */
	const char *observed;  /* what is looked at */
	const char *why;       /* what goes wrong without it */
	const char *fix;       /* how to mend it */
	const char *reference; /* RFC and section */
	const char *event;     /* what its problem is called in a notice; NULL = the id (doc/checks.md) */
	const char *critical_event; /* what a critical one is called, where that has another name */
	const char *parent;    /* id of the check whose failure explains this one (inhibition), NULL */
	const char *area;      /* heading in the report: "MX", "SMTP", "TLS", "DANE", "MTA-STS", ... */
};

extern const struct check check_table[];
extern const size_t check_count;

/* NULL if there is no such check. */
const struct check *check_find(const char *id);
/* What a problem of this check is called in a notice, a critical one or another. */
const char *check_event(const struct check *c, bool critical);
/* doc/checks.md as Markdown; one check as text for a terminal. */
void check_document(struct buf *out);
void check_explain(const struct check *c, struct buf *out);
/* Append s broken at spaces so that no line passes width columns, and a newline; the first line
 * begins at column `first`, later ones are indented. */
void check_wrap(struct buf *out, const char *s, size_t indent, size_t first, size_t width);

#endif
