/* SPDX-License-Identifier: ISC
 *
 * The daily deep look at one address and port: one question, one connection, one after the
 * other, each behind the gate.  Which versions and weak suites are accepted, chains of both
 * key types and without SNI, STARTTLS injection, a post-quantum group, the relay test.
 *
 * What the ordinary session already told is not asked again.  A question that gets no clear
 * answer (throttled, timed out, our fault) is UNKNOWN; a row of those ends the sweep.
 */
#ifndef SWEEP_H
#define SWEEP_H

#include <stdint.h>

#include "arena.h"
#include "observation.h"
#include "session.h"
#include "vantage.h"

struct sweep;

typedef void sweep_done_cb(void *arg);

/* ordinary: the parameters of the session that filled *service; their strings outlive the
 * sweep.  Fills service->sweep.  done comes exactly once, never inside this call. */
struct sweep *sweep_start(struct vantage *v, const struct session_params *ordinary, bool relay_test,
			  struct obs_service *service, struct arena *arena, sweep_done_cb *done,
			  void *arg);
/* No callback any more; what is known stays.  NULL is fine. */
void sweep_cancel(struct sweep *s);

#endif
