/* SPDX-License-Identifier: ISC
 *
 * Whether we are blind: most of what is looked at has become undeterminable at once, or no
 * prober's resolver answers.  One notice then says so, instead of one for every domain, and
 * nothing seen meanwhile is believed.  Pure.
 *
 * Domains and hosts are counted apart: where port 25 is blocked outbound, the domains still
 * look well.  What counts is how the last SIGHT_MEMORY subjects of each kind looked when they were
 * looked at last: a host that is asked again and again is one host.  We are blind when most of
 * at least SIGHT_LEAST of them were dark within ten minutes, until most of those, and of what was
 * seen since, are not; that nothing was looked at is no light.
 */
#ifndef SIGHT_H
#define SIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "observation.h"

#define SIGHT_MEMORY 64
#define SIGHT_LEAST 10     /* subjects needed before they can say anything */
#define SIGHT_WINDOW_S 600

struct sight_look {
	uint64_t subject; /* a digest of its name */
	int64_t at;       /* 0 = a free place */
	bool dark;
};

struct sight {
	struct sight_look domains[SIGHT_MEMORY], hosts[SIGHT_MEMORY];
	bool resolver_dark; /* the probers say that no resolver answers */
	bool blind;
	int64_t since; /* when it began, 0 while we see */
};

enum sight_result { SIGHT_SAME, SIGHT_LOST, SIGHT_REGAINED };

/* Whether the probe could see nothing of its subject, for whatever reason. */
bool sight_dark(const struct observation *o);
/* Take a result into account. */
enum sight_result sight_observed(struct sight *s, const struct observation *o, int64_t now);
/* No resolver answers (any more, or again). */
enum sight_result sight_resolver(struct sight *s, bool dark, int64_t now);

#endif
