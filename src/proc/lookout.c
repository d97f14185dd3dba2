/* SPDX-License-Identifier: ISC */
#include "lookout.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buf.h"
#include "dns_message.h"
#include "mem.h"
#include "name.h"
#include "resolver.h"
#include "stream.h"
#include "text.h"

#define CALM_S	   60
#define WORRIED_S  10
#define PATIENCE_S 5		/* with a canary, which is chosen to answer at once */
#define FAR_IPV4   "198.41.0.4" /* a.root-servers.net: somewhere far away */
#define FAR_IPV6   "2001:503:ba3e::2:30"

enum family { IPV4, IPV6, FAMILIES };
enum sight { UNTRIED, SEEN, LOST }; /* by the last try that ended */

struct line { /* one connection to a canary */
	struct canary *canary;
	enum sight sight;
	bool trying;
	struct stream *stream;
};

struct canary { /* one of self_check.tcp, or of self_check.dns */
	struct lookout *l;
	char host[NAME_MAX_TEXT];
	int64_t port;	  /* 0: a name to ask for, nothing more */
	enum sight sight; /* of the name */
	struct resolver_query *query[FAMILIES];
	struct line line[FAMILIES];
};

struct lookout {
	struct vantage *v;
	lookout_cb *cb;
	void *arg;
	struct event timer, patience;
	bool known, answers, validates; /* the resolver, by its self-test */
	char resolver_text[256];
	struct canary *canaries;
	size_t n_canaries;
	struct obs_vantage told;
	bool told_once;
};

/* -- routes -------------------------------------------------------------------------------------
 */

/* Without a descriptor there is no telling; a probe will say so for itself. */
static bool connects(const struct sockaddr *to, socklen_t len)
{
	int fd = socket(to->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok;

	if (fd < 0)
		return errno == EMFILE || errno == ENFILE;
	ok = connect(fd, to, len) == 0;
	close(fd);
	return ok;
}

static bool routes_ipv4(const char *to)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(53)};

	inet_pton(AF_INET, to, &sin.sin_addr);
	return connects((const struct sockaddr *)&sin, sizeof(sin));
}

static bool routes_ipv6(const char *to)
{
	struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6, .sin6_port = htons(53)};

	inet_pton(AF_INET6, to, &sin6.sin6_addr);
	return connects((const struct sockaddr *)&sin6, sizeof(sin6));
}

static bool has_route(const struct lookout *l, enum family f)
{
	bool private = l->v->setup->allow_private;

	if (f == IPV4)
		return routes_ipv4(FAR_IPV4) || (private && routes_ipv4("127.0.0.1"));
	return !l->v->setup->ipv6_off && (routes_ipv6(FAR_IPV6) || (private && routes_ipv6("::1")));
}

/* -- the whole
 * -------------------------------------------------------------------------------------- */

/* Every canary that was tried in this family is lost, and there was one. */
static bool all_lost(const struct lookout *l, enum family f)
{
	size_t lost = 0;

	for (size_t i = 0; i < l->n_canaries; i++) {
		if (l->canaries[i].line[f].sight == SEEN)
			return false;
		lost += l->canaries[i].line[f].sight == LOST;
	}
	return lost > 0;
}

static bool all_names_lost(const struct lookout *l)
{
	size_t lost = 0;

	for (size_t i = 0; i < l->n_canaries; i++) {
		if (l->canaries[i].sight == SEEN)
			return false;
		lost += l->canaries[i].sight == LOST;
	}
	return lost > 0;
}

static void describe(const struct lookout *l, const struct obs_vantage *now, struct buf *out)
{
	const char *join = "";

	if (!l->answers || !now->resolver_validates) {
		buf_addstr(out, l->resolver_text);
		join = "; ";
	} else if (!now->resolver_answers) {
		buf_addstr(out, "no name of self_check.dns resolves");
		join = "; ";
	}
	if (now->no_ca) {
		buf_printf(out, "%sno CA certificates were loaded", join);
		join = "; ";
	}
	for (enum family f = IPV4; f < FAMILIES; f++) {
		if (f == IPV4 ? !now->no_ipv4 : !now->no_ipv6 || l->v->setup->ipv6_off)
			continue;
		buf_printf(out, "%s%s IPv%d", join,
			   all_lost(l, f) ? "no canary of self_check.tcp answers over"
					  : "no route over",
			   f == IPV4 ? 4 : 6);
		join = "; ";
	}
}

static bool equal(const struct obs_vantage *a, const struct obs_vantage *b)
{
	return a->resolver_answers == b->resolver_answers &&
	       a->resolver_validates == b->resolver_validates && a->no_ipv4 == b->no_ipv4 &&
	       a->no_ipv6 == b->no_ipv6 && a->no_ca == b->no_ca;
}

static void review(struct lookout *l)
{
	struct obs_vantage now = {
	    .resolver_answers = l->answers && !all_names_lost(l),
	    .resolver_validates = l->validates,
	    .no_ipv4 = !has_route(l, IPV4) || all_lost(l, IPV4),
	    .no_ipv6 = !has_route(l, IPV6) || all_lost(l, IPV6),
	    .no_ca = stream_context_no_ca(l->v->tls),
	};
	struct buf text;

	l->v->self = now;
	if (!l->known || (l->told_once && equal(&now, &l->told)))
		return;
	l->told = now;
	l->told_once = true;
	buf_init(&text, 1024);
	describe(l, &now, &text);
	l->cb(text.len > 0 ? buf_str(&text) : NULL, l->arg);
	buf_clear(&text);
}

static void on_resolver(bool answers, bool validates, const char *text, void *arg)
{
	struct lookout *l = arg;

	l->known = true;
	l->answers = answers;
	l->validates = validates;
	text_copy(l->resolver_text, sizeof(l->resolver_text), text);
	review(l);
}

/* -- canaries
 * ------------------------------------------------------------------------------------------ */

static void line_event(const struct stream_notice *notice, void *arg)
{
	struct line *line = arg;

	if (!line->trying)
		return;
	line->trying = false;
	line->sight = notice->event == STREAM_CONNECTED ? SEEN : LOST;
	stream_close(line->stream);
	review(line->canary->l);
}

static void line_open(struct canary *c, enum family f, const char *address)
{
	const struct message_setup *setup = c->l->v->setup;
	const struct stream_target target = {
	    .address = address,
	    .port = c->port,
	    .source = f == IPV4 ? setup->source_ipv4 : setup->source_ipv6,
	};

	c->line[f].trying = true;
	c->line[f].stream = stream_open(c->l->v->tls, &target, line_event, &c->line[f]);
}

/* What has not come since the last round is lost. */
static void canary_close(struct canary *c)
{
	for (enum family f = IPV4; f < FAMILIES; f++) {
		resolver_cancel(c->query[f]);
		c->query[f] = NULL;
		if (c->line[f].stream != NULL)
			stream_free(c->line[f].stream);
		c->line[f].stream = NULL;
		if (c->line[f].trying)
			c->line[f].sight = LOST;
		c->line[f].trying = false;
	}
}

static void resolved(struct canary *c, enum family f, const struct resolver_answer *a)
{
	c->query[f] = NULL;
	if (a->head.status == OBS_DNS_FAILED && c->port == 0)
		c->sight = LOST;
	else if (c->port == 0)
		c->sight = SEEN;
	else if (a->n > 0)
		line_open(c, f, a->rr[0].text);
	else
		c->line[f].sight = UNTRIED; /* no address is no word on the route */
	review(c->l);
}

static void on_ipv4(const struct resolver_answer *a, void *arg)
{
	resolved(arg, IPV4, a);
}

static void on_ipv6(const struct resolver_answer *a, void *arg)
{
	resolved(arg, IPV6, a);
}

static void canary_try(struct canary *c)
{
	struct resolver *r = c->l->v->resolver;

	canary_close(c);
	if (c->port == 0) {
		c->query[IPV4] = resolver_ask(r, c->host, DNS_SOA, true, on_ipv4, c);
	} else if (name_is_address_literal(c->host)) {
		line_open(c, strchr(c->host, ':') != NULL ? IPV6 : IPV4, c->host);
	} else {
		c->query[IPV4] = resolver_ask(r, c->host, DNS_A, true, on_ipv4, c);
		c->query[IPV6] = resolver_ask(r, c->host, DNS_AAAA, true, on_ipv6, c);
	}
}

/* "host:port", "[::1]:25"; nothing happens for what is neither (the engine has checked it). */
static void canary_parse(struct canary *c, const char *s)
{
	const char *colon = strrchr(s, ':');
	bool bracket = *s == '[';

	if (colon == NULL || (bracket && colon[-1] != ']'))
		return;
	snprintf(c->host, sizeof(c->host), "%.*s", (int)(colon - s) - 2 * bracket, s + bracket);
	c->port = strtol(colon + 1, NULL, 10);
}

static void canaries_make(struct lookout *l)
{
	const struct message_setup *setup = l->v->setup;
	size_t n = 0;

	l->canaries =
	    mem_array(setup->n_self_check_dns + setup->n_self_check_tcp + 1, sizeof(*l->canaries));
	for (size_t i = 0; i < setup->n_self_check_dns;
	     i++) /* the root: the resolver's self-test */
		if (strcmp(setup->self_check_dns[i], ".") != 0)
			text_copy(l->canaries[n++].host, NAME_MAX_TEXT, setup->self_check_dns[i]);
	for (size_t i = 0; i < setup->n_self_check_tcp; i++) {
		canary_parse(&l->canaries[n], setup->self_check_tcp[i]);
		n += l->canaries[n].port > 0;
	}
	for (size_t i = 0; i < n; i++) {
		l->canaries[i].l = l;
		for (enum family f = IPV4; f < FAMILIES; f++)
			l->canaries[i].line[f].canary = &l->canaries[i];
	}
	l->n_canaries = n;
}

/* A packet filter answers nothing: a probe must not wait a round to know that it is ours. */
static void on_patience(evutil_socket_t fd, short what, void *arg)
{
	struct lookout *l = arg;

	(void)fd, (void)what;
	for (size_t i = 0; i < l->n_canaries; i++)
		for (enum family f = IPV4; f < FAMILIES; f++)
			if (l->canaries[i].line[f].trying)
				l->canaries[i].line[f].sight = LOST;
	review(l);
}

/* -- life
 * ------------------------------------------------------------------------------------------------
 */

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct lookout *l = arg;
	const struct timeval patience = {PATIENCE_S, 0};
	struct timeval tv = {CALM_S, 0};

	(void)fd, (void)what;
	for (size_t i = 0; i < l->n_canaries; i++)
		canary_try(&l->canaries[i]);
	event_add(&l->patience, &patience);
	review(l);
	if (l->v->self.no_ipv4 || l->v->self.no_ipv6 || !l->v->self.resolver_answers)
		tv.tv_sec = WORRIED_S;
	event_add(&l->timer, &tv);
}

struct lookout *lookout_new(struct vantage *v, lookout_cb *cb, void *arg)
{
	struct lookout *l = mem_alloc(sizeof(*l));
	const struct timeval now = {0, 0};

	l->v = v;
	l->cb = cb;
	l->arg = arg;
	event_assign(&l->timer, v->base, -1, 0, on_timer, l);
	event_assign(&l->patience, v->base, -1, 0, on_patience, l);
	event_add(&l->timer, &now);
	canaries_make(l);
	resolver_self_test(v->resolver, on_resolver, l);
	return l;
}

void lookout_free(struct lookout *l)
{
	if (l == NULL)
		return;
	resolver_self_test(l->v->resolver, NULL, NULL);
	event_del(&l->timer);
	event_del(&l->patience);
	for (size_t i = 0; i < l->n_canaries; i++)
		canary_close(&l->canaries[i]);
	free(l->canaries);
	free(l);
}
