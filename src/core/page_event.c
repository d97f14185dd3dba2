/* SPDX-License-Identifier: ISC
 *
 * The page of an event, where the runbook link of a notice leads.
 */
#include <string.h>

#include "event.h"
#include "notice.h"
#include "page.h"
#include "page_parts.h"

/* A text of ours: what stands in backquotes is code. */
static void prose(struct buf *out, const char *text)
{
	bool code = false;

	for (size_t len; *text; text += len) {
		struct buf part;
		len = *text == '`' ? 1 : strcspn(text, "`");
		if (*text == '`') {
			code = !code;
			buf_addstr(out, code ? "<code>" : "</code>");
			continue;
		}
		buf_init(&part, PAGE_MAX);
		buf_add(&part, text, len);
		page_put(out, buf_str(&part));
		buf_clear(&part);
	}
}

static void section(struct buf *out, const char *title, const char *text)
{
	buf_printf(out, "<h3>%s</h3><p>", title);
	prose(out, text);
	buf_addstr(out, "</p>\n");
}

static void commands(struct buf *out, const char *title, const char *lines)
{
	buf_printf(out, "<h3>%s</h3><pre>", title);
	for (size_t len; *lines; lines += len + 1) {
		struct buf line;
		len = strcspn(lines, "\n");
		buf_init(&line, 4096);
		buf_add(&line, lines, len);
		page_put(out, buf_str(&line));
		buf_addch(out, '\n');
		buf_clear(&line);
	}
	buf_addstr(out, "</pre>\n");
}

static void one_check(struct buf *out, const struct check *c)
{
	buf_addstr(out, "<h2>The check <code>");
	page_put(out, c->id);
	buf_addstr(out, "</code></h2>\n<div class=\"card pad\">");
	section(out, "What is looked at", c->observed);
	section(out, "Why it matters", c->why);
	section(out, "How to mend it", c->fix);
	buf_addstr(out, "<p class=\"dim small\">");
	page_put(out, c->reference);
	buf_addstr(out, "</p></div>\n");
}

static void of_event(struct buf *out, const struct event *e)
{
	buf_addstr(out, "<div class=\"card pad\">");
	section(out, "What it means", e->meaning);
	section(out, "How urgent it is", e->urgency);
	section(out, "What senders do now", e->senders);
	commands(out, "See it by hand", e->verify);
	section(out, "Mend it", e->fix);
}

bool page_event(const char *name, struct buf *out)
{
	const struct event *e = event_find(name);
	const struct check *c = check_find(name);
	struct buf silence;
	size_t at = 0;

	if (e == NULL && c == NULL)
		return false;
	page_begin(out, name, NULL);
	buf_addstr(out, "<h1>");
	page_put(out, notice_title(name));
	buf_addstr(out, "</h1>\n<p class=\"dim\"><code>");
	page_put(out, name);
	buf_addstr(out, "</code>");
	if (e)
		buf_printf(out, ": %s; %s", e->kind, e->severity);
	buf_addstr(out, "</p>\n");
	if (e)
		of_event(out, e);
	else
		buf_addstr(out, "<div class=\"card pad\">");
	buf_init(&silence, 1024);
	event_silence(name, &silence);
	commands(out, "Not now", buf_str(&silence));
	buf_clear(&silence);
	buf_addstr(out, "</div>\n");
	if (c)
		one_check(out, c);
	while ((c = event_check(name, &at)) != NULL)
		if (strcmp(c->id, name) != 0)
			one_check(out, c);
	page_end(out);
	return true;
}
