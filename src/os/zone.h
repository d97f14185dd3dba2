/* SPDX-License-Identifier: ISC
 *
 * Another time zone than ours, through the C library's: TZ is set for the length of a question
 * and put back.  Not for a process with threads.  A sandbox must leave /usr/share/zoneinfo
 * readable.
 */
#ifndef ZONE_H
#define ZONE_H

#include <stdint.h>

/* Seconds east of UTC in the IANA zone (validated by the reader of the configuration) at a
 * time.  A zone that has vanished from the database is UTC. */
int64_t zone_offset(const char *zone, int64_t at);

#endif
