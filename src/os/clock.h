/* SPDX-License-Identifier: ISC
 *
 * The one place that reads a clock.  Points in time (documents, schedules) are UTC seconds
 * as in base/stamp.h; deadlines and durations are milliseconds that never jump.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

/* Seconds since the epoch, UTC. */
int64_t clock_now(void);
/* Milliseconds of a clock that nobody sets; stands still while the machine sleeps. */
int64_t clock_monotonic_ms(void);
/* The same, but the time asleep counts: against clock_now() it tells whether that was set. */
int64_t clock_running_ms(void);
/* The monotonic one in microseconds: for systemd and for measuring. */
int64_t clock_monotonic_us(void);

#endif
