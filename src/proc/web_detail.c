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

static void days(struct exchange *x, struct view_detail *d, int64_t first)
{
	uint8_t *worst = arena_alloc(x->arena, VIEW_DAYS);
	int64_t today = x->now / DAY_S;

	for (int k = 0; k < VIEW_DAYS; k++)
		worst[k] = first == 0 || today - (VIEW_DAYS - 1 - k) < first / DAY_S ? 255 : 0;
	for (size_t i = 0; i < d->n_incidents; i++) {
		const struct view_incident *inc = &d->incidents[i];
		int64_t from = inc->since ? inc->since : inc->opened;
		int64_t to = inc->open ? x->now : inc->closed;
		for (int k = 0; k < VIEW_DAYS; k++) {
			int64_t day = today - (VIEW_DAYS - 1 - k);
			if (worst[k] != 255 && day >= from / DAY_S && day <= to / DAY_S &&
			    inc->severity > worst[k])
				worst[k] = (uint8_t)inc->severity;
		}
	}
	d->days = worst;
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

	if (at == SIZE_MAX)
		return false;
	memset(d, 0, sizeof(*d));
	web_sight(x->w);
	store_view_begin(s);
	web_fill_row(x, at, &d->row);
	hosts = store_view_hosts_of(s, d->row.name, x->arena, &n);
	web_judge(x, d, hosts, n);
	d->incidents =
	    store_view_incidents_of(s, d->row.name, SHOWN_INCIDENTS, x->arena, &d->n_incidents);
	changes(x, d, hosts, n);
	days(x, d, store_view_first(s, d->row.name));
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
