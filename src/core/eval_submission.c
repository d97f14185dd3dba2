/* SPDX-License-Identifier: ISC
 *
 * Where the domain's users hand in their mail: SRV records (RFC 6186, RFC 8314) or
 * smtp.<domain>, ports 465 and 587, and TLS at both.
 */
#include <string.h>

#include "eval_parts.h"
#include "name.h"

enum found {
	FOUND_NONE,
	FOUND_SRV,
	FOUND_FALLBACK, /* smtp.<domain> */
	FOUND_CONF,
	FOUND_NEVER, /* SRV says "." */
	FOUND_UNKNOWN,
};

static bool is_refusal(const struct obs_srv *srv)
{
	return srv->n == 1 && strcmp(srv->rr[0].target, ".") == 0;
}

static enum found found_of(const struct eval_context *c, const char **why_unknown)
{
	const struct obs_submission *s = c->d->submission;
	bool failed;

	*why_unknown = "the SRV records were not asked for";
	if (c->in->conf->extra->n_submission > 0)
		return FOUND_CONF;
	if (!s)
		return FOUND_UNKNOWN;
	bool r465 = is_refusal(&s->submissions), r587 = is_refusal(&s->submission);
	if ((s->submissions.n > 0 && !r465) || (s->submission.n > 0 && !r587))
		return FOUND_SRV;
	failed = part_lookup_failed(&s->submissions.dns) ||
		 part_lookup_failed(&s->submission.dns) ||
		 part_dnssec(&s->submissions.dns) == OBS_DNSSEC_BOGUS ||
		 part_dnssec(&s->submission.dns) == OBS_DNSSEC_BOGUS;
	*why_unknown = "the SRV records could not be looked up";
	if (failed)
		return FOUND_UNKNOWN;
	if (r465 || r587)
		return FOUND_NEVER;
	if (s->fallback_a.n + s->fallback_aaaa.n > 0)
		return FOUND_FALLBACK;
	*why_unknown = "the address of the smtp host could not be looked up";
	if (part_lookup_failed(&s->fallback_a.dns) || part_lookup_failed(&s->fallback_aaaa.dns))
		return FOUND_UNKNOWN;
	return FOUND_NONE;
}

/* -- submission.discovery
 * ------------------------------------------------------------------------------ */

static const struct part_host *find_host(const struct eval_context *c, const char *name)
{
	for (size_t i = 0; i < c->n_hosts; i++)
		if (strcmp(c->host[i].name, name) == 0)
			return &c->host[i];
	return NULL;
}

static const char no_address[] = "has no address";

/* What is wrong with an SRV target, NULL if nothing; *unknown when it cannot be told. */
static const char *target_fault(struct eval_context *c, const char *target, bool *unknown)
{
	const struct part_host *h = find_host(c, target);

	if (strcmp(target, ".") == 0)
		return NULL;
	if (name_is_address_literal(target) || !name_is_host(target))
		return "is not a host name";
	if (!h || !h->facts) {
		*unknown = true;
		return NULL;
	}
	const struct obs_names *a = &h->facts->a, *aaaa = &h->facts->aaaa;
	if (a->dns.cname || aaaa->dns.cname)
		return "is an alias (CNAME)";
	if (a->n + aaaa->n > 0)
		return NULL;
	if (part_lookup_failed(&a->dns) || part_lookup_failed(&aaaa->dns) ||
	    part_dnssec(&a->dns) == OBS_DNSSEC_BOGUS ||
	    part_dnssec(&aaaa->dns) == OBS_DNSSEC_BOGUS) {
		*unknown = true;
		return NULL;
	}
	return no_address;
}

static struct finding *srv_judged(struct eval_context *c)
{
	static const char id[] = "submission.discovery";
	const struct obs_srv *set[] = {&c->d->submission->submissions,
				       &c->d->submission->submission};
	const char **target = arena_array(c->arena, set[0]->n + set[1]->n + 1, sizeof(*target));
	bool unknown = false;
	size_t n = 0;

	for (size_t i = 0; i < 2; i++)
		for (size_t j = 0; j < set[i]->n; j++) {
			const char *t = set[i]->rr[j].target;
			const char *fault = target_fault(c, t, &unknown);
			if (fault) {
				struct finding *f =
				    part_say(c, id, c->domain, FINDING_FAIL,
					     "The SRV target %s %s.", part_safe(c, t), fault);
				part_evidence(f, "target", t);
				return fault == no_address ? part_soft(f) : f;
			}
			target[n++] = arena_printf(c->arena, "%s:%d", t, (int)set[i]->rr[j].port);
		}
	if (unknown)
		return part_say(c, id, c->domain, FINDING_UNKNOWN,
				"Could not be determined: an SRV target could not be looked up.");
	struct finding *f = part_say(c, id, c->domain, FINDING_PASS, "SRV records name %s.",
				     part_list(c, target, n));
	part_evidence_list(f, "targets", target, n);
	return f;
}

static void discovery_check(struct eval_context *c, enum found found, const char *why_unknown)
{
	static const char id[] = "submission.discovery";
	struct finding *f;

	switch (found) {
	case FOUND_SRV:
		srv_judged(c);
		return;
	case FOUND_CONF:
		part_say(c, id, c->domain, FINDING_PASS,
			 "The watchlist names the submission hosts.");
		return;
	case FOUND_FALLBACK:
		part_say(c, id, c->domain, FINDING_PASS,
			 "There are no SRV records, but smtp.%s has an address.", c->domain);
		return;
	case FOUND_NEVER:
		f = part_say(c, id, c->domain, FINDING_INFO,
			     "The SRV records say that there is no mail submission.");
		part_advise(c, f, "Nothing to do, if that is the intention.");
		return;
	case FOUND_NONE:
		part_soft(part_say(
		    c, id, c->domain, FINDING_INFO,
		    "There are no SRV records for mail submission, and smtp.%s has no address.",
		    c->domain));
		return;
	case FOUND_UNKNOWN:
		break;
	}
	part_say(c, id, c->domain, FINDING_UNKNOWN, "Could not be determined: %s.", why_unknown);
}

/* -- submission.connect
 * ------------------------------------------------------------------------------------ */

struct port_state {
	size_t asked, up, unknown;
	const char *why;
};

static struct port_state port_state(const struct eval_context *c, int64_t port)
{
	struct port_state p = {0};

	for (size_t i = 0; i < c->n_hosts; i++)
		for (size_t j = 0; j < c->host[i].n_client; j++) {
			const struct part_service *s = &c->host[i].client[j];
			if (s->port != port)
				continue;
			p.asked++;
			p.up += s->reach == REACH_YES;
			p.unknown += s->reach == REACH_UNKNOWN;
			if (s->reach != REACH_YES && !p.why)
				p.why = s->why;
		}
	return p;
}

static void connect_check(struct eval_context *c, enum found found)
{
	static const char id[] = "submission.connect";
	struct port_state p465 = port_state(c, 465), p587 = port_state(c, 587);
	const struct obs_submission *s = found == FOUND_SRV ? c->d->submission : NULL;
	bool not465 = s && is_refusal(&s->submissions), not587 = s && is_refusal(&s->submission);
	bool open = (p465.up == 0 && p465.unknown > 0) || (p587.up == 0 && p587.unknown > 0);
	struct finding *f;

	if ((p465.up > 0 || not465) && (p587.up > 0 || not587) && p465.up + p587.up > 0)
		f = part_say(c, id, c->domain, FINDING_PASS, "%s.",
			     not465 ? "Port 587 answers; 465 is not offered, as the SRV record says"
			     : not587
				 ? "Port 465 answers; 587 is not offered, as the SRV record says"
				 : "Ports 465 and 587 answer");
	else if (p465.asked + p587.asked == 0 || open)
		f = part_say(c, id, c->domain, FINDING_UNKNOWN, "Could not be determined: %s.",
			     p465.asked + p587.asked == 0 ? "the submission hosts were not probed"
			     : p465.why			  ? p465.why
							  : p587.why);
	else if (p465.up + p587.up == 0)
		f = part_soft(part_say(c, id, c->domain, FINDING_WARN,
				       "Neither port 465 nor port 587 answers: %s.",
				       p465.why ? p465.why : p587.why));
	else
		f = part_soft(part_say(
		    c, id, c->domain, FINDING_INFO, "Port %d answers, port %d %s%s.",
		    p465.up ? 465 : 587, p465.up ? 587 : 465,
		    (p465.up ? p587.why : p465.why) ? "does not: " : "is not announced",
		    (p465.up ? p587.why : p465.why) ? (p465.up ? p587.why : p465.why) : ""));
	part_evidence_int(f, "answering_465", (int64_t)p465.up);
	part_evidence_int(f, "answering_587", (int64_t)p587.up);
}

void eval_submission(struct eval_context *c)
{
	static const char *const ids[] = {"submission.discovery", "submission.connect", NULL};
	static const char *const rest[] = {"submission.connect", NULL};
	const char *why_unknown;

	if (!c->in->submission) {
		part_all(c, ids, c->domain, NULL, CLOSED_MOOT,
			 "submission is not part of this check");
		return;
	}
	if (c->d->mx.dns.status == OBS_DNS_NXDOMAIN) {
		part_all(c, ids, c->domain, NULL, CLOSED_MOOT, "the domain does not exist");
		return;
	}
	enum found found = found_of(c, &why_unknown);
	discovery_check(c, found, why_unknown);
	if (found == FOUND_NONE || found == FOUND_NEVER) {
		part_all(c, rest, c->domain, NULL, CLOSED_MOOT,
			 found == FOUND_NONE ? "no submission host is known"
					     : "there is no mail submission");
		return;
	}
	if (found == FOUND_UNKNOWN) {
		part_all(c, rest, c->domain, NULL, CLOSED_UNKNOWN, why_unknown);
		return;
	}
	connect_check(c, found);
	for (size_t i = 0; i < c->n_hosts; i++) {
		struct part_host *h = &c->host[i];
		for (size_t j = 0; j < h->n_client; j++) {
			eval_smtp(c, h, &h->client[j]);
			eval_tls(c, h, &h->client[j]);
			eval_cert(c, h, &h->client[j]);
		}
		if (h->submission && !h->mx)
			eval_cert_pool(c, h);
	}
}
