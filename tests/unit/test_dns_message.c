/* SPDX-License-Identifier: ISC
 *
 * DNS responses (RFC 1035 §4): well-formed ones are read, all others refused with a reason.
 *
 * Messages are written as words: "81a0" bytes in hex, ".mx" a label, "@12" a pointer to
 * offset 12, "=abc" text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buf.h"
#include "dns_message.h"
#include "text.h"
#include "wire.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

struct fixture {
	struct arena *arena;
	unsigned char *wire; /* an exact copy, so that a sanitizer sees a read behind it */
	size_t len;
	struct dns_message *m;
	const char *why;
};

static void put_word(struct buf *out, const char *word)
{
	unsigned char bytes[256];

	if (word[0] == '.') {
		wire_put_u8(out, (uint8_t)strlen(word + 1));
		buf_addstr(out, word + 1);
	} else if (word[0] == '@') {
		wire_put_u16(out, (uint16_t)(0xc000 | atoi(word + 1)));
	} else if (word[0] == '=') {
		buf_addstr(out, word + 1);
	} else {
		long n = text_unhex(bytes, sizeof(bytes), word);
		assert_true(n > 0);
		buf_add(out, bytes, (size_t)n);
	}
}

static void parse(struct fixture *f, const char *words)
{
	struct buf out;
	char copy[4096], *save = NULL;

	buf_init(&out, 65535);
	text_copy(copy, sizeof(copy), words);
	for (char *w = strtok_r(copy, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save))
		put_word(&out, w);
	f->arena = arena_new();
	f->len = out.len;
	f->wire = malloc(out.len > 0 ? out.len : 1);
	memcpy(f->wire, buf_str(&out), out.len);
	buf_clear(&out);
	f->m = dns_message_parse(f->wire, f->len, f->arena, &f->why);
	assert_int_equal(f->m == NULL, f->why != NULL);
}

static void end(struct fixture *f)
{
	arena_free(f->arena);
	free(f->wire);
}

#define HEAD(an, ns, ar) "1234 81a0 0001 00" an " 00" ns " 00" ar " "
#define ASKED(type)	 ".mx .Example .test 00 " type " 0001 " /* at 12; .Example 15, .test 23 */
#define FIRST		 33					/* offset of the first record */
#define RR(type, len)	 "@12 " type " 0001 00000e10 " len " "
#define A		 "0001"
#define CNAME		 "0005"
#define SOA		 "0006"
#define PTR		 "000c"
#define MX		 "000f"
#define TXT		 "0010"
#define AAAA		 "001c"
#define SRV		 "0021"
#define RRSIG		 "002e"
#define TLSA		 "0034"
#define CAA		 "0101"
#define OPT(rcode, len)	 "00 0029 04d0 " rcode " 00 0000 " len " "

static void test_header(void **state)
{
	struct fixture f;

	(void)state;
	parse(&f, HEAD("00", "00", "00") ASKED(A));
	assert_non_null(f.m);
	assert_int_equal(f.len, FIRST);
	assert_int_equal(f.m->id, 0x1234);
	assert_true(f.m->qr && f.m->rd && f.m->ra && f.m->ad);
	assert_false(f.m->aa || f.m->tc || f.m->cd);
	assert_int_equal(f.m->rcode, DNS_NOERROR);
	assert_string_equal(f.m->qname, "mx.example.test"); /* RFC 4343 §2 */
	assert_int_equal(f.m->qtype, DNS_A);
	assert_int_equal(f.m->ede, -1);
	end(&f);
	parse(&f, "0001 8613 0001 0000 0000 0000 00 0002 0001");
	assert_non_null(f.m);
	assert_true(f.m->aa && f.m->tc && f.m->cd && !f.m->ad && !f.m->rd && !f.m->ra);
	assert_int_equal(f.m->rcode, DNS_NXDOMAIN_RCODE);
	assert_string_equal(f.m->qname, "");
	end(&f);
}

/* Every type we use, with compressed names where RFC 3597 §4 allows them. */
static void test_records(void **state)
{
	struct fixture f;
	size_t used, len;

	(void)state;
	parse(
	    &f, HEAD("08", "01", "01") ASKED(MX)		 /* the last one */
	    RR(MX, "0006") "000a .a @15 "			 /* a.example.test */
	    RR(A, "0004") "c0000201 "				 /* 192.0.2.1 */
	    RR(AAAA, "0010") "20010db8000000000000000000000001 " /* 2001:db8::1 */
	    RR(TXT, "0008") "03 =v=S 00 02 =T1 "		 /* three strings */
	    RR(SRV, "0007") "0001 0002 01d1 00 "		 /* target "." */
	    RR(TLSA, "0004") "030101ab "			 /* short, not ours to judge */
	    RR(CAA, "0007") "00 05 =issue "			 /* an empty value */
	    RR(RRSIG,
	       "0016") "000f 0803 00000e10 65000000 64000000 0001 @23 aabb "
		       "@23 0006 0001 ffffffff 0018 @23 @23 0000000100000002000000030000000400000005 " OPT(
			   "01", "0006") "000f 0002 0006 ");
	assert_null(f.why);
	assert_int_equal(f.m->n_answer, 8);
	const struct dns_rr *rr = f.m->answer;
	assert_string_equal(rr[0].owner, "mx.example.test");
	assert_int_equal(rr[0].type, DNS_MX);
	assert_int_equal(rr[0].class, 1);
	assert_int_equal(rr[0].ttl, 3600);
	assert_string_equal(dns_message_name(f.m, &rr[0], 2, f.arena, &used), "a.example.test");
	assert_int_equal(used, 4);
	assert_string_equal(dns_message_address(&rr[1], f.arena), "192.0.2.1");
	assert_string_equal(dns_message_address(&rr[2], f.arena), "2001:db8::1");
	assert_null(dns_message_address(&rr[0], f.arena));
	assert_string_equal(dns_message_txt(&rr[3], f.arena, &len), "v=ST1");
	assert_int_equal(len, 5);
	assert_string_equal(dns_message_name(f.m, &rr[4], 6, f.arena, &used), "");
	assert_int_equal(used, 1);
	assert_int_equal(rr[5].rdata[3], 0xab);
	assert_int_equal(rr[6].rdlength, 7);
	assert_int_equal(dns_message_rrsig_end(&rr[7], 1700000000), 0x65000000);
	assert_int_equal(dns_message_rrsig_end(&rr[0], 1700000000), 0);
	assert_int_equal(f.m->n_authority, 1);
	assert_string_equal(f.m->authority[0].owner, "test");
	assert_int_equal(f.m->authority[0].ttl, 0); /* RFC 2181 §8: the top bit is none */
	assert_int_equal(f.m->rcode, 16);	    /* BADVERS: RFC 6891 §6.1.3 */
	assert_int_equal(f.m->ede, 6);		    /* RFC 8914 §4.7 */
	/* beyond the rdata there is no name */
	assert_null(dns_message_name(f.m, &rr[1], 4, f.arena, NULL));
	assert_null(dns_message_name(f.m, &rr[1], 5, f.arena, NULL));
	assert_null(dns_message_name(f.m, &rr[1], 70000, f.arena, NULL));
	end(&f);
}

/* Labels of any bytes come out in presentation form (RFC 1035 §5.1). */
static void test_odd_names(void **state)
{
	struct fixture f;

	(void)state;
	parse(&f, "0001 8180 0001 0000 0000 0000 .a.b 02 5c00 04 2220ffe9 ._25 00 0010 0001");
	assert_non_null(f.m);
	assert_string_equal(f.m->qname, "a\\046b.\\092\\000.\\034\\032\\255\\233._25");
	end(&f);
}

static const struct {
	const char *what, *words;
} broken_rows[] = {
    {"nothing", ""},
    {"half a header", "1234 8180 0001 0000"},
    {"a query", "1234 0100 0001 0000 0000 0000 00 0001 0001"},
    {"another opcode", "1234 a900 0001 0000 0000 0000 00 0001 0001"},
    {"no question", "1234 8180 0000 0000 0000 0000"},
    {"two questions", "1234 8180 0002 0000 0000 0000 00 0001 0001 00 0001 0001"},
    {"class CH", "1234 8180 0001 0000 0000 0000 00 0001 0003"},
    {"a cut question", "1234 8180 0001 0000 0000 0000 00 0001 00"},
    {"bytes behind", HEAD("00", "00", "00") ASKED(A) "00"},
    {"a record missing", HEAD("01", "00", "00") ASKED(A)},
    {"65535 records", "1234 8180 0001 ffff 0000 0000 00 0001 0001"},
    {"more than announced", HEAD("00", "00", "00") ASKED(A) RR(A, "0004") "c0000201"},
    {"a cut record", HEAD("01", "00", "00") ASKED(A) RR(A, "0004") "c00002"},
    {"rdlength past the end", HEAD("01", "00", "00") ASKED(A) RR(A, "ffff") "c0000201"},
    /* names: RFC 1035 §4.1.4 */
    {"a pointer to itself", "1234 8180 0001 0000 0000 0000 @12 0001 0001"},
    {"a pointer forward", "1234 8180 0001 0000 0000 0000 @14 00 0001 0001"},
    {"a pointer into the header", "1234 8180 0001 0000 0000 0000 @4 0001 0001"},
    {"a pointer past the end", "1234 8180 0001 0000 0000 0000 @999 0001 0001"},
    {"a loop over a label", "1234 8180 0001 0000 0000 0000 .a @12 0001 0001"},
    {"two that point at each other",
     HEAD("01", "00", "00") ASKED(CNAME) RR(CNAME, "0004") "@47 @45"},
    {"half a pointer", "1234 8180 0001 0000 0000 0000 c0"},
    {"reserved label type 01", "1234 8180 0001 0000 0000 0000 4161 00 0001 0001"},
    {"reserved label type 10", "1234 8180 0001 0000 0000 0000 8161 00 0001 0001"},
    {"a label past the end", "1234 8180 0001 0000 0000 0000 3f61"},
    {"a name without end", "1234 8180 0001 0000 0000 0000 .a"},
    /* rdata that does not have its form */
    {"A of 5 bytes", HEAD("01", "00", "00") ASKED(A) RR(A, "0005") "c000020100"},
    {"AAAA of 4 bytes", HEAD("01", "00", "00") ASKED(A) RR(AAAA, "0004") "c0000201"},
    {"a name longer than the rdata", HEAD("01", "00", "00") ASKED(CNAME) RR(CNAME, "0002") ".abc"},
    {"a name out of the rdata",
     HEAD("02", "00", "00") ASKED(CNAME) RR(CNAME, "0001") "03 " RR(A, "0004") "c0000201"},
    {"a name shorter than the rdata", HEAD("01", "00", "00") ASKED(CNAME) RR(CNAME, "0002") "0000"},
    {"PTR without a name", HEAD("01", "00", "00") ASKED(PTR) RR(PTR, "0000")},
    {"MX without a name", HEAD("01", "00", "00") ASKED(MX) RR(MX, "0002") "000a"},
    {"MX with more", HEAD("01", "00", "00") ASKED(MX) RR(MX, "0004") "000a 00 00"},
    {"MX of one byte", HEAD("01", "00", "00") ASKED(MX) RR(MX, "0001") "00"},
    {"SRV without a name", HEAD("01", "00", "00") ASKED(SRV) RR(SRV, "0006") "000100020003"},
    {"SOA without numbers", HEAD("01", "00", "00") ASKED(SOA) RR(SOA, "0002") "0000"},
    {"TXT without a string", HEAD("01", "00", "00") ASKED(TXT) RR(TXT, "0000")},
    {"TXT string past the rdata", HEAD("01", "00", "00") ASKED(TXT) RR(TXT, "0003") "03 =ab"},
    {"TLSA of two bytes", HEAD("01", "00", "00") ASKED(TLSA) RR(TLSA, "0002") "0301"},
    {"CAA without a tag", HEAD("01", "00", "00") ASKED(CAA) RR(CAA, "0002") "0000"},
    {"CAA tag past the rdata", HEAD("01", "00", "00") ASKED(CAA) RR(CAA, "0004") "0005 =is"},
    {"RRSIG of 18 bytes",
     HEAD("01", "00", "00") ASKED(A) RR(RRSIG, "0012") "000f08030000000065000000640000000001"},
    {"RRSIG without a signature",
     HEAD("01", "00", "00") ASKED(A) RR(RRSIG, "0013") "000f0803000000006500000064000000000100"},
    /* OPT: RFC 6891 §6.1.1 */
    {"OPT in the answer", HEAD("01", "00", "00") ASKED(A) OPT("00", "0000")},
    {"OPT in the authority", HEAD("00", "01", "00") ASKED(A) OPT("00", "0000")},
    {"OPT twice", HEAD("00", "00", "02") ASKED(A) OPT("00", "0000") OPT("00", "0000")},
    {"OPT not at the root", HEAD("00", "00", "01") ASKED(A) "@12 0029 04d0 00 00 0000 0000"},
    {"an option past the rdata", HEAD("00", "00", "01") ASKED(A) OPT("00", "0005") "000f000200"},
    {"EDE of one byte", HEAD("00", "00", "01") ASKED(A) OPT("00", "0005") "000f000106"},
};

static void test_broken(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(broken_rows); i++) {
		struct fixture f;
		print_message("%s: ", broken_rows[i].what);
		parse(&f, broken_rows[i].words);
		print_message("%s\n", f.why != NULL ? f.why : "accepted");
		assert_null(f.m);
		end(&f);
	}
}

/* 255 octets are a name, 256 are none (RFC 1035 §2.3.4); 127 labels through pointers too. */
static void test_long_names(void **state)
{
	static const struct {
		size_t label, labels, last;
		bool ok;
	} rows[] = {{63, 3, 61, true}, {63, 3, 62, false}, {1, 127, 0, true}, {1, 128, 0, false}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fixture f;
		struct buf words;
		char label[65] = ".";

		buf_init(&words, 4096);
		buf_addstr(&words, "0001 8180 0001 0000 0000 0000 ");
		memset(label + 1, 'a', rows[i].label);
		for (size_t k = 0; k < rows[i].labels; k++)
			buf_printf(&words, "%s ", label);
		if (rows[i].last > 0)
			buf_printf(&words, "%.*s ", (int)rows[i].last + 1, label);
		buf_addstr(&words, "00 0001 0001");
		parse(&f, buf_str(&words));
		assert_int_equal(f.m != NULL, rows[i].ok);
		end(&f);
		buf_clear(&words);
	}
}

static void test_follow(void **state)
{
	struct fixture f;
	const char *const *chain;
	const char *why;
	size_t n;

	(void)state;
	/* no CNAME: the name itself */
	parse(&f, HEAD("01", "00", "00") ASKED(A) RR(A, "0004") "c0000201");
	assert_string_equal(dns_message_follow(f.m, f.arena, &chain, &n, &why), "mx.example.test");
	assert_int_equal(n, 0);
	end(&f);
	/* mx.example.test -> a.test (at 45) -> b.test, in any order, one of them twice */
	parse(&f,
	      HEAD("04", "00", "00") ASKED(A)
		  RR(CNAME, "0004") ".a @23 "
				    "@45 0005 0001 00000e10 0004 .b @23 " RR(
					CNAME, "0004") ".A @23 "
						       ".b @23 0001 0001 00000e10 0004 c0000201");
	assert_null(f.why);
	assert_string_equal(dns_message_follow(f.m, f.arena, &chain, &n, &why), "b.test");
	assert_null(why);
	assert_int_equal(n, 2);
	assert_string_equal(chain[0], "a.test");
	assert_string_equal(chain[1], "b.test");
	end(&f);
	/* asked for the CNAME itself */
	parse(&f, HEAD("01", "00", "00") ASKED(CNAME) RR(CNAME, "0004") ".a @23");
	assert_string_equal(dns_message_follow(f.m, f.arena, &chain, &n, &why), "mx.example.test");
	assert_int_equal(n, 0);
	end(&f);
	/* a loop, two targets */
	parse(&f, HEAD("01", "00", "00") ASKED(A) RR(CNAME, "0002") "@12");
	assert_null(dns_message_follow(f.m, f.arena, &chain, &n, &why));
	assert_non_null(why);
	end(&f);
	parse(&f, HEAD("02", "00", "00") ASKED(A)
		      RR(CNAME, "0004") ".a @23 " RR(CNAME, "0004") ".b @23");
	assert_null(dns_message_follow(f.m, f.arena, &chain, &n, &why));
	assert_non_null(why);
	end(&f);
}

/* Serial numbers (RFC 4034 §3.1.5, RFC 1982): the point nearest to now. */
static void test_rrsig_end(void **state)
{
	static const struct {
		uint32_t end;
		int64_t now, want;
	} rows[] = {
	    {1700000000, 1699999999, 1700000000},
	    {1600000000, 1700000000, 1600000000},
	    {100, INT64_C(4294967000), INT64_C(4294967396)}, /* past 2106 */
	    {4294967295u, INT64_C(4294967296) + 10, INT64_C(4294967295)},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		unsigned char rdata[20] = {0};
		struct dns_rr rr = {.type = DNS_RRSIG, .rdata = rdata, .rdlength = sizeof(rdata)};
		for (size_t k = 0; k < 4; k++)
			rdata[8 + k] = (unsigned char)(rows[i].end >> (24 - 8 * k));
		assert_int_equal(dns_message_rrsig_end(&rr, rows[i].now), rows[i].want);
		rr.rdlength = 11;
		assert_int_equal(dns_message_rrsig_end(&rr, rows[i].now), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_header),     cmocka_unit_test(test_records),
	    cmocka_unit_test(test_odd_names),  cmocka_unit_test(test_broken),
	    cmocka_unit_test(test_long_names), cmocka_unit_test(test_follow),
	    cmocka_unit_test(test_rrsig_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
