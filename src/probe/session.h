/* SPDX-License-Identifier: ISC
 *
 * One conversation with one address and port: waits at the gate, connects, drives
 * core/dialogue over adapt/stream, and ends in the facts of a struct obs_service.
 *
 * Time: connect_ms for the connection, smtp_ms from there to the end, the dialogue's own
 * limit for each answer, and until_ms above all.  One timer.
 */
#ifndef SESSION_H
#define SESSION_H

#include <stdint.h>

#include "arena.h"
#include "buf.h"
#include "dialogue.h"
#include "hello.h"
#include "observation.h"
#include "stream.h"
#include "vantage.h"

struct session;

struct session_params {
	struct stream_target target;	 /* strings are borrowed for the life of the session */
	struct dialogue_params dialogue; /* the same */
	struct stream_tls tls;		 /* the same */
	const struct buf
	    *hello; /* a ClientHello to send in place of a handshake (copied), or NULL */
	int64_t connect_ms, smtp_ms;
	int64_t until_ms; /* of clock_monotonic_ms(): over by then, at the gate or in talk */
};

struct session_result { /* what is not in struct obs_service */
	bool started;	/* the gate was passed */
	enum obs_relay_result relay;
	const char *relay_reply;
	enum obs_offer injection;
	enum hello_status hello; /* MORE: no answer came */
	struct hello_answer answer;
};

typedef void session_done_cb(const struct session_result *result, void *arg);

/* Facts go to *service and arena, which outlive the session.  done comes exactly once, never
 * inside this call; the session is released behind it. */
struct session *session_start(struct vantage *v, const struct session_params *params,
			      struct obs_service *service, struct arena *arena,
			      session_done_cb *done, void *arg);
/* Give up: close, leave the gate, no callback.  NULL is fine. */
void session_cancel(struct session *s);

#endif
