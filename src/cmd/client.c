/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE /* strcasestr */
#include "client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "client_say.h"
#include "conf.h"
#include "mem.h"
#include "text.h"

#define ANSWER_MAX ((size_t)256 << 20)
#define PATIENCE_S 130 /* a test alert waits for the far side */
#define PAGE_ROWS  "1000"
#define PATH_BYTES ((size_t)8192)

/* Where the daemon may be when nobody says: its runtime directory, its state. */
static const char *const places[] = {CONF_SOCKET, LOCALSTATEDIR "/lib/mxwatch/mxwatch.sock", NULL};

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (text_copy(address.sun_path, sizeof(address.sun_path), path) >= sizeof(address.sun_path))
		errno = ENAMETOOLONG;
	else if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
		return fd;
	}
	close(fd);
	return -1;
}

static int reach(const struct client_call *c)
{
	const char *const said[] = {c->socket, NULL};
	const char *const *list = c->socket && c->socket[0] ? said : places;
	int fd = -1;

	for (size_t i = 0; list[i] && fd < 0; i++)
		fd = connect_to(list[i]);
	if (fd >= 0)
		return fd;
	fprintf(stderr, "mxwatch: the daemon is not reachable at %s: %s\n", list[0],
		strerror(errno));
	fputs(
	    errno == EACCES
		? "mxwatch: its socket is for root and the group of mxwatchd: join it, or use sudo\n"
		: "mxwatch: is mxwatchd running (systemctl status mxwatchd)? -s SOCKET names another "
		  "socket\n",
	    stderr);
	return -1;
}

static bool send_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

/* All until the other side closes, which it does behind its answer. */
static bool read_all(int fd, struct buf *out)
{
	char part[65536];

	for (;;) {
		ssize_t n = read(fd, part, sizeof(part));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || (n > 0 && !buf_add(out, part, (size_t)n)))
			return false;
		if (n == 0)
			return true;
	}
}

/* Head and body apart; false when it is no answer, or was cut short on its way. */
static bool take_answer(struct client_answer *a)
{
	const char *text = buf_str(&a->body), *body = strstr(text, "\r\n\r\n");
	const char *length = strcasestr(text, "\r\nContent-Length:");
	unsigned long long whole = 0;

	if (body == NULL || sscanf(text, "HTTP/1.%*d %d", &a->status) != 1)
		return false;
	if (length && length < body)
		whole = strtoull(length + strlen("\r\nContent-Length:"), NULL, 10);
	buf_drain(&a->body, (size_t)(body - text) + 4);
	return a->body.len >= whole;
}

static bool converse(int fd, const char *method, const char *path, const char *body,
		     struct client_answer *a)
{
	struct buf request;
	bool good;

	buf_init(&request, 1 << 20);
	buf_printf(&request,
		   "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
		   "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		   method, path, strlen(body), body);
	good = send_all(fd, request.data, request.len) && read_all(fd, &a->body) && take_answer(a);
	buf_clear(&request);
	return good;
}

int client_ask(const struct client_call *c, const char *method, const char *path, json_t *body,
	       struct client_answer *a)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	int fd = -1, status = EX_UNAVAILABLE;

	memset(a, 0, sizeof(*a));
	buf_init(&a->body, ANSWER_MAX);
	fd = reach(c);
	if (fd >= 0 && converse(fd, method, path, text ? text : "", a))
		status = 0;
	else if (fd >= 0)
		fputs(
		    "mxwatch: the daemon gave no whole answer; `journalctl -u mxwatchd` may say why\n",
		    stderr);
	if (fd >= 0)
		close(fd);
	free(text);
	json_decref(body);
	if (status == 0)
		a->json =
		    json_loadb(a->body.len ? a->body.data : "", a->body.len, JSON_DECODE_ANY, NULL);
	return status;
}

static int refused(const struct client_answer *a)
{
	const char *detail = json_string_value(json_object_get(a->json, "detail"));

	if (a->status == 501)
		fputs("mxwatch: this daemon cannot do that yet\n", stderr);
	else
		fprintf(stderr, "mxwatch: %s\n", detail ? detail : "the daemon refused");
	return a->status == 404	  ? EX_NOINPUT
	       : a->status == 409 ? 2
	       : a->status == 400 ? EX_DATAERR
	       : a->status == 502 ? 1
				  : EX_UNAVAILABLE;
}

int client_get(const struct client_call *c, const char *method, const char *path, json_t *body,
	       struct client_answer *a)
{
	int status = client_ask(c, method, path, body, a);

	return status == 0 && a->status > 299 ? refused(a) : status;
}

void client_clear(struct client_answer *a)
{
	buf_clear(&a->body);
	json_decref(a->json);
}

bool client_word(const char *word, ...)
{
	const char *words[8] = {NULL}, *near;
	struct buf shown;
	va_list ap;
	size_t n = 0;

	va_start(ap, word);
	for (const char *w; n < 7 && (w = va_arg(ap, const char *)) != NULL; n++)
		words[n] = w;
	va_end(ap);
	for (size_t i = 0; i < n; i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	near = text_nearest(word, words);
	buf_init(&shown, 512);
	text_escape(&shown, word, strlen(word), 64);
	fprintf(stderr, "mxwatch: not '%s'", buf_str(&shown));
	if (near)
		fprintf(stderr, "; did you mean '%s'?", near);
	else
		for (size_t i = 0; i < n; i++)
			fprintf(stderr, "%s%s",
				i == 0	    ? " but "
				: i + 1 < n ? ", "
					    : " or ",
				words[i]);
	fputc('\n', stderr);
	buf_clear(&shown);
	return false;
}

static void add_escaped(struct buf *out, const char *s)
{
	for (; *s; s++) {
		if (strchr("-._~", *s) || (*s >= '0' && *s <= '9') || (*s >= 'A' && *s <= 'Z') ||
		    (*s >= 'a' && *s <= 'z'))
			buf_addch(out, *s);
		else
			buf_printf(out, "%%%02X", (unsigned char)*s);
	}
}

char *client_path(const char *before, const char *name, const char *behind)
{
	struct buf out;

	buf_init(&out, PATH_BYTES);
	buf_addstr(&out, before);
	add_escaped(&out, name);
	buf_addstr(&out, behind);
	return buf_detach(&out);
}

void client_query(struct buf *path, const char *key, const char *value)
{
	if (value == NULL)
		return;
	buf_printf(path, "%c%s=", strchr(buf_str(path), '?') ? '&' : '?', key);
	add_escaped(path, value);
}

int client_rows(const struct client_call *c, const char *path, client_row_cb *cb, void *arg)
{
	char *after = mem_strdup("");
	int status = 0;

	while (after && status == 0) {
		struct client_answer a;
		struct buf url;
		const char *next = NULL;
		bool more = true;
		json_t *row;
		size_t i;
		buf_init(&url, PATH_BYTES);
		buf_addstr(&url, path);
		client_query(&url, "limit", PAGE_ROWS);
		client_query(&url, "after", after);
		status = client_get(c, "GET", buf_str(&url), NULL, &a);
		if (status == 0)
			next = json_string_value(json_object_get(a.json, "next"));
		json_array_foreach(json_object_get(a.json, "data"), i, row) if (status == 0 && more)
		    more = cb(row, arg);
		free(after);
		after = next && more ? mem_strdup(next) : NULL;
		buf_clear(&url);
		client_clear(&a);
	}
	free(after);
	return status;
}

int client_one(const struct client_call *c, const char *method, char *path, json_t *body,
	       void (*print)(const struct client_call *c, const json_t *o))
{
	struct client_answer a;
	int status = client_get(c, method, path, body, &a);

	if (status == 0 && c->json)
		say_json(a.json);
	else if (status == 0)
		print(c, a.json);
	client_clear(&a);
	free(path);
	return status;
}
