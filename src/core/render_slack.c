/* SPDX-License-Identifier: ISC
 *
 * Slack incoming webhooks: `text` is what a phone previews, the attachment's blocks are the
 * message.  & < > are escaped, so no mention and no link can be smuggled in.
 */
#include "render_formats.h"
#include "render_parts.h"

#include <string.h>

#include "text.h"

/* Slack's limits: a header of 150 characters, a section of 3000, ten fields of 2000. */
#define HEADER_MAX  150
#define SECTION_MAX 2900
#define FIELDS_MAX  10
#define FIELD_MAX   1900
#define DIGEST_MAX  20

/* At most max bytes, cut between characters. */
static const char *escaped(struct arena *arena, const char *s, size_t max)
{
	struct buf b;
	buf_init(&b, max + 4);
	for (size_t len; *s != '\0'; s += len) {
		const char *as = *s == '&' ? "&amp;" : *s == '<' ? "&lt;" : *s == '>' ? "&gt;" : s;
		size_t n = as == s ? text_utf8_length(s) : strlen(as);
		len = as == s ? n : 1;
		if (b.len + n > max) {
			buf_addstr(&b, "...");
			break;
		}
		buf_add(&b, as, n);
	}
	const char *copy = arena_strndup(arena, buf_str(&b), b.len);
	buf_clear(&b);
	return copy;
}

static json_t *section(const char *text)
{
	return json_pack("{s:s,s:{s:s,s:s}}", "type", "section", "text", "type", "mrkdwn", "text",
			 text);
}

static void add_paragraph(json_t *blocks, struct arena *arena, const char *title, const char *text)
{
	if (text == NULL)
		return;
	const char *clean = escaped(arena, render_cleaned(arena, text, 2000), SECTION_MAX);
	json_array_append_new(blocks, section(arena_printf(arena, "*%s*\n%s", title, clean)));
}

static json_t *fields(struct arena *arena, const struct notice *n)
{
	size_t count;
	const struct render_fact *fact = render_facts(arena, n, &count);
	json_t *list = json_array();
	for (size_t i = 0; i < count && i < FIELDS_MAX; i++)
		json_array_append_new(
		    list, json_pack("{s:s,s:s}", "type", "mrkdwn", "text",
				    arena_printf(arena, "*%s*\n%s", fact[i].label,
						 escaped(arena, fact[i].value, FIELD_MAX))));
	return json_pack("{s:s,s:o}", "type", "section", "fields", list);
}

static void add_difference(json_t *blocks, struct arena *arena, const struct notice *n)
{
	size_t count;
	struct buf b;
	const struct render_line *line = render_difference(arena, n, &count);
	if (count == 0)
		return;
	buf_init(&b, SECTION_MAX);
	for (size_t i = 0; i < count; i++) {
		const char *text = escaped(arena, line[i].text, SECTION_MAX / 2);
		if (b.len + strlen(text) + 3 > SECTION_MAX) {
			buf_addstr(&b, "...");
			break;
		}
		buf_printf(&b, "%c %s\n", line[i].sign, text);
	}
	json_array_append_new(blocks, section(arena_printf(arena, "```%s```", buf_str(&b))));
	buf_clear(&b);
}

static void add_link(json_t *blocks, const struct notice *n)
{
	if (!render_is_link(n->url))
		return;
	json_array_append_new(blocks,
			      json_pack("{s:s,s:[{s:s,s:{s:s,s:s},s:s}]}", "type", "actions",
					"elements", "type", "button", "text", "type", "plain_text",
					"text", "Open in mxwatch", "url", n->url));
}

static json_t *blocks_of(struct arena *arena, const struct notice *n)
{
	json_t *blocks = json_array();
	json_array_append_new(
	    blocks,
	    json_pack("{s:s,s:{s:s,s:s}}", "type", "header", "text", "type", "plain_text", "text",
		      render_cleaned(arena, render_title(arena, n), HEADER_MAX - 3)));
	json_array_append_new(blocks,
			      section(escaped(arena, render_headline(arena, n), SECTION_MAX)));
	json_array_append_new(blocks, fields(arena, n));
	add_difference(blocks, arena, n);
	add_paragraph(blocks, arena, "What it means for mail delivery", render_impact(n));
	add_paragraph(blocks, arena, "What to do", render_advice(n));
	add_link(blocks, n);
	return blocks;
}

static json_t *digest_blocks(struct arena *arena, const struct render_digest *digest)
{
	json_t *blocks = json_array();
	for (size_t i = 0; i < digest->n && i < DIGEST_MAX; i++)
		json_array_append_new(
		    blocks,
		    section(escaped(arena, render_headline(arena, &digest->item[i]), SECTION_MAX)));
	if (digest->n > DIGEST_MAX)
		json_array_append_new(
		    blocks, section(arena_printf(arena, "and %zu more", digest->n - DIGEST_MAX)));
	return blocks;
}

json_t *render_slack(const struct notice *n, const struct render_digest *digest)
{
	struct arena *arena = arena_new();
	json_t *blocks = digest->n > 0 ? digest_blocks(arena, digest) : blocks_of(arena, n);
	const char *text = digest->n > 0 ? render_cleaned(arena, n->summary, RENDER_MAX_VALUE)
					 : render_headline(arena, n);
	json_t *root = json_pack("{s:s,s:[{s:s,s:o}]}", "text", escaped(arena, text, SECTION_MAX),
				 "attachments", "color", render_colour(n), "blocks", blocks);
	arena_free(arena);
	return root;
}
