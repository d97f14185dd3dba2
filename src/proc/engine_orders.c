/* SPDX-License-Identifier: ISC
 *
 * From the plan to the probers and back: who is due gets an order, the prober with the least
 * to do takes it, an order that is lost is given out once more.  And the gate: who may talk to
 * an address now.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "engine_parts.h"
#include "text.h"

#define GRACE_MS      10000 /* for a prober's answer behind its own deadline */
#define STANDSTILL_MS 30000 /* a pass this late means that we were stopped */
#define SWEEP_FACTOR  4	    /* a deep look makes some twenty connections per address */
#define BLIND_HOLD_S  30
#define START_HOLD_S  60 /* a resolver may come up with us */

/* -- the plan ------------------------------------------------------------------ */

void engine_plan_new(uint32_t subject, void *arg)
{
	struct engine *e = arg;
	const struct roster_subject *s = roster_subject(e->roster, subject);
	int64_t interval_ms = (int64_t)s->interval_s * 1000, wait_ms = 0;

	if (s->kind == OBS_KIND_DOMAIN && interval_ms > 0)
		wait_ms =
		    (int64_t)e->not_baselined++ * (1000 / ENGINE_NEWCOMERS_PER_S) % interval_ms;
	plan_set(e->plan, subject, clock_monotonic_ms() + wait_ms);
}

void engine_plan_sooner(uint32_t subject, void *arg)
{
	struct engine *e = arg;
	const struct roster_subject *s = roster_subject(e->roster, subject);
	int64_t interval_ms = (int64_t)s->interval_s * 1000;

	if (s->order == 0)
		plan_sooner(e->plan, subject,
			    clock_monotonic_ms() + plan_phase(s->name, e->key[0], interval_ms));
}

void engine_retry(struct engine *e, uint32_t subject)
{
	const struct roster_subject *s = roster_subject(e->roster, subject);
	int64_t retry_ms = roster_settings(e->roster, subject)->confirm_retry_s * 1000;

	plan_sooner(
	    e->plan, subject,
	    plan_retry(clock_monotonic_ms(), retry_ms, plan_phase(s->name, e->key[1], 10000)));
}

static void forget_order(struct engine *e, struct order *o)
{
	if (o->prober)
		o->prober->in_flight--;
	roster_subject(e->roster, o->subject)->order = 0;
	HASH_DEL(e->orders, o);
	free(o);
}

static struct order *find_order(struct engine *e, uint64_t id)
{
	struct order *o;

	HASH_FIND(hh, e->orders, &id, sizeof(id), o);
	return o;
}

void engine_unplan(struct engine *e, uint32_t subject)
{
	struct order *o = find_order(e, roster_subject(e->roster, subject)->order);

	if (o)
		forget_order(e, o);
	plan_remove(e->plan, subject);
}

/* Its next run in the ordinary rhythm.  While we are blind, what could not be seen is looked at
 * again before that, but never by all at once. */
static void plan_next_run(struct engine *e, uint32_t subject, int64_t due_ms, bool dark)
{
	const struct roster_subject *s = roster_subject(e->roster, subject);
	int64_t interval_ms = (int64_t)s->interval_s * 1000, now_ms = clock_monotonic_ms();
	int64_t all_ms = (int64_t)plan_count(e->plan) * (1000 / ENGINE_NEWCOMERS_PER_S);

	plan_sooner(e->plan, subject, s->fresh ? now_ms : plan_after(due_ms, now_ms, interval_ms));
	if (dark && all_ms < interval_ms)
		plan_sooner(e->plan, subject,
			    plan_retry(now_ms,
				       roster_settings(e->roster, subject)->confirm_retry_s * 1000,
				       0) +
				plan_phase(s->name, e->key[1], all_ms));
}

/* -- orders -------------------------------------------------------------------- */

static struct peer *least_busy(struct engine *e)
{
	int64_t n = 0, limit;
	struct peer *p, *best = NULL;

	DL_COUNT(e->probers, p, n);
	limit = n ? (e->conf->concurrency + n - 1) / n : 0;
	DL_FOREACH(e->probers, p)
	{
		if (p->told_self && (int64_t)p->in_flight < limit &&
		    (best == NULL || p->in_flight < best->in_flight))
			best = p;
	}
	return best;
}

static size_t name_ports(const struct roster_subject *s, const char **ports)
{
	static const char *const words[] = {"25", "465", "587"};
	size_t n = 0;

	for (size_t i = 0; i < 3; i++)
		if (s->ports & (1u << i))
			ports[n++] = words[i];
	return n;
}

/* The relay test: once a day, and an hour behind the first that was accepted (doc/checks.md). */
static bool relay_due(const struct engine *e, const struct roster_subject *s, int64_t now)
{
	const struct arrival *a;

	if (!e->conf->open_relay || !(s->ports & ROSTER_25))
		return false;
	DL_FOREACH(e->arrivals, a) /* made, and not in the state yet */
	{
		if (a->relay_test && strcmp(a->o->subject, s->name) == 0)
			return false;
	}
	if (s->relay_accepted > 0 && s->relay_accepted == s->relay)
		return now - s->relay >= 3600;
	return now - s->relay >= e->conf->sweep_s;
}

static void send_order(struct engine *e, struct order *o)
{
	struct roster_subject *s = roster_subject(e->roster, o->subject);
	const struct conf_settings *c = roster_settings(e->roster, o->subject);
	const char *ports[3];
	struct message_order order = {
	    .kind = s->kind,
	    .subject = s->name,
	    .deadline_ms = roster_deadline_ms(e->roster, o->subject),
	    .connect_ms = c->timeout_connect_s * 1000,
	    .smtp_ms = c->timeout_smtp_s * 1000,
	    .policy_ms = c->timeout_policy_s * 1000,
	    .fresh = s->fresh,
	};
	int64_t now = clock_now();

	if (s->kind == OBS_KIND_DOMAIN) {
		order.mta_sts = order.policy_addresses = c->checks[CONF_CHECK_MTA_STS] != CONF_OFF;
		order.tls_rpt = c->checks[CONF_CHECK_TLS_RPT] != CONF_OFF;
		order.submission = c->checks[CONF_CHECK_SUBMISSION] != CONF_OFF;
	} else {
		order.ports = ports;
		order.n_ports = name_ports(s, ports);
		order.dane = c->checks[CONF_CHECK_DANE] != CONF_OFF;
		/* the first look is a quick one; the deep one follows */
		order.relay_test = o->relay_test = s->at > 0 && relay_due(e, s, now);
		order.sweep = o->sweep = s->at > 0 && (s->fresh || order.relay_test ||
						       now - s->sweep >= e->conf->sweep_s);
		if (order.sweep)
			order.deadline_ms *= SWEEP_FACTOR;
	}
	s->fresh = false;
	s->order = (uint32_t)o->id;
	o->deadline_ms = clock_monotonic_ms() + order.deadline_ms + GRACE_MS;
	o->prober->in_flight++;
	channel_send_shape(o->prober->channel, MESSAGE_ORDER, o->id, &message_order_shape, &order);
}

static void give_order(struct engine *e, uint32_t subject, int64_t due_ms, struct peer *prober,
		       bool again)
{
	struct order *o = mem_alloc(sizeof(*o));

	if (++e->last_order > UINT32_MAX)
		e->last_order = 1;
	o->id = e->last_order;
	o->subject = subject;
	o->due_ms = due_ms;
	o->prober = prober;
	o->again = again;
	HASH_ADD(hh, e->orders, id, sizeof(o->id), o);
	send_order(e, o);
}

/* An order came to nothing through our own fault: once more, or in the ordinary rhythm. */
static void lost_order(struct engine *e, struct order *o)
{
	uint32_t subject = o->subject;
	int64_t due_ms = o->due_ms;
	bool again = o->again;
	const struct roster_subject *s = roster_subject(e->roster, subject);
	struct peer *other;

	forget_order(e, o);
	other = again ? NULL : least_busy(e);
	if (other) {
		give_order(e, subject, due_ms, other, true);
		return;
	}
	if (again) {
		struct observation none = {.v = OBS_VERSION,
					   .kind = s->kind,
					   .subject = s->name,
					   .at = clock_now(),
					   .failure = {.class = OBS_CLASS_LOCAL}};
		log_warning("orders", "%s could not be probed: two probers failed over it",
			    s->name);
		sight_observed(&e->sight, &none, none.at);
		plan_next_run(e, subject, due_ms, false);
		engine_retry(e, subject);
		return;
	}
	plan_set(e->plan, subject, clock_monotonic_ms()); /* as soon as there is a prober */
}

static void watch_deadlines(struct engine *e, int64_t now_ms)
{
	struct order *o, *next;

	HASH_ITER(hh, e->orders, o, next)
	{
		if (o->deadline_ms > now_ms)
			continue;
		log_warning("orders", "prober %lld owes the answer for %s: it is replaced",
			    (long long)o->prober->instance,
			    roster_subject(e->roster, o->subject)->name);
		engine_peer_free(e, o->prober); /* takes its orders along */
		return;
	}
}

/* After a standstill what is overdue is spread over as long as we stood, at most ten minutes. */
static void watch_standstill(struct engine *e, int64_t now_ms)
{
	int64_t gap_ms = e->ticked_ms ? now_ms - e->ticked_ms : 0;
	size_t n;

	if (gap_ms < STANDSTILL_MS)
		return;
	n = plan_spread(e->plan, now_ms, gap_ms < 600000 ? gap_ms : 600000);
	log_warning("schedule", "stood still for %lld s: %zu overdue probes are spread",
		    (long long)gap_ms / 1000, n);
}

static void watch_sight(struct engine *e)
{
	int64_t retry_s = e->conf->defaults.confirm_retry_s;
	int64_t hold_s = retry_s < BLIND_HOLD_S ? retry_s : BLIND_HOLD_S;

	if (e->sight.resolver_dark && !e->own.had_resolver)
		hold_s = START_HOLD_S;
	if (e->writing || e->sight.blind == e->blind_told ||
	    (e->sight.blind && clock_now() - e->sight.since < hold_s) || !engine_begin(e))
		return;
	engine_condition(
	    e, "monitor.blind", "self.resolver", e->sight.blind, SEVERITY_CRITICAL,
	    e->sight.resolver_dark
		? "mxwatch is blind: no resolver answers. Nothing is told about domains meanwhile."
		: "mxwatch is blind: most subjects cannot be determined any more. Nothing is told "
		  "about domains meanwhile.",
	    "Look at the network, the resolver and outbound port 25 of the machine mxwatch runs "
	    "on.");
	if (engine_commit(e))
		e->blind_told = e->sight.blind;
}

void engine_schedule(struct engine *e)
{
	int64_t now_ms = clock_monotonic_ms(), due_ms, next_ms;
	uint32_t subject;
	struct peer *p = NULL;

	watch_standstill(e, now_ms);
	e->ticked_ms = now_ms;
	watch_deadlines(e, now_ms);
	watch_sight(e);
	while (plan_next(e->plan) <= now_ms && (p = least_busy(e)) != NULL) {
		plan_take(e->plan, now_ms, &subject, &due_ms);
		if (roster_subject(e->roster, subject)->order == 0)
			give_order(e, subject, due_ms, p, false);
	}
	next_ms = plan_next(e->plan);
	if (next_ms != PLAN_NEVER && (next_ms > now_ms || p != NULL))
		engine_at(e->on_schedule, next_ms);
}

/* -- what a prober says -------------------------------------------------------- */

static void answered(struct engine *e, struct order *o, struct arrival *a)
{
	uint32_t subject = o->subject;
	int64_t due_ms = o->due_ms;
	const struct roster_subject *s = roster_subject(e->roster, subject);
	bool first = s->at == 0;

	a->sweep = o->sweep;
	a->relay_test = o->relay_test;
	forget_order(e, o);
	if (first)
		/* all began together: from now on each has a place of its own in the interval */
		due_ms -= plan_phase(s->name, e->key[0], (int64_t)s->interval_s * 500);
	plan_next_run(e, subject, due_ms, sight_dark(a->o));
	e->n_observed++;
	engine_arrived(e, a);
}

static int observed(struct engine *e, struct peer *p, const struct frame *f, struct error *err)
{
	struct order *o = find_order(e, f->id);
	struct arrival *a;
	struct arena *arena;
	struct observation *obs;

	if (o == NULL || o->prober != p)
		return 0; /* given up meanwhile */
	arena = arena_new();
	obs = observation_decode(f->body, f->len, SHAPE_STRICT, arena, err);
	if (obs && (obs->kind != roster_subject(e->roster, o->subject)->kind ||
		    strcmp(obs->subject, roster_subject(e->roster, o->subject)->name) != 0)) {
		error_set(err, "an answer about another subject");
		obs = NULL;
	}
	if (obs == NULL) {
		arena_free(arena);
		return -1;
	}
	a = mem_alloc(sizeof(*a));
	a->arena = arena;
	a->o = obs;
	a->json = mem_strndup(f->body, f->len);
	a->len = f->len;
	answered(e, o, a);
	engine_schedule(e);
	return 0;
}

static int want(struct engine *e, struct peer *p, const struct frame *f, struct arena *arena,
		struct error *err)
{
	struct message_address m;

	if (shape_decode(&message_address_shape, SHAPE_STRICT, f->body, f->len, arena, &m, err) < 0)
		return -1;
	if (m.address == NULL)
		return error_set(err, "no address");
	turnstile_want(e->turnstile, (int64_t)(intptr_t)p, f->id, m.address, clock_monotonic_ms());
	engine_gate(e);
	return 0;
}

int engine_prober_frame(struct engine *e, struct peer *p, const struct frame *f, struct error *err)
{
	struct arena *arena = arena_new();
	struct message_self self;
	int result = 0;

	switch (f->type) {
	case MESSAGE_OBSERVED:
		result = observed(e, p, f, err);
		break;
	case MESSAGE_WANT:
		result = want(e, p, f, arena, err);
		break;
	case MESSAGE_DONE:
		turnstile_done(e->turnstile, (int64_t)(intptr_t)p, f->id, clock_monotonic_ms());
		engine_gate(e);
		break;
	case MESSAGE_SELF:
		result = shape_decode(&message_self_shape, SHAPE_STRICT, f->body, f->len, arena,
				      &self, err);
		if (result == 0)
			engine_self(e, p, &self);
		break;
	default:
		result = error_set(err, "not for me");
	}
	arena_free(arena);
	return result;
}

void engine_prober_gone(struct engine *e, struct peer *p)
{
	struct order *o, *next;

	turnstile_gone(e->turnstile, (int64_t)(intptr_t)p, clock_monotonic_ms());
	HASH_ITER(hh, e->orders, o, next)
	{
		if (o->prober == p)
			lost_order(e, o);
	}
	engine_gate(e);
	engine_schedule(e);
}

/* -- the gate ------------------------------------------------------------------ */

void engine_gate(struct engine *e)
{
	int64_t now_ms = clock_monotonic_ms(), asker, due_ms;
	uint64_t token;

	while (turnstile_grant(e->turnstile, now_ms, &asker, &token)) {
		struct peer *p = (struct peer *)(intptr_t)asker;
		channel_send(p->channel, MESSAGE_GO, token, NULL, 0);
	}
	due_ms = turnstile_due(e->turnstile);
	if (due_ms != TURNSTILE_NEVER)
		engine_at(e->on_gate, due_ms);
}

void engine_orders_clear(struct engine *e)
{
	struct order *o, *next;

	HASH_ITER(hh, e->orders, o, next)
	{
		HASH_DEL(e->orders, o);
		free(o);
	}
}
