/* SPDX-License-Identifier: ISC
 *
 * What a parser has to say about a document: a place, a rule, a section.
 */
#ifndef REMARK_H
#define REMARK_H

#include <stdbool.h>
#include <stddef.h>

#include "arena.h"

enum remark_level { REMARK_NOTE, REMARK_WARNING, REMARK_ERROR };

struct remark {
	enum remark_level level;
	size_t line, column; /* from 1 */
	const char *rule;    /* one sentence: what is wrong, with the offending value, safe to print */
	const char *reference; /* "RFC 8461 §3.2" */
};

struct remarks {
	struct arena *arena; /* borrowed; rows and strings live there */
	struct remark *item;
	size_t n, size;
};

extern const char *const remark_level_words[]; /* "note", "warning", "error", NULL */

/* Rows kept of one document; past them only the first ERROR is still taken. */
#define REMARKS_MAX 200

void remarks_init(struct remarks *r, struct arena *arena);
/* Values in fmt's arguments go through remarks_quote first when they come from outside. */
void remarks_add(struct remarks *r, enum remark_level level, size_t line, size_t column,
    const char *reference, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* Bytes from the document, escaped and in double quotes, cut at 64 characters; from the arena. */
const char *remarks_quote(struct remarks *r, const char *bytes, size_t len);
/* By place; equal places keep their order. */
void remarks_sort(struct remarks *r);
/* The first of at least this level, NULL if there is none. */
const struct remark *remarks_first(const struct remarks *r, enum remark_level level);

#endif
