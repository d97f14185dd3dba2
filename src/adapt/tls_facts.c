/* SPDX-License-Identifier: ISC
 *
 * Every signature is checked once where it can be: the path that X509_verify_cert() built
 * tells most of "who signed whom"; only certificates beside that path are tried by key.
 */
#include "tls_facts.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "mem.h"
#include "text.h"

#define VERIFY_MAX_LINKS (2 * OBS_MAX_CHAIN) /* signatures tried outside the path */
#define OCSP_SKEW_S	 300

/* -- small pieces -------------------------------------------------------------------------- */

static const char *name_text(const X509_NAME *name, struct arena *arena)
{
	BIO *bio = BIO_new(BIO_s_mem());
	const char *text = NULL;
	char *data;
	long len;

	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0) {
		len = BIO_get_mem_data(bio, &data);
		if (len > OBS_MAX_TEXT)
			len = OBS_MAX_TEXT;
		text = arena_strndup(arena, data, len > 0 ? (size_t)len : 0);
	}
	BIO_free(bio);
	ERR_clear_error();
	return text;
}

static bool asn1_time(const ASN1_TIME *t, int64_t *at)
{
	struct tm tm;

	if (!t || !ASN1_TIME_to_tm(t, &tm))
		return false;
	*at = timegm(&tm);
	return true;
}

static const char *hex(const void *bytes, size_t len, struct arena *arena)
{
	struct buf b;
	const char *text;

	buf_init(&b, 2 * len);
	text_hex(&b, bytes, len);
	text = arena_strndup(arena, buf_str(&b), b.len);
	buf_clear(&b);
	return text;
}

static void digests(const unsigned char *der, int len, struct arena *arena, const char **sha256,
		    const char **sha512)
{
	unsigned char md[SHA512_DIGEST_LENGTH];

	if (len <= 0)
		return;
	SHA256(der, (size_t)len, md);
	*sha256 = hex(md, SHA256_DIGEST_LENGTH, arena);
	SHA512(der, (size_t)len, md);
	*sha512 = hex(md, SHA512_DIGEST_LENGTH, arena);
}

static int key_bits(X509 *cert)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);

	return key ? EVP_PKEY_get_bits(key) : 0;
}

static bool same(X509 *a, X509 *b)
{
	return a == b || X509_cmp(a, b) == 0;
}

/* -- one certificate ----------------------------------------------------------------------- */

static const char *dns_name(const ASN1_STRING *s, struct arena *arena, bool *odd)
{
	const char *bytes = (const char *)ASN1_STRING_get0_data(s);
	size_t len = (size_t)ASN1_STRING_length(s);
	const char *text;
	struct buf out;

	for (size_t i = 0; i < len; i++)
		if (bytes[i] <= ' ' || bytes[i] > '~' || bytes[i] == '\\')
			*odd = true;
	buf_init(&out, OBS_MAX_TEXT);
	text_escape(&out, bytes, len, OBS_MAX_TEXT / 2);
	text = arena_strndup(arena, buf_str(&out), out.len);
	buf_clear(&out);
	return text;
}

static void alt_names(X509 *cert, struct arena *arena, struct obs_cert *out)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	int n = names ? sk_GENERAL_NAME_num(names) : 0;
	const char **list;

	if (n > OBS_MAX_DNS_NAMES)
		n = OBS_MAX_DNS_NAMES;
	list = arena_array(arena, (size_t)n + 1, sizeof(*list));
	for (int i = 0; i < n; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_DNS)
			list[out->n_dns_names++] =
			    dns_name(name->d.dNSName, arena, &out->odd_names);
	}
	out->dns_names = list;
	GENERAL_NAMES_free(names);
}

static void odd_common_name(X509 *cert, struct obs_cert *out)
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	int at = -1;

	while ((at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0) {
		const ASN1_STRING *s = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));

		if (memchr(ASN1_STRING_get0_data(s), '\0', (size_t)ASN1_STRING_length(s)) &&
		    ASN1_STRING_type(s) != V_ASN1_BMPSTRING &&
		    ASN1_STRING_type(s) != V_ASN1_UNIVERSALSTRING)
			out->odd_names = true;
	}
}

static const char *signature_name(X509 *cert, struct arena *arena)
{
	int nid = X509_get_signature_nid(cert), md = NID_undef;

	if (nid == NID_rsassaPss && X509_get_signature_info(cert, &md, NULL, NULL, NULL) &&
	    md != NID_undef)
		return arena_printf(arena, "rsassaPss with %s", OBJ_nid2ln(md));
	return nid == NID_undef ? NULL : arena_strdup(arena, OBJ_nid2ln(nid));
}

static void cert_digests(X509 *cert, struct arena *arena, struct obs_cert *out)
{
	unsigned char *der = NULL;
	int len = i2d_X509(cert, &der);

	digests(der, len, arena, &out->sha256, &out->sha512);
	OPENSSL_free(der);
	der = NULL;
	len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	digests(der, len, arena, &out->spki_sha256, &out->spki_sha512);
	OPENSSL_free(der);
}

static void cert_facts(X509 *cert, struct arena *arena, struct obs_cert *out)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	EVP_PKEY *key = X509_get0_pubkey(cert);
	int64_t from = 0, to = 0;

	cert_digests(cert, arena, out);
	out->subject = name_text(X509_get_subject_name(cert), arena);
	out->issuer = name_text(X509_get_issuer_name(cert), arena);
	out->serial =
	    hex(ASN1_STRING_get0_data(serial),
		(size_t)(ASN1_STRING_length(serial) > 64 ? 64 : ASN1_STRING_length(serial)), arena);
	out->bad_dates = !asn1_time(X509_get0_notBefore(cert), &from) ||
			 !asn1_time(X509_get0_notAfter(cert), &to);
	out->not_before = out->bad_dates ? 0 : from;
	out->not_after = out->bad_dates ? 0 : to;
	alt_names(cert, arena, out);
	odd_common_name(cert, out);
	if (key) {
		out->key_type = arena_strdup(arena, EVP_PKEY_get0_type_name(key));
		out->key_bits = EVP_PKEY_get_bits(key);
	}
	out->signature = signature_name(cert, arena);
	out->is_ca = X509_check_ca(cert) != 0;
	out->self_signed = (X509_get_extension_flags(cert) & EXFLAG_SS) != 0;
	ERR_clear_error();
}

/* -- the verdict --------------------------------------------------------------------------- */

static int collect(int ok, X509_STORE_CTX *x)
{
	struct tls_verdict *v = X509_STORE_CTX_get_app_data(x);
	int code = X509_STORE_CTX_get_error(x), depth = X509_STORE_CTX_get_error_depth(x);

	if (ok)
		return 1;
	for (size_t i = 0; i < v->n_errors; i++)
		if (v->errors[i].code == code && v->errors[i].depth == depth)
			return 1;
	if (v->n_errors < TLS_VERDICT_ERRORS) {
		v->errors[v->n_errors].code = code;
		v->errors[v->n_errors].depth = depth;
		v->n_errors++;
	}
	return 1;
}

static int oversized(STACK_OF(X509) * presented)
{
	for (int i = 0; i < sk_X509_num(presented); i++)
		if (key_bits(sk_X509_value(presented, i)) > TLS_FACTS_MAX_RSA)
			return i;
	return -1;
}

static bool signature_failed(const struct tls_verdict *v, int depth)
{
	for (size_t i = 0; i < v->n_errors; i++)
		if (v->errors[i].depth == depth &&
		    (v->errors[i].code == X509_V_ERR_CERT_SIGNATURE_FAILURE ||
		     v->errors[i].code == X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE ||
		     v->errors[i].code == X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY))
			return true;
	return false;
}

static int index_of(STACK_OF(X509) * stack, X509 *cert)
{
	for (int i = 0; i < sk_X509_num(stack); i++)
		if (same(sk_X509_value(stack, i), cert))
			return i;
	return -1;
}

/* Who signed the presented certificate i, as far as the built path knows.  -1: not on it. */
static int signer_on_path(STACK_OF(X509) * presented, STACK_OF(X509) * path,
			  const struct tls_verdict *v, int i)
{
	int depth = path ? index_of(path, sk_X509_value(presented, i)) : -1;

	if (depth < 0 || depth + 1 >= sk_X509_num(path) || signature_failed(v, depth))
		return -1;
	return index_of(presented, sk_X509_value(path, depth + 1)) + 1;
}

static int signer_by_key(STACK_OF(X509) * presented, int n, int i, int *left)
{
	X509 *cert = sk_X509_value(presented, i);

	for (int k = 1; k <= n && *left > 0; k++) {
		X509 *signer = sk_X509_value(presented, (i + k) % n);

		if (X509_NAME_cmp(X509_get_issuer_name(cert), X509_get_subject_name(signer)) != 0)
			continue;
		--*left;
		if (X509_verify(cert, X509_get0_pubkey(signer)) == 1)
			return (i + k) % n + 1;
	}
	return 0;
}

static void link_chain(STACK_OF(X509) * presented, STACK_OF(X509) * path, struct tls_verdict *v)
{
	int n = sk_X509_num(presented), left = VERIFY_MAX_LINKS;

	if (n > OBS_MAX_CHAIN)
		n = OBS_MAX_CHAIN;
	for (int i = 0; i < n; i++) {
		int signer = signer_on_path(presented, path, v, i);

		if (signer < 0)
			signer = signer_by_key(presented, n, i, &left);
		if (signer <= n)
			v->signed_by[i] = (unsigned char)signer;
	}
	ERR_clear_error();
}

static int64_t next_date(STACK_OF(X509) * chain, int64_t now, int64_t until)
{
	for (int i = 0; i < sk_X509_num(chain); i++) {
		X509 *cert = sk_X509_value(chain, i);
		int64_t at;

		if (asn1_time(X509_get0_notBefore(cert), &at) && at > now && at < until)
			until = at;
		if (asn1_time(X509_get0_notAfter(cert), &at) && at > now && at < until)
			until = at;
	}
	return until;
}

static void remember_root(STACK_OF(X509) * path, struct tls_verdict *v)
{
	struct arena *scratch = arena_new();
	X509 *top = sk_X509_value(path, sk_X509_num(path) - 1);

	v->root = mem_strdup(name_text(X509_get_subject_name(top), scratch));
	arena_free(scratch);
}

void tls_facts_verify(X509_STORE_CTX *x, int64_t now, struct tls_verdict *v)
{
	STACK_OF(X509) *presented = X509_STORE_CTX_get0_untrusted(x), *path;
	int big = oversized(presented);

	memset(v, 0, sizeof(*v));
	v->until = next_date(presented, now, INT64_MAX);
	if (big >= 0) {
		v->errors[0].depth = big;
		v->errors[0].code = X509_V_ERR_UNSPECIFIED;
		v->n_errors = 1;
		return;
	}
	X509_STORE_CTX_set_app_data(x, v);
	X509_STORE_CTX_set_verify_cb(x, collect);
	X509_STORE_CTX_set_time(x, 0, (time_t)now);
	if (X509_verify_cert(x) <= 0 && v->n_errors == 0) {
		v->errors[0].code = X509_STORE_CTX_get_error(x);
		v->n_errors = 1;
	}
	path = X509_STORE_CTX_get0_chain(x);
	v->trusted = v->n_errors == 0;
	if (v->trusted && path && sk_X509_num(path) > 0) {
		remember_root(path, v);
		v->until = next_date(path, now, v->until);
	}
	link_chain(presented, path, v);
	ERR_clear_error();
}

void tls_verdict_copy(struct tls_verdict *to, const struct tls_verdict *from)
{
	*to = *from;
	to->root = from->root ? mem_strdup(from->root) : NULL;
}

void tls_verdict_clear(struct tls_verdict *v)
{
	free(v->root);
	memset(v, 0, sizeof(*v));
}

/* -- chain and session --------------------------------------------------------------------- */

static void take_verdict(const struct tls_verdict *v, struct arena *arena, struct obs_tls *out)
{
	out->trusted = v->trusted;
	out->root = arena_strdup(arena, v->root);
	out->errors = arena_array(arena, v->n_errors, sizeof(*out->errors));
	out->n_errors = v->n_errors;
	for (size_t i = 0; i < v->n_errors; i++) {
		struct obs_verify_error *e = &out->errors[i];

		e->depth = v->errors[i].depth;
		e->code = v->errors[i].code;
		e->text = arena_strdup(arena, X509_verify_cert_error_string(v->errors[i].code));
	}
}

void tls_facts_chain(STACK_OF(X509) * chain, const struct tls_verdict *v, struct arena *arena,
		     struct obs_tls *out)
{
	int n = chain ? sk_X509_num(chain) : 0;

	if (n > OBS_MAX_CHAIN)
		n = OBS_MAX_CHAIN;
	out->chain = arena_array(arena, (size_t)n, sizeof(*out->chain));
	out->n_chain = (size_t)n;
	for (int i = 0; i < n; i++) {
		cert_facts(sk_X509_value(chain, i), arena, &out->chain[i]);
		if (v)
			out->chain[i].signed_by = v->signed_by[i];
	}
	if (v)
		take_verdict(v, arena, out);
}

static void cipher_facts(SSL *ssl, struct arena *arena, struct obs_tls *out)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
	int kx;

	if (!cipher)
		return;
	kx = SSL_CIPHER_get_kx_nid(cipher);
	out->cipher = arena_strdup(arena, SSL_CIPHER_get_name(cipher));
	out->aead = SSL_CIPHER_is_aead(cipher);
	out->anonymous = SSL_CIPHER_get_auth_nid(cipher) == NID_auth_null;
	out->forward_secrecy = kx == NID_kx_any || kx == NID_kx_ecdhe || kx == NID_kx_dhe ||
			       kx == NID_kx_ecdhe_psk || kx == NID_kx_dhe_psk;
}

static void key_exchange_facts(SSL *ssl, struct arena *arena, struct obs_tls *out)
{
	EVP_PKEY *key = NULL;
	char group[64];
	size_t len;

	if (!SSL_get_peer_tmp_key(ssl, &key))
		return;
	out->group_bits = EVP_PKEY_get_bits(key);
	if (EVP_PKEY_get_group_name(key, group, sizeof(group), &len))
		out->group = arena_strdup(arena, group);
	else
		out->group = arena_strdup(arena, EVP_PKEY_get0_type_name(key));
	EVP_PKEY_free(key);
}

static void signature_facts(SSL *ssl, struct arena *arena, struct obs_tls *out)
{
	int type = NID_undef, hash = NID_undef;
	const char *prefix;

	if (!SSL_get_peer_signature_type_nid(ssl, &type))
		return;
	SSL_get_peer_signature_nid(ssl, &hash);
	switch (type) {
	case EVP_PKEY_RSA_PSS:
		prefix = "rsa_pss_";
		break;
	case EVP_PKEY_RSA:
		prefix = "rsa_pkcs1_";
		break;
	case EVP_PKEY_EC:
		prefix = "ecdsa_";
		break;
	default:
		out->signature = arena_strdup(arena, OBJ_nid2sn(type));
		return;
	}
	out->signature = arena_strdup(arena, prefix);
	if (hash != NID_undef) {
		char *text = arena_printf(arena, "%s%s", prefix, OBJ_nid2sn(hash));

		text_lower(text);
		out->signature = text;
	}
}

/* The status a verified basic response gives for the leaf, by serial number (RFC 6960). */
static enum obs_ocsp ocsp_status(OCSP_BASICRESP *basic, X509 *leaf)
{
	for (int i = 0; i < OCSP_resp_count(basic); i++) {
		OCSP_SINGLERESP *one = OCSP_resp_get0(basic, i);
		ASN1_GENERALIZEDTIME *from = NULL, *to = NULL;
		ASN1_INTEGER *serial = NULL;
		int status;

		OCSP_id_get0_info(NULL, NULL, NULL, &serial,
				  (OCSP_CERTID *)OCSP_SINGLERESP_get0_id(one));
		if (ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(leaf)) != 0)
			continue;
		status = OCSP_single_get0_status(one, NULL, NULL, &from, &to);
		if (!OCSP_check_validity(from, to, OCSP_SKEW_S, -1))
			return OBS_OCSP_INVALID;
		if (status == V_OCSP_CERTSTATUS_GOOD)
			return OBS_OCSP_GOOD;
		return status == V_OCSP_CERTSTATUS_REVOKED ? OBS_OCSP_REVOKED : OBS_OCSP_UNKNOWN;
	}
	return OBS_OCSP_INVALID;
}

static enum obs_ocsp ocsp_facts(SSL *ssl)
{
	X509_STORE *store = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
	X509 *leaf = SSL_get0_peer_certificate(ssl);
	const unsigned char *der;
	long len = SSL_get_tlsext_status_ocsp_resp(ssl, &der);
	enum obs_ocsp result = OBS_OCSP_INVALID;
	OCSP_BASICRESP *basic = NULL;
	OCSP_RESPONSE *response;

	if (len <= 0 || !leaf)
		return OBS_OCSP_NONE;
	response = d2i_OCSP_RESPONSE(NULL, &der, len);
	if (response && OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL)
		basic = OCSP_response_get1_basic(response);
	if (basic && OCSP_basic_verify(basic, SSL_get_peer_cert_chain(ssl), store, 0) == 1)
		result = ocsp_status(basic, leaf);
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
	ERR_clear_error();
	return result;
}

void tls_facts_session(SSL *ssl, const struct tls_verdict *v, struct arena *arena,
		       struct obs_tls *out)
{
	out->version = arena_strdup(arena, SSL_get_version(ssl));
	cipher_facts(ssl, arena, out);
	key_exchange_facts(ssl, arena, out);
	signature_facts(ssl, arena, out);
	out->compression = SSL_get_current_compression(ssl) != NULL;
	out->secure_renegotiation =
	    SSL_version(ssl) >= TLS1_3_VERSION || SSL_get_secure_renegotiation_support(ssl);
	tls_facts_chain(SSL_get_peer_cert_chain(ssl), v, arena, out);
	out->ocsp = ocsp_facts(ssl);
	ERR_clear_error();
}
