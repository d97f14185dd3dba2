/* SPDX-License-Identifier: ISC
 *
 * Standard Webhooks: the specification's own example, raw and broken secrets, several of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hook_sign.h"

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define ID     "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define AT     1614265330
#define BODY   "{\"test\": 2432232314}"
#define SIGNED "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

static bool sign(struct buf *b, const char *secret)
{
	return hook_sign(b, secret, strlen(secret), ID, AT, BODY, strlen(BODY));
}

static void the_published_vector(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 1024);
	assert_true(sign(&b, SECRET));
	assert_string_equal(buf_str(&b), SIGNED);
	assert_true(sign(&b, "the next one, raw"));
	assert_int_equal(strncmp(buf_str(&b), SIGNED " v1,", strlen(SIGNED " v1,")), 0);
	buf_clear(&b);
}

static void raw_bytes_are_the_key(void **state)
{
	(void)state;
	static const char raw[] = "\x31\xf2\x90\xf6\xbf\x06\x29\x8a\xab\x4f\x08\xd4\x3c\x3f\x08\x2c"
				  "\xf6\x48\xa3\x62\xda\x2d\xa4\xb0"; /* SECRET decoded */
	struct buf b;
	buf_init(&b, 1024);
	assert_true(hook_sign(&b, raw, sizeof(raw) - 1, ID, AT, BODY, strlen(BODY)));
	assert_string_equal(buf_str(&b), SIGNED);
	buf_clear(&b);
}

static void broken_secrets_sign_nothing(void **state)
{
	(void)state;
	static const char *const table[] = {"", "whsec_", "whsec_!!!!", "whsec_abc"};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct buf b;
		buf_init(&b, 1024);
		assert_false(sign(&b, table[i]));
		assert_int_equal(b.len, 0);
		buf_clear(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_published_vector),
	    cmocka_unit_test(raw_bytes_are_the_key),
	    cmocka_unit_test(broken_secrets_sign_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
