/* SPDX-License-Identifier: ISC
 *
 * The schedule against a plain array as the oracle, with seeded random operations, and the
 * rules that keep it from stampeding.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "plan.h"

static uint64_t seed = 20261122;

static uint32_t roll(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

static int64_t least(const int64_t *due, size_t n)
{
	int64_t best = PLAN_NEVER;
	for (size_t i = 0; i < n; i++)
		if (due[i] < best)
			best = due[i];
	return best;
}

static void test_against_oracle(void **state)
{
	enum { SUBJECTS = 300 };
	int64_t due[SUBJECTS];
	struct plan *p = plan_new();
	(void)state;

	for (size_t i = 0; i < SUBJECTS; i++)
		due[i] = PLAN_NEVER;
	for (int step = 0; step < 40000; step++) {
		uint32_t s = roll(SUBJECTS);
		int64_t at = roll(1000);
		uint32_t taken;
		int64_t was;
		switch (roll(5)) {
		case 0:
		case 1:
			plan_set(p, s, at);
			due[s] = at;
			break;
		case 2:
			plan_sooner(p, s, at);
			if (at < due[s])
				due[s] = at;
			break;
		case 3:
			plan_remove(p, s);
			due[s] = PLAN_NEVER;
			break;
		default:
			if (plan_take(p, at, &taken, &was)) {
				assert_int_equal(was, due[taken]);
				assert_int_equal(was, least(due, SUBJECTS));
				assert_true(was <= at);
				due[taken] = PLAN_NEVER;
			} else {
				assert_true(least(due, SUBJECTS) > at);
			}
		}
		assert_int_equal(plan_due(p, s), due[s]);
		assert_int_equal(plan_next(p), least(due, SUBJECTS));
	}
	plan_free(p);
}

static void test_memory_per_entry(void **state)
{
	struct plan *p = plan_new();
	(void)state;
	for (uint32_t i = 0; i < 100000; i++)
		plan_set(p, i, roll(3600000));
	assert_int_equal(plan_count(p), 100000);
	assert_true(plan_size(p) <= 100000 * 24); /* 16 and the growth's slack */
	plan_free(p);
}

static void test_first_runs_are_spread(void **state)
{
	unsigned per_minute[60] = {0};
	(void)state;
	for (int i = 0; i < 60000; i++) {
		char name[32];
		snprintf(name, sizeof(name), "d%d.example", i);
		per_minute[plan_phase(name, 7, 3600000) / 60000]++;
		assert_int_equal(plan_phase(name, 7, 3600000), plan_phase(name, 7, 3600000));
	}
	for (int i = 0; i < 60; i++) /* mean 1000, five deviations are 160 */
		assert_in_range(per_minute[i], 840, 1160);
}

static void test_standstill_is_spread(void **state)
{
	struct plan *p = plan_new();
	unsigned per_second[600] = {0};
	uint32_t s;
	int64_t due;
	(void)state;

	for (uint32_t i = 0; i < 6000; i++)
		plan_set(p, i, i * 100); /* ten a second for ten minutes, then ... */
	plan_set(p, 6000, 700000);
	assert_int_equal(plan_spread(p, 600000, 600000), 6000); /* ... a sleep of ten minutes */
	assert_int_equal(plan_due(p, 6000), 700000);
	while (plan_take(p, 1199999, &s, &due))
		if (s != 6000)
			per_second[(due - 600000) / 1000]++;
	for (int i = 0; i < 600; i++)
		assert_in_range(per_second[i], 9, 11);
	assert_int_equal(plan_count(p), 0);
	plan_free(p);
}

static void test_when(void **state)
{
	(void)state;
	/* the phase is kept, and missed runs are not made up for */
	assert_int_equal(plan_after(1000, 1000, 60000), 61000);
	assert_int_equal(plan_after(1000, 60999, 60000), 61000);
	assert_int_equal(plan_after(1000, 61000, 60000), 121000);
	assert_int_equal(plan_after(1000, 999000, 60000), 1021000);
	assert_int_equal(plan_after(5000, 1000, 60000), 5000);
	assert_int_equal(plan_after(0, 10, 0), 11);
	/* a restart: due an interval after the last look, the overdue at their phase */
	assert_int_equal(plan_resume(1000, 20000, 60000, 777, 5000), 41000);
	assert_int_equal(plan_resume(1000, 60000, 60000, 777, 5000), 1777);
	assert_int_equal(plan_resume(1000, -1, 60000, 7777, 5000), 1000 + 2777);
	assert_int_equal(plan_resume(1000, -1, 60000, 7777, 0), 1000);
	/* retries: up to a tenth later */
	assert_int_equal(plan_retry(0, 120000, 0), 120000);
	assert_in_range(plan_retry(0, 120000, 9999), 131000, 132000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_against_oracle),
	    cmocka_unit_test(test_memory_per_entry),
	    cmocka_unit_test(test_first_runs_are_spread),
	    cmocka_unit_test(test_standstill_is_spread),
	    cmocka_unit_test(test_when),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
