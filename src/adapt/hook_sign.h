/* SPDX-License-Identifier: ISC
 *
 * Standard Webhooks signatures: HMAC-SHA256 over "id.timestamp.body", base64, one "v1,..." for
 * each secret (several while one is being replaced).
 */
#ifndef HOOK_SIGN_H
#define HOOK_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

/* Append one more signature.  secret: the bytes of a secret file, `whsec_` and base64 or raw.
 * False if the base64 is broken or the secret is empty. */
bool hook_sign(struct buf *out, const char *secret, size_t secret_len, const char *id,
	       int64_t timestamp, const char *body, size_t len);

#endif
