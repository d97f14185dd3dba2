/* SPDX-License-Identifier: ISC
 *
 * /metrics, its shards, and /probe.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "config.h"
#include "store_view.h"
#include "text.h"
#include "web_parts.h"

#define CERTS_MAX 50000
#define TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define OPEN_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* The weight a reader gives to a type: what stands behind its ";q=", 1 without, 0 unnamed. */
static double weight(const char *accept, const char *type)
{
	const char *at = accept ? strstr(accept, type) : NULL, *q;
	size_t len = at ? strcspn(at, ",") : 0;

	if (at == NULL)
		return 0;
	for (q = at; q < at + len; q++)
		if (*q == ';' && text_starts(q + 1 + strspn(q + 1, " "), "q="))
			return strtod(strchr(q, '=') + 1, NULL);
	return 1;
}

static bool wants_open_metrics(const struct exchange *x)
{
	const char *accept = http_header(x->r, "Accept");
	double open = weight(accept, "application/openmetrics-text");

	return open > 0 && open >= weight(accept, "text/plain");
}

static void reply(struct exchange *x, bool open_metrics, struct buf *out)
{
	http_answer_header(x->r, "Vary", "Accept");
	if (out->truncated)
		web_refuse(x, 503,
			   "this would be too much at once: take /metrics/domains in shards");
	else
		http_reply(x->r, 200, open_metrics ? OPEN_TYPE : TEXT_TYPE, out->data, out->len);
	buf_clear(out);
}

/* -- the details ---------------------------------------------------------------------------- */

struct problems {
	struct arena *arena;
	struct view_problem *item;
	size_t n, size;
};

static void take_problem(const struct view_problem *p, void *arg)
{
	struct problems *all = arg;

	if (all->n == all->size) {
		struct view_problem *more =
		    arena_array(all->arena, all->size ? 2 * all->size : 64, sizeof(*more));
		if (all->n)
			memcpy(more, all->item, all->n * sizeof(*more));
		all->size = all->size ? 2 * all->size : 64;
		all->item = more;
	}
	all->item[all->n++] = (struct view_problem){arena_strdup(all->arena, p->domain),
						    arena_strdup(all->arena, p->check), p->status};
}

static void add_details(struct exchange *x, struct metrics *m)
{
	const struct conf *c = x->w->conf;
	const struct measure_domain **measured =
	    arena_array(x->arena, c->n_domains + 1, sizeof(struct measure_domain *));
	struct problems all = {.arena = x->arena};

	web_measure(x->w);
	for (size_t i = 0; i < c->n_domains; i++)
		measured[i] = web_measured_domain(x->w, c->domains[i].name);
	m->measured = measured;
	m->host = web_measured_hosts(x->w, x->arena, &m->n_host);
	store_view_begin(x->w->store);
	store_view_open(x->w->store, take_problem, &all);
	m->expiries = store_view_expiries(x->w->store, CERTS_MAX, x->arena, &m->n_expiries);
	store_view_end(x->w->store);
	m->problems = all.item;
	m->n_problems = all.n;
}

static struct metrics begin(struct exchange *x)
{
	const struct conf *c = x->w->conf;

	return (struct metrics){.version = PACKAGE_VERSION,
				.now = x->now,
				.started = x->w->usage.started,
				.loaded = x->w->loaded,
				.conf = c,
				.marks = web_sight(x->w)->marks,
				.hosts = web_sight(x->w)->overview.hosts,
				.detail = metrics_detail(c->web_metrics, c->n_domains),
				.engine = x->w->engine};
}

/* -- the daemon itself ---------------------------------------------------------------------- */

static struct metrics_receiver *receiver(struct metrics_receiver *list, size_t *n, const char *name)
{
	for (size_t i = 0; i < *n; i++)
		if (strcmp(list[i].name, name) == 0)
			return &list[i];
	list[*n] = (struct metrics_receiver){.name = name};
	return &list[(*n)++];
}

/* Those of the configuration, and those of which something is left in the queue. */
static void add_receivers(struct exchange *x, struct metrics *m)
{
	const struct conf *c = x->w->conf;
	json_t *status = x->w->status ? json_loads(x->w->status, 0, NULL) : NULL, *row;
	size_t n_left, i;
	const struct view_outbox *left = store_view_outbox(x->w->store, x->now, x->arena, &n_left);
	struct metrics_receiver *list =
	    arena_array(x->arena, c->n_receivers + n_left + 1, sizeof(*list));

	for (i = 0; i < c->n_receivers; i++)
		receiver(list, &m->n_receivers, c->receivers[i].name);
	json_array_foreach(json_object_get(status, "receivers"), i, row)
	{
		const char *name = json_string_value(json_object_get(row, "receiver"));
		for (size_t k = 0; name && k < m->n_receivers; k++) {
			if (strcmp(list[k].name, name) != 0)
				continue;
			list[k].n_delivered = json_integer_value(json_object_get(row, "delivered"));
			list[k].n_failed = json_integer_value(json_object_get(row, "failed"));
			list[k].n_given_up = json_integer_value(json_object_get(row, "dead"));
		}
	}
	for (i = 0; i < n_left; i++) {
		struct metrics_receiver *r = receiver(list, &m->n_receivers, left[i].receiver);
		r->pending = left[i].pending;
		r->dead = left[i].dead;
		r->held = left[i].held;
		r->waited_s =
		    left[i].oldest && left[i].oldest < x->now ? x->now - left[i].oldest : 0;
	}
	m->receivers = list;
	json_decref(status);
}

void web_metrics(struct exchange *x)
{
	const struct usage u = usage_read(&x->w->usage);
	struct metrics m = begin(x);
	struct view_muted muted = web_muted(x);
	struct metrics_window *w = arena_array(x->arena, muted.n_windows + 1, sizeof(*w));
	bool open_metrics = wants_open_metrics(x);
	struct buf out;

	for (size_t i = 0; i < muted.n_windows; i++)
		w[i] = (struct metrics_window){muted.windows[i].maintenance->name,
					       muted.windows[i].from, muted.windows[i].until};
	m.windows = w;
	m.n_windows = muted.n_windows;
	m.silences = (int64_t)muted.n_silences;
	m.muted = (int64_t)web_count_muted(x->w, &muted, x->now);
	m.process = (struct metrics_process){u.started, u.cpu_ms, u.resident_bytes, u.open_fds};
	store_view_begin(x->w->store);
	store_view_open_by_severity(x->w->store, m.incidents);
	add_receivers(x, &m);
	m.changes = store_view_changes_ever(x->w->store);
	store_view_end(x->w->store);
	if (m.detail != CONF_METRICS_SUMMARY)
		add_details(x, &m);
	buf_init(&out, (size_t)64 << 20);
	metrics_text(&m, open_metrics, &out);
	reply(x, open_metrics, &out);
}

/* -- shards --------------------------------------------------------------------------------- */

/* "2/8" is shard 1 of 8; nothing is all of it. */
static bool read_shard(const char *s, struct metrics *m)
{
	char *end;
	long shard, shards;

	m->shards = 1;
	if (s == NULL)
		return true;
	shard = strtol(s, &end, 10);
	if (end == s || *end != '/')
		return false;
	s = end + 1;
	shards = strtol(s, &end, 10);
	if (end == s || *end || shard < 1 || shards < shard || shards > 10000)
		return false;
	m->shard = (size_t)shard - 1;
	m->shards = (size_t)shards;
	return true;
}

void web_metrics_shard(struct exchange *x)
{
	struct metrics m = begin(x);
	bool open_metrics = wants_open_metrics(x);
	struct buf out;
	size_t n = 0;

	if (!read_shard(http_query(x->r, "shard"), &m)) {
		web_refuse(x, 400, "shard is K/N: the K-th of N parts, as 1/4");
		return;
	}
	for (size_t i = 0; i < m.conf->n_domains; i++)
		n += metrics_in_shard(m.conf->domains[i].name, m.shard, m.shards);
	if (n > METRICS_SHARD) {
		web_refuse(x, 400,
			   arena_printf(x->arena,
					"that is %zu domains at once: take it in shards, "
					"shard=1/%zu to shard=%zu/%zu",
					n, m.conf->n_domains / METRICS_DOMAINS + 1,
					m.conf->n_domains / METRICS_DOMAINS + 1,
					m.conf->n_domains / METRICS_DOMAINS + 1));
		return;
	}
	if (m.detail == CONF_METRICS_SUMMARY)
		m.detail = CONF_METRICS_DOMAIN;
	add_details(x, &m);
	buf_init(&out, (size_t)64 << 20);
	metrics_shard_text(&m, open_metrics, &out);
	reply(x, open_metrics, &out);
}

/* -- /probe --------------------------------------------------------------------------------- */

void web_probe(struct exchange *x)
{
	const char *module = http_query(x->r, "module");
	bool open_metrics = wants_open_metrics(x);
	struct view_detail d;
	struct buf out;

	x->name = http_query(x->r, "target");
	if (x->name == NULL || *x->name == '\0') {
		web_refuse(x, 400, "target is missing: a domain of the watchlist");
		return;
	}
	if (module && strcmp(module, "mx") != 0) {
		web_refuse(x, 400, "there is one module: mx");
		return;
	}
	if (!web_detail(x, &d))
		return;
	if (d.in->domain == NULL) {
		web_detail_clear(&d);
		web_refuse(x, 503, "this domain waits for its first look");
		return;
	}
	buf_init(&out, 1 << 20);
	metrics_probe(&d, x->now, open_metrics, &out);
	web_detail_clear(&d);
	reply(x, open_metrics, &out);
}
