/* SPDX-License-Identifier: ISC
 *
 * From a request to its handler, and from a value to an answer: who may ask (Host, token),
 * the table of paths, the headers every answer has.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <jansson.h>

#include "api.h"
#include "clock.h"
#include "name.h"
#include "page.h"
#include "secret.h"
#include "text.h"
#include "web_parts.h"

/* -- answers --------------------------------------------------------------------------------------
 */

static const struct header {
	const char *name, *value;
} always[] = {
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
};

static const struct header hard[] = {
    {"Content-Security-Policy",
     "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
     "base-uri 'none'; frame-ancestors 'none'"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cache-Control", "private, no-cache"},
};

static void harden(struct http_request *r)
{
	for (size_t i = 0; i < sizeof(hard) / sizeof(hard[0]); i++)
		http_answer_header(r, hard[i].name, hard[i].value);
}

void web_reply_html(struct exchange *x, int status, struct buf *page)
{
	harden(x->r);
	http_reply(x->r, status, "text/html; charset=utf-8", page->data, page->len);
	buf_clear(page);
}

static void reply_json(struct http_request *r, int status, json_t *value)
{
	struct buf out;

	buf_init(&out, (size_t)64 << 20);
	api_print(value, &out);
	buf_addch(&out, '\n');
	harden(r);
	http_reply(r, status, status < 400 ? "application/json" : "application/problem+json",
		   out.data, out.len);
	buf_clear(&out);
	json_decref(value);
}

void web_reply_json(struct exchange *x, int status, json_t *value)
{
	reply_json(x->r, status, value);
}

void web_refuse(struct exchange *x, int status, const char *why)
{
	const char *accept = http_header(x->r, "Accept");
	struct buf page;

	if (status == 401)
		http_answer_header(x->r, "WWW-Authenticate", "Bearer realm=\"mxwatch\"");
	if (!accept || strstr(accept, "text/html") == NULL) {
		web_reply_json(x, status, api_problem(status, why));
		return;
	}
	buf_init(&page, PAGE_MAX);
	page_error(status, api_status_title(status), why, &page);
	web_reply_html(x, status, &page);
}

static const char *why_refused(int status)
{
	return status == 413   ? "the body is larger than 64 KiB"
	       : status == 417 ? "no expectation is met but 100-continue"
	       : status == 501 ? "this method is not known here"
			       : "this is no request, or one with a head larger than 8 KiB";
}

void web_refused(int status, const char *path, struct buf *out)
{
	bool api = text_starts(path, "/api/");
	struct buf body;

	buf_init(&body, 4096);
	if (api) {
		json_t *problem = api_problem(status, why_refused(status));
		api_print(problem, &body);
		json_decref(problem);
	} else {
		buf_printf(&body, "%d %s: %s", status, api_status_title(status),
			   why_refused(status));
	}
	buf_addch(&body, '\n');
	buf_printf(out, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n", status,
		   api_status_title(status),
		   api ? "application/problem+json" : "text/plain; charset=utf-8", body.len);
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		buf_printf(out, "%s: %s\r\n", always[i].name, always[i].value);
	for (size_t i = 0; i < sizeof(hard) / sizeof(hard[0]); i++)
		buf_printf(out, "%s: %s\r\n", hard[i].name, hard[i].value);
	buf_addstr(out, "Connection: close\r\n\r\n");
	buf_add(out, body.data, body.len);
	buf_clear(&body);
}

void web_answered(struct http_request *r, int status, const char *json)
{
	json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
	const char *why = json_string_value(json_object_get(value, "error"));

	if (status < 400) {
		reply_json(r, status, value ? value : json_object());
		return;
	}
	if (why == NULL)
		why = json_string_value(json_object_get(value, "text"));
	json_t *problem = api_problem(status, why ? why : "the engine refused");
	if (json_is_object(value))
		json_object_update_missing(problem, value);
	reply_json(r, status, problem);
	json_decref(value);
}

/* -- who asks
 * ------------------------------------------------------------------------------------------ */

/* The name in a Host header or a URL, without its port. */
static const char *host_of(const char *s, struct arena *arena)
{
	size_t len = s[0] == '[' ? strcspn(s, "]") + 1 : strcspn(s, ":/");

	return arena_strndup(arena, s, len <= strlen(s) ? len : strlen(s));
}

/* A page of a stranger's name that leads here (DNS rebinding) shows that name. */
static bool host_is_ours(struct exchange *x)
{
	const char *host = http_header(x->r, "Host"), *url = x->w->conf->web_public_url;
	const char *at = url ? strstr(url, "://") : NULL;

	if (host == NULL)
		return false;
	host = host_of(host, x->arena);
	return text_equal_nocase(host, "localhost") || name_is_address_literal(host) ||
	       (at && text_equal_nocase(host, host_of(at + 3, x->arena)));
}

static bool same(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned char differs = a_len != b_len;

	for (size_t i = 0; i < a_len; i++)
		differs |= (unsigned char)(a[i] ^ b[b_len ? i % b_len : 0]);
	return differs == 0 && b_len > 0;
}

static bool has_token(struct exchange *x)
{
	const char *said = http_header(x->r, "Authorization"), *file = x->w->conf->web_token_file;
	struct error err;
	struct buf token;
	bool good = false;

	if (file == NULL || said == NULL || strncasecmp(said, "Bearer ", 7) != 0)
		return false;
	buf_init(&token, SECRET_MAX_BYTES);
	if (secret_read(file, &token, &err) == 0)
		good = same(said + 7, strlen(said + 7), token.data, token.len);
	if (token.data)
		explicit_bzero(token.data, token.len);
	buf_clear(&token);
	return good;
}

/* -- paths
 * -------------------------------------------------------------------------------------------- */

static const struct {
	const char *path; /* '*' stands for one segment */
	web_handler *show;
} readers[] = {
    {"/", web_overview},
    {"/domains", web_domains},
    {"/domains/*", web_domain},
    {"/hosts/*", web_host},
    {"/incidents", web_incidents},
    {"/events/*", web_event},
    {"/maintenance", web_maintenance},
    {"/changes", web_changes},
    {"/changes.atom", web_atom},
    {"/style.css", web_style},
    {"/badge/*", web_badge},
    {"/metrics", web_metrics},
    {"/metrics/domains", web_metrics_shard},
    {"/probe", web_probe},
    {"/healthz", web_healthz},
    {"/readyz", web_readyz},
    {"/api/v1/openapi.json", web_api_openapi},
    {"/api/v1/domains", web_api_domains},
    {"/api/v1/domains/*", web_api_domain},
    {"/api/v1/domains/*/history", web_api_history},
    {"/api/v1/domains/*/diff", web_api_diff},
    {"/api/v1/incidents", web_api_incidents},
    {"/api/v1/incidents/*", web_api_incident},
    {"/api/v1/changes", web_api_changes},
    {"/api/v1/status", web_api_status},
};

static const struct { /* through the engine, for those who may */
	bool post;
	const char *path, *verb;
} wishes[] = {
    {true, "/api/v1/domains/*/recheck", "recheck"},
    {false, "/api/v1/domains/*/recheck", "looking"},
    {true, "/api/v1/incidents/*/ack", "ack"},
    {true, "/api/v1/reload", "reload"},
    {true, "/api/v1/receivers/*/test", "test-alert"},
    {true, "/api/v1/queue/*/retry", "queue-retry"},
    {true, "/api/v1/silences", "silence-add"},
    {true, "/api/v1/silences/*/expire", "silence-expire"},
    {false, "/api/v1/silences", "silence-list"},
    {false, "/api/v1/queue", "queue"},
};

static bool matches(struct exchange *x, const char *pattern, const char *path)
{
	const char *star = strchr(pattern, '*');
	size_t before = star ? (size_t)(star - pattern) : 0, len;

	if (star == NULL)
		return strcmp(pattern, path) == 0;
	if (strncmp(path, pattern, before) != 0)
		return false;
	len = strcspn(path + before, "/");
	if (len == 0 || strcmp(path + before + len, star + 1) != 0)
		return false;
	x->name = arena_strndup(x->arena, path + before, len);
	return true;
}

static void ask_engine(struct exchange *x, const char *verb)
{
	size_t len;
	const char *body = http_body(x->r, &len), *args = NULL;
	json_t *o = len ? json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL) : NULL;

	if (!x->trusted) {
		web_refuse(x, 401, "this takes the Unix socket or a bearer token");
	} else if (len && !json_is_object(o)) {
		web_refuse(x, 400, "the body is not a JSON object");
	} else {
		char *compact = o ? json_dumps(o, JSON_COMPACT) : NULL;
		args = compact ? arena_strdup(x->arena, compact) : NULL;
		free(compact);
		web_wish(x, verb, x->name, json_string_value(json_object_get(o, "author")),
			 json_string_value(json_object_get(o, "reason")), args);
	}
	json_decref(o);
}

static void dispatch(struct exchange *x)
{
	const char *path = http_path(x->r);
	bool post = http_is_post(x->r), get = http_is_get(x->r), reads = false, writes = false;

	for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
		if (!matches(x, wishes[i].path, path))
			continue;
		*(wishes[i].post ? &writes : &reads) = true;
		if (wishes[i].post ? post : get) {
			ask_engine(x, wishes[i].verb);
			return;
		}
	}
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
		if (!matches(x, readers[i].path, path))
			continue;
		reads = true;
		if (get) {
			readers[i].show(x);
			return;
		}
	}
	if (reads || writes)
		http_answer_header(x->r, "Allow",
				   !writes  ? "GET, HEAD"
				   : !reads ? "POST"
					    : "GET, HEAD, POST");
	web_refuse(x, reads || writes ? 405 : 404,
		   reads || writes ? "another method is wanted here"
				   : "there is nothing of this name");
}

void web_answer(struct web *w, struct http_request *r, bool local)
{
	struct exchange x = {
	    .w = w, .r = r, .arena = http_arena(r), .trusted = local, .now = clock_now()};

	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		http_answer_header(r, always[i].name, always[i].value);
	if (!local && !host_is_ours(&x)) {
		web_refuse(&x, 421,
			   "this name is not served here; web.public_url names one that is");
		return;
	}
	x.trusted = local || has_token(&x);
	web_sight_renew(w);
	dispatch(&x);
}
