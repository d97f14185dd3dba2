/* SPDX-License-Identifier: ISC */
#include "check.h"

#include <stdbool.h>
#include <string.h>

#define EXPLAIN_WIDTH 78

const struct check *check_find(const char *id)
{
	for (size_t i = 0; i < check_count; i++)
		if (strcmp(check_table[i].id, id) == 0)
			return &check_table[i];
	return NULL;
}

const char *check_event(const struct check *c, bool critical)
{
	if (critical && c->critical_event)
		return c->critical_event;
	return c->event ? c->event : c->id;
}

/* Append s as Markdown: what would be a tag or emphasis is escaped. */
static void markdown(struct buf *out, const char *s)
{
	bool code = false;

	for (; *s; s++) {
		if (*s == '`')
			code = !code;
		else if (!code && strchr("<>*_|", *s))
			buf_addch(out, '\\');
		buf_addch(out, *s);
	}
}

static void document_row(struct buf *out, const struct check *c)
{
	buf_printf(out, "### `%s`\n\n", c->id);
	markdown(out, c->observed);
	buf_addstr(out, "\n\n**Why it matters.** ");
	markdown(out, c->why);
	buf_addstr(out, "\n\n**How to mend it.** ");
	markdown(out, c->fix);
	buf_printf(out, "\n\nReference: %s.", c->reference);
	if (c->event)
		buf_printf(out, " Told as `%s`.", c->event);
	if (c->critical_event)
		buf_printf(out, " Told as `%s` when it is critical.", c->critical_event);
	if (c->parent)
		buf_printf(out, " Explained by `%s` when that fails too.", c->parent);
	buf_addstr(out, "\n\n");
}

void check_document(struct buf *out)
{
	buf_addstr(
	    out,
	    "# The checks\n\n"
	    "This page is printed by `mxwatch explain --all --format markdown`; the text lives in\n"
	    "`src/core/check_table.c`.\n\n"
	    "A finding is one check applied to one subject: a domain, a host, or one address and "
	    "port\nof a host. Its status is `pass`, `info`, `warn`, `fail`, `skip` (does not apply) "
	    "or\n`unknown` (could not be determined, or the fault is on our side).\n\n");
	for (size_t i = 0; i < check_count; i++) {
		if (i == 0 || strcmp(check_table[i].area, check_table[i - 1].area) != 0)
			buf_printf(out, "## %s\n\n", check_table[i].area);
		document_row(out, &check_table[i]);
	}
}

static size_t columns(const char *s, size_t len)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)s[i] & 0xC0) != 0x80;
	return n;
}

void check_wrap(struct buf *out, const char *s, size_t indent, size_t first, size_t width)
{
	size_t column = first;
	bool begin = true;

	while (*s) {
		size_t len = strcspn(s, " ");
		if (!begin && column + 1 + columns(s, len) > width) {
			buf_printf(out, "\n%*s", (int)indent, "");
			column = indent;
			begin = true;
		}
		if (!begin) {
			buf_addch(out, ' ');
			column++;
		}
		buf_add(out, s, len);
		column += columns(s, len);
		begin = false;
		s += len;
		s += strspn(s, " ");
	}
	buf_addch(out, '\n');
}

static void explain_row(struct buf *out, const char *label, const char *text)
{
	buf_printf(out, "  %-13s", label);
	check_wrap(out, text, 15, 15, EXPLAIN_WIDTH);
}

void check_explain(const struct check *c, struct buf *out)
{
	buf_printf(out, "%s: %s\n", c->id, c->title);
	explain_row(out, "observed", c->observed);
	explain_row(out, "why", c->why);
	explain_row(out, "fix", c->fix);
	explain_row(out, "reference", c->reference);
	if (c->event)
		explain_row(out, "told as", c->event);
	if (c->critical_event)
		explain_row(out, "critical as", c->critical_event);
	if (c->parent)
		explain_row(out, "explained by", c->parent);
}
