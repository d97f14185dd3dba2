/* SPDX-License-Identifier: ISC
 *
 * The other side of `make bench`: an SMTP server with STARTTLS (TLS 1.3, a P-256 leaf under an
 * intermediate) on every address of 127.0.0.0/8, and a DNS server over TCP that gives host
 * hN.bench.test the address 127.1.x.y, and host dN.bench.test an IPv6 address nobody has, with
 * AD set.  Everything is made at start; the root goes to a file.  Each address presents a leaf
 * of its own, as the hosts of strangers do: a chain verified for one is new at the next.
 *
 *     responder SMTP-PORT DNS-PORT ROOT.pem
 *
 * Three more ports stand beside SMTP-PORT: +1 accepts and never greets, +2 falls silent behind
 * "220 ready" (a peer stuck in the handshake).  On SIGUSR1 it prints how many connections
 * and handshakes it served.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/resource.h>

enum manner { NORMAL, NEVER_GREETS, SILENT_IN_TLS };

static struct event_base *base;
#define LEAVES 2048 /* a power of two: the low bits of the address choose */

static SSL_CTX *tls;
static X509 *leaves[LEAVES];
static unsigned long n_connections, n_handshakes;

static void die(const char *what)
{
	fprintf(stderr, "responder: %s\n", what);
	exit(1);
}

/* -- certificates --------------------------------------------------------------------------- */

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	X509_add_ext(cert, e, -1);
	X509_EXTENSION_free(e);
}

static X509 *certificate(EVP_PKEY *key, const char *cn, X509 *issuer, EVP_PKEY *issuer_key, bool ca)
{
	static long serial = 1;
	X509 *c = X509_new();
	X509_NAME *name = X509_get_subject_name(c);
	X509_set_version(c, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(c), serial++);
	X509_gmtime_adj(X509_getm_notBefore(c), -3600);
	X509_gmtime_adj(X509_getm_notAfter(c), 90L * 86400);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)cn, -1, -1, 0);
	X509_set_issuer_name(c, issuer != NULL ? X509_get_subject_name(issuer) : name);
	X509_set_pubkey(c, key);
	add_extension(c, issuer != NULL ? issuer : c, NID_basic_constraints,
		      ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	add_extension(c, issuer != NULL ? issuer : c, NID_subject_key_identifier, "hash");
	if (!ca)
		add_extension(c, issuer, NID_subject_alt_name, "DNS:*.bench.test");
	X509_sign(c, issuer_key, EVP_sha256());
	return c;
}

static void make_tls(const char *root_file)
{
	EVP_PKEY *root_key = EVP_EC_gen("P-256"), *mid_key = EVP_EC_gen("P-256");
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *root = certificate(root_key, "Bench Root", NULL, root_key, true);
	X509 *mid = certificate(mid_key, "Bench Intermediate", root, root_key, true);
	for (size_t i = 0; i < LEAVES; i++)
		leaves[i] = certificate(key, "bench.test", mid, mid_key, false);
	FILE *f = fopen(root_file, "w");
	if (f == NULL || PEM_write_X509(f, root) != 1 || fclose(f) != 0)
		die("cannot write the root");
	tls = SSL_CTX_new(TLS_server_method());
	SSL_CTX_use_certificate(tls, leaves[0]);
	SSL_CTX_add_extra_chain_cert(tls, mid);
	SSL_CTX_use_PrivateKey(tls, key);
	X509_free(root);
	EVP_PKEY_free(root_key);
	EVP_PKEY_free(mid_key);
	EVP_PKEY_free(key);
}

/* -- SMTP ------------------------------------------------------------------------------------- */

struct client {
	struct bufferevent *bev;
	enum manner manner;
	bool in_tls;
};

static const char ehlo_reply[] =
    "250-bench.test\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n"
    "250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250-DSN\r\n250-SMTPUTF8\r\n";

static void client_free(struct client *c)
{
	bufferevent_free(c->bev);
	free(c);
}

static void client_event(struct bufferevent *bev, short what, void *arg);
static void client_read(struct bufferevent *bev, void *arg);

static X509 *leaf_of(evutil_socket_t fd)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	socklen_t len = sizeof(sin);
	getsockname(fd, (struct sockaddr *)&sin, &len);
	return leaves[ntohl(sin.sin_addr.s_addr) % LEAVES];
}

static void client_start_tls(struct client *c)
{
	evutil_socket_t fd = bufferevent_getfd(c->bev);
	bufferevent_setfd(c->bev, -1);
	bufferevent_free(c->bev);
	SSL *ssl = SSL_new(tls);
	SSL_use_certificate(ssl, leaf_of(fd));
	c->bev = bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING,
						BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	c->in_tls = true;
	bufferevent_setcb(c->bev, client_read, NULL, client_event, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

static void tls_after_flush(struct bufferevent *bev, void *arg)
{
	(void)bev;
	struct client *c = arg;
	bufferevent_setcb(c->bev, client_read, NULL, client_event, c);
	if (c->manner != SILENT_IN_TLS)
		client_start_tls(c);
	else
		bufferevent_disable(c->bev, EV_READ);
}

static void client_line(struct client *c, const char *line)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);
	if (strncasecmp(line, "EHLO", 4) == 0) {
		evbuffer_add(out, ehlo_reply, sizeof(ehlo_reply) - 1);
		evbuffer_add_printf(out, c->in_tls ? "250 HELP\r\n" : "250 STARTTLS\r\n");
	} else if (strcasecmp(line, "STARTTLS") == 0 && !c->in_tls) {
		bufferevent_setcb(c->bev, NULL, tls_after_flush, client_event, c);
		evbuffer_add_printf(out, "220 2.0.0 ready\r\n");
	} else if (strcasecmp(line, "QUIT") == 0) {
		evbuffer_add_printf(out, "221 2.0.0 bye\r\n");
	} else {
		evbuffer_add_printf(out, "502 5.5.2 no\r\n");
	}
}

static void client_read(struct bufferevent *bev, void *arg)
{
	struct client *c = arg;
	char *line;
	while ((line = evbuffer_readln(bufferevent_get_input(bev), NULL, EVBUFFER_EOL_CRLF)) !=
	       NULL) {
		client_line(c, line);
		free(line);
		if (c->bev != bev)
			return;
	}
}

static void client_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	if (what & BEV_EVENT_CONNECTED)
		n_handshakes++;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		client_free(arg);
}

static void smtp_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int len,
			void *manner)
{
	(void)l;
	(void)sa;
	(void)len;
	struct client *c = calloc(1, sizeof(*c));
	n_connections++;
	c->manner = (enum manner)(intptr_t)manner;
	c->bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	bufferevent_setcb(c->bev, client_read, NULL, client_event, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	if (c->manner != NEVER_GREETS)
		evbuffer_add_printf(bufferevent_get_output(c->bev), "220 bench.test ESMTP\r\n");
}

/* -- DNS over TCP ------------------------------------------------------------------------------ */

/* The answer to one question: the same message with QR, RA, AD and perhaps one A record. */
static void dns_answer(struct evbuffer *out, const unsigned char *q, size_t len)
{
	unsigned char r[600];
	size_t pos = 12, n;
	if (len < 17 || len > 512)
		return;
	bool is_host = q[12] > 1 && q[13] == 'h';
	unsigned long number = q[12] > 1 ? strtoul((const char *)q + 14, NULL, 10) : 0;
	while (pos < len && q[pos] != 0)
		pos += q[pos] + 1u;
	pos += 5;
	if (pos > len)
		return;
	unsigned type = (unsigned)q[pos - 4] << 8 | q[pos - 3];
	memcpy(r, q, pos);
	r[2] = 0x81;
	r[3] = 0xa0; /* RA, AD */
	memset(r + 4, 0, 8);
	r[5] = 1;
	n = pos;
	if (type == 6) { /* the root's SOA: the self-test */
		static const unsigned char soa[] = {0xc0, 12, 0, 6, 0, 1,  0, 0, 14, 16, 0, 22,
						    0,	  0,  0, 0, 0, 1,  0, 0, 0,  60, 0, 0,
						    0,	  60, 0, 0, 0, 60, 0, 0, 0,  60};
		memcpy(r + n, soa, sizeof(soa));
		n += sizeof(soa);
		r[7] = 1;
	} else if (type == 1 && is_host) {
		const unsigned char a[] = {0xc0,
					   12,
					   0,
					   1,
					   0,
					   1,
					   0,
					   0,
					   14,
					   16,
					   0,
					   4,
					   127,
					   1,
					   (unsigned char)(number >> 8),
					   (unsigned char)number};
		memcpy(r + n, a, sizeof(a));
		n += sizeof(a);
		r[7] = 1;
	} else if (type == 28 && q[12] > 1 && q[13] == 'd') {
		static const unsigned char aaaa[] = {0xc0, 12, 0,    28, 0,  1,	   0, 0, 14, 16,
						     0,	   16, 0x20, 1,	 13, 0xb8, 0, 0, 0,  0};
		memset(r + n, 0, sizeof(aaaa) + 8);
		memcpy(r + n, aaaa, sizeof(aaaa));
		r[n + 26] = (unsigned char)(number >> 8);
		r[n + 27] = (unsigned char)number;
		n += 28;
		r[7] = 1;
	} else { /* NODATA, with the SOA that proves it is meant */
		static const unsigned char soa[] = {0, 0, 6,  0, 1, 0, 0,  14, 16, 0,  22,
						    0, 0, 0,  0, 0, 1, 0,  0,  0,  60, 0,
						    0, 0, 60, 0, 0, 0, 60, 0,  0,  0,  60};
		memcpy(r + n, soa, sizeof(soa));
		n += sizeof(soa);
		r[9] = 1;
	}
	unsigned char prefix[2] = {(unsigned char)(n >> 8), (unsigned char)n};
	evbuffer_add(out, prefix, 2);
	evbuffer_add(out, r, n);
}

static void dns_read(struct bufferevent *bev, void *arg)
{
	(void)arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	while (evbuffer_get_length(in) >= 2) {
		unsigned char *p = evbuffer_pullup(in, 2);
		size_t len = (size_t)p[0] << 8 | p[1];
		if (evbuffer_get_length(in) < len + 2)
			return;
		p = evbuffer_pullup(in, (ev_ssize_t)len + 2);
		dns_answer(bufferevent_get_output(bev), p + 2, len);
		evbuffer_drain(in, len + 2);
	}
}

static void dns_event(struct bufferevent *bev, short what, void *arg)
{
	(void)arg;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		bufferevent_free(bev);
}

static void dns_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int len,
		       void *arg)
{
	(void)l;
	(void)sa;
	(void)len;
	(void)arg;
	struct bufferevent *bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(bev, dns_read, NULL, dns_event, NULL);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

/* -- start ---------------------------------------------------------------------------------------
 */

static void listen_on(int port, const char *address, evconnlistener_cb cb, void *arg)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	inet_pton(AF_INET, address, &sin.sin_addr);
	if (evconnlistener_new_bind(base, cb, arg, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, 4096,
				    (struct sockaddr *)&sin, sizeof(sin)) == NULL)
		die("cannot listen");
}

static void tell(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	(void)arg;
	printf("connections %lu handshakes %lu\n", n_connections, n_handshakes);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	if (argc != 4)
		die("usage: responder SMTP-PORT DNS-PORT ROOT.pem");
	struct rlimit many = {65536, 65536};
	setrlimit(RLIMIT_NOFILE, &many);
	signal(SIGPIPE, SIG_IGN);
	base = event_base_new();
	make_tls(argv[3]);
	int port = atoi(argv[1]);
	listen_on(port, "0.0.0.0", smtp_accept, (void *)NORMAL);
	listen_on(port + 1, "0.0.0.0", smtp_accept, (void *)NEVER_GREETS);
	listen_on(port + 2, "0.0.0.0", smtp_accept, (void *)SILENT_IN_TLS);
	listen_on(atoi(argv[2]), "127.0.0.1", dns_accept, NULL);
	struct event *usr1 = evsignal_new(base, SIGUSR1, tell, NULL);
	event_add(usr1, NULL);
	puts("ready");
	fflush(stdout);
	return event_base_dispatch(base);
}
