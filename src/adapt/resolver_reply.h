/* SPDX-License-Identifier: ISC
 *
 * A raw DNS reply as facts: the strict reader's message (core/dns_message) turned into the
 * head and the records of one answer.  No library in here; what getdns made of the same bytes
 * is never asked.
 */
#ifndef RESOLVER_REPLY_H
#define RESOLVER_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "resolver.h"

#define RESOLVER_MAX_RR 512 /* records kept of one answer; a set with more is refused */

struct resolver_reply {
	struct resolver_answer answer; /* dnssec left UNKNOWN: the resolver knows whom it trusts */
	bool servfail; /* worth asking again with checking disabled: validation may have failed */
	bool ad;
};

/* Read wire as the reply to (name, type), everything in arena.  Without a question echoed, or
 * with anything malformed, the answer is FAILED with class protocol; other rcodes than NOERROR
 * and NXDOMAIN are FAILED with class dns.  ttl_s of a denial is its negative TTL (RFC 2308
 * section 5).  now (epoch) is for RRSIG serial arithmetic. */
void resolver_reply_read(struct resolver_reply *out, const void *wire, size_t len, const char *name,
			 unsigned type, int64_t now, struct arena *arena);

/* Make answer FAILED (or BOGUS) with this failure at stage dns. */
void resolver_reply_fail(struct resolver_answer *answer, int status, int class, const char *text);

/* "9 DNSKEY Missing" for head.ede (code + 1), in arena (RFC 8914 section 4). */
const char *resolver_reply_ede_text(int64_t ede, struct arena *arena);

#endif
