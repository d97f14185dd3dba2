/* SPDX-License-Identifier: ISC */
#include "lookup.h"

#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "mem.h"
#include "text.h"

#define TLSA_MAX_DATA 4096 /* bytes; 8 KiB of hex */
#define MAX_RECORDS   64

struct lookup {
	struct lookups *all;
	struct lookup *next, **link;
	struct resolver_query *query;
	lookup_cb *cb;
	void *context;
};

struct lookups {
	struct resolver *resolver;
	bool fresh;
	void *arg;
	struct lookup *first;
	size_t open;
};

static void forget(struct lookup *l)
{
	*l->link = l->next;
	if (l->next)
		l->next->link = l->link;
	l->all->open--;
	free(l);
}

static void answered(const struct resolver_answer *answer, void *arg)
{
	struct lookup *l = arg;
	void *context = l->context, *owner = l->all->arg;
	lookup_cb *cb = l->cb;

	forget(l);
	cb(answer, context, owner);
}

struct lookups *lookups_new(struct resolver *r, bool fresh, void *arg)
{
	struct lookups *l = mem_alloc(sizeof(*l));

	l->resolver = r;
	l->fresh = fresh;
	l->arg = arg;
	return l;
}

void lookups_free(struct lookups *l)
{
	if (!l)
		return;
	while (l->first) {
		resolver_cancel(l->first->query);
		forget(l->first);
	}
	free(l);
}

size_t lookups_open(const struct lookups *l)
{
	return l->open;
}

void lookup_ask(struct lookups *all, const char *name, unsigned type, lookup_cb *cb, void *context)
{
	struct lookup *l = mem_alloc(sizeof(*l));

	l->all = all;
	l->cb = cb;
	l->context = context;
	l->next = all->first;
	l->link = &all->first;
	if (l->next)
		l->next->link = &l->next;
	all->first = l;
	all->open++;
	l->query = resolver_ask(all->resolver, name, type, all->fresh, answered, l);
}

void answer_pending(struct obs_answer *head)
{
	head->status = OBS_DNS_FAILED;
	head->failure.stage = OBS_STAGE_DNS;
	head->failure.class = OBS_CLASS_LOCAL;
	head->failure.text = "the probe ran out of time";
}

/* -- copies -------------------------------------------------------------------------------- */

void answer_head(const struct resolver_answer *a, struct arena *arena, struct obs_answer *out)
{
	const struct obs_answer *head = &a->head;
	const char **chain = arena_array(arena, head->n_cname_chain, sizeof(*chain));

	*out = *head;
	out->cname = arena_strdup(arena, head->cname);
	for (size_t i = 0; i < head->n_cname_chain; i++)
		chain[i] = arena_strdup(arena, head->cname_chain[i]);
	out->cname_chain = chain;
	out->failure.text = arena_strdup(arena, head->failure.text);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void answer_names(const struct resolver_answer *a, size_t max, struct arena *arena,
		  struct obs_names *out)
{
	const char **list = arena_array(arena, a->n + 1, sizeof(*list));
	size_t n = 0;

	answer_head(a, arena, &out->dns);
	for (size_t i = 0; i < a->n; i++)
		list[i] = a->rr[i].text;
	qsort(list, a->n, sizeof(*list), by_text);
	for (size_t i = 0; i < a->n && n < max; i++)
		if (n == 0 || strcmp(list[n - 1], list[i]) != 0)
			list[n++] = arena_strdup(arena, list[i]);
	out->value = list;
	out->n = n;
	out->dns.left_out = a->n > max ? (int64_t)(a->n - max) : 0;
}

static int by_preference(const void *left, const void *right)
{
	const struct obs_mx_rr *a = left, *b = right;

	if (a->preference != b->preference)
		return a->preference < b->preference ? -1 : 1;
	return strcmp(a->host, b->host);
}

void answer_mx(const struct resolver_answer *a, struct arena *arena, struct obs_mx *out)
{
	struct obs_mx_rr *rr = arena_array(arena, a->n + 1, sizeof(*rr));

	answer_head(a, arena, &out->dns);
	for (size_t i = 0; i < a->n; i++) {
		rr[i].preference = a->rr[i].a;
		rr[i].host = arena_strdup(arena, a->rr[i].text);
	}
	qsort(rr, a->n, sizeof(*rr), by_preference);
	out->rr = rr;
	out->n = a->n < OBS_MAX_MX ? a->n : OBS_MAX_MX;
	out->dns.left_out = (int64_t)(a->n - out->n);
}

static int by_priority(const void *left, const void *right)
{
	const struct obs_srv_rr *a = left, *b = right;
	int order;

	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	if (a->weight != b->weight)
		return a->weight > b->weight ? -1 : 1;
	order = strcmp(a->target, b->target);
	return order != 0 ? order : (a->port > b->port) - (a->port < b->port);
}

void answer_srv(const struct resolver_answer *a, struct arena *arena, struct obs_srv *out)
{
	struct obs_srv_rr *rr = arena_array(arena, a->n + 1, sizeof(*rr));

	answer_head(a, arena, &out->dns);
	for (size_t i = 0; i < a->n; i++) {
		rr[i].priority = a->rr[i].a;
		rr[i].weight = a->rr[i].b;
		rr[i].port = a->rr[i].c;
		rr[i].target = arena_strdup(arena, a->rr[i].text);
	}
	qsort(rr, a->n, sizeof(*rr), by_priority);
	out->rr = rr;
	out->n = a->n < MAX_RECORDS ? a->n : MAX_RECORDS;
}

void answer_txt(const struct resolver_answer *a, struct arena *arena, struct obs_txt *out)
{
	const char **list = arena_array(arena, a->n + 1, sizeof(*list));

	answer_head(a, arena, &out->dns);
	for (size_t i = 0; i < a->n; i++)
		list[i] = arena_strdup(arena, a->rr[i].text);
	qsort(list, a->n, sizeof(*list), by_text);
	out->value = list;
	out->n = a->n < MAX_RECORDS ? a->n : MAX_RECORDS;
}

static const char *hex(const unsigned char *data, size_t len, struct arena *arena)
{
	const char *text;
	struct buf b;

	buf_init(&b, (size_t)2 * TLSA_MAX_DATA);
	text_hex(&b, data, len < TLSA_MAX_DATA ? len : TLSA_MAX_DATA);
	text = arena_strdup(arena, buf_str(&b));
	buf_clear(&b);
	return text;
}

static int by_tlsa(const void *left, const void *right)
{
	const struct obs_tlsa_rr *a = left, *b = right;

	if (a->usage != b->usage)
		return a->usage < b->usage ? -1 : 1;
	if (a->selector != b->selector)
		return a->selector < b->selector ? -1 : 1;
	if (a->matching != b->matching)
		return a->matching < b->matching ? -1 : 1;
	return strcmp(a->data, b->data);
}

void answer_tlsa(const struct resolver_answer *a, struct arena *arena, struct obs_tlsa *out)
{
	answer_head(a, arena, &out->dns);
	out->n = a->n < MAX_RECORDS ? a->n : MAX_RECORDS;
	out->rr = arena_array(arena, out->n, sizeof(*out->rr));
	for (size_t i = 0; i < out->n; i++) {
		const struct resolver_rr *rr = &a->rr[i];

		out->rr[i].usage = rr->a;
		out->rr[i].selector = rr->b;
		out->rr[i].matching = rr->c;
		out->rr[i].data = hex(rr->data, rr->len, arena);
		if (rr->c == 0)
			out->rr[i].data_sha256 = digest_sha256(rr->data, rr->len, arena);
	}
	qsort(out->rr, out->n, sizeof(*out->rr), by_tlsa);
}

void answer_caa(const struct resolver_answer *a, struct arena *arena, struct obs_caa *out)
{
	answer_head(a, arena, &out->dns);
	out->n = a->n < MAX_RECORDS ? a->n : MAX_RECORDS;
	out->rr = arena_array(arena, out->n, sizeof(*out->rr));
	for (size_t i = 0; i < out->n; i++) {
		out->rr[i].flags = a->rr[i].a;
		out->rr[i].tag = arena_strdup(arena, a->rr[i].tag);
		out->rr[i].value = arena_strdup(arena, a->rr[i].text);
	}
}
