/* SPDX-License-Identifier: ISC */
#include "roster.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "mem.h"

struct host_name { /* finds a host by name */
	uint32_t subject;
	UT_hash_handle hh;
	char name[];
};

struct roster {
	struct roster_subject *subjects;
	uint32_t end, size;
	uint32_t *free; /* places to use again */
	size_t n_free, size_free;
	uint32_t *domains; /* by name */
	size_t n_domains;
	size_t cursor; /* behind the domain found last: who asks in order finds at once */
	struct host_name *hosts;
};

struct roster *roster_new(void)
{
	return mem_alloc(sizeof(struct roster));
}

void roster_free(struct roster *r)
{
	struct host_name *h, *next;

	if (r == NULL)
		return;
	for (uint32_t i = 0; i < r->end; i++)
		if (r->subjects[i].n_links > 2)
			free(r->subjects[i].many);
	HASH_ITER(hh, r->hosts, h, next)
	{
		HASH_DEL(r->hosts, h);
		free(h);
	}
	free(r->subjects);
	free(r->free);
	free(r->domains);
	free(r);
}

size_t roster_domains(const struct roster *r)
{
	return r->n_domains;
}

size_t roster_hosts(const struct roster *r)
{
	return HASH_COUNT(r->hosts);
}

uint32_t roster_end(const struct roster *r)
{
	return r->end;
}

struct roster_subject *roster_subject(const struct roster *r, uint32_t subject)
{
	return &r->subjects[subject];
}

static uint32_t find_domain(struct roster *r, const char *name)
{
	size_t low = 0, high = r->n_domains;

	if (r->cursor < r->n_domains && strcmp(name, r->subjects[r->domains[r->cursor]].name) == 0)
		return r->domains[r->cursor++];
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int d = strcmp(name, r->subjects[r->domains[middle]].name);
		if (d == 0) {
			r->cursor = middle + 1;
			return r->domains[middle];
		}
		if (d < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return ROSTER_NONE;
}

static uint32_t find_host(const struct roster *r, const char *name, size_t len)
{
	struct host_name *h;

	HASH_FIND(hh, r->hosts, name, len, h);
	return h ? h->subject : ROSTER_NONE;
}

uint32_t roster_find(struct roster *r, int kind, const char *name)
{
	return kind == OBS_KIND_HOST ? find_host(r, name, strlen(name)) : find_domain(r, name);
}

/* -- places -------------------------------------------------------------------- */

static void reserve(struct roster *r, size_t n)
{
	if (n > r->size) {
		r->size = (uint32_t)n;
		r->subjects = mem_resize(r->subjects, r->size, sizeof(*r->subjects));
	}
}

static uint32_t new_place(struct roster *r, int kind)
{
	uint32_t place;

	if (r->n_free > 0) {
		place = r->free[--r->n_free];
	} else {
		if (r->end == r->size)
			reserve(r, r->size + r->size / 8 + 64);
		place = r->end++;
	}
	memset(&r->subjects[place], 0, sizeof(r->subjects[place]));
	r->subjects[place].kind = (uint8_t)kind;
	return place;
}

static void free_place(struct roster *r, uint32_t place)
{
	if (r->subjects[place].n_links > 2)
		free(r->subjects[place].many);
	memset(&r->subjects[place], 0, sizeof(r->subjects[place]));
	if (r->n_free == r->size_free) {
		r->size_free = r->size_free ? 2 * r->size_free : 64;
		r->free = mem_resize(r->free, r->size_free, sizeof(*r->free));
	}
	r->free[r->n_free++] = place;
}

static uint32_t new_host(struct roster *r, const char *name, size_t len)
{
	struct host_name *h = mem_alloc(sizeof(*h) + len + 1);

	memcpy(h->name, name, len);
	h->subject = new_place(r, OBS_KIND_HOST);
	HASH_ADD_KEYPTR(hh, r->hosts, h->name, len, h);
	r->subjects[h->subject].name = h->name;
	return h->subject;
}

static void forget_host(struct roster *r, uint32_t host)
{
	struct host_name *h;

	HASH_FIND_STR(r->hosts, r->subjects[host].name, h);
	HASH_DEL(r->hosts, h);
	free_place(r, host);
	free(h);
}

/* -- links --------------------------------------------------------------------- */

/* Two links lie in the subject itself: most domains have no more. */
static struct roster_link *links_of(struct roster_subject *s)
{
	return s->n_links <= 2 ? s->two : s->many;
}

const struct roster_link *roster_links(const struct roster_subject *s)
{
	return s->n_links <= 2 ? s->two : s->many;
}

static void link_add(struct roster_subject *s, uint32_t subject, unsigned ports)
{
	struct roster_link *links = NULL;

	if (s->n_links == 2) {
		links = mem_array(4, sizeof(*links));
		memcpy(links, s->two, sizeof(s->two));
		s->many = links;
	} else if (s->n_links >= 4 && (s->n_links & (s->n_links - 1)) == 0) {
		/* grown by doubling; the room is the next power of two */
		s->many = mem_resize(s->many, 2 * (size_t)s->n_links, sizeof(*s->many));
	}
	s->n_links++;
	links_of(s)[s->n_links - 1] = (struct roster_link){.subject = subject, .ports = ports & 7u};
}

static void link_drop(struct roster_subject *s, uint32_t subject)
{
	struct roster_link *links = links_of(s), *many;

	for (uint32_t i = 0; i < s->n_links; i++) {
		if (links[i].subject != subject)
			continue;
		links[i] = links[s->n_links - 1];
		if (s->n_links == 3) {
			many = s->many;
			memcpy(s->two, many, sizeof(s->two));
			free(many);
		}
		s->n_links--;
		return;
	}
}

static void links_free(struct roster_subject *s)
{
	if (s->n_links > 2)
		free(s->many);
	s->n_links = 0;
}

/* What its domains want of a host.  True when it is to be probed sooner, or on more ports. */
static bool settle_host(struct roster *r, uint32_t host)
{
	struct roster_subject *h = &r->subjects[host];
	const struct roster_link *links = roster_links(h);
	uint32_t interval = 0, before = h->interval_s;
	uint8_t ports = 0, before_ports = h->ports;

	for (uint32_t i = 0; i < h->n_links; i++) {
		uint32_t wanted = r->subjects[links[i].subject].interval_s;
		if (interval == 0 || wanted < interval)
			interval = wanted;
		ports |= links[i].ports;
	}
	h->interval_s = interval;
	h->ports = ports;
	return before != 0 && (interval < before || (ports & ~before_ports) != 0);
}

/* One more domain: only it can want more than there was. */
static bool settle_added(struct roster_subject *h, uint32_t interval, unsigned ports)
{
	bool sooner = h->interval_s != 0 && (interval < h->interval_s || (ports & ~h->ports) != 0);

	if (h->interval_s == 0 || interval < h->interval_s)
		h->interval_s = interval;
	h->ports |= (uint8_t)ports;
	return sooner;
}

/* One domain less, that wanted this: the others matter only if it stood out. */
static void settle_dropped(struct roster *r, uint32_t host, uint32_t interval, unsigned ports)
{
	struct roster_subject *h = &r->subjects[host];
	const struct roster_link *links = roster_links(h);
	uint8_t seen = 0;
	bool as_quick = interval > h->interval_s;

	for (uint32_t i = 0; i < h->n_links; i++) {
		as_quick |= r->subjects[links[i].subject].interval_s == h->interval_s;
		seen |= links[i].ports;
		if (as_quick && (ports & ~seen) == 0)
			return;
	}
	settle_host(r, host);
}

static unsigned ports_of(const struct eval_host *h)
{
	return (h->mx ? ROSTER_25 : 0u) | (h->p465 ? ROSTER_465 : 0u) | (h->p587 ? ROSTER_587 : 0u);
}

static bool same_lead(const struct roster *r, uint32_t domain, const struct eval_host *hosts,
		      size_t n)
{
	const struct roster_subject *d = &r->subjects[domain];

	if (d->n_links != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (roster_links(d)[i].ports != ports_of(&hosts[i]) ||
		    strcmp(r->subjects[roster_links(d)[i].subject].name, hosts[i].name) != 0)
			return false;
	return true;
}

/* A host that lost a domain: gone when it was the last. */
static void leave(struct roster *r, uint32_t host, uint32_t interval, unsigned ports,
		  roster_cb *gone, void *arg)
{
	if (r->subjects[host].n_links > 0) {
		settle_dropped(r, host, interval, ports);
		return;
	}
	if (gone)
		gone(host, arg);
	forget_host(r, host);
}

/* One more host of a domain. */
static void lead_to(struct roster *r, uint32_t domain, const char *name, size_t len, unsigned ports,
		    roster_cb *added, roster_cb *retimed, void *arg)
{
	uint32_t host = find_host(r, name, len);
	bool new = host == ROSTER_NONE;

	if (new)
		host = new_host(r, name, len);
	link_add(&r->subjects[domain], host, ports);
	link_add(&r->subjects[host], domain, ports);
	if (settle_added(&r->subjects[host], r->subjects[domain].interval_s, ports) && retimed)
		retimed(host, arg);
	if (new &&added)
		added(host, arg);
}

bool roster_lead(struct roster *r, uint32_t domain, const struct eval_host *hosts, size_t n,
		 roster_cb *added, roster_cb *retimed, roster_cb *gone, void *arg)
{
	uint32_t n_old = r->subjects[domain].n_links, interval = r->subjects[domain].interval_s;
	struct roster_link *old;

	if (same_lead(r, domain, hosts, n))
		return false;
	old = mem_array(n_old ? n_old : 1, sizeof(*old));
	memcpy(old, roster_links(&r->subjects[domain]), n_old * sizeof(*old));
	links_free(&r->subjects[domain]);
	for (uint32_t i = 0; i < n_old; i++)
		link_drop(&r->subjects[old[i].subject], domain);
	for (size_t i = 0; i < n; i++)
		lead_to(r, domain, hosts[i].name, strlen(hosts[i].name), ports_of(&hosts[i]), added,
			retimed, arg);
	for (uint32_t i = 0; i < n_old; i++)
		if (r->subjects[old[i].subject].kind == OBS_KIND_HOST)
			leave(r, old[i].subject, interval, old[i].ports, gone, arg);
	free(old);
	return true;
}

/* -- a configuration ----------------------------------------------------------- */

struct applying {
	struct roster *r;
	roster_cb *retimed;
	void *arg;
};

static void adopt(struct applying *a, uint32_t domain, const struct conf_domain *conf)
{
	struct roster_subject *d = &a->r->subjects[domain];
	uint32_t interval = (uint32_t)conf->settings->interval_s;
	bool differs = d->interval_s != interval;

	d->conf = conf;
	d->name = conf->name;
	d->quiet_until = 0;
	d->interval_s = interval;
	if (!differs)
		return;
	for (uint32_t i = 0; i < d->n_links; i++)
		if (settle_host(a->r, roster_links(d)[i].subject) && a->retimed)
			a->retimed(roster_links(d)[i].subject, a->arg);
	if (a->retimed)
		a->retimed(domain, a->arg);
}

void roster_apply(struct roster *r, const struct conf *conf, roster_cb *added, roster_cb *retimed,
		  roster_cb *gone, void *arg)
{
	struct applying a = {.r = r, .retimed = retimed, .arg = arg};
	uint32_t *now = mem_array(conf->n_domains ? conf->n_domains : 1, sizeof(*now));
	uint32_t *before = r->domains;
	size_t n_before = r->n_domains, old = 0;

	reserve(r, conf->n_domains);
	/* both lists are in the order of the names */
	for (size_t i = 0; i < conf->n_domains; i++) {
		const struct conf_domain *c = &conf->domains[i];
		int d = 1;
		while (old < n_before && (d = strcmp(r->subjects[before[old]].name, c->name)) < 0) {
			uint32_t leaver = before[old++];
			roster_lead(r, leaver, NULL, 0, NULL, NULL, gone, arg);
			if (gone)
				gone(leaver, arg);
			free_place(r, leaver);
		}
		if (old < n_before && d == 0) {
			now[i] = before[old++];
			adopt(&a, now[i], c);
		} else {
			now[i] = new_place(r, OBS_KIND_DOMAIN);
			r->subjects[now[i]].conf = c;
			r->subjects[now[i]].name = c->name;
			r->subjects[now[i]].interval_s = (uint32_t)c->settings->interval_s;
			if (added)
				added(now[i], arg);
		}
	}
	for (; old < n_before; old++) {
		roster_lead(r, before[old], NULL, 0, NULL, NULL, gone, arg);
		if (gone)
			gone(before[old], arg);
		free_place(r, before[old]);
	}
	free(before);
	r->domains = now;
	r->n_domains = conf->n_domains;
}

/* -- text ---------------------------------------------------------------------- */

void roster_hosts_encode(const struct roster *r, uint32_t domain, struct buf *out)
{
	const struct roster_subject *d = &r->subjects[domain];

	for (uint32_t i = 0; i < d->n_links; i++)
		buf_printf(out, "%s %u\n", r->subjects[roster_links(d)[i].subject].name,
			   (unsigned)roster_links(d)[i].ports);
}

/* The next readable line of those; false behind the last. */
static bool next_line(const char **text, const char **name, size_t *len, unsigned *ports)
{
	for (const char *line = *text, *end; line && (end = strchr(line, '\n')); line = end + 1) {
		const char *blank = memchr(line, ' ', (size_t)(end - line));
		if (blank == NULL || blank == line || end != blank + 2 || blank[1] < '1' ||
		    blank[1] > '7')
			continue;
		*name = line;
		*len = (size_t)(blank - line);
		*ports = (unsigned)(blank[1] - '0');
		*text = end + 1;
		return true;
	}
	return false;
}

void roster_resume(struct roster *r, uint32_t domain, const char *text)
{
	const char *name;
	size_t len;
	unsigned ports;

	while (next_line(&text, &name, &len, &ports))
		lead_to(r, domain, name, len, ports, NULL, NULL, NULL);
}

size_t roster_hosts_decode(const char *text, struct arena *arena, struct eval_host **hosts)
{
	size_t lines = 0, n = 0, len;
	const char *name;
	unsigned ports;

	for (const char *p = text; p && *p; p++)
		lines += *p == '\n';
	*hosts = arena_array(arena, lines ? lines : 1, sizeof(**hosts));
	while (next_line(&text, &name, &len, &ports))
		(*hosts)[n++] = (struct eval_host){
		    .name = arena_strndup(arena, name, len),
		    .mx = (ports & ROSTER_25) != 0,
		    .p465 = (ports & ROSTER_465) != 0,
		    .p587 = (ports & ROSTER_587) != 0,
		};
	return n;
}

/* -- how ----------------------------------------------------------------------- */

const struct conf_settings *roster_settings(const struct roster *r, uint32_t subject)
{
	const struct roster_subject *s = &r->subjects[subject];
	const struct conf_settings *best = NULL;

	if (s->conf)
		return s->conf->settings;
	/* a host: those of its most impatient domain */
	for (uint32_t i = 0; i < s->n_links; i++) {
		const struct conf_settings *c =
		    r->subjects[roster_links(s)[i].subject].conf->settings;
		if (best == NULL || c->interval_s < best->interval_s)
			best = c;
		if (best->interval_s == s->interval_s)
			break;
	}
	return best;
}

int64_t roster_deadline_ms(const struct roster *r, uint32_t subject)
{
	return roster_settings(r, subject)->timeout_total_s * 1000;
}
