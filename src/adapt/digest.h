/* SPDX-License-Identifier: ISC
 *
 * SHA-256 of some bytes, for those who may not include OpenSSL.
 */
#ifndef DIGEST_H
#define DIGEST_H

#include <stddef.h>

#include "arena.h"

/* Lower-case hex. */
const char *digest_sha256(const void *bytes, size_t len, struct arena *arena);

#endif
