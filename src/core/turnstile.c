/* SPDX-License-Identifier: ISC */
#include "turnstile.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>
#include <utlist.h>

#include "mem.h"

struct key {
	int64_t asker;
	uint64_t token;
};

struct place;

struct pass { /* a wish, waiting or granted */
	struct key key;
	struct place *place;
	bool granted;
	struct pass *prev, *next; /* in the queue of its place while it waits */
	UT_hash_handle hh;
};

struct place { /* an address somebody talks or wants to talk to, or did a moment ago */
	int64_t inside;
	int64_t open_at; /* earliest next entry */
	struct pass *queue;
	struct place *prev, *next; /* among those with a queue */
	UT_hash_handle hh;
	char address[];
};

struct turnstile {
	int64_t at_once, gap_ms;
	struct place *places; /* uthash by address */
	struct pass *passes;  /* uthash by key */
	struct place *waited; /* those with a queue, first come first */
	size_t sweep_at;      /* forget idle places when there are this many */
};

struct turnstile *turnstile_new(int64_t at_once, int64_t gap_ms)
{
	struct turnstile *t = mem_alloc(sizeof(*t));

	t->sweep_at = 1024;
	turnstile_limit(t, at_once, gap_ms);
	return t;
}

void turnstile_free(struct turnstile *t)
{
	struct pass *p, *next_pass;
	struct place *a, *next_place;

	if (t == NULL)
		return;
	HASH_ITER(hh, t->passes, p, next_pass)
	{
		HASH_DEL(t->passes, p);
		free(p);
	}
	HASH_ITER(hh, t->places, a, next_place)
	{
		HASH_DEL(t->places, a);
		free(a);
	}
	free(t);
}

void turnstile_limit(struct turnstile *t, int64_t at_once, int64_t gap_ms)
{
	t->at_once = at_once > 0 ? at_once : 1;
	t->gap_ms = gap_ms > 0 ? gap_ms : 0;
}

static bool idle(const struct place *a, int64_t now_ms)
{
	return a->inside == 0 && a->queue == NULL && a->open_at <= now_ms;
}

static void sweep(struct turnstile *t, int64_t now_ms)
{
	struct place *a, *next;

	if (HASH_COUNT(t->places) < t->sweep_at)
		return;
	HASH_ITER(hh, t->places, a, next)
	{
		if (idle(a, now_ms)) {
			HASH_DEL(t->places, a);
			free(a);
		}
	}
	t->sweep_at = 2 * (size_t)HASH_COUNT(t->places) + 1024;
}

static struct place *place_of(struct turnstile *t, const char *address, int64_t now_ms)
{
	size_t len = strlen(address);
	struct place *a;

	HASH_FIND_STR(t->places, address, a);
	if (a)
		return a;
	sweep(t, now_ms);
	a = mem_alloc(sizeof(*a) + len + 1);
	memcpy(a->address, address, len + 1);
	a->open_at = now_ms;
	HASH_ADD_STR(t->places, address, a);
	return a;
}

static struct pass *find(const struct turnstile *t, int64_t asker, uint64_t token)
{
	struct key key = {asker, token};
	struct pass *p;

	HASH_FIND(hh, t->passes, &key, sizeof(key), p);
	return p;
}

void turnstile_want(struct turnstile *t, int64_t asker, uint64_t token, const char *address,
		    int64_t now_ms)
{
	struct pass *p;

	if (find(t, asker, token))
		return;
	p = mem_alloc(sizeof(*p));
	p->key = (struct key){asker, token};
	p->place = place_of(t, address, now_ms);
	HASH_ADD(hh, t->passes, key, sizeof(p->key), p);
	if (p->place->queue == NULL)
		DL_APPEND(t->waited, p->place);
	DL_APPEND(p->place->queue, p);
}

static void unqueue(struct turnstile *t, struct pass *p)
{
	DL_DELETE(p->place->queue, p);
	if (p->place->queue == NULL)
		DL_DELETE(t->waited, p->place);
}

static void leave(struct turnstile *t, struct pass *p, int64_t now_ms)
{
	if (p->granted) {
		p->place->inside--;
		p->place->open_at = now_ms + t->gap_ms;
	} else {
		unqueue(t, p);
	}
	HASH_DEL(t->passes, p);
	free(p);
}

void turnstile_done(struct turnstile *t, int64_t asker, uint64_t token, int64_t now_ms)
{
	struct pass *p = find(t, asker, token);

	if (p)
		leave(t, p, now_ms);
}

void turnstile_gone(struct turnstile *t, int64_t asker, int64_t now_ms)
{
	struct pass *p, *next;

	HASH_ITER(hh, t->passes, p, next)
	{
		if (p->key.asker == asker)
			leave(t, p, now_ms);
	}
}

bool turnstile_grant(struct turnstile *t, int64_t now_ms, int64_t *asker, uint64_t *token)
{
	struct place *a;

	DL_FOREACH(t->waited, a)
	{
		struct pass *p = a->queue;
		if (a->inside >= t->at_once || a->open_at > now_ms)
			continue;
		unqueue(t, p);
		p->granted = true;
		a->inside++;
		*asker = p->key.asker;
		*token = p->key.token;
		return true;
	}
	return false;
}

int64_t turnstile_due(const struct turnstile *t)
{
	const struct place *a;
	int64_t due = TURNSTILE_NEVER;

	DL_FOREACH(t->waited, a)
	{
		if (a->inside < t->at_once && a->open_at < due)
			due = a->open_at;
	}
	return due;
}

size_t turnstile_count(const struct turnstile *t)
{
	return HASH_COUNT(t->places);
}
