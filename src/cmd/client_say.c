/* SPDX-License-Identifier: ISC */
#include "client_say.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "clock.h"
#include "console.h"
#include "render_parts.h"
#include "stamp.h"

#define TEXT_MAX 2000

static size_t width; /* 0 any */

void say_width(int columns)
{
	width = (size_t)columns;
}

static void say_some(const char *text, size_t max)
{
	struct buf clean;

	if (text == NULL)
		return;
	buf_init(&clean, 4 * TEXT_MAX + 8);
	render_clean(&clean, text, max);
	fputs(buf_str(&clean), stdout);
	buf_clear(&clean);
}

void say(const char *text)
{
	say_some(text, TEXT_MAX);
}

void say_cut(const char *text, size_t first)
{
	size_t room = width > first + 8 ? width - first - 1 : width ? 8 : TEXT_MAX;

	say_some(text, room);
}

void say_wrapped(const char *text, size_t indent, size_t first)
{
	struct buf clean, out;

	buf_init(&clean, 4 * TEXT_MAX + 8);
	buf_init(&out, 16 * TEXT_MAX);
	render_clean(&clean, text ? text : "", TEXT_MAX);
	check_wrap(&out, buf_str(&clean), indent, first, width ? width - 1 : TEXT_MAX);
	fputs(buf_str(&out), stdout);
	buf_clear(&out);
	buf_clear(&clean);
}

const char *say_count(long long n, const char *thing)
{
	static char text[4][64];
	static unsigned turn;
	char *out = text[turn++ % 4];

	snprintf(out, sizeof(text[0]), "%lld %s%s", n, thing, n == 1 ? "" : "s");
	return out;
}

void say_key(const json_t *o, const char *key)
{
	say(json_string_value(json_object_get(o, key)));
}

void say_ago(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));
	char length[STAMP_TEXT];
	int64_t at, now = clock_now();

	if (text == NULL || !stamp_parse(text, &at))
		fputs("never", stdout);
	else if (at >= now)
		fputs("now", stdout);
	else
		printf("%s ago", stamp_duration_human(length, now - at));
}

void say_value(const json_t *v)
{
	char *compact;

	if (v == NULL || json_is_null(v)) {
		fputs("none", stdout);
	} else if (json_is_string(v)) {
		say(json_string_value(v));
	} else {
		compact = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
		say(compact);
		free(compact);
	}
}

void say_json(const json_t *v)
{
	char *compact = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);

	puts(compact ? compact : "null");
	free(compact);
}

void say_mark(bool color, const char *word)
{
	static const struct {
		const char *word, *mark;
		enum console_style style;
	} marks[] = {
	    {"critical", "FAIL", CONSOLE_RED},	{"fail", "FAIL", CONSOLE_RED},
	    {"dead", "FAIL", CONSOLE_RED},	{"warning", "WARN", CONSOLE_YELLOW},
	    {"warn", "WARN", CONSOLE_YELLOW},	{"unknown", "????", CONSOLE_BLUE},
	    {"ok", "OK", CONSOLE_GREEN},	{"closed", "OVER", CONSOLE_GREEN},
	    {"delivered", "OK", CONSOLE_GREEN}, {"info", "INFO", CONSOLE_BLUE},
	    {"pending", "WAIT", CONSOLE_DIM},
	};

	for (size_t i = 0; word && i < sizeof(marks) / sizeof(marks[0]); i++)
		if (strcmp(marks[i].word, word) == 0) {
			printf("%s%-4s%s  ", console_style(color, marks[i].style), marks[i].mark,
			       console_style(color, CONSOLE_PLAIN));
			return;
		}
	fputs("NOTE  ", stdout);
}

void say_incident(bool color, const json_t *i)
{
	const char *state = json_string_value(json_object_get(i, "state"));
	const char *severity = json_string_value(json_object_get(i, "severity"));
	const char *subject = json_string_value(json_object_get(i, "subject"));
	const json_t *total = json_object_get(i, "domains_total");
	bool open = state && strcmp(state, "open") == 0;

	say_mark(color, open ? severity : "closed");
	fputs(console_style(color, CONSOLE_BOLD), stdout);
	say(subject);
	fputs(console_style(color, CONSOLE_PLAIN), stdout);
	fputs("  ", stdout);
	say_wrapped(json_string_value(json_object_get(i, "summary")), 6,
		    6 + 2 + (subject ? strlen(subject) : 0));
	fputs("      ", stdout);
	say_key(i, "event");
	fputs(open ? ", began " : ", over ", stdout);
	say_ago(i, open ? "since" : "closed");
	if (json_integer_value(total) > 1)
		printf(", %lld domains", (long long)json_integer_value(total));
	if (json_is_object(json_object_get(i, "acknowledged"))) {
		fputs(", acknowledged by ", stdout);
		say_key(json_object_get(i, "acknowledged"), "by");
	}
	if (json_is_string(json_object_get(i, "muted_until"))) {
		fputs(", muted until ", stdout);
		say_key(i, "muted_until");
	}
	fputs(", id ", stdout);
	say_key(i, "id");
	putchar('\n');
}

void say_change(const json_t *c)
{
	say_key(c, "at");
	fputs("  ", stdout);
	say_key(c, "subject");
	fputs("  ", stdout);
	say_key(c, "summary");
	putchar('\n');
	if (json_is_null(json_object_get(c, "before")) && json_is_null(json_object_get(c, "after")))
		return;
	fputs("    - ", stdout);
	say_value(json_object_get(c, "before"));
	fputs("\n    + ", stdout);
	say_value(json_object_get(c, "after"));
	putchar('\n');
}

void say_csv(const char *text, bool last)
{
	putchar('"');
	if (text && *text && strchr("=+-@\t\r", *text))
		putchar('\'');
	for (; text && *text; text++) {
		if (*text == '"')
			putchar('"');
		putchar(*text);
	}
	fputs(last ? "\"\r\n" : "\",", stdout);
}
