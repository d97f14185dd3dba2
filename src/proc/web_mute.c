/* SPDX-License-Identifier: ISC
 *
 * What is muted, worked out from the configuration and the state as the engine does it.
 */
#include "clock.h"
#include "page.h"
#include "store_view.h"
#include "web_parts.h"
#include "zone.h"

static int64_t offset(const char *zone, int64_t at, void *arg)
{
	(void)arg;
	return zone_offset(zone, at);
}

struct view_muted web_muted(struct exchange *x)
{
	const struct conf *c = x->w->conf;
	struct mute_window *w = arena_array(x->arena, c->n_maintenance + 1, sizeof(*w));
	struct view_muted m = {.windows = w, .n_windows = c->n_maintenance};

	for (size_t i = 0; i < c->n_maintenance; i++)
		w[i] = mute_window(&c->maintenance[i], x->now, offset, NULL);
	store_view_begin(x->w->store);
	m.silences = store_silences(x->w->store, x->now, x->arena, &m.n_silences);
	store_view_end(x->w->store);
	return m;
}

void web_maintenance(struct exchange *x)
{
	struct view_muted m = web_muted(x);
	struct buf page;

	buf_init(&page, PAGE_MAX);
	page_maintenance(&m, x->now, &page);
	web_reply_html(x, 200, &page);
}
