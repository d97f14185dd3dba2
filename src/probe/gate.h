/* SPDX-License-Identifier: ISC
 *
 * Politeness: a probe talks to an address only while it holds the gate for it.  Who holds it
 * is decided in one place for all probers, the engine (WANT, GO, DONE frames), so that
 * `probe.per_ip` and `probe.per_ip_gap` hold across processes.
 */
#ifndef GATE_H
#define GATE_H

#include <stddef.h>
#include <stdint.h>

struct channel;
struct event_base;
struct gate;
struct gate_pass;

typedef void gate_cb(void *arg);

/* At most limit passes are inside at a time (probe.concurrency). */
struct gate *gate_new(struct event_base *base, struct channel *engine, size_t limit);
/* Passes still held are void. */
void gate_free(struct gate *g);
/* Ask for the address; cb once when it is granted, never inside this call. */
struct gate_pass *gate_enter(struct gate *g, const char *address, gate_cb *cb, void *arg);
/* Through with it, or no longer interested. */
void gate_leave(struct gate_pass *p);
/* A GO frame arrived. */
void gate_granted(struct gate *g, uint64_t token);

#endif
