/* SPDX-License-Identifier: ISC
 *
 * The catalogue of events: what a notice's name means and what to do about it.  `mxwatch explain`,
 * doc/events and the pages behind the links of mails are printed from it.
 */
#ifndef EVENT_H
#define EVENT_H

#include <stddef.h>

#include "arena.h"
#include "buf.h"
#include "check.h"

struct event {
	const char *name;
	const char *kind;     /* "problem", "change", "problem or change", "daemon" */
	const char *severity; /* what it counts for unless the watchlist says otherwise */
	const char *meaning;
	const char *urgency;
	const char *senders; /* what senders of mail do now */
	const char *verify;  /* commands to see it by hand, a line each */
	const char *fix;
};

extern const struct event event_table[];
extern const size_t event_count;

/* NULL if there is no such event; a problem without a name of its own is called by its check. */
const struct event *event_find(const char *name);
/* The first check at or behind *at whose problem is called so, *at moved behind it; NULL: no more. */
const struct check *event_check(const char *name, size_t *at);
/* Where the page about it is: a pattern with {event} and {check}, or page, the base of our own pages;
 * NULL when there is neither. */
const char *event_link(struct arena *arena, const char *pattern, const char *page, const char *event,
    const char *check);
/* How to keep it from being told, as shell commands, a line each. */
void event_silence(const char *name, struct buf *out);

/* The page of an event as Markdown (doc/events/NAME.md); as text for a terminal. */
void event_document(const struct event *e, struct buf *out);
void event_explain(const struct event *e, struct buf *out);

#endif
