/* SPDX-License-Identifier: ISC
 *
 * Observations as numbers: what the metrics of one domain and of one host are made of.  They
 * are small, so that a scrape has them all at hand and reads no document.
 */
#ifndef MEASURE_H
#define MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eval.h"

#define MEASURE_CHECKS 128 /* room for the check table */

struct measure_mx { /* an MX host of a domain; -1 not known, or there is nothing of it */
	const char *name;
	int dane;    /* 1 every chain matches, 0 none does or lookups fail: senders defer */
	int covered; /* by the MTA-STS policy in force */
};

struct measure_domain {
	int64_t at, took_ms;	/* of the look at the domain itself */
	int64_t rrsig_end;	/* soonest end of a signature on the way to its mail, 0 none seen */
	int64_t sts_max_age_s;	/* -1 without a valid policy */
	int64_t sts_since;	/* when the policy in force was seen first, 0 unknown */
	int sts_mode;		/* 0 none, 1 testing, 2 enforce; -1 not known */
	int sts_fetched;	/* 0 or 1; -1 when there was nothing to fetch */
	int tls_rpt;		/* 1 a valid record, 0 a faulty one or none; -1 not known */
	bool ran[MEASURE_CHECKS]; /* beside check_table: neither skipped nor missing */
	const struct measure_mx *mx;
	size_t n_mx;
};

struct measure_service { /* one address and port */
	const char *address;
	int64_t port;
	bool ipv6, answered, starttls, tls, trusted;
	const char *version, *cipher, *group; /* OpenSSL's names; NULL without TLS */
	int64_t connect_ms, greeting_ms, handshake_ms;
};

struct measure_tlsa { /* usable or not: what is published, signed */
	int64_t port, usage, n;
};

struct measure_host {
	int64_t at;
	const struct measure_service *services;
	size_t n_services;
	const struct measure_tlsa *tlsa;
	size_t n_tlsa;
};

/* in->domain is not NULL; findings are its judgement.  What out points to is in arena. */
void measure_domain(const struct eval_input *in, const struct findings *findings,
    struct arena *arena, struct measure_domain *out);
/* Everything in arena. */
struct measure_host *measure_host(const struct observation *o, struct arena *arena);

#endif
