/* SPDX-License-Identifier: ISC
 *
 * MTA-STS as it is now (RFC 8461): the record, the policy, and whether the MX hosts live up to
 * it.  The host it comes from is in eval_mta_sts_host.c, what takes history in
 * eval_mta_sts_history.c.
 */
#include <string.h>

#include "cert.h"
#include "eval_parts.h"
#include "text.h"

#define AGE_WEEK 604800
#define AGE_DAY	 86400

/* -- the context
 * ------------------------------------------------------------------------------------ */

static void record_context(struct eval_context *c)
{
	const struct obs_txt *txt = &c->d->mta_sts;
	struct part_sts *s = &c->sts;
	size_t ok = 0;

	if (part_dnssec(&txt->dns) == OBS_DNSSEC_BOGUS) {
		s->record = RECORD_BOGUS;
		return;
	}
	if (part_lookup_failed(&txt->dns)) {
		s->record = RECORD_UNKNOWN;
		s->record_why = part_lookup_why(c, &txt->dns);
		return;
	}
	for (size_t i = 0; i < txt->n; i++) {
		struct mta_sts_record r = {0};
		struct remarks remarks;
		remarks_init(&remarks, c->arena);
		enum mta_sts_record_result result =
		    mta_sts_record_parse(txt->value[i], c->arena, &r, &remarks);
		if (result == MTA_STS_RECORD_FOREIGN)
			continue;
		s->n_records++;
		if (result == MTA_STS_RECORD_OK) {
			ok++;
			s->id = r.id;
			continue;
		}
		const struct remark *why = remarks_first(&remarks, REMARK_ERROR);
		s->record_why = why ? why->rule : "it breaks the grammar";
	}
	s->record = s->n_records == 0  ? RECORD_NONE
		    : s->n_records > 1 ? RECORD_SEVERAL
		    : ok == 1	       ? RECORD_OK
				       : RECORD_BAD;
	if (s->record != RECORD_OK)
		s->id = NULL;
}

static void tls_context(struct eval_context *c)
{
	const struct obs_policy *p = c->d->policy;
	struct part_sts *s = &c->sts;

	if (!p->tls)
		return;
	s->trust = part_trust(c, p->tls, c->vantage, &s->trust_why);
	if (p->tls->n_chain == 0 || part_trust_bad(s->trust))
		return;
	s->tls_ok = cert_matches_name(&p->tls->chain[0], c->sts.host) &&
		    part_dates_ok(&p->tls->chain[0], c->now);
}

void part_sts_context(struct eval_context *c)
{
	const struct eval_history *past = c->in->history;
	const struct obs_policy *p = c->d->policy;
	struct part_sts *s = &c->sts;

	remarks_init(&s->remarks, c->arena);
	s->host = arena_printf(c->arena, "mta-sts.%s", c->domain);
	record_context(c);
	if (!p || part_switched_off(c, CONF_CHECK_MTA_STS))
		return;
	tls_context(c);
	s->fetched = p->status == 200 && !p->too_large && p->body &&
		     (p->failure.class == OBS_CLASS_NONE || p->failure.class == OBS_CLASS_TLS) &&
		     p->took_ms <= PART_FETCH_MAX_MS;
	if (!s->fetched)
		return;
	s->valid =
	    mta_sts_policy_parse(p->body, strlen(p->body), c->arena, &s->policy, &s->remarks) == 0;
	s->in_force = s->valid && s->tls_ok && s->record == RECORD_OK;
	s->half = past && past->available && past->body_since > past->id_since;
}

/* What rests on a body whose id may yet follow is believed together with the change of it. */
static void wait_for_id(const struct eval_context *c, struct finding *f)
{
	if (c->sts.half)
		part_soft(f);
}

/* -- the record
 * ---------------------------------------------------------------------------------------- */

static bool answers_all_the_same(const struct eval_context *c)
{
	return c->sts.fetched && (c->sts.valid || text_starts(c->d->policy->body, "version:"));
}

static void record_check(struct eval_context *c)
{
	static const char id[] = "mta_sts.record";
	const struct part_sts *s = &c->sts;
	const struct obs_txt *txt = &c->d->mta_sts;
	struct finding *f = NULL;

	switch (s->record) {
	case RECORD_OK:
		f = part_say(c, id, c->domain, FINDING_PASS, "The record is there, with id %s.",
			     s->id);
		break;
	case RECORD_NONE:
		if (answers_all_the_same(c))
			f = part_say(
			    c, id, c->domain, FINDING_WARN,
			    "There is a policy at %s, but no record, so senders do not look for it.",
			    c->sts.host);
		else
			f = part_say(
			    c, id, c->domain, FINDING_INFO,
			    txt->n > 0
				? "There is no MTA-STS record: the TXT records at _mta-sts.%s do not begin with "
				  "\"v=STSv1;\"."
				: "There is no MTA-STS record at _mta-sts.%s.",
			    c->domain);
		part_soft(f);
		break;
	case RECORD_SEVERAL:
		f = part_say(c, id, c->domain, FINDING_FAIL,
			     "There are %zu MTA-STS records, so senders take none of them.",
			     s->n_records);
		break;
	case RECORD_BAD:
		f = part_say(c, id, c->domain, FINDING_FAIL, "The MTA-STS record is malformed: %s.",
			     part_safe(c, s->record_why));
		break;
	case RECORD_BOGUS:
		f = part_soft(part_critical(c, id, c->domain, FINDING_FAIL,
					    "The answer for _mta-sts.%s fails DNSSEC validation.",
					    c->domain));
		part_bogus(c, f, &txt->dns);
		break;
	case RECORD_UNKNOWN:
		f = part_say(c, id, c->domain, FINDING_UNKNOWN, "Could not be determined: %s.",
			     s->record_why);
		break;
	}
	part_evidence_list(f, "txt", txt->value, txt->n);
	part_evidence(f, "id", s->id);
	part_evidence(f, "cname", txt->dns.cname);
}

void part_txt_dnssec(struct eval_context *c, const char *id, const struct obs_answer *a,
		     const char *name, bool record)
{
	struct finding *f;

	switch (part_dnssec(a)) {
	case OBS_DNSSEC_BOGUS:
		f = part_soft(part_critical(c, id, c->domain, FINDING_FAIL,
					    "The answer for %s.%s fails DNSSEC validation.", name,
					    c->domain));
		part_bogus(c, f, a);
		return;
	case OBS_DNSSEC_SECURE:
	case OBS_DNSSEC_INSECURE:
	case OBS_DNSSEC_UNKNOWN:
		break;
	}
	if (!part_lookup_failed(a) && !record)
		part_skip(c, id, c->domain, "there is no record");
	else if (part_dnssec(a) == OBS_DNSSEC_UNKNOWN)
		part_no_dnssec(c, id, c->domain, a, c->vantage);
	else if (part_dnssec(a) == OBS_DNSSEC_SECURE)
		part_say(c, id, c->domain, FINDING_PASS, "The record is signed and validates.");
	else
		part_say(c, id, c->domain, FINDING_INFO, "The record is not signed with DNSSEC.");
}

/* -- the policy
 * ------------------------------------------------------------------------------------------- */

static bool is_text_plain(const char *type)
{
	static const char wanted[] = "text/plain";
	size_t len = sizeof(wanted) - 1;

	for (size_t i = 0; type && i < len; i++)
		if ((type[i] | 0x20) != (wanted[i] | 0x20))
			return false;
	return type && (type[len] == '\0' || strchr("; \t", type[len]));
}

static void content_type_check(struct eval_context *c)
{
	static const char id[] = "mta_sts.policy.content_type";
	const char *type = c->d->policy->content_type;

	if (is_text_plain(type))
		part_say(c, id, c->domain, FINDING_PASS, "The policy is served as text/plain.");
	else if (type && *type)
		part_evidence(part_say(c, id, c->domain, FINDING_WARN,
				       "The policy is served as %s, not text/plain.",
				       part_safe(c, type)),
			      "content_type", type);
	else
		part_say(c, id, c->domain, FINDING_WARN,
			 "The policy is served without a content type.");
}

static void syntax_check(struct eval_context *c)
{
	static const char id[] = "mta_sts.policy.syntax";
	const struct part_sts *s = &c->sts;
	const struct remark *r;
	struct finding *f;

	if (!s->valid) {
		r = remarks_first(&s->remarks, REMARK_ERROR);
		f = part_say(
		    c, id, c->domain, FINDING_FAIL, "The policy breaks the grammar%s%s.",
		    r ? arena_printf(c->arena, " at line %zu, column %zu: ", r->line, r->column)
		      : "",
		    r ? part_safe(c, r->rule) : "");
		if (r) {
			part_evidence_int(f, "line", (int64_t)r->line);
			part_evidence_int(f, "column", (int64_t)r->column);
			f->reference = r->reference ? r->reference : f->reference;
		}
	} else if (s->policy.duplicates) {
		r = remarks_first(&s->remarks, REMARK_WARNING);
		f = part_say(c, id, c->domain, FINDING_WARN, "%s.",
			     r ? part_safe(c, r->rule)
			       : "A key stands twice in the policy; the first counts");
		if (r)
			part_evidence_int(f, "line", (int64_t)r->line);
	} else {
		f = part_say(c, id, c->domain, FINDING_PASS, "The policy keeps to the grammar%s.",
			     s->policy.lf_lines ? " (some lines end in LF alone, which is allowed)"
						: "");
	}
	part_evidence(f, "body", c->d->policy->body);
}

static void mode_check(struct eval_context *c)
{
	static const char id[] = "mta_sts.policy.mode";
	const char *mode = mta_sts_mode_words[c->sts.policy.mode];
	struct finding *f = NULL;

	switch (c->sts.policy.mode) {
	case MTA_STS_ENFORCE:
		f = part_say(c, id, c->domain, FINDING_PASS, "The mode is enforce.");
		break;
	case MTA_STS_TESTING:
		f = part_say(
		    c, id, c->domain, FINDING_WARN,
		    "The mode is testing: senders report faults but deliver all the same.");
		break;
	case MTA_STS_NONE:
		f = part_say(c, id, c->domain, FINDING_WARN,
			     "The mode is none: senders do not use MTA-STS.");
		break;
	case MTA_STS_MODE_INVALID:
		f = part_say(c, id, c->domain, FINDING_SKIP,
			     "Not checked: the policy has no valid mode.");
		mode = NULL;
		break;
	}
	part_evidence(f, "mode", mode);
	wait_for_id(c, f);
}

static void max_age_check(struct eval_context *c)
{
	static const char id[] = "mta_sts.policy.max_age";
	int64_t age = c->sts.policy.max_age_s;
	enum finding_status status = age >= AGE_WEEK  ? FINDING_PASS
				     : age >= AGE_DAY ? FINDING_INFO
						      : FINDING_WARN;
	struct finding *f =
	    part_say(c, id, c->domain, status, "Senders keep it for %s (max_age %lld).",
		     part_span(c, age), (long long)age);

	part_evidence_int(f, "max_age_s", age);
	wait_for_id(c, f);
}

static void policy_checks(struct eval_context *c)
{
	static const char *const of_fetched[] = {"mta_sts.policy.content_type",
						 "mta_sts.policy.syntax", NULL};
	static const char *const of_valid[] = {"mta_sts.policy.mode", "mta_sts.policy.max_age",
					       NULL};

	if (c->sts.fetched) {
		content_type_check(c);
		syntax_check(c);
	} else {
		part_all(c, of_fetched, c->domain, NULL,
			 part_policy_is_ours(c->d->policy) ? CLOSED_UNKNOWN : CLOSED_SKIP,
			 "the policy was not fetched");
	}
	if (c->sts.valid) {
		mode_check(c);
		max_age_check(c);
	} else {
		bool unknown = !c->sts.fetched && part_policy_is_ours(c->d->policy);
		part_all(c, of_valid, c->domain, NULL, unknown ? CLOSED_UNKNOWN : CLOSED_SKIP,
			 c->sts.fetched ? "the policy is not valid" : "the policy was not fetched");
	}
}

/* -- the MX hosts against the policy
 * ------------------------------------------------------------------------- */

static void mx_match_check(struct eval_context *c)
{
	static const char id[] = "mta_sts.mx_match";
	const struct mta_sts_policy *p = &c->sts.policy;
	const char **missed = arena_array(c->arena, c->n_mx + 1, sizeof(*missed));
	const char **stale = arena_array(c->arena, p->n_mx + 1, sizeof(*stale));
	size_t n_missed = 0, n_stale = 0;
	struct finding *f;

	for (size_t i = 0; i < c->n_mx; i++)
		if (!mta_sts_policy_covers(p, c->host[i].name))
			missed[n_missed++] = c->host[i].name;
	for (size_t i = 0; i < p->n_mx; i++) {
		bool used = false;
		for (size_t j = 0; j < c->n_mx && !used; j++)
			used = mta_sts_mx_match(p->mx[i], c->host[j].name);
		if (!used)
			stale[n_stale++] = p->mx[i];
	}
	const char *patterns = p->n_mx ? part_list(c, p->mx, p->n_mx) : "no pattern";
	if (n_missed > 0) {
		f = part_say(c, id, c->domain, FINDING_FAIL,
			     "The policy does not cover the MX host%s %s (its patterns: %s)%s.",
			     n_missed == 1 ? "" : "s", part_list(c, missed, n_missed), patterns,
			     p->mode == MTA_STS_ENFORCE
				 ? "; senders that honour it refuse to deliver there"
				 : "");
		if (p->mode == MTA_STS_ENFORCE)
			f->severity = SEVERITY_CRITICAL;
		part_expected(c, f, patterns, part_list(c, missed, n_missed));
	} else if (n_stale > 0) {
		f = part_say(c, id, c->domain, FINDING_INFO,
			     "Every MX host is covered; mx-pattern drift: no MX host matches %s.",
			     part_list(c, stale, n_stale));
	} else {
		f = part_say(c, id, c->domain, FINDING_PASS, "Every MX host matches the policy.");
	}
	part_evidence_list(f, "patterns", p->mx, p->n_mx);
	part_evidence_list(f, "unmatched", missed, n_missed);
	part_evidence_list(f, "unused", stale, n_stale);
	wait_for_id(c, f);
}

struct mx_tls {
	size_t judged;
	bool unknown;
	const char *host, *subject, *why;
	bool soft;
};

/* What a sender that honours the policy finds wrong at one address, NULL if nothing. */
static const char *pkix_fault(const struct part_service *s)
{
	if (!s->svc->tls)
		return "TLS does not work";
	if (part_trust_bad(s->trust))
		return s->trust_why;
	if (!s->name_ok)
		return "the certificate is for another name";
	return s->dates_ok ? NULL : "the certificate is out of its dates";
}

static void mx_tls_service(struct mx_tls *t, const struct part_service *s)
{
	const char *fault;

	if (s->reach == REACH_UNKNOWN || s->trust == TRUST_UNKNOWN)
		t->unknown = true;
	if (s->reach != REACH_YES)
		return;
	const struct obs_failure *x = &s->svc->failure;
	if (!s->svc->tls && (x->class == OBS_CLASS_LOCAL || x->class == OBS_CLASS_THROTTLED)) {
		t->unknown = true;
		return;
	}
	t->judged++;
	fault = pkix_fault(s);
	if (fault && !t->why) {
		t->subject = s->subject;
		t->why = fault;
		t->soft = !s->svc->tls;
	}
}

static void mx_tls_check(struct eval_context *c)
{
	static const char id[] = "mta_sts.mx_tls";
	struct mx_tls t = {0};
	size_t matched = 0;

	for (size_t i = 0; i < c->n_mx; i++) {
		const struct part_host *h = &c->host[i];
		if (!mta_sts_policy_covers(&c->sts.policy, h->name) || h->expected_down)
			continue;
		matched++;
		t.unknown = t.unknown || !h->facts;
		for (size_t j = 0; j < h->n_smtp; j++)
			mx_tls_service(&t, &h->smtp[j]);
		t.host = t.why && !t.host ? h->name : t.host;
	}
	if (t.why) {
		bool enforce = c->sts.policy.mode == MTA_STS_ENFORCE;
		struct finding *f =
		    part_say(c, id, c->domain, enforce ? FINDING_FAIL : FINDING_WARN,
			     "%s does not verify: %s.", t.subject, t.why);
		if (enforce)
			f->severity = SEVERITY_CRITICAL;
		part_evidence(f, "address", t.subject);
		f->host = t.host; /* whose looks confirm it */
		f->definitive = !t.soft;
	} else if (matched == 0) {
		part_say(c, id, c->domain, FINDING_SKIP,
			 "Not checked: the policy covers no MX host.");
	} else if (t.unknown) {
		part_say(c, id, c->domain, FINDING_UNKNOWN,
			 "Could not be determined: not every MX host could be looked at.");
	} else if (t.judged == 0) {
		part_say(c, id, c->domain, FINDING_SKIP, "Not checked: no MX host can be reached.");
	} else {
		part_say(c, id, c->domain, FINDING_PASS, "Every MX host of the policy verifies.");
	}
}

static void mx_checks(struct eval_context *c)
{
	static const char *const ids[] = {"mta_sts.mx_match", "mta_sts.mx_tls", NULL};

	if (!c->sts.valid)
		part_all(c, ids, c->domain, NULL,
			 !c->sts.fetched && part_policy_is_ours(c->d->policy) ? CLOSED_UNKNOWN
									      : CLOSED_SKIP,
			 "there is no valid policy");
	else if (c->sts.policy.mode == MTA_STS_NONE)
		part_all(c, ids, c->domain, NULL, CLOSED_MOOT, "the mode is none");
	else if (c->n_mx == 0)
		part_all(c, ids, c->domain, NULL, CLOSED_UNKNOWN,
			 c->mail_why ? c->mail_why : "the MX hosts are not known");
	else {
		mx_match_check(c);
		mx_tls_check(c);
	}
}

void eval_mta_sts(struct eval_context *c)
{
	static const char *const rest[] = {"mta_sts.policy.tls",
					   "mta_sts.policy.fetch",
					   "mta_sts.policy.content_type",
					   "mta_sts.policy.syntax",
					   "mta_sts.policy.mode",
					   "mta_sts.policy.max_age",
					   "mta_sts.mx_match",
					   "mta_sts.mx_tls",
					   "mta_sts.cert_expiry",
					   "mta_sts.host_consistency",
					   NULL};
	enum part_record record = c->sts.record;

	record_check(c);
	part_txt_dnssec(c, "mta_sts.dnssec", &c->d->mta_sts.dns, "_mta-sts", record != RECORD_NONE);
	if (record == RECORD_NONE) {
		part_all(c, rest, c->domain, NULL, CLOSED_MOOT, "there is no MTA-STS record");
		return;
	}
	bool in_doubt = record == RECORD_UNKNOWN || record == RECORD_BOGUS;
	if (!c->d->policy || (in_doubt && !c->sts.fetched)) {
		bool skip = record == RECORD_BAD || record == RECORD_SEVERAL;
		part_all(c, rest, c->domain, NULL, skip ? CLOSED_SKIP : CLOSED_UNKNOWN,
			 skip ? "senders ask for no policy without one valid record"
			 : record == RECORD_OK ? "the policy was not asked for"
					       : "whether there is a record is not known");
		return;
	}
	eval_mta_sts_host(c);
	policy_checks(c);
	mx_checks(c);
	eval_mta_sts_addresses(c);
}
