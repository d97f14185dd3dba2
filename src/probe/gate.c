/* SPDX-License-Identifier: ISC */
#include "gate.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <uthash.h>
#include <utlist.h>

#include "channel.h"
#include "mem.h"
#include "message.h"
#include "text.h"

struct gate {
	struct channel *engine;
	size_t limit, inside;
	uint64_t last_token;
	struct gate_pass *by_token;
	struct gate_pass *granted; /* by the engine, while we were full */
	struct event room;
};

struct gate_pass {
	struct gate *g;
	uint64_t token;
	char address[64];
	gate_cb *cb;
	void *arg;
	enum { WANTED, GRANTED, INSIDE } state;
	UT_hash_handle hh;
	struct gate_pass *prev, *next;
};

static void let_in(struct gate_pass *p)
{
	p->state = INSIDE;
	p->g->inside++;
	p->cb(p->arg);
}

static void on_room(evutil_socket_t fd, short what, void *arg)
{
	struct gate *g = arg;

	(void)fd, (void)what;
	while (g->granted != NULL && g->inside < g->limit) {
		struct gate_pass *p = g->granted;

		DL_DELETE(g->granted, p);
		let_in(p);
	}
}

struct gate *gate_new(struct event_base *base, struct channel *engine, size_t limit)
{
	struct gate *g = mem_alloc(sizeof(*g));

	g->engine = engine;
	g->limit = limit;
	event_assign(&g->room, base, -1, 0, on_room, g);
	return g;
}

void gate_free(struct gate *g)
{
	struct gate_pass *p, *next;

	if (g == NULL)
		return;
	HASH_ITER(hh, g->by_token, p, next)
	{
		HASH_DEL(g->by_token, p);
		free(p);
	}
	event_del(&g->room);
	free(g);
}

struct gate_pass *gate_enter(struct gate *g, const char *address, gate_cb *cb, void *arg)
{
	const struct message_address want = {.address = address};
	struct gate_pass *p = mem_alloc(sizeof(*p));

	p->g = g;
	p->token = ++g->last_token;
	p->cb = cb;
	p->arg = arg;
	text_copy(p->address, sizeof(p->address), address);
	HASH_ADD(hh, g->by_token, token, sizeof(p->token), p);
	channel_send_shape(g->engine, MESSAGE_WANT, p->token, &message_address_shape, &want);
	return p;
}

void gate_granted(struct gate *g, uint64_t token)
{
	struct gate_pass *p;

	HASH_FIND(hh, g->by_token, &token, sizeof(token), p);
	if (p == NULL || p->state != WANTED)
		return; /* it left meanwhile */
	if (g->inside < g->limit) {
		let_in(p);
		return;
	}
	p->state = GRANTED;
	DL_APPEND(g->granted, p);
}

void gate_leave(struct gate_pass *p)
{
	const struct message_address done = {.address = p->address};
	struct gate *g = p->g;

	HASH_DEL(g->by_token, p);
	if (p->state == GRANTED)
		DL_DELETE(g->granted, p);
	if (p->state == INSIDE)
		g->inside--;
	channel_send_shape(g->engine, MESSAGE_DONE, p->token, &message_address_shape, &done);
	free(p);
	if (g->granted != NULL && g->inside < g->limit)
		event_active(&g->room, EV_TIMEOUT, 0);
}
