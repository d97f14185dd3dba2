/* SPDX-License-Identifier: ISC
 *
 * Discord webhooks: a line of content for the preview and one embed.  Mentions are switched
 * off and Markdown is escaped.
 */
#include "render_formats.h"
#include "render_parts.h"

#include <stdlib.h>
#include <string.h>

#include "stamp.h"
#include "text.h"

/* Discord's limits: 2000 characters of content, an embed of 6000 in all, in it a title of 256,
 * a description of 4096, 25 fields of 1024. */
#define CONTENT_MAX	950 /* before Markdown's signs are escaped */
#define TITLE_MAX	250
#define DESCRIPTION_MAX 2600
#define FIELDS_MAX	3000 /* in all */
#define VALUE_MAX	400  /* before escaping */
#define DIGEST_MAX	20

/* What does not fit any more is left out; *room is what is left. */
static void add_field(json_t *list, struct arena *arena, size_t *room, const char *name,
		      const char *value)
{
	if (value == NULL || *value == '\0')
		return;
	const char *text = render_markdown(arena, render_cleaned(arena, value, VALUE_MAX));
	if (strlen(name) + text_characters(text) > *room)
		return;
	*room -= strlen(name) + text_characters(text);
	json_array_append_new(list,
			      json_pack("{s:s,s:s,s:b}", "name", name, "value", text, "inline", 0));
}

static json_t *fields(struct arena *arena, const struct notice *n)
{
	size_t count;
	const struct render_fact *fact = render_facts(arena, n, &count);
	size_t room = FIELDS_MAX;
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		add_field(list, arena, &room, fact[i].label, fact[i].value);
	add_field(list, arena, &room, "What it means for mail delivery", render_impact(n));
	add_field(list, arena, &room, "What to do", render_advice(n));
	return list;
}

static const char *description(struct arena *arena, const struct notice *n,
			       const struct render_digest *digest)
{
	size_t lines;
	const struct render_line *line = render_difference(arena, n, &lines);
	struct buf b;
	buf_init(&b, DESCRIPTION_MAX);
	buf_addstr(&b, render_markdown(arena, render_cleaned(arena, n->summary, RENDER_MAX_VALUE)));
	for (size_t i = 0; i < lines; i++)
		buf_printf(&b, "\n%s %s", line[i].sign == '-' ? "\\-" : "\\+",
			   render_markdown(arena, render_cleaned(arena, line[i].text, 100)));
	for (size_t i = 0; i < digest->n && i < DIGEST_MAX; i++)
		buf_printf(&b, "\n%s",
			   render_markdown(
			       arena, render_cleaned(
					  arena, render_headline(arena, &digest->item[i]), 150)));
	if (digest->n > DIGEST_MAX)
		buf_printf(&b, "\nand %zu more", digest->n - DIGEST_MAX);
	const char *s = render_cleaned_lines(arena, buf_str(&b));
	buf_clear(&b);
	return s;
}

json_t *render_discord(const struct notice *n, const struct render_digest *digest)
{
	struct arena *arena = arena_new();
	char at[STAMP_TEXT];
	json_t *embed = json_pack("{s:s,s:s,s:i,s:o,s:s}", "title",
				  render_cleaned(arena, render_title(arena, n), TITLE_MAX),
				  "description", description(arena, n, digest), "color",
				  (int)strtol(render_colour(n) + 1, NULL, 16), "fields",
				  digest->n > 0 ? json_array() : fields(arena, n), "timestamp",
				  stamp_format(at, n->at));
	if (render_is_link(n->url))
		json_object_set_new(embed, "url", json_string(n->url));
	const char *content = digest->n > 0 ? n->summary : render_headline(arena, n);
	json_t *root =
	    json_pack("{s:s,s:s,s:[o],s:{s:[]}}", "username", "mxwatch", "content",
		      render_markdown(arena, render_cleaned(arena, content, CONTENT_MAX)), "embeds",
		      embed, "allowed_mentions", "parse");
	arena_free(arena);
	return root;
}
