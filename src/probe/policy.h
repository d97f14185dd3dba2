/* SPDX-License-Identifier: ISC
 *
 * The MTA-STS policy of a domain over HTTPS (RFC 8461 section 3.3): the addresses of
 * mta-sts.<domain>, the document from the first that accepts a connection, what lies behind a
 * redirect (evidence only: a sender must not follow it), and when asked the same document
 * from every address.
 *
 * Limits: 60 s and 64 KiB for a document; one redirect, to a public https host; POLICY_ABREAST
 * addresses at a time.
 */
#ifndef POLICY_H
#define POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "observation.h"
#include "vantage.h"

#define POLICY_ABREAST 4

struct policy;

typedef void policy_done_cb(void *arg);

struct policy_params {
	const char *domain; /* borrowed for the life of the probe */
	int64_t connect_ms;
	int64_t document_ms; /* for the whole answer */
	int64_t until_ms;   /* of clock_monotonic_ms(): over by then */
	bool fresh;	    /* as resolver_ask() */
	bool every_address; /* fill policy_addresses too */
};

/* Facts go to *d (policy, policy_addresses) and arena, which outlive the probe; d->policy is
 * there from now on.  done exactly once, never inside this call; the probe is freed behind it. */
struct policy *policy_start(struct vantage *v, const struct policy_params *params,
			    struct obs_domain *d, struct arena *arena, policy_done_cb *done,
			    void *arg);
/* Give up without a callback.  NULL is fine. */
void policy_cancel(struct policy *p);

#endif
