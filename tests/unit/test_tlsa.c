/* SPDX-License-Identifier: ISC
 *
 * TLSA records: what is usable (RFC 7672 §3.1), what matches which chain (RFC 7671 §5, RFC
 * 7672 §3.2.2), digest agility (RFC 7671 §9), presentation form (RFC 6698 §2.2).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tlsa.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define H64(c)	c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c /* c: two digits */
#define H128(c) H64(c) H64(c)

/* -- usability --------------------------------------------------------------------------- */

static void test_usability(void **state)
{
	static const struct {
		struct obs_tlsa_rr rr;
		enum tlsa_usable usable;
	} rows[] = {
	    {{3, 1, 1, H64("a1"), NULL}, TLSA_USABLE},
	    {{3, 0, 1, H64("a1"), NULL}, TLSA_USABLE},
	    {{2, 0, 1, H64("a1"), NULL}, TLSA_USABLE},
	    {{2, 1, 2, H128("a1"), NULL}, TLSA_USABLE},
	    {{3, 1, 0, "30", H64("a1")}, TLSA_USABLE},
	    {{0, 0, 1, H64("a1"), NULL}, TLSA_PKIX_USAGE}, /* RFC 7672 §3.1.3 */
	    {{1, 1, 1, H64("a1"), NULL}, TLSA_PKIX_USAGE},
	    {{4, 1, 1, H64("a1"), NULL}, TLSA_BAD_USAGE},
	    {{255, 1, 1, H64("a1"), NULL}, TLSA_BAD_USAGE},
	    {{3, 2, 1, H64("a1"), NULL}, TLSA_BAD_SELECTOR},
	    {{3, 1, 3, H64("a1"), NULL}, TLSA_BAD_MATCHING},
	    {{3, 1, 255, H64("a1"), NULL}, TLSA_BAD_MATCHING},
	    {{3, 1, 1, H64("a1") "a1", NULL}, TLSA_BAD_LENGTH},
	    {{3, 1, 1, "a1", NULL}, TLSA_BAD_LENGTH},
	    {{3, 1, 1, H128("a1"), NULL}, TLSA_BAD_LENGTH},
	    {{3, 1, 2, H64("a1"), NULL}, TLSA_BAD_LENGTH},
	    {{3, 1, 0, "", NULL}, TLSA_BAD_LENGTH},
	    {{3, 1, 0, NULL, NULL}, TLSA_BAD_LENGTH},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(tlsa_usability(&rows[i].rr), rows[i].usable);
		assert_true(strlen(tlsa_usability_text(rows[i].usable)) > 0);
	}
}

/* -- the match --------------------------------------------------------------------------- */

/* Certificate N has the digest "cN..", its key "dN..". */
#define CERT(n)                                                                                    \
	.sha256 = H64("c" #n), .sha512 = H128("c" #n), .spki_sha256 = H64("d" #n),                 \
	.spki_sha512 = H128("d" #n)
#define LEAF(from, to)                                                                             \
	{                                                                                          \
		CERT(0), .dns_names = leaf_names, .n_dns_names = 1, .not_before = from,            \
			 .not_after = to, .signed_by = 2                                           \
	}
#define CA(n, from, to, by)                                                                        \
	{                                                                                          \
		CERT(n), .is_ca = true, .not_before = from, .not_after = to, .signed_by = by       \
	}

static const char *const leaf_names[] = {"mx.example.com"};

enum { NOW = 1000 };

static struct obs_cert good[] = {LEAF(0, 2000), CA(1, 0, 2000, 3), CA(2, 0, 2000, 3)};
static struct obs_cert shuffled[] = {
    {CERT(0), .dns_names = leaf_names, .n_dns_names = 1, .not_after = 2000, .signed_by = 3},
    CA(2, 0, 2000, 2),
    CA(1, 0, 2000, 2)};
static struct obs_cert expired_leaf[] = {LEAF(0, 999), CA(1, 0, 2000, 0)};
static struct obs_cert expired_ca[] = {LEAF(0, 2000), CA(1, 0, 1000, 3), CA(2, 0, 2000, 3)};
static struct obs_cert early_root[] = {LEAF(0, 2000), CA(1, 0, 2000, 3), CA(2, 1001, 2000, 3)};
static struct obs_cert no_ca[] = {
    LEAF(0, 2000), {CERT(1), .not_after = 2000, .signed_by = 3}, CA(2, 0, 2000, 3)};
static struct obs_cert unsigned_leaf[] = {
    {CERT(0), .dns_names = leaf_names, .n_dns_names = 1, .not_after = 2000}, CA(1, 0, 2000, 0)};
static struct obs_cert circle[] = {LEAF(0, 2000), CA(1, 0, 2000, 3), CA(2, 0, 2000, 2)};
static struct obs_cert bad_dates[] = {
    {CERT(0), .dns_names = leaf_names, .n_dns_names = 1, .bad_dates = true, .signed_by = 2},
    CA(1, 0, 2000, 0)};
static struct obs_cert lone[] = {{CERT(0), .dns_names = leaf_names, .n_dns_names = 1,
				  .not_after = 2000, .signed_by = 1, .is_ca = true}};
static struct obs_cert lying[] = {/* an index outside the chain */
				  {CERT(0), .dns_names = leaf_names, .n_dns_names = 1,
				   .not_after = 2000, .signed_by = 9},
				  CA(1, 0, 2000, 0)};

#define CHAIN(c) c, COUNT(c)
#define MX	 "mx.example.com"

static const struct {
	const char *what;
	struct obs_tlsa_rr rr[3];
	size_t n;
	const struct obs_cert *chain;
	size_t n_chain;
	const char *name;
	struct tlsa_verdict verdict;
} match_rows[] = {
    /* RFC 7672 §3.1.1: usage 3 the leaf, whatever its names and dates */
    {"3 1 1", {{3, 1, 1, H64("d0")}}, 1, CHAIN(good), MX, {1, true, 0, 0, true}},
    {"3 1 2", {{3, 1, 2, H128("d0")}}, 1, CHAIN(good), MX, {1, true, 0, 0, true}},
    {"3 0 1", {{3, 0, 1, H64("c0")}}, 1, CHAIN(good), MX, {1, true, 0, 0, true}},
    {"3 0 2", {{3, 0, 2, H128("c0")}}, 1, CHAIN(good), MX, {1, true, 0, 0, true}},
    {"3 0 0", {{3, 0, 0, "3082", H64("c0")}}, 1, CHAIN(good), MX, {1, true, 0, 0, true}},
    {"3 1 0", {{3, 1, 0, "3059", H64("d0")}}, 1, CHAIN(good), MX, {1, true, 0, 0, true}},
    {"3 1 0, digest unknown", {{3, 1, 0, "3059", NULL}}, 1, CHAIN(good), MX, {1}},
    {"upper case hex", {{3, 1, 1, H64("D0")}}, 1, CHAIN(good), MX, {1, true, 0, 0, true}},
    {"3, other name", {{3, 1, 1, H64("d0")}}, 1, CHAIN(good), "x.y", {1, true, 0, 0, true}},
    {"3, expired", {{3, 1, 1, H64("d0")}}, 1, CHAIN(expired_leaf), MX, {1, true, 0, 0, true}},
    {"3 is not the issuer", {{3, 1, 1, H64("d1")}}, 1, CHAIN(good), MX, {1}},
    {"selector 0 is not the key", {{3, 0, 1, H64("d0")}}, 1, CHAIN(good), MX, {1}},
    {"no match", {{3, 1, 1, H64("ee")}}, 1, CHAIN(good), MX, {1}},
    {"the second record",
     {{3, 1, 1, H64("ee")}, {3, 1, 1, H64("d0")}},
     2,
     CHAIN(good),
     MX,
     {2, true, 1, 0, true}},
    /* RFC 7672 §3.1.2: usage 2 an issuer above the leaf, names and dates checked */
    {"2 1 1 intermediate", {{2, 1, 1, H64("d1")}}, 1, CHAIN(good), MX, {1, true, 0, 1, false}},
    {"2 0 1 root", {{2, 0, 1, H64("c2")}}, 1, CHAIN(good), MX, {1, true, 0, 2, false}},
    {"2 0 0", {{2, 0, 0, "3082", H64("c2")}}, 1, CHAIN(good), MX, {1, true, 0, 2, false}},
    {"2, out of order", {{2, 1, 1, H64("d2")}}, 1, CHAIN(shuffled), MX, {1, true, 0, 1, false}},
    {"2 is not the leaf", {{2, 1, 1, H64("d0")}}, 1, CHAIN(good), MX, {1}},
    {"2 is not a lone leaf", {{2, 1, 1, H64("d0")}}, 1, CHAIN(lone), MX, {1}},
    {"2, no signature", {{2, 1, 1, H64("d1")}}, 1, CHAIN(unsigned_leaf), MX, {1}},
    {"2, no CA", {{2, 1, 1, H64("d2")}}, 1, CHAIN(no_ca), MX, {1}},
    {"2, a circle", {{2, 1, 1, H64("ee")}}, 1, CHAIN(circle), MX, {1}},
    {"2, index outside", {{2, 1, 1, H64("d1")}}, 1, CHAIN(lying), MX, {1}},
    {"2, other name",
     {{2, 1, 1, H64("d1")}},
     1,
     CHAIN(good),
     "mx.example.net",
     {1, false, 0, 1, false, true, false}},
    {"2, expired leaf",
     {{2, 1, 1, H64("d1")}},
     1,
     CHAIN(expired_leaf),
     MX,
     {1, false, 0, 1, false, false, true}},
    {"2, expired anchor", /* its notAfter is now */
     {{2, 1, 1, H64("d1")}},
     1,
     CHAIN(expired_ca),
     MX,
     {1, false, 0, 1, false, false, true}},
    {"2, expired below",
     {{2, 1, 1, H64("d2")}},
     1,
     CHAIN(expired_ca),
     MX,
     {1, false, 0, 2, false, false, true}},
    {"2, not yet above",
     {{2, 1, 1, H64("d2")}},
     1,
     CHAIN(early_root),
     MX,
     {1, false, 0, 2, false, false, true}},
    {"2, what lies above the anchor does not count",
     {{2, 1, 1, H64("d1")}},
     1,
     CHAIN(early_root),
     MX,
     {1, true, 0, 1, false}},
    {"2, bad dates",
     {{2, 1, 1, H64("d1")}},
     1,
     CHAIN(bad_dates),
     MX,
     {1, false, 0, 1, false, false, true}},
    {"3 saves a failed 2",
     {{2, 1, 1, H64("d1")}, {3, 1, 1, H64("d0")}},
     2,
     CHAIN(good),
     "x.y",
     {2, true, 1, 0, true}},
    {"2 with a failed 3",
     {{3, 1, 1, H64("ee")}, {2, 1, 1, H64("d1")}},
     2,
     CHAIN(good),
     MX,
     {2, true, 1, 1, false}},
    /* RFC 7671 §9: of one usage and selector the strongest digest alone counts */
    {"weaker digest ignored",
     {{3, 1, 1, H64("d0")}, {3, 1, 2, H128("ee")}},
     2,
     CHAIN(good),
     MX,
     {2}},
    {"stronger digest matches",
     {{3, 1, 1, H64("ee")}, {3, 1, 2, H128("d0")}},
     2,
     CHAIN(good),
     MX,
     {2, true, 1, 0, true}},
    {"another selector",
     {{3, 1, 1, H64("d0")}, {3, 0, 2, H128("ee")}},
     2,
     CHAIN(good),
     MX,
     {2, true, 0, 0, true}},
    {"another usage",
     {{3, 1, 1, H64("d0")}, {2, 1, 2, H128("ee")}},
     2,
     CHAIN(good),
     MX,
     {2, true, 0, 0, true}},
    {"an unusable stronger one",
     {{3, 1, 1, H64("d0")}, {3, 1, 2, H64("ee")}},
     2,
     CHAIN(good),
     MX,
     {1, true, 0, 0, true}},
    {"matching type 0 is outside of it",
     {{3, 1, 0, "30", H64("d0")}, {3, 1, 2, H128("ee")}},
     2,
     CHAIN(good),
     MX,
     {2, true, 0, 0, true}},
    /* unusable records match nothing */
    {"usage 1", {{1, 1, 1, H64("d0")}}, 1, CHAIN(good), MX, {0}},
    {"usage 0", {{0, 1, 1, H64("d1")}}, 1, CHAIN(good), MX, {0}},
    {"nothing served", {{3, 1, 1, H64("d0")}}, 1, good, 0, MX, {1}},
    {"no records", {{0}}, 0, CHAIN(good), MX, {0}},
};

static void test_match(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(match_rows); i++) {
		struct obs_tls tls = {.chain = (struct obs_cert *)match_rows[i].chain,
				      .n_chain = match_rows[i].n_chain};
		const struct tlsa_verdict *want = &match_rows[i].verdict;
		struct tlsa_verdict got;

		print_message("%s\n", match_rows[i].what);
		tlsa_match(match_rows[i].rr, match_rows[i].n, &tls, &match_rows[i].name, 1, NOW,
			   &got);
		assert_int_equal(got.n_usable, want->n_usable);
		assert_int_equal(got.matched, want->matched);
		assert_int_equal(got.rr, want->rr);
		assert_int_equal(got.depth, want->depth);
		assert_int_equal(got.ee, want->ee);
		assert_int_equal(got.name_failed, want->name_failed);
		assert_int_equal(got.date_failed, want->date_failed);
	}
}

static void test_match_edges(void **state)
{
	const struct obs_tlsa_rr rr[] = {{2, 1, 1, H64("d1"), NULL}};
	const char *const names[] = {"example.com", "mx.example.com"}; /* RFC 7672 §3.2.2: any */
	struct obs_tls tls = {.chain = good, .n_chain = COUNT(good)};
	struct tlsa_verdict v;

	(void)state;
	tlsa_match(rr, 1, NULL, names, 2, NOW, &v);
	assert_false(v.matched);
	assert_int_equal(v.n_usable, 1);
	tlsa_match(rr, 1, &tls, names, 2, NOW, &v);
	assert_true(v.matched);
	tlsa_match(rr, 1, &tls, names, 1, NOW, &v);
	assert_true(!v.matched && v.name_failed);
	tlsa_match(rr, 1, &tls, NULL, 0, NOW, &v);
	assert_true(!v.matched && v.name_failed);
	struct obs_cert bare[] = {{.signed_by = 2}, {.is_ca = true}}; /* no digests at all */
	tls = (struct obs_tls){.chain = bare, .n_chain = 2};
	tlsa_match(rr, 1, &tls, names, 2, NOW, &v);
	assert_false(v.matched);
}

/* -- presentation form --------------------------------------------------------------------- */

static const struct {
	const char *text;
	int result;
	int usage, selector, matching;
	const char *data;
	const char *remarks;
} parse_rows[] = {
    {"3 1 1 " H64("ab"), 0, 3, 1, 1, H64("ab"), ""},
    {"3 1 1 " H64("AB") "\n", 0, 3, 1, 1, H64("ab"), ""},
    {" 2\t0  1 (" H64("ab") " )", 0, 2, 0, 1, H64("ab"), ""},
    {"3 1 2 " H64("ab") "\n\t" H64("ab"), 0, 3, 1, 2, H128("ab"), ""},
    {"3 1 0 3059 30 13", 0, 3, 1, 0, "30593013", ""},
    {"_25._tcp.mx.example. 3600 IN TLSA 3 1 1 " H64("ab"), 0, 3, 1, 1, H64("ab"), ""},
    {"_25._tcp.mx.example. IN tlsa ( ; next\n 3 1 1\n " H64("ab") " ) ; end", 0, 3, 1, 1, H64("ab"),
     ""},
    /* RFC 7218 §2 */
    {"DANE-EE SPKI SHA2-256 " H64("ab"), 0, 3, 1, 1, H64("ab"), ""},
    {"dane-ta cert sha2-512 " H128("ab"), 0, 2, 0, 2, H128("ab"), ""},
    {"DANE-EE Cert Full 3082", 0, 3, 0, 0, "3082", ""},
    /* usable or not */
    {"1 1 1 " H64("ab"), 0, 1, 1, 1, H64("ab"), "warning 1:1"},
    {"PKIX-TA 0 1 " H64("ab"), 0, 0, 0, 1, H64("ab"), "warning 1:1"},
    {"4 1 1 " H64("ab"), 0, 4, 1, 1, H64("ab"), "error 1:1"},
    {"3 2 1 " H64("ab"), 0, 3, 2, 1, H64("ab"), "error 1:3"},
    {"3 1 3 " H64("ab"), 0, 3, 1, 3, H64("ab"), "error 1:5"},
    {"3 1 1 abcd", 0, 3, 1, 1, "abcd", "error 1:7"},
    {"3 1\n 2 " H64("ab"), 0, 3, 1, 2, H64("ab"), "error 2:4"},
    /* malformed */
    {"", -1, 0, 0, 0, "", "error 1:1, error 1:1, error 1:1, error 1:1"},
    {"3 1 1", -1, 3, 1, 1, "", "error 1:6"},
    {"3 1 " H64("ab"), -1, 3, 1, 0, "", "error 1:5, error 1:69"},
    {"256 1 1 ab", -1, 0, 1, 1, "ab", "error 1:1"},
    {"-3 1 1 ab", -1, 0, 1, 1, "ab", "error 1:1"},
    {"3 x 1 ab", -1, 3, 0, 1, "ab", "error 1:3"},
    {"3 1 99999999999999999999999999 ab", -1, 3, 1, 0, "ab", "error 1:5"},
    {"3 1 1 abc", -1, 3, 1, 1, "abc", "error 1:7"},
    {"3 1 1 ab cg", -1, 3, 1, 1, "ab", "error 1:11"},
    {"3 1 1 \"ab\"", -1, 3, 1, 1, "", "error 1:7"},
    {"IN TLSA", -1, 0, 0, 0, "", "error 1:8, error 1:8, error 1:8, error 1:8"},
};

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(parse_rows); i++) {
		struct arena *arena = arena_new();
		struct obs_tlsa_rr rr;
		struct remarks remarks;
		char text[256] = "";

		print_message("%s\n", parse_rows[i].text);
		remarks_init(&remarks, arena);
		int result = tlsa_record_parse(parse_rows[i].text, arena, &rr, &remarks);
		for (size_t k = 0, n = 0; k < remarks.n; k++) {
			print_message("  %s\n", remarks.item[k].rule);
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s %zu:%zu",
					      k > 0 ? ", " : "",
					      remark_level_words[remarks.item[k].level],
					      remarks.item[k].line, remarks.item[k].column);
		}
		assert_string_equal(text, parse_rows[i].remarks);
		assert_int_equal(result, parse_rows[i].result);
		assert_int_equal(rr.usage, parse_rows[i].usage);
		assert_int_equal(rr.selector, parse_rows[i].selector);
		assert_int_equal(rr.matching, parse_rows[i].matching);
		assert_string_equal(rr.data, parse_rows[i].data);
		arena_free(arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_usability),
	    cmocka_unit_test(test_match),
	    cmocka_unit_test(test_match_edges),
	    cmocka_unit_test(test_parse),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
