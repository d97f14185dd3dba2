/* SPDX-License-Identifier: ISC
 *
 * The report for people byte for byte, and what programs read.  The findings are made by hand:
 * judgement has tests of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check.h"
#include "report.h"

struct row {
	const char *id, *subject;
	enum finding_status status;
	enum finding_severity severity;
	const char *summary, *advice, *reference, *host;
};

#define MX1 "mx1.example.test[192.0.2.1]:25"
#define MX2 "mx2.example.test[192.0.2.2]:25"

static const struct row rows[] = {
    {"mx.present", "example.test", FINDING_PASS, SEVERITY_NONE,
     "2 MX hosts: mx1.example.test and mx2.example.test.", "", "RFC 5321 §5.1", NULL},
    {"mx.ipv6", "example.test", FINDING_INFO, SEVERITY_INFO, "No MX host has an IPv6 address.", "",
     "", NULL},
    {"tls.starttls", MX1, FINDING_PASS, SEVERITY_NONE, "STARTTLS works (TLSv1.3).", "", "",
     "mx1.example.test"},
    {"tls.starttls", MX2, FINDING_PASS, SEVERITY_NONE, "STARTTLS works (TLSv1.2).", "", "",
     "mx2.example.test"},
    {"tls.cert.expiry", MX1, FINDING_WARN, SEVERITY_CRITICAL,
     "The certificate expires in 3 days, on 2026-11-25.", "Renew it now.", "RFC 5280 §4.1.2.5",
     "mx1.example.test"},
    {"dane.match", "mx1.example.test", FINDING_SKIP, SEVERITY_NONE,
     "Not checked: there are no TLSA records.", "", "", "mx1.example.test"},
    {"dane.ttl", "mx1.example.test", FINDING_SKIP, SEVERITY_NONE,
     "Not checked: there are no TLSA records.", "", "", "mx1.example.test"},
    {"smtp.ptr", MX2, FINDING_UNKNOWN, SEVERITY_NONE, "The resolver did not answer.",
     "Look at the resolver.", "RFC 1912 §2.1", "mx2.example.test"},
};

struct fixture {
	struct observation domain;
	struct obs_domain records;
	struct eval_input in;
	struct findings findings;
	struct report report;
	struct buf out;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	f->domain = (struct observation){
	    .v = 1, .kind = OBS_KIND_DOMAIN, .subject = "example.test", .domain = &f->records};
	f->in = (struct eval_input){.domain = &f->domain, .now = 1795352400};
	findings_init(&f->findings);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct finding *it = findings_add(&f->findings);
		it->id = rows[i].id;
		it->subject = rows[i].subject;
		it->status = rows[i].status;
		it->severity = rows[i].severity;
		it->summary = rows[i].summary;
		it->advice = rows[i].advice;
		it->reference = rows[i].reference;
		it->host = rows[i].host;
	}
	f->report = (struct report){.in = &f->in,
				    .findings = &f->findings,
				    .grade = {"B", "B: a certificate is close to its end", MX1},
				    .duration_ms = 412};
	buf_init(&f->out, 65536);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	findings_clear(&f->findings);
	buf_clear(&f->out);
	free(f);
	return 0;
}

static void test_text(void **state)
{
	struct fixture *f = *state;
	const struct report_style style = {.width = 80};
	report_text(&f->report, &style, &f->out);
	assert_string_equal(
	    buf_str(&f->out),
	    "WARN  example.test  grade B\n"
	    "      1 warning, 1 unknown, 3 passed, 1 note, 2 not tested;\n"
	    "      2026-11-22T13:00:00Z, 0.4 s\n"
	    "      Grade B: a certificate is close to its end\n"
	    "      (mx1.example.test[192.0.2.1]:25)\n"
	    "\n"
	    "What to do first\n"
	    "  WARN  mx1.example.test[192.0.2.1]:25: The certificate expires in 3 days, on\n"
	    "        2026-11-25.\n"
	    "        Renew it now. [RFC 5280 §4.1.2.5]\n"
	    "\n"
	    "MX\n"
	    "  OK    mx.present                  2 MX hosts: mx1.example.test and\n"
	    "                                    mx2.example.test.\n"
	    "  INFO  mx.ipv6                     No MX host has an IPv6 address.\n"
	    "\n"
	    "TLS\n"
	    "  OK    tls.starttls (2)            STARTTLS works (TLSv1.3).\n"
	    "  WARN  tls.cert.expiry             See above.\n"
	    "\n"
	    "Could not be determined, and why\n"
	    "  ????  smtp.ptr                    mx2.example.test[192.0.2.2]:25: The resolver\n"
	    "                                    did not answer.\n"
	    "                                    Look at the resolver. [RFC 1912 §2.1]\n"
	    "\n"
	    "Not tested, and why\n"
	    "  SKIP  mx1.example.test: There are no TLSA records.\n"
	    "        dane.match, dane.ttl\n");
}

/* What many share is said once; an area that shares a reason as a whole is called by its name. */
static void test_text_says_nothing_twice(void **state)
{
	static const char *const dane[] = {"dane.tlsa",	  "dane.dnssec",	"dane.rollover",
					   "dane.denial", "dane.covers_all_mx", "dane.future"};
	struct fixture *f = *state;
	const struct report_style style = {.width = 80};
	for (size_t i = 0; i < 6; i++) {
		struct finding *it = findings_add(&f->findings);
		*it = f->findings.item[5];
		it->id = dane[i];
	}
	struct finding *also = findings_add(&f->findings);
	*also = f->findings.item[4];
	also->subject = MX2;
	report_text(&f->report, &style, &f->out);
	assert_non_null(strstr(
	    buf_str(&f->out),
	    "  SKIP  dane.*                      mx1.example.test: There are no TLSA records.\n"));
	const char *said =
	    strstr(buf_str(&f->out), "  WARN  " MX1 " and 1 more: The certificate expires in 3\n"
				     "        days, on 2026-11-25.\n");
	assert_non_null(said);
	assert_null(strstr(said + 1, "expires in 3 days"));
}

/* 50 hosts of 20 addresses, all with the same faults: no longer than that of one. */
static void test_text_of_a_crowd(void **state)
{
	static const enum finding_status each[] = {FINDING_FAIL, FINDING_WARN, FINDING_UNKNOWN,
						   FINDING_SKIP, FINDING_PASS};
	struct fixture *f = *state;
	const struct report_style style = {.width = 80};
	size_t lines = 0;
	for (size_t i = 0; i < 25000; i++) {
		struct finding *it = findings_add(&f->findings);
		*it = f->findings.item[4];
		it->id = check_table[i % 25].id;
		it->subject =
		    arena_printf(f->findings.arena, "mx%zu.example.test[192.0.2.1]:25", i / 25);
		it->status = each[i % 5];
		it->severity = i % 5 < 2 ? SEVERITY_WARNING : SEVERITY_NONE;
		it->summary = "The same of all.";
	}
	report_text(&f->report, &style, &f->out);
	for (const char *s = buf_str(&f->out); (s = strchr(s, '\n')) != NULL; s++)
		lines++;
	assert_in_range(lines, 20, 100);
	assert_non_null(strstr(buf_str(&f->out), " and 999 more: The same of all."));
}

/* With nothing wrong that is certain, what is uncertain stands first. */
static void test_text_of_the_unknown(void **state)
{
	struct fixture *f = *state;
	const struct report_style style = {.width = 80};
	f->findings.item[4].status = FINDING_PASS;
	f->findings.item[4].severity = SEVERITY_NONE;
	struct finding *own = findings_add(&f->findings);
	*own = (struct finding){.id = "self.resolver",
				.subject = "monitor",
				.status = FINDING_INFO,
				.severity = SEVERITY_INFO,
				.summary = "Our resolver does not answer.",
				.advice = "Install unbound.",
				.reference = ""};
	report_text(&f->report, &style, &f->out);
	const char *text = buf_str(&f->out), *ours = strstr(text, "\nOurselves\n");
	assert_memory_equal(text, "????  example.test", 18);
	assert_non_null(strstr(ours,
			       "  INFO  self.resolver               Our resolver does not answer.\n"
			       "                                    Install unbound.\n"));
	assert_true(ours < strstr(text, "\nCould not be determined, and why\n"));
	assert_true(strstr(text, "\nCould not be determined, and why\n") < strstr(text, "\nMX\n"));
}

/* --explain shows what was seen, safe to print. */
static void test_explain_shows_the_evidence(void **state)
{
	struct fixture *f = *state;
	const struct report_style style = {.width = 80, .explain = true};
	f->findings.item[0].evidence =
	    json_pack("{s:s, s:i, s:[s, s]}", "body", "version: STSv1\r\nmode: \x1b[31menforce\r\n",
		      "bits", 256, "records", "3 1 1 ab", "2 0 1 cd");
	report_text(&f->report, &style, &f->out);
	assert_non_null(strstr(buf_str(&f->out), "        body: version: STSv1\n"
						 "          mode: \\x1b[31menforce\n"
						 "        bits: 256\n"
						 "        records: 3 1 1 ab, 2 0 1 cd\n"));
}

static void test_quiet_is_the_verdict(void **state)
{
	struct fixture *f = *state;
	const struct report_style style = {.width = 80, .quiet = true};
	report_text(&f->report, &style, &f->out);
	assert_null(strstr(buf_str(&f->out), "What to do first"));
	assert_non_null(strstr(buf_str(&f->out), "WARN  example.test  grade B\n"));
}

static void test_color_only_when_asked(void **state)
{
	struct fixture *f = *state;
	const struct report_style plain = {.width = 80}, color = {.width = 80, .color = true};
	report_text(&f->report, &plain, &f->out);
	assert_null(strchr(buf_str(&f->out), '\033'));
	buf_reset(&f->out);
	report_text(&f->report, &color, &f->out);
	assert_non_null(strchr(buf_str(&f->out), '\033'));
}

static void test_json_has_the_keys_of_the_contract(void **state)
{
	struct fixture *f = *state;
	static const char *const keys[] = {"schema", "domain",	 "checked_at", "duration_ms",
					   "grade",  "findings", "facts"};
	json_t *json = report_json(&f->report);
	assert_int_equal(json_object_size(json), 7);
	for (size_t i = 0; i < 7; i++)
		assert_non_null(json_object_get(json, keys[i]));
	assert_int_equal(json_array_size(json_object_get(json, "findings")), 8);
	json_t *first = json_array_get(json_object_get(json, "findings"), 0);
	assert_int_equal(json_object_size(first), 8);
	assert_true(json_is_null(json_object_get(first, "severity")));
	json_decref(json);
	f->report.unicode = "b\xc3\xbc"
			    "cher.test";
	f->report.grade.letter = NULL;
	json = report_json(&f->report);
	assert_string_equal(json_string_value(json_object_get(json, "unicode")), f->report.unicode);
	assert_true(json_is_null(json_object_get(json, "grade")));
	json_decref(json);
}

static void test_nagios(void **state)
{
	struct fixture *f = *state;
	struct report_plugin p;
	report_plugin_init(&p, 1);
	report_plugin_add(&p, &f->report);
	assert_int_equal(report_plugin_print(&p, &f->out), 2);
	report_plugin_clear(&p);
	assert_non_null(strstr(
	    buf_str(&f->out),
	    "MXWATCH CRITICAL - example.test: The certificate expires in 3 days, on 2026-11-25. (grade B)"
	    " | failed=0;;;0 warnings=1;;;0 unknown=1;;;0 passed=3;;;0 time=0.412s;;;0\n"));
	assert_int_equal(report_nagios_exit(&f->findings), 2);
}

/* Several domains: the worst comes first, and its status is the whole's. */
static void test_nagios_several(void **state)
{
	struct fixture *f = *state;
	struct findings none;
	struct report fine = f->report;
	struct observation other = *f->report.in->domain;
	struct eval_input in = *f->report.in;
	struct report_plugin p;
	findings_init(&none);
	other.subject = "fine.test";
	in.domain = &other;
	fine.in = &in;
	fine.findings = &none;
	fine.grade.letter = "A";
	report_plugin_init(&p, 2);
	report_plugin_add(&p, &fine);
	report_plugin_add(&p, &f->report);
	assert_int_equal(report_plugin_print(&p, &f->out), 2);
	report_plugin_clear(&p);
	findings_clear(&none);
	const char *text = buf_str(&f->out), *line = strchr(text, '\n');
	assert_ptr_equal(strstr(text,
				"MXWATCH CRITICAL - example.test: The certificate expires in 3 "
				"days, on 2026-11-25. (grade B); of 2 domains 1 CRITICAL, 1 OK | "),
			 text);
	assert_true(strstr(text, " 'fine.test failed'=0;;;0 ") < line);
	assert_true(strstr(text, " 'example.test warnings'=1;;;0 ") < line);
	assert_true(strstr(text, "\nOK - fine.test: 0 checks passed (grade A)\n") >= line);
	assert_null(strchr(line, '|'));
}

/* 2 any fail, else 1 any warn, else 3 any unknown, else 0. */
static void test_exit(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(report_exit(&f->findings), 1);
	f->findings.item[1].status = FINDING_FAIL;
	assert_int_equal(report_exit(&f->findings), 2);
	f->findings.item[1].status = FINDING_INFO;
	f->findings.item[4].status = FINDING_PASS;
	assert_int_equal(report_exit(&f->findings), 3);
	f->findings.item[7].status = FINDING_SKIP;
	assert_int_equal(report_exit(&f->findings), 0);
}

static void test_prometheus(void **state)
{
	struct fixture *f = *state;
	struct report_metrics m;
	report_metrics_init(&m);
	report_metrics_add(&m, &f->report);
	report_metrics_add(&m, &f->report);
	report_prometheus(&m, &f->out);
	report_metrics_clear(&m);
	/* every metric is introduced once, whatever the number of domains */
	static const char help[] = "# HELP mxwatch_check_status ";
	const char *first = strstr(buf_str(&f->out), help);
	assert_non_null(first);
	assert_null(strstr(first + 1, help));
	assert_non_null(
	    strstr(buf_str(&f->out),
		   "mxwatch_check_status{domain=\"example.test\",check=\"tls.cert.expiry\"} 2\n"));
	assert_non_null(
	    strstr(buf_str(&f->out),
		   "mxwatch_check_status{domain=\"example.test\",check=\"smtp.ptr\"} 3\n"));
	assert_null(strstr(buf_str(&f->out), "dane.match")); /* not run = absent */
	assert_non_null(
	    strstr(buf_str(&f->out), "mxwatch_domain_status{domain=\"example.test\"} 2\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_text, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_text_says_nothing_twice, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_text_of_a_crowd, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_text_of_the_unknown, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_explain_shows_the_evidence, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_quiet_is_the_verdict, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_color_only_when_asked, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_json_has_the_keys_of_the_contract, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(test_nagios, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_nagios_several, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_exit, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_prometheus, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
