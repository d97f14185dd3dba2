/* SPDX-License-Identifier: ISC
 *
 * Questions to a validating resolver: getdns as a stub, over TCP, AD asked for and read, on
 * the event loop by the public event-loop API.  Facts are taken from the raw reply by
 * core/dns_message, never from getdns' own reading of it.  Answers are cached by TTL and
 * equal questions in flight are merged.
 *
 * AD is believed as trust_ad says and only while the self-test stands (the root's SOA comes
 * with AD); otherwise every answer's dnssec is UNKNOWN.  A question that comes to be insecure
 * or bogus is held until a self-test that began after its answer has ended.
 */
#ifndef RESOLVER_H
#define RESOLVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "err.h"
#include "observation.h"

struct event_base;
struct resolver;
struct resolver_query;

struct resolver_config {
	const char *const *upstreams; /* "127.0.0.1", "127.0.0.1:5353", "[::1]:53" */
	size_t n_upstreams;
	int trust_ad; /* enum conf_trust_ad */
	int64_t timeout_ms;
	size_t cache_max; /* answers kept, 0 = 65536 */
};

struct resolver_rr { /* one record of the answer, parsed as far as its type allows */
	const char *owner;
	const char *text; /* A, AAAA, PTR, MX host, SRV target, CNAME; TXT as text_latin1 */
	int64_t a, b, c;  /* MX preference; SRV priority, weight, port; TLSA usage, selector,
			     matching; CAA flags */
	const char *tag;  /* CAA */
	const unsigned char *data; /* TLSA */
	size_t len;
};

struct resolver_answer { /* borrowed during the callback */
	struct obs_answer head;
	const struct resolver_rr *rr; /* of the asked type, at the end of the CNAME chain */
	size_t n;
};

typedef void resolver_cb(const struct resolver_answer *answer, void *arg);
typedef void resolver_self_cb(bool answers, bool validates, const char *text, void *arg);

struct resolver *resolver_new(struct event_base *base, const struct resolver_config *config,
			      struct error *err);
/* Every query still asked is called back with a local failure first.  Never from a callback. */
void resolver_free(struct resolver *r);

/* Ask.  The callback comes exactly once, always later than this call, unless cancelled. */
struct resolver_query *resolver_ask(struct resolver *r, const char *name, unsigned type, bool fresh,
				    resolver_cb *cb, void *arg);
/* No callback any more. */
void resolver_cancel(struct resolver_query *q);

/* Ask the root for its SOA (AD wanted), again every few minutes, and when answers make it
 * doubtful; cb at each change before any answer that rests on it, and once for the first
 * result. */
void resolver_self_test(struct resolver *r, resolver_self_cb *cb, void *arg);

#endif
