/* SPDX-License-Identifier: ISC
 *
 * SMTP replies out of bytes (RFC 5321 §4.2), whole, in pieces and broken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "buf.h"
#include "reply.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct {
	const char *bytes;
	enum reply_status status;
	int code;
	const char *lines; /* joined with "|" */
	const char *enhanced;
	bool bare_lf;
	size_t left; /* bytes not taken */
} rows[] = {
    {"220 mx.example ESMTP\r\n", REPLY_WHOLE, 220, "mx.example ESMTP", "", false, 0},
    {"250-mx.example\r\n250-STARTTLS\r\n250 SIZE 1000\r\n", REPLY_WHOLE, 250,
     "mx.example|STARTTLS|SIZE 1000", "", false, 0},
    /* §4.2: clients take a code alone, and an empty text */
    {"250\r\n", REPLY_WHOLE, 250, "", "", false, 0},
    {"250 \r\n", REPLY_WHOLE, 250, "", "", false, 0},
    {"250-\r\n250\r\n", REPLY_WHOLE, 250, "|", "", false, 0},
    /* what stands behind a reply is not taken (STARTTLS injection, CVE-2011-0411) */
    {"220 go\r\n250 injected\r\n", REPLY_WHOLE, 220, "go", "", false, 14},
    {"220 a\nb", REPLY_WHOLE, 220, "a", "", true, 1},
    /* a bare LF is tolerated and noted; a CR inside a line is text */
    {"220 mx\n", REPLY_WHOLE, 220, "mx", "", true, 0},
    {"250-mx\r\n250-A\n250 B\r\n", REPLY_WHOLE, 250, "mx|A|B", "", true, 0},
    {"220 a\rb\r\n", REPLY_WHOLE, 220, "a\rb", "", false, 0},
    {"220 a\r\r\n", REPLY_WHOLE, 220, "a\r", "", false, 0},
    /* not whole yet */
    {"", REPLY_MORE, 0, NULL, "", false, 0},
    {"22", REPLY_MORE, 0, NULL, "", false, 0},
    {"220 mx", REPLY_MORE, 0, NULL, "", false, 0},
    {"220 mx\r", REPLY_MORE, 0, NULL, "", false, 0},
    {"250-mx\r\n", REPLY_MORE, 250, NULL, "", false, 0},
    /* RFC 2034 §4, RFC 3463 §2: class "." subject "." detail of the code's class */
    {"550 5.7.1 no relaying\r\n", REPLY_WHOLE, 550, "5.7.1 no relaying", "5.7.1", false, 0},
    {"451-4.7.123 slow\r\n451 4.7.1 down\r\n", REPLY_WHOLE, 451, "4.7.123 slow|4.7.1 down",
     "4.7.123", false, 0},
    {"250 2.0.0\r\n", REPLY_WHOLE, 250, "2.0.0", "2.0.0", false, 0},
    {"250 2.123.123 ok\r\n", REPLY_WHOLE, 250, "2.123.123 ok", "2.123.123", false, 0},
    {"250 2.1234.1 ok\r\n", REPLY_WHOLE, 250, "2.1234.1 ok", "", false, 0},
    {"550 4.7.1 mixed\r\n", REPLY_WHOLE, 550, "4.7.1 mixed", "", false, 0},
    {"550 5.7 short\r\n", REPLY_WHOLE, 550, "5.7 short", "", false, 0},
    {"550 5.7. \r\n", REPLY_WHOLE, 550, "5.7. ", "", false, 0},
    {"550 5.7.1.2 long\r\n", REPLY_WHOLE, 550, "5.7.1.2 long", "", false, 0},
    {"550 5..71 no\r\n", REPLY_WHOLE, 550, "5..71 no", "", false, 0},
    {"220 2.4GHz\r\n", REPLY_WHOLE, 220, "2.4GHz", "", false, 0},
    /* against the grammar; the line itself is kept as evidence */
    {"hello\r\n", REPLY_BROKEN, 0, "hello\r", "", false, 0},
    {"HTTP/1.1 400 Bad Request\r\n", REPLY_BROKEN, 0, "HTTP/1.1 400 Bad Request\r", "", false, 0},
    {"\r\n", REPLY_BROKEN, 0, "\r", "", false, 0},
    {"22\r\n", REPLY_BROKEN, 0, "22\r", "", false, 0},
    {"2200 x\r\n", REPLY_BROKEN, 0, "2200 x\r", "", false, 0},
    {"220_x\r\n", REPLY_BROKEN, 0, "220_x\r", "", false, 0},
    {"120 x\r\n", REPLY_BROKEN, 0, "120 x\r", "", false, 0},
    {"620 x\r\n", REPLY_BROKEN, 0, "620 x\r", "", false, 0},
    {"2x0 x\r\n", REPLY_BROKEN, 0, "2x0 x\r", "", false, 0},
    {" 220 x\r\n", REPLY_BROKEN, 0, " 220 x\r", "", false, 0},
    /* §4.2.1: the code is the same on every line */
    {"250-mx\r\n251 x\r\n", REPLY_BROKEN, 250, "mx|251 x\r", "", false, 0},
    {"250-mx\r\nSTARTTLS\r\n", REPLY_BROKEN, 250, "mx|STARTTLS\r", "", false, 0},
};

static void check_row(const struct reply *reply, size_t i)
{
	struct buf lines;

	assert_int_equal(reply->code, rows[i].code);
	assert_string_equal(reply->enhanced, rows[i].enhanced);
	assert_int_equal(reply->bare_lf, rows[i].bare_lf);
	assert_int_equal(reply->why != NULL, rows[i].status == REPLY_BROKEN);
	if (rows[i].lines == NULL)
		return;
	buf_init(&lines, 4096);
	for (size_t k = 0; k < reply->n_lines; k++) {
		buf_addstr(&lines, k > 0 ? "|" : "");
		buf_add(&lines, reply->line[k].text, reply->line[k].len);
		assert_int_equal(reply->line[k].text[reply->line[k].len], '\0');
	}
	assert_string_equal(buf_str(&lines), rows[i].lines);
	buf_clear(&lines);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct reply_reader *r = reply_reader_new();
		size_t used, len = strlen(rows[i].bytes);

		print_message("%s\n", rows[i].bytes);
		assert_int_equal(reply_read(r, rows[i].bytes, len, &used), rows[i].status);
		assert_int_equal(len - used, rows[i].left);
		check_row(reply_get(r), i);
		reply_reader_free(r);
	}
}

/* However the bytes are cut, the reply is the same. */
static void test_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct reply_reader *r = reply_reader_new();
		enum reply_status status = REPLY_MORE;
		size_t len = strlen(rows[i].bytes), at = 0, used;

		while (at < len && status == REPLY_MORE) {
			status = reply_read(r, rows[i].bytes + at, 1, &used);
			assert_int_equal(used, 1);
			at++;
		}
		assert_int_equal(status, rows[i].status);
		assert_int_equal(len - at, rows[i].left);
		check_row(reply_get(r), i);
		reply_reader_free(r);
	}
}

static void test_sequence(void **state)
{
	static const char bytes[] = "220 a\r\n250-b\r\n250 c\r\nx\r\n";
	struct reply_reader *r = reply_reader_new();
	size_t used, at = 0, len = strlen(bytes);

	(void)state;
	assert_int_equal(reply_read(r, bytes, len, &used), REPLY_WHOLE);
	assert_int_equal(reply_get(r)->code, 220);
	at += used;
	assert_int_equal(reply_read(r, bytes + at, len - at, &used), REPLY_WHOLE);
	assert_int_equal(reply_get(r)->n_lines, 2);
	assert_string_equal(reply_get(r)->line[1].text, "c");
	at += used;
	assert_int_equal(reply_read(r, bytes + at, len - at, &used), REPLY_BROKEN);
	assert_int_equal(reply_read(r, "250 ok\r\n", 8, &used), REPLY_BROKEN); /* stays so */
	assert_int_equal(used, 0);
	reply_reader_reset(r);
	assert_int_equal(reply_read(r, "250-half\r\n", 10, &used), REPLY_MORE);
	reply_reader_reset(r);
	assert_int_equal(reply_read(r, "354 ok\r\n", 8, &used), REPLY_WHOLE);
	assert_int_equal(reply_get(r)->code, 354);
	assert_null(reply_get(r)->why);
	reply_reader_free(r);
}

/* Feed head, then n times unit, and end at the first status that is not MORE. */
static enum reply_status flood(struct reply_reader *r, const char *head, const char *unit, size_t n)
{
	size_t used;
	enum reply_status status = reply_read(r, head, strlen(head), &used);

	while (status == REPLY_MORE && n-- > 0)
		status = reply_read(r, unit, strlen(unit), &used);
	return status;
}

static void test_bounds(void **state)
{
	struct reply_reader *r = reply_reader_new();
	char line[1001];

	(void)state;
	/* a line of exactly REPLY_MAX_LINE bytes, and one more */
	assert_int_equal(flood(r, "220 ", "x", REPLY_MAX_LINE - 4), REPLY_MORE);
	assert_int_equal(flood(r, "\r\n", "", 0), REPLY_WHOLE);
	assert_int_equal(reply_get(r)->line[0].len, REPLY_MAX_LINE - 4);
	assert_int_equal(flood(r, "220 ", "x", REPLY_MAX_LINE - 3), REPLY_MORE);
	assert_int_equal(flood(r, "\r\n", "", 0), REPLY_BROKEN);
	assert_string_equal(reply_get(r)->why, "a line is too long");
	/* a line that never ends */
	reply_reader_reset(r);
	assert_int_equal(flood(r, "", "x", 1000000), REPLY_BROKEN);
	/* too many lines */
	reply_reader_reset(r);
	assert_int_equal(flood(r, "", "250-x\r\n", REPLY_MAX_LINES), REPLY_MORE);
	assert_int_equal(flood(r, "", "250-x\r\n", 1), REPLY_BROKEN);
	assert_string_equal(reply_get(r)->why, "too many lines");
	reply_reader_reset(r);
	assert_int_equal(flood(r, "", "250-x\r\n", REPLY_MAX_LINES - 1), REPLY_MORE);
	assert_int_equal(flood(r, "250 x\r\n", "", 0), REPLY_WHOLE);
	/* too many bytes */
	memset(line, 'x', sizeof(line));
	memcpy(line, "250-", 4);
	memcpy(line + sizeof(line) - 3, "\r\n", 3);
	assert_int_equal(flood(r, "", line, 50), REPLY_BROKEN);
	assert_string_equal(reply_get(r)->why, "the reply is too long");
	/* bytes of any value, NUL too */
	size_t used;
	reply_reader_reset(r);
	assert_int_equal(reply_read(r, "220 a\0b\xff\r\n", 10, &used), REPLY_WHOLE);
	assert_int_equal(reply_get(r)->line[0].len, 4);
	assert_memory_equal(reply_get(r)->line[0].text, "a\0b\xff", 5);
	reply_reader_free(r);
	reply_reader_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_pieces),
	    cmocka_unit_test(test_sequence),
	    cmocka_unit_test(test_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
