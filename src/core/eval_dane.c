/* SPDX-License-Identifier: ISC
 *
 * DANE for SMTP, per MX host (RFC 7672, RFC 7671, RFC 6698).
 *
 * A sender that honours DANE looks at records only when they and the host's addresses are
 * signed; so does this file.  Lookups that fail make such a sender defer, which is worse than
 * having no DANE at all.
 */
#include <string.h>

#include "eval_parts.h"

#define SWEEP_FRESH_S 3600
#define TTL_GOOD      3600
#define TTL_LONG      86400

/* -- the state of a host --------------------------------------------------------------------------
 */

static bool is_ours(const struct obs_failure *f)
{
	return f->class == OBS_CLASS_LOCAL || f->class == OBS_CLASS_THROTTLED ||
	       f->class == OBS_CLASS_PROTOCOL;
}

/* The TLSA lookup failed while those of the addresses worked. */
static bool is_failing_alone(const struct part_host *h)
{
	const struct obs_host *f = h->facts;

	return h->tlsa->dns.status == OBS_DNS_FAILED && !is_ours(&h->tlsa->dns.failure) &&
	       (f->a.dns.status == OBS_DNS_ANSWER || f->aaaa.dns.status == OBS_DNS_ANSWER);
}

static bool any_address(const struct part_host *h, enum obs_dnssec state)
{
	return part_dnssec(&h->facts->a.dns) == state || part_dnssec(&h->facts->aaaa.dns) == state;
}

static enum part_dane state_of(const struct part_host *h)
{
	const struct obs_tlsa *t = h->tlsa;

	if (!t)
		return DANE_UNKNOWN;
	if (part_dnssec(&t->dns) == OBS_DNSSEC_BOGUS || is_failing_alone(h))
		return DANE_BROKEN;
	if (part_lookup_failed(&t->dns))
		return DANE_UNKNOWN;
	if (t->dns.status != OBS_DNS_ANSWER)
		return DANE_NONE;
	if (t->dns.dnssec == OBS_DNSSEC_INSECURE || any_address(h, OBS_DNSSEC_INSECURE))
		return DANE_INSECURE;
	if (t->dns.dnssec == OBS_DNSSEC_UNKNOWN)
		return DANE_UNKNOWN;
	if (any_address(h, OBS_DNSSEC_BOGUS))
		return DANE_BROKEN;
	return h->n_usable > 0 ? DANE_READY : DANE_UNUSABLE;
}

void part_dane_context(struct eval_context *c, struct part_host *h)
{
	h->n_usable = 0;
	for (size_t i = 0; h->tlsa && i < h->tlsa->n; i++)
		h->n_usable += tlsa_usability(&h->tlsa->rr[i]) == TLSA_USABLE;
	h->dane = part_switched_off(c, CONF_CHECK_DANE) ? DANE_NONE : state_of(h);
}

/* -- words
 * ------------------------------------------------------------------------------------------ */

static const char *record_text(struct eval_context *c, const struct obs_tlsa_rr *rr)
{
	return arena_printf(c->arena, "%d %d %d %.16s%s", (int)rr->usage, (int)rr->selector,
			    (int)rr->matching, rr->data ? rr->data : "",
			    rr->data && strlen(rr->data) > 16 ? "..." : "");
}

static void record_evidence(struct eval_context *c, struct finding *f, const struct obs_tlsa *t)
{
	const char **list = arena_array(c->arena, t->n + 1, sizeof(*list));

	for (size_t i = 0; i < t->n; i++)
		list[i] = arena_printf(c->arena, "%d %d %d %s", (int)t->rr[i].usage,
				       (int)t->rr[i].selector, (int)t->rr[i].matching,
				       t->rr[i].data ? t->rr[i].data : "");
	part_evidence_list(f, "records", list, t->n);
	part_evidence(f, "base", t->base);
}

static struct finding *without_records(struct eval_context *c, const struct part_host *h,
				       const char *id)
{
	if (h->dane == DANE_UNKNOWN && h->tlsa && !part_lookup_failed(&h->tlsa->dns))
		return part_no_dnssec(c, id, h->name, &h->tlsa->dns, &h->obs->vantage);
	if (h->dane == DANE_UNKNOWN)
		return part_say(c, id, h->name, FINDING_UNKNOWN, "Could not be determined: %s.",
				h->tlsa ? part_lookup_why(c, &h->tlsa->dns)
					: "TLSA records were not looked up");
	struct finding *f =
	    part_skip(c, id, h->name,
		      h->dane == DANE_BROKEN ? "the TLSA lookup fails (see dane.dnssec)"
		      : h->dane == DANE_INSECURE
			  ? "senders ignore TLSA records that are not signed throughout"
		      : h->dane == DANE_UNUSABLE ? "no TLSA record is usable"
						 : "there are no TLSA records");
	f->definitive = h->dane != DANE_BROKEN;
	return f;
}

/* -- dane.tlsa, dane.dnssec, dane.denial
 * ---------------------------------------------------------------- */

static void tlsa_check(struct eval_context *c, const struct part_host *h)
{
	static const char id[] = "dane.tlsa";
	const struct obs_tlsa *t = h->tlsa;
	struct finding *f;

	if (h->dane == DANE_NONE) {
		f = part_soft(
		    part_say(c, id, h->name, FINDING_INFO, "%s has no TLSA records.", h->name));
	} else if (!t || t->n == 0) {
		f = part_say(c, id, h->name, FINDING_UNKNOWN, "Could not be determined: %s.",
			     t ? part_lookup_why(c, &t->dns) : "TLSA records were not looked up");
	} else if (h->dane == DANE_UNKNOWN) {
		f = without_records(c, h, id);
	} else if (h->n_usable == 0) {
		enum tlsa_usable u = tlsa_usability(&t->rr[0]);
		f = part_say(c, id, h->name, FINDING_WARN,
			     "No TLSA record of %s is usable for SMTP: %s (%s).", h->name,
			     record_text(c, &t->rr[0]), tlsa_usability_text(u));
	} else {
		f = part_say(c, id, h->name, FINDING_PASS, "%zu of %zu TLSA record%s usable.",
			     h->n_usable, t->n, t->n == 1 ? " is" : "s are");
	}
	if (t && t->n > 0)
		record_evidence(c, f, t);
	part_at(f, h);
}

static void dnssec_check(struct eval_context *c, const struct part_host *h)
{
	static const char id[] = "dane.dnssec";
	enum obs_dnssec mx = part_dnssec(&c->d->mx.dns);
	struct finding *f;

	if (h->dane == DANE_BROKEN) {
		bool bogus = part_dnssec(&h->tlsa->dns) == OBS_DNSSEC_BOGUS ||
			     any_address(h, OBS_DNSSEC_BOGUS);
		f = part_soft(part_critical(
		    c, id, h->name, FINDING_FAIL, "%s: senders that honour DANE defer mail for %s.",
		    bogus ? "The TLSA answer or the addresses fail DNSSEC validation"
			  : arena_printf(c->arena, "The TLSA lookup fails where others work (%s)",
					 part_lookup_why(c, &h->tlsa->dns)),
		    h->name));
	} else if (h->dane == DANE_INSECURE) {
		bool records = h->tlsa->dns.dnssec == OBS_DNSSEC_INSECURE;
		f = part_say(c, id, h->name, FINDING_WARN,
			     "The %s of %s are not signed, so senders ignore the TLSA records.",
			     records ? "TLSA records" : "addresses", h->name);
	} else if (h->dane == DANE_NONE || h->dane == DANE_UNKNOWN) {
		f = without_records(c, h, id);
	} else if (mx == OBS_DNSSEC_INSECURE) {
		f = part_say(
		    c, id, h->name, FINDING_WARN,
		    "The MX records of %s are not signed: the choice of the host is unprotected.",
		    c->domain);
		f->reference = "RFC 7672 §2.2.1";
	} else if (mx != OBS_DNSSEC_SECURE || any_address(h, OBS_DNSSEC_UNKNOWN)) {
		f = part_say(c, id, h->name, FINDING_UNKNOWN,
			     "The TLSA records are signed; whether %s are could not be determined.",
			     mx != OBS_DNSSEC_SECURE ? "the MX records" : "the addresses");
	} else {
		f = part_say(c, id, h->name, FINDING_PASS,
			     "TLSA records, addresses and MX records are signed and validate.");
	}
	part_at(f, h);
}

static void denial_check(struct eval_context *c, const struct part_host *h)
{
	static const char id[] = "dane.denial";
	const struct obs_tlsa *t = h->tlsa;
	struct finding *f;

	if (t && t->n > 0) {
		f = part_skip(c, id, h->name, "there are TLSA records");
		f->definitive = t->dns.status == OBS_DNS_ANSWER;
	} else if (t && (part_dnssec(&t->dns) == OBS_DNSSEC_BOGUS || is_failing_alone(h))) {
		f = part_soft(part_critical(
		    c, id, h->name, FINDING_FAIL,
		    "The name servers do not prove that there is no TLSA record at _25._tcp.%s (%s): "
		    "senders that honour DANE defer mail.",
		    t->base ? t->base : h->name, part_lookup_why(c, &t->dns)));
	} else if (!t || part_lookup_failed(&t->dns)) {
		f = without_records(c, h, id);
	} else if (t->dns.dnssec == OBS_DNSSEC_UNKNOWN) {
		f = part_no_dnssec(c, id, h->name, &t->dns, &h->obs->vantage);
	} else {
		f = part_say(c, id, h->name, FINDING_PASS, "The absence of TLSA records is %s.",
			     t->dns.dnssec == OBS_DNSSEC_SECURE ? "proven"
								: "plain (the zone is not signed)");
	}
	part_at(f, h);
}

/* -- dane.match, dane.future
 * ------------------------------------------------------------------------------ */

struct tally {
	size_t addresses, bad, late; /* with TLS; not matching; matching now but not in 14 days */
	const struct part_service *first;
	const struct tlsa_verdict *why;
};

static size_t reference_names(struct eval_context *c, const struct part_host *h,
			      const char *names[3])
{
	size_t n = 0;

	names[n++] = h->tlsa->base ? h->tlsa->base : h->name;
	names[n++] = h->name;
	if (part_dnssec(&c->d->mx.dns) == OBS_DNSSEC_SECURE)
		names[n++] = c->domain;
	return n;
}

static bool matches(struct eval_context *c, const struct part_host *h, const struct obs_tls *tls,
		    int64_t at, struct tlsa_verdict *v)
{
	const char *names[3];
	size_t n = reference_names(c, h, names);

	if (!tls || tls->n_chain == 0)
		return true;
	tlsa_match(h->tlsa->rr, h->tlsa->n, tls, names, n, at, v);
	return v->matched;
}

/* Every chain an address serves counts: the live one, and both key types when just asked. */
static bool service_matches(struct eval_context *c, const struct part_host *h,
			    const struct part_service *s, int64_t at, struct tlsa_verdict *v)
{
	const struct obs_sweep *w = s->svc->sweep;

	if (!matches(c, h, s->svc->tls, at, v))
		return false;
	if (!w || (w->at != 0 && h->obs->at - w->at > SWEEP_FRESH_S))
		return true;
	return matches(c, h, w->rsa, at, v) && matches(c, h, w->ecdsa, at, v);
}

static struct tally tally_of(struct eval_context *c, const struct part_host *h)
{
	struct tally t = {0};

	for (size_t i = 0; i < h->n_smtp; i++) {
		const struct part_service *s = &h->smtp[i];
		struct tlsa_verdict *v = arena_alloc(c->arena, sizeof(*v)), later;
		if (!s->svc || !s->svc->tls || s->svc->tls->n_chain == 0)
			continue;
		t.addresses++;
		if (service_matches(c, h, s, c->now, v)) {
			t.late += !service_matches(c, h, s, c->now + DANE_AHEAD_S, &later);
			continue;
		}
		t.bad++;
		if (!t.first) {
			t.first = s;
			t.why = v;
		}
	}
	return t;
}

/* Why no record matched, where that can be told, in parentheses. */
static const char *why_not(const struct part_host *h, const struct tlsa_verdict *v)
{
	bool anchors = true;

	if (v->name_failed)
		return " (the name does not match)";
	if (v->date_failed)
		return " (a certificate is out of its dates)";
	for (size_t i = 0; i < h->tlsa->n; i++)
		anchors = anchors && (h->tlsa->rr[i].usage == 2 ||
				      tlsa_usability(&h->tlsa->rr[i]) != TLSA_USABLE);
	return anchors
		   ? " (the trust anchor is not in the handshake, where RFC 7672 §3.1.2 wants it)"
		   : "";
}

static void match_check(struct eval_context *c, const struct part_host *h, const struct tally *t)
{
	static const char id[] = "dane.match";
	struct finding *f;

	if (h->dane != DANE_READY) {
		f = without_records(c, h, id);
	} else if (t->addresses == 0) {
		f = part_say(c, id, h->name, FINDING_SKIP, "Not checked: no certificate was seen.");
	} else if (t->bad > 0) {
		const char *whose =
		    t->addresses == 1
			? arena_printf(c->arena, "The chain of %s matches", h->name)
			: arena_printf(c->arena,
				       "%zu of %zu addresses of %s serve%s a chain that matches",
				       t->bad, t->addresses, h->name, t->bad == 1 ? "s" : "");
		f = part_critical(c, id, h->name, FINDING_FAIL,
				  "%s no TLSA record%s: senders that honour DANE do not deliver.",
				  whose, why_not(h, t->why));
		const struct obs_cert *leaf = &t->first->svc->tls->chain[0];
		part_expected(c, f, record_text(c, &h->tlsa->rr[0]),
			      leaf->spki_sha256
				  ? arena_printf(c->arena, "3 1 1 %s", leaf->spki_sha256)
				  : NULL);
		part_evidence(f, "address", t->first->address);
		part_evidence(f, "spki_sha256", leaf->spki_sha256);
		part_evidence(f, "sha256", leaf->sha256);
	} else {
		f = part_say(c, id, h->name, FINDING_PASS,
			     t->addresses == 1
				 ? "The chain matches a TLSA record."
				 : "The chains of all %zu addresses match a TLSA record.",
			     t->addresses);
	}
	if (h->dane == DANE_READY)
		record_evidence(c, f, h->tlsa);
	part_at(f, h);
}

static void future_check(struct eval_context *c, const struct part_host *h, const struct tally *t)
{
	static const char id[] = "dane.future";
	struct finding *f;

	if (h->dane != DANE_READY)
		f = without_records(c, h, id);
	else if (t->addresses == 0 || t->bad > 0)
		f = part_say(c, id, h->name, FINDING_SKIP,
			     "Not checked: the chain does not match now.");
	else if (t->late > 0)
		f = part_say(
		    c, id, h->name, FINDING_WARN,
		    "The match ends within 14 days: a certificate of the chain expires, and usage 2 counts "
		    "dates.");
	else
		f = part_say(c, id, h->name, FINDING_PASS, "The match still holds in 14 days.");
	part_at(f, h);
}

/* -- dane.rollover, dane.ttl, dane.covers_all_mx
 * -------------------------------------------------------------- */

/* A usable record that is not just another digest of the key in use. */
static bool has_second(struct eval_context *c, const struct part_host *h)
{
	const struct obs_tls *tls = NULL;
	const char *names[3];
	size_t n_names = reference_names(c, h, names), live = 0, anchors = 0, others = 0;

	for (size_t i = 0; i < h->n_smtp && !tls; i++)
		if (h->smtp[i].svc)
			tls = h->smtp[i].svc->tls;
	for (size_t i = 0; i < h->tlsa->n; i++) {
		const struct obs_tlsa_rr *rr = &h->tlsa->rr[i];
		struct tlsa_verdict v = {0};
		if (tlsa_usability(rr) != TLSA_USABLE)
			continue;
		if (tls && tls->n_chain > 0)
			tlsa_match(rr, 1, tls, names, n_names, c->now, &v);
		live += v.matched && v.ee;
		anchors += rr->usage == 2;
		others += rr->usage == 3 && !(v.matched && v.ee);
	}
	if (live > 0)
		return others > 0 || anchors > 0;
	return others + anchors >= 2;
}

static void rollover_check(struct eval_context *c, const struct part_host *h)
{
	static const char id[] = "dane.rollover";
	struct finding *f;

	if (h->dane != DANE_READY)
		f = without_records(c, h, id);
	else if (has_second(c, h))
		f = part_say(c, id, h->name, FINDING_PASS,
			     "A second usable TLSA record stands ready for a change of keys.");
	else
		f = part_say(c, id, h->name, FINDING_INFO,
			     "No second TLSA record stands ready for the next change of keys.");
	part_at(f, h);
}

static void ttl_check(struct eval_context *c, const struct part_host *h)
{
	static const char id[] = "dane.ttl";
	struct finding *f;

	if (!h->tlsa || h->tlsa->dns.status != OBS_DNS_ANSWER || h->dane == DANE_NONE) {
		f = without_records(c, h, id);
	} else {
		int64_t ttl = h->tlsa->dns.ttl_s;
		f = part_say(c, id, h->name,
			     ttl <= TTL_GOOD   ? FINDING_PASS
			     : ttl <= TTL_LONG ? FINDING_INFO
					       : FINDING_WARN,
			     "The TTL of the TLSA records is %s.", part_span(c, ttl));
		part_evidence_int(f, "ttl_s", ttl);
	}
	part_at(f, h);
}

static void covers_check(struct eval_context *c, const struct part_host *h)
{
	static const char id[] = "dane.covers_all_mx";
	size_t ready = 0, unknown = 0;
	struct finding *f;

	for (size_t i = 0; i < c->n_mx; i++) {
		ready += c->host[i].dane == DANE_READY;
		unknown += c->host[i].dane == DANE_UNKNOWN && !c->host[i].literal;
	}
	if (h->dane == DANE_UNKNOWN && !h->literal)
		f = part_say(c, id, h->name, FINDING_UNKNOWN,
			     "Could not be determined: whether %s has DANE is not known.", h->name);
	else if (h->dane == DANE_READY)
		f = part_say(c, id, h->name, FINDING_PASS,
			     ready == c->n_mx ? "Every MX host has DANE."
					      : "This MX host has DANE.");
	else if (ready > 0)
		f = part_soft(part_say(
		    c, id, h->name, FINDING_WARN,
		    "%s has no DANE, but %zu other MX host%s: an attacker can lead mail here.",
		    h->name, ready, ready == 1 ? " has" : "s have"));
	else if (unknown > 0)
		f = part_say(
		    c, id, h->name, FINDING_UNKNOWN,
		    "Could not be determined: whether the other MX hosts have DANE is not known.");
	else
		f = part_say(c, id, h->name, FINDING_PASS, "No MX host has DANE.");
	part_at(f, h);
}

void eval_dane(struct eval_context *c, struct part_host *h)
{
	if (!h->facts) {
		bool asked = !h->literal;
		part_all(c, part_ids_dane, h->name, h, asked ? CLOSED_UNKNOWN : CLOSED_MOOT,
			 asked ? "the host was not probed" : "the MX does not name a host");
		return;
	}
	struct tally t = h->dane == DANE_READY ? tally_of(c, h) : (struct tally){0};
	tlsa_check(c, h);
	dnssec_check(c, h);
	match_check(c, h, &t);
	rollover_check(c, h);
	covers_check(c, h);
	denial_check(c, h);
	future_check(c, h, &t);
	ttl_check(c, h);
}
