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
#include "mem.h"
#include "stamp.h"
#include "text.h"

#define INDENT	  36 /* where summaries begin: the longest id fits */
#define DEEP	  8  /* what stands under a row of --explain */
#define FIRST_MAX 5  /* things to do first */
#define TEXT_MAX  8192
#define OWN_AREA  "Ourselves" /* told where it matters, not in its turn */

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
	const struct finding **wrong; /* owned */
	size_t n_wrong;
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

static void heading(const struct page *p, const char *text)
{
	buf_addch(p->out, '\n');
	paint(p, "\033[1m", text);
	buf_addch(p->out, '\n');
}

static const char *title(const struct finding *f)
{
	const struct check *c = check_find(f->id);
	return c != NULL ? c->area : "Other";
}

static bool about_the_domain(const struct page *p, const struct finding *f)
{
	return strcmp(f->subject, p->r->in->domain->subject) == 0 ||
	       strcmp(title(f), OWN_AREA) == 0;
}

/* "  WARN  tls.version          text", the name made of an id or anything as short */
static void row(const struct page *p, enum finding_status status, const char *name,
		const char *text)
{
	buf_addstr(p->out, "  ");
	word(p, status);
	int n = (int)strlen(name);
	buf_addstr(p->out, name);
	if (n < INDENT - 8)
		buf_printf(p->out, "%*s", INDENT - 8 - n, "");
	else
		buf_printf(p->out, "\n%*s", INDENT, "");
	wrap(p, text, INDENT, INDENT);
}

/* -- the same of several subjects ------------------------------------------------------------- */

static bool same_words(const struct finding *a, const struct finding *b)
{
	return a->status == b->status && strcmp(a->id, b->id) == 0 &&
	       strcmp(a->summary, b->summary) == 0;
}

/* Finding `at` says what an earlier one has said of another subject. */
static bool is_repeated(const struct findings *f, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (same_words(&f->item[i], &f->item[at]))
			return true;
	}
	return false;
}

/* "mx1.example.test[192.0.2.1]:25 and 3 more: The certificate ..." of all who share the words;
 * no subject where it goes without saying. */
static void sentence(const struct page *p, const struct finding *it, bool alone, struct buf *out)
{
	const struct findings *f = p->r->findings;
	size_t n = 0;
	for (size_t i = 0; !alone && i < f->n; i++)
		n += same_words(&f->item[i], it);
	if (n > 1)
		buf_printf(out, "%s and %zu more: ", it->subject, n - 1);
	else if (!about_the_domain(p, it) && strstr(it->summary, it->subject) == NULL)
		buf_printf(out, "%s: ", it->subject);
	buf_addstr(out, it->summary);
}

static void summary_row(const struct page *p, const struct finding *f, bool alone)
{
	struct buf text;
	buf_init(&text, TEXT_MAX);
	sentence(p, f, alone, &text);
	row(p, f->status, f->id, buf_str(&text));
	buf_clear(&text);
}

static void advice_lines(const struct page *p, const char *advice, const struct finding *f,
			 size_t indent)
{
	char text[2048];
	if (advice == NULL || advice[0] == '\0')
		return;
	snprintf(text, sizeof(text), "%s%s%s%s", advice, f->reference[0] ? " [" : "", f->reference,
		 f->reference[0] ? "]" : "");
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

/* Already said by its parent's row: a broken handshake explains what follows from it.  What
 * senders do is no explanation but the consequence: its causes are what there is to mend. */
static bool explained(const struct report *r, const struct finding *f)
{
	const struct check *c = check_find(f->id);
	for (int depth = 0; c != NULL && c->parent != NULL && depth < 8; depth++) {
		if (strcmp(c->parent, "delivery.sender_view") == 0)
			return false;
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

/* What is wrong and not explained by something else, the worst first; n set. */
static const struct finding **wrong(const struct report *r, size_t *n)
{
	const struct findings *f = r->findings;
	const struct finding **bad = mem_array(f->n + 1, sizeof(*bad));
	*n = 0;
	for (size_t i = 0; i < f->n; i++) {
		const struct finding *it = &f->item[i];
		if ((it->status == FINDING_FAIL || it->status == FINDING_WARN) &&
		    !explained(r, it) && !is_repeated(f, i))
			bad[(*n)++] = it;
	}
	qsort(bad, *n, sizeof(const struct finding *), by_weight);
	return bad;
}

static void do_first(const struct page *p)
{
	struct buf text;
	if (p->n_wrong == 0)
		return;
	heading(p, "What to do first");
	buf_init(&text, TEXT_MAX);
	for (size_t i = 0; i < p->n_wrong && i < FIRST_MAX; i++) {
		bool again = i > 0 && strcmp(p->wrong[i]->advice, p->wrong[i - 1]->advice) == 0;
		buf_reset(&text);
		sentence(p, p->wrong[i], false, &text);
		buf_addstr(p->out, "  ");
		word(p, p->wrong[i]->status);
		wrap(p, buf_str(&text), 8, 8);
		advice_lines(p, again ? "As above." : p->wrong[i]->advice, p->wrong[i], 8);
	}
	if (p->n_wrong > FIRST_MAX)
		buf_printf(p->out, "        ... and %zu more below\n", p->n_wrong - FIRST_MAX);
	buf_clear(&text);
}

/* Said in full under "What to do first". */
static bool is_said(const struct page *p, const struct finding *f)
{
	for (size_t i = 0; i < p->n_wrong && i < FIRST_MAX; i++) {
		if (p->wrong[i] == f)
			return true;
	}
	return false;
}

/* -- the areas ----------------------------------------------------------------------------------
 */

/* All that passed of one check, in one line, at its first finding: "tls.starttls (4)". */
static void passed_row(const struct page *p, size_t at)
{
	const struct findings *f = p->r->findings;
	const struct finding *it = &f->item[at];
	char name[64];
	size_t n = 0;
	for (size_t i = 0; i < f->n; i++) {
		if (f->item[i].status != FINDING_PASS || strcmp(f->item[i].id, it->id) != 0)
			continue;
		if (i < at)
			return;
		n++;
	}
	snprintf(name, sizeof(name), n > 1 ? "%s (%zu)" : "%s", it->id, n);
	row(p, it->status, name, it->summary);
}

/* A value as text, whoever wrote it: escaped, a line feed for a break. */
static void evidence_text(const json_t *value, struct buf *out)
{
	size_t i;
	const json_t *item;
	if (json_is_array(value)) {
		json_array_foreach(value, i, item)
		{
			if (i > 0)
				buf_addstr(out, ", ");
			evidence_text(item, out);
		}
	} else if (json_is_string(value)) {
		const char *s = json_string_value(value);
		for (size_t len; *s != '\0'; s += len + (s[len] == '\n')) {
			len = strcspn(s, "\n");
			size_t cr = len > 0 && s[len] == '\n' && s[len - 1] == '\r';
			text_escape(out, s, len - cr, TEXT_MAX);
			if (s[len] == '\n' && s[len + 1] != '\0')
				buf_addch(out, '\n');
		}
	} else {
		char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_SORT_KEYS);
		buf_addstr(out, text);
		free(text);
	}
}

/* "policy: version: STSv1", each line of a value under the first. */
static void evidence_lines(const struct page *p, const struct finding *f)
{
	const char *key;
	json_t *value;
	struct buf text;
	if (f->evidence == NULL)
		return;
	buf_init(&text, 4 * TEXT_MAX);
	json_object_foreach(f->evidence, key, value)
	{
		size_t indent = DEEP;
		buf_reset(&text);
		buf_printf(&text, "%s: ", key);
		evidence_text(value, &text);
		for (char *line = text.data, *next; line != NULL; line = next) {
			next = strchr(line, '\n');
			if (next != NULL)
				*next++ = '\0';
			buf_printf(p->out, "%*s", (int)indent, "");
			wrap(p, line, indent, DEEP + 2);
			indent = DEEP + 2;
		}
	}
	buf_clear(&text);
}

/* first: of this check; the others need not be told why it matters again. */
static void explained_rows(const struct page *p, const struct finding *f, bool first)
{
	const struct check *c = check_find(f->id);
	summary_row(p, f, true);
	if (first && c != NULL) {
		buf_printf(p->out, "%*s", DEEP, "");
		wrap(p, c->why, DEEP, DEEP);
	}
	if (f->advice[0] != '\0')
		advice_lines(p, f->advice, f, DEEP);
	else if (first)
		buf_printf(p->out, "%*s[%s]\n", DEEP, "", f->reference);
	evidence_lines(p, f);
}

static bool tested(const struct finding *f)
{
	return f->status != FINDING_SKIP && f->status != FINDING_UNKNOWN;
}

static void check_rows(const struct page *p, const char *id)
{
	const struct findings *f = p->r->findings;
	bool first = true;
	for (size_t i = 0; i < f->n; i++) {
		const struct finding *it = &f->item[i];
		if (!tested(it) || strcmp(it->id, id) != 0)
			continue;
		if (p->style->explain)
			explained_rows(p, it, first);
		else if (it->status == FINDING_PASS)
			passed_row(p, i);
		else if (is_said(p, it))
			row(p, it->status, it->id, "See above.");
		else if (!is_repeated(f, i))
			summary_row(p, it, false);
		first = false;
	}
}

static bool has_rows(const struct page *p, const char *name)
{
	const struct findings *f = p->r->findings;
	for (size_t i = 0; i < f->n; i++) {
		if (tested(&f->item[i]) && strcmp(title(&f->item[i]), name) == 0)
			return true;
	}
	return false;
}

static void area(const struct page *p, const char *name)
{
	if (!has_rows(p, name))
		return;
	heading(p, name);
	for (size_t i = 0; i < check_count; i++) {
		if (strcmp(check_table[i].area, name) == 0)
			check_rows(p, check_table[i].id);
	}
}

static void areas(const struct page *p)
{
	const char *done = OWN_AREA;
	for (size_t i = 0; i < check_count; i++) { /* the table is in the order of areas */
		if (strcmp(check_table[i].area, done) != 0 &&
		    strcmp(check_table[i].area, OWN_AREA) != 0)
			area(p, check_table[i].area);
		done = check_table[i].area;
	}
}

/* -- what was not tested ---------------------------------------------------------------------- */

static bool same_reason(const struct finding *a, const struct finding *b)
{
	return a->status == b->status && strcmp(a->summary, b->summary) == 0;
}

/* Every check of the table that begins so has the reason of `it`. */
static bool all_below(const struct page *p, const struct finding *it, const char *prefix,
		      size_t len)
{
	const struct findings *f = p->r->findings;
	size_t n = 0;
	for (size_t c = 0; c < check_count; c++) {
		bool has = false;
		if (strncmp(check_table[c].id, prefix, len) != 0)
			continue;
		for (size_t i = 0; i < f->n && !has; i++)
			has = same_reason(&f->item[i], it) &&
			      strcmp(f->item[i].id, check_table[c].id) == 0;
		if (!has)
			return false;
		n++;
	}
	return n > 1;
}

/* "dane.*", "tls.cert.*" or the id: the widest name that says no more than is true. */
static void name_of(const struct page *p, const struct finding *it, const char *id, char name[64])
{
	for (const char *dot = strchr(id, '.'); dot != NULL; dot = strchr(dot + 1, '.')) {
		size_t len = (size_t)(dot - id) + 1;
		if (!all_below(p, it, id, len))
			continue;
		snprintf(name, 64, "%.*s*", (int)len, id);
		return;
	}
	snprintf(name, 64, "%s", id);
}

static bool is_listed(const struct buf *names, const char *name)
{
	size_t len = strlen(name);
	for (const char *s = buf_str(names); (s = strstr(s, name)) != NULL; s += len) {
		if (s[len] == ',' || s[len] == '\0')
			return true;
	}
	return false;
}

/* The reason without the words that the heading says already. */
static const char *reason_of(const struct finding *f, struct buf *out)
{
	static const char *const said[] = {"Not checked: ", "Could not be determined: "};
	const char *s = f->summary;
	for (size_t i = 0; i < 2; i++) {
		if (strncmp(s, said[i], strlen(said[i])) == 0)
			s += strlen(said[i]);
	}
	if (s != f->summary && *s >= 'a' && *s <= 'z' && strcspn(s, ". ") == strcspn(s, " ")) {
		buf_addch(out, (char)(*s - 'a' + 'A'));
		s++;
	}
	buf_addstr(out, s);
	return buf_str(out);
}

/* All that was left out for the reason of row `at`, if that is the first with it. */
static void reason_row(const struct page *p, size_t at)
{
	const struct findings *f = p->r->findings;
	const struct finding *it = &f->item[at];
	struct buf names, reason;
	size_t checks = 0;
	bool one = true; /* subject */
	char name[64];
	for (size_t i = 0; i < at; i++) {
		if (same_reason(&f->item[i], it))
			return;
	}
	buf_init(&names, TEXT_MAX);
	buf_init(&reason, TEXT_MAX);
	for (size_t i = at; i < f->n; i++) {
		if (!same_reason(&f->item[i], it))
			continue;
		one = one && strcmp(f->item[i].subject, it->subject) == 0;
		name_of(p, it, f->item[i].id, name);
		if (!is_listed(&names, name))
			buf_printf(&names, "%s%s", checks++ > 0 ? ", " : "", name);
	}
	if (one && !about_the_domain(p, it) && strstr(it->summary, it->subject) == NULL)
		buf_printf(&reason, "%s: ", it->subject);
	reason_of(it, &reason);
	if (checks == 1) {
		row(p, it->status, buf_str(&names), buf_str(&reason));
	} else {
		buf_addstr(p->out, "  ");
		word(p, it->status);
		wrap(p, buf_str(&reason), 8, 8);
		buf_printf(p->out, "%8s", "");
		wrap(p, buf_str(&names), 8, 8);
	}
	if (it->status == FINDING_UNKNOWN)
		advice_lines(p, it->advice, it, checks == 1 ? INDENT : 8);
	buf_clear(&names);
	buf_clear(&reason);
}

static void not_tested(const struct page *p, enum finding_status status, const char *head)
{
	const struct findings *f = p->r->findings;
	bool headed = false;
	for (size_t i = 0; i < f->n; i++) {
		if (f->item[i].status != status ||
		    (strcmp(title(&f->item[i]), OWN_AREA) == 0 && !p->style->explain))
			continue;
		if (!headed)
			heading(p, head);
		headed = true;
		reason_row(p, i);
	}
}

/* What stands behind the unknown on our side; what is well here is no news. */
static void ourselves(const struct page *p)
{
	const struct findings *f = p->r->findings;
	bool headed = false;
	for (size_t i = 0; i < f->n; i++) {
		const struct finding *it = &f->item[i];
		if (it->status != FINDING_INFO || strcmp(title(it), OWN_AREA) != 0)
			continue;
		if (!headed)
			heading(p, OWN_AREA);
		headed = true;
		summary_row(p, it, true);
		advice_lines(p, it->advice, it, INDENT);
	}
}

static void undetermined(const struct page *p)
{
	if (p->style->explain)
		area(p, OWN_AREA);
	else
		ourselves(p);
	not_tested(p, FINDING_UNKNOWN, "Could not be determined, and why");
}

void report_text(const struct report *r, const struct report_style *style, struct buf *out)
{
	struct page p = {.r = r, .style = style, .out = out};
	bool open = report_exit(r->findings) == 3;
	verdict(&p);
	if (style->quiet)
		return;
	p.wrong = wrong(r, &p.n_wrong);
	do_first(&p);
	if (open) /* then this is what matters */
		undetermined(&p);
	areas(&p);
	if (!open)
		undetermined(&p);
	not_tested(&p, FINDING_SKIP, "Not tested, and why");
	free(p.wrong);
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
