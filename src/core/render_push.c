/* SPDX-License-Identifier: ISC
 *
 * Push services for phones: ntfy (JSON published to the server's root) and Gotify.
 */
#include "render_formats.h"
#include "render_parts.h"

#define MESSAGE_MAX 3900 /* ntfy turns more than 4096 bytes into an attachment */
#define DIGEST_MAX  20

/* The message: the verdict, then a line for each fact. */
static const char *message(struct arena *arena, const struct notice *n,
			   const struct render_digest *digest, bool markdown)
{
	size_t count, lines;
	const struct render_fact *fact = render_facts(arena, n, &count);
	const struct render_line *line = render_difference(arena, n, &lines);
	const char *end = markdown ? "  \n" : "\n"; /* a line break in Markdown */
	struct buf b;
	buf_init(&b, MESSAGE_MAX);
#define SHOWN(s) (markdown ? render_markdown(arena, s) : (s))
	if (digest->n == 0)
		buf_printf(&b, "%s%s", SHOWN(render_headline(arena, n)), end);
	for (size_t i = 0; i < digest->n && i < DIGEST_MAX; i++)
		buf_printf(
		    &b, "%s%s",
		    SHOWN(render_cleaned(arena, render_headline(arena, &digest->item[i]), 150)),
		    end);
	if (digest->n > DIGEST_MAX)
		buf_printf(&b, "and %zu more%s", digest->n - DIGEST_MAX, end);
	for (size_t i = 0; digest->n == 0 && i < count; i++)
		buf_printf(&b, "%s: %s%s", fact[i].label, SHOWN(fact[i].value), end);
	for (size_t i = 0; i < lines; i++)
		buf_printf(&b, "%s%c %s%s", markdown ? "\\" : "", line[i].sign,
			   SHOWN(render_cleaned(arena, line[i].text, 120)), end);
	if (render_impact(n) != NULL)
		buf_printf(&b, "%s%s", SHOWN(render_cleaned(arena, n->impact, 400)), end);
	if (render_advice(n) != NULL)
		buf_printf(&b, "%s", SHOWN(render_cleaned(arena, n->advice, 400)));
#undef SHOWN
	const char *s = render_cleaned_lines(arena, buf_str(&b));
	buf_clear(&b);
	return s;
}

static int step(const struct notice *n, int resolved, int info, int warning, int critical)
{
	if (n->status == NOTICE_RESOLVED)
		return resolved;
	return n->severity == SEVERITY_CRITICAL	 ? critical
	       : n->severity == SEVERITY_WARNING ? warning
						 : info;
}

json_t *render_ntfy(const struct notice *n, const struct render_digest *digest, const char *topic)
{
	struct arena *arena = arena_new();
	const char *const tags[] = {"white_check_mark", "information_source", "warning",
				    "rotating_light"};
	const char *title = digest->n > 0 ? n->summary : render_title(arena, n);
	json_t *root = json_pack("{s:s,s:s,s:s,s:i,s:[s]}", "topic", topic != NULL ? topic : "",
				 "title", render_cleaned(arena, title, 250), "message",
				 message(arena, n, digest, false), "priority", step(n, 2, 3, 4, 5),
				 "tags", tags[step(n, 0, 1, 2, 3)]);
	if (render_is_link(n->url))
		json_object_set_new(root, "click", json_string(n->url));
	arena_free(arena);
	return root;
}

json_t *render_gotify(const struct notice *n, const struct render_digest *digest)
{
	struct arena *arena = arena_new();
	const char *title = digest->n > 0 ? n->summary : render_title(arena, n);
	json_t *extras = json_pack("{s:{s:s}}", "client::display", "contentType", "text/markdown");
	if (render_is_link(n->url))
		json_object_set_new(extras, "client::notification",
				    json_pack("{s:{s:s}}", "click", "url", n->url));
	json_t *root = json_pack("{s:s,s:s,s:i,s:o}", "title", render_cleaned(arena, title, 250),
				 "message", message(arena, n, digest, true), "priority",
				 step(n, 2, 2, 5, 8), "extras", extras);
	arena_free(arena);
	return root;
}
