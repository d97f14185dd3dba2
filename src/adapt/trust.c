/* SPDX-License-Identifier: ISC */
#include "trust.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/sha.h>
#include <uthash.h>

#include "buf.h"
#include "mem.h"

#define MEMO_MAX	8192
#define MEMO_SECONDS	3600
#define MAX_CHAIN_BYTES (128 * 1024)

struct memo { /* a chain that was verified before */
	unsigned char key[SHA256_DIGEST_LENGTH];
	int64_t until;
	struct tls_verdict verdict;
	UT_hash_handle hh;
};

struct trust {
	X509_STORE *store;
	bool empty;
	struct memo *memos;
};

/* -- trust store --------------------------------------------------------------------------- */

static bool load_file(X509_STORE *store, const char *file)
{
	bool loaded = file && X509_STORE_load_file(store, file) == 1;

	ERR_clear_error();
	return loaded;
}

/* Every file of a directory now, not on demand: later we may see no file system. */
static bool load_directory(X509_STORE *store, const char *path)
{
	DIR *dir = path ? opendir(path) : NULL;
	struct dirent *entry;
	bool loaded = false;
	struct buf file;

	if (!dir)
		return false;
	buf_init(&file, 4096);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		buf_reset(&file);
		buf_printf(&file, "%s/%s", path, entry->d_name);
		if (load_file(store, buf_str(&file)))
			loaded = true;
	}
	buf_clear(&file);
	closedir(dir);
	return loaded;
}

static bool load_store(X509_STORE *store, const char *ca_file, const char *ca_path)
{
	static const char *const usual[] = {"/etc/ssl/certs/ca-certificates.crt",
					    "/etc/pki/tls/certs/ca-bundle.crt",
					    "/etc/ssl/cert.pem"};

	if (ca_file || ca_path) {
		bool file = load_file(store, ca_file);

		return load_directory(store, ca_path) || file;
	}
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (load_file(store, usual[i]))
			return true;
	return load_file(store, X509_get_default_cert_file()) ||
	       load_directory(store, X509_get_default_cert_dir());
}

/* -- verified chains ----------------------------------------------------------------------- */

static bool chain_key(STACK_OF(X509) * chain, unsigned char key[SHA256_DIGEST_LENGTH])
{
	struct buf all;
	bool ok = true;

	buf_init(&all, MAX_CHAIN_BYTES);
	for (int i = 0; i < sk_X509_num(chain) && ok; i++) {
		unsigned char *der = NULL;
		int len = i2d_X509(sk_X509_value(chain, i), &der);

		ok = len > 0 && buf_add(&all, der, (size_t)len);
		OPENSSL_free(der);
	}
	SHA256((const unsigned char *)buf_str(&all), all.len, key);
	buf_clear(&all);
	return ok;
}

static void memo_drop(struct trust *t, struct memo *memo)
{
	HASH_DEL(t->memos, memo);
	tls_verdict_clear(&memo->verdict);
	free(memo);
}

static const struct memo *memo_find(struct trust *t, const unsigned char *key, int64_t now)
{
	struct memo *memo;

	HASH_FIND(hh, t->memos, key, SHA256_DIGEST_LENGTH, memo);
	if (memo && memo->until <= now) {
		memo_drop(t, memo);
		memo = NULL;
	}
	return memo;
}

static void memo_keep(struct trust *t, const unsigned char *key, int64_t now,
		      const struct tls_verdict *v)
{
	struct memo *memo = mem_alloc(sizeof(*memo));

	if (HASH_COUNT(t->memos) >= MEMO_MAX)
		memo_drop(t, t->memos); /* the oldest: uthash keeps insertion order */
	memcpy(memo->key, key, sizeof(memo->key));
	memo->until = v->until < now + MEMO_SECONDS ? v->until : now + MEMO_SECONDS;
	tls_verdict_copy(&memo->verdict, v);
	HASH_ADD(hh, t->memos, key, sizeof(memo->key), memo);
}

void trust_verify(struct trust *t, X509_STORE_CTX *x, int64_t now, struct tls_verdict *v)
{
	unsigned char key[SHA256_DIGEST_LENGTH];
	bool keyed = chain_key(X509_STORE_CTX_get0_untrusted(x), key);
	const struct memo *memo = keyed ? memo_find(t, key, now) : NULL;

	if (memo) {
		tls_verdict_copy(v, &memo->verdict);
		return;
	}
	tls_facts_verify(x, now, v);
	if (keyed)
		memo_keep(t, key, now, v);
}

/* -- life ---------------------------------------------------------------------------------- */

struct trust *trust_new(const char *ca_file, const char *ca_path)
{
	struct trust *t = mem_alloc(sizeof(*t));

	t->store = X509_STORE_new();
	t->empty = !t->store || !load_store(t->store, ca_file, ca_path);
	return t;
}

void trust_free(struct trust *t)
{
	if (!t)
		return;
	while (t->memos)
		memo_drop(t, t->memos);
	X509_STORE_free(t->store);
	free(t);
}

bool trust_empty(const struct trust *t)
{
	return t->empty;
}

X509_STORE *trust_store(const struct trust *t)
{
	return t->store;
}
