/* SPDX-License-Identifier: ISC
 *
 * What arrived becomes what is known: observations are compared with the ones before, their
 * changes told, and the domains they concern queued for judgement; all of one batch in one
 * transaction.
 *
 * Memory runs ahead of the state inside a transaction; when it fails, the subjects it touched
 * are put back and the batch is taken up again later.  That bears repetition: a probe counts
 * once by its time, and a change is an edge from what the state believes.
 */
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <utlist.h>

#include "carry.h"
#include "engine_parts.h"
#include "posture.h"
#include "text.h"

#define CACHE_MAX      256
#define AT_ONCE	       16 /* domains of a host judged with its own change */
#define JUDGE_SLICE_MS 40 /* of a transaction */
#define TRY_AGAIN_MS   5000
#define POLICY_FRESH_S 3600 /* how exactly the last sighting of a policy is kept */
#define CERT_FRESH_S   86400

/* -- transactions -------------------------------------------------------------- */

static bool reopen(struct engine *e)
{
	struct error err = {""};

	if (e->store == NULL &&
	    store_open(e->conf->state_path, clock_now(), &e->store, &err) != STORE_OK) {
		log_warning("store", "%s", err.text);
		return false;
	}
	return true;
}

bool engine_begin(struct engine *e)
{
	if (!reopen(e))
		return false;
	store_begin(e->store);
	e->writing = true;
	e->told_before = e->n_told;
	return true;
}

static void undo(struct engine *e)
{
	while (e->n_undo > 0) {
		const struct undo *u = &e->undo[--e->n_undo];
		struct roster_subject *s = roster_subject(e->roster, u->subject);
		if (s->kind != u->was.kind)
			continue;
		s->at = u->was.at;
		s->judged = u->was.judged;
		s->quiet_until = 0;
		s->sweep = u->was.sweep;
		s->relay = u->was.relay;
		s->relay_accepted = u->was.relay_accepted;
		s->digest = 0; /* whatever the state has: compare with it again */
		if (s->baselined && !u->was.baselined)
			e->not_baselined++;
		s->baselined = u->was.baselined;
		memcpy(s->grade, u->was.grade, sizeof(s->grade));
		engine_forget_observation(e, u->subject);
		if (s->kind == OBS_KIND_DOMAIN)
			engine_queue(e, u->subject);
	}
}

static void failed(struct engine *e, const char *why, bool damaged)
{
	undo(e);
	if (damaged) {
		log_error("store", "the state is damaged: %s", why);
		engine_stop(e, 1); /* the next start moves it aside and says so */
		return;
	}
	if (!e->failing) {
		log_error("store", "the state cannot be written: %s", why);
		engine_tell_directly(
		    e, "state.unwritable",
		    "The state cannot be written: alerts wait in memory until it can.",
		    "Free space in the state directory, or mend its file system.");
		e->failing_since = clock_now();
	}
	e->failing = true;
	/* what a failed sync left behind is unknown: read it again from the file */
	store_close(e->store);
	e->store = NULL;
}

bool engine_commit(struct engine *e)
{
	struct error err = {""};
	bool damaged;

	e->writing = false;
	if (store_commit(e->store, &damaged, &err) < 0) {
		failed(e, err.text, damaged);
		return false;
	}
	e->n_undo = 0;
	if (e->failing)
		log_info("store", "the state can be written again");
	e->failing = false;
	if (e->n_told != e->told_before)
		engine_outbox_changed(e);
	return true;
}

void engine_touch(struct engine *e, uint32_t subject)
{
	for (size_t i = e->n_undo; i > 0 && i + 8 > e->n_undo; i--)
		if (e->undo[i - 1].subject == subject)
			return;
	if (e->n_undo == e->size_undo) {
		e->size_undo = e->size_undo ? 2 * e->size_undo : 64;
		e->undo = mem_resize(e->undo, e->size_undo, sizeof(*e->undo));
	}
	e->undo[e->n_undo++] = (struct undo){subject, *roster_subject(e->roster, subject)};
}

void engine_put_subject(struct engine *e, uint32_t subject)
{
	const struct roster_subject *s = roster_subject(e->roster, subject);
	struct store_subject row = {
	    .kind = s->kind,
	    .name = s->name,
	    .at = s->at,
	    .judged = s->judged,
	    .sweep = s->sweep,
	    .relay = s->relay,
	    .relay_accepted = s->relay_accepted,
	    .digest = s->digest,
	    .baselined = s->baselined,
	    .grade = s->grade[0] ? s->grade : NULL,
	};
	struct buf hosts;

	buf_init(&hosts, 64 * 1024);
	if (s->kind == OBS_KIND_DOMAIN) {
		roster_hosts_encode(e->roster, subject, &hosts);
		row.hosts = hosts.len ? buf_str(&hosts) : NULL;
	}
	store_put_subject(e->store, &row);
	buf_clear(&hosts);
}

/* -- the cache of decoded observations ----------------------------------------- */

static void cache_drop(struct engine *e, struct cached *c)
{
	HASH_DEL(e->cache, c);
	arena_free(c->arena);
	free(c);
}

void engine_forget_observation(struct engine *e, uint32_t subject)
{
	struct cached *c;

	HASH_FIND(hh, e->cache, &subject, sizeof(subject), c);
	if (c)
		cache_drop(e, c);
}

/* Takes arena; without one the observation is lent: settle_lent decides whose it is. */
static void cache_put(struct engine *e, uint32_t subject, struct observation *o,
		      struct arena *arena)
{
	struct cached *c;

	engine_forget_observation(e, subject);
	if (HASH_COUNT(e->cache) >= CACHE_MAX)
		cache_drop(e, e->cache); /* the one not used for longest */
	c = mem_alloc(sizeof(*c));
	c->subject = subject;
	c->o = o;
	c->arena = arena;
	HASH_ADD(hh, e->cache, subject, sizeof(c->subject), c);
}

static struct observation *read_observation(struct engine *e, uint32_t subject, struct arena *arena)
{
	const struct roster_subject *s = roster_subject(e->roster, subject);
	const char *json, *posture;
	struct error err;
	struct observation *o;

	if (!store_body(e->store, s->kind, s->name, arena, &json, &posture))
		return NULL;
	o = observation_decode(json, strlen(json), SHAPE_LENIENT, arena, &err);
	if (o == NULL)
		log_warning("store", "the observation of %s is unreadable: %s", s->name, err.text);
	return o;
}

struct observation *engine_observation(struct engine *e, uint32_t subject)
{
	struct cached *c;
	struct arena *arena;
	struct observation *o;

	HASH_FIND(hh, e->cache, &subject, sizeof(subject), c);
	if (c) {
		HASH_DEL(e->cache, c); /* to the end: used just now */
		HASH_ADD(hh, e->cache, subject, sizeof(c->subject), c);
		o = c->o;
	} else {
		arena = arena_new();
		o = read_observation(e, subject, arena);
		if (o == NULL) {
			arena_free(arena);
			return NULL;
		}
		cache_put(e, subject, o, arena);
	}
	/* equal facts are not stored again: they were last seen so when the subject was */
	o->at = roster_subject(e->roster, subject)->at;
	return o;
}

/* -- the queue of judgements --------------------------------------------------- */

void engine_queue(struct engine *e, uint32_t domain)
{
	struct roster_subject *d = roster_subject(e->roster, domain);

	if (d->queued)
		return;
	if (e->queue_n == e->queue_size) {
		size_t size = e->queue_size ? 2 * e->queue_size : 256;
		uint32_t *queue = mem_array(size, sizeof(*queue));
		for (size_t i = 0; i < e->queue_n; i++)
			queue[i] = e->queue[(e->queue_first + i) % e->queue_size];
		free(e->queue);
		e->queue = queue;
		e->queue_first = 0;
		e->queue_size = size;
	}
	e->queue[(e->queue_first + e->queue_n++) % e->queue_size] = domain;
	d->queued = true;
}

static bool judge_next(struct engine *e)
{
	uint32_t domain;

	if (e->queue_n == 0)
		return false;
	domain = e->queue[e->queue_first];
	e->queue_first = (e->queue_first + 1) % e->queue_size;
	e->queue_n--;
	/* it may have left, and its number may be another's, since */
	if (roster_subject(e->roster, domain)->kind == OBS_KIND_DOMAIN &&
	    roster_subject(e->roster, domain)->queued)
		engine_judge(e, domain);
	roster_subject(e->roster, domain)->queued = false;
	return true;
}

/* Who is blind judges nobody: they wait until the sight is back. */
static bool may_judge(const struct engine *e)
{
	return e->queue_n > 0 && !e->sight.blind;
}

static void judge_slice(struct engine *e)
{
	int64_t until_ms = clock_monotonic_ms() + JUDGE_SLICE_MS;
	size_t n = 0;

	if (!may_judge(e))
		return;
	while (!store_failed(e->store) && (n++ < AT_ONCE || clock_monotonic_ms() < until_ms))
		if (!judge_next(e))
			return;
}

/* -- what eval remembers ------------------------------------------------------- */

static const char *unquoted(const struct fact *f, struct arena *arena)
{
	size_t len = f && f->value ? strlen(f->value) : 0;

	return len >= 2 ? arena_strndup(arena, f->value + 1, len - 2) : "";
}

/* The policy a sender who asks now takes into its cache (RFC 8461 section 3.3). */
static void remember_policy(struct engine *e, const struct observation *o,
			    const struct posture *seen, struct arena *arena)
{
	const struct obs_policy *p = o->domain ? o->domain->policy : NULL;
	const char *id = unquoted(posture_get(seen, "mta_sts.id"), arena);
	struct eval_policy_seen *known, now = {.first = o->at, .last = o->at};
	size_t n;

	if (p == NULL || p->status != 200 || p->body == NULL || !*id ||
	    p->failure.class != OBS_CLASS_NONE)
		return;
	now.id = id;
	now.body = p->body;
	known = store_policies(e->store, o->subject, arena, &n);
	if (n > 0 && strcmp(known[0].id, id) == 0 && strcmp(known[0].body, p->body) == 0) {
		if (o->at - known[0].last < POLICY_FRESH_S)
			return;
		now.first = known[0].first;
	}
	store_put_policy(e->store, o->subject, &now);
}

static void remember_certs(struct engine *e, const struct observation *o, struct arena *arena)
{
	for (size_t i = 0; o->host && i < o->host->n_services; i++) {
		const struct obs_service *s = &o->host->services[i];
		struct eval_cert_seen c = {.first = o->at, .last = o->at};
		if (s->tls == NULL || s->tls->n_chain == 0 || s->tls->chain[0].sha256 == NULL)
			continue;
		c.subject =
		    arena_printf(arena, "%s[%s]:%lld", o->subject, s->address, (long long)s->port);
		c.sha256 = s->tls->chain[0].sha256;
		c.not_before = s->tls->chain[0].not_before;
		c.not_after = s->tls->chain[0].not_after;
		store_put_cert(e->store, &c);
	}
}

/* -- taking up one observation ------------------------------------------------- */

struct taking {
	struct engine *e;
	struct arrival *a;	     /* stays as it came: after a rollback it is taken again */
	const struct observation *o; /* a's, with what was carried into it */
	uint32_t subject;
	struct roster_subject *s; /* valid until the roster grows */
	struct arena *arena;	  /* of this step */
	const char *json;
	size_t len;
	int64_t digest;
	int64_t before; /* its last look until now */
};

/* Nothing was seen, or nothing that can be believed now. */
static bool believable(struct engine *e, const struct observation *o)
{
	return o->failure.class != OBS_CLASS_LOCAL && o->vantage.resolver_answers &&
	       !e->sight.blind;
}

/* The daily deep look of before stands in an ordinary look, and its relay test in a deep one
 * without. */
static void carry(struct taking *t, struct buf *encoded)
{
	const struct observation *before, *both;

	if (t->s->sweep == 0)
		return;
	before = engine_observation(t->e, t->subject);
	both = before ? carry_sweeps(t->o, before, t->arena) : t->o;
	if (both != t->o && observation_encode(both, encoded)) {
		t->o = both;
		t->json = buf_str(encoded);
		t->len = encoded->len;
	}
}

static const struct posture *believed(struct taking *t, const char **observation)
{
	struct posture *p = arena_alloc(t->arena, sizeof(*p));
	const char *text;
	struct error err;

	if (!store_body(t->e->store, t->s->kind, t->s->name, t->arena, observation, &text)) {
		*observation = NULL;
		return NULL;
	}
	if (text == NULL)
		return NULL;
	if (shape_decode(&posture_shape, SHAPE_LENIENT, text, strlen(text), t->arena, p, &err) <
	    0) {
		log_warning("store", "the posture of %s is unreadable: %s", t->s->name, err.text);
		return NULL;
	}
	return p;
}

/* A relay test that was carried here from an earlier look confirms nothing. */
static void forget_relay(struct posture *seen)
{
	size_t n = 0;

	for (size_t i = 0; i < seen->n; i++) {
		const char *space = strchr(seen->fact[i].key, ' ');
		if (space == NULL || strcmp(space, " relay") != 0)
			seen->fact[n++] = seen->fact[i];
	}
	seen->n = n;
}

/* Compare with what is believed; tell the edges; write what is known now. True when the domains
 * that rest on it are to be judged again. */
static void compare(struct taking *t)
{
	struct engine *e = t->e;
	const char *old;
	const struct posture *was = believed(t, &old);
	struct posture *seen = posture_of(t->o, t->arena), *next;
	struct changes changes = {NULL, 0};
	bool pending = false;
	struct buf text;

	if (!t->a->relay_test)
		forget_relay(seen);
	diff(t->s->name, was, seen, roster_settings(e->roster, t->subject)->confirm_fail, t->arena,
	     &changes, &next, &pending);
	buf_init(&text, OBS_MAX_BYTES);
	shape_encode(&posture_shape, next, &text);
	store_put_body(e->store, t->s->kind, t->s->name, t->json, buf_str(&text));
	buf_clear(&text);
	if (old == NULL || carry_digest(old, strlen(old), e->key) != t->digest)
		store_put_past(e->store, t->s->kind, t->s->name, t->o->at, t->json);
	for (size_t i = 0; i < changes.n; i++)
		engine_tell_change(e, t->subject, &changes.item[i], t->o->at);
	if (t->o->kind == OBS_KIND_DOMAIN)
		remember_policy(e, t->o, seen, t->arena);
	else
		remember_certs(e, t->o, t->arena);
	/* an absence that waits for confirmation is compared again next time, whatever it is */
	t->s->digest = pending ? 0 : t->digest;
	if (pending)
		engine_retry(e, t->subject);
}

static void unchanged(struct taking *t)
{
	struct posture *seen;

	if (t->o->kind == OBS_KIND_DOMAIN) {
		if (t->o->domain == NULL || t->o->domain->policy == NULL ||
		    t->before / POLICY_FRESH_S == t->o->at / POLICY_FRESH_S)
			return;
		seen = posture_of(t->o, t->arena);
		remember_policy(t->e, t->o, seen, t->arena);
	} else if (t->before / CERT_FRESH_S != t->o->at / CERT_FRESH_S) {
		remember_certs(t->e, t->o, t->arena);
	}
}

/* The relay test, when this look made one: since when it has been accepted (doc/checks.md). */
static void note_relay(struct taking *t)
{
	bool accepted = false, refused = false;

	for (size_t i = 0; t->o->host && i < t->o->host->n_services; i++) {
		const struct obs_sweep *w = t->o->host->services[i].sweep;
		if (w == NULL || w->relay.at <= t->s->relay)
			continue; /* none, or one of before */
		accepted |=
		    w->relay.first == OBS_RELAY_ACCEPTED && w->relay.second == OBS_RELAY_ACCEPTED;
		refused |=
		    w->relay.first == OBS_RELAY_REFUSED || w->relay.second == OBS_RELAY_REFUSED;
	}
	t->s->relay = t->o->at;
	if (accepted && t->s->relay_accepted == 0)
		t->s->relay_accepted = t->o->at;
	else if (refused && !accepted)
		t->s->relay_accepted = 0;
}

static void note_sweep(struct taking *t)
{
	t->s->first_sweep = t->a->sweep && t->s->sweep == 0;
	if (t->a->sweep)
		t->s->sweep = t->o->at;
	if (t->a->relay_test)
		note_relay(t);
}

static void lead(struct taking *t)
{
	size_t n;
	struct eval_host *hosts;

	/* a lookup that failed says nothing about where the mail goes */
	if (t->o->domain == NULL || t->o->domain->mx.dns.status == OBS_DNS_FAILED ||
	    t->o->domain->mx.dns.status == OBS_DNS_BOGUS ||
	    t->o->domain->mx.dns.status == OBS_DNS_UNASKED)
		return;
	hosts = eval_hosts(t->o, t->s->conf, t->arena, &n);
	roster_lead(t->e->roster, t->subject, hosts, n, engine_plan_new, engine_plan_sooner,
		    engine_gone, t->e);
	t->s = roster_subject(t->e->roster, t->subject);
}

static void queue_domains(struct taking *t, bool changed)
{
	struct engine *e = t->e;

	if (t->s->kind == OBS_KIND_DOMAIN) {
		if (changed || t->o->at >= t->s->quiet_until)
			engine_queue(e, t->subject);
		else
			t->s->judged = t->s->at; /* as before */
		return;
	}
	if (!changed && !store_host_undecided(e->store, t->s->name))
		return;
	for (uint32_t i = 0; i < t->s->n_links; i++)
		engine_queue(e, roster_links(t->s)[i].subject);
}

static void take(struct engine *e, struct arrival *a)
{
	struct taking t = {.e = e, .a = a, .o = a->o, .json = a->json, .len = a->len};
	struct buf encoded;
	bool changed;

	t.subject = roster_find(e->roster, a->o->kind, a->o->subject);
	if (t.subject == ROSTER_NONE || !believable(e, a->o))
		return;
	t.s = roster_subject(e->roster, t.subject);
	t.arena = arena_new();
	buf_init(&encoded, OBS_MAX_BYTES);
	engine_touch(e, t.subject);
	t.before = t.s->at;
	carry(&t, &encoded);
	t.digest = carry_digest(t.json, t.len, e->key);
	changed = t.s->digest == 0 || t.s->digest != t.digest;
	t.s->at = a->o->at;
	note_sweep(&t);
	if (t.s->kind == OBS_KIND_DOMAIN)
		lead(&t);
	if (changed)
		compare(&t);
	else
		unchanged(&t);
	if (t.before == 0 && t.s->kind == OBS_KIND_HOST)
		engine_retry(e, t.subject); /* the deep look follows the quick first one */
	queue_domains(&t, changed);
	engine_put_subject(e, t.subject);
	/* what is judged next: a host's is read again, for what was carried into it */
	if (t.s->kind == OBS_KIND_DOMAIN)
		cache_put(e, t.subject, a->o, NULL);
	else if (changed)
		engine_forget_observation(e, t.subject);
	buf_clear(&encoded);
	arena_free(t.arena);
}

/* -- batches ------------------------------------------------------------------- */

static void drop_arrival(struct engine *e, struct arrival *a)
{
	DL_DELETE(e->arrivals, a);
	e->n_arrivals--;
	e->arrival_bytes -= a->len;
	arena_free(a->arena);
	free(a->json);
	free(a);
}

/* Behind the transaction: what was lent stays while a judgement waits for it. */
static void settle_lent(struct engine *e, struct arrival *a, bool committed)
{
	uint32_t subject = roster_find(e->roster, a->o->kind, a->o->subject);
	struct cached *c;

	HASH_FIND(hh, e->cache, &subject, sizeof(subject), c);
	if (c == NULL || c->o != a->o)
		return;
	if (committed && roster_subject(e->roster, subject)->queued) {
		c->arena = a->arena;
		a->arena = NULL;
	} else {
		cache_drop(e, c);
	}
}

void engine_flush_soon(struct engine *e)
{
	/* a queue that one slice did not empty gets half of the time, not a sixth */
	int64_t pause = e->queue_n > AT_ONCE ? JUDGE_SLICE_MS : ENGINE_BATCH_MS;

	if (!event_pending(e->on_flush, EV_TIMEOUT, NULL))
		engine_at(e->on_flush,
			  e->failing ? clock_monotonic_ms() + TRY_AGAIN_MS : e->flushed_ms + pause);
}

void engine_arrived(struct engine *e, struct arrival *a)
{
	switch (sight_observed(&e->sight, a->o, clock_now())) {
	case SIGHT_LOST:
		log_warning("engine", "blind: most of what is looked at cannot be determined");
		break;
	case SIGHT_REGAINED:
		log_info("engine", "sees again");
		break;
	case SIGHT_SAME:
		break;
	}
	DL_APPEND(e->arrivals, a);
	e->n_arrivals++;
	e->arrival_bytes += a->len;
	while (e->n_arrivals > ENGINE_ARRIVALS_MAX || e->arrival_bytes > ENGINE_ARRIVALS_BYTES) {
		if (e->n_dropped++ == 0)
			log_error("store", "too much waits for the state: the oldest is dropped");
		drop_arrival(e, e->arrivals);
	}
	if (e->n_arrivals >= 256 && !e->failing)
		engine_flush(e);
	else
		engine_flush_soon(e);
}

void engine_flush(struct engine *e)
{
	struct arrival *a;
	bool committed;

	if (e->writing || e->stopping || (e->arrivals == NULL && !may_judge(e)))
		return;
	if (!engine_begin(e)) {
		e->failing = true;
		engine_flush_soon(e);
		return;
	}
	DL_FOREACH(e->arrivals, a)
	{
		if (store_failed(e->store))
			break;
		take(e, a);
	}
	judge_slice(e);
	committed = engine_commit(e);
	DL_FOREACH(e->arrivals, a)
	{
		settle_lent(e, a, committed);
	}
	if (committed) {
		while (e->arrivals)
			drop_arrival(e, e->arrivals);
		e->n_dropped = 0;
		e->flushed_ms = clock_monotonic_ms();
	}
	if (e->arrivals || may_judge(e))
		engine_flush_soon(e);
	engine_schedule(e);
}

/* -- leaving ------------------------------------------------------------------- */

/* A subject that is about to be forgotten: a domain that left the configuration, a host that
 * nobody uses any more. */
void engine_gone(uint32_t subject, void *arg)
{
	struct engine *e = arg;
	struct roster_subject *s = roster_subject(e->roster, subject);

	engine_unplan(e, subject);
	engine_forget_observation(e, subject);
	s->queued = false;
	for (size_t i = 0; i < e->n_undo; i++)
		if (e->undo[i].subject == subject)
			e->undo[i].was.kind = OBS_KIND_NONE;
	if (s->kind == OBS_KIND_DOMAIN)
		engine_unwatch(e, s->name);
	store_drop_subject(e->store, s->kind, s->name);
}

void engine_believe_clear(struct engine *e)
{
	struct cached *c, *next;

	while (e->arrivals)
		drop_arrival(e, e->arrivals);
	HASH_ITER(hh, e->cache, c, next)
	{
		cache_drop(e, c);
	}
	free(e->queue);
	free(e->undo);
}
