/* SPDX-License-Identifier: ISC */
#include "metrics.h"

#include <string.h>

static void head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void single(struct buf *out, const char *name, const char *type, const char *help,
		   int64_t value)
{
	head(out, name, type, help);
	buf_printf(out, "%s %lld\n", name, (long long)value);
}

/* A label value: backslash, quote and line end escaped. */
static void label(struct buf *out, const char *key, const char *value)
{
	buf_printf(out, "%s=\"", key);
	for (; *value; value++) {
		if (*value == '\n')
			buf_addstr(out, "\\n");
		else if (*value == '\\' || *value == '"')
			buf_printf(out, "\\%c", *value);
		else
			buf_addch(out, *value);
	}
	buf_addch(out, '"');
}

static void totals(const struct metrics *m, struct buf *out)
{
	size_t states[VIEW_N] = {0};
	static const int shown[] = {VIEW_OK, VIEW_WARNING, VIEW_CRITICAL, VIEW_UNKNOWN,
				    VIEW_PENDING};

	for (size_t i = 0; i < m->conf->n_domains; i++)
		states[m->marks[i].state]++;
	head(out, "mxwatch_domains", "gauge", "Watched domains by state.");
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		buf_printf(out, "mxwatch_domains{state=\"%s\"} %zu\n", view_state_words[shown[i]],
			   states[shown[i]]);
	single(out, "mxwatch_hosts", "gauge", "Mail hosts the domains lead to.", m->hosts);
	head(out, "mxwatch_incidents", "gauge", "Open incidents by severity.");
	for (int i = SEVERITY_INFO; i <= SEVERITY_CRITICAL; i++)
		buf_printf(out, "mxwatch_incidents{severity=\"%s\",state=\"open\"} %lld\n",
			   finding_severity_words[i], (long long)m->incidents[i]);
}

static void outbox(const struct metrics *m, struct buf *out)
{
	single(out, "mxwatch_notifications_pending", "gauge", "Notices that wait for delivery.",
	       m->outbox[0]);
	single(out, "mxwatch_notifications_undeliverable", "gauge",
	       "Notices given up, kept in the queue.", m->outbox[2]);
	single(out, "mxwatch_notifications_oldest_pending_seconds", "gauge",
	       "Age of the oldest notice that waits for delivery at once, 0 if there is none.",
	       m->outbox_oldest ? m->now - m->outbox_oldest : 0);
}

static void engine(const struct metrics *m, struct buf *out)
{
	const struct metrics_engine *e = &m->engine;

	if (e->seen_at == 0)
		return;
	single(out, "mxwatch_scheduler_last_tick_timestamp_seconds", "gauge",
	       "When the engine answered last.", e->seen_at);
	single(out, "mxwatch_schedule_lag_seconds", "gauge",
	       "How long the earliest probe of the schedule has been due.", e->lag_s);
	single(out, "mxwatch_config_last_reload_successful", "gauge",
	       "1 unless the last reload was refused.", e->reload_ok);
	single(out, "mxwatch_notifications_dead_total", "counter",
	       "Notices given up since the engine started.", e->given_up);
	single(out, "mxwatch_checks_inflight", "gauge", "Probes under way.", e->in_flight);
	single(out, "mxwatch_observations_waiting", "gauge",
	       "Observations that wait for the state.", e->waiting);
	single(out, "mxwatch_domains_to_judge", "gauge", "Domains that wait to be judged.",
	       e->to_judge);
	single(out, "mxwatch_probers", "gauge", "Prober processes that are up.", e->probers);
	single(out, "mxwatch_observations_total", "counter",
	       "Observations taken since the engine started.", e->observed);
	single(out, "mxwatch_judgements_total", "counter",
	       "Domains judged since the engine started.", e->judged);
	single(out, "mxwatch_self_check_up", "gauge",
	       "1 while we can see: 0 is our own fault and nobody else's.", !e->blind);
	single(out, "mxwatch_state_writable", "gauge", "1 while the state can be written.",
	       e->state_writable);
}

static void domain_value(const struct metrics *m, struct buf *out, const char *name,
			 const char *help, int64_t (*value)(const struct metrics *, size_t))
{
	head(out, name, "gauge", help);
	for (size_t i = 0; i < m->conf->n_domains; i++) {
		if (m->marks[i].state == VIEW_PENDING)
			continue;
		buf_printf(out, "%s{", name);
		label(out, "domain", m->conf->domains[i].name);
		buf_printf(out, "} %lld\n", (long long)value(m, i));
	}
}

static int64_t status_of(const struct metrics *m, size_t i)
{
	static const int status[VIEW_N] = {
	    [VIEW_UNKNOWN] = 3, [VIEW_WARNING] = 1, [VIEW_CRITICAL] = 2};

	return status[m->marks[i].state];
}

static int64_t checked_of(const struct metrics *m, size_t i)
{
	return m->marks[i].at;
}

static int64_t interval_of(const struct metrics *m, size_t i)
{
	return m->conf->domains[i].settings->interval_s;
}

static void domain_info(const struct metrics *m, struct buf *out)
{
	head(out, "mxwatch_domain_info", "gauge", "Owner, first group and grade of a domain.");
	for (size_t i = 0; i < m->conf->n_domains; i++) {
		const struct conf_domain *d = &m->conf->domains[i];
		buf_addstr(out, "mxwatch_domain_info{");
		label(out, "domain", d->name);
		label(out, ",owner", d->extra->owner ? d->extra->owner : "");
		label(out, ",group", d->extra->n_groups ? d->extra->groups[0] : "");
		label(out, ",grade", view_grade_words[m->marks[i].grade]);
		buf_addstr(out, "} 1\n");
	}
}

static void problems(const struct metrics *m, struct buf *out)
{
	head(
	    out, "mxwatch_check_status", "gauge",
	    "Open problems by check: 1 warning, 2 critical, 3 unknown; absent while there is none.");
	for (size_t i = 0; i < m->n_problems; i++) {
		buf_addstr(out, "mxwatch_check_status{");
		label(out, "domain", m->problems[i].domain);
		label(out, ",check", m->problems[i].check);
		buf_printf(out, "} %d\n", m->problems[i].status);
	}
}

/* "host[address]:port" in its parts. */
static void service(struct buf *out, const char *subject)
{
	const char *open = strchr(subject, '['), *close = strrchr(subject, ']');
	char part[512];

	if (open == NULL || close == NULL || close < open || strlen(subject) >= sizeof(part)) {
		label(out, "mx", subject);
		return;
	}
	memcpy(part, subject, (size_t)(open - subject));
	part[open - subject] = '\0';
	label(out, "mx", part);
	memcpy(part, open + 1, (size_t)(close - open - 1));
	part[close - open - 1] = '\0';
	label(out, ",address", part);
	label(out, ",port", close[1] == ':' ? close + 2 : "");
}

static void certificates(const struct metrics *m, struct buf *out)
{
	static const struct {
		const char *name, *help;
	} ends[] = {
	    {"mxwatch_cert_not_after_timestamp_seconds",
	     "End of the leaf certificate of a service."},
	    {"mxwatch_cert_not_before_timestamp_seconds", "Its beginning."},
	};

	for (size_t k = 0; k < 2; k++) {
		head(out, ends[k].name, "gauge", ends[k].help);
		for (size_t i = 0; i < m->n_expiries; i++) {
			const struct view_expiry *e = &m->expiries[i];
			buf_printf(out, "%s{", ends[k].name);
			service(out, e->subject);
			buf_printf(out, "} %lld\n", (long long)(k ? e->not_before : e->not_after));
		}
	}
}

void metrics_text(const struct metrics *m, struct buf *out)
{
	head(out, "mxwatch_build_info", "gauge", "The program that answers.");
	buf_addstr(out, "mxwatch_build_info{");
	label(out, "version", m->version);
	buf_addstr(out, "} 1\n");
	single(out, "mxwatch_start_time_seconds", "gauge", "When this process started.",
	       m->started);
	single(out, "mxwatch_config_last_reload_success_timestamp_seconds", "gauge",
	       "When the configuration in force was read.", m->loaded);
	totals(m, out);
	outbox(m, out);
	engine(m, out);
	if (m->conf->n_domains > METRICS_DOMAINS)
		return;
	domain_value(m, out, "mxwatch_domain_status",
		     "Worst open problem: 0 none, 1 warning, 2 critical, 3 unknown.", status_of);
	domain_value(m, out, "mxwatch_domain_last_check_timestamp_seconds",
		     "When the domain was looked at.", checked_of);
	domain_value(m, out, "mxwatch_domain_check_interval_seconds",
		     "How often it is to be looked at.", interval_of);
	domain_info(m, out);
	problems(m, out);
	certificates(m, out);
}
