/* SPDX-License-Identifier: ISC */
#include "page.h"

#include <stdio.h>
#include <string.h>

#include "page_parts.h"
#include "render_parts.h"
#include "stamp.h"
#include "text.h"

#define DAY_S 86400

/* -- overview
 * ---------------------------------------------------------------------------------------- */

static const char *s(int64_t n)
{
	return n == 1 ? "" : "s";
}

static void verdict(const struct view_overview *o, struct buf *out)
{
	size_t critical = o->states[VIEW_CRITICAL], warning = o->states[VIEW_WARNING];

	if (o->domains == 0)
		buf_addstr(out, "Nothing is watched yet");
	else if (critical)
		buf_printf(out, "%zu domain%s with a critical problem", critical,
			   s((int64_t)critical));
	else if (warning)
		buf_printf(out, "%zu domain%s with a warning", warning, s((int64_t)warning));
	else if (o->states[VIEW_PENDING] == o->domains)
		buf_addstr(out, "Looking for the first time");
	else if (o->states[VIEW_UNKNOWN])
		buf_printf(out, "%zu domain%s cannot be judged", o->states[VIEW_UNKNOWN],
			   s((int64_t)o->states[VIEW_UNKNOWN]));
	else
		buf_addstr(out, "All is well");
}

static void tiles(const struct view_overview *o, struct buf *out)
{
	static const struct {
		enum view_state state;
		const char *word;
	} shown[] = {{VIEW_CRITICAL, "Critical"},
		     {VIEW_WARNING, "Warning"},
		     {VIEW_UNKNOWN, "Unknown"},
		     {VIEW_OK, "Fine"},
		     {VIEW_PENDING, "Waiting"}};

	buf_addstr(out, "<div class=\"tiles\">\n");
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		const char *word = view_state_words[shown[i].state];
		size_t n = o->states[shown[i].state];
		buf_printf(out,
			   "<a class=\"tile %s%s\" href=\"/domains?state=%s\"><b>%zu</b>"
			   "<span>%s</span></a>\n",
			   word, n ? "" : " none", word, n, shown[i].word);
	}
	buf_addstr(out, "</div>\n");
}

/* One bar of all grades, and its legend. */
static void grades(const struct view_overview *o, struct buf *out)
{
	static const char *const fill[] = {"f-pending", "f-ok",	     "f-ok",	  "f-ok",
					   "f-warning", "f-warning", "f-critical"};
	static const char *const opacity[] = {"1", "1", ".78", ".5", ".65", "1", "1"};
	double at = 0, all = o->domains ? (double)o->domains : 1;

	buf_addstr(out,
		   "<div class=\"card pad\"><h3>Grades</h3>"
		   "<svg class=\"track\" viewBox=\"0 0 1000 6\" preserveAspectRatio=\"none\" "
		   "aria-hidden=\"true\"><rect class=\"f-soft\" width=\"1000\" height=\"6\"/>");
	for (int i = 1; i <= VIEW_GRADES; i++) {
		int g = i % VIEW_GRADES;
		double width = 1000.0 * (double)o->grades[g] / all;
		if (o->grades[g] == 0)
			continue;
		buf_printf(out,
			   "<rect class=\"%s\" fill-opacity=\"%s\" x=\"%.1f\" width=\"%.1f\" "
			   "height=\"6\"/>",
			   fill[g], opacity[g], at, width > 2 ? width - 1.5 : width);
		at += width;
	}
	buf_addstr(out, "</svg><div class=\"legend\">");
	for (int i = 1; i < VIEW_GRADES; i++) {
		buf_addstr(out, "<span>");
		page_grade(out, (enum view_grade)i);
		buf_printf(out, " %zu</span>", o->grades[i]);
	}
	if (o->grades[0])
		buf_printf(out, "<span><span class=\"grade pending\">–</span> %zu without</span>",
			   o->grades[0]);
	buf_addstr(out, "</div></div>\n");
}

static void date(struct buf *out, int64_t at)
{
	char text[STAMP_TEXT];

	stamp_format(text, at);
	text[10] = '\0';
	buf_printf(out, "<time datetime=\"%s\">%s</time>", text, text);
}

/* How many end in each of the weeks ahead: columns, and the same in words. */
static void weeks(const struct view_overview *o, struct buf *out)
{
	size_t most = 1, three = o->weeks[1] + o->weeks[2] + o->weeks[3];

	for (int i = 0; i < VIEW_WEEKS + 2; i++)
		most = o->weeks[i] > most ? o->weeks[i] : most;
	buf_addstr(out, "<div class=\"pad\"><svg class=\"chart weeks\" viewBox=\"0 0 599 96\" "
			"aria-hidden=\"true\">");
	for (int i = 0; i < VIEW_WEEKS + 2; i++) {
		const char *class = i <= 1 ? "f-critical" : i <= 3 ? "f-warning" : "f-ok";
		size_t n = o->weeks[i];
		int height = n ? 3 + (int)(77 * n / most) : 3;
		buf_printf(out,
			   "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"34\" height=\"%d\" "
			   "rx=\"3\"/>",
			   n ? class : "f-soft", 40 * i, 96 - height, height);
		if (n)
			buf_printf(out, "<text x=\"%d\" y=\"%d\">%zu</text>", 40 * i + 17,
				   96 - height - 4, n);
	}
	buf_printf(
	    out,
	    "</svg><div class=\"ends\"><span>over</span><span>in %d weeks</span>"
	    "<span>later</span></div><div class=\"legend\"><span>%zu over</span><span>%zu in "
	    "this week</span><span>%zu within three weeks</span></div></div>",
	    VIEW_WEEKS, o->weeks[0], o->weeks[1], three);
}

/* What is left of each certificate's lifetime, as a bar. */
static void expiries(const struct view_overview *o, int64_t now, struct buf *out)
{
	buf_addstr(out, "<h2>Certificates that end next</h2>\n<div class=\"card\">");
	if (o->n_expiries)
		weeks(o, out);
	if (o->n_expiries == 0)
		buf_addstr(out, "<p class=\"empty\">No certificate has been seen yet.</p>");
	else
		buf_addstr(out, "<ul class=\"list\">\n");
	for (size_t i = 0; i < o->n_expiries; i++) {
		const struct view_expiry *e = &o->expiries[i];
		int64_t life = e->not_after - e->not_before, left = e->not_after - now;
		double share = life > 0 && left > 0 ? (double)left / (double)life : 0;
		const char *class = left < 7 * (int64_t)DAY_S			    ? "f-critical"
				    : share < 1.0 / 3 || left < 21 * (int64_t)DAY_S ? "f-warning"
										    : "f-ok";
		if (share > 1)
			share = 1;
		buf_addstr(out, "<li><div class=\"row\">");
		page_subject(out, e->subject, true);
		buf_addstr(out, "<span class=\"small dim\">");
		buf_addstr(out, left < 0 ? "ended " : "");
		page_ago(out, e->not_after, now);
		buf_addstr(out, " · ");
		date(out, e->not_after);
		buf_printf(out,
			   "</span></div><svg class=\"track\" viewBox=\"0 0 1000 6\" "
			   "preserveAspectRatio=\"none\" role=\"img\" aria-label=\"%.0f %% of its "
			   "lifetime left\"><rect class=\"f-soft\" width=\"1000\" height=\"6\"/>"
			   "<rect class=\"%s\" width=\"%.0f\" height=\"6\"/></svg></li>\n",
			   share * 100, class, share * 1000);
	}
	buf_addstr(out, o->n_expiries ? "</ul></div>\n" : "</div>\n");
}

/* The daemon's own state, and what is muted. */
static void health(const struct view_overview *o, struct buf *out)
{
	if (o->trouble)
		buf_printf(out,
			   "<span class=\"chip critical\"><i aria-hidden=\"true\">✕</i>%s</span>",
			   o->trouble);
	else
		buf_addstr(out,
			   "<span class=\"chip ok\"><i aria-hidden=\"true\">✓</i>the daemon is "
			   "well</span>");
	if (o->silences + o->windows == 0)
		return;
	buf_addstr(out, "<a class=\"chip warning\" href=\"/maintenance\">"
			"<i aria-hidden=\"true\">◆</i>");
	if (o->silences)
		buf_printf(out, "%zu silence%s", o->silences, s((int64_t)o->silences));
	if (o->windows)
		buf_printf(out, "%s%zu maintenance window%s", o->silences ? ", " : "", o->windows,
			   s((int64_t)o->windows));
	buf_addstr(out, "</a>");
}

void page_overview(const struct view_overview *o, int64_t now, struct buf *out)
{
	page_begin(out, "Overview", "/");
	buf_addstr(out, "<h1>");
	verdict(o, out);
	buf_printf(out, "</h1>\n<div class=\"meta\"><span>%zu domain%s on %lld host%s</span>",
		   o->domains, s((int64_t)o->domains), (long long)o->hosts, s(o->hosts));
	buf_addstr(out, "<span>last look ");
	page_ago(out, o->newest, now);
	buf_addstr(out, "</span>");
	if (o->oldest && o->oldest != o->newest) {
		buf_addstr(out, "<span>the longest ago ");
		page_ago(out, o->oldest, now);
		buf_addstr(out, "</span>");
	}
	health(o, out);
	buf_addstr(out, "</div>\n");
	tiles(o, out);
	grades(o, out);
	buf_addstr(out, "<h2>Open incidents</h2>\n<div class=\"card\">");
	if (o->n_incidents)
		page_incident_list(out, o->incidents, o->n_incidents, false, now);
	else
		buf_addstr(out, "<p class=\"empty\">None. Nothing is known to be broken.</p>");
	buf_addstr(out, "</div>\n");
	if (o->incidents_open > (int64_t)o->n_incidents)
		buf_printf(out,
			   "<p class=\"pager\"><a href=\"/incidents\">All %lld incidents</a></p>\n",
			   (long long)o->incidents_open);
	buf_addstr(out, "<div class=\"columns\">\n<section><h2>Changes of the last day</h2>\n"
			"<div class=\"card\">");
	if (o->n_changes)
		page_change_list(out, o->changes, o->n_changes, now);
	else
		buf_addstr(out, "<p class=\"empty\">Nothing changed.</p>");
	buf_addstr(out, "</div></section>\n<section>");
	expiries(o, now, out);
	buf_addstr(out, "</section></div>\n");
	page_end(out);
}

/* -- domains
 * ------------------------------------------------------------------------------------------ */

/* The filters in force but for the one named, as a query: "q=x&amp;grade=A&amp;". */
static void query(struct buf *out, const struct view_page *place, const char *without)
{
	const struct {
		const char *key, *value;
	} all[] = {{"q", place->query},
		   {"state", place->state},
		   {"grade", place->grade},
		   {"group", place->group},
		   {"owner", place->owner}};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i].value == NULL || strcmp(all[i].key, without) == 0)
			continue;
		buf_printf(out, "%s=", all[i].key);
		page_put_url(out, all[i].value);
		buf_addstr(out, "&amp;");
	}
}

static void filter_link(struct buf *out, const struct view_page *place, const char *state,
			const char *word, size_t n)
{
	bool here =
	    state == NULL ? place->state == NULL : place->state && strcmp(place->state, state) == 0;

	buf_addstr(out, "<a href=\"/domains?");
	query(out, place, "state");
	buf_printf(out, "%s%s\"%s>%s %zu</a>", state ? "state=" : "", state ? state : "",
		   here ? " aria-current=\"true\"" : "", word, n);
}

static void hidden(struct buf *out, const char *key, const char *value)
{
	if (value == NULL)
		return;
	buf_printf(out, "<input type=\"hidden\" name=\"%s\" value=\"", key);
	page_put(out, value);
	buf_addstr(out, "\">");
}

static void choice(struct buf *out, const char *key, const char *all, const char *const *words,
		   size_t n, const char *chosen)
{
	buf_printf(out, "<select name=\"%s\" aria-label=\"%s\"><option value=\"\">%s</option>", key,
		   key, all);
	for (size_t i = 0; i < n; i++) {
		buf_addstr(out, "<option");
		buf_addstr(out, chosen && strcmp(chosen, words[i]) == 0 ? " selected>" : ">");
		page_put(out, words[i]);
		buf_addstr(out, "</option>");
	}
	buf_addstr(out, "</select>");
}

static void filters(const struct view_page *place, const struct view_overview *o, struct buf *out)
{
	buf_addstr(out, "<form class=\"filters\" action=\"/domains\" role=\"search\">"
			"<input type=\"search\" name=\"q\" aria-label=\"Part of a name\" "
			"placeholder=\"Part of a name\" value=\"");
	page_put(out, place->query);
	buf_addstr(out, "\">");
	hidden(out, "state", place->state);
	hidden(out, "owner", place->owner);
	choice(out, "grade", "Any grade", view_grade_words + 1, VIEW_GRADES - 1, place->grade);
	if (place->n_groups)
		choice(out, "group", "Any group", place->groups, place->n_groups, place->group);
	buf_addstr(out, "<button>Find</button></form>\n<div class=\"filters\">");
	filter_link(out, place, NULL, "All", o->domains);
	filter_link(out, place, "critical", "Critical", o->states[VIEW_CRITICAL]);
	filter_link(out, place, "warning", "Warning", o->states[VIEW_WARNING]);
	filter_link(out, place, "unknown", "Unknown", o->states[VIEW_UNKNOWN]);
	filter_link(out, place, "ok", "Fine", o->states[VIEW_OK]);
	filter_link(out, place, "pending", "Waiting", o->states[VIEW_PENDING]);
	buf_addstr(out, "</div>\n");
}

static void domain_row(const struct view_domain *d, int64_t now, struct buf *out)
{
	buf_addstr(out, "<tr><td><strong>");
	page_subject(out, d->name, false);
	buf_addstr(out, "</strong>");
	if (d->unicode) {
		buf_addstr(out, "<div class=\"dim small break\">");
		page_put(out, d->unicode);
		buf_addstr(out, "</div>");
	}
	buf_addstr(out, "</td><td>");
	page_state(out, (enum view_state)d->mark.state);
	buf_addstr(out, "</td><td>");
	page_grade(out, (enum view_grade)d->mark.grade);
	buf_addstr(out, "</td><td class=\"wide\">");
	if (d->days)
		page_spark(out, d->days);
	buf_addstr(out, "</td><td class=\"wide small break\">");
	page_put(out, d->summary);
	if (d->open > 1)
		buf_printf(out, " <span class=\"dim nowrap\">and %lld more</span>",
			   (long long)d->open - 1);
	buf_addstr(out, "</td><td class=\"dim small\">");
	page_ago(out, d->mark.at, now);
	buf_addstr(out, "</td></tr>\n");
}

/* Links to the first and the next page. */
static void pager(struct buf *out, const char *path, const struct view_page *place)
{
	if (place->first && place->next == NULL)
		return;
	buf_addstr(out, "<nav class=\"pager\" aria-label=\"Pages of the list\">");
	for (int next = 0; next < 2; next++) {
		if (next ? place->next == NULL : place->first) {
			buf_addstr(out, "<span></span>");
			continue;
		}
		buf_printf(out, "<a href=\"%s?", path);
		query(out, place, "");
		if (next) {
			buf_addstr(out, "after=");
			page_put_url(out, place->next);
		}
		buf_addstr(out, next ? "\" rel=\"next\">Next page →</a>" : "\">← First page</a>");
	}
	buf_addstr(out, "</nav>\n");
}

void page_domains(const struct view_domain *rows, size_t n, const struct view_page *place,
		  const struct view_overview *o, int64_t now, struct buf *out)
{
	page_begin(out, "Domains", "/domains");
	buf_printf(out, "<h1>Domains</h1>\n<div class=\"meta\"><span>%zu of %zu</span></div>\n",
		   place->total, o->domains);
	filters(place, o, out);
	buf_addstr(out, "<div class=\"card scroll\">");
	if (n == 0) {
		buf_addstr(out, "<p class=\"empty\">No domain is like that.</p></div>\n");
	} else {
		buf_addstr(out,
			   "<table><caption>Watched domains</caption><thead><tr>"
			   "<th scope=\"col\">Domain</th><th scope=\"col\">State</th>"
			   "<th scope=\"col\">Grade</th><th scope=\"col\" class=\"wide\">Last 90 "
			   "days</th><th scope=\"col\" class=\"wide\">What is "
			   "wrong</th><th scope=\"col\">Looked at</th></tr></thead><tbody>\n");
		for (size_t i = 0; i < n; i++)
			domain_row(&rows[i], now, out);
		buf_addstr(out, "</tbody></table></div>\n");
	}
	pager(out, "/domains", place);
	page_end(out);
}

/* -- incidents and changes
 * ------------------------------------------------------------------------------ */

void page_incidents(const struct view_incident *rows, size_t n, const struct view_page *place,
		    int64_t now, struct buf *out)
{
	static const char *const states[] = {"open", "closed", "all"};
	static const char *const words[] = {"Open", "Over", "All"};

	page_begin(out, "Incidents", "/incidents");
	buf_addstr(out,
		   "<h1>Incidents</h1>\n<p class=\"dim\">One for each cause, with the domains it "
		   "hurts.</p>\n<div class=\"filters\">");
	for (size_t i = 0; i < 3; i++)
		buf_printf(out, "<a href=\"/incidents?state=%s\"%s>%s</a>", states[i],
			   strcmp(place->state, states[i]) == 0 ? " aria-current=\"true\"" : "",
			   words[i]);
	buf_addstr(out, "</div>\n<div class=\"card\">");
	if (n)
		page_incident_list(out, rows, n, true, now);
	else
		buf_addstr(out, "<p class=\"empty\">There is none.</p>");
	buf_addstr(out, "</div>\n");
	pager(out, "/incidents", place);
	page_end(out);
}

void page_changes(const struct view_change *rows, size_t n, const struct view_page *place,
		  int64_t now, struct buf *out)
{
	page_begin(out, "Changes", "/changes");
	buf_addstr(out,
		   "<h1>Changes</h1>\n<p class=\"dim\">What differs from what was there before, "
		   "newest first. <a href=\"/changes.atom\">Feed</a></p>\n<div class=\"card\">");
	if (n)
		page_change_list(out, rows, n, now);
	else
		buf_addstr(out, "<p class=\"empty\">Nothing has changed since the first look.</p>");
	buf_addstr(out, "</div>\n");
	pager(out, "/changes", place);
	page_end(out);
}

void page_atom(const struct view_change *rows, size_t n, const char *base, int64_t now,
	       struct buf *out)
{
	char at[STAMP_TEXT];

	buf_addstr(out,
		   "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
		   "<feed xmlns=\"http://www.w3.org/2005/Atom\">\n<title>mxwatch: changes</title>\n"
		   "<id>");
	page_put(out, base);
	buf_addstr(out, "/changes.atom</id>\n<link rel=\"self\" href=\"");
	page_put(out, base);
	buf_printf(out, "/changes.atom\"/>\n<updated>%s</updated>\n",
		   stamp_format(at, n ? rows[0].at : now));
	for (size_t i = 0; i < n; i++) {
		buf_addstr(out, "<entry>\n<id>");
		page_put(out, base);
		buf_printf(out, "/changes#c-%lld</id>\n<title>", (long long)rows[i].id);
		page_put(out, rows[i].subject);
		buf_addstr(out, ": ");
		page_put(out, rows[i].summary);
		buf_printf(
		    out,
		    "</title>\n<updated>%s</updated>\n<author><name>mxwatch</name></author>\n"
		    "<category term=\"",
		    stamp_format(at, rows[i].at));
		page_put(out, rows[i].event);
		buf_addstr(out, "\"/>\n<link href=\"");
		page_put(out, base);
		buf_printf(out, "/changes#c-%lld\"/>\n<content type=\"text\">",
			   (long long)rows[i].id);
		page_put(out, rows[i].summary);
		buf_addstr(out, "</content>\n</entry>\n");
	}
	buf_addstr(out, "</feed>\n");
}

/* -- small ones
 * ------------------------------------------------------------------------------------------ */

void page_error(int status, const char *title, const char *text, struct buf *out)
{
	page_begin(out, title, NULL);
	buf_printf(out, "<h1>%d ", status);
	page_put(out, title);
	buf_addstr(out, "</h1>\n<p class=\"dim\">");
	page_put(out, text);
	buf_addstr(out, "</p>\n");
	page_end(out);
}

void page_badge(const struct view_domain *d, struct buf *out)
{
	static const char *const colour[] = {"#6b7683", "#2f855a", "#6b5fa3", "#b7791f", "#c53030"};
	const char *word =
	    d->mark.grade ? view_grade_words[d->mark.grade] : view_state_words[d->mark.state];
	int left = 14 + 7 * (int)strlen(d->name), right = 16 + 8 * (int)strlen(word);

	buf_printf(
	    out,
	    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"20\" role=\"img\" "
	    "aria-label=\"",
	    left + right);
	page_put(out, d->name);
	buf_printf(out,
		   ": %s\"><clipPath id=\"r\"><rect width=\"%d\" height=\"20\" rx=\"4\"/>"
		   "</clipPath><g clip-path=\"url(#r)\"><rect width=\"%d\" height=\"20\" "
		   "fill=\"#444c56\"/><rect x=\"%d\" width=\"%d\" height=\"20\" fill=\"%s\"/></g>"
		   "<g fill=\"#fff\" text-anchor=\"middle\" font-family=\"Verdana,DejaVu Sans,"
		   "sans-serif\" font-size=\"11\"><text x=\"%d\" y=\"14\" textLength=\"%d\">",
		   word, left + right, left, left, right, colour[d->mark.state], left / 2,
		   left - 14);
	page_put(out, d->name);
	buf_printf(out, "</text><text x=\"%d\" y=\"14\" font-weight=\"bold\">%s</text></g></svg>\n",
		   left + right / 2, word);
}
