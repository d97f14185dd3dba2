/* SPDX-License-Identifier: ISC
 *
 * Servers and their certificates, and the page of a host.
 */
#include <stdio.h>
#include <string.h>

#include "page.h"
#include "page_parts.h"
#include "stamp.h"
#include "text.h"

#define CHAINS_MAX 20

/* -- servers
 * ------------------------------------------------------------------------------------------- */

static bool has_tlsa(const struct obs_host *h, int64_t port)
{
	for (size_t i = 0; i < h->n_tlsa; i++)
		if (h->tlsa[i].port == port && h->tlsa[i].n > 0 &&
		    h->tlsa[i].dns.dnssec == OBS_DNSSEC_SECURE)
			return true;
	return false;
}

static void service_row(struct buf *out, const struct observation *o, const struct obs_service *s,
			int64_t now)
{
	const struct obs_tls *t = s->tls;

	buf_addstr(out, "<tr><td>");
	page_subject(out, o->subject, true);
	buf_addstr(out, "</td><td class=\"mono nowrap\">");
	page_put(out, s->address);
	buf_printf(out, "</td><td>%lld</td><td>", (long long)s->port);
	if (s->failure.class != OBS_CLASS_NONE) {
		buf_addstr(out, "<span class=\"break\">");
		page_put(out, obs_class_words[s->failure.class]);
		buf_addstr(out, ": ");
		page_put(out, s->failure.text);
		buf_addstr(out, "</span>");
	} else {
		buf_addstr(out, s->implicit_tls	      ? "TLS from the start"
				: s->starttls_offered ? "STARTTLS"
						      : "no STARTTLS");
	}
	buf_addstr(out, "</td><td>");
	if (t) {
		page_put(out, t->version);
		buf_addstr(out, "<div class=\"dim small break\">");
		page_put(out, t->cipher);
		if (t->group) {
			buf_addstr(out, ", ");
			page_put(out, t->group);
		}
		buf_addstr(out, "</div>");
	} else {
		buf_addstr(out, "–");
	}
	buf_addstr(out, "</td><td>");
	if (t && t->n_chain && !t->chain[0].bad_dates) {
		buf_addstr(out, t->trusted ? "trusted, ends " : "not trusted, ends ");
		page_ago(out, t->chain[0].not_after, now);
	} else {
		buf_addstr(out, "–");
	}
	buf_printf(out, "</td><td>%s</td></tr>\n", has_tlsa(o->host, s->port) ? "TLSA" : "–");
}

static void greeting_row(struct buf *out, const struct observation *o, const struct obs_service *s)
{
	buf_addstr(out, "<dt class=\"mono\">");
	page_put(out, o->subject);
	buf_addstr(out, " ");
	page_put(out, s->address);
	buf_printf(out, ":%lld</dt><dd class=\"mono\">%lld ", (long long)s->port,
		   (long long)s->greeting_code);
	page_put(out, s->greeting);
	buf_addstr(out, "</dd>");
}

void page_servers(struct buf *out, const struct observation *const *hosts, size_t n, int64_t now)
{
	size_t rows = 0, greetings = 0;

	for (size_t i = 0; i < n; i++)
		rows += hosts[i]->host ? hosts[i]->host->n_services : 0;
	buf_addstr(out, "<h2>Servers</h2>\n<div class=\"card scroll\">");
	if (rows == 0) {
		buf_addstr(out, "<p class=\"empty\">No server has been seen.</p></div>\n");
		return;
	}
	buf_addstr(out,
		   "<table class=\"tight\"><caption>Every address of every server</caption><thead>"
		   "<tr><th scope=\"col\">Host</th><th scope=\"col\">Address</th>"
		   "<th scope=\"col\">Port</th><th scope=\"col\">Service</th>"
		   "<th scope=\"col\">TLS</th><th scope=\"col\">Certificate</th>"
		   "<th scope=\"col\">DANE</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; hosts[i]->host && k < hosts[i]->host->n_services; k++) {
			service_row(out, hosts[i], &hosts[i]->host->services[k], now);
			greetings += hosts[i]->host->services[k].greeting_code > 0;
		}
	buf_addstr(out, "</tbody></table></div>\n");
	if (greetings == 0)
		return;
	buf_addstr(out, "<div class=\"card\"><details><summary><h3>Greetings</h3></summary>"
			"<div class=\"pad\"><dl>");
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; hosts[i]->host && k < hosts[i]->host->n_services; k++)
			if (hosts[i]->host->services[k].greeting_code > 0)
				greeting_row(out, hosts[i], &hosts[i]->host->services[k]);
	buf_addstr(out, "</dl></div></details></div>\n");
}

/* -- certificates
 * ------------------------------------------------------------------------------------ */

static void row(struct buf *out, const char *label, const char *value)
{
	if (value == NULL || *value == '\0')
		return;
	buf_printf(out, "<dt>%s</dt><dd>", label);
	page_put(out, value);
	buf_addstr(out, "</dd>");
}

static void certificate(struct buf *out, const struct obs_cert *c, size_t depth, int64_t now)
{
	char key[64], from[STAMP_TEXT], to[STAMP_TEXT];

	snprintf(key, sizeof(key), "%s, %lld bits", c->key_type ? c->key_type : "?",
		 (long long)c->key_bits);
	buf_printf(out, "<li><strong>%s</strong> <span class=\"break\">",
		   depth == 0	    ? "Leaf"
		   : c->self_signed ? "Root"
				    : "Intermediate");
	page_put(out, c->subject);
	buf_addstr(out, "</span><dl>");
	row(out, "Issuer", c->issuer);
	buf_printf(out, "<dt>Valid</dt><dd>%s to %s, ends ", stamp_format(from, c->not_before),
		   stamp_format(to, c->not_after));
	page_ago(out, c->not_after, now);
	buf_addstr(out, "</dd>");
	row(out, "Key", key);
	row(out, "Signature", c->signature);
	if (depth == 0 && c->n_dns_names) {
		buf_addstr(out, "<dt>Names</dt><dd>");
		for (size_t i = 0; i < c->n_dns_names && i < 30; i++) {
			buf_addstr(out, i ? ", " : "");
			page_put(out, c->dns_names[i]);
		}
		if (c->n_dns_names > 30)
			buf_printf(out, " and %zu more", c->n_dns_names - 30);
		buf_addstr(out, "</dd>");
	}
	buf_addstr(out, "<dt>SHA-256</dt><dd class=\"mono\">");
	page_put(out, c->sha256);
	buf_addstr(out, "</dd></dl></li>\n");
}

static void chain(struct buf *out, const char *where, const struct obs_tls *t, int64_t now)
{
	buf_addstr(out, "<details><summary><h3 class=\"break\">");
	page_put(out, where);
	buf_addstr(out, "</h3><span class=\"counts\">");
	page_tally(out, t->trusted ? "pass" : "warn", t->trusted ? "✓" : "!", t->n_chain,
		   t->trusted ? "sent, trusted" : "sent, not trusted");
	buf_addstr(out, "</span></summary><ol class=\"list\">\n");
	for (size_t i = 0; i < t->n_chain; i++)
		certificate(out, &t->chain[i], i, now);
	buf_addstr(out, "</ol>");
	if (t->n_errors) {
		buf_addstr(out, "<p class=\"pad dim small\">");
		for (size_t i = 0; i < t->n_errors; i++) {
			page_put(out, t->errors[i].text);
			buf_addstr(out, i + 1 < t->n_errors ? "; " : "");
		}
		buf_addstr(out, "</p>");
	}
	buf_addstr(out, "</details>\n");
}

/* Each chain once: by the digest of its leaf. */
void page_chains(struct buf *out, const struct observation *const *hosts, size_t n, int64_t now)
{
	const char *seen[CHAINS_MAX];
	size_t n_seen = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; hosts[i]->host && k < hosts[i]->host->n_services; k++) {
			const struct obs_service *s = &hosts[i]->host->services[k];
			bool again = s->tls == NULL || s->tls->n_chain == 0 ||
				     s->tls->chain[0].sha256 == NULL || n_seen == CHAINS_MAX;
			char where[512];
			for (size_t j = 0; !again && j < n_seen; j++)
				again = strcmp(seen[j], s->tls->chain[0].sha256) == 0;
			if (again)
				continue;
			if (n_seen == 0)
				buf_addstr(out,
					   "<h2>Certificate chains</h2>\n<div class=\"card\">");
			seen[n_seen++] = s->tls->chain[0].sha256;
			snprintf(where, sizeof(where), "%s[%s]:%lld", hosts[i]->subject, s->address,
				 (long long)s->port);
			chain(out, where, s->tls, now);
		}
	if (n_seen)
		buf_addstr(out, "</div>\n");
}

/* -- the page of a host --------------------------------------------------------------------- */

static void behind_it(struct buf *out, const struct view_host *h)
{
	buf_addstr(out, "<h2>Domains behind it</h2>\n<div class=\"card\"><ul class=\"list\">\n");
	for (size_t i = 0; i < h->n_domains; i++) {
		buf_addstr(out, "<li class=\"quiet\"><div class=\"row\"><strong>");
		page_subject(out, h->domains[i].name, false);
		buf_addstr(out, "</strong><span>");
		page_state(out, (enum view_state)h->domains[i].mark.state);
		buf_addstr(out, " ");
		page_grade(out, (enum view_grade)h->domains[i].mark.grade);
		buf_addstr(out, "</span></div></li>\n");
	}
	if (h->domains_total > (int64_t)h->n_domains)
		buf_printf(out, "<li class=\"quiet dim\">and %lld more</li>\n",
			   (long long)h->domains_total - (long long)h->n_domains);
	buf_addstr(out, "</ul></div>\n");
}

void page_host(const struct view_host *h, int64_t now, struct buf *out)
{
	page_begin(out, h->name, NULL);
	buf_addstr(out, "<h1>");
	page_put(out, h->name);
	buf_printf(out,
		   "</h1>\n<div class=\"meta\"><span>takes mail for %lld watched domain%s</span>"
		   "<span>looked at ",
		   (long long)h->domains_total, h->domains_total == 1 ? "" : "s");
	page_ago(out, h->seen ? h->seen->at : 0, now);
	buf_addstr(out, "</span></div>\n");
	if (h->n_incidents) {
		buf_addstr(out, "<h2>What is wrong now</h2>\n<div class=\"card\">");
		page_incident_list(out, h->incidents, h->n_incidents, true, now);
		buf_addstr(out, "</div>\n");
	}
	if (h->seen) {
		page_servers(out, &h->seen, 1, now);
		page_chains(out, &h->seen, 1, now);
	}
	behind_it(out, h);
	buf_addstr(out, "<h2>What changed</h2>\n<div class=\"card\">");
	if (h->n_changes)
		page_change_list(out, h->changes, h->n_changes, now);
	else
		buf_addstr(out, "<p class=\"empty\">Nothing since the first look.</p>");
	buf_addstr(out, "</div>\n");
	page_end(out);
}
