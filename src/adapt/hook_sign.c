/* SPDX-License-Identifier: ISC */
#include "hook_sign.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#define SECRET_MAX 4096

/* The key behind the file's bytes; its length, or 0 if there is none. */
static size_t key_of(const char *secret, size_t len, unsigned char key[SECRET_MAX])
{
	static const char prefix[] = "whsec_";
	size_t skip = strlen(prefix);
	if (len > SECRET_MAX)
		return 0;
	if (len < skip || memcmp(secret, prefix, skip) != 0) {
		memcpy(key, secret, len);
		return len;
	}
	size_t padding = 0;
	while (padding < 2 && len > skip && secret[len - 1 - padding] == '=')
		padding++;
	int n = EVP_DecodeBlock(key, (const unsigned char *)secret + skip, (int)(len - skip));
	return n > (int)padding ? (size_t)n - padding : 0;
}

bool hook_sign(struct buf *out, const char *secret, size_t secret_len, const char *id,
	       int64_t timestamp, const char *body, size_t len)
{
	unsigned char key[SECRET_MAX], mac[EVP_MAX_MD_SIZE], text[4 * EVP_MAX_MD_SIZE / 3 + 4];
	unsigned mac_len = 0;
	struct buf signed_text;
	size_t key_len = key_of(secret, secret_len, key);
	if (key_len == 0)
		return false;
	buf_init(&signed_text, len + strlen(id) + 64);
	buf_printf(&signed_text, "%s.%lld.", id, (long long)timestamp);
	buf_add(&signed_text, body, len);
	HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)signed_text.data,
	     signed_text.len, mac, &mac_len);
	OPENSSL_cleanse(key, sizeof(key));
	buf_clear(&signed_text);
	EVP_EncodeBlock(text, mac, (int)mac_len);
	return buf_printf(out, "%sv1,%s", out->len > 0 ? " " : "", (const char *)text);
}
