/* SPDX-License-Identifier: ISC
 *
 * CAA (RFC 8659) beside the live issuer.  A CAA value is a domain of the authority, a
 * certificate names its organisation: the table joins the two for the well-known ones.  For
 * the others a likeness of the words decides, or nothing does.
 */
#include <ctype.h>
#include <string.h>

#include "cert.h"
#include "eval_parts.h"
#include "text.h"

static const struct authority {
	const char *domains;	  /* space separated */
	const char *organisation; /* in the issuer's O or CN */
} authorities[] = {
    {"letsencrypt.org", "Let's Encrypt"},
    {"sectigo.com comodoca.com usertrust.com trust-provider.com", "Sectigo"},
    {"sectigo.com comodoca.com usertrust.com trust-provider.com", "COMODO"},
    {"sectigo.com zerossl.com", "ZeroSSL"},
    {"sectigo.com", "Gandi"},
    {"digicert.com symantec.com geotrust.com thawte.com rapidssl.com digicert.ne.jp", "DigiCert"},
    {"digicert.com geotrust.com", "GeoTrust"},
    {"digicert.com thawte.com", "Thawte"},
    {"digicert.com rapidssl.com", "RapidSSL"},
    {"pki.goog google.com", "Google Trust Services"},
    {"globalsign.com", "GlobalSign"},
    {"amazon.com amazontrust.com awstrust.com amazonaws.com aws.amazon.com", "Amazon"},
    {"buypass.com buypass.no", "Buypass"},
    {"entrust.net affirmtrust.com", "Entrust"},
    {"godaddy.com starfieldtech.com", "GoDaddy"},
    {"godaddy.com starfieldtech.com", "Starfield"},
    {"harica.gr", "Hellenic Academic"},
    {"harica.gr", "GEANT"},
    {"sectigo.com", "GEANT"},
    {"ssl.com", "SSL Corp"},
    {"actalis.it", "Actalis"},
    {"certum.pl certum.eu yandex.com", "Certum"},
    {"certum.pl certum.eu", "Asseco"},
    {"identrust.com", "IdenTrust"},
    {"swisssign.com swisssign.net", "SwissSign"},
    {"quovadisglobal.com digicert.com", "QuoVadis"},
    {"d-trust.net d-trust.de dtrust.de", "D-Trust"},
    {"telesec.de t-systems.com", "Deutsche Telekom"},
    {"telesec.de t-systems.com", "T-Systems"},
    {"microsoft.com", "Microsoft"},
    {"apple.com pki.apple.com", "Apple"},
    {"trustasia.com", "TrustAsia"},
};
static const size_t n_authorities = sizeof(authorities) / sizeof(authorities[0]);

enum fit { FIT_NO, FIT_MAYBE, FIT_YES };

static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list; (p = strstr(p, word)) != NULL; p++)
		if ((p == list || p[-1] == ' ') && (p[len] == '\0' || p[len] == ' '))
			return true;
	return false;
}

/* Letters and digits alone, lower case. */
static void squeeze(char *out, size_t size, const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n + 1 < size; i++)
		if (isalnum((unsigned char)s[i]))
			out[n++] = (char)tolower((unsigned char)s[i]);
	out[n] = '\0';
}

/* Whether a label of the domain, but the last, stands in the issuer's name. */
static bool is_like(const char *domain, const char *issuer)
{
	char name[1024], label[64];

	squeeze(name, sizeof(name), issuer, strlen(issuer));
	for (const char *p = domain; strchr(p, '.'); p = strchr(p, '.') + 1) {
		squeeze(label, sizeof(label), p, strcspn(p, "."));
		if (strlen(label) >= 3 && strstr(name, label))
			return true;
	}
	return false;
}

static enum fit fits(const char *domain, const char *issuer)
{
	bool known_domain = false, known_issuer = false;

	for (size_t i = 0; i < n_authorities; i++) {
		bool d = has_word(authorities[i].domains, domain);
		bool o = strstr(issuer, authorities[i].organisation) != NULL;
		if (d && o)
			return FIT_YES;
		known_domain = known_domain || d;
		known_issuer = known_issuer || o;
	}
	if (is_like(domain, issuer))
		return FIT_YES;
	return known_domain || known_issuer ? FIT_NO : FIT_MAYBE;
}

/* The issuer domain of a value, "" for ";" (nobody): without parameters, lower case. */
static const char *issuer_domain(struct eval_context *c, const char *value)
{
	while (*value == ' ' || *value == '\t')
		value++;
	char *s = arena_strndup(c->arena, value, strcspn(value, "; \t"));
	text_lower(s);
	return s;
}

static const struct obs_cert *live_leaf(const struct part_host *h)
{
	for (size_t i = 0; i < h->n_smtp; i++)
		if (h->smtp[i].svc && h->smtp[i].svc->tls && h->smtp[i].svc->tls->n_chain > 0)
			return &h->smtp[i].svc->tls->chain[0];
	return NULL;
}

/* issuewild counts for a certificate that covers the host by a wildcard alone (§4.3). */
static bool is_wildcard_only(const struct obs_cert *leaf, const char *host)
{
	for (size_t i = 0; i < leaf->n_dns_names; i++)
		if (text_equal_nocase(leaf->dns_names[i], host))
			return false;
	return cert_matches_name(leaf, host);
}

static bool has_tag(const struct obs_caa *caa, const char *tag)
{
	for (size_t i = 0; i < caa->n; i++)
		if (text_equal_nocase(caa->rr[i].tag, tag))
			return true;
	return false;
}

static void judge(struct eval_context *c, struct part_host *h, const struct obs_cert *leaf)
{
	static const char id[] = "caa.issuer";
	const struct obs_caa *caa = &h->facts->caa;
	const char *tag =
	    is_wildcard_only(leaf, h->name) && has_tag(caa, "issuewild") ? "issuewild" : "issue";
	const char **allowed = arena_array(c->arena, caa->n + 1, sizeof(*allowed));
	enum fit best = FIT_NO;
	size_t n = 0;
	struct finding *f;

	for (size_t i = 0; i < caa->n; i++) {
		if (!text_equal_nocase(caa->rr[i].tag, tag))
			continue;
		const char *domain = issuer_domain(c, caa->rr[i].value);
		enum fit fit = *domain ? fits(domain, leaf->issuer) : FIT_NO;
		best = fit > best ? fit : best;
		allowed[n++] = *domain ? domain : "nobody";
	}
	if (n == 0)
		f = part_say(c, id, h->name, FINDING_PASS,
			     "The CAA records of %s do not restrict who may issue.", h->name);
	else if (best == FIT_YES)
		f = part_say(c, id, h->name, FINDING_PASS, "CAA allows the live issuer (%s).",
			     part_list(c, allowed, n));
	else if (best == FIT_MAYBE)
		f = part_say(c, id, h->name, FINDING_UNKNOWN,
			     "CAA allows %s; whether that is the live issuer, %s, cannot be told.",
			     part_list(c, allowed, n), part_safe(c, leaf->issuer));
	else
		f = part_say(c, id, h->name, FINDING_WARN,
			     "CAA allows %s, but the live certificate was issued by %s.",
			     part_list(c, allowed, n), part_safe(c, leaf->issuer));
	part_evidence_list(f, "allowed", allowed, n);
	part_evidence(f, "issuer", leaf->issuer);
	part_evidence(f, "caa_at", caa->base);
	part_at(f, h);
}

void eval_caa(struct eval_context *c, struct part_host *h)
{
	static const char id[] = "caa.issuer";
	const struct obs_caa *caa = h->facts ? &h->facts->caa : NULL;
	const struct obs_cert *leaf = live_leaf(h);
	struct finding *f;

	if (caa && (caa->dns.status == OBS_DNS_NODATA || caa->dns.status == OBS_DNS_NXDOMAIN))
		f = part_say(c, id, h->name, FINDING_PASS,
			     "No CAA record restricts who may issue.");
	else if (!caa || caa->dns.status == OBS_DNS_UNASKED)
		f = part_say(c, id, h->name, FINDING_SKIP, "Not checked: CAA was not looked up.");
	else if (caa->dns.status != OBS_DNS_ANSWER)
		f = part_say(c, id, h->name, FINDING_UNKNOWN, "Could not be determined: %s.",
			     part_lookup_why(c, &caa->dns));
	else if (!leaf || !leaf->issuer)
		f = part_say(c, id, h->name, FINDING_SKIP, "Not checked: no certificate was seen.");
	else if (leaf->self_signed)
		f = part_skip(c, id, h->name,
			      "the certificate is self-signed, no authority issued it");
	else {
		judge(c, h, leaf);
		return;
	}
	part_at(f, h);
}
