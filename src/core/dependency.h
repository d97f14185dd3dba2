/* SPDX-License-Identifier: ISC
 *
 * Whether the news that mail is down would travel by that mail (notify.self_dependency).  Pure.
 */
#ifndef DEPENDENCY_H
#define DEPENDENCY_H

#include "arena.h"
#include "conf.h"

/* Whether host (A-labels, lower case) takes mail for a watched domain. */
typedef bool dependency_host(const char *host, void *arg);

/* NULL while some receiver takes another way, or when there is none; else a sentence, from
 * arena, that names for each receiver the watched domain all its mail goes to, or the watched
 * host that relays it.  is_watched may be NULL: hosts are not known. */
const char *dependency_sentence(const struct conf *c, dependency_host *is_watched, void *arg,
    struct arena *arena);

#endif
