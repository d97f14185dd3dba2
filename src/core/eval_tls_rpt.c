/* SPDX-License-Identifier: ISC
 *
 * TLS-RPT (RFC 8460): the record and where its reports go.
 */
#include <string.h>

#include "eval_parts.h"
#include "name.h"
#include "text.h"
#include "tls_rpt.h"

struct rpt {
	size_t n_records;
	struct tls_rpt_record record;
	const char *why; /* the record is malformed */
};

static struct rpt read_records(struct eval_context *c)
{
	const struct obs_txt *txt = &c->d->tls_rpt;
	struct rpt r = {0};

	for (size_t i = 0; i < txt->n; i++) {
		struct tls_rpt_record record = {0};
		struct remarks remarks;
		remarks_init(&remarks, c->arena);
		enum tls_rpt_result result =
		    tls_rpt_record_parse(txt->value[i], c->arena, &record, &remarks);
		if (result == TLS_RPT_FOREIGN)
			continue;
		r.n_records++;
		if (result == TLS_RPT_OK) {
			r.record = record;
			continue;
		}
		const struct remark *why = remarks_first(&remarks, REMARK_ERROR);
		r.why = why ? why->rule : "it breaks the grammar";
	}
	return r;
}

static bool is_dane_in_use(const struct eval_context *c)
{
	for (size_t i = 0; i < c->n_mx; i++)
		if (c->host[i].dane == DANE_READY)
			return true;
	return false;
}

static void record_check(struct eval_context *c, const struct rpt *r)
{
	static const char id[] = "tls_rpt.record";
	const struct obs_txt *txt = &c->d->tls_rpt;
	bool sts = c->sts.n_records > 0 && !part_switched_off(c, CONF_CHECK_MTA_STS);
	struct finding *f;

	if (part_dnssec(&txt->dns) == OBS_DNSSEC_BOGUS)
		f = part_say(
		    c, id, c->domain, FINDING_UNKNOWN,
		    "Could not be determined: the answer fails DNSSEC validation (see tls_rpt.dnssec).");
	else if (part_lookup_failed(&txt->dns))
		f = part_say(c, id, c->domain, FINDING_UNKNOWN, "Could not be determined: %s.",
			     part_lookup_why(c, &txt->dns));
	else if (r->n_records > 1)
		f = part_say(c, id, c->domain, FINDING_FAIL,
			     "There are %zu TLS-RPT records, so senders take none of them.",
			     r->n_records);
	else if (r->why)
		f = part_say(c, id, c->domain, FINDING_FAIL, "The TLS-RPT record is malformed: %s.",
			     part_safe(c, r->why));
	else if (r->n_records == 1)
		f = part_say(c, id, c->domain, FINDING_PASS, "Reports go to %s.",
			     part_list(c, r->record.rua, r->record.n_rua));
	else if (sts || is_dane_in_use(c))
		f = part_soft(part_say(
		    c, id, c->domain, FINDING_WARN,
		    "There is no TLS-RPT record, though %s is in use: nobody will tell you when delivery "
		    "fails.",
		    sts ? "MTA-STS" : "DANE"));
	else
		f = part_soft(part_say(c, id, c->domain, FINDING_INFO,
				       "There is no TLS-RPT record at _smtp._tls.%s.", c->domain));
	part_evidence_list(f, "txt", txt->value, txt->n);
	part_evidence(f, "cname", txt->dns.cname);
}

/* -- destinations ---------------------------------------------------------------------------------
 */

static const struct obs_rua *find_rua(const struct eval_context *c, const char *uri)
{
	for (size_t i = 0; i < c->d->n_rua; i++)
		if (c->d->rua[i].uri && strcmp(c->d->rua[i].uri, uri) == 0)
			return &c->d->rua[i];
	return NULL;
}

static bool is_mailto(const char *uri)
{
	return strncmp(uri, "mailto:", 7) == 0 || text_starts(uri, "MAILTO:");
}

/* Whether mail or requests can arrive: 1 yes, 0 no, -1 not known. */
static int is_reachable(const struct obs_rua *r, bool mail)
{
	if (mail && r->mx.n > 0)
		return r->mx.n > 1 || strcmp(r->mx.rr[0].host, ".") != 0;
	if (r->a.n + r->aaaa.n > 0)
		return 1;
	if (mail && part_lookup_failed(&r->mx.dns))
		return -1;
	/* A name that does not exist has no addresses either, asked or not. */
	if (mail && r->mx.dns.status == OBS_DNS_NXDOMAIN)
		return 0;
	return part_lookup_failed(&r->a.dns) || part_lookup_failed(&r->aaaa.dns) ? -1 : 0;
}

/* "mailto:x@a.test: a.test takes no mail; https://...": every destination that cannot be reached.
 */
static void destination_check(struct eval_context *c, const struct rpt *r)
{
	static const char id[] = "tls_rpt.destination";
	const char **bad = arena_array(c->arena, r->record.n_rua + 1, sizeof(*bad));
	const char *unknown = NULL, *all = "";
	size_t n = 0;

	for (size_t i = 0; i < r->record.n_rua; i++) {
		const char *uri = r->record.rua[i];
		const struct obs_rua *rua = find_rua(c, uri);
		int reachable = rua ? is_reachable(rua, is_mailto(uri)) : -1;
		if (reachable < 0)
			unknown = uri;
		if (reachable != 0)
			continue;
		all = arena_printf(c->arena, "%s%s%s: %s %s", all, n > 0 ? "; " : "",
				   part_safe(c, uri),
				   rua->target ? part_safe(c, rua->target) : "its target",
				   is_mailto(uri) ? "takes no mail" : "does not resolve");
		bad[n++] = uri;
	}
	if (n > 0)
		part_evidence_list(part_soft(part_say(c, id, c->domain, FINDING_WARN, "%s.", all)),
				   "uris", bad, n);
	else if (unknown)
		part_say(c, id, c->domain, FINDING_UNKNOWN,
			 "Could not be determined: the destination %s was not looked up.",
			 part_safe(c, unknown));
	else
		part_say(c, id, c->domain, FINDING_PASS, "%s.",
			 r->record.n_rua == 1 ? "The destination resolves"
					      : "All destinations resolve");
}

static void self_check(struct eval_context *c, const struct rpt *r)
{
	static const char id[] = "tls_rpt.self";

	for (size_t i = 0; i < r->record.n_rua; i++) {
		const char *target = tls_rpt_rua_target(r->record.rua[i], c->arena);
		if (!is_mailto(r->record.rua[i]) || !target || !name_equal(target, c->domain)) {
			part_say(c, id, c->domain, FINDING_PASS,
				 "Not all reports go to the domain itself.");
			return;
		}
	}
	part_say(
	    c, id, c->domain, FINDING_INFO,
	    "All reports go to mailboxes at %s itself; when its mail breaks, they may not arrive.",
	    c->domain);
}

void eval_tls_rpt(struct eval_context *c)
{
	static const char *const rest[] = {"tls_rpt.destination", "tls_rpt.self", NULL};
	const struct obs_answer *a = &c->d->tls_rpt.dns;
	struct rpt r = read_records(c);
	bool failed = part_lookup_failed(a) || part_dnssec(a) == OBS_DNSSEC_BOGUS;

	record_check(c, &r);
	part_txt_dnssec(c, "tls_rpt.dnssec", a, "_smtp._tls", r.n_records > 0);
	if (failed || r.n_records != 1 || r.why) {
		part_all(c, rest, c->domain, NULL, failed ? CLOSED_UNKNOWN : CLOSED_MOOT,
			 failed ? "the record could not be looked up"
				: "there is no valid TLS-RPT record");
		return;
	}
	destination_check(c, &r);
	self_check(c, &r);
}
