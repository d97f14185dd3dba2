/* SPDX-License-Identifier: ISC
 *
 * What the receivers' formats have in common: the words of a verdict, a notice's difference as
 * lines, and strings from strangers made fit for any of them.
 */
#ifndef RENDER_PARTS_H
#define RENDER_PARTS_H

#include <stdbool.h>

#include "arena.h"
#include "buf.h"
#include "notice.h"

#define RENDER_MAX_VALUE 600 /* characters of one value shown to people */

/* One line: control characters and line breaks become spaces, bidirectional controls and
 * broken UTF-8 go, "..." stands for what passes max characters.  For places that need more
 * (HTML, Markdown) the result is escaped again. */
void render_clean(struct buf *out, const char *s, size_t max);
/* The same into arena; NULL becomes "". */
const char *render_cleaned(struct arena *arena, const char *s, size_t max);

/* What Markdown would take for markup with a backslash before it. */
const char *render_markdown(struct arena *arena, const char *s);
/* Several lines of ours, cut behind a whole character where a ceiling cut them. */
const char *render_cleaned_lines(struct arena *arena, const char *s);

/* "PROBLEM", "RECOVERED", "CHANGE", "NOTICE", "TEST": who speaks, for a From display name. */
const char *render_status(const struct notice *n);
/* "CRITICAL", "WARNING", "INFO", "RECOVERED", "CHANGED", "CRITICAL CHANGE", "TEST" */
const char *render_verdict(const struct notice *n);
/* The heading of the causes. */
const char *render_causes_title(const struct notice *n);
/* The verdict, how long it lasts or lasted, and the summary: "RECOVERED after 2 h 13 min. It was: ...". */
const char *render_headline(struct arena *arena, const struct notice *n);
/* What was seen in place of the expected; NULL when the sentence of its end has just said it. */
const char *render_seen(const struct notice *n);
/* What is wrong, or was: "It was: STARTTLS is not offered." */
const char *render_sentence(struct arena *arena, const struct notice *n);
/* The verdict and how long, alone. */
const char *render_lead(struct arena *arena, const struct notice *n);
/* "example.test", or "mx1.example.test (800 domains)" */
const char *render_where(struct arena *arena, const struct notice *n);
/* "TLSA mismatch: example.test on mx1.example.test": what first, for who sees but the beginning.
 * The notice's own title where it has one, so that an incident keeps its first. */
const char *render_title(struct arena *arena, const struct notice *n);
/* "2026-11-22 13:00:00 UTC" */
const char *render_time(struct arena *arena, int64_t at);
/* Whether url may become a link: http and https alone. */
bool render_is_link(const char *url);
/* "#RRGGBB" of the verdict. */
const char *render_colour(const struct notice *n);
/* What it means and what to do; NULL when there is nothing to say, or it is over. */
const char *render_impact(const struct notice *n);
const char *render_advice(const struct notice *n);

struct render_fact {
	const char *label, *value;
	bool body; /* expected and seen: shown apart where there is room */
};

/* What a notice has to say in a line each; cleaned. */
struct render_fact *render_facts(struct arena *arena, const struct notice *n, size_t *count);
int64_t render_total(const struct notice *n); /* domains, named or not */
/* Domains that are not named. */
int64_t render_unnamed(const struct notice *n);

/* The changes that travel with n, but the one it is called by: "new certificate (cert.changed)". */
const char *const *render_changes(struct arena *arena, const struct notice *n, size_t *count);

struct render_line {
	char sign; /* '-' was, '+' is */
	const char *text;
};

/* before and after as the lines that differ; *count 0 if there is nothing to show. */
struct render_line *render_difference(struct arena *arena, const struct notice *n, size_t *count);

#endif
