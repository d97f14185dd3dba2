/* SPDX-License-Identifier: ISC */
#include "digest.h"

#include <openssl/sha.h>

#include "text.h"

const char *digest_sha256(const void *bytes, size_t len, struct arena *arena)
{
	unsigned char md[SHA256_DIGEST_LENGTH];
	const char *text;
	struct buf b;

	SHA256(bytes, len, md);
	buf_init(&b, 2 * sizeof(md));
	text_hex(&b, md, sizeof(md));
	text = arena_strdup(arena, buf_str(&b));
	buf_clear(&b);
	return text;
}
