/* SPDX-License-Identifier: ISC
 *
 * The posture of a subject: its observation reduced to sorted, normalised facts, each a key
 * and a value, without TTLs, record order or anything else that moves by itself.  The state
 * keeps the posture it believes; diff compares it with the one just seen.
 *
 * A fact is a value, an absence (its owner says there is none, or an error stands in its
 * place), or unknown (we could not look).  A new value is believed at once; an absence is
 * believed after confirm.fail sightings in a row; unknown changes nothing.
 */
#ifndef POSTURE_H
#define POSTURE_H

#include "arena.h"
#include "observation.h"

enum fact_state { FACT_UNKNOWN, FACT_VALUE, FACT_ABSENT };

struct fact {
	const char *key;   /* "mx", "mta_sts.id", "[192.0.2.7]:25 tls.version" */
	int state;         /* enum fact_state */
	const char *value; /* of a VALUE */
	int64_t misses;    /* absences seen in a row while a value was believed */
};

struct posture {
	struct fact *fact; /* sorted by key */
	size_t n;
};

extern const struct shape posture_shape;

/* Reduce; everything from arena. */
struct posture *posture_of(const struct observation *o, struct arena *arena);
const struct fact *posture_get(const struct posture *p, const char *key);

#endif
