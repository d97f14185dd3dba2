/* SPDX-License-Identifier: ISC
 *
 * Questions to the plain facts of a chain.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cert.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define DAY	     86400

static void test_names(void **state)
{
	static const char *const names[] = {"Mail.Example.com", "*.example.net"};
	const struct obs_cert leaf = {
	    .subject = "CN=cn.example.org", .dns_names = names, .n_dns_names = 2};
	const struct obs_cert bare = {.subject = "CN=mail.example.com"};

	(void)state;
	assert_true(cert_matches_name(&leaf, "mail.example.com"));
	assert_true(cert_matches_name(&leaf, "mx.example.net"));
	assert_false(cert_matches_name(&leaf, "example.net"));
	assert_false(cert_matches_name(&leaf, "a.b.example.net"));
	assert_false(cert_matches_name(&leaf, "cn.example.org")); /* never the CN: RFC 9525 §2 */
	assert_false(cert_matches_name(&bare, "mail.example.com"));
}

static void test_thresholds(void **state)
{
	static const struct {
		int64_t lifetime, percent, max_s, want;
	} rows[] = {
	    {90 * DAY, 33, 21 * DAY, 21 * DAY},
	    {90 * DAY, 15, 7 * DAY, 7 * DAY},
	    {6 * DAY, 33, 21 * DAY, 6 * DAY / 100 * 33 + 0},
	    {6 * DAY, 15, 7 * DAY, 6 * DAY * 15 / 100},
	    {50, 33, 100, 16}, /* shorter than one per cent is a second */
	    {398 * DAY, 100, 500 * DAY, 398 * DAY},
	    {INT64_C(250000000000), 33, 21 * DAY, 21 * DAY}, /* the year 9999 */
	    {0, 33, 21 * DAY, 21 * DAY},
	    {-5, 33, 21 * DAY, 21 * DAY}, /* dates that do not parse, or upside down */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct obs_cert c = {.not_before = 1000,
					   .not_after = 1000 + rows[i].lifetime};
		const struct conf_threshold t = {rows[i].percent, rows[i].max_s};
		assert_int_equal(cert_threshold(&c, &t), rows[i].want);
	}
}

static void test_errors(void **state)
{
	struct obs_verify_error errors[] = {{0, 18, "self-signed"}, {1, 10, "expired"}};
	const struct obs_tls tls = {.errors = errors, .n_errors = 2};

	(void)state;
	assert_true(cert_has_error(&tls, 18));
	assert_true(cert_has_error(&tls, 10));
	assert_false(cert_has_error(&tls, 20));
	assert_false(cert_has_error(&(struct obs_tls){0}, 0));
}

static void test_order(void **state)
{
	static const struct {
		int64_t signed_by[4];
		size_t n;
		bool in_order;
	} rows[] = {
	    {{0}, 0, true},	   {{0}, 1, true},	 {{1}, 1, true}, /* self-signed */
	    {{2, 0}, 2, true},	   {{2, 3, 3}, 3, true}, {{2, 3, 0}, 3, true},
	    {{3, 2, 2}, 3, false}, /* leaf, root, intermediate */
	    {{0, 3, 3}, 3, false}, /* the leaf's issuer is missing */
	    {{2, 0, 0}, 3, false}, /* one that does not belong */
	    {{2, 2, 3}, 3, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct obs_cert chain[4] = {{0}};
		const struct obs_tls tls = {.chain = chain, .n_chain = rows[i].n};
		for (size_t k = 0; k < 4; k++)
			chain[k].signed_by = rows[i].signed_by[k];
		print_message("%zu\n", i);
		assert_int_equal(cert_chain_in_order(&tls), rows[i].in_order);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_thresholds),
	    cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
