/* SPDX-License-Identifier: ISC
 *
 * A program as the receiver.  The event lies in a memory file, so that nothing waits for a
 * program that does not read; what it says goes through a pipe, of which the beginning is kept
 * for people.  Its end is seen by SIGCHLD: status 0 delivered, 75 (EX_TEMPFAIL) try again, any
 * other refused.  It runs in the notifier's sandbox: see mxwatch.yaml(5).
 */
#include "config.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include <utlist.h>

#include "clock.h"
#include "notifier_parts.h"
#include "render.h"
#include "spawn.h"
#include "text.h"

#define PROGRAM_S 20
#define SAID_MAX  300

/* -- its end ------------------------------------------------------------------- */

static void listen_to(struct delivery *d)
{
	char part[4096];
	ssize_t n;
	while ((n = read(event_get_fd(d->saying), part, sizeof(part))) > 0)
		buf_add(&d->said, part, (size_t)n); /* the rest is dropped */
	if (n == 0)
		event_del(d->saying);
}

static void on_said(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	listen_to(arg);
}

static void ended(struct delivery *d, int status)
{
	struct message_sent sent = {.outcome = MESSAGE_REJECTED, .retry_after_s = -1};
	struct buf text;
	d->program = 0;
	listen_to(d);
	size_t len = d->said.len;
	while (len > 0 && buf_str(&d->said)[len - 1] == '\n')
		len--;
	buf_init(&text, (size_t)8 * SAID_MAX);
	if (WIFSIGNALED(status))
		buf_printf(&text, "killed by signal %d; ", WTERMSIG(status));
	else
		sent.code = WEXITSTATUS(status);
	if (WIFEXITED(status) && sent.code == 0)
		sent.outcome = MESSAGE_DELIVERED;
	else if (WIFEXITED(status) && sent.code == EX_TEMPFAIL)
		sent.outcome = MESSAGE_RETRY;
	text_escape(&text, buf_str(&d->said), len, SAID_MAX);
	sent.text = buf_str(&text);
	notifier_finish(d, &sent);
	buf_clear(&text);
}

static void on_child(evutil_socket_t signal, short what, void *arg)
{
	struct notifier *n = arg;
	struct delivery *d, *next;
	int status;
	(void)signal;
	(void)what;
	DL_FOREACH_SAFE(n->deliveries, d, next)
	{
		if (d->program > 0 && waitpid(d->program, &status, WNOHANG) == d->program)
			ended(d, status);
	}
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	notifier_give_up(arg, MESSAGE_RETRY, "the program did not end within 20 s");
}

void notifier_exec_init(struct notifier *n)
{
	n->on_child = evsignal_new(n->base, SIGCHLD, on_child, n);
	event_add(n->on_child, NULL);
}

void notifier_exec_end(struct delivery *d)
{
	if (d->program > 0) {
		kill(-d->program, SIGKILL);
		waitpid(d->program, NULL, 0);
	}
	if (d->saying != NULL) {
		close(event_get_fd(d->saying));
		event_free(d->saying);
	}
	buf_clear(&d->said);
}

/* -- its beginning ------------------------------------------------------------- */

const char *notifier_interpreter(const char *path, struct arena *arena)
{
	char line[256] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, line, sizeof(line) - 1) : 0;
	size_t from = 2;
	if (fd >= 0)
		close(fd);
	if (n < 3 || line[0] != '#' || line[1] != '!')
		return NULL;
	from += strspn(line + from, " \t");
	return arena_strndup(arena, line + from, strcspn(line + from, " \t\n"));
}

static int event_file(struct delivery *d)
{
	const struct conf_receiver json = {.kind = CONF_WEBHOOK, .format = CONF_FORMAT_JSON};
	const struct render_place place = {.now = clock_now()};
	struct render_request r;
	int fd = memfd_create("event", MFD_CLOEXEC);
	render_request(&d->notice, d->item, d->n_items, &json, &place, d->arena, &r);
	if (fd >= 0 && (write(fd, r.body, r.len) != (ssize_t)r.len || write(fd, "\n", 1) != 1 ||
			lseek(fd, 0, SEEK_SET) != 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

static void start(struct delivery *d, int event, int out)
{
	const struct conf_receiver *r = &d->receiver;
	const char **argv = arena_array(d->arena, r->n_argv + 1, sizeof(*argv));
	struct error err;
	memcpy(argv, r->argv, r->n_argv * sizeof(*argv));
	d->program = spawn_command(argv[0], argv, event, out, &err);
	if (d->program < 0)
		notifier_give_up(d, MESSAGE_RETRY, err.text);
}

void notifier_exec(struct delivery *d)
{
	static const struct timeval patience = {PROGRAM_S, 0};
	const struct conf_receiver *r = &d->receiver;
	int event = -1, said[2];
	if (r->n_argv == 0 || access(r->argv[0], X_OK) < 0) {
		notifier_give_up(d, MESSAGE_REJECTED,
				 r->n_argv == 0 ? "no command" : strerror(errno));
		return;
	}
	if ((event = event_file(d)) < 0 || pipe2(said, O_CLOEXEC) < 0) {
		notifier_give_up(d, MESSAGE_RETRY, strerror(errno));
		if (event >= 0)
			close(event);
		return;
	}
	buf_init(&d->said, SAID_MAX);
	evutil_make_socket_nonblocking(said[0]);
	d->saying = event_new(d->notifier->base, said[0], EV_READ | EV_PERSIST, on_said, d);
	event_add(d->saying, NULL);
	d->deadline = evtimer_new(d->notifier->base, on_late, d);
	evtimer_add(d->deadline, &patience);
	start(d, event, said[1]);
	close(event);
	close(said[1]);
}
