/* SPDX-License-Identifier: ISC
 *
 * States in time order, one row each: what is done on entering, what an answer means.  A row
 * function returns the next state; dialogue_step() alone assigns it.
 */
#include "dialogue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "text.h"

enum state {
	CONNECT,
	GREETING,
	EHLO,
	HELO,
	STARTTLS,
	TLS,
	EHLO_TLS,
	INJECTED,
	INJECTED_MORE,
	MAIL,
	RCPT,
	RSET,
	QUIT,
	DONE,
	N_STATES,
};

struct dialogue {
	struct dialogue_params params;
	struct obs_service *service;
	struct arena *arena;
	enum state state;
	struct buf command;
	enum obs_relay_result relay;
	const char *relay_reply;
	enum obs_offer injection;
};

struct row {
	const char *name;
	enum obs_stage stage;
	int seconds; /* RFC 5321 section 4.5.3.2 allows minutes; the driver's deadline is ours */
	const char *missing; /* what did not come when the time is up */
	void (*enter)(struct dialogue *d, struct dialogue_action *action);
	enum state (*reply)(struct dialogue *d, const struct reply *reply);
	bool may_end; /* all is learnt: silence, EOF or an error here is no failure */
};

static const struct row rows[N_STATES];

/* -- helpers ------------------------------------------------------------------------------- */

/* The first thing that went wrong stays. */
static void fail(struct dialogue *d, enum obs_class class, int64_t code, const char *text)
{
	struct obs_failure *f = &d->service->failure;

	if (f->class != OBS_CLASS_NONE)
		return;
	f->stage = rows[d->state].stage;
	f->class = class;
	f->code = code;
	f->text = arena_strdup(d->arena, text);
}

/* The lines of a reply as one escaped text. */
static const char *reply_text(struct dialogue *d, const struct reply *reply)
{
	struct buf raw, out;
	const char *text;

	buf_init(&raw, OBS_MAX_TEXT);
	buf_init(&out, OBS_MAX_TEXT * 4);
	for (size_t i = 0; i < reply->n_lines && !raw.truncated; i++) {
		if (i > 0)
			buf_addch(&raw, ' ');
		buf_add(&raw, reply->line[i].text, reply->line[i].len);
	}
	text_escape(&out, buf_str(&raw), raw.len, OBS_MAX_TEXT);
	text = arena_strdup(d->arena, buf_str(&out));
	buf_clear(&raw);
	buf_clear(&out);
	return text;
}

static const char *line_text(struct dialogue *d, const struct reply_line *line)
{
	struct buf out;
	const char *text;

	buf_init(&out, OBS_MAX_TEXT * 4);
	text_escape(&out, line->text, line->len, OBS_MAX_TEXT);
	text = arena_strdup(d->arena, buf_str(&out));
	buf_clear(&out);
	return text;
}

static bool contains_nocase(const char *text, const char *phrase)
{
	size_t n = strlen(phrase);

	for (; *text; text++) {
		size_t i = 0;

		while (i < n && text[i] && (text[i] | 0x20) == (phrase[i] | 0x20))
			i++;
		if (i == n)
			return true;
	}
	return false;
}

static bool says_throttled(const char *text)
{
	static const char *const phrases[] = {"rate limit",	 "ratelimit", "too many",
					      "throttl",	 "greylist",  "graylist",
					      "try again later", "try later", "slow down"};

	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
		if (contains_nocase(text, phrases[i]))
			return true;
	return false;
}

static enum obs_class class_of(enum obs_stage stage, int code, const char *text)
{
	switch (code) {
	case 421:
	case 450:
	case 451:
	case 452:
		return OBS_CLASS_THROTTLED;
	}
	if (code / 100 == 4) /* a 454 to STARTTLS is a no (RFC 3207 section 4) */
		return stage == OBS_STAGE_STARTTLS ? OBS_CLASS_REFUSED : OBS_CLASS_THROTTLED;
	if (code / 100 == 5)
		return says_throttled(text) ? OBS_CLASS_THROTTLED : OBS_CLASS_REFUSED;
	return OBS_CLASS_PROTOCOL;
}

static enum obs_class fail_reply(struct dialogue *d, const struct reply *reply)
{
	const char *text = reply_text(d, reply);
	enum obs_class class = class_of(rows[d->state].stage, reply->code, text);

	fail(d, class, reply->code, text);
	return class;
}

static void send_command(struct dialogue *d, struct dialogue_action *action, const char *verb,
			 const char *argument, const char *end)
{
	buf_reset(&d->command);
	buf_printf(&d->command, "%s%s%s", verb, argument, end);
	action->kind = DIALOGUE_SEND;
	action->text = buf_str(&d->command);
}

static bool is_keyword(const char *line, const char *keyword)
{
	size_t n = strlen(keyword);

	return strncmp(line, keyword, n) == 0 && (line[n] == '\0' || line[n] == ' ');
}

/* The extension lines (RFC 5321 section 4.1.1.1): all but the first, keyword upper-cased. */
static const char *const *extensions(struct dialogue *d, const struct reply *reply, size_t *n)
{
	const char **out;

	*n = reply->n_lines - 1;
	out = arena_array(d->arena, *n + 1, sizeof(*out));
	for (size_t i = 0; i < *n; i++) {
		char *text = (char *)line_text(d, &reply->line[i + 1]);
		size_t len = strlen(text);

		while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
			text[--len] = '\0';
		for (char *p = text; *p && *p != ' ' && *p != '\\'; p++)
			if (*p >= 'a' && *p <= 'z')
				*p -= 'a' - 'A';
		out[i] = text;
	}
	return out;
}

/* -- the rows, in time order --------------------------------------------------------------- */

static void enter_wait(struct dialogue *d, struct dialogue_action *action)
{
	(void)d;
	action->kind = DIALOGUE_WAIT;
}

static enum state after_ehlo(const struct dialogue *d)
{
	return d->params.relay_from ? MAIL : QUIT;
}

static enum state reply_greeting(struct dialogue *d, const struct reply *reply)
{
	d->service->greeting_code = reply->code;
	d->service->greeting = line_text(d, &reply->line[0]);
	if (reply->code == 220)
		return d->params.tls == DIALOGUE_IMPLICIT ? EHLO_TLS : EHLO;
	fail_reply(d, reply);
	return QUIT;
}

static void enter_ehlo(struct dialogue *d, struct dialogue_action *action)
{
	send_command(d, action, "EHLO ", d->params.helo, "\r\n");
}

static enum state reply_ehlo(struct dialogue *d, const struct reply *reply)
{
	struct obs_service *s = d->service;

	if (reply->code / 100 == 5)
		return HELO;
	if (reply->code != 250) {
		fail_reply(d, reply);
		return QUIT;
	}
	s->ehlo = extensions(d, reply, &s->n_ehlo);
	for (size_t i = 0; i < s->n_ehlo; i++)
		if (is_keyword(s->ehlo[i], "STARTTLS"))
			s->starttls_offered = true;
	if (d->params.tls == DIALOGUE_STARTTLS && s->starttls_offered)
		return STARTTLS;
	return after_ehlo(d);
}

static void enter_helo(struct dialogue *d, struct dialogue_action *action)
{
	send_command(d, action, "HELO ", d->params.helo, "\r\n");
}

static enum state reply_helo(struct dialogue *d, const struct reply *reply)
{
	if (reply->code == 250) {
		d->service->helo_only = true;
		return after_ehlo(d);
	}
	fail_reply(d, reply);
	return QUIT;
}

static void enter_starttls(struct dialogue *d, struct dialogue_action *action)
{
	if (d->params.inject)
		d->injection = OBS_OFFER_UNKNOWN;
	send_command(d, action, "STARTTLS\r\n", d->params.inject ? "RSET\r\n" : "", "");
}

static enum state reply_starttls(struct dialogue *d, const struct reply *reply)
{
	d->service->starttls_code = reply->code;
	d->service->starttls_text = reply_text(d, reply);
	if (reply->code == 220)
		return TLS;
	if (fail_reply(d, reply) != OBS_CLASS_THROTTLED && d->params.inject)
		d->injection = OBS_OFFER_NO;
	return QUIT;
}

static void enter_tls(struct dialogue *d, struct dialogue_action *action)
{
	(void)d;
	action->kind = DIALOGUE_START_TLS;
}

static enum state tls_up(const struct dialogue *d)
{
	if (d->params.inject)
		return INJECTED;
	if (d->params.stop_after_tls)
		return QUIT;
	return d->params.tls == DIALOGUE_IMPLICIT ? GREETING : EHLO_TLS;
}

static enum state tls_failed(struct dialogue *d, int alert, const char *text)
{
	fail(d, OBS_CLASS_TLS, alert, text ? text : "the handshake failed");
	if (d->params.inject)
		d->injection = OBS_OFFER_NO; /* nothing was answered inside TLS */
	return DONE;
}

static enum state reply_ehlo_tls(struct dialogue *d, const struct reply *reply)
{
	struct obs_service *s = d->service;

	if (reply->code != 250) {
		fail_reply(d, reply);
		return QUIT;
	}
	s->ehlo_tls = extensions(d, reply, &s->n_ehlo_tls);
	return after_ehlo(d);
}

/* Inside TLS, with a RSET sent in the clear before: a server that kept it answers 250 to it
 * before the 221 to this QUIT. */
static void enter_injected(struct dialogue *d, struct dialogue_action *action)
{
	send_command(d, action, "QUIT\r\n", "", "");
}

static enum state reply_injected(struct dialogue *d, const struct reply *reply)
{
	if (reply->code == 250) {
		d->injection = OBS_OFFER_YES;
		return DONE;
	}
	d->injection = OBS_OFFER_NO;
	if (reply->code == 221 || reply->code == 421)
		return DONE;
	return INJECTED_MORE; /* an error: to QUIT, or to the RSET if one more reply follows */
}

static enum state reply_injected_more(struct dialogue *d, const struct reply *reply)
{
	(void)reply;
	d->injection = OBS_OFFER_YES;
	return DONE;
}

static void enter_mail(struct dialogue *d, struct dialogue_action *action)
{
	d->relay = OBS_RELAY_UNKNOWN;
	send_command(d, action, "MAIL FROM:<", d->params.relay_from, ">\r\n");
}

static enum state relay_result(struct dialogue *d, const struct reply *reply)
{
	enum obs_class class;

	d->relay_reply = arena_printf(d->arena, "%d %s", reply->code, reply_text(d, reply));
	class = class_of(OBS_STAGE_NONE, reply->code, d->relay_reply);
	if (reply->code / 100 == 2)
		d->relay = OBS_RELAY_ACCEPTED;
	else
		d->relay = class == OBS_CLASS_REFUSED ? OBS_RELAY_REFUSED : OBS_RELAY_UNKNOWN;
	return RSET;
}

static enum state reply_mail(struct dialogue *d, const struct reply *reply)
{
	return reply->code / 100 == 2 ? RCPT : relay_result(d, reply);
}

static void enter_rcpt(struct dialogue *d, struct dialogue_action *action)
{
	send_command(d, action, "RCPT TO:<", d->params.relay_to, ">\r\n");
}

static void enter_rset(struct dialogue *d, struct dialogue_action *action)
{
	send_command(d, action, "RSET\r\n", "", "");
}

static enum state reply_rset(struct dialogue *d, const struct reply *reply)
{
	(void)d;
	(void)reply;
	return QUIT;
}

static void enter_quit(struct dialogue *d, struct dialogue_action *action)
{
	send_command(d, action, "QUIT\r\n", "", "");
}

static enum state reply_quit(struct dialogue *d, const struct reply *reply)
{
	(void)d;
	(void)reply;
	return DONE;
}

static void enter_done(struct dialogue *d, struct dialogue_action *action)
{
	(void)d;
	action->kind = DIALOGUE_CLOSE;
}

static const struct row rows[N_STATES] = {
    [CONNECT] = {"CONNECT", OBS_STAGE_CONNECT, 30, "no connection", enter_wait, NULL, false},
    [GREETING] = {"GREETING", OBS_STAGE_GREETING, 60, "no greeting", enter_wait, reply_greeting,
		  false},
    [EHLO] = {"EHLO", OBS_STAGE_EHLO, 60, "no answer to EHLO", enter_ehlo, reply_ehlo, false},
    [HELO] = {"HELO", OBS_STAGE_EHLO, 60, "no answer to HELO", enter_helo, reply_helo, false},
    [STARTTLS] = {"STARTTLS", OBS_STAGE_STARTTLS, 60, "no answer to STARTTLS", enter_starttls,
		  reply_starttls, false},
    [TLS] = {"TLS", OBS_STAGE_TLS, 60, "no end of the TLS handshake", enter_tls, NULL, false},
    [EHLO_TLS] = {"EHLO_TLS", OBS_STAGE_EHLO_TLS, 60, "no answer to EHLO inside TLS", enter_ehlo,
		  reply_ehlo_tls, false},
    [INJECTED] = {"INJECTED", OBS_STAGE_QUIT, 30, "no answer inside TLS", enter_injected,
		  reply_injected, false},
    [INJECTED_MORE] = {"INJECTED_MORE", OBS_STAGE_QUIT, 5, "no second answer", enter_wait,
		       reply_injected_more, true},
    [MAIL] = {"MAIL", OBS_STAGE_QUIT, 60, "no answer to MAIL", enter_mail, reply_mail, false},
    [RCPT] = {"RCPT", OBS_STAGE_QUIT, 60, "no answer to RCPT", enter_rcpt, relay_result, false},
    [RSET] = {"RSET", OBS_STAGE_QUIT, 10, "no answer to RSET", enter_rset, reply_rset, true},
    [QUIT] = {"QUIT", OBS_STAGE_QUIT, 5, "no answer to QUIT", enter_quit, reply_quit, true},
    [DONE] = {"DONE", OBS_STAGE_NONE, 0, "", enter_done, NULL, true},
};

/* -- events -------------------------------------------------------------------------------- */

enum obs_class dialogue_errno_class(int error, bool at_once)
{
	switch (error) {
	case ECONNREFUSED:
		return OBS_CLASS_REFUSED;
	case ETIMEDOUT:
		return OBS_CLASS_TIMEOUT;
	case EHOSTUNREACH: /* no route of ours, or a router's word that the host is gone */
		return at_once ? OBS_CLASS_LOCAL : OBS_CLASS_REFUSED;
	case ENETUNREACH:
	case ENETDOWN:
	case EAFNOSUPPORT:
	case EADDRNOTAVAIL:
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
	case EACCES:
	case EPERM:
		return OBS_CLASS_LOCAL;
	default:
		return at_once ? OBS_CLASS_LOCAL : OBS_CLASS_PROTOCOL;
	}
}

static enum state lost(struct dialogue *d, enum obs_class class, int64_t code, const char *text)
{
	if (!rows[d->state].may_end)
		fail(d, class, code, text);
	return DONE;
}

/* Their time is up, or ours: only the first is a fault of theirs. */
static enum state timed_out(struct dialogue *d, bool ours)
{
	char text[80];

	snprintf(text, sizeof(text), "%s %s", rows[d->state].missing,
		 ours ? "before the time for this check was up" : "in time");
	return lost(d, ours ? OBS_CLASS_LOCAL : OBS_CLASS_TIMEOUT, 0, text);
}

static enum state connected(struct dialogue *d, int64_t ms)
{
	d->service->connect_ms = ms;
	return d->params.tls == DIALOGUE_IMPLICIT ? TLS : GREETING;
}

/* Bytes behind a reply (RFC 5321 section 4.1.1: the server speaks when spoken to).  Behind the
 * 220 to STARTTLS they are a fact of their own and forgotten; elsewhere the next answer could
 * not be told from them. */
static enum state with_behind(struct dialogue *d, size_t behind, enum state next)
{
	if (behind == 0 || next == QUIT || next == DONE || next == INJECTED_MORE)
		return next;
	if (next == TLS) {
		d->service->trailing_bytes = (int64_t)behind;
		return next;
	}
	fail(d, OBS_CLASS_PROTOCOL, 0, "more data behind the reply than was asked for");
	return QUIT;
}

static enum state replied(struct dialogue *d, const struct dialogue_event *event)
{
	const struct row *row = &rows[d->state];

	if (!row->reply)
		return d->state;
	if (d->state == GREETING)
		d->service->greeting_ms = event->ms;
	if (event->reply->why)
		return lost(d, OBS_CLASS_PROTOCOL, 0, event->reply->why);
	return with_behind(d, event->behind, row->reply(d, event->reply));
}

static enum state next_state(struct dialogue *d, const struct dialogue_event *event)
{
	switch (event->kind) {
	case DIALOGUE_CONNECTED:
		return connected(d, event->ms);
	case DIALOGUE_REPLY:
		return replied(d, event);
	case DIALOGUE_TLS_UP:
		return tls_up(d);
	case DIALOGUE_TLS_FAILED:
		return tls_failed(d, event->error, event->text);
	case DIALOGUE_EOF:
		return lost(d, OBS_CLASS_PROTOCOL, 0, "the server closed the connection");
	case DIALOGUE_TIMEOUT:
	case DIALOGUE_OUT_OF_TIME:
		return timed_out(d, event->kind == DIALOGUE_OUT_OF_TIME);
	case DIALOGUE_IO_ERROR:
		return lost(d, dialogue_errno_class(event->error, event->at_once), event->error,
			    event->text ? event->text : strerror(event->error));
	}
	return DONE;
}

static void enter(struct dialogue *d, enum state next, struct dialogue_action *action)
{
	d->state = next;
	action->seconds = rows[next].seconds;
	rows[next].enter(d, action);
}

void dialogue_start(struct dialogue *d, struct dialogue_action *action)
{
	*action = (struct dialogue_action){0};
	enter(d, CONNECT, action);
}

void dialogue_step(struct dialogue *d, const struct dialogue_event *event,
		   struct dialogue_action *action)
{
	enum state next = next_state(d, event);

	*action = (struct dialogue_action){.kind = DIALOGUE_WAIT};
	if (next != d->state)
		enter(d, next, action);
}

/* -- life ---------------------------------------------------------------------------------- */

struct dialogue *dialogue_new(const struct dialogue_params *params, struct obs_service *service,
			      struct arena *arena)
{
	struct dialogue *d = mem_alloc(sizeof(*d));

	d->params = *params;
	d->service = service;
	d->arena = arena;
	buf_init(&d->command, 1024);
	return d;
}

void dialogue_free(struct dialogue *d)
{
	if (!d)
		return;
	buf_clear(&d->command);
	free(d);
}

const char *dialogue_state_name(const struct dialogue *d)
{
	return rows[d->state].name;
}

enum obs_relay_result dialogue_relay(const struct dialogue *d)
{
	return d->relay;
}

const char *dialogue_relay_reply(const struct dialogue *d)
{
	return d->relay_reply;
}

enum obs_offer dialogue_injection(const struct dialogue *d)
{
	return d->injection;
}
