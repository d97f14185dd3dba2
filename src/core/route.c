/* SPDX-License-Identifier: ISC
 *
 * The walk through the routing tree.  At each node the first child that matches takes the
 * notice, and the next ones too while the child says `continue`; a node none of whose children
 * matched takes it itself.  A child without receivers has those of its parent.
 */
#include "route.h"

#include <string.h>

#include "text.h"

#define DEFAULT_GROUP_WAIT_S 30
#define DEFAULT_REPEAT_S     (24 * 3600)

/* -- matching -- */

static bool has_tag(const struct conf_tag *tags, size_t n, const struct conf_tag *wanted)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(tags[i].key, wanted->key) == 0 &&
		    text_glob(wanted->value, tags[i].value))
			return true;
	}
	return false;
}

static bool has_group(const struct conf_extra *x, const char *group)
{
	for (size_t i = 0; i < x->n_groups; i++) {
		if (strcmp(x->groups[i], group) == 0)
			return true;
	}
	return false;
}

/* Whether one domain of the notice has all that m wants of a domain. */
static bool domain_matches(const struct conf *c, const struct conf_match *m, const char *name)
{
	const struct conf_domain *d = conf_domain(c, name);
	const struct conf_extra *x = d != NULL ? d->extra : conf_extra_none();
	if (m->domain != NULL && !text_glob(m->domain, name))
		return false;
	if (m->group != NULL && !has_group(x, m->group))
		return false;
	if (m->owner != NULL && (x->owner == NULL || strcmp(m->owner, x->owner) != 0))
		return false;
	for (size_t i = 0; i < m->n_tags; i++) {
		if (!has_tag(x->tags, x->n_tags, &m->tags[i]))
			return false;
	}
	return true;
}

bool route_matches(const struct conf *c, const struct conf_match *m, const struct notice *n)
{
	if (m->severity != SEVERITY_NONE && m->severity != (enum finding_severity)n->severity)
		return false;
	if (m->kind != NULL && strcmp(m->kind, notice_kind_words[n->kind]) != 0)
		return false;
	if (m->event != NULL && !text_glob(m->event, n->event))
		return false;
	if (m->domain == NULL && m->group == NULL && m->owner == NULL && m->n_tags == 0)
		return true;
	for (size_t i = 0; i < n->n_domains; i++) {
		if (domain_matches(c, m, n->domains[i]))
			return true;
	}
	return false;
}

/* -- the walk -- */

struct walk {
	const struct conf *c;
	const struct notice *notice;
	struct route_target *target;
	size_t n;
};

static void take(struct walk *w, const char *receiver, const struct route_target *as)
{
	if (w->n == w->c->n_receivers)
		return;
	for (size_t i = 0; i < w->n; i++) {
		if (strcmp(w->target[i].receiver, receiver) == 0)
			return;
	}
	w->target[w->n] = *as;
	w->target[w->n++].receiver = receiver;
}

/* receivers: the nearest node up to here that names some. */
static void descend(struct walk *w, const struct conf_route *node,
		    const struct conf_route *receivers, struct route_target as)
{
	bool taken = false;
	as.route = node;
	as.digest_at_s = node->digest_at_s;
	if (node->group_wait_s >= 0)
		as.group_wait_s = node->group_wait_s;
	if (node->repeat_s >= 0)
		as.repeat_s = node->repeat_s;
	if (node->receivers_set || node->n_receivers > 0)
		receivers = node;
	for (size_t i = 0; i < node->n_routes; i++) {
		const struct conf_route *child = &node->routes[i];
		if (!route_matches(w->c, &child->match, w->notice))
			continue;
		descend(w, child, receivers, as);
		taken = true;
		if (!child->go_on)
			break;
	}
	for (size_t i = 0; !taken && receivers != NULL && i < receivers->n_receivers; i++)
		take(w, receivers->receivers[i], &as);
}

struct route_target *route_targets(const struct conf *c, const struct notice *n,
				   struct arena *arena, size_t *n_targets)
{
	struct walk w = {.c = c, .notice = n};
	struct route_target as = {.digest_at_s = -1,
				  .group_wait_s = DEFAULT_GROUP_WAIT_S,
				  .repeat_s = DEFAULT_REPEAT_S,
				  .route = &c->route};
	w.target = arena_array(arena, c->n_receivers, sizeof(*w.target));
	if (c->has_route) {
		descend(&w, &c->route, NULL, as);
	} else {
		for (size_t i = 0; i < c->n_receivers; i++)
			take(&w, c->receivers[i].name, &as);
	}
	*n_targets = w.n;
	return w.target;
}
