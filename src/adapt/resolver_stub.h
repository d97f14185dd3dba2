/* SPDX-License-Identifier: ISC
 *
 * getdns as a stub, and the only file that knows it: raw questions in, raw replies out, over
 * one pipelined TCP connection per upstream.  AD and DO are always asked for.  Nothing is
 * read, cached or judged here.
 *
 * Limits: RESOLVER_STUB_FLIGHT questions are with the upstream at a time, the rest waits in
 * order: unbound closes the connection of a client that fills its table of questions.
 */
#ifndef RESOLVER_STUB_H
#define RESOLVER_STUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define RESOLVER_STUB_FLIGHT 200

struct event_base;
struct resolver_stub;

enum resolver_stub_end {
	RESOLVER_STUB_REPLY, /* wire is the whole reply, unchecked */
	RESOLVER_STUB_TIMEOUT,
	RESOLVER_STUB_BROKEN, /* no connection, or it broke, or the stub goes away */
};

typedef void resolver_stub_cb(enum resolver_stub_end end, const void *wire, size_t len, void *arg);

/* upstreams: "127.0.0.1", "127.0.0.1:5353", "::1", "[::1]:53". */
struct resolver_stub *resolver_stub_new(struct event_base *base, const char *const *upstreams,
					size_t n, int64_t timeout_ms, struct error *err);
/* What is still out comes back BROKEN first.  Not from a callback. */
void resolver_stub_free(struct resolver_stub *s);
/* Every upstream is a loopback address. */
bool resolver_stub_is_loopback(const struct resolver_stub *s);

/* How to ask. */
enum {
	RESOLVER_STUB_UNCHECKED = 1, /* CD: the upstream does not validate */
	RESOLVER_STUB_URGENT = 2     /* before all that wait */
};

/* Ask for (name, type); name without the final dot, "." is the root.  cb exactly once; inside
 * this call when the question cannot even be asked. */
void resolver_stub_ask(struct resolver_stub *s, const char *name, unsigned type, unsigned how,
		       resolver_stub_cb *cb, void *arg);
/* Forget the connections and what getdns learnt of its upstreams' failures; what is in flight
 * comes back BROKEN, what waits is asked anew.  Not from a callback. */
int resolver_stub_reconnect(struct resolver_stub *s, struct error *err);

#endif
