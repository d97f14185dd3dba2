/* SPDX-License-Identifier: ISC
 *
 * When a notice that could not be delivered is tried again, and when it is given up: after
 * 5 s, 15 s, 1 m, 5 m, 15 m, 30 m, then hourly, for 72 h; the far side's Retry-After is
 * honoured within 1 s .. 1 h.  Pure.
 */
#ifndef DELIVERY_H
#define DELIVERY_H

#include <stdbool.h>
#include <stdint.h>

#define DELIVERY_LIFETIME_S (72 * 3600)

/* Seconds from the attempts-th failure (1, 2, ...) to the next try.  retry_after_s: -1 = not
 * said.  chance: any number, spreads the tries by up to a tenth. */
int64_t delivery_delay_s(int64_t attempts, int64_t retry_after_s, uint64_t chance);
/* Whether a notice made at `created` is given up at `now`. */
bool delivery_expired(int64_t created, int64_t now);

/* A receiver's allowance: at most per_minute a minute, saved up for one minute at most. */
struct delivery_rate {
	int64_t per_minute;
	int64_t credit_ms; /* 60000 / per_minute of it buys one */
	int64_t counted_ms;
};

void delivery_rate_init(struct delivery_rate *r, int64_t per_minute, int64_t now_ms);
/* Take one; false when there is none left: *wait_ms says for how long. */
bool delivery_rate_take(struct delivery_rate *r, int64_t now_ms, int64_t *wait_ms);

#endif
