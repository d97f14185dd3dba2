/* SPDX-License-Identifier: ISC */
#include "page_parts.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "notice.h"
#include "render_parts.h"
#include "stamp.h"
#include "text.h"

#define TEXT_MAX  2000
#define VALUE_MAX 400

static const struct {
	const char *path, *title;
} places[] = {{"/", "Overview"},
	      {"/domains", "Domains"},
	      {"/incidents", "Incidents"},
	      {"/changes", "Changes"},
	      {"/maintenance", "Maintenance"}};

void page_begin(struct buf *out, const char *title, const char *active)
{
	buf_addstr(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
			"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
			"<meta name=\"color-scheme\" content=\"light dark\">\n"
			"<meta name=\"robots\" content=\"noindex\">\n<title>");
	page_put(out, title);
	buf_addstr(
	    out,
	    " · mxwatch</title>\n<link rel=\"stylesheet\" href=\"/style.css\">\n"
	    "<link rel=\"alternate\" type=\"application/atom+xml\" title=\"Changes\" "
	    "href=\"/changes.atom\">\n</head>\n<body>\n"
	    "<a class=\"skip\" href=\"#main\">Skip to the content</a>\n"
	    "<header><div class=\"bar\"><a class=\"brand\" href=\"/\">"
	    "<svg width=\"22\" height=\"22\" viewBox=\"0 0 22 22\" aria-hidden=\"true\">"
	    "<rect class=\"f-ok\" width=\"22\" height=\"22\" rx=\"6\"/>"
	    "<path d=\"M4.5 7.5l6.5 5 6.5-5\" fill=\"none\" stroke=\"#fff\" stroke-width=\"2\" "
	    "stroke-linecap=\"round\" stroke-linejoin=\"round\"/>"
	    "<path d=\"M7 15.5h8\" stroke=\"#fff\" stroke-width=\"2\" stroke-linecap=\"round\"/>"
	    "</svg>mxwatch</a>\n<nav aria-label=\"Pages\">");
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		buf_printf(out, "<a href=\"%s\"%s>%s</a>", places[i].path,
			   active && strcmp(active, places[i].path) == 0 ? " aria-current=\"page\""
									 : "",
			   places[i].title);
	buf_addstr(out,
		   "</nav>\n<form class=\"find\" action=\"/domains\" role=\"search\">"
		   "<input type=\"search\" name=\"q\" placeholder=\"Find a domain\" "
		   "aria-label=\"Find a domain\"></form></div></header>\n<main id=\"main\">\n");
}

void page_end(struct buf *out)
{
	buf_addstr(out, "</main>\n<footer>mxwatch looks at mail domains as a sender would. "
			"<a href=\"/changes.atom\">Feed</a> · <a href=\"/metrics\">Metrics</a> · "
			"<a href=\"/api/v1/openapi.json\">API</a></footer>\n</body>\n</html>\n");
}

static void put(struct buf *out, const char *s, size_t max)
{
	struct buf clean;

	buf_init(&clean, 4 * max + 8);
	render_clean(&clean, s ? s : "", max);
	text_html(out, buf_str(&clean));
	buf_clear(&clean);
}

void page_put(struct buf *out, const char *s)
{
	put(out, s, TEXT_MAX);
}

void page_put_url(struct buf *out, const char *s)
{
	for (; s && *s; s++) {
		if ((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
		    (*s >= '0' && *s <= '9') || *s == '.' || *s == '-' || *s == '_')
			buf_addch(out, *s);
		else
			buf_printf(out, "%%%02X", (unsigned char)*s);
	}
}

void page_ago(struct buf *out, int64_t at, int64_t now)
{
	char exact[STAMP_TEXT], length[STAMP_TEXT];
	bool past = at <= now;

	if (at <= 0) {
		buf_addstr(out, "never");
		return;
	}
	stamp_format(exact, at);
	stamp_duration_human(length, past ? now - at : at - now);
	buf_printf(out, "<time class=\"nowrap\" datetime=\"%s\" title=\"%s\">%s%s%s</time>", exact,
		   exact, past ? "" : "in ", now == at ? "just now" : length,
		   past && now != at ? " ago" : "");
}

static void bare(struct buf *out, const json_t *v)
{
	char *compact = json_is_string(v) ? NULL : json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);

	buf_addstr(out, compact ? compact : json_string_value(v));
	free(compact);
}

/* "a, b" of a list, "key value, key value" of an object; deeper ones as they stand. */
static void members_of(struct buf *out, json_t *v)
{
	const char *key;
	json_t *item;
	size_t i, n = 0;
	struct buf said;

	buf_init(&said, 8192);
	json_array_foreach(v, i, item)
	{
		buf_addstr(&said, n++ ? ", " : "");
		bare(&said, item);
	}
	json_object_foreach(v, key, item)
	{
		buf_printf(&said, "%s%s ", n++ ? ", " : "", key);
		bare(&said, item);
	}
	put(out, n ? buf_str(&said) : "none", VALUE_MAX);
	buf_clear(&said);
}

void page_value(struct buf *out, const char *json)
{
	json_t *v = json ? json_loads(json, JSON_DECODE_ANY, NULL) : NULL;

	if (v == NULL || json_is_null(v))
		buf_addstr(out, "none");
	else if (json_is_string(v))
		put(out, json_string_value(v)[0] ? json_string_value(v) : "empty", VALUE_MAX);
	else if (json_is_array(v) || json_is_object(v))
		members_of(out, v);
	else
		put(out, json, VALUE_MAX);
	json_decref(v);
}

static void chip(struct buf *out, const char *class, const char *sign, const char *word)
{
	buf_printf(out, "<span class=\"chip %s\"><i aria-hidden=\"true\">%s</i>%s</span>", class,
		   sign, word);
}

void page_state(struct buf *out, enum view_state state)
{
	static const char *const signs[] = {"…", "✓", "?", "!", "✕"};
	static const char *const words[] = {"Waiting", "Fine", "Unknown", "Warning", "Critical"};

	chip(out, view_state_words[state], signs[state], words[state]);
}

void page_severity(struct buf *out, int severity)
{
	if (severity == SEVERITY_CRITICAL)
		chip(out, "critical", "✕", "Critical");
	else if (severity == SEVERITY_WARNING)
		chip(out, "warning", "!", "Warning");
	else
		chip(out, "info", "i", "Note");
}

void page_status(struct buf *out, enum finding_status status)
{
	static const struct {
		const char *class, *sign, *word;
	} shown[] = {
	    [FINDING_PASS] = {"pass", "✓", "Good"},
	    [FINDING_INFO] = {"info", "i", "Note"},
	    [FINDING_WARN] = {"warn", "!", "Warning"},
	    [FINDING_FAIL] = {"fail", "✕", "Failed"},
	    [FINDING_SKIP] = {"skip-s", "–", "Not tested"},
	    [FINDING_UNKNOWN] = {"unknown", "?", "Unknown"},
	};

	chip(out, shown[status].class, shown[status].sign, shown[status].word);
}

void page_tally(struct buf *out, const char *class, const char *sign, size_t n, const char *word)
{
	if (n)
		buf_printf(out,
			   "<span class=\"chip %s\"><i aria-hidden=\"true\">%s</i>%zu %s</span>",
			   class, sign, n, word);
}

const char *page_grade_class(enum view_grade grade)
{
	static const char *const classes[] = {"pending", "ok",	    "ok",      "ok",
					      "warning", "warning", "critical"};

	return classes[grade];
}

void page_grade(struct buf *out, enum view_grade grade)
{
	buf_printf(out, "<span class=\"grade %s\">%s</span>", page_grade_class(grade),
		   grade ? view_grade_words[grade] : "–");
}

const char *page_day_class(uint8_t worst)
{
	static const char *const fill[] = {"f-ok", "f-ok", "f-warning", "f-critical"};

	return worst == 255 ? "f-soft" : fill[worst & 3];
}

void page_spark(struct buf *out, const uint8_t *days)
{
	size_t warning = 0, critical = 0;

	for (int i = 0; i < VIEW_DAYS; i++) {
		warning += days[i] == SEVERITY_WARNING;
		critical += days[i] == SEVERITY_CRITICAL;
	}
	buf_printf(out,
		   "<svg class=\"spark\" viewBox=\"0 0 %d 10\" preserveAspectRatio=\"none\" "
		   "role=\"img\" aria-label=\"%zu days with a critical problem, %zu with a "
		   "warning\">",
		   VIEW_DAYS, critical, warning);
	for (int i = 0, next; i < VIEW_DAYS; i = next) {
		const char *class = page_day_class(days[i]);
		for (next = i + 1; next < VIEW_DAYS; next++)
			if (strcmp(page_day_class(days[next]), class) != 0)
				break;
		buf_printf(out, "<rect class=\"%s\" x=\"%d\" width=\"%d\" height=\"10\"/>", class,
			   i, next - i);
	}
	buf_addstr(out, "</svg>");
}

void page_subject(struct buf *out, const char *subject, bool host)
{
	size_t len = strcspn(subject, "[");
	char name[512];

	text_copy(name, len < sizeof(name) ? len + 1 : sizeof(name), subject);
	buf_printf(out, "<a class=\"break\" href=\"/%s/",
		   host || subject[len] ? "hosts" : "domains");
	page_put_url(out, name);
	buf_addstr(out, "\">");
	page_put(out, subject);
	buf_addstr(out, "</a>");
}

/* -- incidents
 * --------------------------------------------------------------------------------------- */

static void members(struct buf *out, const struct view_incident *i, bool full)
{
	size_t shown = full ? i->n_domains : i->n_domains < 3 ? i->n_domains : 3;

	if (i->n_domains == 1 && strcmp(i->domains[0], i->subject) == 0)
		return;
	for (size_t k = 0; k < shown; k++) {
		buf_addstr(out, k ? ", " : "");
		page_subject(out, i->domains[k], false);
	}
	if (i->domains_total > (int64_t)shown)
		buf_printf(out, " and %lld more", (long long)i->domains_total - (long long)shown);
}

static void fact(struct buf *out, const char *label, const char *value)
{
	if (value == NULL || *value == '\0')
		return;
	buf_printf(out, "<dt>%s</dt><dd>", label);
	page_put(out, value);
	buf_addstr(out, "</dd>");
}

static void incident_more(struct buf *out, const struct view_incident *i)
{
	if (i->expected || i->actual) {
		buf_addstr(out, "<dl>");
		fact(out, "Expected", i->expected);
		fact(out, "Seen", i->actual);
		buf_addstr(out, "</dl>");
	}
	if (i->open && i->advice && *i->advice) {
		buf_addstr(out, "<div class=\"advice\"><b>What to do:</b> ");
		page_put(out, i->advice);
		if (i->reference && *i->reference) {
			buf_addstr(out, " <span class=\"dim nowrap\">");
			page_put(out, i->reference);
			buf_addstr(out, "</span>");
		}
		buf_addstr(out, "</div>");
	}
}

static void incident_times(struct buf *out, const struct view_incident *i, int64_t now)
{
	char length[STAMP_TEXT];
	int64_t from = i->since ? i->since : i->opened;

	buf_addstr(out, "<span class=\"dim small\">");
	if (i->open) {
		buf_addstr(out, "began ");
		page_ago(out, from, now);
	} else {
		buf_printf(out, "over after %s, ", stamp_duration_human(length, i->closed - from));
		page_ago(out, i->closed, now);
	}
	buf_addstr(out, "</span>");
}

static void incident(struct buf *out, const struct view_incident *i, bool full, int64_t now)
{
	const char *class = !i->open			       ? "pending"
			    : i->severity == SEVERITY_CRITICAL ? "critical"
			    : i->severity == SEVERITY_WARNING  ? "warning"
							       : "info";

	buf_printf(out, "<li class=\"%s\" id=\"i-", class);
	page_put(out, i->uid);
	buf_addstr(out, "\"><div class=\"row\"><span>");
	if (i->open)
		page_severity(out, i->severity);
	else
		buf_addstr(out, "<span class=\"chip ok\"><i aria-hidden=\"true\">✓</i>Over</span>");
	buf_addstr(out, " <strong>");
	page_subject(out, i->subject, i->host != NULL);
	buf_addstr(out, "</strong></span>");
	incident_times(out, i, now);
	buf_addstr(out, "</div><p class=\"said\">");
	page_put(out, i->summary);
	buf_addstr(out, "</p><div class=\"dim small\"><code>");
	page_put(out, i->event);
	buf_addstr(out, "</code> ");
	members(out, i, full);
	if (i->acked) {
		buf_addstr(out, " · acknowledged by ");
		page_put(out, i->acked_by ? i->acked_by : "somebody");
		buf_addstr(out, i->ack_reason ? ": " : "");
		page_put(out, i->ack_reason);
	}
	if (i->muted_until) {
		buf_addstr(out, " · <a href=\"/maintenance\">muted</a>, ends ");
		page_ago(out, i->muted_until, now);
	}
	buf_addstr(out, "</div>");
	if (full)
		incident_more(out, i);
	buf_addstr(out, "</li>\n");
}

void page_incident_list(struct buf *out, const struct view_incident *rows, size_t n, bool full,
			int64_t now)
{
	buf_addstr(out, "<ul class=\"list edge\">\n");
	for (size_t i = 0; i < n; i++)
		incident(out, &rows[i], full, now);
	buf_addstr(out, "</ul>\n");
}

/* -- changes
 * ------------------------------------------------------------------------------------------- */

void page_change_list(struct buf *out, const struct view_change *rows, size_t n, int64_t now)
{
	buf_addstr(out, "<ol class=\"list\">\n");
	for (size_t i = 0; i < n; i++) {
		const struct view_change *c = &rows[i];
		buf_printf(out, "<li id=\"c-%lld\"><div class=\"row\"><strong>", (long long)c->id);
		page_subject(out, c->subject, c->kind == OBS_KIND_HOST);
		buf_addstr(out, "</strong><span class=\"dim small\">");
		page_ago(out, c->at, now);
		buf_addstr(out, "</span></div><p class=\"said\">");
		page_put(out, c->summary);
		buf_addstr(out, "</p>");
		if (c->before || c->after) {
			buf_addstr(out, "<div class=\"small\"><span class=\"was mono\">");
			page_value(out, c->before);
			buf_addstr(out,
				   "</span> <span class=\"dim\" aria-label=\"became\">→</span> "
				   "<span class=\"is mono\">");
			page_value(out, c->after);
			buf_addstr(out, "</span></div>");
		}
		buf_addstr(out, "</li>\n");
	}
	buf_addstr(out, "</ol>\n");
}
