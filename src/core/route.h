/* SPDX-License-Identifier: ISC
 *
 * Which receivers a notice goes to, and when: the routing tree of the configuration.  Pure.
 */
#ifndef ROUTE_H
#define ROUTE_H

#include "conf.h"
#include "notice.h"

struct route_target {
	const char *receiver;
	int64_t digest_at_s; /* -1 = at once */
	int64_t group_wait_s, repeat_s;
	const struct conf_route *route; /* the node that decided, for `mxwatch route test` */
};

/* Whether a notice about these domains matches m. */
bool route_matches(const struct conf *c, const struct conf_match *m, const struct notice *n);
/* The targets, each receiver once (first node wins), from arena; *n_targets set. */
struct route_target *route_targets(const struct conf *c, const struct notice *n,
				   struct arena *arena, size_t *n_targets);

#endif
