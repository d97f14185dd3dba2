/* SPDX-License-Identifier: ISC
 *
 * What an observation keeps of the one before: carry, and the small rules beside it: sight
 * (are we blind) and delivery (when to try again).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "carry.h"
#include "delivery.h"
#include "sight.h"

static const uint64_t key[2] = {1, 2};

static int64_t digest(const char *json)
{
	return carry_digest(json, strlen(json), key);
}

static void test_what_moves_by_itself_does_not_count(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
	    {"{\"v\":1}", "{\"v\":1}", true},
	    {"{\"v\":1}", "{\"v\":2}", false},
	    {"{\"at\":\"2026-11-22T13:00:00Z\",\"v\":1}",
	     "{\"at\":\"2027-01-01T00:00:00Z\",\"v\":1}", true},
	    {"{\"took_ms\":5,\"v\":1}", "{\"took_ms\":77,\"v\":1}", true},
	    {"{\"dns\":{\"ttl_s\":300}}", "{\"dns\":{\"ttl_s\":12}}", true},
	    {"{\"dns\":{\"ttl_s\":300},\"n\":1}", "{\"dns\":{\"ttl_s\":300},\"n\":2}", false},
	    /* a server cannot write itself a key */
	    {"{\"greeting\":\"\\\"at\\\":1\"}", "{\"greeting\":\"\\\"at\\\":2\"}", false},
	    {"{\"greeting\":\"at\",\"x\":1}", "{\"greeting\":\"at\",\"x\":2}", false},
	    {"{\"greeting\":\"a\\\\\",\"at\":1}", "{\"greeting\":\"a\\\\\",\"at\":2}", true},
	    {"{\"format\":1}", "{\"format\":2}", false},
	    {"", "", true},
	    {"\"", "\"\\", false},
	};
	const uint64_t other[2] = {1, 3};
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(digest(cases[i].a) == digest(cases[i].b), cases[i].same);
	assert_true(digest("{}") != carry_digest("{}", 2, other));
	/* the state of an older version knows it */
	assert_int_equal(digest("{\"at\":1,\"greeting\":\"ready\",\"n\":[1,2],\"ttl_s\":5}"),
			 0x577a0fff16b9dbb9);
}

static void test_the_deep_look_is_kept(void **state)
{
	struct obs_sweep deep = {.at = 5, .relay = {.at = 4, .first = OBS_RELAY_REFUSED}};
	struct obs_sweep fresh = {.at = 9},
			 tested = {.at = 9, .relay = {.at = 9, .first = OBS_RELAY_ACCEPTED}};
	struct obs_service old[] = {
	    {.address = "192.0.2.1", .port = 25, .sweep = &deep},
	    {.address = "192.0.2.2", .port = 25, .sweep = &deep},
	    {.address = "192.0.2.3", .port = 25, .sweep = &deep},
	};
	struct obs_service new[] = {
	    {.address = "192.0.2.1", .port = 25},
	    {.address = "192.0.2.1", .port = 587},
	    {.address = "192.0.2.2", .port = 25, .sweep = &fresh},
	    {.address = "192.0.2.3", .port = 25, .sweep = &tested},
	};
	struct obs_host before = {.services = old, .n_services = 3};
	struct obs_host now = {.services = new, .n_services = 4};
	struct observation a = {.host = &before}, b = {.host = &now}, none = {.v = 1};
	struct arena *arena = arena_new();
	const struct observation *both = carry_sweeps(&b, &a, arena);
	const struct obs_service *s = both->host->services;
	(void)state;

	assert_int_equal(both->host->n_services, 4);
	assert_ptr_equal(s[0].sweep, &deep);
	assert_null(s[1].sweep);
	assert_int_equal(s[2].sweep->at, 9);
	assert_int_equal(s[2].sweep->relay.at, 4);
	assert_ptr_equal(s[3].sweep, &tested);
	/* what came stays as it is: it is looked at again when the state could not be written */
	assert_null(new[0].sweep);
	assert_int_equal(fresh.relay.at, 0);
	assert_ptr_equal(carry_sweeps(&none, &a, arena), &none);
	assert_ptr_equal(carry_sweeps(&a, &a, arena), &a);
	arena_free(arena);
}

/* -- sight ---------------------------------------------------------------------------------- */

static struct obs_domain well = {.mx = {.dns = {.status = OBS_DNS_ANSWER}}};
static struct obs_domain failing = {.mx = {.dns = {.status = OBS_DNS_FAILED}}};

static enum sight_result look(struct sight *s, struct obs_domain *d, int64_t now)
{
	static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j",
					    "k", "l", "m", "n", "o", "p", "q", "r", "s", "t"};
	struct observation o = {.kind = OBS_KIND_DOMAIN,
				.subject = names[now % 20],
				.vantage = {true, true},
				.domain = d,
				.at = now};

	return sight_observed(s, &o, now);
}

static void test_blind_when_everything_fails(void **state)
{
	struct sight s = {.since = 0};
	int64_t now = 1000;
	(void)state;

	for (int i = 0; i < 40; i++)
		assert_int_equal(look(&s, &well, now++), SIGHT_SAME);
	/* some domains' own trouble is no blindness */
	for (int i = 0; i < 17; i++)
		assert_int_equal(look(&s, &failing, now++), SIGHT_SAME);
	for (int i = 0; i < 200 && !s.blind; i++)
		look(&s, &failing, now++);
	assert_true(s.blind);
	/* that time passes is no light */
	now += 10 * SIGHT_WINDOW_S;
	assert_int_equal(look(&s, &failing, now++), SIGHT_SAME);
	assert_int_equal(look(&s, &well, now++), SIGHT_SAME);
	for (int i = 0; i < 20 && s.blind; i++)
		look(&s, &well, now++);
	assert_false(s.blind);
}

/* One host that is down is asked again every other minute while nobody else is due. */
static void test_one_subject_is_one(void **state)
{
	struct sight s = {.since = 0};
	(void)state;

	for (int i = 0; i < 100; i++)
		assert_int_equal(look(&s, &failing, 1000 + 20 * i), SIGHT_SAME);
}

static void test_few_subjects_say_nothing(void **state)
{
	struct sight s = {.since = 0};
	(void)state;

	for (int i = 0; i < SIGHT_LEAST - 1; i++)
		assert_int_equal(look(&s, &failing, 1000 + i), SIGHT_SAME);
	/* nor does what is long ago */
	assert_int_equal(look(&s, &failing, 1000 + 2 * SIGHT_WINDOW_S), SIGHT_SAME);
}

static void test_no_resolver_is_blindness(void **state)
{
	struct sight s = {.since = 0};
	(void)state;

	assert_int_equal(sight_resolver(&s, true, 50), SIGHT_LOST);
	assert_int_equal(s.since, 50);
	assert_int_equal(sight_resolver(&s, true, 60), SIGHT_SAME);
	for (int i = 0; i < 30; i++)
		look(&s, &failing, 60 + i);
	assert_int_equal(sight_resolver(&s, false, 90), SIGHT_REGAINED);
}

static void test_port_25_blocked_outbound(void **state)
{
	struct sight s = {.since = 0};
	struct obs_service refused = {
	    .failure = {.stage = OBS_STAGE_CONNECT, .class = OBS_CLASS_REFUSED}};
	struct obs_service silent = {
	    .failure = {.stage = OBS_STAGE_CONNECT, .class = OBS_CLASS_TIMEOUT}};
	struct obs_host h = {.n_services = 1, .services = &refused};
	struct observation o = {.kind = OBS_KIND_HOST, .vantage = {true, true}, .host = &h};
	char name[] = "a";
	(void)state;

	o.subject = name;
	for (int i = 0; i < 20; i++, name[0]++)
		assert_int_equal(sight_observed(&s, &o, 1000 + i),
				 SIGHT_SAME); /* they answer: no */
	h.services = &silent;
	name[0] = 'a';
	for (int i = 0; i < 20; i++, name[0]++)
		sight_observed(&s, &o, 1100 + i);
	assert_true(s.blind);
}

/* -- delivery --------------------------------------------------------------------------------- */

static void test_retry_times(void **state)
{
	static const int64_t least[] = {5, 15, 60, 300, 900, 1800, 3600, 3600};
	(void)state;

	for (int64_t n = 1; n <= 8; n++)
		for (uint64_t chance = 0; chance < 1000; chance += 7) {
			int64_t s = delivery_delay_s(n, -1, chance);
			assert_in_range(s, least[n - 1], least[n - 1] + least[n - 1] / 10);
		}
	assert_int_equal(delivery_delay_s(1, 0, 0), 1); /* Retry-After within 1 s .. 1 h */
	assert_int_equal(delivery_delay_s(1, 120, 0), 120);
	assert_int_equal(delivery_delay_s(1, 999999, 0), 3600);
	assert_false(delivery_expired(0, 72 * 3600 - 1));
	assert_true(delivery_expired(0, 72 * 3600));
}

static void test_rate(void **state)
{
	struct delivery_rate r;
	int64_t wait, taken = 0;
	(void)state;

	delivery_rate_init(&r, 6, 0);
	while (delivery_rate_take(&r, 0, &wait))
		taken++;
	assert_int_equal(taken, 6);
	assert_int_equal(wait, 10000);
	assert_false(delivery_rate_take(&r, 9999, &wait));
	assert_true(delivery_rate_take(&r, 10000, &wait));
	for (taken = 0; delivery_rate_take(&r, 3600000, &wait);)
		taken++;
	assert_int_equal(taken, 6); /* an hour of silence saves up one minute's worth */
	delivery_rate_init(&r, 0, 0);
	assert_int_equal(r.per_minute, 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_moves_by_itself_does_not_count),
	    cmocka_unit_test(test_the_deep_look_is_kept),
	    cmocka_unit_test(test_blind_when_everything_fails),
	    cmocka_unit_test(test_few_subjects_say_nothing),
	    cmocka_unit_test(test_one_subject_is_one),
	    cmocka_unit_test(test_no_resolver_is_blindness),
	    cmocka_unit_test(test_port_25_blocked_outbound),
	    cmocka_unit_test(test_retry_times),
	    cmocka_unit_test(test_rate),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
