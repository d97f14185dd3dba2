/* SPDX-License-Identifier: ISC
 *
 * Domain names and addresses as text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "name.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define L10  "abcdefghij"
#define L63  L10 L10 L10 L10 L10 L10 "abc"
#define N253 L63 "." L63 "." L63 "." L10 L10 L10 L10 L10 L10 "a" /* 63*3 + 3 + 61 */

static const struct {
	const char *in, *name, *host; /* NULL: refused */
} fold_rows[] = {
    {"example.com", "example.com", "example.com"},
    {"Example.COM.", "example.com", "example.com"}, /* RFC 4343 §2 */
    {"localhost", "localhost", "localhost"},
    {"a-b.c--d.xn--p1ai", "a-b.c--d.xn--p1ai", "a-b.c--d.xn--p1ai"}, /* RFC 5890 §2.3.1 */
    {"1and1.com", "1and1.com", "1and1.com"},			     /* RFC 1123 §2.1 */
    {"_25._tcp.mx.example", "_25._tcp.mx.example", NULL},	     /* RFC 8552 */
    {"_mta-sts.example.com", "_mta-sts.example.com", NULL},
    {"2.0.192.in-addr.arpa", "2.0.192.in-addr.arpa", "2.0.192.in-addr.arpa"},
    {"192.0.2.1", "192.0.2.1", NULL}, /* the last label of a host is not all digits */
    {"123", "123", NULL},
    {L63 ".example", L63 ".example", L63 ".example"}, /* RFC 1035 §2.3.4 */
    {L63 "x.example", NULL, NULL},
    {N253, N253, N253},
    {N253 ".", N253, N253},
    {N253 "x", NULL, NULL},
    {"", NULL, NULL},
    {".", NULL, NULL},
    {"..", NULL, NULL},
    {"a..b", NULL, NULL},
    {".a", NULL, NULL},
    {"a.b..", NULL, NULL},
    {"-a.example", NULL, NULL},
    {"a-.example", NULL, NULL},
    {"_.example", NULL, NULL},
    {"a_b.example", NULL, NULL},
    {"_-a.example", NULL, NULL},
    {"__a.example", NULL, NULL},
    {"a b.example", NULL, NULL},
    {" a.example", NULL, NULL},
    {"a.example\n", NULL, NULL},
    {"b\xc3\xbc"
     "cher.example",
     NULL, NULL},
    {"*.example", NULL, NULL},
    {"a\\.b.example", NULL, NULL},
    {"[192.0.2.1]", NULL, NULL},
};

static void test_fold(void **state)
{
	char out[NAME_MAX_TEXT];

	(void)state;
	for (size_t i = 0; i < COUNT(fold_rows); i++) {
		print_message("%s\n", fold_rows[i].in);
		assert_int_equal(name_fold(out, fold_rows[i].in), fold_rows[i].name != NULL);
		if (fold_rows[i].name != NULL)
			assert_string_equal(out, fold_rows[i].name);
		assert_int_equal(name_fold_host(out, fold_rows[i].in), fold_rows[i].host != NULL);
		assert_int_equal(name_is_host(fold_rows[i].in), fold_rows[i].host != NULL);
		if (fold_rows[i].host != NULL)
			assert_string_equal(out, fold_rows[i].host);
	}
}

static void test_relations(void **state)
{
	(void)state;
	assert_true(name_equal("Example.com", "example.COM."));
	assert_true(name_equal("", "."));
	assert_false(name_equal("example.com", "example.co"));
	assert_false(name_equal("example.com", "example.comm"));
	assert_true(name_is_below("mx.Example.com", "example.com"));
	assert_true(name_is_below("example.com.", "example.com"));
	assert_true(name_is_below("example.com", ""));
	assert_true(name_is_below("example.com", "."));
	assert_false(name_is_below("badexample.com", "example.com"));
	assert_false(name_is_below("com", "example.com"));
	assert_string_equal(name_parent("a.b.c"), "b.c");
	assert_null(name_parent("c"));
	assert_null(name_parent("c."));
	assert_null(name_parent(""));
}

static const struct {
	const char *reference, *dns_name;
	bool match;
} certificate_rows[] = {
    /* RFC 9525 §6.3 */
    {"mx.example.com", "mx.example.com", true},
    {"mx.example.com", "MX.EXAMPLE.COM", true},
    {"mx.example.com", "mx.example.org", false},
    {"mx.example.com", "example.com", false},
    {"mx.example.com", "*.example.com", true},
    {"mx.example.com", "*.EXAMPLE.com", true},
    {"example.com", "*.example.com", false},
    {"a.b.example.com", "*.example.com", false},
    {"mx.example.com", "*.com", false},
    {"example.com", "*.com", false}, /* a wildcard of a top-level domain */
    {"mx.example.com", "*", false},
    {"mx.example.com", "m*.example.com", false}, /* partial wildcards */
    {"mx.example.com", "*x.example.com", false},
    {"mx.example.com", "mx.*.com", false},
    {"mx.example.com", "*.*.com", false},
    {"xn--a.example.com", "xn--*.example.com", false},
    {"xn--bcher-kva.example.com", "*.example.com", true},
    {"192.0.2.1", "192.0.2.1", false}, /* an address is no dNSName */
    {"192.0.2.1", "*.0.2.1", false},
    {"mx.example.com", "", false},
    {"mx.example.com", "mx.example.com\\x00.evil.net", false},
    {"", "", false},
    {"_smtp.example.com", "*.example.com", false},
};

static void test_certificate_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(certificate_rows); i++) {
		print_message("%s ~ %s\n", certificate_rows[i].reference,
			      certificate_rows[i].dns_name);
		assert_int_equal(name_matches_certificate(certificate_rows[i].reference,
							  certificate_rows[i].dns_name),
				 certificate_rows[i].match);
	}
}

static void test_literals(void **state)
{
	static const char *const yes[] = {"192.0.2.1",	   "[192.0.2.1]",	 "2001:db8::1",
					  "[2001:db8::1]", "[IPv6:2001:db8::1]", "[ipv6:::1]"};
	static const char *const no[] = {"",   "[]",	      "[x]",	      "192.0.2",
					 "1",  "192.0.2.256", "[192.0.2.1",   "192.0.2.1]",
					 "mx", "2001:db8:::", "fe80::1%eth0", "[IPv6:192.0.2.1"};

	(void)state;
	for (size_t i = 0; i < COUNT(yes); i++)
		assert_true(name_is_address_literal(yes[i]));
	for (size_t i = 0; i < COUNT(no); i++)
		assert_false(name_is_address_literal(no[i]));
	char long_one[4096];
	memset(long_one, '1', sizeof(long_one));
	long_one[0] = '[';
	memcpy(long_one + sizeof(long_one) - 2, "]", 2);
	assert_false(name_is_address_literal(long_one));
}

#define PUBLIC	 NAME_ADDRESS_PUBLIC
#define PRIVATE	 NAME_ADDRESS_PRIVATE
#define LOOPBACK NAME_ADDRESS_LOOPBACK
#define RESERVED NAME_ADDRESS_RESERVED
#define INVALID	 NAME_ADDRESS_INVALID

static const struct {
	const char *address;
	enum name_address_class class;
} class_rows[] = {
    {"8.8.8.8", PUBLIC},
    {"1.0.0.0", PUBLIC},
    {"223.255.255.255", PUBLIC},
    {"0.0.0.0", RESERVED}, /* RFC 1122 §3.2.1.3 */
    {"0.1.2.3", RESERVED},
    {"9.255.255.255", PUBLIC},
    {"10.0.0.0", PRIVATE}, /* RFC 1918 §3 */
    {"10.255.255.255", PRIVATE},
    {"11.0.0.0", PUBLIC},
    {"172.15.255.255", PUBLIC},
    {"172.16.0.0", PRIVATE},
    {"172.31.255.255", PRIVATE},
    {"172.32.0.0", PUBLIC},
    {"192.168.255.1", PRIVATE},
    {"192.167.255.255", PUBLIC},
    {"100.63.255.255", PUBLIC},
    {"100.64.0.0", PRIVATE}, /* RFC 6598 §7 */
    {"100.127.255.255", PRIVATE},
    {"100.128.0.0", PUBLIC},
    {"127.0.0.1", LOOPBACK},
    {"127.255.255.255", LOOPBACK},
    {"128.0.0.1", PUBLIC},
    {"169.254.169.254", PRIVATE}, /* RFC 3927 */
    {"192.0.0.8", RESERVED},
    {"192.0.1.1", PUBLIC},
    {"192.0.2.1", RESERVED}, /* RFC 5737 */
    {"198.51.100.1", RESERVED},
    {"203.0.113.255", RESERVED},
    {"198.17.255.255", PUBLIC},
    {"198.18.0.1", RESERVED}, /* RFC 2544 */
    {"198.19.255.255", RESERVED},
    {"198.20.0.0", PUBLIC},
    {"192.88.99.1", RESERVED},
    {"224.0.0.1", RESERVED},
    {"240.0.0.1", RESERVED},
    {"255.255.255.255", RESERVED},
    {"2a00:1450::1", PUBLIC},
    {"2001:200::1", PUBLIC},
    {"::", RESERVED},
    {"::1", LOOPBACK},
    {"::2", RESERVED},
    {"::127.0.0.1", RESERVED},	    /* IPv4-compatible, RFC 4291 §2.5.5.1 */
    {"::ffff:127.0.0.1", LOOPBACK}, /* IPv4-mapped, §2.5.5.2 */
    {"::ffff:10.0.0.1", PRIVATE},
    {"::ffff:8.8.8.8", PUBLIC},
    {"64:ff9b::10.1.2.3", PRIVATE}, /* NAT64, RFC 6052 §2.1 */
    {"64:ff9b::8.8.8.8", PUBLIC},
    {"64:ff9b:1::8.8.8.8", PRIVATE}, /* RFC 8215 */
    {"2002:7f00:1::", LOOPBACK},     /* 6to4, RFC 3056 */
    {"2002:c0a8:1::", PRIVATE},
    {"2002:808:808::1", PUBLIC},
    {"2001::1", RESERVED}, /* Teredo, RFC 4380 */
    {"2001:db8::1", RESERVED},
    {"3fff::1", RESERVED},
    {"3fff:fff:ffff::1", RESERVED},
    {"3fff:1000::1", PUBLIC},
    {"fc00::1", PRIVATE}, /* RFC 4193 */
    {"fdff::1", PRIVATE},
    {"fe80::1", PRIVATE},
    {"febf::1", PRIVATE},
    {"fec0::1", PRIVATE},
    {"ff02::1", RESERVED},
    {"100::1", RESERVED}, /* discard, RFC 6666 */
    {"5f00::1", RESERVED},
    {"4000::1", RESERVED},
    {"", INVALID},
    {"mx.example", INVALID},
    {"192.0.2", INVALID},
    {"192.0.2.01x", INVALID},
    {"[::1]", INVALID},
    {"fe80::1%lo", INVALID},
};

static void test_classes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(class_rows); i++) {
		print_message("%s\n", class_rows[i].address);
		assert_int_equal(name_address_class(class_rows[i].address), class_rows[i].class);
	}
}

static void test_reverse(void **state)
{
	char out[NAME_MAX_TEXT];

	(void)state;
	assert_true(name_reverse(out, "192.0.2.7"));
	assert_string_equal(out, "7.2.0.192.in-addr.arpa");   /* RFC 1035 §3.5 */
	assert_true(name_reverse(out, "2001:db8::567:89ab")); /* RFC 3596 §2.5 */
	assert_string_equal(out, "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
				 "8.b.d.0.1.0.0.2.ip6.arpa");
	assert_false(name_reverse(out, "mx.example"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_fold),
	    cmocka_unit_test(test_relations),
	    cmocka_unit_test(test_certificate_names),
	    cmocka_unit_test(test_literals),
	    cmocka_unit_test(test_classes),
	    cmocka_unit_test(test_reverse),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
