/* SPDX-License-Identifier: ISC
 *
 * What the parts of eval share: the facts of one domain put in order before anything is
 * judged (which hosts, which policy is in force, what DANE says), and the words in which a
 * finding is made.  Internal to eval*.c and grade.c.
 *
 * A part is a function over the context that adds every finding of its area, in report order.
 * It asks the gates below before it judges, so that one fault speaks once: what cannot be
 * seen behind it skips or is unknown, with the reason.
 */
#ifndef EVAL_PARTS_H
#define EVAL_PARTS_H

#include <stdarg.h>

#include "check.h"
#include "eval.h"
#include "mta_sts.h"
#include "tlsa.h"

#define DAY_S	     ((int64_t)86400)
#define DANE_AHEAD_S (14 * DAY_S)
#define PART_FETCH_MAX_MS 60000 /* RFC 8461 §3.3 */

/* -- one address and port ------------------------------------------------------------------ */

enum part_reach {
	REACH_YES,     /* TCP and a 220 greeting (and TLS before it on 465) */
	REACH_NO,      /* their fault */
	REACH_UNKNOWN, /* ours, or throttled */
	REACH_NEVER,   /* an address nobody contacts */
};

enum part_trust {
	TRUST_OK,
	TRUST_DISORDER, /* good, but the chain is not in order */
	TRUST_SELF_SIGNED,
	TRUST_UNKNOWN_ISSUER,
	TRUST_INCOMPLETE, /* an intermediate is missing */
	TRUST_EXPIRED_CA,
	TRUST_CONSTRAINT,
	TRUST_REVOKED,
	TRUST_OTHER,
	TRUST_UNKNOWN, /* we have no trust store */
};

struct part_service {
	const char *subject; /* host[address]:port */
	const char *address;
	int64_t port;
	const struct obs_service *svc; /* NULL: the address was not probed */
	enum part_reach reach;
	const char *why; /* of anything but YES, half a sentence */
	/* of the certificate, when svc->tls is there */
	enum part_trust trust;
	const char *trust_why; /* half a sentence, NULL when all is well */
	bool name_ok, dates_ok;
	bool dane_match; /* a usable, secure record matches */
	bool dane_ee;	 /* ... and it is DANE-EE(3): names and dates do not count */
	bool dane_unheard; /* the TLSA lookup failed: there may be such a match */
	bool maybe_match, maybe_ee; /* the same, but whether the records are signed we cannot tell */
	struct tlsa_verdict dane;
};

/* -- a host ---------------------------------------------------------------------------------- */

enum part_dane {
	DANE_NONE,     /* no TLSA records, or DANE is switched off */
	DANE_UNKNOWN,  /* we cannot tell */
	DANE_BROKEN,   /* bogus or failing lookups: senders defer */
	DANE_INSECURE, /* records, but not all of it is signed: senders ignore them */
	DANE_UNUSABLE, /* signed records, none usable: TLS is wanted, no authentication */
	DANE_READY,    /* signed and usable */
};

struct part_host {
	const char *name;
	const struct observation *obs; /* NULL: not probed */
	const struct obs_host *facts;  /* NULL: not probed */
	bool mx, submission;
	bool literal;	    /* the MX target is an address literal */
	bool expected_down; /* expect.unreachable */
	int64_t preference;
	struct part_service *smtp; /* port 25, one per address */
	size_t n_smtp;
	struct part_service *client; /* 465 and 587 */
	size_t n_client;
	const struct obs_tlsa *tlsa; /* of port 25, NULL: not asked */
	enum part_dane dane;
	size_t n_usable;
};

/* -- MTA-STS ----------------------------------------------------------------------------------- */

enum part_record {
	RECORD_NONE,
	RECORD_UNKNOWN,
	RECORD_BOGUS,
	RECORD_BAD,
	RECORD_SEVERAL,
	RECORD_OK
};

struct part_sts {
	enum part_record record;
	const char *record_why; /* of BAD and UNKNOWN */
	const char *id;
	size_t n_records;
	const char *host; /* mta-sts.<domain> */
	bool fetched;	  /* a 200 within the limits */
	bool tls_ok;	  /* over a connection that verifies */
	bool valid;	  /* and the grammar holds */
	bool in_force;	  /* record, connection and policy are good: senders take it */
	bool half;	  /* the body is younger than its id: the other half of a publication may follow */
	struct mta_sts_policy policy;
	struct remarks remarks;
	enum part_trust trust;
	const char *trust_why;
};

/* Why nothing can be said: it does not apply (and a problem about it is over), something before
 * it failed (and a problem stays as it is), or it cannot be determined. */
enum part_closed { CLOSED_MOOT, CLOSED_SKIP, CLOSED_UNKNOWN };

/* -- the context ------------------------------------------------------------------------------- */

enum part_mail {
	MAIL_YES,
	MAIL_NULL,    /* null MX */
	MAIL_NOWHERE, /* no such domain, or neither MX nor address */
	MAIL_UNKNOWN, /* the MX lookup did not tell */
};

struct eval_context {
	const struct eval_input *in;
	struct findings *out;
	struct arena *arena;
	const char *domain;
	const struct obs_domain *d; /* never NULL: an empty one when nothing was observed */
	const struct obs_vantage *vantage;
	const struct conf_settings *settings;
	const struct conf_expect *expect;
	int64_t now;
	enum part_mail mail;
	enum part_closed mail_closed; /* how findings about mail close when it is not YES */
	const char *mail_why;	      /* half a sentence: why nothing inbound can be asked */
	bool implicit_mx;
	struct part_host *host; /* MX hosts by preference, then submission hosts */
	size_t n_hosts;
	size_t n_mx; /* MX hosts among them, first */
	struct part_sts sts;
};

/* Put the facts of in->domain and in->hosts in order. */
void part_context(struct eval_context *c, const struct eval_input *in, struct findings *out);
void part_sts_context(struct eval_context *c);
void part_service_context(struct eval_context *c, struct part_host *h, struct part_service *s);
void part_dane_context(struct eval_context *c, struct part_host *h);

/* The fetch of a policy failed on our own side. */
bool part_policy_is_ours(const struct obs_policy *p);
/* Why the chain is not good, as an enum and half a sentence. */
enum part_trust part_trust(struct eval_context *c, const struct obs_tls *tls,
			   const struct obs_vantage *vantage, const char **why);
bool part_trust_bad(enum part_trust t);
/* A policy in force that says enforce names this host. */
bool part_enforced(const struct eval_context *c, const struct part_host *h);
bool part_dates_ok(const struct obs_cert *cert, int64_t now);
bool part_has_extension(const char *const *ehlo, size_t n, const char *keyword);
bool part_is_submission_port(const struct part_service *s);
/* TLS works, but EHLO inside it is not answered as it must be: nobody delivers. */
bool part_mute_inside(const struct part_service *s);
/* Whether a policy in force, or TLSA records, ask for working TLS. */
bool part_switched_off(const struct eval_context *c, enum conf_check_group group);

/* -- making findings -----------------------------------------------------------------------------
 */

/* One call, one finding.  The text is one sentence; advice comes from the check table unless
 * part_advise() says better.  Valid until the next finding is made. */
struct finding *part_say(struct eval_context *c, const char *id, const char *subject,
			 enum finding_status status, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* As part_say(), with severity critical. */
struct finding *part_critical(struct eval_context *c, const char *id, const char *subject,
			      enum finding_status status, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
void part_advise(struct eval_context *c, struct finding *f, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* An absence or an error: believed only when seen several times. */
struct finding *part_soft(struct finding *f);
/* A skip that ends a problem: the check does not apply. */
struct finding *part_moot(struct finding *f);
struct finding *part_at(struct finding *f, const struct part_host *h);
void part_expected(struct eval_context *c, struct finding *f, const char *expected,
		   const char *actual);
/* NULL and 0 are left out. */
void part_evidence(struct finding *f, const char *key, const char *value);
void part_evidence_int(struct finding *f, const char *key, int64_t value);
void part_evidence_list(struct finding *f, const char *key, const char *const *value, size_t n);
void part_evidence_time(struct finding *f, const char *key, int64_t at);

/* Where there is no TLS session: makes the finding that says why, and is true. */
bool part_no_tls(struct eval_context *c, const struct part_host *h, const struct part_service *s,
		 const char *id);
/* One such finding for each of a NULL-terminated list of checks. */
void part_all(struct eval_context *c, const char *const *ids, const char *subject,
	      const struct part_host *h, enum part_closed closed, const char *why);
/* "Not checked: why." for a check that does not apply. */
struct finding *part_skip(struct eval_context *c, const char *id, const char *subject,
			  const char *why);
extern const char *const part_ids_host[]; /* per MX host, MX area */
extern const char *const part_ids_smtp[]; /* per address on port 25 */
extern const char *const part_ids_tls[];  /* per address and port */
extern const char *const part_ids_dane[]; /* per MX host */

/* Drop what the globs of in leave out. */
void part_select(const struct eval_input *in, struct findings *out);

/* Text from arena: a safe copy, a list "a, b and c" of at most 8, a length of time, a date. */
const char *part_safe(struct eval_context *c, const char *s);
const char *part_list(struct eval_context *c, const char *const *item, size_t n);
const char *part_span(struct eval_context *c, int64_t seconds);
const char *part_day(struct eval_context *c, int64_t at);
const char *part_failure(struct eval_context *c, const struct obs_failure *f);
/* Why a lookup did not tell anything: "the lookup of _mta-sts.example failed: SERVFAIL". */
const char *part_lookup_why(struct eval_context *c, const struct obs_answer *a);
bool part_lookup_failed(const struct obs_answer *a);
/* The DNSSEC state of an answer; BOGUS by status counts. */
enum obs_dnssec part_dnssec(const struct obs_answer *a);
/* What to do about an answer that fails validation, with what the resolver said of it
 * (extended error, RFC 8914). */
void part_bogus(struct eval_context *c, struct finding *f, const struct obs_answer *a);
/* An unknown for want of validation, with the advice to install a validating resolver. */
struct finding *part_no_dnssec(struct eval_context *c, const char *id, const char *subject,
			       const struct obs_answer *a, const struct obs_vantage *vantage);
/* mta_sts.dnssec and tls_rpt.dnssec; record: there is one. */
void part_txt_dnssec(struct eval_context *c, const char *id, const struct obs_answer *a,
		     const char *name, bool record);
/* The expiry check of a chain (tls.cert.expiry and mta_sts.cert_expiry). */
struct finding *part_expiry(struct eval_context *c, const char *id, const char *subject,
			    const struct obs_tls *tls);

/* -- the parts
 * ------------------------------------------------------------------------------------- */

void eval_mx(struct eval_context *c);
void eval_caa(struct eval_context *c, struct part_host *h);
void eval_mx_host(struct eval_context *c, struct part_host *h);
void eval_smtp(struct eval_context *c, struct part_host *h, struct part_service *s);
void eval_tls(struct eval_context *c, struct part_host *h, struct part_service *s);
void eval_tls_sni(struct eval_context *c, struct part_host *h, struct part_service *s);
void eval_cert(struct eval_context *c, struct part_host *h, struct part_service *s);
void eval_cert_pool(struct eval_context *c, struct part_host *h);
void eval_dane(struct eval_context *c, struct part_host *h);
void eval_mta_sts(struct eval_context *c);
void eval_mta_sts_host(struct eval_context *c);	     /* TLS and the fetch */
void eval_mta_sts_addresses(struct eval_context *c); /* certificate's end, all addresses */
void eval_mta_sts_history(struct eval_context *c);
void eval_tls_rpt(struct eval_context *c);
void eval_delivery(struct eval_context *c, struct part_host *h);
void eval_submission(struct eval_context *c);

#endif
