/* SPDX-License-Identifier: ISC */
#include "sight.h"

static bool domain_dark(const struct obs_domain *d)
{
	return d == NULL || d->mx.dns.status == OBS_DNS_FAILED ||
	       d->mx.dns.status == OBS_DNS_UNASKED;
}

/* No address could be reached at all: TCP never came up. */
static bool host_dark(const struct obs_host *h)
{
	bool asked = false;

	if (h == NULL)
		return true;
	for (size_t i = 0; i < h->n_services; i++) {
		const struct obs_failure *f = &h->services[i].failure;
		if (f->class == OBS_CLASS_FORBIDDEN)
			continue;
		if (f->stage != OBS_STAGE_CONNECT || f->class == OBS_CLASS_REFUSED)
			return false;
		asked = true;
	}
	return asked || h->a.dns.status == OBS_DNS_FAILED;
}

bool sight_dark(const struct observation *o)
{
	if (o->failure.class == OBS_CLASS_LOCAL || !o->vantage.resolver_answers)
		return true;
	return o->kind == OBS_KIND_HOST ? host_dark(o->host) : domain_dark(o->domain);
}

static void note(struct sight_ring *r, bool dark, int64_t now)
{
	r->at[r->next] = now;
	r->dark[r->next] = dark;
	r->next = (r->next + 1) % SIGHT_MEMORY;
}

/* The share of dark results in percent, -1 when there are too few to tell. */
static int share(const struct sight_ring *r, int64_t now)
{
	int all = 0, dark = 0;

	for (size_t i = 0; i < SIGHT_MEMORY; i++) {
		if (r->at[i] == 0 || now - r->at[i] > SIGHT_WINDOW_S)
			continue;
		all++;
		dark += r->dark[i];
	}
	return all < SIGHT_LEAST ? -1 : dark * 100 / all;
}

static enum sight_result decide(struct sight *s, int64_t now)
{
	int domains = share(&s->domains, now), hosts = share(&s->hosts, now);
	bool dark = s->resolver_dark || domains >= 90 || hosts >= 95;
	/* behind a resolver's return only what it looks like now counts */
	bool light = !s->resolver_dark && domains < 50 && hosts < 50;

	if (!s->blind && dark) {
		s->blind = true;
		s->since = now;
		return SIGHT_LOST;
	}
	if (s->blind && light) {
		s->blind = false;
		s->since = 0;
		return SIGHT_REGAINED;
	}
	return SIGHT_SAME;
}

enum sight_result sight_observed(struct sight *s, const struct observation *o, int64_t now)
{
	note(o->kind == OBS_KIND_HOST ? &s->hosts : &s->domains, sight_dark(o), now);
	return decide(s, now);
}

enum sight_result sight_resolver(struct sight *s, bool dark, int64_t now)
{
	if (s->resolver_dark && !dark) {
		/* what failed for want of the resolver says nothing about now */
		s->domains = (struct sight_ring){.next = 0};
		s->hosts = (struct sight_ring){.next = 0};
	}
	s->resolver_dark = dark;
	return decide(s, now);
}
