/* SPDX-License-Identifier: ISC
 *
 * The order of the judgement: put the facts in order, let each part speak, then apply what
 * the watchlist says (switches, expectations, severities, acceptances) and the globs of
 * `mxwatch check`.
 */
#include "eval.h"

#include <string.h>

#include "eval_parts.h"
#include "name.h"
#include "stamp.h"
#include "text.h"

static const char *const pool_ids[] = {"tls.cert.pool", NULL};
static const char *const delivery_ids[] = {"delivery.sender_view", NULL};
static const char *const sts_ids[] = {"mta_sts.record",
				      "mta_sts.dnssec",
				      "mta_sts.policy.tls",
				      "mta_sts.policy.fetch",
				      "mta_sts.policy.content_type",
				      "mta_sts.policy.syntax",
				      "mta_sts.policy.mode",
				      "mta_sts.policy.max_age",
				      "mta_sts.mx_match",
				      "mta_sts.mx_tls",
				      "mta_sts.cert_expiry",
				      "mta_sts.host_consistency",
				      "mta_sts.id_body",
				      "mta_sts.cache_hazard",
				      "mta_sts.withdrawal",
				      "mta_sts.delegation",
				      NULL};
static const char *const rpt_ids[] = {"tls_rpt.record", "tls_rpt.dnssec", "tls_rpt.destination",
				      "tls_rpt.self", NULL};

/* -- hosts that cannot be asked ---------------------------------------------------------------- */

/* Everything behind one host, once, with the reason. */
static void host_closed(struct eval_context *c, const struct part_host *h, enum part_closed closed,
			const char *why)
{
	part_all(c, part_ids_smtp, h->name, h, closed, why);
	part_all(c, part_ids_tls, h->name, h, closed, why);
}

static void host_services(struct eval_context *c, struct part_host *h)
{
	if (h->literal) {
		host_closed(c, h, CLOSED_MOOT, "the MX is an address literal, not a name");
	} else if (!h->facts) {
		host_closed(c, h, CLOSED_UNKNOWN,
			    h->obs ? part_failure(c, &h->obs->failure) : "the host was not probed");
	} else if (h->n_smtp == 0) {
		bool failed = part_lookup_failed(&h->facts->a.dns) ||
			      part_lookup_failed(&h->facts->aaaa.dns) ||
			      part_dnssec(&h->facts->a.dns) == OBS_DNSSEC_BOGUS ||
			      part_dnssec(&h->facts->aaaa.dns) == OBS_DNSSEC_BOGUS;
		host_closed(c, h, failed ? CLOSED_UNKNOWN : CLOSED_SKIP,
			    failed ? "the addresses of the host are not known"
				   : "the host has no address");
	}
	for (size_t i = 0; i < h->n_smtp; i++)
		eval_smtp(c, h, &h->smtp[i]);
}

static void inbound_hosts(struct eval_context *c)
{
	for (size_t i = 0; i < c->n_mx; i++)
		host_services(c, &c->host[i]);
	for (size_t i = 0; i < c->n_mx; i++) {
		struct part_host *h = &c->host[i];
		for (size_t j = 0; j < h->n_smtp; j++) {
			eval_tls(c, h, &h->smtp[j]);
			eval_cert(c, h, &h->smtp[j]);
		}
		eval_cert_pool(c, h);
	}
	for (size_t i = 0; i < c->n_mx; i++)
		eval_dane(c, &c->host[i]);
}

/* No mail, or no way to tell where it goes: each inbound check once, about the domain. */
static void inbound_closed(struct eval_context *c)
{
	enum part_closed closed = c->mail_closed;

	part_all(c, part_ids_smtp, c->domain, NULL, closed, c->mail_why);
	part_all(c, part_ids_tls, c->domain, NULL, closed, c->mail_why);
	part_all(c, pool_ids, c->domain, NULL, closed, c->mail_why);
	part_all(c, part_ids_dane, c->domain, NULL, closed, c->mail_why);
}

static void mx_area(struct eval_context *c)
{
	eval_mx(c);
	if (c->n_mx == 0) {
		part_all(c, part_ids_host, c->domain, NULL, c->mail_closed, c->mail_why);
	}
	for (size_t i = 0; i < c->n_mx; i++)
		eval_mx_host(c, &c->host[i]);
}

static void policy_areas(struct eval_context *c)
{
	if (c->mail == MAIL_NULL || c->mail == MAIL_NOWHERE) {
		part_all(c, sts_ids, c->domain, NULL, c->mail_closed, c->mail_why);
		part_all(c, rpt_ids, c->domain, NULL, c->mail_closed, c->mail_why);
		return;
	}
	eval_mta_sts(c);
	eval_mta_sts_history(c);
	eval_tls_rpt(c);
}

/* With a clock that was just set nobody can say what is over. */
static void doubt_dates(struct eval_context *c, struct finding *f)
{
	static const char *const of_dates[] = {
	    "tls.cert.validity", "tls.cert.expiry",	"tls.cert.renewal", "mta_sts.cert_expiry",
	    "mta_sts.id_body",	 "dnssec.rrsig_expiry", "dane.future",	    NULL};

	if (c->in->clock_step_s == 0 || (f->status != FINDING_WARN && f->status != FINDING_FAIL))
		return;
	for (size_t i = 0; of_dates[i]; i++) {
		if (strcmp(f->id, of_dates[i]) != 0)
			continue;
		f->status = f->judged = FINDING_UNKNOWN;
		f->severity = SEVERITY_NONE;
		f->definitive = false;
		f->advice = "";
		f->summary = "Could not be determined: our clock was set a moment ago.";
	}
}

/* -- what the watchlist says ---------------------------------------------------------------------
 */

static enum conf_check_group group_of(const struct finding *f)
{
	size_t len = strlen(f->subject);
	bool client = len > 4 && (strcmp(f->subject + len - 4, ":465") == 0 ||
				  strcmp(f->subject + len - 4, ":587") == 0);

	if (text_starts(f->id, "submission.") || client)
		return CONF_CHECK_SUBMISSION;
	if (text_starts(f->id, "dane."))
		return CONF_CHECK_DANE;
	if (text_starts(f->id, "mta_sts."))
		return CONF_CHECK_MTA_STS;
	if (text_starts(f->id, "tls_rpt."))
		return CONF_CHECK_TLS_RPT;
	return CONF_CHECK_MX;
}

static void switch_off(struct eval_context *c, struct finding *f)
{
	enum conf_check_group group = group_of(f);

	if (!part_switched_off(c, group))
		return;
	f->status = f->judged = FINDING_SKIP;
	f->severity = SEVERITY_NONE;
	f->definitive = true;
	f->summary =
	    arena_printf(c->arena, "Not checked: switched off in the watchlist (checks.%s).",
			 conf_check_group_words[group]);
	f->advice = "";
	json_object_clear(f->evidence);
}

static bool is_policy_wanted(const struct eval_context *c)
{
	return c->expect->mta_sts || c->expect->mta_sts_mode ||
	       c->settings->checks[CONF_CHECK_MTA_STS] == CONF_REQUIRED;
}

/* The mode the owner expects, NULL if any will do. */
static const char *mode_wanted(const struct eval_context *c)
{
	if (c->expect->mta_sts_mode)
		return c->expect->mta_sts_mode;
	if (c->expect->mta_sts && strcmp(c->expect->mta_sts, "required") != 0)
		return c->expect->mta_sts;
	return NULL;
}

static bool is_required(const struct eval_context *c, const char *word, enum conf_check_group group)
{
	return (word && strcmp(word, "required") == 0) ||
	       (group < CONF_CHECK_N && c->settings->checks[group] == CONF_REQUIRED);
}

static bool is_below_min_tls(const struct eval_context *c, const struct finding *f)
{
	if (!c->expect->min_tls || !f->cause)
		return false;
	/* cause is the oldest version accepted below 1.2, else the best one: "1.0", "1.3", "ssl3"
	 */
	return text_starts(f->cause, "ssl") || strcmp(f->cause, c->expect->min_tls) < 0;
}

/* What the owner expects where this finding says less; NULL if it is fine as it is. */
static const char *expectation(const struct eval_context *c, const struct finding *f)
{
	static const char signed_zone[] = "signed with DNSSEC";
	const struct conf_expect *e = c->expect;
	const char *mode = mode_wanted(c);

	if (strcmp(f->id, "mta_sts.record") == 0)
		return is_policy_wanted(c) ? "an MTA-STS policy" : NULL;
	if (strcmp(f->id, "mta_sts.policy.mode") == 0)
		return mode && c->sts.valid &&
			       strcmp(mta_sts_mode_words[c->sts.policy.mode], mode) != 0
			   ? mode
			   : NULL;
	if (strcmp(f->id, "dane.tlsa") == 0 || strcmp(f->id, "dane.dnssec") == 0)
		return is_required(c, e->dane, CONF_CHECK_DANE) ? "signed, usable TLSA records"
								: NULL;
	if (strcmp(f->id, "tls_rpt.record") == 0)
		return is_required(c, e->tls_rpt, CONF_CHECK_TLS_RPT) ? "a TLS-RPT record" : NULL;
	/* One port that answers is enough to hand in mail. */
	if (strcmp(f->id, "submission.connect") == 0 && f->status == FINDING_INFO)
		return NULL;
	if (text_starts(f->id, "submission."))
		return is_required(c, e->submission, CONF_CHECK_SUBMISSION) ? "mail submission"
									    : NULL;
	if (strcmp(f->id, "mx.dnssec") == 0 || strcmp(f->id, "mx.address_dnssec") == 0 ||
	    strcmp(f->id, "mta_sts.dnssec") == 0 || strcmp(f->id, "tls_rpt.dnssec") == 0)
		return is_required(c, e->dnssec, CONF_CHECK_N) ? signed_zone : NULL;
	if (strcmp(f->id, "tls.version") == 0 && is_below_min_tls(c, f))
		return arena_printf(c->arena, "TLS %s or better", e->min_tls);
	return NULL;
}

static void expect(struct eval_context *c, struct finding *f)
{
	const char *wanted;

	if (f->status != FINDING_INFO && f->status != FINDING_WARN && f->status != FINDING_SKIP)
		return;
	if ((wanted = expectation(c, f)) == NULL)
		return;
	/* What is switched off, or does not apply to a domain without mail, is not expected. */
	if (f->status == FINDING_SKIP && c->mail != MAIL_YES && c->mail != MAIL_UNKNOWN)
		return;
	if (part_switched_off(c, group_of(f)))
		return;
	if (f->status == FINDING_SKIP)
		part_soft(f); /* for want of something */
	f->status = FINDING_FAIL;
	if (f->severity < SEVERITY_WARNING)
		f->severity = SEVERITY_WARNING;
	f->expected = wanted;
	f->actual = f->summary;
	f->summary = arena_printf(c->arena, "%s The watchlist expects %s.", f->summary, wanted);
	if (!*f->advice)
		f->advice = check_find(f->id)->fix;
}

static void override_severity(const struct eval_context *c, struct finding *f)
{
	if (f->severity == SEVERITY_NONE)
		return;
	for (size_t i = 0; i < c->settings->n_severity; i++)
		if (text_glob(c->settings->severity[i].check, f->id))
			f->severity = c->settings->severity[i].severity;
}

static void accept(struct eval_context *c, struct finding *f)
{
	const struct conf_extra *x = c->in->conf->extra;

	if (f->status != FINDING_WARN && f->status != FINDING_FAIL)
		return;
	for (size_t i = 0; i < x->n_accept; i++) {
		const struct conf_accept *a = &x->accept[i];
		if (c->now >= a->until || !text_glob(a->finding, f->id) ||
		    (a->subject && !text_glob(a->subject, f->subject)))
			continue;
		f->status = FINDING_INFO;
		f->severity = SEVERITY_INFO;
		f->summary = arena_printf(c->arena, "%s Accepted until %s: %s.", f->summary,
					  part_day(c, a->until),
					  a->reason ? part_safe(c, a->reason) : "no reason given");
		return;
	}
}

void part_select(const struct eval_input *in, struct findings *out)
{
	size_t kept = 0;

	for (size_t i = 0; i < out->n; i++) {
		bool wanted = (!in->only || text_glob(in->only, out->item[i].id)) &&
			      (!in->skip || !text_glob(in->skip, out->item[i].id));
		if (wanted)
			out->item[kept++] = out->item[i];
		else
			json_decref(out->item[i].evidence);
	}
	out->n = kept;
}

void eval(const struct eval_input *in, struct findings *out)
{
	struct eval_context c;

	part_context(&c, in, out);
	mx_area(&c);
	if (c.n_mx == 0)
		inbound_closed(&c);
	else
		inbound_hosts(&c);
	policy_areas(&c);
	for (size_t i = 0; i < c.n_mx; i++)
		eval_delivery(&c, &c.host[i]);
	if (c.n_mx == 0)
		part_all(&c, delivery_ids, c.domain, NULL, c.mail_closed, c.mail_why);
	eval_submission(&c);
	for (size_t i = 0; i < out->n; i++) {
		doubt_dates(&c, &out->item[i]);
		switch_off(&c, &out->item[i]);
		expect(&c, &out->item[i]);
		override_severity(&c, &out->item[i]);
		accept(&c, &out->item[i]);
	}
	part_select(in, out);
}

/* -- the hosts a domain leads to
 * -------------------------------------------------------------------- */

static struct eval_host *hosts_add(struct eval_host *list, size_t *n, const char *name)
{
	for (size_t i = 0; i < *n; i++)
		if (strcmp(list[i].name, name) == 0)
			return &list[i];
	list[*n].name = name;
	return &list[(*n)++];
}

static bool is_probeable(const char *host)
{
	return host && strcmp(host, ".") != 0 && name_is_host(host) &&
	       !name_is_address_literal(host);
}

static void hosts_of_mx(const struct observation *o, struct eval_host *list, size_t *n)
{
	const struct obs_domain *d = o->domain;

	for (size_t i = 0; i < d->mx.n; i++)
		if (is_probeable(d->mx.rr[i].host))
			hosts_add(list, n, d->mx.rr[i].host)->mx = true;
	if (d->mx.n == 0 && d->mx.dns.status == OBS_DNS_NODATA && (d->a.n > 0 || d->aaaa.n > 0))
		hosts_add(list, n, o->subject)->mx = true;
}

static bool has_target(const struct obs_srv *srv)
{
	for (size_t i = 0; i < srv->n; i++)
		if (is_probeable(srv->rr[i].target))
			return true;
	return false;
}

static void hosts_of_submission(const struct observation *o, struct arena *arena,
				struct eval_host *list, size_t *n)
{
	const struct obs_submission *s = o->domain->submission;

	for (size_t i = 0; i < s->submissions.n; i++)
		if (is_probeable(s->submissions.rr[i].target))
			hosts_add(list, n, s->submissions.rr[i].target)->p465 = true;
	for (size_t i = 0; i < s->submission.n; i++)
		if (is_probeable(s->submission.rr[i].target))
			hosts_add(list, n, s->submission.rr[i].target)->p587 = true;
	if (has_target(&s->submissions) || has_target(&s->submission) || s->submissions.n > 0 ||
	    s->submission.n > 0)
		return;
	if (s->fallback_a.n > 0 || s->fallback_aaaa.n > 0) {
		struct eval_host *h =
		    hosts_add(list, n, arena_printf(arena, "smtp.%s", o->subject));
		h->p465 = h->p587 = true;
	}
}

static void hosts_of_conf(const struct conf_domain *conf, struct eval_host *list, size_t *n)
{
	for (size_t i = 0; i < conf->extra->n_submission; i++) {
		const struct conf_submission *s = &conf->extra->submission[i];
		if (!is_probeable(s->host))
			continue;
		struct eval_host *h = hosts_add(list, n, s->host);
		for (size_t j = 0; j < s->n_ports; j++) {
			h->p465 = h->p465 || s->ports[j] == 465;
			h->p587 = h->p587 || s->ports[j] == 587;
		}
		if (s->n_ports == 0)
			h->p465 = h->p587 = true;
	}
}

struct eval_host *eval_hosts(const struct observation *domain, const struct conf_domain *conf,
			     struct arena *arena, size_t *n)
{
	const struct obs_domain *d = domain->domain;
	const struct obs_submission *s = d ? d->submission : NULL;
	size_t max = conf->extra->n_submission + (d ? d->mx.n : 0) +
		     (s ? s->submissions.n + s->submission.n : 0) + 2;
	struct eval_host *list = arena_array(arena, max, sizeof(*list));

	*n = 0;
	if (d)
		hosts_of_mx(domain, list, n);
	if (conf->extra->n_submission > 0)
		hosts_of_conf(conf, list, n);
	else if (s)
		hosts_of_submission(domain, arena, list, n);
	return list;
}
