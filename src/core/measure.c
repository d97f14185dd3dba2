/* SPDX-License-Identifier: ISC */
#include "measure.h"

#include <string.h>

#include "check.h"
#include "mta_sts.h"

/* -- a domain ------------------------------------------------------------------------------- */

static void sooner(int64_t *end, const struct obs_answer *a)
{
	if (a->rrsig_end > 0 && (*end == 0 || a->rrsig_end < *end))
		*end = a->rrsig_end;
}

static int64_t rrsig_end(const struct eval_input *in)
{
	const struct obs_domain *d = in->domain->domain;
	int64_t end = 0;

	sooner(&end, &d->mx.dns);
	sooner(&end, &d->mta_sts.dns);
	sooner(&end, &d->tls_rpt.dns);
	for (size_t i = 0; i < in->n_hosts; i++) {
		const struct obs_host *h = in->hosts[i]->host;
		if (h == NULL)
			continue;
		sooner(&end, &h->a.dns);
		sooner(&end, &h->aaaa.dns);
		for (size_t k = 0; k < h->n_tlsa; k++)
			sooner(&end, &h->tlsa[k].dns);
	}
	return end;
}

static bool denied(const struct obs_answer *a)
{
	return a->status == OBS_DNS_NODATA || a->status == OBS_DNS_NXDOMAIN;
}

static int dane(const struct findings *findings, const char *host)
{
	static const char *const lookups[] = {"dane.denial", "dane.dnssec"};
	const struct finding *f;

	for (size_t i = 0; i < 2; i++) {
		f = findings_find(findings, lookups[i], host);
		if (f && f->judged == FINDING_FAIL)
			return 0;
	}
	f = findings_find(findings, "dane.match", host);
	return f && f->judged == FINDING_PASS ? 1 : f && f->judged == FINDING_FAIL ? 0 : -1;
}

/* policy: NULL, where there is none in force. */
static void mx(const struct eval_input *in, const struct findings *findings,
	       const struct mta_sts_policy *policy, struct arena *arena, struct measure_domain *out)
{
	const struct obs_mx *seen = &in->domain->domain->mx;
	struct measure_mx *list = arena_array(arena, seen->n + 1, sizeof(*list));

	for (size_t i = 0; i < seen->n; i++) {
		const char *host = seen->rr[i].host;
		bool again = strcmp(host, ".") == 0;
		for (size_t k = 0; k < out->n_mx; k++)
			again |= strcmp(list[k].name, host) == 0;
		if (again)
			continue;
		list[out->n_mx++] = (struct measure_mx){
		    .name = arena_strdup(arena, host),
		    .dane = dane(findings, host),
		    .covered = policy ? mta_sts_policy_covers(policy, host) : -1,
		};
	}
	out->mx = list;
}

static void policy(const struct eval_input *in, const struct findings *findings, struct arena *kept,
		   struct measure_domain *out)
{
	static const int mode[] = {
	    [MTA_STS_ENFORCE] = 2, [MTA_STS_TESTING] = 1, [MTA_STS_NONE] = 0};
	const struct obs_domain *d = in->domain->domain;
	const char *body = d->policy ? d->policy->body : NULL;
	struct arena *arena = arena_new();
	struct mta_sts_policy parsed;
	struct remarks remarks;
	bool valid;

	out->sts_mode = denied(&d->mta_sts.dns) ? 0 : -1;
	out->sts_max_age_s = -1;
	out->sts_fetched = out->sts_mode < 0 && d->policy ? body && d->policy->status == 200 : -1;
	remarks_init(&remarks, arena);
	valid = body && d->policy->status == 200 &&
		mta_sts_policy_parse(body, strlen(body), arena, &parsed, &remarks) == 0;
	if (valid) {
		out->sts_mode = mode[parsed.mode];
		out->sts_max_age_s = parsed.max_age_s;
		out->sts_since = in->history ? in->history->body_since : 0;
	}
	mx(in, findings, valid && parsed.mode != MTA_STS_NONE ? &parsed : NULL, kept, out);
	arena_free(arena);
}

static void ran(const struct findings *findings, struct measure_domain *out)
{
	for (size_t i = 0; i < findings->n; i++) {
		const struct check *c = check_find(findings->item[i].id);
		size_t at = c ? (size_t)(c - check_table) : MEASURE_CHECKS;
		if (at < MEASURE_CHECKS && findings->item[i].status != FINDING_SKIP)
			out->ran[at] = true;
	}
}

static int tls_rpt(const struct findings *findings)
{
	for (size_t i = 0; i < findings->n; i++)
		if (strcmp(findings->item[i].id, "tls_rpt.record") == 0)
			return findings->item[i].judged == FINDING_PASS	     ? 1
			       : findings->item[i].judged == FINDING_UNKNOWN ? -1
									     : 0;
	return -1;
}

void measure_domain(const struct eval_input *in, const struct findings *findings,
		    struct arena *arena, struct measure_domain *out)
{
	memset(out, 0, sizeof(*out));
	out->at = in->domain->at;
	out->took_ms = in->domain->took_ms;
	out->rrsig_end = rrsig_end(in);
	out->tls_rpt = tls_rpt(findings);
	policy(in, findings, arena, out);
	ran(findings, out);
}

/* -- a host --------------------------------------------------------------------------------- */

static const char *copy(struct arena *arena, const char *s)
{
	return arena_strdup(arena, s ? s : "");
}

static void service(const struct obs_service *s, struct arena *arena, struct measure_service *out)
{
	*out = (struct measure_service){
	    .address = copy(arena, s->address),
	    .port = s->port,
	    .ipv6 = s->address && strchr(s->address, ':'),
	    .answered = s->greeting_code == 220 || (s->implicit_tls && s->tls),
	    .starttls = s->starttls_offered,
	    .tls = s->tls != NULL,
	    .connect_ms = s->connect_ms,
	    .greeting_ms = s->greeting_ms,
	};
	if (s->tls == NULL)
		return;
	out->trusted = s->tls->trusted;
	out->version = copy(arena, s->tls->version);
	out->cipher = copy(arena, s->tls->cipher);
	out->group = copy(arena, s->tls->group);
	out->handshake_ms = s->tls->handshake_ms;
}

/* How many records of each usage, where they are signed. */
static void tlsa(const struct obs_host *h, struct arena *arena, struct measure_host *out)
{
	struct measure_tlsa *list = arena_array(arena, 4 * h->n_tlsa + 1, sizeof(*list));

	for (size_t i = 0; i < h->n_tlsa; i++)
		for (int64_t usage = 0; usage < 4; usage++) {
			struct measure_tlsa t = {.port = h->tlsa[i].port, .usage = usage};
			if (h->tlsa[i].dns.dnssec != OBS_DNSSEC_SECURE)
				continue;
			for (size_t k = 0; k < h->tlsa[i].n; k++)
				t.n += h->tlsa[i].rr[k].usage == usage;
			if (t.n > 0)
				list[out->n_tlsa++] = t;
		}
	out->tlsa = list;
}

struct measure_host *measure_host(const struct observation *o, struct arena *arena)
{
	const struct obs_host *h = o->host;
	struct measure_host *out = arena_alloc(arena, sizeof(*out));
	struct measure_service *list;

	out->at = o->at;
	if (h == NULL)
		return out;
	list = arena_array(arena, h->n_services + 1, sizeof(*list));
	for (size_t i = 0; i < h->n_services; i++)
		service(&h->services[i], arena, &list[out->n_services++]);
	out->services = list;
	tlsa(h, arena, out);
	return out;
}
