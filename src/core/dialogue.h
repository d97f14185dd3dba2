/* SPDX-License-Identifier: ISC
 *
 * The SMTP conversation of a probe without I/O (RFC 5321, STARTTLS: RFC 3207, implicit TLS:
 * RFC 8314): a driver tells what happened, the machine says what to do next and writes down
 * what was learnt in a struct obs_service.  It never sends DATA.
 *
 *     S: 220 mx.example ESMTP             greeting
 *     C: EHLO probe.example               S: 250-mx.example 250-SIZE 250 STARTTLS
 *     C: STARTTLS                         S: 220 go ahead        (bytes behind it are counted)
 *        ... handshake ...
 *     C: EHLO probe.example               S: 250-mx.example 250 SIZE
 *    (C: MAIL FROM, RCPT TO, RSET         the relay test)
 *     C: QUIT                             S: 221 bye
 *
 * One step per event gives exactly one action.  Time comes with the event.
 */
#ifndef DIALOGUE_H
#define DIALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "observation.h"
#include "reply.h"

struct dialogue;

enum dialogue_tls {
	DIALOGUE_PLAIN,	   /* never turns into TLS */
	DIALOGUE_STARTTLS, /* when the server offers it */
	DIALOGUE_IMPLICIT, /* TLS from the first byte */
};

struct dialogue_params { /* strings are borrowed for the life of the dialogue */
	const char *helo;
	enum dialogue_tls tls;
	bool stop_after_tls;	/* QUIT right behind the handshake */
	const char *relay_from; /* the relay test: MAIL FROM, RCPT TO, RSET; NULL = none */
	const char *relay_to;
	bool inject; /* send a command in the clear in one write with STARTTLS and see whether it
		      * is answered inside TLS (CVE-2011-0411) */
};

enum dialogue_event_kind {
	DIALOGUE_CONNECTED,
	DIALOGUE_REPLY, /* a whole or a broken one */
	DIALOGUE_TLS_UP,
	DIALOGUE_TLS_FAILED,
	DIALOGUE_EOF,
	DIALOGUE_TIMEOUT,     /* of the state, or of the whole session */
	DIALOGUE_OUT_OF_TIME, /* ours: the check must end, however patient we would be */
	DIALOGUE_IO_ERROR,
};

struct dialogue_event {
	enum dialogue_event_kind kind;
	int64_t ms;		   /* since the conversation began */
	const struct reply *reply; /* REPLY */
	size_t behind;		   /* REPLY: bytes that had already arrived behind it */
	int error;		   /* IO_ERROR: errno */
	bool at_once;		   /* IO_ERROR: connect() itself failed, nothing was sent */
	const char *text;	   /* TLS_FAILED: the alert or what went wrong */
};

enum dialogue_action_kind {
	DIALOGUE_WAIT, /* for the next event */
	DIALOGUE_SEND, /* text, then wait */
	DIALOGUE_START_TLS,
	DIALOGUE_CLOSE, /* the conversation is over */
};

struct dialogue_action {
	enum dialogue_action_kind kind;
	const char *text; /* SEND: valid until the next step */
	int seconds;	  /* TIMEOUT is due after so long; 0 = the running wait goes on */
};

/* Facts go to *service, their strings to arena; both outlive the dialogue. */
struct dialogue *dialogue_new(const struct dialogue_params *params, struct obs_service *service,
			      struct arena *arena);
void dialogue_free(struct dialogue *d); /* NULL is fine */

/* The first action, before any event: wait for the connection. */
void dialogue_start(struct dialogue *d, struct dialogue_action *action);
void dialogue_step(struct dialogue *d, const struct dialogue_event *event,
		   struct dialogue_action *action);

/* Name of the present state, for the log: "EHLO". */
const char *dialogue_state_name(const struct dialogue *d);

/* The relay test: a result, and the decisive reply as escaped text (NULL if there was none). */
enum obs_relay_result dialogue_relay(const struct dialogue *d);
const char *dialogue_relay_reply(const struct dialogue *d);
/* The injection test: YES when the command sent in the clear was answered inside TLS. */
enum obs_offer dialogue_injection(const struct dialogue *d);

/* Whose fault an errno is.  at_once: connect() itself failed, no packet left. */
enum obs_class dialogue_errno_class(int error, bool at_once);

#endif
