/* SPDX-License-Identifier: ISC
 *
 * What the engine's own files share.
 */
#ifndef ENGINE_PARTS_H
#define ENGINE_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <uthash.h>

#include "arena.h"
#include "channel.h"
#include "clock.h"
#include "conf.h"
#include "delivery.h"
#include "diff.h"
#include "incident.h"
#include "log.h"
#include "mem.h"
#include "message.h"
#include "mute.h"
#include "notice.h"
#include "observation.h"
#include "plan.h"
#include "roster.h"
#include "route.h"
#include "sight.h"
#include "store.h"
#include "turnstile.h"
#include "usage.h"

struct event;
struct event_base;
struct engine;

#define ENGINE_BATCH_MS 250
#define ENGINE_ARRIVALS_MAX 4096           /* observations that wait for the state */
#define ENGINE_ARRIVALS_BYTES (64u << 20)
#define ENGINE_NEWCOMERS_PER_S 20          /* first probes after a start */

struct peer { /* a prober, the notifier or the web */
	struct engine *engine;
	struct channel *channel;
	int role; /* enum message_role */
	int64_t instance;
	size_t in_flight; /* prober: orders */
	bool told_self;   /* prober: it has said what it sees */
	struct message_self self; /* without its strings */
	struct peer *prev, *next;
};

struct order { /* in flight */
	uint64_t id;
	uint32_t subject;
	int64_t due_ms;      /* its place in the schedule */
	int64_t deadline_ms; /* ours: the prober's and some grace */
	struct peer *prober;
	bool again; /* it was lost once already */
	bool sweep, relay_test;
	UT_hash_handle hh;
};

struct arrival { /* an observation to be taken into the state */
	struct observation *o;
	struct arena *arena; /* owned, o lives in it */
	char *json;          /* owned */
	size_t len;
	bool sweep, relay_test;
	struct arrival *prev, *next;
};

struct cached { /* a decoded observation */
	uint32_t subject;
	struct arena *arena;
	struct observation *o;
	UT_hash_handle hh; /* oldest use first */
};

struct receiver { /* how deliveries to it stand */
	uint64_t in_flight; /* outbox row, 0 none */
	struct delivery_rate rate;
	int64_t due;     /* seconds, of its next row; INT64_MAX none */
	int64_t wait_ms; /* monotonic: not before, for its rate */
	bool crowded;    /* more is due than its rate lets through */
	int64_t n_delivered, n_failed, n_dead; /* notices; failed: attempts that are repeated */
	UT_hash_handle hh;
	char name[];
};

struct undo { /* what a subject was before this transaction */
	uint32_t subject;
	struct roster_subject was;
};

struct tested { /* a wish that waits for the fate of a test notice */
	uint64_t wish;
	int64_t row;
	struct tested *next;
};

enum told { TOLD_UNKNOWN, TOLD_FINE, TOLD_WRONG }; /* unknown: not since the start */

struct own_health { /* what engine_self.c watches */
	int64_t began_ms;
	int64_t offset_s; /* of the clock against the time that passes, 0 unknown */
	int64_t stepped;  /* when the clock was set last, 0 never */
	int64_t step_s;	  /* and by how much */
	size_t late;	  /* subjects more than an interval behind their time */
	size_t stuck;	  /* receivers that do not take their notices */
	enum told late_told, stuck_told;
	bool had_ipv6;
	bool had_resolver; /* one has answered since the start */
};

struct engine {
	struct event_base *base;
	const char *file;
	struct conf *conf;
	struct store *store; /* NULL while it cannot be opened */
	uint64_t key[2];     /* of digests */
	bool stopping;
	int exit_status;

	struct channel *parent;
	struct peer *probers, *notifier, *web; /* probers: utlist */
	int64_t private_port; /* of the private resolver: 0 none yet, -1 it cannot be had */
	bool wants_private, resolver_chosen;

	struct roster *roster;
	struct plan *plan;
	struct turnstile *turnstile;
	struct sight sight;
	bool blind_told;
	struct order *orders;
	uint64_t last_order;
	int64_t ticked_ms; /* last pass of the schedule */

	struct arrival *arrivals; /* utlist */
	size_t n_arrivals, arrival_bytes, n_dropped;
	uint32_t *queue; /* domains to judge, a ring */
	size_t queue_first, queue_n, queue_size;
	struct cached *cache;
	struct undo *undo;
	size_t n_undo, size_undo;
	bool writing; /* inside a transaction */
	bool failing; /* the last commit failed */
	int64_t failing_since, flushed_ms;
	size_t not_baselined; /* domains before the end of their first look */
	struct own_health own;

	struct mute mute; /* windows and silences in force */
	struct arena *mute_arena;
	int64_t *beat_ms; /* monotonic, when each heartbeat is due */
	int64_t mute_at;  /* when the windows were worked out */

	struct receiver *receivers;
	struct tested *tested;
	uint64_t direct; /* ids of notices that bypass the state */

	struct event *on_schedule, *on_flush, *on_gate, *on_outbox, *on_status, *on_minute,
	    *on_patience;
	bool reload_failed; /* the last one */
	const char *sandbox_lacks; /* for people; NULL: nothing */
	/* figures for STATUS and the status wish */
	int64_t n_observed, n_judged, n_told, n_dead, told_before;
	int64_t n_findings[FINDING_UNKNOWN + 1]; /* of what was judged, by enum finding_status */
	struct usage_meter usage;
};

/* A line of what becomes state; said once, not at every try to write it. */
#define ENGINE_LOG(e, ...)                                                                         \
	do {                                                                                       \
		if (!(e)->failing)                                                                 \
			log_info(__VA_ARGS__);                                                     \
	} while (0)

/* -- engine.c -- */

/* Arm a timer to fire at a monotonic time (at once when that is past). */
void engine_at(struct event *timer, int64_t at_ms);
/* A new unique name: 32 hex digits, from arena. */
const char *engine_uid(struct arena *arena);
void engine_stop(struct engine *e, int exit_status);
/* What is watched, or what to do where nothing is, for people. */
void engine_watching(const struct engine *e, char *out, size_t size);

/* -- engine_setup.c -- */

/* Read the configuration for the first time: 0, or an exit status. */
int engine_load(struct engine *e);
/* Open the state and take up what it knows: 0, or an exit status. */
int engine_open(struct engine *e);
/* Read it again; the verdict goes to the parent, and into *why (from arena). */
bool engine_reload(struct engine *e, bool force, struct arena *arena, const char **why,
    const char **problems);
void engine_want_peers(struct engine *e);
void engine_peer(struct engine *e, const struct message_peer *peer, int fd);
/* What a prober says of itself may mean that another resolver is wanted, or that we are blind. */
void engine_self(struct engine *e, struct peer *prober, const struct message_self *self);
void engine_peer_free(struct engine *e, struct peer *p);

/* -- engine_orders.c -- */

void engine_schedule(struct engine *e);
/* Put a new or changed subject on the plan. */
void engine_plan_new(uint32_t subject, void *engine);
void engine_plan_sooner(uint32_t subject, void *engine);
/* Probe it again after confirm.retry. */
void engine_retry(struct engine *e, uint32_t subject);
/* Give a subject up: its order, its place on the plan. */
void engine_unplan(struct engine *e, uint32_t subject);
/* A frame of a prober; -1 when it broke the protocol. */
int engine_prober_frame(struct engine *e, struct peer *p, const struct frame *f,
    struct error *err);
/* Its orders go to others, its places at the gate are free. */
void engine_prober_gone(struct engine *e, struct peer *p);
void engine_gate(struct engine *e);
void engine_orders_clear(struct engine *e);

/* -- engine_believe.c -- */

void engine_arrived(struct engine *e, struct arrival *a);
/* Take up what arrived and judge, in one transaction. */
void engine_flush(struct engine *e);
void engine_flush_soon(struct engine *e);
/* Begin a transaction of another kind; engine_commit ends it: false when it failed. */
bool engine_begin(struct engine *e);
bool engine_commit(struct engine *e);
void engine_queue(struct engine *e, uint32_t domain);
/* The subject is about to be changed in this transaction. */
void engine_touch(struct engine *e, uint32_t subject);
void engine_put_subject(struct engine *e, uint32_t subject);
/* The last observation of a subject, decoded; NULL when there is none. */
struct observation *engine_observation(struct engine *e, uint32_t subject);
void engine_forget_observation(struct engine *e, uint32_t subject);
void engine_gone(uint32_t subject, void *engine);
void engine_believe_clear(struct engine *e);

/* -- engine_judge.c -- */

/* Judge a domain; inside a transaction. */
void engine_judge(struct engine *e, uint32_t domain);
/* Close what is open about a domain nobody watches any more. */
void engine_unwatch(struct engine *e, const char *domain);

/* -- engine_notice.c -- */

/* The incident as a notice of this status, under a new id. */
void engine_compose(struct engine *e, const struct incident *i, enum notice_status status,
    struct arena *arena, struct notice *n);
/* Name the members as they are now, and what travels with the incident. */
void engine_members(struct engine *e, const struct incident *i, struct notice *n,
    struct arena *arena);
/* Owner, tags and addresses of the domains it names. */
void engine_belongings(const struct engine *e, struct notice *n, struct arena *arena);
/* The event of a digest of these rows, as it lies in the outbox; from arena. */
const char *engine_compose_digest(const struct store_outgoing *rows, size_t n,
    struct arena *arena);
/* As it lies in the outbox; from arena. */
const char *engine_encoded(const struct notice *n, struct arena *arena);

/* -- engine_tell.c: all inside a transaction -- */

/* A change seen at a subject (its links name the domains). */
void engine_tell_change(struct engine *e, uint32_t subject, const struct change *c, int64_t stamp);
/* The same, recorded only. notice: the id of the one that tells it, NULL. */
void engine_record_change(struct engine *e, uint32_t subject, const struct change *c,
    int64_t stamp, const char *notice);
/* The incident fires (first, graver, or a reminder for one receiver; NULL = by route). */
void engine_tell_firing(struct engine *e, struct incident *i, const char *receiver);
/* A domain joined an incident that was told already: receivers that only it leads to. */
void engine_tell_joined(struct engine *e, struct incident *i, const char *domain);
/* Somebody looks after it: told to the alarm systems that have, or are about to have, it. */
void engine_tell_acked(struct engine *e, struct incident *i);
/* It is over: told to whom it was told, or would have been. */
void engine_tell_closed(struct engine *e, struct incident *i);
/* It is explained by another: take back what has not left. */
void engine_tell_withdrawn(struct engine *e, struct incident *i);
/* A critical problem of the first look. */
void engine_tell_initial(struct engine *e, struct incident *i);
/* Fold the changes of this subject and time into the incident: whether there were any. */
bool engine_absorb(struct engine *e, struct incident *i, const char *subject, int64_t stamp,
    struct arena *arena);
/* The event is one of those that the incident's notices list. */
void engine_travel(struct engine *e, struct incident *i, const char *event, struct arena *arena);
/* A condition of our own, one incident per event: begins, lasts or ends. */
void engine_condition(struct engine *e, const char *event, const char *check, bool wrong,
    enum finding_severity severity, const char *summary, const char *advice);
/* Something of our own that happened, told once. */
void engine_tell_daemon(struct engine *e, const char *event, enum finding_severity severity,
    const char *summary, const char *advice);
/* The last word before a row leaves for the first time: members, causes. */
enum engine_word {
	ENGINE_SAY,
	ENGINE_WAIT, /* more may join in a moment */
	ENGINE_HOLD, /* it is muted until o->held */
	ENGINE_DROP, /* nothing is left to say */
};
enum engine_word engine_refresh(struct engine *e, struct store_outgoing *o, struct arena *arena);

/* -- engine_self.c -- */

/* Every few seconds: our clock, our schedule, our outbox (self.clock, self.schedule,
 * notify.delivery). */
void engine_watch_self(struct engine *e);
/* notify.self_dependency as a sentence, from arena; NULL while some receiver takes another way. */
const char *engine_self_dependency(struct engine *e, struct arena *arena);

/* -- engine_outbox.c -- */

void engine_receivers(struct engine *e);
/* Deliver what is due. */
void engine_outbox(struct engine *e);
/* Whether a delivery is under way. */
bool engine_delivering(const struct engine *e);
/* Rows were added: look again when each receiver is due. */
void engine_outbox_changed(struct engine *e);
int engine_notifier_frame(struct engine *e, const struct frame *f, struct error *err);
void engine_notifier_gone(struct engine *e);
/* Send a notice past the state, because the state cannot be written. */
void engine_tell_directly(struct engine *e, const char *event, const char *summary,
    const char *advice);
void engine_outbox_clear(struct engine *e);

/* -- engine_repeat.c -- */

/* Heartbeats that are due, as long as the schedule moves and the state can be written. */
void engine_beat(struct engine *e);
/* After a reload: other places, other times. */
void engine_beat_anew(struct engine *e);
/* Once a minute: alerts, reminders, retention. */
void engine_minute(struct engine *e);

/* -- engine_mute.c -- */

/* Take up what mutes from configuration and state; after each change of either. */
void engine_mute_load(struct engine *e);
/* What is held back is judged again: something that muted may not do so any more.  Inside a
 * transaction. */
void engine_mute_release(struct engine *e);
struct mute_verdict engine_mute_notice(struct engine *e, const struct notice *n);
struct mute_verdict engine_mute_incident(struct engine *e, const struct incident *i,
    struct arena *arena);
struct mute_verdict engine_mute_row(struct engine *e, const struct store_outgoing *o,
    const struct incident *i, struct arena *arena);
/* Wishes: an HTTP status, and a new reference in *body. */
int64_t engine_silence_add(struct engine *e, const struct message_wish *w, struct arena *arena,
    json_t **body);
int64_t engine_silence_expire(struct engine *e, const struct message_wish *w, struct arena *arena,
    json_t **body);
int64_t engine_silence_list(struct engine *e, const struct message_wish *w, struct arena *arena,
    json_t **body);
/* What mutes now, for the status: an array. */
json_t *engine_mutes(struct engine *e);

/* -- engine_wish.c -- */

int engine_wish(struct engine *e, const struct frame *f, struct error *err);
/* Whether some wish waits for the fate of this row: a sample, tried once. */
bool engine_is_sample(const struct engine *e, int64_t row);
void engine_tested(struct engine *e, int64_t row, const struct message_sent *sent);

void engine_wish_clear(struct engine *e);

#endif
