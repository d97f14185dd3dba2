/* SPDX-License-Identifier: ISC
 *
 * Points in time and lengths of time as values.  Points are int64_t seconds since the epoch,
 * UTC; lengths are int64_t seconds.  Who reads a clock is src/os/clock; nobody here does.
 */
#ifndef STAMP_H
#define STAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

#define STAMP_TEXT 32 /* room for any formatted point or length */

/* RFC 3339 UTC, "2026-11-22T13:00:00Z". */
const char *stamp_format(char out[STAMP_TEXT], int64_t at);
/* Accepts a date, or a date and time with "Z" or an offset (seconds optional).  False if malformed. */
bool stamp_parse(const char *s, int64_t *at);

/* "90s", "15m", "6h", "30d", "2w", "5y" (365 d), also compound "1h30m".  False if malformed. */
bool stamp_duration_parse(const char *s, int64_t *seconds);
/* The shortest such form ("1h30m"). */
const char *stamp_duration_format(char out[STAMP_TEXT], int64_t seconds);
/* For people: "2 h 13 min", "3 days", "40 s". */
const char *stamp_duration_human(char out[STAMP_TEXT], int64_t seconds);

#endif
