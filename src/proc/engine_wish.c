/* SPDX-License-Identifier: ISC
 *
 * What people ask for, through the web process: each verb a row of the table, each answer an
 * HTTP status and a JSON value.
 */
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include <jansson.h>

#include "engine_parts.h"
#include "name.h"
#include "stamp.h"

#define QUEUE_MAX 500

struct wishing {
	struct engine *e;
	uint64_t id;
	struct message_wish wish;
	struct arena *arena;
	int64_t status;
	json_t *body; /* NULL with status 0: answered later */
};

static void answer(struct engine *e, uint64_t id, int64_t status, json_t *body)
{
	char *text = json_dumps(body, JSON_COMPACT);
	struct message_answer m = {.status = status, .body = text};

	if (e->web)
		channel_send_shape(e->web->channel, MESSAGE_ANSWER, id, &message_answer_shape, &m);
	free(text);
	json_decref(body);
}

static void refuse(struct wishing *w, int64_t status, const char *why)
{
	w->status = status;
	w->body = json_pack("{s:s}", "error", why);
}

static void put_time(json_t *o, const char *key, int64_t at)
{
	char text[STAMP_TEXT];

	json_object_set_new(o, key, at > 0 ? json_string(stamp_format(text, at)) : json_null());
}

/* -- the verbs ----------------------------------------------------------------- */

static void look_now(struct engine *e, uint32_t subject)
{
	struct roster_subject *s = roster_subject(e->roster, subject);

	s->fresh = true; /* a look that is under way is followed by another one at once */
	if (s->order == 0)
		plan_set(e->plan, subject, clock_monotonic_ms());
}

/* The watched domain the wish is about; NULL when there is none (refused). */
static const struct roster_subject *domain_of(struct wishing *w, uint32_t *d)
{
	char name[NAME_MAX_TEXT];

	*d = ROSTER_NONE;
	if (w->wish.subject && name_fold(name, w->wish.subject))
		*d = roster_find(w->e->roster, OBS_KIND_DOMAIN, name);
	if (*d != ROSTER_NONE)
		return roster_subject(w->e->roster, *d);
	refuse(w, 404, "this domain is not watched");
	return NULL;
}

static void recheck(struct wishing *w)
{
	uint32_t d;
	const struct roster_subject *s = domain_of(w, &d);

	if (s == NULL)
		return;
	for (uint32_t i = 0; i < s->n_links; i++)
		look_now(w->e, roster_links(s)[i].subject);
	look_now(w->e, d);
	w->status = 202;
	w->body = json_pack("{s:s, s:i}", "domain", s->name, "hosts", (int)s->n_links);
	engine_schedule(w->e);
}

/* How far a recheck is: what has still to be looked at, or is being looked at. */
static void looking(struct wishing *w)
{
	uint32_t d;
	const struct roster_subject *s = domain_of(w, &d);
	int waiting;

	if (s == NULL)
		return;
	waiting = s->fresh || s->order != 0;
	for (uint32_t i = 0; i < s->n_links; i++) {
		const struct roster_subject *host =
		    roster_subject(w->e->roster, roster_links(s)[i].subject);
		waiting += host->fresh || host->order != 0;
	}
	w->status = 200;
	w->body = json_pack("{s:s, s:i, s:i, s:b}", "domain", s->name, "all", (int)s->n_links + 1,
			    "waiting", waiting, "to_judge", s->queued || w->e->n_arrivals > 0);
}

static void reload(struct wishing *w)
{
	json_t *args = w->wish.args ? json_loads(w->wish.args, 0, NULL) : NULL;
	const char *why, *problems;
	bool ok = engine_reload(w->e, json_is_true(json_object_get(args, "force")), w->arena, &why,
				&problems);

	json_decref(args);
	w->status = ok ? 200 : 409;
	w->body = json_pack("{s:b, s:s, s:s}", "ok", ok, "text", why, "problems", problems);
}

/* How long the earliest of the schedule has been due. */
static int64_t lag_s(const struct engine *e)
{
	int64_t next = plan_next(e->plan), now_ms = clock_monotonic_ms();

	return next < now_ms ? (now_ms - next) / 1000 : 0;
}

/* What Prometheus wants to know of us. */
static void put_figures(const struct engine *e, json_t *body)
{
	const struct usage u = usage_read(&e->usage);
	json_t *findings = json_object(), *receivers = json_array();
	const struct receiver *r;

	for (int i = 0; i <= FINDING_UNKNOWN; i++)
		json_object_set_new(findings, finding_status_words[i],
				    json_integer(e->n_findings[i]));
	for (r = e->receivers; r; r = r->hh.next)
		json_array_append_new(
		    receivers, json_pack("{s:s, s:I, s:I, s:I}", "receiver", r->name, "delivered",
					 (json_int_t)r->n_delivered, "failed",
					 (json_int_t)r->n_failed, "dead", (json_int_t)r->n_dead));
	json_object_set_new(body, "findings", findings);
	json_object_set_new(body, "receivers", receivers);
	json_object_set_new(body, "process",
			    json_pack("{s:I, s:I, s:I}", "cpu_ms", (json_int_t)u.cpu_ms,
				      "resident_bytes", (json_int_t)u.resident_bytes, "open_fds",
				      (json_int_t)u.open_fds));
	put_time(body, "started", u.started);
}

static void status(struct wishing *w)
{
	struct engine *e = w->e;
	size_t probers = 0;
	struct peer *p;

	DL_COUNT(e->probers, p, probers);
	w->status = 200;
	w->body = json_pack(
	    "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:b, s:I, s:I}", "domains",
	    (json_int_t)roster_domains(e->roster), "hosts", (json_int_t)roster_hosts(e->roster),
	    "in_flight", (json_int_t)HASH_COUNT(e->orders), "waiting", (json_int_t)e->n_arrivals,
	    "to_judge", (json_int_t)e->queue_n, "not_baselined", (json_int_t)e->not_baselined,
	    "probers", (json_int_t)probers, "blind", e->sight.blind, "state_writable", !e->failing,
	    "observed", (json_int_t)e->n_observed, "judged", (json_int_t)e->n_judged);
	if (e->store) {
		json_object_set_new(w->body, "open_incidents",
				    json_integer(store_open_incidents(e->store)));
		json_object_set_new(w->body, "held",
				    json_integer(store_held(e->store, clock_now())));
	}
	json_object_set_new(w->body, "mutes", engine_mutes(e));
	put_time(w->body, "blind_since", e->sight.since);
	json_object_set_new(w->body, "late", json_integer((json_int_t)e->own.late));
	json_object_set_new(w->body, "stuck_receivers", json_integer((json_int_t)e->own.stuck));
	put_time(w->body, "clock_stepped", e->own.stepped);
	json_object_set_new(w->body, "self_dependency",
			    json_string(engine_self_dependency(e, w->arena)));
	json_object_set_new(w->body, "lag_s", json_integer(lag_s(e)));
	json_object_set_new(w->body, "given_up", json_integer(e->n_dead));
	put_figures(e, w->body);
	json_object_set_new(w->body, "reload_ok", json_boolean(!e->reload_failed));
	if (e->sandbox_lacks)
		json_object_set_new(w->body, "sandbox_lacks", json_string(e->sandbox_lacks));
}

static json_t *queue_row(const struct store_outgoing *o)
{
	static const char *const states[] = {"pending", "delivered", "dead", "superseded"};
	json_t *row =
	    json_pack("{s:I, s:s, s:s, s:s, s:I, s:b, s:I, s:s?, s:s?}", "row", (json_int_t)o->id,
		      "id", o->uid, "receiver", o->receiver, "state", states[o->state], "attempts",
		      (json_int_t)o->attempts, "digest", o->digest, "code", (json_int_t)o->code,
		      "text", o->text, "fallback_of", o->fallback_of);
	json_t *notice = json_loads(o->notice, 0, NULL);

	put_time(row, "created", o->created);
	put_time(row, "due", o->state == STORE_PENDING ? o->due : 0);
	put_time(row, "ended", o->ended);
	put_time(row, "held_until",
		 o->state == STORE_PENDING && o->held > clock_now() && o->held == o->due ? o->held
											 : 0);
	json_object_set(row, "event", json_object_get(notice, "event"));
	json_object_set(row, "subject", json_object_get(notice, "subject"));
	json_object_set(row, "summary", json_object_get(notice, "summary"));
	json_decref(notice);
	return row;
}

static void queue(struct wishing *w)
{
	size_t n;
	struct store_outgoing *rows = store_queue(w->e->store, QUEUE_MAX, w->arena, &n);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, queue_row(&rows[i]));
	w->status = 200;
	w->body = json_pack("{s:o}", "queue", list);
}

static void queue_retry(struct wishing *w)
{
	int64_t row = w->wish.subject ? strtoll(w->wish.subject, NULL, 10) : 0, n;

	if (!engine_begin(w->e)) {
		refuse(w, 503, "the state cannot be written");
		return;
	}
	n = store_retry_dead(w->e->store, row, clock_now());
	if (!engine_commit(w->e)) {
		refuse(w, 503, "the state cannot be written");
		return;
	}
	engine_outbox_changed(w->e);
	w->status = 200;
	w->body = json_pack("{s:I}", "retried", (json_int_t)n);
}

static void ack(struct wishing *w)
{
	struct incident *i =
	    w->wish.subject ? store_incident_by_uid(w->e->store, w->wish.subject, w->arena) : NULL;

	if (i == NULL || !i->open) {
		refuse(w, 404, "there is no such open incident");
		return;
	}
	if (w->wish.author == NULL || w->wish.reason == NULL) {
		refuse(w, 400, "an acknowledgement has an author and a reason");
		return;
	}
	if (!engine_begin(w->e)) {
		refuse(w, 503, "the state cannot be written");
		return;
	}
	i->acked = clock_now();
	i->acked_by = w->wish.author;
	i->ack_reason = w->wish.reason;
	store_put_incident(w->e->store, i);
	engine_tell_acked(w->e, i);
	if (!engine_commit(w->e)) {
		refuse(w, 503, "the state cannot be written");
		return;
	}
	engine_outbox_changed(w->e);
	w->status = 200;
	w->body = json_pack("{s:s, s:s, s:s}", "incident", i->uid, "event", i->event, "subject",
			    i->subject);
}

static void silence_add(struct wishing *w)
{
	w->status = engine_silence_add(w->e, &w->wish, w->arena, &w->body);
}

static void silence_expire(struct wishing *w)
{
	w->status = engine_silence_expire(w->e, &w->wish, w->arena, &w->body);
}

static void silence_list(struct wishing *w)
{
	w->status = engine_silence_list(w->e, &w->wish, w->arena, &w->body);
}

/* A sample through the real path: a row, the notifier, the far side's word. */
static void test_alert(struct wishing *w)
{
	struct engine *e = w->e;
	struct tested *t;
	struct buf json;
	struct notice n = {
	    .schema = NOTICE_SCHEMA,
	    .seq = 1,
	    .kind = NOTICE_TEST,
	    .status = NOTICE_FIRING,
	    .event = "test.alert",
	    .severity = SEVERITY_INFO,
	    .check = "test.alert",
	    .subject = "mxwatch",
	    .summary = "This is a test of the alert channel; nothing is wrong.",
	    .since = clock_now(),
	    .at = clock_now(),
	};
	struct store_outgoing o = {
	    .receiver = w->wish.subject,
	    .status = NOTICE_FIRING,
	    .severity = SEVERITY_INFO,
	    .created = clock_now(),
	    .due = clock_now(),
	};

	if (w->wish.subject == NULL || conf_receiver(e->conf, w->wish.subject) == NULL) {
		refuse(w, 404, "there is no such receiver");
		return;
	}
	if (!engine_begin(e)) {
		refuse(w, 503, "the state cannot be written");
		return;
	}
	n.id = n.incident = o.uid = engine_uid(w->arena);
	buf_init(&json, 1 << 20);
	notice_encode(&n, &json);
	o.notice = buf_str(&json);
	o.id = store_put_outgoing(e->store, &o);
	buf_clear(&json);
	if (!engine_commit(e)) {
		refuse(w, 503, "the state cannot be written");
		return;
	}
	t = mem_alloc(sizeof(*t));
	t->wish = w->id;
	t->row = o.id;
	LL_PREPEND(e->tested, t);
	engine_outbox_changed(e);
}

bool engine_is_sample(const struct engine *e, int64_t row)
{
	const struct tested *t;

	LL_SEARCH_SCALAR(e->tested, t, row, row);
	return t != NULL;
}

void engine_tested(struct engine *e, int64_t row, const struct message_sent *sent)
{
	static const char *const outcomes[] = {"none", "delivered", "retry", "rejected"};
	struct tested *t, *next;

	LL_FOREACH_SAFE(e->tested, t, next)
	{
		if (t->row != row)
			continue;
		answer(e, t->wish, sent->outcome == MESSAGE_DELIVERED ? 200 : 502,
		       json_pack("{s:s, s:I, s:s?}", "outcome", outcomes[sent->outcome], "code",
				 (json_int_t)sent->code, "text", sent->text));
		LL_DELETE(e->tested, t);
		free(t);
	}
}

/* -- the table ----------------------------------------------------------------- */

static const struct verb {
	const char *name;
	bool state; /* needs it */
	void (*act)(struct wishing *w);
} verbs[] = {
    {"recheck", false, recheck},
    {"looking", false, looking},
    {"reload", true, reload},
    {"status", false, status},
    {"queue", true, queue},
    {"queue-retry", true, queue_retry},
    {"ack", true, ack},
    {"test-alert", true, test_alert},
    {"silence-add", true, silence_add},
    {"silence-expire", true, silence_expire},
    {"silence-list", true, silence_list},
};

static void act(struct wishing *w)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (w->wish.verb == NULL || strcmp(verbs[i].name, w->wish.verb) != 0)
			continue;
		if (verbs[i].state && w->e->store == NULL)
			refuse(w, 503, "the state cannot be read");
		else
			verbs[i].act(w);
		return;
	}
	refuse(w, 501, "not supported yet");
}

int engine_wish(struct engine *e, const struct frame *f, struct error *err)
{
	struct wishing w = {.e = e, .id = f->id};
	int result = 0;

	if (f->type != MESSAGE_WISH)
		return error_set(err, "not for me");
	w.arena = arena_new();
	if (shape_decode(&message_wish_shape, SHAPE_STRICT, f->body, f->len, w.arena, &w.wish,
			 err) < 0)
		result = -1;
	else
		act(&w);
	if (w.body)
		answer(e, f->id, w.status, w.body);
	arena_free(w.arena);
	return result;
}

void engine_wish_clear(struct engine *e)
{
	struct tested *t, *next;

	LL_FOREACH_SAFE(e->tested, t, next)
	{
		free(t);
	}
}
