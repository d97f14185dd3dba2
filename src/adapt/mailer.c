/* SPDX-License-Identifier: ISC
 *
 * The session with libesmtp.  Flow: resolve the relay, take the first address that answers,
 * set up session, TLS context and message, run, read the verdict from the statuses.  The
 * monitor callback sees every byte of the conversation and is where a bad one is ended.
 */
#include "mailer.h"

#include <auth-client.h>
#include <errno.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Behind OpenSSL: its TLS functions are declared only then. */
#include <libesmtp.h>

#include "buf.h"
#include "conf.h"
#include "text.h"

#define CONNECT_MS     10000
#define REPLY_MS       30000
#define RECEIVED_MAX   ((size_t)256 * 1024) /* of replies in one session */
#define TEXT_MAX       400
#define ADDRESS_TEXT   64
#define ALERT_PROTOCOL 70 /* protocol_version, RFC 5246 section 7.2 */

struct session {
	const struct mailer_job *job;
	mailer_done *done;
	bool strict;	    /* no mail without verified TLS */
	bool starttls_sent; /* and its reply is not complete yet */
	bool no_starttls;   /* required, and not offered */
	bool tls_fault;	    /* the certificate was refused or the handshake failed */
	bool wants_tls13;
	bool sent;	   /* the whole text went out */
	size_t reply_line; /* bytes of its current line */
	char reply_head[4];
	size_t received;
	char negative[TEXT_MAX]; /* the last 4xx or 5xx line */
};

/* -- outcomes -- */

void mailer_tell(mailer_done *done, int outcome, int64_t code, const char *text)
{
	struct buf safe;
	size_t len = strcspn(text, "\r\n");
	buf_init(&safe, 4 * TEXT_MAX);
	text_escape(&safe, text, len, TEXT_MAX);
	const struct message_sent sent = {
	    .outcome = outcome, .code = code, .text = buf_str(&safe), .retry_after_s = -1};
	done(&sent);
	abort();
}

static void __attribute__((noreturn)) fail(const struct session *s, int code, const char *text)
{
	mailer_tell(s->done, code / 100 == 5 ? MESSAGE_REJECTED : MESSAGE_RETRY, code, text);
}

/* -- the conversation as it passes -- */

/* Bytes of the reply to STARTTLS: nothing may stand behind its last line. */
static void watch_starttls_reply(struct session *s, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (s->reply_line < sizeof(s->reply_head))
			s->reply_head[s->reply_line] = bytes[i];
		s->reply_line++;
		if (bytes[i] != '\n')
			continue;
		bool last = s->reply_line < sizeof(s->reply_head) || s->reply_head[3] != '-';
		s->reply_line = 0;
		if (!last)
			continue;
		s->starttls_sent = false;
		if (i + 1 < len)
			mailer_tell(s->done, MESSAGE_RETRY, 0,
				    "the relay sent plaintext behind its reply to STARTTLS: "
				    "somebody on the path may be forging replies");
		return;
	}
}

static void keep_negative(struct session *s, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		bool begins = i == 0 || bytes[i - 1] == '\n';
		if (!begins || (bytes[i] != '4' && bytes[i] != '5'))
			continue;
		size_t n = 0;
		while (i + n < len && bytes[i + n] != '\r' && bytes[i + n] != '\n' &&
		       n + 1 < sizeof(s->negative))
			n++;
		memcpy(s->negative, bytes + i, n);
		s->negative[n] = '\0';
	}
}

static void monitor(const char *bytes, int len, int writing, void *arg)
{
	struct session *s = arg;
	if (len <= 0)
		return;
	if (writing == SMTP_CB_WRITING) {
		if (len >= 8 && strncmp(bytes, "STARTTLS", 8) == 0)
			s->starttls_sent = true;
		return;
	}
	s->received += (size_t)len;
	if (s->received > RECEIVED_MAX)
		mailer_tell(s->done, MESSAGE_RETRY, 0, "the relay's replies have no end");
	if (s->starttls_sent)
		watch_starttls_reply(s, bytes, (size_t)len);
	keep_negative(s, bytes, (size_t)len);
}

static void on_event(smtp_session_t session, int event, void *arg, ...)
{
	struct session *s = arg;
	int *ok = NULL;
	va_list ap;
	(void)session;
	va_start(ap, arg);
	switch (event) {
	case SMTP_EV_MESSAGESENT:
		s->sent = true;
		break;
	case SMTP_EV_EXTNA_STARTTLS:
		s->no_starttls = true;
		break;
	case SMTP_EV_INVALID_PEER_CERTIFICATE:
		(void)va_arg(ap, long);
		ok = va_arg(ap, int *);
		*ok = !s->strict;
		break;
	case SMTP_EV_WRONG_PEER_CERTIFICATE: { /* its own check of "address:port": ours was better
						*/
		ok = va_arg(ap, int *);
		(void)va_arg(ap, char *);
		*ok = !s->strict || SSL_get_verify_result(va_arg(ap, SSL *)) == X509_V_OK;
		break;
	}
	case SMTP_EV_NO_PEER_CERTIFICATE:
		ok = va_arg(ap, int *);
		*ok = !s->strict;
		break;
	default:
		break;
	}
	va_end(ap);
	s->tls_fault = s->tls_fault || (ok != NULL && !*ok);
}

static void on_tls(const SSL *ssl, int where, int value)
{
	struct session *s = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && (value & 0xff) == ALERT_PROTOCOL)
		s->wants_tls13 = true;
	if ((where & SSL_CB_ALERT) != 0 && value >> 8 == SSL3_AL_FATAL)
		s->tls_fault = true;
}

/* -- set-up -- */

bool mailer_tls_required(const struct mailer_job *job, const char *address)
{
	if (job->tls != CONF_TLS_OPPORTUNISTIC)
		return job->tls == CONF_TLS_REQUIRED;
	bool loopback = text_starts(address, "127.") || strcmp(address, "::1") == 0;
	return job->username != NULL && !loopback;
}

/* OpenSSL verifies in the handshake, against the relay's own name. */
static SSL_CTX *tls_context(struct session *s)
{
	const struct mailer_job *job = s->job;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	if (ctx == NULL)
		mailer_tell(s->done, MESSAGE_RETRY, 0, "TLS cannot be set up");
	SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_app_data(ctx, s);
	SSL_CTX_set_info_callback(ctx, on_tls);
	if (!s->strict)
		return ctx;
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	bool named = X509_VERIFY_PARAM_set1_ip_asc(param, job->host) == 1 ||
		     X509_VERIFY_PARAM_set1_host(param, job->host, 0) == 1;
	int loaded = job->ca_file != NULL ? SSL_CTX_load_verify_locations(ctx, job->ca_file, NULL)
					  : SSL_CTX_set_default_verify_paths(ctx);
	if (!named || loaded != 1)
		mailer_tell(s->done, MESSAGE_RETRY, 0, "the CA file cannot be loaded");
	return ctx;
}

static int answer(auth_client_request_t request, char **result, int fields, void *arg)
{
	const struct mailer_job *job = arg;
	for (int i = 0; i < fields; i++) {
		if (request[i].flags & AUTH_PASS)
			result[i] = (char *)job->password;
		else if (request[i].flags & AUTH_USER)
			result[i] = (char *)job->username;
		else
			result[i] = NULL;
	}
	return 1;
}

static void set_timeouts(smtp_session_t session)
{
	static const int which[] = {Timeout_GREETING, Timeout_ENVELOPE, Timeout_DATA,
				    Timeout_TRANSFER, Timeout_DATA2};
	for (size_t i = 0; i < sizeof(which) / sizeof(which[0]); i++)
		smtp_set_timeout(session, which[i] | Timeout_OVERRIDE_RFC2822_MINIMUM, REPLY_MS);
}

static void set_login(smtp_session_t session, const struct mailer_job *job)
{
	auth_client_init();
	auth_context_t auth = auth_create_context();
	auth_set_mechanism_flags(auth, AUTH_PLUGIN_PLAIN, 0);
	auth_set_interact_cb(auth, answer, (void *)job);
	smtp_auth_set_context(session, auth);
}

/* -- the verdict -- */

struct tally {
	int worst; /* code of a recipient that was not taken, 0 if all were */
	char text[TEXT_MAX];
	size_t taken;
};

static void count_recipient(smtp_recipient_t recipient, const char *mailbox, void *arg)
{
	struct tally *t = arg;
	const smtp_status_t *status = smtp_recipient_status(recipient);
	if (status->code / 100 == 2) {
		t->taken++;
		return;
	}
	if (t->worst == 0 || status->code > t->worst) {
		t->worst = status->code;
		snprintf(t->text, sizeof(t->text), "<%s>: %d %s", mailbox, status->code,
			 status->text != NULL ? status->text : "");
	}
}

static void __attribute__((noreturn)) judge(struct session *s, smtp_message_t message)
{
	const smtp_status_t *sender = smtp_reverse_path_status(message);
	const smtp_status_t *transfer = smtp_message_transfer_status(message);
	struct tally tally = {0};
	smtp_enumerate_recipients(message, count_recipient, &tally);
	if (s->sent && transfer->code / 100 == 2 && tally.taken == s->job->n_to)
		mailer_tell(s->done, MESSAGE_DELIVERED, transfer->code,
			    transfer->text != NULL ? transfer->text : "");
	if (s->no_starttls)
		fail(s, 0, "the relay does not offer STARTTLS, and TLS is required");
	if (s->tls_fault)
		fail(s, 0, "TLS with the relay failed or its certificate was refused");
	if (text_starts(s->negative, "535") || text_starts(s->negative, "530"))
		fail(s, (int)strtol(s->negative, NULL, 10), s->negative);
	if (sender->code / 100 > 3)
		fail(s, sender->code, s->negative);
	if (tally.worst != 0 && tally.text[0] != '\0')
		fail(s, tally.worst, tally.text);
	if (transfer->code / 100 > 3)
		fail(s, transfer->code, transfer->text != NULL ? transfer->text : "");
	fail(s, 0,
	     s->negative[0] != '\0' ? s->negative
				    : "the relay ended the session without a verdict");
}

static void __attribute__((noreturn)) run(struct session *s, const char *address)
{
	const struct mailer_job *job = s->job;
	char server[ADDRESS_TEXT + 8];
	smtp_session_t session = smtp_create_session();
	smtp_message_t message = smtp_add_message(session);

	s->strict = mailer_tls_required(job, address);
	SSL_CTX *ctx = tls_context(s);
	snprintf(server, sizeof(server), "%s:%d", address, (int)job->port);
	smtp_set_server(session, server);
	smtp_starttls_set_ctx(session, ctx);
	smtp_starttls_enable(session, job->tls == CONF_TLS_OFF ? Starttls_DISABLED
				      : s->strict	       ? Starttls_REQUIRED
							       : Starttls_ENABLED);
	smtp_set_eventcb(session, on_event, s);
	smtp_set_monitorcb(session, monitor, s, 0);
	smtp_option_require_all_recipients(session, 1);
	set_timeouts(session);
	if (job->username != NULL)
		set_login(session, job);
	smtp_set_reverse_path(message, job->from);
	smtp_set_message_str(message, (void *)job->message);
	for (size_t i = 0; i < job->n_to; i++)
		smtp_add_recipient(message, job->to[i]);

	int started = smtp_start_session(session);
	if (s->wants_tls13 && !s->sent)
		mailer_curl_send(job, address, s->done);
	if (!started && !s->tls_fault && !s->no_starttls) {
		char why[256] = "";
		smtp_strerror(smtp_errno(), why, sizeof(why));
		fail(s, 0, s->negative[0] != '\0' ? s->negative : why);
	}
	judge(s, message);
}

/* -- finding the relay -- */

static bool answers(const struct addrinfo *a)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	int failed = connect(fd, a->ai_addr, a->ai_addrlen) < 0 ? errno : 0;
	struct pollfd wait = {fd, POLLOUT, 0};
	if (failed == EINPROGRESS && poll(&wait, 1, CONNECT_MS) == 1) {
		socklen_t len = sizeof(failed);
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &len);
	}
	close(fd);
	return failed == 0;
}

/* libesmtp's connect has no timeout, so where there is a choice a short try comes before. */
static void choose_address(const struct mailer_job *job, mailer_done *done, char *out, size_t size)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	char port[8], text[TEXT_MAX];
	snprintf(port, sizeof(port), "%d", (int)job->port);
	int result = getaddrinfo(job->host, port, &hints, &list);
	if (result != 0) {
		snprintf(text, sizeof(text), "%s: %s", job->host, gai_strerror(result));
		mailer_tell(done, MESSAGE_RETRY, 0, text);
	}
	const struct addrinfo *chosen = list;
	if (list->ai_next != NULL) {
		while (chosen != NULL && !answers(chosen))
			chosen = chosen->ai_next;
	}
	if (chosen == NULL) {
		snprintf(text, sizeof(text), "%s port %s: no address answers", job->host, port);
		mailer_tell(done, MESSAGE_RETRY, 0, text);
	}
	getnameinfo(chosen->ai_addr, chosen->ai_addrlen, out, (socklen_t)size, NULL, 0,
		    NI_NUMERICHOST);
	freeaddrinfo(list);
}

void mailer_send(const struct mailer_job *job, mailer_done *done)
{
	char address[ADDRESS_TEXT] = "";
	struct session s = {.job = job, .done = done};
	unsetenv("HOME"); /* it would be searched for client certificates */
	choose_address(job, done, address, sizeof(address));
	if (job->implicit_tls || strchr(address, ':') != NULL)
		mailer_curl_send(job, address, done);
	run(&s, address);
}
