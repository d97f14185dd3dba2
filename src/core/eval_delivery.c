/* SPDX-License-Identifier: ISC
 *
 * What senders do with mail for one MX host, in one sentence: one that honours nothing, one
 * that honours MTA-STS, one that honours DANE, one that honours both.  DANE comes before
 * MTA-STS, which must not override it (RFC 8461 §2).  The worst of the host's addresses
 * counts; those that cannot be reached are smtp.connect's to tell.
 */
#include <string.h>

#include "eval_parts.h"

enum sender { SENDER_PLAIN, SENDER_STS, SENDER_DANE, SENDER_BOTH, SENDER_COUNT };
static const char *const sender_key[] = {"plain", "mta_sts", "dane", "both"};
static const char *const sender_text[] = {
    "plain senders",
    "senders that honour MTA-STS",
    "senders that honour DANE",
    "senders that honour both",
};

enum outcome { /* from good to bad */
	       OUTCOME_AUTHENTICATED,
	       OUTCOME_ENCRYPTED,
	       OUTCOME_UNKNOWN,
	       OUTCOME_CLEAR,
	       OUTCOME_REFUSED,
};
static const char *const outcome_word[] = {"authenticated", "encrypted", "unknown", "clear",
					   "refused"};

struct verdict {
	enum outcome outcome;
	const char *why; /* of what is not good */
	bool soft;	 /* the cause is an absence or an error */
};

struct view {
	const struct mta_sts_policy *policy; /* what a sender that honours MTA-STS goes by, NULL */
	int64_t until;			     /* how long it may hold it */
};

static struct view view_of(struct eval_context *c)
{
	const struct eval_history *past = c->in->history;
	struct view v = {0};

	if (c->sts.in_force) {
		v.policy = &c->sts.policy;
		v.until = c->now + c->sts.policy.max_age_s;
		return v;
	}
	if (!past || !past->available || past->n_policies == 0 || !past->policies[0].body)
		return v;
	struct mta_sts_policy *held = arena_alloc(c->arena, sizeof(*held));
	struct remarks remarks;
	remarks_init(&remarks, c->arena);
	const struct eval_policy_seen *newest = &past->policies[0];
	if (mta_sts_policy_parse(newest->body, strlen(newest->body), c->arena, held, &remarks) !=
		0 ||
	    newest->last + held->max_age_s <= c->now)
		return v;
	v.policy = held;
	v.until = newest->last + held->max_age_s;
	return v;
}

/* -- one address
 * ------------------------------------------------------------------------------------- */

static bool is_undecided(const struct part_service *s)
{
	const struct obs_failure *f = &s->svc->failure;
	return !s->svc->tls && (f->class == OBS_CLASS_LOCAL || f->class == OBS_CLASS_THROTTLED);
}

static struct verdict plain(const struct part_service *s)
{
	if (is_undecided(s))
		return (struct verdict){OUTCOME_UNKNOWN, "TLS could not be judged", false};
	if (s->svc->tls)
		return (struct verdict){.outcome = OUTCOME_ENCRYPTED};
	return (struct verdict){OUTCOME_CLEAR, "TLS does not work", true};
}

static struct verdict sts(struct eval_context *c, const struct part_host *h,
			  const struct part_service *s, const struct view *v)
{
	if (!v->policy || v->policy->mode != MTA_STS_ENFORCE)
		return plain(s);
	if (!mta_sts_policy_covers(v->policy, h->name))
		return (struct verdict){
		    OUTCOME_REFUSED,
		    arena_printf(c->arena,
				 "the policy, which they may hold until %s, does not cover it",
				 part_day(c, v->until)),
		    c->sts.in_force && c->sts.half};
	if (is_undecided(s))
		return plain(s);
	if (!s->svc->tls)
		return (struct verdict){OUTCOME_REFUSED, "TLS does not work", true};
	if (part_trust_bad(s->trust))
		return (struct verdict){OUTCOME_REFUSED, s->trust_why, false};
	if (!s->name_ok)
		return (struct verdict){OUTCOME_REFUSED, "its certificate is for another name",
					false};
	if (!s->dates_ok)
		return (struct verdict){OUTCOME_REFUSED, "its certificate is out of its dates",
					false};
	if (s->trust == TRUST_UNKNOWN)
		return (struct verdict){OUTCOME_UNKNOWN, s->trust_why, false};
	return (struct verdict){.outcome = OUTCOME_AUTHENTICATED};
}

/* *applies: DANE decides, so that MTA-STS is not asked. */
static struct verdict dane(struct eval_context *c, const struct part_host *h,
			   const struct part_service *s, bool *applies)
{
	*applies = true;
	if (part_dnssec(&c->d->mx.dns) == OBS_DNSSEC_BOGUS)
		return (struct verdict){OUTCOME_REFUSED, "the MX answer fails DNSSEC validation",
					true};
	switch (h->dane) {
	case DANE_BROKEN:
		return (struct verdict){OUTCOME_REFUSED,
					"the lookup of its TLSA records or addresses fails", true};
	case DANE_READY:
		if (s->svc->tls)
			return s->dane_match
				   ? (struct verdict){.outcome = OUTCOME_AUTHENTICATED}
				   : (struct verdict){OUTCOME_REFUSED,
						      "its certificate matches no TLSA record",
						      false};
		if (is_undecided(s))
			return plain(s);
		return (struct verdict){OUTCOME_REFUSED, "TLS does not work", true};
	case DANE_UNUSABLE:
		if (s->svc->tls || is_undecided(s))
			return plain(s);
		return (struct verdict){OUTCOME_REFUSED, "TLS does not work", true};
	case DANE_NONE:
	case DANE_INSECURE:
	case DANE_UNKNOWN:
		break;
	}
	*applies = false;
	if (h->dane != DANE_UNKNOWN)
		return plain(s);
	return (struct verdict){OUTCOME_UNKNOWN, "whether the host has DANE is not known", false};
}

static void worse(struct verdict *worst, struct verdict v)
{
	if (v.outcome > worst->outcome)
		*worst = v;
}

static void view_service(struct eval_context *c, const struct part_host *h,
			 const struct part_service *s, const struct view *v,
			 struct verdict worst[SENDER_COUNT])
{
	bool dane_applies;

	if (part_mute_inside(s)) {
		for (int i = 0; i < SENDER_COUNT; i++)
			worse(&worst[i], (struct verdict){OUTCOME_REFUSED,
							  "EHLO is not answered inside TLS", true});
		return;
	}
	struct verdict by_sts = sts(c, h, s, v), by_dane = dane(c, h, s, &dane_applies);

	worse(&worst[SENDER_PLAIN], plain(s));
	worse(&worst[SENDER_STS], by_sts);
	worse(&worst[SENDER_DANE], by_dane);
	if (!dane_applies && by_dane.outcome == OUTCOME_UNKNOWN && by_sts.outcome < OUTCOME_UNKNOWN)
		worse(&worst[SENDER_BOTH], by_dane);
	else
		worse(&worst[SENDER_BOTH], dane_applies ? by_dane : by_sts);
}

/* -- the host
 * -------------------------------------------------------------------------------------------- */

/* "senders that honour MTA-STS and senders that honour both" with this outcome. */
static const char *who(struct eval_context *c, const struct verdict v[SENDER_COUNT], enum outcome o)
{
	const char *list[SENDER_COUNT];
	size_t n = 0;

	for (int i = 0; i < SENDER_COUNT; i++)
		if (v[i].outcome == o)
			list[n++] = sender_text[i];
	char *s = arena_strdup(c->arena, part_list(c, list, n));
	*s = (char)(*s == 's' ? 'S' : *s == 'p' ? 'P' : *s);
	return s;
}

static const struct verdict *first_with(const struct verdict v[SENDER_COUNT], enum outcome o)
{
	for (int i = 0; i < SENDER_COUNT; i++)
		if (v[i].outcome == o)
			return &v[i];
	return NULL;
}

static void judged(struct eval_context *c, const struct part_host *h,
		   const struct verdict v[SENDER_COUNT])
{
	static const char id[] = "delivery.sender_view";
	const struct verdict *bad;
	struct finding *f;

	if ((bad = first_with(v, OUTCOME_REFUSED)) != NULL) {
		f = part_critical(c, id, h->name, FINDING_FAIL, "%s do not deliver to %s: %s.",
				  who(c, v, OUTCOME_REFUSED), h->name, bad->why);
		f->definitive = !bad->soft;
	} else if ((bad = first_with(v, OUTCOME_CLEAR)) != NULL) {
		f = part_soft(part_say(c, id, h->name, FINDING_INFO,
				       "All senders deliver to %s in clear text: %s.", h->name,
				       bad->why));
	} else if ((bad = first_with(v, OUTCOME_UNKNOWN)) != NULL) {
		f = part_say(c, id, h->name, FINDING_UNKNOWN, "Could not be determined for %s: %s.",
			     who(c, v, OUTCOME_UNKNOWN), bad->why);
	} else if (first_with(v, OUTCOME_AUTHENTICATED)) {
		f = part_say(c, id, h->name, FINDING_PASS,
			     "All senders deliver encrypted; %s authenticate %s.",
			     first_with(v, OUTCOME_ENCRYPTED) == &v[SENDER_PLAIN] &&
				     v[SENDER_STS].outcome != OUTCOME_ENCRYPTED &&
				     v[SENDER_DANE].outcome != OUTCOME_ENCRYPTED
				 ? "those that honour MTA-STS or DANE"
			     : v[SENDER_STS].outcome == OUTCOME_AUTHENTICATED
				 ? "those that honour MTA-STS"
				 : "those that honour DANE",
			     h->name);
	} else {
		f = part_say(c, id, h->name, FINDING_PASS,
			     "All senders deliver encrypted; none can authenticate %s.", h->name);
	}
	for (int i = 0; i < SENDER_COUNT; i++)
		part_evidence(f, sender_key[i], outcome_word[v[i].outcome]);
	part_at(f, h);
}

void eval_delivery(struct eval_context *c, struct part_host *h)
{
	static const char id[] = "delivery.sender_view";
	struct verdict worst[SENDER_COUNT] = {{0}};
	struct view v = view_of(c);
	size_t reached = 0, unknown = 0;

	for (size_t i = 0; i < h->n_smtp; i++) {
		const struct part_service *s = &h->smtp[i];
		unknown += s->reach == REACH_UNKNOWN;
		if (s->reach != REACH_YES)
			continue;
		/* EHLO that is never answered is no delivery at all. */
		if (s->svc->failure.class != OBS_CLASS_NONE &&
		    s->svc->failure.stage <= OBS_STAGE_EHLO)
			continue;
		reached++;
		view_service(c, h, s, &v, worst);
	}
	if (reached > 0)
		judged(c, h, worst);
	else if (unknown > 0 || (!h->facts && !h->literal))
		part_at(part_say(c, id, h->name, FINDING_UNKNOWN,
				 "Could not be determined: %s could not be looked at.", h->name),
			h);
	else
		part_at(part_say(c, id, h->name, FINDING_SKIP,
				 "Not checked: no address of %s takes mail (see smtp.connect).",
				 h->name),
			h);
}
