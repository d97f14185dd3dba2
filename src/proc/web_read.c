/* SPDX-License-Identifier: ISC
 *
 * What is there to be read: pages, the API's lists and objects, badge and health.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "api.h"
#include "config.h"
#include "name.h"
#include "page.h"
#include "posture.h"
#include "stamp.h"
#include "store_view.h"
#include "text.h"
#include "web_parts.h"

#define PAGE_ROWS      100
#define LIMIT_MAX      1000
#define FEED_ROWS      50
#define READY_S	       30 /* the engine has answered within */
#define HOST_INCIDENTS 20
#define HOST_DOMAINS   200
#define COMPARED_MAX   50 /* hosts of a domain */
#define STATES_BACK    50 /* how far back a state that differs is looked for */

static int64_t number(const struct exchange *x, const char *key, int64_t otherwise)
{
	const char *s = http_query(x->r, key);
	char *end;
	long long n = s ? strtoll(s, &end, 10) : 0;

	return s && *s && *end == '\0' && n > 0 ? n : otherwise;
}

static size_t limit(const struct exchange *x)
{
	int64_t n = number(x, "limit", PAGE_ROWS);

	return (size_t)(n > LIMIT_MAX ? LIMIT_MAX : n);
}

static const char *cursor(struct exchange *x, int64_t id)
{
	return arena_printf(x->arena, "%lld", (long long)id);
}

/* -- lists of domains
 * ------------------------------------------------------------------------------- */

struct filter {
	const char *query, *state, *grade, *group, *owner;
	int wanted, wanted_grade; /* enum view_state, enum view_grade; -1 any */
};

static const char *given(const struct exchange *x, const char *key)
{
	const char *s = http_query(x->r, key);

	return s && *s ? s : NULL;
}

static struct filter filter(struct exchange *x)
{
	struct filter f = {.state = given(x, "state"),
			   .grade = given(x, "grade"),
			   .group = given(x, "group"),
			   .owner = given(x, "owner"),
			   .wanted = -1,
			   .wanted_grade = -1};
	const char *q = given(x, "q");

	if (q) {
		char *folded = arena_strdup(x->arena, q);
		text_lower(folded);
		f.query = folded;
	}
	for (int i = 0; f.state && i < VIEW_N; i++)
		if (strcmp(view_state_words[i], f.state) == 0)
			f.wanted = i;
	if (f.wanted < 0)
		f.state = NULL;
	for (int i = 1; f.grade && i < VIEW_GRADES; i++)
		if (strcmp(view_grade_words[i], f.grade) == 0)
			f.wanted_grade = i;
	if (f.wanted_grade < 0)
		f.grade = NULL;
	return f;
}

static bool has_group(const struct conf_extra *e, const char *group)
{
	for (size_t i = 0; i < e->n_groups; i++)
		if (strcmp(e->groups[i], group) == 0)
			return true;
	return false;
}

static bool passes(const struct filter *f, const struct conf_domain *d, const struct view_mark *m)
{
	if (f->wanted >= 0 && m->state != f->wanted)
		return false;
	if (f->wanted_grade >= 0 && m->grade != f->wanted_grade)
		return false;
	if (f->query && strstr(d->name, f->query) == NULL)
		return false;
	if (f->group && !has_group(d->extra, f->group))
		return false;
	return f->owner == NULL || (d->extra->owner && strcmp(d->extra->owner, f->owner) == 0);
}

/* The first domain behind name. */
static size_t behind(const struct conf *c, const char *name)
{
	size_t low = 0, high = c->n_domains;

	while (name && low < high) {
		size_t mid = low + (high - low) / 2;
		if (strcmp(c->domains[mid].name, name) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct view_domain *rows(struct exchange *x, const struct filter *f, size_t *n,
				struct view_page *place)
{
	const struct conf *c = x->w->conf;
	const struct view_mark *marks = web_sight(x->w)->marks;
	const char *after = given(x, "after");
	size_t max = limit(x);
	struct view_domain *list = arena_array(x->arena, max, sizeof(*list));

	*n = 0;
	*place = (struct view_page){.query = f->query,
				    .state = f->state,
				    .grade = f->grade,
				    .group = f->group,
				    .owner = f->owner,
				    .groups = web_sight(x->w)->groups,
				    .n_groups = web_sight(x->w)->n_groups,
				    .first = after == NULL};
	store_view_begin(x->w->store);
	for (size_t i = behind(c, after); i < c->n_domains; i++) {
		if (!passes(f, &c->domains[i], &marks[i]))
			continue;
		if (*n == max) {
			place->next = list[max - 1].name;
			break;
		}
		web_fill_row(x, i, &list[(*n)++]);
	}
	store_view_end(x->w->store);
	for (size_t i = 0; i < c->n_domains; i++)
		place->total += passes(f, &c->domains[i], &marks[i]);
	return list;
}

void web_domains(struct exchange *x)
{
	struct filter f = filter(x);
	struct view_page place;
	struct buf page;
	size_t n;
	struct view_domain *list = rows(x, &f, &n, &place);

	store_view_begin(x->w->store);
	for (size_t i = 0; i < n; i++)
		list[i].days = web_days(x, list[i].name);
	store_view_end(x->w->store);
	buf_init(&page, PAGE_MAX);
	page_domains(list, n, &place, &web_sight(x->w)->overview, x->now, &page);
	web_reply_html(x, 200, &page);
}

void web_api_domains(struct exchange *x)
{
	struct filter f = filter(x);
	struct view_page place;
	size_t n;
	const struct view_domain *list = rows(x, &f, &n, &place);
	json_t *data = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(data, api_domain(&list[i]));
	web_reply_json(x, 200, api_list(data, place.next));
}

/* -- one domain, one host
 * ------------------------------------------------------------------------------ */

void web_domain(struct exchange *x)
{
	struct view_detail d;
	struct buf page;

	if (!web_detail(x, &d))
		return;
	buf_init(&page, PAGE_MAX);
	page_domain(&d, x->now, &page);
	web_detail_clear(&d);
	web_reply_html(x, 200, &page);
}

void web_api_domain(struct exchange *x)
{
	struct view_detail d;
	json_t *o;

	if (!web_detail(x, &d))
		return;
	o = api_detail(&d);
	web_detail_clear(&d);
	web_reply_json(x, 200, o);
}

static const struct view_domain *domains_behind(struct exchange *x, const char *host, size_t *n,
						int64_t *total)
{
	const struct conf *c = x->w->conf;
	const struct view_mark *marks = web_sight(x->w)->marks;
	const char *const *names =
	    store_view_domains_of(x->w->store, host, HOST_DOMAINS, x->arena, n, total);
	struct view_domain *list = arena_array(x->arena, *n + 1, sizeof(*list));

	for (size_t i = 0; i < *n; i++) {
		const struct conf_domain *d = conf_domain(c, names[i]);
		list[i].name = names[i];
		if (d)
			list[i].mark = marks[d - c->domains];
	}
	return list;
}

void web_host(struct exchange *x)
{
	struct view_host h = {.name = NULL};
	char name[NAME_MAX_TEXT];
	struct store *s = x->w->store;
	struct buf page;

	if (name_fold(name, x->name)) {
		h.name = name;
		store_view_begin(s);
		h.seen = store_view_observation(s, OBS_KIND_HOST, name, x->arena);
		h.domains = domains_behind(x, name, &h.n_domains, &h.domains_total);
		h.incidents =
		    store_view_incidents_at(s, name, HOST_INCIDENTS, x->arena, &h.n_incidents);
		h.changes = store_view_changes_of(s, OBS_KIND_HOST, name, 0, FEED_ROWS, x->arena,
						  &h.n_changes);
		store_view_end(s);
	}
	if (h.seen == NULL && h.domains_total == 0) {
		web_refuse(x, 404, "no watched domain leads to this host");
		return;
	}
	buf_init(&page, PAGE_MAX);
	page_host(&h, x->now, &page);
	web_reply_html(x, 200, &page);
}

void web_event(struct exchange *x)
{
	struct buf page;

	buf_init(&page, PAGE_MAX);
	if (page_event(x->name, &page)) {
		web_reply_html(x, 200, &page);
		return;
	}
	buf_clear(&page);
	web_refuse(x, 404, "no event is called so");
}

void web_badge(struct exchange *x)
{
	struct view_domain d = {.name = NULL};
	size_t len = strlen(x->name), at;
	struct buf svg;

	if (len > 4 && strcmp(x->name + len - 4, ".svg") == 0)
		x->name = arena_strndup(x->arena, x->name, len - 4);
	at = web_find(x);
	if (at == SIZE_MAX)
		return;
	web_fill_row(x, at, &d);
	buf_init(&svg, 65536);
	page_badge(&d, &svg);
	http_answer_header(x->r, "Content-Security-Policy", "default-src 'none'");
	http_answer_header(x->r, "Cache-Control", "max-age=60");
	http_reply(x->r, 200, "image/svg+xml", svg.data, svg.len);
	buf_clear(&svg);
}

/* -- history
 * -------------------------------------------------------------------------------------------- */

/* Its own and its hosts', merged by time; the cursor is the id of a change. */
void web_api_history(struct exchange *x)
{
	struct store *s = x->w->store;
	size_t at = web_find(x), max = limit(x), n_hosts, n, best;
	int64_t before = number(x, "after", 0), id = 0;
	const struct eval_host *hosts;
	struct view_change **list;
	size_t *left;
	json_t *data;

	if (at == SIZE_MAX)
		return;
	store_view_begin(s);
	hosts = store_view_hosts_of(s, x->w->conf->domains[at].name, x->arena, &n_hosts);
	list = arena_array(x->arena, n_hosts + 1, sizeof(*list));
	left = arena_array(x->arena, n_hosts + 1, sizeof(*left));
	for (size_t i = 0; i <= n_hosts; i++)
		list[i] =
		    store_view_changes_of(s, i ? OBS_KIND_HOST : OBS_KIND_DOMAIN,
					  i ? hosts[i - 1].name : x->w->conf->domains[at].name,
					  before, max + 1, x->arena, &left[i]);
	store_view_end(s);
	data = json_array();
	for (n = 0;; n++) {
		best = SIZE_MAX;
		for (size_t i = 0; i <= n_hosts; i++)
			if (left[i] && (best == SIZE_MAX || list[i]->id > list[best]->id))
				best = i;
		if (best == SIZE_MAX || n == max)
			break;
		id = list[best]->id;
		json_array_append_new(data, api_change(list[best]));
		list[best]++;
		left[best]--;
	}
	web_reply_json(x, 200, api_list(data, best == SIZE_MAX ? NULL : cursor(x, id)));
}

/* The facts that both know and that differ: what could not be determined is no difference. */
static void compare(struct exchange *x, struct view_comparison *c, const struct observation *before,
		    const struct observation *after)
{
	const struct posture *was = posture_of(before, x->arena), *is = posture_of(after, x->arena);
	struct view_difference *list = arena_array(x->arena, was->n + 1, sizeof(*list));

	*c = (struct view_comparison){.kind = after->kind,
				      .subject = after->subject,
				      .before_at = before->at,
				      .after_at = after->at,
				      .item = list};
	for (size_t i = 0; i < was->n; i++) {
		const struct fact *b = &was->fact[i], *a = posture_get(is, b->key);
		if (a == NULL || a->value == b->value ||
		    (a->value && b->value && strcmp(a->value, b->value) == 0))
			continue;
		list[c->n++] = (struct view_difference){b->key, b->value, a->value};
	}
}

/* The state before `after` that differs from it; false when there is none near. */
static bool compare_last(struct exchange *x, struct view_comparison *c,
			 const struct observation *after, int64_t *unreadable)
{
	int64_t at = after->at;

	c->n = 0;
	for (int back = 0; back < STATES_BACK && c->n == 0; back++) {
		int64_t lost = 0;
		const struct observation *before = store_view_seen_at(
		    x->w->store, after->kind, after->subject, at - 1, x->arena, &lost);
		int64_t seen = before ? before->at : lost;
		if (seen == 0 || seen >= at)
			return false;
		at = seen;
		if (before)
			compare(x, c, before, after);
		else
			*unreadable = lost;
	}
	return c->n > 0;
}

/* A time of the query; false when it is none. */
static bool moment(const struct exchange *x, const char *key, int64_t *at)
{
	const char *s = given(x, key);

	return s == NULL || stamp_parse(s, at);
}

/* Without before: the last two states. */
void web_api_diff(struct exchange *x)
{
	struct store *s = x->w->store;
	size_t at = web_find(x), n_hosts;
	int64_t from = 0, to = x->now;
	const struct eval_host *hosts;
	json_t *data;

	if (at == SIZE_MAX)
		return;
	if (!moment(x, "before", &from) || !moment(x, "after", &to)) {
		web_refuse(x, 400, "before and after are times as in RFC 3339");
		return;
	}
	data = json_array();
	store_view_begin(s);
	hosts = store_view_hosts_of(s, x->w->conf->domains[at].name, x->arena, &n_hosts);
	for (size_t i = 0; i <= n_hosts && i <= COMPARED_MAX; i++) {
		int kind = i ? OBS_KIND_HOST : OBS_KIND_DOMAIN;
		const char *name = i ? hosts[i - 1].name : x->w->conf->domains[at].name;
		struct view_comparison c = {.kind = kind, .subject = name};
		int64_t unreadable = 0;
		const struct observation *before = NULL,
					 *after = store_view_seen_at(s, kind, name, to, x->arena,
								     &unreadable);
		bool differ;
		if (after && from)
			before = store_view_seen_at(s, kind, name, from, x->arena, &unreadable);
		if (before)
			compare(x, &c, before, after);
		differ = before ? c.n > 0
				: after && from == 0 && compare_last(x, &c, after, &unreadable);
		c.unreadable = unreadable;
		if (differ || unreadable)
			json_array_append_new(data, api_comparison(&c));
	}
	store_view_end(s);
	web_reply_json(x, 200, api_list(data, NULL));
}

/* -- incidents and changes of all
 * ---------------------------------------------------------------------- */

static struct view_incident *incidents(struct exchange *x, size_t *n, struct view_page *place)
{
	const char *state = given(x, "state");
	bool all = state && strcmp(state, "all") == 0,
	     closed = state && strcmp(state, "closed") == 0;
	size_t max = limit(x);
	struct view_incident *list;

	store_view_begin(x->w->store);
	list = store_view_incidents(x->w->store, !closed, all || closed, number(x, "after", 0),
				    max + 1, x->arena, n);
	web_mark_muted(x->w, list, *n, x->now, x->arena);
	store_view_end(x->w->store);
	*place = (struct view_page){.state = all      ? "all"
					     : closed ? "closed"
						      : "open",
				    .first = given(x, "after") == NULL};
	if (*n > max) {
		*n = max;
		place->next = cursor(x, list[max - 1].id);
	}
	return list;
}

void web_incidents(struct exchange *x)
{
	struct view_page place;
	struct buf page;
	size_t n;
	const struct view_incident *list = incidents(x, &n, &place);

	buf_init(&page, PAGE_MAX);
	page_incidents(list, n, &place, x->now, &page);
	web_reply_html(x, 200, &page);
}

void web_api_incidents(struct exchange *x)
{
	struct view_page place;
	size_t n;
	const struct view_incident *list = incidents(x, &n, &place);
	json_t *data = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(data, api_incident(&list[i]));
	web_reply_json(x, 200, api_list(data, place.next));
}

void web_api_incident(struct exchange *x)
{
	struct view_incident *i;

	store_view_begin(x->w->store);
	i = store_view_incident(x->w->store, x->name, x->arena);
	if (i)
		web_mark_muted(x->w, i, 1, x->now, x->arena);
	store_view_end(x->w->store);
	if (i)
		web_reply_json(x, 200, api_incident(i));
	else
		web_refuse(x, 404, "there is no such incident");
}

static struct view_change *changes(struct exchange *x, size_t max, size_t *n,
				   struct view_page *place)
{
	struct view_change *list;

	store_view_begin(x->w->store);
	list = store_view_changes(x->w->store, number(x, "after", 0), 0, max + 1, x->arena, n);
	store_view_end(x->w->store);
	*place = (struct view_page){.first = given(x, "after") == NULL};
	if (*n > max) {
		*n = max;
		place->next = cursor(x, list[max - 1].id);
	}
	return list;
}

void web_changes(struct exchange *x)
{
	struct view_page place;
	struct buf page;
	size_t n;
	const struct view_change *list = changes(x, limit(x), &n, &place);

	buf_init(&page, PAGE_MAX);
	page_changes(list, n, &place, x->now, &page);
	web_reply_html(x, 200, &page);
}

void web_api_changes(struct exchange *x)
{
	struct view_page place;
	size_t n;
	const struct view_change *list = changes(x, limit(x), &n, &place);
	json_t *data = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(data, api_change(&list[i]));
	web_reply_json(x, 200, api_list(data, place.next));
}

void web_atom(struct exchange *x)
{
	const char *base = x->w->conf->web_public_url;
	struct view_page place;
	struct buf feed;
	size_t n;
	const struct view_change *list = changes(x, FEED_ROWS, &n, &place);

	buf_init(&feed, PAGE_MAX);
	page_atom(list, n, base ? base : "http://localhost", x->now, &feed);
	http_reply(x->r, 200, "application/atom+xml; charset=utf-8", feed.data, feed.len);
	buf_clear(&feed);
}

/* -- the rest
 * --------------------------------------------------------------------------------------------- */

/* What keeps the daemon from its work, NULL. */
static const char *trouble(const struct exchange *x)
{
	const struct metrics_engine *e = &x->w->engine;

	return e->seen_at == 0		       ? "the engine has not answered yet"
	       : x->now - e->seen_at > READY_S ? "the engine does not answer"
	       : !e->state_writable	       ? "the state cannot be written"
					       : NULL;
}

void web_overview(struct exchange *x)
{
	struct view_overview o = web_sight(x->w)->overview;
	struct view_muted muted = web_muted(x);
	struct buf page;

	o.trouble = trouble(x);
	o.silences = muted.n_silences;
	for (size_t i = 0; i < muted.n_windows; i++)
		o.windows += muted.windows[i].from <= x->now && x->now < muted.windows[i].until;
	buf_init(&page, PAGE_MAX);
	page_overview(&o, x->now, &page);
	web_reply_html(x, 200, &page);
}

void web_style(struct exchange *x)
{
	http_answer_header(x->r, "Cache-Control", "max-age=300");
	http_reply(x->r, 200, "text/css; charset=utf-8", page_style(), strlen(page_style()));
}

void web_healthz(struct exchange *x)
{
	http_reply(x->r, 200, "text/plain", "ok\n", 3);
}

void web_readyz(struct exchange *x)
{
	const char *why = trouble(x);

	if (why)
		web_reply_json(x, 503, api_problem(503, why));
	else
		http_reply(x->r, 200, "text/plain", "ready\n", 6);
}

void web_api_openapi(struct exchange *x)
{
	struct buf out;

	buf_init(&out, 1 << 20);
	api_openapi(&out);
	http_reply(x->r, 200, "application/json", out.data, out.len);
	buf_clear(&out);
}

/* The engine's own words, the counts, and where things are for those who may know. */
void web_api_status(struct exchange *x)
{
	struct web *w = x->w;
	const struct view_overview *o = &web_sight(w)->overview;
	json_t *out = w->status ? json_loads(w->status, 0, NULL) : NULL, *states = json_object();
	char text[STAMP_TEXT];

	if (out == NULL)
		out = json_object();
	for (int i = 0; i < VIEW_N; i++)
		json_object_set_new(states, view_state_words[i],
				    json_integer((json_int_t)o->states[i]));
	json_object_set_new(out, "version", json_string(PACKAGE_VERSION));
	json_object_set_new(out, "domains", json_integer((json_int_t)o->domains));
	json_object_set_new(out, "states", states);
	json_object_set_new(out, "open_incidents", json_integer(o->incidents_open));
	json_object_set_new(out, "newest_look",
			    o->newest ? json_string(stamp_format(text, o->newest)) : json_null());
	json_object_set_new(out, "oldest_look",
			    o->oldest ? json_string(stamp_format(text, o->oldest)) : json_null());
	json_object_set_new(out, "engine_seen",
			    w->engine.seen_at ? json_string(stamp_format(text, w->engine.seen_at))
					      : json_null());
	if (x->trusted) {
		json_object_set_new(out, "state_path", json_string(w->conf->state_path));
		json_object_set_new(out, "configuration", json_string(w->file));
	}
	web_reply_json(x, 200, out);
}
