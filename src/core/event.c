/* SPDX-License-Identifier: ISC */
#include "event.h"

#include <stdbool.h>
#include <string.h>

#include "notice.h"
#include "text.h"

#define EXPLAIN_WIDTH 78

const struct event *event_find(const char *name)
{
	for (size_t i = 0; i < event_count; i++)
		if (strcmp(event_table[i].name, name) == 0)
			return &event_table[i];
	return NULL;
}

const struct check *event_check(const char *name, size_t *at)
{
	while (*at < check_count) {
		const struct check *c = &check_table[(*at)++];
		if (strcmp(check_event(c, false), name) == 0 ||
		    strcmp(check_event(c, true), name) == 0)
			return c;
	}
	return NULL;
}

const char *event_link(struct arena *arena, const char *pattern, const char *page,
		       const char *event, const char *check)
{
	struct buf out;
	const char *link;

	if (pattern == NULL)
		return page && (event_find(event) || check_find(event))
			   ? arena_printf(arena, "%s/events/%s", page, event)
			   : NULL;
	buf_init(&out, 8192);
	while (*pattern) {
		if (text_starts(pattern, "{event}"))
			buf_addstr(&out, event), pattern += strlen("{event}");
		else if (text_starts(pattern, "{check}"))
			buf_addstr(&out, check ? check : event), pattern += strlen("{check}");
		else
			buf_addch(&out, *pattern++);
	}
	link = arena_strdup(arena, buf_str(&out));
	buf_clear(&out);
	return link;
}

void event_silence(const char *name, struct buf *out)
{
	const struct event *e = event_find(name);
	bool ours = e && strcmp(e->kind, "daemon") == 0; /* about no domain */

	buf_printf(out, "mxwatch silence add '%sevent=%s' 4h --reason 'why'\n",
		   ours ? "" : "domain=DOMAIN,", name);
	buf_addstr(out, "mxwatch ack INCIDENT --reason 'who works on it'\n");
}

/* A block of commands, indented as Markdown wants code. */
static void commands(struct buf *out, const char *lines)
{
	for (const char *end; *lines; lines = end + 1) {
		end = strchr(lines, '\n');
		buf_addstr(out, "    ");
		buf_add(out, lines, (size_t)(end - lines) + 1);
	}
}

static void section(struct buf *out, const char *title, const char *text)
{
	buf_printf(out, "\n## %s\n\n", title);
	check_wrap(out, text, 0, 0, 100);
}

static void checks(const struct event *e, struct buf *out)
{
	const struct check *c;
	const char *before = "\nRaised by the check ";
	size_t at = 0;

	while ((c = event_check(e->name, &at)) != NULL) {
		buf_printf(out, "%s[`%s`](../checks.md)", before, c->id);
		before = ", ";
	}
	if (before[0] == ',')
		buf_addstr(out, ".\n");
}

void event_document(const struct event *e, struct buf *out)
{
	struct buf silence;

	buf_printf(out, "# %s: %s\n\nKind: %s. Severity: %s.\n", e->name, notice_title(e->name),
		   e->kind, e->severity);
	checks(e, out);
	section(out, "What it means", e->meaning);
	section(out, "How urgent it is", e->urgency);
	section(out, "What senders do now", e->senders);
	buf_addstr(out, "\n## See it by hand\n\n");
	commands(out, e->verify);
	section(out, "Mend it", e->fix);
	buf_addstr(out, "\n## Not now\n\n");
	buf_init(&silence, 1024);
	event_silence(e->name, &silence);
	commands(out, buf_str(&silence));
	buf_clear(&silence);
	buf_addstr(out, "\n<!-- Printed by `mxwatch explain --format markdown`; the text lives in "
			"src/core/event_table.c. -->\n");
}

static void row(struct buf *out, const char *label, const char *text)
{
	buf_printf(out, "  %-10s", label);
	check_wrap(out, text, 12, 12, EXPLAIN_WIDTH);
}

void event_explain(const struct event *e, struct buf *out)
{
	struct buf silence;

	buf_printf(out, "%s: %s (%s; %s)\n", e->name, notice_title(e->name), e->kind, e->severity);
	row(out, "meaning", e->meaning);
	row(out, "urgent", e->urgency);
	row(out, "senders", e->senders);
	buf_addstr(out, "  by hand\n");
	commands(out, e->verify);
	row(out, "fix", e->fix);
	buf_addstr(out, "  not now\n");
	buf_init(&silence, 1024);
	event_silence(e->name, &silence);
	commands(out, buf_str(&silence));
	buf_clear(&silence);
}
