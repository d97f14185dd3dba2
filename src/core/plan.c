/* SPDX-License-Identifier: ISC */
#include "plan.h"

#include <stdlib.h>

#include "mem.h"

#define ARITY	4
#define NOWHERE UINT32_MAX

struct plan {
	int64_t *due; /* the heap, two columns: 12 bytes an entry */
	uint32_t *subject;
	size_t n, size;
	uint32_t *place; /* by subject: its index in the heap, or NOWHERE */
	size_t n_place;
};

struct plan *plan_new(void)
{
	return mem_alloc(sizeof(struct plan));
}

void plan_free(struct plan *p)
{
	if (p == NULL)
		return;
	free(p->due);
	free(p->subject);
	free(p->place);
	free(p);
}

size_t plan_count(const struct plan *p)
{
	return p->n;
}

size_t plan_size(const struct plan *p)
{
	return sizeof(*p) + p->size * (sizeof(*p->due) + sizeof(*p->subject)) +
	       p->n_place * sizeof(*p->place);
}

static bool known(const struct plan *p, uint32_t subject)
{
	return subject < p->n_place && p->place[subject] != NOWHERE;
}

static void put(struct plan *p, size_t at, uint32_t subject, int64_t due_ms)
{
	p->due[at] = due_ms;
	p->subject[at] = subject;
	p->place[subject] = (uint32_t)at;
}

static void sift_up(struct plan *p, size_t at, uint32_t subject, int64_t due_ms)
{
	while (at > 0) {
		size_t parent = (at - 1) / ARITY;
		if (p->due[parent] <= due_ms)
			break;
		put(p, at, p->subject[parent], p->due[parent]);
		at = parent;
	}
	put(p, at, subject, due_ms);
}

static void sift_down(struct plan *p, size_t at, uint32_t subject, int64_t due_ms)
{
	for (;;) {
		size_t first = at * ARITY + 1, least;
		if (first >= p->n)
			break;
		least = first;
		for (size_t i = first + 1; i < first + ARITY && i < p->n; i++)
			if (p->due[i] < p->due[least])
				least = i;
		if (p->due[least] >= due_ms)
			break;
		put(p, at, p->subject[least], p->due[least]);
		at = least;
	}
	put(p, at, subject, due_ms);
}

/* Room for one more entry and for the subject's place. */
static void make_room(struct plan *p, uint32_t subject)
{
	if (p->n == p->size) {
		p->size = p->size ? p->size + p->size / 2 : 64;
		p->due = mem_resize(p->due, p->size, sizeof(*p->due));
		p->subject = mem_resize(p->subject, p->size, sizeof(*p->subject));
	}
	if (subject >= p->n_place) {
		size_t n = p->n_place + p->n_place / 2 + 64;
		if (n <= subject)
			n = (size_t)subject + 1;
		p->place = mem_resize(p->place, n, sizeof(*p->place));
		while (p->n_place < n)
			p->place[p->n_place++] = NOWHERE;
	}
}

void plan_set(struct plan *p, uint32_t subject, int64_t due_ms)
{
	if (known(p, subject)) {
		size_t at = p->place[subject];
		if (due_ms < p->due[at])
			sift_up(p, at, subject, due_ms);
		else
			sift_down(p, at, subject, due_ms);
		return;
	}
	make_room(p, subject);
	p->n++;
	sift_up(p, p->n - 1, subject, due_ms);
}

void plan_sooner(struct plan *p, uint32_t subject, int64_t due_ms)
{
	if (due_ms < plan_due(p, subject))
		plan_set(p, subject, due_ms);
}

void plan_remove(struct plan *p, uint32_t subject)
{
	size_t at;
	uint32_t last;
	int64_t due_ms;

	if (!known(p, subject))
		return;
	at = p->place[subject];
	p->place[subject] = NOWHERE;
	p->n--;
	if (at == p->n)
		return;
	last = p->subject[p->n];
	due_ms = p->due[p->n];
	if (at > 0 && due_ms < p->due[(at - 1) / ARITY])
		sift_up(p, at, last, due_ms);
	else
		sift_down(p, at, last, due_ms);
}

int64_t plan_due(const struct plan *p, uint32_t subject)
{
	return known(p, subject) ? p->due[p->place[subject]] : PLAN_NEVER;
}

int64_t plan_next(const struct plan *p)
{
	return p->n ? p->due[0] : PLAN_NEVER;
}

bool plan_take(struct plan *p, int64_t now_ms, uint32_t *subject, int64_t *due_ms)
{
	if (p->n == 0 || p->due[0] > now_ms)
		return false;
	*subject = p->subject[0];
	*due_ms = p->due[0];
	plan_remove(p, *subject);
	return true;
}

size_t plan_spread(struct plan *p, int64_t now_ms, int64_t over_ms)
{
	uint32_t *overdue = mem_array(p->n ? p->n : 1, sizeof(*overdue));
	size_t n = 0;
	int64_t due_ms;

	while (plan_take(p, now_ms, &overdue[n], &due_ms))
		n++;
	for (size_t i = 0; i < n; i++)
		plan_set(p, overdue[i],
			 now_ms + (int64_t)((double)over_ms * (double)i / (double)n));
	free(overdue);
	return n;
}

int64_t plan_phase(const char *name, uint64_t seed, int64_t span_ms)
{
	uint64_t h = 0xcbf29ce484222325u ^ seed;

	if (span_ms <= 0)
		return 0;
	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3u;
	/* FNV leaves its high bits weak on short names: mix them (the finish of MurmurHash3) */
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdu;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53u;
	h ^= h >> 33;
	return (int64_t)(h % (uint64_t)span_ms);
}

int64_t plan_after(int64_t due_ms, int64_t now_ms, int64_t interval_ms)
{
	if (interval_ms <= 0)
		return now_ms + 1;
	if (due_ms > now_ms)
		return due_ms;
	return due_ms + ((now_ms - due_ms) / interval_ms + 1) * interval_ms;
}

int64_t plan_resume(int64_t now_ms, int64_t ago_ms, int64_t interval_ms, int64_t phase_ms,
		    int64_t spread_ms)
{
	if (ago_ms >= 0 && ago_ms < interval_ms)
		return now_ms + interval_ms - ago_ms;
	return now_ms + (spread_ms > 0 ? phase_ms % spread_ms : 0);
}

int64_t plan_retry(int64_t now_ms, int64_t retry_ms, int64_t phase)
{
	return now_ms + retry_ms + retry_ms / 10 * phase / 10000;
}
