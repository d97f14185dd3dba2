/* SPDX-License-Identifier: ISC
 *
 * TLSA records (RFC 6698) as SMTP uses them (RFC 7672): usability, digest agility, and the
 * match against the plain facts of a served chain.  No OpenSSL: matching is comparing hex.
 */
#ifndef TLSA_H
#define TLSA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "observation.h"
#include "remark.h"

enum tlsa_usable {
	TLSA_USABLE,
	TLSA_PKIX_USAGE,   /* 0 or 1: not for SMTP (RFC 7672 §3.1.3) */
	TLSA_BAD_USAGE,
	TLSA_BAD_SELECTOR,
	TLSA_BAD_MATCHING,
	TLSA_BAD_LENGTH,   /* 32 or 64 bytes wanted; or empty */
};

enum tlsa_usable tlsa_usability(const struct obs_tlsa_rr *rr);
/* Why, in a few words. */
const char *tlsa_usability_text(enum tlsa_usable u);

struct tlsa_verdict {
	size_t n_usable;
	bool matched;
	size_t rr;        /* index of the record that matched */
	size_t depth;     /* of the certificate it matched (0 = leaf) */
	bool ee;          /* a DANE-EE(3) match: names and dates do not count */
	bool name_failed; /* a DANE-TA(2) record matched, but the name did not */
	bool date_failed; /* ... or a date on the path did not, at `now` */
};

/* Match the records (digest agility applied, RFC 7671 §9) against the chain: usage 3
 * the leaf alone; usage 2 a certificate in the chain that the leaf leads up to by signatures,
 * with one of names and the dates at now (RFC 7672 sections 3.1.1, 3.1.2, 3.2.2). */
void tlsa_match(const struct obs_tlsa_rr *rr, size_t n, const struct obs_tls *tls,
    const char *const *names, size_t n_names, int64_t now, struct tlsa_verdict *verdict);

/* One record in presentation form, "3 1 1 ab12..." (RFC 6698 §2.2). 0 or -1 with remarks. */
int tlsa_record_parse(const char *text, struct arena *arena, struct obs_tlsa_rr *rr,
    struct remarks *remarks);

#endif
