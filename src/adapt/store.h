/* SPDX-License-Identifier: ISC
 *
 * The state: one SQLite file with one writer.  What is known of every subject, problems and
 * incidents, changes, and the outbox.  A notice's row is written in the transaction of the
 * state that caused it; what one transaction holds is the caller's choice (the engine: what
 * arrived in one wake-up).
 *
 * Failure is sticky from store_begin to store_commit: calls after the first failure do
 * nothing, and store_commit says so.  Every transaction must bear being done again.
 * Strings that come out are from the arena named in the call.
 */
#ifndef STORE_H
#define STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "err.h"
#include "eval.h"
#include "incident.h"
#include "mute.h"

struct store;

enum store_result {
	STORE_OK,
	STORE_BUSY,    /* another engine holds the directory */
	STORE_NEWER,   /* written by a newer version */
	STORE_FAILED,  /* cannot be opened now (full, read-only, no right) */
};

/* Open DIR/state.db (made if missing) for writing, migrate it, and keep every other engine
 * out.  A damaged file is moved to state.db.corrupt-TIME and a new one begun: store_moved. */
enum store_result store_open(const char *dir, int64_t now, struct store **s, struct error *err);
/* For readers: status, the web. NULL with err when there is no state. */
struct store *store_open_read_only(const char *dir, struct error *err);
void store_close(struct store *s);
/* Where a damaged file was put at open, NULL if it was sound. */
const char *store_moved(const struct store *s);

void store_begin(struct store *s);
/* 0, or -1 with err.  *damaged is set when the file must be given up (open it again: it is
 * moved aside then). */
int store_commit(struct store *s, bool *damaged, struct error *err);
void store_rollback(struct store *s);
/* Set by store_commit's -1 or here: the next store_open moves the file aside. */
bool store_failed(const struct store *s);

const char *store_meta(struct store *s, const char *key, struct arena *arena);
void store_put_meta(struct store *s, const char *key, const char *value);

/* -- subjects ------------------------------------------------------------------ */

struct store_subject {
	int kind; /* enum obs_kind */
	const char *name;
	int64_t at, judged, sweep, relay, relay_accepted; /* 0 = never */
	int64_t digest;
	bool baselined;
	const char *grade; /* NULL */
	const char *hosts; /* NULL; lines "name ports" */
};

typedef void store_subject_cb(const struct store_subject *row, void *arg);
/* Every subject, domains before hosts, each by name; rows are borrowed. */
void store_subjects(struct store *s, store_subject_cb *cb, void *arg);
void store_put_subject(struct store *s, const struct store_subject *row);
/* What is known of it now; its history stays until retention. */
void store_drop_subject(struct store *s, int kind, const char *name);

/* The last observation and the posture believed; false if there is none. */
bool store_body(struct store *s, int kind, const char *name, struct arena *arena,
    const char **observation, const char **posture);
/* The posture alone, NULL if there is none. */
const char *store_posture(struct store *s, int kind, const char *name, struct arena *arena);
/* posture NULL keeps the stored one. */
void store_put_body(struct store *s, int kind, const char *name, const char *observation,
    const char *posture);
void store_put_posture(struct store *s, int kind, const char *name, const char *posture);
void store_put_past(struct store *s, int kind, const char *name, int64_t at,
    const char *observation);

struct store_change {
	int64_t at;
	int kind; /* whose observation showed it */
	const char *name;
	const char *event, *check, *subject;
	int severity;
	const char *summary, *before, *after; /* before and after are JSON or NULL */
	const char *notice;                   /* id, NULL = not told */
};

void store_put_change(struct store *s, const struct store_change *c);

/* Policies and leaf certificates seen, newest first. */
struct eval_policy_seen *store_policies(struct store *s, const char *domain, struct arena *arena,
    size_t *n);
void store_put_policy(struct store *s, const char *domain, const struct eval_policy_seen *p);
struct eval_cert_seen *store_certs(struct store *s, const char *host, struct arena *arena,
    size_t *n);
void store_put_cert(struct store *s, const struct eval_cert_seen *c);

/* -- problems and incidents ---------------------------------------------------- */

struct problem *store_problems(struct store *s, const char *domain, struct arena *arena,
    size_t *n);
void store_put_problem(struct store *s, const struct problem *p);
void store_drop_problem(struct store *s, const struct problem *p);
typedef void store_name_cb(const char *name, void *arg);
typedef void store_source_cb(const char *domain, const char *host, void *arg);
/* Sources of problems that wait for another probe; host NULL = the domain itself. */
void store_undecided(struct store *s, store_source_cb *cb, void *arg);
/* Whether some problem of this host waits for another probe. */
bool store_host_undecided(struct store *s, const char *host);
bool store_baseline_suspects(struct store *s);

/* The open incident of a key, or the one with an id; NULL if there is none. */
struct incident *store_incident_by_key(struct store *s, const char *key, struct arena *arena);
struct incident *store_incident(struct store *s, int64_t id, struct arena *arena);
struct incident *store_incident_by_uid(struct store *s, const char *uid, struct arena *arena);
/* Its first notice leaves under this title. */
void store_entitle(struct store *s, int64_t incident, const char *title);
/* Write all but the title; a new one (id 0) gets its id. */
void store_put_incident(struct store *s, struct incident *i);
void store_join(struct store *s, int64_t incident, const char *domain, int64_t at);
void store_leave(struct store *s, int64_t incident, const char *domain, int64_t at);
/* How many incidents of this root cause have ended since. */
int64_t store_ended_lately(struct store *s, const char *key, int64_t since);
/* Whether any problem still holds it open (of this domain; of any when domain is NULL). */
bool store_incident_held(struct store *s, int64_t incident, const char *domain);
/* Whether a problem of it speaks for itself (is not explained by another). */
bool store_incident_speaks(struct store *s, int64_t incident);
/* Names of at most max domains that are in it now (all that ever were, when it is closed). */
const char *const *store_members(struct store *s, int64_t incident, size_t max,
    struct arena *arena, size_t *n, int64_t *total);
/* Summaries of what travels with it: problems explained by it, or open incidents told by it. */
const char *const *store_causes(struct store *s, int64_t incident, size_t max,
    struct arena *arena, size_t *n);
/* Incidents told together by this "initial state" one that are still open. */
size_t store_initial_open(struct store *s, int64_t incident);
/* The "initial state" incident whose notice has not left yet, 0 if there is none. */
int64_t store_initial_waiting(struct store *s);
int64_t store_open_incidents(struct store *s);

/* -- telling ------------------------------------------------------------------- */

enum store_delivery {
	STORE_PENDING,
	STORE_DELIVERED,
	STORE_DEAD,       /* refused for good, or 72 h old */
	STORE_SUPERSEDED, /* another row says it better */
};

struct store_outgoing {
	int64_t id;
	const char *uid, *receiver;
	int64_t incident;
	int status;   /* enum notice_status */
	int severity; /* enum finding_severity */
	int state;    /* enum store_delivery */
	int64_t created, due, attempts;
	bool digest;
	int64_t batch; /* row that leads the digest it went with, 0 */
	int64_t repeat_s;
	const char *source; /* of a change: its subject, NULL */
	int64_t stamp;
	const char *fallback_of;
	const char *notice; /* JSON */
	int64_t code;
	const char *text;
	int64_t ended;
	int64_t held; /* until when it was held back, muted; 0 = never */
};

/* Add a row; returns its id (0 after a failure). */
int64_t store_put_outgoing(struct store *s, const struct store_outgoing *o);
/* Write due, attempts, batch, state, notice, code, text, ended and held of a row. */
void store_update_outgoing(struct store *s, const struct store_outgoing *o);
/* The row, NULL if there is none. */
struct store_outgoing *store_outgoing(struct store *s, int64_t id, struct arena *arena);
/* The next row to deliver to a receiver: due by now, and not before an older row of the same
 * incident; NULL if there is none. */
struct store_outgoing *store_next_outgoing(struct store *s, const char *receiver, int64_t now,
    struct arena *arena);
/* Digest rows due by now, oldest first, at most max. */
struct store_outgoing *store_digest(struct store *s, const char *receiver, int64_t now, size_t max,
    struct arena *arena, size_t *n);
/* What is due by now and was not tried becomes a digest, if it is more than one row; samples
 * stay alone. */
void store_gather(struct store *s, const char *receiver, int64_t now);
/* The rows that went with a digest's leader, itself among them. */
struct store_outgoing *store_batch(struct store *s, int64_t batch, struct arena *arena, size_t *n);
/* When the next row of this receiver may leave, INT64_MAX if there is none. */
int64_t store_outgoing_due(struct store *s, const char *receiver);
/* Pending rows of an incident. */
struct store_outgoing *store_pending_of(struct store *s, int64_t incident, struct arena *arena,
    size_t *n);
/* Pending, never tried rows of changes of this subject seen at this time; of a host's name, those
 * of its addresses at port 25 too. */
struct store_outgoing *store_pending_changes(struct store *s, const char *source, int64_t stamp,
    struct arena *arena, size_t *n);
/* Receivers that pending rows wait for. */
void store_waiting_receivers(struct store *s, store_name_cb *cb, void *arg);
/* The clock was set by so many seconds: what waits and is to be recalled keeps its pace.  What
 * waits for an hour of the day, or for the end of a silence, stays. */
void store_retime(struct store *s, int64_t by);
/* Receivers that do not take what they should: a pending row of theirs was made before `before`
 * and tried in vain, or should have left before it. */
void store_stuck_receivers(struct store *s, int64_t before, store_name_cb *cb, void *arg);
/* Rows that are not delivered, dead ones included, newest first, at most max. */
struct store_outgoing *store_queue(struct store *s, size_t max, struct arena *arena, size_t *n);
/* Put dead rows back (id 0: all); returns how many. */
int64_t store_retry_dead(struct store *s, int64_t id, int64_t now);

/* What is held back by a mute is due now, to be judged again. */
void store_release_held(struct store *s, int64_t now);
/* How many rows are. */
int64_t store_held(struct store *s, int64_t now);

/* It was delivered to receiver; remind them after repeat_s (0 = never). */
void store_told(struct store *s, int64_t incident, const char *receiver, int64_t at,
    int64_t repeat_s);
/* The same for every open incident that this "initial state" one told. */
void store_told_initial(struct store *s, int64_t initial, const char *receiver, int64_t at,
    int64_t repeat_s);
bool store_was_told(struct store *s, int64_t incident, const char *receiver);
const char *const *store_told_receivers(struct store *s, int64_t incident, struct arena *arena,
    size_t *n);
/* Incidents told to receiver that are open, or were closed at `closed` or later: their ids, by
 * id. */
int64_t *store_renewals(struct store *s, const char *receiver, int64_t closed,
    struct arena *arena, size_t *n);
struct store_reminder {
	int64_t incident;
	const char *receiver;
	int64_t repeat_s;
};
/* Open, unacknowledged incidents whose reminder is due. */
struct store_reminder *store_reminders(struct store *s, int64_t now, struct arena *arena,
    size_t *n);

/* -- silences -------------------------------------------------------------------------------- */

/* Add one (text, author, reason, from, until); returns its id, 0 after a failure. */
int64_t store_put_silence(struct store *s, const struct mute_silence *m);
/* Those not over, by id; a match that cannot be read (an older version's) is left out. */
struct mute_silence *store_silences(struct store *s, int64_t now, struct arena *arena, size_t *n);
/* End one now; false when there is none that is not over. */
bool store_expire_silence(struct store *s, int64_t id, int64_t now);

/* Forget what ended before these times, a bounded piece at a time. */
void store_expire(struct store *s, int64_t changes, int64_t incidents, int64_t observations);

#endif
