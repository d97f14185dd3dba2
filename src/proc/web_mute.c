/* SPDX-License-Identifier: ISC
 *
 * What is muted, worked out from the configuration and the state as the engine does it.
 */
#include "clock.h"
#include "page.h"
#include "store_view.h"
#include "web_parts.h"
#include "zone.h"

#define MEMBERS_MAX 1000000

static int64_t offset(const char *zone, int64_t at, void *arg)
{
	(void)arg;
	return zone_offset(zone, at);
}

static struct view_muted in_force(struct web *w, int64_t now, struct arena *arena)
{
	const struct conf *c = w->conf;
	struct mute_window *windows = arena_array(arena, c->n_maintenance + 1, sizeof(*windows));
	struct view_muted m = {.windows = windows, .n_windows = c->n_maintenance};

	for (size_t i = 0; i < c->n_maintenance; i++)
		windows[i] = mute_window(&c->maintenance[i], now, offset, NULL);
	m.silences = store_silences(w->store, now, arena, &m.n_silences);
	return m;
}

struct view_muted web_muted(struct exchange *x)
{
	struct view_muted m;

	store_view_begin(x->w->store);
	m = in_force(x->w, x->now, x->arena);
	store_view_end(x->w->store);
	return m;
}

size_t web_count_muted(const struct web *w, const struct view_muted *muted, int64_t now)
{
	const struct mute mute = {w->conf, muted->windows, muted->n_windows, muted->silences,
				  muted->n_silences};
	size_t n = 0;

	for (size_t i = 0; i < w->conf->n_domains; i++) {
		const char *name = w->conf->domains[i].name;
		const struct notice any = {.kind = NOTICE_PROBLEM,
					   .severity = SEVERITY_CRITICAL,
					   .event = "",
					   .domains = &name,
					   .n_domains = 1,
					   .domains_total = 1};
		n += mute_verdict(&mute, &any, now).until > 0;
	}
	return n;
}

void web_mark_muted(struct web *w, struct view_incident *rows, size_t n, int64_t now,
		    struct arena *arena)
{
	const struct view_muted m = in_force(w, now, arena);
	const struct mute mute = {w->conf, m.windows, m.n_windows, m.silences, m.n_silences};

	if (m.n_windows == 0 && m.n_silences == 0)
		return;
	for (size_t k = 0; k < n; k++) {
		const struct incident *i =
		    rows[k].open ? store_incident(w->store, rows[k].id, arena) : NULL;
		struct notice notice;
		if (i == NULL)
			continue;
		notice =
		    (struct notice){.kind = i->kind, .event = i->event, .severity = i->severity};
		notice.domains = store_members(w->store, i->id, MEMBERS_MAX, arena,
					       &notice.n_domains, &notice.domains_total);
		rows[k].muted_until = mute_verdict(&mute, &notice, now).until;
	}
}

void web_maintenance(struct exchange *x)
{
	struct view_muted m = web_muted(x);
	struct buf page;

	buf_init(&page, PAGE_MAX);
	page_maintenance(&m, x->now, &page);
	web_reply_html(x, 200, &page);
}
