/* SPDX-License-Identifier: ISC
 *
 * Reports for monitoring systems: a plugin's output, of which the first line is what people
 * see, and Prometheus' text format.
 */
#include "report.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "mem.h"

#define METRIC_MAX	(64 << 20)
#define HEAD_MAX	1024
#define PERFORMANCE_MAX 4096
#define DETAILS_MAX	3500 /* of all domains; daemons cut at 4 or 8 KiB */

/* Seconds until the first leaf certificate of the MX hosts ends; false if none was seen. */
static bool cert_left(const struct report *r, int64_t *left)
{
	bool any = false;
	for (size_t i = 0; i < r->in->n_hosts; i++) {
		const struct obs_host *h = r->in->hosts[i]->host;
		for (size_t k = 0; h != NULL && k < h->n_services; k++) {
			const struct obs_tls *tls = h->services[k].tls;
			if (tls == NULL || tls->n_chain == 0 || tls->chain[0].bad_dates)
				continue;
			int64_t here = tls->chain[0].not_after - r->in->now;
			if (!any || here < *left)
				*left = here;
			any = true;
		}
	}
	return any;
}

/* 2 outranks 1 outranks 3 outranks 0: a problem that is certain counts more than none known. */
static int worse(int a, int b)
{
	static const int weight[] = {0, 2, 3, 1};
	return weight[b] > weight[a] ? b : a;
}

/* -- a plugin's output (Monitoring Plugins guidelines) ---------------------------------------- */

struct report_plugin_row {
	int code;
	struct buf head, performance, details;
};

int report_nagios_exit(const struct findings *findings)
{
	enum finding_severity worst = SEVERITY_NONE;
	for (size_t i = 0; i < findings->n; i++) {
		if (findings->item[i].severity > worst)
			worst = findings->item[i].severity;
	}
	return worst == SEVERITY_CRITICAL		       ? 2
	       : worst == SEVERITY_WARNING		       ? 1
	       : findings_count(findings, FINDING_UNKNOWN) > 0 ? 3
							       : 0;
}

/* Whole text without what a plugin's output gives a meaning. */
static void scrub(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++)
		buf_addch(out, *text == '|' || *text == '\n' ? '/' : *text);
}

static const struct finding *worst_of(const struct findings *f, int code)
{
	const struct finding *worst = NULL;
	for (size_t i = 0; i < f->n; i++) {
		const struct finding *it = &f->item[i];
		bool counts =
		    it->severity > SEVERITY_INFO || (code == 3 && it->status == FINDING_UNKNOWN);
		if (counts && (worst == NULL || it->severity > worst->severity))
			worst = it;
	}
	return worst;
}

static void head_of(const struct report *r, int code, struct buf *out)
{
	const struct finding *worst = worst_of(r->findings, code);
	buf_printf(out, "%s: ", r->in->domain->subject);
	if (worst != NULL)
		scrub(out, worst->summary);
	else
		buf_printf(out, "%zu checks passed", findings_count(r->findings, FINDING_PASS));
	if (r->grade.letter != NULL)
		buf_printf(out, " (grade %s)", r->grade.letter);
}

/* label=value; several domains share the line: 'domain label'=value. */
static void measure(struct buf *out, const char *domain, const char *label, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static void measure(struct buf *out, const char *domain, const char *label, const char *fmt, ...)
{
	va_list ap;
	buf_printf(out, domain != NULL ? " '%s %s'=" : " %s%s=", domain != NULL ? domain : "",
		   label);
	va_start(ap, fmt);
	buf_vprintf(out, fmt, ap);
	va_end(ap);
}

static void performance_of(const struct report *r, const char *domain, struct buf *out)
{
	static const struct {
		const char *label;
		enum finding_status status;
	} counts[] = {{"failed", FINDING_FAIL},
		      {"warnings", FINDING_WARN},
		      {"unknown", FINDING_UNKNOWN},
		      {"passed", FINDING_PASS}};
	int64_t left;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		measure(out, domain, counts[i].label, "%zu;;;0",
			findings_count(r->findings, counts[i].status));
	if (cert_left(r, &left))
		measure(out, domain, "cert_days", "%lld.%lld;;;", (long long)(left / 86400),
			(long long)llabs(left % 86400 * 10 / 86400));
	measure(out, domain, "time", "%lld.%03llds;;;0", (long long)(r->duration_ms / 1000),
		(long long)(r->duration_ms % 1000));
}

static void details_of(const struct findings *f, struct buf *out)
{
	for (size_t i = 0; i < f->n; i++) {
		if (f->item[i].severity <= SEVERITY_INFO)
			continue;
		buf_printf(out, "%s %s: ", f->item[i].status == FINDING_FAIL ? "FAIL" : "WARN",
			   f->item[i].subject);
		scrub(out, f->item[i].summary);
		buf_addch(out, '\n');
	}
}

void report_plugin_init(struct report_plugin *p, size_t n_domains)
{
	*p = (struct report_plugin){.row = mem_array(n_domains, sizeof(*p->row)),
				    .several = n_domains > 1};
}

void report_plugin_clear(struct report_plugin *p)
{
	for (size_t i = 0; i < p->n; i++) {
		buf_clear(&p->row[i].head);
		buf_clear(&p->row[i].performance);
		buf_clear(&p->row[i].details);
	}
	free(p->row);
}

void report_plugin_add(struct report_plugin *p, const struct report *r)
{
	struct report_plugin_row *row = &p->row[p->n++];
	buf_init(&row->head, HEAD_MAX);
	buf_init(&row->performance, PERFORMANCE_MAX);
	buf_init(&row->details, DETAILS_MAX);
	row->code = report_nagios_exit(r->findings);
	head_of(r, row->code, &row->head);
	performance_of(r, p->several ? r->in->domain->subject : NULL, &row->performance);
	details_of(r->findings, &row->details);
}

static const char *const plugin_words[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};

/* "; of 3 domains 1 CRITICAL, 2 OK" */
static void count_domains(const struct report_plugin *p, struct buf *out)
{
	static const int order[] = {2, 1, 3, 0};
	const char *join = "";
	buf_printf(out, "; of %zu domains ", p->n);
	for (size_t i = 0; i < 4; i++) {
		size_t n = 0;
		for (size_t k = 0; k < p->n; k++)
			n += p->row[k].code == order[i];
		if (n == 0)
			continue;
		buf_printf(out, "%s%zu %s", join, n, plugin_words[order[i]]);
		join = ", ";
	}
}

/* The first of the worst not yet printed. */
static struct report_plugin_row *next_row(struct report_plugin *p, const bool *printed)
{
	struct report_plugin_row *next = NULL;
	for (size_t i = 0; i < p->n; i++) {
		if (!printed[i] &&
		    (next == NULL || worse(next->code, p->row[i].code) != next->code))
			next = &p->row[i];
	}
	return next;
}

int report_plugin_print(struct report_plugin *p, struct buf *out)
{
	bool *printed = mem_array(p->n, sizeof(*printed));
	struct report_plugin_row *row, *first = next_row(p, printed);
	size_t ceiling = out->len;
	for (size_t i = 0; i < p->n; i++) {
		row = next_row(p, printed);
		printed[row - p->row] = true;
		buf_printf(out, "%s%s - %s", row == first ? "MXWATCH " : "",
			   plugin_words[row->code], buf_str(&row->head));
		if (row == first && p->several)
			count_domains(p, out);
		if (row == first) {
			buf_addstr(out, " |");
			for (size_t k = 0; k < p->n; k++)
				buf_addstr(out, buf_str(&p->row[k].performance));
			ceiling = out->len + DETAILS_MAX;
		}
		buf_addch(out, '\n');
		if (out->len + row->details.len <= ceiling)
			buf_addstr(out, buf_str(&row->details));
	}
	free(printed);
	return first != NULL ? first->code : 3;
}

/* -- Prometheus ------------------------------------------------------------------------------- */

static int scale(const struct finding *f)
{
	return f->severity == SEVERITY_CRITICAL	 ? 2
	       : f->severity == SEVERITY_WARNING ? 1
	       : f->status == FINDING_UNKNOWN	 ? 3
						 : 0;
}

enum metric { CHECK_STATUS, DOMAIN_STATUS, LAST_CHECK, NOT_AFTER };

static const struct {
	const char *name, *help;
} metrics[REPORT_METRICS] = {
    [CHECK_STATUS] = {"mxwatch_check_status",
		      "Worst state of a check: 0 ok, 1 warning, 2 critical, 3 unknown."},
    [DOMAIN_STATUS] = {"mxwatch_domain_status",
		       "Worst state of the domain: 0 ok, 1 warning, 2 critical, 3 unknown."},
    [LAST_CHECK] = {"mxwatch_domain_last_check_timestamp_seconds",
		    "When the domain was looked at."},
    [NOT_AFTER] = {"mxwatch_cert_not_after_timestamp_seconds",
		   "End of the first leaf certificate to end."},
};

void report_metrics_init(struct report_metrics *m)
{
	for (size_t i = 0; i < REPORT_METRICS; i++)
		buf_init(&m->samples[i], METRIC_MAX);
}

void report_metrics_clear(struct report_metrics *m)
{
	for (size_t i = 0; i < REPORT_METRICS; i++)
		buf_clear(&m->samples[i]);
}

void report_metrics_add(struct report_metrics *m, const struct report *r)
{
	const struct findings *f = r->findings;
	const char *domain = r->in->domain->subject;
	int all = 0;
	for (size_t c = 0; c < check_count; c++) {
		int state = 0;
		bool run = false;
		for (size_t i = 0; i < f->n; i++) {
			if (f->item[i].status == FINDING_SKIP ||
			    strcmp(f->item[i].id, check_table[c].id) != 0)
				continue;
			run = true;
			state = worse(state, scale(&f->item[i]));
		}
		all = worse(all, state);
		if (run)
			buf_printf(&m->samples[CHECK_STATUS], "%s{domain=\"%s\",check=\"%s\"} %d\n",
				   metrics[CHECK_STATUS].name, domain, check_table[c].id, state);
	}
	buf_printf(&m->samples[DOMAIN_STATUS], "%s{domain=\"%s\"} %d\n",
		   metrics[DOMAIN_STATUS].name, domain, all);
	buf_printf(&m->samples[LAST_CHECK], "%s{domain=\"%s\"} %lld\n", metrics[LAST_CHECK].name,
		   domain, (long long)r->in->now);
	int64_t left;
	if (cert_left(r, &left))
		buf_printf(&m->samples[NOT_AFTER], "%s{domain=\"%s\"} %lld\n",
			   metrics[NOT_AFTER].name, domain, (long long)(r->in->now + left));
}

void report_prometheus(const struct report_metrics *m, struct buf *out)
{
	for (size_t i = 0; i < REPORT_METRICS; i++) {
		if (m->samples[i].len == 0)
			continue;
		buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n", metrics[i].name, metrics[i].help,
			   metrics[i].name);
		buf_add(out, buf_str(&m->samples[i]), m->samples[i].len);
	}
}
