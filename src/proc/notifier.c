/* SPDX-License-Identifier: ISC
 *
 * One struct delivery per frame DELIVER, ended by the frame SENT of the same id.  HTTP goes
 * through adapt/hook on this loop; a mail goes to a courier, a process of its own, which gets
 * the job through a socketpair, answers with one document and is killed at a deadline.
 */
#include "notifier.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utlist.h>

#include "channel.h"
#include "clock.h"
#include "hook.h"
#include "hook_sign.h"
#include "log.h"
#include "mailer_job.h"
#include "mem.h"
#include "message.h"
#include "notice.h"
#include "notifier_parts.h"
#include "receiver.h"
#include "render.h"
#include "sandbox.h"
#include "secret.h"
#include "spawn.h"
#include "text.h"

#define COURIER_S    60 /* from start to outcome */
#define IN_FLIGHT    256
#define HEADERS_MAX  8
#define ANSWER_MAX   ((size_t)64 * 1024)
#define DIGEST_ITEMS 1000
#define SIGNING_MAX  8

/* -- the end of a delivery -- */

static void courier_end(struct delivery *d)
{
	if (d->courier > 0) {
		kill(d->courier, SIGKILL); /* it has told, or will not */
		waitpid(d->courier, NULL, 0);
	}
	notifier_exec_end(d);
	if (d->line != NULL)
		bufferevent_free(d->line);
	if (d->deadline != NULL)
		event_free(d->deadline);
}

static void delivery_free(struct delivery *d)
{
	DL_DELETE(d->notifier->deliveries, d);
	d->notifier->in_flight--;
	courier_end(d);
	arena_free(d->arena);
	free(d);
}

void notifier_finish(struct delivery *d, const struct message_sent *sent)
{
	struct notifier *n = d->notifier;
	channel_send_shape(n->channel, MESSAGE_SENT, d->id, &message_sent_shape, sent);
	delivery_free(d);
	if (n->stopping && n->in_flight == 0)
		event_base_loopexit(n->base, NULL);
}

void notifier_give_up(struct delivery *d, int outcome, const char *text)
{
	notifier_finish(
	    d, &(struct message_sent){.outcome = outcome, .text = text, .retry_after_s = -1});
}

/* -- secrets -- */

/* The secret at place as a string in d's arena, NULL (and d given up) when it cannot be read. */
static const char *read_secret(struct delivery *d, const char *place, size_t *len)
{
	struct error err;
	struct buf secret;
	char *copy = NULL;
	buf_init(&secret, SECRET_MAX_BYTES);
	if (secret_read(place, &secret, &err) == 0) {
		copy = arena_alloc(d->arena, secret.len + 1);
		memcpy(copy, secret.data, secret.len);
		if (len != NULL)
			*len = secret.len;
		explicit_bzero(secret.data, secret.len);
	} else {
		notifier_give_up(d, MESSAGE_RETRY, err.text);
	}
	buf_clear(&secret);
	return copy;
}

static const char *unless_odd(struct delivery *d, const char *place, const char *secret, bool odd)
{
	if (secret == NULL || !odd)
		return secret;
	notifier_give_up(d, MESSAGE_RETRY,
			 arena_printf(d->arena, "%s: one line of text is wanted", place));
	return NULL;
}

/* A secret that goes into a URL or a header. */
static const char *read_word(struct delivery *d, const char *place)
{
	const char *s = read_secret(d, place, NULL);
	return unless_odd(d, place, s, s != NULL && !text_is_printable_ascii(s));
}

static const char *read_password(struct delivery *d, const char *place)
{
	size_t len = 0;
	const char *s = read_secret(d, place, &len);
	return unless_odd(
	    d, place, s,
	    s != NULL && (strlen(s) != len || strpbrk(s, "\r\n") != NULL || !text_is_utf8(s, len)));
}

/* -- HTTP -- */

/* Of several URLs: an Alertmanager cluster has it when one member has it; else the worst counts. */
static bool outranks(const struct delivery *d, int outcome)
{
	static const int rank[] = {[MESSAGE_OUTCOME_NONE] = 0,
				   [MESSAGE_DELIVERED] = 1,
				   [MESSAGE_REJECTED] = 2,
				   [MESSAGE_RETRY] = 3};
	if (d->outcome.outcome == MESSAGE_OUTCOME_NONE)
		return true;
	bool worse = rank[outcome] > rank[d->outcome.outcome];
	return d->receiver.kind == CONF_ALERTMANAGER ? !worse : worse;
}

static void on_posted(const struct message_sent *sent, void *arg)
{
	struct delivery *d = arg;
	if (outranks(d, sent->outcome)) {
		d->outcome = *sent;
		d->outcome.text = arena_strdup(d->arena, sent->text);
	}
	if (--d->posts == 0)
		notifier_finish(d, &d->outcome);
}

struct secrets { /* of the receiver, read before anything is sent */
	struct {
		const char *bytes;
		size_t len;
	} signing[SIGNING_MAX];
	size_t n_signing;
	struct render_place place;
};

/* False when d was given up. */
static bool read_signing(struct delivery *d, struct secrets *s)
{
	const struct conf_receiver *r = &d->receiver;
	for (size_t i = 0; i < r->n_secret_files && i < SIGNING_MAX; i++) {
		struct buf trial;
		buf_init(&trial, 256);
		s->signing[i].bytes = read_secret(d, r->secret_files[i], &s->signing[i].len);
		if (s->signing[i].bytes == NULL)
			return false;
		bool good = hook_sign(&trial, s->signing[i].bytes, s->signing[i].len, "", 0, "", 0);
		buf_clear(&trial);
		if (!good) {
			notifier_give_up(
			    d, MESSAGE_RETRY,
			    arena_printf(d->arena, "%s: not a webhook secret", r->secret_files[i]));
			return false;
		}
		s->n_signing++;
	}
	return true;
}

/* False when d was given up. */
static bool read_secrets(struct delivery *d, struct secrets *s)
{
	const struct conf_receiver *r = &d->receiver;
	if (r->token_file != NULL && (s->place.token = read_word(d, r->token_file)) == NULL)
		return false;
	if (r->routing_key_file != NULL &&
	    (s->place.routing_key = read_word(d, r->routing_key_file)) == NULL)
		return false;
	if (r->url_file != NULL && (s->place.url = read_word(d, r->url_file)) == NULL)
		return false;
	return r->kind != CONF_WEBHOOK || read_signing(d, s);
}

/* Standard Webhooks: id and time always, a signature for each secret. */
static void add_signatures(struct delivery *d, const struct secrets *s, struct hook_request *post,
			   const char **headers)
{
	struct buf signatures;
	buf_init(&signatures, 4096);
	headers[post->n_headers++] = arena_printf(d->arena, "webhook-id: %s", d->notice.id);
	headers[post->n_headers++] =
	    arena_printf(d->arena, "webhook-timestamp: %lld", (long long)s->place.now);
	for (size_t i = 0; i < s->n_signing; i++)
		hook_sign(&signatures, s->signing[i].bytes, s->signing[i].len, d->notice.id,
			  s->place.now, post->body, post->len);
	if (signatures.len > 0)
		headers[post->n_headers++] =
		    arena_printf(d->arena, "webhook-signature: %s", buf_str(&signatures));
	buf_clear(&signatures);
}

static void post_to(struct delivery *d, const struct secrets *s, const char *url)
{
	struct render_place place = s->place;
	struct render_request request;
	const char *headers[HEADERS_MAX];
	struct hook_request post = {.ca_file = d->receiver.ca_file, .headers = headers};
	place.url = url;
	render_request(&d->notice, d->item, d->n_items, &d->receiver, &place, d->arena, &request);
	for (size_t i = 0; i < request.n_headers; i++)
		headers[post.n_headers++] = request.headers[i];
	post.url = request.url;
	post.body = request.body;
	post.len = request.len;
	if (d->receiver.kind == CONF_WEBHOOK)
		add_signatures(d, s, &post, headers);
	d->posts++;
	hook_post(d->notifier->hook, &post, on_posted, d);
}

static void deliver_http(struct delivery *d)
{
	const struct conf_receiver *r = &d->receiver;
	struct secrets s = {.place.now = clock_now()};
	if (r->n_urls == 0 && r->url_file == NULL && r->kind != CONF_PAGERDUTY) {
		notifier_give_up(d, MESSAGE_REJECTED, "the receiver has no URL");
		return;
	}
	if (!read_secrets(d, &s))
		return;
	if (r->n_urls == 0)
		post_to(d, &s, s.place.url);
	for (size_t i = 0; i < r->n_urls; i++)
		post_to(d, &s, r->urls[i]);
}

/* -- mail -- */

static void on_courier_answer(struct bufferevent *line, short what, void *arg)
{
	struct delivery *d = arg;
	struct evbuffer *in = bufferevent_get_input(line);
	size_t len = evbuffer_get_length(in);
	struct message_sent sent;
	struct error err;
	(void)what;
	if (len == 0 || len > ANSWER_MAX ||
	    shape_decode(&message_sent_shape, SHAPE_STRICT, (char *)evbuffer_pullup(in, -1), len,
			 d->arena, &sent, &err) != 0)
		notifier_give_up(d, MESSAGE_RETRY, "the courier ended without an outcome");
	else
		notifier_finish(d, &sent);
}

/* The job is out: an end of stream tells the courier so. */
static void on_job_written(struct bufferevent *line, void *arg)
{
	(void)arg;
	shutdown(bufferevent_getfd(line), SHUT_WR);
	bufferevent_disable(line, EV_WRITE);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	notifier_give_up(arg, MESSAGE_RETRY, "no verdict from the relay within a minute");
}

static void start_courier(struct delivery *d, const struct buf *job)
{
	static const struct timeval patience = {COURIER_S, 0};
	const char *const argv[] = {"courier", NULL};
	struct notifier *n = d->notifier;
	struct error err;
	int pair[2];
	if (spawn_pair(pair, &err) != 0) {
		notifier_give_up(d, MESSAGE_RETRY, err.text);
		return;
	}
	d->courier = spawn_program(n->courier, argv, &pair[1], 1, NULL, &err);
	close(pair[1]);
	if (d->courier < 0) {
		close(pair[0]);
		notifier_give_up(d, MESSAGE_RETRY, err.text);
		return;
	}
	evutil_make_socket_nonblocking(pair[0]);
	d->line = bufferevent_socket_new(n->base, pair[0], BEV_OPT_CLOSE_ON_FREE);
	d->deadline = evtimer_new(n->base, on_deadline, d);
	evtimer_add(d->deadline, &patience);
	bufferevent_setcb(d->line, NULL, on_job_written, on_courier_answer, d);
	bufferevent_setwatermark(d->line, EV_READ, 0, ANSWER_MAX + 1);
	bufferevent_write(d->line, job->data, job->len);
	bufferevent_enable(d->line, EV_READ | EV_WRITE);
}

static void deliver_mail(struct delivery *d)
{
	const struct conf_receiver *r = &d->receiver;
	const struct render_letter letter = {r->from, r->to, r->n_to, clock_now()};
	struct mailer_job job = {.tls = r->relay_tls,
				 .ca_file = r->ca_file,
				 .username = r->username,
				 .from = r->from,
				 .to = r->to,
				 .n_to = r->n_to};
	struct buf message, document;
	if (r->relay == NULL || r->from == NULL || r->n_to == 0 ||
	    !mailer_job_relay(&job, r->relay, d->arena)) {
		notifier_give_up(d, MESSAGE_REJECTED,
				 "the receiver's relay or addresses are missing");
		return;
	}
	if (r->password_file != NULL && (job.password = read_password(d, r->password_file)) == NULL)
		return;
	buf_init(&message, MAILER_JOB_MAX / 2);
	buf_init(&document, MAILER_JOB_MAX);
	if (d->item != NULL)
		render_mail_digest(&d->notice, d->item, d->n_items, &letter, &message);
	else
		render_mail(&d->notice, &letter, &message);
	job.message = buf_str(&message);
	shape_encode(&mailer_job_shape, &job, &document);
	start_courier(d, &document);
	explicit_bzero(document.data, document.len);
	buf_clear(&message);
	buf_clear(&document);
}

/* -- frames -- */

struct notice *notifier_list(const char *text, struct arena *arena, size_t *n, struct error *err)
{
	json_t *list = json_loads(text, 0, NULL), *event;
	struct notice *item = NULL;
	bool good = json_is_array(list) && json_array_size(list) <= DIGEST_ITEMS;
	size_t i;
	if (good)
		item = arena_array(arena, json_array_size(list) + 1, sizeof(*item));
	else
		error_set(err, "not a list of notices");
	json_array_foreach(list, i, event)
	{
		char *one = json_dumps(event, JSON_COMPACT);
		good = good && one != NULL &&
		       notice_decode(one, strlen(one), arena, &item[i], err) == 0;
		free(one);
	}
	*n = json_array_size(list);
	json_decref(list);
	return good ? item : NULL;
}

static int decode(struct delivery *d, const struct frame *f, struct error *err)
{
	struct message_deliver m;
	if (shape_decode(&message_deliver_shape, SHAPE_STRICT, f->body, f->len, d->arena, &m,
			 err) != 0 ||
	    shape_decode(&receiver_shape, SHAPE_STRICT, m.receiver, strlen(m.receiver), d->arena,
			 &d->receiver, err) != 0 ||
	    notice_decode(m.notice, strlen(m.notice), d->arena, &d->notice, err) != 0)
		return -1;
	d->attempt = m.attempt;
	if (m.digest == NULL)
		return 0;
	d->item = notifier_list(m.digest, d->arena, &d->n_items, err);
	return d->item != NULL ? 0 : -1;
}

static void on_deliver(struct notifier *n, const struct frame *f)
{
	struct delivery *d = mem_alloc(sizeof(*d));
	struct error err;
	d->notifier = n;
	d->id = f->id;
	d->arena = arena_new();
	d->receiver.name = "?";
	DL_APPEND(n->deliveries, d);
	n->in_flight++;
	if (decode(d, f, &err) != 0) {
		notifier_give_up(d, MESSAGE_REJECTED, err.text);
		return;
	}
	if (n->in_flight > IN_FLIGHT) {
		notifier_give_up(d, MESSAGE_RETRY, "too many deliveries at once");
		return;
	}
	switch ((enum conf_receiver_kind)d->receiver.kind) {
	case CONF_EMAIL:
		deliver_mail(d);
		return;
	case CONF_WEBHOOK:
	case CONF_PAGERDUTY:
	case CONF_ALERTMANAGER:
		deliver_http(d);
		return;
	case CONF_EXEC:
		notifier_exec(d);
		return;
	}
}

static void stop(struct notifier *n)
{
	n->stopping = true;
	if (n->in_flight == 0)
		event_base_loopexit(n->base, NULL);
}

/* Secrets lie where their owners put them; nothing is written. */
static void enter_sandbox(struct notifier *n, const struct message_notifier *m)
{
	static const char *const readable[] = {"/", NULL};
	const char **executable = arena_array(n->arena, 2 * m->n_programs + 2, sizeof(*executable));
	size_t k = 0;
	executable[k++] = n->courier;
	for (size_t i = 0; i < m->n_programs; i++) {
		const char *interpreter = notifier_interpreter(m->programs[i], n->arena);
		executable[k++] = m->programs[i];
		if (interpreter != NULL)
			executable[k++] = interpreter;
	}
	sandbox_enter(SANDBOX_NOTIFIER,
		      &(struct sandbox_config){.read = readable, .exec = executable});
}

/* What it may run is settled once, so other programs mean another notifier. */
static void on_setup(struct notifier *n, const struct frame *f)
{
	struct message_notifier m;
	struct error err;
	if (n->set_up && (f->len != n->setup.len || memcmp(f->body, n->setup.data, f->len) != 0)) {
		log_info("setup", "other programs: the next notifier begins with them");
		stop(n);
		return;
	}
	if (n->set_up)
		return;
	if (shape_decode(&message_notifier_shape, SHAPE_STRICT, f->body, f->len, n->arena, &m,
			 &err) != 0)
		log_fatal("setup", "%s", err.text);
	buf_add(&n->setup, f->body, f->len);
	enter_sandbox(n, &m);
	n->set_up = true;
}

static void on_frame(struct channel *c, const struct frame *f, int fd, void *arg)
{
	struct notifier *n = arg;
	(void)c;
	if (fd >= 0)
		close(fd);
	if (f->type == MESSAGE_SETUP && !n->stopping) {
		on_setup(n, f);
	} else if (!n->set_up && f->type != MESSAGE_STOP) {
		log_fatal("setup", "%s came before it", message_name(f->type));
	} else if (f->type == MESSAGE_DELIVER && !n->stopping) {
		on_deliver(n, f);
	} else if (f->type == MESSAGE_BEAT && !n->stopping) {
		notifier_beat(n, f);
	} else if (f->type == MESSAGE_RENEW && !n->stopping) {
		notifier_renew(n, f);
	} else if (f->type == MESSAGE_STOP) {
		stop(n);
	}
}

static void on_gone(struct channel *c, const char *why, void *arg)
{
	struct notifier *n = arg;
	(void)c;
	if (strcmp(why, "EOF") != 0)
		log_error("channel", "%s", why);
	event_base_loopbreak(n->base);
}

void notifier_run(int channel)
{
	struct notifier n = {.base = event_base_new(), .arena = arena_new()};
	spawn_path("courier", n.courier, sizeof(n.courier));
	buf_init(&n.setup, 256 * 1024);
	n.hook = hook_new(n.base);
	notifier_exec_init(&n);
	n.channel = channel_new(n.base, channel, on_frame, on_gone, &n);
	event_base_dispatch(n.base);
	/* What is still in flight stays in the engine's outbox. */
	hook_free(n.hook);
	while (n.deliveries != NULL)
		delivery_free(n.deliveries);
	notifier_beat_end(&n);
	event_free(n.on_child);
	channel_free(n.channel);
	event_base_free(n.base);
	buf_clear(&n.setup);
	arena_free(n.arena);
}
