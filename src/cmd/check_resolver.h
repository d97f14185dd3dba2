/* SPDX-License-Identifier: ISC
 *
 * Which resolver `mxwatch check` asks: in resolver.mode auto the one named, then a private
 * unbound, then the system's, until one validates.  One that the user named on the command
 * line is the only one.
 */
#ifndef CHECK_RESOLVER_H
#define CHECK_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>

#include "conf.h"

struct check_resolver;

/* explicit: conf's upstreams were named by the user. */
struct check_resolver *check_resolver_new(const struct conf *conf, bool explicit);
/* Ends the private resolver, if one was started. */
void check_resolver_free(struct check_resolver *r);
/* The resolver to try now, or the first one behind it that can be had: *upstreams is borrowed
 * until the next call.  Returns their number, 0 when there is none left. */
size_t check_resolver_upstreams(struct check_resolver *r, const char *const **upstreams);
/* Give up the one tried. */
void check_resolver_next(struct check_resolver *r);
/* There is nothing to try behind this one. */
bool check_resolver_is_last(const struct check_resolver *r);

#endif
