/* SPDX-License-Identifier: ISC
 *
 * Questions of readers to the state, for lists and pages: nothing here writes.  Between
 * store_view_begin and store_view_end all answers are of one moment; keep that short, the
 * writer's log cannot be folded in meanwhile.  Strings are from the arena named in the call.
 */
#ifndef STORE_VIEW_H
#define STORE_VIEW_H

#include "conf.h"
#include "eval.h"
#include "store.h"
#include "view.h"

void store_view_begin(struct store *s);
/* False when something could not be read. */
bool store_view_end(struct store *s);

/* Fill marks, one for each of conf's domains. */
void store_view_marks(struct store *s, const struct conf *conf, struct view_mark *marks);
/* Open problems of the domain and the summary of the gravest. */
void store_view_problems(struct store *s, struct view_domain *d, struct arena *arena);
/* All open problems, by domain and check, one row each. */
typedef void store_view_problem_cb(const struct view_problem *p, void *arg);
void store_view_open(struct store *s, store_view_problem_cb *cb, void *arg);

/* Every subject there is, when it was looked at last. */
typedef void store_view_stamp_cb(int kind, const char *name, int64_t at, void *arg);
void store_view_stamps(struct store *s, store_view_stamp_cb *cb, void *arg);

/* Incidents older than before (0 = from the newest), open ones, closed ones or both, newest first. */
struct view_incident *store_view_incidents(struct store *s, bool open, bool closed, int64_t before,
    size_t max, struct arena *arena, size_t *n);
/* Open incidents that are not explained by another, gravest first. */
struct view_incident *store_view_gravest(struct store *s, size_t max, struct arena *arena, size_t *n);
/* Incidents the domain is or was in, open ones first. */
struct view_incident *store_view_incidents_of(struct store *s, const char *domain, size_t max,
    struct arena *arena, size_t *n);
/* Open ones of a host, gravest first. */
struct view_incident *store_view_incidents_at(struct store *s, const char *host, size_t max,
    struct arena *arena, size_t *n);
/* From when to when an incident had the domain (until 0: it still has), those that reach past since. */
typedef void store_view_span_cb(int severity, int64_t from, int64_t until, void *arg);
void store_view_spans(struct store *s, const char *domain, int64_t since, store_view_span_cb *cb,
    void *arg);
struct view_incident *store_view_incident(struct store *s, const char *uid, struct arena *arena);

/* Changes with a smaller id than before (0 = from the newest) and not older than since. */
struct view_change *store_view_changes(struct store *s, int64_t before, int64_t since, size_t max,
    struct arena *arena, size_t *n);
/* How many there have been since the state began. */
int64_t store_view_changes_ever(struct store *s);
/* Of one subject. */
struct view_change *store_view_changes_of(struct store *s, int kind, const char *name,
    int64_t before, size_t max, struct arena *arena, size_t *n);

/* Certificates shown by hosts that are looked at now, by the end of their lifetime. */
struct view_expiry *store_view_expiries(struct store *s, size_t max, struct arena *arena, size_t *n);
int64_t store_view_hosts(struct store *s);
/* Domains that lead to the host, at most max of them. */
const char *const *store_view_domains_of(struct store *s, const char *host, size_t max,
    struct arena *arena, size_t *n, int64_t *total);

/* When it was seen and what; NULL if never. */
struct observation *store_view_observation(struct store *s, int kind, const char *name,
    struct arena *arena);
/* When the domain was seen first, as far as the state remembers; 0 never. */
int64_t store_view_first(struct store *s, const char *domain);
/* Names and ports of the hosts a domain leads to. */
struct eval_host *store_view_hosts_of(struct store *s, const char *domain, struct arena *arena,
    size_t *n);
/* What eval wants to know of the past, for a domain and its hosts. */
struct eval_history *store_view_history(struct store *s, const char *domain,
    const struct eval_host *hosts, size_t n_hosts, struct arena *arena);
/* What was seen last at or before a time, among the observations that differ from the one before
 * (the oldest there is when all are later); NULL when there is none, or when it cannot be read:
 * *unreadable is then the time it was seen, and as it was otherwise. */
struct observation *store_view_seen_at(struct store *s, int kind, const char *name, int64_t at,
    struct arena *arena, int64_t *unreadable);

/* A whole copy as a new file of that name; the writer goes on meanwhile. */
int store_view_copy(struct store *s, const char *file, struct error *err);

/* What waits or was given up, by receiver; those with nothing of either are left out. */
struct view_outbox *store_view_outbox(struct store *s, int64_t now, struct arena *arena, size_t *n);
/* Incidents that are open, by severity. */
void store_view_open_by_severity(struct store *s, int64_t counts[4]);

#endif
