/* SPDX-License-Identifier: ISC
 *
 * One TCP connection that may turn into TLS, on the event loop: bytes out, bytes in, events.
 * Raw events and small buffers; the SSL object exists only from stream_start_tls() on.  Bytes
 * read before that call have all been handed to the owner, so nothing that came in the clear
 * can ever reach TLS.
 *
 * A context is shared by all connections of a process: one SSL_CTX that accepts anything a
 * server may still speak (TLS 1.0, any suite, any key) and one trust store (adapt/trust.h).
 *
 * Limits: STREAM_MAX_PLAIN bytes read before TLS, STREAM_MAX_BYTES in all (ciphertext
 * counted), certificates of STREAM_MAX_CHAIN bytes.  No session resumption (it would hide
 * the certificates), no renegotiation.
 */
#ifndef STREAM_H
#define STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "err.h"
#include "observation.h"

#define STREAM_MAX_PLAIN (256 * 1024)
#define STREAM_MAX_BYTES (512 * 1024)
#define STREAM_MAX_CHAIN (64 * 1024)

struct event_base;
struct stream;
struct stream_context;
struct trust;

/* ca_file and ca_path as configured; both NULL: the system's bundle.  Returns NULL only when
 * OpenSSL itself fails; a trust store that does not load is told by stream_context_no_ca(). */
struct stream_context *stream_context_new(struct event_base *base, const char *ca_file,
					  const char *ca_path, struct error *err);
/* After every stream made from it. */
void stream_context_free(struct stream_context *c);
/* No CA certificate could be loaded: no chain can be verified, and that is our fault. */
bool stream_context_no_ca(const struct stream_context *c);
/* The trust store and its memory (adapt/trust.h), borrowed: the HTTPS adapter shares it. */
struct trust *stream_context_trust(const struct stream_context *c);

enum stream_event {
	STREAM_CONNECTED,
	STREAM_DATA, /* data, len: valid during the call */
	STREAM_TLS_UP,
	STREAM_TLS_FAILED, /* text: the alert or what went wrong; error: the alert's number or 0 */
	STREAM_EOF,
	STREAM_ERROR, /* error: errno; EMSGSIZE: more bytes than the limits allow */
};

struct stream_notice {
	enum stream_event event;
	const void *data;
	size_t len;
	int error;
	bool at_once; /* connect() itself failed: nothing was sent, the fault is ours */
	const char *text;
};

/* Never comes inside a call of the owner's; after STREAM_EOF, _ERROR and _TLS_FAILED nothing
 * follows. */
typedef void stream_cb(const struct stream_notice *notice, void *arg);

struct stream_target {
	const char *address; /* IPv4 or IPv6, text */
	int64_t port;
	const char *source; /* our own address to bind, NULL = the kernel chooses */
};

#define STREAM_TLS1_2	 0x0303
#define STREAM_ANONYMOUS "aNULL:!eNULL:@SECLEVEL=0" /* suites without a certificate */

struct stream_tls { /* all zero: the ordinary handshake with no SNI */
	const char *sni;
	const char *
	    ciphers; /* OpenSSL list for TLS 1.2 and before, NULL = everything with a certificate */
	const char *sigalgs; /* OpenSSL list, NULL = default */
	int max_version;     /* STREAM_TLS1_2; 0 = highest */
};

/* Begin to connect; cb later, failures of connect() included.  Strings are not kept. */
struct stream *stream_open(struct stream_context *c, const struct stream_target *target,
			   stream_cb *cb, void *arg);
/* Close and release.  Not from inside cb. */
void stream_free(struct stream *s);
/* Close now, no callback any more; fine anywhere, again and again. */
void stream_close(struct stream *s);
void stream_send(struct stream *s, const void *bytes, size_t len);
/* Begin the handshake; STREAM_TLS_UP or STREAM_TLS_FAILED follows.  Strings are not kept.
 * Returns how many bytes lay unread in the clear: they are thrown away (RFC 3207 section 4.2). */
size_t stream_start_tls(struct stream *s, const struct stream_tls *tls);
/* The facts of the handshake, after STREAM_TLS_UP, from arena. */
struct obs_tls *stream_tls_facts(struct stream *s, struct arena *arena);

#endif
