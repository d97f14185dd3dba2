/* SPDX-License-Identifier: ISC
 *
 * The canonical event as it is, and in the envelope of CloudEvents 1.0 (structured mode).
 */
#include "render_formats.h"
#include "stamp.h"

/* A first look has nothing before it: what it found is what there is after it. */
static json_t *event_of(const struct notice *n)
{
	json_t *o = notice_to_json(n), *found;
	if (n->status != NOTICE_CHANGED || n->after != NULL || n->n_causes == 0)
		return o;
	found = json_array();
	for (size_t i = 0; i < n->n_causes; i++)
		json_array_append_new(found, json_string(n->causes[i]));
	json_object_set_new(o, "after", found);
	return o;
}

/* A digest is its own event with the events it holds beside it. */
json_t *render_json(const struct notice *n, const struct render_digest *digest)
{
	json_t *o = event_of(n);
	if (digest->n == 0)
		return o;
	json_t *events = json_array();
	for (size_t i = 0; i < digest->n; i++)
		json_array_append_new(events, event_of(&digest->item[i]));
	json_object_set_new(o, "digest", events);
	return o;
}

static const char *type_of(const struct notice *n)
{
	if (n->kind == NOTICE_TEST)
		return "mxwatch.test";
	if (n->kind == NOTICE_DAEMON)
		return "mxwatch.daemon";
	if (n->status == NOTICE_CHANGED)
		return "mxwatch.change.detected";
	if (n->status == NOTICE_RESOLVED)
		return "mxwatch.problem.resolved";
	return n->seq <= 1 ? "mxwatch.problem.opened" : "mxwatch.problem.updated";
}

json_t *render_cloudevents(const struct notice *n, const struct render_digest *digest)
{
	char at[STAMP_TEXT];
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:o}", "specversion", "1.0", "id", n->id,
			 "source", "/mxwatch", "type", type_of(n), "subject", n->subject, "time",
			 stamp_format(at, n->at), "datacontenttype", "application/json", "data",
			 render_json(n, digest));
}
