/* SPDX-License-Identifier: ISC
 *
 * Whom we trust: one store of CA certificates per process, loaded once, and a memory of the
 * chains verified against it, keyed on every certificate presented.  A memory ends when a date
 * in its chain passes and after an hour; it lives and dies with the store.  It spares
 * X509_verify_cert() alone: the server's proof that it holds the key is checked every time.
 */
#ifndef TRUST_H
#define TRUST_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/x509_vfy.h>

#include "tls_facts.h"

struct trust;

/* ca_file and ca_path as configured; both NULL: the system's bundle.  Everything is read now,
 * never on demand. */
struct trust *trust_new(const char *ca_file, const char *ca_path);
void trust_free(struct trust *t); /* NULL is fine */
/* Nothing could be loaded: no chain can be verified, and that is our fault. */
bool trust_empty(const struct trust *t);
/* Borrowed. */
X509_STORE *trust_store(const struct trust *t);
/* tls_facts_verify() of the chain presented in x, or the memory of it. */
void trust_verify(struct trust *t, X509_STORE_CTX *x, int64_t now, struct tls_verdict *v);

#endif
