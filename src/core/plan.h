/* SPDX-License-Identifier: ISC
 *
 * The schedule: which subject is due when.  A 4-ary heap of (due, subject) with the place of
 * every subject beside it, so that a subject is put, moved and taken out in O(log n) and
 * costs 16 bytes.  Subjects are small numbers (roster.h); times are milliseconds of the
 * monotonic clock, given by the caller.
 *
 * No stampede: first runs lie at a subject's own phase of its interval, a subject keeps its
 * phase from run to run, retries carry jitter, and what is overdue after a standstill (SIGSTOP,
 * suspend, a long commit) is spread instead of fired at once.
 */
#ifndef PLAN_H
#define PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_NEVER INT64_MAX

struct plan;

struct plan *plan_new(void);
void plan_free(struct plan *p);

size_t plan_count(const struct plan *p);
/* Bytes held, for budgets and tests. */
size_t plan_size(const struct plan *p);

/* Put subject at due_ms, or move it there. */
void plan_set(struct plan *p, uint32_t subject, int64_t due_ms);
/* The same, but never later than it already is. */
void plan_sooner(struct plan *p, uint32_t subject, int64_t due_ms);
/* Take it out; nothing happens if it is not in. */
void plan_remove(struct plan *p, uint32_t subject);
/* When it is due, PLAN_NEVER if it is not in. */
int64_t plan_due(const struct plan *p, uint32_t subject);

/* When the earliest is due, PLAN_NEVER if there is none. */
int64_t plan_next(const struct plan *p);
/* Take out the earliest if it is due at now_ms: true, with *subject and *due_ms filled. */
bool plan_take(struct plan *p, int64_t now_ms, uint32_t *subject, int64_t *due_ms);

/* After a standstill: spread everything due by now_ms over the coming over_ms, in the old
 * order.  Returns how many were moved. */
size_t plan_spread(struct plan *p, int64_t now_ms, int64_t over_ms);

/* -- when ---------------------------------------------------------------------- */

/* A subject's own place in 0 .. span_ms - 1: the same for the same name and seed, even over
 * many names. */
int64_t plan_phase(const char *name, uint64_t seed, int64_t span_ms);
/* The first run at or behind now_ms + 1 that lies a whole number of intervals behind due_ms. */
int64_t plan_after(int64_t due_ms, int64_t now_ms, int64_t interval_ms);
/* When a subject that was last seen ago_ms ago is due (ago_ms < 0: never seen): an interval
 * behind that, or at its phase within spread_ms when that is past. */
int64_t plan_resume(int64_t now_ms, int64_t ago_ms, int64_t interval_ms, int64_t phase_ms,
    int64_t spread_ms);
/* now_ms + retry_ms, with up to a tenth more by phase (0 .. 9999). */
int64_t plan_retry(int64_t now_ms, int64_t retry_ms, int64_t phase);

#endif
