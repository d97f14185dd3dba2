/* SPDX-License-Identifier: ISC
 *
 * The series of each domain, of each mail host and of each certificate.
 */
#include <string.h>

#include "check.h"
#include "metrics_parts.h"

static bool wanted(const struct metrics *m, const char *name)
{
	return m->shards <= 1 || metrics_in_shard(name, m->shard, m->shards);
}

/* -- domains -------------------------------------------------------------------------------- */

struct domain_family { /* value false: there is none */
	const char *name, *help;
	bool (*value)(const struct metrics *m, size_t i, int64_t *out);
};

static bool status_of(const struct metrics *m, size_t i, int64_t *out)
{
	static const int status[VIEW_N] = {
	    [VIEW_UNKNOWN] = 3, [VIEW_WARNING] = 1, [VIEW_CRITICAL] = 2};

	*out = status[m->marks[i].state];
	return true;
}

static bool checked_of(const struct metrics *m, size_t i, int64_t *out)
{
	*out = m->marks[i].at;
	return true;
}

static bool interval_of(const struct metrics *m, size_t i, int64_t *out)
{
	*out = m->conf->domains[i].settings->interval_s;
	return true;
}

static const struct measure_domain *measured(const struct metrics *m, size_t i)
{
	return m->measured ? m->measured[i] : NULL;
}

static bool rrsig_of(const struct metrics *m, size_t i, int64_t *out)
{
	const struct measure_domain *d = measured(m, i);

	*out = d ? d->rrsig_end : 0;
	return *out > 0;
}

static bool mode_of(const struct metrics *m, size_t i, int64_t *out)
{
	const struct measure_domain *d = measured(m, i);

	*out = d ? d->sts_mode : -1;
	return *out >= 0;
}

static bool max_age_of(const struct metrics *m, size_t i, int64_t *out)
{
	const struct measure_domain *d = measured(m, i);

	*out = d ? d->sts_max_age_s : -1;
	return *out >= 0;
}

static bool since_of(const struct metrics *m, size_t i, int64_t *out)
{
	const struct measure_domain *d = measured(m, i);

	*out = d ? d->sts_since : 0;
	return *out > 0;
}

static bool fetched_of(const struct metrics *m, size_t i, int64_t *out)
{
	const struct measure_domain *d = measured(m, i);

	*out = d ? d->sts_fetched : -1;
	return *out >= 0;
}

static bool tls_rpt_of(const struct metrics *m, size_t i, int64_t *out)
{
	const struct measure_domain *d = measured(m, i);

	*out = d ? d->tls_rpt : -1;
	return *out >= 0;
}

static const struct domain_family families[] = {
    {"mxwatch_domain_status", "Worst open problem: 0 none, 1 warning, 2 critical, 3 unknown.",
     status_of},
    {"mxwatch_domain_last_check_timestamp_seconds", "When the domain was looked at.", checked_of},
    {"mxwatch_domain_check_interval_seconds", "How often it is to be looked at.", interval_of},
    {"mxwatch_dnssec_rrsig_expiry_timestamp_seconds",
     "Soonest end of a DNSSEC signature on the way to the mail of the domain.", rrsig_of},
    {"mxwatch_mta_sts_mode", "Mode of the MTA-STS policy: 0 none, 1 testing, 2 enforce.", mode_of},
    {"mxwatch_mta_sts_max_age_seconds", "How long senders may keep the policy.", max_age_of},
    {"mxwatch_mta_sts_policy_first_seen_timestamp_seconds",
     "Since when the policy in force has been served.", since_of},
    {"mxwatch_mta_sts_fetch_success", "1 when the policy that is announced was served.",
     fetched_of},
    {"mxwatch_tls_rpt_valid", "1 with a valid TLS-RPT record, 0 with a faulty one or none.",
     tls_rpt_of},
};

static void domain_family(const struct metrics *m, const struct exposition *e,
			  const struct domain_family *f)
{
	int64_t value;

	metrics_head(e, f->name, "gauge", f->help);
	for (size_t i = 0; i < m->conf->n_domains; i++) {
		const char *name = m->conf->domains[i].name;
		if (m->marks[i].state == VIEW_PENDING || !wanted(m, name) ||
		    !f->value(m, i, &value))
			continue;
		buf_printf(e->out, "%s{", f->name);
		metrics_label(e, "domain", name);
		buf_printf(e->out, "} %lld\n", (long long)value);
	}
}

static void domain_info(const struct metrics *m, const struct exposition *e)
{
	metrics_head(e, "mxwatch_domain_info", "gauge",
		     "Owner, first group and grade of a domain.");
	for (size_t i = 0; i < m->conf->n_domains; i++) {
		const struct conf_domain *d = &m->conf->domains[i];
		if (!wanted(m, d->name))
			continue;
		buf_addstr(e->out, "mxwatch_domain_info{");
		metrics_label(e, "domain", d->name);
		metrics_label(e, ",owner", d->extra->owner);
		metrics_label(e, ",group", d->extra->n_groups ? d->extra->groups[0] : NULL);
		metrics_label(e, ",grade", view_grade_words[m->marks[i].grade]);
		buf_addstr(e->out, "} 1\n");
	}
}

static int dane_of(const struct measure_mx *x)
{
	return x->dane;
}

static int covered_of(const struct measure_mx *x)
{
	return x->covered;
}

static const struct {
	const char *name, *help;
	int (*value)(const struct measure_mx *x); /* -1: there is none */
} mx_families[] = {
    {"mxwatch_mx_dane_valid",
     "1 when the chains of an MX host match its TLSA records, 0 when DANE senders defer.", dane_of},
    {"mxwatch_mta_sts_mx_covered", "1 when the MTA-STS policy names this MX host.", covered_of},
};

static void domain_hosts(const struct metrics *m, const struct exposition *e)
{
	for (size_t k = 0; k < sizeof(mx_families) / sizeof(mx_families[0]); k++) {
		metrics_head(e, mx_families[k].name, "gauge", mx_families[k].help);
		for (size_t i = 0; i < m->conf->n_domains; i++) {
			const struct measure_domain *d = measured(m, i);
			const char *name = m->conf->domains[i].name;
			for (size_t j = 0; d && wanted(m, name) && j < d->n_mx; j++) {
				int value = mx_families[k].value(&d->mx[j]);
				if (value < 0)
					continue;
				buf_printf(e->out, "%s{", mx_families[k].name);
				metrics_label(e, "domain", name);
				metrics_label(e, ",mx", d->mx[j].name);
				buf_printf(e->out, "} %d\n", value);
			}
		}
	}
}

/* -- checks --------------------------------------------------------------------------------- */

static void check_status(const struct exposition *e, const char *domain, const char *check,
			 int status)
{
	buf_addstr(e->out, "mxwatch_check_status{");
	metrics_label(e, "domain", domain);
	metrics_label(e, ",check", check);
	buf_printf(e->out, "} %d\n", status);
}

static bool among(const struct view_problem *problems, size_t n, const char *check)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(problems[i].check, check) == 0)
			return true;
	return false;
}

static void passing(const struct metrics *m, const struct exposition *e, size_t i,
		    const struct view_problem *problems, size_t n)
{
	const struct measure_domain *d = measured(m, i);

	if (m->detail != CONF_METRICS_CHECK || d == NULL)
		return;
	for (size_t k = 0; k < check_count && k < MEASURE_CHECKS; k++)
		if (d->ran[k] && !among(problems, n, check_table[k].id))
			check_status(e, m->conf->domains[i].name, check_table[k].id, 0);
}

/* Problems and domains are both in the order of the names. */
static void checks(const struct metrics *m, const struct exposition *e)
{
	size_t at = 0, n;

	metrics_head(e, "mxwatch_check_status", "gauge",
		     "A check of a domain: 1 warning, 2 critical, 3 unknown; 0 no open problem, "
		     "where web.metrics is check.");
	for (size_t i = 0; i < m->conf->n_domains; i++) {
		const char *name = m->conf->domains[i].name;
		while (at < m->n_problems && strcmp(m->problems[at].domain, name) < 0)
			at++;
		n = 0;
		while (at + n < m->n_problems && strcmp(m->problems[at + n].domain, name) == 0)
			n++;
		if (!wanted(m, name))
			continue;
		for (size_t k = 0; k < n; k++)
			check_status(e, name, m->problems[at + k].check,
				     m->problems[at + k].status);
		passing(m, e, i, &m->problems[at], n);
	}
}

/* -- hosts ---------------------------------------------------------------------------------- */

static const char *const family_words[] = {"ipv4", "ipv6"};

static void service_labels(const struct exposition *e, const char *name, const char *mx,
			   int64_t port)
{
	char number[24];

	snprintf(number, sizeof(number), "%lld", (long long)port);
	buf_printf(e->out, "%s{", name);
	metrics_label(e, "mx", mx);
	metrics_label(e, ",port", number);
}

enum of_family { FAMILY_UP, FAMILY_ADDRESSES, FAMILY_FAILING, FAMILY_VALUES };

/* One line for each port and address family; services are in the order of the ports. */
static void by_family(const struct exposition *e, const struct metrics_host *h, const char *name,
		      enum of_family what)
{
	const struct measure_service *s = h->seen->services;

	for (size_t i = 0, next; i < h->seen->n_services; i = next) {
		int64_t values[2][FAMILY_VALUES] = {{0}};
		for (next = i; next < h->seen->n_services && s[next].port == s[i].port; next++) {
			int64_t *v = values[s[next].ipv6];
			v[FAMILY_ADDRESSES]++;
			v[FAMILY_FAILING] += !s[next].answered;
			v[FAMILY_UP] |= s[next].answered;
		}
		for (int k = 0; k < 2; k++) {
			if (values[k][FAMILY_ADDRESSES] == 0)
				continue;
			service_labels(e, name, h->name, s[i].port);
			metrics_label(e, ",family", family_words[k]);
			buf_printf(e->out, "} %lld\n", (long long)values[k][what]);
		}
	}
}

static void starttls(const struct exposition *e, const struct metrics_host *h, const char *name)
{
	const struct measure_service *s = h->seen->services;

	for (size_t i = 0, next; i < h->seen->n_services; i = next) {
		bool answered = false, all = true;
		for (next = i; next < h->seen->n_services && s[next].port == s[i].port; next++) {
			answered = answered || s[next].answered;
			all = all && (!s[next].answered || s[next].starttls || s[next].tls);
		}
		if (!answered)
			continue;
		service_labels(e, name, h->name, s[i].port);
		buf_printf(e->out, "} %d\n", all);
	}
}

/* What each address negotiated, every combination once. */
static void tls_info(const struct exposition *e, const struct metrics_host *h, const char *name)
{
	const struct measure_service *s = h->seen->services;

	for (size_t i = 0; i < h->seen->n_services; i++) {
		bool again = !s[i].tls;
		for (size_t k = 0; !again && k < i; k++)
			again = s[k].tls && s[k].port == s[i].port &&
				strcmp(s[k].version, s[i].version) == 0 &&
				strcmp(s[k].cipher, s[i].cipher) == 0 &&
				strcmp(s[k].group, s[i].group) == 0;
		if (again)
			continue;
		service_labels(e, name, h->name, s[i].port);
		metrics_label(e, ",version", s[i].version);
		metrics_label(e, ",cipher", s[i].cipher);
		metrics_label(e, ",group", s[i].group);
		buf_addstr(e->out, "} 1\n");
	}
}

static void tlsa_records(const struct exposition *e, const struct metrics_host *h, const char *name)
{
	for (size_t i = 0; i < h->seen->n_tlsa; i++) {
		const struct measure_tlsa *t = &h->seen->tlsa[i];
		service_labels(e, name, h->name, t->port);
		buf_printf(e->out, ",usage=\"%lld\"} %lld\n", (long long)t->usage, (long long)t->n);
	}
}

enum of_address { ADDRESS_VERIFIED, ADDRESS_CONNECT, ADDRESS_BANNER, ADDRESS_HANDSHAKE };

static void by_address(const struct exposition *e, const struct metrics_host *h, const char *name,
		       enum of_address what)
{
	for (size_t i = 0; i < h->seen->n_services; i++) {
		const struct measure_service *s = &h->seen->services[i];
		int64_t ms = what == ADDRESS_CONNECT  ? s->connect_ms
			     : what == ADDRESS_BANNER ? s->greeting_ms
						      : s->handshake_ms;
		bool needs_tls = what == ADDRESS_VERIFIED || what == ADDRESS_HANDSHAKE;
		if (!s->answered || (needs_tls && !s->tls))
			continue;
		service_labels(e, name, h->name, s->port);
		metrics_label(e, ",address", s->address);
		if (what == ADDRESS_VERIFIED)
			buf_printf(e->out, "} %d\n", s->trusted);
		else
			buf_printf(e->out, "} %lld.%03lld\n", (long long)ms / 1000,
				   (long long)ms % 1000);
	}
}

static void up(const struct exposition *e, const struct metrics_host *h, const char *name)
{
	by_family(e, h, name, FAMILY_UP);
}

static void addresses(const struct exposition *e, const struct metrics_host *h, const char *name)
{
	by_family(e, h, name, FAMILY_ADDRESSES);
}

static void failing(const struct exposition *e, const struct metrics_host *h, const char *name)
{
	by_family(e, h, name, FAMILY_FAILING);
}

static void verified(const struct exposition *e, const struct metrics_host *h, const char *name)
{
	by_address(e, h, name, ADDRESS_VERIFIED);
}

static void connecting(const struct exposition *e, const struct metrics_host *h, const char *name)
{
	by_address(e, h, name, ADDRESS_CONNECT);
}

static void greeting(const struct exposition *e, const struct metrics_host *h, const char *name)
{
	by_address(e, h, name, ADDRESS_BANNER);
}

static void handshake(const struct exposition *e, const struct metrics_host *h, const char *name)
{
	by_address(e, h, name, ADDRESS_HANDSHAKE);
}

static const struct {
	const char *name, *help;
	void (*write)(const struct exposition *e, const struct metrics_host *h, const char *name);
} host_families[] = {
    {"mxwatch_mx_up", "1 when an address of the host answered as a mail server.", up},
    {"mxwatch_mx_addresses", "Addresses of the host.", addresses},
    {"mxwatch_mx_addresses_failing", "Those that did not answer.", failing},
    {"mxwatch_mx_starttls_offered", "1 when every address that answered offers TLS.", starttls},
    {"mxwatch_mx_tls_info", "What was negotiated.", tls_info},
    {"mxwatch_mx_tlsa_records", "Signed TLSA records by certificate usage.", tlsa_records},
    {"mxwatch_cert_verified", "1 when the chain leads to the trust store.", verified},
    {"mxwatch_mx_connect_duration_seconds", "Time to connect, at the last look.", connecting},
    {"mxwatch_mx_banner_duration_seconds", "Time to the greeting, at the last look.", greeting},
    {"mxwatch_mx_tls_handshake_duration_seconds", "Time of the handshake, at the last look.",
     handshake},
};

static void hosts(const struct metrics *m, const struct exposition *e)
{
	for (size_t k = 0; k < sizeof(host_families) / sizeof(host_families[0]); k++) {
		metrics_head(e, host_families[k].name, "gauge", host_families[k].help);
		for (size_t i = 0; i < m->n_host; i++)
			if (wanted(m, m->host[i].name))
				host_families[k].write(e, &m->host[i], host_families[k].name);
	}
}

/* -- certificates --------------------------------------------------------------------------- */

/* "host[address]:port" in its parts. */
struct place {
	char host[256], address[64];
	const char *port;
};

static bool split(const char *subject, struct place *p)
{
	const char *open = strchr(subject, '['), *close = strrchr(subject, ']');

	if (open == NULL || close == NULL || close < open || close[1] != ':' ||
	    (size_t)(open - subject) >= sizeof(p->host) ||
	    (size_t)(close - open) > sizeof(p->address))
		return false;
	snprintf(p->host, sizeof(p->host), "%.*s", (int)(open - subject), subject);
	snprintf(p->address, sizeof(p->address), "%.*s", (int)(close - open - 1), open + 1);
	p->port = close + 2;
	return true;
}

static void certificates(const struct metrics *m, const struct exposition *e)
{
	static const struct {
		const char *name, *help;
	} ends[] = {
	    {"mxwatch_cert_not_after_timestamp_seconds",
	     "End of the leaf certificate of a service."},
	    {"mxwatch_cert_not_before_timestamp_seconds", "Its beginning."},
	};
	struct place p;

	for (size_t k = 0; k < 2; k++) {
		metrics_head(e, ends[k].name, "gauge", ends[k].help);
		for (size_t i = 0; i < m->n_expiries; i++) {
			const struct view_expiry *x = &m->expiries[i];
			if (!split(x->subject, &p) || !wanted(m, p.host))
				continue;
			buf_printf(e->out, "%s{", ends[k].name);
			metrics_label(e, "mx", p.host);
			metrics_label(e, ",address", p.address);
			metrics_label(e, ",port", p.port);
			buf_printf(e->out, "} %lld\n",
				   (long long)(k ? x->not_before : x->not_after));
		}
	}
}

void metrics_details(const struct metrics *m, const struct exposition *e)
{
	for (size_t k = 0; k < sizeof(families) / sizeof(families[0]); k++)
		domain_family(m, e, &families[k]);
	domain_info(m, e);
	domain_hosts(m, e);
	checks(m, e);
	hosts(m, e);
	certificates(m, e);
}
