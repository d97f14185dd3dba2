/* SPDX-License-Identifier: ISC
 *
 * MTA-STS over time (RFC 8461 §3.3, §8): what senders may still hold.  A sender keeps a policy
 * for its max_age from the last time it fetched it, whatever became of the record since; so
 * every policy ever seen counts until its last sighting plus its max_age.
 */
#include <string.h>

#include "eval_parts.h"
#include "name.h"

#define MAX_AGE_LIMIT 31557600
#define SIGHTING_S    3600 /* how exactly the state keeps a last sighting */

struct held { /* a policy some sender may still hold */
	const struct eval_policy_seen *seen;
	struct mta_sts_policy policy;
	int64_t fetched, until; /* at the latest */
};

static bool has_history(const struct eval_context *c)
{
	return c->in->history && c->in->history->available;
}

/* Until when a sender may have fetched policy i of those seen (the newest first): the next one
 * was there, or we would have seen it again. */
static int64_t last_fetch(const struct eval_context *c, size_t i)
{
	const struct eval_policy_seen *seen = c->in->history->policies;
	int64_t end = i > 0 ? seen[i - 1].first : c->now;
	int64_t again = seen[i].last + SIGHTING_S + c->settings->interval_s;

	if (end > again)
		end = again;
	return end > seen[i].last ? end : seen[i].last;
}

static struct held *held_policies(struct eval_context *c, size_t *n)
{
	const struct eval_history *past = c->in->history;
	struct held *list = arena_array(c->arena, past->n_policies + 1, sizeof(*list));

	*n = 0;
	for (size_t i = 0; i < past->n_policies; i++) {
		struct held *h = &list[*n];
		struct remarks remarks;
		remarks_init(&remarks, c->arena);
		*h = (struct held){.seen = &past->policies[i]};
		if (!h->seen->body || mta_sts_policy_parse(h->seen->body, strlen(h->seen->body),
							   c->arena, &h->policy, &remarks) != 0)
			continue;
		int64_t age =
		    h->policy.max_age_s < MAX_AGE_LIMIT ? h->policy.max_age_s : MAX_AGE_LIMIT;
		h->fetched = last_fetch(c, i);
		h->until = h->fetched + age;
		if (h->until > c->now)
			(*n)++;
	}
	return list;
}

/* -- mta_sts.id_body
 * --------------------------------------------------------------------------------- */

static bool same_mx(const struct mta_sts_policy *a, const struct mta_sts_policy *b)
{
	for (int turn = 0; turn < 2; turn++) {
		for (size_t i = 0; i < a->n_mx; i++) {
			bool found = false;
			for (size_t j = 0; j < b->n_mx && !found; j++)
				found = strcmp(a->mx[i], b->mx[j]) == 0;
			if (!found)
				return false;
		}
		const struct mta_sts_policy *t = a;
		a = b;
		b = t;
	}
	return true;
}

/* A cached policy that was served under the live id with another body. */
static const struct held *other_body(const struct eval_context *c, const struct held *list,
				     size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].seen->id && strcmp(list[i].seen->id, c->sts.id) == 0 &&
		    strcmp(list[i].seen->body, c->d->policy->body) != 0)
			return &list[i];
	return NULL;
}

/* The id before the live one, when its body was the live one all along: a change for nothing. */
static const struct eval_policy_seen *same_body(const struct eval_context *c)
{
	const struct eval_history *past = c->in->history;
	const struct eval_policy_seen *before = NULL;

	for (size_t i = 0; i < past->n_policies; i++) {
		const struct eval_policy_seen *p = &past->policies[i];
		if (!p->id || !p->body || strcmp(p->id, c->sts.id) == 0)
			continue;
		if (!before)
			before = p;
		else if (strcmp(p->id, before->id) != 0)
			break;
		if (strcmp(p->body, c->d->policy->body) != 0)
			return NULL;
	}
	return before;
}

static void id_body_check(struct eval_context *c)
{
	static const char id[] = "mta_sts.id_body";
	const struct eval_history *past = c->in->history;
	size_t n;
	struct held *list = held_policies(c, &n);
	const struct held *other = other_body(c, list, n);
	const struct eval_policy_seen *before;
	struct finding *f;

	if (other) {
		int64_t since = past->body_since ? past->body_since : other->seen->last;
		int64_t for_s = c->now - since;
		bool moved = !same_mx(&other->policy, &c->sts.policy);
		if (for_s <= c->settings->policy_grace_s) {
			f = part_say(
			    c, id, c->domain, FINDING_PASS,
			    "The policy changed %s ago; the id has time to follow (policy_grace).",
			    part_span(c, for_s));
		} else {
			f = part_say(
			    c, id, c->domain, FINDING_WARN,
			    "The policy changed %s ago%s, but the id is still %s: senders keep the old one "
			    "until %s.",
			    part_span(c, for_s), moved ? " (its mx list too)" : "", c->sts.id,
			    part_day(c, other->until));
			f->severity = moved ? SEVERITY_CRITICAL : SEVERITY_WARNING;
			part_evidence(f, "before", other->seen->body);
			part_evidence(f, "after", c->d->policy->body);
		}
	} else if ((before = same_body(c)) != NULL) {
		f = part_say(c, id, c->domain, FINDING_INFO,
			     "The id changed from %s to %s, but the policy did not.",
			     part_safe(c, before->id), c->sts.id);
		part_advise(c, f, "Nothing to do; senders fetched the same policy again.");
	} else {
		f = part_say(c, id, c->domain, FINDING_PASS,
			     "The id and the policy belong together.");
	}
	part_evidence(f, "id", c->sts.id);
	part_evidence_time(f, "id_since", past->id_since);
	part_evidence_time(f, "body_since", past->body_since);
}

/* -- mta_sts.cache_hazard
 * -------------------------------------------------------------------------------- */

/* The MX hosts that a policy does not cover, as evidence wants them. */
static const char **uncovered(struct eval_context *c, const struct mta_sts_policy *policy,
			      size_t *n)
{
	const char **list = arena_array(c->arena, c->n_mx + 1, sizeof(*list));

	*n = 0;
	for (size_t i = 0; i < c->n_mx; i++)
		if (!mta_sts_policy_covers(policy, c->host[i].name))
			list[(*n)++] = c->host[i].name;
	return list;
}

static void hazard_check(struct eval_context *c)
{
	static const char id[] = "mta_sts.cache_hazard";
	size_t n, enforced = 0, missed, n_hosts = 0;
	struct held *list = held_policies(c, &n);
	const struct held *worst = NULL;
	const char **hosts = NULL;

	for (size_t i = 0; i < n; i++) {
		if (list[i].policy.mode != MTA_STS_ENFORCE)
			continue;
		enforced++;
		const char **these = uncovered(c, &list[i].policy, &missed);
		if (missed > 0 && (!worst || list[i].until > worst->until)) {
			worst = &list[i];
			hosts = these;
			n_hosts = missed;
		}
	}
	if (worst) {
		struct finding *f = part_critical(
		    c, id, c->domain, FINDING_FAIL,
		    "A sender may hold an enforce policy%s%s until %s that does not cover the MX host%s "
		    "%s, and refuse to deliver there.",
		    worst->seen->id ? " with id " : "",
		    worst->seen->id ? part_safe(c, worst->seen->id) : "", part_day(c, worst->until),
		    n_hosts == 1 ? "" : "s", part_list(c, hosts, n_hosts));
		part_evidence_time(f, "until", worst->until);
		part_evidence_time(f, "fetched", worst->fetched);
		part_evidence(f, "policy", worst->seen->body);
		part_evidence_list(f, "hosts", hosts, n_hosts);
	} else if (c->n_mx == 0) {
		part_say(c, id, c->domain, FINDING_UNKNOWN,
			 "Could not be determined: the MX hosts are not known.");
	} else {
		part_say(c, id, c->domain, FINDING_PASS,
			 enforced == 0 ? "No sender can hold an enforce policy."
				       : "Every policy a sender may hold covers the MX hosts.");
	}
}

/* -- mta_sts.withdrawal
 * ---------------------------------------------------------------------------------- */

static bool host_is_gone(const struct obs_policy *p)
{
	const struct obs_answer *a = &p->a.dns, *aaaa = &p->aaaa.dns;
	bool asked = a->status != OBS_DNS_UNASKED && aaaa->status != OBS_DNS_UNASKED;

	return asked && p->a.n + p->aaaa.n == 0 && !part_lookup_failed(a) &&
	       !part_lookup_failed(aaaa) && part_dnssec(a) != OBS_DNSSEC_BOGUS &&
	       part_dnssec(aaaa) != OBS_DNSSEC_BOGUS;
}

/* What is gone for good by its looks, NULL if nothing. */
static const char *vanished(const struct eval_context *c)
{
	const struct obs_policy *p = c->d->policy;

	if (c->sts.record == RECORD_NONE)
		return "record";
	if (c->sts.record == RECORD_OK && p &&
	    (p->status == 404 || p->status == 410 || host_is_gone(p)))
		return "policy";
	return NULL;
}

static void withdrawal_check(struct eval_context *c)
{
	static const char id[] = "mta_sts.withdrawal";
	size_t n;
	struct held *list = held_policies(c, &n);
	const struct held *alive = NULL;
	const char *gone = vanished(c);
	struct finding *f;

	for (size_t i = 0; i < n; i++)
		if (list[i].policy.mode != MTA_STS_NONE && (!alive || list[i].until > alive->until))
			alive = &list[i];
	if (gone && alive) {
		f = part_soft(part_say(
		    c, id, c->domain, FINDING_WARN,
		    "The MTA-STS %s is gone, but senders may hold a policy in mode %s until %s.",
		    gone, mta_sts_mode_words[alive->policy.mode], part_day(c, alive->until)));
		part_evidence_time(f, "until", alive->until);
		part_evidence(f, "policy", alive->seen->body);
	} else if (gone) {
		part_skip(c, id, c->domain, "there is no policy, and none in any cache");
	} else if (c->sts.record == RECORD_UNKNOWN || c->sts.record == RECORD_BOGUS) {
		part_say(c, id, c->domain, FINDING_UNKNOWN,
			 "Could not be determined: whether there is a record is not known.");
	} else if (c->sts.valid && c->sts.policy.mode == MTA_STS_NONE && alive) {
		f = part_say(
		    c, id, c->domain, FINDING_PASS,
		    "The policy is being withdrawn through mode none; the last cache ends on %s.",
		    part_day(c, alive->until));
		part_evidence_time(f, "until", alive->until);
	} else {
		part_say(c, id, c->domain, FINDING_PASS, "The policy is published.");
	}
}

/* -- mta_sts.delegation
 * ------------------------------------------------------------------------------------ */

static bool has_moved(const char *before, const char *now)
{
	return before && (!now || !name_equal(before, now));
}

static void delegation_check(struct eval_context *c)
{
	static const char id[] = "mta_sts.delegation";
	const struct obs_answer *record = &c->d->mta_sts.dns;
	const struct obs_policy *p = c->d->policy;
	const char *host = p ? (p->a.dns.cname ? p->a.dns.cname : p->aaaa.dns.cname) : NULL;
	const struct eval_history *past = has_history(c) ? c->in->history : NULL;
	bool moved =
	    past && ((!part_lookup_failed(record) &&
		      has_moved(past->cname_mta_sts_record, record->cname)) ||
		     (p && p->a.n + p->aaaa.n > 0 && has_moved(past->cname_mta_sts_host, host)));
	struct finding *f;

	if (record->cname &&
	    (record->status == OBS_DNS_NXDOMAIN || record->status == OBS_DNS_NODATA))
		f = part_say(c, id, c->domain, FINDING_FAIL,
			     "_mta-sts.%s is delegated to %s, where there is no record.", c->domain,
			     part_safe(c, record->cname));
	else if (host && host_is_gone(p))
		f = part_say(c, id, c->domain, FINDING_FAIL,
			     "mta-sts.%s is delegated to %s, which has no address.", c->domain,
			     part_safe(c, host));
	else if (part_lookup_failed(record))
		f = part_say(c, id, c->domain, FINDING_UNKNOWN, "Could not be determined: %s.",
			     part_lookup_why(c, record));
	else if (moved)
		f = part_say(
		    c, id, c->domain, FINDING_INFO, "The delegation changed: now %s and %s.",
		    record->cname ? part_safe(c, record->cname) : "no CNAME for the record",
		    host ? part_safe(c, host) : "no CNAME for the policy host");
	else if (record->cname || host)
		f = part_say(c, id, c->domain, FINDING_PASS, "Delegated to %s%s%s.",
			     record->cname ? part_safe(c, record->cname) : "",
			     record->cname && host ? " and " : "", host ? part_safe(c, host) : "");
	else
		f = part_skip(c, id, c->domain, "nothing is delegated");
	part_evidence(f, "record_cname", record->cname);
	part_evidence(f, "host_cname", host);
	if (f->status == FINDING_FAIL)
		part_soft(f);
}

void eval_mta_sts_history(struct eval_context *c)
{
	static const char *const ids[] = {"mta_sts.id_body", "mta_sts.cache_hazard",
					  "mta_sts.withdrawal", NULL};
	static const char *const id_body[] = {"mta_sts.id_body", NULL};

	if (!has_history(c)) {
		part_all(c, ids, c->domain, NULL, CLOSED_SKIP,
			 "this takes the history the daemon keeps");
	} else {
		if (c->sts.id && c->sts.valid)
			id_body_check(c);
		else
			part_all(c, id_body, c->domain, NULL, CLOSED_SKIP,
				 "there is no record with a valid policy");
		hazard_check(c);
		withdrawal_check(c);
	}
	delegation_check(c);
}
