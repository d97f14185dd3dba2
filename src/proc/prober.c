/* SPDX-License-Identifier: ISC */
#include "prober.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "channel.h"
#include "clock.h"
#include "domain.h"
#include "gate.h"
#include "host.h"
#include "https.h"
#include "log.h"
#include "lookout.h"
#include "mem.h"
#include "message.h"
#include "privdrop.h"
#include "resolver.h"
#include "sandbox.h"
#include "stream.h"
#include "vantage.h"

#define MAX_FILES      65536
#define CACHE_MAX      20000
#define DISPATCH_MS    5 /* a turn of the loop, so that timers are not late */
#define DISPATCH_CALLS 16

struct order {
	struct prober *p;
	uint64_t id;
	struct arena *arena;
	struct message_order order;
	int64_t came_ms;
	struct domain_probe *domain; /* one of them while it is in work */
	struct host_probe *host;
	struct order *prev, *next;
};

struct prober {
	struct event_base *base;
	struct channel *engine;
	struct arena *arena; /* of the setup */
	struct message_setup setup;
	bool set_up, seeing;
	char *resolver_name;
	struct vantage vantage;
	struct lookout *lookout;
	struct order *waiting, *working;
	size_t n_working;
	struct event *begin; /* orders that may begin now */
	int status;
};

static void stop(struct prober *p, int status)
{
	p->status = status;
	event_base_loopbreak(p->base);
}

static size_t at_once(const struct prober *p)
{
	return p->setup.concurrency > 0 ? (size_t)p->setup.concurrency : 1;
}

/* -- what goes back -------------------------------------------------------------------------------
 */

static void failed(const struct order *o, const char *text, struct observation *out)
{
	memset(out, 0, sizeof(*out));
	out->v = OBS_VERSION;
	out->kind = o->order.kind;
	out->subject = o->order.subject;
	out->at = clock_now();
	out->took_ms = clock_monotonic_ms() - o->came_ms;
	out->vantage = o->p->vantage.self;
	out->failure.class = OBS_CLASS_LOCAL;
	out->failure.text = text;
}

static void send_observation(const struct order *o, const struct observation *seen)
{
	struct observation instead;
	struct buf out;

	buf_init(&out, OBS_MAX_BYTES);
	if (!observation_encode(seen, &out)) {
		log_warning("order", "%s: the document is too large", o->order.subject);
		failed(o, "what was seen is too large for a document", &instead);
		buf_clear(&out);
		observation_encode(&instead, &out);
	}
	channel_send(o->p->engine, MESSAGE_OBSERVED, o->id, out.data, out.len);
	buf_clear(&out);
}

/* -- orders
 * ---------------------------------------------------------------------------------------- */

static void order_free(struct order *o)
{
	domain_probe_cancel(o->domain);
	host_probe_cancel(o->host);
	arena_free(o->arena);
	free(o);
}

static void orders_begin(struct prober *p)
{
	event_active(p->begin, EV_TIMEOUT, 0);
}

static void on_done(const struct observation *seen, void *arg)
{
	struct order *o = arg;
	struct prober *p = o->p;

	send_observation(o, seen);
	o->domain = NULL; /* the probe frees itself behind this */
	o->host = NULL;
	DL_DELETE(p->working, o);
	p->n_working--;
	order_free(o);
	orders_begin(p);
}

/* The time it waited here is part of its deadline. */
static void order_begin(struct order *o)
{
	struct prober *p = o->p;

	o->order.deadline_ms -= clock_monotonic_ms() - o->came_ms;
	if (o->order.deadline_ms <= 0) {
		struct observation late;

		failed(o, "the prober was too busy to begin in time", &late);
		send_observation(o, &late);
		order_free(o);
		return;
	}
	DL_APPEND(p->working, o);
	p->n_working++;
	if (o->order.kind == OBS_KIND_HOST)
		o->host = host_probe_start(&p->vantage, &o->order, on_done, o);
	else
		o->domain = domain_probe_start(&p->vantage, &o->order, on_done, o);
}

static void on_begin(evutil_socket_t fd, short what, void *arg)
{
	struct prober *p = arg;

	(void)fd, (void)what;
	while (p->seeing && p->waiting != NULL && p->n_working < 2 * at_once(p)) {
		struct order *o = p->waiting;

		DL_DELETE(p->waiting, o);
		order_begin(o);
	}
}

static void take_order(struct prober *p, const struct frame *f)
{
	struct order *o = mem_alloc(sizeof(*o));
	struct error err;

	o->p = p;
	o->id = f->id;
	o->arena = arena_new();
	o->came_ms = clock_monotonic_ms();
	if (!p->set_up || shape_decode(&message_order_shape, SHAPE_STRICT, f->body, f->len,
				       o->arena, &o->order, &err) != 0) {
		log_error("order", "%s", p->set_up ? err.text : "it came before the setup");
		order_free(o);
		stop(p, 1);
		return;
	}
	DL_APPEND(p->waiting, o);
	orders_begin(p);
}

/* -- setting the stage
 * -------------------------------------------------------------------------------- */

static void on_view(const char *text, void *arg)
{
	struct prober *p = arg;
	const struct obs_vantage *self = &p->vantage.self;
	const struct message_self message = {
	    .resolver_answers = self->resolver_answers,
	    .resolver_validates = self->resolver_validates,
	    .resolver = p->resolver_name,
	    .no_ipv4 = self->no_ipv4,
	    .no_ipv6 = self->no_ipv6,
	    .no_ca = self->no_ca,
	    .text = text,
	};

	channel_send_shape(p->engine, MESSAGE_SELF, 0, &message_self_shape, &message);
	p->seeing = true;
	orders_begin(p);
}

static char *join_upstreams(const struct message_setup *s)
{
	struct buf out;

	buf_init(&out, 1024);
	for (size_t i = 0; i < s->n_upstreams; i++)
		buf_printf(&out, "%s%s", i > 0 ? ", " : "", s->upstreams[i]);
	return buf_detach(&out);
}

static int make_vantage(struct prober *p, struct error *err)
{
	const struct message_setup *s = &p->setup;
	const struct resolver_config config = {
	    .upstreams = s->upstreams,
	    .n_upstreams = s->n_upstreams,
	    .trust_ad = s->trust_ad,
	    .timeout_ms = s->resolver_timeout_ms,
	    .cache_max = CACHE_MAX,
	};
	struct vantage *v = &p->vantage;

	v->base = p->base;
	v->setup = s;
	v->resolver = resolver_new(p->base, &config, err);
	if (v->resolver == NULL)
		return -1;
	v->tls = stream_context_new(p->base, s->ca_file, s->ca_path, err);
	if (v->tls == NULL)
		return -1;
	v->https = https_new(p->base, stream_context_trust(v->tls));
	v->gate = gate_new(p->base, p->engine, at_once(p));
	p->resolver_name = join_upstreams(s);
	p->lookout = lookout_new(v, on_view, p);
	return 0;
}

static void drop_vantage(struct prober *p)
{
	lookout_free(p->lookout);
	https_free(p->vantage.https);
	resolver_free(p->vantage.resolver);
	gate_free(p->vantage.gate);
	if (p->vantage.tls != NULL)
		stream_context_free(p->vantage.tls);
	free(p->resolver_name);
}

static void take_setup(struct prober *p, const struct frame *f)
{
	const struct sandbox_config box = {0};
	struct error err;

	if (p->set_up) {
		log_info("setup", "a new one came: the next prober begins with it");
		stop(p, 0);
		return;
	}
	if (shape_decode(&message_setup_shape, SHAPE_STRICT, f->body, f->len, p->arena, &p->setup,
			 &err) != 0 ||
	    make_vantage(p, &err) != 0) {
		log_error("setup", "%s", err.text);
		stop(p, 1);
		return;
	}
	p->set_up = true;
	sandbox_enter(SANDBOX_PROBER, &box);
}

/* -- the channel
 * ---------------------------------------------------------------------------------------- */

static void on_frame(struct channel *c, const struct frame *f, int fd, void *arg)
{
	struct prober *p = arg;

	(void)c, (void)fd;
	if (f->type == MESSAGE_SETUP) {
		take_setup(p, f);
	} else if (f->type == MESSAGE_ORDER) {
		take_order(p, f);
	} else if (f->type == MESSAGE_GO && p->set_up) {
		gate_granted(p->vantage.gate, f->id);
	} else if (f->type == MESSAGE_STOP) {
		stop(p, 0);
	} else {
		log_error("engine", "a frame of type %u is out of place", f->type);
		stop(p, 1);
	}
}

static void on_gone(struct channel *c, const char *why, void *arg)
{
	(void)c;
	if (strcmp(why, "EOF") != 0)
		log_error("engine", "%s", why);
	stop(arg, strcmp(why, "EOF") != 0);
}

static struct event_base *base_new(void)
{
	const struct timeval turn = {0, DISPATCH_MS * 1000};
	struct event_config *config = event_config_new();
	struct event_base *base;

	event_config_set_max_dispatch_interval(config, &turn, DISPATCH_CALLS, 1);
	base = event_base_new_with_config(config);
	event_config_free(config);
	if (base == NULL || event_base_priority_init(base, 2) != 0)
		log_fatal("start", "no event loop");
	return base;
}

int prober_run(int fd)
{
	struct prober p = {0};
	struct order *o, *next;

	privdrop_raise_files(MAX_FILES);
	p.base = base_new();
	p.arena = arena_new();
	p.begin = event_new(p.base, -1, 0, on_begin, &p);
	p.engine = channel_new(p.base, fd, on_frame, on_gone, &p);
	event_base_dispatch(p.base);
	DL_FOREACH_SAFE(p.working, o, next)
	order_free(o);
	DL_FOREACH_SAFE(p.waiting, o, next)
	order_free(o);
	drop_vantage(&p);
	channel_free(p.engine);
	event_free(p.begin);
	arena_free(p.arena);
	event_base_free(p.base);
	return p.status;
}
