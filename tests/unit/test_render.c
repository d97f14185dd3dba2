/* SPDX-License-Identifier: ISC
 *
 * Every format byte for byte against tests/golden/render, and what a hostile server can say
 * against each of them.  MXWATCH_GOLDEN=write writes the golden files anew (read the
 * difference before committing it).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "render.h"
#include "render_mail.h"
#include "render_parts.h"
#include "text.h"

#define MAX ((size_t)4 * 1024 * 1024)

static const char *const to[] = {"oncall@example.org", "night@example.org"};
static const struct render_letter letter = {"mxwatch@example.org", to, 2, 1795353000};
static const struct render_place place = {"https://sink.test/in", "token", "key", 1795353000};

static const struct {
	const char *name;
	struct conf_receiver receiver;
} formats[] = {
    {"json", {.kind = CONF_WEBHOOK, .format = CONF_FORMAT_JSON}},
    {"cloudevents", {.kind = CONF_WEBHOOK, .format = CONF_FORMAT_CLOUDEVENTS}},
    {"alertmanager webhook",
     {.name = "am", .kind = CONF_WEBHOOK, .format = CONF_FORMAT_ALERTMANAGER}},
    {"alertmanager", {.kind = CONF_ALERTMANAGER}},
    {"slack", {.kind = CONF_WEBHOOK, .format = CONF_FORMAT_SLACK}},
    {"teams", {.kind = CONF_WEBHOOK, .format = CONF_FORMAT_TEAMS}},
    {"discord", {.kind = CONF_WEBHOOK, .format = CONF_FORMAT_DISCORD}},
    {"ntfy", {.kind = CONF_WEBHOOK, .format = CONF_FORMAT_NTFY, .topic = "alerts"}},
    {"gotify", {.kind = CONF_WEBHOOK, .format = CONF_FORMAT_GOTIFY}},
    {"pagerduty", {.kind = CONF_PAGERDUTY}},
};

/* -- files -- */

static char *read_golden(const char *name, const char *suffix, size_t *len)
{
	char path[512], *text = malloc(MAX);
	snprintf(path, sizeof(path), TESTDIR "/golden/render/%s.%s", name, suffix);
	FILE *f = fopen(path, "rb");
	if (f == NULL)
		fail_msg("%s is missing", path);
	*len = fread(text, 1, MAX - 1, f);
	text[*len] = '\0';
	fclose(f);
	return text;
}

static void write_golden(const char *name, const char *suffix, const struct buf *b)
{
	char path[512];
	snprintf(path, sizeof(path), TESTDIR "/golden/render/%s.%s", name, suffix);
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(b->data, 1, b->len, f), b->len);
	fclose(f);
}

static void compare(const char *name, const char *suffix, const struct buf *b)
{
	const char *mode = getenv("MXWATCH_GOLDEN");
	if (mode != NULL && strcmp(mode, "write") == 0)
		write_golden(name, suffix, b);
	size_t len, at = 0;
	char *wanted = read_golden(name, suffix, &len);
	while (at < len && at < b->len && wanted[at] == b->data[at])
		at++;
	if (at != len || at != b->len)
		fail_msg("%s.%s differs from byte %zu: \"%.60s\", wanted \"%.60s\"", name, suffix,
			 at, at < b->len ? b->data + at : "", wanted + at);
	free(wanted);
}

static void read_notice(const char *name, struct arena *arena, struct notice *n)
{
	size_t len;
	struct error err;
	char *json = read_golden(name, "json", &len);
	if (notice_decode(json, len, arena, n, &err) != 0)
		fail_msg("%s: %s", name, err.text);
	free(json);
}

/* -- the outputs -- */

/* All HTTP formats, readable: a head line each, the URL, the headers, the indented body. */
static void post_all(const struct notice *n, const struct notice *list, size_t count,
		     struct arena *arena, struct buf *out)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct render_request r;
		render_request(n, list, count, &formats[i].receiver, &place, arena, &r);
		buf_printf(out, "== %s\nPOST %s\n", formats[i].name, r.url);
		for (size_t j = 0; j < r.n_headers; j++)
			buf_printf(out, "%s\n", r.headers[j]);
		json_t *body = json_loadb(r.body, r.len, 0, NULL);
		assert_non_null(body);
		char *text = json_dumps(body, JSON_INDENT(2));
		buf_printf(out, "%s\n", text);
		free(text);
		json_decref(body);
	}
}

static void golden(const char *name)
{
	struct arena *arena = arena_new();
	struct notice n;
	struct buf b;
	buf_init(&b, MAX);
	read_notice(name, arena, &n);
	render_mail(&n, &letter, &b);
	compare(name, "eml", &b);
	buf_reset(&b);
	post_all(&n, NULL, 0, arena, &b);
	compare(name, "http", &b);
	buf_clear(&b);
	arena_free(arena);
}

static void a_problem(void **state)
{
	(void)state;
	golden("problem");
}

static void a_recovery(void **state)
{
	(void)state;
	golden("recovery");
}

static void a_change(void **state)
{
	(void)state;
	golden("change");
}

static void a_digest(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	struct notice list[3], digest = {.id = "dig_1",
					 .kind = NOTICE_DAEMON,
					 .event = "digest",
					 .severity = SEVERITY_INFO,
					 .subject = "mxwatch",
					 .summary = "3 notices since yesterday 08:00",
					 .at = 1795353000};
	struct buf b;
	buf_init(&b, MAX);
	read_notice("problem", arena, &list[0]);
	read_notice("recovery", arena, &list[1]);
	read_notice("change", arena, &list[2]);
	render_mail_digest(&digest, list, 3, &letter, &b);
	compare("digest", "eml", &b);
	buf_reset(&b);
	post_all(&digest, list, 3, arena, &b);
	compare("digest", "http", &b);
	buf_clear(&b);
	arena_free(arena);
}

/* -- a hostile server -- */

static size_t header_lines(const char *mail, const char *prefix)
{
	size_t n = 0, len = strlen(prefix);
	const char *end = strstr(mail, "\r\n\r\n");
	for (const char *line = mail; line < end; line = strstr(line, "\r\n") + 2)
		n += strncasecmp(line, prefix, len) == 0;
	return n;
}

static bool has_control(const struct buf *b)
{
	for (size_t i = 0; i < b->len; i++) {
		unsigned char c = (unsigned char)b->data[i];
		bool end_of_line = c == '\r' && i + 1 < b->len && b->data[i + 1] == '\n';
		if ((c < 0x20 && c != '\n' && !end_of_line) || c == 0x7f)
			return true;
	}
	return false;
}

static void a_hostile_mail(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	struct notice n;
	struct buf b;
	buf_init(&b, MAX);
	read_notice("hostile", arena, &n);
	render_mail(&n, &letter, &b);
	const char *mail = buf_str(&b);
	assert_int_equal(header_lines(mail, "bcc"), 0);
	assert_int_equal(header_lines(mail, "x:"), 0);
	assert_int_equal(header_lines(mail, "subject:"), 1);
	assert_int_equal(header_lines(mail, "message-id:"), 1);
	assert_false(has_control(&b));
	assert_null(strstr(mail, "\xe2\x80\xae")); /* right-to-left override */
	assert_null(strstr(mail, "\xe2\x80\xa8"));
	assert_null(strstr(mail, "\xc2\x85"));
	/* three boundaries and no more, whatever the text says */
	size_t boundaries = 0;
	for (const char *p = mail; (p = strstr(p, "\n--mxwatch-")) != NULL; p++)
		boundaries++;
	assert_int_equal(boundaries, 3);
	for (const char *line = mail; *line != '\0';) {
		size_t len = strcspn(line, "\n");
		assert_true(len < 998);
		line += len + (line[len] == '\n');
	}
	buf_clear(&b);
	arena_free(arena);
}

static void a_hostile_html(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	struct notice n;
	struct buf b;
	buf_init(&b, MAX);
	read_notice("hostile", arena, &n);
	render_mail_html(&n, &b);
	static const char *const never[] = {"<script",	      "<img", "javascript:alert",
					    "</td></table>&", "url(", "@import",
					    "<!channel"};
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		if (strstr(buf_str(&b), never[i]) != NULL)
			fail_msg("the HTML holds %s", never[i]);
	}
	assert_non_null(strstr(buf_str(&b), "&lt;script&gt;"));
	assert_null(strstr(buf_str(&b), "href=\"javascript"));
	assert_non_null(strstr(buf_str(&b), "href=\"https://x.test/&quot;&gt;&lt;script&gt;\""));
	for (size_t i = 0; i < b.len; i++)
		assert_true((unsigned char)b.data[i] < 0x80);
	buf_clear(&b);
	arena_free(arena);
}

static void hostile_posts(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	struct notice n;
	read_notice("hostile", arena, &n);
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct render_request r;
		render_request(&n, NULL, 0, &formats[i].receiver, &place, arena, &r);
		for (size_t j = 0; j < r.n_headers; j++)
			assert_null(strpbrk(r.headers[j], "\r\n"));
		bool chat = formats[i].receiver.kind == CONF_WEBHOOK &&
			    formats[i].receiver.format != CONF_FORMAT_JSON &&
			    formats[i].receiver.format != CONF_FORMAT_CLOUDEVENTS &&
			    formats[i].receiver.format != CONF_FORMAT_ALERTMANAGER;
		if (!chat)
			continue; /* data for programs: the strings as they are, in JSON */
		static const char *const never[] = {"\\u001b", "\xe2\x80\xae", "\\r",
						    "javascript:alert", "<!channel>"};
		for (size_t j = 0; j < sizeof(never) / sizeof(never[0]); j++) {
			if (strstr(r.body, never[j]) != NULL &&
			    !(strcmp(never[j], "<!channel>") == 0 &&
			      formats[i].receiver.format == CONF_FORMAT_NTFY))
				fail_msg("%s holds %s", formats[i].name, never[j]);
		}
	}
	arena_free(arena);
}

/* -- pieces -- */

static void cleaning(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out;
	} table[] = {
	    {"plain", "plain"},
	    {"a\r\nb\tc", "a  b c"},
	    {"\x1b[31m", " [31m"},
	    {"b\xc3\xbc"
	     "cher",
	     "b\xc3\xbc"
	     "cher"},
	    {"\xe2\x80\xae"
	     "evil",
	     "evil"},
	    {"\xef\xbb\xbf"
	     "bom",
	     "bom"},
	    {"broken \xff\xc3", "broken "},
	    {"\xc2\x9b"
	     "31m",
	     "31m"},
	    {"overlong \xc0\xaf", "overlong "},
	    {"0123456789abc", "0123456789..."},
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct arena *arena = arena_new();
		assert_string_equal(render_cleaned(arena, table[i].in, 10), table[i].out);
		arena_free(arena);
	}
}

static void headlines(void **state)
{
	(void)state;
	static const struct {
		struct notice n;
		const char *headline;
	} table[] = {
	    {{.status = NOTICE_FIRING,
	      .severity = SEVERITY_CRITICAL,
	      .since = 100,
	      .at = 100 + 7980},
	     "CRITICAL for 2 h 13 min: s"},
	    {{.status = NOTICE_FIRING, .severity = SEVERITY_WARNING, .since = 100, .at = 100},
	     "WARNING: s"},
	    {{.status = NOTICE_RESOLVED,
	      .seq = 2,
	      .severity = SEVERITY_CRITICAL,
	      .since = 100,
	      .at = 100 + 7980},
	     "RECOVERED after 2 h 13 min. It was: s"},
	    {{.status = NOTICE_RESOLVED,
	      .seq = 1,
	      .severity = SEVERITY_CRITICAL,
	      .since = 100,
	      .at = 100 + 7980},
	     "RECOVERED after 2 h 13 min, before it could be told. It was: s"},
	    {{.status = NOTICE_CHANGED, .kind = NOTICE_CHANGE, .since = 100, .at = 500},
	     "CHANGED: s"},
	    {{.status = NOTICE_CHANGED, .kind = NOTICE_CHANGE, .severity = SEVERITY_CRITICAL},
	     "CRITICAL CHANGE: s"},
	    {{.kind = NOTICE_TEST, .since = 100, .at = 500}, "TEST: s"},
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct arena *arena = arena_new();
		struct notice n = table[i].n;
		n.summary = "s";
		assert_string_equal(render_headline(arena, &n), table[i].headline);
		arena_free(arena);
	}
}

static void titles(void **state)
{
	(void)state;
	static const char *const one[] = {"a.test"};
	static const char *const two[] = {"a.test", "b.test"};
	static const struct {
		const char *subject;
		const char *const *domains;
		size_t n;
		int64_t total;
		const char *title;
	} table[] = {
	    {"a.test", one, 1, 1, "STARTTLS lost: a.test"},
	    {"mx.a.test[192.0.2.7]:25", one, 1, 1, "STARTTLS lost: a.test on mx.a.test"},
	    {"mx.a.test[192.0.2.7]:25", two, 2, 800, "STARTTLS lost: mx.a.test (800 domains)"},
	    {"mx-01.rack-7.frankfurt.a-rather-long-name.test", one, 1, 1, "STARTTLS lost: a.test"},
	    {"nothing", NULL, 0, 0, "STARTTLS lost: nothing"},
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct arena *arena = arena_new();
		const struct notice n = {.event = "starttls.lost",
					 .subject = table[i].subject,
					 .domains = table[i].domains,
					 .n_domains = table[i].n,
					 .domains_total = table[i].total};
		assert_string_equal(render_title(arena, &n), table[i].title);
		arena_free(arena);
	}
	struct arena *arena = arena_new();
	struct notice n = {.event = "self.egress25", .subject = "monitor", .kind = NOTICE_DAEMON};
	assert_string_equal(render_title(arena, &n), "No way out to port 25");
	n.title = "as it\r\nwas first"; /* an incident keeps its Subject */
	assert_string_equal(render_title(arena, &n), "as it  was first");
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_problem),      cmocka_unit_test(a_recovery),
	    cmocka_unit_test(a_change),	      cmocka_unit_test(a_digest),
	    cmocka_unit_test(a_hostile_mail), cmocka_unit_test(a_hostile_html),
	    cmocka_unit_test(hostile_posts),  cmocka_unit_test(cleaning),
	    cmocka_unit_test(headlines),      cmocka_unit_test(titles),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
