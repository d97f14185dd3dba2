/* SPDX-License-Identifier: ISC
 *
 * What a prober knows of its own view, so that our fault is never taken for theirs: whether
 * the resolver answers and validates, whether there is a route in each family, whether the CA
 * certificates loaded, and whether the canaries of `self_check` answer.  Looked at when the
 * prober starts and every minute, every ten seconds while something is wrong.
 *
 * No packet leaves for the routes (a UDP socket is connected, never written to).  With
 * probe.allow_private a route to loopback is route enough.
 */
#ifndef LOOKOUT_H
#define LOOKOUT_H

#include "vantage.h"

struct lookout;

/* v->self has changed, or is known for the first time (before that no probe should run).
 * text: what is wrong, NULL if nothing is; borrowed during the call. */
typedef void lookout_cb(const char *text, void *arg);

/* Begin; v->self is kept up to date from now on.  cb never inside this call. */
struct lookout *lookout_new(struct vantage *v, lookout_cb *cb, void *arg);
/* Before the resolver and the stream context go. */
void lookout_free(struct lookout *l);

#endif
