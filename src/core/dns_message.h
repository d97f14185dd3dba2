/* SPDX-License-Identifier: ISC
 *
 * A strict reader of DNS responses (RFC 1035 §4, RFC 3597): facts are believed only
 * from a message whose every count, length and pointer is right.  Pointers go backwards only;
 * nothing is read past the end.  Pure; fuzzed.
 */
#ifndef DNS_MESSAGE_H
#define DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"

enum dns_type { DNS_A = 1, DNS_NS = 2, DNS_CNAME = 5, DNS_SOA = 6, DNS_PTR = 12, DNS_MX = 15, DNS_TXT = 16,
	DNS_AAAA = 28, DNS_SRV = 33, DNS_DNAME = 39, DNS_OPT = 41, DNS_RRSIG = 46, DNS_DNSKEY = 48,
	DNS_TLSA = 52, DNS_CAA = 257 };
enum dns_rcode { DNS_NOERROR = 0, DNS_FORMERR = 1, DNS_SERVFAIL = 2, DNS_NXDOMAIN_RCODE = 3,
	DNS_NOTIMP = 4, DNS_REFUSED = 5 };

struct dns_rr {
	const char *owner; /* lower case, no final dot ("" is the root); odd bytes as \DDD */
	unsigned type, class;
	uint32_t ttl;
	const unsigned char *rdata; /* in the message, borrowed */
	size_t rdlength;
	size_t rdata_offset; /* of rdata in the message, for names inside it */
};

struct dns_message {
	const unsigned char *wire; /* borrowed */
	size_t len;
	uint16_t id;
	bool qr, aa, tc, rd, ra, ad, cd;
	unsigned rcode; /* with the extended bits of OPT */
	const char *qname;
	unsigned qtype;
	struct dns_rr *answer, *authority, *additional;
	size_t n_answer, n_authority, n_additional;
	int ede; /* first extended DNS error code (RFC 8914), -1 none */
};

/* NULL with *why when the message is not a well-formed response with exactly one question. */
struct dns_message *dns_message_parse(const void *wire, size_t len, struct arena *arena,
    const char **why);

/* The name a CNAME chain of the answer section leads qname to (qname itself without one);
 * *n names of the chain's targets in *chain.  NULL with *why on a loop or more than 16 hops. */
const char *dns_message_follow(const struct dns_message *m, struct arena *arena,
    const char *const **chain, size_t *n, const char **why);

/* A name inside rdata at offset bytes into it; NULL if malformed.  *used (may be NULL): bytes of rdata. */
const char *dns_message_name(const struct dns_message *m, const struct dns_rr *rr, size_t offset,
    struct arena *arena, size_t *used);
/* The strings of a TXT joined without separator; NULL if malformed.  *len set. */
const char *dns_message_txt(const struct dns_rr *rr, struct arena *arena, size_t *len);
/* Address of A or AAAA as text; NULL if the length is wrong. */
const char *dns_message_address(const struct dns_rr *rr, struct arena *arena);
/* End of validity of an RRSIG in seconds since the epoch, 0 if malformed (RFC 4034 §3.1.5). */
int64_t dns_message_rrsig_end(const struct dns_rr *rr, int64_t now);

#endif
