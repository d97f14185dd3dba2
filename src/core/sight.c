/* SPDX-License-Identifier: ISC */
#include "sight.h"

#include <string.h>

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

/* FNV-1a */
static uint64_t digest(const char *name)
{
	uint64_t h = 14695981039346656037u;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 1099511628211u;
	return h;
}

/* In the place of its last look, or of the oldest of all. */
static void note(struct sight_look *looks, const char *name, bool dark, int64_t now)
{
	uint64_t subject = digest(name);
	struct sight_look *place = looks;

	for (size_t i = 0; i < SIGHT_MEMORY; i++) {
		if (looks[i].at != 0 && looks[i].subject == subject) {
			place = &looks[i];
			break;
		}
		if (looks[i].at < place->at)
			place = &looks[i];
	}
	*place = (struct sight_look){subject, now, dark};
}

/* The share of dark looks since then in percent, -1 when they are too few to tell. */
static int share(const struct sight_look *looks, int64_t since, int least)
{
	int all = 0, dark = 0;

	for (size_t i = 0; i < SIGHT_MEMORY; i++) {
		if (looks[i].at == 0 || looks[i].at < since)
			continue;
		all++;
		dark += looks[i].dark;
	}
	return all < least ? -1 : dark * 100 / all;
}

static enum sight_result decide(struct sight *s, int64_t now)
{
	int64_t window = now - SIGHT_WINDOW_S, whole = s->since - SIGHT_WINDOW_S;
	bool dark = s->resolver_dark || share(s->domains, window, SIGHT_LEAST) >= 90 ||
		    share(s->hosts, window, SIGHT_LEAST) >= 95;
	/* behind a resolver's return only what it looks like now counts */
	bool light =
	    !s->resolver_dark && share(s->domains, whole, 1) < 50 && share(s->hosts, whole, 1) < 50;

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
	note(o->kind == OBS_KIND_HOST ? s->hosts : s->domains, o->subject, sight_dark(o), now);
	return decide(s, now);
}

enum sight_result sight_resolver(struct sight *s, bool dark, int64_t now)
{
	if (s->resolver_dark && !dark) {
		/* what failed for want of the resolver says nothing about now */
		memset(s->domains, 0, sizeof(s->domains));
		memset(s->hosts, 0, sizeof(s->hosts));
	}
	s->resolver_dark = dark;
	return decide(s, now);
}
