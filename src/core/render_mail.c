/* SPDX-License-Identifier: ISC
 *
 * A notice as a mail.  Flow: header block, text part, HTML part, each part 7bit when it is
 * ASCII with short lines and quoted-printable (RFC 2045 section 6.7) otherwise.
 *
 * A thread is an incident: Message-ID and References are made from the incident's id and the
 * notice's number, the Subject is its title, which stays through its life; what changes, the
 * status, stands in the display name of From.
 */
#include "render.h"

#include <stdio.h>
#include <string.h>

#include "check.h"
#include "render_mail.h"
#include "render_parts.h"
#include "stamp.h"
#include "text.h"

#define CRLF	     "\r\n"
#define HEADER_WIDTH 76
#define TEXT_WIDTH   72
#define PART_MAX     ((size_t)512 * 1024)
#define LINE_7BIT    900 /* RFC 5322 section 2.1.1 allows 998 */
#define DIGEST_MAX   200

/* -- header fields -- */

/* Encoded-words of RFC 2047 section 4.2, whole characters each, folded between them. */
static void encoded_words(struct buf *out, const char *s, size_t column)
{
	static const char begin[] = "=?UTF-8?Q?";
	bool open = false;
	while (*s != '\0') {
		size_t len = text_utf8_length(s);
		bool plain = len == 1 && ((*s >= '0' && *s <= '9') || (*s >= 'A' && *s <= 'Z') ||
					  (*s >= 'a' && *s <= 'z'));
		size_t need = plain || *s == ' ' ? 1 : 3 * len;
		if (open && column + need + 2 > HEADER_WIDTH) {
			buf_addstr(out, "?=" CRLF " ");
			column = 1;
			open = false;
		}
		if (!open) {
			buf_addstr(out, begin);
			column += strlen(begin);
			open = true;
		}
		if (plain)
			buf_addch(out, *s);
		else if (*s == ' ')
			buf_addch(out, '_');
		for (size_t i = 0; !plain && *s != ' ' && i < len; i++)
			buf_printf(out, "=%02X", (unsigned char)s[i]);
		column += need;
		s += len;
	}
	if (open)
		buf_addstr(out, "?=");
}

/* Words with folding white space where a line would pass the width (RFC 5322 section 2.2.3). */
static void folded_words(struct buf *out, const char *s, size_t column)
{
	while (*s != '\0') {
		size_t len = strcspn(s, " ");
		if (column + 1 + len > HEADER_WIDTH && column > 1) {
			buf_addstr(out, CRLF);
			column = 0;
		}
		buf_addch(out, ' ');
		buf_add(out, s, len);
		column += 1 + len;
		s += len;
		while (*s == ' ')
			s++;
	}
}

/* One field; whatever value holds, it stays one field. */
static void header(struct buf *out, struct arena *arena, const char *name, const char *value)
{
	const char *clean = render_cleaned(arena, value, RENDER_MAX_VALUE);
	while (*clean == ' ')
		clean++;
	if (*clean == '\0')
		return;
	buf_printf(out, "%s:", name);
	if (text_is_printable_ascii(clean) && strstr(clean, "=?") == NULL) {
		folded_words(out, clean, strlen(name) + 1);
	} else {
		buf_addch(out, ' ');
		encoded_words(out, clean, strlen(name) + 2);
	}
	buf_addstr(out, CRLF);
}

/* Letters, digits and "._-" of an id; what else it may hold has no place in a msg-id. */
static const char *id_token(struct arena *arena, const char *id)
{
	char *copy = arena_strdup(arena, id != NULL ? id : "notice");
	for (char *p = copy; *p != '\0'; p++) {
		bool ok = (*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z') ||
			  (*p >= 'a' && *p <= 'z') || *p == '_' || *p == '-' || *p == '.';
		if (!ok)
			*p = '-';
	}
	return copy;
}

static const char *domain_of(const struct render_letter *letter)
{
	const char *at = strrchr(letter->from, '@');
	return at != NULL ? at + 1 : "localhost";
}

/* RFC 5322 section 3.3. */
static const char *mail_date(struct arena *arena, int64_t at)
{
	static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	char s[STAMP_TEXT];
	int month = 1;
	stamp_format(s, at);
	sscanf(s + 5, "%2d", &month);
	return arena_printf(arena, "%s, %.2s %s %.4s %.8s +0000", days[(at / 86400) % 7], s + 8,
			    months[month - 1], s, s + 11);
}

/* Message-ID and what it answers: the first notice of the incident and the one before. */
static void thread_headers(struct buf *out, struct arena *arena, const struct notice *n,
			   const struct render_letter *letter)
{
	const char *domain = domain_of(letter);
	if (n->incident == NULL) {
		buf_printf(out, "Message-ID: <%s@%s>" CRLF, id_token(arena, n->id), domain);
		return;
	}
	const char *thread = id_token(arena, n->incident);
	buf_printf(out, "Message-ID: <%s.%lld@%s>" CRLF, thread, (long long)n->seq, domain);
	if (n->seq <= 1)
		return;
	buf_printf(out, "In-Reply-To: <%s.1@%s>" CRLF "References: <%s.1@%s>", thread, domain,
		   thread, domain);
	if (n->seq > 2)
		buf_printf(out, CRLF " <%s.%lld@%s>", thread, (long long)n->seq - 1, domain);
	buf_addstr(out, CRLF);
}

static const char *named_domains(struct arena *arena, const struct notice *n)
{
	struct buf b;
	buf_init(&b, RENDER_MAX_VALUE);
	for (size_t i = 0; i < n->n_domains; i++)
		buf_printf(&b, "%s%s", i > 0 ? ", " : "", n->domains[i]);
	const char *s = arena_strndup(arena, buf_str(&b), b.len);
	buf_clear(&b);
	return s;
}

/* For filters (Sieve): one field per member of the event. */
static void event_headers(struct buf *out, struct arena *arena, const struct notice *n)
{
	header(out, arena, "X-Mxwatch-Event", n->event);
	header(out, arena, "X-Mxwatch-Kind", notice_kind_words[n->kind]);
	header(out, arena, "X-Mxwatch-Status", notice_status_words[n->status]);
	header(out, arena, "X-Mxwatch-Severity",
	       n->severity != SEVERITY_NONE ? finding_severity_words[n->severity] : "info");
	header(out, arena, "X-Mxwatch-Id", n->id);
	header(out, arena, "X-Mxwatch-Incident", n->incident);
	header(out, arena, "X-Mxwatch-Check", n->check);
	header(out, arena, "X-Mxwatch-Subject", n->subject);
	header(out, arena, "X-Mxwatch-Domain", named_domains(arena, n));
	header(out, arena, "X-Mxwatch-Domains",
	       arena_printf(arena, "%lld", (long long)render_total(n)));
	header(out, arena, "X-Mxwatch-Owner", n->owner);
	if (n->severity == SEVERITY_CRITICAL && n->status == NOTICE_FIRING)
		buf_addstr(out, "Importance: high" CRLF);
}

static void head(struct buf *out, struct arena *arena, const struct notice *n,
		 const struct render_letter *letter, const char *status, const char *subject)
{
	buf_printf(out, "From: \"mxwatch %s\" <%s>" CRLF, status,
		   render_cleaned(arena, letter->from, 320));
	for (size_t i = 0; i < letter->n_to; i++)
		buf_printf(out, "%s%s%s", i == 0 ? "To: " : "," CRLF " ",
			   render_cleaned(arena, letter->to[i], 320),
			   i + 1 == letter->n_to ? CRLF : "");
	header(out, arena, "Subject", subject);
	header(out, arena, "Date", mail_date(arena, n->at != 0 ? n->at : letter->now));
	thread_headers(out, arena, n, letter);
	buf_printf(out,
		   "Auto-Submitted: auto-generated" CRLF "X-Auto-Response-Suppress: All" CRLF
		   "List-Id: mxwatch alerts <alerts.mxwatch.%s>" CRLF,
		   domain_of(letter));
	event_headers(out, arena, n);
}

/* -- parts -- */

static bool is_7bit(const struct buf *part)
{
	size_t line = 0;
	for (size_t i = 0; i < part->len; i++) {
		line = part->data[i] == '\n' ? 0 : line + 1;
		if ((unsigned char)part->data[i] >= 0x80 || line > LINE_7BIT)
			return false;
	}
	return true;
}

static void quoted_printable(struct buf *out, const struct buf *part)
{
	size_t column = 0;
	for (size_t i = 0; i < part->len; i++) {
		unsigned char c = (unsigned char)part->data[i];
		if (c == '\n') {
			buf_addstr(out, CRLF);
			column = 0;
			continue;
		}
		bool last = i + 1 == part->len || part->data[i + 1] == '\n';
		bool plain = (c > 0x20 && c < 0x7f && c != '=') || (c == ' ' && !last);
		if (column + (plain ? 1 : 3) > 75) {
			buf_addstr(out, "=" CRLF);
			column = 0;
		}
		if (plain)
			buf_addch(out, (char)c);
		else
			buf_printf(out, "=%02X", c);
		column += plain ? 1 : 3;
	}
}

static void add_part(struct buf *out, const char *boundary, const char *type,
		     const struct buf *part)
{
	bool plain = is_7bit(part);
	buf_printf(out,
		   "--%s" CRLF "Content-Type: %s; charset=utf-8" CRLF
		   "Content-Transfer-Encoding: %s" CRLF CRLF,
		   boundary, type, plain ? "7bit" : "quoted-printable");
	if (!plain) {
		quoted_printable(out, part);
		return;
	}
	for (size_t i = 0; i < part->len; i++) {
		if (part->data[i] == '\n')
			buf_addch(out, '\r');
		buf_addch(out, part->data[i]);
	}
}

/* Every line of a part that holds a stranger's words is indented or begins with our own, so
 * the boundary cannot be forged. */
static void body(struct buf *out, struct arena *arena, const struct notice *n,
		 const struct buf *text, const struct buf *html)
{
	const char *boundary = arena_printf(arena, "mxwatch-%.60s", id_token(arena, n->id));
	buf_printf(out,
		   "MIME-Version: 1.0" CRLF
		   "Content-Type: multipart/alternative; boundary=\"%s\"" CRLF CRLF,
		   boundary);
	add_part(out, boundary, "text/plain", text);
	add_part(out, boundary, "text/html", html);
	buf_printf(out, "--%s--" CRLF, boundary);
}

/* -- the text part -- */

static void paragraph(struct buf *out, struct arena *arena, const char *title, const char *text)
{
	if (text == NULL)
		return;
	buf_printf(out, "\n%s\n  ", title);
	check_wrap(out, render_cleaned(arena, text, 2000), 2, 2, TEXT_WIDTH);
}

static void fact_rows(struct buf *out, struct arena *arena, const struct notice *n)
{
	size_t count;
	const struct render_fact *fact = render_facts(arena, n, &count);
	for (size_t i = 0; i < count; i++) {
		buf_printf(out, "  %-11s ", fact[i].label);
		check_wrap(out, fact[i].value, 14, 14, TEXT_WIDTH);
	}
}

/* One domain stands among the facts. */
static void domain_list(struct buf *out, struct arena *arena, const struct notice *n)
{
	int64_t more = render_unnamed(n);
	if (n->n_domains == 0 || (n->n_domains == 1 && more == 0))
		return;
	buf_printf(out, "\nDomains (%lld)\n", (long long)render_total(n));
	for (size_t i = 0; i < n->n_domains && i < NOTICE_MAX_DOMAINS; i++)
		buf_printf(out, "  %s\n", render_cleaned(arena, n->domains[i], 255));
	if (more > 0)
		buf_printf(out, "  and %lld more\n", (long long)more);
}

static void list(struct buf *out, struct arena *arena, const char *title, const char *const *item,
		 size_t n)
{
	if (n == 0)
		return;
	buf_printf(out, "\n%s\n", title);
	for (size_t i = 0; i < n; i++) {
		buf_addstr(out, "  - ");
		check_wrap(out, render_cleaned(arena, item[i], RENDER_MAX_VALUE), 4, 4, TEXT_WIDTH);
	}
}

static void difference(struct buf *out, struct arena *arena, const struct notice *n)
{
	size_t count;
	const struct render_line *line = render_difference(arena, n, &count);
	if (count > 0)
		buf_addstr(out, "\nWhat changed\n");
	for (size_t i = 0; i < count; i++)
		buf_printf(out, "  %c %s\n", line[i].sign, line[i].text);
}

static void links(struct buf *out, struct arena *arena, const struct notice *n)
{
	if (n->url != NULL || n->runbook_url != NULL)
		buf_addch(out, '\n');
	if (n->url != NULL)
		buf_printf(out, "Details: %s\n", render_cleaned(arena, n->url, RENDER_MAX_VALUE));
	if (n->runbook_url != NULL)
		buf_printf(out, "Runbook: %s\n",
			   render_cleaned(arena, n->runbook_url, RENDER_MAX_VALUE));
}

static void footer(struct buf *out, struct arena *arena, const struct notice *n)
{
	buf_printf(out, "\n-- \nmxwatch, event %s", render_cleaned(arena, n->event, 80));
	if (n->incident != NULL)
		buf_printf(out, ", incident %s, notice %lld",
			   render_cleaned(arena, n->incident, 80), (long long)n->seq);
	buf_addch(out, '\n');
}

static void mail_text(struct buf *out, struct arena *arena, const struct notice *n)
{
	/* The verdict stays on one line, whatever its length: phones show the first one. */
	buf_printf(out, "%s\n\n", render_headline(arena, n));
	fact_rows(out, arena, n);
	difference(out, arena, n);
	paragraph(out, arena, "What it means for mail delivery", render_impact(n));
	paragraph(out, arena, "What to do", render_advice(n));
	size_t n_changes;
	const char *const *changes = render_changes(arena, n, &n_changes);
	list(out, arena, "Changed with it", changes, n_changes);
	list(out, arena, render_causes_title(n), n->causes, n->n_causes);
	links(out, arena, n);
	domain_list(out, arena, n);
	footer(out, arena, n);
}

/* -- the mail -- */

void render_mail(const struct notice *n, const struct render_letter *letter, struct buf *out)
{
	struct arena *arena = arena_new();
	struct buf text, html;
	buf_init(&text, PART_MAX);
	buf_init(&html, PART_MAX);
	mail_text(&text, arena, n);
	render_mail_html(n, &html);
	head(out, arena, n, letter, render_status(n), render_title(arena, n));
	body(out, arena, n, &text, &html);
	buf_clear(&text);
	buf_clear(&html);
	arena_free(arena);
}

/* -- the digest -- */

static void digest_group(struct buf *out, struct arena *arena, const struct notice *item,
			 size_t count, int severity, size_t *shown)
{
	bool titled = false;
	for (size_t i = 0; i < count && *shown < DIGEST_MAX; i++) {
		if (item[i].severity != severity)
			continue;
		if (!titled)
			buf_printf(out, "\n%s\n",
				   severity == SEVERITY_CRITICAL  ? "Critical"
				   : severity == SEVERITY_WARNING ? "Warnings"
								  : "For information");
		titled = true;
		(*shown)++;
		buf_printf(out, "  %s  %s\n      ",
			   item[i].at != 0 ? render_time(arena, item[i].at) : "",
			   render_title(arena, &item[i]));
		check_wrap(out, render_headline(arena, &item[i]), 6, 6, TEXT_WIDTH);
	}
}

void render_mail_digest(const struct notice *n, const struct notice *item, size_t count,
			const struct render_letter *letter, struct buf *out)
{
	struct arena *arena = arena_new();
	struct buf text, html;
	size_t shown = 0;
	buf_init(&text, PART_MAX);
	buf_init(&html, PART_MAX);
	buf_printf(&text, "DIGEST: %s\n", render_cleaned(arena, n->summary, RENDER_MAX_VALUE));
	for (int severity = SEVERITY_CRITICAL; severity >= SEVERITY_NONE; severity--)
		digest_group(&text, arena, item, count, severity, &shown);
	if (shown < count)
		buf_printf(&text, "\n  and %zu more\n", count - shown);
	links(&text, arena, n);
	footer(&text, arena, n);
	render_mail_digest_html(n, item, count, &html);
	head(out, arena, n, letter, "digest", arena_printf(arena, "Digest: %s", n->summary));
	body(out, arena, n, &text, &html);
	buf_clear(&text);
	buf_clear(&html);
	arena_free(arena);
}
