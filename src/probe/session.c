/* SPDX-License-Identifier: ISC
 *
 * Callbacks make an event and call step(); step() performs the one action that comes of it.
 * The session ends in finish() and is released from the timer's event, never from inside a
 * callback of the stream.
 */
#include "session.h"

#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "clock.h"
#include "gate.h"
#include "log.h"
#include "mem.h"

/* close_notify: what we say when a ServerHello was all we wanted (RFC 8446 section 6.1) */
static const unsigned char close_notify[] = {21, 3, 1, 0, 2, 1, 0};

struct session {
	struct vantage *vantage;
	struct session_params params;
	struct obs_service *service;
	struct arena *arena;
	session_done_cb *done;
	void *arg;
	struct gate_pass *pass;
	struct stream *stream;
	struct dialogue *dialogue;
	struct reply_reader *reader;
	struct event timer;
	int64_t began_ms;     /* passed the gate */
	int64_t connected_ms; /* 0 before */
	bool last_call;	      /* the timer is the probe's end, not the server's */
	bool finished;
	struct buf hello;  /* to send in place of a handshake */
	struct buf answer; /* what came back */
	bool raw;	   /* bytes are an answer to it now */
	struct session_result result;
};

static void finish(struct session *s)
{
	if (s->finished)
		return;
	s->finished = true;
	if (s->stream)
		stream_close(s->stream);
	if (s->pass)
		gate_leave(s->pass);
	s->pass = NULL;
	event_del(&s->timer);
	event_active(&s->timer, EV_TIMEOUT, 0);
}

static void release(struct session *s)
{
	event_del(&s->timer);
	stream_free(s->stream);
	dialogue_free(s->dialogue);
	reply_reader_free(s->reader);
	buf_clear(&s->hello);
	buf_clear(&s->answer);
	free(s);
}

static void set_timer(struct session *s, int64_t ms)
{
	int64_t now = clock_monotonic_ms(), left = s->params.until_ms - now;
	struct timeval tv;

	s->last_call = true;
	if (s->connected_ms && s->connected_ms + s->params.smtp_ms - now < ms)
		ms = s->connected_ms + s->params.smtp_ms - now;
	if (ms < left) {
		left = ms;
		s->last_call = false;
	}
	if (left < 1)
		left = 1;
	tv.tv_sec = (time_t)(left / 1000);
	tv.tv_usec = (suseconds_t)(left % 1000 * 1000);
	event_add(&s->timer, &tv);
}

/* -- the dialogue -------------------------------------------------------------------------- */

static void start_tls(struct session *s)
{
	reply_reader_reset(s->reader);
	if (s->params.hello) {
		s->raw = true;
		stream_send(s->stream, s->hello.data, s->hello.len);
		return;
	}
	s->service->trailing_bytes += (int64_t)stream_start_tls(s->stream, &s->params.tls);
}

static void perform(struct session *s, const struct dialogue_action *action)
{
	if (action->seconds)
		set_timer(s, (int64_t)action->seconds * 1000);
	switch (action->kind) {
	case DIALOGUE_WAIT:
		break;
	case DIALOGUE_SEND:
		stream_send(s->stream, action->text, strlen(action->text));
		break;
	case DIALOGUE_START_TLS:
		start_tls(s);
		break;
	case DIALOGUE_CLOSE:
		finish(s);
		break;
	}
}

static void step(struct session *s, struct dialogue_event event)
{
	struct dialogue_action action;
	const char *from = dialogue_state_name(s->dialogue);

	event.ms = clock_monotonic_ms() - s->began_ms;
	dialogue_step(s->dialogue, &event, &action);
	if (action.seconds && log_level() >= LOG_LEVEL_DEBUG)
		log_debug("session", "%s:%lld %s -> %s", s->params.target.address,
			  (long long)s->params.target.port, from, dialogue_state_name(s->dialogue));
	perform(s, &action);
}

static void read_replies(struct session *s, const char *data, size_t len)
{
	while (len > 0 && !s->finished) {
		size_t used;
		enum reply_status status = reply_read(s->reader, data, len, &used);
		struct dialogue_event event = {.kind = DIALOGUE_REPLY};
		bool in_clear = !s->service->tls;

		data += used;
		len -= used;
		if (status == REPLY_MORE)
			return;
		event.reply = reply_get(s->reader);
		event.behind = len;
		step(s, event);
		if (s->raw || (in_clear && s->service->starttls_code == 220))
			return; /* what is left came in the clear and is forgotten */
	}
}

static void read_answer(struct session *s, const void *data, size_t len)
{
	buf_add(&s->answer, data, len);
	s->result.hello = hello_parse(s->answer.data, s->answer.len, &s->result.answer);
	if (s->result.hello == HELLO_MORE && !s->answer.truncated)
		return;
	if (s->result.hello == HELLO_ACCEPTED)
		stream_send(s->stream, close_notify, sizeof(close_notify));
	finish(s);
}

/* -- what happens to us -------------------------------------------------------------------- */

static void on_stream(const struct stream_notice *n, void *arg)
{
	struct session *s = arg;

	switch (n->event) {
	case STREAM_CONNECTED:
		s->connected_ms = clock_monotonic_ms();
		step(s, (struct dialogue_event){.kind = DIALOGUE_CONNECTED});
		break;
	case STREAM_DATA:
		if (s->raw)
			read_answer(s, n->data, n->len);
		else
			read_replies(s, n->data, n->len);
		break;
	case STREAM_TLS_UP:
		s->service->tls = stream_tls_facts(s->stream, s->arena);
		step(s, (struct dialogue_event){.kind = DIALOGUE_TLS_UP});
		break;
	case STREAM_TLS_FAILED:
		step(s, (struct dialogue_event){
			    .kind = DIALOGUE_TLS_FAILED, .error = n->error, .text = n->text});
		break;
	case STREAM_EOF:
		step(s, (struct dialogue_event){.kind = DIALOGUE_EOF});
		break;
	case STREAM_ERROR:
		step(s, (struct dialogue_event){.kind = DIALOGUE_IO_ERROR,
						.error = n->error,
						.at_once = n->at_once,
						.text = n->text});
		break;
	}
}

static void on_gate(void *arg)
{
	struct session *s = arg;
	struct dialogue_action action;

	s->result.started = true;
	s->began_ms = clock_monotonic_ms();
	s->stream = stream_open(s->vantage->tls, &s->params.target, on_stream, s);
	dialogue_start(s->dialogue, &action);
	set_timer(s, s->params.connect_ms);
}

static void tell(struct session *s)
{
	s->result.relay = dialogue_relay(s->dialogue);
	s->result.relay_reply = dialogue_relay_reply(s->dialogue);
	s->result.injection = dialogue_injection(s->dialogue);
	s->done(&s->result, s->arg);
	release(s);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;

	(void)fd;
	(void)what;
	if (s->finished)
		tell(s);
	else
		step(s, (struct dialogue_event){.kind = s->last_call ? DIALOGUE_OUT_OF_TIME
								     : DIALOGUE_TIMEOUT});
}

/* -- life ---------------------------------------------------------------------------------- */

struct session *session_start(struct vantage *v, const struct session_params *params,
			      struct obs_service *service, struct arena *arena,
			      session_done_cb *done, void *arg)
{
	struct session *s = mem_alloc(sizeof(*s));

	s->vantage = v;
	s->params = *params;
	s->service = service;
	s->arena = arena;
	s->done = done;
	s->arg = arg;
	buf_init(&s->hello, HELLO_MAX);
	buf_init(&s->answer, HELLO_MAX_ANSWER);
	if (params->hello)
		buf_add(&s->hello, params->hello->data, params->hello->len);
	s->dialogue = dialogue_new(&params->dialogue, service, arena);
	s->reader = reply_reader_new();
	event_assign(&s->timer, v->base, -1, 0, on_timer, s);
	event_priority_set(&s->timer, 0);
	set_timer(s, INT64_MAX);
	s->pass = gate_enter(v->gate, params->target.address, on_gate, s);
	return s;
}

void session_cancel(struct session *s)
{
	if (!s)
		return;
	if (s->pass)
		gate_leave(s->pass);
	release(s);
}
