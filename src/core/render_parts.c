/* SPDX-License-Identifier: ISC */
#include "render_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "stamp.h"
#include "text.h"

#define MAX_LINES   40
#define LOCK_SCREEN 60 /* characters of a subject that are seen there, about */

/* -- strings from strangers -- */

/* Length of the well-formed UTF-8 character at s, 0 if there is none. */
static size_t character(const char *s)
{
	unsigned char c = (unsigned char)*s;
	size_t len = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
	for (size_t i = 1; i < len; i++) {
		if (s[i] == '\0')
			return 0;
	}
	return len > 0 && text_is_utf8(s, len) ? len : 0;
}

/* C1 controls, zero-width and bidirectional controls, line separators, byte order mark. */
static bool invisible(const char *s, size_t len)
{
	static const struct {
		const char *from, *to; /* UTF-8 sorts like code points */
	} ranges[] = {
	    {"\xc2\x80", "\xc2\x9f"},	      {"\xd8\x9c", "\xd8\x9c"},
	    {"\xe2\x80\x8b", "\xe2\x80\x8f"}, {"\xe2\x80\xa8", "\xe2\x80\xae"},
	    {"\xe2\x81\xa0", "\xe2\x81\xaf"}, {"\xef\xbb\xbf", "\xef\xbb\xbf"},
	};
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (strlen(ranges[i].from) == len && memcmp(s, ranges[i].from, len) >= 0 &&
		    memcmp(s, ranges[i].to, len) <= 0)
			return true;
	}
	return false;
}

void render_clean(struct buf *out, const char *s, size_t max)
{
	size_t shown = 0;
	while (*s != '\0') {
		size_t len = character(s);
		bool control = len == 1 && ((unsigned char)*s < 0x20 || *s == 0x7f);
		if (shown == max) {
			buf_addstr(out, "...");
			return;
		}
		if (control)
			buf_addch(out, ' ');
		else if (len > 0 && !invisible(s, len))
			buf_add(out, s, len);
		else
			shown--;
		shown++;
		s += len > 0 ? len : 1;
	}
}

const char *render_cleaned(struct arena *arena, const char *s, size_t max)
{
	struct buf b;
	buf_init(&b, 4 * max + 8);
	render_clean(&b, s != NULL ? s : "", max);
	const char *copy = arena_strndup(arena, buf_str(&b), b.len);
	buf_clear(&b);
	return copy;
}

const char *render_markdown(struct arena *arena, const char *s)
{
	struct buf b;
	buf_init(&b, 2 * strlen(s) + 1);
	for (; *s != '\0'; s++) {
		if (strchr("\\`*_~|<>[]()#@!&", *s) != NULL)
			buf_addch(&b, '\\');
		buf_addch(&b, *s);
	}
	const char *copy = arena_strndup(arena, buf_str(&b), b.len);
	buf_clear(&b);
	return copy;
}

const char *render_cleaned_lines(struct arena *arena, const char *s)
{
	size_t len = strlen(s);
	while (len > 0 && !text_is_utf8(s, len))
		len--;
	return arena_strndup(arena, s, len);
}

/* -- words -- */

const char *render_status(const struct notice *n)
{
	if (n->kind == NOTICE_TEST)
		return "TEST";
	if (n->status == NOTICE_RESOLVED)
		return "RECOVERED";
	if (n->status == NOTICE_CHANGED)
		return "CHANGE";
	return n->kind == NOTICE_DAEMON && n->severity == SEVERITY_INFO ? "NOTICE" : "PROBLEM";
}

const char *render_verdict(const struct notice *n)
{
	if (n->kind == NOTICE_TEST)
		return "TEST";
	if (n->status == NOTICE_RESOLVED)
		return "RECOVERED";
	if (n->status == NOTICE_CHANGED)
		return n->severity == SEVERITY_CRITICAL ? "CRITICAL CHANGE" : "CHANGED";
	return n->severity == SEVERITY_CRITICAL	 ? "CRITICAL"
	       : n->severity == SEVERITY_WARNING ? "WARNING"
						 : "INFO";
}

const char *render_causes_title(const struct notice *n)
{
	return n->status == NOTICE_CHANGED ? "What was found" : "Explained by this";
}

const char *render_lead(struct arena *arena, const struct notice *n)
{
	char length[STAMP_TEXT] = "";
	if (n->since != 0 && n->at > n->since)
		stamp_duration_human(length, n->at - n->since);
	if (length[0] == '\0' || n->status == NOTICE_CHANGED || n->kind == NOTICE_TEST)
		return render_verdict(n);
	if (n->status == NOTICE_RESOLVED)
		return arena_printf(arena, "RECOVERED after %s%s", length,
				    n->seq == 1 ? ", before it could be told" : "");
	return arena_printf(arena, "%s for %s", render_verdict(n), length);
}

const char *render_sentence(struct arena *arena, const struct notice *n)
{
	return arena_printf(arena, "%s%s", n->status == NOTICE_RESOLVED ? "It was: " : "",
			    render_cleaned(arena, notice_sentence(n), RENDER_MAX_VALUE));
}

const char *render_headline(struct arena *arena, const struct notice *n)
{
	return arena_printf(arena, "%s%s %s", render_lead(arena, n),
			    n->status == NOTICE_RESOLVED ? "." : ":", render_sentence(arena, n));
}

int64_t render_total(const struct notice *n)
{
	return n->domains_total > (int64_t)n->n_domains ? n->domains_total : (int64_t)n->n_domains;
}

const char *render_where(struct arena *arena, const struct notice *n)
{
	int64_t total =
	    n->domains_total > (int64_t)n->n_domains ? n->domains_total : (int64_t)n->n_domains;
	if (total == 1 && n->n_domains == 1)
		return render_cleaned(arena, n->domains[0], 255);
	const char *subject = render_cleaned(arena, n->subject, 255);
	const char *host = arena_strndup(arena, subject, strcspn(subject, "["));
	if (total <= 1)
		return host;
	return arena_printf(arena, "%s (%lld domains)", host, (long long)total);
}

/* "TLSA mismatch" */
static const char *words(struct arena *arena, const char *event)
{
	char *copy = arena_strdup(arena, render_cleaned(arena, notice_title(event), 80));
	if (*copy >= 'a' && *copy <= 'z' && strchr(copy, '.') == NULL)
		*copy = (char)(*copy - 'a' + 'A');
	return copy;
}

const char *render_title(struct arena *arena, const struct notice *n)
{
	if (n->title != NULL)
		return render_cleaned(arena, n->title, 255);
	const char *what = words(arena, n->event), *where = render_where(arena, n), *on = "";
	size_t host = strcspn(n->subject, "[");
	if (n->kind == NOTICE_DAEMON || n->kind == NOTICE_TEST)
		return what;
	if (strncmp(where, n->subject, host) != 0)
		on = arena_printf(
		    arena, " on %s",
		    render_cleaned(arena, arena_strndup(arena, n->subject, host), 255));
	if (strlen(what) + strlen(where) + strlen(on) > LOCK_SCREEN)
		on = "";
	return arena_printf(arena, "%s: %s%s", what, where, on);
}

const char *render_time(struct arena *arena, int64_t at)
{
	char text[STAMP_TEXT];
	stamp_format(text, at);
	return arena_printf(arena, "%.10s %.8s UTC", text, text + 11);
}

bool render_is_link(const char *url)
{
	return url != NULL && (text_starts(url, "https://") || text_starts(url, "http://"));
}

const char *render_colour(const struct notice *n)
{
	if (n->status == NOTICE_RESOLVED)
		return "#1a7f37";
	if (n->severity == SEVERITY_CRITICAL)
		return "#c62828";
	return n->severity == SEVERITY_WARNING ? "#b25e00" : "#1f6feb";
}

int64_t render_unnamed(const struct notice *n)
{
	size_t named = n->n_domains < NOTICE_MAX_DOMAINS ? n->n_domains : NOTICE_MAX_DOMAINS;
	return render_total(n) - (int64_t)named;
}

/* -- facts -- */

#define MAX_FACTS 10

struct facts {
	struct arena *arena;
	struct render_fact *fact;
	size_t n;
};

static void add_fact(struct facts *f, bool body, const char *label, const char *value)
{
	if (value == NULL || *value == '\0')
		return;
	f->fact[f->n++] =
	    (struct render_fact){label, render_cleaned(f->arena, value, RENDER_MAX_VALUE), body};
}

/* "2026-11-22 13:00:00 UTC (2 h 13 min)", and until when if it is over. */
static const char *span(struct arena *arena, const struct notice *n)
{
	char human[STAMP_TEXT];
	const char *since = render_time(arena, n->since);
	if (n->at <= n->since)
		return since;
	if (n->status == NOTICE_RESOLVED)
		return arena_printf(arena, "%.19s to %s", since, render_time(arena, n->at));
	return arena_printf(arena, "%s (%s)", since, stamp_duration_human(human, n->at - n->since));
}

const char *render_seen(const struct notice *n)
{
	bool said = n->actual != NULL && strcmp(n->actual, notice_sentence(n)) == 0;
	return n->status == NOTICE_RESOLVED && said ? NULL : n->actual;
}

struct render_fact *render_facts(struct arena *arena, const struct notice *n, size_t *count)
{
	struct facts f = {.arena = arena};
	f.fact = arena_array(arena, MAX_FACTS, sizeof(*f.fact));
	add_fact(&f, false, "Where", n->subject);
	if (n->n_domains == 1 && render_unnamed(n) == 0 && strcmp(n->domains[0], n->subject) != 0)
		add_fact(&f, false, "Domain", n->domains[0]);
	add_fact(&f, true, "Expected", n->expected);
	add_fact(&f, true, n->status == NOTICE_RESOLVED ? "It was" : "Seen", render_seen(n));
	if (n->since != 0)
		add_fact(&f, false, n->status == NOTICE_CHANGED ? "Seen at" : "Since",
			 span(arena, n));
	if (n->last_ok != 0)
		add_fact(&f, false, "Last good", render_time(arena, n->last_ok));
	if (n->confirmed_by > 1)
		add_fact(
		    &f, false, "Confirmed",
		    arena_printf(arena, "by %lld probes in a row", (long long)n->confirmed_by));
	add_fact(&f, false, "Owner", n->owner);
	add_fact(&f, false, "Reference", n->reference);
	*count = f.n;
	return f.fact;
}

const char *const *render_changes(struct arena *arena, const struct notice *n, size_t *count)
{
	const char **list = arena_array(arena, n->n_changes, sizeof(*list));
	*count = 0;
	for (size_t i = 0; i < n->n_changes; i++) {
		if (strcmp(n->changes[i], n->event) != 0)
			list[(*count)++] = arena_printf(arena, "%s (%s)",
							notice_title(n->changes[i]), n->changes[i]);
	}
	return list;
}

static const char *unless_over(const struct notice *n, const char *s)
{
	return n->status == NOTICE_RESOLVED || s == NULL || *s == '\0' ? NULL : s;
}

const char *render_impact(const struct notice *n)
{
	return unless_over(n, n->impact);
}

const char *render_advice(const struct notice *n)
{
	return unless_over(n, n->advice);
}

/* -- the difference -- */

struct lines {
	struct arena *arena;
	struct render_line *line;
	size_t n;
};

static void add_line(struct lines *l, char sign, const char *label, const char *value)
{
	if (l->n == MAX_LINES)
		return;
	l->line[l->n++] = (struct render_line){
	    sign, arena_printf(l->arena, "%s%s%s", label, label[0] != '\0' ? ": " : "",
			       render_cleaned(l->arena, value, RENDER_MAX_VALUE))};
}

/* A value on one line: a list's members with commas between them. */
static const char *flat(struct arena *arena, const json_t *v)
{
	if (json_is_string(v))
		return arena_strdup(arena, json_string_value(v));
	struct buf b;
	buf_init(&b, 8192);
	if (json_is_array(v)) {
		size_t i;
		json_t *item;
		json_array_foreach(v, i, item)
		    buf_printf(&b, "%s%s", i > 0 ? ", " : "", flat(arena, item));
	} else if (v != NULL) {
		char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
		buf_addstr(&b, text);
		free(text);
	}
	const char *s = arena_strndup(arena, buf_str(&b), b.len);
	buf_clear(&b);
	return s;
}

static bool array_has(const json_t *array, const json_t *wanted)
{
	size_t i;
	json_t *v;
	json_array_foreach(array, i, v)
	{
		if (json_equal(v, wanted))
			return true;
	}
	return false;
}

static void add_members(struct lines *l, char sign, const json_t *of, const json_t *other)
{
	size_t i;
	json_t *v;
	json_array_foreach(of, i, v)
	{
		if (!array_has(other, v))
			add_line(l, sign, "", flat(l->arena, v));
	}
}

static void add_difference(struct lines *l, const char *label, const json_t *before,
			   const json_t *after);

static void add_keys(struct lines *l, const json_t *before, const json_t *after)
{
	const char *key;
	json_t *v;
	json_object_foreach((json_t *)before, key, v)
	    add_difference(l, key, v, json_object_get(after, key));
	json_object_foreach((json_t *)after, key, v)
	{
		if (json_object_get(before, key) == NULL)
			add_difference(l, key, NULL, v);
	}
}

static void add_difference(struct lines *l, const char *label, const json_t *before,
			   const json_t *after)
{
	const json_t *any = before != NULL ? before : after;
	if (json_equal(before, after))
		return;
	if (json_is_object(any) && (after == NULL || json_is_object(after))) {
		add_keys(l, before, after);
	} else if (label[0] == '\0' && json_is_array(any)) {
		add_members(l, '-', before, after);
		add_members(l, '+', after, before);
	} else {
		if (before != NULL)
			add_line(l, '-', label, flat(l->arena, before));
		if (after != NULL)
			add_line(l, '+', label, flat(l->arena, after));
	}
}

struct render_line *render_difference(struct arena *arena, const struct notice *n, size_t *count)
{
	struct lines l = {.arena = arena};
	l.line = arena_array(arena, MAX_LINES, sizeof(*l.line));
	json_t *before = n->before != NULL ? json_loads(n->before, JSON_DECODE_ANY, NULL) : NULL;
	json_t *after = n->after != NULL ? json_loads(n->after, JSON_DECODE_ANY, NULL) : NULL;
	if (!json_is_boolean(before) && !json_is_boolean(after)) /* the summary says it in words */
		add_difference(&l, "", before, after);
	json_decref(before);
	json_decref(after);
	*count = l.n;
	return l.line;
}
