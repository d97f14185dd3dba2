/* SPDX-License-Identifier: ISC
 *
 * The probe of a domain, top to bottom: MX (or the addresses of an implicit one), the MTA-STS
 * record and policy, the TLS-RPT record, submission.  Ends in one observation.
 */
#ifndef DOMAIN_H
#define DOMAIN_H

#include "arena.h"
#include "message.h"
#include "observation.h"
#include "vantage.h"

struct domain_probe;

/* The observation is borrowed during the call; the probe is freed behind it. */
typedef void domain_done_cb(const struct observation *o, void *arg);

/* The strings of order are borrowed until the end.  done comes exactly once, within
 * order->deadline_ms, never inside the call. */
struct domain_probe *domain_probe_start(struct vantage *v, const struct message_order *order,
					domain_done_cb *done, void *arg);
/* Give up without a callback. */
void domain_probe_cancel(struct domain_probe *p);

#endif
