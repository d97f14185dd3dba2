/* SPDX-License-Identifier: ISC
 *
 * The posture of a subject: its observation reduced to sorted, normalised facts, each a key
 * and a value, without TTLs, record order or anything else that moves by itself.  The state
 * keeps the posture it believes; diff compares it with the one just seen.
 *
 * A fact is a value, an absence (its owner says there is none), or unknown (we could not look:
 * a lookup that failed, a throttled or local failure, a service that did not answer); unknown
 * facts are left out.  A value is canonical JSON text, so equal facts are equal bytes.
 *
 * Of a domain:
 *     mx                          ["10 mx1.example.test", ...], sorted as text
 *     mx.dnssec                   "secure", "insecure" or "bogus"; likewise below
 *     mta_sts.id                  of the one valid record (RFC 8461 section 3.1)
 *     mta_sts.dnssec
 *     mta_sts.policy              {max_age, mode, mx} of a valid policy, mx sorted (section 3.2)
 *     mta_sts.unmatched           live MX hosts that no mx pattern of that policy matches
 *     mta_sts.delegation.record   where the CNAME of _mta-sts leads
 *     mta_sts.delegation.host     where the CNAME of mta-sts leads
 *     tls_rpt                     the rua list, sorted (RFC 8460 section 3)
 *     tls_rpt.dnssec
 *     submission.submissions      the SRV set, "priority weight port target" (RFC 8314)
 *     submission.submission       the same (RFC 6186)
 *     submission.submissions.dnssec, submission.submission.dnssec
 * Of a host:
 *     a, aaaa, address.dnssec
 *     tlsa:PORT                   the set as DANE senders see it: secure records only (RFC 7672)
 *     tlsa:PORT.dnssec
 * Of a service, behind "[address]:port ":
 *     starttls                    true: offered, and the handshake completed
 *     tls.version                 of the ordinary handshake, so the best
 *     tls.lowest                  the lowest version accepted, from the sweep
 *     tls.forward_secrecy, tls.aead
 *     cert                        {issuer, not_after, sha256, spki_sha256} of the leaf
 *     ptr                         names of the address (port 25 only)
 *     relay                       "open" or "closed"
 */
#ifndef POSTURE_H
#define POSTURE_H

#include "arena.h"
#include "observation.h"

enum fact_state { FACT_UNKNOWN, FACT_VALUE, FACT_ABSENT };

struct fact {
	const char *key;   /* "mx", "mta_sts.id", "[192.0.2.7]:25 tls.version" */
	int state;	   /* enum fact_state */
	const char *value; /* of a VALUE: JSON text */
	int64_t misses;	   /* sightings in a row that spoke against what is believed (diff.h) */
};

struct posture {
	struct fact *fact; /* sorted by key */
	size_t n;
};

extern const struct shape posture_shape;

/* Reduce; everything from arena. */
struct posture *posture_of(const struct observation *o, struct arena *arena);
/* NULL if it is unknown. */
const struct fact *posture_get(const struct posture *p, const char *key);

#endif
