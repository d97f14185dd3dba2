/* SPDX-License-Identifier: ISC
 *
 * From one observation of a subject to the next: whether the facts are the same, and the
 * daily deep look, which an ordinary probe does not repeat and must not lose.  Pure.
 */
#ifndef CARRY_H
#define CARRY_H

#include <stddef.h>
#include <stdint.h>

#include "observation.h"

/* A digest of an encoded observation without what moves by itself (when it was made, how long
 * things took, TTLs).  Keyed (SipHash-1-3), so that no server can aim at the digest of its old
 * facts.  Never 0. */
int64_t carry_digest(const char *json, size_t len, const uint64_t key[2]);

/* now with the deep looks of before that it has none of its own for, by address and port: a copy
 * in arena that borrows from both, or now itself where there is nothing to carry. */
const struct observation *carry_sweeps(const struct observation *now,
				       const struct observation *before, struct arena *arena);

#endif
