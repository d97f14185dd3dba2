/* SPDX-License-Identifier: ISC
 *
 * The codec: both directions of every type, and everything it must refuse.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "shape.h"

struct leaf {
	int64_t n;
};
static const struct shape_field leaf_fields[] = {
    {"n", SHAPE_INT, offsetof(struct leaf, n), 0, 9, NULL, NULL, SHAPE_REQUIRED},
};
static const struct shape leaf_shape = SHAPE("leaf", struct leaf, leaf_fields);

struct all {
	const char *s;
	int64_t i, at;
	bool b;
	int word;
	const char *const *strings;
	size_t n_strings;
	struct leaf *object;
	struct leaf in;
	struct leaf *objects;
	size_t n_objects;
	const char *raw;
};
static const char *const words[] = {"zero", "one", "two", NULL};
static const struct shape_field all_fields[] = {
    {"s", SHAPE_STRING, offsetof(struct all, s), 0, 8, NULL, NULL, 0},
    {"i", SHAPE_INT, offsetof(struct all, i), 0, 0, NULL, NULL, SHAPE_SIGNED},
    {"at", SHAPE_TIME, offsetof(struct all, at), 0, 0, NULL, NULL, 0},
    {"b", SHAPE_BOOL, offsetof(struct all, b), 0, 0, NULL, NULL, 0},
    {"word", SHAPE_ENUM, offsetof(struct all, word), 0, 0, NULL, words, 0},
    {"strings", SHAPE_STRINGS, offsetof(struct all, strings), offsetof(struct all, n_strings), 2,
     NULL, NULL, 0},
    {"object", SHAPE_OBJECT, offsetof(struct all, object), 0, 0, &leaf_shape, NULL, 0},
    {"in", SHAPE_INLINE, offsetof(struct all, in), 0, 0, &leaf_shape, NULL, 0},
    {"objects", SHAPE_OBJECTS, offsetof(struct all, objects), offsetof(struct all, n_objects), 2,
     &leaf_shape, NULL, 0},
    {"raw", SHAPE_RAW, offsetof(struct all, raw), 0, 0, NULL, NULL, 0},
};
static const struct shape all_shape = SHAPE("all", struct all, all_fields);

static int decode(const char *json, enum shape_strictness strictness, struct arena *arena,
		  struct all *out, struct error *err)
{
	return shape_decode(&all_shape, strictness, json, strlen(json), arena, out, err);
}

static void test_round_trip(void **state)
{
	(void)state;
	static const char *const documents[] = {
	    "{\"in\":{\"n\":0}}",
	    "{\"s\":\"x\\u0001\xc3\xa9\",\"i\":-5,\"at\":\"2026-11-22T13:00:00Z\",\"b\":true,"
	    "\"word\":\"two\",\"strings\":[\"a\",\"b\"],\"object\":{\"n\":1},\"in\":{\"n\":2},"
	    "\"objects\":[{\"n\":3},{\"n\":4}],\"raw\":{\"k\":[1,null]}}",
	};
	for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
		struct arena *arena = arena_new();
		struct error err = {{0}};
		struct all all;
		assert_int_equal(decode(documents[i], SHAPE_STRICT, arena, &all, &err), 0);
		struct buf out;
		buf_init(&out, 4096);
		assert_true(shape_encode(&all_shape, &all, &out));
		assert_string_equal(buf_str(&out), documents[i]);
		buf_clear(&out);
		arena_free(arena);
	}
}

static void test_refusals(void **state)
{
	(void)state;
	static const struct {
		const char *json, *why;
	} rows[] = {
	    {"", "not JSON"},
	    {"[]", "all: an object is wanted"},
	    {"{\"s\":\"x\",\"s\":\"y\"}", "not JSON: duplicate"},
	    {"{\"t\":1}", "unknown key"},
	    {"{\"s\":1}", "all.s: a string is wanted"},
	    {"{\"s\":\"123456789\"}", "all.s: the string is too long"},
	    {"{\"i\":1.5}", "all.i: a whole number is wanted"},
	    {"{\"object\":{\"n\":-1}}", "all.object.n: the number must not be negative"},
	    {"{\"object\":{\"n\":10}}", "all.object.n: the number is too large"},
	    {"{\"object\":{}}", "all.object.n: missing"},
	    {"{\"objects\":[{\"n\":1},7]}", "all.objects[1]: an object is wanted"},
	    {"{\"strings\":[\"a\",\"b\",\"c\"]}", "all.strings: the list is too long"},
	    {"{\"word\":\"three\"}", "all.word: unknown word"},
	    {"{\"at\":\"yesterday\"}", "all.at: a time"},
	    {"{\"raw\":[[[[[[[[[[[[[]]]]]]]]]]]]]}", "nested too deep"},
	    {"{\"s\":\"\xff\"}", "not JSON"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_new();
		struct error err = {{0}};
		struct all all;
		assert_int_equal(decode(rows[i].json, SHAPE_STRICT, arena, &all, &err), -1);
		if (strstr(err.text, rows[i].why) == NULL)
			fail_msg("%s: said \"%s\", wanted \"%s\"", rows[i].json, err.text,
				 rows[i].why);
		arena_free(arena);
	}
}

static void test_stored_rows_may_know_more(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	struct error err = {{0}};
	struct all all;
	assert_int_equal(
	    decode("{\"new\":{},\"i\":7,\"in\":{\"n\":0}}", SHAPE_LENIENT, arena, &all, &err), 0);
	assert_int_equal(all.i, 7);
	arena_free(arena);
}

static void test_ceiling_cuts(void **state)
{
	(void)state;
	struct all all = {.s = "12345678"};
	struct buf out;
	buf_init(&out, 4);
	assert_false(shape_encode(&all_shape, &all, &out));
	buf_clear(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_stored_rows_may_know_more),
	    cmocka_unit_test(test_ceiling_cuts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
