/* SPDX-License-Identifier: ISC
 *
 * One domain: what the state has of it and its hosts, judged anew by the same core that the
 * engine uses.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "eval.h"
#include "idn.h"
#include "mem.h"
#include "store_view.h"
#include "web_parts.h"

#define SHOWN_INCIDENTS 200
#define SHOWN_CHANGES	50
#define DAY_S		86400

size_t web_find(struct exchange *x)
{
	char name[NAME_MAX_TEXT];
	struct error err;
	const struct conf_domain *d =
	    idn_fold(name, x->name, &err) == 0 ? conf_domain(x->w->conf, name) : NULL;

	if (d)
		return (size_t)(d - x->w->conf->domains);
	web_refuse(x, 404, "this domain is not watched");
	return SIZE_MAX;
}

void web_fill_row(struct exchange *x, size_t at, struct view_domain *d)
{
	struct buf unicode;

	d->conf = &x->w->conf->domains[at];
	d->name = d->conf->name;
	d->mark = web_sight(x->w)->marks[at];
	buf_init(&unicode, 1024);
	if (idn_unicode(&unicode, d->name))
		d->unicode = arena_strdup(x->arena, buf_str(&unicode));
	buf_clear(&unicode);
	store_view_problems(x->w->store, d, x->arena);
}

static int by_time(const void *a, const void *b)
{
	const struct view_change *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? 1 : -1;
	return x->id < y->id ? 1 : x->id > y->id ? -1 : 0;
}

/* Its own and those of its hosts. */
static void changes(struct exchange *x, struct view_detail *d, const struct eval_host *hosts,
		    size_t n_hosts)
{
	struct view_change *all =
	    arena_array(x->arena, (n_hosts + 1) * SHOWN_CHANGES, sizeof(*all));

	for (size_t i = 0; i <= n_hosts; i++) {
		size_t n;
		struct view_change *some = store_view_changes_of(
		    x->w->store, i ? OBS_KIND_HOST : OBS_KIND_DOMAIN,
		    i ? hosts[i - 1].name : d->row.name, 0, SHOWN_CHANGES, x->arena, &n);
		if (n)
			memcpy(all + d->n_changes, some, n * sizeof(*all));
		d->n_changes += n;
	}
	qsort(all, d->n_changes, sizeof(*all), by_time);
	if (d->n_changes > SHOWN_CHANGES)
		d->n_changes = SHOWN_CHANGES;
	d->changes = all;
}

struct strip {
	uint8_t *worst;
	int64_t today, now;
};

static void take_span(int severity, int64_t from, int64_t until, void *arg)
{
	struct strip *s = arg;
	int64_t first = s->today - (VIEW_DAYS - 1), last = (until ? until : s->now) / DAY_S;

	for (int64_t day = from / DAY_S > first ? from / DAY_S : first; day <= last; day++)
		if (day <= s->today && s->worst[day - first] != 255 &&
		    severity > s->worst[day - first])
			s->worst[day - first] = (uint8_t)severity;
}

const uint8_t *web_days(struct exchange *x, const char *domain)
{
	struct strip s = {arena_alloc(x->arena, VIEW_DAYS), x->now / DAY_S, x->now};
	int64_t seen = store_view_first(x->w->store, domain);

	for (int k = 0; k < VIEW_DAYS; k++)
		s.worst[k] = seen == 0 || s.today - (VIEW_DAYS - 1 - k) < seen / DAY_S ? 255 : 0;
	store_view_spans(x->w->store, domain, x->now - VIEW_DAYS * (int64_t)DAY_S, take_span, &s);
	return s.worst;
}

void web_judge(struct exchange *x, struct view_detail *d, const struct eval_host *hosts, size_t n)
{
	struct store *s = x->w->store;
	const struct observation **seen =
	    arena_array(x->arena, n + 1, sizeof(struct observation *));
	struct eval_input *in = arena_alloc(x->arena, sizeof(*in));
	struct findings *f = mem_alloc(sizeof(*f));

	findings_init(f);
	d->in = in;
	d->findings = f;
	in->conf = d->row.conf;
	in->submission = d->row.conf->settings->checks[CONF_CHECK_SUBMISSION] != CONF_OFF;
	in->allow_private = x->w->conf->allow_private;
	in->now = x->now;
	in->domain = store_view_observation(s, OBS_KIND_DOMAIN, d->row.name, x->arena);
	in->hosts = seen;
	for (size_t i = 0; i < n; i++) {
		const struct observation *o =
		    store_view_observation(s, OBS_KIND_HOST, hosts[i].name, x->arena);
		if (o)
			seen[in->n_hosts++] = o;
	}
	if (in->domain == NULL || in->domain->domain == NULL) {
		in->domain = NULL;
		return;
	}
	in->history = store_view_history(s, d->row.name, hosts, n, x->arena);
	eval(in, f);
	d->grade = grade_of(in, f);
}

bool web_detail(struct exchange *x, struct view_detail *d)
{
	struct store *s = x->w->store;
	size_t at = web_find(x), n;
	const struct eval_host *hosts;
	struct view_incident *incidents;

	if (at == SIZE_MAX)
		return false;
	memset(d, 0, sizeof(*d));
	store_view_begin(s);
	web_fill_row(x, at, &d->row);
	hosts = store_view_hosts_of(s, d->row.name, x->arena, &n);
	web_judge(x, d, hosts, n);
	incidents =
	    store_view_incidents_of(s, d->row.name, SHOWN_INCIDENTS, x->arena, &d->n_incidents);
	web_mark_muted(x->w, incidents, d->n_incidents, x->now, x->arena);
	d->incidents = incidents;
	changes(x, d, hosts, n);
	d->days = web_days(x, d->row.name);
	if (store_view_end(s))
		return true;
	web_detail_clear(d);
	web_refuse(x, 503, "the state cannot be read now");
	return false;
}

void web_detail_clear(struct view_detail *d)
{
	findings_clear(d->findings);
	free(d->findings);
}
