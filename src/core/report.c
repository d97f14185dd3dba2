/* SPDX-License-Identifier: ISC
 *
 * The text report reads from the top: the verdict, what to do first, then one block per area
 * where what passed takes a line a check, and at the end what was not tested and why.  All
 * strings of findings are safe to print (finding.h).
 */
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "stamp.h"
#include "text.h"

#define INDENT	   36 /* where summaries begin: the longest id fits */
#define FIRST_MAX  5  /* things to do first */

static const struct {
	const char *word;
	const char *color;
} status_style[] = {
    [FINDING_PASS] = {"OK", "\033[32m"},   [FINDING_INFO] = {"INFO", "\033[36m"},
    [FINDING_WARN] = {"WARN", "\033[33m"}, [FINDING_FAIL] = {"FAIL", "\033[1;31m"},
    [FINDING_SKIP] = {"SKIP", "\033[2m"},  [FINDING_UNKNOWN] = {"????", "\033[35m"},
};

int report_exit(const struct findings *findings)
{
	return findings_count(findings, FINDING_FAIL) > 0      ? 2
	       : findings_count(findings, FINDING_WARN) > 0    ? 1
	       : findings_count(findings, FINDING_UNKNOWN) > 0 ? 3
						      : 0;
}

/* -- lines ---------------------------------------------------------------------------------- */

struct page {
	const struct report *r;
	const struct report_style *style;
	struct buf *out;
};

static void paint(const struct page *p, const char *color, const char *text)
{
	if (p->style->color)
		buf_printf(p->out, "%s%s\033[0m", color, text);
	else
		buf_addstr(p->out, text);
}

static void word(const struct page *p, enum finding_status status)
{
	paint(p, status_style[status].color, status_style[status].word);
	for (size_t n = strlen(status_style[status].word); n < 6; n++)
		buf_addch(p->out, ' ');
}

/* Columns of a UTF-8 word: its characters. */
static size_t columns(const char *s, size_t len)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)s[i] & 0xc0) != 0x80;
	return n;
}

/* Text from column `at`, broken at blanks, continued under `indent`; ends the line. */
static void wrap(const struct page *p, const char *text, size_t at, size_t indent)
{
	size_t width = p->style->width < 40 ? 40 : (size_t)p->style->width;
	bool first = true;
	while (*text != '\0') {
		size_t len = strcspn(text, " "), wide = columns(text, len);
		if (!first && at + 1 + wide > width) {
			buf_printf(p->out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (!first) {
			buf_addch(p->out, ' ');
			at++;
		}
		buf_add(p->out, text, len);
		at += wide;
		text += len;
		text += strspn(text, " ");
		first = false;
	}
	buf_addch(p->out, '\n');
}

static const char *title(const struct finding *f)
{
	const struct check *c = check_find(f->id);
	return c != NULL ? c->area : "Other";
}

static bool about_the_domain(const struct page *p, const struct finding *f)
{
	return strcmp(f->subject, p->r->in->domain->subject) == 0;
}

/* "  WARN  tls.version          text" */
static void row(const struct page *p, const struct finding *f, const char *text)
{
	buf_addstr(p->out, "  ");
	word(p, f->status);
	int n = (int)strlen(f->id);
	buf_addstr(p->out, f->id);
	if (n < INDENT - 9)
		buf_printf(p->out, "%*s", INDENT - 8 - n, "");
	else
		buf_printf(p->out, "\n%*s", INDENT, "");
	wrap(p, text, INDENT, INDENT);
}

static void summary_row(const struct page *p, const struct finding *f)
{
	char text[2048];
	if (about_the_domain(p, f))
		snprintf(text, sizeof(text), "%s", f->summary);
	else
		snprintf(text, sizeof(text), "%s: %s", f->subject, f->summary);
	row(p, f, text);
}

static void advice_lines(const struct page *p, const struct finding *f, size_t indent)
{
	char text[2048];
	if (f->advice == NULL || f->advice[0] == '\0')
		return;
	snprintf(text, sizeof(text), "%s%s%s%s", f->advice, f->reference[0] ? " [" : "",
		 f->reference, f->reference[0] ? "]" : "");
	buf_printf(p->out, "%*s", (int)indent, "");
	wrap(p, text, indent, indent);
}

/* -- the verdict ------------------------------------------------------------------------------ */

static void plural(struct buf *out, size_t n, const char *one, const char *many)
{
	if (n > 0)
		buf_printf(out, "%s%zu %s", out->len > 0 ? ", " : "", n, n == 1 ? one : many);
}

static void verdict(const struct page *p)
{
	const struct report *r = p->r;
	const struct findings *f = r->findings;
	static const enum finding_status of_exit[] = {FINDING_PASS, FINDING_WARN, FINDING_FAIL,
						      FINDING_UNKNOWN};
	enum finding_status status = of_exit[report_exit(f)];
	char at[STAMP_TEXT];
	struct buf counts;

	word(p, status);
	paint(p, "\033[1m", r->in->domain->subject);
	if (r->unicode != NULL)
		buf_printf(p->out, " (%s)", r->unicode);
	if (r->grade.letter != NULL) {
		buf_addstr(p->out, "  grade ");
		paint(p, "\033[1m", r->grade.letter);
	}
	buf_addstr(p->out, "\n");

	buf_init(&counts, 512);
	plural(&counts, findings_count(f, FINDING_FAIL), "failed", "failed");
	plural(&counts, findings_count(f, FINDING_WARN), "warning", "warnings");
	plural(&counts, findings_count(f, FINDING_UNKNOWN), "unknown", "unknown");
	plural(&counts, findings_count(f, FINDING_PASS), "passed", "passed");
	plural(&counts, findings_count(f, FINDING_INFO), "note", "notes");
	plural(&counts, findings_count(f, FINDING_SKIP), "not tested", "not tested");
	buf_printf(&counts, "; %s, %.1f s", stamp_format(at, r->in->now),
		   (double)r->duration_ms / 1000);
	buf_addstr(p->out, "      ");
	wrap(p, buf_str(&counts), 6, 6);
	buf_clear(&counts);
	if (r->grade.letter != NULL && r->grade.rule != NULL) {
		char text[1024];
		snprintf(text, sizeof(text), "Grade %s%s%s%s", r->grade.rule,
			 r->grade.subject ? " (" : "", r->grade.subject ? r->grade.subject : "",
			 r->grade.subject ? ")" : "");
		buf_addstr(p->out, "      ");
		wrap(p, text, 6, 6);
	}
}

static int by_weight(const void *a, const void *b)
{
	const struct finding *x = *(const struct finding *const *)a;
	const struct finding *y = *(const struct finding *const *)b;
	if (x->severity != y->severity)
		return (int)y->severity - (int)x->severity;
	if (x->status != y->status)
		return (int)y->status - (int)x->status;
	return (x > y) - (x < y);
}

/* Already said by its parent's row: a broken handshake explains what follows from it. */
static bool explained(const struct report *r, const struct finding *f)
{
	const struct check *c = check_find(f->id);
	for (int depth = 0; c != NULL && c->parent != NULL && depth < 8; depth++) {
		for (size_t i = 0; i < r->findings->n; i++) {
			const struct finding *p = &r->findings->item[i];
			bool same =
			    strcmp(p->subject, f->subject) == 0 ||
			    (p->host != NULL && f->host != NULL && strcmp(p->host, f->host) == 0);
			if (p->status == FINDING_FAIL && same && strcmp(p->id, c->parent) == 0)
				return true;
		}
		c = check_find(c->parent);
	}
	return false;
}

static void do_first(const struct page *p)
{
	const struct findings *f = p->r->findings;
	const struct finding **bad = calloc(f->n + 1, sizeof(*bad));
	size_t n = 0;
	for (size_t i = 0; bad != NULL && i < f->n; i++) {
		const struct finding *it = &f->item[i];
		if ((it->status == FINDING_FAIL || it->status == FINDING_WARN) &&
		    !explained(p->r, it))
			bad[n++] = it;
	}
	if (n > 0) {
		qsort(bad, n, sizeof(const struct finding *), by_weight);
		buf_addch(p->out, '\n');
		paint(p, "\033[1m", "What to do first");
		buf_addch(p->out, '\n');
	}
	for (size_t i = 0; i < n && i < FIRST_MAX; i++) {
		char text[2048];
		snprintf(text, sizeof(text), "%s%s%s",
			 about_the_domain(p, bad[i]) ? "" : bad[i]->subject,
			 about_the_domain(p, bad[i]) ? "" : ": ", bad[i]->summary);
		buf_addstr(p->out, "  ");
		word(p, bad[i]->status);
		wrap(p, text, 8, 8);
		advice_lines(p, bad[i], 8);
	}
	if (n > FIRST_MAX)
		buf_printf(p->out, "        ... and %zu more below\n", n - FIRST_MAX);
	free(bad);
}

/* -- the areas ----------------------------------------------------------------------------------
 */

/* All that passed of one check, in one line, at its first finding. */
static void passed_row(const struct page *p, size_t at)
{
	const struct findings *f = p->r->findings;
	const struct finding *it = &f->item[at];
	size_t n = 0;
	for (size_t i = 0; i < f->n; i++) {
		if (f->item[i].status != FINDING_PASS || strcmp(f->item[i].id, it->id) != 0)
			continue;
		if (i < at)
			return;
		n++;
	}
	char text[2048];
	if (n == 1)
		snprintf(text, sizeof(text), "%s", it->summary);
	else
		snprintf(text, sizeof(text), "%s (and %zu more)", it->summary, n - 1);
	row(p, it, text);
}

static void explained_rows(const struct page *p, const struct finding *f)
{
	const struct check *c = check_find(f->id);
	summary_row(p, f);
	if (c != NULL && c->why != NULL && c->why[0] != '\0') {
		buf_printf(p->out, "%*s", INDENT, "");
		wrap(p, c->why, INDENT, INDENT);
	}
	if (f->advice == NULL || f->advice[0] == '\0') {
		if (f->reference[0] != '\0')
			buf_printf(p->out, "%*s[%s]\n", INDENT, "", f->reference);
	} else {
		advice_lines(p, f, INDENT);
	}
}

static bool tested(const struct finding *f)
{
	return f->status != FINDING_SKIP && f->status != FINDING_UNKNOWN;
}

static void area(const struct page *p, const char *name)
{
	const struct findings *f = p->r->findings;
	bool headed = false;
	for (size_t i = 0; i < f->n; i++) {
		const struct finding *it = &f->item[i];
		if (!tested(it) || strcmp(title(it), name) != 0)
			continue;
		if (!headed) {
			buf_addch(p->out, '\n');
			paint(p, "\033[1m", name);
			buf_addch(p->out, '\n');
			headed = true;
		}
		if (p->style->explain)
			explained_rows(p, it);
		else if (it->status == FINDING_PASS)
			passed_row(p, i);
		else
			summary_row(p, it);
	}
}

static void areas(const struct page *p)
{
	const char *done = "";
	for (size_t i = 0; i < check_count; i++) { /* the table is in the order of areas */
		if (strcmp(check_table[i].area, done) != 0)
			area(p, check_table[i].area);
		done = check_table[i].area;
	}
}

static bool same_reason(const struct finding *a, const struct finding *b)
{
	return a->status == b->status && strcmp(a->summary, b->summary) == 0;
}

/* All that was left out for the reason of row `at`, if that is the first with it. */
static void reason_row(const struct page *p, size_t at)
{
	const struct findings *f = p->r->findings;
	const struct finding *it = &f->item[at];
	size_t n = 0, checks = 0;
	struct buf ids;
	for (size_t i = 0; i < at; i++) {
		if (same_reason(&f->item[i], it))
			return;
	}
	buf_init(&ids, 4096);
	for (size_t i = at; i < f->n; i++) {
		if (!same_reason(&f->item[i], it))
			continue;
		n++;
		bool listed = false;
		for (size_t k = at; k < i; k++)
			listed = listed || (same_reason(&f->item[k], it) &&
					    strcmp(f->item[k].id, f->item[i].id) == 0);
		if (!listed)
			buf_printf(&ids, "%s%s", checks++ > 0 ? ", " : "", f->item[i].id);
	}
	char text[2048], label[32];
	struct finding shown = *it;
	snprintf(label, sizeof(label), "%zu checks", checks);
	if (checks > 1)
		shown.id = label;
	if (n == 1 && !about_the_domain(p, it))
		snprintf(text, sizeof(text), "%s: %s", it->subject, it->summary);
	else
		snprintf(text, sizeof(text), "%s", it->summary);
	row(p, &shown, text);
	if (checks > 1) {
		buf_printf(p->out, "%*s", INDENT, "");
		wrap(p, buf_str(&ids), INDENT, INDENT);
	}
	if (it->status == FINDING_UNKNOWN)
		advice_lines(p, it, INDENT);
	buf_clear(&ids);
}

static void not_tested(const struct page *p)
{
	const struct findings *f = p->r->findings;
	bool headed = false;
	for (size_t i = 0; i < f->n; i++) {
		if (tested(&f->item[i]))
			continue;
		if (!headed) {
			buf_addch(p->out, '\n');
			paint(p, "\033[1m", "Not tested, and why");
			buf_addch(p->out, '\n');
			headed = true;
		}
		reason_row(p, i);
	}
}

void report_text(const struct report *r, const struct report_style *style, struct buf *out)
{
	struct page p = {r, style, out};
	verdict(&p);
	if (style->quiet)
		return;
	do_first(&p);
	areas(&p);
	not_tested(&p);
}

/* -- JSON
 * ------------------------------------------------------------------------------------------ */

json_t *report_json(const struct report *r)
{
	char at[STAMP_TEXT];
	json_t *findings = json_array(), *hosts = json_object();
	for (size_t i = 0; i < r->findings->n; i++)
		json_array_append_new(findings, finding_to_json(&r->findings->item[i]));
	for (size_t i = 0; i < r->in->n_hosts; i++)
		json_object_set_new(hosts, r->in->hosts[i]->subject,
				    shape_to_json(&observation_shape, r->in->hosts[i]));
	json_t *out =
	    json_pack("{s:i, s:s, s:s*, s:s, s:I, s:o, s:o, s:{s:o, s:o}}", "schema", REPORT_SCHEMA,
		      "domain", r->in->domain->subject, "unicode", r->unicode, "checked_at",
		      stamp_format(at, r->in->now), "duration_ms", (json_int_t)r->duration_ms,
		      "grade", r->grade.letter != NULL ? json_string(r->grade.letter) : json_null(),
		      "findings", findings, "facts", "domain",
		      shape_to_json(&observation_shape, r->in->domain), "hosts", hosts);
	return out;
}
