/* SPDX-License-Identifier: ISC
 *
 * What readers are shown, with hostile texts in every place that takes one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api.h"
#include "eval.h"
#include "metrics.h"
#include "page.h"
#include "page_parts.h"

#define NOW	1795356000 /* 2026-11-22T14:00:00Z */
#define HOSTILE "<script>alert(1)</script>\"'>\x1b[2J\xe2\x80\xae&amp;"

static const struct conf_settings settings = {.interval_s = 3600};
static const struct conf_extra extra = {.owner = HOSTILE};
static const struct conf_domain domains[] = {{"a.test", &settings, &extra},
					     {"b.test", &settings, &extra}};
static const char *const members[] = {HOSTILE, "b.test"};

static const struct view_incident incident = {
    .id = 7,
    .uid = HOSTILE,
    .event = HOSTILE,
    .check = "tls.cert.trusted",
    .subject = HOSTILE,
    .severity = SEVERITY_CRITICAL,
    .open = true,
    .opened = NOW - 60,
    .summary = HOSTILE,
    .advice = HOSTILE,
    .reference = HOSTILE,
    .expected = HOSTILE,
    .actual = HOSTILE,
    .acked = NOW,
    .acked_by = HOSTILE,
    .ack_reason = HOSTILE,
    .domains = members,
    .n_domains = 2,
    .domains_total = 40,
};
static const struct view_change change = {
    .id = 3,
    .at = NOW - 120,
    .name = "a.test",
    .event = HOSTILE,
    .check = "mx",
    .subject = HOSTILE,
    .summary = HOSTILE,
    .before = "\"<script>alert(1)</script>\"",
    .after = "{\"<img src=x>\": [1, \"<u>\"]}",
};
static const struct view_domain row = {
    .name = "a.test",
    .unicode = HOSTILE,
    .conf = &domains[0],
    .mark = {VIEW_CRITICAL, VIEW_C, NOW - 30},
    .open = 2,
    .summary = HOSTILE,
};

/* No tag of theirs, no control character, nothing that ends an attribute. */
static void assert_tame(const char *html)
{
	static const char *const never[] = {"<script", "<img",	       "<u>",
					    "\x1b",    "\xe2\x80\xae", "\"'>"};

	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (strstr(html, never[i]))
			fail_msg("%s in %.200s", never[i], strstr(html, never[i]));
}

static void pages_are_tame(void **state)
{
	struct view_expiry expiry = {HOSTILE, NOW - 100, NOW + 1000};
	struct view_overview o = {.domains = 2,
				  .incidents = &incident,
				  .n_incidents = 1,
				  .changes = &change,
				  .n_changes = 1,
				  .expiries = &expiry,
				  .n_expiries = 1};
	struct view_page place = {.query = HOSTILE, .state = "open", .next = HOSTILE};
	struct view_host host = {.name = HOSTILE,
				 .domains = &row,
				 .n_domains = 1,
				 .incidents = &incident,
				 .n_incidents = 1};
	struct buf out;
	(void)state;

	buf_init(&out, PAGE_MAX);
	page_overview(&o, NOW, &out);
	assert_tame(buf_str(&out));
	assert_non_null(strstr(buf_str(&out), "&lt;script&gt;alert(1)&lt;/script&gt;"));
	buf_reset(&out);
	page_domains(&row, 1, &place, &o, NOW, &out);
	assert_tame(buf_str(&out));
	buf_reset(&out);
	page_incidents(&incident, 1, &place, NOW, &out);
	assert_tame(buf_str(&out));
	assert_non_null(strstr(buf_str(&out), "and 38 more"));
	buf_reset(&out);
	page_changes(&change, 1, &place, NOW, &out);
	assert_tame(buf_str(&out));
	buf_reset(&out);
	page_host(&host, NOW, &out);
	assert_tame(buf_str(&out));
	buf_reset(&out);
	page_atom(&change, 1, HOSTILE, NOW, &out);
	assert_tame(buf_str(&out));
	buf_reset(&out);
	page_error(404, HOSTILE, HOSTILE, &out);
	assert_tame(buf_str(&out));
	buf_clear(&out);
}

static void domain_page_is_tame(void **state)
{
	struct obs_domain records = {.mx = {.n = 0}};
	const char *txt[] = {HOSTILE};
	struct obs_policy policy = {.host = HOSTILE, .status = 200, .body = HOSTILE "\r\n" HOSTILE};
	struct obs_cert leaf = {.sha256 = HOSTILE,
				.subject = HOSTILE,
				.issuer = HOSTILE,
				.key_type = HOSTILE,
				.dns_names = txt,
				.n_dns_names = 1,
				.not_after = NOW + 9};
	struct obs_tls tls = {
	    .version = HOSTILE, .cipher = HOSTILE, .group = HOSTILE, .chain = &leaf, .n_chain = 1};
	struct obs_service services[] = {
	    {.address = HOSTILE,
	     .port = 25,
	     .greeting_code = 220,
	     .greeting = HOSTILE,
	     .tls = &tls},
	    {.address = "192.0.2.1",
	     .port = 25,
	     .failure = {OBS_STAGE_CONNECT, OBS_CLASS_REFUSED, HOSTILE, 0}}};
	struct obs_host server = {.services = services, .n_services = 2};
	struct observation seen = {
	    .kind = OBS_KIND_DOMAIN, .subject = "a.test", .at = NOW, .domain = &records};
	struct observation mx = {
	    .kind = OBS_KIND_HOST, .subject = HOSTILE, .at = NOW, .host = &server};
	const struct observation *hosts[] = {&mx};
	struct eval_input in = {.domain = &seen, .hosts = hosts, .n_hosts = 1, .conf = &domains[0]};
	uint8_t days[VIEW_DAYS] = {255, 0, 1, 2, 3};
	struct view_detail d = {.row = row,
				.in = &in,
				.incidents = &incident,
				.n_incidents = 1,
				.changes = &change,
				.n_changes = 1,
				.days = days};
	struct findings findings;
	struct finding *f;
	struct buf out;
	json_t *o;
	(void)state;

	records.mta_sts.value = records.tls_rpt.value = txt;
	records.mta_sts.n = records.tls_rpt.n = 1;
	records.policy = &policy;
	findings_init(&findings);
	f = findings_add(&findings);
	*f = (struct finding){.id = "tls.cert.trusted",
			      .subject = HOSTILE,
			      .status = FINDING_FAIL,
			      .severity = SEVERITY_CRITICAL,
			      .summary = HOSTILE,
			      .advice = HOSTILE,
			      .reference = HOSTILE,
			      .expected = HOSTILE,
			      .actual = HOSTILE,
			      .evidence = json_object()};
	d.findings = &findings;
	buf_init(&out, PAGE_MAX);
	page_domain(&d, NOW, &out);
	assert_tame(buf_str(&out));
	assert_false(out.truncated);
	buf_reset(&out);
	o = api_detail(&d);
	api_print(o, &out);
	assert_null(strchr(buf_str(&out), '<')); /* harmless even where JSON is taken for HTML */
	json_decref(o);
	buf_clear(&out);
	findings_clear(&findings);
}

static void waiting_domain(void **state)
{
	struct eval_input in = {.conf = &domains[0]};
	struct view_detail d = {.row = {.name = "a.test", .conf = &domains[0]}, .in = &in};
	struct buf out;
	json_t *o;
	(void)state;

	buf_init(&out, PAGE_MAX);
	page_domain(&d, NOW, &out);
	assert_non_null(strstr(buf_str(&out), "waits for its first look"));
	o = api_detail(&d);
	assert_true(json_is_null(json_object_get(o, "grade")));
	assert_string_equal(json_string_value(json_object_get(o, "state")), "pending");
	assert_string_equal(
	    json_string_value(json_object_get(json_object_get(o, "checks"), "mx.present")),
	    "unknown");
	json_decref(o);
	buf_clear(&out);
}

static void values_for_people(void **state)
{
	static const struct {
		const char *json, *shown;
	} rows[] = {{NULL, "none"},
		    {"null", "none"},
		    {"[]", "none"},
		    {"\"\"", "empty"},
		    {"\"20260001\"", "20260001"},
		    {"[\"10 a.test\",\"20 b.test\"]", "10 a.test, 20 b.test"},
		    {"{\"id\":\"1\",\"n\":2}", "id 1, n 2"},
		    {"true", "true"},
		    {"\"<x>\"", "&lt;x&gt;"}};
	struct buf out;
	(void)state;

	buf_init(&out, 4096);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_reset(&out);
		page_value(&out, rows[i].json);
		assert_string_equal(buf_str(&out), rows[i].shown);
	}
	buf_clear(&out);
}

/* RFC 9457, and JSON that is harmless inside HTML. */
static void api_values(void **state)
{
	json_t *o = api_problem(404, "</script>\xe2\x80\xa8");
	struct buf out;
	(void)state;

	buf_init(&out, 4096);
	api_print(o, &out);
	assert_string_equal(buf_str(&out),
			    "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,"
			    "\"detail\":\"\\u003c/script>\\u2028\"}");
	json_decref(o);
	buf_clear(&out);
	buf_init(&out, 1 << 20);
	api_openapi(&out);
	o = json_loads(buf_str(&out), JSON_REJECT_DUPLICATES, NULL);
	assert_string_equal(json_string_value(json_object_get(o, "openapi")), "3.1.0");
	json_decref(o);
	buf_clear(&out);
}

static void metrics_labels(void **state)
{
	struct view_mark marks[] = {{VIEW_WARNING, VIEW_C, 1000}, {VIEW_PENDING, 0, 0}};
	struct view_problem problem = {"a.test", "tls\n\"\\", 1};
	struct view_expiry expiry = {"mx.a.test[192.0.2.1]:25", 1, 2};
	struct conf conf = {.domains = (struct conf_domain *)(uintptr_t)domains, .n_domains = 2};
	struct metrics m = {.version = "1",
			    .now = NOW,
			    .conf = &conf,
			    .marks = marks,
			    .problems = &problem,
			    .n_problems = 1,
			    .expiries = &expiry,
			    .n_expiries = 1};
	struct buf out;
	(void)state;

	m.detail = CONF_METRICS_CHECK;
	buf_init(&out, 1 << 20);
	metrics_text(&m, false, &out);
	assert_non_null(strstr(buf_str(&out), "\nmxwatch_domains{state=\"warning\"} 1\n"));
	assert_non_null(strstr(buf_str(&out), "\nmxwatch_domain_status{domain=\"a.test\"} 1\n"));
	assert_null(strstr(buf_str(&out), "mxwatch_domain_status{domain=\"b.test\"}"));
	assert_non_null(strstr(buf_str(&out), "check=\"tls\\n\\\"\\\\\"} 1\n"));
	assert_non_null(
	    strstr(buf_str(&out), "{mx=\"mx.a.test\",address=\"192.0.2.1\",port=\"25\"} 2\n"));
	assert_null(strstr(buf_str(&out), "mxwatch_probers")); /* the engine said nothing yet */
	buf_reset(&out);
	m.detail = CONF_METRICS_SUMMARY;
	metrics_text(&m, false, &out);
	assert_null(strstr(buf_str(&out), "domain=\""));
	buf_clear(&out);
}

/* OpenMetrics names a counter's family without _total, and says where it ends. */
static void open_metrics(void **state)
{
	struct view_mark marks[] = {{VIEW_OK, VIEW_A, 1000}, {VIEW_OK, VIEW_A, 1000}};
	struct conf conf = {.domains = (struct conf_domain *)(uintptr_t)domains, .n_domains = 2};
	struct metrics m = {.version = "1",
			    .now = NOW,
			    .conf = &conf,
			    .marks = marks,
			    .engine = {.seen_at = NOW},
			    .detail = CONF_METRICS_SUMMARY};
	struct buf out;
	(void)state;

	buf_init(&out, 1 << 20);
	metrics_text(&m, true, &out);
	assert_non_null(strstr(buf_str(&out), "# TYPE mxwatch_observations counter\n"));
	assert_non_null(strstr(buf_str(&out), "\nmxwatch_observations_total 0\n"));
	assert_string_equal(buf_str(&out) + out.len - 6, "# EOF\n");
	buf_clear(&out);
}

static void metrics_of_receivers(void **state)
{
	const struct metrics_receiver receivers[] = {
	    {.name = "pager", .pending = 3, .held = 1, .waited_s = 60, .n_failed = 7},
	    {.name = "o\"ps", .dead = 2, .n_delivered = 5, .n_given_up = 2}};
	struct view_mark marks[] = {{VIEW_OK, VIEW_A, 1000}, {VIEW_OK, VIEW_A, 1000}};
	struct conf conf = {.domains = (struct conf_domain *)(uintptr_t)domains, .n_domains = 2};
	struct metrics m = {.version = "1",
			    .now = NOW,
			    .conf = &conf,
			    .marks = marks,
			    .muted = 1,
			    .receivers = receivers,
			    .n_receivers = 2,
			    .process = {1000, 12034, -1, 9},
			    .engine = {.seen_at = NOW, .findings = {[FINDING_WARN] = 4}},
			    .detail = CONF_METRICS_SUMMARY};
	static const char *const lines[] = {
	    "mxwatch_notifications_pending{receiver=\"pager\"} 3",
	    "mxwatch_notifications_held{receiver=\"pager\"} 1",
	    "mxwatch_notifications_undeliverable{receiver=\"o\\\"ps\"} 2",
	    "mxwatch_notifications_oldest_pending_seconds{receiver=\"pager\"} 60",
	    "mxwatch_notifications_total{receiver=\"pager\",result=\"failed\"} 7",
	    "mxwatch_notifications_total{receiver=\"o\\\"ps\",result=\"delivered\"} 5",
	    "mxwatch_notifications_total{receiver=\"o\\\"ps\",result=\"dead\"} 2",
	    "mxwatch_checks_total{result=\"warn\"} 4",
	    "mxwatch_checks_total{result=\"unknown\"} 0",
	    "mxwatch_domains_muted 1",
	    "process_cpu_seconds_total 12.034",
	    "process_open_fds 9"};
	struct buf out;
	(void)state;

	buf_init(&out, 1 << 20);
	metrics_text(&m, false, &out);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char line[128];
		snprintf(line, sizeof(line), "\n%s\n", lines[i]);
		if (strstr(buf_str(&out), line) == NULL)
			fail_msg("missing: %s", lines[i]);
	}
	assert_null(strstr(buf_str(&out), "process_resident_memory_bytes")); /* not known */
	buf_clear(&out);
}

/* Every name is in one shard, and in the same one when it is asked again. */
static void metrics_shards(void **state)
{
	char name[32];
	size_t in[4] = {0};
	(void)state;

	for (int i = 0; i < 1000; i++) {
		size_t shards = 0;
		snprintf(name, sizeof(name), "d%d.test", i);
		for (size_t k = 0; k < 4; k++)
			if (metrics_in_shard(name, k, 4)) {
				in[k]++;
				shards++;
			}
		assert_int_equal(shards, 1);
	}
	for (size_t k = 0; k < 4; k++)
		assert_in_range(in[k], 200, 300);
	assert_int_equal(metrics_detail(CONF_METRICS_AUTO, METRICS_CHECKS), CONF_METRICS_CHECK);
	assert_int_equal(metrics_detail(CONF_METRICS_AUTO, METRICS_DOMAINS), CONF_METRICS_DOMAIN);
	assert_int_equal(metrics_detail(CONF_METRICS_AUTO, METRICS_DOMAINS + 1),
			 CONF_METRICS_SUMMARY);
	assert_int_equal(metrics_detail(CONF_METRICS_DOMAIN, 99999), CONF_METRICS_DOMAIN);
}

static void badge(void **state)
{
	struct buf out;
	(void)state;

	buf_init(&out, 65536);
	page_badge(&row, &out);
	assert_non_null(strstr(buf_str(&out), "aria-label=\"a.test: C\""));
	buf_clear(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pages_are_tame), cmocka_unit_test(domain_page_is_tame),
	    cmocka_unit_test(waiting_domain), cmocka_unit_test(values_for_people),
	    cmocka_unit_test(api_values),     cmocka_unit_test(metrics_labels),
	    cmocka_unit_test(badge),	      cmocka_unit_test(open_metrics),
	    cmocka_unit_test(metrics_shards), cmocka_unit_test(metrics_of_receivers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
