/* SPDX-License-Identifier: ISC */
#include "metrics.h"

#include <stddef.h>
#include <string.h>

#include "metrics_parts.h"

/* -- an exposition -------------------------------------------------------------------------- */

void metrics_head(const struct exposition *e, const char *name, const char *type, const char *help)
{
	size_t len = strlen(name);

	if (e->open_metrics && strcmp(type, "counter") == 0)
		len -= strlen("_total"); /* the family's name there */
	buf_printf(e->out, "# HELP %.*s %s\n# TYPE %.*s %s\n", (int)len, name, help, (int)len, name,
		   type);
}

void metrics_single(const struct exposition *e, const char *name, const char *type,
		    const char *help, int64_t value)
{
	metrics_head(e, name, type, help);
	buf_printf(e->out, "%s %lld\n", name, (long long)value);
}

void metrics_label(const struct exposition *e, const char *key, const char *value)
{
	buf_printf(e->out, "%s=\"", key);
	for (; value && *value; value++) {
		if (*value == '\n')
			buf_addstr(e->out, "\\n");
		else if (*value == '\\' || *value == '"')
			buf_printf(e->out, "\\%c", *value);
		else
			buf_addch(e->out, *value);
	}
	buf_addch(e->out, '"');
}

void metrics_end(const struct exposition *e)
{
	if (e->open_metrics)
		buf_addstr(e->out, "# EOF\n");
}

/* -- the daemon itself ---------------------------------------------------------------------- */

static void totals(const struct metrics *m, const struct exposition *e)
{
	size_t states[VIEW_N] = {0};
	static const int shown[] = {VIEW_OK, VIEW_WARNING, VIEW_CRITICAL, VIEW_UNKNOWN,
				    VIEW_PENDING};

	for (size_t i = 0; i < m->conf->n_domains; i++)
		states[m->marks[i].state]++;
	metrics_head(e, "mxwatch_domains", "gauge", "Watched domains by state.");
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		buf_printf(e->out, "mxwatch_domains{state=\"%s\"} %zu\n",
			   view_state_words[shown[i]], states[shown[i]]);
	metrics_single(e, "mxwatch_hosts", "gauge", "Mail hosts the domains lead to.", m->hosts);
	metrics_head(e, "mxwatch_incidents", "gauge", "Open incidents by severity.");
	for (int i = SEVERITY_INFO; i <= SEVERITY_CRITICAL; i++)
		buf_printf(e->out, "mxwatch_incidents{severity=\"%s\",state=\"open\"} %lld\n",
			   finding_severity_words[i], (long long)m->incidents[i]);
}

/* "12.345", or nothing where it is not known. */
static void seconds(const struct exposition *e, const char *name, const char *help, int64_t ms)
{
	if (ms < 0)
		return;
	metrics_head(e, name, "counter", help);
	buf_printf(e->out, "%s %lld.%03lld\n", name, (long long)ms / 1000, (long long)ms % 1000);
}

static void known(const struct exposition *e, const char *name, const char *help, int64_t value)
{
	if (value >= 0)
		metrics_single(e, name, "gauge", help, value);
}

static void process(const struct exposition *e, const struct metrics_process *p)
{
	known(e, "process_start_time_seconds", "When this process started.", p->started);
	seconds(e, "process_cpu_seconds_total", "Processor time this process has used.", p->cpu_ms);
	known(e, "process_resident_memory_bytes", "Memory this process holds.", p->resident_bytes);
	known(e, "process_open_fds", "Descriptors this process has open.", p->open_fds);
}

static void engine_process(const struct exposition *e, const struct metrics_process *p)
{
	known(e, "mxwatch_engine_start_time_seconds", "When the engine started.", p->started);
	seconds(e, "mxwatch_engine_cpu_seconds_total", "Processor time the engine has used.",
		p->cpu_ms);
	known(e, "mxwatch_engine_resident_memory_bytes", "Memory the engine holds.",
	      p->resident_bytes);
	known(e, "mxwatch_engine_open_fds", "Descriptors the engine has open.", p->open_fds);
}

/* member: where in struct metrics_receiver the value lies. */
static void by_receiver(const struct metrics *m, const struct exposition *e, const char *name,
			const char *help, size_t member)
{
	metrics_head(e, name, "gauge", help);
	for (size_t i = 0; i < m->n_receivers; i++) {
		int64_t value;
		memcpy(&value, (const char *)&m->receivers[i] + member, sizeof(value));
		buf_printf(e->out, "%s{", name);
		metrics_label(e, "receiver", m->receivers[i].name);
		buf_printf(e->out, "} %lld\n", (long long)value);
	}
}

static void outbox(const struct metrics *m, const struct exposition *e)
{
	by_receiver(m, e, "mxwatch_notifications_pending", "Notices that wait for delivery.",
		    offsetof(struct metrics_receiver, pending));
	by_receiver(m, e, "mxwatch_notifications_held",
		    "Those of them that a silence or a maintenance window holds back.",
		    offsetof(struct metrics_receiver, held));
	by_receiver(m, e, "mxwatch_notifications_undeliverable",
		    "Notices given up, kept in the queue.",
		    offsetof(struct metrics_receiver, dead));
	by_receiver(m, e, "mxwatch_notifications_oldest_pending_seconds",
		    "How long the oldest notice that is to leave at once has waited, 0 if there is "
		    "none; what is held back or waits for its digest does not count.",
		    offsetof(struct metrics_receiver, waited_s));
}

static void notifications(const struct metrics *m, const struct exposition *e)
{
	static const char *const results[] = {"delivered", "failed", "dead"};

	metrics_head(e, "mxwatch_notifications_total", "counter",
		     "Notices since the engine started, by what became of them; failed: an attempt "
		     "that is repeated.");
	for (size_t i = 0; i < m->n_receivers; i++) {
		const struct metrics_receiver *r = &m->receivers[i];
		const int64_t values[] = {r->n_delivered, r->n_failed, r->n_given_up};
		for (size_t k = 0; k < 3; k++) {
			buf_addstr(e->out, "mxwatch_notifications_total{");
			metrics_label(e, "receiver", r->name);
			buf_printf(e->out, ",result=\"%s\"} %lld\n", results[k],
				   (long long)values[k]);
		}
	}
}

static void checks(const struct metrics_engine *g, const struct exposition *e)
{
	metrics_head(
	    e, "mxwatch_checks_total", "counter",
	    "Checks of the domains that were judged, by result, since the engine started.");
	for (int i = 0; i <= FINDING_UNKNOWN; i++)
		buf_printf(e->out, "mxwatch_checks_total{result=\"%s\"} %lld\n",
			   finding_status_words[i], (long long)g->findings[i]);
}

static void engine(const struct metrics *m, const struct exposition *e)
{
	const struct metrics_engine *g = &m->engine;

	if (g->seen_at == 0)
		return;
	metrics_single(e, "mxwatch_scheduler_last_tick_timestamp_seconds", "gauge",
		       "When the engine answered last.", g->seen_at);
	metrics_single(e, "mxwatch_schedule_lag_seconds", "gauge",
		       "How long the earliest probe of the schedule has been due.", g->lag_s);
	metrics_single(e, "mxwatch_config_last_reload_successful", "gauge",
		       "1 unless the last reload was refused.", g->reload_ok);
	metrics_single(e, "mxwatch_notifications_dead_total", "counter",
		       "Notices given up since the engine started.", g->given_up);
	metrics_single(e, "mxwatch_checks_inflight", "gauge", "Probes under way.", g->in_flight);
	metrics_single(e, "mxwatch_observations_waiting", "gauge",
		       "Observations that wait for the state.", g->waiting);
	metrics_single(e, "mxwatch_domains_to_judge", "gauge", "Domains that wait to be judged.",
		       g->to_judge);
	metrics_single(e, "mxwatch_probers", "gauge", "Prober processes that are up.", g->probers);
	metrics_single(e, "mxwatch_observations_total", "counter",
		       "Observations taken since the engine started.", g->observed);
	metrics_single(e, "mxwatch_judgements_total", "counter",
		       "Domains judged since the engine started.", g->judged);
	checks(g, e);
	notifications(m, e);
	engine_process(e, &g->process);
	metrics_single(e, "mxwatch_self_check_up", "gauge",
		       "1 while we can see: 0 is our own fault and nobody else's.", !g->blind);
	metrics_single(e, "mxwatch_state_writable", "gauge", "1 while the state can be written.",
		       g->state_writable);
}

static void changed(const struct metrics *m, const struct exposition *e)
{
	metrics_single(e, "mxwatch_changes_total", "counter",
		       "Changes of domains and hosts since the state began.", m->changes);
}

static void muted(const struct metrics *m, const struct exposition *e)
{
	metrics_single(e, "mxwatch_silences", "gauge", "Silences in force.", m->silences);
	metrics_single(e, "mxwatch_domains_muted", "gauge",
		       "Domains whose critical problems are held back now, of whatever event.",
		       m->muted);
	metrics_head(e, "mxwatch_maintenance_active", "gauge",
		     "1 while the maintenance window of the configuration is open.");
	for (size_t i = 0; i < m->n_windows; i++) {
		const struct metrics_window *w = &m->windows[i];
		buf_addstr(e->out, "mxwatch_maintenance_active{");
		metrics_label(e, "maintenance", w->name);
		buf_printf(e->out, "} %d\n", w->from <= m->now && m->now < w->until);
	}
	metrics_head(e, "mxwatch_maintenance_begin_timestamp_seconds", "gauge",
		     "Begin of the window that is open, or else of the next one.");
	for (size_t i = 0; i < m->n_windows; i++) {
		if (m->windows[i].until == 0)
			continue;
		buf_addstr(e->out, "mxwatch_maintenance_begin_timestamp_seconds{");
		metrics_label(e, "maintenance", m->windows[i].name);
		buf_printf(e->out, "} %lld\n", (long long)m->windows[i].from);
	}
}

static void daemon_itself(const struct metrics *m, const struct exposition *e)
{
	metrics_head(e, "mxwatch_build_info", "gauge", "The program that answers.");
	buf_addstr(e->out, "mxwatch_build_info{");
	metrics_label(e, "version", m->version);
	buf_addstr(e->out, "} 1\n");
	metrics_single(e, "mxwatch_start_time_seconds", "gauge", "When this process started.",
		       m->started);
	metrics_single(e, "mxwatch_config_last_reload_success_timestamp_seconds", "gauge",
		       "When the configuration in force was read.", m->loaded);
	process(e, &m->process);
	totals(m, e);
	changed(m, e);
	muted(m, e);
	outbox(m, e);
	engine(m, e);
}

/* -- how much ------------------------------------------------------------------------------- */

enum conf_metrics metrics_detail(enum conf_metrics wish, size_t domains)
{
	if (wish != CONF_METRICS_AUTO)
		return wish;
	return domains <= METRICS_CHECKS    ? CONF_METRICS_CHECK
	       : domains <= METRICS_DOMAINS ? CONF_METRICS_DOMAIN
					    : CONF_METRICS_SUMMARY;
}

bool metrics_in_shard(const char *name, size_t shard, size_t shards)
{
	uint32_t h = 2166136261u; /* FNV-1a: a name stays in its shard */

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 16777619u;
	return h % shards == shard;
}

void metrics_text(const struct metrics *m, bool open_metrics, struct buf *out)
{
	const struct exposition e = {out, open_metrics};

	daemon_itself(m, &e);
	if (m->detail != CONF_METRICS_SUMMARY)
		metrics_details(m, &e);
	metrics_end(&e);
}

void metrics_shard_text(const struct metrics *m, bool open_metrics, struct buf *out)
{
	const struct exposition e = {out, open_metrics};

	metrics_details(m, &e);
	metrics_end(&e);
}
