/* SPDX-License-Identifier: ISC
 *
 * Maintenance windows across the changes of the clocks, and what is muted by what.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mute.h"
#include "stamp.h"

#define HOUR 3600

static int64_t at(const char *text)
{
	int64_t t = 0;

	assert_true(stamp_parse(text, &t));
	return t;
}

/* Berlin in 2026: CEST from 2026-03-29 01:00Z to 2026-10-25 01:00Z. */
static int64_t berlin(const char *zone, int64_t when, void *arg)
{
	(void)arg;
	assert_string_equal(zone, "Europe/Berlin");
	return when >= at("2026-03-29T01:00:00Z") && when < at("2026-10-25T01:00:00Z") ? 2 * HOUR
										       : HOUR;
}

#define SUN 1u
#define SAT 64u
#define ALL 127u

/* RFC 5545 section 3.3.5: a local time that comes twice is the first, one that is skipped has
 * the offset before the gap. */
static void test_weekly(void **state)
{
	static const struct {
		const char *now;
		unsigned days;
		int64_t start_s, duration_s;
		const char *zone, *from, *until;
	} rows[] = {
	    /* an ordinary Sunday, from before, at the edges, within and behind */
	    {"2026-11-17T12:00:00Z", SUN, 2 * HOUR, 3 * HOUR, "Europe/Berlin",
	     "2026-11-22T01:00:00Z", "2026-11-22T04:00:00Z"},
	    {"2026-11-22T01:00:00Z", SUN, 2 * HOUR, 3 * HOUR, "Europe/Berlin",
	     "2026-11-22T01:00:00Z", "2026-11-22T04:00:00Z"},
	    {"2026-11-22T03:59:59Z", SUN, 2 * HOUR, 3 * HOUR, "Europe/Berlin",
	     "2026-11-22T01:00:00Z", "2026-11-22T04:00:00Z"},
	    {"2026-11-22T04:00:00Z", SUN, 2 * HOUR, 3 * HOUR, "Europe/Berlin",
	     "2026-11-29T01:00:00Z", "2026-11-29T04:00:00Z"},
	    /* summer */
	    {"2026-07-04T12:00:00Z", SUN, 2 * HOUR, 3 * HOUR, "Europe/Berlin",
	     "2026-07-05T00:00:00Z", "2026-07-05T03:00:00Z"},
	    /* 02:00 and 02:30 do not exist on 2026-03-29 */
	    {"2026-03-28T12:00:00Z", SUN, 2 * HOUR, 3 * HOUR, "Europe/Berlin",
	     "2026-03-29T01:00:00Z", "2026-03-29T04:00:00Z"},
	    {"2026-03-28T12:00:00Z", SUN, 2 * HOUR + 1800, HOUR, "Europe/Berlin",
	     "2026-03-29T01:30:00Z", "2026-03-29T02:30:00Z"},
	    /* before and behind the gap */
	    {"2026-03-28T12:00:00Z", SUN, HOUR, 3 * HOUR, "Europe/Berlin", "2026-03-29T00:00:00Z",
	     "2026-03-29T03:00:00Z"},
	    {"2026-03-28T12:00:00Z", SUN, 3 * HOUR, HOUR, "Europe/Berlin", "2026-03-29T01:00:00Z",
	     "2026-03-29T02:00:00Z"},
	    /* 02:00 comes twice on 2026-10-25; the duration is time that passes */
	    {"2026-10-24T12:00:00Z", SUN, 2 * HOUR, 3 * HOUR, "Europe/Berlin",
	     "2026-10-25T00:00:00Z", "2026-10-25T03:00:00Z"},
	    {"2026-10-24T12:00:00Z", SUN, 3 * HOUR, HOUR, "Europe/Berlin", "2026-10-25T02:00:00Z",
	     "2026-10-25T03:00:00Z"},
	    /* over midnight, and longer than a day */
	    {"2026-11-22T02:30:00Z", SAT, 23 * HOUR, 4 * HOUR, NULL, "2026-11-21T23:00:00Z",
	     "2026-11-22T03:00:00Z"},
	    {"2026-11-23T11:00:00Z", SAT, 12 * HOUR, 48 * HOUR, NULL, "2026-11-21T12:00:00Z",
	     "2026-11-23T12:00:00Z"},
	    {"2026-11-23T11:00:00Z", ALL, 12 * HOUR, HOUR, NULL, "2026-11-23T12:00:00Z",
	     "2026-11-23T13:00:00Z"},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct conf_maintenance m = {.days = rows[i].days,
						   .start_s = rows[i].start_s,
						   .duration_s = rows[i].duration_s,
						   .timezone = rows[i].zone};
		struct mute_window w = mute_window(&m, at(rows[i].now), berlin, NULL);
		char text[STAMP_TEXT];
		assert_string_equal(stamp_format(text, w.from), rows[i].from);
		assert_string_equal(stamp_format(text, w.until), rows[i].until);
	}
}

static void test_once(void **state)
{
	const struct conf_maintenance m = {.from = 1000, .until = 2000};
	(void)state;

	assert_int_equal(mute_window(&m, 500, berlin, NULL).from, 1000);
	assert_int_equal(mute_window(&m, 1999, berlin, NULL).until, 2000);
	assert_int_equal(mute_window(&m, 2000, berlin, NULL).until, 0);
}

static void test_verdict(void **state)
{
	static const char *const ab[] = {"a.test", "b.test"}, *const b[] = {"b.test"};
	const struct conf_maintenance all = {.name = "all"}, of_a = {.match = {.domain = "a.*"}};
	const struct mute_window on_a = {&of_a, 100, 200}, on_all = {&all, 100, 200};
	const struct mute_silence on_b = {.match = {.domain = "b.test"}, .from = 150, .until = 180};
	const struct mute_silence grave = {
	    .match = {.severity = SEVERITY_WARNING}, .from = 0, .until = 999};
	static const struct {
		bool window_a, window_all, silence_b, silence_warning;
		bool both; /* the notice is about a.test and b.test, else b.test */
		int64_t now, from, until;
	} rows[] = {
	    {.now = 150},
	    {.window_all = true, .now = 150, .from = 100, .until = 200},
	    {.window_all = true, .now = 99},
	    {.window_all = true, .now = 200},
	    /* one domain's mute hides no other */
	    {.window_a = true, .both = true, .now = 150},
	    {.silence_b = true, .both = true, .now = 160},
	    {.silence_b = true, .now = 160, .from = 150, .until = 180},
	    {.window_a = true,
	     .silence_b = true,
	     .both = true,
	     .now = 160,
	     .from = 150,
	     .until = 180},
	    {.window_a = true, .silence_b = true, .both = true, .now = 190},
	    {.window_all = true, .silence_b = true, .now = 160, .from = 100, .until = 200},
	    /* another severity */
	    {.silence_warning = true, .now = 150},
	};
	struct conf *conf = conf_new();
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct mute_window windows[2];
		struct mute_silence silences[2];
		struct mute m = {.conf = conf, .windows = windows, .silences = silences};
		struct notice n = {.severity = SEVERITY_CRITICAL,
				   .event = "host.unreachable",
				   .domains = rows[i].both ? ab : b,
				   .n_domains = rows[i].both ? 2 : 1,
				   .domains_total = rows[i].both ? 2 : 1};
		struct mute_verdict v;
		if (rows[i].window_a)
			windows[m.n_windows++] = on_a;
		if (rows[i].window_all)
			windows[m.n_windows++] = on_all;
		if (rows[i].silence_b)
			silences[m.n_silences++] = on_b;
		if (rows[i].silence_warning)
			silences[m.n_silences++] = grave;
		v = mute_verdict(&m, &n, rows[i].now);
		assert_int_equal(v.from, rows[i].from);
		assert_int_equal(v.until, rows[i].until);
		/* domains that are not named are muted by no name, but by what takes all */
		n.domains_total = 100;
		v = mute_verdict(&m, &n, rows[i].now);
		assert_int_equal(v.until, rows[i].window_all ? rows[i].until : 0);
		n.kind = NOTICE_TEST;
		assert_int_equal(mute_verdict(&m, &n, rows[i].now).until, 0);
	}
	conf_free(conf);
}

static void test_match(void **state)
{
	static const struct {
		const char *json;
		bool good;
	} rows[] = {
	    {"{\"domain\":\"*.test\",\"severity\":\"warning\",\"tags.env\":\"prod\"}", true},
	    {"{\"kind\":\"problem\",\"event\":\"cert.*\",\"groups\":\"gold\",\"owner\":\"x\"}",
	     true},
	    {"{}", false},
	    {"[]", false},
	    {"{\"domian\":\"a.test\"}", false},
	    {"{\"domain\":\"\"}", false},
	    {"{\"domain\":7}", false},
	    {"{\"severity\":\"grave\"}", false},
	    {"{\"kind\":\"trouble\"}", false},
	    {"{\"tags.\":\"x\"}", false},
	};
	struct arena *arena = arena_new();
	struct conf_match m;
	struct error err;
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *o = json_loads(rows[i].json, 0, NULL);
		assert_int_equal(mute_match_read(o, arena, &m, &err), rows[i].good ? 0 : -1);
		json_decref(o);
		if (i > 0)
			continue;
		assert_string_equal(m.domain, "*.test");
		assert_int_equal(m.severity, SEVERITY_WARNING);
		assert_int_equal(m.n_tags, 1);
		assert_string_equal(m.tags[0].key, "env");
	}
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_weekly),
	    cmocka_unit_test(test_once),
	    cmocka_unit_test(test_verdict),
	    cmocka_unit_test(test_match),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
