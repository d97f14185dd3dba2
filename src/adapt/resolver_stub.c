/* SPDX-License-Identifier: ISC */
#include "resolver_stub.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <getdns/getdns.h>
#include <getdns/getdns_extra.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "mem.h"
#include "name.h"
#include "text.h"

#define IDLE_MS	      30000 /* where the upstream agrees to keep idle connections (RFC 7828) */
#define MAX_UPSTREAMS 8

struct upstream {
	unsigned char address[16];
	size_t len;
	uint32_t port;
	bool loopback;
};

struct ask { /* one question; getdns' while in flight, else in the waiting list */
	struct resolver_stub *s;
	char name[NAME_MAX_TEXT + 1];
	unsigned type, how;
	resolver_stub_cb *cb;
	void *arg;
	struct ask *prev, *next;
};

struct loop { /* what getdns sees of libevent */
	getdns_eventloop vtable;
	struct event_base *base;
};

struct resolver_stub {
	struct loop loop;
	getdns_context *context;
	getdns_dict *checked, *unchecked; /* extensions of a question */
	struct upstream upstreams[MAX_UPSTREAMS];
	size_t n_upstreams;
	int64_t timeout_ms;
	struct ask *waiting;
	size_t n_flight;
	bool closing;
};

/* -- getdns on libevent ------------------------------------------------------------------- */

static void loop_fire(evutil_socket_t fd, short what, void *arg)
{
	getdns_eventloop_event *ev = arg;

	(void)fd;
	if ((what & EV_READ) != 0 && ev->read_cb != NULL)
		ev->read_cb(ev->userarg);
	else if ((what & EV_WRITE) != 0 && ev->write_cb != NULL)
		ev->write_cb(ev->userarg);
	else if ((what & EV_TIMEOUT) != 0 && ev->timeout_cb != NULL)
		ev->timeout_cb(ev->userarg);
}

static getdns_return_t loop_schedule(getdns_eventloop *l, int fd, uint64_t timeout,
				     getdns_eventloop_event *ev)
{
	struct loop *loop = (struct loop *)l;
	struct timeval tv = {(time_t)(timeout / 1000), (suseconds_t)(timeout % 1000) * 1000};
	short what = (short)((ev->read_cb != NULL ? EV_READ | EV_PERSIST : 0) |
			     (ev->write_cb != NULL ? EV_WRITE | EV_PERSIST : 0) |
			     (ev->timeout_cb != NULL ? EV_TIMEOUT : 0));
	struct event *event = event_new(loop->base, fd, what, loop_fire, ev);

	ev->ev = event;
	if (event == NULL ||
	    event_add(event, ev->timeout_cb != NULL && timeout != UINT64_MAX ? &tv : NULL) != 0)
		return GETDNS_RETURN_GENERIC_ERROR;
	return GETDNS_RETURN_GOOD;
}

static getdns_return_t loop_clear(getdns_eventloop *l, getdns_eventloop_event *ev)
{
	(void)l;
	if (ev->ev != NULL)
		event_free(ev->ev);
	ev->ev = NULL;
	return GETDNS_RETURN_GOOD;
}

static void loop_cleanup(getdns_eventloop *l)
{
	(void)l;
}

static void loop_run(getdns_eventloop *l)
{
	event_base_dispatch(((struct loop *)l)->base);
}

static void loop_run_once(getdns_eventloop *l, int blocking)
{
	event_base_loop(((struct loop *)l)->base, blocking ? EVLOOP_ONCE : EVLOOP_NONBLOCK);
}

static getdns_eventloop_vmt loop_methods = {loop_cleanup, loop_schedule, loop_clear, loop_run,
					    loop_run_once};

/* -- setting up ----------------------------------------------------------------------------- */

static bool upstream_parse(const char *s, struct upstream *u)
{
	char host[64], *end;
	const char *colon = strrchr(s, ':'), *bracket = strchr(s, ']');
	unsigned long port = 53;
	size_t len = strlen(s);

	if (*s == '[' && bracket != NULL) {
		s++;
		len = (size_t)(bracket - s);
		colon = bracket[1] == ':' ? bracket + 1 : NULL;
	} else if (colon != NULL && strchr(s, ':') == colon) {
		len = (size_t)(colon - s);
	} else {
		colon = NULL;
	}
	if (len >= sizeof(host))
		return false;
	memcpy(host, s, len);
	host[len] = '\0';
	if (colon != NULL) {
		port = strtoul(colon + 1, &end, 10);
		if (*end != '\0' || port == 0 || port > 65535)
			return false;
	}
	u->port = (uint32_t)port;
	u->len = strchr(host, ':') != NULL ? 16 : 4;
	u->loopback = name_address_class(host) == NAME_ADDRESS_LOOPBACK;
	return inet_pton(u->len == 16 ? AF_INET6 : AF_INET, host, u->address) == 1;
}

static int upstreams_parse(struct resolver_stub *s, const char *const *upstreams, size_t n,
			   struct error *err)
{
	if (n == 0 || n > MAX_UPSTREAMS)
		return error_set(err, "resolver.upstreams: one to %d are wanted", MAX_UPSTREAMS);
	s->n_upstreams = n;
	for (size_t i = 0; i < n; i++)
		if (!upstream_parse(upstreams[i], &s->upstreams[i]))
			return error_set(err, "resolver.upstreams: \"%.64s\" is not an address",
					 upstreams[i]);
	return 0;
}

static bool upstream_add(getdns_list *list, size_t i, const struct upstream *u)
{
	getdns_bindata type = {4, (uint8_t *)(u->len == 16 ? "IPv6" : "IPv4")};
	getdns_bindata data = {u->len, (uint8_t *)u->address};
	getdns_dict *d = getdns_dict_create();
	bool ok = d != NULL && getdns_dict_set_bindata(d, "address_type", &type) == 0 &&
		  getdns_dict_set_bindata(d, "address_data", &data) == 0 &&
		  getdns_dict_set_int(d, "port", u->port) == 0 &&
		  getdns_list_set_dict(list, i, d) == 0;

	getdns_dict_destroy(d);
	return ok;
}

static bool upstreams_set(getdns_context *context, const struct resolver_stub *s)
{
	getdns_list *list = getdns_list_create();
	bool ok = list != NULL;

	for (size_t i = 0; ok && i < s->n_upstreams; i++)
		ok = upstream_add(list, i, &s->upstreams[i]);
	ok = ok && getdns_context_set_upstream_recursive_servers(context, list) == 0;
	getdns_list_destroy(list);
	return ok;
}

/* The order matters: the transport list after the upstreams, the idle timeout after both. */
static getdns_context *context_new(struct resolver_stub *s)
{
	getdns_transport_list_t tcp = GETDNS_TRANSPORT_TCP;
	getdns_context *context = NULL;

	if (getdns_context_create(&context, 0) == 0 &&
	    getdns_context_set_eventloop(context, &s->loop.vtable) == 0 &&
	    getdns_context_set_resolution_type(context, GETDNS_RESOLUTION_STUB) == 0 &&
	    upstreams_set(context, s) &&
	    getdns_context_set_dns_transport_list(context, 1, &tcp) == 0 &&
	    getdns_context_set_idle_timeout(context, IDLE_MS) == 0 &&
	    getdns_context_set_timeout(context, (uint64_t)s->timeout_ms) == 0)
		return context;
	getdns_context_destroy(context);
	return NULL;
}

static getdns_dict *extensions(bool unchecked)
{
	getdns_dict *d = getdns_dict_create();

	if (d == NULL || getdns_dict_set_int(d, "/header/ad", 1) != 0 ||
	    getdns_dict_set_int(d, "/add_opt_parameters/do_bit", 1) != 0 ||
	    (unchecked && getdns_dict_set_int(d, "/header/cd", 1) != 0)) {
		getdns_dict_destroy(d);
		return NULL;
	}
	return d;
}

struct resolver_stub *resolver_stub_new(struct event_base *base, const char *const *upstreams,
					size_t n, int64_t timeout_ms, struct error *err)
{
	struct resolver_stub *s = mem_alloc(sizeof(*s));

	s->loop.vtable.vmt = &loop_methods;
	s->loop.base = base;
	s->timeout_ms = timeout_ms;
	s->checked = extensions(false);
	s->unchecked = extensions(true);
	if (upstreams_parse(s, upstreams, n, err) == 0) {
		s->context = context_new(s);
		if (s->context != NULL && s->checked != NULL && s->unchecked != NULL)
			return s;
		error_set(err, "getdns does not start");
	}
	resolver_stub_free(s);
	return NULL;
}

bool resolver_stub_is_loopback(const struct resolver_stub *s)
{
	for (size_t i = 0; i < s->n_upstreams; i++)
		if (!s->upstreams[i].loopback)
			return false;
	return true;
}

/* -- asking ----------------------------------------------------------------------------------- */

static void ask_begin(struct ask *a);

static void ask_end(struct ask *a, enum resolver_stub_end end, const void *wire, size_t len)
{
	a->cb(end, wire, len, a->arg);
	free(a);
}

/* Asks that fail inside getdns_general() call back at once; the loop ends with the list. */
static void ask_waiting(struct resolver_stub *s)
{
	while (s->waiting != NULL && s->n_flight < RESOLVER_STUB_FLIGHT) {
		struct ask *a = s->waiting;

		DL_DELETE(s->waiting, a);
		ask_begin(a);
	}
}

static void on_reply(getdns_context *context, getdns_callback_type_t type, getdns_dict *response,
		     void *arg, getdns_transaction_t id)
{
	struct ask *a = arg;
	struct resolver_stub *s = a->s;
	getdns_bindata *wire = NULL;

	(void)context, (void)id;
	s->n_flight--;
	if (response != NULL && type == GETDNS_CALLBACK_COMPLETE &&
	    getdns_dict_get_bindata(response, "/replies_full/0", &wire) == 0)
		ask_end(a, RESOLVER_STUB_REPLY, wire->data, wire->size);
	else
		ask_end(a,
			type == GETDNS_CALLBACK_TIMEOUT ? RESOLVER_STUB_TIMEOUT
							: RESOLVER_STUB_BROKEN,
			NULL, 0);
	getdns_dict_destroy(response);
	if (!s->closing)
		ask_waiting(s);
}

static void ask_begin(struct ask *a)
{
	struct resolver_stub *s = a->s;
	getdns_dict *with = (a->how & RESOLVER_STUB_UNCHECKED) != 0 ? s->unchecked : s->checked;

	s->n_flight++;
	if (!s->closing && s->context != NULL &&
	    getdns_general(s->context, a->name, (uint16_t)a->type, with, a, NULL, on_reply) == 0)
		return;
	s->n_flight--;
	ask_end(a, RESOLVER_STUB_BROKEN, NULL, 0);
}

void resolver_stub_ask(struct resolver_stub *s, const char *name, unsigned type, unsigned how,
		       resolver_stub_cb *cb, void *arg)
{
	struct ask *a = mem_alloc(sizeof(*a));

	a->s = s;
	snprintf(a->name, sizeof(a->name), "%s.", strcmp(name, ".") == 0 ? "" : name);
	a->type = type;
	a->how = how;
	a->cb = cb;
	a->arg = arg;
	if ((how & RESOLVER_STUB_URGENT) != 0 || s->closing) {
		ask_begin(a);
		return;
	}
	DL_APPEND(s->waiting, a);
	ask_waiting(s);
}

/* -- new connections, and the end ----------------------------------------------------------------
 */

/* getdns calls back what it holds; nothing new is asked meanwhile. */
static void context_drop(struct resolver_stub *s)
{
	getdns_context *context = s->context;

	s->closing = true;
	s->context = NULL;
	getdns_context_destroy(context);
}

int resolver_stub_reconnect(struct resolver_stub *s, struct error *err)
{
	context_drop(s);
	s->closing = false;
	s->context = context_new(s);
	ask_waiting(s);
	return s->context != NULL ? 0 : error_set(err, "getdns does not start again");
}

void resolver_stub_free(struct resolver_stub *s)
{
	if (s == NULL)
		return;
	context_drop(s);
	while (s->waiting != NULL) {
		struct ask *a = s->waiting;

		DL_DELETE(s->waiting, a);
		ask_end(a, RESOLVER_STUB_BROKEN, NULL, 0);
	}
	getdns_dict_destroy(s->checked);
	getdns_dict_destroy(s->unchecked);
	free(s);
}
