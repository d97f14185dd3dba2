/* SPDX-License-Identifier: ISC
 *
 * One domain's judgement as people and programs read it: text for a terminal, the JSON of the
 * contract, a monitoring plugin's line, Prometheus' text format.  Pure.
 */
#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>

#include <jansson.h>

#include "buf.h"
#include "eval.h"
#include "finding.h"
#include "grade.h"

#define REPORT_SCHEMA 1

struct report {
	const struct eval_input *in; /* observations, settings, time */
	const struct findings *findings;
	struct grade grade;  /* letter NULL: no grade */
	const char *unicode; /* the domain in U-labels where that differs, else NULL */
	int64_t duration_ms;
};

struct report_style {
	bool color;
	bool explain; /* every finding with why, advice and reference */
	bool quiet;   /* the verdict line alone */
	int width;    /* columns, at least 40 */
};

/* The verdict first, then what to do first, then a block per area. */
void report_text(const struct report *r, const struct report_style *style, struct buf *out);
/* Exactly the contract's object; new reference. */
json_t *report_json(const struct report *r);

/* A monitoring plugin's output: one line about the worst domain and performance data behind
 * '|', then a line for each other domain, worst first, and what is wrong with each. */
struct report_plugin {
	struct report_plugin_row *row;
	size_t n;
	bool several;
};
void report_plugin_init(struct report_plugin *p, size_t n_domains);
void report_plugin_clear(struct report_plugin *p);
void report_plugin_add(struct report_plugin *p, const struct report *r);
/* Returns the worst domain's exit status, 3 when there was none. */
int report_plugin_print(struct report_plugin *p, struct buf *out);

/* Samples of any number of reports, kept by metric: an exposition names each metric once. */
enum { REPORT_METRICS = 4 };
struct report_metrics {
	struct buf samples[REPORT_METRICS];
};
void report_metrics_init(struct report_metrics *m);
void report_metrics_clear(struct report_metrics *m);
void report_metrics_add(struct report_metrics *m, const struct report *r);
/* What was added, in Prometheus' text format. */
void report_prometheus(const struct report_metrics *m, struct buf *out);

/* 2 any fail, else 1 any warn, else 3 any unknown, else 0. */
int report_exit(const struct findings *findings);
/* The same for a monitoring plugin: 0 ok, 1 warning, 2 critical, 3 unknown, by severity. */
int report_nagios_exit(const struct findings *findings);

#endif
