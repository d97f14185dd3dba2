/* SPDX-License-Identifier: ISC
 *
 * The text report reads from the top: the verdict, what to do first, then one block per area
 * where what passed takes a line a check, and at the end what could not be determined or was
 * not tested, and why.  What several subjects share is said once.  All strings of findings are
 * safe to print (finding.h).
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

/* -- lines ---------------------------------------------------------------------------------- */

struct group { /* of findings that say the same */
	const struct finding *first;
	size_t n;
	bool one_subject;
};

struct page {
	const struct report *r;
	const struct report_style *style;
	struct buf *out;
	struct group *words, *reasons; /* owned, one for each finding */
	const struct finding **wrong;  /* owned */
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

static int by_words(const void *a, const void *b)
{
	const struct finding *x = *(const struct finding *const *)a;
	const struct finding *y = *(const struct finding *const *)b;
	int order = (int)x->status - (int)y->status;
	if (order == 0)
		order = strcmp(x->id, y->id);
	return order != 0 ? order : strcmp(x->summary, y->summary);
}

static int by_reason(const void *a, const void *b)
{
	const struct finding *x = *(const struct finding *const *)a;
	const struct finding *y = *(const struct finding *const *)b;
	int order = (int)x->status - (int)y->status;
	return order != 0 ? order : strcmp(x->summary, y->summary);
}

/* For each finding the group of those that compare equal; as many as 50 hosts of 20 addresses
 * have must not take forever. */
static struct group *group_by(const struct findings *f, int (*compare)(const void *, const void *))
{
	struct group *of = mem_array(f->n + 1, sizeof(*of));
	const struct finding **sorted = mem_array(f->n + 1, sizeof(*sorted));
	for (size_t i = 0; i < f->n; i++)
		sorted[i] = &f->item[i];
	qsort(sorted, f->n, sizeof(*sorted), compare);
	for (size_t from = 0, to; from < f->n; from = to) {
		struct group g = {.first = sorted[from], .one_subject = true};
		for (to = from; to < f->n && compare(&sorted[from], &sorted[to]) == 0; to++) {
			g.n++;
			g.first = sorted[to] < g.first ? sorted[to] : g.first;
			if (strcmp(sorted[to]->subject, sorted[from]->subject) != 0)
				g.one_subject = false;
		}
		for (size_t i = from; i < to; i++)
			of[sorted[i] - f->item] = g;
	}
	free(sorted);
	return of;
}

static const struct group *words_of(const struct page *p, const struct finding *f)
{
	return &p->words[f - p->r->findings->item];
}

static const struct group *reason_group(const struct page *p, const struct finding *f)
{
	return &p->reasons[f - p->r->findings->item];
}

/* "mx1.example.test[192.0.2.1]:25 and 3 more: The certificate ..." of all who share the words;
 * no subject where it goes without saying. */
static void sentence(const struct page *p, const struct finding *it, bool alone, struct buf *out)
{
	size_t n = words_of(p, it)->n;
	if (!alone && n > 1)
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
			if (p->status != FINDING_FAIL || strcmp(p->id, c->parent) != 0)
				continue;
			if (strcmp(p->subject, f->subject) == 0 ||
			    (p->host != NULL && f->host != NULL && strcmp(p->host, f->host) == 0))
				return true;
		}
		c = check_find(c->parent);
	}
	return false;
}

/* What is wrong and not explained by something else, the worst first; n set. */
static const struct finding **wrong(const struct page *p, size_t *n)
{
	const struct findings *f = p->r->findings;
	const struct finding **bad = mem_array(f->n + 1, sizeof(*bad));
	*n = 0;
	for (size_t i = 0; i < f->n; i++) {
		const struct finding *it = &f->item[i];
		if ((it->status == FINDING_FAIL || it->status == FINDING_WARN) &&
		    words_of(p, it)->first == it && !explained(p->r, it))
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

/* All that passed of one check, in one line: "tls.starttls (4)". */
static void passed_row(const struct page *p, const struct finding *first)
{
	const struct findings *f = p->r->findings;
	char name[64];
	size_t n = 0;
	for (size_t i = 0; i < f->n; i++)
		n += f->item[i].status == FINDING_PASS && strcmp(f->item[i].id, first->id) == 0;
	snprintf(name, sizeof(name), n > 1 ? "%s (%zu)" : "%s", first->id, n);
	row(p, FINDING_PASS, name, first->summary);
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
	bool first = true, passed = false;
	for (size_t i = 0; i < f->n; i++) {
		const struct finding *it = &f->item[i];
		if (!tested(it) || strcmp(it->id, id) != 0)
			continue;
		if (p->style->explain) {
			explained_rows(p, it, first);
		} else if (it->status == FINDING_PASS) {
			if (!passed)
				passed_row(p, it);
			passed = true;
		} else if (is_said(p, it)) {
			row(p, it->status, it->id, "See above.");
		} else if (words_of(p, it)->first == it) {
			summary_row(p, it, false);
		}
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

/* Which checks, by their place in the table, have a finding of this reason. */
static void checks_of(const struct page *p, const struct group *reason, bool *has)
{
	const struct findings *f = p->r->findings;
	for (size_t i = 0; i < f->n; i++) {
		const struct check *c;
		if (reason_group(p, &f->item[i])->first == reason->first &&
		    (c = check_find(f->item[i].id)) != NULL)
			has[c - check_table] = true;
	}
}

/* How many checks of the table begin so, 0 unless all of them are among has. */
static size_t all_below(const bool *has, const char *prefix, size_t len)
{
	size_t n = 0;
	for (size_t c = 0; c < check_count; c++) {
		if (strncmp(check_table[c].id, prefix, len) != 0)
			continue;
		if (!has[c])
			return 0;
		n++;
	}
	return n;
}

/* "smtp.ptr, dane.*, tls.cert.*": the widest names that say no more than is true.  Returns how
 * many. */
static size_t names_of(bool *has, struct buf *out)
{
	size_t names = 0;
	for (size_t c = 0; c < check_count; c++) {
		const char *id = check_table[c].id;
		size_t len = strlen(id);
		if (!has[c])
			continue;
		for (const char *dot = strchr(id, '.'); dot != NULL; dot = strchr(dot + 1, '.')) {
			if (all_below(has, id, (size_t)(dot - id) + 1) < 2)
				continue;
			len = (size_t)(dot - id) + 1;
			break;
		}
		buf_printf(out, "%s%.*s%s", names++ > 0 ? ", " : "", (int)len, id,
			   id[len] != '\0' ? "*" : "");
		if (id[len] == '\0')
			continue;
		for (size_t k = c; k < check_count; k++)
			has[k] = has[k] && strncmp(check_table[k].id, id, len) != 0;
	}
	return names;
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

/* All that was left out for one reason, told at its first finding. */
static void reason_row(const struct page *p, const struct finding *it)
{
	const struct group *g = reason_group(p, it);
	bool *has = mem_array(check_count, sizeof(*has));
	struct buf names, reason;
	if (g->first != it) {
		free(has);
		return;
	}
	buf_init(&names, TEXT_MAX);
	buf_init(&reason, TEXT_MAX);
	checks_of(p, g, has);
	size_t checks = names_of(has, &names);
	if (g->one_subject && !about_the_domain(p, it) && strstr(it->summary, it->subject) == NULL)
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
	free(has);
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
		reason_row(p, &f->item[i]);
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
	p.words = group_by(r->findings, by_words);
	p.reasons = group_by(r->findings, by_reason);
	p.wrong = wrong(&p, &p.n_wrong);
	do_first(&p);
	if (open) /* then this is what matters */
		undetermined(&p);
	areas(&p);
	if (!open)
		undetermined(&p);
	not_tested(&p, FINDING_SKIP, "Not tested, and why");
	free(p.wrong);
	free(p.reasons);
	free(p.words);
}
