/* SPDX-License-Identifier: ISC
 *
 * The state machine of belief: one walk over both sorted postures, one decision per fact.
 */
#include "diff.h"

#include <string.h>

#include "diff_tell.h"

struct comparison {
	const struct posture *believed, *seen;
	int64_t confirm_fail;
	struct posture *next;
	struct edge *edge;
	size_t n_edges;
	bool pending;
	/* of an MTA-STS publication */
	bool hold_id, hold_body;
	bool body_counts; /* the new body was seen with the old id */
};

static void believe(struct comparison *c, const struct fact *f, int64_t misses)
{
	struct fact *kept = &c->next->fact[c->next->n++];
	*kept = *f;
	kept->misses = misses;
}

/* "[192.0.2.7]:25 cert" of an address that the host does not have any more. */
static bool address_left(const struct posture *seen, const char *key)
{
	const char *end = strchr(key, ']');
	if (key[0] != '[' || end == NULL)
		return false;
	const struct fact *set =
	    posture_get(seen, memchr(key, ':', (size_t)(end - key)) != NULL ? "aaaa" : "a");
	if (set == NULL)
		return false;
	char quoted[80] = "\"";
	size_t len = (size_t)(end - key) - 1;
	if (set->value == NULL || len > sizeof(quoted) - 3)
		return true;
	memcpy(quoted + 1, key + 1, len);
	memcpy(quoted + 1 + len, "\"", 2);
	return strstr(set->value, quoted) == NULL;
}

static bool same(const struct fact *a, const struct fact *b)
{
	return a->state == b->state && (a->state != FACT_VALUE || strcmp(a->value, b->value) == 0);
}

static bool is_value(const struct fact *f)
{
	return f != NULL && f->state == FACT_VALUE;
}

/* An MTA-STS publication has two halves, seen one after the other: which one waits? */
static void look_at_publication(struct comparison *c)
{
	const struct fact *old_id = posture_get(c->believed, "mta_sts.id");
	const struct fact *old_body = posture_get(c->believed, "mta_sts.policy");
	const struct fact *id = posture_get(c->seen, "mta_sts.id");
	const struct fact *body = posture_get(c->seen, "mta_sts.policy");
	if (!is_value(old_id) || !is_value(old_body))
		return;
	c->hold_id = body == NULL && is_value(id);
	if (!is_value(body) || same(old_body, body))
		return;
	c->body_counts = id != NULL && same(old_id, id);
	c->hold_body =
	    id == NULL || (c->body_counts && old_body->misses + 1 < c->confirm_fail);
}

static bool held_back(const struct comparison *c, const char *key)
{
	if (strcmp(key, "mta_sts.id") == 0)
		return c->hold_id;
	return c->hold_body && (strcmp(key, "mta_sts.policy") == 0 ||
				strcmp(key, "mta_sts.unmatched") == 0);
}

/* Both sides know the fact. */
static void compare(struct comparison *c, const struct fact *was, const struct fact *is)
{
	if (same(was, is)) {
		believe(c, was, 0);
		return;
	}
	if (held_back(c, was->key)) {
		bool counts = c->body_counts && strcmp(was->key, "mta_sts.policy") == 0;
		believe(c, was, was->misses + counts);
		c->pending = c->pending || counts;
		return;
	}
	if (diff_falls(was->key, was->value, is->value) &&
	    was->misses + 1 < diff_patience(was->key, c->confirm_fail)) {
		believe(c, was, was->misses + 1);
		c->pending = true;
		return;
	}
	believe(c, is, 0);
	c->edge[c->n_edges++] = (struct edge){was->key, was->value, is->value};
}

static void walk(struct comparison *c)
{
	size_t i = 0, j = 0;
	while (i < c->believed->n || j < c->seen->n) {
		const struct fact *was = i < c->believed->n ? &c->believed->fact[i] : NULL;
		const struct fact *is = j < c->seen->n ? &c->seen->fact[j] : NULL;
		int order = was == NULL ? 1 : is == NULL ? -1 : strcmp(was->key, is->key);
		if (order == 0)
			compare(c, was, is);
		else if (order > 0)
			believe(c, is, 0);
		else if (!address_left(c->seen, was->key))
			believe(c, was, was->misses);
		i += order <= 0;
		j += order >= 0;
	}
}

void diff(const char *subject, const struct posture *believed, const struct posture *seen,
	  int64_t confirm_fail, struct arena *arena, struct changes *changes, struct posture **next,
	  bool *pending)
{
	static const struct posture nothing;
	struct comparison c = {.believed = believed != NULL ? believed : &nothing,
			       .seen = seen,
			       .confirm_fail = confirm_fail};
	size_t most = c.believed->n + seen->n;
	c.next = arena_alloc(arena, sizeof(*c.next));
	c.next->fact = arena_array(arena, most, sizeof(*c.next->fact));
	c.edge = arena_array(arena, most, sizeof(*c.edge));
	look_at_publication(&c);
	walk(&c);

	*changes = (struct changes){0};
	struct telling t = {.subject = subject,
			    .edge = c.edge,
			    .n_edges = c.n_edges,
			    .next = c.next,
			    .arena = arena,
			    .changes = changes};
	diff_tell(&t);
	*next = c.next;
	*pending = c.pending;
}
