/* SPDX-License-Identifier: ISC
 *
 * What the web's own files share.
 */
#ifndef WEB_PARTS_H
#define WEB_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uthash.h>

#include "arena.h"
#include "buf.h"
#include "channel.h"
#include "conf.h"
#include "eval.h"
#include "http_server.h"
#include "metrics.h"
#include "store.h"
#include "usage.h"
#include "view.h"

struct event;
struct event_base;
struct json_t;
struct web_measures;

struct web_wish { /* asked of the engine, not answered yet */
	uint64_t id;
	struct http_request *request; /* NULL: our own look at its status */
	UT_hash_handle hh;
};

struct web_sight { /* what lists and counts are made of, taken at one moment */
	int64_t taken_ms; /* monotonic, 0 never */
	struct arena *arena;
	struct view_mark *marks; /* beside conf->domains */
	const char **groups;	 /* of all domains, in order */
	size_t n_groups;
	struct view_overview overview;
};

struct web {
	struct event_base *base;
	struct channel *channel;
	char *file;
	struct conf *conf; /* NULL until the engine's first frame */
	struct store *store;
	struct http_server *tcp, *local;
	struct event *on_status;
	struct web_wish *wishes;
	uint64_t last_wish;
	struct web_sight sight;
	struct metrics_engine engine;
	struct web_measures *measures; /* NULL until somebody asks */
	char *status; /* the engine's own words, JSON, NULL */
	int64_t loaded;
	struct usage_meter usage;
};

struct exchange { /* one request on its way to its answer */
	struct web *w;
	struct http_request *r;
	struct arena *arena;
	bool trusted;	  /* may have wishes, and sees what is not for everybody */
	const char *name; /* what stands in the path for '*', NULL */
	int64_t now;
};

/* -- web.c -- */

/* Hand a wish to the engine; its answer is the request's.  args: JSON text or NULL. */
void web_wish(struct exchange *x, const char *verb, const char *subject, const char *author,
    const char *reason, const char *args);
/* Lists and counts, at most a second or so old; they stay as they are until the next request. */
const struct web_sight *web_sight(const struct web *w);
/* Take them anew if they are too old: before a request is looked at. */
void web_sight_renew(struct web *w);

/* -- web_route.c -- */

/* Answer a request; local: it came through the Unix socket. */
void web_answer(struct web *w, struct http_request *r, bool local);
/* What never became a request (http_server.h). */
void web_refused(int status, const char *path, struct buf *out);
/* An answer of the engine. */
void web_answered(struct http_request *r, int status, const char *json);
void web_reply_html(struct exchange *x, int status, struct buf *page);
void web_reply_json(struct exchange *x, int status, struct json_t *value); /* takes it */
/* As a page for a browser, as RFC 9457 has it for all others. */
void web_refuse(struct exchange *x, int status, const char *why);

/* -- web_read.c: the handlers of GET -- */

typedef void web_handler(struct exchange *x);
web_handler web_overview, web_domains, web_domain, web_host, web_event, web_incidents, web_changes, web_atom,
    web_style, web_badge, web_healthz, web_readyz, web_api_openapi, web_api_domains,
    web_api_domain, web_api_history, web_api_diff, web_api_incidents, web_api_incident,
    web_api_changes, web_api_status;

/* -- web_mute.c -- */

web_handler web_maintenance;
/* Everything in the exchange's arena. */
struct view_muted web_muted(struct exchange *x);
/* Domains of which every critical problem is muted. */
size_t web_count_muted(const struct web *w, const struct view_muted *muted, int64_t now);
/* Find out which of these incidents are muted; inside store_view_begin. */
void web_mark_muted(struct web *w, struct view_incident *rows, size_t n, int64_t now,
    struct arena *arena);

/* -- web_metrics.c -- */

web_handler web_metrics, web_metrics_shard, web_probe;

/* -- web_measure.c -- */

/* Look what differs from what was measured before, and read some of it anew: the rest follows
 * in small pieces between other work. */
void web_measure(struct web *w);
/* NULL: not measured yet. */
const struct measure_domain *web_measured_domain(struct web *w, const char *name);
/* All hosts, in arena. */
const struct metrics_host *web_measured_hosts(struct web *w, struct arena *arena, size_t *n);
void web_measure_free(struct web *w);

/* -- web_detail.c -- */

/* Everything about the domain x->name; findings are to be cleared with web_detail_clear.
 * False when it is not watched (answered already). */
bool web_detail(struct exchange *x, struct view_detail *d);
void web_detail_clear(struct view_detail *d);
/* The worst of each of the last VIEW_DAYS days (view_detail). */
const uint8_t *web_days(struct exchange *x, const char *domain);
/* The part of it that judges: d->row.name and d->row.conf say whom; hosts are those the domain
 * leads to.  d->in->domain is NULL where it was not looked at yet. */
void web_judge(struct exchange *x, struct view_detail *d, const struct eval_host *hosts, size_t n);
/* The place of x->name in the configuration, SIZE_MAX when it is not watched (answered). */
size_t web_find(struct exchange *x);
void web_fill_row(struct exchange *x, size_t at, struct view_domain *d);

#endif
