/* SPDX-License-Identifier: ISC
 *
 * A fetch is one easy handle at a time: the next address gets a fresh one.
 */
#include "https.h"

#include <curl/curl.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "config.h"
#include "curl_loop.h"
#include "dialogue.h"
#include "log.h"
#include "mem.h"
#include "name.h"
#include "text.h"
#include "trust.h"

#define MAX_ATTEMPTS	 4 /* addresses */
#define MAX_CERTIFICATES (64 * 1024)
/* characters, of up to four bytes each */
#define MAX_REASON   256
#define MAX_TYPE     128
#define MAX_LOCATION 512
#define URL_MAX	     2048

struct https {
	struct curl_loop *loop;
	struct trust *trust;
};

struct https_fetch {
	struct https *h;
	struct arena *arena;
	https_cb *cb;
	void *arg;
	struct https_request request;
	size_t attempt; /* index of the address */
	int64_t began_ms;
	CURL *easy;
	struct curl_slist *connect_to;
	char curl_text[CURL_ERROR_SIZE];
	struct buf body;
	struct tls_verdict verdict;
	bool connected;	   /* TCP stands, TLS begins */
	bool session_told; /* result.tls is of the whole session, not the chain alone */
	struct https_result result;
};

/* -- what curl tells during a transfer ------------------------------------------------------------
 */

/* In the place of OpenSSL's own verification: the same store and purpose, and all errors kept.
 * The verdict is handed on unchanged; the name is curl's own check. */
static int verify_chain(X509_STORE_CTX *x, void *arg)
{
	struct https_fetch *f = arg;

	tls_verdict_clear(&f->verdict);
	trust_verify(f->h->trust, x, clock_now(), &f->verdict);
	f->result.tls = arena_alloc(f->arena, sizeof(*f->result.tls));
	tls_facts_chain(X509_STORE_CTX_get0_untrusted(x), &f->verdict, f->arena, f->result.tls);
	if (f->verdict.trusted) {
		X509_STORE_CTX_set_error(x, X509_V_OK);
		return 1;
	}
	X509_STORE_CTX_set_error(x, f->verdict.n_errors > 0 ? f->verdict.errors[0].code
							    : X509_V_ERR_UNSPECIFIED);
	return 0;
}

static CURLcode prepare_tls(CURL *easy, void *ctx, void *arg)
{
	struct https_fetch *f = arg;

	(void)easy;
	f->connected = true;
	SSL_CTX_set1_cert_store(ctx, trust_store(f->h->trust));
	SSL_CTX_set_max_cert_list(ctx, MAX_CERTIFICATES);
	SSL_CTX_set_cert_verify_callback(ctx, verify_chain, arg);
	return CURLE_OK;
}

/* The first header line: the session stands and is verified. */
static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
	struct https_fetch *f = arg;
	struct curl_tlssessioninfo *info = NULL;

	(void)data;
	if (!f->session_told &&
	    curl_easy_getinfo(f->easy, CURLINFO_TLS_SSL_PTR, &info) == CURLE_OK && info != NULL &&
	    info->backend == CURLSSLBACKEND_OPENSSL && info->internals != NULL) {
		f->session_told = true;
		f->result.tls = arena_alloc(f->arena, sizeof(*f->result.tls));
		tls_facts_session(info->internals, &f->verdict, f->arena, f->result.tls);
	}
	return size * n;
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct https_fetch *f = arg;

	if (buf_add(&f->body, data, size * n))
		return size * n;
	f->result.too_large = true;
	return 0;
}

/* -- one attempt
 * ----------------------------------------------------------------------------------- */

static void attempt_clear(struct https_fetch *f)
{
	if (f->easy != NULL)
		curl_loop_give_up(f->h->loop, f->easy);
	curl_slist_free_all(f->connect_to);
	f->easy = NULL;
	f->connect_to = NULL;
}

static void set_addresses(struct https_fetch *f)
{
	const struct https_request *r = &f->request;
	const char *address = r->addresses[f->attempt];
	bool v6 = strchr(address, ':') != NULL;
	const char *source = v6 ? r->source_ipv6 : r->source_ipv4;
	char text[URL_MAX];

	snprintf(text, sizeof(text), "%s:443:%s%s%s:%d", r->host, v6 ? "[" : "", address,
		 v6 ? "]" : "", (int)r->port);
	f->connect_to = curl_slist_append(NULL, text);
	curl_easy_setopt(f->easy, CURLOPT_CONNECT_TO, f->connect_to);
	if (source != NULL) {
		snprintf(text, sizeof(text), "host!%s", source);
		curl_easy_setopt(f->easy, CURLOPT_INTERFACE, text);
	}
	f->result.address = arena_strdup(f->arena, address);
}

static void set_limits(struct https_fetch *f)
{
	CURL *e = f->easy;
	int64_t left = f->request.deadline_ms - (clock_monotonic_ms() - f->began_ms);

	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(e, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)f->request.connect_ms);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)(left > 1 ? left : 1));
	curl_easy_setopt(e, CURLOPT_USERAGENT, "mxwatch/" PACKAGE_VERSION);
}

static void set_tls(struct https_fetch *f)
{
	CURL *e = f->easy;

	curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(e, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	/* The store is prepare_tls()'s: curl loads nothing, keeps nothing and changes nothing. */
	curl_easy_setopt(e, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(e, CURLOPT_CA_CACHE_TIMEOUT, 0L);
	curl_easy_setopt(e, CURLOPT_SSL_OPTIONS, (long)CURLSSLOPT_NO_PARTIALCHAIN);
	curl_easy_setopt(e, CURLOPT_SSL_CTX_FUNCTION, prepare_tls);
	curl_easy_setopt(e, CURLOPT_SSL_CTX_DATA, f);
}

static void attempt_begin(struct https_fetch *f)
{
	char url[URL_MAX];

	buf_reset(&f->body);
	f->body.truncated = false;
	f->connected = f->session_told = false;
	f->easy = curl_easy_init();
	if (f->easy == NULL)
		log_fatal("https", "out of memory");
	snprintf(url, sizeof(url), "https://%s%s", f->request.host, f->request.path);
	curl_easy_setopt(f->easy, CURLOPT_URL, url);
	curl_easy_setopt(f->easy, CURLOPT_PRIVATE, f);
	curl_easy_setopt(f->easy, CURLOPT_ERRORBUFFER, f->curl_text);
	curl_easy_setopt(f->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(f->easy, CURLOPT_HEADERDATA, f);
	curl_easy_setopt(f->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(f->easy, CURLOPT_WRITEDATA, f);
	set_addresses(f);
	set_limits(f);
	set_tls(f);
	curl_loop_begin(f->h->loop, f->easy);
}

/* -- how it ended
 * ---------------------------------------------------------------------------------- */

static const char *escaped(struct arena *arena, const char *s, size_t max)
{
	struct buf out;
	const char *copy;

	if (s == NULL)
		return NULL;
	buf_init(&out, 4 * max);
	text_escape(&out, s, strlen(s), max);
	copy = arena_strdup(arena, buf_str(&out));
	buf_clear(&out);
	return copy;
}

static void set_failure(struct https_fetch *f, enum obs_stage stage, enum obs_class class,
			const char *text)
{
	f->result.failure.stage = stage;
	f->result.failure.class = class;
	f->result.failure.text = escaped(f->arena, text, MAX_REASON);
}

static enum obs_stage stage_of(const struct https_fetch *f)
{
	curl_off_t secured = 0;

	if (!f->connected)
		return OBS_STAGE_CONNECT;
	curl_easy_getinfo(f->easy, CURLINFO_APPCONNECT_TIME_T, &secured);
	return secured == 0 ? OBS_STAGE_TLS : OBS_STAGE_HTTP;
}

static void describe_failure(struct https_fetch *f, CURLcode code)
{
	const char *text = f->curl_text[0] != '\0' ? f->curl_text : curl_easy_strerror(code);
	enum obs_stage stage = stage_of(f);
	long error = 0;

	curl_easy_getinfo(f->easy, CURLINFO_OS_ERRNO, &error);
	if (f->result.too_large)
		set_failure(f, OBS_STAGE_HTTP, OBS_CLASS_PROTOCOL, "the body is too large");
	else if (code == CURLE_OPERATION_TIMEDOUT)
		set_failure(f, stage, OBS_CLASS_TIMEOUT, text);
	else if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CONNECT_ERROR)
		set_failure(f, OBS_STAGE_TLS, OBS_CLASS_TLS, text);
	else if (stage == OBS_STAGE_CONNECT && error == 0) /* no socket, nothing was sent */
		set_failure(f, stage, OBS_CLASS_LOCAL, text);
	else if (stage == OBS_STAGE_CONNECT)
		set_failure(f, stage, dialogue_errno_class((int)error, false), text);
	else
		set_failure(f, stage, stage == OBS_STAGE_TLS ? OBS_CLASS_TLS : OBS_CLASS_PROTOCOL,
			    text);
	f->result.failure.code = stage == OBS_STAGE_CONNECT ? error : 0;
}

static const char *sha256_hex(struct arena *arena, const struct buf *body)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;
	struct buf hex;
	const char *copy;

	buf_init(&hex, 2 * EVP_MAX_MD_SIZE);
	EVP_Digest(body->len > 0 ? body->data : "", body->len, digest, &len, EVP_sha256(), NULL);
	text_hex(&hex, digest, len);
	copy = arena_strdup(arena, buf_str(&hex));
	buf_clear(&hex);
	return copy;
}

static void describe_reply(struct https_fetch *f, CURLcode code)
{
	char *type = NULL, *location = NULL;
	curl_off_t handshake = 0, connected = 0;
	long status = 0;

	curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(f->easy, CURLINFO_CONTENT_TYPE, &type);
	curl_easy_getinfo(f->easy, CURLINFO_REDIRECT_URL, &location);
	curl_easy_getinfo(f->easy, CURLINFO_APPCONNECT_TIME_T, &handshake);
	curl_easy_getinfo(f->easy, CURLINFO_CONNECT_TIME_T, &connected);
	f->result.status = status;
	f->result.content_type = escaped(f->arena, type, MAX_TYPE);
	f->result.location = escaped(f->arena, location, MAX_LOCATION);
	f->result.took_ms = clock_monotonic_ms() - f->began_ms;
	if (f->result.tls != NULL && handshake > connected)
		f->result.tls->handshake_ms = (handshake - connected) / 1000;
	if (code == CURLE_OK) {
		struct buf text;

		buf_init(&text, 2 * f->body.len + 2);
		text_latin1(&text, f->body.len > 0 ? f->body.data : "", f->body.len);
		f->result.body = arena_strdup(f->arena, buf_str(&text));
		f->result.body_sha256 = sha256_hex(f->arena, &f->body);
		buf_clear(&text);
	}
}

static void fetch_free(struct https_fetch *f)
{
	attempt_clear(f);
	buf_clear(&f->body);
	tls_verdict_clear(&f->verdict);
	free(f);
}

static void attempt_ended(struct https_fetch *f, CURLcode code)
{
	bool out_of_time = clock_monotonic_ms() - f->began_ms >= f->request.deadline_ms;

	memset(&f->result.failure, 0, sizeof(f->result.failure));
	if (code != CURLE_OK)
		describe_failure(f, code);
	if (f->result.failure.stage == OBS_STAGE_CONNECT && !out_of_time &&
	    ++f->attempt < f->request.n_addresses && f->attempt < MAX_ATTEMPTS) {
		attempt_clear(f);
		attempt_begin(f);
		return;
	}
	describe_reply(f, code);
	f->cb(&f->result, f->arg);
	fetch_free(f);
}

static void on_ended(CURL *easy, CURLcode code)
{
	struct https_fetch *f = NULL;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&f);
	attempt_ended(f, code);
}

struct https *https_new(struct event_base *base, struct trust *trust)
{
	struct https *h = mem_alloc(sizeof(*h));

	h->trust = trust;
	h->loop = curl_loop_new(base, on_ended);
	return h;
}

void https_free(struct https *h)
{
	if (h == NULL)
		return;
	curl_loop_free(h->loop);
	free(h);
}

/* -- begin and give up
 * -------------------------------------------------------------------------------- */

static void request_copy(struct https_fetch *f, const struct https_request *r)
{
	const char **addresses = arena_array(f->arena, r->n_addresses, sizeof(*addresses));

	f->request = *r;
	for (size_t i = 0; i < r->n_addresses; i++)
		addresses[i] = arena_strdup(f->arena, r->addresses[i]);
	f->request.addresses = addresses;
	f->request.host = arena_strdup(f->arena, r->host);
	f->request.path = arena_strdup(f->arena, r->path);
	f->request.source_ipv4 = arena_strdup(f->arena, r->source_ipv4);
	f->request.source_ipv6 = arena_strdup(f->arena, r->source_ipv6);
}

struct https_fetch *https_fetch_start(struct https *h, const struct https_request *request,
				      struct arena *arena, https_cb *cb, void *arg)
{
	struct https_fetch *f = mem_alloc(sizeof(*f));

	f->h = h;
	f->arena = arena;
	f->cb = cb;
	f->arg = arg;
	f->began_ms = clock_monotonic_ms();
	buf_init(&f->body, request->max_body);
	request_copy(f, request);
	attempt_begin(f);
	return f;
}

void https_fetch_cancel(struct https_fetch *f)
{
	if (f != NULL)
		fetch_free(f);
}

bool https_url_split(const char *url, struct arena *arena, const char **host, const char **path)
{
	CURLU *u = curl_url();
	char *name = NULL, *port = NULL, *rest = NULL, *query = NULL, *user = NULL;
	char folded[NAME_MAX_TEXT];
	bool ok = u != NULL && strlen(url) < URL_MAX / 2 && text_starts(url, "https://") &&
		  curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
		  curl_url_get(u, CURLUPART_HOST, &name, 0) == CURLUE_OK &&
		  curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		  curl_url_get(u, CURLUPART_PATH, &rest, 0) == CURLUE_OK &&
		  curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_NO_USER &&
		  strcmp(port, "443") == 0 && name_fold_host(folded, name);

	if (ok) {
		bool asks = curl_url_get(u, CURLUPART_QUERY, &query, 0) == CURLUE_OK;

		*host = arena_strdup(arena, folded);
		*path = arena_printf(arena, "%s%s%s", rest, asks ? "?" : "", asks ? query : "");
	}
	curl_free(name);
	curl_free(port);
	curl_free(rest);
	curl_free(query);
	curl_free(user);
	curl_url_cleanup(u);
	return ok;
}
