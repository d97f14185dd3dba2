/* SPDX-License-Identifier: ISC
 *
 * Whether we are blind: most of what is looked at has become undeterminable at once, or no
 * prober's resolver answers.  One notice then says so, instead of one for every domain, and
 * nothing seen meanwhile is believed.  Pure.
 *
 * Domains and hosts are counted apart: where port 25 is blocked outbound, the domains still
 * look well.  The last SIGHT_MEMORY results of each kind count, none older than ten minutes.
 */
#ifndef SIGHT_H
#define SIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "observation.h"

#define SIGHT_MEMORY 64
#define SIGHT_LEAST 10     /* results needed before they can say anything */
#define SIGHT_WINDOW_S 600

struct sight_ring {
	int64_t at[SIGHT_MEMORY];
	bool dark[SIGHT_MEMORY];
	size_t next;
};

struct sight {
	struct sight_ring domains, hosts;
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
