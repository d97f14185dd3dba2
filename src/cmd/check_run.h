/* SPDX-License-Identifier: ISC
 *
 * The tiny engine behind `mxwatch check`: one prober, orders for each domain and then for its
 * hosts, one connection at a time per address.  What comes back are observations; judging
 * them is the caller's.
 */
#ifndef CHECK_RUN_H
#define CHECK_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "conf.h"
#include "err.h"
#include "observation.h"

struct check_wish { /* what is wanted of every domain */
	bool hosts;      /* the hosts too, not the domain's own records alone */
	bool mta_sts, tls_rpt, submission, dane, sweep, relay_test;
	const char *host_port; /* the names are hosts: look at this port of each; NULL: domains */
	int64_t timeout_ms; /* bound of one domain's whole check */
};

struct check_sight { /* of one domain; borrowed during the callback */
	const struct conf_domain *conf;
	const struct observation *domain; /* never NULL; the host's with wish.host_port */
	const struct observation *const *hosts;
	size_t n_hosts;
	int64_t duration_ms;
};

#define CHECK_INTERRUPTED 1

typedef void check_sight_cb(const struct check_sight *sight, void *arg);

/* Look at the domains, several at a time; seen is called once for each, in their order.
 * explicit_resolver: conf's upstreams were named by the user, to be trusted as they are.
 * A host that several of them lead to is looked at once.  CHECK_INTERRUPTED when Ctrl-C came: seen
 * was called for what was done.  -1 with err when no prober could be started. */
int check_run(const struct conf *conf, bool explicit_resolver, const struct check_wish *wish,
    const struct conf_domain *domains, size_t n_domains, check_sight_cb *seen, void *arg,
    struct error *err);

#endif
