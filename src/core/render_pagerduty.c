/* SPDX-License-Identifier: ISC
 *
 * PagerDuty Events API v2: problems trigger, acknowledge and resolve an incident under our
 * incident's id;
 * changes go to the change endpoint, which pages nobody (render.c picks the URL).
 */
#include "render_formats.h"
#include "render_parts.h"

#include "stamp.h"

/* Limits: 1024 characters of summary, 512 KB in all. */
#define SUMMARY_MAX 1000
#define DETAILS_MAX ((size_t)256 * 1024)
#define KEY_MAX	    255

static json_t *links_of(const struct notice *n)
{
	json_t *links = json_array();
	if (render_is_link(n->url))
		json_array_append_new(links,
				      json_pack("{s:s,s:s}", "href", n->url, "text", "mxwatch"));
	if (render_is_link(n->runbook_url))
		json_array_append_new(
		    links, json_pack("{s:s,s:s}", "href", n->runbook_url, "text", "Runbook"));
	return links;
}

/* The event itself, unless it is too large: before and after may be whole documents. */
static json_t *details(const struct notice *n)
{
	json_t *o = notice_to_json(n);
	if (json_dumpb(o, NULL, 0, JSON_COMPACT) <= DETAILS_MAX)
		return o;
	json_object_set_new(o, "before", json_null());
	json_object_set_new(o, "after", json_null());
	return o;
}

static const char *action(const struct notice *n)
{
	if (n->status == NOTICE_RESOLVED)
		return "resolve";
	return n->acked_by != NULL ? "acknowledge" : "trigger";
}

json_t *render_pagerduty(const struct notice *n, const char *routing_key)
{
	struct arena *arena = arena_new();
	char at[STAMP_TEXT];
	const char *summary = arena_printf(arena, "%s: %s", render_where(arena, n),
					   render_cleaned(arena, n->summary, RENDER_MAX_VALUE));
	json_t *payload = json_pack(
	    "{s:s,s:s,s:s,s:o}", "summary", render_cleaned(arena, summary, SUMMARY_MAX), "source",
	    n->subject, "timestamp", stamp_format(at, n->at), "custom_details", details(n));
	json_t *root =
	    json_pack("{s:s,s:o,s:o}", "routing_key", routing_key != NULL ? routing_key : "",
		      "payload", payload, "links", links_of(n));
	if (n->status != NOTICE_CHANGED) {
		const char *severity = finding_severity_words[n->severity];
		json_object_set_new(payload, "severity",
				    json_string(*severity != '\0' ? severity : "info"));
		json_object_set_new(payload, "class", json_string(n->event));
		json_object_set_new(payload, "component",
				    json_string(n->check != NULL ? n->check : "mxwatch"));
		json_object_set_new(root, "event_action", json_string(action(n)));
		json_object_set_new(
		    root, "dedup_key",
		    json_string(render_cleaned(arena, n->incident != NULL ? n->incident : n->id,
					       KEY_MAX - 3)));
		json_object_set_new(root, "client", json_string("mxwatch"));
	}
	arena_free(arena);
	return root;
}
