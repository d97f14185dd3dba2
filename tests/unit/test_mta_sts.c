/* SPDX-License-Identifier: ISC
 *
 * MTA-STS records, policies and mx patterns against RFC 8461 and its errata, row by row.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "buf.h"
#include "mta_sts.h"

/* -- the record -------------------------------------------------------------------------- */

struct record_row {
	const char *text;
	enum mta_sts_record_result result;
	const char *id;
	const char *remarks; /* "error 1:9" in order, joined with ", " */
};

#define FOREIGN	  MTA_STS_RECORD_FOREIGN
#define OK	  MTA_STS_RECORD_OK
#define MALFORMED MTA_STS_RECORD_MALFORMED

static const struct record_row record_rows[] = {
    /* RFC 8461 §3.1: the example, and delimiters with and without blanks */
    {"v=STSv1; id=20160831085700Z;", OK, "20160831085700Z", ""},
    {"v=STSv1;id=1", OK, "1", ""},
    {"v=STSv1;\t id=1 \t;", OK, "1", ""},
    {"v=STSv1; id=1 ; ", OK, "1", ""},
    {"v=STSv1; id=abcdefghijklmnopqrstuvwxyz012345;", OK, "abcdefghijklmnopqrstuvwxyz012345", ""},
    /* §3.1: extensions are ignored, in any order */
    {"v=STSv1; a=b; id=1; x-y_z.0=!:<>~", OK, "1", ""},
    {"v=STSv1; a234567890123456789012345678901z=b; id=1", OK, "1", ""},
    /* §3.1: "records that do not begin with v=STSv1; are discarded" */
    {"v=STSv1 ;id=1", FOREIGN, NULL, "error 1:8"}, /* fits the ABNF: erratum 6285 */
    {"v=STSv1", FOREIGN, NULL, "error 1:8"},
    {"v=STSv2; id=1", FOREIGN, NULL, "error 1:7"},
    {"V=STSv1; id=1", FOREIGN, NULL, "error 1:1"},
    {"v=stsv1; id=1", FOREIGN, NULL, "error 1:3"},
    {" v=STSv1; id=1", FOREIGN, NULL, "error 1:1"},
    {"v=STSv11; id=1", FOREIGN, NULL, "error 1:8"},
    {"v=spf1 -all", FOREIGN, NULL, "error 1:3"},
    {"", FOREIGN, NULL, "error 1:1"},
    /* §3.1: id is required, 1*32(ALPHA / DIGIT), its key in lower case */
    {"v=STSv1;", MALFORMED, NULL, "error 1:9"},
    {"v=STSv1; a=b", MALFORMED, NULL, "error 1:13"},
    {"v=STSv1; ID=1", MALFORMED, NULL, "error 1:14"},
    {"v=STSv1; id=", MALFORMED, "", "error 1:13"},
    {"v=STSv1; id=1_2", MALFORMED, "1_2", "error 1:14"},
    {"v=STSv1; id=1 2", MALFORMED, "1 2", "error 1:14"},
    {"v=STSv1; id=1 ", MALFORMED, "1 ", "error 1:14"},
    {"v=STSv1; id=abcdefghijklmnopqrstuvwxyz0123456", MALFORMED,
     "abcdefghijklmnopqrstuvwxyz0123456", "error 1:45"},
    {"v=STSv1; id=\xc3\xbc", MALFORMED, "\xfc", "error 1:13"}, /* the byte FC, as text_latin1 */
    {"v=STSv1; id=\xef\xbf\xbd", MALFORMED, "", "error 1:13"}, /* NUL */
    {"v=STSv1; id = 1", MALFORMED, NULL, "error 1:12, error 1:16"},
    /* §3.1: the form of fields */
    {"v=STSv1;; id=1", MALFORMED, "1", "error 1:9"},
    {"v=STSv1; id=1;;", MALFORMED, "1", "error 1:15"},
    {"v=STSv1; id=1; ;", MALFORMED, "1", "error 1:16"},
    {"v=STSv1; id=1; x", MALFORMED, "1", "error 1:17"},
    {"v=STSv1; id=1; =x", MALFORMED, "1", "error 1:16"},
    {"v=STSv1; id=1; -x=y", MALFORMED, "1", "error 1:16"},
    {"v=STSv1; id=1; a2345678901234567890123456789012z=b", MALFORMED, "1", "error 1:16"},
    {"v=STSv1; id=1; a=", MALFORMED, "1", "error 1:18"},
    {"v=STSv1; id=1; a=b=c", MALFORMED, "1", "error 1:19"},
    {"v=STSv1; id=1; a=b c", MALFORMED, "1", "error 1:19"},
    {"v=STSv1; id=1; a=\xc3\xa9", MALFORMED, "1", "error 1:18"}, /* US-ASCII only */
    /* §3.2: of a field that stands twice the first counts */
    {"v=STSv1; id=1; id=2", OK, "1", "warning 1:16"},
    {"v=STSv1; id=1; id=_", OK, "1", "warning 1:16"},
};

static const char *places(const struct remarks *r)
{
	static char text[1024];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < r->n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s %zu:%zu", i > 0 ? ", " : "",
				      remark_level_words[r->item[i].level], r->item[i].line,
				      r->item[i].column);
	return text;
}

static void print_remarks(const struct remarks *r)
{
	for (size_t i = 0; i < r->n; i++)
		print_message("  %zu:%zu %s [%s]\n", r->item[i].line, r->item[i].column,
			      r->item[i].rule, r->item[i].reference);
}

static void test_records(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(record_rows) / sizeof(record_rows[0]); i++) {
		const struct record_row *row = &record_rows[i];
		struct arena *arena = arena_new();
		struct mta_sts_record record;
		struct remarks remarks;

		print_message("%s\n", row->text);
		remarks_init(&remarks, arena);
		assert_int_equal(mta_sts_record_parse(row->text, arena, &record, &remarks),
				 row->result);
		print_remarks(&remarks);
		if (row->id == NULL)
			assert_null(record.id);
		else
			assert_string_equal(record.id, row->id);
		assert_string_equal(places(&remarks), row->remarks);
		arena_free(arena);
	}
}

/* -- the policy -------------------------------------------------------------------------- */

struct policy_row {
	const char *body;
	int result;
	enum mta_sts_mode mode;
	int64_t max_age;
	const char *mx; /* joined with blanks */
	const char *remarks;
};

#define HEAD "version: STSv1\r\nmode: enforce\r\n" /* lines 1 and 2 */
#define TAIL "max_age: 604800\r\n"
#define MX   "mx: mx.example.com\r\n"
#define E    MTA_STS_ENFORCE

static const struct policy_row policy_rows[] = {
    /* RFC 8461 §3.2: the example with CRLF */
    {HEAD "mx: mail.example.com\r\nmx: *.example.net\r\nmx: backupmx.example.com\r\n" TAIL, 0, E,
     604800, "mail.example.com *.example.net backupmx.example.com", ""},
    /* §3.2: the final term may be missing; any order; blanks behind ":" and at the end */
    {HEAD MX "max_age: 604800", 0, E, 604800, "mx.example.com", ""},
    {MX TAIL "mode:testing\r\nversion: \t STSv1 \t\r\n", 0, MTA_STS_TESTING, 604800,
     "mx.example.com", ""},
    {HEAD "mx:MX.Example.COM\r\n" TAIL, 0, E, 604800, "mx.example.com", ""},
    /* §3.2: LF is a line end too (erratum 6253): one note where it is first seen */
    {"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n", 0, E, 604800,
     "mx.example.com", "note 1:15"},
    {HEAD "mx: mx.example.com\n" TAIL, 0, E, 604800, "mx.example.com", "note 3:19"},
    /* not in the grammar: blank lines, a byte order mark, blanks in front, a bare CR */
    {HEAD MX "\r\n" TAIL, -1, E, 604800, "mx.example.com", "error 4:1"},
    {HEAD MX "  \r\n" TAIL, -1, E, 604800, "mx.example.com", "error 4:1"},
    {HEAD MX TAIL "\r\n", -1, E, 604800, "mx.example.com", "error 5:1"},
    {"\r\n" HEAD MX TAIL, -1, E, 604800, "mx.example.com", "error 1:1"},
    {"\xc3\xaf\xc2\xbb\xc2\xbf" HEAD MX TAIL, -1, E, 604800, "mx.example.com", "error 1:1"},
    {HEAD MX " " TAIL, -1, E, -1, "mx.example.com", "error 4:1, error 4:17"},
    {"version: STSv1\rmode: enforce\rmax_age: 1\r", -1, MTA_STS_MODE_INVALID, -1, "",
     "error 1:10, error 1:41, error 1:41, error 1:41"},
    /* §3.2: version, mode and max_age stand once; of two the first counts */
    {HEAD "mode: none\r\n" MX TAIL, 0, E, 604800, "mx.example.com", "warning 3:1"},
    {HEAD "mode: bogus\r\n" MX TAIL, 0, E, 604800, "mx.example.com", "warning 3:1"},
    {HEAD MX TAIL "max_age: 1\r\nversion: STSv2\r\n", 0, E, 604800, "mx.example.com",
     "warning 5:1, warning 6:1"},
    {HEAD MX MX TAIL, 0, E, 604800, "mx.example.com mx.example.com", ""},
    {"mode: enforce\r\n" MX TAIL, -1, E, 604800, "mx.example.com", "error 3:16"},
    {"version: STSv1\r\n" MX TAIL, -1, MTA_STS_MODE_INVALID, 604800, "mx.example.com",
     "error 3:16"},
    {HEAD MX, -1, E, -1, "mx.example.com", "error 3:19"},
    {"", -1, MTA_STS_MODE_INVALID, -1, "", "error 1:1, error 1:1, error 1:1, error 1:1"},
    {"<!DOCTYPE html>", -1, MTA_STS_MODE_INVALID, -1, "",
     "error 1:1, error 1:16, error 1:16, error 1:16, error 1:16"},
    /* §3.2: version is exactly STSv1, mode one of three words */
    {"version: STSV1\r\nmode: enforce\r\n" MX TAIL, -1, E, 604800, "mx.example.com", "error 1:10"},
    {"version: STSv1;\r\nmode: enforce\r\n" MX TAIL, -1, E, 604800, "mx.example.com", "error 1:10"},
    {"version: STSv1\r\nmode: Enforce\r\n" MX TAIL, -1, MTA_STS_MODE_INVALID, 604800,
     "mx.example.com", "error 2:7"},
    {"version: STSv1\r\nmode: report\r\n" MX TAIL, -1, MTA_STS_MODE_INVALID, 604800,
     "mx.example.com", "error 2:7"},
    {"version: STSv1\r\nmode:\r\n" MX TAIL, -1, MTA_STS_MODE_INVALID, 604800, "mx.example.com",
     "error 2:6"},
    /* §3.2: max_age is 1*10(DIGIT), at most 31557600 */
    {HEAD MX "max_age: 0\r\n", 0, E, 0, "mx.example.com", ""},
    {HEAD MX "max_age: 31557600\r\n", 0, E, 31557600, "mx.example.com", ""},
    {HEAD MX "max_age: 0000604800\r\n", 0, E, 604800, "mx.example.com", ""},
    {HEAD MX "max_age: 31557601\r\n", -1, E, 31557601, "mx.example.com", "error 4:10"},
    {HEAD MX "max_age: 9999999999\r\n", -1, E, 9999999999, "mx.example.com", "error 4:10"},
    {HEAD MX "max_age: 00000604800\r\n", -1, E, -1, "mx.example.com", "error 4:20"},
    {HEAD MX "max_age: -1\r\n", -1, E, -1, "mx.example.com", "error 4:10"},
    {HEAD MX "max_age: 86400s\r\n", -1, E, -1, "mx.example.com", "error 4:15"},
    {HEAD MX "max_age:\r\n", -1, E, -1, "mx.example.com", "error 4:9"},
    /* §3.2: at least one mx unless mode is none */
    {HEAD TAIL, -1, E, 604800, "", "error 3:16"},
    {"version: STSv1\r\nmode: testing\r\n" TAIL, -1, MTA_STS_TESTING, 604800, "", "error 3:16"},
    {"version: STSv1\r\nmode: none\r\n" TAIL, 0, MTA_STS_NONE, 604800, "", ""},
    {"version: STSv1\r\nmode: none\r\n" MX TAIL, 0, MTA_STS_NONE, 604800, "mx.example.com", ""},
    /* §3.2: mx is ["*."] Domain, one a line, in A-labels */
    {HEAD "mx: xn--bcher-kva.example\r\n" TAIL, 0, E, 604800, "xn--bcher-kva.example", ""},
    {HEAD "mx: localhost\r\n" TAIL, 0, E, 604800, "localhost", ""},
    {HEAD "mx:\r\n" MX TAIL, -1, E, 604800, "mx.example.com", "error 3:4"},
    {HEAD "mx: *\r\n" MX TAIL, -1, E, 604800, "mx.example.com", "error 3:5"},
    {HEAD "mx: *.\r\n" MX TAIL, -1, E, 604800, "mx.example.com", "error 3:5"},
    {HEAD "mx: .example.com\r\n" MX TAIL, -1, E, 604800, "mx.example.com", "error 3:5"},
    {HEAD "mx: mx*.example.com\r\n" MX TAIL, -1, E, 604800, "mx.example.com", "error 3:5"},
    {HEAD "mx: mx.*.com\r\n" MX TAIL, -1, E, 604800, "mx.example.com", "error 3:5"},
    {HEAD "mx: *.*.com\r\n" MX TAIL, -1, E, 604800, "mx.example.com", "error 3:5"},
    {HEAD "mx: mx.example.com.\r\n" MX TAIL, -1, E, 604800, "mx.example.com", "error 3:5"},
    {HEAD "mx: mx_1.example.com\r\n" MX TAIL, -1, E, 604800, "mx.example.com", "error 3:5"},
    {HEAD "mx: 192.0.2.1\r\n" MX TAIL, 0, E, 604800, "192.0.2.1 mx.example.com", ""},
    {HEAD "mx: [192.0.2.1]\r\n" MX TAIL, -1, E, 604800, "mx.example.com", "error 3:5"},
    {HEAD "mx: a.example, b.example\r\n" MX TAIL, -1, E, 604800, "mx.example.com", "error 3:5"},
    {HEAD "mx: b\xc3\x83\xc2\xbc.example\r\n" MX TAIL, -1, E, 604800, "mx.example.com",
     "error 3:5"},
    {HEAD "mx: a\xef\xbf\xbd.example\r\n" MX TAIL, -1, E, 604800, "mx.example.com", "error 3:5"},
    /* §3.2: unknown keys are ignored, whatever UTF-8 they hold; their form still counts */
    {HEAD MX TAIL "note: see https://example.com/: ok\r\n", 0, E, 604800, "mx.example.com", ""},
    {HEAD MX TAIL "x.y-z_0:=;,\r\n", 0, E, 604800, "mx.example.com", ""},
    {HEAD MX TAIL "note: \xc3\x83\xc2\xbc\r\n", 0, E, 604800, "mx.example.com", ""},
    {HEAD MX TAIL "note: \xc3\xbc\r\n", -1, E, 604800, "mx.example.com", "error 5:7"},
    {HEAD MX TAIL "note: a\tb\r\n", -1, E, 604800, "mx.example.com", "error 5:8"},
    {HEAD MX TAIL "note: a\x7f\r\n", -1, E, 604800, "mx.example.com", "error 5:8"},
    {HEAD MX TAIL "note:\r\n", -1, E, 604800, "mx.example.com", "error 5:6"},
    {HEAD MX TAIL "_note: a\r\n", -1, E, 604800, "mx.example.com", "error 5:1"},
    {HEAD MX TAIL ": a\r\n", -1, E, 604800, "mx.example.com", "error 5:1"},
    {HEAD MX TAIL "no te: a\r\n", -1, E, 604800, "mx.example.com", "error 5:3"},
    {HEAD MX TAIL "note : a\r\n", -1, E, 604800, "mx.example.com", "error 5:5"},
    {HEAD MX TAIL "note\r\n", -1, E, 604800, "mx.example.com", "error 5:5"},
    {HEAD MX TAIL "# note: a\r\n", -1, E, 604800, "mx.example.com", "error 5:1"},
    {HEAD MX TAIL "a234567890123456789012345678901z: a\r\n", 0, E, 604800, "mx.example.com", ""},
    {HEAD MX TAIL "a2345678901234567890123456789012z: a\r\n", -1, E, 604800, "mx.example.com",
     "error 5:1"},
    /* keys are case-sensitive (%s in the grammar): a key in other case is an unknown one */
    {"Version: STSv1\r\nmode: enforce\r\n" MX TAIL, -1, E, 604800, "mx.example.com",
     "note 1:1, error 4:16"},
    {HEAD MX TAIL "max-age: 1\r\n", 0, E, 604800, "mx.example.com", "note 5:1"},
};

static void test_policies(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(policy_rows) / sizeof(policy_rows[0]); i++) {
		const struct policy_row *row = &policy_rows[i];
		struct arena *arena = arena_new();
		struct mta_sts_policy policy;
		struct remarks remarks;
		struct buf mx;

		print_message("%s--\n", row->body);
		remarks_init(&remarks, arena);
		int result =
		    mta_sts_policy_parse(row->body, strlen(row->body), arena, &policy, &remarks);
		print_remarks(&remarks);
		assert_int_equal(result, row->result);
		assert_int_equal(policy.mode, row->mode);
		assert_int_equal(policy.max_age_s, row->max_age);
		buf_init(&mx, 4096);
		for (size_t k = 0; k < policy.n_mx; k++)
			buf_printf(&mx, "%s%s", k > 0 ? " " : "", policy.mx[k]);
		assert_string_equal(buf_str(&mx), row->mx);
		assert_string_equal(places(&remarks), row->remarks);
		assert_int_equal(policy.lf_lines, strstr(row->remarks, "note 1:15") != NULL ||
						      strstr(row->remarks, "note 3:19") != NULL);
		assert_int_equal(policy.duplicates, strstr(row->remarks, "warning") != NULL);
		buf_clear(&mx);
		arena_free(arena);
	}
}

/* A body of errors only stays within the ceiling of remarks, and an error is never lost. */
static void test_policy_bounds(void **state)
{
	struct arena *arena = arena_new();
	struct mta_sts_policy policy;
	struct remarks remarks;
	struct buf body;

	(void)state;
	buf_init(&body, 65536);
	buf_addstr(&body, HEAD MX TAIL);
	for (int i = 0; i < 500; i++)
		buf_addstr(&body, "mode: none\r\n");
	buf_addstr(&body, "!\r\n!\r\n");
	remarks_init(&remarks, arena);
	assert_int_equal(mta_sts_policy_parse(body.data, body.len, arena, &policy, &remarks), -1);
	assert_int_equal(remarks.n, REMARKS_MAX + 1);
	assert_int_equal(remarks_first(&remarks, REMARK_ERROR)->line, 505);
	buf_clear(&body);
	arena_free(arena);
}

/* -- matching (RFC 8461 §4.1) -------------------------------------------------------------- */

static const struct {
	const char *pattern, *host;
	bool match;
} match_rows[] = {
    {"mail.example.com", "mail.example.com", true},
    {"mail.example.com", "MAIL.example.com.", true},
    {"mail.example.com", "xmail.example.com.evil.net", false},
    {"mail.example.com", "xmail.example.com", false},
    {"mail.example.com", "a.mail.example.com", false},
    {"*.example.com", "mail.example.com", true},
    {"*.example.com", "Mail.Example.Com", true},
    {"*.example.com", "example.com", false},
    {"*.example.com", "a.b.example.com", false},
    {"*.example.com", ".example.com", false},
    {"*.example.com", "mailexample.com", false},
    {"*.mx.microsoft", "x.h-v1.mx.microsoft", false},
    {"*.h-v1.mx.microsoft", "x.h-v1.mx.microsoft", true},
    {"*.com", "example.com", true},
    {"*.example.com", "*.example.com", true}, /* no host has this name */
    {"mail.example.com", "", false},
    {"*.example.com", "", false},
};

static void test_matches(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(match_rows) / sizeof(match_rows[0]); i++) {
		print_message("%s ~ %s\n", match_rows[i].pattern, match_rows[i].host);
		assert_int_equal(mta_sts_mx_match(match_rows[i].pattern, match_rows[i].host),
				 match_rows[i].match);
	}
	const char *const mx[] = {"mx1.example.com", "*.example.net"};
	struct mta_sts_policy policy = {.mx = mx, .n_mx = 2};
	assert_true(mta_sts_policy_covers(&policy, "mx1.example.com"));
	assert_true(mta_sts_policy_covers(&policy, "mx2.example.net"));
	assert_false(mta_sts_policy_covers(&policy, "mx2.example.com"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_records),
	    cmocka_unit_test(test_policies),
	    cmocka_unit_test(test_policy_bounds),
	    cmocka_unit_test(test_matches),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
