/* SPDX-License-Identifier: ISC */
#include "web.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>
#include <jansson.h>

#include "clock.h"
#include "log.h"
#include "mem.h"
#include "message.h"
#include "name.h"
#include "sandbox.h"
#include "stamp.h"
#include "spawn.h"
#include "store_view.h"
#include "text.h"
#include "web_parts.h"
#include "yaml_conf.h"

#define STATUS_S	5
#define SIGHT_MS	1000 /* age of lists and counts, for a small watchlist */
#define SIGHT_DOMAIN_US 100  /* and more for each domain */
#define SHOWN_INCIDENTS 8
#define SHOWN_CHANGES	10
#define SHOWN_EXPIRIES	6
#define COUNTED_CERTS	100000
#define GROUPS_MAX	100
#define WEEK_S		(7 * DAY_S)
#define DAY_S		86400

/* -- lists and counts ------------------------------------------------------------------------- */

static void count(struct view_overview *o, const struct conf *c, const struct view_mark *marks)
{
	o->domains = c->n_domains;
	for (size_t i = 0; i < c->n_domains; i++) {
		o->states[marks[i].state]++;
		o->grades[marks[i].grade]++;
		if (marks[i].at > o->newest)
			o->newest = marks[i].at;
		if (marks[i].at > 0 && (o->oldest == 0 || marks[i].at < o->oldest))
			o->oldest = marks[i].at;
	}
}

/* Soonest first: the first ones are shown, all are counted. */
static void expiries(struct web *w, struct web_sight *s, int64_t now)
{
	struct view_overview *o = &s->overview;

	o->expiries = store_view_expiries(w->store, COUNTED_CERTS, s->arena, &o->n_expiries);
	for (size_t i = 0; i < o->n_expiries; i++) {
		int64_t left = o->expiries[i].not_after - now;
		size_t week = left < 0 ? 0 : (size_t)(left / WEEK_S) + 1;
		o->weeks[week > VIEW_WEEKS ? VIEW_WEEKS + 1 : week]++;
	}
	if (o->n_expiries > SHOWN_EXPIRIES)
		o->n_expiries = SHOWN_EXPIRIES;
}

/* Domains of one list share their groups, so most are seen at once. */
static void groups(struct web_sight *s, const struct conf *c)
{
	const struct conf_extra *last = NULL;

	s->groups = arena_array(s->arena, GROUPS_MAX, sizeof(*s->groups));
	for (size_t i = 0; i < c->n_domains; i++) {
		const struct conf_extra *e = c->domains[i].extra;
		for (size_t k = 0; e != last && k < e->n_groups; k++) {
			size_t at = 0;
			while (at < s->n_groups && strcmp(s->groups[at], e->groups[k]) < 0)
				at++;
			if (s->n_groups == GROUPS_MAX ||
			    (at < s->n_groups && strcmp(s->groups[at], e->groups[k]) == 0))
				continue;
			memmove(s->groups + at + 1, s->groups + at,
				(s->n_groups++ - at) * sizeof(*s->groups));
			s->groups[at] = e->groups[k];
		}
		last = e;
	}
}

const struct web_sight *web_sight(const struct web *w)
{
	return &w->sight;
}

void web_sight_renew(struct web *w)
{
	struct web_sight *s = &w->sight;
	struct view_overview *o = &s->overview;
	struct view_incident *gravest;
	int64_t now_ms = clock_monotonic_ms(), by[4];

	if (s->taken_ms &&
	    now_ms - s->taken_ms < SIGHT_MS + (int64_t)w->conf->n_domains * SIGHT_DOMAIN_US / 1000)
		return;
	arena_free(s->arena);
	memset(s, 0, sizeof(*s));
	s->arena = arena_new();
	s->taken_ms = now_ms;
	s->marks = arena_array(s->arena, w->conf->n_domains + 1, sizeof(*s->marks));
	store_view_begin(w->store);
	store_view_marks(w->store, w->conf, s->marks);
	count(o, w->conf, s->marks);
	store_view_open_by_severity(w->store, by);
	o->incidents_critical = by[SEVERITY_CRITICAL];
	o->incidents_warning = by[SEVERITY_WARNING];
	o->incidents_open = by[0] + by[1] + by[2] + by[3];
	o->hosts = store_view_hosts(w->store);
	gravest = store_view_gravest(w->store, SHOWN_INCIDENTS, s->arena, &o->n_incidents);
	web_mark_muted(w, gravest, o->n_incidents, clock_now(), s->arena);
	o->incidents = gravest;
	o->changes = store_view_changes(w->store, 0, clock_now() - DAY_S, SHOWN_CHANGES, s->arena,
					&o->n_changes);
	expiries(w, s, clock_now());
	groups(s, w->conf);
	if (!store_view_end(w->store))
		log_warning("web", "the state could not be read whole");
}

/* -- wishes --------------------------------------------------------------------------------------
 */

static void wish(struct web *w, struct http_request *request, const struct message_wish *m)
{
	struct web_wish *pending = mem_alloc(sizeof(*pending));

	pending->id = ++w->last_wish;
	pending->request = request;
	HASH_ADD(hh, w->wishes, id, sizeof(pending->id), pending);
	channel_send_shape(w->channel, MESSAGE_WISH, pending->id, &message_wish_shape, m);
}

void web_wish(struct exchange *x, const char *verb, const char *subject, const char *author,
	      const char *reason, const char *args)
{
	wish(x->w, x->r,
	     &(struct message_wish){.verb = verb,
				    .subject = subject,
				    .author = author,
				    .reason = reason,
				    .args = args});
}

static int64_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void take_status(struct web *w, const char *body)
{
	json_t *o = json_loads(body, 0, NULL);
	const json_t *findings = json_object_get(o, "findings"),
		     *process = json_object_get(o, "process");
	const char *started = json_string_value(json_object_get(o, "started"));

	w->engine = (struct metrics_engine){
	    .seen_at = clock_now(),
	    .in_flight = number(o, "in_flight"),
	    .waiting = number(o, "waiting"),
	    .to_judge = number(o, "to_judge"),
	    .not_baselined = number(o, "not_baselined"),
	    .probers = number(o, "probers"),
	    .observed = number(o, "observed"),
	    .judged = number(o, "judged"),
	    .lag_s = number(o, "lag_s"),
	    .given_up = number(o, "given_up"),
	    .reload_ok = json_is_true(json_object_get(o, "reload_ok")),
	    .blind = json_is_true(json_object_get(o, "blind")),
	    .state_writable = json_is_true(json_object_get(o, "state_writable")),
	    .process = {.cpu_ms = number(process, "cpu_ms"),
			.resident_bytes = number(process, "resident_bytes"),
			.open_fds = number(process, "open_fds")},
	};
	if (started == NULL || !stamp_parse(started, &w->engine.process.started))
		w->engine.process.started = -1;
	for (int i = 0; i <= FINDING_UNKNOWN; i++)
		w->engine.findings[i] = number(findings, finding_status_words[i]);
	json_decref(o);
	free(w->status);
	w->status = mem_strdup(body);
}

static int take_answer(struct web *w, const struct frame *f, struct arena *arena, struct error *err)
{
	struct message_answer m;
	struct web_wish *pending;

	if (shape_decode(&message_answer_shape, SHAPE_STRICT, f->body, f->len, arena, &m, err) < 0)
		return -1;
	HASH_FIND(hh, w->wishes, &f->id, sizeof(f->id), pending);
	if (pending == NULL)
		return error_set(err, "nobody asked for it");
	HASH_DEL(w->wishes, pending);
	if (pending->request)
		web_answered(pending->request, (int)m.status, m.body ? m.body : "{}");
	else if (m.status == 200 && m.body)
		take_status(w, m.body);
	free(pending);
	return 0;
}

static void on_status(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	wish(arg, NULL, &(struct message_wish){.verb = "status"});
}

/* -- setting up
 * ------------------------------------------------------------------------------------- */

/* NULL when the file has errors: the engine found none, so it has just been changed again. */
static struct conf *load(const char *file)
{
	struct yaml_problems problems = {NULL, 0, 0};
	struct conf *conf = yaml_conf_load(file, &problems);

	if (conf == NULL)
		log_warning("web", "%s cannot be read now: the one read before stays", file);
	yaml_problems_clear(&problems);
	return conf;
}

static bool on_loopback(const char *place)
{
	return text_starts(place, "127.") || text_starts(place, "[::1]:") ||
	       text_starts(place, "localhost:");
}

static void listen_tcp(struct web *w)
{
	struct error err;

	for (size_t i = 0; i < w->conf->n_web_listen; i++) {
		const char *place = w->conf->web_listen[i];
		int fd;
		if (!on_loopback(place) && w->conf->web_token_file == NULL) {
			log_error("web", "%s is not on loopback: it needs web.bearer_token_file",
				  place);
			continue;
		}
		fd = http_listen_tcp(place, &err);
		if (fd < 0) {
			log_error("web", "%s: %s", place, err.text);
			continue;
		}
		http_server_accept(w->tcp, fd);
		log_info("web", "listens on %s", place);
	}
}

static bool listen_unix(struct web *w, const char *path, bool loud)
{
	struct error err;
	int fd = http_listen_unix(path, 0660, &err);

	if (fd < 0) {
		if (loud)
			log_error("web", "%s: %s", path, err.text);
		return false;
	}
	http_server_accept(w->local, fd);
	log_info("web", "listens on %s", path);
	return true;
}

static void listen_local(struct web *w)
{
	char path[PATH_MAX];

	if (w->conf->web_socket) {
		listen_unix(w, w->conf->web_socket, true);
		return;
	}
	if (listen_unix(w, CONF_SOCKET, false))
		return;
	snprintf(path, sizeof(path), "%s/mxwatch.sock", w->conf->state_path);
	listen_unix(w, path, true);
}

static const char *folder(const char *file, char out[PATH_MAX])
{
	char *real = realpath(file, NULL);

	text_copy(out, PATH_MAX, real ? real : file);
	free(real);
	return dirname(out);
}

/* Listeners are bound; what remains is to read.  The database is opened inside: SQLite would open
 * its log and the memory beside it for writing, which a descriptor from before would allow. */
static void enter_sandbox(const struct web *w)
{
	char conf_folder[PATH_MAX], token_folder[PATH_MAX];
	const char *read[64] = {"/etc/localtime", "/usr/share/zoneinfo"};
	size_t n = 2;

	read[n++] = w->conf->state_path;
	read[n++] = folder(w->file, conf_folder);
	if (w->conf->web_token_file && w->conf->web_token_file[0] == '/')
		read[n++] = folder(w->conf->web_token_file, token_folder);
	for (size_t i = 0; i < w->conf->n_folders && n < 63; i++)
		read[n++] = w->conf->folders[i];
	read[n] = NULL;
	tzset();
	sandbox_enter(SANDBOX_WEB, &(struct sandbox_config){.read = read});
}

static void begin(struct web *w)
{
	static const struct timeval status = {.tv_sec = STATUS_S};
	struct error err;

	w->conf = load(w->file);
	if (w->conf == NULL)
		log_fatal("web", "%s cannot be read", w->file);
	w->loaded = clock_now();
	listen_local(w);
	listen_tcp(w);
	enter_sandbox(w);
	w->store = store_open_read_only(w->conf->state_path, &err);
	if (w->store == NULL)
		log_fatal("web", "%s", err.text);
	event_add(w->on_status, &status);
	on_status(-1, 0, w);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* What was opened, or allowed to be read, before the sandbox was entered. */
static bool same_places(const struct conf *a, const struct conf *b)
{
	bool same = a->n_web_listen == b->n_web_listen && same_text(a->web_socket, b->web_socket) &&
		    same_text(a->web_token_file, b->web_token_file);

	for (size_t i = 0; same && i < a->n_web_listen; i++)
		same = strcmp(a->web_listen[i], b->web_listen[i]) == 0;
	return same;
}

static void begin_anew(struct web *w);

/* The parent starts us again at once; who waits for an answer gets it first. */
static void on_anew(evutil_socket_t fd, short what, void *arg)
{
	struct web *w = arg;
	(void)fd;
	(void)what;

	if (HASH_COUNT(w->wishes) == 0)
		event_base_loopbreak(w->base);
	else
		begin_anew(w);
}

static void begin_anew(struct web *w)
{
	static const struct timeval soon = {.tv_sec = 1};

	event_base_once(w->base, -1, EV_TIMEOUT, on_anew, w, &soon);
}

static void load_again(struct web *w)
{
	struct conf *conf = load(w->file);

	if (conf == NULL)
		return;
	if (!same_places(w->conf, conf)) {
		log_info("web", "listens elsewhere: begins anew");
		begin_anew(w);
	}
	web_measure_free(w);
	w->measures = NULL;
	conf_free(w->conf);
	w->conf = conf;
	w->sight.taken_ms = 0;
	w->loaded = clock_now();
}

static int set_up(struct web *w, const struct frame *f, struct arena *arena, struct error *err)
{
	struct message_web m;

	if (shape_decode(&message_web_shape, SHAPE_STRICT, f->body, f->len, arena, &m, err) < 0)
		return -1;
	if (w->conf) {
		load_again(w);
		return 0;
	}
	w->file = mem_strdup(m.file);
	begin(w);
	return 0;
}

/* -- life
 * -----------------------------------------------------------------------------------------------
 */

static void on_frame(struct channel *c, const struct frame *f, int fd, void *arg)
{
	struct web *w = arg;
	struct arena *arena = arena_new();
	struct error err;
	int result = 0;
	(void)c;

	if (fd >= 0)
		close(fd);
	if (f->type == MESSAGE_SETUP)
		result = set_up(w, f, arena, &err);
	else if (f->type == MESSAGE_ANSWER)
		result = take_answer(w, f, arena, &err);
	else if (f->type == MESSAGE_STOP)
		event_base_loopbreak(w->base);
	if (result < 0)
		log_fatal("web", "%s: %s", message_name(f->type), err.text);
	arena_free(arena);
}

static void on_gone(struct channel *c, const char *why, void *arg)
{
	struct web *w = arg;
	(void)c;

	if (strcmp(why, "EOF") != 0)
		log_error("channel", "%s", why);
	event_base_loopbreak(w->base);
}

static void on_tcp_request(struct http_request *r, void *arg)
{
	web_answer(arg, r, false);
}

static void on_local_request(struct http_request *r, void *arg)
{
	web_answer(arg, r, true);
}

/* Who waits for an answer sees the end: nothing is written any more. */
static void clear(struct web *w)
{
	struct web_wish *pending, *next;

	HASH_ITER(hh, w->wishes, pending, next)
	{
		HASH_DEL(w->wishes, pending);
		if (pending->request)
			web_answered(pending->request, 503, "{}");
		free(pending);
	}
	http_server_free(w->tcp);
	http_server_free(w->local);
	web_measure_free(w);
	arena_free(w->sight.arena);
	store_close(w->store);
	conf_free(w->conf);
	free(w->status);
	free(w->file);
	channel_free(w->channel);
	event_free(w->on_status);
	event_base_free(w->base);
	usage_close(&w->usage);
}

void web_run(int channel)
{
	struct web w = {.base = event_base_new()};

	usage_open(&w.usage);
	w.tcp = http_server_new(w.base, on_tcp_request, web_refused, &w);
	w.local = http_server_new(w.base, on_local_request, web_refused, &w);
	w.on_status = event_new(w.base, -1, EV_PERSIST, on_status, &w);
	w.channel = channel_new(w.base, channel, on_frame, on_gone, &w);
	event_base_dispatch(w.base);
	clear(&w);
}
