/* SPDX-License-Identifier: ISC
 *
 * The canonical event: every key of the contract in its order, and back without loss.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check.h"
#include "event.h"
#include "notice.h"

static const char *const names[] = {"a.test", "b.test"};
static const char *const edges[] = {"mta_sts.id_changed"};
static const struct conf_tag tags[] = {{"env", "prod"}};

static const struct notice full = {
    .schema = 1,
    .id = "evt_1",
    .incident = "inc_1",
    .seq = 3,
    .kind = NOTICE_PROBLEM,
    .status = NOTICE_FIRING,
    .event = "mx.pattern_drift",
    .severity = SEVERITY_CRITICAL,
    .check = "mta_sts.mx_match",
    .subject = "a.test",
    .domains = names,
    .n_domains = 2,
    .domains_total = 800,
    .summary = "s",
    .before = "[\"x\"]",
    .after = "{\"id\":\"2\"}",
    .expected = "e",
    .actual = "a",
    .impact = "i",
    .advice = "d",
    .reference = "RFC 8461 section 4.1",
    .changes = edges,
    .n_changes = 1,
    .since = 1795352400,
    .last_ok = 1795348800,
    .confirmed_by = 3,
    .owner = "mail-team",
    .tags = tags,
    .n_tags = 1,
    .url = "https://u.test/1",
    .runbook_url = "https://r.test/1",
    .at = 1795352700,
};

#define FULL                                                                                       \
	"{\"schema\":1,\"id\":\"evt_1\",\"incident\":\"inc_1\",\"seq\":3,\"kind\":\"problem\","    \
	"\"status\":\"firing\",\"event\":\"mx.pattern_drift\",\"severity\":\"critical\","          \
	"\"check\":\"mta_sts.mx_match\",\"subject\":\"a.test\",\"domains\":[\"a.test\","           \
	"\"b.test\"],\"domains_total\":800,\"summary\":\"s\",\"before\":[\"x\"],\"after\":"        \
	"{\"id\":\"2\"},\"expected\":\"e\",\"actual\":\"a\",\"impact\":\"i\",\"advice\":\"d\","    \
	"\"reference\":\"RFC 8461 section 4.1\",\"changes\":[\"mta_sts.id_changed\"],"             \
	"\"since\":\"2026-11-22T13:00:00Z\",\"last_ok\":\"2026-11-22T12:00:00Z\","                 \
	"\"confirmed_by\":3,\"owner\":\"mail-team\",\"tags\":{\"env\":\"prod\"},"                  \
	"\"url\":\"https://u.test/1\",\"runbook_url\":\"https://r.test/1\"}"

static void body(const struct notice *n, const char *wanted)
{
	json_t *o = notice_to_json(n);
	char *text = json_dumps(o, JSON_COMPACT);
	assert_string_equal(text, wanted);
	free(text);
	json_decref(o);
}

static void every_key_in_order(void **state)
{
	(void)state;
	body(&full, FULL);
}

static void the_unknown_is_null(void **state)
{
	(void)state;
	const struct notice bare = {.id = "evt_2",
				    .kind = NOTICE_DAEMON,
				    .event = "monitor.blind",
				    .subject = "monitor",
				    .severity = SEVERITY_CRITICAL,
				    .summary = "s"};
	body(&bare,
	     "{\"schema\":1,\"id\":\"evt_2\",\"incident\":null,\"seq\":0,\"kind\":\"daemon\","
	     "\"status\":\"firing\",\"event\":\"monitor.blind\",\"severity\":\"critical\","
	     "\"check\":null,\"subject\":\"monitor\",\"domains\":[],\"domains_total\":0,"
	     "\"summary\":\"s\",\"before\":null,\"after\":null,\"expected\":null,\"actual\":null,"
	     "\"impact\":null,\"advice\":null,\"reference\":null,\"changes\":[],\"since\":null,"
	     "\"last_ok\":null,\"confirmed_by\":0,\"owner\":null,\"tags\":{},\"url\":null,"
	     "\"runbook_url\":null}");
}

static void fifty_domains_are_named(void **state)
{
	(void)state;
	const char *many[120];
	struct notice n = full;
	for (size_t i = 0; i < 120; i++)
		many[i] = "x.test";
	n.domains = many;
	n.n_domains = 120;
	n.domains_total = 0;
	json_t *o = notice_to_json(&n);
	assert_int_equal(json_array_size(json_object_get(o, "domains")), 50);
	assert_int_equal(json_integer_value(json_object_get(o, "domains_total")), 120);
	json_decref(o);
}

static void the_outbox_keeps_everything(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	struct notice back;
	struct error err;
	struct buf one, two;
	buf_init(&one, 65536);
	buf_init(&two, 65536);
	notice_encode(&full, &one);
	assert_int_equal(notice_decode(buf_str(&one), one.len, arena, &back, &err), 0);
	notice_encode(&back, &two);
	assert_string_equal(buf_str(&one), buf_str(&two));
	assert_int_equal(back.at, full.at);
	assert_string_equal(back.after, full.after);
	buf_clear(&one);
	buf_clear(&two);
	arena_free(arena);
}

static void nonsense_is_refused(void **state)
{
	(void)state;
	static const char *const table[] = {
	    "",
	    "[]",
	    "{}",
	    "nonsense",
	    "{\"schema\":1}",
	    "{\"schema\":2,\"id\":\"x\",\"kind\":\"test\",\"status\":\"firing\",\"event\":\"e\","
	    "\"severity\":\"info\",\"subject\":\"s\",\"summary\":\"s\"}",
	    "{\"schema\":1,\"id\":7,\"kind\":\"test\",\"status\":\"firing\",\"event\":\"e\","
	    "\"severity\":\"info\",\"subject\":\"s\",\"summary\":\"s\"}",
	    "{\"schema\":1,\"id\":\"x\",\"kind\":\"pigeon\",\"status\":\"firing\",\"event\":\"e\","
	    "\"severity\":\"info\",\"subject\":\"s\",\"summary\":\"s\"}",
	    "{\"schema\":1,\"id\":\"x\",\"kind\":\"test\",\"status\":\"firing\",\"event\":\"e\","
	    "\"severity\":\"info\",\"subject\":\"s\",\"summary\":\"s\",\"domains\":[1]}",
	    "{\"schema\":1,\"id\":\"x\",\"kind\":\"test\",\"status\":\"firing\",\"event\":\"e\","
	    "\"severity\":\"info\",\"subject\":\"s\",\"summary\":\"s\",\"since\":\"soon\"}",
	    "{\"schema\":1,\"id\":\"x\",\"id\":\"y\",\"kind\":\"test\",\"status\":\"firing\","
	    "\"event\":\"e\",\"severity\":\"info\",\"subject\":\"s\",\"summary\":\"s\"}",
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct arena *arena = arena_new();
		struct notice n;
		struct error err;
		assert_int_equal(notice_decode(table[i], strlen(table[i]), arena, &n, &err), -1);
		arena_free(arena);
	}
}

/* Whatever can fail has a word on what that means, and every event a title. */
static void every_check_has_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < check_count; i++) {
		const struct check *c = &check_table[i];
		bool harmless = strcmp(c->id, "mx.ipv6") == 0 ||
				strcmp(c->id, "mx.redundancy") == 0 ||
				strcmp(c->id, "smtp.banner_name") == 0 ||
				strcmp(c->id, "smtp.starttls_repeat") == 0 ||
				strcmp(c->id, "tls.sni_fallback") == 0;
		if (!harmless && notice_impact(c->id, SEVERITY_CRITICAL)[0] == '\0')
			fail_msg("%s has no impact", c->id);
		bool ours = strncmp(c->id, "self.", 5) == 0 || strncmp(c->id, "notify.", 7) == 0;
		if (!ours && notice_expected(c->id) == NULL)
			fail_msg("nobody knows what %s expects", c->id);
		const char *title = notice_title(check_event(c, true));
		if (strchr(title, '.') != NULL || strlen(title) > 36)
			fail_msg("%s: \"%s\" is no title for a lock screen", c->id, title);
	}
	assert_string_equal(notice_title("dane.broken"), "TLSA mismatch");
	assert_string_equal(notice_impact("mx.ipv6", SEVERITY_INFO), "");
	/* starttls.gained, mta_sts.id_changed with the policy's change: nothing is wrong */
	assert_string_equal(notice_impact("tls.starttls", SEVERITY_INFO), "");
	assert_string_equal(notice_impact("mta_sts.id_body", SEVERITY_INFO), "");
	assert_string_not_equal(notice_impact("mx.present", SEVERITY_CRITICAL),
				notice_impact("mx.present", SEVERITY_WARNING));
}

/* Every name a problem may have leads to a page, and an owner's own pages come first. */
static void a_runbook_for_every_event(void **state)
{
	struct arena *a = arena_new();
	(void)state;
	for (size_t i = 0; i < check_count; i++)
		assert_non_null(
		    event_link(a, NULL, "https://mx.test", check_event(&check_table[i], true), NULL));
	for (size_t i = 0; i < event_count; i++)
		assert_string_not_equal(notice_title(event_table[i].name), event_table[i].name);
	assert_string_equal(event_link(a, NULL, "https://mx.test", "dane.broken", "dane.match"),
			    "https://mx.test/events/dane.broken");
	assert_string_equal(event_link(a, "https://w.test/{check}?e={event}", "https://mx.test",
				       "dane.broken", "dane.match"),
			    "https://w.test/dane.match?e=dane.broken");
	assert_null(event_link(a, NULL, NULL, "dane.broken", NULL));
	assert_null(event_link(a, NULL, "https://mx.test", "digest", NULL));
	arena_free(a);
}

static void the_end_of_a_problem(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	struct notice n = {.status = NOTICE_RESOLVED,
			   .summary = notice_over(arena, 7980, "mx: no STARTTLS")};
	assert_string_equal(n.summary, "Over after 2 h 13 min: mx: no STARTTLS");
	assert_string_equal(notice_sentence(&n), "mx: no STARTTLS");
	n.status = NOTICE_FIRING;
	assert_string_equal(notice_sentence(&n), n.summary);
	n.status = NOTICE_RESOLVED;
	n.summary = "mx: well again";
	assert_string_equal(notice_sentence(&n), "mx: well again");
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_key_in_order),
	    cmocka_unit_test(the_unknown_is_null),
	    cmocka_unit_test(fifty_domains_are_named),
	    cmocka_unit_test(the_outbox_keeps_everything),
	    cmocka_unit_test(nonsense_is_refused),
	    cmocka_unit_test(every_check_has_words),
	    cmocka_unit_test(a_runbook_for_every_event),
	    cmocka_unit_test(the_end_of_a_problem),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
