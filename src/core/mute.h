/* SPDX-License-Identifier: ISC
 *
 * Whether a notice is to be held back now: by a maintenance window of the configuration or by
 * a silence that somebody asked for.  Pure: time is an argument, and so is the time zone
 * database, as a function.
 *
 * A match means what it means in a route, but a notice about several domains is muted only
 * when every one of them is: the silence of one domain hides no other's trouble.
 *
 * A weekly window begins at a local time of its zone and lasts its duration, whatever the
 * clocks do meanwhile.  A start that comes twice is the first of the two, one that the clocks
 * skip counts from the offset before the gap (both as RFC 5545 section 3.3.5 has it).
 */
#ifndef MUTE_H
#define MUTE_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "arena.h"
#include "conf.h"
#include "err.h"
#include "notice.h"

#define MUTE_MAX_S (90 * INT64_C(86400)) /* the longest silence */

/* Seconds east of UTC in an IANA zone at a time (UTC). */
typedef int64_t mute_offset(const char *zone, int64_t at, void *arg);

struct mute_window { /* [from, until) of one maintenance; until 0 = there is none any more */
	const struct conf_maintenance *maintenance;
	int64_t from, until;
};

struct mute_silence {
	int64_t id;
	struct conf_match match;
	const char *text; /* the match as JSON */
	const char *author, *reason;
	int64_t from, until;
};

struct mute {
	const struct conf *conf;
	const struct mute_window *windows;
	size_t n_windows;
	const struct mute_silence *silences;
	size_t n_silences;
};

struct mute_verdict { /* until 0 = nothing mutes it */
	int64_t from, until; /* the whole of it has been muted since, and is until */
};

/* The window of m that holds now, or else the next one. */
struct mute_window mute_window(const struct conf_maintenance *m, int64_t now, mute_offset *offset,
    void *arg);
/* Never muted: a test of a receiver. */
struct mute_verdict mute_verdict(const struct mute *m, const struct notice *n, int64_t now);

/* A match as people and the state write it: an object with severity, kind, event, domain,
 * groups, owner, tags.KEY, at least one of them.  -1 with err for anything else. */
int mute_match_read(const json_t *o, struct arena *arena, struct conf_match *m, struct error *err);

#endif
