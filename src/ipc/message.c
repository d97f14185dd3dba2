/* SPDX-License-Identifier: ISC
 *
 * The table of frame types with their ceilings, and the tables of their documents.
 */
#include "message.h"

#define KIB 1024
#define MIB (1024 * KIB)

/* A body larger than its ceiling is refused before a byte of it is kept. */
static const struct {
	unsigned type;
	size_t ceiling;
	const char *name;
} types[] = {
    {MESSAGE_PEER, 256, "PEER"},
    {MESSAGE_READY, 64 * KIB, "READY"},
    {MESSAGE_STATUS, 4 * KIB, "STATUS"},
    {MESSAGE_RELOAD, 64, "RELOAD"},
    {MESSAGE_RELOADED, 64 * KIB, "RELOADED"},
    {MESSAGE_STOP, 64, "STOP"},
    {MESSAGE_WANT_PEERS, 8 * KIB, "WANT_PEERS"},
    {MESSAGE_SETUP, 256 * KIB, "SETUP"},
    {MESSAGE_ORDER, 16 * KIB, "ORDER"},
    {MESSAGE_OBSERVED, 4 * MIB, "OBSERVED"},
    {MESSAGE_WANT, 256, "WANT"},
    {MESSAGE_GO, 256, "GO"},
    {MESSAGE_DONE, 256, "DONE"},
    {MESSAGE_SELF, 8 * KIB, "SELF"},
    {MESSAGE_DELIVER, 8 * MIB, "DELIVER"},
    {MESSAGE_SENT, 16 * KIB, "SENT"},
    {MESSAGE_BEAT, 16 * KIB, "BEAT"},
    {MESSAGE_RENEW, 8 * MIB, "RENEW"},
    {MESSAGE_WISH, 1 * MIB, "WISH"},
    {MESSAGE_ANSWER, 16 * MIB, "ANSWER"},
};

size_t message_ceiling(unsigned type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].type == type)
			return types[i].ceiling;
	return 0;
}

const char *message_name(unsigned type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].type == type)
			return types[i].name;
	return "unknown";
}

const char *const message_role_words[] = {"none", "engine",   "prober", "notifier",
					  "web",  "resolver", NULL};
static const char *const trust_ad_words[] = {"loopback", "always", "never", NULL};
static const char *const order_kind_words[] = {"none", "domain", "host", NULL};
static const char *const outcome_words[] = {"none", "delivered", "retry", "rejected", NULL};

#define LINE	1024
#define ADDRESS 64
#define NAME	255

/* clang-format off */
#define STR(s, m, limit) {#m, SHAPE_STRING, offsetof(struct s, m), 0, limit, NULL, NULL, 0}
#define INT(s, m)        {#m, SHAPE_INT, offsetof(struct s, m), 0, 0, NULL, NULL, 0}
#define BOOL(s, m)       {#m, SHAPE_BOOL, offsetof(struct s, m), 0, 0, NULL, NULL, 0}
#define WORD(s, m, list) {#m, SHAPE_ENUM, offsetof(struct s, m), 0, 0, NULL, list, 0}
#define RAW(s, m)        {#m, SHAPE_RAW, offsetof(struct s, m), 0, 0, NULL, NULL, 0}
#define STRS(s, m, n)    {#m, SHAPE_STRINGS, offsetof(struct s, m), offsetof(struct s, n_##m), n, NULL, NULL, 0}
#define REQUIRED_STR(s, m, limit) {#m, SHAPE_STRING, offsetof(struct s, m), 0, limit, NULL, NULL, SHAPE_REQUIRED}
#define REQUIRED_WORD(s, m, list) {#m, SHAPE_ENUM, offsetof(struct s, m), 0, 0, NULL, list, SHAPE_REQUIRED}
#define REQUIRED_RAW(s, m) {#m, SHAPE_RAW, offsetof(struct s, m), 0, 0, NULL, NULL, SHAPE_REQUIRED}
/* clang-format on */

static const struct shape_field peer_fields[] = {
    REQUIRED_WORD(message_peer, role, message_role_words),
    INT(message_peer, instance),
    {"port", SHAPE_INT, offsetof(struct message_peer, port), 0, 65535, NULL, NULL, 0},
};
const struct shape message_peer_shape = SHAPE("peer", struct message_peer, peer_fields);

static const struct shape_field status_fields[] = {
    STR(message_status, text, 16 * KIB),
    BOOL(message_status, ok),
};
const struct shape message_status_shape = SHAPE("status", struct message_status, status_fields);

static const struct shape_field want_peers_fields[] = {
    {"probers", SHAPE_INT, offsetof(struct message_want_peers, probers), 0, 256, NULL, NULL,
     SHAPE_REQUIRED},
    BOOL(message_want_peers, web),
    BOOL(message_want_peers, resolver),
    STR(message_want_peers, trust_anchor, 4 * KIB),
};
const struct shape message_want_peers_shape =
    SHAPE("want_peers", struct message_want_peers, want_peers_fields);

static const struct shape_field setup_fields[] = {
    STRS(message_setup, upstreams, 64),
    WORD(message_setup, trust_ad, trust_ad_words),
    INT(message_setup, resolver_timeout_ms),
    STR(message_setup, ca_file, 4 * KIB),
    STR(message_setup, ca_path, 4 * KIB),
    STR(message_setup, helo, NAME),
    STR(message_setup, source_ipv4, ADDRESS),
    STR(message_setup, source_ipv6, ADDRESS),
    BOOL(message_setup, ipv6_off),
    INT(message_setup, concurrency),
    {"port_smtp", SHAPE_INT, offsetof(struct message_setup, port_smtp), 0, 65535, NULL, NULL, 0},
    {"port_https", SHAPE_INT, offsetof(struct message_setup, port_https), 0, 65535, NULL, NULL, 0},
    BOOL(message_setup, allow_private),
    STR(message_setup, relay_from, LINE),
    STR(message_setup, relay_to, LINE),
    STRS(message_setup, self_check_dns, 64),
    STRS(message_setup, self_check_tcp, 64),
};
const struct shape message_setup_shape = SHAPE("setup", struct message_setup, setup_fields);

static const struct shape_field order_fields[] = {
    REQUIRED_WORD(message_order, kind, order_kind_words),
    REQUIRED_STR(message_order, subject, NAME),
    INT(message_order, deadline_ms),
    INT(message_order, connect_ms),
    INT(message_order, smtp_ms),
    INT(message_order, policy_ms),
    BOOL(message_order, mta_sts),
    BOOL(message_order, tls_rpt),
    BOOL(message_order, submission),
    BOOL(message_order, policy_addresses),
    STRS(message_order, ports, 8),
    BOOL(message_order, dane),
    BOOL(message_order, sweep),
    BOOL(message_order, relay_test),
    BOOL(message_order, fresh),
};
const struct shape message_order_shape = SHAPE("order", struct message_order, order_fields);

static const struct shape_field address_fields[] = {
    REQUIRED_STR(message_address, address, ADDRESS),
};
const struct shape message_address_shape = SHAPE("address", struct message_address, address_fields);

static const struct shape_field self_fields[] = {
    BOOL(message_self, resolver_answers), BOOL(message_self, resolver_validates),
    STR(message_self, resolver, LINE),	  BOOL(message_self, no_ipv4),
    BOOL(message_self, no_ipv6),	  BOOL(message_self, no_ca),
    STR(message_self, text, LINE),
};
const struct shape message_self_shape = SHAPE("self", struct message_self, self_fields);

static const struct shape_field notifier_fields[] = {
    STRS(message_notifier, programs, 256),
};
const struct shape message_notifier_shape =
    SHAPE("notifier", struct message_notifier, notifier_fields);

static const struct shape_field beat_fields[] = {
    STR(message_beat, url, 4 * KIB),
    STR(message_beat, url_file, 4 * KIB),
};
const struct shape message_beat_shape = SHAPE("beat", struct message_beat, beat_fields);

static const struct shape_field deliver_fields[] = {
    REQUIRED_RAW(message_deliver, notice),
    REQUIRED_RAW(message_deliver, receiver),
    INT(message_deliver, attempt),
    RAW(message_deliver, digest),
};
const struct shape message_deliver_shape = SHAPE("deliver", struct message_deliver, deliver_fields);

static const struct shape_field renew_fields[] = {
    REQUIRED_RAW(message_renew, receiver),
    REQUIRED_RAW(message_renew, notices),
};
const struct shape message_renew_shape = SHAPE("renew", struct message_renew, renew_fields);

static const struct shape_field sent_fields[] = {
    REQUIRED_WORD(message_sent, outcome, outcome_words),
    INT(message_sent, code),
    STR(message_sent, text, 8 * KIB),
    {"retry_after_s", SHAPE_INT, offsetof(struct message_sent, retry_after_s), 0, 0, NULL, NULL,
     SHAPE_ALWAYS | SHAPE_SIGNED},
};
const struct shape message_sent_shape = SHAPE("sent", struct message_sent, sent_fields);

static const struct shape_field web_fields[] = {
    REQUIRED_STR(message_web, file, 4 * KIB),
};
const struct shape message_web_shape = SHAPE("web", struct message_web, web_fields);

static const struct shape_field wish_fields[] = {
    REQUIRED_STR(message_wish, verb, 32),
    STR(message_wish, subject, LINE),
    STR(message_wish, author, LINE),
    STR(message_wish, reason, LINE),
    RAW(message_wish, args),
};
const struct shape message_wish_shape = SHAPE("wish", struct message_wish, wish_fields);

static const struct shape_field answer_fields[] = {
    INT(message_answer, status),
    RAW(message_answer, body),
};
const struct shape message_answer_shape = SHAPE("answer", struct message_answer, answer_fields);
