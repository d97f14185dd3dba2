/* SPDX-License-Identifier: ISC
 *
 * Changes: edges between the posture believed and the posture just seen, named as in
 * mxwatch-events(7).  Pure.
 *
 * What is believed moves by four rules:
 *   - unknown (a fact that is not in the posture seen) changes nothing;
 *   - a fact seen for the first time is believed in silence;
 *   - a new value is believed at once;
 *   - a step down is believed after confirm_fail sightings in a row: a value that is gone, a
 *     DNSSEC status, a best TLS version, forward secrecy or AEAD that fell.  One sighting of
 *     what was believed wipes the count.  An open relay needs two (doc/checks.md).
 * Facts of an address that left the host's address set are forgotten in silence.
 *
 * MTA-STS: each event states one edge, so one publication can raise several: the id
 * (id_changed, with what differs in the policy), the body under an equal id (policy_changed),
 * the mode (mode_changed), the mx list or a live MX that fell out of it (mx.pattern_drift).
 * Body and id are published one after the other (RFC 8461 section 8.1), and the id may lie in a
 * resolver's cache for its TTL, so that they are told as one step: a new id is held back while
 * the policy cannot be read, and a new body under an equal id is believed only after
 * confirm_fail sightings in a row.  (What a new body breaks is a problem, and told at once.)
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
	const char *summary;	    /* one sentence */
	const char *before, *after; /* as JSON texts; NULL = absent */
};

struct changes {
	struct change *item; /* in arena */
	size_t n;
};

/* Compare.  believed NULL: a first observation, a silent baseline without changes.
 * *next is what to believe from now on (new value, or the old one with its misses counted).
 * *pending is true when a step down waits for confirmation (probe again soon). */
void diff(const char *subject, const struct posture *believed, const struct posture *seen,
	  int64_t confirm_fail, struct arena *arena, struct changes *changes, struct posture **next,
	  bool *pending);

#endif
