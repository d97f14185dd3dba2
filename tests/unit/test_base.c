/* SPDX-License-Identifier: ISC
 *
 * The ground floor: bounded bytes, hostile text, points and lengths of time, log lines.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "arena.h"
#include "buf.h"
#include "err.h"
#include "log.h"
#include "mem.h"
#include "stamp.h"
#include "text.h"
#include "wire.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* -- buf, arena, wire, err -- */

static void test_buf_ceiling(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 5);
	assert_string_equal(buf_str(&b), "");
	assert_true(buf_addstr(&b, "abc"));
	assert_false(buf_printf(&b, "%d", 1234));
	assert_string_equal(buf_str(&b), "abc12");
	assert_true(b.truncated);
	assert_false(buf_addch(&b, 'x'));
	assert_int_equal(b.len, 5);
	buf_drain(&b, 2);
	assert_string_equal(buf_str(&b), "c12");
	buf_drain(&b, 99);
	assert_string_equal(buf_str(&b), "");
	buf_reset(&b);
	assert_false(b.truncated);
	assert_true(buf_add(&b, "a\0b", 3));
	char *bytes = buf_detach(&b);
	assert_memory_equal(bytes, "a\0b", 4);
	free(bytes);
	bytes = buf_detach(&b);
	assert_string_equal(bytes, "");
	free(bytes);
}

static void test_buf_grows(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, SIZE_MAX);
	for (int i = 0; i < 100000; i++)
		buf_printf(&b, "%05d", i);
	assert_int_equal(b.len, 500000);
	assert_memory_equal(b.data + 5 * 77777, "77777", 5);
	buf_clear(&b);
}

static void test_arena(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	size_t empty = arena_size(a);
	assert_null(arena_strdup(a, NULL));
	char *s = arena_strdup(a, "kept");
	int64_t *numbers = arena_array(a, 1000, sizeof(*numbers));
	for (int i = 0; i < 1000; i++)
		assert_int_equal(numbers[i], 0); /* zeroed */
	for (size_t size = 0; size < 200; size++) {
		void *p = arena_alloc(a, size);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		memset(p, 0xff, size);
	}
	assert_string_equal(s, "kept");
	assert_string_equal(arena_printf(a, "%s-%d", "x", 7), "x-7");
	assert_string_equal(arena_strndup(a, "abcdef", 3), "abc");
	assert_string_equal(arena_strndup(a, "ab", 9), "ab");
	char *large = arena_alloc(a, 1000000);
	large[999999] = 1;
	assert_true(arena_size(a) > empty + 1000000);
	arena_free(a);
	arena_free(NULL);
}

static void test_wire_error_sticks(void **state)
{
	(void)state;
	struct wire w;
	struct buf b;
	buf_init(&b, 15);
	assert_true(wire_put_u8(&b, 0x01));
	assert_true(wire_put_u16(&b, 0x0203));
	assert_true(wire_put_u32(&b, 0x04050607));
	assert_true(wire_put_u64(&b, UINT64_C(0x08090a0b0c0d0e0f)));
	assert_false(wire_put_u8(&b, 1));
	assert_memory_equal(b.data, "\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17", 15);

	wire_init(&w, b.data, b.len);
	assert_int_equal(wire_u8(&w), 0x01);
	assert_int_equal(wire_u16(&w), 0x0203);
	assert_int_equal(wire_u32(&w), 0x04050607);
	assert_int_equal(wire_left(&w), 8);
	assert_null(wire_bytes(&w, 9));
	assert_true(w.failed);
	assert_int_equal(wire_u8(&w), 0); /* there are bytes, but it has failed */
	assert_int_equal(wire_left(&w), 0);
	assert_null(wire_bytes(&w, 0));
	buf_clear(&b);
}

static void test_error(void **state)
{
	(void)state;
	struct error err;
	assert_int_equal(error_set(&err, "a %d", 1), -1);
	assert_string_equal(err.text, "a 1");
	errno = ENOENT;
	assert_int_equal(error_errno(&err, "open %s", "x"), -1);
	assert_string_equal(err.text, "open x: No such file or directory");
	assert_int_equal(error_set(NULL, "nobody asks"), -1);
	char large[2000];
	memset(large, 'a', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	error_errno(&err, "%s", large);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

/* -- text -- */

static void test_escape(void **state)
{
	(void)state;
	static const struct {
		const char *in;
		size_t len;
		const char *out;
	} rows[] = {
	    {"plain ASCII ~", 13, "plain ASCII ~"},
	    {"a\\b", 3, "a\\\\b"},
	    {"a\0b", 3, "a\\x00b"},
	    {"\r\n\t", 3, "\\x0d\\x0a\\x09"},
	    {"\x1b[31mred", 8, "\\x1b[31mred"},
	    {"\x7f", 1, "\\x7f"},
	    {"\xc2\x9b", 2, "\\xc2\\x9b"}, /* C1 CSI */
	    {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\xac", 9, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\xac"},
	    {"\xe2\x80\xae"
	     "gpj",
	     6, "\\xe2\\x80\\xaegpj"},			     /* right-to-left override */
	    {"\xe2\x81\xa6", 3, "\\xe2\\x81\\xa6"},	     /* left-to-right isolate */
	    {"\xe2\x80\x8b", 3, "\\xe2\\x80\\x8b"},	     /* zero-width space */
	    {"\xe2\x80\xa8", 3, "\\xe2\\x80\\xa8"},	     /* line separator */
	    {"\xef\xbb\xbf", 3, "\\xef\\xbb\\xbf"},	     /* byte order mark */
	    {"\xf3\xa0\x81\x81", 4, "\\xf3\\xa0\\x81\\x81"}, /* tag letter */
	    {"\xff\xfe", 2, "\\xff\\xfe"},		     /* never in UTF-8 */
	    {"\xc3", 1, "\\xc3"},			     /* cut short */
	    {"\xc3(", 2, "\\xc3("},			     /* no continuation */
	    {"\xc0\xaf", 2, "\\xc0\\xaf"},		     /* overlong '/' */
	    {"\xe0\x80\xaf", 3, "\\xe0\\x80\\xaf"},	     /* overlong '/' */
	    {"\xed\xa0\x80", 3, "\\xed\\xa0\\x80"},	     /* surrogate */
	    {"\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80"}, /* above U+10FFFF */
	    {"\x80", 1, "\\x80"},			     /* stray continuation */
	};
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct buf b;
		buf_init(&b, 256);
		text_escape(&b, rows[i].in, rows[i].len, 200);
		assert_string_equal(buf_str(&b), rows[i].out);
		buf_clear(&b);
	}
}

static void test_escape_is_bounded(void **state)
{
	(void)state;
	static const struct {
		const char *in;
		size_t max;
		const char *out;
	} rows[] = {
	    {"abcdef", 6, "abcdef"},
	    {"abcdefg", 6, "abc..."},
	    {"ab\r\n", 6, "ab..."}, /* an escape is never cut in two */
	    {"\r\r", 8, "\\x0d\\x0d"},
	    {"\r\r", 7, "\\x0d..."},
	    {"\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f", 4, "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f"},
	    {"\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f!", 4, "\xc3\xa4..."},
	    {"abc", 2, ".."},
	    {"abc", 0, ""},
	    {"", 0, ""},
	};
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct buf b;
		buf_init(&b, 256);
		buf_addstr(&b, ">");
		text_escape(&b, rows[i].in, strlen(rows[i].in), rows[i].max);
		assert_string_equal(buf_str(&b) + 1, rows[i].out);
		assert_int_equal(b.data[0], '>');
		buf_clear(&b);
	}
	struct buf small; /* the buffer's own ceiling cuts between characters too */
	buf_init(&small, 7);
	text_escape(&small, "ab\xc3\xa4\r\r", 6, 100);
	assert_string_equal(buf_str(&small), "ab\xc3\xa4...");
	assert_true(small.truncated);
	buf_clear(&small);
}

/* Whatever comes in: what goes out is valid UTF-8, has no control byte, and is bounded. */
static void test_escape_any_bytes(void **state)
{
	(void)state;
	unsigned seed = 1;
	for (int round = 0; round < 20000; round++) {
		char in[24];
		for (size_t i = 0; i < sizeof(in); i++) {
			seed = seed * 1103515245 + 12345;
			in[i] = (char)(seed >> 16);
		}
		struct buf b;
		buf_init(&b, 4 + (size_t)round % 120);
		text_escape(&b, in, sizeof(in), (size_t)round % 50);
		assert_true(text_is_utf8(buf_str(&b), b.len));
		assert_true(b.len <= b.max);
		for (size_t i = 0; i < b.len; i++)
			assert_true((unsigned char)b.data[i] >= ' ' && b.data[i] != 0x7f);
		buf_clear(&b);
	}
}

static void test_latin1(void **state)
{
	(void)state;
	char all[256];
	struct buf b;
	for (int i = 0; i < 256; i++)
		all[i] = (char)i;
	buf_init(&b, 1024);
	text_latin1(&b, all, sizeof(all));
	assert_true(text_is_utf8(b.data, b.len));
	assert_memory_equal(b.data, "\xef\xbf\xbd\1\2", 5);
	assert_memory_equal(b.data + b.len - 2, "\xc3\xbf", 2);
	assert_int_equal(b.len, 3 + 127 + 2 * 128);
	buf_clear(&b);
	buf_init(&b, 3);
	text_latin1(&b, "ab\xff", 3);
	assert_string_equal(buf_str(&b), "ab"); /* no half character */
	assert_true(b.truncated);
	buf_clear(&b);
}

static void test_html_and_hex(void **state)
{
	(void)state;
	struct buf b;
	unsigned char bytes[4];
	buf_init(&b, 256);
	text_html(&b, "<a href=\"x\">'&'</a>");
	assert_string_equal(buf_str(&b), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
	buf_reset(&b);
	text_hex(&b, "\x00\xff\x1a", 3);
	assert_string_equal(buf_str(&b), "00ff1a");
	assert_int_equal(text_unhex(bytes, sizeof(bytes), "00fF1A"), 3);
	assert_memory_equal(bytes, "\x00\xff\x1a", 3);
	assert_int_equal(text_unhex(bytes, sizeof(bytes), ""), 0);
	assert_int_equal(text_unhex(bytes, sizeof(bytes), "0"), -1);
	assert_int_equal(text_unhex(bytes, sizeof(bytes), "0g"), -1);
	assert_int_equal(text_unhex(bytes, sizeof(bytes), "0011223344"), -1);
	buf_clear(&b);
}

static void test_comparisons(void **state)
{
	(void)state;
	char word[] = "MX1.Example.TEST\xc4";
	assert_true(text_equal_nocase("Ab", "aB"));
	assert_false(text_equal_nocase("ab", "abc"));
	assert_false(text_equal_nocase("abc", "ab"));
	assert_false(text_equal_nocase("\xe4", "\xc4")); /* ASCII only */
	assert_true(text_starts("v=STSv1;", "v=STSv1"));
	assert_false(text_starts("v=", "v=STSv1"));
	text_lower(word);
	assert_string_equal(word, "mx1.example.test\xc4");
	assert_true(text_is_printable_ascii("a ~"));
	assert_false(text_is_printable_ascii("a\t"));
	assert_false(text_is_printable_ascii("\xc3\xa4"));
	char small[4];
	assert_int_equal(text_copy(small, sizeof(small), "abcdef"), 6);
	assert_string_equal(small, "abc");
}

static void test_glob(void **state)
{
	(void)state;
	static const struct {
		const char *pattern, *text;
		bool match;
	} rows[] = {
	    {"", "", true},
	    {"", "a", false},
	    {"*", "", true},
	    {"*", "anything", true},
	    {"tls.*", "tls.cert.expiry", true},
	    {"tls.*", "tls", false},
	    {"TLS.*", "tls.cert", true},
	    {"*.expiry", "tls.cert.expiry", true},
	    {"*.expir?", "tls.cert.expiry", true},
	    {"*.cert.*", "tls.cert.expiry", true},
	    {"mx?.example", "mx1.example", true},
	    {"mx?.example", "mx.example", false},
	    {"a*b*c", "a-b-b-c", true},
	    {"a*b*c", "a-c-b", false},
	    {"**a**", "ba", true},
	};
	for (size_t i = 0; i < ROWS(rows); i++)
		assert_int_equal(text_glob(rows[i].pattern, rows[i].text), rows[i].match);

	char text[4001], pattern[201]; /* no exponential time */
	memset(text, 'a', 4000);
	text[4000] = '\0';
	for (int i = 0; i < 200; i += 2)
		memcpy(pattern + i, "*a", 2);
	pattern[199] = 'b';
	pattern[200] = '\0';
	assert_false(text_glob(pattern, text));
}

static void test_nearest(void **state)
{
	(void)state;
	static const char *const keys[] = {"receivers", "route",   "domains", "lists",
					   "tls",	"mta_sts", NULL};
	static const struct {
		const char *word, *nearest;
	} rows[] = {
	    {"recievers", "receivers"},
	    {"receiver", "receivers"},
	    {"Domains", "domains"},
	    {"domian", "domains"},
	    {"tsl", "tls"},
	    {"routes", "route"},
	    {"mta-sts", "mta_sts"},
	    {"x", NULL},
	    {"zebra", NULL},
	    {"", NULL},
	};
	for (size_t i = 0; i < ROWS(rows); i++) {
		const char *nearest = text_nearest(rows[i].word, keys);
		if (rows[i].nearest == NULL)
			assert_null(nearest);
		else
			assert_string_equal(nearest, rows[i].nearest);
	}
	char endless[5000];
	memset(endless, 'a', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	assert_null(text_nearest(endless, keys));
}

/* -- time -- */

static void test_stamp_parse(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool ok;
		int64_t at;
	} rows[] = {
	    {"1970-01-01T00:00:00Z", true, 0},
	    {"2026-11-22T13:00:00Z", true, 1795352400},
	    {"2026-11-22t13:00:00z", true, 1795352400}, /* RFC 3339 section 5.6: either case */
	    {"2026-11-22 13:00:00Z", true, 1795352400},
	    {"2026-11-22T13:00Z", true, 1795352400},
	    {"2026-11-22T13:00:00.999Z", true, 1795352400},
	    {"2026-11-22T15:00:00+02:00", true, 1795352400},
	    {"2026-11-22T08:30:00-04:30", true, 1795352400},
	    {"2026-11-22", true, 1795305600},
	    {"2024-02-29", true, 1709164800},
	    {"2016-12-31T23:59:60Z", true, 1483228800}, /* leap second */
	    {"1969-12-31T23:59:59Z", true, -1},
	    {"2025-02-29", false, 0},
	    {"2026-13-01", false, 0},
	    {"2026-00-01", false, 0},
	    {"2026-11-31", false, 0},
	    {"0000-01-01", false, 0},
	    {"2026-11-22T13:00:00", false, 0}, /* no zone */
	    {"2026-11-22T24:00:00Z", false, 0},
	    {"2026-11-22T13:60:00Z", false, 0},
	    {"2026-11-22T13:00:00.Z", false, 0},
	    {"2026-11-22T13:00:00+2:00", false, 0},
	    {"2026-11-22T13:00:00Zx", false, 0},
	    {"2026-11-22T", false, 0},
	    {"26-11-22", false, 0},
	    {" 2026-11-22", false, 0},
	    {"", false, 0},
	};
	for (size_t i = 0; i < ROWS(rows); i++) {
		int64_t at = 0;
		assert_int_equal(stamp_parse(rows[i].text, &at), rows[i].ok);
		if (rows[i].ok)
			assert_true(at == rows[i].at);
	}
}

static void test_stamp_format(void **state)
{
	(void)state;
	char out[STAMP_TEXT];
	assert_string_equal(stamp_format(out, 1795352400), "2026-11-22T13:00:00Z");
	assert_string_equal(stamp_format(out, -1), "1969-12-31T23:59:59Z");
	assert_string_equal(stamp_format(out, INT64_MAX), "9999-12-31T23:59:59Z");
	assert_string_equal(stamp_format(out, INT64_MIN), "0001-01-01T00:00:00Z");
	for (int64_t at = -100000000000; at < 100000000000; at += 987654321) {
		int64_t back = 0;
		if (at < -62135596800)
			continue;
		assert_true(stamp_parse(stamp_format(out, at), &back));
		assert_true(back == at);
	}
}

static void test_durations(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t seconds;       /* -1: refused */
		const char *canonical; /* NULL: the same */
	} rows[] = {
	    {"90s", 90, "1m30s"},
	    {"15m", 900, NULL},
	    {"6h", 21600, NULL},
	    {"30d", 2592000, NULL},
	    {"2w", 1209600, NULL},
	    {"5y", 157680000, NULL},
	    {"1h30m", 5400, NULL},
	    {"1d12h", 129600, NULL},
	    {"0s", 0, NULL},
	    {"90d", 7776000, NULL},
	    {"24h", 86400, "1d"},
	    {"", -1, NULL},
	    {"90", -1, NULL},
	    {"s", -1, NULL},
	    {"-1s", -1, NULL},
	    {"1.5h", -1, NULL},
	    {"1 h", -1, NULL},
	    {"30m1h", -1, NULL},
	    {"1h1h", -1, NULL},
	    {"1H", -1, NULL},
	    {"1ms", -1, NULL},
	    {"1h ", -1, NULL},
	    {"99999999999y", -1, NULL},
	};
	for (size_t i = 0; i < ROWS(rows); i++) {
		char out[STAMP_TEXT];
		int64_t seconds = -1;
		assert_int_equal(stamp_duration_parse(rows[i].text, &seconds),
				 rows[i].seconds >= 0);
		assert_true(seconds == rows[i].seconds);
		if (seconds < 0)
			continue;
		const char *want = rows[i].canonical != NULL ? rows[i].canonical : rows[i].text;
		assert_string_equal(stamp_duration_format(out, seconds), want);
	}
}

static void test_durations_for_people(void **state)
{
	(void)state;
	static const struct {
		int64_t seconds;
		const char *text;
	} rows[] = {
	    {0, "0 s"},		  {40, "40 s"},	    {60, "1 min"},	  {90, "1 min 30 s"},
	    {7980, "2 h 13 min"}, {86400, "1 day"}, {90000, "1 day 1 h"}, {259200, "3 days"},
	    {700000, "8 days"},	  {-5, "0 s"},
	};
	for (size_t i = 0; i < ROWS(rows); i++) {
		char out[STAMP_TEXT];
		assert_string_equal(stamp_duration_human(out, rows[i].seconds), rows[i].text);
	}
	char out[STAMP_TEXT]; /* the widest fit */
	stamp_duration_human(out, INT64_MAX);
	stamp_duration_format(out, INT64_MIN);
	assert_int_equal(out[0], '-');
}

/* -- log -- */

struct heard {
	int n;
	enum log_level level;
	char line[4096];
};

static void hear(enum log_level level, const char *token, const char *line, void *arg)
{
	struct heard *h = arg;
	h->n++;
	h->level = level;
	snprintf(h->line, sizeof(h->line), "%s|%s", token, line);
}

static void test_log_hook(void **state)
{
	(void)state;
	struct heard h = {0};
	log_set_hook(hear, &h);
	log_debug("t", "not at this level");
	assert_int_equal(h.n, 0);
	errno = EACCES;
	log_errno_warning("store", "open %s", "a\nb");
	assert_int_equal(h.level, LOG_LEVEL_WARNING);
	assert_string_equal(h.line, "store|open a b: Permission denied"); /* one line stays one */
	log_set_hook(NULL, NULL);
}

/* A reader that stops reading: the writer goes on, and tells afterwards what was lost. */
static void test_log_never_blocks(void **state)
{
	(void)state;
	int fds[2];
	char text[4096] = "";
	size_t len = 0;

	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		alarm(20);
		log_init("writer", LOG_LEVEL_INFO);
		for (int i = 0; i < 5000; i++) /* a pipe holds 64 KiB */
			log_info("t", "line %d of many that nobody reads", i);
		raise(SIGSTOP); /* until the reader has read */
		log_info("t", "the end");
		_exit(0);
	}
	close(fds[1]);
	int status;
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status)); /* it came to the end of its lines */
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	while (read(fds[0], text, sizeof(text)) > 0)
		;
	fcntl(fds[0], F_SETFL, 0);
	kill(pid, SIGCONT);
	ssize_t n;
	while ((n = read(fds[0], text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	assert_non_null(strstr(text, "lines lost: the reader of the log did not keep up\n"));
	assert_non_null(strstr(text, "writer: t: the end\n"));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(fds[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_buf_ceiling),
	    cmocka_unit_test(test_buf_grows),
	    cmocka_unit_test(test_arena),
	    cmocka_unit_test(test_wire_error_sticks),
	    cmocka_unit_test(test_error),
	    cmocka_unit_test(test_escape),
	    cmocka_unit_test(test_escape_is_bounded),
	    cmocka_unit_test(test_escape_any_bytes),
	    cmocka_unit_test(test_latin1),
	    cmocka_unit_test(test_html_and_hex),
	    cmocka_unit_test(test_comparisons),
	    cmocka_unit_test(test_glob),
	    cmocka_unit_test(test_nearest),
	    cmocka_unit_test(test_stamp_parse),
	    cmocka_unit_test(test_stamp_format),
	    cmocka_unit_test(test_durations),
	    cmocka_unit_test(test_durations_for_people),
	    cmocka_unit_test(test_log_hook),
	    cmocka_unit_test(test_log_never_blocks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
