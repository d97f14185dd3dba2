/* SPDX-License-Identifier: ISC
 *
 * Addresses first; then everything else at once: TLSA (RFC 7672 section 2.2), CAA (RFC 8659
 * section 3), PTR and its confirmation, and a task per address and port.  The probe ends when
 * nothing is open any more, or at its deadline with what is known.
 */
#include "host.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "clock.h"
#include "dns_message.h"
#include "lookup.h"
#include "mem.h"
#include "name.h"
#include "session.h"
#include "sweep.h"

#define MAX_PTR_NAMES 8
#define MAX_CAA_CLIMB 12
#define MARGIN_MS     250 /* of the deadline, to put the document together */

enum { ALERT_HANDSHAKE_FAILURE = 40, ALERT_INSUFFICIENT_SECURITY = 71 };

struct task { /* one address and port */
	struct host_probe *probe;
	struct obs_service *service;
	struct session_params params;
	struct session *session;
	struct sweep *sweep;
	struct obs_service *anonymous; /* facts of the second try */
};

struct host_probe {
	struct vantage *vantage;
	struct message_order order; /* strings borrowed */
	host_done_cb *done;
	void *arg;
	struct arena *arena;
	struct observation *o;
	struct obs_host *host;
	struct lookups *lookups;
	struct task *tasks;
	size_t n_tasks;
	size_t talking; /* tasks with a session or a sweep */
	struct event timer;
	int64_t began_ms;
	const char *caa_name;
	int caa_climbed;
	bool finished;
};

static void finish(struct host_probe *p)
{
	if (p->finished)
		return;
	p->finished = true;
	event_del(&p->timer);
	event_active(&p->timer, EV_TIMEOUT, 0);
}

static void finish_if_idle(struct host_probe *p)
{
	if (p->talking == 0 && lookups_open(p->lookups) == 0)
		finish(p);
}

/* -- PTR and its confirmation, the name in the greeting -------------------------------------- */

static bool has_address(const struct resolver_answer *a, const char *address)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->rr[i].text && strcmp(a->rr[i].text, address) == 0)
			return true;
	return false;
}

static bool was_answered(const struct resolver_answer *a)
{
	return a->head.status != OBS_DNS_FAILED && a->head.status != OBS_DNS_UNASKED;
}

static unsigned address_type(const char *address)
{
	return strchr(address, ':') ? DNS_AAAA : DNS_A;
}

struct forward { /* one PTR name on its way back */
	struct task *task;
	const char *name;
};

static void forward_answered(const struct resolver_answer *a, void *context, void *arg)
{
	struct forward *f = context;
	struct obs_service *s = f->task->service;

	if (!was_answered(a))
		s->ptr_asked_forward = false;
	else if (has_address(a, s->address))
		((const char **)s->ptr_confirmed)[s->n_ptr_confirmed++] = f->name;
	finish_if_idle(arg);
}

static void ptr_answered(const struct resolver_answer *a, void *context, void *arg)
{
	struct host_probe *p = arg;
	struct task *t = context;
	struct obs_service *s = t->service;

	answer_names(a, MAX_PTR_NAMES, p->arena, &s->ptr);
	s->ptr_confirmed = arena_array(p->arena, s->ptr.n + 1, sizeof(*s->ptr_confirmed));
	s->ptr_asked_forward = was_answered(a);
	for (size_t i = 0; i < s->ptr.n; i++) {
		struct forward *f = arena_alloc(p->arena, sizeof(*f));

		f->task = t;
		f->name = s->ptr.value[i];
		if (name_is_host(f->name))
			lookup_ask(p->lookups, f->name, address_type(s->address), forward_answered,
				   f);
	}
	finish_if_idle(p);
}

static void ask_ptr(struct task *t)
{
	char name[NAME_MAX_TEXT];

	if (name_reverse(name, t->service->address))
		lookup_ask(t->probe->lookups, name, DNS_PTR, ptr_answered, t);
}

static void banner_answered(const struct resolver_answer *a, void *context, void *arg)
{
	struct task *t = context;

	if (!was_answered(a))
		t->service->banner_matches = OBS_OFFER_UNKNOWN;
	else
		t->service->banner_matches =
		    has_address(a, t->service->address) ? OBS_OFFER_YES : OBS_OFFER_NO;
	finish_if_idle(arg);
}

/* The first word of the greeting (RFC 5321 section 4.2): false if it is not a host name. */
static bool banner_name(const struct obs_service *s, char name[NAME_MAX_TEXT])
{
	char word[NAME_MAX_TEXT + 1];
	size_t len = strcspn(s->greeting, " ");

	if (len >= sizeof(word))
		return false;
	memcpy(word, s->greeting, len);
	word[len] = '\0';
	return name_fold_host(name, word);
}

static void ask_banner(struct task *t)
{
	struct obs_service *s = t->service;
	char name[NAME_MAX_TEXT];

	if (s->greeting_code != 220 || !s->greeting)
		return;
	if (!banner_name(s, name))
		s->banner_matches = OBS_OFFER_NO;
	else if (name_equal(name, t->probe->order.subject))
		s->banner_matches = OBS_OFFER_YES; /* it led us here */
	else
		lookup_ask(t->probe->lookups, name, address_type(s->address), banner_answered, t);
}

/* Once everything is in: a greeting that says what the PTR says is right as well. */
static void compare_banner_with_ptr(struct obs_service *s)
{
	char name[NAME_MAX_TEXT];

	if (s->banner_matches != OBS_OFFER_NO || !banner_name(s, name))
		return;
	for (size_t i = 0; i < s->ptr.n; i++)
		if (name_equal(s->ptr.value[i], name))
			s->banner_matches = OBS_OFFER_YES;
}

/* -- talk ------------------------------------------------------------------------------------ */

static bool is_smtp_port(const struct host_probe *p, int64_t port)
{
	return port == 25 || port == p->vantage->setup->port_smtp;
}

static void through(struct task *t)
{
	t->probe->talking--;
	finish_if_idle(t->probe);
}

static void sweep_done(void *arg)
{
	struct task *t = arg;

	t->sweep = NULL;
	through(t);
}

/* In a family we have no route for, a connection that fails says nothing about them. */
static void blame_ourselves(struct task *t)
{
	const struct obs_vantage *self = &t->probe->vantage->self;
	struct obs_failure *f = &t->service->failure;

	if (f->stage == OBS_STAGE_CONNECT && f->class != OBS_CLASS_NONE &&
	    (strchr(t->service->address, ':') ? self->no_ipv6 : self->no_ipv4))
		f->class = OBS_CLASS_LOCAL;
}

static void after_session(struct task *t)
{
	struct host_probe *p = t->probe;
	struct obs_service *s = t->service;
	bool smtp = is_smtp_port(p, s->port);

	blame_ourselves(t);
	if (smtp)
		ask_banner(t);
	if (p->order.sweep &&
	    (s->tls || s->failure.class == OBS_CLASS_NONE || s->failure.class == OBS_CLASS_TLS))
		t->sweep = sweep_start(p->vantage, &t->params, smtp && p->order.relay_test, s,
				       p->arena, sweep_done, t);
	else
		through(t);
}

static void fill_params(struct task *t)
{
	struct host_probe *p = t->probe;
	const struct message_setup *setup = p->vantage->setup;
	struct session_params *params = &t->params;
	int64_t port = t->service->port;
	bool six = strchr(t->service->address, ':') != NULL;

	params->target.address = t->service->address;
	params->target.port = port == 25 && setup->port_smtp ? setup->port_smtp : port;
	params->target.source = six ? setup->source_ipv6 : setup->source_ipv4;
	params->dialogue.helo = setup->helo ? setup->helo : "localhost";
	params->dialogue.tls = t->service->implicit_tls ? DIALOGUE_IMPLICIT : DIALOGUE_STARTTLS;
	params->tls = (struct stream_tls){.sni = p->order.subject};
	params->connect_ms = p->order.connect_ms;
	params->smtp_ms = p->order.smtp_ms;
	params->until_ms = p->began_ms + p->order.deadline_ms - MARGIN_MS;
}

/* A server without a certificate of its own speaks anonymous suites only. */
static void anonymous_done(const struct session_result *result, void *arg)
{
	struct task *t = arg;
	struct obs_service *s = t->service, *second = t->anonymous;

	(void)result;
	t->session = NULL;
	if (second->tls) {
		second->address = s->address;
		second->port = s->port;
		second->implicit_tls = s->implicit_tls;
		second->ptr = s->ptr;
		second->ptr_confirmed = s->ptr_confirmed;
		second->n_ptr_confirmed = s->n_ptr_confirmed;
		second->ptr_asked_forward = s->ptr_asked_forward;
		*s = *second;
	} else {
		fill_params(t);
	}
	after_session(t);
}

static void session_done(const struct session_result *result, void *arg)
{
	struct task *t = arg;
	const struct obs_failure *f = &t->service->failure;

	(void)result;
	t->session = NULL;
	if (f->class == OBS_CLASS_TLS &&
	    (f->code == ALERT_HANDSHAKE_FAILURE || f->code == ALERT_INSUFFICIENT_SECURITY)) {
		t->params.tls.ciphers = STREAM_ANONYMOUS;
		t->params.tls.max_version = STREAM_TLS1_2;
		t->anonymous = arena_alloc(t->probe->arena, sizeof(*t->anonymous));
		t->session = session_start(t->probe->vantage, &t->params, t->anonymous,
					   t->probe->arena, anonymous_done, t);
		return;
	}
	after_session(t);
}

static void leave_alone(struct task *t, enum obs_class class, const char *text)
{
	struct obs_failure *f = &t->service->failure;

	f->stage = OBS_STAGE_CONNECT;
	f->class = class;
	f->text = text;
}

static const char *forbidden(const char *address)
{
	switch (name_address_class(address)) {
	case NAME_ADDRESS_PUBLIC:
		return NULL;
	case NAME_ADDRESS_PRIVATE:
		return "a private address: not contacted";
	case NAME_ADDRESS_LOOPBACK:
		return "a loopback address: not contacted";
	case NAME_ADDRESS_RESERVED:
		return "a reserved address: not contacted";
	case NAME_ADDRESS_INVALID:
		break;
	}
	return "not an address";
}

static void start_task(struct task *t)
{
	struct host_probe *p = t->probe;
	const struct message_setup *setup = p->vantage->setup;
	const char *why = forbidden(t->service->address);

	if (why && !setup->allow_private) {
		leave_alone(t, OBS_CLASS_FORBIDDEN, why);
		return;
	}
	if (is_smtp_port(p, t->service->port))
		ask_ptr(t);
	if (setup->ipv6_off && strchr(t->service->address, ':')) {
		leave_alone(t, OBS_CLASS_LOCAL, "IPv6 is off here");
		return;
	}
	fill_params(t);
	p->talking++;
	t->session = session_start(p->vantage, &t->params, t->service, p->arena, session_done, t);
}

static void add_tasks(struct host_probe *p, int64_t port, const struct obs_names *names)
{
	for (size_t i = 0; i < names->n; i++) {
		struct task *t = &p->tasks[p->n_tasks];

		t->probe = p;
		t->service = &p->host->services[p->n_tasks++];
		t->service->address = names->value[i];
		t->service->port = port;
		t->service->implicit_tls = port == 465;
	}
}

static void talk(struct host_probe *p)
{
	struct obs_host *h = p->host;
	size_t n = (h->a.n + h->aaaa.n) * p->order.n_ports;

	h->services = arena_array(p->arena, n, sizeof(*h->services));
	p->tasks = arena_array(p->arena, n, sizeof(*p->tasks));
	for (size_t i = 0; i < p->order.n_ports; i++) {
		int64_t port = strtol(p->order.ports[i], NULL, 10);

		add_tasks(p, port, &h->a);
		add_tasks(p, port, &h->aaaa);
	}
	h->n_services = p->n_tasks;
	for (size_t i = 0; i < p->n_tasks; i++)
		start_task(&p->tasks[i]);
}

/* -- TLSA and CAA ---------------------------------------------------------------------------- */

static void ask_tlsa(struct host_probe *p, struct obs_tlsa *tlsa, const char *base);

static void tlsa_answered(const struct resolver_answer *a, void *context, void *arg)
{
	struct host_probe *p = arg;
	struct obs_tlsa *tlsa = context;

	answer_tlsa(a, p->arena, tlsa);
	if ((a->head.status == OBS_DNS_NODATA || a->head.status == OBS_DNS_NXDOMAIN) &&
	    !name_equal(tlsa->base, p->order.subject))
		ask_tlsa(p, tlsa, p->order.subject);
	finish_if_idle(p);
}

static void ask_tlsa(struct host_probe *p, struct obs_tlsa *tlsa, const char *base)
{
	char name[NAME_MAX_TEXT];
	const char *question = arena_printf(p->arena, "_%lld._tcp.%s", (long long)tlsa->port, base);

	tlsa->base = base;
	if (name_fold(name, question))
		lookup_ask(p->lookups, name, DNS_TLSA, tlsa_answered, tlsa);
}

/* The name whose TLSA records count first: the end of a secure CNAME chain, else the host
 * (RFC 7672 section 2.2.3). */
static const char *tlsa_base(const struct host_probe *p)
{
	const struct obs_answer *answers[] = {&p->host->a.dns, &p->host->aaaa.dns};

	for (size_t i = 0; i < 2; i++)
		if (answers[i]->status == OBS_DNS_ANSWER &&
		    answers[i]->dnssec == OBS_DNSSEC_SECURE && answers[i]->cname)
			return answers[i]->cname;
	return p->order.subject;
}

static void ask_all_tlsa(struct host_probe *p)
{
	struct obs_host *h = p->host;

	h->tlsa = arena_array(p->arena, p->order.n_ports, sizeof(*h->tlsa));
	h->n_tlsa = p->order.n_ports;
	for (size_t i = 0; i < h->n_tlsa; i++) {
		h->tlsa[i].port = strtol(p->order.ports[i], NULL, 10);
		ask_tlsa(p, &h->tlsa[i], tlsa_base(p));
	}
}

static void caa_answered(const struct resolver_answer *a, void *context, void *arg)
{
	struct host_probe *p = arg;
	const char *parent = name_parent(p->caa_name);

	(void)context;
	answer_caa(a, p->arena, &p->host->caa);
	if (a->head.status == OBS_DNS_ANSWER) {
		p->host->caa.base = p->caa_name;
	} else if (was_answered(a) && a->head.status != OBS_DNS_BOGUS && parent && *parent &&
		   ++p->caa_climbed < MAX_CAA_CLIMB) {
		p->caa_name = parent;
		lookup_ask(p->lookups, parent, DNS_CAA, caa_answered, NULL);
	}
	finish_if_idle(p);
}

/* -- addresses ------------------------------------------------------------------------------- */

static void addresses_answered(const struct resolver_answer *a, void *context, void *arg)
{
	struct host_probe *p = arg;
	struct obs_names *names = context;
	struct obs_host *h = p->host;

	answer_names(a, OBS_MAX_ADDRESSES, p->arena, names);
	if (h->a.dns.status == OBS_DNS_UNASKED || h->aaaa.dns.status == OBS_DNS_UNASKED)
		return; /* the other one is still to come */
	if (p->order.dane)
		ask_all_tlsa(p);
	if (h->a.n + h->aaaa.n > 0) {
		p->caa_name = p->order.subject;
		lookup_ask(p->lookups, p->caa_name, DNS_CAA, caa_answered, NULL);
	}
	talk(p);
	finish_if_idle(p);
}

/* -- life ------------------------------------------------------------------------------------ */

static void release(struct host_probe *p)
{
	event_del(&p->timer);
	for (size_t i = 0; i < p->n_tasks; i++) {
		session_cancel(p->tasks[i].session);
		sweep_cancel(p->tasks[i].sweep);
	}
	lookups_free(p->lookups);
	arena_free(p->arena);
	free(p);
}

/* The deadline cut it: what had no chance to answer is our fault, not theirs. */
static void note_unfinished(struct host_probe *p)
{
	for (size_t i = 0; i < p->n_tasks; i++) {
		struct task *t = &p->tasks[i];

		if (t->session && t->service->failure.class == OBS_CLASS_NONE)
			leave_alone(t, OBS_CLASS_LOCAL, "the probe ran out of time");
	}
	if (p->host->a.dns.status == OBS_DNS_UNASKED && !p->host->literal) {
		p->o->failure.stage = OBS_STAGE_DNS;
		p->o->failure.class = OBS_CLASS_LOCAL;
		p->o->failure.text = "the probe ran out of time";
	}
}

static void tell(struct host_probe *p)
{
	note_unfinished(p);
	for (size_t i = 0; i < p->n_tasks; i++)
		if (p->tasks[i].service->greeting)
			compare_banner_with_ptr(p->tasks[i].service);
	p->o->vantage = p->vantage->self;
	p->o->at = clock_now();
	p->o->took_ms = clock_monotonic_ms() - p->began_ms;
	p->done(p->o, p->arg);
	release(p);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	tell(arg);
}

struct host_probe *host_probe_start(struct vantage *v, const struct message_order *order,
				    host_done_cb *done, void *arg)
{
	struct host_probe *p = mem_alloc(sizeof(*p));
	int64_t ms = order->deadline_ms > 2 * MARGIN_MS ? order->deadline_ms - MARGIN_MS / 2
							: order->deadline_ms / 2;
	struct timeval deadline = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};

	p->vantage = v;
	p->done = done;
	p->arg = arg;
	p->arena = arena_new();
	p->began_ms = clock_monotonic_ms();
	p->order = *order;
	p->o = arena_alloc(p->arena, sizeof(*p->o));
	p->host = arena_alloc(p->arena, sizeof(*p->host));
	p->o->v = OBS_VERSION;
	p->o->kind = OBS_KIND_HOST;
	p->o->subject = p->order.subject;
	p->o->host = p->host;
	p->lookups = lookups_new(v->resolver, order->fresh, p);
	event_assign(&p->timer, v->base, -1, 0, on_timer, p);
	event_priority_set(&p->timer, 0);
	event_add(&p->timer, &deadline);
	p->host->literal = name_is_address_literal(order->subject);
	if (p->host->literal) {
		finish(p);
	} else {
		lookup_ask(p->lookups, p->order.subject, DNS_A, addresses_answered, &p->host->a);
		lookup_ask(p->lookups, p->order.subject, DNS_AAAA, addresses_answered,
			   &p->host->aaaa);
	}
	return p;
}

void host_probe_cancel(struct host_probe *p)
{
	if (p)
		release(p);
}
