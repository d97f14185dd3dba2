/* SPDX-License-Identifier: ISC
 *
 * A ClientHello made by hand and the first answer to it: for the questions that a TLS library
 * of today cannot ask (SSLv2, SSLv3, export suites, RC4, a post-quantum group).  A ServerHello
 * is the whole answer; no key is ever agreed and nothing is computed.
 *
 * TLS 1.3: RFC 8446 section 4.1; TLS 1.0 to 1.2: RFC 5246 section 7.4.1; SSLv3: RFC 6101;
 * SSLv2: draft-hickman-netscape-ssl; ML-KEM groups: draft-ietf-tls-ecdhe-mlkem.
 */
#ifndef HELLO_H
#define HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

#define HELLO_SSL2   0x0002
#define HELLO_SSL3   0x0300
#define HELLO_TLS1_0 0x0301
#define HELLO_TLS1_1 0x0302
#define HELLO_TLS1_2 0x0303
#define HELLO_TLS1_3 0x0304

#define HELLO_X25519MLKEM768 0x11ec

#define HELLO_MAX	 4096  /* bytes of a ClientHello */
#define HELLO_MAX_ANSWER 32768 /* bytes looked at for an answer */
#define HELLO_RANDOM	 1664  /* bytes of randomness a ClientHello uses at most */

enum hello_class { /* a bit each: what a ClientHello offers (before TLS 1.3) */
		   HELLO_COMMON = 1 << 0, /* authenticated, not weak: what servers speak today */
		   HELLO_NULL = 1 << 1,
		   HELLO_EXPORT = 1 << 2,
		   HELLO_RC4 = 1 << 3,
		   HELLO_3DES = 1 << 4, /* and single DES */
		   HELLO_ANON = 1 << 5,
};

struct hello_params {
	int version;	  /* HELLO_SSL2 ... HELLO_TLS1_3: this one alone (before 1.3: at most it) */
	unsigned classes; /* enum hello_class bits; ignored for SSLv2 and TLS 1.3 */
	bool compression; /* offer DEFLATE (RFC 3749) */
	const char *sni;  /* NULL = none; never sent before TLS 1.0 */
	const unsigned char *random; /* HELLO_RANDOM bytes */
};

/* Append the ClientHello (for SSLv2: CLIENT-HELLO) as it goes over the wire. */
void hello_build(const struct hello_params *params, struct buf *out);

enum hello_status {
	HELLO_MORE,	/* feed more */
	HELLO_ACCEPTED, /* a ServerHello or HelloRetryRequest */
	HELLO_REFUSED,	/* an alert */
	HELLO_BROKEN,	/* neither */
};

struct hello_answer {
	int version;	  /* chosen, HELLO_* */
	int suite;	  /* chosen; 0 for SSLv2 */
	bool compression; /* a method other than null was chosen */
	int group;	  /* named group of a TLS 1.3 key share, 0 if none */
	int alert;	  /* description of the alert that refused */
	unsigned class;	  /* enum hello_class of the suite, 0 = none we know */
};

/* Read all bytes that arrived so far behind our ClientHello. */
enum hello_status hello_parse(const void *bytes, size_t len, struct hello_answer *answer);

#endif
