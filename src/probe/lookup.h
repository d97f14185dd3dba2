/* SPDX-License-Identifier: ISC
 *
 * The questions of one probe: asked together, counted, given up together; and answers copied
 * into the probe's arena as the facts of core/observation.h.
 */
#ifndef LOOKUP_H
#define LOOKUP_H

#include <stdbool.h>
#include <stddef.h>

#include "arena.h"
#include "observation.h"
#include "resolver.h"

struct lookups; /* those of one probe that are still open */

/* context: what the asker wanted it for, as given to lookup_ask(). */
typedef void lookup_cb(const struct resolver_answer *answer, void *context, void *arg);

/* arg goes to every callback.  fresh: as resolver_ask(). */
struct lookups *lookups_new(struct resolver *r, bool fresh, void *arg);
/* Whatever is still open gets no callback.  NULL is fine. */
void lookups_free(struct lookups *l);
/* How many answers are still to come; in a callback: its own not counted. */
size_t lookups_open(const struct lookups *l);
void lookup_ask(struct lookups *l, const char *name, unsigned type, lookup_cb *cb, void *context);

/* What stands in the document until the answer comes: our fault, should it never come. */
void answer_pending(struct obs_answer *head);

/* -- copies of an answer, everything in arena ------------------------------------------- */

void answer_head(const struct resolver_answer *a, struct arena *arena, struct obs_answer *out);
/* A, AAAA, PTR: sorted, without doubles, at most max. */
void answer_names(const struct resolver_answer *a, size_t max, struct arena *arena,
		  struct obs_names *out);
/* By preference, then name, at most OBS_MAX_MX. */
void answer_mx(const struct resolver_answer *a, struct arena *arena, struct obs_mx *out);
/* By priority, falling weight, target, port. */
void answer_srv(const struct resolver_answer *a, struct arena *arena, struct obs_srv *out);
/* Sorted; equal records stay apart (RFC 8461 section 3.1 counts them). */
void answer_txt(const struct resolver_answer *a, struct arena *arena, struct obs_txt *out);
void answer_tlsa(const struct resolver_answer *a, struct arena *arena, struct obs_tlsa *out);
void answer_caa(const struct resolver_answer *a, struct arena *arena, struct obs_caa *out);

#endif
