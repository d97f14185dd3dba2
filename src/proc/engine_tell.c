/* SPDX-License-Identifier: ISC
 *
 * From changes and incidents to rows of the outbox: one notice, a row for each receiver its
 * route leads to, in the transaction of what caused it.  A row says what is known when it is
 * made; members and causes that join before it leaves are added then (engine_refresh).
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "engine_parts.h"
#include "render_parts.h"
#include "stamp.h"
#include "text.h"

#define INITIAL_HOLD_S 900 /* the notice of a first start waits for the rest, at most so long */

/* -- rows ---------------------------------------------------------------------- */

/* The next time it is at_s seconds after midnight here. */
static int64_t digest_time(int64_t now, int64_t at_s)
{
	time_t t = (time_t)now;
	struct tm local;

	localtime_r(&t, &local);
	for (int day = 0; day < 3; day++) {
		struct tm at = local;
		at.tm_mday += day;
		at.tm_hour = (int)(at_s / 3600);
		at.tm_min = (int)(at_s / 60 % 60);
		at.tm_sec = (int)(at_s % 60);
		at.tm_isdst = -1;
		t = mktime(&at);
		if ((int64_t)t > now)
			return (int64_t)t;
	}
	return now + 86400;
}

static void put_row(struct engine *e, const struct notice *n, const char *json, int64_t incident,
		    const struct route_target *target, const char *source, int64_t stamp)
{
	const struct conf_receiver *r = conf_receiver(e->conf, target->receiver);
	int64_t now = clock_now();
	struct store_outgoing o = {
	    .uid = n->id,
	    .receiver = target->receiver,
	    .incident = incident,
	    .status = n->status,
	    .severity = n->severity,
	    .created = now,
	    .due = target->digest_at_s >= 0 ? digest_time(now, target->digest_at_s)
					    : now + target->group_wait_s,
	    .digest = target->digest_at_s >= 0 && r != NULL && conf_takes_digests(r),
	    .repeat_s = target->repeat_s,
	    .source = source,
	    .stamp = stamp,
	    .notice = json,
	};

	if (r == NULL) /* it was told when it was in the configuration */
		return;
	store_put_outgoing(e->store, &o);
	e->n_told++;
}

/* passing: it is muted, and unless a problem takes it along it is gone with the mute. */
static void put_rows(struct engine *e, const struct notice *n, int64_t incident, const char *source,
		     int64_t stamp, bool passing, struct arena *arena)
{
	size_t n_targets;
	struct route_target *targets = route_targets(e->conf, n, arena, &n_targets);
	const char *json = engine_encoded(n, arena);

	for (size_t i = 0; i < n_targets; i++) {
		if (passing)
			targets[i].digest_at_s = -1;
		put_row(e, n, json, incident, &targets[i], source, stamp);
	}
}

static bool in_flight(const struct engine *e, const struct store_outgoing *o)
{
	struct receiver *r;

	HASH_FIND_STR(e->receivers, o->receiver, r);
	return r && r->in_flight == (uint64_t)o->id;
}

static void supersede(struct engine *e, struct store_outgoing *o)
{
	o->state = STORE_SUPERSEDED;
	o->ended = clock_now();
	store_update_outgoing(e->store, o);
}

/* -- changes ------------------------------------------------------------------- */

void engine_record_change(struct engine *e, uint32_t subject, const struct change *c, int64_t stamp,
			  const char *notice)
{
	const struct roster_subject *s = roster_subject(e->roster, subject);

	ENGINE_LOG(e, "change", "%s %s: %s", c->event, c->subject, c->summary);
	store_put_change(e->store, &(struct store_change){
				       .at = stamp,
				       .kind = s->kind,
				       .name = s->name,
				       .event = c->event,
				       .check = c->check,
				       .subject = c->subject,
				       .severity = c->severity,
				       .summary = c->summary,
				       .before = c->before,
				       .after = c->after,
				       .notice = notice,
				   });
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void concerned(struct engine *e, uint32_t subject, struct notice *n, struct arena *arena)
{
	const struct roster_subject *s = roster_subject(e->roster, subject);
	size_t total = s->kind == OBS_KIND_DOMAIN ? 1 : s->n_links;
	const char **names = arena_array(arena, total + 1, sizeof(*names));

	if (s->kind == OBS_KIND_DOMAIN)
		names[0] = s->name;
	for (uint32_t i = 0; s->kind == OBS_KIND_HOST && i < s->n_links; i++)
		names[i] = roster_subject(e->roster, roster_links(s)[i].subject)->name;
	qsort(names, total, sizeof(*names), by_name);
	n->domains = names;
	n->n_domains = total < NOTICE_MAX_DOMAINS ? total : NOTICE_MAX_DOMAINS;
	n->domains_total = (int64_t)total;
	engine_belongings(e, n, arena);
}

/* Whether a change for the better belongs to what this problem is about. */
static bool betters(const struct change *c, const struct problem *p)
{
	if (p->state != PROBLEM_OPEN || strcmp(p->subject, c->subject) != 0)
		return false;
	return strcmp(p->check, c->check) == 0 ||
	       (strcmp(c->event, "cert.changed") == 0 && text_starts(p->check, "tls.cert."));
}

/* A change for the better while a problem of its subject was told: it travels with the end of
 * that.  NULL when there is none. */
static struct incident *mended(struct engine *e, uint32_t subject, const struct change *c,
			       struct arena *arena)
{
	const struct roster_subject *s = roster_subject(e->roster, subject);
	struct problem *p;
	size_t n = 0;

	if (c->severity > SEVERITY_INFO || (s->kind == OBS_KIND_HOST && s->n_links == 0))
		return NULL;
	if (s->kind == OBS_KIND_HOST)
		s = roster_subject(e->roster, roster_links(s)[0].subject);
	p = store_problems(e->store, s->name, arena, &n);
	for (size_t i = 0; i < n; i++) {
		int64_t id = p[i].explained_by ? p[i].explained_by : p[i].incident;
		struct incident *speaker;
		if (!betters(c, &p[i]) || (speaker = store_incident(e->store, id, arena)) == NULL)
			continue;
		if (speaker->open && (speaker->seq > 0 || speaker->initial != 0))
			return speaker;
	}
	return NULL;
}

void engine_travel(struct engine *e, struct incident *i, const char *event, struct arena *arena)
{
	i->changes = i->changes ? arena_printf(arena, "%s %s", i->changes, event) : event;
	store_put_incident(e->store, i);
}

void engine_tell_change(struct engine *e, uint32_t subject, const struct change *c, int64_t stamp)
{
	struct arena *arena = arena_new();
	struct incident *problem = mended(e, subject, c, arena);
	const struct check *check = check_find(c->check);
	struct notice n =
			  {
			      .schema = NOTICE_SCHEMA,
			      .id = engine_uid(arena),
			      .seq = 1,
			      .kind = NOTICE_CHANGE,
			      .status = NOTICE_CHANGED,
			      .event = c->event,
			      .severity = c->severity,
			      .check = c->check,
			      .subject = c->subject,
			      .summary = c->summary,
			      .before = c->before,
			      .after = c->after,
			      .since = stamp,
			      .impact = notice_impact(c->check, c->severity),
			      .advice = check && c->severity > SEVERITY_INFO ? check->fix : NULL,
			      .reference = check ? check->reference : NULL,
			      .confirmed_by = 1,
			      .at = clock_now(),
			  },
		      whole;
	bool muted;

	if (problem) {
		engine_record_change(e, subject, c, stamp, NULL);
		engine_travel(e, problem, c->event, arena);
		arena_free(arena);
		return;
	}
	n.incident = n.id;
	n.changes = &c->event;
	n.n_changes = 1;
	concerned(e, subject, &n, arena);
	whole = n;
	whole.n_domains = (size_t)n.domains_total;
	muted = engine_mute_notice(e, &whole).until != 0;
	engine_record_change(e, subject, c, stamp, muted ? NULL : n.id);
	put_rows(e, &n, 0, c->subject, stamp, muted, arena);
	arena_free(arena);
}

/* The gravest change says what was before, and how grave it all is at least. */
static void shown_by(struct incident *i, const struct notice *change)
{
	if ((i->before || i->after) && change->severity < i->severity)
		return;
	i->before = change->before;
	i->after = change->after;
	if (change->severity > i->severity)
		i->severity = change->severity;
}

bool engine_absorb(struct engine *e, struct incident *i, const char *subject, int64_t stamp,
		   struct arena *arena)
{
	size_t n;
	struct store_outgoing *rows = store_pending_changes(e->store, subject, stamp, arena, &n);
	bool any = false;

	for (size_t k = 0; k < n; k++) {
		struct notice *change = arena_alloc(arena, sizeof(*change));
		struct error err;
		if (in_flight(e, &rows[k]) ||
		    notice_decode(rows[k].notice, strlen(rows[k].notice), arena, change, &err) < 0)
			continue;
		i->changes = i->changes ? arena_printf(arena, "%s %s", i->changes, change->event)
					: change->event;
		shown_by(i, change);
		supersede(e, &rows[k]);
		any = true;
	}
	if (any)
		store_put_incident(e->store, i);
	return any;
}

/* -- incidents ----------------------------------------------------------------- */

static void tell_one(struct engine *e, struct incident *i, const char *receiver,
		     struct arena *arena)
{
	struct notice n;
	size_t n_targets;
	struct route_target *targets;
	const char *json;

	engine_compose(e, i, NOTICE_FIRING, arena, &n);
	targets = route_targets(e->conf, &n, arena, &n_targets);
	json = engine_encoded(&n, arena);
	for (size_t k = 0; k < n_targets; k++)
		if (strcmp(targets[k].receiver, receiver) == 0)
			put_row(e, &n, json, i->id, &targets[k], NULL, 0);
}

void engine_tell_firing(struct engine *e, struct incident *i, const char *receiver)
{
	struct arena *arena = arena_new();
	struct incident *now = store_incident(e->store, i->id, arena);
	struct store_outgoing *waiting;
	struct notice n;
	size_t n_waiting;

	if (now == NULL) {
		arena_free(arena);
		return;
	}
	now->seq++;
	i->seq = now->seq;
	store_put_incident(e->store, now);
	if (receiver) {
		tell_one(e, now, receiver, arena);
	} else {
		waiting = store_pending_of(e->store, now->id, arena, &n_waiting);
		for (size_t k = 0; k < n_waiting; k++)
			if (!in_flight(e, &waiting[k]))
				supersede(e, &waiting[k]);
		engine_compose(e, now, NOTICE_FIRING, arena, &n);
		put_rows(e, &n, now->id, NULL, 0, false, arena);
	}
	arena_free(arena);
}

static bool waits(const struct store_outgoing *rows, size_t n, const char *receiver)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(rows[i].receiver, receiver) == 0)
			return true;
	return false;
}

/* They were held back for the domains it had. */
static void release(struct engine *e, struct store_outgoing *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (rows[i].held == 0 || rows[i].due != rows[i].held)
			continue;
		rows[i].due = rows[i].held = clock_now();
		store_update_outgoing(e->store, &rows[i]);
	}
}

void engine_tell_joined(struct engine *e, struct incident *i, const char *domain)
{
	struct arena *arena = arena_new();
	int64_t whole = i->initial ? i->initial : i->id;
	struct notice n, alone;
	size_t n_targets, n_rows;
	struct store_outgoing *rows = store_pending_of(e->store, whole, arena, &n_rows);
	struct route_target *targets;
	const char *json = NULL;

	engine_compose(e, i, NOTICE_FIRING, arena, &n);
	alone = n;
	alone.domains = &domain;
	alone.n_domains = 1;
	targets = route_targets(e->conf, &alone, arena, &n_targets);
	release(e, rows, n_rows);
	for (size_t k = 0; k < n_targets; k++) {
		if (waits(rows, n_rows, targets[k].receiver) ||
		    store_was_told(e->store, i->id, targets[k].receiver))
			continue;
		json = json ? json : engine_encoded(&n, arena);
		put_row(e, &n, json, i->id, &targets[k], NULL, 0);
	}
	arena_free(arena);
}

void engine_tell_acked(struct engine *e, struct incident *i)
{
	struct arena *arena = arena_new();
	size_t n_rows;
	struct store_outgoing *rows = store_pending_of(e->store, i->id, arena, &n_rows);
	struct notice n;
	const char *json;

	engine_compose(e, i, NOTICE_FIRING, arena, &n);
	n.acked_by = i->acked_by;
	json = engine_encoded(&n, arena);
	for (size_t k = 0; k < e->conf->n_receivers; k++) {
		const struct conf_receiver *r = &e->conf->receivers[k];
		if (r->kind == CONF_PAGERDUTY &&
		    (waits(rows, n_rows, r->name) || store_was_told(e->store, i->id, r->name)))
			put_row(e, &n, json, i->id,
				&(struct route_target){.receiver = r->name, .digest_at_s = -1},
				NULL, 0);
	}
	arena_free(arena);
}

/* It came and went while it was muted. */
static bool unheard(const struct mute_verdict *v, const struct store_outgoing *o)
{
	return v->until && o->created >= v->from && o->attempts == 0;
}

/* Told to those who know that it began; who was still to hear of it hears both in one. */
void engine_tell_closed(struct engine *e, struct incident *i)
{
	struct arena *arena = arena_new();
	size_t n_rows, n_told;
	struct store_outgoing *rows = store_pending_of(e->store, i->id, arena, &n_rows);
	const char *const *told = store_told_receivers(e->store, i->id, arena, &n_told);
	struct mute_verdict muted = engine_mute_incident(e, i, arena);
	struct notice n;
	const char *json;

	if (n_rows == 0 && n_told == 0) {
		arena_free(arena);
		return;
	}
	i->seq++;
	store_put_incident(e->store, i);
	engine_compose(e, i, NOTICE_RESOLVED, arena, &n);
	json = engine_encoded(&n, arena);
	for (size_t k = 0; k < n_told; k++)
		put_row(e, &n, json, i->id,
			&(struct route_target){.receiver = told[k], .digest_at_s = -1}, NULL, 0);
	for (size_t k = 0; k < n_rows; k++) {
		bool knows = store_was_told(e->store, i->id, rows[k].receiver) ||
			     waits(rows, k, rows[k].receiver);
		struct store_outgoing o = {
		    .uid = n.id,
		    .receiver = rows[k].receiver,
		    .incident = i->id,
		    .status = NOTICE_RESOLVED,
		    .severity = i->severity,
		    .created = clock_now(),
		    .due = rows[k].digest || rows[k].attempts == 0 ? rows[k].due : clock_now(),
		    .digest = rows[k].digest,
		    .notice = json,
		};
		if (!in_flight(e, &rows[k]))
			supersede(e, &rows[k]);
		if (knows || unheard(&muted, &rows[k]))
			continue;
		store_put_outgoing(e->store, &o);
		e->n_told++;
	}
	arena_free(arena);
}

void engine_tell_withdrawn(struct engine *e, struct incident *i)
{
	struct arena *arena = arena_new();
	size_t n, n_told;
	struct store_outgoing *rows = store_pending_of(e->store, i->id, arena, &n);

	store_told_receivers(e->store, i->id, arena, &n_told);
	for (size_t k = 0; k < n; k++)
		if (rows[k].attempts > 0)
			n_told++;
	if (n_told == 0) {
		for (size_t k = 0; k < n; k++)
			supersede(e, &rows[k]);
		i->seq = 0;
		store_put_incident(e->store, i);
	}
	arena_free(arena);
}

/* -- the first look ------------------------------------------------------------ */

static struct incident *new_initial(struct engine *e, const struct incident *first,
				    struct arena *arena)
{
	struct incident *i = arena_alloc(arena, sizeof(*i));

	i->uid = engine_uid(arena);
	i->key = arena_printf(arena, "initial.state|%s", i->uid);
	i->event = "initial.state";
	i->check = "initial.state";
	i->subject = first->subject;
	i->kind = NOTICE_CHANGE;
	i->severity = SEVERITY_CRITICAL;
	i->opened = i->closed = clock_now();
	i->since = first->since;
	i->confirmed_by = 1;
	i->seq = 1;
	i->summary = "The first look found critical problems.";
	i->advice = "These were there before mxwatch began to watch; from now on only changes are "
		    "told.";
	store_put_incident(e->store, i);
	return i;
}

static void initial_members(struct engine *e, int64_t initial, int64_t from, struct arena *arena)
{
	size_t n;
	int64_t total;
	const char *const *names = store_members(e->store, from, 1000, arena, &n, &total);

	for (size_t k = 0; k < n; k++)
		store_join(e->store, initial, names[k], clock_now());
}

void engine_tell_initial(struct engine *e, struct incident *i)
{
	struct arena *arena = arena_new();
	int64_t id = store_initial_waiting(e->store);
	struct incident *initial = id ? store_incident(e->store, id, arena) : NULL;
	struct notice n;

	i->initial = id;
	if (initial == NULL) {
		initial = new_initial(e, i, arena);
		i->initial = initial->id;
		store_put_incident(e->store, i);
		initial_members(e, initial->id, i->id, arena);
		engine_compose(e, initial, NOTICE_CHANGED, arena, &n);
		put_rows(e, &n, initial->id, NULL, 0, false, arena);
	} else {
		store_put_incident(e->store, i);
		initial_members(e, initial->id, i->id, arena);
	}
	arena_free(arena);
}

/* -- about ourselves ----------------------------------------------------------- */

static struct incident *own(struct engine *e, const char *event, const char *check,
			    enum finding_severity severity, const char *summary, const char *advice,
			    struct arena *arena)
{
	struct incident *i = arena_alloc(arena, sizeof(*i));
	(void)e;

	i->uid = engine_uid(arena);
	i->key = event;
	i->event = event;
	i->check = check;
	i->subject = "monitor";
	i->kind = NOTICE_DAEMON;
	i->severity = severity;
	i->open = true;
	i->opened = i->since = clock_now();
	i->confirmed_by = 1;
	i->summary = summary;
	i->advice = advice;
	return i;
}

void engine_condition(struct engine *e, const char *event, const char *check, bool wrong,
		      enum finding_severity severity, const char *summary, const char *advice)
{
	struct arena *arena = arena_new();
	struct incident *i = store_incident_by_key(e->store, event, arena);

	if (wrong && i == NULL) {
		log_warning("engine", "%s: %s", event, summary);
		i = own(e, event, check, severity, summary, advice, arena);
		store_put_incident(e->store, i);
		engine_tell_firing(e, i, NULL);
	} else if (!wrong && i != NULL) {
		log_info("engine", "%s is over", event);
		i->open = false;
		i->closed = clock_now();
		store_put_incident(e->store, i);
		engine_tell_closed(e, i);
	}
	arena_free(arena);
}

void engine_tell_daemon(struct engine *e, const char *event, enum finding_severity severity,
			const char *summary, const char *advice)
{
	struct arena *arena = arena_new();
	struct incident *i = own(e, event, event, severity, summary, advice, arena);
	struct notice n;

	i->key = i->uid;
	i->open = false;
	i->closed = i->opened;
	i->seq = 1;
	store_put_incident(e->store, i);
	engine_compose(e, i, NOTICE_CHANGED, arena, &n);
	put_rows(e, &n, i->id, NULL, 0, false, arena);
	arena_free(arena);
}

/* -- the last word ------------------------------------------------------------- */

static bool initial_waits(struct engine *e, const struct store_outgoing *o)
{
	return clock_now() - o->created < INITIAL_HOLD_S &&
	       (e->not_baselined > 0 || store_baseline_suspects(e->store));
}

/* "2 critical problems were there at the first look at 2 domains." */
static void word_initial(struct engine *e, const struct incident *i, struct notice *n,
			 struct arena *arena)
{
	size_t problems = store_initial_open(e->store, i->id);

	n->summary =
	    arena_printf(arena, "The first look at %lld domain%s found %zu critical problem%s.",
			 (long long)n->domains_total, n->domains_total == 1 ? "" : "s", problems,
			 problems == 1 ? "" : "s");
	if (n->domains_total > 1)
		n->subject = arena_printf(arena, "%lld domains", (long long)n->domains_total);
	else if (n->n_domains == 1)
		n->subject = n->domains[0];
}

enum engine_word engine_refresh(struct engine *e, struct store_outgoing *o, struct arena *arena)
{
	struct incident *i = o->incident ? store_incident(e->store, o->incident, arena) : NULL;
	bool initial = i && strcmp(i->event, "initial.state") == 0;
	struct mute_verdict muted = engine_mute_row(e, o, i, arena);
	struct notice n;
	struct error err;

	if (muted.until) {
		o->held = muted.until;
		return o->source && unheard(&muted, o) ? ENGINE_DROP : ENGINE_HOLD;
	}
	if (i == NULL || o->attempts > 0)
		return ENGINE_SAY;
	/* domains of its host that are yet to be judged may join */
	if (e->queue_n > 0 && i->host && clock_now() - o->created < INITIAL_HOLD_S)
		return ENGINE_WAIT;
	if (initial && initial_waits(e, o))
		return ENGINE_WAIT;
	if (initial && store_initial_open(e->store, i->id) == 0)
		return ENGINE_DROP;
	if (notice_decode(o->notice, strlen(o->notice), arena, &n, &err) < 0) {
		log_error("outbox", "row %lld is unreadable: %s", (long long)o->id, err.text);
		return ENGINE_SAY;
	}
	engine_members(e, i, &n, arena);
	if (initial)
		word_initial(e, i, &n, arena);
	n.title = i->title;
	if (n.title == NULL) {
		n.title = render_title(arena, &n);
		store_entitle(e->store, i->id, n.title);
	}
	o->notice = engine_encoded(&n, arena);
	return ENGINE_SAY;
}
