/* SPDX-License-Identifier: ISC
 *
 * Questions to the plain facts of a presented chain.
 */
#ifndef CERT_H
#define CERT_H

#include <stdbool.h>
#include <stdint.h>

#include "conf.h"
#include "observation.h"

/* A SAN dNSName matches the reference name (never the CN; RFC 9525 §6.3). */
bool cert_matches_name(const struct obs_cert *leaf, const char *name);
/* How long before notAfter a threshold lies, in seconds: min(percent of the lifetime, max_s); max_s
 * alone when the dates are no lifetime. */
int64_t cert_threshold(const struct obs_cert *c, const struct conf_threshold *t);
/* Verification met this X509_V_ERR code, at any depth. */
bool cert_has_error(const struct obs_tls *tls, int64_t code);
/* The presented order is leaf, its issuer, that one's issuer, ... (RFC 5246 §7.4.2). */
bool cert_chain_in_order(const struct obs_tls *tls);

#endif
