/* SPDX-License-Identifier: ISC
 *
 * The routing tree: who is told, in which order nodes are asked, what is inherited.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "buf.h"
#include "route.h"

static const char *const gold[] = {"gold"};
static const char *const silver[] = {"silver"};
static const struct conf_tag prod[] = {{"env", "prod"}};
static const struct conf_tag dev[] = {{"env", "dev"}};
static const struct conf_extra gold_extra = {
    .owner = "mail-team", .groups = gold, .n_groups = 1, .tags = prod, .n_tags = 1};
static const struct conf_extra silver_extra = {
    .groups = silver, .n_groups = 1, .tags = dev, .n_tags = 1};
static struct conf_domain domains[] = {{"a.test", NULL, &gold_extra},
				       {"b.test", NULL, &silver_extra}};
static const struct conf_receiver receivers[] = {
    {.name = "oncall"}, {.name = "pager"}, {.name = "chat"}, {.name = "log"}};

static const char *const to_oncall[] = {"oncall"};
static const char *const to_pager[] = {"pager"};
static const char *const to_chat[] = {"chat"};
static const char *const to_log[] = {"log", "oncall"};

#define NODE(...) TIMED(-1, -1, -1, __VA_ARGS__)
#define TIMED(digest, wait, repeat, ...)                                                           \
	(struct conf_route)                                                                        \
	{                                                                                          \
		.digest_at_s = digest, .group_wait_s = wait, .repeat_s = repeat, __VA_ARGS__       \
	}
#define TO(list)       .receivers = list, .n_receivers = sizeof(list) / sizeof(list[0]),           \
		       .receivers_set = true
#define CHILDREN(list) .routes = list, .n_routes = sizeof(list) / sizeof(list[0])

static struct conf conf_with(struct conf_route root)
{
	return (struct conf){.domains = domains,
			     .n_domains = 2,
			     .receivers = receivers,
			     .n_receivers = 4,
			     .route = root,
			     .has_route = true};
}

static struct notice notice_of(enum finding_severity severity, const char *event,
			       const char *const *names, size_t n)
{
	return (struct notice){.kind = NOTICE_PROBLEM,
			       .severity = severity,
			       .event = event,
			       .subject = n > 0 ? names[0] : "monitor",
			       .domains = names,
			       .n_domains = n};
}

static const char *const a_test[] = {"a.test"};
static const char *const b_test[] = {"b.test"};
static const char *const both[] = {"a.test", "b.test"};

/* The receivers' names with blanks between them. */
static void assert_targets(const struct conf *c, const struct notice *n, const char *wanted)
{
	struct arena *arena = arena_new();
	struct buf b;
	size_t count;
	struct route_target *t = route_targets(c, n, arena, &count);
	buf_init(&b, 256);
	for (size_t i = 0; i < count; i++)
		buf_printf(&b, "%s%s", i > 0 ? " " : "", t[i].receiver);
	assert_string_equal(buf_str(&b), wanted);
	buf_clear(&b);
	arena_free(arena);
}

static void matches(void **state)
{
	(void)state;
	static const struct {
		struct conf_match match;
		const char *const *names;
		size_t n;
		bool yes;
	} table[] = {
	    {{0}, a_test, 1, true},
	    {{.severity = SEVERITY_CRITICAL}, a_test, 1, true},
	    {{.severity = SEVERITY_WARNING}, a_test, 1, false},
	    {{.kind = "problem"}, a_test, 1, true},
	    {{.kind = "change"}, a_test, 1, false},
	    {{.event = "mx.*"}, a_test, 1, true},
	    {{.event = "tls.*"}, a_test, 1, false},
	    {{.domain = "*.test"}, a_test, 1, true},
	    {{.domain = "b.*"}, a_test, 1, false},
	    {{.domain = "b.*"}, both, 2, true},
	    {{.group = "gold"}, a_test, 1, true},
	    {{.group = "gold"}, b_test, 1, false},
	    {{.owner = "mail-team"}, a_test, 1, true},
	    {{.owner = "mail-team"}, b_test, 1, false},
	    {{.tags = prod, .n_tags = 1}, a_test, 1, true},
	    {{.tags = prod, .n_tags = 1}, b_test, 1, false},
	    /* all conditions must hold for the same domain */
	    {{.group = "gold", .tags = dev, .n_tags = 1}, both, 2, false},
	    {{.group = "gold", .domain = "a.test"}, both, 2, true},
	    /* a notice about no domain matches only what asks for none */
	    {{.domain = "*"}, NULL, 0, false},
	    {{.severity = SEVERITY_CRITICAL}, NULL, 0, true},
	};
	struct conf c = conf_with(NODE(TO(to_oncall)));
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct notice n =
		    notice_of(SEVERITY_CRITICAL, "mx.removed", table[i].names, table[i].n);
		if (route_matches(&c, &table[i].match, &n) != table[i].yes)
			fail_msg("row %zu", i);
	}
}

static void without_route_everybody_gets_everything(void **state)
{
	(void)state;
	struct conf c = conf_with(NODE());
	struct notice n = notice_of(SEVERITY_INFO, "mx.added", a_test, 1);
	c.has_route = false;
	assert_targets(&c, &n, "oncall pager chat log");
}

static void first_matching_child_takes_it(void **state)
{
	(void)state;
	struct conf_route children[] = {
	    NODE(.match = {.severity = SEVERITY_CRITICAL}, TO(to_pager)),
	    NODE(.match = {.event = "mx.*"}, TO(to_chat)),
	};
	struct conf c = conf_with(NODE(TO(to_oncall), CHILDREN(children)));
	struct notice critical = notice_of(SEVERITY_CRITICAL, "mx.removed", a_test, 1);
	struct notice info = notice_of(SEVERITY_INFO, "mx.added", a_test, 1);
	struct notice other = notice_of(SEVERITY_INFO, "tls_rpt.changed", a_test, 1);
	assert_targets(&c, &critical, "pager");
	assert_targets(&c, &info, "chat");
	assert_targets(&c, &other, "oncall");
}

static void continue_asks_the_next_ones_too(void **state)
{
	(void)state;
	struct conf_route children[] = {
	    NODE(.go_on = true, TO(to_log)),
	    NODE(.match = {.severity = SEVERITY_CRITICAL}, TO(to_pager), .go_on = true),
	    NODE(.match = {.event = "mx.*"}, TO(to_oncall)),
	    NODE(TO(to_chat)),
	};
	struct conf c = conf_with(NODE(CHILDREN(children)));
	struct notice n = notice_of(SEVERITY_CRITICAL, "mx.removed", a_test, 1);
	/* each receiver once, by the first node that named it */
	assert_targets(&c, &n, "log oncall pager");
}

static void an_empty_list_silences(void **state)
{
	(void)state;
	struct conf_route children[] = {
	    NODE(.match = {.event = "mx.*"}, .receivers_set = true),
	    NODE(.match = {.event = "tls.*"}), /* says nothing: as the parent */
	};
	struct conf c = conf_with(NODE(TO(to_oncall), CHILDREN(children)));
	struct notice mx = notice_of(SEVERITY_INFO, "mx.added", a_test, 1);
	struct notice tls = notice_of(SEVERITY_INFO, "tls.version_regression", a_test, 1);
	assert_targets(&c, &mx, "");
	assert_targets(&c, &tls, "oncall");
}

static void times_are_inherited(void **state)
{
	(void)state;
	struct conf_route leaves[] = {TIMED(-1, -1, 7, .match = {.event = "mx.*"})};
	struct conf_route children[] = {
	    TIMED(28800, 5, -1, .match = {.group = "gold"}, CHILDREN(leaves))};
	struct conf c = conf_with(TIMED(-1, 60, 3600, TO(to_oncall), CHILDREN(children)));
	struct notice mx = notice_of(SEVERITY_INFO, "mx.added", a_test, 1);
	struct notice ptr = notice_of(SEVERITY_INFO, "ptr.changed", a_test, 1);
	struct arena *arena = arena_new();
	size_t count;
	struct route_target *t = route_targets(&c, &mx, arena, &count);
	assert_int_equal(count, 1);
	assert_string_equal(t->receiver, "oncall");
	assert_int_equal(t->group_wait_s, 5);
	assert_int_equal(t->repeat_s, 7);
	assert_int_equal(t->digest_at_s, -1); /* a digest is each node's own wish */
	assert_ptr_equal(t->route, &leaves[0]);
	t = route_targets(&c, &ptr, arena, &count);
	assert_int_equal(t->digest_at_s, 28800);
	assert_int_equal(t->repeat_s, 3600);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(matches),
	    cmocka_unit_test(without_route_everybody_gets_everything),
	    cmocka_unit_test(first_matching_child_takes_it),
	    cmocka_unit_test(continue_asks_the_next_ones_too),
	    cmocka_unit_test(an_empty_list_silences),
	    cmocka_unit_test(times_are_inherited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
