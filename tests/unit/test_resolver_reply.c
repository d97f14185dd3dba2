/* SPDX-License-Identifier: ISC
 *
 * Replies that fail, and what the resolver says of the failure (extended errors, RFC 8914):
 * which of them are worth a question with checking disabled, because validation may have failed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dns_message.h"
#include "resolver_reply.h"

#define NOTHING -1

/* A reply without records to "a.test MX", with this rcode and this extended error. */
static size_t reply(unsigned char *wire, int rcode, int ede)
{
	static const unsigned char question[] = {1, 'a', 4, 't', 'e', 's', 't', 0, 0, 15, 0, 1};
	static const unsigned char opt[] = {0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 6, 0, 15, 0, 2, 0};
	unsigned char *at = wire;

	memset(at, 0, 12);
	at[2] = 0x81; /* QR, RD */
	at[3] = 0x80 | (unsigned char)rcode;
	at[5] = 1;
	at[11] = ede != NOTHING;
	at = (unsigned char *)memcpy(at + 12, question, sizeof(question)) + sizeof(question);
	if (ede == NOTHING)
		return (size_t)(at - wire);
	at = (unsigned char *)memcpy(at, opt, sizeof(opt)) + sizeof(opt);
	*at++ = (unsigned char)ede;
	return (size_t)(at - wire);
}

static void test_what_may_be_validation(void **state)
{
	static const struct {
		int rcode, ede;
		bool worth_it;
		const char *text;
	} row[] = {
	    {2, NOTHING, true, "SERVFAIL"},
	    {2, 0, true, "SERVFAIL, EDE 0 Other"},
	    {2, 6, true, "SERVFAIL, EDE 6 DNSSEC Bogus"},
	    {2, 7, true, "SERVFAIL, EDE 7 Signature Expired"},
	    {2, 9, true, "SERVFAIL, EDE 9 DNSKEY Missing"},
	    {2, 10, true, "SERVFAIL, EDE 10 RRSIGs Missing"},
	    {2, 13, true, "SERVFAIL, EDE 13 Cached Error"},
	    {2, 14, false, "SERVFAIL, EDE 14 Not Ready"},
	    {2, 22, false, "SERVFAIL, EDE 22 No Reachable Authority"},
	    {2, 23, false, "SERVFAIL, EDE 23 Network Error"},
	    {5, NOTHING, false, "REFUSED"},
	    {5, 6, false, "REFUSED, EDE 6 DNSSEC Bogus"},
	};
	unsigned char wire[64];

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct arena *arena = arena_new();
		struct resolver_reply out;

		resolver_reply_read(&out, wire, reply(wire, row[i].rcode, row[i].ede), "a.test",
				    DNS_MX, 0, arena);
		assert_int_equal(out.answer.head.status, OBS_DNS_FAILED);
		assert_int_equal(out.answer.head.failure.class, OBS_CLASS_DNS);
		assert_string_equal(out.answer.head.failure.text, row[i].text);
		assert_int_equal(out.answer.head.ede, row[i].ede + 1);
		assert_int_equal(out.servfail, row[i].worth_it);
		arena_free(arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_may_be_validation)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
