/* SPDX-License-Identifier: ISC
 *
 * The facts of a domain put in order: its hosts and their addresses, what each of them can
 * be reached by, whether its chain is good, what DANE says, which MTA-STS policy is in force.
 */
#include <string.h>

#include "cert.h"
#include "eval_parts.h"
#include "name.h"
#include "text.h"

/* X509_V_ERR_* of OpenSSL, as they stand in observations */
enum {
	V_NO_ISSUER = 2,
	V_NOT_YET_VALID = 9,
	V_EXPIRED = 10,
	V_BAD_NOT_BEFORE = 13,
	V_BAD_NOT_AFTER = 14,
	V_SELF_SIGNED_LEAF = 18,
	V_SELF_SIGNED_CHAIN = 19,
	V_NO_LOCAL_ISSUER = 20,
	V_UNVERIFIED_LEAF = 21,
	V_REVOKED = 23,
	V_PERMITTED = 47,
	V_UNSUPPORTED_NAME = 53,
	V_HOSTNAME = 62,
};

static const struct obs_domain no_domain;
static const struct obs_vantage no_vantage;

/* -- trust ----------------------------------------------------------------------------------- */

static bool is_date_error(int64_t code)
{
	return code == V_NOT_YET_VALID || code == V_EXPIRED || code == V_BAD_NOT_BEFORE ||
	       code == V_BAD_NOT_AFTER;
}

/* The dates of the leaf and host names have checks of their own. */
static const struct obs_verify_error *error_of_path(const struct obs_tls *tls)
{
	const struct obs_verify_error *found = NULL;

	for (size_t i = 0; i < tls->n_errors; i++) {
		const struct obs_verify_error *e = &tls->errors[i];
		if (e->code == V_HOSTNAME || (e->depth == 0 && is_date_error(e->code)))
			continue;
		if (e->code == V_REVOKED ||
		    (e->code >= V_PERMITTED && e->code <= V_UNSUPPORTED_NAME))
			return e;
		if (!found || found->code == V_UNVERIFIED_LEAF)
			found = e;
	}
	return found;
}

/* The last certificate the leaf leads up to by signatures among those presented. */
static const struct obs_cert *top_of(const struct obs_tls *tls)
{
	size_t at = 0;

	for (size_t steps = 0; steps < tls->n_chain; steps++) {
		int64_t next = tls->chain[at].signed_by;
		if (next <= 0 || (size_t)next > tls->n_chain || (size_t)next - 1 == at)
			break;
		at = (size_t)next - 1;
	}
	return &tls->chain[at];
}

/* Whether a trusted chain seen elsewhere in this judgement holds the issuer: then it exists
 * and merely was not sent. */
static bool issuer_seen_in(const struct obs_tls *tls, const char *issuer)
{
	if (!tls || !tls->trusted)
		return false;
	if (tls->root && strcmp(tls->root, issuer) == 0)
		return false;
	for (size_t i = 0; i < tls->n_chain; i++)
		if (tls->chain[i].subject && strcmp(tls->chain[i].subject, issuer) == 0)
			return true;
	return false;
}

static bool issuer_seen(const struct eval_context *c, const char *issuer)
{
	for (size_t i = 0; i < c->in->n_hosts; i++) {
		const struct obs_host *h = c->in->hosts[i] ? c->in->hosts[i]->host : NULL;
		for (size_t j = 0; h && j < h->n_services; j++)
			if (issuer_seen_in(h->services[j].tls, issuer))
				return true;
	}
	return c->d->policy && issuer_seen_in(c->d->policy->tls, issuer);
}

static bool is_public_intermediate(const char *issuer)
{
	static const char *const organisation[] = {
	    "O=Let's Encrypt", "O=DigiCert",
	    "O=Sectigo",       "O=GlobalSign",
	    "O=Google Trust",  "O=GoDaddy",
	    "O=Amazon",	       "O=ZeroSSL",
	    "O=Entrust",       "O=Buypass",
	    "O=Actalis",       "O=Certum",
	    "O=Asseco",	       "O=Hellenic Academic",
	    "O=SSL Corp",      "O=Starfield",
	    "O=COMODO",	       "O=Microsoft",
	    "O=IdenTrust",     "O=SwissSign",
	    "O=D-Trust",       "O=GEANT",
	    "O=QuoVadis",      "O=Gandi",
	    "O=TrustAsia",     "O=Deutsche Telekom",
	    "O=GoGetSSL",      "O=Thawte",
	    "O=GeoTrust",      "O=RapidSSL",
	};

	for (size_t i = 0; i < sizeof(organisation) / sizeof(organisation[0]); i++)
		if (strstr(issuer, organisation[i]))
			return true;
	return false;
}

static enum part_trust no_path(struct eval_context *c, const struct obs_tls *tls, const char **why)
{
	const struct obs_cert *top = top_of(tls);
	const char *issuer = top->issuer ? part_safe(c, top->issuer) : "an unnamed authority";

	if (tls->chain[0].self_signed) {
		*why = "the certificate is self-signed";
		return TRUST_SELF_SIGNED;
	}
	if (top->self_signed) {
		*why =
		    arena_printf(c->arena, "the chain ends in %s, which is not a known authority",
				 part_safe(c, top->subject));
		return TRUST_UNKNOWN_ISSUER;
	}
	if (top->issuer && (issuer_seen(c, top->issuer) || is_public_intermediate(top->issuer))) {
		*why =
		    arena_printf(c->arena, "the server does not send the intermediate %s", issuer);
		return TRUST_INCOMPLETE;
	}
	*why = arena_printf(
	    c->arena, "no path to a known authority: %s is not in the trust store and was not sent",
	    issuer);
	return TRUST_UNKNOWN_ISSUER;
}

static enum part_trust trust_of_error(struct eval_context *c, const struct obs_tls *tls,
				      const struct obs_verify_error *e, const char **why)
{
	switch (e->code) {
	case V_SELF_SIGNED_LEAF:
	case V_SELF_SIGNED_CHAIN:
	case V_NO_ISSUER:
	case V_NO_LOCAL_ISSUER:
	case V_UNVERIFIED_LEAF:
		return no_path(c, tls, why);
	case V_REVOKED:
		*why = "the certificate is revoked";
		return TRUST_REVOKED;
	case V_EXPIRED:
	case V_NOT_YET_VALID:
		*why =
		    arena_printf(c->arena, "the intermediate at place %d of the chain has %s",
				 (int)e->depth + 1, e->code == V_EXPIRED ? "expired" : "not begun");
		return TRUST_EXPIRED_CA;
	default:
		break;
	}
	*why = e->text && *e->text ? part_safe(c, e->text)
				   : arena_printf(c->arena, "verification error %d", (int)e->code);
	if (e->code >= V_PERMITTED && e->code <= V_UNSUPPORTED_NAME)
		return TRUST_CONSTRAINT;
	return TRUST_OTHER;
}

enum part_trust part_trust(struct eval_context *c, const struct obs_tls *tls,
			   const struct obs_vantage *vantage, const char **why)
{
	*why = NULL;
	if (tls->ocsp == OBS_OCSP_REVOKED) {
		*why = "the stapled OCSP answer says that it is revoked";
		return TRUST_REVOKED;
	}
	if (tls->n_chain == 0) {
		*why = "no certificate was served";
		return TRUST_OTHER;
	}
	if (vantage->no_ca) {
		*why = "our trust store did not load";
		return TRUST_UNKNOWN;
	}
	const struct obs_verify_error *e = error_of_path(tls);
	if (e && !tls->trusted)
		return trust_of_error(c, tls, e, why);
	if (!tls->trusted && tls->n_errors == 0) {
		*why = "the chain could not be verified";
		return TRUST_OTHER;
	}
	if (!cert_chain_in_order(tls)) {
		*why = "the certificates are not in order";
		return TRUST_DISORDER;
	}
	return TRUST_OK;
}

/* -- services ---------------------------------------------------------------------------------- */

static bool is_public(const char *address)
{
	return name_address_class(address) == NAME_ADDRESS_PUBLIC;
}

static void reach_context(struct eval_context *c, struct part_host *h, struct part_service *s)
{
	const struct obs_vantage *v = &h->obs->vantage;

	if (!s->svc) {
		bool never = !is_public(s->address) && !c->in->allow_private;
		s->reach = never ? REACH_NEVER : REACH_UNKNOWN;
		s->why = never ? "the address is not public and is never contacted"
			       : (h->obs->failure.class != OBS_CLASS_NONE
				      ? part_failure(c, &h->obs->failure)
				      : "the address was not probed");
		return;
	}
	const struct obs_failure *f = &s->svc->failure;
	bool before =
	    f->stage <= OBS_STAGE_GREETING ||
	    (s->svc->implicit_tls && f->stage == OBS_STAGE_TLS && s->svc->greeting_code == 0);
	if (f->class == OBS_CLASS_FORBIDDEN) {
		s->reach = REACH_NEVER;
		s->why = "the address is not public and is never contacted";
	} else if (f->class == OBS_CLASS_NONE || !before) {
		s->reach = REACH_YES;
	} else if (f->class == OBS_CLASS_LOCAL || f->class == OBS_CLASS_THROTTLED) {
		s->reach = REACH_UNKNOWN;
		s->why = part_failure(c, f);
	} else if (f->stage <= OBS_STAGE_CONNECT &&
		   (strchr(s->address, ':') ? v->no_ipv6 : v->no_ipv4)) {
		s->reach = REACH_UNKNOWN;
		s->why = arena_printf(c->arena, "this machine has no route for IPv%c",
				      strchr(s->address, ':') ? '6' : '4');
	} else {
		s->reach = REACH_NO;
		s->why = part_failure(c, f);
	}
}

static const struct obs_tlsa *tlsa_for(const struct obs_host *facts, int64_t port)
{
	for (size_t i = 0; facts && i < facts->n_tlsa; i++)
		if (facts->tlsa[i].port == port)
			return &facts->tlsa[i];
	return NULL;
}

/* Signed records at signed addresses: what a sender that honours DANE goes by. */
static bool tlsa_counts(const struct obs_host *facts, const struct obs_tlsa *t)
{
	return t && t->dns.status == OBS_DNS_ANSWER && t->dns.dnssec == OBS_DNSSEC_SECURE &&
	       facts->a.dns.dnssec != OBS_DNSSEC_INSECURE &&
	       facts->aaaa.dns.dnssec != OBS_DNSSEC_INSECURE;
}

void part_service_context(struct eval_context *c, struct part_host *h, struct part_service *s)
{
	reach_context(c, h, s);
	const struct obs_tls *tls = s->svc ? s->svc->tls : NULL;
	if (!tls)
		return;
	s->trust = part_trust(c, tls, &h->obs->vantage, &s->trust_why);
	if (tls->n_chain == 0)
		return;
	s->name_ok = cert_matches_name(&tls->chain[0], h->name);
	s->dates_ok = part_dates_ok(&tls->chain[0], c->now);
	bool client = part_is_submission_port(s);
	const struct obs_tlsa *t = client ? tlsa_for(h->facts, s->port) : h->tlsa;
	s->dane_unheard =
	    t && (part_lookup_failed(&t->dns) || part_dnssec(&t->dns) == OBS_DNSSEC_BOGUS);
	bool unproven = t && t->dns.status == OBS_DNS_ANSWER && t->dns.dnssec == OBS_DNSSEC_UNKNOWN;
	if (!(unproven || tlsa_counts(h->facts, t)) || part_switched_off(c, CONF_CHECK_DANE))
		return;
	const char *names[3] = {t->base ? t->base : h->name, h->name, NULL};
	size_t n_names = 2;
	if (!client && part_dnssec(&c->d->mx.dns) == OBS_DNSSEC_SECURE)
		names[n_names++] = c->domain;
	struct tlsa_verdict v;
	tlsa_match(t->rr, t->n, tls, names, n_names, c->now, &v);
	*(unproven ? &s->maybe_match : &s->dane_match) = v.matched;
	*(unproven ? &s->maybe_ee : &s->dane_ee) = v.matched && v.ee;
	if (!unproven)
		s->dane = v;
}

/* -- hosts ---------------------------------------------------------------------------------------
 */

static const struct observation *find_observation(const struct eval_input *in, const char *host)
{
	for (size_t i = 0; i < in->n_hosts; i++)
		if (in->hosts[i] && in->hosts[i]->subject &&
		    strcmp(in->hosts[i]->subject, host) == 0)
			return in->hosts[i];
	return NULL;
}

static void service_add(struct eval_context *c, struct part_host *h, struct part_service *list,
			size_t *n, const char *address, int64_t port, const struct obs_service *svc)
{
	struct part_service *s = &list[(*n)++];

	s->address = address;
	s->port = port;
	s->svc = svc;
	s->subject = arena_printf(c->arena, "%s[%s]:%d", h->name, part_safe(c, address), (int)port);
}

static bool has_address(const struct part_service *list, size_t n, const char *address)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].address, address) == 0)
			return true;
	return false;
}

static void services_context(struct eval_context *c, struct part_host *h)
{
	const struct obs_host *f = h->facts;
	size_t max = f->n_services + f->a.n + f->aaaa.n;
	const struct obs_names *family[] = {&f->a, &f->aaaa};

	h->smtp = arena_array(c->arena, max + 1, sizeof(*h->smtp));
	h->client = arena_array(c->arena, max + 1, sizeof(*h->client));
	for (size_t i = 0; i < f->n_services; i++) {
		const struct obs_service *svc = &f->services[i];
		bool client = svc->port == 465 || svc->port == 587 || svc->implicit_tls;
		if (!svc->address)
			continue;
		if (client && h->submission)
			service_add(c, h, h->client, &h->n_client, svc->address, svc->port, svc);
		else if (!client && h->mx)
			service_add(c, h, h->smtp, &h->n_smtp, svc->address, svc->port, svc);
	}
	for (size_t i = 0; h->mx && i < 2; i++)
		for (size_t j = 0; j < family[i]->n; j++)
			if (!has_address(h->smtp, h->n_smtp, family[i]->value[j]))
				service_add(c, h, h->smtp, &h->n_smtp, family[i]->value[j], 25,
					    NULL);
}

static bool in_list(const char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (name_equal(list[i], name))
			return true;
	return false;
}

static void host_context(struct eval_context *c, struct part_host *h)
{
	h->obs = h->literal ? NULL : find_observation(c->in, h->name);
	h->facts = h->obs ? h->obs->host : NULL;
	h->literal = h->literal || (h->facts && h->facts->literal);
	h->expected_down = in_list(c->expect->unreachable, c->expect->n_unreachable, h->name);
	if (!h->facts)
		return;
	for (size_t i = 0; i < h->facts->n_tlsa && !h->tlsa; i++)
		if (h->facts->tlsa[i].port != 465 && h->facts->tlsa[i].port != 587)
			h->tlsa = &h->facts->tlsa[i];
	services_context(c, h);
	for (size_t i = 0; i < h->n_smtp; i++)
		part_service_context(c, h, &h->smtp[i]);
	for (size_t i = 0; i < h->n_client; i++)
		part_service_context(c, h, &h->client[i]);
	part_dane_context(c, h);
}

static struct part_host *host_add(struct eval_context *c, const char *name)
{
	for (size_t i = 0; i < c->n_hosts; i++)
		if (strcmp(c->host[i].name, name) == 0)
			return &c->host[i];
	struct part_host *h = &c->host[c->n_hosts++];
	h->name = name;
	return h;
}

static void hosts_context(struct eval_context *c)
{
	const struct obs_mx *mx = &c->d->mx;
	size_t n_sub = 0;
	struct eval_host *sub = NULL;

	if (c->in->domain)
		sub = eval_hosts(c->in->domain, c->in->conf, c->arena, &n_sub);
	c->host = arena_array(c->arena, mx->n + n_sub + 2, sizeof(*c->host));
	if (c->mail == MAIL_YES || c->mail == MAIL_UNKNOWN) {
		for (size_t i = 0; i < mx->n; i++) {
			if (strcmp(mx->rr[i].host, ".") == 0)
				continue;
			struct part_host *h = host_add(c, mx->rr[i].host);
			if (!h->mx)
				h->preference = mx->rr[i].preference;
			h->mx = true;
			h->literal = name_is_address_literal(h->name);
		}
		if (c->implicit_mx)
			host_add(c, c->domain)->mx = true;
	}
	c->n_mx = c->n_hosts;
	for (size_t i = 0; c->in->submission && i < n_sub; i++)
		if (sub[i].p465 || sub[i].p587)
			host_add(c, sub[i].name)->submission = true;
	for (size_t i = 0; i < c->n_hosts; i++)
		host_context(c, &c->host[i]);
}

/* -- the domain
 * ------------------------------------------------------------------------------------ */

static void mail_context(struct eval_context *c)
{
	const struct obs_mx *mx = &c->d->mx;
	bool address = c->d->a.n > 0 || c->d->aaaa.n > 0;

	c->mail = MAIL_YES;
	if (mx->dns.status == OBS_DNS_NXDOMAIN) {
		c->mail = MAIL_NOWHERE;
		c->mail_why = "the domain does not exist";
	} else if (mx->dns.status == OBS_DNS_NODATA && address) {
		c->implicit_mx = true;
	} else if (mx->dns.status == OBS_DNS_NODATA && part_lookup_failed(&c->d->a.dns)) {
		c->mail = MAIL_UNKNOWN;
		c->mail_why = "there is no MX record, and the addresses of the domain could not be "
			      "looked up";
	} else if (mx->dns.status == OBS_DNS_NODATA) {
		c->mail = MAIL_NOWHERE;
		c->mail_why = "the domain has neither an MX record nor an address";
	} else if (mx->n == 1 && strcmp(mx->rr[0].host, ".") == 0) {
		c->mail = MAIL_NULL;
		c->mail_why = "the domain takes no mail (null MX)";
	} else if (mx->n == 0) {
		const struct observation *o = c->in->domain;
		c->mail = MAIL_UNKNOWN;
		c->mail_why = arena_printf(c->arena, "the MX hosts are not known, %s",
					   o && o->failure.class != OBS_CLASS_NONE
					       ? part_failure(c, &o->failure)
					       : part_lookup_why(c, &mx->dns));
	}
}

void part_context(struct eval_context *c, const struct eval_input *in, struct findings *out)
{
	const struct observation *o = in->domain;

	*c = (struct eval_context){.in = in, .out = out, .arena = out->arena, .now = in->now};
	c->domain = in->conf->name;
	c->d = o && o->domain ? o->domain : &no_domain;
	c->vantage = o ? &o->vantage : &no_vantage;
	c->settings = in->conf->settings;
	c->expect = &in->conf->extra->expect;
	mail_context(c);
	c->mail_closed = c->mail == MAIL_UNKNOWN ? CLOSED_UNKNOWN
			 : c->mail == MAIL_NULL	 ? CLOSED_MOOT
						 : CLOSED_SKIP;
	hosts_context(c);
	part_sts_context(c);
}
