/* SPDX-License-Identifier: ISC
 *
 * X509 and SSL objects reduced to the plain facts of core/observation.h.  Nothing is judged
 * here beyond what the library alone can tell: a path to the trust store, every error on the
 * way to it, and which presented certificate signed which.  Host names are judged in core.
 *
 * A handshake is told in two steps, so that an adapter that owns no SSL object (curl) can use
 * the first alone: in the certificate callback tls_facts_verify() makes the verdict on the
 * presented chain; after the handshake tls_facts_session() copies everything out.
 *
 * Limits: OBS_MAX_CHAIN certificates, OBS_MAX_DNS_NAMES names of each, TLS_VERDICT_ERRORS
 * errors; a chain with an RSA key of more than TLS_FACTS_MAX_RSA bits is not verified.
 */
#ifndef TLS_FACTS_H
#define TLS_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "arena.h"
#include "observation.h"

#define TLS_VERDICT_ERRORS  16
#define TLS_FACTS_MAX_RSA   8192

struct tls_verdict { /* on one presented chain, host names apart (RFC 5280 section 6) */
	bool trusted;
	char *root; /* owned: subject of the trust anchor reached, NULL if none was */
	struct {
		int depth, code; /* X509_V_ERR_* */
	} errors[TLS_VERDICT_ERRORS];
	size_t n_errors;
	unsigned char signed_by[OBS_MAX_CHAIN]; /* as obs_cert.signed_by */
	int64_t until; /* the verdict cannot change before: the next notBefore or notAfter */
};

/* Verify the chain presented in x, as handed to a callback of SSL_CTX_set_cert_verify_callback(),
 * for TLS servers at the time now; every error is kept.  Owns v's root: tls_verdict_clear(). */
void tls_facts_verify(X509_STORE_CTX *x, int64_t now, struct tls_verdict *v);
void tls_verdict_copy(struct tls_verdict *to, const struct tls_verdict *from);
void tls_verdict_clear(struct tls_verdict *v);

/* The certificates as presented, leaf first, and the verdict on them (may be NULL: not made). */
void tls_facts_chain(STACK_OF(X509) * chain, const struct tls_verdict *v, struct arena *arena,
		     struct obs_tls *out);
/* Everything of a finished handshake; the chain too. */
void tls_facts_session(SSL *ssl, const struct tls_verdict *v, struct arena *arena,
		       struct obs_tls *out);

#endif
