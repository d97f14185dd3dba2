/* SPDX-License-Identifier: ISC
 *
 * Who says what to whom: the numbered frame types and the documents they carry (doc/ipc.md).
 * A body is a JSON document of the shape named beside the type; OBSERVED carries an
 * observation (core/observation.h).
 *
 *     parent <-> engine    HELLO up/down with a descriptor, READY, STATUS, RELOAD, STOP
 *     engine <-> prober    SETUP, ORDER, OBSERVED, WANT, GO, DONE, SELF
 *     engine <-> notifier  SETUP, DELIVER, SENT, BEAT, RENEW
 *     engine <-> web       SETUP, WISH, ANSWER
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shape.h"

#define MESSAGE_VERSION 1

enum message_type {
	/* parent <-> child */
	MESSAGE_PEER = 1,   /* parent -> engine: a child came up; its channel rides along as a descriptor */
	MESSAGE_READY = 2,  /* engine -> parent: the configuration is in force, probes may run */
	MESSAGE_STATUS = 3, /* engine -> parent: a line for systemd, the watchdog's tick: every 10 s at most */
	MESSAGE_RELOAD = 4, /* parent -> engine: read the configuration again (SIGHUP) */
	MESSAGE_RELOADED = 5, /* engine -> parent: the verdict */
	MESSAGE_STOP = 6,   /* parent -> child: finish within 5 s */
	MESSAGE_WANT_PEERS = 7, /* engine -> parent: how many probers, and whether a private resolver */
	/* engine <-> prober */
	MESSAGE_SETUP = 16,  /* the first frame a child gets from the engine */
	MESSAGE_ORDER = 17,
	MESSAGE_OBSERVED = 18, /* answers the order id of the frame */
	MESSAGE_WANT = 19,   /* may I talk to this address? */
	MESSAGE_GO = 20,     /* yes, now */
	MESSAGE_DONE = 21,   /* I am through with it */
	MESSAGE_SELF = 22,   /* what the prober found out about its own view */
	/* engine <-> notifier */
	MESSAGE_DELIVER = 32,
	MESSAGE_SENT = 33,   /* answers the delivery id of the frame */
	MESSAGE_BEAT = 34,   /* the schedule moves: say so at this place; unanswered */
	MESSAGE_RENEW = 35,  /* these problems last, or have just ended: say so again; unanswered */
	/* engine <-> web */
	MESSAGE_WISH = 48,   /* recheck, ack, silence, reload, test-alert, queue */
	MESSAGE_ANSWER = 49, /* answers the wish id of the frame */
};

/* Largest body of a type in bytes, 0 for a type we do not know. */
size_t message_ceiling(unsigned type);
const char *message_name(unsigned type);

/* -- parent <-> engine -- */

enum message_role { MESSAGE_ROLE_NONE, MESSAGE_ROLE_ENGINE, MESSAGE_ROLE_PROBER,
	MESSAGE_ROLE_NOTIFIER, MESSAGE_ROLE_WEB, MESSAGE_ROLE_RESOLVER };
extern const char *const message_role_words[];

struct message_peer { /* MESSAGE_PEER */
	int role; /* enum message_role */
	int64_t instance;
	int64_t port; /* of a private resolver on 127.0.0.1; 0 = it cannot be had (no channel either way) */
};

struct message_status { /* MESSAGE_STATUS, MESSAGE_READY, MESSAGE_RELOADED */
	const char *text; /* one line */
	bool ok;
};

struct message_want_peers { /* MESSAGE_WANT_PEERS: once, before READY, and after a reload that changed it */
	int64_t probers;
	bool web;
	bool resolver; /* a private validating resolver */
	const char *trust_anchor; /* file with its trust anchors */
};

/* -- engine -> prober -- */

struct message_setup { /* MESSAGE_SETUP to a prober */
	const char *const *upstreams; /* address or address:port; asked over TCP */
	size_t n_upstreams;
	int trust_ad; /* enum conf_trust_ad */
	int64_t resolver_timeout_ms;
	const char *ca_file, *ca_path;
	const char *helo;
	const char *source_ipv4, *source_ipv6;
	bool ipv6_off;
	int64_t concurrency; /* sessions in flight */
	int64_t port_smtp, port_https;
	bool allow_private;
	const char *relay_from, *relay_to;
	const char *const *self_check_dns, *const *self_check_tcp;
	size_t n_self_check_dns, n_self_check_tcp;
};

struct message_order { /* MESSAGE_ORDER; answered by MESSAGE_OBSERVED with the same frame id */
	int kind;            /* enum obs_kind */
	const char *subject; /* A-labels */
	int64_t deadline_ms; /* from receipt to answer */
	int64_t connect_ms, smtp_ms, policy_ms;
	/* domain */
	bool mta_sts, tls_rpt, submission; /* ask for these too */
	bool policy_addresses;             /* ask every address of the policy host too */
	/* host */
	const char *const *ports; /* "25", "465", "587" */
	size_t n_ports;
	bool dane;
	bool sweep; /* the daily deep look */
	bool relay_test;
	bool fresh; /* do not answer DNS questions from the prober's cache */
};

struct message_address { /* WANT, GO, DONE: frame id = the asker's token */
	const char *address;
};

struct message_self { /* SELF */
	bool resolver_answers, resolver_validates;
	const char *resolver; /* what is in use, for people: "127.0.0.1", "private unbound on 127.0.0.1:40053" */
	bool no_ipv4, no_ipv6, no_ca;
	const char *text; /* what is wrong, NULL if nothing */
};

/* -- engine <-> notifier -- */

struct message_notifier { /* MESSAGE_SETUP to the notifier: at first, and after each reload */
	const char *const *programs; /* what receivers of kind exec run */
	size_t n_programs;
};

struct message_beat { /* one of the two */
	const char *url;
	const char *url_file; /* the place of a secret */
};

struct message_deliver { /* frame id = outbox row */
	const char *notice;    /* RAW: the canonical event (core/notice.h) */
	const char *receiver;  /* RAW: the receiver's settings, shape receiver_shape */
	int64_t attempt;       /* 1, 2, ... */
	const char *digest;    /* RAW: array of canonical events when this is a digest, else NULL */
};

struct message_renew {
	const char *receiver; /* RAW: shape receiver_shape, an Alertmanager */
	const char *notices;  /* RAW: array of canonical events */
};

enum message_outcome { MESSAGE_OUTCOME_NONE, MESSAGE_DELIVERED, MESSAGE_RETRY, MESSAGE_REJECTED };

struct message_sent {
	int outcome;
	int64_t code;          /* SMTP or HTTP status of the far side, 0 if none */
	const char *text;      /* what it said, escaped */
	int64_t retry_after_s; /* -1 = not said */
};

/* -- engine <-> web -- */

struct message_web { /* MESSAGE_SETUP to the web: at first, and after each reload */
	const char *file; /* the configuration */
};

struct message_wish { /* MESSAGE_WISH */
	const char *verb; /* "recheck", "looking", "reload", "ack", "silence-add", "silence-expire", "silence-list", "test-alert", "queue",
	                   * "queue-retry", "status" */
	const char *subject;
	const char *author, *reason;
	const char *args; /* RAW object, verb-specific, NULL if none */
};

struct message_answer {
	int64_t status;   /* HTTP status */
	const char *body; /* RAW: one JSON value */
};

extern const struct shape message_peer_shape, message_status_shape, message_want_peers_shape,
    message_setup_shape, message_order_shape, message_address_shape, message_self_shape,
    message_notifier_shape, message_beat_shape, message_deliver_shape, message_renew_shape,
    message_sent_shape, message_web_shape, message_wish_shape, message_answer_shape;

#endif
