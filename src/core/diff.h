/* SPDX-License-Identifier: ISC
 *
 * Changes: edges between the posture believed and the posture just seen, named as in
 * mxwatch-events(7).  Pure.
 */
#ifndef DIFF_H
#define DIFF_H

#include <stdbool.h>

#include "arena.h"
#include "finding.h"
#include "posture.h"

struct change {
	const char *event;   /* "mta_sts.id_changed" */
	const char *check;   /* the check it belongs to */
	const char *subject; /* domain, host, or host[address]:port */
	enum finding_severity severity;
	const char *summary; /* one sentence */
	const char *before, *after; /* as JSON texts; NULL = absent */
};

struct changes {
	struct change *item; /* in arena */
	size_t n;
};

/* Compare.  believed NULL: a first observation, a silent baseline without changes.
 * *next is what to believe from now on (new value, or the old one with its misses counted).
 * *pending is true when an absence waits for confirmation (probe again soon). */
void diff(const char *subject, const struct posture *believed, const struct posture *seen,
    int64_t confirm_fail, struct arena *arena, struct changes *changes, struct posture **next,
    bool *pending);

#endif
