/* SPDX-License-Identifier: ISC
 *
 * In file order: the socket as OpenSSL sees it (a BIO of our own: no SIGPIPE, every byte
 * counted), the context, what events do, the connection.
 */
#include "stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "clock.h"
#include "log.h"
#include "mem.h"
#include "tls_facts.h"
#include "trust.h"

#define READ_SIZE   16384
#define COMMAND_MAX (16 * 1024)

#define CIPHERS "ALL:!aNULL:!PSK:!SRP:@SECLEVEL=0"

struct stream_context {
	struct event_base *base;
	SSL_CTX *ssl_ctx;
	struct trust *trust;
	BIO_METHOD *bio_method;
};

enum stream_state { CONNECTING, PLAIN, HANDSHAKE, SECURE, CLOSED };

struct stream {
	struct stream_context *context;
	stream_cb *cb;
	void *arg;
	enum stream_state state;
	int fd;
	int connect_error; /* of connect() itself */
	short wanted;	   /* what the event waits for */
	struct event event;
	struct buf out; /* not yet written */
	size_t bytes_in;
	SSL *ssl; /* these two from stream_start_tls() on */
	struct tls_verdict *verdict;
	int64_t handshake_ms; /* began; then: took */
};

/* -- the socket as a BIO ------------------------------------------------------------------- */

static bool over_limit(const struct stream *s)
{
	return s->bytes_in > (s->ssl ? STREAM_MAX_BYTES : STREAM_MAX_PLAIN);
}

static int bio_read(BIO *bio, char *data, int len)
{
	struct stream *s = BIO_get_data(bio);
	ssize_t n = recv(s->fd, data, (size_t)len, 0);

	BIO_clear_retry_flags(bio);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_read(bio);
	if (n > 0)
		s->bytes_in += (size_t)n;
	if (over_limit(s)) {
		errno = EMSGSIZE;
		return -1;
	}
	return (int)n;
}

static int bio_write(BIO *bio, const char *data, int len)
{
	struct stream *s = BIO_get_data(bio);
	ssize_t n = send(s->fd, data, (size_t)len, MSG_NOSIGNAL);

	BIO_clear_retry_flags(bio);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_write(bio);
	return (int)n;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *make_bio_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");

	if (m) {
		BIO_meth_set_read(m, bio_read);
		BIO_meth_set_write(m, bio_write);
		BIO_meth_set_ctrl(m, bio_ctrl);
	}
	return m;
}

/* In place of X509_verify_cert() in the handshake.  Always goes on: the verdict is a fact. */
static int verify(X509_STORE_CTX *x, void *arg)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(x, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct stream *s = SSL_get_app_data(ssl);

	tls_verdict_clear(s->verdict);
	trust_verify(arg, x, clock_now(), s->verdict);
	X509_STORE_CTX_set_error(x, X509_V_OK);
	return 1;
}

/* -- context ------------------------------------------------------------------------------- */

/* However weak: what a server does is a fact.  Level 0 alone still hangs up on a
 * Diffie-Hellman group of less than 1024 bit. */
static int allow(const SSL *ssl, const SSL_CTX *ctx, int op, int bits, int nid, void *other,
		 void *ex)
{
	(void)ssl;
	(void)ctx;
	(void)op;
	(void)bits;
	(void)nid;
	(void)other;
	(void)ex;
	return 1;
}

static bool set_up(struct stream_context *c)
{
	SSL_CTX *ctx = c->ssl_ctx;

	SSL_CTX_set_options(ctx, SSL_OP_ALL | SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_NO_TICKET |
				     SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_security_callback(ctx, allow);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_max_cert_list(ctx, STREAM_MAX_CHAIN);
	SSL_CTX_set_verify_depth(ctx, OBS_MAX_CHAIN);
	SSL_CTX_set_tlsext_status_type(ctx, TLSEXT_STATUSTYPE_ocsp);
	SSL_CTX_set1_cert_store(ctx, trust_store(c->trust));
	SSL_CTX_set_cert_verify_callback(ctx, verify, c->trust);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION) &&
	       SSL_CTX_set_max_proto_version(ctx, 0) && SSL_CTX_set_cipher_list(ctx, CIPHERS);
}

struct stream_context *stream_context_new(struct event_base *base, const char *ca_file,
					  const char *ca_path, struct error *err)
{
	struct stream_context *c = mem_alloc(sizeof(*c));

	c->base = base;
	c->ssl_ctx = SSL_CTX_new(TLS_client_method());
	c->trust = trust_new(ca_file, ca_path);
	c->bio_method = make_bio_method();
	if (!c->ssl_ctx || !c->bio_method || !set_up(c)) {
		error_set(err, "OpenSSL: %s", ERR_reason_error_string(ERR_peek_error()));
		stream_context_free(c);
		return NULL;
	}
	return c;
}

void stream_context_free(struct stream_context *c)
{
	if (!c)
		return;
	SSL_CTX_free(c->ssl_ctx);
	trust_free(c->trust);
	BIO_meth_free(c->bio_method);
	free(c);
}

bool stream_context_no_ca(const struct stream_context *c)
{
	return trust_empty(c->trust);
}

struct trust *stream_context_trust(const struct stream_context *c)
{
	return c->trust;
}

/* -- events -------------------------------------------------------------------------------- */

static void on_event(evutil_socket_t fd, short what, void *arg);
static void read_secure(struct stream *s);

static void want(struct stream *s, short what)
{
	if (s->state == CLOSED || s->wanted == what)
		return;
	if (s->wanted)
		event_del(&s->event);
	event_assign(&s->event, s->context->base, s->fd, what | EV_PERSIST, on_event, s);
	event_add(&s->event, NULL);
	s->wanted = what;
}

static void tell(struct stream *s, struct stream_notice notice)
{
	if (notice.event == STREAM_EOF || notice.event == STREAM_ERROR ||
	    notice.event == STREAM_TLS_FAILED)
		stream_close(s);
	s->cb(&notice, s->arg);
}

static void tell_error(struct stream *s, int error, bool at_once)
{
	const char *text = error == EMSGSIZE ? "the server sent too much" : strerror(error);

	tell(s, (struct stream_notice){
		    .event = STREAM_ERROR, .error = error, .at_once = at_once, .text = text});
}

/* Why OpenSSL stopped, in words. */
static const char *tls_reason(int ssl_error, int error)
{
	unsigned long code = ERR_peek_error();
	const char *text = code ? ERR_reason_error_string(code) : NULL;

	if (error == EMSGSIZE)
		return "the server sent too much";
	if (text)
		return text;
	if (ssl_error == SSL_ERROR_SYSCALL && error != 0)
		return strerror(error);
	return "the server closed the connection during the handshake";
}

/* The number of the alert that ended the handshake, 0 if none did (RFC 8446 section 6). */
static int alert(void)
{
	unsigned long code = ERR_peek_error();
	int reason = code ? ERR_GET_REASON(code) : 0;

	return reason > SSL_AD_REASON_OFFSET ? reason - SSL_AD_REASON_OFFSET : 0;
}

static void handshake(struct stream *s)
{
	int result, why, error;

	ERR_clear_error();
	errno = 0;
	result = SSL_do_handshake(s->ssl);
	error = errno;
	if (result == 1) {
		s->state = SECURE;
		s->handshake_ms = clock_monotonic_ms() - s->handshake_ms;
		want(s, EV_READ);
		tell(s, (struct stream_notice){.event = STREAM_TLS_UP});
		read_secure(s); /* what was read ahead raises no event */
		return;
	}
	why = SSL_get_error(s->ssl, result);
	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
		want(s, why == SSL_ERROR_WANT_READ ? EV_READ : EV_WRITE);
		return;
	}
	tell(s, (struct stream_notice){
		    .event = STREAM_TLS_FAILED, .error = alert(), .text = tls_reason(why, error)});
	ERR_clear_error();
}

static void read_plain(struct stream *s)
{
	char data[READ_SIZE];
	ssize_t n = recv(s->fd, data, sizeof(data), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		tell_error(s, errno, false);
		return;
	}
	if (n == 0) {
		tell(s, (struct stream_notice){.event = STREAM_EOF});
		return;
	}
	s->bytes_in += (size_t)n;
	if (over_limit(s))
		tell_error(s, EMSGSIZE, false);
	else
		tell(s,
		     (struct stream_notice){.event = STREAM_DATA, .data = data, .len = (size_t)n});
}

static void read_secure(struct stream *s)
{
	char data[READ_SIZE];

	while (s->state == SECURE) {
		int n, why, error;

		ERR_clear_error();
		errno = 0;
		n = SSL_read(s->ssl, data, sizeof(data));
		error = errno;
		if (n > 0) {
			tell(s, (struct stream_notice){
				    .event = STREAM_DATA, .data = data, .len = (size_t)n});
			continue;
		}
		why = SSL_get_error(s->ssl, n);
		if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
			return;
		if (why == SSL_ERROR_ZERO_RETURN || (why == SSL_ERROR_SYSCALL && error == 0))
			tell(s, (struct stream_notice){.event = STREAM_EOF});
		else
			tell_error(s, error ? error : EPROTO, false);
		ERR_clear_error();
	}
}

/* Bytes written, 0 when the socket is full, -1 with errno. */
static ssize_t write_some(struct stream *s)
{
	int n;

	if (s->state == PLAIN) {
		ssize_t sent = send(s->fd, s->out.data, s->out.len, MSG_NOSIGNAL);

		return sent < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : sent;
	}
	ERR_clear_error();
	n = SSL_write(s->ssl, s->out.data, (int)s->out.len);
	if (n > 0)
		return n;
	switch (SSL_get_error(s->ssl, n)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return 0;
	default:
		return -1;
	}
}

/* What cannot be written is told by reading: the peer's last words come first. */
static void flush(struct stream *s)
{
	while (s->out.len > 0) {
		ssize_t n = write_some(s);

		if (n == 0) {
			want(s, EV_READ | EV_WRITE);
			return;
		}
		if (n < 0)
			break;
		buf_drain(&s->out, (size_t)n);
	}
	buf_reset(&s->out);
	want(s, EV_READ);
}

static void connected(struct stream *s)
{
	int error = 0, on = 1;
	socklen_t len = sizeof(error);

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error) {
		tell_error(s, error, false);
		return;
	}
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	s->state = PLAIN;
	want(s, EV_READ);
	tell(s, (struct stream_notice){.event = STREAM_CONNECTED});
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;

	(void)fd;
	switch (s->state) {
	case CONNECTING:
		if (s->connect_error)
			tell_error(s, s->connect_error, true);
		else
			connected(s);
		break;
	case HANDSHAKE:
		handshake(s);
		break;
	case PLAIN:
	case SECURE:
		if (what & EV_WRITE)
			flush(s);
		if (s->state == PLAIN && (what & EV_READ))
			read_plain(s);
		else if (s->state == SECURE)
			read_secure(s);
		break;
	case CLOSED:
		break;
	}
}

/* -- the connection ------------------------------------------------------------------------ */

static socklen_t socket_address(const char *text, int64_t port, struct sockaddr_storage *out)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
	struct sockaddr_in *four = (struct sockaddr_in *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons((uint16_t)port);
		return sizeof(*four);
	}
	if (inet_pton(AF_INET6, text, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons((uint16_t)port);
		return sizeof(*six);
	}
	return 0;
}

/* 0 when a connection is under way, else an errno. */
static int begin_connect(struct stream *s, const struct stream_target *target)
{
	struct sockaddr_storage to, from;
	socklen_t to_len = socket_address(target->address, target->port, &to), from_len;

	if (to_len == 0)
		return EAFNOSUPPORT;
	s->fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return errno;
	if (target->source) {
		from_len = socket_address(target->source, 0, &from);
		if (from_len == 0 || from.ss_family != to.ss_family)
			return EADDRNOTAVAIL;
		if (bind(s->fd, (struct sockaddr *)&from, from_len) < 0)
			return errno;
	}
	if (connect(s->fd, (struct sockaddr *)&to, to_len) < 0 && errno != EINPROGRESS)
		return errno;
	return 0;
}

struct stream *stream_open(struct stream_context *c, const struct stream_target *target,
			   stream_cb *cb, void *arg)
{
	struct stream *s = mem_alloc(sizeof(*s));

	s->context = c;
	s->cb = cb;
	s->arg = arg;
	s->state = CONNECTING;
	s->fd = -1;
	buf_init(&s->out, COMMAND_MAX);
	s->connect_error = begin_connect(s, target);
	if (s->connect_error) {
		event_assign(&s->event, c->base, -1, EV_PERSIST, on_event, s);
		s->wanted = EV_TIMEOUT;
		event_active(&s->event, EV_TIMEOUT, 0);
	} else {
		want(s, EV_WRITE);
	}
	return s;
}

void stream_close(struct stream *s)
{
	if (s->state == CLOSED)
		return;
	s->state = CLOSED;
	if (s->wanted)
		event_del(&s->event);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

void stream_free(struct stream *s)
{
	if (!s)
		return;
	stream_close(s);
	SSL_free(s->ssl);
	if (s->verdict)
		tls_verdict_clear(s->verdict);
	free(s->verdict);
	buf_clear(&s->out);
	free(s);
}

void stream_send(struct stream *s, const void *bytes, size_t len)
{
	if (s->state != PLAIN && s->state != SECURE)
		return;
	buf_add(&s->out, bytes, len);
	flush(s);
}

static bool configure(SSL *ssl, const struct stream_tls *tls)
{
	if (tls->sni && !SSL_set_tlsext_host_name(ssl, tls->sni))
		return false;
	if (tls->ciphers && !SSL_set_cipher_list(ssl, tls->ciphers))
		return false;
	if (tls->sigalgs && !SSL_set1_sigalgs_list(ssl, tls->sigalgs))
		return false;
	return !tls->max_version || SSL_set_max_proto_version(ssl, tls->max_version);
}

static size_t drop_unread(struct stream *s)
{
	char data[READ_SIZE];
	size_t dropped = 0;
	ssize_t n;

	while ((n = recv(s->fd, data, sizeof(data), 0)) > 0 && dropped < STREAM_MAX_PLAIN)
		dropped += (size_t)n;
	return dropped;
}

size_t stream_start_tls(struct stream *s, const struct stream_tls *tls)
{
	size_t dropped;
	BIO *bio;

	if (s->state != PLAIN)
		return 0;
	dropped = drop_unread(s);
	s->bytes_in += dropped;
	buf_reset(&s->out);
	s->verdict = mem_alloc(sizeof(*s->verdict));
	s->ssl = SSL_new(s->context->ssl_ctx);
	bio = BIO_new(s->context->bio_method);
	if (!s->ssl || !bio || !configure(s->ssl, tls))
		log_fatal("stream", "OpenSSL: %s", ERR_reason_error_string(ERR_peek_error()));
	BIO_set_data(bio, s);
	BIO_set_init(bio, 1);
	SSL_set_bio(s->ssl, bio, bio);
	SSL_set_app_data(s->ssl, s);
	SSL_set_connect_state(s->ssl);
	s->state = HANDSHAKE;
	s->handshake_ms = clock_monotonic_ms();
	event_active(&s->event, EV_WRITE, 0);
	return dropped;
}

struct obs_tls *stream_tls_facts(struct stream *s, struct arena *arena)
{
	struct obs_tls *tls = arena_alloc(arena, sizeof(*tls));

	tls_facts_session(s->ssl, s->verdict, arena, tls);
	tls->handshake_ms = s->handshake_ms;
	return tls;
}
