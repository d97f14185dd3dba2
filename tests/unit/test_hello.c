/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE /* memmem */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "hello.h"
#include "wire.h"

static unsigned char seed[HELLO_RANDOM];

static void build(struct buf *out, int version, unsigned classes, const char *sni)
{
	struct hello_params p = {
	    .version = version, .classes = classes, .sni = sni, .random = seed};

	buf_init(out, HELLO_MAX);
	hello_build(&p, out);
	assert_false(out->truncated);
}

static void rest_is(struct wire *w, size_t len)
{
	assert_int_equal(len, wire_left(w));
}

/* Every length field of a ClientHello fits what it holds (RFC 8446 section 4.1.2). */
static void walk(const struct buf *hello, int want_version, size_t *n_suites, size_t *n_ext)
{
	struct wire w;
	size_t len;

	wire_init(&w, hello->data, hello->len);
	assert_int_equal(wire_u8(&w), 22);
	wire_u16(&w);
	len = wire_u16(&w);
	rest_is(&w, len);
	assert_int_equal(wire_u8(&w), 1);
	assert_int_equal(wire_u8(&w), 0);
	len = wire_u16(&w);
	rest_is(&w, len);
	assert_int_equal(wire_u16(&w), want_version);
	wire_bytes(&w, 32);
	wire_bytes(&w, wire_u8(&w));
	*n_suites = wire_u16(&w) / 2u;
	wire_bytes(&w, *n_suites * 2);
	wire_bytes(&w, wire_u8(&w));
	*n_ext = 0;
	if (wire_left(&w) > 0) {
		len = wire_u16(&w);
		rest_is(&w, len);
		for (; wire_left(&w) > 0; (*n_ext)++) {
			wire_u16(&w);
			wire_bytes(&w, wire_u16(&w));
		}
	}
	assert_false(w.failed);
}

static void builds(void **state)
{
	static const struct {
		int version;
		unsigned classes;
		const char *sni;
		int on_wire;
		size_t suites, extensions;
	} cases[] = {
	    {HELLO_SSL3, HELLO_EXPORT, "mx.test", 0x0300, 16, 0}, /* no extensions in SSLv3 */
	    {HELLO_TLS1_0, HELLO_RC4, NULL, 0x0301, 8, 2},
	    {HELLO_TLS1_0, HELLO_RC4 | HELLO_NULL, "mx.test", 0x0301, 16, 3},
	    {HELLO_TLS1_2, HELLO_ANON, "mx.test", 0x0303, 16, 4},
	    {HELLO_TLS1_3, 0, "mx.test", 0x0303, 3, 6},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t suites, extensions;
		struct buf out;

		build(&out, cases[i].version, cases[i].classes, cases[i].sni);
		walk(&out, cases[i].on_wire, &suites, &extensions);
		assert_int_equal(suites, cases[i].suites);
		assert_int_equal(extensions, cases[i].extensions);
		buf_clear(&out);
	}
}

static void builds_ssl2(void **state)
{
	struct buf out;

	(void)state;
	build(&out, HELLO_SSL2, 0, "mx.test");
	assert_int_equal((unsigned char)out.data[0], 0x80);
	assert_int_equal((unsigned char)out.data[1], out.len - 2);
	assert_memory_equal(out.data + 2, "\1\0\2", 3);
	buf_clear(&out);
}

/* An encapsulation key is 768 numbers below 3329 (FIPS 203 section 7.2). */
static void mlkem_key_is_valid(void **state)
{
	static const unsigned char head[] = {0x11, 0xec, 0x04, 0xc0};
	const unsigned char *key;
	struct buf out;

	(void)state;
	memset(seed, 0xff, sizeof(seed));
	build(&out, HELLO_TLS1_3, 0, NULL);
	key = memmem(out.data, out.len, head, sizeof(head));
	assert_non_null(key);
	key += sizeof(head);
	for (int i = 0; i < 384; i++, key += 3) {
		assert_in_range(key[0] | (key[1] & 15) << 8, 0, 3328);
		assert_in_range(key[1] >> 4 | key[2] << 4, 0, 3328);
	}
	buf_clear(&out);
}

#define R32			     "0123456789abcdef0123456789abcdef"
#define SERVER_HELLO(v, suite, comp) "\2\0\0\x26" v R32 "\0" suite comp

static void parses(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		enum hello_status status;
		int version, suite, group, alert;
		bool compression;
		unsigned class;
	} cases[] = {
#define BYTES(s) s, sizeof(s) - 1
	    {BYTES(""), HELLO_MORE, 0, 0, 0, 0, false, 0},
	    {BYTES("\x16\3\3"), HELLO_MORE, 0, 0, 0, 0, false, 0},
	    {BYTES("\x16\3\3\0\x2a" SERVER_HELLO("\3\3", "\xc0\x2f", "\0")), HELLO_ACCEPTED, 0x303,
	     0xc02f, 0, 0, false, HELLO_COMMON},
	    {BYTES("\x16\3\3\0\x2a" SERVER_HELLO("\3\1", "\0\5", "\1")), HELLO_ACCEPTED, 0x301, 5,
	     0, 0, true, HELLO_RC4},
	    /* in two records */
	    {BYTES("\x16\3\3\0\x04\2\0\0\x26\x16\3\3\0\x26\3\3" R32 "\0\0\x18\0"), HELLO_ACCEPTED,
	     0x303, 0x18, 0, 0, false, HELLO_ANON},
	    /* TLS 1.3 in extensions: supported_versions, key_share */
	    {BYTES("\x16\3\3\0\x38\2\0\0\x34\3\3" R32 "\0\x13\1\0\0\x0c"
		   "\0\x2b\0\2\3\4\0\x33\0\2\x11\xec"),
	     HELLO_ACCEPTED, 0x304, 0x1301, 0x11ec, 0, false, 0},
	    {BYTES("\x15\3\3\0\2\2\x46"), HELLO_REFUSED, 0, 0, 0, 70, false, 0},
	    /* a warning, then the answer (RFC 6066 section 3: unrecognized_name) */
	    {BYTES("\x15\3\3\0\2\1\x70\x16\3\3\0\x2a" SERVER_HELLO("\3\3", "\0\x0a", "\0")),
	     HELLO_ACCEPTED, 0x303, 10, 0, 112, false, HELLO_3DES},
	    {BYTES("500 what is this\r\n"), HELLO_BROKEN, 0, 0, 0, 0, false, 0},
	    {BYTES("\x16\3\3\0\x04\2\0\0\0"), HELLO_BROKEN, 0, 0, 0, 0, false, 0},
	    {BYTES("\x16\3\3\0\x04\x0b\0\0\0"), HELLO_BROKEN, 0, 0, 0, 0, false, 0},
	    /* SSLv2 SERVER-HELLO, and an error */
	    {BYTES("\x80\x0b\4\0\1\0\2\0\0\0\0\0\0"), HELLO_ACCEPTED, 2, 0, 0, 0, false, 0},
	    {BYTES("\x80\x03\0\0\1\0\0"), HELLO_BROKEN, 0, 0, 0, 0, false, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hello_answer a;
		enum hello_status status = hello_parse(cases[i].bytes, cases[i].len, &a);

		print_message("case %zu\n", i);
		assert_int_equal(status, cases[i].status);
		if (status != HELLO_ACCEPTED && status != HELLO_REFUSED)
			continue;
		assert_int_equal(a.version, cases[i].version);
		assert_int_equal(a.suite, cases[i].suite);
		assert_int_equal(a.group, cases[i].group);
		assert_int_equal(a.compression, cases[i].compression);
		assert_int_equal(a.class, cases[i].class);
		if (status == HELLO_REFUSED)
			assert_int_equal(a.alert, cases[i].alert);
	}
}

/* Any prefix of an answer is MORE or an end, never a fault. */
static void every_prefix(void **state)
{
	static const char bytes[] = "\x16\3\3\0\x38\2\0\0\x34\3\3" R32 "\0\x13\1\0\0\x0c"
				    "\0\x2b\0\2\3\4\0\x33\0\2\x11\xec";
	struct hello_answer a;

	(void)state;
	for (size_t len = 0; len < sizeof(bytes) - 1; len++)
		assert_int_equal(hello_parse(bytes, len, &a), HELLO_MORE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(builds),
	    cmocka_unit_test(builds_ssl2),
	    cmocka_unit_test(mlkem_key_is_valid),
	    cmocka_unit_test(parses),
	    cmocka_unit_test(every_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
