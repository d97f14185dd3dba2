/* SPDX-License-Identifier: ISC
 *
 * From edges to events: which fact's edge is told under which name, how grave it is and in
 * which words.  diff.c decides what is an edge; here is the table of mxwatch-events(7).
 */
#ifndef DIFF_TELL_H
#define DIFF_TELL_H

#include "diff.h"

struct edge {
	const char *key;
	const char *before, *after; /* JSON texts, NULL = absent */
};

struct telling { /* all edges of one comparison, and what is believed behind them */
	const char *subject;
	const struct edge *edge;
	size_t n_edges;
	const struct posture *next;
	struct arena *arena;
	struct changes *changes;
	size_t size;
};

/* Add the changes of every edge, in the order of the edges. */
void diff_tell(struct telling *t);

/* Whether after is a step down from before that has to be confirmed. */
bool diff_falls(const char *key, const char *before, const char *after);
/* Sightings in a row before a step down of this fact is believed. */
int64_t diff_patience(const char *key, int64_t confirm_fail);

#endif
