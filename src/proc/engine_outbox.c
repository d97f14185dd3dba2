/* SPDX-License-Identifier: ISC
 *
 * From the outbox to the notifier: one delivery in flight per receiver, so that none holds up
 * another.  An attempt and the time of the next one are written before the notice leaves, its
 * fate when it is known; what was in flight when we died is tried again, under the same id.
 */
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "engine_parts.h"
#include "event.h"
#include "receiver.h"
#include "text.h"

#define DIGEST_MAX   500		 /* notices in one */
#define DIGEST_BYTES ((size_t)2 << 20)	 /* a notice may pass it, the last one */
#define WAIT_S	     2			 /* for what may still join a notice */
#define DIRECT	     (UINT64_C(1) << 62) /* ids of notices that are not in the state */

/* -- receivers ----------------------------------------------------------------- */

static struct receiver *find(struct engine *e, const char *name)
{
	struct receiver *r;

	HASH_FIND_STR(e->receivers, name, r);
	return r;
}

static void learn(struct engine *e, const struct conf_receiver *c)
{
	size_t len = strlen(c->name);
	struct receiver *r = find(e, c->name);

	if (r == NULL) {
		r = mem_alloc(sizeof(*r) + len + 1);
		memcpy(r->name, c->name, len + 1);
		delivery_rate_init(&r->rate, c->rate_per_minute, clock_monotonic_ms());
		HASH_ADD_STR(e->receivers, name, r);
	}
	r->rate.per_minute = c->rate_per_minute > 0 ? c->rate_per_minute : 60;
}

struct lost {
	struct engine *e;
	struct arena *arena;
	const char **name;
	size_t n;
};

static void note_lost(const char *name, void *arg)
{
	struct lost *l = arg;

	if (conf_receiver(l->e->conf, name))
		return;
	if ((l->n & (l->n - 1)) == 0)
		l->name = mem_resize(l->name, l->n ? 2 * l->n : 1, sizeof(*l->name));
	l->name[l->n++] = arena_strdup(l->arena, name);
}

/* Rows for receivers that are no longer in the configuration: dead, and seen in the queue. */
static void bury(struct engine *e)
{
	struct lost l = {.e = e, .arena = arena_new()};
	struct store_outgoing *o;

	store_waiting_receivers(e->store, note_lost, &l);
	for (size_t i = 0; i < l.n; i++) {
		log_warning("outbox", "receiver %s is not in the configuration any more",
			    l.name[i]);
		while (
		    (o = store_next_outgoing(e->store, l.name[i], INT64_MAX, l.arena)) ||
		    (o = store_digest(e->store, l.name[i], INT64_MAX, 1, l.arena, &(size_t){0}))) {
			o->state = STORE_DEAD;
			e->n_dead++;
			o->text = "the receiver is not in the configuration any more";
			o->ended = clock_now();
			store_update_outgoing(e->store, o);
			if (store_failed(e->store))
				break;
		}
	}
	free(l.name);
	arena_free(l.arena);
}

void engine_receivers(struct engine *e)
{
	struct receiver *r, *next;

	for (size_t i = 0; i < e->conf->n_receivers; i++)
		learn(e, &e->conf->receivers[i]);
	HASH_ITER(hh, e->receivers, r, next)
	{
		if (conf_receiver(e->conf, r->name) || r->in_flight)
			continue;
		HASH_DEL(e->receivers, r);
		free(r);
	}
	if (engine_begin(e)) {
		bury(e);
		engine_commit(e);
	}
	engine_outbox_changed(e);
}

void engine_outbox_changed(struct engine *e)
{
	struct receiver *r, *next;

	HASH_ITER(hh, e->receivers, r, next)
	{
		r->due = e->store ? store_outgoing_due(e->store, r->name) : INT64_MAX;
	}
	if (e->on_outbox)
		engine_at(e->on_outbox, 0);
}

/* -- delivering ---------------------------------------------------------------- */

struct leaving { /* written, not yet sent */
	int64_t row, attempt;
	const char *receiver, *notice, *digest;
};

static const char *digest_text(const struct store_outgoing *rows, size_t n, struct arena *arena)
{
	struct buf text;
	const char *json;

	buf_init(&text, 2 * DIGEST_BYTES);
	buf_addch(&text, '[');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_addch(&text, ',');
		buf_addstr(&text, rows[i].notice);
	}
	buf_addch(&text, ']');
	json = arena_strdup(arena, buf_str(&text));
	buf_clear(&text);
	return json;
}

/* How many of the first rows go together: those that did at the last try, or else new ones
 * alone, so that a digest that is sent again says what it said. */
static size_t together(const struct store_outgoing *rows, size_t n)
{
	size_t bytes = 0, k = 0;

	while (k < n && rows[k].batch == rows[0].batch && bytes < DIGEST_BYTES)
		bytes += strlen(rows[k++].notice) + 1;
	return k;
}

/* The rows of a digest are due together. */
static int64_t again_at(const struct store_outgoing *o, int64_t retry_after_s)
{
	uint64_t chance = (uint64_t)(o->batch ? o->batch : o->id) * 2654435761u;

	return clock_now() + delivery_delay_s(o->attempts, retry_after_s, chance);
}

static void attempt(struct engine *e, struct store_outgoing *o)
{
	o->attempts++;
	/* if we die with it in flight it is due again then */
	o->due = again_at(o, -1);
	store_update_outgoing(e->store, o);
}

static void hold(struct engine *e, struct store_outgoing *o)
{
	o->due = o->held;
	store_update_outgoing(e->store, o);
}

static void drop(struct engine *e, struct store_outgoing *o)
{
	o->state = STORE_SUPERSEDED;
	o->ended = clock_now();
	store_update_outgoing(e->store, o);
}

static bool claim_digest(struct engine *e, struct receiver *r, struct arena *arena,
			 struct leaving *l)
{
	size_t n, kept = 0;
	struct store_outgoing *rows =
	    store_digest(e->store, r->name, clock_now(), DIGEST_MAX, arena, &n);

	if (n > 0)
		n = together(rows, n);
	for (size_t i = 0; i < n; i++) {
		switch (engine_refresh(e, &rows[i], arena)) {
		case ENGINE_SAY:
		case ENGINE_WAIT: /* a digest waits for nobody */
			rows[kept++] = rows[i];
			break;
		case ENGINE_HOLD:
			hold(e, &rows[i]);
			break;
		case ENGINE_DROP:
			drop(e, &rows[i]);
			break;
		}
	}
	if (kept == 0)
		return false;
	for (size_t i = 0; i < kept; i++) {
		rows[i].batch = rows[0].id;
		attempt(e, &rows[i]);
	}
	*l = (struct leaving){rows[0].id, rows[0].attempts, r->name,
			      engine_compose_digest(rows, kept, arena),
			      digest_text(rows, kept, arena)};
	return true;
}

/* Take the receiver's next row, if it is due; what was taken is in l.  What its rate held up
 * goes as one. */
static bool claim(struct engine *e, struct receiver *r, struct arena *arena, struct leaving *l)
{
	struct store_outgoing *o;

	if (r->crowded) {
		r->crowded = false;
		store_gather(e->store, r->name, clock_now());
		if (claim_digest(e, r, arena, l))
			return true;
	}
	while ((o = store_next_outgoing(e->store, r->name, clock_now(), arena)) != NULL) {
		switch (engine_refresh(e, o, arena)) {
		case ENGINE_SAY:
			attempt(e, o);
			*l = (struct leaving){o->id, o->attempts, r->name, o->notice, NULL};
			return true;
		case ENGINE_WAIT:
			o->due = clock_now() + WAIT_S;
			store_update_outgoing(e->store, o);
			break;
		case ENGINE_HOLD:
			hold(e, o);
			break;
		case ENGINE_DROP:
			drop(e, o);
			break;
		}
		if (store_failed(e->store))
			return false;
	}
	return claim_digest(e, r, arena, l);
}

static void send(struct engine *e, const struct leaving *l)
{
	const struct conf_receiver *c = conf_receiver(e->conf, l->receiver);
	struct receiver *r = find(e, l->receiver);
	struct message_deliver m = {
	    .notice = l->notice, .attempt = l->attempt, .digest = l->digest};
	struct buf settings;

	buf_init(&settings, 256 * 1024);
	shape_encode(&receiver_shape, c, &settings);
	m.receiver = buf_str(&settings);
	r->in_flight = (uint64_t)l->row;
	channel_send_shape(e->notifier->channel, MESSAGE_DELIVER, (uint64_t)l->row,
			   &message_deliver_shape, &m);
	buf_clear(&settings);
}

static bool ready(struct engine *e, struct receiver *r, int64_t now_ms)
{
	const struct conf_receiver *c = conf_receiver(e->conf, r->name);

	if (r->in_flight || r->due > clock_now() || c == NULL)
		return false;
	if (r->wait_ms > now_ms)
		return false;
	if (delivery_rate_take(&r->rate, now_ms, &r->wait_ms))
		return true;
	r->wait_ms += now_ms;
	r->crowded = conf_takes_digests(c);
	return false;
}

static void wait_for_next(struct engine *e)
{
	int64_t now = clock_now(), now_ms = clock_monotonic_ms(), next_ms = INT64_MAX;
	struct receiver *r, *next;

	HASH_ITER(hh, e->receivers, r, next)
	{
		int64_t at_ms;
		if (r->in_flight || r->due == INT64_MAX)
			continue;
		at_ms = now_ms + (r->due > now ? (r->due - now) * 1000 : 0);
		if (r->wait_ms > at_ms)
			at_ms = r->wait_ms;
		if (at_ms < next_ms)
			next_ms = at_ms;
	}
	if (next_ms != INT64_MAX)
		engine_at(e->on_outbox, next_ms > now_ms + 3600000 ? now_ms + 3600000 : next_ms);
}

void engine_outbox(struct engine *e)
{
	int64_t now_ms = clock_monotonic_ms();
	struct arena *arena;
	struct leaving *leaving;
	size_t n = 0;
	struct receiver *r, *next;

	if (e->notifier == NULL || e->writing || e->stopping || e->failing)
		return;
	arena = arena_new();
	leaving = arena_array(arena, HASH_COUNT(e->receivers) + 1, sizeof(*leaving));
	HASH_ITER(hh, e->receivers, r, next)
	{
		if (!ready(e, r, now_ms))
			continue;
		if (!e->writing && !engine_begin(e))
			break;
		if (claim(e, r, arena, &leaving[n]))
			n++;
		r->due = store_outgoing_due(e->store, r->name);
	}
	if (e->writing && engine_commit(e))
		for (size_t i = 0; i < n; i++)
			send(e, &leaving[i]);
	arena_free(arena);
	wait_for_next(e);
}

bool engine_delivering(const struct engine *e)
{
	const struct receiver *r;

	for (r = e->receivers; r; r = r->hh.next)
		if (r->in_flight)
			return true;
	return false;
}

/* -- the fate of a delivery ---------------------------------------------------- */

static bool is_acknowledgement(const struct store_outgoing *o, struct arena *arena)
{
	struct notice n;
	struct error err;

	return notice_decode(o->notice, strlen(o->notice), arena, &n, &err) == 0 &&
	       n.acked_by != NULL;
}

static void fall_back(struct engine *e, const struct store_outgoing *o, struct arena *arena)
{
	const struct conf_receiver *c = conf_receiver(e->conf, o->receiver);
	struct store_outgoing other = *o;

	if (c == NULL || c->fallback == NULL || o->fallback_of != NULL ||
	    conf_receiver(e->conf, c->fallback) == NULL || is_acknowledgement(o, arena))
		return;
	log_warning("outbox", "%s goes to %s instead of %s", o->uid, c->fallback, o->receiver);
	other.receiver = c->fallback;
	other.fallback_of = o->receiver;
	other.state = STORE_PENDING;
	other.created = other.due = clock_now();
	other.attempts = other.code = other.ended = other.batch = 0;
	other.digest = false;
	other.text = NULL;
	store_put_outgoing(e->store, &other);
}

static void delivered(struct engine *e, struct store_outgoing *o, struct arena *arena)
{
	struct incident *i = o->incident ? store_incident(e->store, o->incident, arena) : NULL;
	struct receiver *r = find(e, o->receiver);
	int64_t now = clock_now();

	o->state = STORE_DELIVERED;
	o->ended = now;
	if (r)
		r->n_delivered++;
	if (i == NULL)
		return;
	if (strcmp(i->event, "initial.state") == 0)
		store_told_initial(e->store, i->id, o->receiver, now, o->repeat_s);
	else if (o->status == NOTICE_FIRING)
		store_told(e->store, i->id, o->receiver, now, o->repeat_s);
}

/* "550 no such user", or the text alone where there was no reply. */
static const char *what_was_said(int64_t code, const char *text, struct arena *arena)
{
	const char *said = text ? text : "";

	return code > 0 ? arena_printf(arena, "%lld %s", (long long)code, said) : said;
}

static void dead(struct engine *e, struct store_outgoing *o, struct arena *arena)
{
	struct receiver *r = find(e, o->receiver);

	log_error("outbox", "notice %s could not be delivered to %s: %s", o->uid, o->receiver,
		  what_was_said(o->code, o->text, arena));
	o->state = STORE_DEAD;
	e->n_dead++;
	if (r)
		r->n_dead++;
	o->ended = clock_now();
	fall_back(e, o, arena);
}

/* The end of an incident is waiting behind this row that failed: it will say both. */
static bool said_better(struct engine *e, const struct store_outgoing *o, struct arena *arena)
{
	size_t n;
	struct store_outgoing *rows = store_pending_of(e->store, o->incident, arena, &n);

	for (size_t i = 0; i < n; i++)
		if (rows[i].id > o->id && rows[i].status == NOTICE_RESOLVED &&
		    strcmp(rows[i].receiver, o->receiver) == 0)
			return true;
	return false;
}

static void settle(struct engine *e, struct store_outgoing *o, const struct message_sent *sent,
		   struct arena *arena)
{
	o->code = sent->code;
	o->text = sent->text;
	if (sent->outcome == MESSAGE_DELIVERED) {
		delivered(e, o, arena);
	} else if (engine_is_sample(e, o->id)) {
		drop(e, o);
		return;
	} else if (sent->outcome == MESSAGE_REJECTED ||
		   delivery_expired(o->held > o->created ? o->held : o->created, clock_now())) {
		dead(e, o, arena);
	} else if (o->status == NOTICE_FIRING && said_better(e, o, arena)) {
		o->state = STORE_SUPERSEDED;
		o->ended = clock_now();
	} else {
		struct receiver *r = find(e, o->receiver);
		if (r)
			r->n_failed++;
		o->due = again_at(o, sent->retry_after_s);
		log_warning("outbox", "notice %s to %s: attempt %lld failed: %s", o->uid,
			    o->receiver, (long long)o->attempts,
			    what_was_said(sent->code, sent->text, arena));
	}
	store_update_outgoing(e->store, o);
}

static struct receiver *holder(struct engine *e, uint64_t row)
{
	struct receiver *r, *next;

	HASH_ITER(hh, e->receivers, r, next)
	{
		if (r->in_flight == row)
			return r;
	}
	return NULL;
}

static void sent(struct engine *e, int64_t row, const struct message_sent *m, struct arena *arena)
{
	struct store_outgoing *o = store_outgoing(e->store, row, arena), *batch;
	size_t n;

	if (o == NULL || o->state != STORE_PENDING)
		return;
	if (o->batch == 0) {
		settle(e, o, m, arena);
		return;
	}
	batch = store_batch(e->store, row, arena, &n);
	for (size_t i = 0; i < n; i++)
		if (batch[i].state == STORE_PENDING)
			settle(e, &batch[i], m, arena);
}

int engine_notifier_frame(struct engine *e, const struct frame *f, struct error *err)
{
	struct arena *arena;
	struct message_sent m;
	struct receiver *r;
	int result = 0;

	if (f->type != MESSAGE_SENT)
		return error_set(err, "not for me");
	arena = arena_new();
	r = holder(e, f->id);
	if (shape_decode(&message_sent_shape, SHAPE_STRICT, f->body, f->len, arena, &m, err) < 0 ||
	    m.outcome == MESSAGE_OUTCOME_NONE) {
		result = error_set(err, "a malformed answer");
	} else if (r) {
		r->in_flight = 0;
		/* when this cannot be written the row stays due: told twice rather than never */
		if (engine_begin(e)) {
			sent(e, (int64_t)f->id, &m, arena);
			engine_commit(e);
		}
		engine_tested(e, (int64_t)f->id, &m);
		engine_outbox_changed(e);
		if (e->stopping && !engine_delivering(e))
			engine_stop(e, 0);
	} else if (f->id >= DIRECT && m.outcome != MESSAGE_DELIVERED) {
		log_error("outbox", "the notice about the state could not be delivered: %s",
			  m.text ? m.text : "");
	}
	arena_free(arena);
	return result;
}

/* What it had in flight is due again. */
void engine_notifier_gone(struct engine *e)
{
	struct receiver *r, *next;

	HASH_ITER(hh, e->receivers, r, next)
	{
		r->in_flight = 0;
	}
	if (!e->stopping && e->store)
		engine_outbox_changed(e);
}

/* -- past the state ------------------------------------------------------------ */

static void send_directly(struct engine *e, const struct notice *n, struct arena *arena)
{
	size_t n_targets;
	struct route_target *targets = route_targets(e->conf, n, arena, &n_targets);
	struct buf notice, settings;

	for (size_t i = 0; i < n_targets; i++) {
		const struct conf_receiver *c = conf_receiver(e->conf, targets[i].receiver);
		struct message_deliver m = {.attempt = 1};
		if (c == NULL)
			continue;
		buf_init(&notice, 1 << 20);
		buf_init(&settings, 256 * 1024);
		notice_encode(n, &notice);
		shape_encode(&receiver_shape, c, &settings);
		m.notice = buf_str(&notice);
		m.receiver = buf_str(&settings);
		channel_send_shape(e->notifier->channel, MESSAGE_DELIVER, DIRECT + ++e->direct,
				   &message_deliver_shape, &m);
		buf_clear(&notice);
		buf_clear(&settings);
	}
}

void engine_tell_directly(struct engine *e, const char *event, const char *summary,
			  const char *advice)
{
	struct arena *arena;
	struct notice n = {
	    .schema = NOTICE_SCHEMA,
	    .seq = 1,
	    .kind = NOTICE_DAEMON,
	    .status = NOTICE_CHANGED,
	    .event = event,
	    .severity = SEVERITY_CRITICAL,
	    .check = event,
	    .subject = "monitor",
	    .summary = summary,
	    .advice = advice,
	    .since = clock_now(),
	    .at = clock_now(),
	    .confirmed_by = 1,
	};

	if (e->notifier == NULL)
		return;
	arena = arena_new();
	n.id = n.incident = engine_uid(arena);
	n.runbook_url = event_link(arena, NULL, e->conf->web_public_url, event, event);
	send_directly(e, &n, arena);
	arena_free(arena);
}

void engine_outbox_clear(struct engine *e)
{
	struct receiver *r, *next;

	HASH_ITER(hh, e->receivers, r, next)
	{
		HASH_DEL(e->receivers, r);
		free(r);
	}
}
