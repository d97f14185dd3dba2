/* SPDX-License-Identifier: ISC */
#include "engine.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <event2/event.h>

#include "engine_parts.h"
#include "sandbox.h"
#include "text.h"

#define STATUS_S    5
#define PATIENCE_MS 2500 /* for deliveries under way, of the 4 s the parent gives us */

void engine_at(struct event *timer, int64_t at_ms)
{
	int64_t wait_ms = at_ms - clock_monotonic_ms();
	struct timeval wait = {.tv_sec = 0};

	if (wait_ms > 0) {
		wait.tv_sec = wait_ms / 1000;
		wait.tv_usec = (suseconds_t)(wait_ms % 1000) * 1000;
	}
	event_add(timer, &wait);
}

const char *engine_uid(struct arena *arena)
{
	unsigned char bytes[16];
	struct buf hex;
	const char *uid;

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		log_fatal("engine", "no random bytes");
	buf_init(&hex, 64);
	text_hex(&hex, bytes, sizeof(bytes));
	uid = arena_strdup(arena, buf_str(&hex));
	buf_clear(&hex);
	return uid;
}

void engine_stop(struct engine *e, int exit_status)
{
	e->stopping = true;
	e->exit_status = exit_status;
	if (e->base)
		event_base_loopbreak(e->base);
}

/* Deliveries that are under way are waited for: what was accepted is not to be told again. */
static void stop_softly(struct engine *e)
{
	engine_flush(e);
	e->stopping = true;
	if (!engine_delivering(e)) {
		engine_stop(e, 0);
		return;
	}
	log_info("engine", "stopping when the deliveries under way have ended");
	engine_at(e->on_patience, clock_monotonic_ms() + PATIENCE_MS);
}

static void on_patience(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	engine_stop(arg, 0);
}

/* -- the parent ---------------------------------------------------------------- */

static int parent_frame(struct engine *e, const struct frame *f, int fd, struct arena *arena,
			struct error *err)
{
	struct message_peer peer;
	const char *why, *problems;

	switch (f->type) {
	case MESSAGE_PEER:
		if (shape_decode(&message_peer_shape, SHAPE_STRICT, f->body, f->len, arena, &peer,
				 err) < 0)
			return -1;
		engine_peer(e, &peer, fd);
		return 0;
	case MESSAGE_RELOAD:
		engine_reload(e, false, arena, &why, &problems);
		return 0;
	case MESSAGE_STOP:
		stop_softly(e);
		return 0;
	default:
		return error_set(err, "%s is not for me", message_name(f->type));
	}
}

static void on_parent_frame(struct channel *c, const struct frame *f, int fd, void *arg)
{
	struct engine *e = arg;
	struct arena *arena = arena_new();
	struct error err;
	(void)c;

	if (parent_frame(e, f, fd, arena, &err) < 0)
		log_fatal("engine", "parent: %s", err.text);
	if (f->type != MESSAGE_PEER && fd >= 0)
		close(fd);
	arena_free(arena);
}

static void on_parent_gone(struct channel *c, const char *why, void *arg)
{
	(void)c;
	log_warning("engine", "the parent is gone: %s", why);
	engine_stop(arg, 1);
}

/* -- timers -------------------------------------------------------------------- */

static void on_schedule(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	engine_schedule(arg);
}

static void on_flush(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	engine_flush(arg);
}

static void on_gate(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	engine_gate(arg);
}

static void on_outbox(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	engine_outbox(arg);
}

static void on_minute(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	engine_minute(arg);
}

void engine_watching(const struct engine *e, char *out, size_t size)
{
	size_t n = e->conf->n_domains;

	if (n == 0)
		snprintf(out, size, "watching nothing yet: name domains in %s, then mxwatch reload",
			 e->file);
	else
		snprintf(out, size, "watching %zu domain%s", n, n == 1 ? "" : "s");
}

/* The watchdog's tick: only while the schedule moves. */
static void on_status(evutil_socket_t fd, short what, void *arg)
{
	struct engine *e = arg;
	char text[256];
	struct message_status status = {.text = text, .ok = true};
	(void)fd;
	(void)what;

	engine_schedule(e);
	engine_watch_self(e);
	if (clock_monotonic_ms() - e->ticked_ms > 2 * STATUS_S * 1000)
		return;
	if (roster_domains(e->roster) == 0)
		engine_watching(e, text, sizeof(text));
	else
		snprintf(text, sizeof(text),
			 "%zu domains, %zu hosts, %lld open incidents, %u probes in flight%s%s",
			 roster_domains(e->roster), roster_hosts(e->roster),
			 e->store ? (long long)store_open_incidents(e->store) : 0LL,
			 HASH_COUNT(e->orders),
			 e->sight.blind ? "; BLIND: nothing can be determined" : "",
			 e->failing ? "; the state cannot be written" : "");
	channel_send_shape(e->parent, MESSAGE_STATUS, 0, &message_status_shape, &status);
	engine_beat(e);
}

/* -- life ---------------------------------------------------------------------- */

static void enter_sandbox(struct engine *e)
{
	char conf_dir[4096];
	const char *read[64] = {"/etc/resolv.conf", "/run/systemd/resolve", "/etc/localtime",
				"/usr/share/zoneinfo"};
	const char *write[] = {e->conf->state_path, NULL};
	size_t n = 4;
	char *real = realpath(e->file, NULL);

	text_copy(conf_dir, sizeof(conf_dir), real ? real : e->file);
	free(real);
	read[n++] = dirname(conf_dir);
	for (size_t i = 0; i < e->conf->n_folders && n < 63; i++)
		read[n++] = e->conf->folders[i];
	read[n] = NULL;
	tzset();
	e->sandbox_lacks =
	    sandbox_enter(SANDBOX_ENGINE, &(struct sandbox_config){.read = read, .write = write});
}

static struct event_base *new_base(void)
{
	struct event_config *config = event_config_new();
	const struct timeval at_most = {.tv_usec = 2000};
	struct event_base *base;

	/* timers are not to wait behind a long row of frames (200 ms at p99 without) */
	event_config_set_max_dispatch_interval(config, &at_most, 4, 1);
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	base = event_base_new_with_config(config);
	event_config_free(config);
	if (base == NULL)
		log_fatal("engine", "no event loop");
	event_base_priority_init(base, 2);
	return base;
}

static void make_timers(struct engine *e)
{
	const struct timeval status = {.tv_sec = STATUS_S}, minute = {.tv_sec = 60};

	e->on_schedule = event_new(e->base, -1, 0, on_schedule, e);
	e->on_flush = event_new(e->base, -1, 0, on_flush, e);
	e->on_gate = event_new(e->base, -1, 0, on_gate, e);
	e->on_outbox = event_new(e->base, -1, 0, on_outbox, e);
	e->on_patience = event_new(e->base, -1, 0, on_patience, e);
	e->on_status = event_new(e->base, -1, EV_PERSIST, on_status, e);
	e->on_minute = event_new(e->base, -1, EV_PERSIST, on_minute, e);
	event_priority_set(e->on_schedule, 0);
	event_priority_set(e->on_gate, 0);
	event_add(e->on_status, &status);
	event_add(e->on_minute, &minute);
}

static void say_ready(struct engine *e)
{
	char text[256];
	struct message_status ready = {.text = text, .ok = true};

	engine_watching(e, text, sizeof(text));
	channel_send_shape(e->parent, MESSAGE_READY, 0, &message_status_shape, &ready);
}

static void clear(struct engine *e)
{
	struct event *const timers[] = {e->on_schedule, e->on_flush,  e->on_gate,    e->on_outbox,
					e->on_status,	e->on_minute, e->on_patience};

	while (e->probers)
		engine_peer_free(e, e->probers);
	engine_peer_free(e, e->notifier);
	engine_peer_free(e, e->web);
	for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++)
		if (timers[i])
			event_free(timers[i]);
	channel_free(e->parent);
	if (e->base)
		event_base_free(e->base);
	engine_orders_clear(e);
	engine_believe_clear(e);
	engine_outbox_clear(e);
	engine_wish_clear(e);
	if (e->mute_arena)
		arena_free(e->mute_arena);
	free(e->beat_ms);
	turnstile_free(e->turnstile);
	plan_free(e->plan);
	roster_free(e->roster);
	store_close(e->store);
	conf_free(e->conf);
}

/* Everything is read and open: from here on until the end. */
static int work(struct engine *e, int fd)
{
	usage_open(&e->usage);
	enter_sandbox(e);
	e->base = new_base();
	e->turnstile = turnstile_new(e->conf->per_ip, e->conf->per_ip_gap_ms);
	make_timers(e);
	e->parent = channel_new(e->base, fd, on_parent_frame, on_parent_gone, e);
	engine_receivers(e);
	engine_want_peers(e);
	say_ready(e);
	engine_flush_soon(e);
	engine_schedule(e);
	event_base_dispatch(e->base);
	return e->exit_status;
}

int engine_run(const char *file, int fd)
{
	struct engine *e = mem_alloc(sizeof(*e));
	int status;

	e->file = file;
	e->usage.statm = -1;
	e->roster = roster_new();
	e->plan = plan_new();
	status = engine_load(e);
	if (status == 0)
		status = engine_open(e);
	if (status == 0)
		status = work(e, fd);
	usage_close(&e->usage);
	clear(e);
	free(e);
	return status;
}
