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

/* Give now the deep looks of before that it has none of its own for, by address and port;
 * strings are borrowed from before.  Returns how many. */
size_t carry_sweeps(struct observation *now, const struct observation *before);

#endif
