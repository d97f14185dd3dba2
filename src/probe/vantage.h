/* SPDX-License-Identifier: ISC
 *
 * Where a probe stands: the loop, the resolver, the shared TLS context, the gate, and what we
 * know of our own network.  One per prober process, borrowed by every probe.
 */
#ifndef VANTAGE_H
#define VANTAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "message.h"
#include "observation.h"

struct event_base;
struct resolver;
struct stream_context;
struct https;
struct gate;

struct vantage {
	struct event_base *base;
	struct resolver *resolver;
	struct stream_context *tls; /* adapt/stream: one SSL_CTX and one trust store for all */
	struct https *https;        /* adapt/https: one curl multi handle */
	struct gate *gate;
	const struct message_setup *setup;
	struct obs_vantage self; /* kept up to date by proc/prober */
};

#endif
