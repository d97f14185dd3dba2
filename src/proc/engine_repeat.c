/* SPDX-License-Identifier: ISC
 *
 * What is said again and again: heartbeats, reminders, and the alerts an Alertmanager would
 * forget.
 */
#include <stdlib.h>

#include "engine_parts.h"
#include "receiver.h"

#define EXPIRE_PIECES  4
#define EXPIRE_DOUBT_S 86400
#define RENEW_MAX      100    /* notices in a frame */
#define RENEW_ENDED_S  300    /* an end is said again for so long */
#define BEHIND_MS      300000 /* a schedule so late does not move */

/* -- heartbeats ---------------------------------------------------------------- */

static bool moves(const struct engine *e, int64_t now_ms)
{
	int64_t next_ms = plan_next(e->plan);

	return e->store && !e->failing && (next_ms == PLAN_NEVER || now_ms - next_ms < BEHIND_MS);
}

void engine_beat_anew(struct engine *e)
{
	free(e->beat_ms);
	e->beat_ms = mem_array(e->conf->n_heartbeat + 1, sizeof(*e->beat_ms));
}

void engine_beat(struct engine *e)
{
	int64_t now_ms = clock_monotonic_ms();

	if (e->beat_ms == NULL)
		engine_beat_anew(e);
	if (e->notifier == NULL || !moves(e, now_ms))
		return;
	for (size_t i = 0; i < e->conf->n_heartbeat; i++) {
		const struct conf_heartbeat *h = &e->conf->heartbeat[i];
		struct message_beat m = {.url = h->url, .url_file = h->url_file};
		if (now_ms < e->beat_ms[i])
			continue;
		e->beat_ms[i] = now_ms + h->every_s * 1000;
		channel_send_shape(e->notifier->channel, MESSAGE_BEAT, 0, &message_beat_shape, &m);
	}
}

/* -- reminders ----------------------------------------------------------------- */

static void remind(struct engine *e, struct arena *arena)
{
	size_t n;
	struct store_reminder *due = store_reminders(e->store, clock_now(), arena, &n);

	for (size_t i = 0; i < n; i++) {
		struct incident *inc = store_incident(e->store, due[i].incident, arena);
		/* the next one is counted from now, whatever becomes of this one */
		store_told(e->store, due[i].incident, due[i].receiver, clock_now(),
			   due[i].repeat_s);
		if (inc && engine_mute_incident(e, inc, arena).until == 0)
			engine_tell_firing(e, inc, due[i].receiver);
	}
}

/* -- alerts -------------------------------------------------------------------- */

static void renew(struct engine *e, const struct conf_receiver *c, const int64_t *ids, size_t n)
{
	struct arena *arena = arena_new();
	struct message_renew m = {0};
	struct buf notices, settings;

	buf_init(&notices, 8u << 20);
	buf_init(&settings, 256 * 1024);
	for (size_t k = 0; k < n; k++) {
		struct incident *i = store_incident(e->store, ids[k], arena);
		struct notice told;
		if (i == NULL)
			continue;
		engine_compose(e, i, i->open ? NOTICE_FIRING : NOTICE_RESOLVED, arena, &told);
		buf_addch(&notices, notices.len > 0 ? ',' : '[');
		notice_encode(&told, &notices);
	}
	buf_addch(&notices, ']');
	shape_encode(&receiver_shape, c, &settings);
	m.receiver = buf_str(&settings);
	m.notices = buf_str(&notices);
	channel_send_shape(e->notifier->channel, MESSAGE_RENEW, 0, &message_renew_shape, &m);
	buf_clear(&notices);
	buf_clear(&settings);
	arena_free(arena);
}

/* An Alertmanager takes for over what it is not told again, and a member of its cluster that
 * was away has heard of nothing. */
static void renew_alerts(struct engine *e)
{
	struct arena *arena = arena_new();

	for (size_t r = 0; r < e->conf->n_receivers; r++) {
		const struct conf_receiver *c = &e->conf->receivers[r];
		size_t n = 0;
		int64_t *ids =
		    c->kind == CONF_ALERTMANAGER
			? store_renewals(e->store, c->name, clock_now() - RENEW_ENDED_S, arena, &n)
			: NULL;
		for (size_t k = 0; k < n; k += RENEW_MAX)
			renew(e, c, ids + k, n - k < RENEW_MAX ? n - k : RENEW_MAX);
	}
	arena_free(arena);
}

/* -- once a minute ------------------------------------------------------------- */

void engine_minute(struct engine *e)
{
	struct arena *arena;
	int64_t now = clock_now();

	engine_watch_self(e); /* before anything is called due or old */
	if (e->store && e->notifier && !e->stopping)
		renew_alerts(e);
	if (e->writing || e->failing || !engine_begin(e))
		return;
	arena = arena_new();
	remind(e, arena);
	/* what a wrong clock calls old is not */
	for (int i = 0; i < EXPIRE_PIECES && now - e->own.stepped >= EXPIRE_DOUBT_S; i++)
		store_expire(e->store, now - e->conf->retain_changes_s,
			     now - e->conf->retain_incidents_s,
			     now - e->conf->retain_observations_s);
	engine_commit(e);
	engine_outbox_changed(e);
	arena_free(arena);
}
