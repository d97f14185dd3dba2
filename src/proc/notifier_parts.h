/* SPDX-License-Identifier: ISC
 *
 * What the notifier's own files share.
 */
#ifndef NOTIFIER_PARTS_H
#define NOTIFIER_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "arena.h"
#include "buf.h"
#include "channel.h"
#include "conf.h"
#include "message.h"
#include "notice.h"

struct beat;
struct bufferevent;
struct event;
struct event_base;
struct hook;

struct notifier {
	struct event_base *base;
	struct channel *channel;
	struct hook *hook;
	char courier[4096];	     /* path of the program */
	struct delivery *deliveries; /* in flight */
	size_t in_flight;
	struct beat *beats; /* places ever asked for */
	struct event *on_child;
	struct arena *arena; /* of the setup */
	struct buf setup;    /* as it came */
	bool set_up;
	bool stopping;
};

struct delivery {
	struct notifier *notifier;
	struct delivery *prev, *next;
	uint64_t id;
	int64_t attempt;
	struct arena *arena;
	struct conf_receiver receiver;
	struct notice notice;
	struct notice *item; /* of a digest */
	size_t n_items;
	/* HTTP */
	size_t posts;		     /* not yet answered */
	struct message_sent outcome; /* of those that were */
	/* mail */
	pid_t courier;
	struct bufferevent *line;
	struct event *deadline;
	/* a program */
	pid_t program;
	struct event *saying; /* what it says arrives */
	struct buf said;      /* the beginning of it */
};

/* -- notifier.c -- */

/* The end of a delivery: its outcome goes to the engine, d is gone. */
void notifier_finish(struct delivery *d, const struct message_sent *sent);
void notifier_give_up(struct delivery *d, int outcome, const char *text);

/* A list of canonical events, from arena; NULL with err when malformed. */
struct notice *notifier_list(const char *text, struct arena *arena, size_t *n, struct error *err);

/* -- notifier_exec.c -- */

void notifier_exec_init(struct notifier *n);
/* Deliver to a program: argv as configured, the event (format json) on standard input. */
void notifier_exec(struct delivery *d);
/* Whatever runs for d is killed. */
void notifier_exec_end(struct delivery *d);
/* The interpreter a script names in its first line, NULL if it is none; from arena. */
const char *notifier_interpreter(const char *path, struct arena *arena);

/* -- notifier_beat.c -- */

/* GET the place of a frame BEAT, unless the last one there is still under way; a failure and
 * its end are logged once, nothing is tried again. */
void notifier_beat(struct notifier *n, const struct frame *f);
/* POST the notices of a frame RENEW to every member of an Alertmanager cluster; failures as
 * above. */
void notifier_renew(struct notifier *n, const struct frame *f);
void notifier_beat_end(struct notifier *n);

#endif
