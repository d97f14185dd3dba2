/* SPDX-License-Identifier: ISC
 *
 * What a notice says: an incident as the canonical event, with its members, what travels with
 * it and whom it belongs to.
 */
#include <string.h>

#include "check.h"
#include "engine_parts.h"
#include "event.h"

#define CAUSES_MAX 20

static const char *const *split(const char *words, struct arena *arena, size_t *n)
{
	char *copy = arena_strdup(arena, words ? words : ""), *save = NULL;
	const char **list = arena_array(arena, strlen(copy) / 2 + 1, sizeof(*list));

	*n = 0;
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		size_t i = 0;
		while (i < *n && strcmp(list[i], w) != 0)
			i++;
		if (i == *n)
			list[(*n)++] = w;
	}
	return list;
}

/* Whom it belongs to: the owner and tags its domains agree on. */
void engine_belongings(const struct engine *e, struct notice *n, struct arena *arena)
{
	const struct conf_extra *extra = NULL;
	const struct conf_owner *owner;

	for (size_t i = 0; i < n->n_domains; i++) {
		const struct conf_domain *d = conf_domain(e->conf, n->domains[i]);
		if (d == NULL)
			continue;
		if (extra == NULL) {
			extra = d->extra;
			n->owner = extra->owner;
			n->tags = extra->tags;
			n->n_tags = extra->n_tags;
		} else if (d->extra != extra) {
			if (n->owner &&
			    (d->extra->owner == NULL || strcmp(d->extra->owner, n->owner) != 0))
				n->owner = NULL;
			n->tags = NULL;
			n->n_tags = 0;
		}
	}
	owner = n->owner ? conf_owner(e->conf, n->owner) : NULL;
	n->runbook_url = event_link(arena, owner ? owner->runbook_url : NULL,
				    e->conf->web_public_url, n->event, n->check);
	if (e->conf->web_public_url && n->n_domains == 1)
		n->url =
		    arena_printf(arena, "%s/domains/%s", e->conf->web_public_url, n->domains[0]);
	else if (e->conf->web_public_url)
		n->url = arena_printf(arena, "%s/incidents", e->conf->web_public_url);
}

void engine_members(struct engine *e, const struct incident *i, struct notice *n,
		    struct arena *arena)
{
	n->domains = store_members(e->store, i->id, NOTICE_MAX_DOMAINS, arena, &n->n_domains,
				   &n->domains_total);
	n->causes = store_causes(e->store, i->id, CAUSES_MAX, arena, &n->n_causes);
	n->changes = split(i->changes, arena, &n->n_changes);
	engine_belongings(e, n, arena);
}

void engine_compose(struct engine *e, const struct incident *i, enum notice_status status,
		    struct arena *arena, struct notice *n)
{
	*n = (struct notice){
	    .schema = NOTICE_SCHEMA,
	    .id = engine_uid(arena),
	    .incident = i->uid,
	    .seq = i->seq,
	    .kind = i->kind,
	    .status = status,
	    .event = i->event,
	    .severity = i->severity,
	    .check = i->check,
	    .subject = i->subject,
	    .summary = status == NOTICE_RESOLVED
			   ? notice_over(arena, i->closed - i->since, i->summary)
			   : i->summary,
	    .before = i->before,
	    .after = i->after,
	    .expected = i->expected,
	    .actual = i->actual,
	    .impact = status == NOTICE_RESOLVED ? NULL : notice_impact(i->check, i->severity),
	    .advice = status == NOTICE_RESOLVED ? NULL : i->advice,
	    .reference = i->reference,
	    .since = i->since,
	    .last_ok = i->last_ok,
	    .confirmed_by = i->confirmed_by,
	    .title = i->title,
	    .at = clock_now(),
	};
	engine_members(e, i, n, arena);
}

/* "1 critical, 2 warnings, 7 for information" */
static const char *tally(const struct store_outgoing *rows, size_t n, struct arena *arena)
{
	size_t critical = 0, warnings = 0, rest;
	const char *text = "";

	for (size_t i = 0; i < n; i++) {
		critical += rows[i].severity == SEVERITY_CRITICAL;
		warnings += rows[i].severity == SEVERITY_WARNING;
	}
	rest = n - critical - warnings;
	if (critical > 0)
		text = arena_printf(arena, "%zu critical", critical);
	if (warnings > 0)
		text = arena_printf(arena, "%s%s%zu warning%s", text, *text ? ", " : "", warnings,
				    warnings == 1 ? "" : "s");
	if (rest > 0)
		text =
		    arena_printf(arena, "%s%s%zu for information", text, *text ? ", " : "", rest);
	return text;
}

const char *engine_compose_digest(const struct store_outgoing *rows, size_t n, struct arena *arena)
{
	struct notice d = {
	    .schema = NOTICE_SCHEMA,
	    .id = arena_printf(arena, "digest-%s", rows[0].uid),
	    .seq = 1,
	    .kind = NOTICE_DAEMON,
	    .status = NOTICE_CHANGED,
	    .event = "digest",
	    .severity = SEVERITY_INFO,
	    .subject = "monitor",
	    .summary = tally(rows, n, arena),
	    .since = rows[0].created,
	    .at = clock_now(),
	};

	for (size_t i = 0; i < n; i++)
		if (rows[i].severity > (int)d.severity)
			d.severity = rows[i].severity;
	d.incident = d.id;
	return engine_encoded(&d, arena);
}

const char *engine_encoded(const struct notice *n, struct arena *arena)
{
	struct buf text;
	const char *json;

	buf_init(&text, 1 << 20);
	notice_encode(n, &text);
	json = arena_strdup(arena, buf_str(&text));
	buf_clear(&text);
	return json;
}
