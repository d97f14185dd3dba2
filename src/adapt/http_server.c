/* SPDX-License-Identifier: ISC
 *
 * evhttp frees a connection without a word to whoever made its bufferevent.  We hold a
 * reference of our own to each: one whose callbacks are gone was given up by evhttp, and is
 * let go at the next accept or tick.  To end a connection is to shut its socket down: evhttp
 * sees the end of the stream and does the rest.
 *
 * What it cannot read as a request it answers by itself, with a page of its own.  That answer
 * is exchanged before it is sent: it lies in the output of a connection that has not asked.
 */
#include "http_server.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include <utlist.h>

#include "clock.h"
#include "mem.h"
#include "text.h"

#define TICK_MS	   1000
#define BACKLOG	   128
#define ANSWER_MAX 16384

struct connection {		 /* oldest first */
	struct bufferevent *bev; /* a reference of ours */
	struct event *exchange;	 /* the answer of evhttp's own */
	http_server_refused_cb *refused;
	char line[64]; /* how what came begins; NUL at its end */
	size_t line_len;
	int64_t deadline_ms;
	bool asked;  /* its request is whole */
	bool ending; /* was shut down */
	struct connection *prev, *next;
};

struct http_server {
	struct event_base *base;
	struct evhttp *http;
	struct event *tick;
	http_server_cb *cb;
	http_server_refused_cb *refused;
	void *arg;
	struct connection *connections; /* utlist */
};

struct http_request {
	struct evhttp_request *request; /* NULL: the reader is gone */
	struct arena *arena;
	const char *path;
	struct evkeyvalq query;
};

/* -- answers of evhttp's own ---------------------------------------------------------------- */

static void on_input(struct evbuffer *in, const struct evbuffer_cb_info *info, void *arg)
{
	struct connection *c = arg;
	size_t room = sizeof(c->line) - 1 - c->line_len;
	struct evbuffer_ptr from;
	ev_ssize_t n;

	if (info->n_added == 0 || room == 0 ||
	    evbuffer_ptr_set(in, &from, info->orig_size, EVBUFFER_PTR_SET) < 0)
		return;
	n = evbuffer_copyout_from(in, &from, c->line + c->line_len,
				  info->n_added < room ? info->n_added : room);
	c->line_len += n > 0 ? (size_t)n : 0;
}

/* Not here and now: evhttp is still writing it. */
static void on_output(struct evbuffer *out, const struct evbuffer_cb_info *info, void *arg)
{
	struct connection *c = arg;
	(void)out;

	if (info->n_added > 0 && !c->asked && !c->ending)
		event_active(c->exchange, EV_TIMEOUT, 0);
}

static void on_exchange(evutil_socket_t fd, short what, void *arg)
{
	static const char version[] = "HTTP/1.1 ";
	struct connection *c = arg;
	struct evbuffer *out = bufferevent_get_output(c->bev);
	char status[sizeof("HTTP/1.1 400")] = "", *path;
	struct buf answer;
	(void)fd;
	(void)what;

	evbuffer_copyout(out, status, sizeof(status) - 1);
	if (c->asked || status[8] != ' ' || (status[9] != '4' && status[9] != '5'))
		return; /* as 100 Continue */
	c->asked = true;
	path = c->line + strcspn(c->line, " \r\n");
	path += *path == ' ';
	path[strcspn(path, " ?\r\n")] = '\0';
	buf_init(&answer, ANSWER_MAX);
	c->refused((int)strtol(status + strlen(version), NULL, 10), path, &answer);
	evbuffer_unfreeze(out, 1);
	evbuffer_drain(out, evbuffer_get_length(out));
	evbuffer_freeze(out, 1);
	evbuffer_add(out, answer.data, answer.len);
	buf_clear(&answer);
}

/* -- connections ---------------------------------------------------------------------------- */

static void drop(struct http_server *s, struct connection *c)
{
	DL_DELETE(s->connections, c);
	event_free(c->exchange);
	evbuffer_remove_cb(bufferevent_get_input(c->bev), on_input, c);
	evbuffer_remove_cb(bufferevent_get_output(c->bev), on_output, c);
	bufferevent_decref(c->bev);
	free(c);
}

static bool given_up(const struct connection *c)
{
	bufferevent_data_cb on_read, on_write;
	bufferevent_event_cb on_event;

	bufferevent_getcb(c->bev, &on_read, &on_write, &on_event, NULL);
	return on_event == NULL;
}

static void shut(struct connection *c)
{
	c->ending = true;
	shutdown(bufferevent_getfd(c->bev), SHUT_RDWR);
}

/* Let go of what evhttp gave up, end what is too old; how many are left. */
static size_t sweep(struct http_server *s)
{
	struct connection *c, *next;
	int64_t now_ms = clock_monotonic_ms();
	size_t n = 0;

	DL_FOREACH_SAFE(s->connections, c, next)
	{
		if (given_up(c)) {
			drop(s, c);
			continue;
		}
		if (!c->ending && now_ms >= c->deadline_ms)
			shut(c);
		n += !c->ending;
	}
	return n;
}

static void make_room(struct http_server *s)
{
	struct connection *c, *oldest = NULL;

	DL_FOREACH(s->connections, c)
	{
		if (c->ending)
			continue;
		if (oldest == NULL || (oldest->asked && !c->asked))
			oldest = c;
	}
	if (oldest)
		shut(oldest);
}

static struct bufferevent *on_accept(struct event_base *base, void *arg)
{
	struct http_server *s = arg;
	struct connection *c;
	struct bufferevent *bev;

	if (sweep(s) >= HTTP_SERVER_CONNECTIONS)
		make_room(s);
	bev = bufferevent_socket_new(base, -1, 0);
	if (bev == NULL)
		return NULL;
	bufferevent_incref(bev);
	c = mem_alloc(sizeof(*c));
	c->bev = bev;
	c->refused = s->refused;
	c->exchange = event_new(base, -1, 0, on_exchange, c);
	evbuffer_add_cb(bufferevent_get_input(bev), on_input, c);
	evbuffer_add_cb(bufferevent_get_output(bev), on_output, c);
	c->deadline_ms = clock_monotonic_ms() + HTTP_SERVER_DEADLINE_MS;
	DL_APPEND(s->connections, c);
	return bev;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	sweep(arg);
}

/* -- requests --------------------------------------------------------------------------------- */

static const char *decode_path(const char *raw, struct arena *arena)
{
	size_t len = 0;
	char *path = raw ? evhttp_uridecode(raw, 0, &len) : NULL;
	const char *copy =
	    path && strlen(path) == len && path[0] == '/' ? arena_strndup(arena, path, len) : "";

	free(path);
	return copy;
}

static void forget(struct http_request *r)
{
	evhttp_clear_headers(&r->query);
	arena_free(r->arena);
	free(r);
}

static void on_reader_gone(struct evhttp_connection *connection, void *arg)
{
	struct http_request *r = arg;
	(void)connection;

	r->request = NULL;
}

/* The request is whole: what remains is ours to do, and may take its time. */
static void mark_asked(struct http_server *s, struct evhttp_connection *connection)
{
	struct bufferevent *bev = evhttp_connection_get_bufferevent(connection);
	struct connection *c;

	DL_FOREACH(s->connections, c)
	{
		if (c->bev != bev)
			continue;
		c->asked = true;
		c->deadline_ms = clock_monotonic_ms() + HTTP_SERVER_ANSWER_MS;
	}
}

static void on_request(struct evhttp_request *request, void *arg)
{
	struct http_server *s = arg;
	struct evhttp_connection *connection = evhttp_request_get_connection(request);
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	const char *query = uri ? evhttp_uri_get_query(uri) : NULL;
	struct http_request *r = mem_alloc(sizeof(*r));

	mark_asked(s, connection);
	r->request = request;
	r->arena = arena_new();
	r->path = decode_path(uri ? evhttp_uri_get_path(uri) : NULL, r->arena);
	TAILQ_INIT(&r->query);
	if (query && evhttp_parse_query_str(query, &r->query) < 0)
		evhttp_clear_headers(&r->query);
	evhttp_connection_set_closecb(connection, on_reader_gone, r);
	s->cb(r, s->arg);
}

bool http_is_post(const struct http_request *r)
{
	return r->request && evhttp_request_get_command(r->request) == EVHTTP_REQ_POST;
}

bool http_is_get(const struct http_request *r)
{
	enum evhttp_cmd_type type =
	    r->request ? evhttp_request_get_command(r->request) : EVHTTP_REQ_GET;

	return type == EVHTTP_REQ_GET || type == EVHTTP_REQ_HEAD;
}

const char *http_path(const struct http_request *r)
{
	return r->path;
}

const char *http_query(const struct http_request *r, const char *key)
{
	return evhttp_find_header(&r->query, key);
}

const char *http_header(const struct http_request *r, const char *name)
{
	return r->request ? evhttp_find_header(evhttp_request_get_input_headers(r->request), name)
			  : NULL;
}

const char *http_body(const struct http_request *r, size_t *len)
{
	struct evbuffer *in = r->request ? evhttp_request_get_input_buffer(r->request) : NULL;

	*len = in ? evbuffer_get_length(in) : 0;
	return *len ? (const char *)evbuffer_pullup(in, -1) : "";
}

struct arena *http_arena(struct http_request *r)
{
	return r->arena;
}

void http_answer_header(struct http_request *r, const char *name, const char *value)
{
	if (r->request)
		evhttp_add_header(evhttp_request_get_output_headers(r->request), name, value);
}

static uint64_t fnv1a(const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 1099511628211u;
	return h;
}

/* True when the reader has these bytes already. */
static bool tag(struct http_request *r, const void *body, size_t len)
{
	const char *known = http_header(r, "If-None-Match");
	char etag[32];

	snprintf(etag, sizeof(etag), "\"%016llx\"", (unsigned long long)fnv1a(body, len));
	http_answer_header(r, "ETag", etag);
	return known && (strcmp(known, "*") == 0 || strstr(known, etag) != NULL);
}

void http_reply(struct http_request *r, int status, const char *type, const void *body, size_t len)
{
	struct evbuffer *out;
	char length[24];

	if (r->request == NULL) {
		forget(r);
		return;
	}
	out = evbuffer_new();
	if (status == 200 && !http_is_post(r) && tag(r, body, len)) {
		status = 304;
	} else {
		snprintf(length, sizeof(length), "%zu", len);
		http_answer_header(r, "Content-Type", type);
		http_answer_header(r, "Content-Length", length);
		if (evhttp_request_get_command(r->request) != EVHTTP_REQ_HEAD)
			evbuffer_add(out, body, len);
	}
	http_answer_header(r, "Connection", "close");
	evhttp_connection_set_closecb(evhttp_request_get_connection(r->request), NULL, NULL);
	evhttp_send_reply(r->request, status, NULL, out);
	evbuffer_free(out);
	forget(r);
}

/* -- listening --------------------------------------------------------------------------------- */

static int bound(int family, const struct sockaddr *address, socklen_t len, struct error *err)
{
	int on = 1, fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return error_errno(err, "socket");
	if (family != AF_UNIX)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, address, len) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	error_errno(err, "bind");
	close(fd);
	return -1;
}

int http_listen_tcp(const char *place, struct error *err)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
				       .ai_socktype = SOCK_STREAM};
	const char *colon = strrchr(place, ':');
	struct addrinfo *found;
	char host[128];
	size_t len = colon ? (size_t)(colon - place) : 0;
	int fd;

	if (len > 2 && place[0] == '[' && place[len - 1] == ']') {
		place++;
		len -= 2;
	}
	if (len == 0 || len >= sizeof(host))
		return error_set(err, "not ADDRESS:PORT");
	memcpy(host, place, len);
	host[len] = '\0';
	if (strcmp(host, "localhost") == 0)
		text_copy(host, sizeof(host), "127.0.0.1");
	if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
		return error_set(err, "not ADDRESS:PORT");
	fd = bound(found->ai_family, found->ai_addr, found->ai_addrlen, err);
	freeaddrinfo(found);
	return fd;
}

/* Somebody answers there. */
static bool served(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;

	if (fd >= 0)
		close(fd);
	return yes;
}

int http_listen_unix(const char *path, unsigned mode, struct error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat st;
	mode_t mask;
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return error_set(err, "the path is too long for a socket");
	text_copy(address.sun_path, sizeof(address.sun_path), path);
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode)) {
		if (served(&address))
			return error_set(err, "another daemon serves it");
		unlink(path);
	}
	mask = umask(0777 & ~mode);
	fd = bound(AF_UNIX, (const struct sockaddr *)&address, sizeof(address), err);
	umask(mask);
	return fd;
}

/* -- life ---------------------------------------------------------------------------------------
 */

struct http_server *http_server_new(struct event_base *base, http_server_cb *cb,
				    http_server_refused_cb *refused, void *arg)
{
	static const struct timeval tick = {.tv_sec = TICK_MS / 1000};
	struct http_server *s = mem_alloc(sizeof(*s));

	s->base = base;
	s->cb = cb;
	s->refused = refused;
	s->arg = arg;
	s->http = evhttp_new(base);
	evhttp_set_allowed_methods(s->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST |
						EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
						EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
	evhttp_set_max_headers_size(s->http, HTTP_SERVER_MAX_HEADERS);
	evhttp_set_max_body_size(s->http, HTTP_SERVER_MAX_BODY);
	evhttp_set_default_content_type(s->http, NULL);
	evhttp_set_bevcb(s->http, on_accept, s);
	evhttp_set_gencb(s->http, on_request, s);
	s->tick = event_new(base, -1, EV_PERSIST, on_tick, s);
	event_add(s->tick, &tick);
	return s;
}

void http_server_free(struct http_server *s)
{
	struct connection *c;

	if (s == NULL)
		return;
	/* evhttp closes their descriptors while we still hold them */
	DL_FOREACH(s->connections, c)
	{
		bufferevent_disable(c->bev, EV_READ | EV_WRITE);
	}
	evhttp_free(s->http);
	while (s->connections)
		drop(s, s->connections);
	event_free(s->tick);
	free(s);
}

void http_server_accept(struct http_server *s, int fd)
{
	if (evhttp_accept_socket(s->http, fd) < 0)
		close(fd);
}
