/* SPDX-License-Identifier: ISC
 *
 * The host an MTA-STS policy comes from: its TLS, the fetch, its certificate's end, and whether
 * all its addresses serve the same (RFC 8461 §3.3).
 */
#include <string.h>

#include "cert.h"
#include "eval_parts.h"
#include "text.h"

bool part_policy_is_ours(const struct obs_policy *p)
{
	return p->failure.class == OBS_CLASS_LOCAL || p->failure.class == OBS_CLASS_THROTTLED;
}

/* -- TLS and the fetch ------------------------------------------------------------------------ */

static struct finding *policy_tls_judged(struct eval_context *c, const struct obs_policy *p)
{
	static const char id[] = "mta_sts.policy.tls";
	const struct obs_cert *leaf = p->tls->n_chain ? &p->tls->chain[0] : NULL;
	const struct part_sts *s = &c->sts;

	if (part_trust_bad(s->trust))
		return part_say(c, id, c->domain, FINDING_FAIL, "Senders do not trust %s: %s.",
				c->sts.host, s->trust_why);
	if (!cert_matches_name(leaf, c->sts.host))
		return part_say(c, id, c->domain, FINDING_FAIL,
				"The certificate is not for %s but for %s.", c->sts.host,
				leaf->n_dns_names ? part_list(c, leaf->dns_names, leaf->n_dns_names)
						  : "no host name at all");
	if (!part_dates_ok(leaf, c->now))
		return part_say(c, id, c->domain, FINDING_FAIL, "The certificate of %s %s.",
				c->sts.host,
				leaf->bad_dates		    ? "has dates that cannot be read"
				: c->now < leaf->not_before ? "is not valid yet"
							    : "has expired");
	if (s->trust == TRUST_UNKNOWN)
		return part_say(c, id, c->domain, FINDING_UNKNOWN, "Could not be determined: %s.",
				s->trust_why);
	return part_say(c, id, c->domain, FINDING_PASS, "%s has a trusted certificate.",
			c->sts.host);
}

static void policy_tls_check(struct eval_context *c)
{
	static const char id[] = "mta_sts.policy.tls";
	const struct obs_policy *p = c->d->policy;
	struct finding *f;

	if (p->tls) {
		f = policy_tls_judged(c, p);
		if (p->tls->n_chain > 0) {
			part_evidence(f, "sha256", p->tls->chain[0].sha256);
			part_evidence(f, "issuer", p->tls->chain[0].issuer);
			part_evidence_time(f, "not_after", p->tls->chain[0].not_after);
		}
	} else if (part_policy_is_ours(p)) {
		f = part_say(c, id, c->domain, FINDING_UNKNOWN, "Could not be determined: %s.",
			     part_failure(c, &p->failure));
	} else if (p->failure.class == OBS_CLASS_TLS) {
		f = part_soft(part_say(c, id, c->domain, FINDING_FAIL,
				       "No TLS session with %s: %s.", c->sts.host,
				       part_failure(c, &p->failure)));
	} else {
		part_say(c, id, c->domain, FINDING_SKIP,
			 "Not checked: %s cannot be reached (see mta_sts.policy.fetch).",
			 c->sts.host);
	}
}

static struct finding *fetch_failed(struct eval_context *c, const struct obs_policy *p)
{
	static const char id[] = "mta_sts.policy.fetch";
	struct finding *f;

	if (p->status >= 300 && p->status < 400) {
		f = part_say(
		    c, id, c->domain, FINDING_FAIL,
		    "The policy is redirected (HTTP %d to %s), which senders must not follow.",
		    (int)p->status, p->location ? part_safe(c, p->location) : "an unnamed place");
		part_evidence(f, "location", p->location);
		part_evidence(f, "redirected_body", p->redirected_body);
	} else if (p->too_large) {
		f = part_say(c, id, c->domain, FINDING_FAIL, "The policy is larger than 64 KiB.");
	} else if (p->status != 0 && p->status != 200) {
		f = part_say(c, id, c->domain, FINDING_FAIL,
			     "The policy host answers with HTTP %d.", (int)p->status);
	} else if (p->took_ms > PART_FETCH_MAX_MS) {
		f = part_say(c, id, c->domain, FINDING_FAIL,
			     "The policy took %d s, longer than a minute.",
			     (int)(p->took_ms / 1000));
	} else {
		f = part_say(c, id, c->domain, FINDING_FAIL,
			     "The policy cannot be fetched from %s: %s.", c->sts.host,
			     part_failure(c, &p->failure));
	}
	part_evidence_int(f, "status", p->status);
	part_evidence(f, "class", p->failure.class ? obs_class_words[p->failure.class] : NULL);
	return part_soft(f);
}

static void fetch_check(struct eval_context *c)
{
	static const char id[] = "mta_sts.policy.fetch";
	const struct obs_policy *p = c->d->policy;
	struct finding *f;

	if (c->sts.fetched) {
		f = part_say(c, id, c->domain, FINDING_PASS, "The policy was fetched in %d ms.",
			     (int)p->took_ms);
		part_evidence_int(f, "status", p->status);
		part_evidence(f, "address", p->address);
		part_evidence(f, "body", p->body);
	} else if (part_policy_is_ours(p)) {
		part_say(c, id, c->domain, FINDING_UNKNOWN, "Could not be determined: %s.",
			 part_failure(c, &p->failure));
	} else if (p->failure.class == OBS_CLASS_TLS) {
		part_say(
		    c, id, c->domain, FINDING_SKIP,
		    "Not checked: there is no trusted connection to %s (see mta_sts.policy.tls).",
		    c->sts.host);
	} else {
		fetch_failed(c, p);
	}
}

void eval_mta_sts_host(struct eval_context *c)
{
	policy_tls_check(c);
	fetch_check(c);
}

/* -- its certificate's end, its addresses ----------------------------------------------------- */

static void cert_expiry_check(struct eval_context *c)
{
	static const char id[] = "mta_sts.cert_expiry";
	const struct obs_policy *p = c->d->policy;

	if (!p->tls || p->tls->n_chain == 0)
		part_say(c, id, c->domain, part_policy_is_ours(p) ? FINDING_UNKNOWN : FINDING_SKIP,
			 "%s: no certificate of %s was seen.",
			 part_policy_is_ours(p) ? "Could not be determined" : "Not checked",
			 c->sts.host);
	else
		part_expiry(c, id, c->domain, p->tls);
}

/* What one address does otherwise than the first good one, NULL if nothing. */
static const char *differs(struct eval_context *c, const struct obs_policy_address *first,
			   const struct obs_policy_address *a)
{
	if (a->failure.class != OBS_CLASS_NONE)
		return part_failure(c, &a->failure);
	if (a->status != 200)
		return arena_printf(c->arena, "it answers with HTTP %d", (int)a->status);
	if (!a->name_ok)
		return "its certificate is for another name";
	if (!a->trusted && !c->vantage->no_ca)
		return "its certificate is not trusted";
	if (first && first->body_sha256 && a->body_sha256 &&
	    strcmp(first->body_sha256, a->body_sha256) != 0)
		return "it serves another policy";
	return NULL;
}

static void consistency_check(struct eval_context *c)
{
	static const char id[] = "mta_sts.host_consistency";
	const struct obs_policy_address *first = NULL, *list = c->d->policy_addresses;
	size_t n = c->d->n_policy_addresses, judged = 0;

	for (size_t i = 0; i < n && !first; i++)
		if (list[i].failure.class == OBS_CLASS_NONE && list[i].status == 200)
			first = &list[i];
	for (size_t i = 0; i < n; i++) {
		const struct obs_policy_address *a = &list[i];
		if (a->failure.class == OBS_CLASS_LOCAL || a->failure.class == OBS_CLASS_THROTTLED)
			continue;
		judged++;
		const char *why = differs(c, first, a);
		if (!why || (n == 1 && !c->sts.fetched))
			continue;
		struct finding *f = part_say(c, id, c->domain, FINDING_WARN,
					     "The addresses of %s differ: at %s, %s.", c->sts.host,
					     part_safe(c, a->address), why);
		part_evidence(f, "address", a->address);
		f->definitive = a->failure.class == OBS_CLASS_NONE;
		return;
	}
	if (n == 0)
		part_say(
		    c, id, c->domain, FINDING_SKIP,
		    "Not checked: the addresses of the policy host were not asked one by one.");
	else if (judged == 0)
		part_say(c, id, c->domain, FINDING_UNKNOWN,
			 "Could not be determined: no address of the policy host could be asked.");
	else
		part_say(c, id, c->domain, FINDING_PASS,
			 judged == 1
			     ? "The policy host has one address to ask."
			     : "All %zu addresses of the policy host serve the same policy.",
			 judged);
}

void eval_mta_sts_addresses(struct eval_context *c)
{
	cert_expiry_check(c);
	consistency_check(c);
}
