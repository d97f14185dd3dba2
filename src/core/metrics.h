/* SPDX-License-Identifier: ISC
 *
 * /metrics in Prometheus' text format 0.0.4 and in OpenMetrics 1.0.  Label values are names of the
 * configuration and words of ours; what a stranger's server said is a label of /probe alone,
 * where there is one series of it.
 *
 * How much is written for each domain: nothing, the domain's own values and its open problems,
 * or also every check that passes.  Without a wish it is the last up to METRICS_CHECKS domains,
 * the second up to METRICS_DOMAINS, and nothing beyond; the rest is then had in shards.
 */
#ifndef METRICS_H
#define METRICS_H

#include "buf.h"
#include "measure.h"
#include "view.h"

#define METRICS_CHECKS	500
#define METRICS_DOMAINS 5000
#define METRICS_SHARD	10000 /* domains in one answer at most */

struct metrics_process { /* -1: not known */
	int64_t started, cpu_ms, resident_bytes, open_fds;
};

struct metrics_receiver {
	const char *name;
	int64_t pending, dead, held;	/* as in view_outbox */
	int64_t waited_s;		/* the oldest that is to leave at once */
	int64_t n_delivered, n_failed, n_given_up; /* since the engine started */
};

struct metrics_engine { /* what the engine says of itself; seen_at 0: nothing yet */
	int64_t seen_at;
	int64_t in_flight, waiting, to_judge, not_baselined, probers, observed, judged;
	int64_t lag_s, given_up;
	int64_t findings[FINDING_UNKNOWN + 1]; /* of what was judged, by enum finding_status */
	struct metrics_process process;
	bool blind, state_writable, reload_ok;
};

struct metrics_window { /* a maintenance of the configuration */
	const char *name;
	int64_t from, until; /* 0: there is none any more */
};

struct metrics_host {
	const char *name;
	const struct measure_host *seen;
};

struct metrics {
	const char *version;
	int64_t now, started, loaded; /* loaded: when the configuration was read last */
	const struct conf *conf;
	const struct view_mark *marks; /* beside conf->domains */
	int64_t hosts, incidents[4], silences, muted, changes;
	struct metrics_process process; /* this one */
	const struct metrics_receiver *receivers;
	size_t n_receivers;
	const struct metrics_window *windows;
	size_t n_windows;
	struct metrics_engine engine;
	/* the details */
	enum conf_metrics detail; /* not AUTO */
	const struct measure_domain *const *measured; /* beside conf->domains; NULL: not at hand */
	const struct metrics_host *host;
	size_t n_host;
	const struct view_expiry *expiries;
	size_t n_expiries;
	const struct view_problem *problems; /* by domain, then check */
	size_t n_problems;
	size_t shard, shards; /* 1/4 is shard 0 of 4; 0 of 1 is everything */
};

/* What AUTO means for so many domains. */
enum conf_metrics metrics_detail(enum conf_metrics wish, size_t domains);
/* Whether the shard has the domain or host of this name. */
bool metrics_in_shard(const char *name, size_t shard, size_t shards);

/* The daemon's own, then the details; with `shards`, the details of that shard alone. */
void metrics_text(const struct metrics *m, bool open_metrics, struct buf *out);
void metrics_shard_text(const struct metrics *m, bool open_metrics, struct buf *out);
/* One domain under the names of blackbox_exporter, from what was seen last.  d->in->domain is
 * not NULL. */
void metrics_probe(const struct view_detail *d, int64_t now, bool open_metrics, struct buf *out);

#endif
