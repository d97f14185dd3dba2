/* SPDX-License-Identifier: ISC
 *
 * The page of silences and maintenance windows.
 */
#include <string.h>

#include "page.h"
#include "page_parts.h"
#include "stamp.h"

static void pair(struct buf *out, const char *key, const char *value)
{
	if (value == NULL || *value == '\0')
		return;
	buf_printf(out, "<span class=\"pair\">%s <b>", key);
	page_put(out, value);
	buf_addstr(out, "</b></span> ");
}

static void match(struct buf *out, const struct conf_match *m)
{
	size_t before = out->len;

	pair(out, "domain", m->domain);
	pair(out, "group", m->group);
	pair(out, "owner", m->owner);
	pair(out, "severity", finding_severity_words[m->severity]);
	pair(out, "event", m->event);
	pair(out, "kind", m->kind);
	for (size_t i = 0; i < m->n_tags; i++) {
		buf_addstr(out, "<span class=\"pair\">");
		page_put(out, m->tags[i].key);
		buf_addstr(out, " <b>");
		page_put(out, m->tags[i].value);
		buf_addstr(out, "</b></span> ");
	}
	if (out->len == before)
		buf_addstr(out, "<span class=\"pair\"><b>everything</b></span>");
}

static void begin_item(struct buf *out, const char *class, const char *sign, const char *word)
{
	buf_printf(out,
		   "<li class=\"%s\"><div class=\"row\"><span><span class=\"chip %s\">"
		   "<i aria-hidden=\"true\">%s</i>%s</span> ",
		   class, class, sign, word);
}

/* "from X to Y", a window or a silence. */
static void times(struct buf *out, int64_t from, int64_t until, int64_t now)
{
	char length[STAMP_TEXT];

	buf_addstr(out, "<span class=\"dim small\">");
	if (from > now) {
		buf_addstr(out, "begins ");
		page_ago(out, from, now);
		buf_printf(out, ", for %s", stamp_duration_human(length, until - from));
	} else {
		buf_addstr(out, "ends ");
		page_ago(out, until, now);
	}
	buf_addstr(out, "</span>");
}

static void silence(struct buf *out, const struct mute_silence *s, int64_t now)
{
	begin_item(out, "info", "◦", "Silence");
	buf_printf(out, "<strong>#%lld</strong></span>", (long long)s->id);
	times(out, s->from, s->until, now);
	buf_addstr(out, "</div><p class=\"said\">");
	match(out, &s->match);
	buf_addstr(out, "</p><div class=\"dim small\">");
	page_put(out, s->reason);
	buf_addstr(out, " · ");
	page_put(out, s->author);
	buf_addstr(out, ", ");
	page_ago(out, s->from, now);
	buf_addstr(out, "</div></li>\n");
}

/* "every Sun, Wed at 02:00 Europe/Berlin". */
static void turns(struct buf *out, const struct conf_maintenance *m)
{
	static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	const char *comma = "every ";

	for (int i = 0; i < 7; i++) {
		if ((m->days & (1u << i)) == 0)
			continue;
		buf_printf(out, "%s%s", comma, days[i]);
		comma = ", ";
	}
	buf_printf(out, " at %02d:%02d ", (int)(m->start_s / 3600), (int)(m->start_s / 60 % 60));
	page_put(out, m->timezone ? m->timezone : "UTC");
}

static void window(struct buf *out, const struct mute_window *w, int64_t now)
{
	const struct conf_maintenance *m = w->maintenance;

	if (w->until == 0)
		begin_item(out, "pending", "✓", "Over");
	else if (w->from <= now)
		begin_item(out, "warning", "◆", "Open now");
	else
		begin_item(out, "pending", "…", "Planned");
	buf_addstr(out, "<strong>");
	page_put(out, m->name);
	buf_addstr(out, "</strong></span>");
	if (w->until)
		times(out, w->from, w->until, now);
	buf_addstr(out, "</div><p class=\"said\">");
	match(out, &m->match);
	buf_addstr(out, "</p><div class=\"dim small\">");
	if (m->days)
		turns(out, m);
	if (m->days && m->reason)
		buf_addstr(out, " · ");
	page_put(out, m->reason);
	buf_addstr(out, "</div></li>\n");
}

void page_maintenance(const struct view_muted *m, int64_t now, struct buf *out)
{
	page_begin(out, "Maintenance", "/maintenance");
	buf_addstr(out, "<h1>Silences and maintenance</h1>\n<p class=\"dim\">Here everything is "
			"looked at and recorded as ever; only the notices wait.</p>\n"
			"<h2>Silences</h2>\n<div class=\"card\">");
	if (m->n_silences)
		buf_addstr(out, "<ul class=\"list edge\">\n");
	else
		buf_addstr(out, "<p class=\"empty\">None is in force. <code>mxwatch silence add "
				"NAME 2h --reason TEXT</code> makes one.</p>");
	for (size_t i = 0; i < m->n_silences; i++)
		silence(out, &m->silences[i], now);
	buf_addstr(out, m->n_silences ? "</ul></div>\n" : "</div>\n");
	buf_addstr(out, "<h2>Maintenance windows</h2>\n<div class=\"card\">");
	if (m->n_windows)
		buf_addstr(out, "<ul class=\"list edge\">\n");
	else
		buf_addstr(out, "<p class=\"empty\">The configuration has none.</p>");
	for (size_t i = 0; i < m->n_windows; i++)
		window(out, &m->windows[i], now);
	buf_addstr(out, m->n_windows ? "</ul></div>\n" : "</div>\n");
	page_end(out);
}
