/* SPDX-License-Identifier: ISC
 *
 * The page of a domain.
 */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "page.h"
#include "page_parts.h"
#include "render_parts.h"
#include "stamp.h"
#include "text.h"

#define FOLDED 4 /* so many that passed are not folded away */
#define DAY_S  86400

/* -- the checks
 * -------------------------------------------------------------------------------------- */

static const char *area_of(const struct finding *f)
{
	const struct check *c = check_find(f->id);

	return c ? c->area : "Other";
}

static const char *title_of(const struct finding *f)
{
	const struct check *c = check_find(f->id);

	return c ? c->title : f->id;
}

static void finding(struct buf *out, const struct finding *f, const char *domain)
{
	bool bad = f->status == FINDING_FAIL || f->status == FINDING_WARN;
	bool quiet = f->status == FINDING_PASS || f->status == FINDING_SKIP;

	buf_printf(out, "<li%s><div class=\"row\"><span>", quiet ? " class=\"quiet\"" : "");
	page_status(out, f->status);
	buf_addstr(out, " <strong>");
	page_put(out, title_of(f));
	buf_addstr(out, "</strong> ");
	if (strcmp(f->subject, domain) != 0) {
		buf_addstr(out, "<span class=\"small\">");
		page_subject(out, f->subject, f->host != NULL);
		buf_addstr(out, "</span>");
	}
	buf_addstr(out, "</span><code class=\"dim\">");
	page_put(out, f->id);
	buf_addstr(out, "</code></div><p class=\"said small\">");
	page_put(out, f->summary);
	buf_addstr(out, "</p>");
	if (f->expected && f->actual) {
		buf_addstr(out, "<dl><dt>Expected</dt><dd>");
		page_put(out, f->expected);
		buf_addstr(out, "</dd><dt>Seen</dt><dd>");
		page_put(out, f->actual);
		buf_addstr(out, "</dd></dl>");
	}
	if (f->advice && *f->advice &&
	    (bad || f->status == FINDING_UNKNOWN || f->status == FINDING_INFO)) {
		buf_addstr(out, "<div class=\"advice\"><b>What to do:</b> ");
		page_put(out, f->advice);
		buf_addstr(out, " <span class=\"dim nowrap\">");
		page_put(out, f->reference);
		buf_addstr(out, "</span></div>");
	}
	buf_addstr(out, "</li>\n");
}

static void fold_rest(struct buf *out, size_t passed, size_t skipped)
{
	buf_addstr(out, "<li class=\"rest\"><details><summary><span>");
	buf_printf(out, "%zu good", passed);
	if (skipped)
		buf_printf(out, ", %zu not tested", skipped);
	buf_addstr(out, "</span></summary><ul class=\"list\">\n");
}

/* One area: what is wrong with it is open, what passed is folded away. */
static void area(struct buf *out, const struct view_detail *d, const char *name)
{
	static const enum finding_status order[] = {FINDING_FAIL, FINDING_WARN, FINDING_UNKNOWN,
						    FINDING_INFO, FINDING_PASS, FINDING_SKIP};
	const struct findings *f = d->findings;
	size_t n[6] = {0}, all = 0;

	for (size_t i = 0; i < f->n; i++) {
		if (strcmp(area_of(&f->item[i]), name) != 0)
			continue;
		n[f->item[i].status]++;
		all++;
	}
	if (all == 0)
		return;
	buf_printf(out, "<details id=\"area-%s\"%s><summary><h3>%s</h3><span class=\"counts\">",
		   name, n[FINDING_FAIL] + n[FINDING_WARN] ? " open" : "", name);
	page_tally(out, "fail", "✕", n[FINDING_FAIL], "failed");
	page_tally(out, "warn", "!", n[FINDING_WARN],
		   n[FINDING_WARN] == 1 ? "warning" : "warnings");
	page_tally(out, "unknown", "?", n[FINDING_UNKNOWN], "unknown");
	page_tally(out, "info", "i", n[FINDING_INFO], n[FINDING_INFO] == 1 ? "note" : "notes");
	page_tally(out, "pass", "✓", n[FINDING_PASS], "good");
	page_tally(out, "skip-s", "–", n[FINDING_SKIP], "not tested");
	buf_addstr(out, "</span></summary><ul class=\"list\">\n");
	all -= n[FINDING_PASS] + n[FINDING_SKIP];
	for (size_t k = 0; k < sizeof(order) / sizeof(order[0]); k++) {
		bool fold =
		    order[k] == FINDING_PASS && all && n[FINDING_PASS] + n[FINDING_SKIP] > FOLDED;
		if (fold)
			fold_rest(out, n[FINDING_PASS], n[FINDING_SKIP]);
		for (size_t i = 0; i < f->n; i++)
			if (f->item[i].status == order[k] &&
			    strcmp(area_of(&f->item[i]), name) == 0)
				finding(out, &f->item[i], d->row.name);
		if (order[k] == FINDING_SKIP && all && n[FINDING_PASS] + n[FINDING_SKIP] > FOLDED)
			buf_addstr(out, "</ul></details></li>\n");
	}
	buf_addstr(out, "</ul></details>\n");
}

static void checks(struct buf *out, const struct view_detail *d)
{
	const char *done = "";

	buf_addstr(out, "<h2>Checks</h2>\n<div class=\"card\">");
	for (size_t i = 0; i < check_count; i++) { /* the table is in the order of areas */
		if (strcmp(check_table[i].area, done) != 0)
			area(out, d, check_table[i].area);
		done = check_table[i].area;
	}
	buf_addstr(out, "</div>\n");
}

/* -- records
 * ------------------------------------------------------------------------------------------ */

static const char *signed_word(int dnssec)
{
	return dnssec == OBS_DNSSEC_SECURE     ? "signed"
	       : dnssec == OBS_DNSSEC_INSECURE ? "not signed"
	       : dnssec == OBS_DNSSEC_BOGUS    ? "bogus"
					       : "unknown";
}

static void begin_record(struct buf *out, const char *name, const struct obs_answer *dns)
{
	buf_printf(out, "<li><div class=\"row\"><strong>%s</strong><span class=\"dim small\">",
		   name);
	buf_printf(out, "DNSSEC: %s</span></div><pre>", signed_word(dns->dnssec));
}

/* Lines of a document of theirs, each made safe. */
static void lines(struct buf *out, const char *body)
{
	char line[1024];

	while (body && *body) {
		size_t len = strcspn(body, "\n");
		text_copy(line, len < sizeof(line) ? len + 1 : sizeof(line), body);
		page_put(out, line);
		buf_addch(out, '\n');
		body += len + (body[len] == '\n');
	}
}

static void texts(struct buf *out, const char *name, const struct obs_txt *t)
{
	begin_record(out, name, &t->dns);
	for (size_t i = 0; i < t->n; i++) {
		page_put(out, t->value[i]);
		buf_addch(out, '\n');
	}
	if (t->n == 0)
		buf_addstr(out, "none\n");
	buf_addstr(out, "</pre></li>\n");
}

static void tlsa(struct buf *out, const struct observation *o)
{
	for (size_t i = 0; o->host && i < o->host->n_tlsa; i++) {
		const struct obs_tlsa *t = &o->host->tlsa[i];
		char name[512];
		if (t->n == 0)
			continue;
		snprintf(name, sizeof(name), "TLSA _%lld._tcp.%.255s", (long long)t->port,
			 o->subject);
		begin_record(out, name, &t->dns);
		for (size_t k = 0; k < t->n; k++) {
			buf_printf(out, "%lld %lld %lld ", (long long)t->rr[k].usage,
				   (long long)t->rr[k].selector, (long long)t->rr[k].matching);
			page_put(out, t->rr[k].data);
			buf_addch(out, '\n');
		}
		buf_addstr(out, "</pre></li>\n");
	}
}

static void records(struct buf *out, const struct view_detail *d)
{
	const struct obs_domain *o = d->in->domain->domain;

	buf_addstr(out, "<h2>Records and policy</h2>\n<div class=\"card\"><ul class=\"list\">\n");
	begin_record(out, "MX", &o->mx.dns);
	for (size_t i = 0; i < o->mx.n; i++) {
		buf_printf(out, "%lld ", (long long)o->mx.rr[i].preference);
		page_put(out, o->mx.rr[i].host);
		buf_addch(out, '\n');
	}
	buf_addstr(out, o->mx.n ? "</pre></li>\n" : "none\n</pre></li>\n");
	texts(out, "MTA-STS record (_mta-sts)", &o->mta_sts);
	if (o->policy) {
		buf_addstr(out, "<li><div class=\"row\"><strong>MTA-STS policy</strong>"
				"<span class=\"dim small\">https://");
		page_put(out, o->policy->host);
		buf_addstr(out, "/.well-known/mta-sts.txt");
		if (o->policy->status)
			buf_printf(out, ": %lld", (long long)o->policy->status);
		buf_addstr(out, "</span></div><pre>");
		lines(out, o->policy->body ? o->policy->body : o->policy->failure.text);
		buf_addstr(out, "</pre></li>\n");
	}
	texts(out, "TLS-RPT record (_smtp._tls)", &o->tls_rpt);
	for (size_t i = 0; i < d->in->n_hosts; i++)
		tlsa(out, d->in->hosts[i]);
	buf_addstr(out, "</ul></div>\n");
}

/* -- the head
 * -------------------------------------------------------------------------------------------- */

/* "2026-11-22: critical", for who points at a day. */
static void day_title(struct buf *out, uint8_t worst, int64_t day)
{
	char text[STAMP_TEXT];

	stamp_format(text, day * DAY_S);
	buf_printf(out, "<title>%.10s: %s</title>", text,
		   worst == 255 ? "not watched"
		   : worst > 1	? finding_severity_words[worst & 3]
				: "no problem");
}

/* Ninety days, a column each; its numbers are in the text beneath. */
static void strip(struct buf *out, const uint8_t *days, int64_t now)
{
	size_t bad[4] = {0}, watched = 0;

	buf_addstr(out, "<h2>The last 90 days</h2>\n<div class=\"card pad\"><svg class=\"chart\" "
			"viewBox=\"0 0 899 34\" aria-hidden=\"true\">");
	for (int i = 0; i < VIEW_DAYS; i++) {
		buf_printf(out, "<rect class=\"%s\" x=\"%d\" width=\"8\" height=\"34\" rx=\"2\">",
			   page_day_class(days[i]), 10 * i);
		day_title(out, days[i], now / DAY_S - (VIEW_DAYS - 1 - i));
		buf_addstr(out, "</rect>");
		watched += days[i] != 255;
		if (days[i] != 255)
			bad[days[i] & 3]++;
	}
	buf_printf(
	    out,
	    "</svg><div class=\"ends\"><span>90 days ago</span><span>today</span></div>"
	    "<div class=\"legend\"><span>%zu day%s watched</span><span><span class=\"dot "
	    "ok\"></span>%zu without a problem</span><span><span class=\"dot warning\"></span>%zu "
	    "with a warning</span><span><span class=\"dot critical\"></span>%zu with a critical "
	    "problem</span></div></div>\n",
	    watched, watched == 1 ? "" : "s", bad[0] + bad[1], bad[2], bad[3]);
}

/* -- a tile for each area ------------------------------------------------------------------- */

/* What stands on it: the gravest of its findings. */
static enum finding_status gravest(const struct findings *f, const char *area_name, size_t *passed,
				   size_t *bad, size_t *skipped)
{
	static const int rank[] = {[FINDING_SKIP] = 0,	  [FINDING_PASS] = 1, [FINDING_INFO] = 2,
				   [FINDING_UNKNOWN] = 3, [FINDING_WARN] = 4, [FINDING_FAIL] = 5};
	enum finding_status worst = FINDING_SKIP;

	*passed = *bad = *skipped = 0;
	for (size_t i = 0; i < f->n; i++) {
		if (strcmp(area_of(&f->item[i]), area_name) != 0)
			continue;
		*passed += f->item[i].status == FINDING_PASS;
		*skipped += f->item[i].status == FINDING_SKIP;
		*bad += f->item[i].status == FINDING_FAIL || f->item[i].status == FINDING_WARN;
		if (rank[f->item[i].status] > rank[worst])
			worst = f->item[i].status;
	}
	return worst;
}

/* A note alone does not spoil an area, unless most of it could not be tested for it. */
static void area_tile(struct buf *out, const struct view_detail *d, const char *name)
{
	static const char *const class[] = {"ok",	"pending", "warning",
					    "critical", "pending", "unknown"};
	size_t passed, bad, skipped;
	enum finding_status worst = gravest(d->findings, name, &passed, &bad, &skipped);

	if (worst == FINDING_SKIP)
		return;
	if (worst == FINDING_INFO && passed > skipped)
		worst = FINDING_PASS;
	buf_printf(out, "<a class=\"tile area %s\" href=\"#area-%s\"><b>%s</b>", class[worst], name,
		   name);
	page_status(out, worst);
	buf_addstr(out, "<span class=\"small\">");
	if (bad)
		buf_printf(out, "%zu of %zu", bad, bad + passed);
	else if (passed)
		buf_printf(out, "%zu good", passed);
	buf_addstr(out, "</span></a>\n");
}

static void area_tiles(struct buf *out, const struct view_detail *d)
{
	const char *done = "";

	buf_addstr(out, "<div class=\"areas\">\n");
	for (size_t i = 0; i < check_count; i++) {
		if (strcmp(check_table[i].area, done) != 0)
			area_tile(out, d, check_table[i].area);
		done = check_table[i].area;
	}
	buf_addstr(out, "</div>\n");
}

static void meta(struct buf *out, const struct view_detail *d, int64_t now)
{
	const struct conf_extra *e = d->row.conf->extra;
	char every[STAMP_TEXT];

	buf_addstr(out, "<div class=\"meta\">");
	page_state(out, (enum view_state)d->row.mark.state);
	buf_addstr(out, "<span>looked at ");
	page_ago(out, d->row.mark.at, now);
	buf_printf(out, ", every %s</span>",
		   stamp_duration_human(every, d->row.conf->settings->interval_s));
	if (e->owner) {
		buf_addstr(out, "<span>owner ");
		page_put(out, e->owner);
		buf_addstr(out, "</span>");
	}
	for (size_t i = 0; i < e->n_groups; i++) {
		buf_addstr(out, "<span>group ");
		page_put(out, e->groups[i]);
		buf_addstr(out, "</span>");
	}
	buf_addstr(out, "</div>");
}

static void hero(struct buf *out, const struct view_detail *d, int64_t now)
{
	enum view_grade g = view_grade(d->grade.letter);

	buf_printf(out,
		   "<div class=\"hero\"><div class=\"big %s\"><span aria-label=\"Grade\">%s</span>"
		   "</div><div><h1>",
		   page_grade_class(g), g ? view_grade_words[g] : "–");
	page_put(out, d->row.name);
	buf_addstr(out, "</h1>");
	if (d->row.unicode) {
		buf_addstr(out, "<p class=\"dim\">");
		page_put(out, d->row.unicode);
		buf_addstr(out, "</p>");
	}
	if (g && d->grade.rule) {
		buf_addstr(out, "<p class=\"break\">Grade ");
		page_put(out, d->grade.rule);
		if (d->grade.subject && strcmp(d->grade.subject, d->row.name) != 0) {
			buf_addstr(out, " <span class=\"dim\">(");
			page_put(out, d->grade.subject);
			buf_addstr(out, ")</span>");
		}
		buf_addstr(out, "</p>");
	}
	meta(out, d, now);
	buf_addstr(out, "</div></div>\n");
}

void page_domain(const struct view_detail *d, int64_t now, struct buf *out)
{
	size_t open = 0;

	page_begin(out, d->row.name, "/domains");
	hero(out, d, now);
	if (d->in->domain == NULL) {
		buf_addstr(out, "<div class=\"card\"><p class=\"empty\">It waits for its first "
				"look.</p></div>\n");
		page_end(out);
		return;
	}
	area_tiles(out, d);
	while (open < d->n_incidents && d->incidents[open].open)
		open++;
	if (open) {
		buf_addstr(out, "<h2>What is wrong now</h2>\n<div class=\"card\">");
		page_incident_list(out, d->incidents, open, true, now);
		buf_addstr(out, "</div>\n");
	}
	strip(out, d->days, now);
	checks(out, d);
	page_servers(out, d->in->hosts, d->in->n_hosts, now);
	page_chains(out, d->in->hosts, d->in->n_hosts, now);
	records(out, d);
	buf_addstr(out, "<h2>What changed</h2>\n<div class=\"card\">");
	if (d->n_changes)
		page_change_list(out, d->changes, d->n_changes, now);
	else
		buf_addstr(out, "<p class=\"empty\">Nothing since the first look.</p>");
	buf_addstr(out, "</div>\n");
	page_end(out);
}
