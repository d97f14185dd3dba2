/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "child.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "clock.h"
#include "err.h"
#include "log.h"
#include "message.h"
#include "private_resolver.h"
#include "spawn.h"

#define BACKOFF_MAX_S 60
#define FORGIVEN_MS   60000 /* a life this long clears the record */
#define BRIEF_MS      1000  /* status 0 sooner than this is a failure all the same */

static void start(struct child *c);

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	start(arg);
}

void child_init(struct child *c, const struct child_ops *ops, int role, int64_t instance)
{
	*c = (struct child){.ops = ops, .role = role, .instance = instance};
	c->again = event_new(ops->base, -1, 0, on_again, c);
	if (c->again == NULL)
		log_fatal("parent", "no timer");
}

static void drop_lifeline(struct child *c)
{
	if (c->lifeline == NULL)
		return;
	close(event_get_fd(c->lifeline));
	event_free(c->lifeline);
	c->lifeline = NULL;
}

void child_clear(struct child *c)
{
	drop_lifeline(c);
	event_free(c->again);
}

const char *child_name(const struct child *c, char out[32])
{
	snprintf(out, 32, c->role == MESSAGE_ROLE_PROBER ? "%s %d" : "%s",
		 message_role_words[c->role], (int)c->instance);
	return out;
}

void child_kill(struct child *c, int signal)
{
	if (c->pid > 0 && !c->reaped)
		kill(c->pid, signal);
}

/* -- starting -- */

static void on_lifeline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	child_gone(arg);
}

static pid_t run(const struct child *c, const int *fds, size_t n_fds, struct error *err)
{
	const char *program = message_role_words[c->role];
	const char *const argv[] = {program, "-c", c->ops->file, NULL};
	const char *const plain[] = {program, NULL};
	char path[4096];

	return spawn_program(spawn_path(program, path, sizeof(path)),
			     c->role == MESSAGE_ROLE_ENGINE ? argv : plain, fds, n_fds,
			     c->ops->account, err);
}

/* The engine gets a channel; any other child a channel and a lifeline. */
static int start_program(struct child *c, struct error *err)
{
	size_t n = c->role == MESSAGE_ROLE_ENGINE ? 1 : 2;
	int work[2] = {-1, -1}, life[2] = {-1, -1};
	pid_t pid = -1;

	if (spawn_pair(work, err) == 0 && (n == 1 || spawn_pair(life, err) == 0))
		pid = run(c, (const int[]){work[1], life[1]}, n, err);
	close(work[1]);
	close(life[1]);
	if (pid < 0) {
		close(work[0]);
		close(life[0]);
		return -1;
	}
	c->pid = pid;
	if (n == 2) {
		c->lifeline = event_new(c->ops->base, life[0], EV_READ, on_lifeline, c);
		event_add(c->lifeline, NULL);
	}
	c->ops->started(c, work[0], c->ops->arg);
	return 0;
}

static int start_resolver(struct child *c, struct error *err)
{
	char directory[] = "/tmp/mxwatch-XXXXXX";
	const char *given = getenv("RUNTIME_DIRECTORY");
	bool ours = given == NULL;

	if (ours && mkdtemp(directory) == NULL)
		return error_errno(err, "%s", directory);
	c->port = 0;
	c->pid =
	    private_resolver_start(ours ? directory : given, c->ops->trust_anchor, "", &c->port, err);
	if (ours) { /* unbound has read its configuration */
		char file[64];
		snprintf(file, sizeof(file), "%s/unbound.conf", directory);
		unlink(file);
		rmdir(directory);
	}
	if (c->pid < 0)
		c->port = 0;
	c->gone = true;
	c->ops->started(c, -1, c->ops->arg);
	return c->pid < 0 ? -1 : 0;
}

/* Seconds until the next start: 0 after status 0, else 1, 2, 4 ... 60. */
static int backoff(struct child *c, bool failed)
{
	int64_t lived_ms = clock_monotonic_ms() - c->started_ms;

	if (lived_ms >= FORGIVEN_MS)
		c->failures = 0;
	if (!failed && lived_ms >= BRIEF_MS)
		return 0;
	int delay = c->failures < 6 ? 1 << c->failures : BACKOFF_MAX_S;
	c->failures++;
	return delay;
}

static void start(struct child *c)
{
	struct error err;
	char name[32];

	if (c->pid > 0 || !c->wanted)
		return;
	event_del(c->again);
	c->gone = c->reaped = c->dismissed = false;
	c->started_ms = clock_monotonic_ms();
	if ((c->role == MESSAGE_ROLE_RESOLVER ? start_resolver : start_program)(c, &err) == 0)
		return;
	c->pid = 0;
	if (c->failures == 0) /* once; the next tries are quiet */
		log_error("parent", "%s: %s", child_name(c, name), err.text);
	const struct timeval delay = {.tv_sec = backoff(c, true)};
	event_add(c->again, &delay);
}

void child_want(struct child *c)
{
	c->wanted = true;
	if (!event_pending(c->again, EV_TIMEOUT, NULL))
		start(c);
}

/* -- ending -- */

void child_dismiss(struct child *c)
{
	c->wanted = false;
	c->dismissed = true;
	event_del(c->again);
	child_kill(c, c->role == MESSAGE_ROLE_RESOLVER ? SIGTERM : SIGKILL);
}

static void ended(struct child *c)
{
	char name[32];
	bool dismissed = c->dismissed;

	c->pid = 0;
	c->ops->ended(c, c->status, c->ops->arg);
	if (!c->wanted)
		return;
	if (dismissed) { /* and wanted again meanwhile */
		start(c);
		return;
	}
	const struct timeval delay = {.tv_sec = backoff(c, c->status != 0)};
	if (WIFSIGNALED(c->status))
		log_error("parent", "%s was killed by signal %d (%s); again in %d s",
			  child_name(c, name), WTERMSIG(c->status), strsignal(WTERMSIG(c->status)),
			  (int)delay.tv_sec);
	else
		log_warning("parent", "%s ended with status %d; again in %d s", child_name(c, name),
			    WEXITSTATUS(c->status), (int)delay.tv_sec);
	event_add(c->again, &delay);
}

void child_gone(struct child *c)
{
	drop_lifeline(c);
	child_kill(c, SIGKILL); /* if it only let go of the line */
	c->gone = true;
	if (c->reaped)
		ended(c);
}

void child_reaped(struct child *c, int status)
{
	c->status = status;
	c->reaped = true;
	if (c->gone)
		ended(c);
}
