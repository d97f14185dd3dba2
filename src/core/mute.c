/* SPDX-License-Identifier: ISC */
#include "mute.h"

#include <string.h>

#include "route.h"
#include "text.h"

#define DAY_S	 INT64_C(86400)
#define THURSDAY 4 /* 1970-01-01 */

/* -- windows ---------------------------------------------------------------- */

static int64_t floor_day(int64_t s)
{
	return s >= 0 ? s / DAY_S : -((-s + DAY_S - 1) / DAY_S);
}

/* local: a wall clock's time, counted as if it were UTC. */
static int64_t utc_of(int64_t local, const char *zone, mute_offset *offset, void *arg)
{
	int64_t before = offset(zone, local - DAY_S, arg), after = offset(zone, local + DAY_S, arg);

	if (offset(zone, local - before, arg) == before ||
	    offset(zone, local - after, arg) != after)
		return local - before;
	return local - after;
}

static int64_t no_offset(const char *zone, int64_t at, void *arg)
{
	(void)zone;
	(void)at;
	(void)arg;
	return 0;
}

static bool on_that_day(unsigned days, int64_t day)
{
	return days >> ((day % 7 + 7 + THURSDAY) % 7) & 1;
}

struct mute_window mute_window(const struct conf_maintenance *m, int64_t now, mute_offset *offset,
			       void *arg)
{
	struct mute_window w = {.maintenance = m};
	const char *zone = m->timezone ? m->timezone : "UTC";
	int64_t today;

	if (m->days == 0) {
		w.from = m->from;
		w.until = m->until > now ? m->until : 0;
		return w;
	}
	if (m->timezone == NULL)
		offset = no_offset;
	today = floor_day(now + offset(zone, now, arg));
	for (int64_t day = today - m->duration_s / DAY_S - 2; day <= today + 8; day++) {
		if (!on_that_day(m->days, day))
			continue;
		w.from = utc_of(day * DAY_S + m->start_s, zone, offset, arg);
		w.until = w.from + m->duration_s;
		if (w.until > now)
			return w;
	}
	w.until = 0;
	return w;
}

/* -- the verdict ------------------------------------------------------------ */

static void take(struct mute_verdict *v, int64_t from, int64_t until)
{
	if (until <= v->until)
		return;
	v->until = until;
	v->from = from;
}

/* Of what mutes all of n, the one that lasts longest. */
static struct mute_verdict longest(const struct mute *m, const struct notice *n, int64_t now)
{
	struct mute_verdict v = {0, 0};

	for (size_t i = 0; i < m->n_windows; i++) {
		const struct mute_window *w = &m->windows[i];
		if (w->from <= now && now < w->until &&
		    route_matches(m->conf, &w->maintenance->match, n))
			take(&v, w->from, w->until);
	}
	for (size_t i = 0; i < m->n_silences; i++) {
		const struct mute_silence *s = &m->silences[i];
		if (s->from <= now && now < s->until && route_matches(m->conf, &s->match, n))
			take(&v, s->from, s->until);
	}
	return v;
}

static bool quiet_hour(const struct mute *m, int64_t now)
{
	for (size_t i = 0; i < m->n_windows; i++)
		if (m->windows[i].from <= now && now < m->windows[i].until)
			return true;
	for (size_t i = 0; i < m->n_silences; i++)
		if (m->silences[i].from <= now && now < m->silences[i].until)
			return true;
	return false;
}

struct mute_verdict mute_verdict(const struct mute *m, const struct notice *n, int64_t now)
{
	struct mute_verdict all, none = {0, 0};
	struct notice one = *n;

	if (n->kind == NOTICE_TEST || !quiet_hour(m, now))
		return none;
	one.n_domains = 0;
	all = longest(m, &one, now);
	if (all.until || n->n_domains == 0 || (int64_t)n->n_domains < n->domains_total)
		return all; /* a domain that is not named here is muted by no name */
	all = (struct mute_verdict){0, INT64_MAX};
	for (size_t i = 0; i < n->n_domains; i++) {
		struct mute_verdict v;
		one.domains = &n->domains[i];
		one.n_domains = 1;
		v = longest(m, &one, now);
		if (v.until == 0)
			return none;
		if (v.from > all.from)
			all.from = v.from;
		if (v.until < all.until)
			all.until = v.until;
	}
	return all;
}

/* -- a match as JSON -------------------------------------------------------- */

static int word_of(const char *const *words, const char *s)
{
	for (int i = 0; words[i]; i++)
		if (s[0] != '\0' && strcmp(words[i], s) == 0)
			return i;
	return -1;
}

static int read_key(const char *key, const char *value, struct conf_match *m, struct error *err)
{
	int word;

	if (strcmp(key, "severity") == 0) {
		word = word_of(finding_severity_words, value);
		if (word < 0)
			return error_set(err, "severity: info, warning or critical");
		m->severity = (enum finding_severity)word;
	} else if (strcmp(key, "kind") == 0) {
		word = word_of(notice_kind_words, value);
		if (word < 0)
			return error_set(err, "kind: problem, change or daemon");
		m->kind = notice_kind_words[word];
	} else if (strcmp(key, "event") == 0) {
		m->event = value;
	} else if (strcmp(key, "domain") == 0) {
		m->domain = value;
	} else if (strcmp(key, "groups") == 0 || strcmp(key, "group") == 0) {
		m->group = value;
	} else if (strcmp(key, "owner") == 0) {
		m->owner = value;
	} else {
		return error_set(err, "unknown key in match; known are severity, kind, event, "
				      "domain, groups, owner, tags.KEY");
	}
	return 0;
}

int mute_match_read(const json_t *o, struct arena *arena, struct conf_match *m, struct error *err)
{
	struct conf_tag *tags = arena_array(arena, json_object_size(o) + 1, sizeof(*tags));
	const char *key;
	json_t *value;

	*m = (struct conf_match){.tags = tags};
	if (!json_is_object(o) || json_object_size(o) == 0)
		return error_set(err, "match: an object with at least one key is wanted");
	json_object_foreach((json_t *)o, key, value)
	{
		const char *s = json_string_value(value);
		if (s == NULL || s[0] == '\0')
			return error_set(err, "match: every value is a string, and not empty");
		s = arena_strdup(arena, s);
		if (text_starts(key, "tags.") && key[5] != '\0')
			tags[m->n_tags++] = (struct conf_tag){arena_strdup(arena, key + 5), s};
		else if (read_key(key, s, m, err) < 0)
			return -1;
	}
	return 0;
}
