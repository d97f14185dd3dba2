/* SPDX-License-Identifier: ISC
 *
 * The tables of the observation document: one row per fact, for both directions (shape.h).
 */
#include "observation.h"

const char *const obs_stage_words[] = {"none", "dns",	   "connect", "greeting",
				       "ehlo", "starttls", "tls",     "ehlo_tls",
				       "quit", "http",	   NULL};
const char *const obs_class_words[] = {"none", "refused",   "timeout", "protocol",  "tls",
				       "dns",  "throttled", "local",   "forbidden", NULL};
const char *const obs_dns_status_words[] = {"unasked", "answer", "nodata", "nxdomain",
					    "bogus",   "failed", NULL};
const char *const obs_dnssec_words[] = {"unknown", "secure", "insecure", "bogus", NULL};
const char *const obs_offer_words[] = {"unasked", "no", "yes", "unknown", NULL};
const char *const obs_relay_words[] = {"unasked", "refused", "accepted", "unknown", NULL};
const char *const obs_ocsp_words[] = {"none", "good", "revoked", "unknown", "invalid", NULL};
static const char *const kind_words[] = {"none", "domain", "host", NULL};

#define MAX_NAME                                                                                   \
	(255 * 4) /* from the wire: each octet may have become \DDD (RFC 1035 section 5.1) */
#define MAX_RRS	  256
#define MAX_LINES 128

#define STR(s, m, limit)                                                                           \
	{                                                                                          \
#m, SHAPE_STRING, offsetof(struct s, m), 0, limit, NULL, NULL, 0                   \
	}
#define INT(s, m)                                                                                  \
	{                                                                                          \
#m, SHAPE_INT, offsetof(struct s, m), 0, 0, NULL, NULL, 0                          \
	}
#define BOOL(s, m)                                                                                 \
	{                                                                                          \
#m, SHAPE_BOOL, offsetof(struct s, m), 0, 0, NULL, NULL, 0                         \
	}
#define WORD(s, m, words)                                                                          \
	{                                                                                          \
#m, SHAPE_ENUM, offsetof(struct s, m), 0, 0, NULL, words, 0                        \
	}
#define TIME(s, m)                                                                                 \
	{                                                                                          \
#m, SHAPE_TIME, offsetof(struct s, m), 0, 0, NULL, NULL, 0                         \
	}
#define STRS(s, m, limit)                                                                          \
	{                                                                                          \
#m, SHAPE_STRINGS, offsetof(struct s, m), offsetof(struct s, n_##m), limit, NULL,  \
		    NULL, 0                                                                        \
	}
#define IN(s, m, shape)                                                                            \
	{                                                                                          \
#m, SHAPE_INLINE, offsetof(struct s, m), 0, 0, &shape, NULL, 0                     \
	}
#define OBJ(s, m, shape)                                                                           \
	{                                                                                          \
#m, SHAPE_OBJECT, offsetof(struct s, m), 0, 0, &shape, NULL, 0                     \
	}
#define OBJS(s, m, limit, shape)                                                                   \
	{                                                                                          \
#m, SHAPE_OBJECTS, offsetof(struct s, m), offsetof(struct s, n_##m), limit,        \
		    &shape, NULL, 0                                                                \
	}
/* The one list of a record set, whose count is plain n. */
#define RRS(s, m, shape)                                                                           \
	{                                                                                          \
#m, SHAPE_OBJECTS, offsetof(struct s, m), offsetof(struct s, n), MAX_RRS, &shape,  \
		    NULL, 0                                                                        \
	}
#define VALUES(s)                                                                                  \
	{                                                                                          \
		"value", SHAPE_STRINGS, offsetof(struct s, value), offsetof(struct s, n), MAX_RRS, \
		    NULL, NULL, 0                                                                  \
	}

static const struct shape_field failure_fields[] = {
    WORD(obs_failure, stage, obs_stage_words),
    WORD(obs_failure, class, obs_class_words),
    STR(obs_failure, text, OBS_MAX_TEXT * 2),
    INT(obs_failure, code),
};
static const struct shape failure_shape = SHAPE("failure", struct obs_failure, failure_fields);

static const struct shape_field answer_fields[] = {
    WORD(obs_answer, status, obs_dns_status_words),
    WORD(obs_answer, dnssec, obs_dnssec_words),
    INT(obs_answer, ttl_s),
    STR(obs_answer, cname, MAX_NAME),
    STRS(obs_answer, cname_chain, 16),
    TIME(obs_answer, rrsig_end),
    INT(obs_answer, left_out),
    INT(obs_answer, ede),
    IN(obs_answer, failure, failure_shape),
};
static const struct shape answer_shape = SHAPE("answer", struct obs_answer, answer_fields);

static const struct shape_field mx_rr_fields[] = {
    {"preference", SHAPE_INT, offsetof(struct obs_mx_rr, preference), 0, 65535, NULL, NULL,
     SHAPE_ALWAYS},
    STR(obs_mx_rr, host, MAX_NAME),
};
static const struct shape mx_rr_shape = SHAPE("mx_rr", struct obs_mx_rr, mx_rr_fields);

static const struct shape_field mx_fields[] = {
    IN(obs_mx, dns, answer_shape),
    RRS(obs_mx, rr, mx_rr_shape),
};
static const struct shape mx_shape = SHAPE("mx", struct obs_mx, mx_fields);

static const struct shape_field names_fields[] = {
    IN(obs_names, dns, answer_shape),
    VALUES(obs_names),
};
static const struct shape names_shape = SHAPE("names", struct obs_names, names_fields);

static const struct shape_field txt_fields[] = {
    IN(obs_txt, dns, answer_shape),
    VALUES(obs_txt),
};
static const struct shape txt_shape = SHAPE("txt", struct obs_txt, txt_fields);

static const struct shape_field srv_rr_fields[] = {
    {"priority", SHAPE_INT, offsetof(struct obs_srv_rr, priority), 0, 65535, NULL, NULL,
     SHAPE_ALWAYS},
    {"weight", SHAPE_INT, offsetof(struct obs_srv_rr, weight), 0, 65535, NULL, NULL, SHAPE_ALWAYS},
    {"port", SHAPE_INT, offsetof(struct obs_srv_rr, port), 0, 65535, NULL, NULL, SHAPE_ALWAYS},
    STR(obs_srv_rr, target, MAX_NAME),
};
static const struct shape srv_rr_shape = SHAPE("srv_rr", struct obs_srv_rr, srv_rr_fields);

static const struct shape_field srv_fields[] = {
    IN(obs_srv, dns, answer_shape),
    RRS(obs_srv, rr, srv_rr_shape),
};
static const struct shape srv_shape = SHAPE("srv", struct obs_srv, srv_fields);

static const struct shape_field tlsa_rr_fields[] = {
    {"usage", SHAPE_INT, offsetof(struct obs_tlsa_rr, usage), 0, 255, NULL, NULL, SHAPE_ALWAYS},
    {"selector", SHAPE_INT, offsetof(struct obs_tlsa_rr, selector), 0, 255, NULL, NULL,
     SHAPE_ALWAYS},
    {"matching", SHAPE_INT, offsetof(struct obs_tlsa_rr, matching), 0, 255, NULL, NULL,
     SHAPE_ALWAYS},
    STR(obs_tlsa_rr, data, 16384),
    STR(obs_tlsa_rr, data_sha256, 64),
};
static const struct shape tlsa_rr_shape = SHAPE("tlsa_rr", struct obs_tlsa_rr, tlsa_rr_fields);

static const struct shape_field tlsa_fields[] = {
    STR(obs_tlsa, base, MAX_NAME),
    INT(obs_tlsa, port),
    IN(obs_tlsa, dns, answer_shape),
    RRS(obs_tlsa, rr, tlsa_rr_shape),
};
static const struct shape tlsa_shape = SHAPE("tlsa", struct obs_tlsa, tlsa_fields);

static const struct shape_field caa_rr_fields[] = {
    {"flags", SHAPE_INT, offsetof(struct obs_caa_rr, flags), 0, 255, NULL, NULL, SHAPE_ALWAYS},
    STR(obs_caa_rr, tag, 255),
    STR(obs_caa_rr, value, 4096),
};
static const struct shape caa_rr_shape = SHAPE("caa_rr", struct obs_caa_rr, caa_rr_fields);

static const struct shape_field caa_fields[] = {
    STR(obs_caa, base, MAX_NAME),
    IN(obs_caa, dns, answer_shape),
    RRS(obs_caa, rr, caa_rr_shape),
};
static const struct shape caa_shape = SHAPE("caa", struct obs_caa, caa_fields);

static const struct shape_field cert_fields[] = {
    STR(obs_cert, sha256, 256),
    STR(obs_cert, sha512, 256),
    STR(obs_cert, spki_sha256, 256),
    STR(obs_cert, spki_sha512, 256),
    STR(obs_cert, subject, 2048),
    STR(obs_cert, issuer, 2048),
    STR(obs_cert, serial, 256),
    TIME(obs_cert, not_before),
    TIME(obs_cert, not_after),
    BOOL(obs_cert, bad_dates),
    STRS(obs_cert, dns_names, OBS_MAX_DNS_NAMES),
    BOOL(obs_cert, odd_names),
    STR(obs_cert, key_type, 64),
    INT(obs_cert, key_bits),
    STR(obs_cert, signature, 128),
    BOOL(obs_cert, is_ca),
    BOOL(obs_cert, self_signed),
    INT(obs_cert, signed_by),
};
static const struct shape cert_shape = SHAPE("cert", struct obs_cert, cert_fields);

static const struct shape_field verify_error_fields[] = {
    {"depth", SHAPE_INT, offsetof(struct obs_verify_error, depth), 0, 100, NULL, NULL,
     SHAPE_ALWAYS},
    INT(obs_verify_error, code),
    STR(obs_verify_error, text, 256),
};
static const struct shape verify_error_shape =
    SHAPE("verify_error", struct obs_verify_error, verify_error_fields);

static const struct shape_field tls_fields[] = {
    STR(obs_tls, version, 32),
    STR(obs_tls, cipher, 96),
    BOOL(obs_tls, forward_secrecy),
    BOOL(obs_tls, aead),
    BOOL(obs_tls, anonymous),
    STR(obs_tls, group, 64),
    INT(obs_tls, group_bits),
    STR(obs_tls, signature, 96),
    BOOL(obs_tls, compression),
    BOOL(obs_tls, secure_renegotiation),
    WORD(obs_tls, ocsp, obs_ocsp_words),
    OBJS(obs_tls, chain, OBS_MAX_CHAIN, cert_shape),
    BOOL(obs_tls, trusted),
    STR(obs_tls, root, 2048),
    OBJS(obs_tls, errors, 32, verify_error_shape),
    INT(obs_tls, handshake_ms),
};
static const struct shape tls_shape = SHAPE("tls", struct obs_tls, tls_fields);

static const struct shape_field relay_fields[] = {
    WORD(obs_relay, first, obs_relay_words),
    WORD(obs_relay, second, obs_relay_words),
    STR(obs_relay, first_reply, OBS_MAX_TEXT * 2),
    STR(obs_relay, second_reply, OBS_MAX_TEXT * 2),
    TIME(obs_relay, at),
};
static const struct shape relay_shape = SHAPE("relay", struct obs_relay, relay_fields);

static const struct shape_field sweep_fields[] = {
    TIME(obs_sweep, at),
    WORD(obs_sweep, ssl2, obs_offer_words),
    WORD(obs_sweep, ssl3, obs_offer_words),
    WORD(obs_sweep, tls1_0, obs_offer_words),
    WORD(obs_sweep, tls1_1, obs_offer_words),
    WORD(obs_sweep, tls1_2, obs_offer_words),
    WORD(obs_sweep, tls1_3, obs_offer_words),
    STRS(obs_sweep, weak_ciphers, 32),
    WORD(obs_sweep, starttls_injection, obs_offer_words),
    WORD(obs_sweep, without_sni, obs_offer_words),
    STR(obs_sweep, without_sni_sha256, 64),
    WORD(obs_sweep, post_quantum, obs_offer_words),
    OBJ(obs_sweep, rsa, tls_shape),
    OBJ(obs_sweep, ecdsa, tls_shape),
    IN(obs_sweep, relay, relay_shape),
};
static const struct shape sweep_shape = SHAPE("sweep", struct obs_sweep, sweep_fields);

static const struct shape_field service_fields[] = {
    STR(obs_service, address, 64),
    INT(obs_service, port),
    BOOL(obs_service, implicit_tls),
    IN(obs_service, failure, failure_shape),
    INT(obs_service, connect_ms),
    INT(obs_service, greeting_code),
    INT(obs_service, greeting_ms),
    STR(obs_service, greeting, OBS_MAX_TEXT * 2),
    BOOL(obs_service, helo_only),
    STRS(obs_service, ehlo, MAX_LINES),
    BOOL(obs_service, starttls_offered),
    INT(obs_service, starttls_code),
    STR(obs_service, starttls_text, OBS_MAX_TEXT * 2),
    INT(obs_service, trailing_bytes),
    OBJ(obs_service, tls, tls_shape),
    STRS(obs_service, ehlo_tls, MAX_LINES),
    OBJ(obs_service, sweep, sweep_shape),
    IN(obs_service, ptr, names_shape),
    STRS(obs_service, ptr_confirmed, MAX_RRS),
    BOOL(obs_service, ptr_asked_forward),
    WORD(obs_service, banner_matches, obs_offer_words),
};
static const struct shape service_shape = SHAPE("service", struct obs_service, service_fields);

static const struct shape_field host_fields[] = {
    BOOL(obs_host, literal),	     IN(obs_host, a, names_shape),
    IN(obs_host, aaaa, names_shape), OBJS(obs_host, tlsa, 8, tlsa_shape),
    IN(obs_host, caa, caa_shape),    OBJS(obs_host, services, 256, service_shape),
};
static const struct shape host_shape = SHAPE("host", struct obs_host, host_fields);

static const struct shape_field policy_fields[] = {
    STR(obs_policy, host, MAX_NAME),
    IN(obs_policy, a, names_shape),
    IN(obs_policy, aaaa, names_shape),
    STR(obs_policy, address, 64),
    IN(obs_policy, failure, failure_shape),
    INT(obs_policy, status),
    STR(obs_policy, content_type, 512),
    STR(obs_policy, location, 2048),
    STR(obs_policy, redirected_body, OBS_MAX_POLICY * 3),
    BOOL(obs_policy, too_large),
    INT(obs_policy, took_ms),
    STR(obs_policy, body, OBS_MAX_POLICY * 3),
    OBJ(obs_policy, tls, tls_shape),
};
static const struct shape policy_shape = SHAPE("policy", struct obs_policy, policy_fields);

static const struct shape_field policy_address_fields[] = {
    STR(obs_policy_address, address, 64),     IN(obs_policy_address, failure, failure_shape),
    INT(obs_policy_address, status),	      STR(obs_policy_address, body_sha256, 64),
    STR(obs_policy_address, leaf_sha256, 64), BOOL(obs_policy_address, trusted),
    BOOL(obs_policy_address, name_ok),
};
static const struct shape policy_address_shape =
    SHAPE("policy_address", struct obs_policy_address, policy_address_fields);

static const struct shape_field rua_fields[] = {
    STR(obs_rua, uri, 2048),	 STR(obs_rua, target, MAX_NAME), IN(obs_rua, mx, mx_shape),
    IN(obs_rua, a, names_shape), IN(obs_rua, aaaa, names_shape),
};
static const struct shape rua_shape = SHAPE("rua", struct obs_rua, rua_fields);

static const struct shape_field submission_fields[] = {
    IN(obs_submission, submissions, srv_shape),
    IN(obs_submission, submission, srv_shape),
    IN(obs_submission, fallback_a, names_shape),
    IN(obs_submission, fallback_aaaa, names_shape),
};
static const struct shape submission_shape =
    SHAPE("submission", struct obs_submission, submission_fields);

static const struct shape_field domain_fields[] = {
    IN(obs_domain, mx, mx_shape),
    IN(obs_domain, a, names_shape),
    IN(obs_domain, aaaa, names_shape),
    IN(obs_domain, mta_sts, txt_shape),
    OBJ(obs_domain, policy, policy_shape),
    OBJS(obs_domain, policy_addresses, OBS_MAX_ADDRESSES * 2, policy_address_shape),
    IN(obs_domain, tls_rpt, txt_shape),
    OBJS(obs_domain, rua, 16, rua_shape),
    OBJ(obs_domain, submission, submission_shape),
};
static const struct shape domain_shape = SHAPE("domain", struct obs_domain, domain_fields);

static const struct shape_field vantage_fields[] = {
    BOOL(obs_vantage, resolver_answers),
    BOOL(obs_vantage, resolver_validates),
    BOOL(obs_vantage, no_ipv4),
    BOOL(obs_vantage, no_ipv6),
    BOOL(obs_vantage, no_ca),
};
static const struct shape vantage_shape = SHAPE("vantage", struct obs_vantage, vantage_fields);

static const struct shape_field observation_fields[] = {
    {"v", SHAPE_INT, offsetof(struct observation, v), 0, 1000, NULL, NULL, SHAPE_REQUIRED},
    {"kind", SHAPE_ENUM, offsetof(struct observation, kind), 0, 0, NULL, kind_words,
     SHAPE_REQUIRED},
    {"subject", SHAPE_STRING, offsetof(struct observation, subject), 0, MAX_NAME, NULL, NULL,
     SHAPE_REQUIRED},
    TIME(observation, at),
    INT(observation, took_ms),
    IN(observation, vantage, vantage_shape),
    IN(observation, failure, failure_shape),
    OBJ(observation, domain, domain_shape),
    OBJ(observation, host, host_shape),
};
const struct shape observation_shape = SHAPE("observation", struct observation, observation_fields);

bool observation_encode(const struct observation *o, struct buf *out)
{
	return shape_encode(&observation_shape, o, out);
}

struct observation *observation_decode(const char *json, size_t len,
				       enum shape_strictness strictness, struct arena *arena,
				       struct error *err)
{
	struct observation *o = arena_alloc(arena, sizeof(*o));
	if (len > OBS_MAX_BYTES) {
		error_set(err, "observation: more than %d bytes", OBS_MAX_BYTES);
		return NULL;
	}
	if (shape_decode(&observation_shape, strictness, json, len, arena, o, err) != 0)
		return NULL;
	bool whole = o->kind == OBS_KIND_DOMAIN ? o->domain != NULL && o->host == NULL
						: o->host != NULL && o->domain == NULL;
	if (o->kind == OBS_KIND_NONE || !whole) {
		error_set(err, "observation: the part named by its kind is missing");
		return NULL;
	}
	return o;
}
