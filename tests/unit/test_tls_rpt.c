/* SPDX-License-Identifier: ISC
 *
 * TLS-RPT records (RFC 8460 §3) and reports (§4.4).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "buf.h"
#include "json_place.h"
#include "tls_rpt.h"
#include "tls_rpt_report.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const char *places(const struct remarks *r)
{
	static char text[4096];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < r->n; i++) {
		print_message("  %zu:%zu %s [%s]\n", r->item[i].line, r->item[i].column,
			      r->item[i].rule, r->item[i].reference);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s %zu:%zu", i > 0 ? ", " : "",
				      remark_level_words[r->item[i].level], r->item[i].line,
				      r->item[i].column);
	}
	return text;
}

/* -- the record -------------------------------------------------------------------------- */

#define FOREIGN	  TLS_RPT_FOREIGN
#define OK	  TLS_RPT_OK
#define MALFORMED TLS_RPT_MALFORMED
#define V	  "v=TLSRPTv1;" /* 11 bytes */

static const struct {
	const char *text;
	enum tls_rpt_result result;
	const char *rua; /* joined with blanks */
	const char *remarks;
} rows[] = {
    /* §3: the examples */
    {V "rua=mailto:reports@example.com", OK, "mailto:reports@example.com", ""},
    {V " rua=https://reporting.example.com/v1/tlsrpt", OK,
     "https://reporting.example.com/v1/tlsrpt", ""},
    {V " rua=mailto:a@b.example,https://c.example/;", OK, "mailto:a@b.example https://c.example/",
     ""},
    {V " rua=mailto:a@b.example \t,\t mailto:c@d.example ; ", OK,
     "mailto:a@b.example mailto:c@d.example", ""},
    /* §3: extensions, in any order */
    {V "x=y; rua=mailto:a@b.example; z.1=!", OK, "mailto:a@b.example", ""},
    /* RFC 3986 §3.1: schemes are case-insensitive; "=" and percent-encoding may stand in a URI */
    {V "rua=MailTo:a@b.example", OK, "MailTo:a@b.example", ""},
    {V "rua=https://c.example/?k=v&x=%2C%21%3B#f", OK, "https://c.example/?k=v&x=%2C%21%3B#f", ""},
    {V "rua=mailto:a%2Bb@c.example?subject=tls", OK, "mailto:a%2Bb@c.example?subject=tls", ""},
    /* §3: records that do not begin v=TLSRPTv1; are discarded */
    {"v=TLSRPTv1 ;rua=mailto:a@b.example", FOREIGN, "", "error 1:11"},
    {"v=TLSRPTv1", FOREIGN, "", "error 1:11"},
    {"v=TLSRPTv2;rua=mailto:a@b.example", FOREIGN, "", "error 1:10"},
    {"v=tlsrptv1;rua=mailto:a@b.example", FOREIGN, "", "error 1:3"},
    {"", FOREIGN, "", "error 1:1"},
    /* §3: rua is required */
    {V, MALFORMED, "", "error 1:12"},
    {V "x=y", MALFORMED, "", "error 1:15"},
    {V "RUA=mailto:a@b.example", MALFORMED, "", "error 1:34"},
    {V "rua=", MALFORMED, "", "error 1:16"},
    {V "rua=,mailto:a@b.example", MALFORMED, "mailto:a@b.example", "error 1:16"},
    {V "rua=mailto:a@b.example,", MALFORMED, "mailto:a@b.example", "error 1:35"},
    {V "rua= mailto:a@b.example", MALFORMED, "", "error 1:16"},
    {V "rua=mailto:a@b.example ", MALFORMED, "", "error 1:34"},
    /* §3: a URI; "," "!" ";" are encoded */
    {V "rua=a@b.example", MALFORMED, "", "error 1:16"},
    {V "rua=mailto:a@b.example!10m", MALFORMED, "", "error 1:34"},
    {V "rua=mailto:a@b.example;x", MALFORMED, "mailto:a@b.example", "error 1:36"},
    {V "rua=mailto:<a@b.example>", MALFORMED, "", "error 1:23"},
    {V "rua=mailto:a%2@b.example", MALFORMED, "", "error 1:24"},
    {V "rua=mailto:\xc3\xbc@b.example", MALFORMED, "", "error 1:23"},
    {V "rua=mailto:a@", MALFORMED, "", "error 1:16"},
    {V "rua=mailto:@b.example", MALFORMED, "", "error 1:16"},
    {V "rua=mailto:b.example", MALFORMED, "", "error 1:16"},
    {V "rua=https:///path", MALFORMED, "", "error 1:16"},
    {V "rua=https:c.example", MALFORMED, "", "error 1:16"},
    /* §3: the schemes are mailto and https */
    {V "rua=http://c.example/", MALFORMED, "", "warning 1:16, error 1:33"},
    {V "rua=ftp://c.example/,mailto:a@b.example", OK, "mailto:a@b.example", "warning 1:16"},
    /* the grammar lets rua repeat */
    {V "rua=mailto:a@b.example;rua=mailto:c@d.example", OK, "mailto:a@b.example mailto:c@d.example",
     "warning 1:35"},
    /* the form of fields, as in MTA-STS */
    {V "rua=mailto:a@b.example;;x=y", MALFORMED, "mailto:a@b.example", "error 1:35"},
    {V "rua=mailto:a@b.example;x=y=z", MALFORMED, "mailto:a@b.example", "error 1:38"},
};

static void test_records(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *arena = arena_new();
		struct tls_rpt_record record;
		struct remarks remarks;
		struct buf rua;

		print_message("%s\n", rows[i].text);
		remarks_init(&remarks, arena);
		assert_int_equal(tls_rpt_record_parse(rows[i].text, arena, &record, &remarks),
				 rows[i].result);
		buf_init(&rua, 4096);
		for (size_t k = 0; k < record.n_rua; k++)
			buf_printf(&rua, "%s%s", k > 0 ? " " : "", record.rua[k]);
		assert_string_equal(places(&remarks), rows[i].remarks);
		assert_string_equal(buf_str(&rua), rows[i].rua);
		buf_clear(&rua);
		arena_free(arena);
	}
}

static const struct {
	const char *uri, *target;
} target_rows[] = {
    /* RFC 6068 §2 */
    {"mailto:a@B.Example", "b.example"},
    {"MAILTO:a@b.example?to=x@y.example", "b.example"},
    {"mailto:%22a@b%22@c.example", "c.example"},
    {"mailto:a%40b.example", "b.example"},
    {"mailto:a@b.example%2Cc@d.example", "b.example"},
    {"mailto:a@%5B192.0.2.1%5D", "192.0.2.1"},
    {"mailto:a@b%00.example", NULL},
    {"mailto:a@b_c.example", NULL},
    {"mailto:", NULL},
    {"mailto:?to=a@b.example", NULL},
    /* RFC 3986 §3.2 */
    {"https://C.Example", "c.example"},
    {"HTTPS://c.example:8443/x?y#z", "c.example"},
    {"https://user:pw@c.example/@d.example", "c.example"},
    {"https://c.example:/", "c.example"},
    {"https://c.example:x/", NULL},
    {"https://192.0.2.1/", "192.0.2.1"},
    {"https://[2001:DB8::1]:443/", "2001:db8::1"},
    {"https://[2001:db8::1", NULL},
    {"https://[2001:db8::1]x/", NULL},
    {"https://", NULL},
    {"https://:443/", NULL},
    {"https:/c.example", NULL},
    {"http://c.example/", NULL},
    {"c.example", NULL},
    {"", NULL},
};

static void test_targets(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < COUNT(target_rows); i++) {
		const char *target = tls_rpt_rua_target(target_rows[i].uri, arena);
		print_message("%s\n", target_rows[i].uri);
		if (target_rows[i].target == NULL)
			assert_null(target);
		else
			assert_string_equal(target, target_rows[i].target);
	}
	arena_free(arena);
}

/* -- the report -------------------------------------------------------------------------- */

#define HEAD                                                                                       \
	"{\"organization-name\":\"X\",\"date-range\":{\"start-datetime\":"                         \
	"\"2016-04-01T00:00:00Z\",\"end-datetime\":\"2016-04-01T23:59:59Z\"},\n"
#define CONTACT "\"contact-info\":\"a@x.example\",\"report-id\":\"1\",\n"
#define POLICY                                                                                     \
	"{\"policy\":{\"policy-type\":\"sts\",\"policy-string\":[\"version: STSv1\"],"             \
	"\"policy-domain\":\"y.example\",\"mx-host\":[\"*.y.example\"]},\n"
#define SUMMARY                                                                                    \
	"\"summary\":{\"total-successful-session-count\":5,\"total-failure-session-count\":3}"
#define FAILURE                                                                                    \
	"{\"result-type\":\"certificate-expired\",\"sending-mta-ip\":\"2001:db8::1\","             \
	"\"receiving-mx-hostname\":\"mx.y.example\",\"receiving-ip\":\"192.0.2.1\","               \
	"\"failed-session-count\":3}"

static const struct {
	const char *json;
	int result;
	const char *remarks;
} report_rows[] = {
    /* §4.4, lines: head, contact, policies, summary */
    {HEAD CONTACT "\"policies\":[" POLICY SUMMARY "}]}", 0, ""},
    {HEAD CONTACT "\"policies\":[" POLICY SUMMARY ",\"failure-details\":[" FAILURE "]}]}", 0, ""},
    /* what real reporters send */
    {HEAD "\"contact-info\":null,\"report-id\":\"1\",\"policies\":[" POLICY SUMMARY "}]}", 0,
     "warning 2:16"},
    {HEAD CONTACT "\"policies\":[{\"policy\":{\"policy-type\":\"no-policy-found\"}," SUMMARY "}]}",
     0, "warning 3:23"},
    {HEAD CONTACT "\"policies\":[{\"policy\":{\"policy-type\":\"sts\",\"policy-domain\":\"y\","
		  "\"policy-string\":\"version: STSv1\",\"mx-host\":\"mx.y\"}," SUMMARY "}]}",
     0, "warning 3:80, note 3:107"},
    {HEAD CONTACT "\"policies\":[" POLICY SUMMARY
		  ",\"failure-details\":[{\"result-type\":\"dane-required\","
		  "\"failed-session-count\":\"3\"}]}]}",
     0, "note 4:99, warning 4:153"},
    {HEAD CONTACT "\"policies\":[" POLICY SUMMARY
		  ",\"failure-details\":[{\"result-type\":\"odd\",\"sending-mta-ip\":\"x\","
		  "\"failed-session-count\":1}]}]}",
     0, "warning 4:114, warning 4:137, note 4:98"},
    {HEAD CONTACT "\"policies\":[" POLICY SUMMARY ",\"failure-details\":null}]}", 0,
     "warning 4:98"},
    {HEAD CONTACT "\"x\":1,\"policies\":[" POLICY SUMMARY "}]}", 0, "note 3:5"},
    {HEAD CONTACT "\"policies\":[]}", 0, "warning 3:12"},
    /* what cannot be used */
    {"", -1, "error 1:1"},
    {"[]", -1, "error 1:1"},
    {"{}", -1, "warning 1:1, warning 1:1, warning 1:1, error 1:1, error 1:1"},
    {"{\"a\":1,\n\"a\":2}", -1, "error 2:3"}, /* RFC 7493 §2.3 */
    {"{\"a\":\"\xff\"}", -1, "error 1:6"},    /* §2.1 */
    {HEAD CONTACT "\"policies\":{}}", -1, "error 3:12"},
    {HEAD CONTACT "\"policies\":[1]}", -1, "error 3:13"},
    {HEAD CONTACT "\"policies\":[{}]}", -1, "error 3:13, error 3:13"},
    {HEAD CONTACT "\"policies\":[{\"policy\":{\"policy-type\":\"odd\",\"policy-domain\":\"y\"}"
		  "," SUMMARY "}]}",
     -1, "error 3:38"},
    {HEAD CONTACT "\"policies\":[" POLICY "\"summary\":{\"total-successful-session-count\":-1,"
		  "\"total-failure-session-count\":1.5}}]}",
     -1, "error 4:45, error 4:78"},
    {HEAD CONTACT "\"policies\":[" POLICY "\"summary\":{\"total-successful-session-count\":"
		  "1000000000001,\"total-failure-session-count\":\"x\"}}]}",
     -1, "error 4:45, error 4:89"},
    {HEAD CONTACT "\"policies\":[" POLICY SUMMARY ",\"failure-details\":[1]}]}", -1, "error 4:99"},
    {"{\"organization-name\":\"X\",\"date-range\":{\"start-datetime\":\"2016-04-01\","
     "\"end-datetime\":\"yesterday\"},\n" CONTACT "\"policies\":[" POLICY SUMMARY "}]}",
     -1, "error 1:57, error 1:85"},
    {"{\"organization-name\":\"X\",\"date-range\":{\"start-datetime\":\"2016-04-02T00:00:00Z\","
     "\"end-datetime\":\"2016-04-01T00:00:00Z\"},\n" CONTACT "\"policies\":[" POLICY SUMMARY "}]}",
     -1, "error 1:39"},
    {"[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", -1, "error 1:1"},
};

static void test_reports(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(report_rows); i++) {
		struct arena *arena = arena_new();
		struct tls_rpt_report report;
		struct remarks remarks;
		const char *json = report_rows[i].json;

		print_message("%s\n", json);
		remarks_init(&remarks, arena);
		int result = tls_rpt_report_parse(json, strlen(json), arena, &report, &remarks);
		assert_string_equal(places(&remarks), report_rows[i].remarks);
		assert_int_equal(result, report_rows[i].result);
		arena_free(arena);
	}
}

static void test_report_values(void **state)
{
	static const char json[] =
	    HEAD CONTACT "\"policies\":[" POLICY SUMMARY ",\"failure-details\":[" FAILURE "]}]}";
	struct arena *arena = arena_new();
	struct tls_rpt_report report;
	struct remarks remarks;

	(void)state;
	remarks_init(&remarks, arena);
	assert_int_equal(tls_rpt_report_parse(json, strlen(json), arena, &report, &remarks), 0);
	assert_string_equal(report.organization, "X");
	assert_string_equal(report.contact, "a@x.example");
	assert_string_equal(report.id, "1");
	assert_int_equal(report.start, 1459468800);
	assert_int_equal(report.end, 1459555199);
	assert_int_equal(report.n_policies, 1);
	const struct tls_rpt_policy *p = &report.policy[0];
	assert_string_equal(p->type, "sts");
	assert_string_equal(p->domain, "y.example");
	assert_int_equal(p->n_mx_host, 1);
	assert_string_equal(p->mx_host[0], "*.y.example");
	assert_int_equal(p->successful, 5);
	assert_int_equal(p->failed, 3);
	assert_int_equal(p->n_failures, 1);
	assert_string_equal(p->failure[0].result_type, "certificate-expired");
	assert_string_equal(p->failure[0].sending_mta_ip, "2001:db8::1");
	assert_string_equal(p->failure[0].receiving_mx_hostname, "mx.y.example");
	assert_string_equal(p->failure[0].receiving_ip, "192.0.2.1");
	assert_null(p->failure[0].reason);
	assert_int_equal(p->failure[0].sessions, 3);
	arena_free(arena);
}

static void test_places(void **state)
{
	static const char text[] =
	    "\n {\"a\" : [1, \"]\\\"\", {\"b\":true}],\n \"c\":-1e3, \"d\":{}}";
	const struct json_path root = {0}, a = {&root, "a", 0}, a1 = {&a, NULL, 1},
			       a2 = {&a, NULL, 2}, b = {&a2, "b", 0}, c = {&root, "c", 0},
			       d = {&root, "d", 0}, none = {&root, "x", 0}, a9 = {&a, NULL, 9},
			       c0 = {&c, NULL, 0};
	const struct {
		const struct json_path *path;
		size_t line, column;
	} place_rows[] = {{&root, 2, 2}, {&a, 2, 9},  {&a1, 2, 13},  {&a2, 2, 20}, {&b, 2, 25},
			  {&c, 3, 6},	 {&d, 3, 16}, {&none, 2, 2}, {&a9, 2, 9},  {&c0, 3, 6}};

	(void)state;
	for (size_t i = 0; i < COUNT(place_rows); i++) {
		size_t line, column;
		json_place_find(text, strlen(text), place_rows[i].path, &line, &column);
		assert_int_equal(line, place_rows[i].line);
		assert_int_equal(column, place_rows[i].column);
		for (size_t cut = 0; cut < strlen(text); cut++) /* stays inside, whatever is cut */
			json_place_find(text, cut, place_rows[i].path, &line, &column);
	}
	assert_int_equal(json_place_depth("{\"a\":[1,{\"[[\":0}],\"b\":[]}", 25), 3);
	assert_int_equal(json_place_depth("]]]][", 5), 1);
	assert_int_equal(json_place_depth("", 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_records), cmocka_unit_test(test_targets),
	    cmocka_unit_test(test_reports), cmocka_unit_test(test_report_values),
	    cmocka_unit_test(test_places),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
