/* SPDX-License-Identifier: ISC
 *
 * The certificates one address serves, and those of a host's addresses beside each other
 * (RFC 5280, RFC 8461 §4.2, RFC 7672 §3.1.1).
 */
#include <string.h>

#include "cert.h"
#include "eval_parts.h"
#include "text.h"

#define SWEEP_FRESH_S 3600 /* a chain of the sweep this old was served beside the live one */

static const struct obs_cert *leaf_of(const struct part_service *s)
{
	return s->svc->tls->n_chain ? &s->svc->tls->chain[0] : NULL;
}

static void leaf_evidence(struct finding *f, const struct obs_cert *leaf)
{
	part_evidence(f, "subject", leaf->subject);
	part_evidence(f, "issuer", leaf->issuer);
	part_evidence(f, "sha256", leaf->sha256);
	part_evidence_time(f, "not_before", leaf->not_before);
	part_evidence_time(f, "not_after", leaf->not_after);
}

/* No TLS, or TLS without a certificate: the finding that says so was made. */
static bool is_closed(struct eval_context *c, const struct part_host *h,
		      const struct part_service *s, const char *id)
{
	if (part_no_tls(c, h, s, id))
		return true;
	if (leaf_of(s))
		return false;
	part_at(
	    part_say(c, id, s->subject, FINDING_SKIP, "Not checked: no certificate was served."),
	    h);
	return true;
}

/* -- trust and name ------------------------------------------------------------------------------
 */

static const char *trust_word(enum part_trust t)
{
	static const char *const word[] = {
	    [TRUST_OK] = "trusted",
	    [TRUST_DISORDER] = "out_of_order",
	    [TRUST_SELF_SIGNED] = "self_signed",
	    [TRUST_UNKNOWN_ISSUER] = "unknown_issuer",
	    [TRUST_INCOMPLETE] = "missing_intermediate",
	    [TRUST_EXPIRED_CA] = "expired_intermediate",
	    [TRUST_CONSTRAINT] = "name_constraint",
	    [TRUST_REVOKED] = "revoked",
	    [TRUST_OTHER] = "other",
	    [TRUST_UNKNOWN] = "unknown",
	};
	return word[t];
}

/* A fault that a DANE match would make harmless, and none was found. */
static struct finding *unexcused(const struct part_service *s, struct finding *f)
{
	return s->dane_unheard ? part_soft(f) : f;
}

/* A fault that a DANE match makes harmless, and one was found that nobody validated. */
static struct finding *perhaps_excused(struct eval_context *c, const struct part_service *s,
				       const char *id, const char *text)
{
	return part_say(
	    c, id, s->subject, FINDING_UNKNOWN,
	    "%s; whether the TLSA record that matches is signed could not be determined.", text);
}

/* A fault that MTA-STS makes grave and a DANE match makes harmless. */
static struct finding *excusable(struct eval_context *c, const struct part_host *h,
				 const struct part_service *s, const char *id, bool dane,
				 bool maybe, const char *text)
{
	if (!part_is_submission_port(s) && part_enforced(c, h))
		return part_critical(
		    c, id, s->subject, FINDING_FAIL,
		    "%s, and the MTA-STS policy is in enforce mode: senders that honour it refuse this "
		    "host.",
		    text);
	if (dane)
		return part_say(c, id, s->subject, FINDING_INFO,
				"%s; a valid DANE match makes up for it.", text);
	if (maybe)
		return perhaps_excused(c, s, id, text);
	return unexcused(s, part_say(c, id, s->subject, FINDING_WARN, "%s.", text));
}

static const char *capital(struct eval_context *c, const char *s)
{
	char *copy = arena_strdup(c->arena, s);
	if (*copy >= 'a' && *copy <= 'z')
		*copy = (char)(*copy - 'a' + 'A');
	return copy;
}

static bool issuer_as_expected(struct eval_context *c, const struct obs_cert *leaf)
{
	for (size_t i = 0; i < c->expect->n_issuer; i++)
		if (leaf->issuer &&
		    text_glob(arena_printf(c->arena, "*%s*", c->expect->issuer[i]), leaf->issuer))
			return true;
	return c->expect->n_issuer == 0;
}

static struct finding *trusted_judged(struct eval_context *c, const struct part_host *h,
				      const struct part_service *s)
{
	static const char id[] = "tls.cert.trusted";
	const struct obs_tls *tls = s->svc->tls;

	switch (s->trust) {
	case TRUST_OK:
		return part_say(c, id, s->subject, FINDING_PASS, "The chain leads to %s.",
				tls->root ? part_safe(c, tls->root) : "a known authority");
	case TRUST_DISORDER:
		return part_say(c, id, s->subject, FINDING_INFO,
				"The chain is trusted, but its certificates are not in order.");
	case TRUST_UNKNOWN: {
		struct finding *f = part_say(c, id, s->subject, FINDING_UNKNOWN,
					     "Could not be determined: %s.", s->trust_why);
		part_advise(c, f, "Install ca-certificates, or name a bundle in tls.ca_file.");
		return f;
	}
	case TRUST_SELF_SIGNED:
	case TRUST_UNKNOWN_ISSUER:
	case TRUST_INCOMPLETE:
	case TRUST_EXPIRED_CA:
	case TRUST_CONSTRAINT:
	case TRUST_REVOKED:
	case TRUST_OTHER:
		break;
	}
	return excusable(c, h, s, id, s->dane_match, s->maybe_match, capital(c, s->trust_why));
}

static void trusted_check(struct eval_context *c, const struct part_host *h,
			  const struct part_service *s)
{
	static const char id[] = "tls.cert.trusted";

	if (is_closed(c, h, s, id))
		return;
	const struct obs_cert *leaf = leaf_of(s);
	struct finding *f = trusted_judged(c, h, s);
	f->cause = trust_word(s->trust);
	if (!issuer_as_expected(c, leaf)) {
		const char *wanted = part_list(c, c->expect->issuer, c->expect->n_issuer);
		f->status = FINDING_FAIL;
		if (f->severity < SEVERITY_WARNING)
			f->severity = SEVERITY_WARNING;
		f->summary = arena_printf(
		    c->arena, "The certificate was issued by %s; the watchlist expects %s.",
		    part_safe(c, leaf->issuer), wanted);
		part_advise(c, f, "Find out who had it issued, or correct expect.issuer.");
		part_expected(c, f, wanted, leaf->issuer);
	}
	leaf_evidence(f, leaf);
	part_evidence(f, "verdict", f->cause);
	part_evidence_int(f, "certificates", (int64_t)s->svc->tls->n_chain);
	part_at(f, h);
}

static void name_check(struct eval_context *c, const struct part_host *h,
		       const struct part_service *s)
{
	static const char id[] = "tls.cert.name";
	struct finding *f;

	if (is_closed(c, h, s, id))
		return;
	const struct obs_cert *leaf = leaf_of(s);
	const char *names = leaf->n_dns_names ? part_list(c, leaf->dns_names, leaf->n_dns_names)
					      : "no host name at all";
	if (s->name_ok) {
		f = part_say(c, id, s->subject, FINDING_PASS, "The certificate is for %s.",
			     h->name);
	} else {
		f = excusable(
		    c, h, s, id, s->dane_ee, s->maybe_ee,
		    arena_printf(
			c->arena, "The certificate is not for %s but for %s%s", h->name, names,
			leaf->odd_names ? " (with bytes that do not belong in a name)" : ""));
		f->cause = "mismatch";
		part_expected(c, f, h->name, names);
	}
	part_evidence_list(f, "dns_names", leaf->dns_names, leaf->n_dns_names);
	part_evidence(f, "sha256", leaf->sha256);
	part_at(f, h);
}

/* -- dates
 * ------------------------------------------------------------------------------------------ */

static void validity_check(struct eval_context *c, const struct part_host *h,
			   const struct part_service *s)
{
	static const char id[] = "tls.cert.validity";
	const char *text;
	struct finding *f;

	if (is_closed(c, h, s, id))
		return;
	const struct obs_cert *leaf = leaf_of(s);
	if (s->dates_ok) {
		f = part_say(c, id, s->subject, FINDING_PASS, "The certificate is valid until %s.",
			     part_day(c, leaf->not_after));
	} else {
		if (leaf->bad_dates)
			text = "The certificate's dates cannot be read";
		else if (c->now < leaf->not_before)
			text = arena_printf(c->arena, "The certificate is not valid before %s",
					    part_day(c, leaf->not_before));
		else
			text = arena_printf(c->arena, "The certificate expired %s ago, on %s",
					    part_span(c, c->now - leaf->not_after),
					    part_day(c, leaf->not_after));
		if (s->dane_ee)
			f = part_say(c, id, s->subject, FINDING_INFO,
				     "%s; a DANE-EE match does not look at dates.", text);
		else if (s->maybe_ee)
			f = perhaps_excused(c, s, id, text);
		else
			f = unexcused(s,
				      part_critical(c, id, s->subject, FINDING_FAIL, "%s.", text));
		f->reference = s->dane_ee ? "RFC 7672 §3.1.1" : f->reference;
	}
	leaf_evidence(f, leaf);
	part_at(f, h);
}

struct soon { /* the certificate of a chain that is nearest to its end, by threshold */
	const struct obs_cert *cert;
	bool leaf, warn, crit;
	int64_t left;
};

static struct soon soon_of(const struct eval_context *c, const struct obs_cert *cert, bool leaf)
{
	int64_t left = cert->not_after - c->now;
	return (struct soon){
	    .cert = cert,
	    .leaf = leaf,
	    .left = left,
	    .warn = left <= cert_threshold(cert, &c->settings->cert_warn),
	    .crit = left <= cert_threshold(cert, &c->settings->cert_crit),
	};
}

static bool is_sooner(const struct soon *a, const struct soon *b)
{
	int ra = a->crit ? 2 : a->warn, rb = b->crit ? 2 : b->warn;
	return ra != rb ? ra > rb : a->left < b->left;
}

static const char *soon_text(struct eval_context *c, const struct soon *s)
{
	const char *what = s->leaf ? "The certificate"
				   : arena_printf(c->arena, "The intermediate %s",
						  s->cert->subject ? part_safe(c, s->cert->subject)
								   : "certificate");
	return arena_printf(c->arena, "%s expires in %s, on %s", what, part_span(c, s->left),
			    part_day(c, s->cert->not_after));
}

static void soon_evidence(struct finding *f, const char *prefix, const struct soon *s)
{
	json_t *o = json_object();

	json_object_set_new(o, "left_s", json_integer(s->left));
	if (s->cert->sha256)
		json_object_set_new(o, "sha256", json_string(s->cert->sha256));
	json_object_set_new(f->evidence, prefix, o);
}

struct finding *part_expiry(struct eval_context *c, const char *id, const char *subject,
			    const struct obs_tls *tls)
{
	const struct obs_cert *leaf = &tls->chain[0];
	struct soon first = soon_of(c, leaf, true), above = {0};
	struct finding *f;

	if (leaf->bad_dates || first.left <= 0) {
		f = part_say(c, id, subject, FINDING_SKIP, "Not checked: %s.",
			     leaf->bad_dates ? "the certificate's dates cannot be read"
					     : "the certificate has expired already");
		leaf_evidence(f, leaf);
		return f;
	}
	for (size_t i = 1; i < tls->n_chain; i++) {
		const struct obs_cert *cert = &tls->chain[i];
		if (cert->self_signed || cert->bad_dates)
			continue;
		struct soon s = soon_of(c, cert, false);
		/* An expired one is tls.cert.trusted's to tell, if the path needs it at all. */
		if (s.left <= 0)
			continue;
		if (!above.cert || is_sooner(&s, &above))
			above = s;
	}
	bool chain = above.cert && above.warn;
	const struct soon *worst = chain && is_sooner(&above, &first) ? &above : &first;
	const struct soon *other =
	    worst == &first ? (chain ? &above : NULL) : (first.warn ? &first : NULL);
	if (worst->warn)
		f = part_say(c, id, subject, FINDING_WARN, "%s%s%s.", soon_text(c, worst),
			     other ? "; " : "", other ? soon_text(c, other) : "");
	else
		f = part_say(c, id, subject, FINDING_PASS, "%s left, until %s.",
			     part_span(c, worst->left), part_day(c, worst->cert->not_after));
	if (worst->crit)
		f->severity = SEVERITY_CRITICAL;
	if (worst->warn)
		f->cause = worst->crit ? "critical" : "warning";
	leaf_evidence(f, leaf);
	soon_evidence(f, "leaf", &first);
	if (above.cert)
		soon_evidence(f, "intermediate", &above);
	return f;
}

static void expiry_check(struct eval_context *c, const struct part_host *h,
			 const struct part_service *s)
{
	static const char id[] = "tls.cert.expiry";

	if (!is_closed(c, h, s, id))
		part_at(part_expiry(c, id, s->subject, s->svc->tls), h);
}

/* -- key and signature
 * --------------------------------------------------------------------------------- */

static bool is_weak_key(const struct obs_cert *cert)
{
	const char *type = cert->key_type ? cert->key_type : "";

	if (text_starts(type, "ED") || text_starts(type, "X"))
		return false;
	if (text_starts(type, "EC") || text_starts(type, "id-ec"))
		return cert->key_bits < 224;
	return cert->key_bits < 2048; /* RSA, RSA-PSS, DSA */
}

static bool is_weak_signature(const struct obs_cert *cert)
{
	static const char *const old[] = {"*sha1*", "*md5*", "*md4*", "*md2*"};

	for (size_t i = 0; cert->signature && i < 4; i++)
		if (text_glob(old[i], cert->signature))
			return true;
	return false;
}

/* "the certificate" or "certificate 2 of the chain". */
static const char *place(struct eval_context *c, size_t i)
{
	return i == 0 ? "The certificate"
		      : arena_printf(c->arena, "Certificate %zu of the chain", i + 1);
}

static void key_check(struct eval_context *c, const struct part_host *h,
		      const struct part_service *s)
{
	static const char id[] = "tls.cert.key";
	struct finding *f = NULL;

	if (is_closed(c, h, s, id))
		return;
	const struct obs_tls *tls = s->svc->tls;
	for (size_t i = 0; i < tls->n_chain && !f; i++) {
		const struct obs_cert *cert = &tls->chain[i];
		if (is_weak_key(cert) && (i == 0 || !cert->self_signed))
			f = part_say(c, id, s->subject, FINDING_FAIL,
				     "%s has a weak key: %s %d bit.", place(c, i),
				     cert->key_type ? part_safe(c, cert->key_type) : "unknown type",
				     (int)cert->key_bits);
	}
	if (!f)
		f = part_say(c, id, s->subject, FINDING_PASS, "The key is %s, %d bit.",
			     tls->chain[0].key_type ? part_safe(c, tls->chain[0].key_type)
						    : "of unknown type",
			     (int)tls->chain[0].key_bits);
	part_evidence(f, "key_type", tls->chain[0].key_type);
	part_evidence_int(f, "key_bits", tls->chain[0].key_bits);
	part_at(f, h);
}

static void signature_check(struct eval_context *c, const struct part_host *h,
			    const struct part_service *s)
{
	static const char id[] = "tls.cert.signature";
	struct finding *f = NULL;

	if (is_closed(c, h, s, id))
		return;
	const struct obs_tls *tls = s->svc->tls;
	for (size_t i = 0; i < tls->n_chain && !f; i++) {
		const struct obs_cert *cert = &tls->chain[i];
		if (is_weak_signature(cert) && !cert->self_signed)
			f = part_say(c, id, s->subject, FINDING_FAIL, "%s is signed with %s.",
				     place(c, i), part_safe(c, cert->signature));
	}
	if (!f)
		f = part_say(c, id, s->subject, FINDING_PASS, "The signature is %s.",
			     tls->chain[0].signature ? part_safe(c, tls->chain[0].signature)
						     : "an unnamed algorithm");
	part_evidence(f, "signature", tls->chain[0].signature);
	part_at(f, h);
}

/* -- tls.cert.renewal
 * ---------------------------------------------------------------------------------- */

/* Percent of its lifetime at which a certificate was seen last. */
static int64_t percent_at(int64_t not_before, int64_t not_after, int64_t at)
{
	return not_after > not_before ? 100 * (at - not_before) / (not_after - not_before) : -1;
}

static void renewal_check(struct eval_context *c, const struct part_host *h,
			  const struct part_service *s)
{
	static const char id[] = "tls.cert.renewal";
	const struct eval_history *past = c->in->history;
	int64_t sum = 0, n = 0;
	struct finding *f;

	if (is_closed(c, h, s, id))
		return;
	const struct obs_cert *leaf = leaf_of(s);
	for (size_t i = 0; past && past->available && i < past->n_certs; i++) {
		const struct eval_cert_seen *e = &past->certs[i];
		int64_t p = percent_at(e->not_before, e->not_after, e->last);
		if (strcmp(e->subject, s->subject) != 0 || p < 0 || p > 100 ||
		    (leaf->sha256 && e->sha256 && strcmp(e->sha256, leaf->sha256) == 0))
			continue;
		sum += p;
		n++;
	}
	int64_t now = percent_at(leaf->not_before, leaf->not_after, c->now);
	if (!past || !past->available) {
		f = part_say(c, id, s->subject, FINDING_SKIP,
			     "Not checked: this takes the history the daemon keeps.");
	} else if (n < 2 || now < 0) {
		f = part_say(
		    c, id, s->subject, FINDING_SKIP,
		    "Not checked: the usual time of renewal is not learnt yet (%d of 2 renewals seen).",
		    (int)n);
	} else {
		bool late = now > sum / n + 10;
		f = part_say(
		    c, id, s->subject, late ? FINDING_WARN : FINDING_PASS,
		    late
			? "The renewal looks stuck: the certificate is at %d %% of its life, earlier "
			  "ones were renewed at %d %%."
			: "The certificate is at %d %% of its life; earlier ones were renewed at %d %%.",
		    (int)now, (int)(sum / n));
		part_evidence_int(f, "percent_of_life", now);
		part_evidence_int(f, "usual_percent", sum / n);
	}
	part_at(f, h);
}

void eval_cert(struct eval_context *c, struct part_host *h, struct part_service *s)
{
	trusted_check(c, h, s);
	name_check(c, h, s);
	validity_check(c, h, s);
	expiry_check(c, h, s);
	key_check(c, h, s);
	signature_check(c, h, s);
	renewal_check(c, h, s);
	eval_tls_sni(c, h, s);
}

/* -- tls.cert.pool
 * --------------------------------------------------------------------------------------- */

struct pool {
	size_t chains, bad_addresses, addresses;
	const char *issuer;
	int64_t not_before; /* of the first address's leaf */
	bool mixed;
	const char *unknown; /* why it cannot be told */
};

static bool is_good(struct eval_context *c, const struct part_host *h, const struct obs_tls *tls,
		    bool dane_match, bool dane_ee)
{
	const char *why;
	enum part_trust t = part_trust(c, tls, &h->obs->vantage, &why);

	return (!part_trust_bad(t) || dane_match) &&
	       (cert_matches_name(&tls->chain[0], h->name) || dane_ee) &&
	       (part_dates_ok(&tls->chain[0], c->now) || dane_ee);
}

static bool pool_chain(struct eval_context *c, const struct part_host *h, struct pool *p,
		       const struct obs_tls *tls, const struct part_service *s)
{
	if (!tls || tls->n_chain == 0)
		return true;
	const struct obs_cert *leaf = &tls->chain[0];
	p->chains++;
	if (tls == s->svc->tls) {
		int64_t apart = p->not_before ? leaf->not_before - p->not_before : 0;
		p->mixed = p->mixed || apart > DAY_S || apart < -DAY_S;
		p->not_before = p->not_before ? p->not_before : leaf->not_before;
	}
	p->mixed = p->mixed || (p->issuer && leaf->issuer && strcmp(p->issuer, leaf->issuer) != 0);
	p->issuer = p->issuer ? p->issuer : leaf->issuer;
	if (is_good(c, h, tls, s->dane_match, s->dane_ee))
		return true;
	if (!is_good(c, h, tls, s->maybe_match, s->maybe_ee))
		return false;
	p->unknown = "whether the TLSA records that match are signed is not known";
	return true;
}

static void pool_service(struct eval_context *c, const struct part_host *h, struct pool *p,
			 const struct part_service *s)
{
	if (!s->svc || !s->svc->tls || s->svc->tls->n_chain == 0)
		return;
	const struct obs_sweep *w = s->svc->sweep;
	bool fresh = w && (w->at == 0 || h->obs->at - w->at <= SWEEP_FRESH_S);
	bool good = pool_chain(c, h, p, s->svc->tls, s);
	if (fresh) {
		good = pool_chain(c, h, p, w->rsa, s) && good;
		good = pool_chain(c, h, p, w->ecdsa, s) && good;
	}
	p->addresses++;
	p->bad_addresses += !good;
	if (s->trust == TRUST_UNKNOWN)
		p->unknown = "our trust store did not load";
}

void eval_cert_pool(struct eval_context *c, struct part_host *h)
{
	static const char id[] = "tls.cert.pool";
	const struct part_service *list = h->mx ? h->smtp : h->client;
	size_t n = h->mx ? h->n_smtp : h->n_client;
	struct pool p = {0};
	struct finding *f;

	for (size_t i = 0; i < n; i++)
		pool_service(c, h, &p, &list[i]);
	if (p.addresses == 0)
		f = part_say(c, id, h->name, FINDING_SKIP, "Not checked: no certificate was seen.");
	else if (p.bad_addresses > 0 && p.chains == 1)
		f = part_say(
		    c, id, h->name, FINDING_SKIP,
		    "Not checked: one address serves one chain, there is nothing to compare.");
	else if (p.bad_addresses > 0)
		f = part_say(c, id, h->name, FINDING_WARN,
			     "%zu of %zu address%s of %s serve%s a certificate that is not valid.",
			     p.bad_addresses, p.addresses, p.addresses == 1 ? "" : "es", h->name,
			     p.bad_addresses == 1 ? "s" : "");
	else if (p.unknown)
		f = part_say(c, id, h->name, FINDING_UNKNOWN, "Could not be determined: %s.",
			     p.unknown);
	else if (p.mixed)
		f = part_say(
		    c, id, h->name, FINDING_INFO,
		    "%s serves certificates of different age or issuer, all of them valid.",
		    h->name);
	else
		f = part_say(c, id, h->name, FINDING_PASS,
			     p.addresses == 1 ? "The one address serves a valid certificate."
					      : "%zu addresses serve valid, like certificates.",
			     p.addresses);
	part_evidence_int(f, "addresses", (int64_t)p.addresses);
	part_evidence_int(f, "invalid", (int64_t)p.bad_addresses);
	part_at(f, h);
}
