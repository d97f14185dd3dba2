/* SPDX-License-Identifier: ISC */
#include "api.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "report.h"
#include "stamp.h"

static json_t *when(int64_t at)
{
	char text[STAMP_TEXT];

	return at > 0 ? json_string(stamp_format(text, at)) : json_null();
}

static json_t *text(const char *s)
{
	return s ? json_string(s) : json_null();
}

static json_t *value(const char *json)
{
	json_t *v = json ? json_loads(json, JSON_DECODE_ANY, NULL) : NULL;

	return v ? v : json_null();
}

static json_t *strings(const char *const *list, size_t n)
{
	json_t *out = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(out, json_string(list[i]));
	return out;
}

static json_t *tags(const struct conf_extra *e)
{
	json_t *out = json_object();

	for (size_t i = 0; i < e->n_tags; i++)
		json_object_set_new(out, e->tags[i].key, json_string(e->tags[i].value));
	return out;
}

static const char *severity(int s)
{
	return s > SEVERITY_NONE ? finding_severity_words[s] : NULL;
}

/* What belongs to the row of a domain, beside its name and grade. */
static void add_row(json_t *o, const struct view_domain *d)
{
	const struct conf_extra *e = d->conf->extra;

	json_object_set_new(o, "state", json_string(view_state_words[d->mark.state]));
	json_object_set_new(o, "open_problems", json_integer(d->open));
	json_object_set_new(o, "worst", text(d->summary));
	json_object_set_new(o, "interval_s", json_integer(d->conf->settings->interval_s));
	json_object_set_new(o, "owner", text(e->owner));
	json_object_set_new(o, "groups", strings(e->groups, e->n_groups));
	json_object_set_new(o, "tags", tags(e));
}

json_t *api_domain(const struct view_domain *d)
{
	const char *grade = d->mark.grade ? view_grade_words[d->mark.grade] : NULL;
	json_t *o =
	    json_pack("{s:s, s:o, s:o, s:o}", "domain", d->name, "unicode", text(d->unicode),
		      "grade", text(grade), "checked_at", when(d->mark.at));

	add_row(o, d);
	return o;
}

/* Every check of the catalogue with its gravest status: skip where it does not apply, unknown
 * before the first look. */
static json_t *checks(const struct view_detail *d)
{
	static const int rank[] = {[FINDING_SKIP] = 0,	  [FINDING_PASS] = 1, [FINDING_INFO] = 2,
				   [FINDING_UNKNOWN] = 3, [FINDING_WARN] = 4, [FINDING_FAIL] = 5};
	json_t *out = json_object();

	for (size_t k = 0; k < check_count; k++) {
		enum finding_status worst = d->in->domain ? FINDING_SKIP : FINDING_UNKNOWN;
		for (size_t i = 0; d->in->domain && i < d->findings->n; i++)
			if (strcmp(d->findings->item[i].id, check_table[k].id) == 0 &&
			    rank[d->findings->item[i].status] > rank[worst])
				worst = d->findings->item[i].status;
		json_object_set_new(out, check_table[k].id,
				    json_string(finding_status_words[worst]));
	}
	return out;
}

json_t *api_detail(const struct view_detail *d)
{
	struct report r = {.in = d->in,
			   .findings = d->findings,
			   .grade = d->grade,
			   .unicode = d->row.unicode,
			   .duration_ms = d->in->domain ? d->in->domain->took_ms : 0};
	json_t *o, *list = json_array();

	if (d->in->domain)
		o = report_json(&r);
	else
		o = json_pack("{s:i, s:s, s:n, s:n, s:[], s:{}}", "schema", REPORT_SCHEMA, "domain",
			      d->row.name, "grade", "duration_ms", "findings", "facts");
	json_object_set_new(o, "checked_at", when(d->in->domain ? d->in->domain->at : 0));
	json_object_set_new(o, "rule", text(d->grade.rule));
	add_row(o, &d->row);
	json_object_set_new(o, "checks", checks(d));
	for (size_t i = 0; i < d->n_incidents; i++)
		json_array_append_new(list, api_incident(&d->incidents[i]));
	json_object_set_new(o, "incidents", list);
	return o;
}

json_t *api_incident(const struct view_incident *i)
{
	json_t *o =
	    json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "id", i->uid,
		      "event", i->event, "check", i->check, "subject", i->subject, "host",
		      text(i->host), "severity", text(severity(i->severity)), "state",
		      i->open ? "open" : "closed", "opened", when(i->opened), "closed",
		      when(i->closed), "since", when(i->since), "last_ok", when(i->last_ok));

	json_object_set_new(o, "summary", text(i->summary));
	json_object_set_new(o, "expected", text(i->expected));
	json_object_set_new(o, "actual", text(i->actual));
	json_object_set_new(o, "advice", text(i->advice));
	json_object_set_new(o, "reference", text(i->reference));
	json_object_set_new(o, "domains", strings(i->domains, i->n_domains));
	json_object_set_new(o, "domains_total", json_integer(i->domains_total));
	json_object_set_new(o, "acknowledged",
			    i->acked ? json_pack("{s:o, s:o, s:o}", "at", when(i->acked), "by",
						 text(i->acked_by), "reason", text(i->ack_reason))
				     : json_null());
	json_object_set_new(o, "muted_until", when(i->muted_until));
	return o;
}

json_t *api_change(const struct view_change *c)
{
	return json_pack("{s:I, s:o, s:s, s:s, s:s, s:o, s:s, s:o, s:o}", "id", (json_int_t)c->id,
			 "at", when(c->at), "event", c->event, "check", c->check, "subject",
			 c->subject, "severity", text(severity(c->severity)), "summary", c->summary,
			 "before", value(c->before), "after", value(c->after));
}

json_t *api_comparison(const struct view_comparison *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->n; i++)
		json_array_append_new(list, json_pack("{s:s, s:o, s:o}", "fact", c->item[i].key,
						      "before", value(c->item[i].before), "after",
						      value(c->item[i].after)));
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "kind",
			 c->kind == OBS_KIND_HOST ? "host" : "domain", "subject", c->subject,
			 "before_at", when(c->before_at), "after_at", when(c->after_at),
			 "differences", list, "unreadable_at", when(c->unreadable));
}

json_t *api_list(json_t *data, const char *next)
{
	return json_pack("{s:o, s:o}", "data", data, "next", text(next));
}

const char *api_status_title(int status)
{
	static const struct {
		int status;
		const char *title;
	} titles[] = {
	    {200, "OK"},
	    {202, "Accepted"},
	    {400, "Bad Request"},
	    {401, "Unauthorized"},
	    {403, "Forbidden"},
	    {404, "Not Found"},
	    {409, "Conflict"},
	    {405, "Method Not Allowed"},
	    {413, "Content Too Large"},
	    {417, "Expectation Failed"},
	    {421, "Misdirected Request"},
	    {501, "Not Implemented"},
	    {502, "Bad Gateway"},
	    {503, "Service Unavailable"},
	};

	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		if (titles[i].status == status)
			return titles[i].title;
	return status < 500 ? "Bad Request" : "Internal Server Error";
}

json_t *api_problem(int status, const char *detail)
{
	return json_pack("{s:s, s:s, s:i, s:s}", "type", "about:blank", "title",
			 api_status_title(status), "status", status, "detail", detail);
}

void api_print(const json_t *json, struct buf *out)
{
	char *compact = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);

	for (const char *p = compact ? compact : "null"; *p; p++) {
		if (*p == '<')
			buf_addstr(out, "\\u003c");
		else if (strncmp(p, "\xe2\x80\xa8", 3) == 0 || strncmp(p, "\xe2\x80\xa9", 3) == 0)
			buf_printf(out, "\\u202%d", p[2] == '\xa8' ? 8 : 9), p += 2;
		else
			buf_addch(out, *p);
	}
	free(compact);
}
