/* SPDX-License-Identifier: ISC
 *
 * What is said again and again, and not tried again: heartbeats, a GET that says "it runs" to
 * somebody who notices when it does not come, and the alerts of an Alertmanager, which forgets
 * what it does not hear any more.  The engine says when; here is only whether each place could
 * be reached.
 */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "clock.h"
#include "hook.h"
#include "log.h"
#include "mem.h"
#include "notifier_parts.h"
#include "receiver.h"
#include "render.h"
#include "secret.h"
#include "text.h"

struct beat {
	struct beat *next;
	const char *what;
	bool busy, failing;
	char place[]; /* the URL, or the file it is read from */
};

static struct beat *find(struct notifier *n, const char *what, const char *place)
{
	size_t len = strlen(place);
	struct beat *b;
	LL_FOREACH(n->beats, b)
	{
		if (strcmp(b->what, what) == 0 && strcmp(b->place, place) == 0)
			return b;
	}
	b = mem_alloc(sizeof(*b) + len + 1);
	b->what = what;
	memcpy(b->place, place, len + 1);
	LL_PREPEND(n->beats, b);
	return b;
}

/* why: NULL when it arrived. */
static void note(struct beat *b, const char *why)
{
	if (why != NULL && !b->failing)
		log_warning(b->what, "%s: %s", b->place, why);
	else if (why == NULL && b->failing)
		log_info(b->what, "%s: it arrives again", b->place);
	b->failing = why != NULL;
}

static void on_answer(const struct message_sent *sent, void *arg)
{
	struct beat *b = arg;
	struct buf why;
	b->busy = false;
	buf_init(&why, 4096);
	buf_printf(&why, "%lld %s", (long long)sent->code, sent->text != NULL ? sent->text : "");
	note(b, sent->outcome == MESSAGE_DELIVERED ? NULL : buf_str(&why));
	buf_clear(&why);
}

static void get(struct notifier *n, struct beat *b, const char *url)
{
	if (!text_is_printable_ascii(url)) {
		note(b, "one line of text is wanted");
		return;
	}
	b->busy = true;
	hook_post(n->hook, &(struct hook_request){.url = url}, on_answer, b);
}

void notifier_beat(struct notifier *n, const struct frame *f)
{
	struct arena *arena = arena_new();
	struct message_beat m;
	struct beat *b;
	struct error err;
	struct buf secret;
	buf_init(&secret, SECRET_MAX_BYTES);
	if (shape_decode(&message_beat_shape, SHAPE_STRICT, f->body, f->len, arena, &m, &err) !=
		0 ||
	    (m.url == NULL) == (m.url_file == NULL)) {
		log_error("heartbeat", "a malformed frame");
	} else if ((b = find(n, "heartbeat", m.url != NULL ? m.url : m.url_file))->busy) {
		note(b, "no answer before the next was due");
	} else if (m.url != NULL) {
		get(n, b, m.url);
	} else if (secret_read(m.url_file, &secret, &err) == 0) {
		get(n, b, buf_str(&secret));
	} else {
		note(b, err.text);
	}
	if (secret.data != NULL)
		explicit_bzero(secret.data, secret.len);
	buf_clear(&secret);
	arena_free(arena);
}

static void post(struct notifier *n, const char *url, const char *ca_file,
		 const struct render_request *r)
{
	const struct hook_request request = {.url = r->url,
					     .ca_file = ca_file,
					     .headers = r->headers,
					     .n_headers = r->n_headers,
					     .body = r->body,
					     .len = r->len};
	hook_post(n->hook, &request, on_answer, find(n, "alertmanager", url));
}

void notifier_renew(struct notifier *n, const struct frame *f)
{
	struct arena *arena = arena_new();
	struct message_renew m;
	struct conf_receiver to;
	struct notice *list = NULL;
	struct error err;
	size_t count;
	if (shape_decode(&message_renew_shape, SHAPE_STRICT, f->body, f->len, arena, &m, &err) !=
		0 ||
	    shape_decode(&receiver_shape, SHAPE_STRICT, m.receiver, strlen(m.receiver), arena, &to,
			 &err) != 0 ||
	    (list = notifier_list(m.notices, arena, &count, &err)) == NULL)
		log_error("alertmanager", "a malformed frame: %s", err.text);
	for (size_t i = 0; list != NULL && i < to.n_urls; i++) {
		const struct render_place place = {.url = to.urls[i], .now = clock_now()};
		struct render_request r;
		render_request(&list[0], list, count, &to, &place, arena, &r);
		post(n, to.urls[i], to.ca_file, &r);
	}
	arena_free(arena);
}

void notifier_beat_end(struct notifier *n)
{
	struct beat *b, *next;
	LL_FOREACH_SAFE(n->beats, b, next)
	{
		free(b);
	}
}
