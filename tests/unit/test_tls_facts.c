/* SPDX-License-Identifier: ISC
 *
 * Certificates made here, odd ones too, reduced to facts; verdicts at any time we like.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tls_facts.h"
#include "trust.h"

#define DAY 86400
#define NOW 1800000000 /* 2027-01-15 */

struct pki {
	EVP_PKEY *root_key, *middle_key, *leaf_key;
	X509 *root, *middle, *leaf;
	struct trust *trust;
	struct arena *arena;
};

struct wish { /* a certificate to be made */
	const char *subject, *issuer;
	EVP_PKEY *key, *signer;
	bool ca;
	const char *san; /* DER of the extension */
	size_t san_len;
	int64_t from, to;
	const char *raw_from; /* bytes of notBefore, whatever they say */
};

static X509 *make(const struct wish *w)
{
	X509 *x = X509_new();
	X509_NAME *name = X509_NAME_new();
	ASN1_TIME *raw;

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 0x1234);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const void *)w->subject, -1, -1, 0);
	X509_set_subject_name(x, name);
	X509_NAME_free(name);
	name = X509_NAME_new();
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const void *)w->issuer, -1, -1, 0);
	X509_set_issuer_name(x, name);
	X509_NAME_free(name);
	ASN1_TIME_set(X509_getm_notBefore(x), (time_t)w->from);
	ASN1_TIME_set(X509_getm_notAfter(x), (time_t)w->to);
	if (w->raw_from) {
		raw = ASN1_STRING_type_new(V_ASN1_UTCTIME);
		ASN1_STRING_set(raw, w->raw_from, -1);
		X509_set1_notBefore(x, raw);
		ASN1_STRING_free(raw);
	}
	X509_set_pubkey(x, w->key);
	if (w->ca) {
		BASIC_CONSTRAINTS ca = {.ca = 1};

		assert_int_equal(X509_add1_ext_i2d(x, NID_basic_constraints, &ca, 1, 0), 1);
	}
	if (w->san) {
		ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
		X509_EXTENSION *ext;

		ASN1_OCTET_STRING_set(value, (const void *)w->san, (int)w->san_len);
		ext = X509_EXTENSION_create_by_NID(NULL, NID_subject_alt_name, 0, value);
		X509_add_ext(x, ext, -1);
		X509_EXTENSION_free(ext);
		ASN1_OCTET_STRING_free(value);
	}
	assert_true(X509_sign(x, w->signer, EVP_sha256()) > 0);
	return x;
}

static int set_up(void **state)
{
	static struct pki p;
	static const char san[] = "\x30\x09\x82\x07mx.test";
	char file[] = "test_tls_facts.XXXXXX";
	FILE *f = fdopen(mkstemp(file), "w");

	p.root_key = EVP_EC_gen("P-256");
	p.middle_key = EVP_EC_gen("P-256");
	p.leaf_key = EVP_EC_gen("P-256");
	p.root = make(&(struct wish){"Root", "Root", p.root_key, p.root_key, true,
				     .from = NOW - 900 * DAY, .to = NOW + 900 * DAY});
	p.middle = make(&(struct wish){"Middle", "Root", p.middle_key, p.root_key, true,
				       .from = NOW - 90 * DAY, .to = NOW + 300 * DAY});
	p.leaf = make(&(struct wish){"leaf", "Middle", p.leaf_key, p.middle_key, false, san,
				     sizeof(san) - 1, NOW - 10 * DAY, NOW + 30 * DAY});
	PEM_write_X509(f, p.root);
	fclose(f);
	p.trust = trust_new(file, NULL);
	unlink(file);
	p.arena = arena_new();
	*state = &p;
	return 0;
}

static int tear_down(void **state)
{
	struct pki *p = *state;

	EVP_PKEY_free(p->root_key);
	EVP_PKEY_free(p->middle_key);
	EVP_PKEY_free(p->leaf_key);
	X509_free(p->root);
	X509_free(p->middle);
	X509_free(p->leaf);
	trust_free(p->trust);
	arena_free(p->arena);
	return 0;
}

/* The facts of a presented chain (NULL-terminated, leaf first) as seen at `now`. */
static struct obs_tls seen(struct pki *p, X509 **certs, int64_t now)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	X509_STORE_CTX *x = X509_STORE_CTX_new();
	struct tls_verdict v = {0};
	struct obs_tls tls = {0};

	for (X509 **c = certs; *c; c++)
		sk_X509_push(chain, *c);
	X509_STORE_CTX_init(x, trust_store(p->trust), certs[0], chain);
	X509_STORE_CTX_set_default(x, "ssl_server");
	trust_verify(p->trust, x, now, &v);
	tls_facts_chain(chain, &v, p->arena, &tls);
	tls_verdict_clear(&v);
	X509_STORE_CTX_free(x);
	sk_X509_free(chain);
	return tls;
}

static bool has_error(const struct obs_tls *tls, int64_t code, int64_t depth)
{
	for (size_t i = 0; i < tls->n_errors; i++)
		if (tls->errors[i].code == code && tls->errors[i].depth == depth)
			return true;
	return false;
}

static void a_good_chain(void **state)
{
	struct pki *p = *state;
	struct obs_tls tls = seen(p, (X509 *[]){p->leaf, p->middle, NULL}, NOW);

	assert_true(tls.trusted);
	assert_int_equal(tls.n_errors, 0);
	assert_string_equal(tls.root, "CN=Root");
	assert_int_equal(tls.n_chain, 2);
	assert_int_equal(tls.chain[0].signed_by, 2);
	assert_int_equal(tls.chain[1].signed_by, 0); /* the root was not presented */
	assert_string_equal(tls.chain[0].subject, "CN=leaf");
	assert_string_equal(tls.chain[0].serial, "1234");
	assert_string_equal(tls.chain[0].dns_names[0], "mx.test");
	assert_false(tls.chain[0].odd_names);
	assert_int_equal(tls.chain[0].not_after, NOW + 30 * DAY);
	assert_string_equal(tls.chain[0].key_type, "EC");
	assert_int_equal(tls.chain[0].key_bits, 256);
	assert_string_equal(tls.chain[0].signature, "ecdsa-with-SHA256");
	assert_int_equal(strlen(tls.chain[0].sha256), 64);
	assert_int_equal(strlen(tls.chain[0].spki_sha512), 128);
	assert_true(tls.chain[1].is_ca);
	assert_false(tls.chain[0].is_ca);
}

/* A remembered verdict ends when a date in the chain passes. */
static void memory_ends_with_a_date(void **state)
{
	struct pki *p = *state;
	X509 *chain[] = {p->leaf, p->middle, NULL};
	struct obs_tls tls = seen(p, chain, NOW + 30 * DAY - 10);

	assert_true(tls.trusted);
	tls = seen(p, chain, NOW + 30 * DAY + 1);
	assert_false(tls.trusted);
	assert_true(has_error(&tls, X509_V_ERR_CERT_HAS_EXPIRED, 0));
}

static void a_missing_intermediate(void **state)
{
	struct pki *p = *state;
	struct obs_tls tls = seen(p, (X509 *[]){p->leaf, NULL}, NOW);

	assert_false(tls.trusted);
	assert_null(tls.root);
	assert_true(has_error(&tls, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, 0));
}

static void a_chain_out_of_order(void **state)
{
	struct pki *p = *state;
	struct obs_tls tls = seen(p, (X509 *[]){p->leaf, p->root, p->middle, NULL}, NOW);

	assert_true(tls.trusted);
	assert_int_equal(tls.chain[0].signed_by, 3);
	assert_int_equal(tls.chain[1].signed_by, 2); /* by itself */
	assert_int_equal(tls.chain[2].signed_by, 2);
	assert_true(tls.chain[1].self_signed);
}

/* Names agree, the signature does not: that is no link. */
static void a_forged_link(void **state)
{
	struct pki *p = *state;
	X509 *forged = make(&(struct wish){"leaf", "Middle", p->leaf_key, p->leaf_key, false,
					   .from = NOW - DAY, .to = NOW + DAY});
	struct obs_tls tls = seen(p, (X509 *[]){forged, p->middle, NULL}, NOW);

	assert_false(tls.trusted);
	assert_true(has_error(&tls, X509_V_ERR_CERT_SIGNATURE_FAILURE, 0));
	assert_int_equal(tls.chain[0].signed_by, 0);
	X509_free(forged);
}

static void odd_names(void **state)
{
	static const char san[] = "\x30\x1c"
				  "\x82\x0dmx.test\0.evil"
				  "\x82\x04"
				  "a\x1b[m"
				  "\x82\x05"
				  "b.tes";
	struct pki *p = *state;
	X509 *odd = make(&(struct wish){"odd", "Middle", p->leaf_key, p->middle_key, false, san,
					sizeof(san) - 1, NOW - DAY, NOW + DAY});
	struct obs_tls tls = seen(p, (X509 *[]){odd, p->middle, NULL}, NOW);

	assert_true(tls.chain[0].odd_names);
	assert_int_equal(tls.chain[0].n_dns_names, 3);
	assert_string_equal(tls.chain[0].dns_names[0], "mx.test\\x00.evil");
	assert_string_equal(tls.chain[0].dns_names[1], "a\\x1b[m");
	assert_string_equal(tls.chain[0].dns_names[2], "b.tes");
	X509_free(odd);
}

static void a_date_that_does_not_parse(void **state)
{
	struct pki *p = *state;
	X509 *odd =
	    make(&(struct wish){"odd", "Middle", p->leaf_key, p->middle_key, false,
				.from = NOW - DAY, .to = NOW + DAY, .raw_from = "269901000000Z"});
	struct obs_tls tls = seen(p, (X509 *[]){odd, p->middle, NULL}, NOW);

	assert_true(tls.chain[0].bad_dates);
	assert_int_equal(tls.chain[0].not_before, 0);
	assert_int_equal(tls.chain[0].not_after, 0);
	assert_false(tls.trusted);
	X509_free(odd);
}

/* A key too large to work with is a fact, and no work is done with it. */
static void a_huge_key(void **state)
{
	struct pki *p = *state;
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	BIGNUM *n = BN_new(), *e = BN_new();
	EVP_PKEY *key = NULL;
	struct obs_tls tls;
	OSSL_PARAM *params;
	X509 *huge;

	BN_rand(n, 16384, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD);
	BN_set_word(e, 65537);
	OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n);
	OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e);
	params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY_fromdata_init(ctx);
	assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
	huge = make(&(struct wish){"huge", "Middle", key, p->middle_key, true, .from = NOW - DAY,
				   .to = NOW + DAY});
	tls = seen(p, (X509 *[]){p->leaf, huge, p->middle, NULL}, NOW);
	assert_false(tls.trusted);
	assert_true(has_error(&tls, X509_V_ERR_UNSPECIFIED, 1));
	assert_int_equal(tls.chain[1].key_bits, 16384);
	X509_free(huge);
	EVP_PKEY_free(key);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	BN_free(n);
	BN_free(e);
}

static void a_chain_beyond_the_limit(void **state)
{
	struct pki *p = *state;
	X509 *chain[40] = {p->leaf};
	struct obs_tls tls;

	for (int i = 1; i < 39; i++)
		chain[i] = p->middle;
	tls = seen(p, chain, NOW);
	assert_int_equal(tls.n_chain, OBS_MAX_CHAIN);
	assert_true(tls.trusted);
}

static void an_empty_store(void **state)
{
	struct trust *none = trust_new("/nonexistent", NULL);

	(void)state;
	assert_true(trust_empty(none));
	trust_free(none);
	assert_false(trust_empty(((struct pki *)*state)->trust));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_good_chain),
	    cmocka_unit_test(memory_ends_with_a_date),
	    cmocka_unit_test(a_missing_intermediate),
	    cmocka_unit_test(a_chain_out_of_order),
	    cmocka_unit_test(a_forged_link),
	    cmocka_unit_test(odd_names),
	    cmocka_unit_test(a_date_that_does_not_parse),
	    cmocka_unit_test(a_huge_key),
	    cmocka_unit_test(a_chain_beyond_the_limit),
	    cmocka_unit_test(an_empty_store),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
