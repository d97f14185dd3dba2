/* SPDX-License-Identifier: ISC */
#include "curl_loop.h"

#include <event2/event.h>
#include <stdlib.h>

#include "log.h"
#include "mem.h"

struct curl_loop {
	struct event_base *base;
	CURLM *multi;
	struct event *timer;
	curl_loop_ended *ended;
};

/* An owner may begin and give up transfers, its own neighbours too: look anew each time. */
static void collect(struct curl_loop *l)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(l->multi, &left)) != NULL)
		if (message->msg == CURLMSG_DONE)
			l->ended(message->easy_handle, message->data.result);
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct curl_loop *l = arg;
	int running, mask = ((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0) |
			    ((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0);

	curl_multi_socket_action(l->multi, fd, mask, &running);
	collect(l);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct curl_loop *l = arg;
	int running;

	(void)fd, (void)what;
	curl_multi_socket_action(l->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(l);
}

static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_event)
{
	struct curl_loop *l = arg;
	struct event *event = socket_event;
	short mask =
	    (short)((what != CURL_POLL_OUT ? EV_READ : 0) | (what != CURL_POLL_IN ? EV_WRITE : 0));

	(void)easy;
	if (event != NULL)
		event_free(event);
	event = NULL;
	if (what != CURL_POLL_REMOVE) {
		event = event_new(l->base, fd, (short)(mask | EV_PERSIST), on_socket, l);
		event_add(event, NULL);
	}
	curl_multi_assign(l->multi, fd, event);
	return 0;
}

static int timer_wanted(CURLM *multi, long ms, void *arg)
{
	struct curl_loop *l = arg;
	const struct timeval after = {ms / 1000, (ms % 1000) * 1000};

	(void)multi;
	if (ms < 0)
		evtimer_del(l->timer);
	else
		evtimer_add(l->timer, &after);
	return 0;
}

struct curl_loop *curl_loop_new(struct event_base *base, curl_loop_ended *ended)
{
	struct curl_loop *l = mem_alloc(sizeof(*l));

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		log_fatal("curl", "libcurl does not start");
	l->base = base;
	l->ended = ended;
	l->timer = evtimer_new(base, on_timer, l);
	l->multi = curl_multi_init();
	if (l->multi == NULL || l->timer == NULL)
		log_fatal("curl", "libcurl does not start");
	curl_multi_setopt(l->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
	curl_multi_setopt(l->multi, CURLMOPT_SOCKETDATA, l);
	curl_multi_setopt(l->multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
	curl_multi_setopt(l->multi, CURLMOPT_TIMERDATA, l);
	return l;
}

void curl_loop_free(struct curl_loop *l)
{
	curl_multi_cleanup(l->multi);
	event_free(l->timer);
	curl_global_cleanup();
	free(l);
}

void curl_loop_begin(struct curl_loop *l, CURL *easy)
{
	curl_multi_add_handle(l->multi, easy);
}

void curl_loop_give_up(struct curl_loop *l, CURL *easy)
{
	curl_multi_remove_handle(l->multi, easy);
	curl_easy_cleanup(easy);
}
