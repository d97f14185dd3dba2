/* SPDX-License-Identifier: ISC
 *
 * /metrics in Prometheus' text format 0.0.4.  Label values are names of the configuration and
 * words of ours; what a stranger's server said is no label.  Series for each domain and host
 * are written for METRICS_DOMAINS domains at most.
 */
#ifndef METRICS_H
#define METRICS_H

#include "buf.h"
#include "view.h"

#define METRICS_DOMAINS 5000

struct metrics_engine { /* what the engine says of itself; seen_at 0: nothing yet */
	int64_t seen_at;
	int64_t in_flight, waiting, to_judge, not_baselined, probers, observed, judged;
	int64_t lag_s, given_up;
	bool blind, state_writable, reload_ok;
};

struct metrics {
	const char *version;
	int64_t now, started, loaded; /* loaded: when the configuration was read last */
	const struct conf *conf;
	const struct view_mark *marks; /* beside conf->domains */
	int64_t hosts, incidents[4], outbox[4], outbox_oldest;
	const struct view_expiry *expiries;
	size_t n_expiries;
	const struct view_problem *problems;
	size_t n_problems;
	struct metrics_engine engine;
};

void metrics_text(const struct metrics *m, struct buf *out);

#endif
