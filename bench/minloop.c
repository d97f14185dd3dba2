/* SPDX-License-Identifier: ISC
 *
 * The yardstick of `make bench`: the least a program can do and still verify a mail server's
 * TLS.  One process, libevent and OpenSSL, one shared SSL_CTX: connect, 220, EHLO, STARTTLS,
 * full handshake with chain and name verification, QUIT.  No DNS, no facts kept.
 *
 *     minloop PORT ROOT.pem COUNT IN-FLIGHT     prints "probes N failed N"
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <event2/event.h>
#include <openssl/ssl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum state { GREETING, EHLO, STARTTLS, HANDSHAKE, QUIT };

struct probe {
	int fd;
	struct event *ev;
	SSL *ssl;
	enum state state;
	char line[2048];
	size_t len;
};

static struct event_base *base;
static SSL_CTX *ctx;
static unsigned port, started, count, done, failed;

static void probe_start(void);
static void probe_io(evutil_socket_t fd, short what, void *arg);

static void probe_end(struct probe *p, bool ok)
{
	SSL_free(p->ssl);
	event_free(p->ev);
	close(p->fd);
	free(p);
	failed += !ok;
	if (++done == count)
		event_base_loopbreak(base);
	else if (started < count)
		probe_start();
}

static void probe_wait(struct probe *p, short what)
{
	event_del(p->ev);
	event_assign(p->ev, base, p->fd, (short)(what | EV_PERSIST), probe_io, p);
	event_add(p->ev, NULL);
}

static int probe_send(struct probe *p, const char *text)
{
	int len = (int)strlen(text);
	return p->ssl != NULL ? SSL_write(p->ssl, text, len) == len
			      : send(p->fd, text, (size_t)len, MSG_NOSIGNAL) == len;
}

static int probe_recv(struct probe *p)
{
	char *at = p->line + p->len;
	size_t room = sizeof(p->line) - p->len - 1;
	long got = p->ssl != NULL ? SSL_read(p->ssl, at, (int)room) : recv(p->fd, at, room, 0);
	if (got > 0) {
		p->len += (size_t)got;
		p->line[p->len] = '\0';
	}
	return (int)got;
}

/* A whole reply: its last line has a blank behind the code. */
static bool reply_whole(const struct probe *p)
{
	if (p->len < 4 || p->line[p->len - 1] != '\n')
		return false;
	const char *last = p->line;
	for (const char *s = p->line; s < p->line + p->len - 1; s++) {
		if (*s == '\n')
			last = s + 1;
	}
	return last[3] == ' ';
}

static void handshake(struct probe *p)
{
	int rc = SSL_connect(p->ssl);
	if (rc == 1) {
		if (SSL_get_verify_result(p->ssl) != X509_V_OK || !probe_send(p, "QUIT\r\n")) {
			probe_end(p, false);
			return;
		}
		p->state = QUIT;
		probe_wait(p, EV_READ);
		return;
	}
	switch (SSL_get_error(p->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		probe_wait(p, EV_READ);
		break;
	case SSL_ERROR_WANT_WRITE:
		probe_wait(p, EV_WRITE);
		break;
	default:
		probe_end(p, false);
	}
}

static void start_tls(struct probe *p)
{
	p->ssl = SSL_new(ctx);
	SSL_set_fd(p->ssl, p->fd);
	SSL_set_tlsext_host_name(p->ssl, "h1.bench.test");
	SSL_set1_host(p->ssl, "h1.bench.test");
	p->state = HANDSHAKE;
	handshake(p);
}

static void probe_io(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	struct probe *p = arg;
	if (p->state == HANDSHAKE) {
		handshake(p);
		return;
	}
	int got = probe_recv(p);
	if (got <= 0) {
		if (p->ssl != NULL && SSL_get_error(p->ssl, got) == SSL_ERROR_WANT_READ)
			return;
		probe_end(p, false);
		return;
	}
	if (!reply_whole(p))
		return;
	p->len = 0;
	switch (p->state) {
	case GREETING:
		p->state = EHLO;
		probe_send(p, "EHLO bench.test\r\n");
		break;
	case EHLO:
		p->state = STARTTLS;
		probe_send(p, "STARTTLS\r\n");
		break;
	case STARTTLS:
		start_tls(p);
		break;
	case HANDSHAKE:
		break;
	case QUIT:
		probe_end(p, strncmp(p->line, "221", 3) == 0);
		break;
	}
}

static void probe_start(void)
{
	struct probe *p = calloc(1, sizeof(*p));
	unsigned host = started++;
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	sin.sin_addr.s_addr = htonl(0x7f010000u | (host & 0xffff));
	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	p->ev = event_new(base, p->fd, EV_READ | EV_PERSIST, probe_io, p);
	connect(p->fd, (struct sockaddr *)&sin, sizeof(sin));
	event_add(p->ev, NULL);
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 64;
	port = (unsigned)atoi(argv[1]);
	count = (unsigned)atoi(argv[3]);
	unsigned in_flight = (unsigned)atoi(argv[4]);
	struct rlimit many = {65536, 65536};
	setrlimit(RLIMIT_NOFILE, &many);
	signal(SIGPIPE, SIG_IGN);
	base = event_base_new();
	ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	if (SSL_CTX_load_verify_locations(ctx, argv[2], NULL) != 1)
		return 1;
	while (started < in_flight && started < count)
		probe_start();
	event_base_dispatch(base);
	printf("probes %u failed %u\n", done, failed);
	return failed == 0 ? 0 : 1;
}
