/* SPDX-License-Identifier: ISC
 *
 * Judgement: from a domain's observation, its hosts' observations, the expectations and the
 * time to the findings of the catalogue.  Pure; the same function serves the daemon and
 * `mxwatch check`, and judges an old observation again after an upgrade.
 */
#ifndef EVAL_H
#define EVAL_H

#include "conf.h"
#include "finding.h"
#include "observation.h"

struct eval_policy_seen { /* a policy some sender may still hold, newest first */
	const char *id;   /* of the record when it was fetched */
	const char *body; /* text_latin1 */
	int64_t first, last; /* fetched */
};

struct eval_cert_seen { /* an earlier leaf of one address, newest first */
	const char *subject; /* host[address]:port */
	const char *sha256;
	int64_t not_before, not_after, first, last;
};

struct eval_history { /* what the state remembers; all lists may be empty */
	const struct eval_policy_seen *policies;
	size_t n_policies;
	const struct eval_cert_seen *certs;
	size_t n_certs;
	int64_t id_since, body_since; /* when the live id and the live body were first seen, 0 unknown */
	const char *cname_mta_sts_record, *cname_mta_sts_host; /* delegation targets believed before */
	int64_t relay_accepted_before; /* the first of the relay tests accepted since one was refused, 0 none */
	bool available; /* false in `mxwatch check` without a daemon: history checks skip and say so */
};

struct eval_input {
	const struct observation *domain;
	const struct observation *const *hosts; /* those of the MX set and of submission, any order */
	size_t n_hosts;
	const struct conf_domain *conf; /* settings, expectations, acceptances */
	const struct eval_history *history; /* may be NULL */
	bool submission;          /* submission checks apply */
	bool allow_private;       /* probe.allow_private: addresses that are not public are fine */
	bool brief;               /* what passes needs no words: an empty summary, NULL evidence */
	const char *only, *skip;  /* globs of check ids, NULL = none (mxwatch check) */
	int64_t clock_step_s;     /* by how much our clock was set lately, 0 not: dates are not judged */
	int64_t now;
};

/* Fill out (initialised by the caller) in report order.  Never fails: what cannot be judged
 * is a finding with status unknown.  Summaries and advice live in out->arena; strings of the
 * observations may be borrowed, so those must outlive out. */
void eval(const struct eval_input *in, struct findings *out);

/* What our own view allowed, as self.* findings about the subject "monitor", behind those of
 * eval(); canaries: self_check.tcp names some.  The globs of in select these too. */
void eval_self(const struct eval_input *in, bool canaries, struct findings *out);

/* The hosts this domain's observation leads to, lower case: MX targets (the domain itself for
 * an implicit MX), then submission targets.  Names only; literals and "." are left out.
 * From arena; *n set. */
struct eval_host {
	const char *name;
	bool mx, p465, p587; /* which ports are wanted */
};
struct eval_host *eval_hosts(const struct observation *domain, const struct conf_domain *conf,
    struct arena *arena, size_t *n);

#endif
