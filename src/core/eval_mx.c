/* SPDX-License-Identifier: ISC
 *
 * The domain, its MX records and the addresses of the MX hosts (RFC 5321 §5.1, RFC 7505,
 * RFC 2181 §10.3), CAA beside the live issuer (RFC 8659).
 */
#include <string.h>

#include "eval_parts.h"
#include "name.h"
#include "text.h"

#define RRSIG_WARN_S (3 * DAY_S)
#define RRSIG_FAIL_S DAY_S

/* -- mx.present -------------------------------------------------------------------------------- */

static void mx_evidence(struct eval_context *c, struct finding *f)
{
	const struct obs_mx *mx = &c->d->mx;
	const char **list = arena_array(c->arena, mx->n + 1, sizeof(*list));

	for (size_t i = 0; i < mx->n; i++)
		list[i] = arena_printf(c->arena, "%d %s", (int)mx->rr[i].preference,
				       part_safe(c, mx->rr[i].host));
	if (mx->n > 0)
		part_evidence_list(f, "mx", list, mx->n);
}

/* What a report says where there is more than is looked at. */
static const char *first_alone(struct eval_context *c, size_t n, int64_t left_out)
{
	return left_out > 0
		   ? arena_printf(c->arena, " (only the first %zu are checked, %lld are not)", n,
				  (long long)left_out)
		   : "";
}

static const char *mx_names(struct eval_context *c)
{
	const struct obs_mx *mx = &c->d->mx;
	const char **list = arena_array(c->arena, mx->n + 1, sizeof(*list));

	for (size_t i = 0; i < mx->n; i++)
		list[i] = mx->rr[i].host;
	return part_list(c, list, mx->n);
}

static bool mx_has(const struct obs_mx *mx, const char *host)
{
	for (size_t i = 0; i < mx->n; i++)
		if (name_equal(mx->rr[i].host, host))
			return true;
	return false;
}

static bool mx_as_expected(const struct eval_context *c)
{
	const struct conf_expect *e = c->expect;
	const struct obs_mx *mx = &c->d->mx;

	for (size_t i = 0; i < e->n_mx; i++)
		if (!mx_has(mx, e->mx[i]))
			return false;
	for (size_t i = 0; i < mx->n; i++) {
		bool found = false;
		for (size_t j = 0; j < e->n_mx && !found; j++)
			found = name_equal(mx->rr[i].host, e->mx[j]);
		if (!found)
			return false;
	}
	return true;
}

static struct finding *mx_absent(struct eval_context *c)
{
	static const char id[] = "mx.present";
	struct finding *f;

	if (c->d->mx.dns.status == OBS_DNS_NXDOMAIN) {
		const char *alias = c->d->mx.dns.cname;
		f = part_critical(c, id, c->domain, FINDING_FAIL, "%s does not exist (NXDOMAIN).",
				  alias ? arena_printf(c->arena,
						       "The domain is an alias of %s, which",
						       part_safe(c, alias))
					: "The domain");
		part_advise(c, f,
			    "Look for a typing error, or whether the registration has run out.");
		f->cause = "nxdomain";
	} else if (c->mail == MAIL_NOWHERE) {
		f = part_critical(
		    c, id, c->domain, FINDING_FAIL,
		    "The domain has neither an MX record nor an address: nobody can send mail to it.");
	} else {
		return part_say(c, id, c->domain, FINDING_UNKNOWN, "Could not be determined: %s.",
				c->mail_why);
	}
	return part_soft(f);
}

static struct finding *mx_found(struct eval_context *c)
{
	static const char id[] = "mx.present";
	const struct obs_mx *mx = &c->d->mx;
	struct finding *f;

	if (mx_has(mx, ".")) {
		f = part_critical(c, id, c->domain, FINDING_FAIL,
				  "A null MX stands beside other MX records: %s.", mx_names(c));
		f->reference = "RFC 7505 §3";
		part_advise(
		    c, f, "Remove \"MX 0 .\" if the domain takes mail, or all the others if not.");
	} else if (mx->dns.status == OBS_DNS_BOGUS) {
		f = part_say(c, id, c->domain, FINDING_UNKNOWN,
			     "Could not be determined: the MX answer fails DNSSEC validation.");
	} else {
		f = part_say(c, id, c->domain, FINDING_PASS, "%zu MX %s%s: %s.",
			     mx->n + (size_t)mx->dns.left_out, mx->n == 1 ? "host" : "hosts",
			     first_alone(c, mx->n, mx->dns.left_out), mx_names(c));
		if (mx->dns.left_out > 0)
			part_evidence_int(f, "not_checked", mx->dns.left_out);
	}
	return f;
}

static void mx_present(struct eval_context *c)
{
	static const char id[] = "mx.present";
	struct finding *f;

	if (c->mail == MAIL_NULL) {
		f = part_say(c, id, c->domain, FINDING_INFO, "The domain takes no mail (null MX).");
		f->reference = "RFC 7505 §3";
		f->cause = "null";
		part_advise(c, f, "Nothing to do, if that is the intention.");
	} else if (c->implicit_mx) {
		f = part_say(
		    c, id, c->domain, FINDING_WARN,
		    "There is no MX record; mail goes to the address of the domain itself.");
		f->reference = "RFC 5321 §5.1";
		part_soft(f);
	} else if (c->mail == MAIL_YES) {
		f = mx_found(c);
	} else {
		f = mx_absent(c);
	}
	mx_evidence(c, f);
	if (c->expect->n_mx > 0 && f->status != FINDING_UNKNOWN && !mx_as_expected(c)) {
		const char *wanted = part_list(c, c->expect->mx, c->expect->n_mx);
		const char *got = c->d->mx.n ? mx_names(c) : "no MX record";
		f->status = FINDING_FAIL;
		if (f->severity < SEVERITY_WARNING)
			f->severity = SEVERITY_WARNING;
		f->summary = arena_printf(
		    c->arena, "The MX hosts are %s; the watchlist expects %s.", got, wanted);
		part_advise(c, f, "Find out who changed the MX records, or correct expect.mx.");
		part_expected(c, f, wanted, got);
	}
}

/* -- DNSSEC of the MX set, signatures ------------------------------------------------------------
 */

static void mx_dnssec(struct eval_context *c)
{
	static const char id[] = "mx.dnssec";
	const struct obs_answer *a = &c->d->mx.dns;
	struct finding *f;

	if (c->mail == MAIL_NULL ||
	    (c->mail == MAIL_NOWHERE && part_dnssec(a) != OBS_DNSSEC_BOGUS)) {
		part_skip(c, id, c->domain, c->mail_why);
		return;
	}
	switch (part_dnssec(a)) {
	case OBS_DNSSEC_SECURE:
		part_say(c, id, c->domain, FINDING_PASS, "The MX answer is signed and validates.");
		return;
	case OBS_DNSSEC_INSECURE:
		part_say(c, id, c->domain, FINDING_WARN,
			 "The MX answer is not signed with DNSSEC.");
		return;
	case OBS_DNSSEC_BOGUS:
		f = part_critical(
		    c, id, c->domain, FINDING_FAIL,
		    "The MX answer fails DNSSEC validation: validating senders defer all mail for %s.",
		    c->domain);
		part_bogus(c, f, a);
		part_soft(f);
		return;
	case OBS_DNSSEC_UNKNOWN:
		break;
	}
	part_no_dnssec(c, id, c->domain, a, c->vantage);
}

struct soonest {
	int64_t end;
	const char *what;
	bool secure, unknown, bogus;
};

static void soonest_of(struct soonest *s, const struct obs_answer *a, const char *what)
{
	s->bogus = s->bogus || part_dnssec(a) == OBS_DNSSEC_BOGUS;
	s->secure = s->secure || a->dnssec == OBS_DNSSEC_SECURE;
	s->unknown =
	    s->unknown || (a->status != OBS_DNS_UNASKED && a->dnssec == OBS_DNSSEC_UNKNOWN);
	if (a->rrsig_end > 0 && (s->end == 0 || a->rrsig_end < s->end)) {
		s->end = a->rrsig_end;
		s->what = what;
	}
}

static void rrsig_expiry(struct eval_context *c)
{
	static const char id[] = "dnssec.rrsig_expiry";
	struct soonest s = {0};
	struct finding *f;

	if (c->d->mx.dns.status == OBS_DNS_NXDOMAIN) {
		part_skip(c, id, c->domain, c->mail_why);
		return;
	}
	soonest_of(&s, &c->d->mx.dns, "the MX records");
	soonest_of(&s, &c->d->mta_sts.dns, "the MTA-STS record");
	soonest_of(&s, &c->d->tls_rpt.dns, "the TLS-RPT record");
	for (size_t i = 0; i < c->n_mx; i++)
		if (c->host[i].tlsa)
			soonest_of(
			    &s, &c->host[i].tlsa->dns,
			    arena_printf(c->arena, "the TLSA records of %s", c->host[i].name));
	if (s.end == 0) {
		if (s.secure)
			part_say(
			    c, id, c->domain, FINDING_UNKNOWN,
			    "Could not be determined: the resolver did not pass on any signature.");
		else if (s.unknown)
			part_no_dnssec(c, id, c->domain, &c->d->mx.dns, c->vantage);
		else if (s.bogus)
			part_say(c, id, c->domain, FINDING_SKIP,
				 "Not checked: the signatures do not validate (see mx.dnssec).");
		else
			part_skip(c, id, c->domain, "no answer for the domain is signed");
		return;
	}
	int64_t left = s.end - c->now;
	if (left <= 0)
		f = part_critical(c, id, c->domain, FINDING_FAIL,
				  "A signature over %s ended %s ago.", s.what, part_span(c, left));
	else if (left < RRSIG_FAIL_S)
		f = part_critical(c, id, c->domain, FINDING_FAIL, "A signature over %s ends in %s.",
				  s.what, part_span(c, left));
	else if (left < RRSIG_WARN_S)
		f = part_say(c, id, c->domain, FINDING_WARN, "A signature over %s ends in %s.",
			     s.what, part_span(c, left));
	else
		f = part_say(c, id, c->domain, FINDING_PASS, "All signatures hold for %s.",
			     part_span(c, left));
	part_evidence(f, "soonest", s.what);
	part_evidence_time(f, "rrsig_end", s.end);
	part_evidence_int(f, "left_s", left);
}

/* -- addresses of all MX hosts together
 * -------------------------------------------------------------- */

struct addresses {
	const char **value;
	size_t n, n_ipv6;
	bool incomplete;
};

static bool is_contacted(const struct eval_context *c, const struct part_host *h,
			 const char *address)
{
	if (name_address_class(address) == NAME_ADDRESS_PUBLIC || c->in->allow_private)
		return true;
	for (size_t i = 0; i < h->n_smtp; i++)
		if (h->smtp[i].svc && strcmp(h->smtp[i].address, address) == 0)
			return h->smtp[i].reach != REACH_NEVER;
	return false;
}

static void count_address(const struct eval_context *c, const struct part_host *h,
			  struct addresses *all, const char *address)
{
	if (!is_contacted(c, h, address))
		return;
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->value[i], address) == 0)
			return;
	all->value[all->n++] = address;
	all->n_ipv6 += strchr(address, ':') != NULL;
}

static struct addresses all_addresses(struct eval_context *c)
{
	struct addresses all = {0};
	size_t max = 1;

	for (size_t i = 0; i < c->n_mx; i++)
		if (c->host[i].facts)
			max += c->host[i].facts->a.n + c->host[i].facts->aaaa.n;
	all.value = arena_array(c->arena, max, sizeof(*all.value));
	for (size_t i = 0; i < c->n_mx; i++) {
		const struct obs_host *h = c->host[i].facts;
		if (!h) {
			all.incomplete = all.incomplete || !c->host[i].literal;
			continue;
		}
		for (size_t j = 0; j < h->a.n; j++)
			count_address(c, &c->host[i], &all, h->a.value[j]);
		for (size_t j = 0; j < h->aaaa.n; j++)
			count_address(c, &c->host[i], &all, h->aaaa.value[j]);
		all.incomplete = all.incomplete || part_lookup_failed(&h->a.dns) ||
				 part_lookup_failed(&h->aaaa.dns);
	}
	return all;
}

static void ipv6_and_redundancy(struct eval_context *c)
{
	struct addresses all = all_addresses(c);
	struct finding *f;

	if (c->n_mx == 0) {
		static const char *const ids[] = {"mx.ipv6", "mx.redundancy", NULL};
		part_all(c, ids, c->domain, NULL, c->mail_closed, c->mail_why);
		return;
	}
	if (all.n_ipv6 > 0)
		part_say(c, "mx.ipv6", c->domain, FINDING_PASS, "%zu of %zu MX addresses %s IPv6.",
			 all.n_ipv6, all.n, all.n_ipv6 == 1 ? "is" : "are");
	else if (all.incomplete)
		part_say(c, "mx.ipv6", c->domain, FINDING_UNKNOWN,
			 "Could not be determined: not every MX address could be looked up.");
	else
		part_soft(part_say(c, "mx.ipv6", c->domain, FINDING_INFO,
				   "No MX host has an IPv6 address."));
	if (all.n < 2 && all.incomplete) {
		part_say(c, "mx.redundancy", c->domain, FINDING_UNKNOWN,
			 "Could not be determined: not every MX address could be looked up.");
		return;
	}
	f = part_say(c, "mx.redundancy", c->domain, all.n >= 2 ? FINDING_PASS : FINDING_INFO,
		     "%zu MX host%s with %zu address%s%s.", c->n_mx, c->n_mx == 1 ? "" : "s", all.n,
		     all.n == 1 ? "" : "es", c->n_mx > 1 ? " in all" : "");
	part_evidence_list(f, "addresses", all.value, all.n);
	if (all.n < 2)
		part_soft(f);
}

void eval_mx(struct eval_context *c)
{
	mx_present(c);
	mx_dnssec(c);
	ipv6_and_redundancy(c);
	rrsig_expiry(c);
}

/* -- one host
 * -------------------------------------------------------------------------------------------- */

static size_t collect(const struct eval_context *c, const struct part_host *h,
		      const struct obs_names *names, const char **bad, size_t n_bad)
{
	for (size_t i = 0; i < names->n; i++)
		if (!is_contacted(c, h, names->value[i]))
			bad[n_bad++] = names->value[i];
	return n_bad;
}

static void without_address(struct eval_context *c, const struct part_host *h)
{
	static const char id[] = "mx.resolves";
	const struct obs_host *o = h->facts;
	const struct obs_answer *failed = part_lookup_failed(&o->a.dns) ? &o->a.dns : &o->aaaa.dns;
	const char *cname = o->a.dns.cname ? o->a.dns.cname : o->aaaa.dns.cname;
	struct finding *f;

	if (part_dnssec(&o->a.dns) == OBS_DNSSEC_BOGUS ||
	    part_dnssec(&o->aaaa.dns) == OBS_DNSSEC_BOGUS)
		f = part_say(c, id, h->name, FINDING_UNKNOWN,
			     "Could not be determined: the addresses fail DNSSEC validation.");
	else if (part_lookup_failed(failed))
		f = part_say(c, id, h->name, FINDING_UNKNOWN, "Could not be determined: %s.",
			     part_lookup_why(c, failed));
	else if (cname)
		f = part_soft(part_critical(c, id, h->name, FINDING_FAIL,
					    "%s is an alias of %s, which has no address.", h->name,
					    part_safe(c, cname)));
	else
		f = part_soft(part_critical(c, id, h->name, FINDING_FAIL, "%s %s.", h->name,
					    o->a.dns.status == OBS_DNS_NXDOMAIN
						? "does not exist (NXDOMAIN)"
						: "has no address"));
	part_at(f, h);
}

static void with_addresses(struct eval_context *c, const struct part_host *h)
{
	static const char id[] = "mx.resolves";
	const struct obs_host *o = h->facts;
	size_t n = o->a.n + o->aaaa.n;
	int64_t left_out = o->a.dns.left_out + o->aaaa.dns.left_out;
	const char *cname = o->a.dns.cname ? o->a.dns.cname : o->aaaa.dns.cname;
	const char **bad = arena_array(c->arena, n, sizeof(*bad));
	const char **all = arena_array(c->arena, n, sizeof(*all));
	size_t n_bad = collect(c, h, &o->aaaa, bad, collect(c, h, &o->a, bad, 0));
	struct finding *f;

	for (size_t i = 0; i < n; i++)
		all[i] = i < o->a.n ? o->a.value[i] : o->aaaa.value[i - o->a.n];
	if (n_bad == n) {
		f = part_critical(c, id, h->name, FINDING_FAIL,
				  "%s has only addresses that are not public: %s.", h->name,
				  part_list(c, bad, n_bad));
		part_advise(c, f,
			    "Publish a public address for the host; these are never contacted "
			    "(probe.allow_private permits it).");
	} else if (cname) {
		f = part_say(c, id, h->name, FINDING_WARN, "%s is an alias (CNAME) of %s.", h->name,
			     part_safe(c, cname));
		part_evidence(f, "cname", cname);
	} else if (n_bad > 0) {
		f = part_say(c, id, h->name, FINDING_WARN,
			     "%s has addresses that are not public: %s.", h->name,
			     part_list(c, bad, n_bad));
		part_advise(c, f, "Remove the addresses senders cannot reach.");
	} else {
		f = part_say(c, id, h->name, FINDING_PASS, "%s has the %s %s%s.", h->name,
			     n == 1 ? "address" : "addresses", part_list(c, all, n),
			     first_alone(c, n, left_out));
	}
	if (left_out > 0)
		part_evidence_int(f, "not_checked", left_out);
	part_evidence_list(f, "addresses", all, n);
	part_at(f, h);
}

static void resolves(struct eval_context *c, const struct part_host *h)
{
	struct finding *f;

	if (h->literal) {
		f = part_critical(
		    c, "mx.resolves", h->name, FINDING_FAIL,
		    "The MX names an address literal, %s, where a host name must stand.",
		    part_safe(c, h->name));
	} else if (!h->facts && !name_is_host(h->name)) {
		f = part_critical(c, "mx.resolves", h->name, FINDING_FAIL,
				  "The MX names \"%s\", which is not a host name.",
				  part_safe(c, h->name));
	} else if (!h->facts) {
		f = part_say(
		    c, "mx.resolves", h->name, FINDING_UNKNOWN, "Could not be determined: %s.",
		    h->obs ? part_failure(c, &h->obs->failure) : "the host was not probed");
	} else if (h->facts->a.n + h->facts->aaaa.n == 0) {
		without_address(c, h);
		return;
	} else {
		with_addresses(c, h);
		return;
	}
	part_at(f, h);
}

static void address_dnssec(struct eval_context *c, const struct part_host *h)
{
	static const char id[] = "mx.address_dnssec";
	struct finding *f;

	if (!h->facts) {
		bool asked = !h->literal && name_is_host(h->name);
		f = part_say(c, id, h->name, asked ? FINDING_UNKNOWN : FINDING_SKIP,
			     asked ? "Could not be determined: the host was not probed."
				   : "Not checked: the MX does not name a host.");
		part_at(f, h);
		return;
	}
	const struct obs_answer *a = &h->facts->a.dns, *aaaa = &h->facts->aaaa.dns;
	enum obs_dnssec da = part_dnssec(a), daaaa = part_dnssec(aaaa);
	if (da == OBS_DNSSEC_BOGUS || daaaa == OBS_DNSSEC_BOGUS) {
		f = part_soft(part_critical(
		    c, id, h->name, FINDING_FAIL,
		    "The %s answer for %s fails DNSSEC validation: validating senders defer mail for it.",
		    da == OBS_DNSSEC_BOGUS ? "A" : "AAAA", h->name));
		part_bogus(c, f, da == OBS_DNSSEC_BOGUS ? a : aaaa);
	} else if (h->facts->a.n + h->facts->aaaa.n == 0 && !part_lookup_failed(a) &&
		   !part_lookup_failed(aaaa)) {
		f = part_say(c, id, h->name, FINDING_SKIP, "Not checked: the host has no address.");
	} else if (da == OBS_DNSSEC_INSECURE || daaaa == OBS_DNSSEC_INSECURE) {
		f = part_say(c, id, h->name, FINDING_INFO,
			     "The addresses of %s are not signed with DNSSEC.", h->name);
	} else if (da == OBS_DNSSEC_SECURE && daaaa == OBS_DNSSEC_SECURE) {
		f = part_say(c, id, h->name, FINDING_PASS,
			     "The addresses are signed and validate.");
	} else {
		f = part_no_dnssec(c, id, h->name, da == OBS_DNSSEC_SECURE ? aaaa : a,
				   &h->obs->vantage);
	}
	part_at(f, h);
}

void eval_mx_host(struct eval_context *c, struct part_host *h)
{
	resolves(c, h);
	address_dnssec(c, h);
	eval_caa(c, h);
}
