/* SPDX-License-Identifier: ISC
 *
 * One child of mxwatchd: started while it is wanted, again when it dies, ended when it is
 * not wanted any more.  Nothing here knows what the child does; parent.c does.
 *
 * A child has ended when both are known: its line to us is at EOF, and its status is collected.
 * EOF comes first or makes sure (who lets go of the line is killed).  The private resolver,
 * a foreign program, has no line: its status alone counts.
 */
#ifndef CHILD_H
#define CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct child;
struct event;
struct event_base;
struct privdrop;

struct child_ops {
	struct event_base *base;
	const char *file;		/* the engine's -c */
	const char *trust_anchor;	/* the resolver's */
	const struct privdrop *account; /* NULL = ours */
	/* It runs.  fd (the callee owns it): our end of the engine's channel, for the others the
	 * engine's end of theirs; -1 with a resolver, whose port is child->port. */
	void (*started)(struct child *c, int fd, void *arg);
	/* It has ended; status is waitpid's.  Whether it starts again is up to child->wanted. */
	void (*ended)(struct child *c, int status, void *arg);
	void *arg;
};

struct child {
	const struct child_ops *ops;
	int role; /* enum message_role */
	int64_t instance;
	bool wanted;
	pid_t pid;     /* 0 = none */
	uint16_t port; /* of a resolver; 0 = it could not be started */
	/* private */
	bool gone, reaped, dismissed;
	int status;
	struct event *lifeline, *again;
	int64_t started_ms;
	unsigned failures;
};

void child_init(struct child *c, const struct child_ops *ops, int role, int64_t instance);
void child_clear(struct child *c);
const char *child_name(const struct child *c, char out[32]);

/* Have it run from now on. */
void child_want(struct child *c);
/* Have it not run; kills it. */
void child_dismiss(struct child *c);
/* Send a signal, if there is a process. */
void child_kill(struct child *c, int signal);
/* The line is at EOF (the engine's channel; lifelines are watched in here). */
void child_gone(struct child *c);
/* Its status was collected. */
void child_reaped(struct child *c, int status);

#endif
