/* SPDX-License-Identifier: ISC
 *
 * HTTP/1.1 for a few readers at a time, through evhttp, which has neither a cap on
 * connections nor a deadline of its own: here a connection ends with its answer, lives for
 * HTTP_SERVER_DEADLINE_MS at most until its request is complete, and when HTTP_SERVER_CONNECTIONS
 * are open the one that has been longest without a whole request makes room.  Headers are bounded
 * at 8 KiB, bodies at 64 KiB.  What the request may do is its reader's decision.
 *
 * The only includer of evhttp.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "buf.h"
#include "err.h"

struct event_base;
struct http_server;
struct http_request;

#define HTTP_SERVER_CONNECTIONS	 64
#define HTTP_SERVER_DEADLINE_MS	 10000
#define HTTP_SERVER_ANSWER_MS	 120000 /* from a whole request to its answer */
#define HTTP_SERVER_MAX_HEADERS	 8192
#define HTTP_SERVER_MAX_BODY	 65536

/* Answer r now or later, once, with http_reply. */
typedef void http_server_cb(struct http_request *r, void *arg);
/* What never became a request (malformed, too large, an unknown method): write the whole HTTP
 * response to out.  path: as it was sent, as far as it was, without the query. */
typedef void http_server_refused_cb(int status, const char *path, struct buf *out);

/* Listening sockets, non-blocking and close-on-exec; -1 with err.  place: "ADDRESS:PORT" or
 * "[ADDRESS]:PORT". */
int http_listen_tcp(const char *place, struct error *err);
/* A stale socket is replaced; one that somebody serves is not. mode: its rights. */
int http_listen_unix(const char *path, unsigned mode, struct error *err);

struct http_server *http_server_new(struct event_base *base, http_server_cb *cb,
    http_server_refused_cb *refused, void *arg);
void http_server_free(struct http_server *s);
/* Serve fd (closed with the server). */
void http_server_accept(struct http_server *s, int fd);

/* -- a request: strings are borrowed until it is answered ---------------------------------- */

bool http_is_post(const struct http_request *r);
bool http_is_get(const struct http_request *r); /* or HEAD */
/* The path without the query, percent-decoded; "" when it holds a NUL or is no path. */
const char *http_path(const struct http_request *r);
/* A parameter of the query, decoded; NULL if it is missing. */
const char *http_query(const struct http_request *r, const char *key);
const char *http_header(const struct http_request *r, const char *name);
const char *http_body(const struct http_request *r, size_t *len);
/* Lives until the answer. */
struct arena *http_arena(struct http_request *r);

/* Add a header to the answer. */
void http_answer_header(struct http_request *r, const char *name, const char *value);
/* Answer and forget r.  A 200 gets an ETag, and becomes a 304 when the reader has it already;
 * HEAD gets no body. */
void http_reply(struct http_request *r, int status, const char *type, const void *body,
    size_t len);

#endif
