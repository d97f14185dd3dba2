/* SPDX-License-Identifier: ISC
 *
 * The HTML part of a mail: one card that reads from top to bottom on a phone, in a light and a
 * dark dress, of tables and inline styles (what mail programs understand), with nothing to
 * load and no script.  Words carry the meaning; colour only repeats it.
 */
#include "render_mail.h"

#include <stdio.h>
#include <string.h>

#include "render_parts.h"
#include "text.h"

#define MONO	   "font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace"
#define DIGEST_MAX 200

/* -- escaping -- */

/* Beyond ASCII as character references, so that the part needs no encoding. */
static void ascii(struct buf *out, const char *s)
{
	while (*s != '\0') {
		unsigned char c = (unsigned char)*s;
		if (c < 0x80) {
			buf_addch(out, *s++);
			continue;
		}
		int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
		unsigned code = c & (0x3fu >> more);
		for (s++; more > 0; more--, s++)
			code = code << 6 | ((unsigned char)*s & 0x3f);
		buf_printf(out, "&#%u;", code);
	}
}

static void put(struct buf *out, const char *s, size_t max)
{
	struct buf clean, html;
	buf_init(&clean, 4 * max + 8);
	buf_init(&html, 24 * max + 64);
	render_clean(&clean, s, max);
	text_html(&html, buf_str(&clean));
	ascii(out, buf_str(&html));
	buf_clear(&clean);
	buf_clear(&html);
}

/* -- the frame -- */

/* Mail programs that know no dark mode see the inline styles alone. */
static const char style[] =
    "<style>\n"
    ":root{color-scheme:light dark;supported-color-schemes:light dark}\n"
    "a{color:#0b62c4}\n"
    "@media(max-width:480px){.pad{padding-left:18px!important;padding-right:18px!important}\n"
    ".outer{padding:0!important}.card{border-radius:0!important;border-width:0 0 1px!important}}\n"
    "@media(prefers-color-scheme:dark){\n"
    ".bg{background:#0d1117!important}.card{background:#161b22!important;"
    "border-color:#30363d!important}\n"
    ".ink{color:#e6edf3!important}.dim{color:#9198a1!important}.rule{border-color:#30363d!important}\n"
    ".box{background:#0d1117!important;border-color:#30363d!important}\n"
    ".was{background:#3a1d1f!important;color:#ffb4ab!important}"
    ".is{background:#12301c!important;color:#9be9a8!important}\n"
    "a{color:#78b6ff!important}.button{border-color:#3d444d!important}}\n"
    "</style>\n";

static void begin(struct buf *out, const char *title, const char *preview)
{
	buf_addstr(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
			"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
			"<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
	put(out, title, RENDER_MAX_VALUE);
	buf_addstr(out, "</title>\n");
	buf_addstr(out, style);
	buf_addstr(out, "</head>\n<body class=\"bg\" style=\"margin:0;padding:0;background:#f3f5f8;"
			"-webkit-text-size-adjust:100%\">\n"
			"<div style=\"display:none;max-height:0;overflow:hidden\">");
	put(out, preview, RENDER_MAX_VALUE);
	buf_addstr(
	    out,
	    "</div>\n<table role=\"presentation\" class=\"bg outer\" width=\"100%\" cellpadding=\"0\" "
	    "cellspacing=\"0\" style=\"background:#f3f5f8;padding:28px 12px\"><tr><td "
	    "align=\"center\">\n"
	    "<table role=\"presentation\" class=\"card\" width=\"100%\" cellpadding=\"0\" "
	    "cellspacing=\"0\" style=\"max-width:620px;background:#ffffff;border:1px solid #d9dfe7;"
	    "border-radius:14px;border-collapse:separate;overflow:hidden;text-align:left;"
	    "font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,"
	    "sans-serif\">\n");
}

static void end(struct buf *out)
{
	buf_addstr(out, "</table>\n</td></tr></table>\n</body>\n</html>\n");
}

static void cell(struct buf *out, int top, int bottom)
{
	buf_printf(out, "<tr><td class=\"pad\" style=\"padding:%dpx 30px %dpx\">\n", top, bottom);
}

static void cell_end(struct buf *out)
{
	buf_addstr(out, "</td></tr>\n");
}

static void label(struct buf *out, const char *text)
{
	buf_printf(out,
		   "<div class=\"dim\" style=\"font-size:12px;line-height:18px;font-weight:600;"
		   "letter-spacing:.03em;color:#5b6673;padding-bottom:4px\">%s</div>\n",
		   text);
}

/* -- pieces of a notice -- */

static void banner(struct buf *out, const char *colour, const char *lead)
{
	buf_printf(out,
		   "<tr><td class=\"pad\" style=\"background:%s;padding:14px 30px\">"
		   "<table role=\"presentation\" width=\"100%%\" cellpadding=\"0\" "
		   "cellspacing=\"0\"><tr>\n"
		   "<td style=\"color:#ffffff;font-size:15px;line-height:20px;font-weight:700\">",
		   colour);
	put(out, lead, 200);
	buf_addstr(out,
		   "</td>\n<td align=\"right\" style=\"color:#ffffff;font-size:13px;"
		   "line-height:20px;padding-left:12px\">mxwatch</td>\n</tr></table></td></tr>\n");
}

static void headline(struct buf *out, struct arena *arena, const struct notice *n)
{
	cell(out, 24, 0);
	buf_addstr(out, "<div class=\"dim\" style=\"font-size:13px;line-height:20px;color:#5b6673;"
			"padding-bottom:4px;overflow-wrap:anywhere\">");
	put(out, render_title(arena, n), RENDER_MAX_VALUE);
	buf_addstr(
	    out,
	    "</div>\n<div class=\"ink\" style=\"font-size:21px;line-height:29px;font-weight:650;"
	    "color:#17202a;overflow-wrap:anywhere\">");
	put(out, render_sentence(arena, n), RENDER_MAX_VALUE);
	buf_addstr(out, "</div>\n");
	cell_end(out);
}

/* One line of a comparison: what was or is, on its tint. */
static void tinted(struct buf *out, bool was, const char *sign, const char *text)
{
	buf_printf(out,
		   "<div class=\"%s\" style=\"" MONO
		   ";font-size:13px;line-height:20px;padding:6px 12px;overflow-wrap:anywhere;"
		   "background:%s;color:%s\">%s",
		   was ? "was" : "is", was ? "#fdeceb" : "#e6f5ea", was ? "#8c1d18" : "#10512a",
		   sign);
	put(out, text, RENDER_MAX_VALUE);
	buf_addstr(out, "</div>\n");
}

static void boxed(struct buf *out, const char *name, bool was, const char *text)
{
	label(out, name);
	buf_addstr(out, "<div style=\"border-radius:8px;overflow:hidden\">\n");
	tinted(out, was, "", text);
	buf_addstr(out, "</div>\n");
}

static void comparison(struct buf *out, struct arena *arena, const struct notice *n)
{
	size_t count;
	const struct render_line *line = render_difference(arena, n, &count);
	const char *seen = render_seen(n);
	if (n->expected != NULL || seen != NULL) {
		cell(out, 20, 0);
		if (n->expected != NULL)
			boxed(out, "Expected", false, n->expected);
		if (n->expected != NULL && seen != NULL)
			buf_addstr(out,
				   "<div style=\"height:12px;line-height:12px\">&nbsp;</div>\n");
		if (seen != NULL)
			boxed(out, n->status == NOTICE_RESOLVED ? "It was" : "Seen",
			      n->status != NOTICE_CHANGED, seen);
		cell_end(out);
	}
	if (count == 0)
		return;
	cell(out, 20, 0);
	label(out, "What changed");
	buf_addstr(out, "<div style=\"border-radius:8px;overflow:hidden\">\n");
	for (size_t i = 0; i < count; i++)
		tinted(out, line[i].sign == '-', line[i].sign == '-' ? "&minus; " : "+ ",
		       line[i].text);
	buf_addstr(out, "</div>\n");
	cell_end(out);
}

static void paragraph(struct buf *out, const char *title, const char *text)
{
	if (text == NULL)
		return;
	cell(out, 20, 0);
	label(out, title);
	buf_addstr(out, "<div class=\"ink\" style=\"font-size:15px;line-height:23px;color:#17202a;"
			"overflow-wrap:anywhere\">");
	put(out, text, 2000);
	buf_addstr(out, "</div>\n");
	cell_end(out);
}

static void list(struct buf *out, const char *title, const char *const *item, size_t n,
		 int64_t more)
{
	if (n == 0)
		return;
	cell(out, 20, 0);
	label(out, title);
	for (size_t i = 0; i < n; i++) {
		buf_addstr(out, "<div class=\"ink\" style=\"font-size:14px;line-height:22px;"
				"color:#17202a;overflow-wrap:anywhere\">");
		put(out, item[i], RENDER_MAX_VALUE);
		buf_addstr(out, "</div>\n");
	}
	if (more > 0)
		buf_printf(out,
			   "<div class=\"dim\" style=\"font-size:14px;line-height:22px;"
			   "color:#5b6673\">and %lld more</div>\n",
			   (long long)more);
	cell_end(out);
}

static void fact(struct buf *out, const char *name, const char *value)
{
	buf_printf(out,
		   "<tr><td class=\"dim\" valign=\"top\" style=\"font-size:13px;line-height:20px;"
		   "color:#5b6673;padding:3px 18px 3px 0;white-space:nowrap\">%s</td>\n"
		   "<td class=\"ink\" width=\"100%%\" style=\"font-size:13px;line-height:20px;"
		   "color:#17202a;padding:3px 0;overflow-wrap:anywhere\">",
		   name);
	put(out, value, RENDER_MAX_VALUE);
	buf_addstr(out, "</td></tr>\n");
}

static void facts(struct buf *out, struct arena *arena, const struct notice *n)
{
	size_t count;
	const struct render_fact *row = render_facts(arena, n, &count);
	cell(out, 24, 0);
	buf_addstr(out,
		   "<table role=\"presentation\" class=\"rule\" width=\"100%\" cellpadding=\"0\" "
		   "cellspacing=\"0\" style=\"border-top:1px solid #d9dfe7;padding-top:14px\">\n");
	for (size_t i = 0; i < count; i++) {
		if (!row[i].body)
			fact(out, row[i].label, row[i].value);
	}
	fact(out, "Event", n->event);
	buf_addstr(out, "</table>\n");
	cell_end(out);
}

/* A link, if it is one: nothing but http and https. */
static void button(struct buf *out, const char *text, const char *url)
{
	if (!render_is_link(url))
		return;
	buf_addstr(out, "<a class=\"button\" href=\"");
	put(out, url, 1000);
	buf_printf(
	    out,
	    "\" style=\"display:inline-block;font-size:14px;line-height:20px;font-weight:600;"
	    "text-decoration:none;color:#0b62c4;border:1px solid #c3ccd7;border-radius:8px;"
	    "padding:9px 16px;margin:0 10px 8px 0\">%s</a>\n",
	    text);
}

static void links(struct buf *out, const struct notice *n)
{
	if (n->url == NULL && n->runbook_url == NULL)
		return;
	cell(out, 22, 0);
	button(out, "Open in mxwatch", n->url);
	button(out, "Runbook", n->runbook_url);
	cell_end(out);
}

static void footer(struct buf *out, const struct notice *n)
{
	cell(out, 22, 26);
	buf_addstr(out, "<div class=\"dim\" style=\"font-size:12px;line-height:18px;color:#5b6673;"
			"overflow-wrap:anywhere\">");
	if (n->incident != NULL) {
		buf_addstr(out, "Incident ");
		put(out, n->incident, 80);
		buf_printf(out, ", notice %lld. ", (long long)n->seq);
	}
	buf_addstr(out, "Sent by mxwatch, which watches your mail domains.</div>\n");
	cell_end(out);
}

void render_mail_html(const struct notice *n, struct buf *out)
{
	struct arena *arena = arena_new();
	begin(out, render_title(arena, n), render_headline(arena, n));
	banner(out, render_colour(n), render_lead(arena, n));
	headline(out, arena, n);
	comparison(out, arena, n);
	paragraph(out, "What it means for mail delivery", render_impact(n));
	paragraph(out, "What to do", render_advice(n));
	size_t n_changes;
	const char *const *changes = render_changes(arena, n, &n_changes);
	list(out, "Changed with it", changes, n_changes, 0);
	list(out, render_causes_title(n), n->causes, n->n_causes, 0);
	facts(out, arena, n);
	links(out, n);
	if (n->n_domains != 1 || render_unnamed(n) > 0)
		list(out, arena_printf(arena, "Domains (%lld)", (long long)render_total(n)),
		     n->domains,
		     n->n_domains < NOTICE_MAX_DOMAINS ? n->n_domains : NOTICE_MAX_DOMAINS,
		     render_unnamed(n));
	footer(out, n);
	end(out);
	arena_free(arena);
}

/* -- the digest -- */

static void digest_row(struct buf *out, struct arena *arena, const struct notice *n)
{
	cell(out, 16, 0);
	buf_printf(out,
		   "<div style=\"border-left:4px solid %s;padding-left:14px\">\n"
		   "<div class=\"dim\" style=\"font-size:12px;line-height:18px;color:#5b6673\">",
		   render_colour(n));
	put(out, render_lead(arena, n), 200);
	if (n->at != 0) {
		buf_addstr(out, " &middot; ");
		put(out, render_time(arena, n->at), 40);
	}
	buf_addstr(out, "</div>\n<div class=\"ink\" style=\"font-size:15px;line-height:22px;"
			"font-weight:600;color:#17202a;overflow-wrap:anywhere\">");
	put(out, render_title(arena, n), RENDER_MAX_VALUE);
	buf_addstr(out, "</div>\n<div class=\"ink\" style=\"font-size:14px;line-height:21px;"
			"color:#17202a;overflow-wrap:anywhere\">");
	put(out, render_sentence(arena, n), RENDER_MAX_VALUE);
	buf_addstr(out, "</div></div>\n");
	cell_end(out);
}

void render_mail_digest_html(const struct notice *n, const struct notice *item, size_t count,
			     struct buf *out)
{
	struct arena *arena = arena_new();
	size_t shown = 0;
	begin(out, "mxwatch digest", n->summary);
	banner(out, "#3d4a5c",
	       arena_printf(arena, "Digest: %zu notice%s", count, count == 1 ? "" : "s"));
	cell(out, 24, 4);
	buf_addstr(out,
		   "<div class=\"ink\" style=\"font-size:18px;line-height:26px;font-weight:650;"
		   "color:#17202a\">");
	put(out, n->summary, RENDER_MAX_VALUE);
	buf_addstr(out, "</div>\n");
	cell_end(out);
	for (int severity = SEVERITY_CRITICAL; severity >= SEVERITY_NONE; severity--) {
		for (size_t i = 0; i < count && shown < DIGEST_MAX; i++) {
			if (item[i].severity != severity)
				continue;
			digest_row(out, arena, &item[i]);
			shown++;
		}
	}
	if (shown < count) {
		const char *more = arena_printf(arena, "and %zu more", count - shown);
		list(out, "Not shown", &more, 1, 0);
	}
	links(out, n);
	footer(out, n);
	end(out);
	arena_free(arena);
}
