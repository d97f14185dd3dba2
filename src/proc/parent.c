/* SPDX-License-Identifier: ISC */
#include "parent.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "arena.h"
#include "channel.h"
#include "child.h"
#include "err.h"
#include "log.h"
#include "mem.h"
#include "message.h"
#include "privdrop.h"
#include "sd_notify.h"
#include "signals.h"

#define STOP_S 4 /* what is not down by then is killed: everything within 5 s */

/* A slot for each child there can be. */
enum slot { ENGINE, NOTIFIER, WEB, RESOLVER, PROBERS, SLOTS = PROBERS + 256 };

struct parent {
	struct child_ops ops;
	struct child child[SLOTS];
	struct channel *engine; /* NULL while there is none */
	char *trust_anchor;
	bool was_ready; /* ever */
	bool stopping;
	int exit_status;
	struct event *deadline; /* of stopping */
};

static void finish_when_alone(struct parent *p)
{
	for (int i = 0; i < SLOTS; i++)
		if (p->child[i].pid > 0)
			return;
	event_base_loopexit(p->ops.base, NULL);
}

static void kill_all(struct parent *p)
{
	for (int i = 0; i < SLOTS; i++)
		child_kill(&p->child[i], SIGKILL);
}

/* The engine finishes, the others see EOF on their channel to it. */
static void stop(struct parent *p)
{
	const struct timeval patience = {.tv_sec = STOP_S};

	p->stopping = true;
	sd_notify_stopping();
	p->child[ENGINE].wanted = false;
	if (p->engine != NULL)
		channel_send(p->engine, MESSAGE_STOP, 0, NULL, 0);
	event_add(p->deadline, &patience);
	finish_when_alone(p);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	log_warning("parent", "not everything ended in %d s: killed", STOP_S);
	kill_all(arg);
}

/* -- the engine's frames -- */

static void want_peers(struct parent *p, const struct message_want_peers *want)
{
	if (p->stopping)
		return;
	if (want->trust_anchor != NULL) {
		free(p->trust_anchor);
		p->ops.trust_anchor = p->trust_anchor = mem_strdup(want->trust_anchor);
	}
	for (int i = ENGINE + 1; i < SLOTS; i++) {
		struct child *c = &p->child[i];
		bool wanted = i == NOTIFIER || (i == WEB && want->web) ||
			      (i == RESOLVER && want->resolver && p->trust_anchor != NULL) ||
			      (i >= PROBERS && i - PROBERS < want->probers);
		if (wanted)
			child_want(c);
		else if (c->wanted)
			child_dismiss(c);
	}
}

static void status(struct parent *p, unsigned type, const struct message_status *said)
{
	const char *text = said->text != NULL ? said->text : "";

	if (type == MESSAGE_STATUS) {
		sd_notify_status(text);
		sd_notify_watchdog();
		return;
	}
	if (type == MESSAGE_READY)
		p->was_ready = true;
	if (said->ok || type == MESSAGE_READY)
		log_info("parent", "%s: %s", type == MESSAGE_READY ? "ready" : "reloaded", text);
	else
		log_error("parent", "reload refused, the running configuration stays: %s", text);
	sd_notify_ready(text);
}

static int take_frame(struct parent *p, const struct frame *f, struct arena *a, struct error *err)
{
	struct message_want_peers want;
	struct message_status said;

	switch (f->type) {
	case MESSAGE_WANT_PEERS:
		if (shape_decode(&message_want_peers_shape, SHAPE_STRICT, f->body, f->len, a, &want,
				 err) < 0)
			return -1;
		want_peers(p, &want);
		return 0;
	case MESSAGE_READY:
	case MESSAGE_STATUS:
	case MESSAGE_RELOADED:
		if (shape_decode(&message_status_shape, SHAPE_STRICT, f->body, f->len, a, &said,
				 err) < 0)
			return -1;
		status(p, f->type, &said);
		return 0;
	default:
		return error_set(err, "%s is not for me", message_name(f->type));
	}
}

static void on_frame(struct channel *channel, const struct frame *f, int fd, void *arg)
{
	struct parent *p = arg;
	struct arena *a = arena_new();
	struct error err;
	(void)channel;

	if (fd >= 0)
		close(fd);
	if (take_frame(p, f, a, &err) < 0) {
		log_error("parent", "engine: %s", err.text);
		child_kill(&p->child[ENGINE], SIGKILL);
	}
	arena_free(a);
}

static void on_engine_gone(struct channel *channel, const char *why, void *arg)
{
	struct parent *p = arg;

	if (strcmp(why, "EOF") != 0)
		log_error("parent", "engine: %s", why);
	channel_free(channel);
	p->engine = NULL;
	/* The others have no work without it, and none may be left when the next starts. */
	for (int i = ENGINE + 1; i < SLOTS; i++)
		child_dismiss(&p->child[i]);
	child_gone(&p->child[ENGINE]);
}

static void on_started(struct child *c, int fd, void *arg)
{
	struct parent *p = arg;
	const struct message_peer peer = {
	    .role = c->role, .instance = c->instance, .port = c->port};

	if (c->role == MESSAGE_ROLE_ENGINE)
		p->engine = channel_new(p->ops.base, fd, on_frame, on_engine_gone, p);
	else if (p->engine == NULL)
		close(fd); /* it sees EOF at once */
	else if (fd >= 0)
		channel_send_fd(p->engine, MESSAGE_PEER, 0, &message_peer_shape, &peer, fd);
	else
		channel_send_shape(p->engine, MESSAGE_PEER, 0, &message_peer_shape, &peer);
}

static bool is_final(int exit_status)
{
	return exit_status == PARENT_EXIT_CONFIG || exit_status == PARENT_EXIT_SYSTEM;
}

static void on_ended(struct child *c, int status, void *arg)
{
	struct parent *p = arg;

	if (c->role == MESSAGE_ROLE_ENGINE && !p->was_ready && !p->stopping && WIFEXITED(status) &&
	    is_final(WEXITSTATUS(status))) {
		p->exit_status = WEXITSTATUS(status);
		stop(p);
	}
	if (p->stopping) {
		c->wanted = false;
		finish_when_alone(p);
	}
}

/* -- signals -- */

static void on_sigchld(evutil_socket_t number, short what, void *arg)
{
	struct parent *p = arg;
	int result;
	(void)number;
	(void)what;

	for (int i = 0; i < SLOTS; i++) {
		struct child *c = &p->child[i];
		if (c->pid > 0 && !c->reaped && waitpid(c->pid, &result, WNOHANG) == c->pid)
			child_reaped(c, result);
	}
}

static void on_sighup(evutil_socket_t number, short what, void *arg)
{
	struct parent *p = arg;
	(void)number;
	(void)what;
	if (p->engine == NULL || p->stopping) {
		log_warning("parent", "no engine runs: nothing to reload");
		return;
	}
	sd_notify_reloading();
	channel_send(p->engine, MESSAGE_RELOAD, 0, NULL, 0);
}

static void on_sigterm(evutil_socket_t number, short what, void *arg)
{
	struct parent *p = arg;
	(void)what;
	if (p->stopping) {
		kill_all(p); /* asked twice */
		return;
	}
	log_info("parent", "stopping: %s", number == SIGINT ? "interrupted" : "terminated");
	stop(p);
}

static void make_children(struct parent *p)
{
	static const int roles[] = {MESSAGE_ROLE_ENGINE, MESSAGE_ROLE_NOTIFIER, MESSAGE_ROLE_WEB,
				    MESSAGE_ROLE_RESOLVER};
	for (int i = 0; i < SLOTS; i++)
		child_init(&p->child[i], &p->ops, i < PROBERS ? roles[i] : MESSAGE_ROLE_PROBER,
			   i < PROBERS ? 0 : i - PROBERS);
}

int parent_run(const struct parent_config *config)
{
	static const struct {
		int number;
		event_callback_fn act;
	} handlers[] = {{SIGCHLD, on_sigchld},
			{SIGHUP, on_sighup},
			{SIGTERM, on_sigterm},
			{SIGINT, on_sigterm}};
	struct event *signals[4];
	struct parent *p = mem_alloc(sizeof(*p));
	struct event_base *base = event_base_new();

	if (base == NULL)
		log_fatal("parent", "no event loop");
	p->ops = (struct child_ops){.base = base,
				    .file = config->file,
				    .account = config->account,
				    .started = on_started,
				    .ended = on_ended,
				    .arg = p};
	signals_init();
	privdrop_harden();
	sd_notify_init();
	for (int i = 0; i < 4; i++) {
		signals[i] = evsignal_new(base, handlers[i].number, handlers[i].act, p);
		event_add(signals[i], NULL);
	}
	p->deadline = evtimer_new(base, on_deadline, p);
	make_children(p);
	child_want(&p->child[ENGINE]);
	event_base_dispatch(base);

	int exit_status = p->exit_status;
	for (int i = 0; i < SLOTS; i++)
		child_clear(&p->child[i]);
	for (int i = 0; i < 4; i++)
		event_free(signals[i]);
	event_free(p->deadline);
	channel_free(p->engine);
	event_base_free(base);
	free(p->trust_anchor);
	free(p);
	return exit_status;
}
