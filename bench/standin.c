/* SPDX-License-Identifier: ISC
 *
 * A prober that probes nothing, for `make bench-scale`: answers an order at once with a recorded
 * observation in which the names, the addresses and the time are its own.  It asks the gate for
 * each address of a host as the real one does, so that the engine has all of its work.
 *
 * Lies under the name `prober` beside the engine, and reads there domain.json, host.json
 * and sweep.json: observations with @D (the subject), @1 and @2 (its mail hosts), @4 and @6 (a
 * host's addresses) and @T (now).  A domain dN.mA.mB.scale.test leads to the hosts mxA.scale.test
 * and mxB.scale.test.  Each order is a line in the file `orders`: milliseconds, subject.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <uthash.h>

#include "channel.h"
#include "clock.h"
#include "mem.h"
#include "message.h"
#include "observation.h"
#include "stamp.h"
#include "text.h"

struct order { /* of a host, while it waits for its gates */
	uint64_t id;
	char subject[256];
	bool sweep;
	int gates;
	UT_hash_handle hh;
};

struct names {
	const char *subject;
	char mx1[64], mx2[64], four[32], six[64];
};

static struct event_base *base;
static struct order *orders;
static char *domain_text, *host_text, *sweep_text;
static FILE *record;

static FILE *open_beside(const char *name, const char *mode)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 64);
	FILE *f;

	path[n > 0 ? n : 0] = '\0';
	snprintf(strrchr(path, '/') + 1, 64, "%s", name);
	f = fopen(path, mode);
	if (f == NULL) {
		perror(path);
		exit(1);
	}
	return f;
}

static char *load(const char *name)
{
	FILE *f = open_beside(name, "r");
	char chunk[4096];
	struct buf text;
	size_t n;

	buf_init(&text, OBS_MAX_BYTES);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&text, chunk, n);
	fclose(f);
	return buf_detach(&text);
}

static void fill(struct buf *out, const char *text, const struct names *n)
{
	char now[STAMP_TEXT];
	const char *at;

	stamp_format(now, clock_now());
	while ((at = strchr(text, '@')) != NULL) {
		buf_add(out, text, (size_t)(at - text));
		switch (at[1]) {
		case 'D':
			buf_addstr(out, n->subject);
			break;
		case '1':
			buf_addstr(out, n->mx1);
			break;
		case '2':
			buf_addstr(out, n->mx2);
			break;
		case '4':
			buf_addstr(out, n->four);
			break;
		case '6':
			buf_addstr(out, n->six);
			break;
		case 'T':
			buf_addstr(out, now);
			break;
		default:
			buf_add(out, at, 2);
		}
		text = at + 2;
	}
	buf_addstr(out, text);
}

static void name_all(struct names *n, const char *subject)
{
	unsigned a = 0, b = 0;

	n->subject = subject;
	if (sscanf(subject, "mx%u.", &a) != 1)
		sscanf(subject, "d%*u.m%u.m%u.", &a, &b);
	snprintf(n->mx1, sizeof(n->mx1), "mx%u.scale.test", a);
	snprintf(n->mx2, sizeof(n->mx2), "mx%u.scale.test", b);
	snprintf(n->four, sizeof(n->four), "198.18.%u.%u", a / 250, a % 250 + 1);
	snprintf(n->six, sizeof(n->six), "2001:db8::%x", a + 1);
}

static void answer(struct channel *c, uint64_t id, const char *subject, const char *text)
{
	struct names n;
	struct buf out;

	name_all(&n, subject);
	buf_init(&out, OBS_MAX_BYTES);
	fill(&out, text, &n);
	channel_send(c, MESSAGE_OBSERVED, id, out.data, out.len);
	buf_clear(&out);
}

static void want(struct channel *c, uint64_t token, const char *address)
{
	const struct message_address m = {.address = address};

	channel_send_shape(c, MESSAGE_WANT, token, &message_address_shape, &m);
}

static void take_host(struct channel *c, uint64_t id, const struct message_order *o)
{
	struct order *h = mem_alloc(sizeof(*h));
	struct names n;

	h->id = id;
	h->sweep = o->sweep;
	text_copy(h->subject, sizeof(h->subject), o->subject);
	HASH_ADD(hh, orders, id, sizeof(h->id), h);
	name_all(&n, o->subject);
	want(c, 2 * id, n.four);
	want(c, 2 * id + 1, n.six);
}

static void go(struct channel *c, uint64_t token)
{
	uint64_t id = token / 2;
	struct order *h;

	HASH_FIND(hh, orders, &id, sizeof(id), h);
	if (h == NULL)
		return;
	channel_send(c, MESSAGE_DONE, token, "{\"address\":\"-\"}", 15);
	if (++h->gates < 2)
		return;
	answer(c, id, h->subject, h->sweep ? sweep_text : host_text);
	HASH_DEL(orders, h);
	free(h);
}

static void take_order(struct channel *c, const struct frame *f)
{
	struct arena *arena = arena_new();
	struct message_order o;
	struct error err;

	if (shape_decode(&message_order_shape, SHAPE_STRICT, f->body, f->len, arena, &o, &err) <
	    0) {
		fprintf(stderr, "standin: %s\n", err.text);
		exit(1);
	}
	fprintf(record, "%lld %s\n", (long long)clock_monotonic_ms(), o.subject);
	if (o.kind == OBS_KIND_HOST)
		take_host(c, f->id, &o);
	else
		answer(c, f->id, o.subject, domain_text);
	arena_free(arena);
}

static void on_frame(struct channel *c, const struct frame *f, int fd, void *arg)
{
	const struct message_self self = {
	    .resolver_answers = true, .resolver_validates = true, .resolver = "stand-in"};

	(void)fd;
	(void)arg;
	switch (f->type) {
	case MESSAGE_SETUP:
		channel_send_shape(c, MESSAGE_SELF, 0, &message_self_shape, &self);
		break;
	case MESSAGE_ORDER:
		take_order(c, f);
		break;
	case MESSAGE_GO:
		go(c, f->id);
		break;
	default:
		break;
	}
}

static void on_gone(struct channel *c, const char *why, void *arg)
{
	(void)c;
	(void)why;
	(void)arg;
	event_base_loopbreak(base);
}

int main(void)
{
	struct channel *engine;

	domain_text = load("domain.json");
	host_text = load("host.json");
	sweep_text = load("sweep.json");
	record = open_beside("orders", "a");
	setvbuf(record, NULL, _IOLBF, 0);
	base = event_base_new();
	engine = channel_new(base, 3, on_frame, on_gone, NULL);
	event_base_dispatch(base);
	channel_free(engine);
	return 0;
}
