/* SPDX-License-Identifier: ISC
 *
 * The probe of a host: its addresses, TLSA, CAA and PTR, then a session with every address
 * and port, one at a time per address behind the gate.  Ends in one observation.
 */
#ifndef HOST_H
#define HOST_H

#include "arena.h"
#include "message.h"
#include "observation.h"
#include "vantage.h"

struct host_probe;

/* The observation is borrowed during the call; the probe is freed behind it. */
typedef void host_done_cb(const struct observation *o, void *arg);

/* The strings of order are borrowed until the end.  done comes exactly once, within
 * order->deadline_ms, never inside the call. */
struct host_probe *host_probe_start(struct vantage *v, const struct message_order *order,
				    host_done_cb *done, void *arg);
void host_probe_cancel(struct host_probe *p);

#endif
