/* SPDX-License-Identifier: ISC
 *
 * The numbers of every domain and host, for /metrics.  They are in the observations, and to read
 * those of thousands takes seconds: so they are kept, what was looked at again is read again,
 * and no more than a little of it at a time.
 */
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <uthash.h>
#include <utlist.h>

#include "clock.h"
#include "mem.h"
#include "store_view.h"
#include "web_parts.h"

#define AT_ONCE_MS 200 /* while a scrape waits */
#define PIECE_MS   20
#define PAUSE_MS   80 /* between pieces: others are served */

struct measured {
	char *name;
	int kind;   /* enum obs_kind */
	int64_t at; /* of the look that was measured, -1 none */
	int64_t newest;
	uint64_t seen; /* the round it was last there */
	struct measure_domain *domain;
	struct arena *arena; /* of what is measured */
	struct measure_host *host;
	UT_hash_handle hh;
	struct measured *prev, *next; /* while it waits */
};

struct web_measures {
	struct measured *domains, *hosts; /* uthash by name */
	struct measured *waiting;	  /* utlist */
	uint64_t round;
	struct event *again;
};

static struct measured **table(struct web_measures *m, int kind)
{
	return kind == OBS_KIND_HOST ? &m->hosts : &m->domains;
}

static void forget(struct web_measures *m, struct measured *x)
{
	HASH_DELETE(hh, *table(m, x->kind), x);
	if (x->at != x->newest)
		DL_DELETE(m->waiting, x);
	arena_free(x->arena);
	free(x->domain);
	free(x->name);
	free(x);
}

/* -- measuring ------------------------------------------------------------------------------ */

static void measure_a_host(struct web *w, struct measured *x)
{
	struct arena *arena = arena_new();
	const struct observation *o =
	    store_view_observation(w->store, OBS_KIND_HOST, x->name, arena);

	arena_free(x->arena);
	x->arena = arena_new();
	x->host = o ? measure_host(o, x->arena) : NULL;
	arena_free(arena);
}

static void measure_a_domain(struct web *w, struct measured *x)
{
	struct exchange e = {.w = w, .arena = arena_new(), .now = clock_now()};
	struct view_detail d = {.row = {.conf = conf_domain(w->conf, x->name)}};
	const struct eval_host *hosts;
	size_t n;

	if (d.row.conf) {
		d.row.name = d.row.conf->name;
		hosts = store_view_hosts_of(w->store, d.row.name, e.arena, &n);
		web_judge(&e, &d, hosts, n);
		if (d.in->domain) {
			if (x->domain == NULL)
				x->domain = mem_alloc(sizeof(*x->domain));
			arena_free(x->arena);
			x->arena = arena_new();
			measure_domain(d.in, d.findings, x->arena, x->domain);
		}
		web_detail_clear(&d);
	}
	arena_free(e.arena);
}

static void on_again(evutil_socket_t fd, short what, void *arg);

static void work(struct web *w, int64_t for_ms)
{
	static const struct timeval pause = {.tv_usec = PAUSE_MS * 1000};
	struct web_measures *m = w->measures;
	int64_t end_ms = clock_monotonic_ms() + for_ms;

	store_view_begin(w->store);
	while (m->waiting && clock_monotonic_ms() < end_ms) {
		struct measured *x = m->waiting;
		DL_DELETE(m->waiting, x);
		x->at = x->newest;
		(x->kind == OBS_KIND_HOST ? measure_a_host : measure_a_domain)(w, x);
	}
	store_view_end(w->store);
	if (m->waiting)
		event_add(m->again, &pause);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	work(arg, PIECE_MS);
}

/* -- what there is -------------------------------------------------------------------------- */

static void take_stamp(int kind, const char *name, int64_t at, void *arg)
{
	struct web_measures *m = arg;
	struct measured **all = table(m, kind), *x;

	HASH_FIND_STR(*all, name, x);
	if (x == NULL) {
		x = mem_alloc(sizeof(*x));
		x->name = mem_strdup(name);
		x->kind = kind;
		x->at = x->newest = at - 1;
		HASH_ADD_KEYPTR(hh, *all, x->name, strlen(x->name), x);
	}
	x->seen = m->round;
	if (x->at == x->newest && at != x->at)
		DL_APPEND(m->waiting, x);
	else if (x->at != x->newest && at == x->at)
		DL_DELETE(m->waiting, x);
	x->newest = at;
}

static void forget_gone(struct web_measures *m, struct measured *all)
{
	struct measured *x, *next;

	HASH_ITER(hh, all, x, next)
	if (x->seen != m->round)
		forget(m, x);
}

void web_measure(struct web *w)
{
	if (w->measures == NULL) {
		w->measures = mem_alloc(sizeof(*w->measures));
		w->measures->again = event_new(w->base, -1, 0, on_again, w);
	}
	w->measures->round++;
	store_view_begin(w->store);
	store_view_stamps(w->store, take_stamp, w->measures);
	store_view_end(w->store);
	forget_gone(w->measures, w->measures->domains);
	forget_gone(w->measures, w->measures->hosts);
	work(w, AT_ONCE_MS);
}

const struct measure_domain *web_measured_domain(struct web *w, const char *name)
{
	struct measured *x;

	HASH_FIND_STR(w->measures->domains, name, x);
	return x ? x->domain : NULL;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct metrics_host *)a)->name,
		      ((const struct metrics_host *)b)->name);
}

const struct metrics_host *web_measured_hosts(struct web *w, struct arena *arena, size_t *n)
{
	struct metrics_host *list =
	    arena_array(arena, HASH_COUNT(w->measures->hosts) + 1, sizeof(*list));
	struct measured *x, *next;

	*n = 0;
	HASH_ITER(hh, w->measures->hosts, x, next)
	if (x->host)
		list[(*n)++] = (struct metrics_host){x->name, x->host};
	qsort(list, *n, sizeof(*list), by_name);
	return list;
}

void web_measure_free(struct web *w)
{
	struct web_measures *m = w->measures;

	if (m == NULL)
		return;
	m->round++;
	forget_gone(m, m->domains);
	forget_gone(m, m->hosts);
	event_free(m->again);
	free(m);
}
