/* SPDX-License-Identifier: ISC
 *
 * Politeness: how many at once, how long between, who is next, and what the dead give back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "turnstile.h"

#define A "192.0.2.1"
#define B "2001:db8::1"

/* "asker:token" of everything granted now. */
static const char *granted(struct turnstile *t, int64_t now_ms)
{
	static char text[256];
	size_t len = 0;
	int64_t asker;
	uint64_t token;

	text[0] = '\0';
	while (turnstile_grant(t, now_ms, &asker, &token))
		len +=
		    (size_t)snprintf(text + len, sizeof(text) - len, "%s%lld:%llu", len ? " " : "",
				     (long long)asker, (unsigned long long)token);
	return text;
}

static void test_one_at_a_time_with_a_gap(void **state)
{
	struct turnstile *t = turnstile_new(1, 2000);
	(void)state;

	turnstile_want(t, 1, 10, A, 0);
	turnstile_want(t, 2, 20, A, 0);
	turnstile_want(t, 2, 21, B, 0);
	assert_string_equal(granted(t, 0), "1:10 2:21");
	assert_true(turnstile_due(t) == TURNSTILE_NEVER || turnstile_due(t) <= 0);
	assert_string_equal(granted(t, 99000), "");
	turnstile_done(t, 1, 10, 100000);
	assert_string_equal(granted(t, 101999), "");
	assert_int_equal(turnstile_due(t), 102000);
	assert_string_equal(granted(t, 102000), "2:20");
	turnstile_free(t);
}

static void test_two_at_once_first_come_first_served(void **state)
{
	struct turnstile *t = turnstile_new(2, 0);
	(void)state;

	for (uint64_t token = 1; token <= 5; token++)
		turnstile_want(t, 1, token, A, 0);
	assert_string_equal(granted(t, 0), "1:1 1:2");
	turnstile_done(t, 1, 2, 5);
	assert_string_equal(granted(t, 5), "1:3");
	turnstile_done(t, 1, 4, 5); /* no longer wants */
	turnstile_done(t, 1, 1, 6);
	assert_string_equal(granted(t, 6), "1:5");
	turnstile_free(t);
}

static void test_the_dead_give_everything_back(void **state)
{
	struct turnstile *t = turnstile_new(1, 0);
	(void)state;

	turnstile_want(t, 1, 1, A, 0);
	turnstile_want(t, 1, 2, A, 0);
	turnstile_want(t, 2, 1, A, 0);
	assert_string_equal(granted(t, 0), "1:1");
	turnstile_gone(t, 1, 10);
	assert_string_equal(granted(t, 10), "2:1");
	turnstile_gone(t, 2, 20);
	assert_int_equal(turnstile_due(t), TURNSTILE_NEVER);
	turnstile_free(t);
}

static void test_nonsense_is_ignored(void **state)
{
	struct turnstile *t = turnstile_new(1, 0);
	(void)state;

	turnstile_done(t, 1, 1, 0);
	turnstile_want(t, 1, 1, A, 0);
	turnstile_want(t, 1, 1, B, 0); /* a token in use */
	assert_string_equal(granted(t, 0), "1:1");
	turnstile_done(t, 1, 1, 0);
	turnstile_done(t, 1, 1, 0);
	turnstile_want(t, 1, 1, A, 1);
	assert_string_equal(granted(t, 1), "1:1");
	turnstile_free(t);
}

/* Addresses nobody asks for any more are forgotten. */
static void test_memory_stays_bounded(void **state)
{
	struct turnstile *t = turnstile_new(1, 2000);
	char address[32];
	(void)state;

	for (int i = 0; i < 100000; i++) {
		snprintf(address, sizeof(address), "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
		turnstile_want(t, 1, (uint64_t)i, address, i * 10);
		granted(t, i * 10);
		turnstile_done(t, 1, (uint64_t)i, i * 10 + 5);
	}
	assert_true(turnstile_count(t) < 5000);
	turnstile_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_at_a_time_with_a_gap),
	    cmocka_unit_test(test_two_at_once_first_come_first_served),
	    cmocka_unit_test(test_the_dead_give_everything_back),
	    cmocka_unit_test(test_nonsense_is_ignored),
	    cmocka_unit_test(test_memory_stays_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
