/* SPDX-License-Identifier: ISC */
#include "hook.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "buf.h"
#include "curl_loop.h"
#include "mem.h"
#include "text.h"

#define TIMEOUT_MS	20000L
#define CONNECT_MS	10000L
#define TEXT_MAX	300
#define RETRY_AFTER_MAX 3600

struct post {
	struct hook *hook;
	struct post *prev, *next; /* in hook->posts */
	CURL *curl;
	struct curl_slist *headers;
	hook_done *done;
	void *arg;
	size_t received;
	struct buf answer; /* its beginning, for people */
	char why[CURL_ERROR_SIZE];
};

struct hook {
	struct curl_loop *loop;
	struct post *posts;
};

/* -- outcomes -- */

static int outcome_of(long status)
{
	if (status / 100 == 2)
		return MESSAGE_DELIVERED;
	if (status < 200 || status == 408 || status == 425 || status == 429 || status / 100 == 5)
		return MESSAGE_RETRY;
	return MESSAGE_REJECTED;
}

/* Retry-After as libcurl reads it: seconds, or a date turned into seconds (RFC 9110 section
 * 10.2.3). */
static int64_t retry_after(CURL *curl)
{
	curl_off_t seconds = 0;
	struct curl_header *header;
	if (curl_easy_header(curl, "Retry-After", 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
		return -1;
	if (curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &seconds) != CURLE_OK || seconds < 1)
		seconds = 1;
	return seconds < RETRY_AFTER_MAX ? seconds : RETRY_AFTER_MAX;
}

static void post_free(struct post *p)
{
	DL_DELETE(p->hook->posts, p);
	curl_loop_give_up(p->hook->loop, p->curl);
	curl_slist_free_all(p->headers);
	buf_clear(&p->answer);
	free(p);
}

static void tell(struct post *p, CURLcode result)
{
	long status = 0;
	char *location = NULL;
	struct buf text;
	buf_init(&text, (size_t)8 * TEXT_MAX);
	curl_easy_getinfo(p->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(p->curl, CURLINFO_REDIRECT_URL, &location);
	if (status < 200) {
		const char *why = p->why[0] != '\0' ? p->why : curl_easy_strerror(result);
		text_escape(&text, why, strlen(why), TEXT_MAX);
	} else if (location != NULL) {
		buf_addstr(&text, "a redirect, not followed, to ");
		text_escape(&text, location, strlen(location), TEXT_MAX);
	} else {
		text_escape(&text, buf_str(&p->answer), p->answer.len, TEXT_MAX);
	}
	const struct message_sent sent = {.outcome = outcome_of(status),
					  .code = status >= 200 ? status : 0,
					  .text = buf_str(&text),
					  .retry_after_s =
					      status >= 200 ? retry_after(p->curl) : -1};
	hook_done *done = p->done;
	void *arg = p->arg;
	post_free(p);
	done(&sent, arg);
	buf_clear(&text);
}

static void on_ended(CURL *curl, CURLcode result)
{
	struct post *p = NULL;
	curl_easy_getinfo(curl, CURLINFO_PRIVATE, &p);
	tell(p, result);
}

struct hook *hook_new(struct event_base *base)
{
	struct hook *h = mem_alloc(sizeof(*h));
	h->loop = curl_loop_new(base, on_ended);
	return h;
}

void hook_free(struct hook *h)
{
	if (h == NULL)
		return;
	while (h->posts != NULL)
		post_free(h->posts);
	curl_loop_free(h->loop);
	free(h);
}

/* -- one request -- */

static size_t on_answer(char *bytes, size_t size, size_t n, void *arg)
{
	struct post *p = arg;
	size_t len = size * n;
	buf_add(&p->answer, bytes, len);
	p->received += len;
	return p->received <= HOOK_MAX_ANSWER ? len : 0;
}

static void set_options(CURL *curl, const struct hook_request *r, struct post *p)
{
	curl_easy_setopt(curl, CURLOPT_URL, r->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	if (r->ca_file != NULL) {
		curl_easy_setopt(curl, CURLOPT_CAINFO, r->ca_file);
		curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	}
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "mxwatch");
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, p->headers);
	if (r->body != NULL) {
		curl_easy_setopt(curl, CURLOPT_POST, 1L);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->len);
		curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, r->body);
	}
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, p);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, p->why);
	curl_easy_setopt(curl, CURLOPT_PRIVATE, p);
}

void hook_post(struct hook *h, const struct hook_request *r, hook_done *done, void *arg)
{
	struct post *p = mem_alloc(sizeof(*p));
	p->hook = h;
	p->done = done;
	p->arg = arg;
	buf_init(&p->answer, 4096);
	p->headers = curl_slist_append(NULL, "Expect:");
	for (size_t i = 0; i < r->n_headers; i++)
		p->headers = curl_slist_append(p->headers, r->headers[i]);
	DL_APPEND(h->posts, p);
	p->curl = curl_easy_init();
	set_options(p->curl, r, p);
	curl_loop_begin(h->loop, p->curl);
}
