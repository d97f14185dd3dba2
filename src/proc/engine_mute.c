/* SPDX-License-Identifier: ISC
 *
 * What is muted now.  Muting stands at one place, the way out of the outbox: while it lasts
 * everything is probed, judged and recorded, incidents open and close, and their rows are held
 * back.  When it ends a row leaves if it still has something to say: what came and went
 * meanwhile was withdrawn, and a change without a problem is in the history only.
 */
#include <stdlib.h>
#include <string.h>

#include "engine_parts.h"
#include "stamp.h"
#include "zone.h"

#define MEMBERS_MAX  1000000
#define SILENCES_MAX 1000

static int64_t offset(const char *zone, int64_t at, void *arg)
{
	(void)arg;
	return zone_offset(zone, at);
}

/* -- what is in force ------------------------------------------------------- */

static void work_out(struct engine *e, int64_t now)
{
	struct mute_window *w = arena_array(e->mute_arena, e->conf->n_maintenance + 1, sizeof(*w));

	for (size_t i = 0; i < e->conf->n_maintenance; i++)
		w[i] = mute_window(&e->conf->maintenance[i], now, offset, NULL);
	e->mute.windows = w;
	e->mute.n_windows = e->conf->n_maintenance;
	e->mute_at = now;
}

void engine_mute_load(struct engine *e)
{
	int64_t now = clock_now();

	if (e->mute_arena)
		arena_free(e->mute_arena);
	e->mute_arena = arena_new();
	e->mute = (struct mute){.conf = e->conf};
	if (e->store)
		e->mute.silences =
		    store_silences(e->store, now, e->mute_arena, &e->mute.n_silences);
	work_out(e, now);
}

void engine_mute_release(struct engine *e)
{
	store_release_held(e->store, clock_now());
}

/* What is over makes room for the next window; a clock that was set back, for all. */
static void keep_up(struct engine *e, int64_t now)
{
	bool stale = now < e->mute_at;

	for (size_t i = 0; i < e->mute.n_windows; i++)
		stale = stale || (e->mute.windows[i].until && e->mute.windows[i].until <= now);
	for (size_t i = 0; i < e->mute.n_silences; i++)
		stale = stale || e->mute.silences[i].until <= now;
	if (stale)
		engine_mute_load(e);
}

/* -- verdicts --------------------------------------------------------------- */

struct mute_verdict engine_mute_notice(struct engine *e, const struct notice *n)
{
	int64_t now = clock_now();

	keep_up(e, now);
	return mute_verdict(&e->mute, n, now);
}

struct mute_verdict engine_mute_incident(struct engine *e, const struct incident *i,
					 struct arena *arena)
{
	struct notice n = {.kind = i->kind, .event = i->event, .severity = i->severity};

	if (e->mute.n_windows > 0 || e->mute.n_silences > 0)
		n.domains = store_members(e->store, i->id, MEMBERS_MAX, arena, &n.n_domains,
					  &n.domains_total);
	return engine_mute_notice(e, &n);
}

struct mute_verdict engine_mute_row(struct engine *e, const struct store_outgoing *o,
				    const struct incident *i, struct arena *arena)
{
	struct notice n;
	struct error err;

	if (i)
		return engine_mute_incident(e, i, arena);
	if (notice_decode(o->notice, strlen(o->notice), arena, &n, &err) < 0)
		return (struct mute_verdict){0, 0};
	return engine_mute_notice(e, &n);
}

/* -- wishes ----------------------------------------------------------------- */

static int64_t refuse(json_t **body, int64_t status, const char *why)
{
	*body = json_pack("{s:s}", "error", why);
	return status;
}

static json_t *when(int64_t at)
{
	char text[STAMP_TEXT];

	return json_string(stamp_format(text, at));
}

static json_t *silence_json(const struct mute_silence *s)
{
	return json_pack("{s:I, s:o, s:s, s:s, s:o, s:o}", "id", (json_int_t)s->id, "match",
			 json_loads(s->text, 0, NULL), "author", s->author, "reason", s->reason,
			 "from", when(s->from), "until", when(s->until));
}

static json_t *window_json(const struct mute_window *w, int64_t now)
{
	return json_pack("{s:s, s:s?, s:o, s:o, s:b}", "maintenance", w->maintenance->name,
			 "reason", w->maintenance->reason, "from", when(w->from), "until",
			 when(w->until), "active", w->from <= now);
}

json_t *engine_mutes(struct engine *e)
{
	json_t *list = json_array();
	int64_t now = clock_now();

	keep_up(e, now);
	for (size_t i = 0; i < e->mute.n_windows; i++)
		if (e->mute.windows[i].from <= now && now < e->mute.windows[i].until)
			json_array_append_new(list, window_json(&e->mute.windows[i], now));
	for (size_t i = 0; i < e->mute.n_silences; i++)
		json_array_append_new(list, silence_json(&e->mute.silences[i]));
	return list;
}

int64_t engine_silence_list(struct engine *e, const struct message_wish *w, struct arena *arena,
			    json_t **body)
{
	json_t *silences = json_array(), *windows = json_array();
	int64_t now = clock_now();
	(void)w;
	(void)arena;

	keep_up(e, now);
	for (size_t i = 0; i < e->mute.n_silences; i++)
		json_array_append_new(silences, silence_json(&e->mute.silences[i]));
	for (size_t i = 0; i < e->mute.n_windows; i++)
		if (e->mute.windows[i].until)
			json_array_append_new(windows, window_json(&e->mute.windows[i], now));
	*body = json_pack("{s:o, s:o}", "silences", silences, "maintenance", windows);
	return 200;
}

/* The end that was asked for: "until", a time, or "duration"; NULL or what is wrong. */
static const char *read_end(const json_t *args, int64_t now, int64_t *until)
{
	const char *at = json_string_value(json_object_get(args, "until"));
	const char *lasts = json_string_value(json_object_get(args, "duration"));
	int64_t length;

	if ((at == NULL) == (lasts == NULL))
		return "a silence has an end: either \"until\" or \"duration\"";
	if (at ? !stamp_parse(at, until) : !stamp_duration_parse(lasts, &length))
		return at ? "until: a date or an RFC 3339 time is wanted"
			  : "duration: something like 90m, 2h or 3d is wanted";
	if (lasts)
		*until = length > MUTE_MAX_S ? INT64_MAX : now + length;
	if (*until <= now)
		return "the silence would be over already";
	if (*until > now + MUTE_MAX_S)
		return "a silence lasts 90 days at most";
	return NULL;
}

static const char *read_wish(const struct message_wish *w, json_t *args, struct arena *arena,
			     struct mute_silence *s)
{
	struct error err;
	json_t *match = json_object_get(args, "match");
	char *text;

	if (w->author == NULL || w->author[0] == '\0' || w->reason == NULL || w->reason[0] == '\0')
		return "a silence has an author and a reason";
	if (mute_match_read(match, arena, &s->match, &err) < 0)
		return arena_strdup(arena, err.text);
	text = json_dumps(match, JSON_COMPACT);
	s->text = arena_strdup(arena, text);
	free(text);
	s->author = w->author;
	s->reason = w->reason;
	return read_end(args, s->from, &s->until);
}

int64_t engine_silence_add(struct engine *e, const struct message_wish *w, struct arena *arena,
			   json_t **body)
{
	struct mute_silence s = {.from = clock_now()};
	json_t *args = w->args ? json_loads(w->args, 0, NULL) : NULL;
	const char *why = read_wish(w, args, arena, &s);

	json_decref(args);
	if (why)
		return refuse(body, 400, why);
	keep_up(e, s.from);
	if (e->mute.n_silences >= SILENCES_MAX)
		return refuse(body, 409, "there are too many silences already");
	if (!engine_begin(e))
		return refuse(body, 503, "the state cannot be written");
	s.id = store_put_silence(e->store, &s);
	if (!engine_commit(e))
		return refuse(body, 503, "the state cannot be written");
	log_info("silence", "%lld is in force for %lld s", (long long)s.id,
		 (long long)(s.until - s.from));
	engine_mute_load(e);
	*body = silence_json(&s);
	return 200;
}

int64_t engine_silence_expire(struct engine *e, const struct message_wish *w, struct arena *arena,
			      json_t **body)
{
	int64_t id = w->subject ? strtoll(w->subject, NULL, 10) : 0;
	bool found;
	(void)arena;

	if (!engine_begin(e))
		return refuse(body, 503, "the state cannot be written");
	found = store_expire_silence(e->store, id, clock_now());
	if (found)
		engine_mute_release(e);
	if (!engine_commit(e))
		return refuse(body, 503, "the state cannot be written");
	if (!found)
		return refuse(body, 404, "there is no such silence in force");
	log_info("silence", "%lld was ended", (long long)id);
	engine_mute_load(e);
	engine_outbox_changed(e);
	*body = json_pack("{s:I}", "expired", (json_int_t)id);
	return 200;
}
