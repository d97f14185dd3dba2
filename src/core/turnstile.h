/* SPDX-License-Identifier: ISC
 *
 * Politeness across probers: who may talk to an address now.  At most `at_once` hold an
 * address, and the next enters no sooner than `gap_ms` behind the last one that left.  First
 * come, first served, per address.  Pure: the caller brings the time and passes the grants on.
 */
#ifndef TURNSTILE_H
#define TURNSTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TURNSTILE_NEVER INT64_MAX

struct turnstile;

struct turnstile *turnstile_new(int64_t at_once, int64_t gap_ms);
void turnstile_free(struct turnstile *t);
/* Other limits from now on; who is in stays in. */
void turnstile_limit(struct turnstile *t, int64_t at_once, int64_t gap_ms);

/* asker wants to talk to address; it names the wish by a token of its own. A token it has
 * already used and not given back is ignored. */
void turnstile_want(struct turnstile *t, int64_t asker, uint64_t token, const char *address,
    int64_t now_ms);
/* It is through, or no longer wants. */
void turnstile_done(struct turnstile *t, int64_t asker, uint64_t token, int64_t now_ms);
/* The asker is dead: everything it held or wanted is given back. */
void turnstile_gone(struct turnstile *t, int64_t asker, int64_t now_ms);

/* Grant one: true with *asker and *token filled; call until false. */
bool turnstile_grant(struct turnstile *t, int64_t now_ms, int64_t *asker, uint64_t *token);
/* When the next grant may be possible without anybody leaving, TURNSTILE_NEVER if nobody waits. */
int64_t turnstile_due(const struct turnstile *t);
/* How many addresses are remembered (tests). */
size_t turnstile_count(const struct turnstile *t);

#endif
