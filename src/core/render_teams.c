/* SPDX-License-Identifier: ISC
 *
 * Microsoft Teams through a Workflows webhook: one Adaptive Card 1.2.  TextBlocks know a little
 * Markdown, so its signs are escaped.
 */
#include "render_formats.h"
#include "render_parts.h"

#include "text.h"

/* A card of more than 28 KB is refused. */
#define DIGEST_MAX 20
#define LINES_MAX  12
#define VALUE_MAX  250 /* characters */

static const char *colour(const struct notice *n)
{
	if (n->status == NOTICE_RESOLVED)
		return "good";
	return n->severity == SEVERITY_CRITICAL	 ? "attention"
	       : n->severity == SEVERITY_WARNING ? "warning"
						 : "accent";
}

static void add_text(json_t *body, const char *text, const char *weight, const char *size)
{
	json_array_append_new(body, json_pack("{s:s,s:s,s:b,s:s,s:s}", "type", "TextBlock", "text",
					      text, "wrap", 1, "weight", weight, "size", size));
}

static void add_paragraph(json_t *body, struct arena *arena, const char *title, const char *text)
{
	if (text == NULL)
		return;
	add_text(body, title, "bolder", "default");
	add_text(body, render_markdown(arena, render_cleaned(arena, text, 2 * VALUE_MAX)),
		 "default", "default");
}

static void add_facts(json_t *body, struct arena *arena, const struct notice *n)
{
	size_t count, lines;
	const struct render_fact *fact = render_facts(arena, n, &count);
	const struct render_line *line = render_difference(arena, n, &lines);
	json_t *facts = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(
		    facts, json_pack("{s:s,s:s}", "title", fact[i].label, "value",
				     render_markdown(
					 arena, render_cleaned(arena, fact[i].value, VALUE_MAX))));
	for (size_t i = 0; i < lines && i < LINES_MAX; i++)
		json_array_append_new(
		    facts,
		    json_pack("{s:s,s:s}", "title", line[i].sign == '-' ? "Before" : "Now", "value",
			      render_markdown(arena,
					      render_cleaned(arena, line[i].text, VALUE_MAX / 2))));
	json_array_append_new(body, json_pack("{s:s,s:o}", "type", "FactSet", "facts", facts));
}

static json_t *body_of(struct arena *arena, const struct notice *n)
{
	json_t *body = json_array();
	json_array_append_new(body,
			      json_pack("{s:s,s:s,s:b,s:s,s:s,s:s}", "type", "TextBlock", "text",
					render_markdown(arena, render_lead(arena, n)), "wrap", 1,
					"weight", "bolder", "size", "large", "color", colour(n)));
	add_text(body, render_markdown(arena, render_title(arena, n)), "bolder", "medium");
	add_text(
	    body,
	    render_markdown(arena, render_cleaned(arena, render_sentence(arena, n), 2 * VALUE_MAX)),
	    "default", "default");
	add_facts(body, arena, n);
	add_paragraph(body, arena, "What it means for mail delivery", render_impact(n));
	add_paragraph(body, arena, "What to do", render_advice(n));
	return body;
}

static json_t *digest_body(struct arena *arena, const struct notice *n,
			   const struct render_digest *digest)
{
	json_t *body = json_array();
	add_text(body, render_markdown(arena, render_cleaned(arena, n->summary, RENDER_MAX_VALUE)),
		 "bolder", "medium");
	for (size_t i = 0; i < digest->n && i < DIGEST_MAX; i++)
		add_text(body,
			 render_markdown(
			     arena, render_cleaned(arena, render_headline(arena, &digest->item[i]),
						   VALUE_MAX)),
			 "default", "default");
	if (digest->n > DIGEST_MAX)
		add_text(body, arena_printf(arena, "and %zu more", digest->n - DIGEST_MAX),
			 "default", "default");
	return body;
}

json_t *render_teams(const struct notice *n, const struct render_digest *digest)
{
	struct arena *arena = arena_new();
	json_t *card = json_pack("{s:s,s:s,s:s,s:o,s:{s:s}}", "$schema",
				 "http://adaptivecards.io/schemas/adaptive-card.json", "type",
				 "AdaptiveCard", "version", "1.2", "body",
				 digest->n > 0 ? digest_body(arena, n, digest) : body_of(arena, n),
				 "msteams", "width", "full");
	if (render_is_link(n->url))
		json_object_set_new(card, "actions",
				    json_pack("[{s:s,s:s,s:s}]", "type", "Action.OpenUrl", "title",
					      "Open in mxwatch", "url", n->url));
	json_t *root =
	    json_pack("{s:s,s:[{s:s,s:n,s:o}]}", "type", "message", "attachments", "contentType",
		      "application/vnd.microsoft.card.adaptive", "contentUrl", "content", card);
	arena_free(arena);
	return root;
}
