/* SPDX-License-Identifier: ISC
 *
 * What the engine watches of itself: a clock that is set (self.clock), checks that come late
 * (self.schedule), notices that do not leave (notify.delivery).  Each is told once, when it
 * begins, and once when it is over.
 */
#include <stdlib.h>
#include <string.h>

#include "dependency.h"
#include "engine_parts.h"

#define STEP_S	  10 /* less is how time services work */
#define STUCK_S	  900
#define SETTLE_MS 20000 /* after a start everything is due */
#define NAMES_MAX 5

/* Tell a condition when it has changed, in a transaction of its own. */
static void tell(struct engine *e, enum told *told, bool wrong, const char *event,
		 const char *summary, const char *advice)
{
	enum told now = wrong ? TOLD_WRONG : TOLD_FINE;

	if (*told == now || !engine_begin(e))
		return;
	engine_condition(e, event, event, wrong, SEVERITY_WARNING, summary, advice);
	if (engine_commit(e))
		*told = now;
}

/* What was timed by the clock of before: nothing is due sooner or later for it. */
static void retime(struct engine *e, int64_t by)
{
	int64_t now = clock_now();

	store_retime(e->store, by);
	for (uint32_t i = 0; i < roster_end(e->roster); i++) {
		struct roster_subject *s = roster_subject(e->roster, i);
		if (s->kind == OBS_KIND_NONE)
			continue;
		s->quiet_until = 0;
		s->sweep = s->sweep > now ? (uint32_t)now : s->sweep;
		s->relay = s->relay > now ? (uint32_t)now : s->relay;
	}
}

/* The time that passed says what the clock should show. */
static void watch_clock(struct engine *e, struct arena *arena)
{
	struct own_health *own = &e->own;
	int64_t offset = clock_now() - clock_running_ms() / 1000, by = offset - own->offset_s;
	bool known = own->offset_s != 0;

	if (known && llabs(by) < STEP_S)
		return;
	if (known && !engine_begin(e))
		return;
	own->offset_s = offset;
	if (!known)
		return;
	own->stepped = clock_now();
	own->step_s = by;
	retime(e, by);
	log_warning("engine", "the clock was set by %lld s", (long long)by);
	engine_tell_daemon(
	    e, "self.clock", SEVERITY_WARNING,
	    arena_printf(arena, "The clock was set %s by %lld s.", by > 0 ? "forward" : "back",
			 llabs(by)),
	    "With a wrong clock certificates and signatures seem expired: run a time service.");
	if (engine_commit(e))
		engine_outbox_changed(e);
}

/* More than an interval behind its time is less often than every second interval. */
static void watch_schedule(struct engine *e, struct arena *arena)
{
	int64_t now_ms = clock_monotonic_ms();
	size_t late = 0;

	if (e->sight.blind)
		return;
	for (uint32_t i = 0; i < roster_end(e->roster); i++) {
		const struct roster_subject *s = roster_subject(e->roster, i);
		int64_t due = s->kind == OBS_KIND_NONE ? PLAN_NEVER : plan_due(e->plan, i);
		late += due != PLAN_NEVER && now_ms - due > (int64_t)s->interval_s * 1000;
	}
	e->own.late = late;
	tell(e, &e->own.late_told, late > 0, "self.schedule",
	     arena_printf(arena, "%zu of %zu checks are more than an interval late.", late,
			  plan_count(e->plan)),
	     "Raise probe.concurrency, add a core, or lengthen the interval.");
}

struct stuck {
	struct arena *arena;
	const char *names;
	size_t n;
};

static void add_stuck(const char *receiver, void *arg)
{
	struct stuck *s = arg;

	if (s->n++ == 0)
		s->names = arena_strdup(s->arena, receiver);
	else if (s->n <= NAMES_MAX)
		s->names = arena_printf(s->arena, "%s, %s", s->names, receiver);
}

static void watch_outbox(struct engine *e, struct arena *arena)
{
	struct stuck s = {.arena = arena, .names = ""};

	store_stuck_receivers(e->store, clock_now() - STUCK_S, add_stuck, &s);
	e->own.stuck = s.n;
	tell(e, &e->own.stuck_told, s.n > 0, "notify.delivery",
	     arena_printf(arena, "Notices have not reached %s%s for more than 15 minutes.", s.names,
			  s.n > NAMES_MAX ? " and others" : ""),
	     "mxwatch queue shows what the far side said.");
}

static bool is_mail_host(const char *host, void *arg)
{
	struct engine *e = arg;

	return roster_find(e->roster, OBS_KIND_HOST, host) != ROSTER_NONE;
}

const char *engine_self_dependency(struct engine *e, struct arena *arena)
{
	return e->roster ? dependency_sentence(e->conf, is_mail_host, e, arena) : NULL;
}

void engine_watch_self(struct engine *e)
{
	struct arena *arena;

	if (e->writing || e->failing || e->stopping || e->store == NULL || e->roster == NULL)
		return;
	if (e->own.began_ms == 0)
		e->own.began_ms = clock_monotonic_ms();
	arena = arena_new();
	watch_clock(e, arena);
	if (clock_monotonic_ms() - e->own.began_ms >= SETTLE_MS) {
		watch_schedule(e, arena);
		watch_outbox(e, arena);
	}
	arena_free(arena);
}
