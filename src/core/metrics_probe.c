/* SPDX-License-Identifier: ISC
 *
 * /probe: one domain under the names blackbox_exporter gives to what it probes, so that rules and
 * dashboards made for that one work.  Nothing is probed for it.
 */
#include <string.h>

#include "metrics_parts.h"
#include "render_parts.h"

#define LABEL_MAX 200

/* The service that answered first in the order of preference: the mail's way in. */
static const struct obs_service *way_in(const struct eval_input *in)
{
	const struct obs_mx *mx = &in->domain->domain->mx;

	for (size_t i = 0; i < mx->n; i++)
		for (size_t k = 0; k < in->n_hosts; k++) {
			const struct obs_host *h = in->hosts[k]->host;
			if (h == NULL || strcmp(in->hosts[k]->subject, mx->rr[i].host) != 0)
				continue;
			for (size_t s = 0; s < h->n_services; s++)
				if (h->services[s].greeting_code == 220)
					return &h->services[s];
		}
	return NULL;
}

/* RFC 7505: it takes no mail, and says so. */
static bool null_mx(const struct eval_input *in)
{
	const struct obs_mx *mx = &in->domain->domain->mx;

	return mx->n == 1 && strcmp(mx->rr[0].host, ".") == 0;
}

static int64_t took_ms(const struct eval_input *in)
{
	int64_t hosts = 0; /* they are looked at side by side */

	for (size_t i = 0; i < in->n_hosts; i++)
		if (in->hosts[i]->took_ms > hosts)
			hosts = in->hosts[i]->took_ms;
	return in->domain->took_ms + hosts;
}

static int64_t oldest(const struct eval_input *in)
{
	int64_t at = in->domain->at;

	for (size_t i = 0; i < in->n_hosts; i++)
		if (in->hosts[i]->at < at)
			at = in->hosts[i]->at;
	return at;
}

/* Soonest end of a certificate that any of its servers sent. */
static int64_t earliest_expiry(const struct eval_input *in)
{
	int64_t end = 0;

	for (size_t i = 0; i < in->n_hosts; i++)
		for (size_t s = 0; in->hosts[i]->host && s < in->hosts[i]->host->n_services; s++) {
			const struct obs_tls *t = in->hosts[i]->host->services[s].tls;
			for (size_t c = 0; t && c < t->n_chain; c++)
				if (!t->chain[c].bad_dates &&
				    (end == 0 || t->chain[c].not_after < end))
					end = t->chain[c].not_after;
		}
	return end;
}

static uint32_t address_hash(const char *s)
{
	uint32_t h = 2166136261u;

	for (; s && *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h;
}

/* What a stranger's certificate says, cleaned and cut. */
static void said(const struct exposition *e, const char *key, const char *value)
{
	struct buf clean;

	buf_init(&clean, 4 * LABEL_MAX + 8);
	render_clean(&clean, value ? value : "", LABEL_MAX);
	metrics_label(e, key, buf_str(&clean));
	buf_clear(&clean);
}

static void names(const struct exposition *e, const struct obs_cert *leaf)
{
	struct buf list;

	buf_init(&list, 8 * LABEL_MAX);
	for (size_t i = 0; i < leaf->n_dns_names && list.len < LABEL_MAX; i++) {
		buf_addstr(&list, i ? "," : "");
		buf_addstr(&list, leaf->dns_names[i]);
	}
	said(e, ",subjectalternative", buf_str(&list));
	buf_clear(&list);
}

static void chain(const struct exposition *e, const struct obs_tls *t)
{
	const struct obs_cert *leaf = &t->chain[0];
	int64_t end = leaf->not_after;

	for (size_t i = 1; t->trusted && i < t->n_chain; i++)
		if (!t->chain[i].bad_dates && t->chain[i].not_after < end)
			end = t->chain[i].not_after;
	if (t->trusted)
		metrics_single(e, "probe_ssl_last_chain_expiry_timestamp_seconds", "gauge",
			       "Returns last SSL chain expiry in unixtime.", end);
	metrics_head(e, "probe_ssl_last_chain_info", "gauge",
		     "Contains SSL leaf certificate information.");
	buf_addstr(e->out, "probe_ssl_last_chain_info{");
	metrics_label(e, "fingerprint_sha256", leaf->sha256);
	said(e, ",subject", leaf->subject);
	said(e, ",issuer", leaf->issuer);
	names(e, leaf);
	said(e, ",serialnumber", leaf->serial);
	buf_addstr(e->out, "} 1\n");
}

/* "TLSv1.3" as blackbox_exporter spells it. */
static const char *version(const char *openssl)
{
	static const char *const words[][2] = {{"TLSv1.3", "TLS 1.3"},
					       {"TLSv1.2", "TLS 1.2"},
					       {"TLSv1.1", "TLS 1.1"},
					       {"TLSv1", "TLS 1.0"}};

	for (size_t i = 0; openssl && i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i][0], openssl) == 0)
			return words[i][1];
	return openssl ? openssl : "unknown";
}

static void tls(const struct exposition *e, const struct obs_tls *t)
{
	metrics_head(e, "probe_tls_version_info", "gauge",
		     "Returns the TLS version used or NaN when unknown.");
	buf_addstr(e->out, "probe_tls_version_info{");
	metrics_label(e, "version", version(t->version));
	buf_addstr(e->out, "} 1\n");
	metrics_head(e, "probe_tls_cipher_info", "gauge",
		     "Returns the TLS cipher negotiated during handshake.");
	buf_addstr(e->out, "probe_tls_cipher_info{");
	metrics_label(e, "cipher", t->cipher);
	buf_addstr(e->out, "} 1\n");
}

void metrics_probe(const struct view_detail *d, int64_t now, bool open_metrics, struct buf *out)
{
	const struct exposition e = {out, open_metrics};
	const struct obs_service *s = way_in(d->in);
	int64_t ms = took_ms(d->in), end = earliest_expiry(d->in);
	bool good = d->row.mark.state != VIEW_CRITICAL && (s || null_mx(d->in));

	metrics_single(
	    &e, "probe_success", "gauge",
	    "Displays whether or not the probe was a success: 0 while a critical problem "
	    "is open or no mail server answered.",
	    good);
	metrics_head(&e, "probe_duration_seconds", "gauge",
		     "Returns how long the probe took to complete in seconds.");
	buf_printf(out, "probe_duration_seconds %lld.%03lld\n", (long long)ms / 1000,
		   (long long)ms % 1000);
	metrics_single(&e, "mxwatch_probe_result_age_seconds", "gauge",
		       "How long ago that was: the result is the one of the schedule.",
		       now > oldest(d->in) ? now - oldest(d->in) : 0);
	if (s) {
		metrics_single(&e, "probe_ip_protocol", "gauge",
			       "Specifies whether probe ip protocol is IP4 or IP6.",
			       s->address && strchr(s->address, ':') ? 6 : 4);
		metrics_single(&e, "probe_ip_addr_hash", "gauge",
			       "Specifies the hash of IP address. It's useful to detect if the IP "
			       "address changes.",
			       address_hash(s->address));
	}
	if (end)
		metrics_single(&e, "probe_ssl_earliest_cert_expiry", "gauge",
			       "Returns last SSL chain expiry in unixtime.", end);
	if (s && s->tls) {
		tls(&e, s->tls);
		if (s->tls->n_chain && !s->tls->chain[0].bad_dates)
			chain(&e, s->tls);
	}
	metrics_end(&e);
}
