/* SPDX-License-Identifier: ISC
 *
 * What one probe of one subject saw: facts and bounded raw text, never a verdict.  The same
 * document crosses the channel, lies in the state, comes out of `--json`, and is the test
 * fixture and the bug report.  Old documents can be judged again by newer rules; keys are
 * only ever added.
 *
 * Two kinds of subject: a domain (its own records and policy) and a host (an MX or submission
 * host with all its addresses and ports).  Strings are from the arena the document was decoded
 * or built in.  Bytes from the wire were made safe when captured: banners, replies and reasons
 * by text_escape, TXT strings and policy bodies by text_latin1 (the parsers want every byte).
 * Names are A-labels, lower case, no final dot.
 */
#ifndef OBSERVATION_H
#define OBSERVATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "buf.h"
#include "err.h"
#include "shape.h"

#define OBS_VERSION 1
#define OBS_MAX_BYTES (1024 * 1024) /* ceiling of an encoded document */
#define OBS_MAX_MX 50
#define OBS_MAX_ADDRESSES 20 /* per host and family */
#define OBS_MAX_CHAIN 16
#define OBS_MAX_DNS_NAMES 1024 /* of a certificate */
#define OBS_MAX_TEXT 512 /* escaped reply or reason */
#define OBS_MAX_POLICY (64 * 1024)

/* -- a probe's failure is data ---------------------------------------------------------- */

enum obs_stage {
	OBS_STAGE_NONE,
	OBS_STAGE_DNS,
	OBS_STAGE_CONNECT,
	OBS_STAGE_GREETING,
	OBS_STAGE_EHLO,
	OBS_STAGE_STARTTLS, /* the command and its reply */
	OBS_STAGE_TLS,      /* the handshake */
	OBS_STAGE_EHLO_TLS,
	OBS_STAGE_QUIT,
	OBS_STAGE_HTTP,
};

enum obs_class {
	OBS_CLASS_NONE,      /* no failure */
	OBS_CLASS_REFUSED,   /* the other side said no: RST, 5xx */
	OBS_CLASS_TIMEOUT,   /* it did not answer in time */
	OBS_CLASS_PROTOCOL,  /* it answered against the protocol */
	OBS_CLASS_TLS,       /* alert or handshake error */
	OBS_CLASS_DNS,       /* no address, lookup failure at their end */
	OBS_CLASS_THROTTLED, /* 421, 450, 451, rate limit, greylisting: never counts against them */
	OBS_CLASS_LOCAL,     /* our side: no route, no IPv6, resolver down, fds: never counts either */
	OBS_CLASS_FORBIDDEN, /* an address we do not contact (private, loopback, reserved) */
};

struct obs_failure {
	int stage; /* enum obs_stage */
	int class; /* enum obs_class; NONE means there was no failure */
	const char *text;
	int64_t code; /* SMTP or HTTP status, TLS alert, errno or 0 */
};

/* -- DNS -------------------------------------------------------------------------------- */

enum obs_dns_status {
	OBS_DNS_UNASKED,
	OBS_DNS_ANSWER,
	OBS_DNS_NODATA,
	OBS_DNS_NXDOMAIN,
	OBS_DNS_BOGUS,  /* SERVFAIL, and an answer with checking disabled */
	OBS_DNS_FAILED, /* SERVFAIL both ways, or a malformed reply, or no reply: see failure */
};

enum obs_dnssec {
	OBS_DNSSEC_UNKNOWN, /* the resolver does not validate, or the lookup failed */
	OBS_DNSSEC_SECURE,
	OBS_DNSSEC_INSECURE,
	OBS_DNSSEC_BOGUS,
};

struct obs_answer { /* head of every DNS answer */
	int status;       /* enum obs_dns_status */
	int dnssec;       /* enum obs_dnssec: of the whole CNAME chain and of denials too */
	int64_t ttl_s;    /* smallest of the answer, as the authority served it or what is left */
	const char *cname; /* last name of the CNAME chain, NULL if there was none */
	const char *const *cname_chain; /* every target in order */
	size_t n_cname_chain;
	int64_t rrsig_end; /* soonest end of a signature in the answer, 0 if none seen */
	int64_t left_out;  /* records beyond OBS_MAX_MX or OBS_MAX_ADDRESSES */
	int64_t ede;       /* extended DNS error code + 1, 0 if none (RFC 8914) */
	struct obs_failure failure;
};

struct obs_mx_rr {
	int64_t preference;
	const char *host; /* "." for a null MX (RFC 7505) */
};

struct obs_mx {
	struct obs_answer dns;
	struct obs_mx_rr *rr; /* by preference, then name */
	size_t n;
};

struct obs_names { /* A, AAAA, PTR: addresses or names as text, sorted */
	struct obs_answer dns;
	const char *const *value;
	size_t n;
};

struct obs_txt { /* one value per record, its strings joined without separator (RFC 8461 section 3.1) */
	struct obs_answer dns;
	const char *const *value; /* text_latin1 */
	size_t n;
};

struct obs_srv_rr {
	int64_t priority, weight, port;
	const char *target; /* "." = explicitly not offered (RFC 2782) */
};

struct obs_srv {
	struct obs_answer dns;
	struct obs_srv_rr *rr;
	size_t n;
};

struct obs_tlsa_rr {
	int64_t usage, selector, matching;
	const char *data; /* lower-case hex, at most 8 KiB of it */
	const char *data_sha256; /* matching type 0 only: of the whole data, lower-case hex */
};

struct obs_tlsa {
	const char *base; /* the TLSA base domain asked (RFC 7672 section 2.2.3) */
	int64_t port;
	struct obs_answer dns;
	struct obs_tlsa_rr *rr;
	size_t n;
};

struct obs_caa_rr {
	int64_t flags;
	const char *tag;
	const char *value;
};

struct obs_caa {
	const char *base; /* the name in the climb that had the set (RFC 8659 section 3) */
	struct obs_answer dns;
	struct obs_caa_rr *rr;
	size_t n;
};

/* -- certificates and TLS ----------------------------------------------------------------- */

struct obs_cert {
	const char *sha256, *sha512;           /* of the certificate's DER, lower-case hex */
	const char *spki_sha256, *spki_sha512; /* of its SubjectPublicKeyInfo */
	const char *subject, *issuer;          /* one line, RFC 2253, escaped */
	const char *serial;                    /* lower-case hex */
	int64_t not_before, not_after;         /* 0 with bad_dates */
	bool bad_dates;                        /* a date that does not parse */
	const char *const *dns_names;          /* SAN dNSName, escaped if odd */
	size_t n_dns_names;
	bool odd_names; /* a NUL or a non-printable byte in a name */
	const char *key_type; /* "RSA", "EC", "ED25519", ... */
	int64_t key_bits;
	const char *signature; /* "sha256WithRSAEncryption", ... */
	bool is_ca;
	bool self_signed;
	int64_t signed_by; /* index + 1 of the presented certificate whose key verifies it, 0 = none of them */
};

struct obs_verify_error { /* X509_V_ERR_*, every one of them, host names apart */
	int64_t depth, code;
	const char *text;
};

enum obs_ocsp { OBS_OCSP_NONE, OBS_OCSP_GOOD, OBS_OCSP_REVOKED, OBS_OCSP_UNKNOWN, OBS_OCSP_INVALID };

struct obs_tls {
	const char *version; /* "TLSv1.3" */
	const char *cipher;  /* OpenSSL's name */
	bool forward_secrecy, aead, anonymous;
	const char *group; /* "X25519", "prime256v1", "ffdhe2048", ... */
	int64_t group_bits; /* size of an EC or FFDH key, 0 if none */
	const char *signature; /* of the server, "ecdsa_secp256r1_sha256" or nid name */
	bool compression;
	bool secure_renegotiation;
	int ocsp; /* enum obs_ocsp: the stapled answer */
	struct obs_cert *chain; /* as presented, leaf first */
	size_t n_chain;
	bool trusted; /* a path to the trust store at the time of the probe */
	const char *root; /* subject of the trust anchor reached */
	struct obs_verify_error *errors;
	size_t n_errors;
	int64_t handshake_ms;
};

/* -- one address and port of a host ------------------------------------------------------- */

enum obs_relay_result { OBS_RELAY_UNASKED, OBS_RELAY_REFUSED, OBS_RELAY_ACCEPTED, OBS_RELAY_UNKNOWN };

struct obs_relay { /* two foreign pairs in two sessions, never DATA */
	int first, second; /* enum obs_relay_result */
	const char *first_reply, *second_reply;
	int64_t at; /* of the test */
};

enum obs_offer { OBS_OFFER_UNASKED, OBS_OFFER_NO, OBS_OFFER_YES, OBS_OFFER_UNKNOWN };

struct obs_sweep { /* the daily deep look; one connection per question */
	int64_t at;
	int ssl2, ssl3, tls1_0, tls1_1, tls1_2, tls1_3; /* enum obs_offer: accepted? */
	const char *const *weak_ciphers; /* accepted ones, by class: "NULL", "EXPORT", "RC4", "3DES", "ANON", "CBC-ONLY", "NO-PFS" */
	size_t n_weak_ciphers;
	int starttls_injection; /* YES: plaintext behind STARTTLS was answered inside TLS */
	int without_sni;        /* YES: a chain is served without SNI */
	const char *without_sni_sha256; /* its leaf */
	int post_quantum;       /* YES: a hybrid group was negotiated when offered */
	struct obs_tls *rsa;    /* the handshake that allowed RSA certificates only, ... */
	struct obs_tls *ecdsa;  /* ... ECDSA only; NULL: refused, or the ordinary one shows it */
	struct obs_relay relay;
};

struct obs_service {
	const char *address; /* text, IPv6 compressed lower case */
	int64_t port;
	bool implicit_tls;          /* 465 */
	struct obs_failure failure; /* the first thing that went wrong, NONE if nothing did */
	int64_t connect_ms;
	int64_t greeting_code;
	int64_t greeting_ms;
	const char *greeting;      /* text of the first line behind the code */
	bool helo_only;            /* EHLO was refused, HELO worked */
	const char *const *ehlo;   /* extension lines of the EHLO before TLS, upper-cased keyword first */
	size_t n_ehlo;
	bool starttls_offered;
	int64_t starttls_code;     /* reply to STARTTLS, 0 if it was not sent */
	const char *starttls_text;
	int64_t trailing_bytes;    /* plaintext that came behind the 220 in one go */
	struct obs_tls *tls;       /* NULL unless the handshake completed */
	const char *const *ehlo_tls;
	size_t n_ehlo_tls;
	struct obs_sweep *sweep;   /* NULL: not part of this probe */
	struct obs_names ptr;      /* names of the address */
	const char *const *ptr_confirmed; /* those that resolve back to it (FCrDNS) */
	size_t n_ptr_confirmed;
	bool ptr_asked_forward;    /* the forward lookups were made and answered */
	int banner_matches;        /* enum obs_offer: the greeting's host name resolves to the address */
};

struct obs_host {
	bool literal;            /* the MX target is an address literal */
	struct obs_names a, aaaa;
	struct obs_tlsa *tlsa;   /* one per port asked */
	size_t n_tlsa;
	struct obs_caa caa;
	struct obs_service *services; /* by port, then address */
	size_t n_services;
};

/* -- a domain ----------------------------------------------------------------------------- */

struct obs_policy { /* the MTA-STS policy over HTTPS (RFC 8461 section 3.3) */
	const char *host; /* mta-sts.<domain> */
	struct obs_names a, aaaa;
	const char *address; /* the one that served it */
	struct obs_failure failure;
	int64_t status;          /* HTTP status, 0 if none arrived */
	const char *content_type; /* escaped, NULL if the header was missing */
	const char *location;     /* of a 3xx, escaped */
	const char *redirected_body; /* what a public target behind a 3xx served: evidence only */
	bool too_large;
	int64_t took_ms;
	const char *body; /* text_latin1, at most OBS_MAX_POLICY bytes on the wire */
	struct obs_tls *tls;
};

struct obs_policy_address { /* the same policy asked at one address of the policy host */
	const char *address;
	struct obs_failure failure;
	int64_t status;
	const char *body_sha256;
	const char *leaf_sha256;
	bool trusted, name_ok;
};

struct obs_rua { /* one TLS-RPT destination (RFC 8460 section 3) */
	const char *uri;
	const char *target; /* mail domain or host asked */
	struct obs_mx mx;   /* mailto */
	struct obs_names a, aaaa;
};

struct obs_submission {
	struct obs_srv submissions; /* _submissions._tcp, RFC 8314 */
	struct obs_srv submission;  /* _submission._tcp, RFC 6186 */
	struct obs_names fallback_a, fallback_aaaa; /* smtp.<domain>, when there is no SRV */
};

struct obs_domain {
	struct obs_mx mx;
	struct obs_names a, aaaa; /* of the domain itself, asked when there is no MX */
	struct obs_txt mta_sts;   /* at _mta-sts.<domain> */
	struct obs_policy *policy; /* NULL: not fetched */
	struct obs_policy_address *policy_addresses;
	size_t n_policy_addresses;
	struct obs_txt tls_rpt; /* at _smtp._tls.<domain> */
	struct obs_rua *rua;
	size_t n_rua;
	struct obs_submission *submission; /* NULL: not asked */
};

/* -- the document --------------------------------------------------------------------------- */

enum obs_kind { OBS_KIND_NONE, OBS_KIND_DOMAIN, OBS_KIND_HOST };

struct obs_vantage { /* what the prober knows of its own view: our fault apart from theirs */
	bool resolver_answers;
	bool resolver_validates;
	bool no_ipv4, no_ipv6;  /* no route in that family */
	bool no_ca;             /* the trust store did not load */
};

struct observation {
	int64_t v;
	int kind;            /* enum obs_kind */
	const char *subject; /* the domain or the host */
	int64_t at;          /* when the probe ended */
	int64_t took_ms;
	struct obs_vantage vantage;
	struct obs_failure failure; /* the probe as a whole: killed, out of time; NONE normally */
	struct obs_domain *domain;
	struct obs_host *host;
};

extern const struct shape observation_shape;

/* Encode; false if out's ceiling cut it. */
bool observation_encode(const struct observation *o, struct buf *out);
/* A new document from JSON, everything in arena; NULL with err filled when it is refused. */
struct observation *observation_decode(const char *json, size_t len,
    enum shape_strictness strictness, struct arena *arena, struct error *err);

/* Words of the enums, NULL-terminated; also what stands in the document. */
extern const char *const obs_stage_words[];
extern const char *const obs_class_words[];
extern const char *const obs_dns_status_words[];
extern const char *const obs_dnssec_words[];
extern const char *const obs_offer_words[];
extern const char *const obs_relay_words[];
extern const char *const obs_ocsp_words[];

#endif
