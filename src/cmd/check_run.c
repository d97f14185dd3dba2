/* SPDX-License-Identifier: ISC
 *
 * The order of events: start a prober with the first resolver worth trying; its SELF says
 * whether that answers and validates; if not, the next one (check_resolver.h).  Then domains are
 * ordered, AT_ONCE at a time, and behind each domain's observation its hosts.  A prober that dies
 * leaves what it was asked unknown; nobody waits longer than the deadline.
 */
#include "check_run.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "channel.h"
#include "check_hosts.h"
#include "check_resolver.h"
#include "clock.h"
#include "console.h"
#include "eval.h"
#include "mem.h"
#include "message.h"
#include "spawn.h"
#include "stamp.h"
#include "text.h"
#include "turnstile.h"

#define AT_ONCE	      16    /* domains */
#define SELF_WAIT_MS  8000  /* for the prober to know its view */
#define GRACE_MS      1500  /* for an answer that is under way at the deadline */
#define SAID_EVERY_MS 10000 /* progress where there is no terminal */

struct job;

struct host_order {
	const struct observation *seen; /* NULL: none came */
	bool over;
};

struct job {
	struct check *check;
	const struct conf_domain *conf;
	struct arena *arena;
	const struct observation *domain;
	struct host_order *hosts;
	size_t n_hosts, n_over;
	int64_t began_ms, ended_ms;
	struct event *deadline;
	bool begun, ready;
};

struct check {
	const struct conf *conf;
	bool explicit_resolver;
	const struct check_wish *wish;
	check_sight_cb *seen;
	void *arg;
	struct event_base *base;

	struct check_resolver *resolver;
	pid_t prober;
	int lifeline;
	struct channel *channel;
	struct event *self_timer, *tick, *on_sigint;
	bool sighted; /* the resolver question is settled */
	struct turnstile *turnstile;
	struct check_hosts *hosts;

	struct job *jobs;
	size_t n_jobs, n_begun, n_reported, n_working, n_ready;
	int64_t began_ms, said_ms;
	bool failed, interrupted;
	struct error *err;
};

static int prober_start(struct check *c);
static void jobs_begin(struct check *c);

/* -- jobs ----------------------------------------------------------------------------------------
 */

/* A number for each order: the job's place from 1, or the host's number with the highest bit. */
#define HOST_BIT ((uint64_t)1 << 63)

static uint64_t job_id(const struct check *c, const struct job *j)
{
	return (uint64_t)(j - c->jobs) + 1;
}

/* What a name on the command line is. */
static int first_kind(const struct check *c)
{
	return c->wish->host_port != NULL ? OBS_KIND_HOST : OBS_KIND_DOMAIN;
}

static struct observation *unseen(struct job *j, const char *why)
{
	struct observation *o = arena_alloc(j->arena, sizeof(*o));
	o->v = OBS_VERSION;
	o->kind = first_kind(j->check);
	o->subject = j->conf->name;
	o->at = clock_now();
	o->failure = (struct obs_failure){OBS_STAGE_NONE, OBS_CLASS_LOCAL, why, 0};
	if (o->kind == OBS_KIND_DOMAIN)
		o->domain = arena_alloc(j->arena, sizeof(*o->domain));
	else
		o->host = arena_alloc(j->arena, sizeof(*o->host));
	return o;
}

static void report(struct check *c, struct job *j)
{
	const struct observation **hosts = arena_array(j->arena, j->n_hosts, sizeof(*hosts));
	size_t n = 0;
	for (size_t i = 0; i < j->n_hosts; i++) {
		if (j->hosts[i].seen != NULL)
			hosts[n++] = j->hosts[i].seen;
	}
	const struct check_sight sight = {j->conf, j->domain, hosts, n, j->ended_ms - j->began_ms};
	console_progress_end();
	c->seen(&sight, c->arg);
	arena_free(j->arena);
	j->arena = NULL;
}

static void report_in_order(struct check *c)
{
	while (c->n_reported < c->n_jobs && c->jobs[c->n_reported].ready)
		report(c, &c->jobs[c->n_reported++]);
	if (c->n_reported == c->n_jobs)
		event_base_loopbreak(c->base);
}

static void job_end(struct job *j, const char *why)
{
	struct check *c = j->check;
	if (j->ready)
		return;
	if (j->domain == NULL)
		j->domain = unseen(j, why);
	if (j->deadline != NULL)
		event_free(j->deadline);
	j->deadline = NULL;
	j->ready = true;
	c->n_ready++;
	j->ended_ms = clock_monotonic_ms();
	c->n_working--;
	report_in_order(c);
	jobs_begin(c);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	job_end(arg, "the check did not end in time");
}

static int64_t time_left(const struct job *j)
{
	int64_t left = j->began_ms + j->check->wish->timeout_ms - clock_monotonic_ms();
	return left > 100 ? left : 100;
}

/* A policy host that hangs must leave time for the MX hosts, which are looked at afterwards. */
static struct message_order order_for(const struct job *j, int kind, const char *subject)
{
	const struct conf_settings *s = j->conf->settings;
	const struct check_wish *w = j->check->wish;
	return (struct message_order){
	    .kind = kind,
	    .subject = subject,
	    .deadline_ms = kind == OBS_KIND_DOMAIN ? time_left(j) / 2 : time_left(j),
	    .connect_ms = s->timeout_connect_s * 1000,
	    .smtp_ms = s->timeout_smtp_s * 1000,
	    .policy_ms = s->timeout_policy_s * 1000,
	    .mta_sts = w->mta_sts && s->checks[CONF_CHECK_MTA_STS] != CONF_OFF,
	    .tls_rpt = w->tls_rpt && s->checks[CONF_CHECK_TLS_RPT] != CONF_OFF,
	    .submission = w->submission && s->checks[CONF_CHECK_SUBMISSION] != CONF_OFF,
	    .policy_addresses = w->mta_sts,
	    .dane = w->dane && s->checks[CONF_CHECK_DANE] != CONF_OFF,
	    .sweep = w->sweep,
	    .relay_test = w->relay_test,
	    .fresh = true,
	};
}

static void job_begin(struct job *j)
{
	struct check *c = j->check;
	struct timeval bound;
	j->begun = true;
	j->began_ms = clock_monotonic_ms();
	c->n_working++;
	struct message_order o = order_for(j, first_kind(c), j->conf->name);
	o.ports = &c->wish->host_port;
	o.n_ports = c->wish->host_port != NULL;
	channel_send_shape(c->channel, MESSAGE_ORDER, job_id(c, j), &message_order_shape, &o);
	int64_t ms = c->wish->timeout_ms + GRACE_MS;
	bound = (struct timeval){ms / 1000, ms % 1000 * 1000};
	j->deadline = evtimer_new(c->base, on_deadline, j);
	evtimer_add(j->deadline, &bound);
}

static void jobs_begin(struct check *c)
{
	while (c->channel != NULL && c->sighted && c->n_working < AT_ONCE && c->n_begun < c->n_jobs)
		job_begin(&c->jobs[c->n_begun++]);
}

static void on_host(struct job *j, size_t i, const struct observation *o)
{
	if (j->ready || i >= j->n_hosts || j->hosts[i].over)
		return;
	j->hosts[i].seen = o;
	j->hosts[i].over = true;
	if (++j->n_over == j->n_hosts)
		job_end(j, NULL);
}

/* Ask for the host unless another domain did: then what came, or will come, is for this too. */
static void order_host(struct job *j, size_t i, const struct eval_host *host)
{
	struct check *c = j->check;
	const char *ports[3];
	struct message_order o = order_for(j, OBS_KIND_HOST, host->name);
	struct check_host *h;
	bool is_new;

	o.ports = ports;
	if (host->mx)
		ports[o.n_ports++] = "25";
	if (host->p465)
		ports[o.n_ports++] = "465";
	if (host->p587)
		ports[o.n_ports++] = "587";
	h = check_hosts_get(c->hosts, host->name, ports, o.n_ports, &is_new);
	if (h->over) {
		on_host(j, i, h->seen);
		return;
	}
	check_hosts_wait(c->hosts, h, j, i);
	if (is_new)
		channel_send_shape(c->channel, MESSAGE_ORDER, HOST_BIT | h->number,
				   &message_order_shape, &o);
}

static void order_hosts(struct job *j)
{
	struct eval_host *hosts = eval_hosts(j->domain, j->conf, j->arena, &j->n_hosts);

	j->hosts = arena_array(j->arena, j->n_hosts, sizeof(*j->hosts));
	for (size_t i = 0; i < j->n_hosts && !j->ready; i++)
		order_host(j, i, &hosts[i]);
}

static void on_domain(struct job *j, const struct observation *o)
{
	if (j->domain != NULL)
		return;
	j->domain = o;
	if (j->check->wish->hosts)
		order_hosts(j);
	if (j->n_hosts == 0)
		job_end(j, NULL);
}

/* For all who wait and whose time is not up. */
static void host_seen(struct check *c, uint64_t number, const struct frame *f)
{
	struct check_host *h = check_hosts_number(c->hosts, number);
	struct error err;

	if (h == NULL || h->over)
		return;
	h->seen =
	    observation_decode(f->body, f->len, SHAPE_STRICT, check_hosts_arena(c->hosts), &err);
	h->over = true;
	if (h->seen != NULL && h->seen->kind != OBS_KIND_HOST)
		h->seen = NULL;
	for (const struct check_wait *w = h->waiting; w != NULL; w = w->next)
		on_host(w->who, w->place, h->seen);
}

static void on_observed(struct check *c, const struct frame *f)
{
	size_t place = (size_t)f->id - 1;
	struct error err;
	if (f->id & HOST_BIT) {
		host_seen(c, f->id & ~HOST_BIT, f);
		return;
	}
	if (place >= c->n_jobs || !c->jobs[place].begun || c->jobs[place].ready)
		return;
	struct job *j = &c->jobs[place];
	struct observation *o = observation_decode(f->body, f->len, SHAPE_STRICT, j->arena, &err);
	if (o == NULL)
		job_end(j, "the prober's answer was not understood");
	else if (o->kind == first_kind(c))
		on_domain(j, o);
}

/* -- the gate
 * -------------------------------------------------------------------------------------- */

static void grant(struct check *c)
{
	int64_t asker;
	uint64_t token;
	while (c->channel != NULL &&
	       turnstile_grant(c->turnstile, clock_monotonic_ms(), &asker, &token))
		channel_send(c->channel, MESSAGE_GO, token, "{}", 2);
}

static void on_want(struct check *c, const struct frame *f)
{
	struct arena *arena = arena_new();
	struct message_address m;
	struct error err;
	if (shape_decode(&message_address_shape, SHAPE_STRICT, f->body, f->len, arena, &m, &err) ==
		0 &&
	    m.address != NULL)
		turnstile_want(c->turnstile, 1, f->id, m.address, clock_monotonic_ms());
	arena_free(arena);
	grant(c);
}

/* -- the prober and its resolver ------------------------------------------------------------------
 */

static void prober_stop(struct check *c)
{
	if (c->channel != NULL)
		channel_free(c->channel);
	c->channel = NULL;
	if (c->lifeline >= 0)
		close(c->lifeline);
	c->lifeline = -1;
	if (c->prober > 0) {
		kill(c->prober, SIGTERM);
		waitpid(c->prober, NULL, 0);
	}
	c->prober = -1;
}

static void sight(struct check *c)
{
	c->sighted = true;
	event_del(c->self_timer);
	jobs_begin(c);
}

static void next_prober(struct check *c)
{
	prober_stop(c);
	check_resolver_next(c->resolver);
	if (prober_start(c) == 0)
		return;
	c->failed = true;
	event_base_loopbreak(c->base);
}

static void on_self(struct check *c, const struct frame *f)
{
	struct arena *arena = arena_new();
	struct message_self self;
	struct error err;
	bool known = shape_decode(&message_self_shape, SHAPE_STRICT, f->body, f->len, arena, &self,
				  &err) == 0;
	arena_free(arena);
	if (!known || c->sighted)
		return;
	if (check_resolver_is_last(c->resolver) ||
	    (self.resolver_answers && self.resolver_validates))
		sight(c);
	else
		next_prober(c);
}

static void on_self_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	struct check *c = arg;
	if (check_resolver_is_last(c->resolver))
		sight(c);
	else
		next_prober(c);
}

static void on_frame(struct channel *channel, const struct frame *f, int fd, void *arg)
{
	struct check *c = arg;
	(void)channel;
	if (fd >= 0)
		close(fd);
	switch (f->type) {
	case MESSAGE_SELF:
		on_self(c, f);
		break;
	case MESSAGE_WANT:
		on_want(c, f);
		break;
	case MESSAGE_DONE:
		turnstile_done(c->turnstile, 1, f->id, clock_monotonic_ms());
		grant(c);
		break;
	case MESSAGE_OBSERVED:
		on_observed(c, f);
		break;
	default:
		break;
	}
}

static void on_gone(struct channel *channel, const char *why, void *arg)
{
	struct check *c = arg;
	(void)channel;
	(void)why;
	prober_stop(c);
	turnstile_gone(c->turnstile, 1, clock_monotonic_ms());
	if (!c->sighted) {
		error_set(c->err, "the prober ended at once");
		c->failed = true;
		event_base_loopbreak(c->base);
		return;
	}
	for (size_t i = 0; i < c->n_jobs; i++) {
		if (!c->jobs[i].begun) {
			c->jobs[i].begun = true;
			c->jobs[i].began_ms = clock_monotonic_ms();
			c->n_begun++;
			c->n_working++;
		}
		job_end(&c->jobs[i], "the prober died");
	}
}

static struct message_setup setup_for(const struct check *c, const char *const *upstreams, size_t n)
{
	const struct conf *conf = c->conf;
	return (struct message_setup){
	    .upstreams = upstreams,
	    .n_upstreams = n,
	    .trust_ad = c->explicit_resolver ? CONF_TRUST_AD_ALWAYS : (int)conf->trust_ad,
	    .resolver_timeout_ms = conf->resolver_timeout_s * 1000,
	    .ca_file = conf->tls_ca_file,
	    .ca_path = conf->tls_ca_path,
	    .helo = conf->helo,
	    .source_ipv4 = conf->source_ipv4,
	    .source_ipv6 = conf->source_ipv6,
	    .ipv6_off = conf->ipv6_off,
	    .concurrency = conf->concurrency,
	    .port_smtp = conf->port_smtp,
	    .port_https = conf->port_https,
	    .allow_private = conf->allow_private,
	    .relay_from = conf->relay_from,
	    .relay_to = conf->relay_to,
	    .self_check_dns = conf->self_check_dns,
	    .n_self_check_dns = conf->n_self_check_dns,
	    .self_check_tcp = conf->self_check_tcp,
	    .n_self_check_tcp = conf->n_self_check_tcp,
	};
}

static int prober_start(struct check *c)
{
	static const struct timeval wait = {SELF_WAIT_MS / 1000, 0};
	const char *const *upstreams;
	char path[4096];
	int pair[2], life[2];
	size_t n = check_resolver_upstreams(c->resolver, &upstreams);
	if (n == 0)
		return error_set(c->err,
				 "no resolver: 127.0.0.1 does not answer, unbound cannot be "
				 "started, /etc/resolv.conf names none (--resolver ADDRESS)");
	if (spawn_pair(pair, c->err) != 0)
		return -1;
	if (spawn_pair(life, c->err) != 0) {
		close(pair[0]);
		close(pair[1]);
		return -1;
	}
	const char *const argv[] = {spawn_path("prober", path, sizeof(path)), NULL};
	const int fds[] = {pair[1], life[1]};
	c->prober = spawn_program(path, argv, fds, 2, NULL, c->err);
	close(pair[1]);
	close(life[1]);
	c->lifeline = life[0];
	if (c->prober < 0) {
		close(pair[0]);
		return -1;
	}
	c->channel = channel_new(c->base, pair[0], on_frame, on_gone, c);
	struct message_setup setup = setup_for(c, upstreams, n);
	channel_send_shape(c->channel, MESSAGE_SETUP, 0, &message_setup_shape, &setup);
	evtimer_add(c->self_timer, &wait);
	return 0;
}

/* -- the run
 * ----------------------------------------------------------------------------------------- */

/* "312 of 1000 domains, about 4 min left": the pace so far, once there is one. */
static void tell_many(struct check *c)
{
	int64_t now_ms = clock_monotonic_ms(), passed_ms = now_ms - c->began_ms;
	char left[STAMP_TEXT], text[128];
	int n = snprintf(text, sizeof(text), "%zu of %zu domains", c->n_ready, c->n_jobs);
	if (c->n_ready > 0 && passed_ms > 1000)
		snprintf(text + n, sizeof(text) - (size_t)n, ", about %s left",
			 stamp_duration_human(left, passed_ms * (int64_t)(c->n_jobs - c->n_ready) /
							(int64_t)c->n_ready / 1000));
	console_progress("%s", text);
	if (!isatty(STDERR_FILENO) && now_ms - c->said_ms >= SAID_EVERY_MS) {
		fprintf(stderr, "mxwatch check: %s\n", text);
		c->said_ms = now_ms;
	}
}

/* What is done so far is said, in its order. */
static void on_sigint(evutil_socket_t fd, short what, void *arg)
{
	struct check *c = arg;
	(void)fd;
	(void)what;
	for (size_t i = c->n_reported; i < c->n_jobs; i++) {
		if (c->jobs[i].ready)
			report(c, &c->jobs[i]);
	}
	c->interrupted = true;
	event_base_loopbreak(c->base);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	struct check *c = arg;
	const struct job *j = &c->jobs[c->n_reported];
	if (!c->sighted)
		console_progress("looking for a validating resolver");
	else if (c->n_jobs > 1)
		tell_many(c);
	else if (j->domain == NULL)
		console_progress("%s: asking the DNS", j->conf->name);
	else
		console_progress("%s: %zu of %zu hosts", j->conf->name, j->n_over, j->n_hosts);
}

static void clear(struct check *c)
{
	console_progress_end();
	prober_stop(c);
	check_resolver_free(c->resolver);
	for (size_t i = c->n_reported; i < c->n_jobs; i++) {
		if (c->jobs[i].deadline != NULL)
			event_free(c->jobs[i].deadline);
		if (c->jobs[i].arena != NULL)
			arena_free(c->jobs[i].arena);
	}
	free(c->jobs);
	turnstile_free(c->turnstile);
	check_hosts_free(c->hosts);
	event_free(c->self_timer);
	event_free(c->tick);
	event_free(c->on_sigint);
	event_base_free(c->base);
}

int check_run(const struct conf *conf, bool explicit_resolver, const struct check_wish *wish,
	      const struct conf_domain *domains, size_t n_domains, check_sight_cb *seen, void *arg,
	      struct error *err)
{
	static const struct timeval often = {0, 200000};
	struct check c = {
	    .conf = conf,
	    .explicit_resolver = explicit_resolver,
	    .wish = wish,
	    .seen = seen,
	    .arg = arg,
	    .err = err,
	    .resolver = check_resolver_new(conf, explicit_resolver),
	    .prober = -1,
	    .lifeline = -1,
	    .turnstile = turnstile_new(1, 0),
	    .hosts = check_hosts_new(),
	    .base = event_base_new(),
	    .began_ms = clock_monotonic_ms(),
	    .said_ms = clock_monotonic_ms(),
	    .jobs = mem_array(n_domains, sizeof(struct job)),
	    .n_jobs = n_domains,
	};
	for (size_t i = 0; i < n_domains; i++)
		c.jobs[i] = (struct job){.check = &c, .conf = &domains[i], .arena = arena_new()};
	c.self_timer = evtimer_new(c.base, on_self_timer, &c);
	c.tick = event_new(c.base, -1, EV_PERSIST, on_tick, &c);
	event_add(c.tick, &often);
	c.on_sigint = evsignal_new(c.base, SIGINT, on_sigint, &c);
	event_add(c.on_sigint, NULL);
	int result = prober_start(&c);
	if (result == 0)
		event_base_dispatch(c.base);
	if (c.failed)
		result = -1;
	else if (c.interrupted)
		result = CHECK_INTERRUPTED;
	clear(&c);
	return result;
}
