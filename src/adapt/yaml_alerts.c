/* SPDX-License-Identifier: ISC
 *
 * Receivers are read while the files pass by; the rest waits until all receivers are known,
 * so that a name can be checked wherever it is used.
 */
#include "yaml_alerts.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"
#include "name.h"
#include "text.h"
#include "yaml_receiver.h"

#define DIGEST_HOUR_S (8 * 3600)
#define DAY_S	      86400

static const struct yaml_range up_to_a_day = {0, DAY_S};
static const struct yaml_range a_minute_to_a_year = {60, 365LL * DAY_S};

/* -- names of receivers ----------------------------------------------------------------------- */

static void want_receiver(struct yaml_loader *l, const struct yaml_alerts *a,
			  const struct yaml_node *at, const char *name)
{
	const char **known = mem_array(a->n_receivers + 1, sizeof(*known));
	bool found = false;
	for (size_t i = 0; i < a->n_receivers; i++) {
		known[i] = a->receivers[i].name;
		found = found || strcmp(known[i], name) == 0;
	}
	const char *near = found ? NULL : text_nearest(name, known);
	if (!found)
		yaml_error(l->problems, at, "there is no receiver \"%s\"%s%s%s", name,
			   near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
	free(known);
}

/* -- matches, routes ----------------------------------------------------------------------------
 */

static const char *const kind_words[] = {"problem", "change", "daemon", "test", NULL};

static void read_kind(struct yaml_loader *l, const struct yaml_node *key,
		      const struct yaml_node *value, void *target, const void *arg)
{
	int word = -1;
	yaml_read_word(l, key, value, &word, arg);
	if (word >= 0)
		*(const char **)target = kind_words[word];
}

#define M(member) offsetof(struct conf_match, member)
static const struct yaml_key match_keys[] = {
    {"severity", yaml_read_word, M(severity), finding_severity_words},
    {"kind", read_kind, M(kind), kind_words},
    {"event", yaml_read_string, M(event), NULL},
    {"domain", yaml_read_string, M(domain), NULL},
    {"groups", yaml_read_string, M(group), NULL},
    {"group", yaml_read_string, M(group), NULL},
    {"owner", yaml_read_string, M(owner), NULL},
};
static const struct yaml_section match_section = YAML_SECTION("match", match_keys);

/* The keys "tags.KEY" are a family: taken out first, the rest goes by the table. */
static void read_match(struct yaml_loader *l, const struct yaml_node *key,
		       const struct yaml_node *value, void *target, const void *arg)
{
	(void)arg;
	struct conf_match *m = target;
	if (!yaml_want(l, value, YAML_MAPPING, key->value))
		return;
	struct conf_tag *tags = arena_array(l->arena, value->n, sizeof(*tags));
	YAML_EACH_PAIR(value, k, v)
	{
		if (text_starts(k->value, "tags.") && k->value[5] != '\0') {
			if (yaml_want(l, v, YAML_SCALAR, k->value))
				tags[m->n_tags++] = (struct conf_tag){k->value + 5, v->value};
			continue;
		}
		struct yaml_node one_key = *k, one_value = *v, one = *value;
		one_key.next = &one_value;
		one_value.next = NULL;
		one.first = &one_key;
		one.n = 1;
		yaml_read_section(l, &match_section, &one, m);
	}
	m->tags = tags;
}

struct digest {
	int64_t at_s;
};
static const struct yaml_key digest_keys[] = {
    {"at", yaml_read_clock, offsetof(struct digest, at_s), NULL},
};
static const struct yaml_section digest_section = YAML_SECTION("digest", digest_keys);

static void read_digest(struct yaml_loader *l, const struct yaml_node *key,
			const struct yaml_node *value, void *target, const void *arg)
{
	(void)arg;
	(void)key;
	struct digest d = {DIGEST_HOUR_S};
	yaml_read_section(l, &digest_section, value, &d);
	*(int64_t *)target = d.at_s;
}

struct route_read { /* the row tables fill this, then the tree node is made of it */
	struct conf_route route;
	const struct yaml_node *receivers, *routes;
};

static void keep_node(struct yaml_loader *l, const struct yaml_node *key,
		      const struct yaml_node *value, void *target, const void *arg)
{
	(void)l;
	(void)key;
	(void)arg;
	*(const struct yaml_node **)target = value;
}

#define T(member) offsetof(struct route_read, member)
static const struct yaml_key route_keys[] = {
    {"match", read_match, T(route.match), NULL},
    {"receivers", keep_node, T(receivers), NULL},
    {"continue", yaml_read_bool, T(route.go_on), NULL},
    {"digest", read_digest, T(route.digest_at_s), NULL},
    {"group_wait", yaml_read_duration, T(route.group_wait_s), &up_to_a_day},
    {"repeat", yaml_read_duration, T(route.repeat_s), &a_minute_to_a_year},
    {"routes", keep_node, T(routes), NULL},
};
static const struct yaml_section route_section = YAML_SECTION("route", route_keys);

static struct conf_route read_route(struct yaml_loader *l, const struct yaml_alerts *a,
				    const struct yaml_node *node)
{
	struct route_read r = {.route = {.digest_at_s = -1, .group_wait_s = -1, .repeat_s = -1}};
	yaml_read_section(l, &route_section, node, &r);
	if (r.receivers != NULL) {
		struct yaml_strings s = yaml_strings(l, r.receivers, "receivers");
		const struct yaml_node *at =
		    r.receivers->kind == YAML_SEQUENCE ? r.receivers->first : r.receivers;
		for (size_t i = 0; i < s.n; i++, at = at->next)
			want_receiver(l, a, at, s.item[i]);
		r.route.receivers = s.item;
		r.route.n_receivers = s.n;
		r.route.receivers_set = true;
	}
	if (r.routes == NULL || !yaml_want(l, r.routes, YAML_SEQUENCE, "routes"))
		return r.route;
	struct conf_route *below = arena_array(l->arena, r.routes->n, sizeof(*below));
	YAML_EACH_ITEM(r.routes, item)
	below[r.route.n_routes++] = read_route(l, a, item);
	r.route.routes = below;
	return r.route;
}

/* -- notify: -------------------------------------------------------------------------------------
 */

static void notify_receiver(struct yaml_loader *l, struct yaml_alerts *a,
			    const struct yaml_node *node, const char *url)
{
	struct yaml_node *name = arena_alloc(l->arena, sizeof(*name));
	*name = *node;
	name->value = a->n_receivers == 0
			  ? "notify"
			  : arena_printf(l->arena, "notify-%zu", a->n_receivers + 1);
	struct conf_receiver *r = yaml_receiver_add(l, a, name);
	const char **one = arena_array(l->arena, 1, sizeof(*one));
	if (text_starts(url, "mailto:")) {
		*one = url + strlen("mailto:");
		r->kind = CONF_EMAIL;
		r->to = one;
		r->n_to = 1;
		yaml_want_mailbox(l, node, *one);
	} else if (text_starts(url, "https://")) {
		*one = url;
		r->kind = CONF_WEBHOOK;
		r->urls = one;
		r->n_urls = 1;
	} else {
		yaml_error(l->problems, node, "notify: \"%s\" is neither mailto: nor https:", url);
		return;
	}
	yaml_receiver_check(l, node, r);
}

/* Warnings and criticals at once, the rest in a daily digest. */
static struct conf_route notify_route(struct yaml_loader *l, const char *const *names, size_t n)
{
	struct conf_route *now = arena_array(l->arena, 2, sizeof(*now));
	for (int i = 0; i < 2; i++)
		now[i] = (struct conf_route){
		    .match = {.severity = i == 0 ? SEVERITY_WARNING : SEVERITY_CRITICAL},
		    .receivers = names,
		    .n_receivers = n,
		    .receivers_set = true,
		    .digest_at_s = -1,
		    .group_wait_s = -1,
		    .repeat_s = -1,
		};
	return (struct conf_route){
	    .receivers = names,
	    .n_receivers = n,
	    .receivers_set = true,
	    .digest_at_s = DIGEST_HOUR_S,
	    .group_wait_s = -1,
	    .repeat_s = -1,
	    .routes = now,
	    .n_routes = 2,
	};
}

static void read_notify(struct yaml_loader *l, struct yaml_alerts *a, struct conf *c)
{
	struct yaml_strings urls = yaml_strings(l, a->notify, "notify");
	size_t before = a->n_receivers;
	const struct yaml_node *at =
	    a->notify->kind == YAML_SEQUENCE ? a->notify->first : a->notify;
	for (size_t i = 0; i < urls.n; i++, at = at->next)
		notify_receiver(l, a, at, urls.item[i]);
	const char **names = arena_array(l->arena, a->n_receivers, sizeof(*names));
	for (size_t i = before; i < a->n_receivers; i++)
		names[i - before] = a->receivers[i].name;
	struct conf_route root = notify_route(l, names, a->n_receivers - before);
	if (before == 0) {
		c->route = root;
		return;
	}
	/* Receivers of their own beside notify: those get everything, as without notify. */
	struct conf_route *routes = arena_array(l->arena, 1, sizeof(*routes));
	routes[0] = root;
	routes[0].go_on = true;
	const char **others = arena_array(l->arena, before, sizeof(*others));
	for (size_t i = 0; i < before; i++)
		others[i] = a->receivers[i].name;
	struct conf_route *all = arena_array(l->arena, 2, sizeof(*all));
	all[0] = routes[0];
	all[1] = (struct conf_route){.receivers = others,
				     .n_receivers = before,
				     .receivers_set = true,
				     .digest_at_s = -1,
				     .group_wait_s = -1,
				     .repeat_s = -1};
	c->route = (struct conf_route){.receivers_set = true,
				       .digest_at_s = -1,
				       .group_wait_s = -1,
				       .repeat_s = -1,
				       .routes = all,
				       .n_routes = 2};
}

/* Without route every receiver gets everything. */
static void route_to_all(struct yaml_loader *l, const struct yaml_alerts *a, struct conf *c)
{
	const char **names = arena_array(l->arena, a->n_receivers, sizeof(*names));
	for (size_t i = 0; i < a->n_receivers; i++)
		names[i] = a->receivers[i].name;
	c->route.receivers = names;
	c->route.n_receivers = a->n_receivers;
	c->route.receivers_set = true;
}

/* -- maintenance, heartbeat
 * -------------------------------------------------------------------------- */

static void read_days(struct yaml_loader *l, const struct yaml_node *key,
		      const struct yaml_node *value, void *target, const void *arg)
{
	(void)arg;
	static const char *const days[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};
	const struct yaml_node *at = value->kind == YAML_SEQUENCE ? value->first : value;
	struct yaml_strings s = yaml_strings(l, value, key->value);
	for (size_t i = 0; i < s.n; i++, at = at->next) {
		int day = -1;
		yaml_read_word(l, key, at, &day, days);
		if (day >= 0)
			*(unsigned *)target |= 1u << day;
	}
}

static void read_timezone(struct yaml_loader *l, const struct yaml_node *key,
			  const struct yaml_node *value, void *target, const void *arg)
{
	(void)arg;
	if (!yaml_want(l, value, YAML_SCALAR, key->value))
		return;
	const char *path = arena_printf(l->arena, "/usr/share/zoneinfo/%s", value->value);
	if (value->value[0] == '/' || strstr(value->value, "..") != NULL || access(path, R_OK) != 0)
		yaml_error(l->problems, value,
			   "timezone: \"%s\" is not in the IANA time zone database", value->value);
	else
		*(const char **)target = value->value;
}

#define W(member) offsetof(struct conf_maintenance, member)
static const struct yaml_range a_window = {60, 30LL * DAY_S};
static const struct yaml_key maintenance_keys[] = {
    {"name", yaml_read_string, W(name), NULL},
    {"reason", yaml_read_string, W(reason), NULL},
    {"match", read_match, W(match), NULL},
    {"days", read_days, W(days), NULL},
    {"start", yaml_read_clock, W(start_s), NULL},
    {"duration", yaml_read_duration, W(duration_s), &a_window},
    {"timezone", read_timezone, W(timezone), NULL},
    {"from", yaml_read_time, W(from), NULL},
    {"until", yaml_read_time, W(until), NULL},
};
static const struct yaml_section maintenance_section =
    YAML_SECTION("maintenance", maintenance_keys);

static void read_maintenance(struct yaml_loader *l, const struct yaml_node *list, struct conf *c)
{
	if (!yaml_want(l, list, YAML_SEQUENCE, "maintenance"))
		return;
	struct conf_maintenance *w = arena_array(l->arena, list->n, sizeof(*w));
	YAML_EACH_ITEM(list, item)
	{
		struct conf_maintenance *one = &w[c->n_maintenance++];
		one->start_s = -1;
		yaml_read_section(l, &maintenance_section, item, one);
		bool weekly = one->days != 0 && one->start_s >= 0 && one->duration_s > 0;
		bool once = one->from != 0 && one->until != 0;
		if (one->name == NULL)
			yaml_error(l->problems, item, "maintenance: \"name\" is missing");
		if (weekly == once)
			yaml_error(
			    l->problems, item,
			    "maintenance: either days, start and duration, or from and until");
		else if (once && one->until <= one->from)
			yaml_error(l->problems, item, "maintenance: it ends before it begins");
	}
	c->maintenance = w;
}

#define H(member) offsetof(struct conf_heartbeat, member)
static const struct yaml_range a_beat = {10, DAY_S};
static const struct yaml_key heartbeat_keys[] = {
    {"url", yaml_read_url, H(url), NULL},
    {"url_file", yaml_read_file_secret, H(url_file), NULL},
    {"url_credential", yaml_read_credential, H(url_file), NULL},
    {"every", yaml_read_duration, H(every_s), &a_beat},
};
static const struct yaml_section heartbeat_section = YAML_SECTION("heartbeat", heartbeat_keys);

static void read_heartbeat(struct yaml_loader *l, const struct yaml_node *list, struct conf *c)
{
	if (!yaml_want(l, list, YAML_SEQUENCE, "heartbeat"))
		return;
	struct conf_heartbeat *h = arena_array(l->arena, list->n, sizeof(*h));
	YAML_EACH_ITEM(list, item)
	{
		struct conf_heartbeat *one = &h[c->n_heartbeat++];
		one->every_s = 300;
		yaml_read_section(l, &heartbeat_section, item, one);
		if ((one->url == NULL) == (one->url_file == NULL))
			yaml_error(l->problems, item,
				   "heartbeat: one of \"url\" and \"url_file\" is wanted");
	}
	c->heartbeat = h;
}

/* -- all together
 * ---------------------------------------------------------------------------------- */

bool yaml_alerts_key(const char *key)
{
	static const char *const keys[] = {"notify", "receivers", "route", "maintenance",
					   "heartbeat"};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(keys[i], key) == 0)
			return true;
	}
	return false;
}

static void keep_once(struct yaml_loader *l, const struct yaml_node **slot,
		      const struct yaml_node *key, const struct yaml_node *value)
{
	if (*slot != NULL)
		yaml_error(l->problems, key, "\"%s\" is already set in %s:%u", key->value,
			   (*slot)->file->name, (*slot)->line);
	else
		*slot = value;
}

void yaml_alerts_add(struct yaml_loader *l, struct yaml_alerts *a, const struct yaml_node *key,
		     const struct yaml_node *value)
{
	if (strcmp(key->value, "notify") == 0) {
		keep_once(l, &a->notify, key, value);
	} else if (strcmp(key->value, "route") == 0) {
		keep_once(l, &a->route, key, value);
	} else if (strcmp(key->value, "maintenance") == 0) {
		keep_once(l, &a->maintenance, key, value);
	} else if (strcmp(key->value, "heartbeat") == 0) {
		keep_once(l, &a->heartbeat, key, value);
	} else if (yaml_want(l, value, YAML_MAPPING, "receivers")) {
		YAML_EACH_PAIR(value, name, node)
		yaml_receiver_read(l, a, name, node);
	}
}

void yaml_alerts_finish(struct yaml_loader *l, struct yaml_alerts *a, struct conf *c)
{
	if (a->notify != NULL && a->route != NULL)
		yaml_error(
		    l->problems, a->notify,
		    "\"notify\" is short for a receiver and a route to it: it cannot stand beside \"route\"");
	if (a->route != NULL)
		c->route = read_route(l, a, a->route);
	else if (a->notify != NULL)
		read_notify(l, a, c);
	else
		route_to_all(l, a, c);
	c->has_route = a->notify != NULL || a->route != NULL;
	if (c->route.group_wait_s < 0)
		c->route.group_wait_s = 30;
	if (c->route.repeat_s < 0)
		c->route.repeat_s = DAY_S;
	for (size_t i = 0; i < a->n_receivers; i++) {
		if (a->receivers[i].fallback != NULL)
			want_receiver(l, a, a->receiver_nodes[i], a->receivers[i].fallback);
	}
	struct conf_receiver *receivers = arena_array(l->arena, a->n_receivers, sizeof(*receivers));
	if (a->n_receivers > 0)
		memcpy(receivers, a->receivers, a->n_receivers * sizeof(*receivers));
	c->receivers = receivers;
	c->n_receivers = a->n_receivers;
	if (a->maintenance != NULL)
		read_maintenance(l, a->maintenance, c);
	if (a->heartbeat != NULL)
		read_heartbeat(l, a->heartbeat, c);
}

void yaml_alerts_clear(struct yaml_alerts *a)
{
	free(a->receivers);
	free(a->receiver_nodes);
	*a = (struct yaml_alerts){0};
}
